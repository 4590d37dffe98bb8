use crate::{ApiConfig, auth::Accounts, handlers::health::Checker};
use metrics_exporter_prometheus::PrometheusHandle;
use std::sync::Arc;
use store::{blobs::BlobStore, cache::Cache, documents::DocumentStore, logs::LogStore, queue::Queue};
use tokio::sync::Semaphore;

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
    /// Jobs, for the health report.
    pub queue: Arc<dyn Queue>,
    /// Uploaded files, for the health report.
    pub blobs: Arc<dyn BlobStore>,
    /// Who may ask.
    pub accounts: Arc<Accounts>,
    /// Renders the metrics of the process; `None`: `/metrics` is empty.
    pub metrics: Option<PrometheusHandle>,
}

/// What every handler can reach. Cheap to clone.
#[derive(Clone)]
pub struct App(Arc<Shared>);

struct Shared {
    parts: Parts,
    streams: Arc<Semaphore>,
    health: Checker,
}

impl App {
    /// Joins the rooms.
    pub fn new(parts: Parts) -> Self {
        let streams = Arc::new(Semaphore::new(parts.config.limits.streams_max));
        Self(Arc::new(Shared { parts, streams, health: Checker::default() }))
    }

    pub(crate) fn parts(&self) -> &Parts {
        &self.0.parts
    }

    pub(crate) fn config(&self) -> &ApiConfig {
        &self.parts().config
    }

    /// One permit per live stream.
    pub(crate) fn streams(&self) -> &Arc<Semaphore> {
        &self.0.streams
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
