//! Where a write goes: through an alias or data stream, or into an index that is made for it.

use super::{
    blocks::{Access, check_blocks},
    engine::Engine,
    index::IndexOptions,
    names::check_index_name,
    registry::Slot,
    select::{check_reach, closed, no_such_index},
    settings::Settings,
    shards::Shards,
    templates::Composed,
    write::Clock,
};
use crate::{
    ErrorKind, StoreError,
    logs::Destination,
    scope::{IndexRight, Scope},
};
use event::{Event, Operation};
use serde_json::Value;
use std::sync::Arc;
use uuid::Uuid;

/// What holds for all writes of a batch to one name.
#[derive(Debug, Clone, Default)]
pub(super) struct WriteRules {
    /// The name, where it is not that of an alias.
    not_an_alias: Option<String>,
    /// The routing that the alias gives.
    pub(super) routing: Option<String>,
    /// The name is that of a data stream.
    is_stream: bool,
    /// How the index spreads routings.
    pub(super) shards: Shards,
    /// The caller does not see all of the documents that it changes.
    pub(super) is_blind: bool,
}

impl WriteRules {
    /// Refuses a write that they exclude.
    pub(super) fn check(&self, event: &Event) -> Result<(), StoreError> {
        if let Some(name) = self.not_an_alias.as_ref().filter(|_| requires_alias(event)) {
            return Err(alias_required(name));
        }
        let has_script = event.metadata.options.as_ref().is_some_and(|options| options.script.is_some());
        if has_script && self.is_blind {
            let message = "an update by script reads the whole document, which the caller may not";
            return Err(StoreError::new(ErrorKind::Forbidden, message).with_code("security_exception"));
        }
        if self.is_stream && event.metadata.operation != Operation::Create {
            return Err(StoreError::invalid(
                "only write ops with an op_type of create are allowed in data streams",
            ));
        }
        Ok(())
    }
}

fn requires_alias(event: &Event) -> bool {
    event.metadata.options.as_ref().is_some_and(|options| options.require_alias)
}

fn alias_required(name: &str) -> StoreError {
    let message = format!(
        "no such index [{name}] and [require_alias] request flag is [true] and [{name}] is not an alias"
    );
    StoreError::new(ErrorKind::NotFound, message).with_code("index_not_found_exception")
}

/// What an index, or a data stream, is made of.
pub(super) struct Plan {
    pub(super) composed: Composed,
    /// Its name as the client gave it.
    pub(super) name: String,
}

impl Engine {
    /// The index that a write to that name goes to, made if it must be, and what holds for the writes.
    pub(super) fn write_target(
        &self,
        scope: &Scope,
        name: &str,
        events: &[&Event],
        now: Clock,
    ) -> Result<(Arc<Slot>, WriteRules), StoreError> {
        let names = self.catalog.names();
        let mut rules = WriteRules::default();
        let slot = if let Some(slot) = self.registry.get(name) {
            rules.not_an_alias = Some(name.to_owned());
            slot
        } else if let Some(indices) = names.aliases.get(name) {
            let live = indices.iter().filter_map(|(index, alias)| Some((self.registry.get(index)?, alias)));
            let (slot, alias) = write_index(name, live.collect())?;
            rules.routing = alias.index_routing.clone();
            slot
        } else if names.data_streams.contains_key(name) {
            rules.is_stream = true;
            self.stream_write_index(name)?
        } else {
            check_index_name(name)?;
            check_reach(scope, name)?;
            if events.iter().all(|event| requires_alias(event)) {
                return Err(alias_required(name));
            }
            let makes = |event: &&Event| {
                let external =
                    event.metadata.options.as_ref().is_some_and(|options| options.version.is_some());
                event.metadata.operation != Operation::Delete || external
            };
            if !events.iter().any(makes) {
                return Err(no_such_index(name));
            }
            rules.not_an_alias = Some(name.to_owned());
            let composed = self.templates.compose_for(name)?;
            if composed.data_stream.is_some() {
                rules.is_stream = true;
                self.create_stream(name, composed, now.now_ms)?;
                self.stream_write_index(name)?
            } else {
                self.make_index(Plan { composed, name: name.to_owned() }, now.now_ms)?.0
            }
        };
        check_reach(scope, &slot.identity.name)?;
        check_writable(&slot)?;
        rules.shards = Shards::of(&slot.settings().settings);
        // A script could copy what is hidden to where it is not, and whether an update changes anything tells what is there.
        rules.is_blind = !scope.may(IndexRight::Read, &slot.identity.name)
            || scope.filter().is_some()
            || scope.masks_anything();
        Ok((slot, rules))
    }

    /// Where writes to that name go, and through which pipelines.
    pub(super) fn destination(&self, name: &str) -> Result<Destination, StoreError> {
        let names = self.catalog.names();
        let behind = || {
            let indices = names.aliases.get(name)?;
            let marked = indices.iter().find(|(_, alias)| alias.is_write_index == Some(true));
            let (index, alias) = marked.or_else(|| indices.iter().next())?;
            Some((self.registry.get(index)?, alias.index_routing.clone()))
        };
        let own = || Some((self.registry.get(name)?, None));
        let of_stream = || Some((self.stream_write_index(name).ok()?, None));
        let of = |index: &str, routing: Option<String>, settings: &Settings| Destination {
            index: index.to_owned(),
            routing,
            default_pipeline: settings.text("index.default_pipeline").map(str::to_owned),
            final_pipeline: settings.text("index.final_pipeline").map(str::to_owned),
        };
        match own().or_else(behind).or_else(of_stream) {
            Some((slot, routing)) => Ok(of(&slot.identity.name, routing, &slot.settings().settings)),
            None => Ok(of(name, None, &self.templates.compose_for(name)?.settings)),
        }
    }

