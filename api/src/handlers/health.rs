use crate::{ApiError, auth::extract::Admin, state::App};
use axum::{Json, extract::State, http::StatusCode};
use futures::FutureExt;
use serde::Serialize;
use std::{
    collections::BTreeMap,
    future::Future,
    time::{Duration, Instant},
};
use store::StoreError;
use tokio::sync::Mutex;
use utoipa::ToSchema;

/// A part that does not answer for so long is down.
const CHECK_TIMEOUT: Duration = Duration::from_secs(2);
/// So long one report answers everybody: whoever asks more often must not be a load.
const REPORT_LIFE: Duration = Duration::from_secs(1);

/// Whether the service can do its work.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct Health {
    /// `ok`, or `degraded` when a part that is configured is down.
    status: &'static str,
    /// Version of the service.
    version: String,
    /// Whether documents can be read and written.
    db: bool,
    /// Whether the cache server answers; `false` also when none is configured.
    redis: bool,
    /// Whether somebody could log in.
    auth: bool,
    /// Each part that is configured, and whether it answers.
    checks: BTreeMap<&'static str, bool>,
}

/// What `/health` does not tell everybody.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct HealthDetails {
    #[serde(flatten)]
    health: Health,
    /// Why parts are down, by part.
    errors: BTreeMap<&'static str, String>,
    /// How well the cache spares work.
    cache: CacheDetails,
    /// Upload jobs.
    queue: QueueDetails,
}

/// Lookups in the cache since the start.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CacheDetails {
    /// Lookups that found something.
    hits: u64,
    /// All lookups.
    lookups: u64,
    /// The share of the former in the latter, 0 to 1.
    hit_ratio: f64,
}

/// Jobs by state.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct QueueDetails {
    /// Waiting for a worker.
    waiting: u64,
    /// Being done.
    running: u64,
    /// Given up.
    dead: u64,
}

/// Remembers the last report for a moment.
#[derive(Default)]
pub(crate) struct Checker {
    last: Mutex<Option<(Instant, Report)>>,
}

type Report = BTreeMap<&'static str, Result<(), String>>;

impl Checker {
    /// The last report if it is fresh, else a new one, which all who ask meanwhile wait for.
    async fn report(&self, app: &App) -> Report {
        let mut last = self.last.lock().await;
        if let Some((at, report)) = last.as_ref()
            && at.elapsed() < REPORT_LIFE
        {
            return report.clone();
        }
        let report = check_all(app).await;
        *last = Some((Instant::now(), report.clone()));
        report
    }
}

async fn check_all(app: &App) -> Report {
    let parts = app.parts();
    let checks = [
        check("documents", parts.documents.health()).boxed(),
        check("logs", parts.logs.health()).boxed(),
        check("cache", parts.cache.health()).boxed(),
        check("queue", parts.queue.health()).boxed(),
        check("blobs", parts.blobs.health()).boxed(),
    ];
    futures::future::join_all(checks).await.into_iter().collect()
}

async fn check(
    name: &'static str,
    health: impl Future<Output = Result<(), StoreError>>,
) -> (&'static str, Result<(), String>) {
    let result = match tokio::time::timeout(CHECK_TIMEOUT, health).await {
        Ok(result) => result.map_err(|error| error.to_string()),
        Err(_) => Err(format!("no answer within {} s", CHECK_TIMEOUT.as_secs())),
    };
    (name, result)
}

fn summarise(app: &App, report: &Report) -> Health {
    let up = |name| report.get(name).is_some_and(Result::is_ok);
    Health {
        status: if report.values().all(Result::is_ok) { "ok" } else { "degraded" },
        version: app.config().version.clone(),
        db: up("documents"),
        redis: app.config().cache_is_remote && up("cache"),
        auth: up("documents") && up("cache"),
        checks: report.iter().map(|(name, result)| (*name, result.is_ok())).collect(),
    }
}

/// Whether the service can do its work. 503 when a part that is configured is down.
#[utoipa::path(get, path = "/health", tag = "operations", security(()),
    responses((status = 200, body = Health), (status = 503, body = Health)))]
pub(crate) async fn get_health(State(app): State<App>) -> (StatusCode, Json<Health>) {
    let report = app.health().report(&app).await;
    let health = summarise(&app, &report);
    let status = if health.status == "ok" { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(health))
}

/// The state of each part, with causes and counts.
#[utoipa::path(get, path = "/health/details", tag = "operations", responses((status = 200, body = HealthDetails)))]
pub(crate) async fn get_health_details(
    State(app): State<App>,
    Admin(_admin): Admin,
) -> Result<Json<HealthDetails>, ApiError> {
    let report = app.health().report(&app).await;
    let (hits, lookups) = app.cache().hits();
    let backlog = app.parts().queue.backlog("upload").await?;
    Ok(Json(HealthDetails {
        health: summarise(&app, &report),
        errors: report.into_iter().filter_map(|(name, result)| Some((name, result.err()?))).collect(),
        cache: CacheDetails {
            hits,
            lookups,
            hit_ratio: if lookups == 0 { 0.0 } else { hits as f64 / lookups as f64 },
        },
        queue: QueueDetails { waiting: backlog.waiting, running: backlog.running, dead: backlog.dead },
    }))
}
