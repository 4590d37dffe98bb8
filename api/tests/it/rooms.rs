//! The rooms behind the service, on memory where durability is not the question.

use async_trait::async_trait;
use bytes::Bytes;
use detect::fraud::{
    FraudDetector, PortError as FraudPortError, SnapshotStore, VerdictFilter, VerdictHistory, VerdictPage,
    VerdictRecord,
};
use event::Event;
use ingest::{
    dead_letters::{DeadLetter, DeadLetterFilter},
    patterns::{Changes, Pattern},
    ports::*,
    upload::{Content, UploadRecord},
};
use parking_lot::Mutex;
use serde_json::Value;
use std::{collections::BTreeMap, io::Read, sync::Arc, time::Duration};
use store::{
    ErrorKind, StoreError,
    blobs::BlobStore,
    logs::{LogStore, Refresh, WriteResult},
    queue::Queue,
    scope::Scope,
};

fn port_error(error: StoreError) -> PortError {
    let kind = match error.kind {
        ErrorKind::NotFound => PortErrorKind::NotFound,
        ErrorKind::Conflict => PortErrorKind::Conflict,
        _ => PortErrorKind::Internal,
    };
    PortError::new(kind, error.message)
}

#[derive(Default)]
pub(crate) struct Memory {
    uploads: Mutex<BTreeMap<String, UploadRecord>>,
    contents: Mutex<BTreeMap<String, (Content, u64)>>,
    letters: Mutex<BTreeMap<String, DeadLetter>>,
    verdicts: Mutex<Vec<VerdictRecord>>,
}

#[async_trait]
impl PatternStore for Memory {
    async fn load(&self) -> Result<Vec<Pattern>, PortError> {
        Ok(Vec::new())
    }

    async fn save(&self, _changes: Changes) -> Result<(), PortError> {
        Ok(())
    }
}

#[async_trait]
impl UploadStore for Memory {
    async fn create(&self, record: &UploadRecord) -> Result<(), PortError> {
        self.uploads.lock().insert(record.upload.id.clone(), record.clone());
        Ok(())
    }

    async fn get(&self, id: &str) -> Result<Option<UploadRecord>, PortError> {
        Ok(self.uploads.lock().get(id).cloned())
    }

    async fn list(&self, after: Option<&Position>, limit: usize) -> Result<Vec<UploadRecord>, PortError> {
        let key = |record: &UploadRecord| (record.upload.created_at, record.upload.id.clone());
        let mut records: Vec<_> = self.uploads.lock().values().cloned().collect();
        records.sort_by_key(|record| std::cmp::Reverse(key(record)));
        records.retain(|record| after.is_none_or(|after| key(record) < (after.at, after.id.clone())));
        records.truncate(limit);
        Ok(records)
    }

    async fn update(&self, record: &UploadRecord) -> Result<bool, PortError> {
        let mut uploads = self.uploads.lock();
        let found = uploads.get_mut(&record.upload.id);
        Ok(found.map(|found| *found = record.clone()).is_some())
    }

    async fn delete(&self, id: &str) -> Result<bool, PortError> {
        Ok(self.uploads.lock().remove(id).is_some())
    }
}

#[async_trait]
impl ContentStore for Memory {
    async fn get(&self, digest: &str) -> Result<Option<(Content, u64)>, PortError> {
        Ok(self.contents.lock().get(digest).cloned())
    }

    async fn put(&self, content: &Content, expected: Option<u64>) -> Result<Option<u64>, PortError> {
        let mut contents = self.contents.lock();
        if contents.get(&content.digest).map(|(_, version)| *version) != expected {
            return Ok(None);
        }
        let version = expected.unwrap_or(0) + 1;
        contents.insert(content.digest.clone(), (content.clone(), version));
        Ok(Some(version))
    }
}

fn matches(letter: &DeadLetter, filter: &DeadLetterFilter) -> bool {
    filter.upload.as_ref().is_none_or(|upload| letter.upload.as_ref() == Some(upload))
        && filter.pipeline.as_ref().is_none_or(|pipeline| letter.pipeline == *pipeline)
}

