//! The outside of the ingest room, made of plain files in a directory, so that it survives a "crash": every task is dropped
//! and the directory is opened again.

use async_trait::async_trait;
use bytes::Bytes;
use event::{Event, Timestamp};
use ingest::{
    dead_letters::{DeadLetter, DeadLetterFilter},
    decode::Limits,
    intake::{
        EventPipeline, Guess, Intake, IntakeParts, Passage, PipelineSet, ProcessorFailure, Redact, Takes,
    },
    patterns::{Changes, Pattern, PatternKeeper, PatternSettings, Patterns},
    ports::*,
    upload::{Content, NewUpload, Upload, UploadParts, UploadRecord, UploadService},
};
use parking_lot::Mutex;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, HashMap, HashSet},
    fs,
    io::{Read, Write},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio_util::sync::CancellationToken;

pub(crate) const NOW: &str = "2026-11-21T12:00:00Z";

/// What the sink does wrong.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Fault {
    /// Writes half of the batch, then answers with an error of this kind.
    Half(PortErrorKind),
    /// Writes half of the batch, then never answers: as if the machine had gone.
    Hang,
}

/// Everything outside, over one directory.
pub(crate) struct World {
    directory: PathBuf,
    /// One writer at a time, as in a store.
    lock: Mutex<()>,
    /// Jobs that are in the hands of a worker; forgotten in a crash, as leases run out.
    leased: Mutex<HashMap<String, String>>,
    leases: AtomicU64,
    /// When jobs may be handed out that were given back.
    due: Mutex<HashMap<String, tokio::time::Instant>>,
    pushed: tokio::sync::Notify,
    /// `_id`s of events that are stored, with their lines: `events.ndjson`.
    stored: Mutex<HashMap<String, String>>,
    /// Batches before the next fault.
    faults: Mutex<Vec<(u64, Fault)>>,
    batches: AtomicU64,
    pub(crate) hung: tokio::sync::Notify,
    clock_ms: AtomicI64,
    /// Whether messages get ids of patterns.
    pub(crate) with_patterns: AtomicBool,
}

fn internal(error: impl std::fmt::Display) -> PortError {
    PortError::new(PortErrorKind::Internal, error.to_string())
}

impl World {
    pub(crate) fn open(directory: &Path) -> Arc<Self> {
        for name in ["uploads", "contents", "dead", "blobs", "jobs", "patterns"] {
            fs::create_dir_all(directory.join(name)).unwrap();
        }
        let events = fs::read_to_string(directory.join("events.ndjson")).unwrap_or_default();
        let stored = events.lines().map(|line| {
            let event: Value = serde_json::from_str(line).unwrap();
            (event["_id"].as_str().unwrap().to_owned(), line.to_owned())
        });
        let start: Timestamp = NOW.parse().unwrap();
        Arc::new(Self {
            directory: directory.to_owned(),
            lock: Mutex::default(),
            leased: Mutex::default(),
            leases: AtomicU64::new(0),
            due: Mutex::default(),
            pushed: tokio::sync::Notify::new(),
            stored: Mutex::new(stored.collect()),
            faults: Mutex::default(),
            batches: AtomicU64::new(0),
            hung: tokio::sync::Notify::new(),
            clock_ms: AtomicI64::new(start.as_millisecond()),
            with_patterns: AtomicBool::new(false),
        })
    }

    /// Makes the sink fail once, at the batch of that number from now (0 is the next).
    pub(crate) fn fail_at(&self, batch: u64, fault: Fault) {
        self.faults.lock().push((self.batches.load(Ordering::SeqCst) + batch, fault));
    }

    /// A service with the pipelines of this module.
    pub(crate) fn service(self: &Arc<Self>, limits: Limits) -> (Arc<UploadService>, Arc<Intake>) {
        self.service_with(Arc::new(TestPipelines), Arc::new(TestRedactor), limits)
    }

    pub(crate) fn service_with(
        self: &Arc<Self>,
        pipelines: Arc<dyn PipelineSet>,
        redact: Arc<dyn Redact>,
        limits: Limits,
    ) -> (Arc<UploadService>, Arc<Intake>) {
        let clock_of = Arc::clone(self);
        let clock: Clock = Arc::new(move || {
            // Each look at the clock is a millisecond later: no two uploads at the same time.
            Timestamp::from_millisecond(clock_of.clock_ms.fetch_add(1, Ordering::SeqCst)).unwrap()
        });
        let patterns = self.with_patterns.load(Ordering::SeqCst).then(|| {
            let kept = self.all("patterns").unwrap();
            PatternKeeper::new(self.clone(), Patterns::restored(PatternSettings::default(), kept))
        });
        let intake = Intake::new(IntakeParts {
            patterns,
            pipelines,
            redact,
            sink: self.clone(),
            dead_letters: self.clone(),
            clock,
            limits,
        });
        let service = UploadService::new(UploadParts {
            uploads: self.clone(),
            contents: self.clone(),
            dead_letters: self.clone(),
            queue: self.clone(),
            blobs: self.clone(),
            intake: intake.clone(),
        });
        (service, intake)
    }

