//! The files of one index: `index.json` (what it is), `mapping.json`, and a directory with a tantivy index per
//! generation.

use crate::{
    StoreError,
    logs::embedded::{
        mapping::Mapping,
        schema::{IndexSchema, STANDARD},
        settings::Settings,
        source_store::{EXTENSION, SourcePlugin},
        wal::{io_error, sync_directory, write_atomically},
        words::StandardTokenizer,
    },
};
use serde::{Deserialize, Serialize};
use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};
use tantivy::{
    Index, IndexSettings,
    directory::MmapDirectory,
    store::Compressor,
    tokenizer::{LowerCaser, TextAnalyzer, TokenizerManager},
};
use uuid::Uuid;

/// What an index is; never changes but for the number of generations.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(in crate::logs::embedded) struct Identity {
    pub(in crate::logs::embedded) name: String,
    pub(in crate::logs::embedded) uuid: Uuid,
    pub(in crate::logs::embedded) created_at_ms: i64,
    pub(in crate::logs::embedded) generations: usize,
}

/// What can be set for an index, beside its mapping.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(in crate::logs::embedded) struct IndexOptions {
    pub(in crate::logs::embedded) settings: Settings,
    /// It takes neither writes nor searches.
    #[serde(default)]
    pub(in crate::logs::embedded) closed: bool,
    /// The service has forbidden its writes, once, as it had grown old.
    #[serde(default)]
    pub(in crate::logs::embedded) made_read_only: bool,
    /// When writes by an alias or data stream went on to the next index, in milliseconds since 1970.
    #[serde(default)]
    pub(in crate::logs::embedded) rolled_over_at_ms: Option<i64>,
}

/// What each commit of a generation says about itself: tantivy's payload.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::logs::embedded) struct Committed {
    /// Entries of the write-ahead log up to here are in it.
    pub(in crate::logs::embedded) lsn: u64,
    /// The sequence number of the next write.
    pub(in crate::logs::embedded) next_seq_no: u64,
    /// Smallest and largest `@timestamp` of all writes so far, in milliseconds.
    pub(in crate::logs::embedded) range: Option<(i64, i64)>,
}

/// What `meta.json` of a generation tells without opening it.
#[derive(Debug, Clone, Copy, Default)]
pub(in crate::logs::embedded) struct GenerationSummary {
    pub(in crate::logs::embedded) committed: Committed,
    pub(in crate::logs::embedded) documents: u64,
    pub(in crate::logs::embedded) segments: usize,
}

/// Where the files of an index are.
#[derive(Debug, Clone)]
pub(in crate::logs::embedded) struct Files {
    pub(in crate::logs::embedded) directory: PathBuf,
}

/// What a disk has room for that is not full.
const ROOM_BYTES: usize = 256 << 10;

impl Files {
    pub(in crate::logs::embedded) fn read_identity(&self) -> Result<Identity, StoreError> {
        self.read("index.json")
    }

    pub(in crate::logs::embedded) fn write_identity(&self, identity: &Identity) -> Result<(), StoreError> {
        self.write("index.json", identity)
    }

    /// Settings and state; an index made before there were any has none.
    pub(in crate::logs::embedded) fn read_state(&self) -> Result<IndexOptions, StoreError> {
        if !self.directory.join("settings.json").exists() {
            return Ok(IndexOptions::default());
        }
        self.read("settings.json")
    }

    pub(in crate::logs::embedded) fn write_state(&self, state: &IndexOptions) -> Result<(), StoreError> {
        self.write("settings.json", state)
    }

    pub(in crate::logs::embedded) fn read_mapping(&self) -> Result<Mapping, StoreError> {
        self.read("mapping.json")
    }

    pub(in crate::logs::embedded) fn write_mapping(&self, mapping: &Mapping) -> Result<(), StoreError> {
        self.write("mapping.json", mapping)
    }

