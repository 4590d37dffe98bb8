//! `_aliases`: a list of actions, all or none.
//!
//! Source: Elasticsearch reference, "Aliases" (`POST _aliases`).

use super::{
    catalog::{Alias, Names},
    engine::Engine,
    names::RESERVED,
    registry::Slot,
    select::{check_reach, no_such_index},
    target::text_of,
};
use crate::{
    ErrorKind, StoreError,
    logs::{IndicesOptions, dsl::parse_query},
    scope::{Scope, wildcard_match},
};
use serde_json::{Map, Value, json};
use std::{collections::BTreeMap, sync::Arc};

/// Most actions of one request.
const ACTIONS_MAX: usize = 10_000;
const KEYS: &[&str] = &[
    "index",
    "indices",
    "alias",
    "aliases",
    "filter",
    "routing",
    "index_routing",
    "index-routing",
    "search_routing",
    "search-routing",
    "is_write_index",
    "is_hidden",
    "must_exist",
];

impl Alias {
    /// Reads what an alias says, as `_aliases` and the creation of an index take it.
    pub(super) fn parse(body: &Value) -> Result<Self, StoreError> {
        let routing = text_of(body, "routing");
        let switch = |name: &str| match body.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::Bool(truth)) => Ok(Some(*truth)),
            Some(Value::String(text)) if text == "true" || text == "false" => Ok(Some(text == "true")),
            Some(other) => Err(StoreError::invalid(format!("cannot read [{name}] from {other}"))),
        };
        let filter =
            body.get("filter").filter(|filter| filter.as_object().is_some_and(|f| !f.is_empty())).cloned();
        if let Some(filter) = &filter {
            parse_query(filter)?;
        }
        let index_routing = text_of(body, "index_routing").or_else(|| text_of(body, "index-routing"));
        if index_routing.as_ref().is_some_and(|routing| routing.contains(',')) {
            let routing = index_routing.unwrap_or_default();
            return Err(StoreError::invalid(format!(
                "alias has several index routing values associated with it: [{routing}]"
            )));
        }
        Ok(Self {
            filter,
            index_routing: index_routing.or_else(|| routing.clone()),
            search_routing: text_of(body, "search_routing")
                .or_else(|| text_of(body, "search-routing"))
                .or(routing),
            is_write_index: switch("is_write_index")?,
            is_hidden: switch("is_hidden")?,
        })
    }

    /// As Elasticsearch shows it.
    pub(super) fn to_json(&self) -> Value {
        let mut out = Map::new();
        let members = [
            ("filter", self.filter.clone()),
            ("index_routing", self.index_routing.as_ref().map(|routing| json!(routing))),
            ("search_routing", self.search_routing.as_ref().map(|routing| json!(routing))),
            ("is_write_index", self.is_write_index.map(Value::Bool)),
            ("is_hidden", self.is_hidden.map(Value::Bool)),
        ];
        out.extend(members.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))));
        Value::Object(out)
    }
}

impl Engine {
    /// Adds an alias of an index to the names.
    pub(super) fn add_alias(
        &self,
        names: &mut Names,
        index: &str,
        alias: &str,
        body: &Value,
    ) -> Result<(), StoreError> {
        check_alias_name(alias)?;
        if self.registry.get(alias).is_some() || alias == index || names.data_streams.contains_key(alias) {
            let message =
                format!("Invalid alias name [{alias}], an index exists with the same name as the alias");
            return Err(StoreError::invalid(message).with_code("invalid_alias_name_exception"));
        }
        let parsed = Alias::parse(body)?;
        let indices = names.aliases.entry(alias.to_owned()).or_default();
        let other = indices.iter().find(|(name, alias)| *name != index && alias.is_write_index == Some(true));
        if let (Some((other, _)), Some(true)) = (other, parsed.is_write_index) {
            return Err(StoreError::new(
                ErrorKind::Internal,
                format!("alias [{alias}] has more than one write index [{other},{index}]"),
            )
            .with_code("illegal_state_exception"));
        }
        indices.insert(index.to_owned(), parsed);
        Ok(())
    }

    /// Runs the actions.
    pub(super) fn update_aliases(&self, scope: &Scope, body: &Value) -> Result<(), StoreError> {
        let actions = body.get("actions").and_then(Value::as_array);
        let actions = actions.filter(|actions| !actions.is_empty()).ok_or_else(|| {
            StoreError::invalid("No action specified").with_code("illegal_argument_exception")
        })?;
        if actions.len() > ACTIONS_MAX {
            return Err(StoreError::invalid(format!("more than {ACTIONS_MAX} actions in one request")));
        }
        let removed = self.registry.exclusively(|| {
            self.catalog.change(|names| {
                let mut removed = Vec::new();
                // Removals of indices first: a name may pass from an index to an alias.
                for action in actions.iter().filter_map(|action| action.get("remove_index")) {
                    for slot in self.indices_of(scope, names, action)? {
                        removed.push(slot.identity.name.clone());
                    }
                }
                for action in actions {
                    self.run_action(scope, names, action, &removed)?;
                }
                removed.iter().for_each(|name| names.forget(name));
                names.removing.extend(removed.iter().cloned());
                Ok(removed)
            })
        })?;
        removed.iter().try_for_each(|name| self.remove_index(name).map(drop))
    }

