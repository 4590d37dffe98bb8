//! Work that goes on after its request was answered (`wait_for_completion=false`), and `_tasks` to ask for it.
//!
//! Source: Elasticsearch reference, "Task management API".

use super::{
    error::ElasticError,
    indices::missing,
    request::Asked,
    root::NODE_ID,
    routes::{Right, Route},
};
use axum::{Json, routing::get};
use jiff::Timestamp;
use parking_lot::Mutex;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use tokio::task::JoinHandle;

/// Tasks that are remembered; beyond it the oldest finished ones are forgotten.
const REMEMBERED_MAX: usize = 1_000;
/// Tasks that may run at the same time.
const RUNNING_MAX: usize = 20;

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::new(Right::Manage, "/_tasks", get(list)),
        Route::new(Right::Manage, "/_tasks/{task}", get(one)),
        Route::new(Right::Manage, "/_tasks/{task}/_cancel", axum::routing::post(cancel)),
    ]
}

/// What is known about a task.
struct Task {
    action: &'static str,
    description: String,
    started: Timestamp,
    /// The answer, or the error, once it is done.
    outcome: Option<Result<Value, Value>>,
    handle: Option<JoinHandle<()>>,
    cancelled: bool,
}

/// The tasks of this process.
#[derive(Default)]
pub(crate) struct Tasks {
    tasks: Mutex<BTreeMap<u64, Task>>,
}

impl Tasks {
    /// Starts work in the background; answers the task's name.
    pub(super) fn start(
        self: &std::sync::Arc<Self>,
        action: &'static str,
        description: String,
        work: impl Future<Output = Result<Value, ElasticError>> + Send + 'static,
    ) -> Result<String, ElasticError> {
        let mut tasks = self.tasks.lock();
        let running = tasks.values().filter(|task| task.outcome.is_none()).count();
        if running >= RUNNING_MAX {
            return Err(ElasticError::new(
                axum::http::StatusCode::TOO_MANY_REQUESTS,
                "es_rejected_execution_exception",
                format!("{RUNNING_MAX} tasks are running already"),
            ));
        }
        let number = tasks.keys().next_back().map_or(1, |last| last + 1);
        while tasks.len() >= REMEMBERED_MAX {
            let Some(oldest) =
                tasks.iter().find(|(_, task)| task.outcome.is_some()).map(|(number, _)| *number)
            else {
                break;
            };
            tasks.remove(&oldest);
        }
        let all = self.clone();
        let handle = tokio::spawn(async move {
            let outcome = work.await.map_err(|error| error.error());
            if let Some(task) = all.tasks.lock().get_mut(&number) {
                task.outcome = Some(outcome);
            }
        });
        let task = Task {
            action,
            description,
            started: Timestamp::now(),
            outcome: None,
            handle: Some(handle),
            cancelled: false,
        };
        tasks.insert(number, task);
        Ok(format!("{NODE_ID}:{number}"))
    }
}

fn shown(number: u64, task: &Task) -> Value {
    json!({
        "node": NODE_ID,
        "id": number,
        "type": "transport",
        "action": task.action,
        "status": task.outcome.as_ref().and_then(|outcome| outcome.as_ref().ok()).cloned().unwrap_or_else(|| json!({})),
        "description": task.description,
        "start_time_in_millis": task.started.as_millisecond(),
        "running_time_in_nanos": u64::try_from((Timestamp::now() - task.started).get_nanoseconds()).unwrap_or(0),
        "cancellable": true,
        "cancelled": task.cancelled,
        "headers": {},
    })
}

async fn list(mut asked: Asked) -> Result<Json<Value>, ElasticError> {
    for name in ["actions", "detailed", "group_by", "nodes", "parent_task_id", "wait_for_completion"] {
        asked.take(name);
    }
    asked.done()?;
    let tasks = asked.app.tasks().tasks.lock();
    let running: event::Object = tasks
        .iter()
        .filter(|(_, task)| task.outcome.is_none())
        .map(|(number, task)| (format!("{NODE_ID}:{number}"), shown(*number, task)))
        .collect();
    Ok(Json(json!({"nodes": {NODE_ID: {"name": super::root::CLUSTER, "tasks": running}}})))
}

fn number_of(name: &str) -> Result<u64, ElasticError> {
    let number =
        name.rsplit_once(':').and_then(|(node, number)| (node == NODE_ID).then(|| number.parse().ok())?);
    number.ok_or_else(|| match name.contains(':') {
        true => missing(
            "resource_not_found_exception",
            format!("task [{name}] belongs to the node [{}] which isn't part of the cluster and there is no record \
                of the task", name.split(':').next().unwrap_or_default()),
        ),
        false => ElasticError::illegal(format!("malformed task id {name}")),
    })
}

async fn one(mut asked: Asked) -> Result<Json<Value>, ElasticError> {
    asked.flag("wait_for_completion", false)?;
    asked.done()?;
    let name = asked.part("task").to_owned();
    let number = number_of(&name)?;
    let tasks = asked.app.tasks().tasks.lock();
    let task = tasks.get(&number).ok_or_else(|| {
        missing(
            "resource_not_found_exception",
            format!("task [{name}] isn't running and hasn't stored its results"),
        )
    })?;
    let mut body = json!({"completed": task.outcome.is_some(), "task": shown(number, task)});
    match &task.outcome {
        Some(Ok(answer)) => body["response"] = answer.clone(),
        Some(Err(error)) => body["error"] = error.clone(),
        None => {}
    }
    Ok(Json(body))
}

async fn cancel(asked: Asked) -> Result<Json<Value>, ElasticError> {
    let number = number_of(asked.part("task"))?;
    let mut tasks = asked.app.tasks().tasks.lock();
    if let Some(task) = tasks.get_mut(&number).filter(|task| task.outcome.is_none()) {
        if let Some(handle) = task.handle.take() {
            handle.abort();
        }
        task.cancelled = true;
        task.outcome = Some(Ok(json!({"canceled": "by user request"})));
    }
    Ok(Json(json!({"node_failures": [], "nodes": {}})))
}
