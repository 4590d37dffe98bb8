//! Old documents compressed harder: the documents of each segment are written anew, in columns.
//!
//! A segment's other files know documents by their numbers alone, so the new file takes the old one's place by a rename:
//! before and after it there is one whole file under the name, whenever a crash comes, and which it is the file itself says.
//! Searches that have the old file open go on reading it.

use super::{
    IndexState,
    files::{Files, tantivy_error},
};
use crate::{
    StoreError,
    logs::embedded::{
        snapshot::GenerationSnapshot,
        source_store::{ColumnsWriter, SourceReader, is_in_columns},
        wal::{io_error, sync_directory},
    },
};
use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::{Arc, atomic::Ordering},
};
use tantivy::{
    SegmentReader, TantivyError,
    directory::{Directory, ManagedDirectory, MmapDirectory, TerminatingWrite},
};

/// After so many documents it is looked whether to go on.
const STEP: u32 = 4_096;
/// Where a new file is written; what a crash leaves there is removed by the next round.
const SCRATCH: &str = "compact.tmp";

impl IndexState {
    /// Compresses the documents in the background, behind the merges that wait.
    pub(in crate::logs::embedded) fn schedule_compact(self: &Arc<Self>) {
        if !self.compact_is_scheduled.swap(true, Ordering::AcqRel) {
            let state = self.clone();
            self.shared.mergers.submit(Box::new(move || {
                if let Err(error) = state.compact() {
                    // Nothing is lost; the next look at old indices tries again.
                    tracing::warn!(index = %state.name, %error, cause = ?error.source, "documents are not compressed");
                }
                state.compact_is_scheduled.store(false, Ordering::Release);
            }));
        }
    }

    /// Compresses the documents of all segments that are there now, unless that was done, on this thread.
    pub(in crate::logs::embedded) fn compact(&self) -> Result<(), StoreError> {
        // A merge would take segments away.
        let _alone = self.merging_alone.lock();
        self.files.remove_scratch()?;
        let generations = self.visible().generations.clone();
        for (number, GenerationSnapshot { searcher, .. }) in generations.iter().enumerate() {
            for segment in searcher.segment_readers() {
                let path = self.files.source(number, &segment.segment_id().uuid_string());
                if is_in_columns(&path) == Some(false) && !self.compact_segment(&path, segment)? {
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    /// Writes the documents of one segment anew; `false`: it was told to stop.
    fn compact_segment(&self, path: &Path, segment: &SegmentReader) -> Result<bool, StoreError> {
        let scratch = self.files.scratch();
        let what = format!("compress documents in \"{}\"", scratch.display());
        let failed = |error| io_error(&what, error);
        let (Some(name), Some(directory)) = (path.file_name(), path.parent()) else { return Ok(false) };
        // Not the index's own directory: if that is gone, so is the index.
        fs::create_dir(&scratch).map_err(failed)?;
        let written = self.write_columns(&scratch, Path::new(name), segment);
        let written = written.map_err(|error| tantivy_error(&what, error)).and_then(|is_whole| {
            // The segment may have gone meanwhile, with all its documents.
            if is_whole && !self.is_dead() && path.exists() {
                fs::rename(scratch.join(name), path).map_err(failed)?;
                sync_directory(directory).map_err(failed)?;
            }
            Ok(is_whole)
        });
        // Also half a file, or the disk would stay as full as it has made it.
        self.files.remove_scratch()?;
        written
    }

    fn write_columns(&self, scratch: &Path, name: &Path, segment: &SegmentReader) -> tantivy::Result<bool> {
        // It puts the checksum behind a file that segments have there; what is terminated is on the disk.
        let directory = ManagedDirectory::wrap(Box::new(MmapDirectory::open(scratch)?))?;
        let documents = SourceReader::open(segment)?;
        let mut columns = ColumnsWriter::new(directory.open_write(name)?)?;
        // Deleted ones too: the numbers of documents stay.
        for start in (0..segment.max_doc()).step_by(STEP as usize) {
            if self.is_dead() || self.shared.is_stopping() {
                return Ok(false);
            }
            let end = segment.max_doc().min(start.saturating_add(STEP));
            documents.visit::<TantivyError>(start..end, |record| Ok(columns.push(record)?))?;
        }
        columns.finish()?.terminate()?;
        Ok(true)
    }
}

impl Files {
    fn scratch(&self) -> PathBuf {
        self.directory.join(SCRATCH)
    }

    fn remove_scratch(&self) -> Result<(), StoreError> {
        let path = self.scratch();
        match fs::remove_dir_all(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(io_error(&format!("remove \"{}\"", path.display()), error))
            }
            _ => Ok(()),
        }
    }

    /// Whether the documents of all segments are in columns, as far as they can be, and nothing is left of doing it.
    pub(in crate::logs::embedded) fn is_compact(&self, generations: usize) -> bool {
        let is_done = |number, id: &String| is_in_columns(&self.source(number, id)) != Some(false);
        let mut segments = (0..generations).map(|number| (number, self.segment_ids(number)));
        !self.scratch().exists()
            && segments.all(|(number, ids)| ids.is_ok_and(|ids| ids.iter().all(|id| is_done(number, id))))
    }
}
