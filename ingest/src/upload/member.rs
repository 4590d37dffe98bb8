//! The second pass over one file of an upload: claims its content, writes batch by batch, keeps checkpoints.

use super::{
    Content, MemberProgress,
    job::{JobError, Reader, Trouble, UploadJob, panicked},
    read::MemberReader,
};
use crate::{
    decode::Resume,
    intake::{Batch, Context, FileContext, SourceContext, deliver},
    ports::PortError,
};
use std::{sync::Arc, time::Duration};
use tokio::{sync::mpsc, time::Instant};
use tokio_util::sync::CancellationToken;

/// Batches that may wait for the writer.
const BATCHES_AHEAD: usize = 2;
/// Checkpoints are stored no more often.
const CHECKPOINT_PAUSE: Duration = Duration::from_millis(500);
/// So far beyond the last checkpoint may records be sent before the next one must be stored.
const RESERVED_BYTES: u64 = 64 << 20;
/// Pauses before a store that is overloaded, full or away is tried again.
const RETRY_PAUSES: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(30));

/// What may be done with a content.
enum Claim {
    /// It is ours to read, from its checkpoint on.
    Ours(Claimed),
    /// It is stored already.
    Stored(Content),
    /// Another upload's job reads it.
    Busy,
}

/// A content that is ours, with the version for the next write.
struct Claimed {
    content: Content,
    version: u64,
    /// Duplicates below this byte were stored by an earlier attempt of this upload.
    own_below: u64,
    /// When the last checkpoint was stored.
    saved_at: Instant,
}

impl UploadJob {
    /// Reads one file to its end; `false` if its content is being read for another upload.
    pub(super) async fn read_member(&mut self, index: usize) -> Result<bool, Trouble> {
        let digest = self.record.members[index].digest.clone();
        let mut claimed = match self.claim(index, &digest).await? {
            Claim::Busy => return Ok(false),
            Claim::Stored(content) => {
                self.take_stored(index, &content);
                self.save().await?;
                return Ok(true);
            }
            Claim::Ours(claimed) => claimed,
        };
        let context = self.context(index, &claimed.content)?;
        let written = self.write_member(index, &context, &mut claimed).await;
        if let Err(Trouble::Stopped) = written {
            // Spares the next attempt what this one has done; without it nothing is wrong.
            let _ = self.save_content(&mut claimed).await;
        }
        let damage = written?;
        claimed.content.complete = true;
        claimed.content.damage.clone_from(&damage);
        self.save_content(&mut claimed).await?;
        let member = &mut self.record.members[index];
        member.finished = true;
        member.damage = damage;
        self.show(index, 0);
        self.record.idle_attempts = 0;
        self.save().await?;
        Ok(true)
    }

    async fn claim(&self, index: usize, digest: &str) -> Result<Claim, Trouble> {
        let me = &self.record.upload;
        let contents = &self.service.contents;
        loop {
            let (mut content, expected, own_below) = match contents.get(digest).await? {
                None => (Content::new(digest, me), None, 0),
                Some((content, _)) if content.complete => return Ok(Claim::Stored(content)),
                Some((content, version)) if content.owner == me.id => {
                    let own_below = content.reserved_offset;
                    (content, Some(version), own_below)
                }
                Some((mut content, version)) => {
                    if self.is_alive(&content.owner).await? {
                        return Ok(Claim::Busy);
                    }
                    content.owner.clone_from(&me.id);
                    content.inherited = content.counts;
                    (content, Some(version), 0)
                }
            };
            content.reserved_offset = content.reserved_offset.max(content.committed_offset + RESERVED_BYTES);
            if let Some(version) = contents.put(&content, expected).await? {
                tracing::debug!(upload.id = %me.id, member = index, offset = content.committed_offset, "content claimed");
                return Ok(Claim::Ours(Claimed { content, version, own_below, saved_at: Instant::now() }));
            }
        }
    }

    /// Whether an upload still waits or runs.
    async fn is_alive(&self, upload: &str) -> Result<bool, PortError> {
        let record = self.service.uploads.get(upload).await?;
        Ok(record.is_some_and(|record| !record.upload.state.is_final()))
    }

    /// Counts a file whose content is stored: before, or by this upload just before it was interrupted.
    fn take_stored(&mut self, index: usize, content: &Content) {
        let again = self.record.members[..index].iter().any(|earlier| earlier.digest == content.digest);
        let member = &mut self.record.members[index];
        let ours = content.owner == self.record.upload.id && !again;
        member.counts = if ours { content.owners_counts() } else { content.others_counts() };
        member.damage.clone_from(&content.damage);
        member.finished = true;
        self.show(index, 0);
    }

