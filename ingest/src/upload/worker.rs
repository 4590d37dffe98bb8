//! Workers: claim jobs, keep their leases, settle how they ended.

use super::{
    UploadRecord, UploadService, UploadState,
    job::{End, JobError, UploadJob},
};
use crate::ports::{Job, PortError, PortErrorKind};
use event::Timestamp;
use futures::FutureExt;
use jiff::SignedDuration;
use serde_json::json;
use std::{panic::AssertUnwindSafe, sync::Arc, time::Duration};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// The topic of upload jobs.
pub(super) const TOPIC: &str = "upload";
/// A job whose worker fell is handed out again after this long.
const LEASE: Duration = Duration::from_secs(30);
/// How often a lease is extended.
const HEARTBEAT: Duration = Duration::from_secs(10);
/// A worker looks for a job at least this often.
const IDLE: Duration = Duration::from_secs(5);
/// How long an upload waits for another one of the same content.
const BUSY_PAUSE: Duration = Duration::from_secs(2);
/// Attempts without any progress after which an upload is given up.
const ATTEMPTS_MAX: u32 = 5;
/// Pause before the second attempt; doubles with each.
const RETRY_PAUSE: Duration = Duration::from_secs(1);
/// How often lost jobs and files are looked for.
const SWEEP_PERIOD: Duration = Duration::from_secs(600);
/// Uploads younger than this are left alone by a sweep: they may still be on their way into the queue.
const SWEEP_MIN_AGE: SignedDuration = SignedDuration::from_secs(60);
/// Uploads per page of a sweep.
const SWEEP_PAGE: usize = 500;

impl UploadService {
    /// Runs `count` workers until `cancel` is cancelled. Returns when all have put their work down: what they hold goes on at
    /// its checkpoint after the next start.
    pub async fn run_workers(self: &Arc<Self>, cancel: CancellationToken, count: usize) {
        let mut workers = JoinSet::new();
        for _ in 0..count.max(1) {
            workers.spawn(Arc::clone(self).work(cancel.clone()));
        }
        workers.spawn(Arc::clone(self).keep_sweeping(cancel));
        workers.join_all().await;
    }

    async fn work(self: Arc<Self>, cancel: CancellationToken) {
        while !cancel.is_cancelled() {
            // Lets others run even if every store answers at once.
            tokio::task::yield_now().await;
            match self.queue.claim(TOPIC, LEASE).await {
                Ok(Some(job)) => self.attend(job, &cancel).await,
                Ok(None) => {
                    tokio::select! {
                        () = cancel.cancelled() => {}
                        // An error shows again, and is told, at the next claim.
                        _ = self.queue.wait(TOPIC, IDLE) => {}
                    }
                }
                Err(error) => {
                    tracing::error!(%error, "cannot claim upload jobs");
                    tokio::select! {
                        () = cancel.cancelled() => {}
                        () = tokio::time::sleep(IDLE) => {}
                    }
                }
            }
        }
    }

    /// Takes one job to an end of some kind.
    async fn attend(self: &Arc<Self>, job: Job, cancel: &CancellationToken) {
        let settled = match self.load(&job).await {
            Ok(Some(record)) => self.attempt(&job, record, cancel).await,
            Ok(None) => self.queue.complete(&job).await,
            Err(error) => Err(error),
        };
        match settled {
            Ok(()) => {}
            Err(error) if error.kind == PortErrorKind::Conflict => {
                tracing::warn!(job.id = %job.id, "the lease of an upload job was lost");
            }
            // The lease runs out and the job is handed out again.
            Err(error) => tracing::error!(job.id = %job.id, %error, "cannot settle an upload job"),
        }
    }

    /// The upload of a job; `None` if nothing is left to do.
    async fn load(&self, job: &Job) -> Result<Option<UploadRecord>, PortError> {
        let id = job.payload.get("upload").and_then(|id| id.as_str()).unwrap_or(&job.id);
        let record = self.uploads.get(id).await?;
        if record.as_ref().is_none_or(|record| record.upload.state.is_final()) {
            // Nobody needs the file any more, should it still be there.
            self.blobs.delete(id).await?;
            return Ok(None);
        }
        Ok(record)
    }

    async fn attempt(
        self: &Arc<Self>,
        job: &Job,
        record: UploadRecord,
        cancel: &CancellationToken,
    ) -> Result<(), PortError> {
        let id = record.upload.id.clone();
        let stop = cancel.child_token();
        self.hub.begin(&record.upload, stop.clone());
        let mut upload_job = UploadJob { service: Arc::clone(self), record, stop: stop.clone() };
        let (result, lease_lost) = {
            let run = AssertUnwindSafe(upload_job.run()).catch_unwind();
            tokio::pin!(run);
            let mut lease_lost = false;
            let result = loop {
                tokio::select! {
                    result = &mut run => break result,
                    () = self.keep_lease(job), if !lease_lost => {
                        lease_lost = true;
                        stop.cancel();
                    }
                }
            };
            (result, lease_lost)
        };
        let result = result.unwrap_or_else(|_| Err(JobError::Panicked("see the log".into())));
        let settled = self.settle(job, upload_job, result, lease_lost, cancel).await;
        self.hub.end(&id);
        settled
    }