    /// The stored events in the order of their writing.
    pub(crate) fn events(&self) -> Vec<Value> {
        // Not in the middle of a batch: its last line may be there by half.
        let _stored = self.stored.lock();
        let text = fs::read_to_string(self.directory.join("events.ndjson")).unwrap_or_default();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    pub(crate) fn blob_count(&self) -> usize {
        fs::read_dir(self.directory.join("blobs")).unwrap().count()
    }

    pub(crate) fn job_count(&self) -> usize {
        fs::read_dir(self.directory.join("jobs")).unwrap().count()
    }

    fn path(&self, kind: &str, id: &str) -> PathBuf {
        self.directory.join(kind).join(id)
    }

    fn read<T: DeserializeOwned>(&self, kind: &str, id: &str) -> Result<Option<T>, PortError> {
        match fs::read(self.path(kind, id)) {
            Ok(bytes) => serde_json::from_slice(&bytes).map(Some).map_err(internal),
            Err(_) => Ok(None),
        }
    }

    fn write<T: Serialize>(&self, kind: &str, id: &str, value: &T) -> Result<(), PortError> {
        let path = self.path(kind, id);
        let temporary = self.directory.join(format!("{kind}-{id}.tmp"));
        fs::write(&temporary, serde_json::to_vec(value).map_err(internal)?).map_err(internal)?;
        fs::rename(temporary, path).map_err(internal)
    }

    fn remove(&self, kind: &str, id: &str) -> bool {
        fs::remove_file(self.path(kind, id)).is_ok()
    }

    fn ids(&self, kind: &str) -> Vec<String> {
        let entries = fs::read_dir(self.directory.join(kind)).unwrap();
        let mut ids: Vec<String> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        ids.sort();
        ids
    }

    fn all<T: DeserializeOwned>(&self, kind: &str) -> Result<Vec<T>, PortError> {
        self.ids(kind).iter().filter_map(|id| self.read(kind, id).transpose()).collect()
    }

    fn store(&self, events: &[Event]) -> Result<Vec<Outcome>, PortError> {
        let mut stored = self.stored.lock();
        let mut file = fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(self.directory.join("events.ndjson"))
            .map_err(internal)?;
        let mut outcomes = Vec::new();
        for event in events {
            let index = event.metadata.index.as_deref().expect("every event has an index").to_owned();
            let id = event.metadata.id.clone().expect("every event has an id");
            assert_eq!(event.fields["event"]["id"], Value::from(id.as_str()));
            assert!(event.metadata.timestamp.is_some());
            if event.fields.get("refuse").is_some() {
                outcomes.push(Outcome::Refused { reason: "refused as asked".into() });
            } else if stored.contains_key(&id) {
                outcomes.push(Outcome::Duplicate { index, id });
            } else {
                let line = json!({"_id": id, "_index": index, "_source": event.fields}).to_string();
                writeln!(file, "{line}").map_err(internal)?;
                stored.insert(id.clone(), line);
                outcomes.push(Outcome::Indexed { index, id });
            }
        }
        Ok(outcomes)
    }
}

#[async_trait]
impl EventSink for World {
    async fn write(&self, batch: Vec<Event>) -> Result<Vec<Outcome>, SinkError> {
        let number = self.batches.fetch_add(1, Ordering::SeqCst);
        let fault = {
            let mut faults = self.faults.lock();
            let at = faults.iter().position(|(at, _)| *at == number);
            at.map(|at| faults.remove(at).1)
        };
        match fault {
            None => self.store(&batch),
            Some(Fault::Half(kind)) => {
                self.store(&batch[..batch.len() / 2])?;
                let retry_after = Some(Duration::from_millis(1));
                Err(PortError { retry_after, ..PortError::new(kind, "failed as asked") })
            }
            Some(Fault::Hang) => {
                self.store(&batch[..batch.len() / 2])?;
                self.hung.notify_one();
                std::future::pending().await
            }
        }
    }
}

#[async_trait]
impl PatternStore for World {
    async fn load(&self) -> Result<Vec<Pattern>, PortError> {
        self.all("patterns")
    }

