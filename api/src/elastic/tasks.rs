//! Work that goes on after its request was answered (`wait_for_completion=false`), and `_tasks` to ask for it.
//!
//! Source: Elasticsearch reference, "Task management API".

use super::{
    by_query::pace::Pace,
    error::ElasticError,
    indices::missing,
    request::Asked,
    root::NODE_ID,
    routes::{ElasticRight, Route},
};
use axum::{
    Json,
    routing::{get, post},
};
use jiff::Timestamp;
use parking_lot::Mutex;
use serde_json::{Value, json};
use std::{collections::BTreeMap, time::Duration};
use store::{
    logs::dsl::parse_duration,
    scope::{self, Scope, wildcard_match},
};
use tokio::{
    sync::{Notify, oneshot, watch},
    task::JoinHandle,
};

/// Tasks that are remembered; beyond it the oldest finished ones are forgotten.
const REMEMBERED_MAX: usize = 1_000;
/// Tasks that may run at the same time.
const RUNNING_MAX: usize = 20;
/// How long `wait_for_completion` waits without `timeout`.
const PATIENCE: Duration = Duration::from_secs(30);

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::new(ElasticRight::ManageAll, "/_tasks", get(list)),
        Route::new(ElasticRight::Monitor, "/_tasks/{task}", get(one)),
        Route::new(ElasticRight::ManageAll, "/_tasks/_cancel", post(cancel)),
        Route::new(ElasticRight::Monitor, "/_tasks/{task}/_cancel", post(cancel)),
    ]
}

/// What is known about a task.
struct Task {
    action: &'static str,
    /// Who has started it.
    owner: String,
    /// How fast it goes, where that can be changed.
    pace: Option<watch::Sender<Pace>>,
    description: String,
    started: Timestamp,
    /// When it was done.
    ran: Option<Timestamp>,
    /// The answer, or the error, once it is done.
    outcome: Option<Result<Value, Value>>,
    handle: Option<JoinHandle<()>>,
    cancelled: bool,
}

impl Task {
    /// What it has done; while it runs, how fast it goes.
    fn status(&self) -> Value {
        match (&self.outcome, &self.pace) {
            (Some(Ok(answer)), _) => answer.clone(),
            (None, Some(pace)) => json!({"requests_per_second": pace.borrow().shown()}),
            _ => json!({}),
        }
    }

    /// Who manages everything sees all tasks, others only their own.
    fn is_shown_to(&self, scope: &Scope) -> bool {
        self.owner == scope.subject() || scope.may(scope::IndexRight::Manage, "*")
    }
}

/// The tasks of this process.
#[derive(Default)]
pub(crate) struct Tasks {
    tasks: Mutex<BTreeMap<u64, Task>>,
    /// Told whenever one is done.
    finished: Notify,
}

/// Tells how a task ended; closed if it was cancelled.
pub(super) type Ending = oneshot::Receiver<Result<Value, ElasticError>>;

