//! Lifecycle policies: when the indices that name one are rolled over, and what becomes of them at which age.
//!
//! Of rolling over, making read-only, merging and removing is done what a policy says; what it says of priorities, allocation
//! and snapshots is kept and shown, but there is nothing to do for it on one node.
//!
//! What a policy says is done with the service's own reach, not with that of who has configured it: only who manages all
//! indices can install a policy. Who manages but some can name one in the settings of theirs, and so have just these rolled
//! over (to the name that counts up from theirs, by an alias that leads to them), made read-only, merged and removed.
//!
//! Source: Elasticsearch reference, "Index lifecycle management APIs", "Index lifecycle actions".

use super::{
    data_streams::{duration_ms, size_bytes},
    engine::Engine,
    lifecycle::{Ages, ages_since_ms},
    registry::Slot,
    target::text_of,
};
use crate::{
    StoreError,
    logs::{LifecycleState, Rollover, TemplateKind},
    scope::Scope,
};
use event::Object;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// The phases in their order.
const PHASES: [&str; 5] = ["hot", "warm", "cold", "frozen", "delete"];

/// The actions that policies know.
const ACTIONS: [&str; 12] = [
    "allocate",
    "delete",
    "forcemerge",
    "freeze",
    "migrate",
    "readonly",
    "rollover",
    "searchable_snapshot",
    "set_priority",
    "shrink",
    "unfollow",
    "wait_for_snapshot",
];
/// Those of them after which Elasticsearch takes no more writes for an index.
const READ_ONLY: [&str; 5] = ["forcemerge", "freeze", "readonly", "searchable_snapshot", "shrink"];

/// The policies that can be followed, by name.
pub(super) type Policies = BTreeMap<String, Policy>;

/// What of a policy has an effect here.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Policy {
    /// The conditions under which an index is rolled over; any of them is enough.
    rollover: Option<Object>,
    /// The phases that it has, in their order, with the age from which on an index is in them, in milliseconds.
    phases: Vec<(&'static str, i64)>,
    /// What becomes of an index. With a rollover: of one that has been rolled over.
    ages: Ages,
}

impl Policy {
    /// Reads `{"policy": {"phases": …}}`.
    pub(super) fn parse(body: &Value) -> Result<Self, StoreError> {
        let policy = body.get("policy").and_then(Value::as_object);
        let policy =
            policy.ok_or_else(|| unparsable("[put_lifecycle_request] [policy] is missing".to_owned()))?;
        if let Some(unknown) =
            policy.keys().find(|key| !matches!(key.as_str(), "phases" | "_meta" | "deprecated"))
        {
            return Err(unparsable(format!("[lifecycle_policy] unknown field [{unknown}]")));
        }
        let phases = policy.get("phases").and_then(Value::as_object);
        let phases = phases.ok_or_else(|| unparsable("[lifecycle_policy] [phases] is missing".to_owned()))?;
        if let Some(unknown) = phases.keys().find(|name| !PHASES.contains(&name.as_str())) {
            let reason = format!("Timeseries lifecycle does not support phase [{unknown}]");
            return Err(StoreError::invalid(reason));
        }
        let mut read = Self::default();
        for name in PHASES {
            if let Some(phase) = phases.get(name) {
                read.add_phase(name, phase)?;
            }
        }
        Ok(read)
    }

    fn add_phase(&mut self, name: &'static str, phase: &Value) -> Result<(), StoreError> {
        let min_age_ms = match text_of(phase, "min_age") {
            // Into the first phase an index comes when it is made.
            None => 0,
            Some(text) => duration_ms(&text)
                .ok_or_else(|| unparsable(format!("[{name}] failed to parse field [min_age]: [{text}]")))?,
        };
        self.phases.push((name, min_age_ms));
        let none = Object::new();
        let actions = phase.get("actions").and_then(Value::as_object).unwrap_or(&none);
        for (action, options) in actions {
            if !ACTIONS.contains(&action.as_str()) {
                let reason = format!("invalid action [{action}] defined in phase [{name}]");
                return Err(StoreError::invalid(reason));
            }
            if name == "hot" && READ_ONLY.contains(&action.as_str()) && !actions.contains_key("rollover") {
                let reason = format!(
                    "the [{action}] action may not be used in the [hot] phase without an accompanying [rollover] action"
                );
                return Err(StoreError::invalid(reason));
            }
            self.add_action(name, min_age_ms, action, options)?;
        }
        Ok(())
    }

