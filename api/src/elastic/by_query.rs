//! `_delete_by_query`, `_update_by_query`, `_reindex`: the same to many documents.
//!
//! Documents are read in the order of their sequence numbers up to the one that was the last when the work began, so that
//! what the work itself writes is not read again; each is changed only if it still is what was read.
//!
//! Source: Elasticsearch reference, "Delete by query", "Update by query", "Reindex".

use super::{
    error::ElasticError,
    names,
    parameters::{self},
    request::Asked,
    routes::{Right, Route},
    write::{self, Outcome, Write},
};
use crate::state::App;
use axum::{Json, http::StatusCode, routing::post};
use event::{Object, Operation, VersionType, WriteOptions};
use serde_json::{Value, json};
use std::time::Instant;
use store::{
    ErrorKind,
    logs::{
        Detail, GetRequest, Hit, IndicesOptions, Maintenance, Refresh, SearchRequest, WriteEffect,
        WriteResult,
    },
    scope::Scope,
};

/// Documents that are read and written at a time, without `scroll_size`.
const BATCH_DEFAULT: u64 = 1_000;
const BATCH_MAX: u64 = 10_000;
/// Failures after which the work ends.
const FAILURES_MAX: usize = 100;

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::new(Right::Write, "/{index}/_delete_by_query", post(delete_by_query)),
        Route::new(Right::Write, "/{index}/_update_by_query", post(update_by_query)),
        Route::new(Right::Write, "/_reindex", post(reindex)),
    ]
}

/// What is done to each document.
#[derive(Debug, Clone)]
enum Change {
    Delete,
    /// Writes it again as it is, through a pipeline perhaps.
    Touch {
        pipeline: Option<String>,
    },
    /// Writes it to another index.
    Copy {
        index: String,
        operation: Operation,
        external: Option<VersionType>,
        routing: Option<String>,
        pipeline: Option<String>,
    },
}

/// The work as it was asked for.
struct Work {
    app: App,
    scope: Scope,
    indices: Vec<String>,
    options: IndicesOptions,
    query: Value,
    source: Option<Value>,
    change: Change,
    batch: u64,
    most: Option<u64>,
    proceed: bool,
    refresh: bool,
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
    failures: Vec<Value>,
    stopped: bool,
}

async fn delete_by_query(asked: Asked) -> Result<(StatusCode, Json<Value>), ElasticError> {
    by_query(asked, "indices:data/write/delete/byquery", "delete-by-query", |_| Change::Delete).await
}

async fn update_by_query(asked: Asked) -> Result<(StatusCode, Json<Value>), ElasticError> {
    by_query(asked, "indices:data/write/update/byquery", "update-by-query", |pipeline| Change::Touch {
        pipeline,
    })
    .await
}

async fn by_query(
    mut asked: Asked,
    action: &'static str,
    what: &str,
    change: impl Fn(Option<String>) -> Change,
) -> Result<(StatusCode, Json<Value>), ElasticError> {
    let options = asked.options(IndicesOptions::default())?;
    let wait = asked.flag("wait_for_completion", true)?;
    let refresh = asked.take("refresh").is_some_and(|refresh| refresh != "false");
    let mut conflicts = asked.take("conflicts");
    let batch = asked.number("scroll_size")?.unwrap_or(BATCH_DEFAULT);
    let pipeline = asked.take("pipeline");
    let mut most = asked.number("max_docs")?.or(asked.number("size")?);
    for name in [
        "scroll",
        "slices",
        "requests_per_second",
        "search_timeout",
        "routing",
        "request_cache",
        "stats",
        "version",
        "version_type",
        "search_type",
    ] {
        asked.take(name);
    }
    let mut body = asked.object()?;
    if let Some(inner) = body.shift_remove("conflicts") {
        conflicts = inner.as_str().map(str::to_owned);
    }
    if let Some(given) = body.shift_remove("max_docs").or_else(|| body.shift_remove("size")) {
        most = given.as_u64();
    }
    if body.contains_key("script") {
        return Err(ElasticError::illegal("[script] of an update by query is not supported"));
    }
    body.shift_remove("slice");
    let parameters = asked.rest();
    parameters::apply(&asked.uri_path, parameters, &mut body)?;
    let query = body.shift_remove("query");
    if matches!(change(None), Change::Delete) && query.is_none() {
        return Err(write::invalid("query is missing"));
    }
    check_batch(batch)?;
    if most == Some(0) {
        return Err(write::invalid(
            "maxDocs should be greater than 0 if the request is limited to some number of documents or -1 if it isn't but it was [0]",
        ));
    }
    let work = Work {
        app: asked.app.clone(),
        scope: asked.scope.clone(),
        indices: asked.indices()?,
        options,
        query: query.unwrap_or_else(|| json!({"match_all": {}})),
        source: None,
        change: change(pipeline),
        batch,
        most,
        proceed: conflicts.as_deref() == Some("proceed"),
        refresh,
    };
    let description = format!("{what} [{}]", asked.part("index"));
    answer(work, wait, action, description).await
}

