//! Work over many documents: read a batch, change it, count.

use super::{
    super::{
        aliases,
        error::ElasticError,
        write::{self, Documents, Outcome},
    },
    change::Change,
    pace::{Pace, rest},
};
use crate::state::App;
use event::Object;
use serde_json::{Value, json};
use std::{
    sync::Arc,
    time::{Duration, Instant},
};
use store::{
    ErrorKind,
    logs::{
        ContextKind, Detail, Hit, IndicesOptions, Maintenance, Refresh, SearchRequest, WriteEffect,
        WriteResult,
    },
    scope::{IndexRight, Scope},
};
use tokio::sync::watch;

/// How long a search in an order of the caller's is kept between two batches.
const SCROLL_KEPT: Duration = Duration::from_secs(5 * 60);
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
    /// How fast, which may change meanwhile.
    pub(super) pace: watch::Receiver<Pace>,
    /// The order in which documents are read, over all indices at once; `None`: as they were written, index by index.
    pub(super) sort: Option<Value>,
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
        let readable = self.scope.narrowed_to(IndexRight::Read);
        let indices = admin.describe(&readable, &self.indices, self.options, Detail::default()).await?;
        let mut done = Done::default();
        let mut touched = Vec::new();
        if let Some(sort) = &self.sort {
            self.in_order(sort, &mut done).await?;
        }
        for index in indices.into_iter().filter(|index| index.open && self.sort.is_none()) {
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

    /// Reads all indices together in an order of the caller's, which a scrolled search keeps while the work writes.
    async fn in_order(&self, sort: &Value, done: &mut Done) -> Result<(), ElasticError> {
        let logs = &self.app.parts().logs;
        let mut body = self.body(vec![self.query.clone()], self.batch);
        body.insert("sort".to_owned(), sort.clone());
        // A scrolled search counts.
        body.shift_remove("track_total_hits");
        let request = SearchRequest {
            indices: self.indices.clone(),
            body,
            options: self.options,
            scroll: Some(SCROLL_KEPT),
            ..SearchRequest::default()
        };
        let mut page = logs.search(&self.scope, request).await?;
        loop {
            let began = Instant::now();
            let left = self.most.map_or(usize::MAX, |most| {
                usize::try_from(most.saturating_sub(done.total)).unwrap_or(usize::MAX)
            });
            let mut hits = std::mem::take(&mut page.hits);
            let count = hits.len();
            hits.truncate(left);
            if !hits.is_empty() {
                done.total += hits.len() as u64;
                done.batches += 1;
                self.write(hits, done).await?;
            }
            let is_over = count < usize::try_from(self.batch).unwrap_or(usize::MAX) || count >= left;
            let Some(id) = page.scroll_id.take() else { return Ok(()) };
            if is_over || done.stopped {
                logs.close_contexts(&self.scope, ContextKind::Scroll, Some(&[id])).await?;
                return Ok(());
            }
            if self.pace.borrow().is_bound() {
                done.throttled += rest(&mut self.pace.clone(), count, began).await;
            }
            page = logs.scroll(&self.scope, &id, Some(SCROLL_KEPT)).await?;
        }
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
            if self.pace.borrow().is_bound() {
                done.throttled += rest(&mut self.pace.clone(), count, began).await;
            }
        }
    }

    async fn read(&self, part: &Part<'_>, size: u64, after: Option<Value>) -> Result<Vec<Hit>, ElasticError> {
        let mut filter = vec![self.query.clone(), json!({"range": {"_seq_no": {"lte": part.last}}})];
        filter.extend(part.filter.clone());
        let mut body = self.body(filter, size);
        body.insert("sort".to_owned(), json!([{"_seq_no": "asc"}]));
        body.extend(after.map(|after| ("search_after".to_owned(), after)));
        let request = SearchRequest {
            indices: vec![part.index.to_owned()],
            body,
            options: IndicesOptions::LENIENT,
            ..SearchRequest::default()
        };
        Ok(self.app.parts().logs.search(&self.scope, request).await?.hits)
    }

    /// The body of a search for the documents that are meant.
    fn body(&self, filter: Vec<Value>, size: u64) -> Object {
        let mut body = Object::new();
        body.insert("query".to_owned(), json!({"bool": {"filter": filter}}));
        body.insert("size".to_owned(), json!(size));
        body.insert("version".to_owned(), json!(true));
        body.insert("seq_no_primary_term".to_owned(), json!(true));
        body.insert("track_total_hits".to_owned(), json!(false));
        body.extend(self.slice.clone().map(|slice| ("slice".to_owned(), slice)));
        let unread = matches!(self.change, Change::Delete).then(|| json!(false));
        body.extend(self.source.clone().or(unread).map(|source| ("_source".to_owned(), source)));
        body
    }

    async fn write(&self, hits: Vec<Hit>, done: &mut Done) -> Result<(), ElasticError> {
        let mut writes = Vec::with_capacity(hits.len());
        for hit in hits {
            match self.change.of(hit)? {
                Some(write) => writes.push(write),
                None => done.noops += 1,
            }
        }
        let ids: Vec<(Arc<str>, Option<String>)> =
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
        out.insert("requests_per_second".into(), json!(self.pace.borrow().shown()));
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
