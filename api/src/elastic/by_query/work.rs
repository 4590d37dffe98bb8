//! Work over many documents: read a batch, change it, count.

use super::{
    super::{
        aliases,
        error::ElasticError,
        write::{self, Documents, Outcome},
    },
    change::Change,
    pace::Pace,
};
use crate::state::App;
use event::Object;
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use store::{
    ErrorKind,
    logs::{Detail, Hit, IndicesOptions, Maintenance, Refresh, SearchRequest, WriteEffect, WriteResult},
    scope::{Right, Scope},
};

/// Failures after which no more are listed.
const FAILURES_MAX: usize = 100;

/// The work as it was asked for.
pub(super) struct Work {
    pub(super) app: App,
    pub(super) scope: Scope,
    pub(super) indices: Vec<String>,
    pub(super) options: IndicesOptions,
    pub(super) query: Value,
    /// What of the documents is read: `_source`.
    pub(super) source: Option<Value>,
    /// The part of the documents that is meant.
    pub(super) slice: Option<Value>,
    pub(super) change: Change,
    /// Documents at a time.
    pub(super) batch: u64,
    /// Documents in all.
    pub(super) most: Option<u64>,
    /// Conflicts are counted only.
    pub(super) proceed: bool,
    pub(super) refresh: bool,
    pub(super) pace: Pace,
}

/// What was done.
#[derive(Debug, Default)]
struct Done {
    total: u64,
    created: u64,
    updated: u64,
    deleted: u64,
    noops: u64,
    batches: u64,
    conflicts: u64,
    throttled: Duration,
    failures: Vec<Value>,
    stopped: bool,
}

/// What of an index is meant.
struct Part<'a> {
    index: &'a str,
    /// The sequence number of the last write when the work began.
    last: u64,
    /// What the aliases let through by which the index was named.
    filter: Option<Value>,
}

impl Work {
    /// Does it; the answer is the summary.
    pub(super) async fn run(self) -> Result<Value, ElasticError> {
        let started = Instant::now();
        let admin = &self.app.parts().admin;
        // What may not be read is refused even where nothing of it is visible yet.
        let readable = self.scope.narrowed_to(Right::Read);
        let indices = admin.describe(&readable, &self.indices, self.options, Detail::default()).await?;
        let mut done = Done::default();
        let mut touched = Vec::new();
        for index in indices.into_iter().filter(|index| index.open) {
            if let Some(last) = index.max_seq_no {
                touched.push(index.name.clone());
                let filters = aliases::filters(&index, &self.indices);
                let part = Part {
                    index: &index.name,
                    last,
                    filter: filters.map(|any| json!({"bool": {"should": any}})),
                };
                self.one_index(&part, &mut done).await?;
            }
            if done.stopped {
                break;
            }
        }
        if self.refresh {
            if let Change::Copy(copy) = &self.change {
                touched = vec![copy.index.clone()];
            }
            let options = IndicesOptions { forbid_closed: false, ..IndicesOptions::LENIENT };
            admin.maintain(&self.scope, &touched, options, Maintenance::Refresh).await?;
        }
        Ok(self.report(&done, started))
    }

    async fn one_index(&self, part: &Part<'_>, done: &mut Done) -> Result<(), ElasticError> {
        let mut after: Option<Value> = None;
        loop {
            let began = Instant::now();
            let left = self.most.map_or(u64::MAX, |most| most.saturating_sub(done.total));
            let size = self.batch.min(left);
            if size == 0 {
                done.stopped = true;
                return Ok(());
            }
            let hits = self.read(part, size, after.take()).await?;
            let Some(final_hit) = hits.last() else { return Ok(()) };
            after = Some(Value::Array(final_hit.sort.clone()));
            let count = hits.len();
            done.total += count as u64;
            done.batches += 1;
            self.write(hits, done).await?;
            if (count as u64) < size || done.stopped {
                return Ok(());
            }
            let pause = self.pace.pause(count, began.elapsed());
            if !pause.is_zero() {
                tokio::time::sleep(pause).await;
                done.throttled += pause;
            }
        }
    }

