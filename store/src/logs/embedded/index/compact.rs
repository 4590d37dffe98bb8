//! Old documents compressed harder: the document store of each segment is written anew, in larger blocks.
//!
//! A segment's other files know documents by their numbers alone, so the new store takes the old one's place by a rename:
//! before and after it there is one whole file under the name, whenever a crash comes. Which segments are done is written
//! down afterwards; a crash in between does one of them twice. Searches that have the old file open go on reading it.

use super::{
    IndexState,
    files::{Files, tantivy_error},
};
use crate::{
    StoreError,
    logs::embedded::{
        snapshot::GenerationSnapshot,
        wal::{io_error, sync_directory},
    },
};
use std::{
    fs,
    path::{Path, PathBuf},
    sync::{Arc, atomic::Ordering},
};
use tantivy::{
    SegmentReader,
    directory::{Directory, ManagedDirectory, MmapDirectory},
    store::{Compressor, StoreWriter, ZstdCompressor},
};

/// Of zstd. Of an access log it makes 41 bytes an event, in about 20 s of processor time per million; what is written at
/// first takes 54; level 15 takes 39 and four times as long.
const LEVEL: i32 = 12;
/// What a search for one document reads; four times what is written at first.
const BLOCK_BYTES: usize = 128 << 10;
/// After so many documents it is looked whether to go on.
const STEP: u32 = 4_096;
/// Where a new store is written; what a crash leaves there is removed by the next round.
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
        let generations = self.visible().generations.clone();
        let ids = |generation: &GenerationSnapshot| -> Vec<String> {
            let segments = generation.searcher.segment_readers().iter();
            segments.map(|segment| segment.segment_id().uuid_string()).collect()
        };
        let there: Vec<String> = generations.iter().flat_map(ids).collect();
        let mut done = self.files.read_compact();
        done.retain(|id| there.contains(id));
        for (number, generation) in generations.iter().enumerate() {
            for segment in generation.searcher.segment_readers() {
                let id = segment.segment_id().uuid_string();
                if done.contains(&id) {
                    continue;
                }
                if self.is_dead() || self.shared.is_stopping() || !self.compact_segment(number, segment)? {
                    return Ok(());
                }
                done.push(id);
                self.files.write_compact(&done)?;
            }
        }
        Ok(())
    }

    /// Writes the store of one segment anew; `false`: it was told to stop.
    fn compact_segment(&self, generation: usize, segment: &SegmentReader) -> Result<bool, StoreError> {
        let scratch = self.files.directory.join(SCRATCH);
        let what = format!("compress documents in \"{}\"", scratch.display());
        let failed = |error| io_error(&what, error);
        if scratch.exists() {
            fs::remove_dir_all(&scratch).map_err(failed)?;
        }
        fs::create_dir_all(&scratch).map_err(failed)?;
        let name = PathBuf::from(format!("{}.store", segment.segment_id().uuid_string()));
        let written = self.write_store(&scratch, &name, segment);
        let is_whole = written.map_err(|error| tantivy_error(&what, error))?;
        let (new, directory) = (scratch.join(&name), self.files.generation(generation));
        let size = |path: &Path| path.metadata().map(|file| file.len()).map_err(failed);
        // What hardly repeats itself may not gain anything.
        if is_whole && size(&new)? < size(&directory.join(&name))? {
            fs::rename(new, directory.join(&name)).map_err(failed)?;
            sync_directory(&directory).map_err(failed)?;
        }
        fs::remove_dir_all(&scratch).map_err(failed)?;
        Ok(is_whole)
    }

    fn write_store(&self, scratch: &Path, name: &Path, segment: &SegmentReader) -> tantivy::Result<bool> {
        // It puts the checksum behind a file that segments have there; what is closed is on the disk.
        let directory = ManagedDirectory::wrap(Box::new(MmapDirectory::open(scratch)?))?;
        let compressor = Compressor::Zstd(ZstdCompressor { compression_level: Some(LEVEL) });
        let mut store = StoreWriter::new(directory.open_write(name)?, compressor, BLOCK_BYTES, false)?;
        let old = segment.get_store_reader(1)?;
        for document in 0..segment.max_doc() {
            if document % STEP == 0 && (self.is_dead() || self.shared.is_stopping()) {
                return Ok(false);
            }
            store.store_bytes(&old.get_document_bytes(document)?)?;
        }
        store.close()?;
        Ok(true)
    }
}

impl Files {
    /// The segments whose documents are compressed for good; none if that cannot be read.
    pub(in crate::logs::embedded) fn read_compact(&self) -> Vec<String> {
        self.read(COMPACT).unwrap_or_default()
    }

    fn write_compact(&self, segments: &Vec<String>) -> Result<(), StoreError> {
        self.write(COMPACT, segments)
    }

    /// Whether the documents of all segments are compressed for good.
    pub(in crate::logs::embedded) fn is_compact(&self, generations: usize) -> bool {
        let done = self.read_compact();
        (0..generations).all(|number| {
            let segments = self.segment_ids(number);
            segments.is_ok_and(|segments| segments.iter().all(|id| done.contains(id)))
        })
    }
}

/// Name of the file that says which segments are done.
const COMPACT: &str = "compact.json";
