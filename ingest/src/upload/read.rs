//! The second pass over one file of an upload, on a thread of its own: records become batches of events.

use crate::{
    decode::{Archive, DecodeError, Limits, Peeked, Records, Resume, sniff_text},
    intake::{Batch, Context, Intake},
};
use std::{io::Read, sync::Arc};
use tokio::sync::mpsc::Sender;
use tokio_util::sync::CancellationToken;

/// What to read and how.
pub(super) struct MemberReader {
    pub(super) intake: Arc<Intake>,
    pub(super) context: Context,
    pub(super) limits: Limits,
    /// Position of the member in the archive.
    pub(super) position: u32,
    /// Where to begin.
    pub(super) resume: Resume,
    pub(super) batches: Sender<Batch>,
    pub(super) stop: CancellationToken,
}

impl MemberReader {
    /// Reads the member to its end and sends its batches; answers with where its text breaks off, if it does. Blocks,
    /// also while nobody takes the batches.
    pub(super) fn read(&self, reader: Box<dyn Read + Send>) -> Result<Option<String>, DecodeError> {
        let mut archive = Archive::open(reader, self.limits, Arc::default())?;
        loop {
            match archive.next_member()? {
                Some(header) if header.position == self.position => break,
                Some(_) => {}
                None => return Err(DecodeError::Damaged("the file changed since it was first read".into())),
            }
        }
        let source = Peeked::new(&mut archive)?;
        let encoding = sniff_text(source.sample()).map_err(DecodeError::Unsupported)?;
        let mut records = Records::open(source, encoding, self.resume, &self.limits, &self.context.framing)?;
        let mut batch = Batch::new(self.intake.now());
        loop {
            match records.next() {
                Ok(Some(record)) => batch.push(record, None, &self.intake.refinery, &self.context),
                Ok(None) => {
                    batch.end = records.position();
                    self.send(batch)?;
                    return Ok(None);
                }
                Err(error) if error.keeps_what_was_read() => {
                    if let Some(rest) = records.rest() {
                        let reason = "the file breaks off in this record".to_owned();
                        batch.push_dead(rest, reason, &self.intake.refinery, &self.context);
                    }
                    batch.end = records.position();
                    self.send(batch)?;
                    return Ok(Some(error.to_string()));
                }
                Err(error) => return Err(error),
            }
            if batch.len() >= self.limits.batch_max_events || batch.bytes() >= self.limits.batch_max_bytes {
                batch.end = records.position();
                let full = std::mem::replace(&mut batch, Batch::new(self.intake.now()));
                self.send(full)?;
            }
        }
    }

    fn send(&self, batch: Batch) -> Result<(), DecodeError> {
        if self.stop.is_cancelled() {
            return Err(DecodeError::Stopped);
        }
        // Fails when the writer has gone, for a reason of its own.
        self.batches.blocking_send(batch).map_err(|_| DecodeError::Stopped)
    }
}