    async fn read(&self, part: &Part<'_>, size: u64, after: Option<Value>) -> Result<Vec<Hit>, ElasticError> {
        let mut filter = vec![self.query.clone(), json!({"range": {"_seq_no": {"lte": part.last}}})];
        filter.extend(part.filter.clone());
        let mut body = json!({
            "query": {"bool": {"filter": filter}},
            "sort": [{"_seq_no": "asc"}],
            "size": size,
            "version": true,
            "seq_no_primary_term": true,
            "track_total_hits": false,
        });
        if let Some(after) = after {
            body["search_after"] = after;
        }
        if let Some(slice) = &self.slice {
            body["slice"] = slice.clone();
        }
        if let Some(source) = &self.source {
            body["_source"] = source.clone();
        } else if matches!(self.change, Change::Delete) {
            body["_source"] = json!(false);
        }
        let Value::Object(body) = body else { return Ok(Vec::new()) };
        let request = SearchRequest {
            indices: vec![part.index.to_owned()],
            body,
            options: IndicesOptions::LENIENT,
            ..SearchRequest::default()
        };
        Ok(self.app.parts().logs.search(&self.scope, request).await?.hits)
    }

    async fn write(&self, hits: Vec<Hit>, done: &mut Done) -> Result<(), ElasticError> {
        let mut writes = Vec::with_capacity(hits.len());
        for hit in hits {
            match self.change.of(hit)? {
                Some(write) => writes.push(write),
                None => done.noops += 1,
            }
        }
        let ids: Vec<(String, Option<String>)> =
            writes.iter().map(|write| (write.index.clone(), write.id.clone())).collect();
        let ran = write::run(&self.app, &self.scope, writes, Refresh::Background, Documents::Copied).await?;
        for (outcome, (index, id)) in ran.outcomes.into_iter().zip(ids) {
            self.count(outcome, &index, id.as_deref(), done);
        }
        Ok(())
    }

    fn count(&self, outcome: Outcome, index: &str, id: Option<&str>, done: &mut Done) {
        match &outcome {
            Outcome::Stored(WriteResult::Written { effect, .. }) => match effect {
                WriteEffect::Created => done.created += 1,
                WriteEffect::Updated => done.updated += 1,
                WriteEffect::Deleted => done.deleted += 1,
                WriteEffect::Noop | WriteEffect::NotFound => done.noops += 1,
            },
            Outcome::Dropped { .. } => done.noops += 1,
            Outcome::Stored(WriteResult::Refused { kind: ErrorKind::Conflict, .. }) => {
                done.conflicts += 1;
                if !self.proceed {
                    fail(outcome, index, id, done);
                }
            }
            _ => fail(outcome, index, id, done),
        }
    }

    fn report(&self, done: &Done, started: Instant) -> Value {
        let millis = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        let mut out = Object::new();
        out.insert("took".into(), json!(millis(started.elapsed())));
        out.insert("timed_out".into(), json!(false));
        out.insert("total".into(), json!(done.total));
        match self.change {
            Change::Delete => {}
            Change::Touch { .. } => drop(out.insert("updated".into(), json!(done.updated))),
            Change::Copy(_) => {
                out.insert("updated".into(), json!(done.updated));
                out.insert("created".into(), json!(done.created));
            }
        }
        out.insert("deleted".into(), json!(done.deleted));
        out.insert("batches".into(), json!(done.batches));
        out.insert("version_conflicts".into(), json!(done.conflicts));
        out.insert("noops".into(), json!(done.noops));
        out.insert("retries".into(), json!({"bulk": 0, "search": 0}));
        out.insert("throttled_millis".into(), json!(millis(done.throttled)));
        out.insert("requests_per_second".into(), json!(self.pace.shown()));
        out.insert("throttled_until_millis".into(), json!(0));
        out.insert("failures".into(), json!(done.failures));
        Value::Object(out)
    }
}

fn fail(outcome: Outcome, index: &str, id: Option<&str>, done: &mut Done) {
    done.stopped = true;
    if done.failures.len() < FAILURES_MAX
        && let Err(error) = write::answer(outcome, Refresh::Background)
    {
        done.failures.push(json!({"index": index, "type": write::DOC_TYPE, "id": id, "cause": error.cause(),
            "status": error.status().as_u16()}));
    }
}
