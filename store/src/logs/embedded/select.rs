//! Which indices a request means, and whether its scope reaches them. The one place where that is decided.
//!
//! *Invariant*: a scope is narrowed to what a call is about to do ([`check_right`]) before it is held against names, so
//! that a grant to read gives no reach for writing. It is held against the names of indices, after aliases, data streams
//! and wildcards were resolved; an alias gives no reach of its own.

use super::{
    catalog::Names,
    names::check_index_name,
    registry::{Registry, Slot},
};
use crate::{
    ErrorKind, StoreError,
    logs::IndicesOptions,
    scope::{IndexRight, Scope, wildcard_match},
};
use serde_json::{Value, json};
use std::{borrow::Cow, collections::BTreeMap, sync::Arc};

/// Longest list of names and patterns.
const PATTERNS_MAX: usize = 1_000;

/// The caller's reach for that purpose. Refuses a caller that may not do it at all.
#[must_use = "only the reach that it gives back is held against names"]
pub(super) fn check_right(scope: &Scope, right: IndexRight) -> Result<Cow<'_, Scope>, StoreError> {
    let verb = match right {
        IndexRight::Read => "read",
        IndexRight::Write => "write",
        IndexRight::Manage => "manage",
        IndexRight::Any => "use",
    };
    if scope.allows(right) {
        return Ok(scope.narrowed_to(right));
    }
    Err(StoreError::new(ErrorKind::Forbidden, format!("\"{}\" may not {verb} logs", scope.subject())))
}

/// Refuses an index out of reach.
pub(super) fn check_reach(scope: &Scope, index: &str) -> Result<(), StoreError> {
    if scope.reaches_index(index) {
        return Ok(());
    }
    let message = format!("\"{}\" has no access to index \"{index}\"", scope.subject());
    Err(StoreError::new(ErrorKind::Forbidden, message))
}

/// The error for an index that is not there.
pub(super) fn no_such_index(index: &str) -> StoreError {
    StoreError::new(ErrorKind::NotFound, format!("no such index [{index}]"))
        .with_code("index_not_found_exception")
}

/// The error for an index that is closed.
pub(super) fn closed(index: &str) -> StoreError {
    StoreError::invalid(format!("closed index [{index}]")).with_code("index_closed_exception")
}

/// An index that a request means.
#[derive(Clone)]
pub(super) struct Target {
    pub(super) slot: Arc<Slot>,
    /// What the aliases that led to it narrow it to (query DSL); `None`: it is meant whole.
    pub(super) filter: Option<Value>,
}

/// Filters gathered on the way to an index; `None` once it is meant whole.
type Filters = Option<Vec<Value>>;

/// The indices that the names and patterns mean, by name. None: all. A name or pattern after `-` takes away what came
/// before. Wildcards leave out what the scope does not reach, and hidden indices and those whose name starts with a dot
/// unless the pattern does too.
pub(super) fn select(
    registry: &Registry,
    names: &Names,
    scope: &Scope,
    patterns: &[String],
    options: IndicesOptions,
) -> Result<Vec<Target>, StoreError> {
    if patterns.len() > PATTERNS_MAX {
        return Err(StoreError::invalid(format!("more than {PATTERNS_MAX} index names in one request")));
    }
    let mut selection = Selection { registry, names, scope, options, selected: BTreeMap::new() };
    let parts: Vec<&str> = patterns.iter().flat_map(|p| p.split(',')).filter(|p| !p.is_empty()).collect();
    if parts.len() > PATTERNS_MAX {
        return Err(StoreError::invalid(format!("more than {PATTERNS_MAX} index names in one request")));
    }
    if parts.is_empty() {
        selection.add_pattern("*")?;
    }
    let mut after_wildcard = false;
    for part in &parts {
        let pattern = if *part == "_all" { "*" } else { part };
        match pattern.strip_prefix('-').filter(|_| after_wildcard) {
            Some(excluded) => selection.selected.retain(|name, _| !wildcard_match(excluded, name)),
            None if pattern.contains('*') => {
                after_wildcard = true;
                selection.add_pattern(pattern)?;
            }
            None => selection.add_name(pattern)?,
        }
    }
    if selection.selected.is_empty() && !options.allow_no_indices {
        return Err(no_such_index(parts.first().copied().unwrap_or("_all")));
    }
    Ok(selection.finish())
}

struct Selection<'a> {
    registry: &'a Registry,
    names: &'a Names,
    scope: &'a Scope,
    options: IndicesOptions,
    selected: BTreeMap<String, (Arc<Slot>, Filters)>,
}

