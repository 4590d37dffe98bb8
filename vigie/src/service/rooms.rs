use super::{settings, templates, verdicts};
use crate::{
    adapters::{
        self, BlobAdapter, ContentAdapter, DeadLetterAdapter, JobAdapter, PatternAdapter, SnapshotAdapter,
        UploadAdapter, VerdictAdapter, VerdictSink,
    },
    config::{Config, PatternsConfig},
    observability,
};
use anyhow::Context;
use api::{App, Parts, Secret, auth::Accounts};
use detect::fraud::{FraudConfig, FraudDetector};
use ingest::{
    decode::Limits,
    enrich::{Enrichment, GeoDatabases},
    intake::{Intake, IntakeParts},
    patterns::{PatternKeeper, PatternSettings},
    pipeline::Pipelines,
    redact::Redactor,
    upload::{UploadParts, UploadService},
};
use jiff::SignedDuration;
use std::{sync::Arc, time::Duration};
use store::{
    Clock,
    blobs::{BlobStore, FileBlobs},
    cache::{Cache, MemoryCache},
    data_directory::DataDirectory,
    documents::{DocumentStore, SqliteDocuments},
    logs::{
        IndexAdmin, LogStore,
        embedded::{EmbeddedLogs, EmbeddedOptions},
    },
    queue::{Queue, SqliteQueue},
    scope::Scope,
};

/// Everything that the service consists of, joined.
pub(super) struct Rooms {
    pub(super) data: DataDirectory,
    documents: Arc<dyn DocumentStore>,
    cache: Arc<dyn Cache>,
    queue: Arc<dyn Queue>,
    blobs: Arc<dyn BlobStore>,
    logs: Arc<dyn LogStore>,
    admin: Arc<dyn IndexAdmin>,
    pub(super) accounts: Arc<Accounts>,
    pub(super) enrichment: Arc<Enrichment>,
    pub(super) detector: Arc<FraudDetector>,
    pub(super) uploads: Arc<UploadService>,
    intake: Arc<Intake>,
    pipelines: Arc<Pipelines>,
    pub(super) patterns: Option<Arc<PatternKeeper>>,
    signing_secret: Secret,
}

impl Rooms {
    /// Opens the data directory and all that is in it, in the order in which the parts need each other.
    pub(super) async fn open(config: &Config) -> anyhow::Result<Self> {
        let path = config.data.clone();
        let data = blocking(move || DataDirectory::open(&path)).await?;
        let clock = Clock::system();
        let sqlite = open_documents(&data, clock.clone()).await?;
        let queue: Arc<dyn Queue> = Arc::new(SqliteQueue::new(&sqlite, clock.clone()));
        let documents: Arc<dyn DocumentStore> = Arc::new(sqlite);
        let cache: Arc<dyn Cache> = Arc::new(MemoryCache::new(config.search.cache_max_bytes, clock.clone()));
        let blobs = open_blobs(&data).await?;
        let redactor = Arc::new(Redactor::with(&secret_key(&data, "redaction")?, &config.redaction)?);
        let engine = open_logs(&data, config, redactor.clone()).await?;
        let (logs, admin): (Arc<dyn LogStore>, Arc<dyn IndexAdmin>) = (engine.clone(), engine);
        let scope = Scope::internal("start");
        templates::install(&*admin, &scope).await?;

        let history = Arc::new(VerdictAdapter::open(documents.clone()).await?);
        let detector = open_detector(&data, config, history.clone()).await?;
        verdicts::reconcile(&detector, &history, &*logs, &scope).await?;

        let enrichment = open_enrichment(&data, config)?;
        let pipelines = open_pipelines(config, &*documents, enrichment.clone()).await?;
        let dead_letters = Arc::new(DeadLetterAdapter(documents.clone()));
        let patterns = open_patterns(config, documents.clone(), clock.clone()).await?;
        let intake = Intake::new(IntakeParts {
            patterns: patterns.clone(),
            pipelines: pipelines.clone(),
            redact: redactor,
            sink: Arc::new(VerdictSink::new(detector.clone(), logs.clone())),
            dead_letters: dead_letters.clone(),
            clock: ingest::ports::system_clock(),
            limits: limits(config),
        });
        let uploads = UploadService::new(UploadParts {
            uploads: Arc::new(UploadAdapter(documents.clone())),
            contents: Arc::new(ContentAdapter(documents.clone())),
            dead_letters,
            queue: Arc::new(JobAdapter(queue.clone())),
            blobs: Arc::new(BlobAdapter(blobs.clone())),
            intake: intake.clone(),
        });
        let signing_secret = settings::signing_secret(&data, config)?;
        let accounts = Arc::new(Accounts::new(
            documents.clone(),
            cache.clone(),
            settings::accounts(config),
            &signing_secret,
            clock,
        ));
        Ok(Self {
            data,
            documents,
            cache,
            queue,
            blobs,
            logs,
            admin,
            accounts,
            enrichment,
            detector,
            uploads,
            intake,
            pipelines,
            patterns,
            signing_secret,
        })
    }

