use super::{Page, Upload, UploadError, UploadRecord, hub::Hub};
use crate::{
    dead_letters::{DeadLetter, DeadLetterFilter},
    intake::Intake,
    ports::{Blobs, ContentStore, DeadLetters, JobQueue, Position, UploadStore},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use futures::{Stream, stream};
use std::{sync::Arc, time::Duration};

/// Most items of a page.
const PAGE_MAX: usize = 1_000;
/// States of one upload follow each other no faster than this.
const WATCH_PAUSE: Duration = Duration::from_millis(100);

/// What an [`UploadService`] is made of.
pub struct UploadParts {
    /// Remembers uploads.
    pub uploads: Arc<dyn UploadStore>,
    /// Remembers contents by digest.
    pub contents: Arc<dyn ContentStore>,
    /// Keeps what could not be indexed.
    pub dead_letters: Arc<dyn DeadLetters>,
    /// Holds the jobs.
    pub queue: Arc<dyn JobQueue>,
    /// Holds the files.
    pub blobs: Arc<dyn Blobs>,
    /// Takes the records in.
    pub intake: Arc<Intake>,
}

/// Receives files, lists them, and has workers that process them.
pub struct UploadService {
    pub(super) uploads: Arc<dyn UploadStore>,
    pub(super) contents: Arc<dyn ContentStore>,
    pub(super) dead_letters: Arc<dyn DeadLetters>,
    pub(super) queue: Arc<dyn JobQueue>,
    pub(super) blobs: Arc<dyn Blobs>,
    pub(super) intake: Arc<Intake>,
    pub(super) hub: Hub,
}

impl UploadService {
    /// Puts the parts together. Nothing runs until [`UploadService::run_workers`].
    pub fn new(parts: UploadParts) -> Arc<Self> {
        let UploadParts { uploads, contents, dead_letters, queue, blobs, intake } = parts;
        Arc::new(Self { uploads, contents, dead_letters, queue, blobs, intake, hub: Hub::default() })
    }

    /// One upload, as far as it is now.
    ///
    /// # Errors
    /// There is none of that id, or the store fails.
    pub async fn get(&self, id: &str) -> Result<Upload, UploadError> {
        if let Some(upload) = self.hub.get(id) {
            return Ok(upload);
        }
        let record = self.uploads.get(id).await?;
        record.map(|record| record.upload).ok_or_else(|| UploadError::NotFound(id.to_owned()))
    }

    /// Uploads, newest first, at most `limit` (and at most 1,000).
    ///
    /// # Errors
    /// A cursor of another list, or the store fails.
    pub async fn list(&self, cursor: Option<&str>, limit: usize) -> Result<Page<Upload>, UploadError> {
        let after = cursor.map(read_cursor).transpose()?;
        let limit = limit.clamp(1, PAGE_MAX);
        let records = self.uploads.list(after.as_ref(), limit + 1).await?;
        let newest = |record: UploadRecord| self.hub.get(&record.upload.id).unwrap_or(record.upload);
        let uploads = records.into_iter().map(newest).collect();
        Ok(page(uploads, limit, |upload: &Upload| Position { at: upload.created_at, id: upload.id.clone() }))
    }

    /// Removes an upload with its file and its dead letters; stops it if it runs. Events that it stored stay, and
    /// so does the memory of its content: the same file again adds only what is missing.
    ///
    /// # Errors
    /// There is none of that id, or a store fails.
    pub async fn delete(&self, id: &str) -> Result<(), UploadError> {
        let found = self.uploads.delete(id).await?;
        self.hub.remove(id);
        if found {
            self.queue.cancel(id).await?;
            self.blobs.delete(id).await?;
            self.dead_letters.delete_of_upload(id).await?;
        }
        if found { Ok(()) } else { Err(UploadError::NotFound(id.to_owned())) }
    }

    /// The states of an upload from now on: the present one at once, then each change (at most ten a second), ending
    /// after the final one or when the upload is deleted.
    ///
    /// # Errors
    /// There is none of that id, or the store fails.
    pub async fn watch(
        self: &Arc<Self>,
        id: &str,
    ) -> Result<impl Stream<Item = Upload> + Send + 'static + use<>, UploadError> {
        let first = self.get(id).await?;
        let service = Arc::clone(self);
        Ok(stream::unfold((service, None, Some(first)), |(service, last, next)| async move {
            let next = match (next, last) {
                (Some(first), _) => first,
                (None, Some(last)) => service.change_after(&last).await?,
                (None, None) => return None,
            };
            Some((next.clone(), (service, Some(next), None)))
        }))
    }

    /// The next state that differs from `last`; `None` after a final one.
    async fn change_after(&self, last: &Upload) -> Option<Upload> {
        if last.state.is_final() {
            return None;
        }
        tokio::time::sleep(WATCH_PAUSE).await;
        self.hub
            .until(|| async {
                match self.get(&last.id).await {
                    Ok(upload) => (upload != *last).then_some(Some(upload)),
                    Err(UploadError::NotFound(_)) => Some(None),
                    // The store is in trouble: look again later.
                    Err(_) => None,
                }
            })
            .await
    }

    /// Waits until an upload is done or failed.
    ///
    /// # Errors
    /// There is none of that id (any more), or the store fails.
    pub async fn wait(&self, id: &str) -> Result<Upload, UploadError> {
        self.hub
            .until(|| async {
                match self.get(id).await {
                    Ok(upload) => upload.state.is_final().then_some(Ok(upload)),
                    Err(error) => Some(Err(error)),
                }
            })
            .await
    }

    /// Dead letters, newest first, at most `limit` (and at most 1,000).
    ///
    /// # Errors
    /// A cursor of another list, or the store fails.
    pub async fn dead_letters(
        &self,
        filter: &DeadLetterFilter,
        cursor: Option<&str>,
        limit: usize,
    ) -> Result<Page<DeadLetter>, UploadError> {
        let after = cursor.map(read_cursor).transpose()?;
        let limit = limit.clamp(1, PAGE_MAX);
        let letters = self.dead_letters.list(filter, after.as_ref(), limit + 1).await?;
        Ok(page(letters, limit, |letter: &DeadLetter| Position { at: letter.at, id: letter.id.clone() }))
    }

    /// How many dead letters there are.
    ///
    /// # Errors
    /// The store fails.
    pub async fn count_dead_letters(&self, filter: &DeadLetterFilter) -> Result<u64, UploadError> {
        Ok(self.dead_letters.count(filter).await?)
    }
}

