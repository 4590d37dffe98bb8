//! `_delete_by_query`, `_update_by_query`, `_reindex`: the same to many documents.
//!
//! Documents are read in the order of their sequence numbers up to the one that was the last when the work began, so that
//! what the work itself writes is not read again; each is changed only if it still is what was read.
//!
//! Source: Elasticsearch reference, "Delete by query", "Update by query", "Reindex".

mod change;
pub(super) mod pace;
mod reindex;
mod work;

use super::{
    error::ElasticError,
    parameters,
    request::Asked,
    routes::{ElasticRight, Route},
    script::ScriptSource,
    tasks, write,
};
use axum::{Json, http::StatusCode, routing::post};
use change::Change;
use event::Object;
use pace::Pace;
use serde_json::{Value, json};
use store::{logs::IndicesOptions, scope};
use tokio::sync::watch;
use work::Work;

/// Documents that are read and written at a time, without `scroll_size`.
const BATCH_DEFAULT: u64 = 1_000;
const BATCH_MAX: u64 = 10_000;

/// Parameters that change nothing where one node reads all shards of an index at once.
const WITHOUT_EFFECT: &[&str] = &[
    "scroll",
    "search_timeout",
    "routing",
    "request_cache",
    "stats",
    "version",
    "version_type",
    "search_type",
    "wait_for_active_shards",
];

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::new(ElasticRight::Write, "/{index}/_delete_by_query", post(delete_by_query)),
        Route::new(ElasticRight::Write, "/{index}/_update_by_query", post(update_by_query)),
        Route::new(ElasticRight::Write, "/_reindex", post(reindex::reindex)),
        Route::new(ElasticRight::Write, "/_delete_by_query/{task}/_rethrottle", post(tasks::rethrottle)),
        Route::new(ElasticRight::Write, "/_update_by_query/{task}/_rethrottle", post(tasks::rethrottle)),
        Route::new(ElasticRight::Write, "/_reindex/{task}/_rethrottle", post(tasks::rethrottle)),
    ]
}

async fn delete_by_query(mut asked: Asked) -> Result<(StatusCode, Json<Value>), ElasticError> {
    let body = asked.object()?;
    if !body.contains_key("query") && !asked.has("q") {
        return Err(write::invalid("query is missing"));
    }
    by_query(&mut asked, body, "delete-by-query", "indices:data/write/delete/byquery", Change::Delete).await
}

async fn update_by_query(mut asked: Asked) -> Result<(StatusCode, Json<Value>), ElasticError> {
    if asked.scope.masks_anything() {
        let reason = "an update by query writes whole documents, of which the caller may not see all";
        return Err(ElasticError::new(StatusCode::FORBIDDEN, "security_exception", reason));
    }
    let mut body = asked.object()?;
    let script = body.shift_remove("script").map(|script| compile(&asked, script)).transpose()?;
    let change = Change::Touch { pipeline: asked.take("pipeline"), script };
    by_query(&mut asked, body, "update-by-query", "indices:data/write/update/byquery", change).await
}

fn compile(asked: &Asked, script: Value) -> Result<Box<expression::DocumentScript>, ElasticError> {
    ScriptSource::read(script, asked.app.parts().pipelines.scripts())?.compile().map(Box::new)
}

async fn by_query(
    asked: &mut Asked,
    mut body: Object,
    what: &str,
    action: &'static str,
    change: Change,
) -> Result<(StatusCode, Json<Value>), ElasticError> {
    let options = asked.options(IndicesOptions::default())?;
    let wait = asked.flag("wait_for_completion", true)?;
    let refresh = asked.take("refresh").is_some_and(|refresh| refresh != "false");
    let mut conflicts = asked.take("conflicts");
    let batch = batch_of(asked.number("scroll_size")?)?;
    let mut most = asked.number("max_docs")?.or(asked.number("size")?);
    let pace = watch::Sender::new(Pace::take(asked)?);
    for name in WITHOUT_EFFECT {
        asked.take(name);
    }
    if let Some(inner) = body.shift_remove("conflicts") {
        conflicts = inner.as_str().map(str::to_owned);
    }
    if let Some(given) = body.shift_remove("max_docs").or_else(|| body.shift_remove("size")) {
        most = given.as_u64();
    }
    let slice = body.shift_remove("slice");
    let own = ["query"];
    if let Some(other) = body.keys().find(|key| !own.contains(&key.as_str())) {
        return Err(ElasticError::parse(format!("request does not support [{other}]")));
    }
    let parameters = asked.rest();
    parameters::apply(&asked.uri_path, parameters, &mut body)?;
    // What the caller may only read is not its to change.
    let work = Work {
        app: asked.app.clone(),
        scope: asked.scope.narrowed_to(scope::IndexRight::Write).into_owned(),
        indices: asked.indices()?,
        options,
        query: body.shift_remove("query").unwrap_or_else(|| json!({"match_all": {}})),
        source: None,
        slice,
        change,
        batch,
        most: check_most(most)?,
        proceed: proceeds(conflicts.as_deref())?,
        refresh,
        pace: pace.subscribe(),
        sort: None,
    };
    let description = format!("{what} [{}]", asked.part("index"));
    start(work, wait, (action, description), pace).await
}

/// Documents at a time.
fn batch_of(given: Option<u64>) -> Result<u64, ElasticError> {
    let batch = given.unwrap_or(BATCH_DEFAULT);
    if (1..=BATCH_MAX).contains(&batch) {
        return Ok(batch);
    }
    Err(ElasticError::illegal(format!(
        "Batch size is too large, size must be less than or equal to: [{BATCH_MAX}] but was [{batch}]"
    )))
}

fn check_most(most: Option<u64>) -> Result<Option<u64>, ElasticError> {
    if most == Some(0) {
        return Err(write::invalid(
            "maxDocs should be greater than 0 if the request is limited to some number of documents or -1 if it isn't \
             but it was [0]",
        ));
    }
    Ok(most)
}

/// Whether `conflicts` says to go on.
fn proceeds(conflicts: Option<&str>) -> Result<bool, ElasticError> {
    match conflicts {
        None | Some("abort") => Ok(false),
        Some("proceed") => Ok(true),
        Some(other) => Err(ElasticError::illegal(format!(
            "conflicts may only be \"proceed\" or \"abort\" but was [{other}]"
        ))),
    }
}

/// Does the work as a task, which goes on if the client goes away; answers its outcome, or its name.
async fn start(
    work: Work,
    wait: bool,
    (action, description): (&'static str, String),
    pace: watch::Sender<Pace>,
) -> Result<(StatusCode, Json<Value>), ElasticError> {
    let tasks = work.app.tasks().clone();
    let (name, outcome) = tasks.start(&work.scope.clone(), (action, description), Some(pace), work.run())?;
    if !wait {
        return Ok((StatusCode::OK, Json(json!({"task": name}))));
    }
    let done = outcome.await.unwrap_or_else(|_| {
        Err(ElasticError::new(StatusCode::BAD_REQUEST, "task_cancelled_exception", "by user request"))
    })?;
    let worst = done["failures"].as_array().into_iter().flatten().filter_map(|f| f["status"].as_u64()).max();
    let status = worst.and_then(|status| u16::try_from(status).ok());
    let status = status.and_then(|status| StatusCode::from_u16(status).ok()).unwrap_or(StatusCode::OK);
    Ok((status, Json(done)))
}
