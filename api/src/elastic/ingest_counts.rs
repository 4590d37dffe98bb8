//! What the pipelines of this port have done since the start, for `_nodes/stats`.

use parking_lot::Mutex;
use serde_json::{Value, json};
use std::{collections::BTreeMap, time::Duration};

/// Pipelines that are counted one by one; what comes after is only in the total.
const PIPELINES_MAX: usize = 10_000;

/// Counts by pipeline.
#[derive(Debug, Default)]
pub(crate) struct IngestCounts(Mutex<Counts>);

#[derive(Debug, Default)]
struct Counts {
    total: Count,
    pipelines: BTreeMap<String, Count>,
}

#[derive(Debug, Default)]
struct Count {
    documents: u64,
    failed: u64,
    time: Duration,
}

impl Count {
    fn note(&mut self, took: Duration, succeeded: bool) {
        self.documents += 1;
        self.failed += u64::from(!succeeded);
        self.time += took;
    }

    fn shown(&self) -> Value {
        json!({"count": self.documents, "time_in_millis": u64::try_from(self.time.as_millis()).unwrap_or(u64::MAX),
            "current": 0, "failed": self.failed})
    }
}

impl IngestCounts {
    /// Counts one document.
    pub(super) fn note(&self, pipeline: &str, took: Duration, succeeded: bool) {
        let mut counts = self.0.lock();
        counts.total.note(took, succeeded);
        if let Some(count) = counts.pipelines.get_mut(pipeline) {
            count.note(took, succeeded);
        } else if counts.pipelines.len() < PIPELINES_MAX {
            counts.pipelines.entry(pipeline.to_owned()).or_default().note(took, succeeded);
        }
    }

    /// As `_nodes/stats` shows it; `known`: pipelines that are there, whether or not they have run.
    pub(super) fn shown(&self, known: impl IntoIterator<Item = String>) -> Value {
        let counts = self.0.lock();
        let unused = Count::default();
        let pipelines: event::Object = known
            .into_iter()
            .map(|name| {
                let mut shown = counts.pipelines.get(&name).unwrap_or(&unused).shown();
                shown["processors"] = json!([]);
                (name, shown)
            })
            .collect();
        json!({"total": counts.total.shown(), "pipelines": pipelines})
    }
}