    async fn save(&self, changes: Changes) -> Result<(), PortError> {
        for id in changes.gone {
            self.remove("patterns", &id.to_string());
        }
        changes
            .changed
            .iter()
            .try_for_each(|pattern| self.write("patterns", &pattern.id.to_string(), pattern))
    }
}

#[async_trait]
impl UploadStore for World {
    async fn create(&self, record: &UploadRecord) -> Result<(), PortError> {
        self.write("uploads", &record.upload.id, record)
    }

    async fn get(&self, id: &str) -> Result<Option<UploadRecord>, PortError> {
        self.read("uploads", id)
    }

    async fn list(&self, after: Option<&Position>, limit: usize) -> Result<Vec<UploadRecord>, PortError> {
        let all: Vec<UploadRecord> = self.all("uploads")?;
        let key = |record: &UploadRecord| (record.upload.created_at, record.upload.id.clone());
        Ok(newest(all, key, after, limit))
    }

    async fn update(&self, record: &UploadRecord) -> Result<bool, PortError> {
        let _one = self.lock.lock();
        let there = self.path("uploads", &record.upload.id).exists();
        if there {
            self.write("uploads", &record.upload.id, record)?;
        }
        Ok(there)
    }

    async fn delete(&self, id: &str) -> Result<bool, PortError> {
        let _one = self.lock.lock();
        Ok(self.remove("uploads", id))
    }
}

fn newest<T>(
    mut all: Vec<T>,
    key: impl Fn(&T) -> (Timestamp, String),
    after: Option<&Position>,
    limit: usize,
) -> Vec<T> {
    all.sort_by_key(|item| std::cmp::Reverse(key(item)));
    all.retain(|item| after.is_none_or(|after| key(item) < (after.at, after.id.clone())));
    all.truncate(limit);
    all
}

#[async_trait]
impl ContentStore for World {
    async fn get(&self, digest: &str) -> Result<Option<(Content, u64)>, PortError> {
        self.read("contents", digest)
    }

    async fn put(&self, content: &Content, expected: Option<u64>) -> Result<Option<u64>, PortError> {
        let _one = self.lock.lock();
        let found: Option<(Content, u64)> = self.read("contents", &content.digest)?;
        if found.map(|found| found.1) != expected {
            return Ok(None);
        }
        let version = expected.unwrap_or(0) + 1;
        self.write("contents", &content.digest, &(content, version))?;
        Ok(Some(version))
    }
}

#[async_trait]
impl DeadLetters for World {
    async fn append(&self, letters: Vec<DeadLetter>) -> Result<(), PortError> {
        letters.iter().try_for_each(|letter| self.write("dead", &letter.id, letter))
    }

    async fn list(
        &self,
        filter: &DeadLetterFilter,
        after: Option<&Position>,
        limit: usize,
    ) -> Result<Vec<DeadLetter>, PortError> {
        let mut all: Vec<DeadLetter> = self.all("dead")?;
        all.retain(|letter| {
            filter.upload.as_ref().is_none_or(|upload| letter.upload.as_ref() == Some(upload))
        });
        all.retain(|letter| filter.pipeline.as_ref().is_none_or(|pipeline| letter.pipeline == *pipeline));
        Ok(newest(all, |letter| (letter.at, letter.id.clone()), after, limit))
    }

    async fn get(&self, ids: &[String]) -> Result<Vec<DeadLetter>, PortError> {
        ids.iter().filter_map(|id| self.read("dead", id).transpose()).collect()
    }

    async fn count(&self, filter: &DeadLetterFilter) -> Result<u64, PortError> {
        Ok(DeadLetters::list(self, filter, None, usize::MAX).await?.len() as u64)
    }

    async fn delete(&self, ids: &[String]) -> Result<(), PortError> {
        ids.iter().for_each(|id| {
            self.remove("dead", id);
        });
        Ok(())
    }

    async fn delete_of_upload(&self, upload: &str) -> Result<(), PortError> {
        let filter = DeadLetterFilter { upload: Some(upload.into()), pipeline: None };
        let all = DeadLetters::list(self, &filter, None, usize::MAX).await?;
        let ids: Vec<String> = all.into_iter().map(|letter| letter.id).collect();
        DeadLetters::delete(self, &ids).await
    }
}

#[async_trait]
impl JobQueue for World {
    async fn push(&self, topic: &str, id: &str, payload: Value, _delay: Duration) -> Result<(), PortError> {
        let _one = self.lock.lock();
        if !self.path("jobs", id).exists() {
            self.write("jobs", id, &(topic, payload, 0_u32))?;
        }
        self.pushed.notify_waiters();
        Ok(())
    }