fn check_batch(batch: u64) -> Result<(), ElasticError> {
    if (1..=BATCH_MAX).contains(&batch) {
        return Ok(());
    }
    Err(ElasticError::illegal(format!(
        "Batch size is too large, size must be less than or equal to: [{BATCH_MAX}] but was [{batch}]"
    )))
}

async fn answer(
    work: Work,
    wait: bool,
    action: &'static str,
    description: String,
) -> Result<(StatusCode, Json<Value>), ElasticError> {
    if wait {
        let done = run(work).await?;
        let status = match done.get("failures").and_then(Value::as_array).filter(|f| !f.is_empty()) {
            Some(failures) => {
                let worst = failures.iter().filter_map(|failure| failure["status"].as_u64()).max();
                worst.and_then(|status| StatusCode::from_u16(status as u16).ok()).unwrap_or(StatusCode::OK)
            }
            None => StatusCode::OK,
        };
        return Ok((status, Json(done)));
    }
    let tasks = work.app.tasks().clone();
    let task = tasks.start(action, description, run(work))?;
    Ok((StatusCode::OK, Json(json!({"task": task}))))
}

async fn run(work: Work) -> Result<Value, ElasticError> {
    let started = Instant::now();
    let admin = &work.app.parts().admin;
    let indices = admin.describe(&work.scope, &work.indices, work.options, Detail::default()).await?;
    let mut done = Done::default();
    let mut touched = Vec::new();
    for index in indices.into_iter().filter(|index| index.open) {
        if let Some(last) = index.max_seq_no {
            touched.push(index.name.clone());
            work.one_index(&index.name, last, &mut done).await?;
        }
        if done.stopped {
            break;
        }
    }
    if work.refresh {
        if let Change::Copy { index, .. } = &work.change {
            touched = vec![index.clone()];
        }
        let options = IndicesOptions { forbid_closed: false, ..IndicesOptions::LENIENT };
        admin.maintain(&work.scope, &touched, options, Maintenance::Refresh).await?;
    }
    Ok(work.report(&done, started))
}

impl Work {
    async fn one_index(&self, index: &str, last: u64, done: &mut Done) -> Result<(), ElasticError> {
        let mut after: Option<Value> = None;
        loop {
            let left = self.most.map_or(u64::MAX, |most| most.saturating_sub(done.total));
            let size = self.batch.min(left);
            if size == 0 {
                done.stopped = true;
                return Ok(());
            }
            let hits = self.read(index, last, size, after.take()).await?;
            let Some(final_hit) = hits.last() else { return Ok(()) };
            after = Some(Value::Array(final_hit.sort.clone()));
            let is_last = (hits.len() as u64) < size;
            done.total += hits.len() as u64;
            done.batches += 1;
            self.write(index, hits, done).await?;
            if is_last || done.stopped {
                return Ok(());
            }
        }
    }

