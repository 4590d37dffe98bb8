//! Lifecycle policies: when the indices that name one are rolled over, and when they are removed.
//!
//! The age of an index counts from its creation. What a policy says of shrinking, freezing or allocating is kept and
//! shown, but there is nothing to do for it on one node.
//!
//! What a policy says is done with the service's own reach, not with that of who has configured it: only who manages all
//! indices can install a policy. Who manages but some can name one in the settings of theirs, and so have just these rolled
//! over (to the name that counts up from theirs, by an alias that leads to them) and removed.
//!
//! Source: Elasticsearch reference, "Index lifecycle management APIs", "Index lifecycle actions".

use super::{
    data_streams::{duration_ms, size_bytes},
    engine::Engine,
    registry::Slot,
};
use crate::{
    StoreError,
    logs::{Rollover, TemplateKind},
    scope::Scope,
};
use event::Object;
use serde_json::{Value, json};
use std::sync::Arc;

/// The phases in their order.
const PHASES: [&str; 5] = ["hot", "warm", "cold", "frozen", "delete"];

/// What of a policy has an effect here.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Policy {
    /// The conditions under which an index is rolled over; any of them is enough.
    rollover: Option<Object>,
    /// The age from which an index is removed, in milliseconds.
    delete_after_ms: Option<i64>,
}

impl Policy {
    /// Reads `{"policy": {"phases": …}}`.
    pub(super) fn parse(body: &Value) -> Result<Self, StoreError> {
        let bad = |reason: String| StoreError::invalid(reason).with_code("x_content_parse_exception");
        let policy = body.get("policy").and_then(Value::as_object);
        let policy = policy.ok_or_else(|| bad("[put_lifecycle_request] [policy] is missing".to_owned()))?;
        if let Some(unknown) =
            policy.keys().find(|key| !matches!(key.as_str(), "phases" | "_meta" | "deprecated"))
        {
            return Err(bad(format!("[lifecycle_policy] unknown field [{unknown}]")));
        }
        let phases = policy.get("phases").and_then(Value::as_object);
        let phases = phases.ok_or_else(|| bad("[lifecycle_policy] [phases] is missing".to_owned()))?;
        let mut read = Self::default();
        for (name, phase) in phases {
            if !PHASES.contains(&name.as_str()) {
                return Err(StoreError::invalid(format!(
                    "Timeseries lifecycle does not support phase [{name}]"
                )));
            }
            let min_age_ms = match phase.get("min_age").and_then(Value::as_str) {
                None => 0,
                Some(text) => duration_ms(text)
                    .ok_or_else(|| bad(format!("[{name}] failed to parse field [min_age]: [{text}]")))?,
            };
            let actions = phase.get("actions").and_then(Value::as_object);
            match name.as_str() {
                "hot" => {
                    let rollover = actions.and_then(|actions| actions.get("rollover")?.as_object());
                    read.rollover = rollover.map(conditions).transpose()?;
                }
                "delete" if actions.is_some_and(|actions| actions.contains_key("delete")) => {
                    read.delete_after_ms = Some(min_age_ms);
                }
                _ => {}
            }
        }
        Ok(read)
    }
}

/// The conditions of `_rollover`; those on the one shard of an index are those on the index.
fn conditions(action: &Object) -> Result<Object, StoreError> {
    let mut out = Object::new();
    for (name, value) in action {
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let (name, is_readable) = match name.as_str() {
            "max_age" => ("max_age", duration_ms(&text).is_some()),
            "max_docs" | "max_primary_shard_docs" => ("max_docs", text.parse::<u64>().is_ok()),
            "max_size" | "max_primary_shard_size" => ("max_size", size_bytes(&text).is_some()),
            other => {
                let reason = format!("[rollover] unknown field [{other}]");
                return Err(StoreError::invalid(reason).with_code("x_content_parse_exception"));
            }
        };
        if !is_readable {
            return Err(StoreError::invalid(format!("failed to parse [{name}] of a rollover from [{text}]")));
        }
        out.insert(name.to_owned(), value.clone());
    }
    Ok(out)
}