    fn add_action(
        &mut self,
        phase: &str,
        age_ms: i64,
        action: &str,
        options: &Value,
    ) -> Result<(), StoreError> {
        // The first phase that says so.
        let from = |at: &mut Option<i64>| *at = Some(at.map_or(age_ms, |before| before.min(age_ms)));
        if READ_ONLY.contains(&action) {
            from(&mut self.ages.read_only_ms);
        }
        match (phase, action) {
            ("hot", "rollover") => {
                self.rollover = options.as_object().map(conditions).transpose()?;
            }
            ("delete", "delete") => self.ages.delete_ms = Some(age_ms),
            (_, "forcemerge") => {
                // All becomes one segment, which is no more than any number that is asked for.
                let segments = text_of(options, "max_num_segments").and_then(|text| text.parse::<i64>().ok());
                if segments.is_none_or(|segments| segments < 1) {
                    let reason = "[forcemerge] [max_num_segments] must be a positive integer".to_owned();
                    return Err(unparsable(reason));
                }
                from(&mut self.ages.merge_ms);
                match text_of(options, "index_codec").as_deref() {
                    None => {}
                    Some("best_compression") => from(&mut self.ages.compact_ms),
                    Some(other) => {
                        return Err(StoreError::invalid(format!("unknown index codec: [{other}]")));
                    }
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// The phase that an index of that age is in, and the age at which it came there.
    fn phase_at(&self, age_ms: i64) -> (&'static str, i64) {
        let reached = self.phases.iter().rev().find(|(_, min_age_ms)| *min_age_ms <= age_ms);
        reached.copied().unwrap_or(("new", 0))
    }
}

fn unparsable(reason: String) -> StoreError {
    StoreError::invalid(reason).with_code("x_content_parse_exception")
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
                return Err(unparsable(reason));
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
    /// The policies that are installed.
    pub(super) fn policies(&self) -> Policies {
        let installed = self.templates.matching(TemplateKind::Lifecycle, "*");
        installed.into_iter().filter_map(|(name, body)| Some((name, Policy::parse(&body).ok()?))).collect()
    }

    /// Rolls over what the policies say is to be.
    pub(super) fn roll_over_due(&self, policies: &Policies) {
        if policies.values().all(|policy| policy.rollover.is_none()) {
            return;
        }
        for slot in self.registry.all() {
            let policy = policy_of(&slot).and_then(|name| policies.get(&name));
            if let Some(conditions) = policy.and_then(|policy| policy.rollover.as_ref())
                && !is_complete(&slot)
                && let Some(target) = self.rollover_target(&slot)
            {
                self.roll_if_due(&target, conditions);
            }
        }
    }

    /// What becomes of an index that names a policy, and when; `None`: it does not age.
    pub(super) fn ages_by_policy(&self, slot: &Slot, policies: &Policies) -> Option<Ages> {
        let policy = policies.get(&policy_of(slot)?)?;
        let ages = match policy.rollover {
            Some(_) => !self.awaits_rollover(slot),
            // It ages as all else does; but a data stream keeps its last index.
            None => !self.is_last_of_stream(slot),
        };
        ages.then_some(policy.ages)
    }

    /// Whether an index whose policy rolls over stays in the first phase: it has not been rolled over, or is still written
    /// to by its alias or stream. Also one that nothing rolls over, for want of an alias: Elasticsearch lets it wait, with
    /// an error, and it stays as it is until it is said to be complete.
    fn awaits_rollover(&self, slot: &Slot) -> bool {
        let is_written = self.rollover_target(slot).is_some();
        if self.catalog.names().stream_of(&slot.identity.name).is_some() {
            return is_written;
        }
        !is_complete(slot) && (slot.settings().rolled_over_at_ms.is_none() || is_written)
    }

    fn is_last_of_stream(&self, slot: &Slot) -> bool {
        self.rollover_target(slot).is_some() && self.catalog.names().stream_of(&slot.identity.name).is_some()
    }

    /// How an index that names a policy stands with it.
    pub(super) fn lifecycle_state(&self, slot: &Slot) -> Option<LifecycleState> {
        let name = policy_of(slot)?;
        let installed = self.templates.matching(TemplateKind::Lifecycle, &name);
        let policy = installed.iter().find(|(known, _)| *known == name);
        let since_ms = ages_since_ms(slot);
        let phase = policy.and_then(|(_, body)| Policy::parse(body).ok()).map(|policy| {
            let waits = policy.rollover.is_some() && self.awaits_rollover(slot);
            // What waits to be rolled over stays in the first phase, however old it is.
            let age_ms = if waits { 0 } else { self.now_ms().saturating_sub(since_ms) };
            let (name, min_age_ms) = policy.phase_at(age_ms);
            (name, since_ms.saturating_add(min_age_ms))
        });
        Some(LifecycleState { policy: name, since_ms, phase })
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
}

/// Whether somebody says that an index takes no more writes by its alias, so that it need not be rolled over.
fn is_complete(slot: &Slot) -> bool {
    slot.settings().settings.is_on("index.lifecycle.indexing_complete")
}

/// The policy that an index names.
pub(super) fn policy_of(slot: &Slot) -> Option<String> {
    let settings = slot.settings();
    settings.settings.text("index.lifecycle.name").filter(|name| !name.is_empty()).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY_MS: i64 = 86_400_000;

    #[test]
    fn policies_are_read() {
        let policy = Policy::parse(&json!({"policy": {"_meta": {"x": 1}, "phases": {
            "hot": {"actions": {"rollover": {"max_age": "30d", "max_primary_shard_size": "50gb"},
                "set_priority": {"priority": 100}}},
            "cold": {"min_age": "9d", "actions": {"freeze": {}}},
            "warm": {"min_age": "7d", "actions": {"allocate": {"number_of_replicas": 0},
                "forcemerge": {"max_num_segments": 1, "index_codec": "best_compression"}}},
            "delete": {"min_age": "90d", "actions": {"delete": {}}}}}}))
        .unwrap();
        let expected = Ages {
            read_only_ms: Some(7 * DAY_MS),
            merge_ms: Some(7 * DAY_MS),
            compact_ms: Some(7 * DAY_MS),
            delete_ms: Some(90 * DAY_MS),
        };
        assert_eq!(policy.ages, expected);
        for (days, phase) in [(0, "hot"), (6, "hot"), (7, "warm"), (9, "cold"), (89, "cold"), (90, "delete")]
        {
            assert_eq!(policy.phase_at(days * DAY_MS).0, phase, "{days}");
        }
        assert_eq!(policy.rollover.map(Value::Object), Some(json!({"max_age": "30d", "max_size": "50gb"})));
    }

    #[test]
    fn actions_have_their_phases() {
        let check = |phases: Value, expected: Ages| {
            let policy = Policy::parse(&json!({"policy": {"phases": phases}})).unwrap();
            assert_eq!(policy.ages, expected, "{phases}");
        };
        let delete = json!({"min_age": "3d", "actions": {"delete": {}}});
        check(json!({"delete": delete}), Ages { delete_ms: Some(3 * DAY_MS), ..Ages::default() });
        check(json!({"delete": {"min_age": "3d"}}), Ages::default());
        let read_only = |days: i64| Ages { read_only_ms: Some(days * DAY_MS), ..Ages::default() };
        check(json!({"warm": {"min_age": "2d", "actions": {"readonly": {}}}}), read_only(2));
        check(
            json!({"cold": {"min_age": "4d", "actions": {"shrink": {"number_of_shards": 1}}}}),
            read_only(4),
        );
        check(json!({"hot": {"actions": {"rollover": {"max_docs": 1}, "readonly": {}}}}), read_only(0));
        let merge = json!({"warm": {"min_age": "2d", "actions": {"forcemerge": {"max_num_segments": 5}}}});
        check(merge, Ages { merge_ms: Some(2 * DAY_MS), ..read_only(2) });
    }

    #[test]
    fn what_no_policy_can_say_is_refused() {
        let warm = |actions: Value| json!({"policy": {"phases": {"warm": {"actions": actions}}}});
        for (bad, part) in [
            (json!({}), "[policy] is missing"),
            (json!({"policy": {}}), "[phases] is missing"),
            (json!({"policy": {"phases": {"tepid": {}}}}), "phase [tepid]"),
            (json!({"policy": {"phases": {"delete": {"min_age": "soon"}}}}), "[soon]"),
            (json!({"policy": {"phases": {"delete": {"min_age": 5}}}}), "[min_age]: [5]"),
            (json!({"policy": {"phases": {}, "x": 1}}), "unknown field [x]"),
            (json!({"policy": {"phases": {"hot": {"actions": {"rollover": {"max_age": 3}}}}}}), "max_age"),
            (
                json!({"policy": {"phases": {"hot": {"actions": {"readonly": {}}}}}}),
                "accompanying [rollover]",
            ),
            (warm(json!({"read_only": {}})), "invalid action [read_only] defined in phase [warm]"),
            (warm(json!({"forcemerge": {}})), "max_num_segments"),
            (warm(json!({"forcemerge": {"max_num_segments": 0}})), "max_num_segments"),
            (warm(json!({"forcemerge": {"max_num_segments": 1, "index_codec": "lz9"}})), "[lz9]"),
        ] {
            let error = Policy::parse(&bad).unwrap_err();
            assert!(error.message.contains(part), "{}", error.message);
        }
    }
}
