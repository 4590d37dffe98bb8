//! The first pass over an upload: decompresses it whole to know its files' digests and that it keeps the limits, before
//! any event is made of it.

use super::{MemberProgress, receive::shown_name};
use crate::{
    decode::{
        Archive, DecodeError, Encoding, Limits, MemberHeader, Peeked, SAMPLE_BYTES, Source, sniff_text,
    },
    intake::{PipelineSet, Redact, recognise},
};
use std::{
    io::Read,
    sync::{Arc, atomic::AtomicU64},
};
use tokio_util::sync::CancellationToken;

/// What the first pass found.
#[derive(Debug)]
pub(super) struct Scan {
    pub(super) members: Vec<MemberProgress>,
    /// Why the file cannot be read to its end; what came before is in `members`.
    pub(super) damage: Option<String>,
}

/// What the first pass needs to know.
pub(super) struct Scanner {
    pub(super) limits: Limits,
    pub(super) pipelines: Arc<dyn PipelineSet>,
    pub(super) redact: Arc<dyn Redact>,
    /// The pipeline asked for, or `auto`.
    pub(super) pipeline: String,
    pub(super) dataset: Option<String>,
    /// Compressed bytes read so far.
    pub(super) progress: Arc<AtomicU64>,
    pub(super) stop: CancellationToken,
}

impl Scanner {
    /// Reads the whole upload. Blocks.
    pub(super) fn scan(&self, reader: Box<dyn Read + Send>) -> Result<Scan, DecodeError> {
        let mut archive = Archive::open(reader, self.limits, Arc::clone(&self.progress))?;
        let mut members = Vec::new();
        loop {
            let header = match archive.next_member() {
                Ok(Some(header)) => header,
                Ok(None) => return Ok(Scan { members, damage: None }),
                Err(error) => return damaged(members, error),
            };
            let (member, failed) = self.member(header, &mut archive)?;
            members.push(member);
            if let Some(error) = failed {
                return damaged(members, error);
            }
        }
    }

    fn member(
        &self,
        header: MemberHeader,
        archive: &mut Archive,
    ) -> Result<(MemberProgress, Option<DecodeError>), DecodeError> {
        let mut source = Peeked::new(archive)?;
        let (refused, pipeline) = match sniff_text(source.sample()) {
            Ok(encoding) => (None, Some(self.recognise(&source, encoding))),
            Err(reason) => (Some(reason), None),
        };
        let (digest, bytes, failed) = self.digest(&mut source)?;
        let member = MemberProgress {
            position: header.position,
            name: shown_name(&self.redact.redact_text(header.name)),
            digest,
            bytes,
            refused,
            pipeline,
            ..MemberProgress::default()
        };
        Ok((member, failed))
    }

    /// The pipeline for the records of a file.
    fn recognise<S: Source>(&self, source: &Peeked<S>, encoding: Encoding) -> String {
        if self.pipeline != "auto" {
            return self.pipeline.clone();
        }
        if let Some(name) = self.dataset.as_deref().and_then(|dataset| self.pipelines.for_dataset(dataset)) {
            return name;
        }
        recognise(&*self.pipelines, source, encoding, &self.limits).pipeline
    }

    /// Reads to the end: the digest in hex, the length, and what ended the reading early.
    fn digest(&self, source: &mut impl Source) -> Result<(String, u64, Option<DecodeError>), DecodeError> {
        let mut hasher = blake3::Hasher::new();
        let mut bytes = 0;
        let mut buffer = vec![0; SAMPLE_BYTES];
        let failed = loop {
            if self.stop.is_cancelled() {
                return Err(DecodeError::Stopped);
            }
            match source.read(&mut buffer) {
                Ok(0) => break None,
                Ok(count) => {
                    hasher.update(&buffer[..count]);
                    bytes += count as u64;
                }
                Err(error) if error.keeps_what_was_read() => break Some(error),
                Err(error) => return Err(error),
            }
        };
        Ok((hasher.finalize().to_hex().to_string(), bytes, failed))
    }
}

/// A damaged file is read as far as it goes; anything else refuses it whole.
fn damaged(members: Vec<MemberProgress>, error: DecodeError) -> Result<Scan, DecodeError> {
    if error.keeps_what_was_read() {
        Ok(Scan { members, damage: Some(error.to_string()) })
    } else {
        Err(error)
    }
}