impl Selection<'_> {
    fn finish(self) -> Vec<Target> {
        let one = |mut filters: Vec<Value>| match filters.len() {
            1 => filters.pop(),
            _ => Some(json!({"bool": {"should": filters, "minimum_should_match": 1}})),
        };
        self.selected
            .into_values()
            .map(|(slot, filters)| Target { slot, filter: filters.and_then(one) })
            .collect()
    }

    fn add(&mut self, slot: Arc<Slot>, filter: Option<Value>) {
        let name = slot.identity.name.clone();
        let filters = self.selected.entry(name).or_insert_with(|| (slot, Some(Vec::new())));
        match (filter, &mut filters.1) {
            (None, whole) => *whole = None,
            (Some(filter), Some(list)) => list.push(filter),
            (Some(_), None) => {}
        }
    }

    fn is_wanted(&self, slot: &Slot) -> bool {
        if slot.settings().closed { self.options.expand_closed } else { self.options.expand_open }
    }

    fn add_pattern(&mut self, pattern: &str) -> Result<(), StoreError> {
        let before = self.selected.len();
        let dotted = pattern.starts_with('.');
        let shows = |name: &str, hidden: bool| {
            let out_of_sight = hidden || name.starts_with('.');
            (!out_of_sight || self.options.expand_hidden || (dotted && name.starts_with('.')))
                && wildcard_match(pattern, name)
        };
        let mut found: Vec<(Arc<Slot>, Option<Value>)> = Vec::new();
        for slot in self.registry.all() {
            let name = &slot.identity.name;
            if wildcard_match(pattern, name)
                && shows(name, slot.settings().settings.is_on("index.hidden"))
                && self.names.stream_of(name).is_none_or(|_| dotted || self.options.expand_hidden)
            {
                found.push((slot, None));
            }
        }
        for (alias, indices) in &self.names.aliases {
            let hidden = indices.values().any(|alias| alias.is_hidden == Some(true));
            if shows(alias, hidden) {
                found.extend(
                    indices
                        .iter()
                        .filter_map(|(index, alias)| Some((self.registry.get(index)?, alias.filter.clone()))),
                );
            }
        }
        for (name, stream) in &self.names.data_streams {
            if shows(name, stream.hidden) {
                found.extend(
                    stream.indices.iter().filter_map(|index| Some((self.registry.get(index)?, None))),
                );
            }
        }
        for (slot, filter) in found {
            if self.scope.reaches_index(&slot.identity.name) && self.is_wanted(&slot) {
                // Asked for together with the open ones, where only these will do.
                if slot.settings().closed && self.options.forbid_closed && !self.options.ignore_unavailable {
                    return Err(closed(&slot.identity.name));
                }
                self.add(slot, filter);
            }
        }
        if self.selected.len() == before
            && !self.options.allow_no_indices
            && !pattern_is_covered(self, pattern)
        {
            return Err(no_such_index(pattern));
        }
        Ok(())
    }

    fn add_name(&mut self, name: &str) -> Result<(), StoreError> {
        let found = match self.registry.get(name) {
            Some(slot) => vec![(slot, None)],
            None => self.behind(name),
        };
        if found.is_empty() {
            if self.options.ignore_unavailable {
                return Ok(());
            }
            if name.starts_with('_') {
                check_index_name(name)?;
            }
            // Whether it exists is not for everyone to know.
            check_reach(self.scope, name)?;
            return Err(no_such_index(name));
        }
        for (slot, filter) in found {
            check_reach(self.scope, &slot.identity.name)?;
            if slot.settings().closed && self.options.forbid_closed {
                if self.options.ignore_unavailable {
                    continue;
                }
                return Err(closed(&slot.identity.name));
            }
            self.add(slot, filter);
        }
        Ok(())
    }

    /// The indices behind an alias or data stream.
    fn behind(&self, name: &str) -> Vec<(Arc<Slot>, Option<Value>)> {
        if let Some(stream) = self.names.data_streams.get(name) {
            return stream
                .indices
                .iter()
                .filter_map(|index| Some((self.registry.get(index)?, None)))
                .collect();
        }
        let indices = self.names.aliases.get(name).into_iter().flatten();
        indices.filter_map(|(index, alias)| Some((self.registry.get(index)?, alias.filter.clone()))).collect()
    }
}

/// Whether what the pattern matches was selected before.
fn pattern_is_covered(selection: &Selection<'_>, pattern: &str) -> bool {
    selection.selected.keys().any(|name| wildcard_match(pattern, name))
}