    async fn claim(&self, topic: &str, _lease: Duration) -> Result<Option<Job>, PortError> {
        let _one = self.lock.lock();
        for id in self.ids("jobs") {
            let Some((of, payload, attempt)) = self.read::<(String, Value, u32)>("jobs", &id)? else {
                continue;
            };
            let early = self.due.lock().get(&id).is_some_and(|due| *due > tokio::time::Instant::now());
            if of != topic || early || self.leased.lock().contains_key(&id) {
                continue;
            }
            let attempt = attempt + 1;
            self.write("jobs", &id, &(&of, &payload, attempt))?;
            let lease = self.leases.fetch_add(1, Ordering::SeqCst).to_string();
            self.leased.lock().insert(id.clone(), lease.clone());
            return Ok(Some(Job { id, topic: of, payload, attempt, lease }));
        }
        Ok(None)
    }

    async fn extend(&self, job: &Job, _lease: Duration) -> Result<(), PortError> {
        self.held(job)
    }

    async fn complete(&self, job: &Job) -> Result<(), PortError> {
        self.held(job)?;
        self.remove("jobs", &job.id);
        self.leased.lock().remove(&job.id);
        Ok(())
    }

    async fn fail(
        &self,
        job: &Job,
        _reason: &str,
        delay: Duration,
        _max_attempts: u32,
    ) -> Result<bool, PortError> {
        self.release(job, delay).await.map(|()| true)
    }

    async fn release(&self, job: &Job, delay: Duration) -> Result<(), PortError> {
        self.held(job)?;
        // Time runs faster here.
        self.due.lock().insert(job.id.clone(), tokio::time::Instant::now() + delay / 100);
        self.leased.lock().remove(&job.id);
        self.pushed.notify_waiters();
        Ok(())
    }

    async fn cancel(&self, id: &str) -> Result<bool, PortError> {
        Ok(!self.leased.lock().contains_key(id) && self.remove("jobs", id))
    }

    async fn wait(&self, _topic: &str, _timeout: Duration) -> Result<(), PortError> {
        // A push between a claim and this is noticed after a moment.
        let _ = tokio::time::timeout(Duration::from_millis(5), self.pushed.notified()).await;
        Ok(())
    }
}

impl World {
    fn held(&self, job: &Job) -> Result<(), PortError> {
        if self.leased.lock().get(&job.id) == Some(&job.lease) {
            Ok(())
        } else {
            Err(PortError::new(PortErrorKind::Conflict, "lease lost"))
        }
    }
}

struct FileBlob {
    file: fs::File,
    temporary: PathBuf,
    path: PathBuf,
}

impl Drop for FileBlob {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.temporary);
    }
}

#[async_trait]
impl BlobWriter for FileBlob {
    async fn write(&mut self, chunk: Bytes) -> Result<(), PortError> {
        self.file.write_all(&chunk).map_err(internal)
    }

    async fn finish(self: Box<Self>) -> Result<(), PortError> {
        fs::rename(&self.temporary, &self.path).map_err(internal)
    }
}

#[async_trait]
impl Blobs for World {
    async fn create(&self, id: &str) -> Result<Box<dyn BlobWriter>, PortError> {
        let temporary = self.directory.join(format!("{id}.part"));
        let file = fs::File::create(&temporary).map_err(internal)?;
        Ok(Box::new(FileBlob { file, temporary, path: self.path("blobs", id) }))
    }

    async fn open(&self, id: &str) -> Result<Box<dyn Read + Send>, PortError> {
        let file = fs::File::open(self.path("blobs", id))
            .map_err(|error| PortError::new(PortErrorKind::NotFound, error.to_string()))?;
        Ok(Box::new(file))
    }

    async fn delete(&self, id: &str) -> Result<bool, PortError> {
        Ok(self.remove("blobs", id))
    }

    async fn list(&self) -> Result<Vec<String>, PortError> {
        Ok(self.ids("blobs"))
    }
}

/// Three pipelines: `text` takes any line, `strict` fails on lines with `bad` until it is mended, `json` takes objects.
struct TestPipelines;

/// Whether `strict` was mended, by the thread's test: a file in the directory would be no simpler.
pub(crate) static MENDED: Mutex<Option<HashSet<String>>> = Mutex::new(None);

struct TestPipeline {
    name: String,
    takes: Takes,
}