    pub(super) fn read<T: for<'a> Deserialize<'a>>(&self, name: &str) -> Result<T, StoreError> {
        let path = self.directory.join(name);
        let content =
            fs::read(&path).map_err(|error| io_error(&format!("read \"{}\"", path.display()), error))?;
        serde_json::from_slice(&content).map_err(|error| {
            StoreError::new(crate::ErrorKind::Corrupt, format!("cannot read \"{}\"", path.display()))
                .because(error)
        })
    }

    pub(super) fn write(&self, name: &str, value: &impl Serialize) -> Result<(), StoreError> {
        let path = self.directory.join(name);
        let content = serde_json::to_vec(value)
            .map_err(|error| StoreError::internal(format!("cannot serialise \"{name}\""), error))?;
        write_atomically(&path, &content)
            .map_err(|error| io_error(&format!("write \"{}\"", path.display()), error))
    }

    pub(super) fn generation(&self, number: usize) -> PathBuf {
        self.directory.join(format!("generation-{number:04}"))
    }

    /// Makes the tantivy index of a new generation.
    pub(in crate::logs::embedded) fn create_generation(
        &self,
        number: usize,
        schema: &IndexSchema,
    ) -> Result<Index, StoreError> {
        let path = self.generation(number);
        let what = format!("create \"{}\"", path.display());
        // A crash may have left one that was never listed.
        if path.exists() {
            fs::remove_dir_all(&path).map_err(|error| io_error(&what, error))?;
        }
        fs::create_dir_all(&path).map_err(|error| io_error(&what, error))?;
        // Documents are not in tantivy's store.
        let settings = IndexSettings {
            docstore_compression: Compressor::None,
            docstore_compress_dedicated_thread: false,
            ..IndexSettings::default()
        };
        let index = Index::builder()
            .schema(schema.tantivy.clone())
            .settings(settings)
            .tokenizers(tokenizers())
            .register_plugin(Arc::new(SourcePlugin))
            .create_in_dir(&path)
            .map_err(|error| tantivy_error(&what, error))?;
        sync_directory(&path)
            .and_then(|()| sync_directory(&self.directory))
            .map_err(|error| io_error(&what, error))?;
        Ok(index)
    }

    pub(in crate::logs::embedded) fn open_generation(&self, number: usize) -> Result<Index, StoreError> {
        let path = self.generation(number);
        let what = format!("open \"{}\"", path.display());
        let directory = MmapDirectory::open(&path).map_err(|error| tantivy_error(&what, error.into()))?;
        let mut index = Index::open(directory).map_err(|error| tantivy_error(&what, error))?;
        index.set_tokenizers(tokenizers());
        let metas = index.load_metas().map_err(|error| tantivy_error(&what, error))?;
        // A generation that was made without it stays without it.
        if metas.persisted_custom_extensions.iter().any(|extension| extension == EXTENSION) {
            index.register_plugin(Arc::new(SourcePlugin));
        }
        Ok(index)
    }

    /// Reads `meta.json` of a generation.
    pub(in crate::logs::embedded) fn summarise_generation(
        &self,
        number: usize,
    ) -> Result<GenerationSummary, StoreError> {
        #[derive(Deserialize)]
        struct Meta {
            segments: Vec<Segment>,
            payload: Option<String>,
        }
        #[derive(Deserialize)]
        struct Segment {
            max_doc: u64,
            deletes: Option<Deletes>,
        }
        #[derive(Deserialize)]
        struct Deletes {
            num_deleted_docs: u64,
        }
        let meta: Meta = self.read(&format!("generation-{number:04}/meta.json"))?;
        let alive = |segment: &Segment| {
            segment.max_doc - segment.deletes.as_ref().map_or(0, |deletes| deletes.num_deleted_docs)
        };
        Ok(GenerationSummary {
            committed: read_payload(meta.payload.as_deref()),
            documents: meta.segments.iter().map(alive).sum(),
            segments: meta.segments.len(),
        })
    }

    /// The segments of a generation, as their files are named.
    pub(super) fn segment_ids(&self, number: usize) -> Result<Vec<String>, StoreError> {
        #[derive(Deserialize)]
        struct Meta {
            segments: Vec<Segment>,
        }
        #[derive(Deserialize)]
        struct Segment {
            segment_id: Uuid,
        }
        let meta: Meta = self.read(&format!("generation-{number:04}/meta.json"))?;
        Ok(meta.segments.iter().map(|segment| segment.segment_id.simple().to_string()).collect())
    }