    async fn read(
        &self,
        index: &str,
        last: u64,
        size: u64,
        after: Option<Value>,
    ) -> Result<Vec<Hit>, ElasticError> {
        let mut body = json!({
            "query": {"bool": {"filter": [self.query, {"range": {"_seq_no": {"lte": last}}}]}},
            "sort": [{"_seq_no": "asc"}],
            "size": size,
            "version": true,
            "seq_no_primary_term": true,
            "track_total_hits": false,
        });
        if let Some(after) = after {
            body["search_after"] = after;
        }
        if let Some(source) = &self.source {
            body["_source"] = source.clone();
        } else if matches!(self.change, Change::Delete) {
            body["_source"] = json!(false);
        }
        let Value::Object(body) = body else { return Ok(Vec::new()) };
        let request = SearchRequest {
            indices: vec![index.to_owned()],
            body,
            options: IndicesOptions::LENIENT,
            ..SearchRequest::default()
        };
        Ok(self.app.parts().logs.search(&self.scope, request).await?.hits)
    }

    async fn write(&self, index: &str, hits: Vec<Hit>, done: &mut Done) -> Result<(), ElasticError> {
        let mut writes = Vec::with_capacity(hits.len());
        for hit in hits {
            writes.push(self.change_of(index, hit).await?);
        }
        let ids: Vec<(String, String)> =
            writes.iter().map(|write| (write.index.clone(), write.id.clone().unwrap_or_default())).collect();
        let outcomes = write::run(&self.app, &self.scope, writes, Refresh::Background).await?;
        for (outcome, (index, id)) in outcomes.into_iter().zip(ids) {
            self.count(outcome, &index, &id, done);
        }
        Ok(())
    }

    async fn change_of(&self, index: &str, hit: Hit) -> Result<Write, ElasticError> {
        let (version, seq_no) = (hit.version, hit.seq_no);
        // A hit does not say its routing.
        let request = GetRequest { index, id: &hit.id, routing: None, realtime: true };
        let routing = match self.change {
            Change::Delete => None,
            _ => self
                .app
                .parts()
                .logs
                .get_as(&self.scope, request)
                .await?
                .and_then(|document| document.routing),
        };
        let source = hit.source.unwrap_or_default();
        Ok(match &self.change {
            Change::Delete => Write {
                index: index.to_owned(),
                id: Some(hit.id),
                operation: Operation::Delete,
                expected: seq_no,
                pipeline: Some("_none".to_owned()),
                ..Write::default()
            },
            Change::Touch { pipeline } => Write {
                index: index.to_owned(),
                id: Some(hit.id),
                operation: Operation::Index,
                source,
                expected: seq_no,
                options: WriteOptions { routing, ..WriteOptions::default() },
                pipeline: Some(pipeline.clone().unwrap_or_else(|| "_none".to_owned())),
            },
            Change::Copy { index, operation, external, routing: rule, pipeline } => {
                let routing = match rule.as_deref() {
                    None | Some("keep") => routing,
                    Some("discard") => None,
                    Some(text) => text.strip_prefix('=').map(str::to_owned),
                };
                let version = external.and_then(|kind| Some((version?, kind)));
                Write {
                    index: index.clone(),
                    id: Some(hit.id),
                    operation: *operation,
                    source,
                    expected: None,
                    options: WriteOptions { routing, version, ..WriteOptions::default() },
                    pipeline: pipeline.clone(),
                }
            }
        })
    }