/// Cuts a list that was asked for with one item more than wanted.
fn page<T>(mut items: Vec<T>, limit: usize, position: impl Fn(&T) -> Position) -> Page<T> {
    let more = items.len() > limit;
    items.truncate(limit);
    let next_cursor = items.last().filter(|_| more).map(|last| write_cursor(&position(last)));
    Page { items, next_cursor }
}

fn write_cursor(position: &Position) -> String {
    URL_SAFE_NO_PAD.encode(format!("{} {}", position.at, position.id))
}

fn read_cursor(cursor: &str) -> Result<Position, UploadError> {
    let read = || {
        let text = String::from_utf8(URL_SAFE_NO_PAD.decode(cursor).ok()?).ok()?;
        let (at, id) = text.split_once(' ')?;
        Some(Position { at: at.parse().ok()?, id: id.to_owned() })
    };
    read().ok_or_else(|| UploadError::InvalidCursor(cursor.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cursors_are_read_back() {
        let position = Position { at: "2026-11-20T10:00:00.123456789Z".parse().unwrap(), id: "a b".into() };
        assert_eq!(read_cursor(&write_cursor(&position)).unwrap(), position);
        for bad in ["", "!", "YWJj", "é"] {
            assert!(matches!(read_cursor(bad), Err(UploadError::InvalidCursor(_))), "{bad}");
        }
    }

    #[test]
    fn pages_end() {
        let position = |n: &u8| Position { at: "2026-11-20T10:00:00Z".parse().unwrap(), id: n.to_string() };
        assert_eq!(page(vec![1, 2], 2, position), Page { items: vec![1, 2], next_cursor: None });
        let first = page(vec![1, 2, 3], 2, position);
        assert_eq!(first.items, [1, 2]);
        assert_eq!(read_cursor(&first.next_cursor.unwrap()).unwrap().id, "2");
    }
}
