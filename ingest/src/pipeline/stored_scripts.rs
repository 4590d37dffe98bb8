//! Scripts that requests and pipelines refer to by `id`.

use parking_lot::RwLock;
use std::{collections::BTreeMap, sync::Arc};

/// A script as it was stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredScript {
    /// `lang`, such as `painless`.
    pub language: String,
    /// The source.
    pub source: String,
}

/// The stored scripts of this process by id. Nothing is kept beyond it: the caller stores them, and gives them back at the
/// next start.
#[derive(Debug, Default)]
pub struct StoredScripts {
    scripts: RwLock<BTreeMap<String, Arc<StoredScript>>>,
}

impl StoredScripts {
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.scripts.read().is_empty()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.scripts.read().len()
    }

    /// The script of that id.
    pub fn get(&self, id: &str) -> Option<Arc<StoredScript>> {
        self.scripts.read().get(id).cloned()
    }

    /// Adds or replaces one.
    pub fn put(&self, id: impl Into<String>, script: StoredScript) {
        self.scripts.write().insert(id.into(), Arc::new(script));
    }

    /// Removes one; whether there was one.
    pub fn delete(&self, id: &str) -> bool {
        self.scripts.write().remove(id).is_some()
    }
}
