//! Which indices a request means, and whether its scope reaches them. The one place where that is decided.

use super::registry::{Registry, Slot};
use crate::{
    ErrorKind, StoreError,
    scope::{Scope, wildcard_match},
};
use std::{collections::BTreeMap, sync::Arc};

/// Longest list of names and patterns.
const PATTERNS_MAX: usize = 1_000;

/// What a caller wants to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Right {
    Read,
    Write,
    Manage,
    /// Any of them: for what only names things.
    Any,
}

/// Refuses a caller that may not do that at all.
pub(super) fn check_right(scope: &Scope, right: Right) -> Result<(), StoreError> {
    let (allowed, verb) = match right {
        Right::Read => (scope.can_read(), "read"),
        Right::Write => (scope.can_write(), "write"),
        Right::Manage => (scope.can_manage(), "manage"),
        Right::Any => (scope.can_read() || scope.can_write() || scope.can_manage(), "use"),
    };
    if allowed {
        return Ok(());
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
    StoreError::new(ErrorKind::NotFound, format!("no such index \"{index}\""))
}

/// The indices that the names and patterns mean, by name. None: all. A name or pattern after `-` takes away what came
/// before. Wildcards leave out what the scope does not reach, and indices whose name starts with a dot unless the
/// pattern does too.
pub(super) fn select(
    registry: &Registry,
    scope: &Scope,
    patterns: &[String],
    ignore_unavailable: bool,
) -> Result<Vec<Arc<Slot>>, StoreError> {
    if patterns.len() > PATTERNS_MAX {
        return Err(StoreError::invalid(format!("more than {PATTERNS_MAX} index names in one request")));
    }
    let all = registry.all();
    let mut selected: BTreeMap<&str, &Arc<Slot>> = BTreeMap::new();
    let everything = ["*"];
    let parts: Vec<&str> = match patterns {
        [] => everything.to_vec(),
        patterns => {
            patterns.iter().flat_map(|pattern| pattern.split(',')).filter(|p| !p.is_empty()).collect()
        }
    };
    for part in parts {
        let pattern = if part == "_all" { "*" } else { part };
        if let Some(excluded) = pattern.strip_prefix('-') {
            selected.retain(|name, _| !wildcard_match(excluded, name));
        } else if pattern.contains('*') {
            let hidden = pattern.starts_with('.');
            let matching = all.iter().filter(|slot| {
                let name = slot.identity.name.as_str();
                (hidden || !name.starts_with('.'))
                    && wildcard_match(pattern, name)
                    && scope.reaches_index(name)
            });
            selected.extend(matching.map(|slot| (slot.identity.name.as_str(), slot)));
        } else {
            check_reach(scope, pattern)?;
            match all.iter().find(|slot| slot.identity.name == pattern) {
                Some(slot) => drop(selected.insert(&slot.identity.name, slot)),
                None if ignore_unavailable => {}
                None => return Err(no_such_index(pattern)),
            }
        }
    }
    Ok(selected.into_values().cloned().collect())
}