impl Engine {
    /// Rolls over and removes what the policies say. To be called now and then.
    pub(super) fn follow_policies(&self) {
        let policies = self.templates.matching(TemplateKind::Lifecycle, "*");
        if policies.is_empty() {
            return;
        }
        let now_ms = self.now_ms();
        for slot in self.registry.all() {
            let Some(name) = policy_of(&slot) else { continue };
            let body = policies.iter().find(|(known, _)| *known == name).map(|(_, body)| body);
            let Some(Ok(policy)) = body.map(Policy::parse) else { continue };
            let is_written = self.rollover_target(&slot);
            match (&policy.rollover, is_written) {
                (Some(conditions), Some(target)) => self.roll_if_due(&target, conditions),
                (_, None) => self.remove_if_due(&slot, &policy, now_ms),
                // Without rollover, what is written ages as all else does; but a data stream keeps its last index.
                (None, Some(_)) if self.catalog.names().stream_of(&slot.identity.name).is_none() => {
                    self.remove_if_due(&slot, &policy, now_ms);
                }
                (None, Some(_)) => {}
            }
        }
    }

    /// The alias or data stream whose writes go to the index.
    fn rollover_target(&self, slot: &Slot) -> Option<String> {
        let index = &slot.identity.name;
        let names = self.catalog.names();
        if let Some(stream) = names.stream_of(index) {
            let last = names.data_streams.get(stream)?.indices.last();
            return (last == Some(index)).then(|| stream.to_owned());
        }
        let settings = slot.settings();
        let alias = settings.settings.text("index.lifecycle.rollover_alias")?.to_owned();
        let indices = names.aliases.get(&alias)?;
        let own = indices.get(index)?;
        (own.is_write_index == Some(true) || indices.len() == 1).then_some(alias)
    }

    fn roll_if_due(&self, target: &str, conditions: &Object) {
        let request = Rollover {
            target: target.to_owned(),
            new_index: None,
            body: json!({"conditions": conditions}),
            dry_run: false,
        };
        match self.rollover(&Scope::internal("lifecycle"), request) {
            Ok(outcome) if outcome.rolled_over => {
                tracing::info!(target = %target, index = %outcome.new_index, "rolled over by its lifecycle policy");
            }
            Ok(_) => {}
            Err(error) => {
                tracing::warn!(target = %target, %error, "cannot roll over as its lifecycle policy says")
            }
        }
    }

    fn remove_if_due(&self, slot: &Arc<Slot>, policy: &Policy, now_ms: i64) {
        let age_ms = now_ms.saturating_sub(slot.identity.created_at_ms);
        if policy.delete_after_ms.is_none_or(|after_ms| age_ms < after_ms) {
            return;
        }
        let name = &slot.identity.name;
        match self.remove_index(name) {
            Ok(_) => tracing::info!(index = %name, "index removed by its lifecycle policy"),
            Err(error) => tracing::warn!(index = %name, %error, "cannot remove an index that should go"),
        }
    }
}

/// The policy that an index names.
pub(super) fn policy_of(slot: &Slot) -> Option<String> {
    let settings = slot.settings();
    settings.settings.text("index.lifecycle.name").filter(|name| !name.is_empty()).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn policies_are_read() {
        let policy = Policy::parse(&json!({"policy": {"_meta": {"x": 1}, "phases": {
            "hot": {"actions": {"rollover": {"max_age": "30d", "max_primary_shard_size": "50gb"}}},
            "warm": {"min_age": "7d", "actions": {"forcemerge": {"max_num_segments": 1}}},
            "delete": {"min_age": "90d", "actions": {"delete": {}}}}}}))
        .unwrap();
        assert_eq!(policy.delete_after_ms, Some(90 * 86_400_000));
        assert_eq!(policy.rollover.map(Value::Object), Some(json!({"max_age": "30d", "max_size": "50gb"})));
        for (bad, part) in [
            (json!({}), "[policy] is missing"),
            (json!({"policy": {}}), "[phases] is missing"),
            (json!({"policy": {"phases": {"tepid": {}}}}), "phase [tepid]"),
            (json!({"policy": {"phases": {"delete": {"min_age": "soon"}}}}), "[soon]"),
            (json!({"policy": {"phases": {}, "x": 1}}), "unknown field [x]"),
            (json!({"policy": {"phases": {"hot": {"actions": {"rollover": {"max_age": 3}}}}}}), "max_age"),
        ] {
            let error = Policy::parse(&bad).unwrap_err();
            assert!(error.message.contains(part), "{}", error.message);
        }
    }
}
