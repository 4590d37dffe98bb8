//! Names beside those of indices: aliases and data streams. One file, changed as a whole.

use super::wal::{io_error, write_atomically};
use crate::{ErrorKind, StoreError};
use parking_lot::RwLock;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
};

/// Most aliases, and most data streams.
const NAMES_MAX: usize = 10_000;

/// What an alias says about one of its indices.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Alias {
    /// Narrows what is found through the alias (query DSL).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) filter: Option<Value>,
    /// Routing of documents written through it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) index_routing: Option<String>,
    /// Routing of searches through it; one shard holds all, so it is only kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) search_routing: Option<String>,
    /// Whether writes through the alias go to this index.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) is_write_index: Option<bool>,
    /// Whether wildcards leave the alias out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) is_hidden: Option<bool>,
}

/// A name for a row of indices of which the last is written to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct DataStream {
    /// The field that every document must have.
    pub(super) timestamp_field: String,
    /// The indices behind it, oldest first.
    pub(super) indices: Vec<String>,
    /// Counts its indices.
    pub(super) generation: u64,
    /// The template that it was made from.
    pub(super) template: String,
    /// Whether wildcards leave it out.
    #[serde(default)]
    pub(super) hidden: bool,
}

/// All names at one moment.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Names {
    /// By alias, then by index.
    #[serde(default)]
    pub(super) aliases: BTreeMap<String, BTreeMap<String, Alias>>,
    #[serde(default)]
    pub(super) data_streams: BTreeMap<String, DataStream>,
    /// Indices that the last change also removes: a crash in between leaves them to the next start.
    #[serde(default)]
    pub(super) removing: Vec<String>,
}

impl Names {
    /// The aliases of an index.
    pub(super) fn aliases_of<'a>(&'a self, index: &'a str) -> impl Iterator<Item = (&'a str, &'a Alias)> {
        self.aliases.iter().filter_map(move |(name, indices)| Some((name.as_str(), indices.get(index)?)))
    }

    /// The data stream that an index belongs to.
    pub(super) fn stream_of(&self, index: &str) -> Option<&str> {
        let holds = |stream: &DataStream| stream.indices.iter().any(|name| name == index);
        self.data_streams.iter().find(|(_, stream)| holds(stream)).map(|(name, _)| name.as_str())
    }

    /// Whether an alias or data stream leads to an index.
    pub(super) fn lead_to(&self, index: &str) -> bool {
        self.aliases_of(index).next().is_some() || self.stream_of(index).is_some()
    }

    /// Forgets an index.
    pub(super) fn forget(&mut self, index: &str) {
        for indices in self.aliases.values_mut() {
            indices.remove(index);
        }
        self.aliases.retain(|_, indices| !indices.is_empty());
        for stream in self.data_streams.values_mut() {
            stream.indices.retain(|name| name != index);
        }
    }
}

/// The names of an engine.
#[derive(Debug)]
pub(super) struct Catalog {
    path: PathBuf,
    names: RwLock<Arc<Names>>,
}

impl Catalog {
    /// Reads the names kept in that directory.
    pub(super) fn open(directory: &Path) -> Result<Self, StoreError> {
        let path = directory.join("names.json");
        let names = match fs::read(&path) {
            Ok(content) => serde_json::from_slice(&content).map_err(|error| {
                StoreError::new(ErrorKind::Corrupt, format!("cannot read \"{}\"", path.display()))
                    .because(error)
            })?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Names::default(),
            Err(error) => return Err(io_error(&format!("read \"{}\"", path.display()), error)),
        };
        Ok(Self { path, names: RwLock::new(Arc::new(names)) })
    }

    /// All names.
    pub(super) fn names(&self) -> Arc<Names> {
        self.names.read().clone()
    }

    /// Changes the names as a whole; on disk at return. Nothing changes on an error.
    pub(super) fn change<T>(
        &self,
        change: impl FnOnce(&mut Names) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let mut names = self.names.write();
        let mut changed = (**names).clone();
        let answer = change(&mut changed)?;
        if changed == **names {
            return Ok(answer);
        }
        if changed.aliases.len().max(changed.data_streams.len()) > NAMES_MAX {
            return Err(StoreError::invalid(format!(
                "there are {NAMES_MAX} aliases or data streams already"
            )));
        }
        let content = serde_json::to_vec(&changed)
            .map_err(|error| StoreError::internal("cannot serialise the aliases", error))?;
        write_atomically(&self.path, &content).map_err(|error| io_error("write the aliases", error))?;
        *names = Arc::new(changed);
        Ok(answer)
    }
}