impl Tasks {
    /// Starts work of somebody in the background; answers the task's name, and what tells how it ended.
    pub(super) fn start(
        self: &std::sync::Arc<Self>,
        owner: &Scope,
        (action, description): (&'static str, String),
        pace: Option<watch::Sender<Pace>>,
        work: impl Future<Output = Result<Value, ElasticError>> + Send + 'static,
    ) -> Result<(String, Ending), ElasticError> {
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
        let (tell, ending) = oneshot::channel();
        let handle = tokio::spawn(async move {
            let outcome = work.await;
            if let Some(task) = all.tasks.lock().get_mut(&number) {
                task.outcome = Some(outcome.as_ref().map(Value::clone).map_err(ElasticError::error));
                task.ran = Some(Timestamp::now());
            }
            all.finished.notify_waiters();
            // Nobody may be waiting for it.
            let _ = tell.send(outcome);
        });
        let task = Task {
            action,
            owner: owner.subject().to_owned(),
            pace,
            description,
            started: Timestamp::now(),
            ran: None,
            outcome: None,
            handle: Some(handle),
            cancelled: false,
        };
        tasks.insert(number, task);
        Ok((format!("{NODE_ID}:{number}"), ending))
    }

    /// The tasks that run now, of these actions only.
    pub(super) fn running(&self, actions: Option<&str>) -> Vec<Value> {
        let tasks = self.tasks.lock();
        let running =
            tasks.iter().filter(|(_, task)| task.outcome.is_none() && is_wanted(actions, task.action));
        running.map(|(number, task)| shown(*number, task)).collect()
    }

    /// The task as it is now, and whether it is done; `None`: the caller knows of none.
    fn look(&self, scope: &Scope, number: u64) -> Option<(bool, Value)> {
        let tasks = self.tasks.lock();
        let task = tasks.get(&number).filter(|task| task.is_shown_to(scope))?;
        let mut body = json!({"completed": task.outcome.is_some(), "task": shown(number, task)});
        match &task.outcome {
            Some(Ok(answer)) => body["response"] = answer.clone(),
            Some(Err(error)) => body["error"] = error.clone(),
            None => {}
        }
        Some((task.outcome.is_some(), body))
    }
}

fn shown(number: u64, task: &Task) -> Value {
    let running = task.ran.unwrap_or_else(Timestamp::now) - task.started;
    json!({
        "node": NODE_ID,
        "id": number,
        "type": "transport",
        "action": task.action,
        "status": task.status(),
        "description": task.description,
        "start_time_in_millis": task.started.as_millisecond(),
        "running_time_in_nanos": u64::try_from(running.total(jiff::Unit::Nanosecond).unwrap_or(0.0) as i64).unwrap_or(0),
        "cancellable": true,
        "cancelled": task.cancelled,
        "headers": {},
    })
}

/// Whether one of the actions is meant, which may be patterns.
fn is_wanted(actions: Option<&str>, action: &str) -> bool {
    actions.is_none_or(|actions| actions.split(',').any(|pattern| wildcard_match(pattern.trim(), action)))
}

async fn list(mut asked: Asked) -> Result<Json<Value>, ElasticError> {
    let actions = asked.take("actions");
    let detailed = asked.flag("detailed", false)?;
    let group_by = asked.take("group_by").unwrap_or_else(|| "nodes".to_owned());
    for name in ["nodes", "node_id", "parent_task_id", "wait_for_completion"] {
        asked.take(name);
    }
    asked.done()?;
    let tasks = asked.app.tasks().tasks.lock();
    let running = tasks
        .iter()
        .filter(|(_, task)| task.outcome.is_none() && is_wanted(actions.as_deref(), task.action))
        .map(|(number, task)| {
            let mut body = shown(*number, task);
            if let Some(body) = body.as_object_mut().filter(|_| !detailed) {
                body.shift_remove("description");
                body.shift_remove("status");
            }
            (format!("{NODE_ID}:{number}"), body)
        });
    Ok(Json(match group_by.as_str() {
        "nodes" => {
            let tasks: event::Object = running.collect();
            let nodes = match tasks.is_empty() {
                true => json!({}),
                false => json!({NODE_ID: {"name": super::root::CLUSTER, "tasks": tasks}}),
            };
            json!({"nodes": nodes})
        }
        "parents" => json!({"tasks": running.collect::<event::Object>()}),
        "none" => json!({"tasks": running.map(|(_, body)| body).collect::<Vec<_>>()}),
        other => {
            let reason =
                format!("unknown value [{other}] of [group_by], must be one of [nodes, parents, none]");
            return Err(ElasticError::illegal(reason));
        }
    }))
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
    let wait = asked.flag("wait_for_completion", false)?;
    let patience = match asked.take("timeout") {
        Some(text) => parse_duration(&text).ok_or_else(|| {
            ElasticError::illegal(format!(
                "failed to parse setting [timeout] with value [{text}] as a time value"
            ))
        })?,
        None => PATIENCE,
    };
    asked.done()?;
    let name = asked.part("task").to_owned();
    let number = number_of(&name)?;
    let tasks = asked.app.tasks().clone();
    let until = tokio::time::Instant::now() + patience;
    loop {
        // Asked for before looking, so that an ending in between is not missed.
        let finished = tasks.finished.notified();
        let (is_done, body) = tasks.look(&asked.scope, number).ok_or_else(|| {
            missing(
                "resource_not_found_exception",
                format!("task [{name}] isn't running and hasn't stored its results"),
            )
        })?;
        if is_done || !wait {
            return Ok(Json(body));
        }
        if tokio::time::timeout_at(until, finished).await.is_err() {
            return Err(ElasticError::new(
                axum::http::StatusCode::INTERNAL_SERVER_ERROR,
                "timeout_exception",
                format!("Timed out waiting for completion of task [{name}]"),
            ));
        }
    }
}

/// Changes how fast a running task goes (`_rethrottle`).
pub(super) async fn rethrottle(mut asked: Asked) -> Result<Json<Value>, ElasticError> {
    let pace = Pace::take_new(&mut asked)?;
    asked.take("group_by");
    asked.done()?;
    let name = asked.part("task").to_owned();
    let number = number_of(&name)?;
    let tasks = asked.app.tasks().tasks.lock();
    let running = tasks.get(&number).filter(|task| task.outcome.is_none() && task.is_shown_to(&asked.scope));
    let Some((task, sender)) = running.and_then(|task| Some((task, task.pace.as_ref()?))) else {
        let reason = format!("task [{name}] is missing");
        return Err(missing("resource_not_found_exception", reason));
    };
    sender.send_replace(pace);
    let tasks = event::Object::from_iter([(name, shown(number, task))]);
    Ok(Json(json!({"nodes": {NODE_ID: {"name": super::root::CLUSTER, "tasks": tasks}}})))
}

/// Cancels a task, or all that the parameters mean.
async fn cancel(mut asked: Asked) -> Result<Json<Value>, ElasticError> {
    let actions = asked.take("actions");
    for name in ["nodes", "parent_task_id", "wait_for_completion"] {
        asked.take(name);
    }
    asked.done()?;
    let only = Some(asked.part("task")).filter(|task| !task.is_empty()).map(number_of).transpose()?;
    let mut tasks = asked.app.tasks().tasks.lock();
    let mut cancelled = event::Object::new();
    for (number, task) in tasks.iter_mut() {
        let is_meant = only.is_none_or(|only| only == *number)
            && is_wanted(actions.as_deref(), task.action)
            && task.is_shown_to(&asked.scope);
        if !is_meant || task.outcome.is_some() {
            continue;
        }
        if let Some(handle) = task.handle.take() {
            handle.abort();
        }
        task.cancelled = true;
        task.ran = Some(Timestamp::now());
        task.outcome = Some(Ok(json!({"canceled": "by user request"})));
        cancelled.insert(format!("{NODE_ID}:{number}"), shown(*number, task));
    }
    if let Some(number) =
        only.filter(|number| !tasks.get(number).is_some_and(|task| task.is_shown_to(&asked.scope)))
    {
        let reason = format!("task [{NODE_ID}:{number}] is not found");
        return Err(missing("resource_not_found_exception", reason));
    }
    asked.app.tasks().finished.notify_waiters();
    let nodes = match cancelled.is_empty() {
        true => json!({}),
        false => json!({NODE_ID: {"name": super::root::CLUSTER, "tasks": cancelled}}),
    };
    Ok(Json(json!({"nodes": nodes})))
}
