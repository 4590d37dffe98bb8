//! One attempt at one upload.

use super::{
    Counts, ErrorSample, Upload, UploadRecord, UploadService, UploadState,
    scan::{Scan, Scanner},
};
use crate::{
    decode::DecodeError,
    ports::{PortError, PortErrorKind},
};
use event::Timestamp;
use std::{
    io::Read,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// Share of the progress that the first pass makes.
const SCAN_SHARE: f64 = 0.1;
/// How often the progress of the first pass is shown.
const SCAN_TICK: Duration = Duration::from_millis(250);
/// Dead letters shown with the upload.
const ERROR_SAMPLE_MAX: usize = 10;
/// So often may the service fall without the job getting on, until the job is taken to be the cause.
const CRASHES_MAX: u32 = 50;
/// Refused files of an archive that its error names.
const REFUSED_SHOWN: usize = 3;

/// How an attempt ended.
#[derive(Debug)]
pub(super) enum End {
    /// The upload is done or failed, and that is stored.
    Finished,
    /// Told to stop: the service shuts down, the upload was deleted, or the lease is lost.
    Stopped,
    /// The same content is being read for another upload: try again later.
    Busy,
}

/// Why an attempt failed that may be repeated.
#[derive(Debug, thiserror::Error)]
pub(super) enum JobError {
    /// A store failed.
    #[error(transparent)]
    Port(#[from] PortError),
    /// The uploaded file cannot be read though it is there.
    #[error(transparent)]
    Storage(DecodeError),
    /// A thread of ours fell.
    #[error("processing panicked: {0}")]
    Panicked(String),
}

/// What is wrong with the file, or with the job: whether anybody can mend it by trying again.
pub(super) enum Trouble {
    /// The file can never be read.
    File(String),
    /// The attempt failed.
    Attempt(JobError),
    /// The attempt was told to stop.
    Stopped,
}

impl From<PortError> for Trouble {
    fn from(error: PortError) -> Self {
        Self::Attempt(error.into())
    }
}

impl From<DecodeError> for Trouble {
    fn from(error: DecodeError) -> Self {
        match error {
            DecodeError::Stopped => Self::Stopped,
            DecodeError::Storage(_) => Self::Attempt(JobError::Storage(error)),
            DecodeError::Truncated(_)
            | DecodeError::Damaged(_)
            | DecodeError::Unsupported(_)
            | DecodeError::TooLarge(_) => Self::File(error.to_string()),
        }
    }
}

/// An upload in the hands of a worker.
pub(super) struct UploadJob {
    pub(super) service: Arc<UploadService>,
    pub(super) record: UploadRecord,
    pub(super) stop: CancellationToken,
}

impl UploadJob {
    /// Takes the upload as far as it goes.
    pub(super) async fn run(&mut self) -> Result<End, JobError> {
        match self.steps().await {
            Ok(end) => Ok(end),
            Err(Trouble::Stopped) => Ok(End::Stopped),
            Err(Trouble::Attempt(error)) => Err(error),
            Err(Trouble::File(reason)) => self.finish(UploadState::Failed, Some(reason)).await,
        }
    }

    async fn steps(&mut self) -> Result<End, Trouble> {
        if self.record.idle_attempts > CRASHES_MAX {
            let reason = format!("given up: the service fell {CRASHES_MAX} times while it read this file");
            return Err(Trouble::File(reason));
        }
        self.record.upload.state = UploadState::Running;
        self.record.upload.error = None;
        self.record.idle_attempts += 1;
        self.save().await?;
        if !self.record.scanned {
            self.scan().await?;
            self.save().await?;
        }
        for index in 0..self.record.members.len() {
            let member = &self.record.members[index];
            if member.finished || member.refused.is_some() {
                continue;
            }
            if !self.read_member(index).await? {
                return Ok(End::Busy);
            }
        }
        let (state, error) = self.verdict();
        self.finish(state, error).await.map_err(Trouble::Attempt)
    }

    /// The first pass.
    async fn scan(&mut self) -> Result<(), Trouble> {
        let reader = self.open_blob().await?;
        let progress = Arc::new(AtomicU64::new(0));
        let scanner = Scanner {
            limits: self.service.intake.limits,
            redact: self.service.intake.refinery.redact.clone(),
            pipelines: Arc::clone(&self.service.intake.pipelines),
            pipeline: self.record.requested_pipeline.clone(),
            dataset: self.record.upload.dataset.clone(),
            progress: Arc::clone(&progress),
            stop: self.stop.clone(),
        };
        let mut thread = tokio::task::spawn_blocking(move || scanner.scan(reader));
        let Scan { members, damage } = loop {
            match tokio::time::timeout(SCAN_TICK, &mut thread).await {
                Ok(result) => break result.map_err(panicked)??,
                Err(_) => {
                    let share =
                        progress.load(Ordering::Relaxed) as f64 / self.record.upload.size.max(1) as f64;
                    self.record.upload.progress = SCAN_SHARE * share.min(1.0);
                    self.service.hub.publish(&self.record.upload);
                }
            }
        };
        if members.is_empty() && damage.is_none() {
            return Err(Trouble::File("the zip has no files".into()));
        }
        self.record.upload.bytes_total = Some(members.iter().map(|member| member.bytes).sum());
        if let Some(pipeline) = members.iter().find_map(|member| member.pipeline.as_ref()) {
            self.record.upload.pipeline.clone_from(pipeline);
        }
        self.record.members = members;
        self.record.damage = damage;
        self.record.scanned = true;
        Ok(())
    }

    pub(super) async fn open_blob(&self) -> Result<Box<dyn Read + Send>, Trouble> {
        self.service.blobs.open(&self.record.upload.id).await.map_err(|error| match error.kind {
            PortErrorKind::NotFound => Trouble::File(
                "the file is not there: the service stopped before all of it was received".into(),
            ),
            _ => error.into(),
        })
    }

    /// Sums up what is known of the files, `current` being read up to byte `offset`, and shows it.
    pub(super) fn show(&mut self, current: usize, offset: u64) {
        let upload = &mut self.record.upload;
        upload.counts = Counts::default();
        upload.bytes_read = 0;
        for (index, member) in self.record.members.iter().enumerate() {
            upload.counts.add(member.counts);
            if member.finished || member.refused.is_some() {
                upload.bytes_read += member.bytes;
            } else if index == current {
                upload.bytes_read += offset.min(member.bytes);
            }
        }
        let share = match upload.bytes_total {
            Some(total) if total > 0 => upload.bytes_read as f64 / total as f64,
            _ => 1.0,
        };
        upload.progress = SCAN_SHARE + (1.0 - SCAN_SHARE) * share.min(1.0);
        self.service.hub.publish(upload);
    }

    /// Adds to the first dead letters that the upload shows.
    pub(super) fn show_dead(&mut self, line: u64, reason: &str) {
        let sample = &mut self.record.upload.error_sample;
        if sample.len() < ERROR_SAMPLE_MAX && sample.iter().all(|shown| shown.line != line) {
            sample.push(ErrorSample { line, reason: reason.to_owned() });
        }
    }

    /// Stores the record; stopped if it is gone.
    pub(super) async fn save(&mut self) -> Result<(), Trouble> {
        self.service.hub.publish(&self.record.upload);
        if self.service.uploads.update(&self.record).await? { Ok(()) } else { Err(Trouble::Stopped) }
    }

    fn verdict(&self) -> (UploadState, Option<String>) {
        let members = &self.record.members;
        let damage = self.record.damage.as_ref().or_else(|| members.iter().find_map(|m| m.damage.as_ref()));
        if let Some(damage) = damage {
            let Counts { indexed, duplicates, .. } = self.record.upload.counts;
            let kept = indexed + duplicates;
            return (UploadState::Failed, Some(format!("{damage}; {kept} events before that were kept")));
        }
        let refused: Vec<String> = members.iter().filter_map(refusal).collect();
        if refused.is_empty() {
            return (UploadState::Done, None);
        }
        let state = if refused.len() == members.len() { UploadState::Failed } else { UploadState::Done };
        let mut error = refused[..refused.len().min(REFUSED_SHOWN)].join("; ");
        if refused.len() > REFUSED_SHOWN {
            error.push_str(&format!("; and {} more", refused.len() - REFUSED_SHOWN));
        }
        (state, Some(error))
    }

    /// Stores the final state and removes the file.
    pub(super) async fn finish(
        &mut self,
        state: UploadState,
        error: Option<String>,
    ) -> Result<End, JobError> {
        let upload = &mut self.record.upload;
        let now = self.service.intake.now();
        upload.state = state;
        upload.error = error;
        upload.finished_at = Some(now);
        if state == UploadState::Done {
            upload.progress = 1.0;
        }
        let stored = self.service.uploads.update(&self.record).await?;
        self.service.hub.publish(&self.record.upload);
        report(&self.record.upload, now);
        if let Err(error) = self.service.blobs.delete(&self.record.upload.id).await {
            // The next sweep removes it.
            tracing::warn!(upload.id = %self.record.upload.id, %error, "cannot remove an uploaded file yet");
        }
        Ok(if stored { End::Finished } else { End::Stopped })
    }
}

fn refusal(member: &super::MemberProgress) -> Option<String> {
    let reason = member.refused.as_ref()?;
    Some(if member.name.is_empty() { reason.clone() } else { format!("{:?}: {reason}", member.name) })
}

fn report(upload: &Upload, now: Timestamp) {
    let seconds = now.duration_since(upload.created_at).as_secs_f64();
    let state = if upload.state == UploadState::Done { "done" } else { "failed" };
    metrics::histogram!("ingest_upload_seconds", "state" => state).record(seconds);
    tracing::info!(
        upload.id = %upload.id, upload.state = state, upload.lines = upload.counts.lines,
        upload.indexed = upload.counts.indexed, upload.duplicates = upload.counts.duplicates,
        upload.dead = upload.counts.dead, upload.seconds = seconds, "upload finished"
    );
}

/// What a fallen thread means.
pub(super) fn panicked(error: tokio::task::JoinError) -> Trouble {
    Trouble::Attempt(JobError::Panicked(error.to_string()))
}

/// A thread that is waited for or, if its owner falls, told to stop.
pub(super) struct Reader<T> {
    pub(super) thread: JoinHandle<T>,
    pub(super) stop: CancellationToken,
}

impl<T> Drop for Reader<T> {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}
