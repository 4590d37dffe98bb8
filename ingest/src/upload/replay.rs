//! Dead letters sent through their pipeline again, after a person mended it.

use super::{Counts, UploadError, UploadService};
use crate::{
    dead_letters::{DeadLetter, DeadLetterFilter, ReplayReport, ReplayTarget, Stage},
    decode::RawRecord,
    envelope::Envelope,
    intake::{Batch, ConnectionContext, Context, FileContext, SourceContext, deliver},
    ports::Position,
};
use std::collections::HashMap;

/// Dead letters read at once.
const PAGE: usize = 500;
/// Most ids of one call.
const IDS_MAX: usize = 1_000;

impl UploadService {
    /// Sends dead letters through their pipeline again. Those that become events are removed; the others stay, with the new
    /// reason. Their events keep the id that they would have had, so a repeated replay adds nothing.
    ///
    /// # Errors
    /// Too many ids, or a store fails; what was replayed before that is stored.
    pub async fn replay(&self, target: ReplayTarget) -> Result<ReplayReport, UploadError> {
        let mut report = ReplayReport::default();
        match target {
            ReplayTarget::Ids(ids) if ids.len() > IDS_MAX => {
                return Err(UploadError::TooManyIds { given: ids.len(), limit: IDS_MAX });
            }
            ReplayTarget::Ids(ids) => {
                for page in ids.chunks(PAGE) {
                    let letters = self.dead_letters.get(page).await?;
                    self.replay_page(letters, &mut report).await?;
                }
            }
            ReplayTarget::Upload(upload) => {
                if self.uploads.get(&upload).await?.is_none() {
                    return Err(UploadError::NotFound(upload));
                }
                let filter = DeadLetterFilter { upload: Some(upload), pipeline: None };
                // Newest first; those that die again get a newer time, so they are not met twice.
                let mut after: Option<Position> = None;
                loop {
                    let letters = self.dead_letters.list(&filter, after.as_ref(), PAGE).await?;
                    let Some(last) = letters.last() else { break };
                    after = Some(Position { at: last.at, id: last.id.clone() });
                    self.replay_page(letters, &mut report).await?;
                }
            }
        }
        Ok(report)
    }

    async fn replay_page(
        &self,
        letters: Vec<DeadLetter>,
        report: &mut ReplayReport,
    ) -> Result<(), UploadError> {
        report.replayed += letters.len() as u64;
        // Those of one file and pipeline share their context.
        let mut groups: HashMap<Group, Vec<DeadLetter>> = HashMap::new();
        for letter in letters {
            groups.entry(Group::of(&letter)).or_default().push(letter);
        }
        for (Group { upload, .. }, letters) in groups {
            let counts = self.replay_group(letters).await?;
            report.indexed += counts.indexed;
            report.duplicates += counts.duplicates;
            report.dropped += counts.dropped;
            report.dead += counts.dead;
            if let Some(upload) = upload {
                self.recount(&upload, counts).await?;
            }
        }
        Ok(())
    }

    /// Moves replayed records out of the dead ones of their upload, if that is still there and at its end.
    async fn recount(&self, upload: &str, replayed: Counts) -> Result<(), UploadError> {
        let Some(mut record) = self.uploads.get(upload).await? else { return Ok(()) };
        if !record.upload.state.is_final() {
            return Ok(());
        }
        let counts = &mut record.upload.counts;
        let saved = (replayed.lines - replayed.dead).min(counts.dead);
        counts.dead -= saved;
        counts.indexed += replayed.indexed.min(saved);
        counts.duplicates += replayed.duplicates.min(saved);
        counts.dropped += replayed.dropped.min(saved);
        self.uploads.update(&record).await?;
        self.hub.notify();
        Ok(())
    }

    /// Replays letters of one file and pipeline; what became of them.
    async fn replay_group(&self, letters: Vec<DeadLetter>) -> Result<Counts, UploadError> {
        let intake = &self.intake;
        let now = intake.now();
        let mut batch = Batch::new(now);
        let mut unable = Vec::new();
        let mut tried = Vec::new();
        let mut shared: Option<Context> = None;
        for mut letter in letters {
            let Some(mut context) = shared.clone().or_else(|| self.context_of(&letter)) else {
                letter.reason = format!("there is no pipeline {:?} any more", letter.pipeline);
                letter.stage = Stage::Pipeline;
                unable.push(letter);
                continue;
            };
            if letter.truncated {
                // Its rest was not kept: there is nothing to send through.
                unable.push(letter);
                continue;
            }
            context.received_at = letter.received_at;
            let bytes = letter.original.as_bytes();
            let length = bytes.len() as u64;
            let record = RawRecord { bytes, offset: letter.offset, line: letter.line, length };
            batch.push(record, Some(&letter.id), &intake.refinery, &context);
            tried.push(letter.id);
            shared = Some(context);
        }
        let mut counts =
            Counts { lines: unable.len() as u64, dead: unable.len() as u64, ..Counts::default() };
        if !unable.is_empty() {
            self.dead_letters.append(unable).await?;
        }
        let Some(context) = shared else { return Ok(counts) };
        let delivery = deliver(&mut batch, &*intake.sink, &intake.refinery, &context, 0).await?;
        counts.add(delivery.counts);
        tried.retain(|id| delivery.dead.iter().all(|letter| letter.id != *id));
        if !delivery.dead.is_empty() {
            self.dead_letters.append(delivery.dead).await?;
        }
        self.dead_letters.delete(&tried).await?;
        Ok(counts)
    }

    fn context_of(&self, letter: &DeadLetter) -> Option<Context> {
        let file = letter.upload.as_deref().zip(letter.digest.as_deref()).and_then(|(upload, digest)| {
            let mut bytes = [0; 32];
            hex::decode_to_slice(digest, &mut bytes).ok()?;
            let name = letter.file.as_deref().unwrap_or_default().into();
            Some(FileContext { upload: upload.into(), name, digest: bytes })
        });
        let source = match (file, &letter.input) {
            (Some(file), _) => SourceContext::File(file),
            (None, Some(input)) => {
                let connection = ConnectionContext { input: input.as_str().into(), id: 0, sender: None };
                SourceContext::Connection(connection)
            }
            (None, None) => SourceContext::Request,
        };
        let context =
            self.intake.context(&letter.pipeline, letter.dataset.as_deref(), letter.received_at, source)?;
        Some(Context { envelope: letter.envelope.clone(), ..context })
    }
}

/// What letters have in common that are replayed together.
#[derive(PartialEq, Eq, Hash)]
struct Group {
    upload: Option<String>,
    digest: Option<String>,
    pipeline: String,
    input: Option<String>,
    dataset: Option<String>,
    envelope: String,
}

impl Group {
    fn of(letter: &DeadLetter) -> Self {
        // A time zone has no hash of its own.
        let envelope = match &letter.envelope {
            Envelope::Bare => String::new(),
            wrapped => format!("{wrapped:?}"),
        };
        Self {
            upload: letter.upload.clone(),
            digest: letter.digest.clone(),
            pipeline: letter.pipeline.clone(),
            input: letter.input.clone(),
            dataset: letter.dataset.clone(),
            envelope,
        }
    }
}