    fn count(&self, outcome: Outcome, index: &str, id: &str, done: &mut Done) {
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
                    self.fail(outcome, index, id, done);
                }
            }
            _ => self.fail(outcome, index, id, done),
        }
    }

    fn fail(&self, outcome: Outcome, index: &str, id: &str, done: &mut Done) {
        done.stopped = true;
        if done.failures.len() < FAILURES_MAX
            && let Err(error) = write::answer(outcome, Refresh::Background)
        {
            done.failures
                .push(json!({"index": index, "type": write::DOC_TYPE, "id": id, "cause": error.cause(),
                "status": error.status().as_u16()}));
        }
    }

    fn report(&self, done: &Done, started: Instant) -> Value {
        let mut out = Object::new();
        out.insert("took".into(), json!(u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX)));
        out.insert("timed_out".into(), json!(false));
        out.insert("total".into(), json!(done.total));
        match self.change {
            Change::Delete => {}
            Change::Touch { .. } => drop(out.insert("updated".into(), json!(done.updated))),
            Change::Copy { .. } => {
                out.insert("updated".into(), json!(done.updated));
                out.insert("created".into(), json!(done.created));
            }
        }
        out.insert("deleted".into(), json!(done.deleted));
        out.insert("batches".into(), json!(done.batches));
        out.insert("version_conflicts".into(), json!(done.conflicts));
        out.insert("noops".into(), json!(done.noops));
        out.insert("retries".into(), json!({"bulk": 0, "search": 0}));
        out.insert("throttled_millis".into(), json!(0));
        out.insert("requests_per_second".into(), json!(-1.0));
        out.insert("throttled_until_millis".into(), json!(0));
        out.insert("failures".into(), json!(done.failures));
        Value::Object(out)
    }
}

async fn reindex(mut asked: Asked) -> Result<(StatusCode, Json<Value>), ElasticError> {
    let wait = asked.flag("wait_for_completion", true)?;
    let refresh = asked.take("refresh").is_some_and(|refresh| refresh != "false");
    let mut most = asked.number("max_docs")?;
    for name in ["scroll", "slices", "requests_per_second"] {
        asked.take(name);
    }
    asked.done()?;
    let body = asked.required()?;
    if body.get("script").is_some() {
        return Err(ElasticError::illegal("[script] of a reindex is not supported"));
    }
    let (source, dest) = (&body["source"], &body["dest"]);
    if source.get("remote").is_some() {
        return Err(ElasticError::illegal("[remote] of a reindex is not supported"));
    }
    let indices: Vec<String> = match &source["index"] {
        Value::String(one) => names::patterns(one)?,
        Value::Array(many) => {
            many.iter().filter_map(Value::as_str).map(names::resolve).collect::<Result<_, _>>()?
        }
        _ => return Err(write::invalid("use _all if you really want to copy from all existing indexes")),
    };
    let index = dest["index"].as_str().map(names::resolve).transpose()?;
    let index = index.ok_or_else(|| write::invalid("index is missing"))?;
    if indices.contains(&index) {
        let reason = format!("reindex cannot write into an index its reading from [{index}]");
        return Err(write::invalid(reason));
    }
    let operation = match dest["op_type"].as_str() {
        Some("create") => Operation::Create,
        _ => Operation::Index,
    };
    let external = match dest["version_type"].as_str() {
        Some("external" | "external_gt") => Some(VersionType::External),
        Some("external_gte") => Some(VersionType::ExternalGte),
        _ => None,
    };
    let batch = source["size"].as_u64().unwrap_or(BATCH_DEFAULT);
    check_batch(batch)?;
    most = body.get("max_docs").or_else(|| body.get("size")).and_then(Value::as_u64).or(most);
    let work = Work {
        app: asked.app.clone(),
        scope: asked.scope.clone(),
        indices,
        options: IndicesOptions::default(),
        query: source.get("query").cloned().unwrap_or_else(|| json!({"match_all": {}})),
        source: source.get("_source").cloned(),
        change: Change::Copy {
            index: index.clone(),
            operation,
            external,
            routing: dest["routing"].as_str().map(str::to_owned),
            pipeline: dest["pipeline"].as_str().map(str::to_owned),
        },
        batch,
        most,
        proceed: body["conflicts"] == "proceed",
        refresh,
    };
    let description = format!("reindex from [{}] to [{index}]", work.indices.join(", "));
    answer(work, wait, "indices:data/write/reindex", description).await
}