    /// Where the documents of a segment are.
    pub(super) fn source(&self, generation: usize, segment_id: &str) -> PathBuf {
        self.generation(generation).join(format!("{segment_id}.{EXTENSION}"))
    }

    /// Space on disk.
    pub(in crate::logs::embedded) fn size_bytes(&self) -> u64 {
        directory_bytes(&self.directory)
    }
}

/// What a commit says about itself; a generation that was never committed says nothing.
pub(in crate::logs::embedded) fn read_payload(payload: Option<&str>) -> Committed {
    payload.and_then(|payload| serde_json::from_str(payload).ok()).unwrap_or_default()
}

fn directory_bytes(path: &Path) -> u64 {
    let Ok(entries) = fs::read_dir(path) else { return 0 };
    entries
        .flatten()
        .map(|entry| match entry.metadata() {
            Ok(metadata) if metadata.is_dir() => directory_bytes(&entry.path()),
            Ok(metadata) => metadata.len(),
            // Removed by a merge in the meantime.
            Err(_) => 0,
        })
        .sum()
}

/// The tokenizers that the schema names.
pub(in crate::logs::embedded) fn tokenizers() -> TokenizerManager {
    let manager = TokenizerManager::default();
    let standard = TextAnalyzer::builder(StandardTokenizer::default()).filter(LowerCaser).build();
    manager.register(STANDARD, standard);
    manager
}

/// An error of tantivy, with what was tried; `Full` where the disk is.
pub(in crate::logs::embedded) fn tantivy_error(what: &str, error: tantivy::TantivyError) -> StoreError {
    let kind = if is_full(&error) { crate::ErrorKind::Full } else { crate::ErrorKind::Internal };
    StoreError::new(kind, format!("cannot {what}")).because(error)
}

/// Whether the disk that holds the directory has no room for as little as this: errors from tantivy's threads come
/// without their cause.
pub(in crate::logs::embedded) fn has_no_room(directory: &Path) -> bool {
    let path = directory.join("room.tmp");
    let written = fs::write(&path, vec![0_u8; ROOM_BYTES]);
    let _ = fs::remove_file(&path);
    written.is_err_and(|error| crate::logs::embedded::wal::kind_of(&error) == crate::ErrorKind::Full)
}

/// Whether a full disk is behind the error, however deep it is wrapped.
fn is_full(error: &tantivy::TantivyError) -> bool {
    use tantivy::{
        TantivyError,
        directory::error::{LockError, OpenWriteError},
    };
    let mut cause: Option<&(dyn std::error::Error + 'static)> = match error {
        // These do not name it as their source.
        TantivyError::IoError(io)
        | TantivyError::LockFailure(LockError::IoError(io), _)
        | TantivyError::OpenWriteError(OpenWriteError::IoError { io_error: io, .. }) => Some(&**io),
        other => Some(other),
    };
    while let Some(current) = cause {
        cause = match current.downcast_ref::<std::io::Error>() {
            Some(io) if crate::logs::embedded::wal::kind_of(io) == crate::ErrorKind::Full => return true,
            // Its source would be that of what it wraps.
            Some(io) => io.get_ref().map(|inner| inner as &(dyn std::error::Error + 'static)),
            None => current.source(),
        };
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorKind;
    use std::io;

    #[test]
    fn a_full_disk_is_found_under_wrapping() {
        let check = |error: io::Error, expected: ErrorKind| {
            let error = tantivy::TantivyError::IoError(Arc::new(error));
            assert_eq!(tantivy_error("commit", error).kind, expected);
        };
        check(io::ErrorKind::StorageFull.into(), ErrorKind::Full);
        check(io::Error::other(io::Error::from(io::ErrorKind::StorageFull)), ErrorKind::Full);
        check(io::Error::other("broken"), ErrorKind::Internal);
        check(io::ErrorKind::PermissionDenied.into(), ErrorKind::Internal);
    }
}
