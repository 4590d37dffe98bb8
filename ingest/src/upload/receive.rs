use super::{
    Counts, NewUpload, Upload, UploadError, UploadRecord, UploadService, UploadState, worker::TOPIC,
};
use crate::ports::BlobWriter;
use bytes::Bytes;
use sha2::{Digest, Sha256};
use std::{sync::Arc, time::Duration};

/// Longest display name, in characters.
const NAME_MAX_CHARS: usize = 255;

/// A file being received. Dropped before [`UploadWriter::finish`], it leaves nothing behind.
pub struct UploadWriter {
    service: Arc<UploadService>,
    id: String,
    new: NewUpload,
    blob: Box<dyn BlobWriter>,
    digest: Sha256,
    size: u64,
}

impl UploadService {
    /// Begins to receive a file.
    ///
    /// # Errors
    /// An unknown pipeline, an impossible dataset, or the blobs fail.
    pub async fn begin(self: &Arc<Self>, mut new: NewUpload) -> Result<UploadWriter, UploadError> {
        self.check_pipeline(&new.pipeline)?;
        check_dataset(new.dataset.as_deref())?;
        new.name = shown_name(&self.intake.redact_text(new.name));
        if new.name.trim().is_empty() {
            new.name = "unnamed".into();
        }
        let id = uuid::Uuid::now_v7().simple().to_string();
        let blob = self.blobs.create(&id).await?;
        Ok(UploadWriter { service: Arc::clone(self), id, new, blob, digest: Sha256::new(), size: 0 })
    }

    fn check_pipeline(&self, name: &str) -> Result<(), UploadError> {
        if name == "auto" || self.intake.pipelines.get(name).is_some() {
            return Ok(());
        }
        Err(UploadError::UnknownPipeline(name.to_owned()))
    }
}

impl UploadWriter {
    /// Sets pipeline and dataset where given: a form may name them after the file.
    ///
    /// # Errors
    /// An unknown pipeline or an impossible dataset; nothing is changed then.
    pub fn configure(
        &mut self,
        pipeline: Option<String>,
        dataset: Option<String>,
    ) -> Result<(), UploadError> {
        if let Some(pipeline) = &pipeline {
            self.service.check_pipeline(pipeline)?;
        }
        check_dataset(dataset.as_deref())?;
        self.new.pipeline = pipeline.unwrap_or_else(|| std::mem::take(&mut self.new.pipeline));
        self.new.dataset = dataset.or_else(|| self.new.dataset.take());
        Ok(())
    }

    /// Adds bytes.
    ///
    /// # Errors
    /// The file is too large, or the blobs fail. Drop the writer then.
    pub async fn write(&mut self, chunk: Bytes) -> Result<(), UploadError> {
        self.size += chunk.len() as u64;
        let limit_bytes = self.service.intake.limits.upload_max_bytes;
        if self.size > limit_bytes {
            return Err(UploadError::TooLarge { limit_bytes });
        }
        self.digest.update(&chunk);
        self.blob.write(chunk).await?;
        Ok(())
    }

    /// The file is complete: makes it durable and queues it.
    ///
    /// # Errors
    /// A store fails; then nothing is left behind.
    pub async fn finish(self) -> Result<Upload, UploadError> {
        let Self { service, id, new, blob, digest, size } = self;
        let upload = Upload {
            id: id.clone(),
            name: new.name,
            size,
            sha256: hex::encode(digest.finalize()),
            state: UploadState::Queued,
            pipeline: new.pipeline.clone(),
            dataset: new.dataset,
            uploader: new.uploader,
            counts: Counts::default(),
            bytes_read: 0,
            bytes_total: None,
            progress: 0.0,
            created_at: service.intake.now(),
            finished_at: None,
            error: None,
            error_sample: Vec::new(),
        };
        let record = UploadRecord::new(upload, new.pipeline);
        // First the record, then the blob: a blob without record is known to be an orphan.
        service.uploads.create(&record).await?;
        if let Err(error) = blob.finish().await {
            service.uploads.delete(&id).await?;
            return Err(error.into());
        }
        let payload = serde_json::json!({ "upload": id });
        if let Err(error) = service.queue.push(TOPIC, &id, payload, Duration::ZERO).await {
            // It is received all the same; the next sweep queues it.
            tracing::warn!(upload.id = %id, %error, "cannot queue an upload yet");
        }
        Ok(record.upload)
    }
}

/// The name of a file as text for display: without control characters, at most [`NAME_MAX_CHARS`].
pub(super) fn shown_name(name: &str) -> String {
    // Beside control characters, those that turn the direction of text: they can make a name look like another.
    let shown = |character: &char| {
        !character.is_control()
            && !matches!(character, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}' | '\u{200E}' | '\u{200F}')
    };
    name.chars().filter(shown).take(NAME_MAX_CHARS).collect()
}

fn check_dataset(dataset: Option<&str>) -> Result<(), UploadError> {
    match dataset.filter(|dataset| !is_dataset(dataset)) {
        Some(bad) => Err(UploadError::InvalidDataset(bad.to_owned())),
        None => Ok(()),
    }
}

fn is_dataset(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"._-".contains(&byte);
    (1..=100).contains(&text.len()) && text.bytes().all(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_made_harmless() {
        let check = |name: &str, expected: &str| assert_eq!(shown_name(name), expected);
        check("access.log", "access.log");
        check("../../etc/passwd", "../../etc/passwd");
        check("a\0b\n\x1b[31mc", "ab[31mc");
        check("gpj.\u{202E}exe", "gpj.exe");
        check("größe 😀.log", "größe 😀.log");
        check("\n", "");
        assert_eq!(shown_name(&"x".repeat(1000)).len(), 255);
    }

    #[test]
    fn datasets_are_checked() {
        for good in ["text", "ecommerce.access", "a-b_c.1"] {
            assert!(is_dataset(good), "{good}");
        }
        for bad in ["", "A", "a b", "a/b", "é", &"x".repeat(101)] {
            assert!(!is_dataset(bad), "{bad}");
        }
    }
}