#[async_trait]
impl DeadLetters for Memory {
    async fn append(&self, letters: Vec<DeadLetter>) -> Result<(), PortError> {
        self.letters.lock().extend(letters.into_iter().map(|letter| (letter.id.clone(), letter)));
        Ok(())
    }

    async fn list(
        &self,
        filter: &DeadLetterFilter,
        after: Option<&Position>,
        limit: usize,
    ) -> Result<Vec<DeadLetter>, PortError> {
        let key = |letter: &DeadLetter| (letter.at, letter.id.clone());
        let mut letters: Vec<_> =
            self.letters.lock().values().filter(|letter| matches(letter, filter)).cloned().collect();
        letters.sort_by_key(|letter| std::cmp::Reverse(key(letter)));
        letters.retain(|letter| after.is_none_or(|after| key(letter) < (after.at, after.id.clone())));
        letters.truncate(limit);
        Ok(letters)
    }

    async fn get(&self, ids: &[String]) -> Result<Vec<DeadLetter>, PortError> {
        let letters = self.letters.lock();
        Ok(ids.iter().filter_map(|id| letters.get(id).cloned()).collect())
    }

    async fn count(&self, filter: &DeadLetterFilter) -> Result<u64, PortError> {
        Ok(self.letters.lock().values().filter(|letter| matches(letter, filter)).count() as u64)
    }

    async fn delete(&self, ids: &[String]) -> Result<(), PortError> {
        self.letters.lock().retain(|id, _| !ids.contains(id));
        Ok(())
    }

    async fn delete_of_upload(&self, upload: &str) -> Result<(), PortError> {
        self.letters.lock().retain(|_, letter| letter.upload.as_deref() != Some(upload));
        Ok(())
    }
}

#[async_trait]
impl VerdictHistory for Memory {
    async fn put(&self, records: &[Arc<VerdictRecord>]) -> Result<u64, FraudPortError> {
        let mut verdicts = self.verdicts.lock();
        for record in records {
            verdicts.retain(|known| known.transaction_id != record.transaction_id);
            verdicts.push((**record).clone());
        }
        Ok(verdicts.len() as u64)
    }

    async fn get_many(&self, ids: &[String]) -> Result<Vec<Option<VerdictRecord>>, FraudPortError> {
        let verdicts = self.verdicts.lock();
        Ok(ids.iter().map(|id| verdicts.iter().find(|known| known.transaction_id == *id).cloned()).collect())
    }

    async fn list(&self, filter: &VerdictFilter) -> Result<VerdictPage, FraudPortError> {
        let verdicts = self.verdicts.lock();
        let wanted = |record: &&VerdictRecord| {
            filter.verdict.is_none_or(|verdict| record.verdict == verdict)
                && filter.min_score.is_none_or(|score| record.score >= score)
        };
        Ok(VerdictPage {
            records: verdicts.iter().rev().filter(wanted).take(filter.limit).cloned().collect(),
            next: None,
        })
    }

    async fn since(&self, _: u64, _: usize) -> Result<Vec<(u64, VerdictRecord)>, FraudPortError> {
        Ok(Vec::new())
    }
}

#[async_trait]
impl SnapshotStore for Memory {
    async fn load(&self) -> Result<Option<Vec<u8>>, FraudPortError> {
        Ok(None)
    }

    async fn save(&self, _: Vec<u8>) -> Result<(), FraudPortError> {
        Ok(())
    }
}

pub(crate) struct Jobs(pub(crate) Arc<dyn Queue>);

fn to_store(job: &Job) -> store::queue::Job {
    let Job { id, topic, payload, attempt, lease } = job.clone();
    store::queue::Job { id, topic, payload, attempt, lease }
}

#[async_trait]
impl JobQueue for Jobs {
    async fn push(&self, topic: &str, id: &str, payload: Value, delay: Duration) -> Result<(), PortError> {
        self.0.push(topic, id, payload, delay).await.map_err(port_error)
    }