    /// The one index that a name means, for reading a document.
    pub(super) fn single(&self, scope: &Scope, name: &str) -> Result<Arc<Slot>, StoreError> {
        let slots = self.slots(scope, &[name.to_owned()], crate::logs::IndicesOptions::default())?;
        match slots.as_slice() {
            [slot] => Ok(slot.clone()),
            [] => Err(no_such_index(name)),
            many => {
                let names: Vec<&str> = many.iter().map(|slot| slot.identity.name.as_str()).collect();
                Err(StoreError::invalid(format!(
                    "alias [{name}] has more than one index associated with it [{}], can't execute a single index op",
                    names.join(", ")
                )))
            }
        }
    }

    /// Makes an index, if there is none of the name, and whether it did.
    pub(super) fn make_index(&self, plan: Plan, now_ms: i64) -> Result<(Arc<Slot>, bool), StoreError> {
        let Plan { composed, name } = plan;
        check_index_name(&name)?;
        let mapping = composed.mapping()?;
        let mut settings = composed.settings.clone();
        settings.set_default("index.number_of_shards", "1");
        settings.set_default("index.number_of_replicas", "1");
        self.registry.get_or_create(&name, now_ms, || {
            self.catalog.change(|names| {
                if names.aliases.contains_key(&name) || names.data_streams.contains_key(&name) {
                    let message = format!("Invalid index name [{name}], already exists as alias");
                    return Err(StoreError::invalid(message).with_code("invalid_index_name_exception"));
                }
                // What an index of the name had before it was removed.
                names.aliases.values_mut().for_each(|indices| drop(indices.remove(&name)));
                names.aliases.retain(|_, indices| !indices.is_empty());
                for (alias, body) in &composed.aliases {
                    self.add_alias(names, &name, alias, body)?;
                }
                Ok(())
            })?;
            Ok((mapping, IndexOptions { settings, ..IndexOptions::default() }))
        })
    }

    /// Removes an index and its names; whether there was one. The names go first: a write by an alias in between must not
    /// find it leading nowhere.
    pub(super) fn remove_index(&self, name: &str) -> Result<bool, StoreError> {
        self.catalog.change(|names| {
            if names.lead_to(name) {
                names.forget(name);
                names.removing.push(name.to_owned());
            }
            Ok(())
        })?;
        let removed = self.registry.delete(name, &self.wal)?;
        self.catalog.change(|names| {
            names.removing.retain(|removing| removing != name);
            Ok(())
        })?;
        Ok(removed)
    }

    /// Removes what a change of aliases was to remove when a crash came.
    pub(super) fn finish_removals(&self) -> Result<(), StoreError> {
        for name in &self.catalog.names().removing {
            self.remove_index(name)?;
        }
        Ok(())
    }
}

/// The index behind an alias that is written to.
fn write_index<'a>(
    alias: &str,
    mut indices: Vec<(Arc<Slot>, &'a super::catalog::Alias)>,
) -> Result<(Arc<Slot>, &'a super::catalog::Alias), StoreError> {
    if let Some(marked) = indices.iter().position(|(_, alias)| alias.is_write_index == Some(true)) {
        return Ok(indices.swap_remove(marked));
    }
    match indices.pop() {
        Some(only) if indices.is_empty() && only.1.is_write_index != Some(false) => Ok(only),
        None => Err(no_such_index(alias)),
        _ => Err(StoreError::invalid(format!(
            "no write index is defined for alias [{alias}]. The write index may be explicitly disabled using \
             is_write_index=false or the alias points to multiple indices without one being designated as a write \
             index"
        ))),
    }
}

fn check_writable(slot: &Slot) -> Result<(), StoreError> {
    if slot.settings().closed {
        return Err(closed(&slot.identity.name));
    }
    check_blocks(slot, Access::Write)
}

/// Names an index for errors that also tell which of its name it is.
pub(super) fn full_name(name: &str, uuid: &Uuid) -> String {
    format!("{name}/{}", short_uuid(uuid))
}

/// A uuid as Elasticsearch writes it: 22 letters.
pub(super) fn short_uuid(uuid: &Uuid) -> String {
    use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
    URL_SAFE_NO_PAD.encode(uuid.as_bytes())
}

/// The error for an index that exists. It names the index beside the sentence, too: several Kibanas that start at once
/// tell by it who migrates.
pub(super) fn exists_already(slot: &Slot) -> StoreError {
    let (name, uuid) = (&slot.identity.name, &slot.identity.uuid);
    let message = format!("index [{}] already exists", full_name(name, uuid));
    let mut error = StoreError::invalid(message).with_code("resource_already_exists_exception");
    let details = error.details.get_or_insert_default();
    details.insert("index_uuid".to_owned(), short_uuid(uuid).into());
    details.insert("index".to_owned(), name.as_str().into());
    error
}

/// A text member of a JSON body; numbers and booleans count as texts.
pub(super) fn text_of(body: &Value, name: &str) -> Option<String> {
    match body.get(name)? {
        Value::String(text) => Some(text.clone()),
        Value::Null => None,
        other => Some(other.to_string()),
    }
}