    fn context(&self, index: usize, content: &Content) -> Result<Context, Trouble> {
        let MemberProgress { name, digest, pipeline, .. } = &self.record.members[index];
        let upload = &self.record.upload;
        let shown = if name.is_empty() { upload.name.clone() } else { format!("{}/{name}", upload.name) };
        let mut bytes = [0; 32];
        hex::decode_to_slice(digest, &mut bytes)
            .map_err(|error| Trouble::File(format!("cannot read digest {digest:?}: {error}")))?;
        let file = FileContext { upload: upload.id.as_str().into(), name: shown.into(), digest: bytes };
        let pipeline = pipeline.as_deref().unwrap_or("text");
        let intake = &self.service.intake;
        intake
            .context(pipeline, upload.dataset.as_deref(), content.created_at, SourceContext::File(file))
            .ok_or_else(|| Trouble::File(format!("there is no pipeline {pipeline:?} any more")))
    }

    /// Writes the file from the checkpoint on, waiting out a store that is overloaded, full or away.
    async fn write_member(
        &mut self,
        index: usize,
        context: &Context,
        claimed: &mut Claimed,
    ) -> Result<Option<String>, Trouble> {
        let mut pause = RETRY_PAUSES.0;
        loop {
            let before = claimed.content.committed_offset;
            let error = match self.write_from_checkpoint(index, context, claimed).await {
                Err(Trouble::Attempt(JobError::Port(error))) if error.is_transient() => error,
                result => return result,
            };
            // Whatever was sent since may be stored.
            claimed.own_below = claimed.own_below.max(claimed.content.reserved_offset);
            if claimed.content.committed_offset > before {
                pause = RETRY_PAUSES.0;
            }
            tracing::warn!(upload.id = %self.record.upload.id, %error, "the store cannot take events now: waiting");
            self.record.upload.error = Some(format!("waiting: {error}"));
            self.service.hub.publish(&self.record.upload);
            tokio::select! {
                () = self.stop.cancelled() => return Err(Trouble::Stopped),
                () = tokio::time::sleep(error.retry_after.unwrap_or(pause).min(RETRY_PAUSES.1)) => {}
            }
            pause = (pause * 2).min(RETRY_PAUSES.1);
        }
    }

    async fn write_from_checkpoint(
        &mut self,
        index: usize,
        context: &Context,
        claimed: &mut Claimed,
    ) -> Result<Option<String>, Trouble> {
        let blob = self.open_blob().await?;
        let (sender, mut batches) = mpsc::channel(BATCHES_AHEAD);
        let stop = self.stop.child_token();
        let reader = MemberReader {
            intake: Arc::clone(&self.service.intake),
            context: context.clone(),
            limits: self.service.intake.limits,
            position: self.record.members[index].position,
            resume: Resume { offset: claimed.content.committed_offset, line: claimed.content.committed_line },
            batches: sender,
            stop: stop.clone(),
        };
        let mut reader = Reader { thread: tokio::task::spawn_blocking(move || reader.read(blob)), stop };
        while let Some(batch) = next(&mut batches, &self.stop).await? {
            self.write_batch(index, batch, context, claimed).await?;
        }
        Ok((&mut reader.thread).await.map_err(panicked)??)
    }

    async fn write_batch(
        &mut self,
        index: usize,
        mut batch: Batch,
        context: &Context,
        claimed: &mut Claimed,
    ) -> Result<(), Trouble> {
        let end = batch.end;
        if end.offset > claimed.content.reserved_offset {
            claimed.content.reserved_offset = end.offset + RESERVED_BYTES;
            self.save_content(claimed).await?;
        }
        let intake = Arc::clone(&self.service.intake);
        let delivery =
            deliver(&mut batch, &*intake.sink, &intake.refinery, context, claimed.own_below).await?;
        for letter in &delivery.dead {
            self.show_dead(letter.line, &letter.reason);
        }
        if !delivery.dead.is_empty() {
            intake.dead_letters.append(delivery.dead).await?;
        }
        let content = &mut claimed.content;
        content.counts.add(delivery.counts);
        content.committed_offset = end.offset;
        content.committed_line = end.line;
        self.record.members[index].counts = content.owners_counts();
        self.record.upload.error = None;
        self.show(index, end.offset);
        if claimed.saved_at.elapsed() >= CHECKPOINT_PAUSE {
            self.save_content(claimed).await?;
            self.record.idle_attempts = 0;
            self.save().await?;
        }
        Ok(())
    }

    /// Stores the checkpoint; stopped if the content is no longer ours.
    async fn save_content(&self, claimed: &mut Claimed) -> Result<(), Trouble> {
        match self.service.contents.put(&claimed.content, Some(claimed.version)).await? {
            Some(version) => {
                claimed.version = version;
                claimed.saved_at = Instant::now();
                Ok(())
            }
            None => Err(Trouble::Stopped),
        }
    }
}

/// The next batch; `None` after the last.
async fn next(
    batches: &mut mpsc::Receiver<Batch>,
    stop: &CancellationToken,
) -> Result<Option<Batch>, Trouble> {
    tokio::select! {
        biased;
        () = stop.cancelled() => Err(Trouble::Stopped),
        batch = batches.recv() => Ok(batch),
    }
}