    /// What the HTTP service reaches.
    pub(super) fn app(&self, config: &Config) -> App {
        App::new(Parts {
            config: settings::api(config, self.signing_secret.clone()),
            documents: self.documents.clone(),
            cache: self.cache.clone(),
            logs: self.logs.clone(),
            admin: self.admin.clone(),
            queue: self.queue.clone(),
            blobs: self.blobs.clone(),
            accounts: self.accounts.clone(),
            metrics: observability::metrics(),
            uploads: self.uploads.clone(),
            intake: self.intake.clone(),
            pipelines: self.pipelines.clone(),
            fraud: self.detector.clone(),
        })
    }

    /// The way of events into the store.
    pub(super) fn intake(&self) -> &Arc<Intake> {
        &self.intake
    }

    /// Saves what makes the next start quick, and closes the stores.
    pub(super) async fn close(self) -> anyhow::Result<()> {
        if let Err(error) = self.detector.save_snapshot().await {
            tracing::warn!(%error, "cannot save the fraud features; the next start will read more of the history");
        }
        if let Some(patterns) = &self.patterns {
            patterns.keep_times().await;
        }
        self.logs.close().await.context("cannot close the logs")
    }
}

/// Opening files blocks: not on the async threads.
async fn blocking<T: Send + 'static, E: std::error::Error + Send + Sync + 'static>(
    open: impl FnOnce() -> Result<T, E> + Send + 'static,
) -> anyhow::Result<T> {
    Ok(tokio::task::spawn_blocking(open).await.context("opening the data directory was interrupted")??)
}

async fn open_documents(data: &DataDirectory, clock: Clock) -> anyhow::Result<SqliteDocuments> {
    let path = data.file("vigie.db");
    let collections = [adapters::COLLECTIONS, api::COLLECTIONS].concat();
    blocking(move || SqliteDocuments::open(&path, &collections, clock)).await
}

async fn open_blobs(data: &DataDirectory) -> anyhow::Result<Arc<dyn BlobStore>> {
    let directory = data.directory("blobs")?;
    let key = secret_key(data, "blobs")?;
    Ok(Arc::new(blocking(move || FileBlobs::open(&directory, key)).await?))
}

async fn open_logs(
    data: &DataDirectory,
    config: &Config,
    redactor: Arc<Redactor>,
) -> anyhow::Result<Arc<EmbeddedLogs>> {
    let directory = data.directory("logs")?;
    let days = |days: u32| (days > 0).then(|| Duration::from_secs(u64::from(days) * 24 * 60 * 60));
    let options = EmbeddedOptions {
        merge_after: days(config.logs_engine.merge_after_days),
        delete_after: days(config.logs_engine.delete_after_days),
        read_only_after: days(config.logs_engine.read_only_after_days),
        disk_max_bytes: Some(config.logs_engine.max_disk_bytes).filter(|bytes| *bytes > 0),
        indexing_memory_bytes: config.logs_engine.indexing_memory_bytes,
        open_writers_max: config.logs_engine.max_open_writers,
        redact: Some(Arc::new(move |fields| {
            redactor.fields(fields);
        })),
        ..EmbeddedOptions::default()
    };
    Ok(Arc::new(blocking(move || EmbeddedLogs::open(&directory, options)).await?))
}