    /// Extends the lease again and again; returns when it is lost.
    async fn keep_lease(&self, job: &Job) {
        loop {
            tokio::time::sleep(HEARTBEAT).await;
            match self.queue.extend(job, LEASE).await {
                Ok(()) => {}
                Err(error) if matches!(error.kind, PortErrorKind::Conflict | PortErrorKind::NotFound) => {
                    return;
                }
                Err(error) => tracing::warn!(job.id = %job.id, %error, "cannot extend the lease of a job"),
            }
        }
    }

    async fn settle(
        &self,
        job: &Job,
        mut upload_job: UploadJob,
        result: Result<End, JobError>,
        lease_lost: bool,
        cancel: &CancellationToken,
    ) -> Result<(), PortError> {
        match result {
            _ if lease_lost => Ok(()),
            Ok(End::Finished) => self.queue.complete(job).await,
            Ok(End::Busy) => {
                self.wait_for_other(&mut upload_job.record).await?;
                self.queue.release(job, BUSY_PAUSE).await
            }
            Ok(End::Stopped) if cancel.is_cancelled() => self.queue.release(job, Duration::ZERO).await,
            Ok(End::Stopped) => {
                let id = &upload_job.record.upload.id;
                if self.uploads.get(id).await?.is_some() {
                    // A checkpoint was refused: another worker has the job (then this is a conflict), or it was
                    // stored though the store said otherwise.
                    return self.queue.release(job, BUSY_PAUSE).await;
                }
                // Deleted: nothing may stay of what was written meanwhile.
                self.blobs.delete(id).await?;
                self.dead_letters.delete_of_upload(id).await?;
                self.queue.complete(job).await
            }
            Err(error) => self.retry_or_give_up(job, upload_job, &error).await,
        }
    }

    /// Shows that the upload waits for another of the same content; that is no failed attempt.
    async fn wait_for_other(&self, record: &mut UploadRecord) -> Result<(), PortError> {
        record.upload.state = UploadState::Queued;
        record.upload.error = Some("waiting: the same content is being read for another upload".into());
        record.idle_attempts = 0;
        self.uploads.update(record).await.map(|_| ())
    }

    async fn retry_or_give_up(
        &self,
        job: &Job,
        mut upload_job: UploadJob,
        error: &JobError,
    ) -> Result<(), PortError> {
        let attempts = upload_job.record.idle_attempts;
        tracing::error!(job.id = %job.id, attempts, error = %error, "an attempt at an upload failed");
        if attempts >= ATTEMPTS_MAX {
            let reason = format!("given up after {attempts} attempts: {error}");
            return match upload_job.finish(UploadState::Failed, Some(reason)).await {
                Ok(_) => self.queue.complete(job).await,
                Err(JobError::Port(error)) => Err(error),
                Err(other) => Err(PortError::new(PortErrorKind::Internal, other.to_string())),
            };
        }
        upload_job.record.upload.error = Some(format!("trying again after: {error}"));
        self.uploads.update(&upload_job.record).await?;
        let delay = RETRY_PAUSE * 2_u32.pow(attempts.min(8));
        // The record counts the attempts: those that got on do not matter.
        self.queue.fail(job, &error.to_string(), delay, u32::MAX).await.map(|_| ())
    }

    async fn keep_sweeping(self: Arc<Self>, cancel: CancellationToken) {
        loop {
            if let Err(error) = self.sweep().await {
                tracing::error!(%error, "cannot look for lost uploads");
            }
            tokio::select! {
                () = cancel.cancelled() => return,
                () = tokio::time::sleep(SWEEP_PERIOD) => {}
            }
        }
    }

    /// Mends what a crash left between two writes: queues uploads that have no job, removes files that nobody needs.
    async fn sweep(&self) -> Result<(), PortError> {
        let now = self.intake.now();
        let mut after = None;
        loop {
            let page = self.uploads.list(after.as_ref(), SWEEP_PAGE).await?;
            for record in &page {
                self.requeue(record, now).await?;
            }
            let Some(last) = page.last().filter(|_| page.len() == SWEEP_PAGE) else { break };
            after = Some(crate::ports::Position { at: last.upload.created_at, id: last.upload.id.clone() });
        }
        for blob in self.blobs.list().await? {
            if self.uploads.get(&blob).await?.is_none_or(|record| record.upload.state.is_final()) {
                self.blobs.delete(&blob).await?;
                tracing::info!(blob.id = %blob, "removed a file that no upload needs");
            }
        }
        Ok(())
    }

    async fn requeue(&self, record: &UploadRecord, now: Timestamp) -> Result<(), PortError> {
        let upload = &record.upload;
        if upload.state.is_final() || now.duration_since(upload.created_at) < SWEEP_MIN_AGE {
            return Ok(());
        }
        // A job that waits or runs stays as it is.
        self.queue.push(TOPIC, &upload.id, json!({ "upload": upload.id }), Duration::ZERO).await
    }
}
