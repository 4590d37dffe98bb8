use crate::elastic::{IngestCounts, Tasks};
use crate::{
    ApiConfig, ApiError,
    auth::{Accounts, User},
    handlers::health::Checker,
    search::Answers,
};
use detect::fraud::FraudDetector;
use ingest::{intake::Intake, pipeline::Pipelines, upload::UploadService};
use metrics_exporter_prometheus::PrometheusHandle;
use parking_lot::Mutex;
use std::{collections::HashMap, sync::Arc, time::Duration};
use store::{
    blobs::BlobStore,
    cache::Cache,
    documents::DocumentStore,
    logs::{IndexAdmin, LogStore},
    queue::Queue,
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;

/// The rooms that the HTTP service speaks to. Built by the binary, which alone knows them all.
pub struct Parts {
    /// Settings.
    pub config: ApiConfig,
    /// Users, sessions, settings.
    pub documents: Arc<dyn DocumentStore>,
    /// Cached answers and counters.
    pub cache: Arc<dyn Cache>,
    /// Events.
    pub logs: Arc<dyn LogStore>,
    /// Indices and what belongs to them.
    pub admin: Arc<dyn IndexAdmin>,
    /// Jobs, for the health report.
    pub queue: Arc<dyn Queue>,
    /// Uploaded files, for the health report.
    pub blobs: Arc<dyn BlobStore>,
    /// Who may ask.
    pub accounts: Arc<Accounts>,
    /// Uploaded files and their jobs.
    pub uploads: Arc<UploadService>,
    /// Takes events in.
    pub intake: Arc<Intake>,
    /// How lines become events.
    pub pipelines: Arc<Pipelines>,
    /// Verdicts on transactions.
    pub fraud: Arc<FraudDetector>,
    /// Renders the metrics of the process; `None`: `/metrics` is empty.
    pub metrics: Option<PrometheusHandle>,
}

/// Files that may be inspected at once: each holds up to 8 MiB and a thread.
const INSPECTIONS_MAX: usize = 4;
/// Simulations of pipelines that may run at once, each in a thread of its own.
const SIMULATIONS_MAX: usize = 4;

/// Counts a live stream in, and out when dropped.
pub(crate) struct StreamPermit {
    _permit: OwnedSemaphorePermit,
    by_user: Arc<Mutex<HashMap<String, usize>>>,
    user: String,
}

impl Drop for StreamPermit {
    fn drop(&mut self) {
        let mut by_user = self.by_user.lock();
        if let Some(count) = by_user.get_mut(&self.user) {
            *count -= 1;
            if *count == 0 {
                by_user.remove(&self.user);
            }
        }
    }
}

/// What every handler can reach. Cheap to clone.
#[derive(Clone)]
pub struct App(Arc<Shared>);

struct Shared {
    parts: Parts,
    inspections: Arc<Semaphore>,
    simulations: Arc<Semaphore>,
    streams: Arc<Semaphore>,
    streams_by_user: Arc<Mutex<HashMap<String, usize>>>,
    closing: CancellationToken,
    health: Checker,
    answers: Answers,
    tasks: Arc<Tasks>,
    ingest_counts: IngestCounts,
}

impl App {
    /// Joins the rooms.
    pub fn new(parts: Parts) -> Self {
        let streams = Arc::new(Semaphore::new(parts.config.limits.streams_max));
        let answers = Answers::new(Arc::clone(&parts.cache));
        let (streams_by_user, closing) = (Arc::default(), CancellationToken::new());
        Self(Arc::new(Shared {
            parts,
            inspections: Arc::new(Semaphore::new(INSPECTIONS_MAX)),
            simulations: Arc::new(Semaphore::new(SIMULATIONS_MAX)),
            streams,
            streams_by_user,
            closing,
            health: Checker::default(),
            answers,
            tasks: Arc::default(),
            ingest_counts: IngestCounts::default(),
        }))
    }

    pub(crate) fn parts(&self) -> &Parts {
        &self.0.parts
    }

    pub(crate) fn config(&self) -> &ApiConfig {
        &self.parts().config
    }

    /// Leave for this caller to open a live stream, to be held while it lives. 429 when too many are open.
    pub(crate) fn stream_permit(&self, user: &User) -> Result<StreamPermit, ApiError> {
        let refused = || ApiError::too_many("too many live streams are open", Duration::from_secs(5));
        let permit = Arc::clone(&self.0.streams).try_acquire_owned().map_err(|_| refused())?;
        let by_user = Arc::clone(&self.0.streams_by_user);
        {
            let mut by_user = by_user.lock();
            let count = by_user.entry(user.id.clone()).or_default();
            if *count >= self.config().limits.streams_per_user_max {
                return Err(refused());
            }
            *count += 1;
        }
        Ok(StreamPermit { _permit: permit, by_user, user: user.id.clone() })
    }

    /// Leave to look at a file, to be held while that lasts. 429 when too many are looked at.
    pub(crate) fn inspect_permit(&self) -> Result<OwnedSemaphorePermit, ApiError> {
        let refused = |_| ApiError::too_many("too many files are being inspected", Duration::from_secs(1));
        Arc::clone(&self.0.inspections).try_acquire_owned().map_err(refused)
    }

    /// Leave to try a pipeline, to be held while that lasts.
    ///
    /// # Errors
    /// 429: too many are tried.
    pub fn simulate_permit(&self) -> Result<OwnedSemaphorePermit, ApiError> {
        let refused =
            |_| ApiError::too_many("too many pipelines are being simulated", Duration::from_secs(1));
        Arc::clone(&self.0.simulations).try_acquire_owned().map_err(refused)
    }

    /// Ends the live streams, which would otherwise keep their connections busy when the service stops.
    pub fn close_streams(&self) {
        self.0.closing.cancel();
    }

    /// Cancelled when live streams shall end.
    pub(crate) fn closing(&self) -> &CancellationToken {
        &self.0.closing
    }

    /// Work of the Elasticsearch port that goes on after its request was answered.
    pub(crate) fn ingest_counts(&self) -> &IngestCounts {
        &self.0.ingest_counts
    }

    /// Work that goes on behind its request.
    pub(crate) fn tasks(&self) -> &Arc<Tasks> {
        &self.0.tasks
    }

    /// Answers given before.
    pub(crate) fn answers(&self) -> &Answers {
        &self.0.answers
    }

    pub(crate) fn health(&self) -> &Checker {
        &self.0.health
    }

    pub(crate) fn cache(&self) -> &Arc<dyn Cache> {
        &self.parts().cache
    }

    pub(crate) fn accounts(&self) -> &Accounts {
        &self.parts().accounts
    }

    pub(crate) fn metrics(&self) -> Option<&PrometheusHandle> {
        self.parts().metrics.as_ref()
    }
}