    fn run_action(
        &self,
        scope: &Scope,
        names: &mut Names,
        action: &Value,
        removed: &[String],
    ) -> Result<(), StoreError> {
        let (verb, body) = action
            .as_object()
            .and_then(|action| action.iter().next())
            .ok_or_else(|| StoreError::invalid("an action is an object with one member"))?;
        if let Some(unknown) =
            body.as_object().into_iter().flat_map(Map::keys).find(|key| !KEYS.contains(&key.as_str()))
        {
            let message = format!("[{verb}] unknown field [{unknown}]");
            return Err(StoreError::invalid(message).with_code("x_content_parse_exception"));
        }
        match verb.as_str() {
            "add" => {
                let aliases = list_of(body, "alias", "aliases")?;
                // Who reads or writes by that name must not be led elsewhere by those who do not manage it.
                aliases.iter().try_for_each(|alias| check_reach(scope, alias))?;
                for slot in self.indices_of(scope, names, body)? {
                    for alias in &aliases {
                        self.add_alias_beside(names, &slot.identity.name, alias, body, removed)?;
                    }
                }
                Ok(())
            }
            "remove" => self.remove_aliases(scope, names, body),
            "remove_index" => Ok(()),
            other => {
                let message = format!("[aliases] unknown field [{other}]");
                Err(StoreError::invalid(message).with_code("x_content_parse_exception"))
            }
        }
    }

    /// Adds an alias, perhaps of the name of an index that goes with the same request.
    fn add_alias_beside(
        &self,
        names: &mut Names,
        index: &str,
        alias: &str,
        body: &Value,
        removed: &[String],
    ) -> Result<(), StoreError> {
        if removed.iter().any(|name| name == alias) {
            check_alias_name(alias)?;
            let parsed = Alias::parse(body)?;
            names.aliases.entry(alias.to_owned()).or_default().insert(index.to_owned(), parsed);
            return Ok(());
        }
        self.add_alias(names, index, alias, body)
    }

    fn remove_aliases(&self, scope: &Scope, names: &mut Names, body: &Value) -> Result<(), StoreError> {
        let patterns = list_of(body, "alias", "aliases")?;
        let must_exist = body.get("must_exist").and_then(Value::as_bool);
        let indices: Vec<String> =
            self.indices_of(scope, names, body)?.iter().map(|slot| slot.identity.name.clone()).collect();
        let mut found = false;
        let matches =
            |name: &str| patterns.iter().any(|pattern| pattern == "_all" || wildcard_match(pattern, name));
        for (_, holders) in names.aliases.iter_mut().filter(|(name, _)| matches(name)) {
            let before = holders.len();
            holders.retain(|index, _| !indices.contains(index));
            found |= holders.len() != before;
        }
        names.aliases.retain(|_, holders| !holders.is_empty());
        if !found && must_exist != Some(false) {
            return Err(aliases_missing(&patterns));
        }
        Ok(())
    }

    /// The indices that an action names.
    fn indices_of(&self, scope: &Scope, names: &Names, body: &Value) -> Result<Vec<Arc<Slot>>, StoreError> {
        let patterns = list_of(body, "index", "indices")?;
        let options = IndicesOptions { allow_no_indices: false, ..IndicesOptions::ADMIN };
        let targets = super::select::select(&self.registry, names, scope, &patterns, options)?;
        targets
            .into_iter()
            .map(|target| {
                check_reach(scope, &target.slot.identity.name)?;
                if self.registry.get(&target.slot.identity.name).is_none() {
                    return Err(no_such_index(&target.slot.identity.name));
                }
                Ok(target.slot)
            })
            .collect()
    }

    /// The aliases that reach an index within the scope.
    pub(super) fn aliases_within(&self, scope: &Scope) -> BTreeMap<String, Vec<String>> {
        let names = self.catalog.names();
        let reached = |(alias, indices): (&String, &BTreeMap<String, Alias>)| {
            let live = |index: &&String| scope.reaches_index(index) && self.registry.get(index).is_some();
            let live: Vec<String> = indices.keys().filter(live).cloned().collect();
            (!live.is_empty()).then(|| (alias.clone(), live))
        };
        names.aliases.iter().filter_map(reached).collect()
    }
}

/// The error for aliases that are not there.
fn aliases_missing(names: &[String]) -> StoreError {
    let message = format!("aliases [{}] missing", names.join(","));
    StoreError::new(ErrorKind::NotFound, message).with_code("aliases_not_found_exception")
}

fn check_alias_name(alias: &str) -> Result<(), StoreError> {
    let bad = alias.is_empty()
        || RESERVED.contains(&alias)
        || alias.len() > 255
        || alias.starts_with(['-', '_', '+'])
        || alias.contains(['\\', '/', '*', '?', '"', '<', '>', '|', ' ', ',', '#', ':'])
        || alias == "."
        || alias == "..";
    if bad {
        let message = format!("Invalid alias name [{}]", alias.escape_debug());
        return Err(StoreError::invalid(message).with_code("invalid_alias_name_exception"));
    }
    Ok(())
}

/// One name, a list of names, or names with commas.
fn list_of(body: &Value, one: &str, many: &str) -> Result<Vec<String>, StoreError> {
    let given = body.get(one).or_else(|| body.get(many));
    let list: Vec<String> = match given {
        Some(Value::String(names)) => names.split(',').map(|name| name.trim().to_owned()).collect(),
        Some(Value::Array(names)) => {
            names.iter().filter_map(|name| name.as_str().map(str::to_owned)).collect()
        }
        _ => Vec::new(),
    };
    if list.iter().any(|name| !name.is_empty()) {
        return Ok(list);
    }
    let message = format!("One of [{one}] or [{many}] is required");
    Err(StoreError::invalid(message))
}
