use super::{body, port_error, read};
use async_trait::async_trait;
use ingest::{
    patterns::{Changes, Pattern},
    ports::{PatternStore, PortError},
};
use jiff::SignedDuration;
use std::{collections::HashSet, sync::Arc};
use store::{
    Clock,
    documents::{Collection, DocumentStore, Find, FindCursor, NewDocument},
};

/// Patterns of log messages.
pub(crate) const LOG_PATTERNS: Collection = Collection { name: "log_patterns", indices: &[] };

const PAGE: usize = 5_000;

/// Patterns of log messages, in the document store.
pub(crate) struct PatternAdapter {
    documents: Arc<dyn DocumentStore>,
    clock: Clock,
    /// So long a pattern is kept that is not seen; for ever if `None`.
    keep: Option<SignedDuration>,
}

impl PatternAdapter {
    /// Keeps patterns as long as logs.
    pub(crate) fn new(documents: Arc<dyn DocumentStore>, clock: Clock, keep: Option<SignedDuration>) -> Self {
        Self { documents, clock, keep }
    }
}

#[async_trait]
impl PatternStore for PatternAdapter {
    async fn load(&self) -> Result<Vec<Pattern>, PortError> {
        let mut patterns = Vec::new();
        let mut after = None;
        loop {
            let find = Find { limit: PAGE, after, ..Find::default() };
            let found = self.documents.find(&LOG_PATTERNS, find).await.map_err(port_error)?;
            after = found.last().map(|last| FindCursor::after(last, None));
            let last_page = found.len() < PAGE;
            for document in found {
                let id = document.id.clone();
                match read(document) {
                    Ok(pattern) => patterns.push(pattern),
                    // The next message of its kind makes it anew.
                    Err(error) => tracing::warn!(%error, id, "a log pattern does not read back"),
                }
            }
            if last_page {
                return Ok(patterns);
            }
        }
    }

    async fn save(&self, changes: Changes) -> Result<(), PortError> {
        let now = self.clock.now();
        let changed: HashSet<_> = changes.changed.iter().map(|pattern| pattern.id).collect();
        // All in one go: what has expired is gone.
        let gone = changes.gone.into_iter().filter(|id| !changed.contains(id)).map(|id| {
            Ok(NewDocument { id: id.to_string(), body: event::Object::new(), expires_at: Some(now) })
        });
        let expires_at = self.keep.and_then(|keep| now.checked_add(keep).ok());
        let changed = changes
            .changed
            .iter()
            .map(|pattern| Ok(NewDocument { id: pattern.id.to_string(), body: body(pattern)?, expires_at }));
        let documents: Vec<_> = gone.chain(changed).collect::<Result<_, _>>().map_err(port_error)?;
        if documents.is_empty() {
            return Ok(());
        }
        self.documents.put_many(&LOG_PATTERNS, documents).await.map_err(port_error)
    }
}