impl PipelineSet for TestPipelines {
    fn get(&self, name: &str) -> Option<Arc<dyn EventPipeline>> {
        let takes = match name {
            "json" => Takes::Objects,
            "text" => Takes::Lines,
            name if name.starts_with("strict") => Takes::Lines,
            _ => return None,
        };
        Some(Arc::new(TestPipeline { name: name.to_owned(), takes }))
    }

    fn detect(&self, sample: &[&str]) -> Guess {
        let json = sample.iter().filter(|record| record.starts_with('{')).count() * 2 > sample.len();
        let pipeline = if json { "json" } else { "text" }.to_owned();
        Guess { pipeline, is_own: false, share: 1.0 }
    }

    fn for_dataset(&self, dataset: &str) -> Option<String> {
        (dataset == "strict.dataset").then(|| "strict".to_owned())
    }
}

impl EventPipeline for TestPipeline {
    fn takes(&self) -> Takes {
        self.takes
    }

    fn index_prefix(&self) -> Option<&str> {
        None
    }

    fn run(&self, event: &mut Event) -> Result<Passage, ProcessorFailure> {
        let message = event.fields.get("message").and_then(Value::as_str).unwrap_or_default();
        if message.contains("drop me") {
            return Ok(Passage::Drop);
        }
        let mended = MENDED.lock().as_ref().is_some_and(|names| names.contains(&self.name));
        if self.name.starts_with("strict") && message.contains("bad") && !mended {
            let reason = format!("cannot take {message:?}");
            return Err(ProcessorFailure { processor: "grok".into(), tag: Some("line".into()), reason });
        }
        Ok(Passage::Continue)
    }
}

/// Hides one well-known test number.
struct TestRedactor;

impl Redact for TestRedactor {
    fn redact(&self, event: &mut Event) -> bool {
        let before = event.clone();
        let hide = |text: &mut String| *text = text.replace("4111111111111111", "card:****1111");
        event.fields.values_mut().for_each(|value| {
            if let Value::String(text) = value {
                hide(text);
            }
        });
        event.metadata.original.iter_mut().for_each(hide);
        *event != before
    }

    fn redact_text(&self, text: String) -> String {
        text.replace("4111111111111111", "card:****1111")
    }
}

/// Workers that run until dropped; dropping is a crash.
pub(crate) struct Workers {
    cancel: CancellationToken,
    task: tokio::task::JoinHandle<()>,
}

impl Workers {
    pub(crate) fn start(service: &Arc<UploadService>, count: usize) -> Self {
        let cancel = CancellationToken::new();
        let (service, token) = (service.clone(), cancel.clone());
        Self { cancel, task: tokio::spawn(async move { service.run_workers(token, count).await }) }
    }

    /// Stops as a service that is told to.
    pub(crate) async fn stop(self) {
        self.cancel.cancel();
        self.task.await.unwrap();
    }

    /// Stops as a service that is killed: no task of it runs on.
    pub(crate) async fn crash(self) {
        self.task.abort();
        assert!(self.task.await.unwrap_err().is_cancelled());
    }
}

pub(crate) async fn send(service: &Arc<UploadService>, name: &str, pipeline: &str, bytes: &[u8]) -> Upload {
    let new =
        NewUpload { name: name.into(), uploader: "tester".into(), pipeline: pipeline.into(), dataset: None };
    let mut writer = service.begin(new).await.unwrap();
    for chunk in bytes.chunks(10_000) {
        writer.write(Bytes::copy_from_slice(chunk)).await.unwrap();
    }
    writer.finish().await.unwrap()
}

/// Uploads a file and waits for its end.
pub(crate) async fn process(
    service: &Arc<UploadService>,
    name: &str,
    pipeline: &str,
    bytes: &[u8],
) -> Upload {
    let upload = send(service, name, pipeline, bytes).await;
    let ended = tokio::time::timeout(Duration::from_secs(60), service.wait(&upload.id)).await;
    ended.expect("the upload ends").unwrap()
}

/// The messages of all stored events, sorted.
pub(crate) fn messages(world: &World) -> Vec<String> {
    let mut all: Vec<String> =
        world.events().iter().map(|event| event["_source"]["message"].as_str().unwrap().to_owned()).collect();
    all.sort();
    all
}

/// So many distinct lines.
pub(crate) fn lines(count: usize) -> Vec<u8> {
    (0..count).flat_map(|n| format!("line {n:06} with {}\n", n * 7919 % 10_007).into_bytes()).collect()
}

/// The events by index.
pub(crate) fn by_index(world: &World) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for event in world.events() {
        *counts.entry(event["_index"].as_str().unwrap().to_owned()).or_default() += 1;
    }
    counts
}