async fn open_detector(
    data: &DataDirectory,
    config: &Config,
    history: Arc<VerdictAdapter>,
) -> anyhow::Result<Arc<FraudDetector>> {
    let rules = match &config.fraud.rules_file {
        Some(file) => {
            let text = tokio::fs::read(file)
                .await
                .with_context(|| format!("fraud.rules_file {}", file.display()))?;
            FraudConfig::from_json(&text).with_context(|| format!("fraud.rules_file {}", file.display()))?
        }
        None => FraudConfig::default(),
    };
    let snapshots = Arc::new(SnapshotAdapter::new(data.file("fraud-features.snapshot")));
    let clock = detect::fraud::system_clock();
    Ok(Arc::new(FraudDetector::open(history, snapshots, rules, clock).await?))
}

/// The databases and patterns that pipelines enrich with; made ready in the background, so that the start is quick.
fn open_enrichment(data: &DataDirectory, config: &Config) -> anyhow::Result<Arc<Enrichment>> {
    let directory = match &config.geo.directory {
        Some(directory) => directory.clone(),
        None => data.directory("geo")?,
    };
    let enrichment = Arc::new(Enrichment::new(GeoDatabases::with_directory(directory)));
    let warmed = enrichment.clone();
    tokio::task::spawn_blocking(move || warmed.warm());
    Ok(enrichment)
}

/// The patterns of log messages, kept as long as the logs, if messages are to get them.
async fn open_patterns(
    config: &Config,
    documents: Arc<dyn DocumentStore>,
    clock: Clock,
) -> anyhow::Result<Option<Arc<PatternKeeper>>> {
    let PatternsConfig { enabled, per_dataset_max, datasets_max, excluded_datasets } =
        config.patterns.clone();
    if !enabled {
        return Ok(None);
    }
    let days = i64::from(config.logs_engine.delete_after_days);
    let keep = (days > 0).then(|| SignedDuration::from_hours(24 * days));
    let store = Arc::new(PatternAdapter::new(documents, clock, keep));
    let settings = PatternSettings { per_dataset_max, datasets_max, excluded_datasets };
    Ok(Some(PatternKeeper::open(store, settings).await?))
}

async fn open_pipelines(
    config: &Config,
    documents: &dyn DocumentStore,
    enrichment: Arc<Enrichment>,
) -> anyhow::Result<Arc<Pipelines>> {
    let directory = config.pipelines.directory.clone();
    let open = move || {
        let pipelines = Pipelines::new(enrichment)?;
        if let Some(directory) = directory {
            pipelines.load_directory(&directory)?;
        }
        Ok::<_, ingest::pipeline::DefinitionError>(pipelines)
    };
    let pipelines = Arc::new(blocking(open).await?);
    api::restore_scripts(documents, pipelines.scripts()).await?;
    pipelines.restore(api::stored_pipelines(documents).await?)?;
    Ok(pipelines)
}

fn secret_key(data: &DataDirectory, name: &'static str) -> anyhow::Result<[u8; 32]> {
    let secret = data.secret(name, 32)?;
    secret.as_slice().try_into().context("a secret of 32 bytes has another length")
}

fn limits(config: &Config) -> Limits {
    Limits {
        upload_max_bytes: config.upload.max_size_bytes,
        expanded_max_bytes: config.upload.max_expanded_bytes,
        record_max_bytes: config.upload.max_line_bytes,
        ..Limits::default()
    }
}