    async fn claim(&self, topic: &str, lease: Duration) -> Result<Option<Job>, PortError> {
        let claimed = self.0.claim(topic, lease).await.map_err(port_error)?;
        Ok(claimed.map(|store::queue::Job { id, topic, payload, attempt, lease }| Job {
            id,
            topic,
            payload,
            attempt,
            lease,
        }))
    }

    async fn extend(&self, job: &Job, lease: Duration) -> Result<(), PortError> {
        self.0.extend(&to_store(job), lease).await.map_err(port_error)
    }

    async fn complete(&self, job: &Job) -> Result<(), PortError> {
        self.0.complete(&to_store(job)).await.map_err(port_error)
    }

    async fn fail(
        &self,
        job: &Job,
        reason: &str,
        delay: Duration,
        max_attempts: u32,
    ) -> Result<bool, PortError> {
        self.0.fail(&to_store(job), reason, delay, max_attempts).await.map_err(port_error)
    }

    async fn release(&self, job: &Job, delay: Duration) -> Result<(), PortError> {
        self.0.release(&to_store(job), delay).await.map_err(port_error)
    }

    async fn cancel(&self, id: &str) -> Result<bool, PortError> {
        self.0.cancel(id).await.map_err(port_error)
    }

    async fn wait(&self, topic: &str, timeout: Duration) -> Result<(), PortError> {
        self.0.wait(topic, timeout).await.map_err(port_error)
    }
}

pub(crate) struct Files(pub(crate) Arc<dyn BlobStore>);

struct FileWriter(Box<dyn store::blobs::BlobWriter>);

#[async_trait]
impl Blobs for Files {
    async fn create(&self, id: &str) -> Result<Box<dyn BlobWriter>, PortError> {
        Ok(Box::new(FileWriter(self.0.create(id).await.map_err(port_error)?)))
    }

    async fn open(&self, id: &str) -> Result<Box<dyn Read + Send>, PortError> {
        self.0.open(id).await.map_err(port_error)
    }

    async fn delete(&self, id: &str) -> Result<bool, PortError> {
        self.0.delete(id).await.map_err(port_error)
    }

    async fn list(&self) -> Result<Vec<String>, PortError> {
        self.0.list().await.map_err(port_error)
    }
}

#[async_trait]
impl BlobWriter for FileWriter {
    async fn write(&mut self, chunk: Bytes) -> Result<(), PortError> {
        self.0.write(chunk).await.map_err(port_error)
    }

    async fn finish(self: Box<Self>) -> Result<(), PortError> {
        self.0.finish().await.map_err(port_error)
    }
}

/// Verdicts, then the store, then the history.
pub(crate) struct Sink {
    pub(crate) detector: Arc<FraudDetector>,
    pub(crate) logs: Arc<dyn LogStore>,
}

#[async_trait]
impl EventSink for Sink {
    async fn write(&self, batch: Vec<Event>) -> Result<Vec<Outcome>, SinkError> {
        let failed = |message: String| PortError::new(PortErrorKind::Internal, message);
        let mut assessment = self.detector.assess(batch).await.map_err(|error| failed(error.to_string()))?;
        let events = assessment.take_events();
        let places: Vec<(String, String)> = events
            .iter()
            .map(|event| {
                let metadata = &event.metadata;
                (
                    metadata.index.as_deref().unwrap_or_default().to_owned(),
                    metadata.id.clone().unwrap_or_default(),
                )
            })
            .collect();
        let results =
            self.logs.write(&Scope::internal("test"), events, Refresh::Now).await.map_err(port_error)?;
        let accepted: Vec<bool> =
            results.iter().map(|result| matches!(result, WriteResult::Written { .. })).collect();
        self.detector.commit(assessment, &accepted).await;
        Ok(results
            .into_iter()
            .zip(places)
            .map(|(result, (index, id))| match result {
                WriteResult::Written { .. } => Outcome::Indexed { index, id },
                WriteResult::Refused { kind: ErrorKind::Conflict, .. } => Outcome::Duplicate { index, id },
                WriteResult::Refused { reason, .. } => Outcome::Refused { reason },
            })
            .collect())
    }
}
