//! The one type that flows between the rooms of vigie: an [`Event`], a JSON object and what is known about it.
//!
//! *Invariant*: no IO, no async, no other crate of this workspace. Batches of events travel (`Vec<Event>`); the
//! room that holds a batch owns it and changes it in place.

mod index_name;
mod member;
mod origin;

use bytes::Bytes;
pub use index_name::{
    DEVICE_LOGS, ECOMMERCE_LOGS, daily_index, day_of_index, is_event_index, keeps_as_written, stream_of_index,
};
pub use jiff::Timestamp;
pub use member::{member, member_mut};
pub use origin::Origin;
use serde_json::{Map, Value};
use std::sync::Arc;

/// A JSON object, in the order in which its members arrived.
pub type Object = Map<String, Value>;

/// One log event on its way from an input to the store.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Event {
    /// What is stored and searched: the document. Nested objects; a dot in a key is only a character here.
    pub fields: Object,
    /// What is known about the document and steers it; never stored inside it.
    pub metadata: Metadata,
}

impl Event {
    /// An event with these fields and nothing known about it.
    pub fn new(fields: Object, origin: Origin) -> Self {
        Self { fields, metadata: Metadata { origin, ..Metadata::default() } }
    }

    /// Makes the event one that is its text: `raw` must be one JSON object in which no name comes twice, and nothing of it
    /// may have to be changed any more. Saves the store from building a tree that it only walks once.
    pub fn keep_unread(&mut self, raw: Bytes) {
        self.fields = Object::new();
        self.metadata.raw = Some(raw);
        self.metadata.unread = true;
    }

    /// The text of an event whose fields were never read; `None`: they are there.
    pub fn unread(&self) -> Option<&Bytes> {
        self.metadata.raw.as_ref().filter(|_| self.metadata.unread)
    }
}

/// What steers an event: where it goes, under which id, and where it came from.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Metadata {
    /// Index to write to. `None` until a pipeline or the router has decided.
    pub index: Option<Arc<str>>,
    /// Document id. `None`: the store makes a random one.
    pub id: Option<String>,
    /// What the store shall do with it.
    pub operation: Operation,
    /// When it happened (UTC). `None` until a pipeline has read it.
    pub timestamp: Option<Timestamp>,
    /// Where it came from.
    pub origin: Origin,
    /// The document as JSON text, exactly as it was sent, if `fields` still says the same: kept as it is, it need not be
    /// written anew. Whoever changes `fields` takes it away.
    pub raw: Option<Bytes>,
    /// `raw` is all there is: `fields` is empty. Only from the Elasticsearch API's `_bulk` to the store's backend.
    pub unread: bool,
    /// The line or record as it arrived, kept for dead letters.
    pub original: Option<String>,
    /// Write only if the stored document still has this sequence number and primary term
    /// (Elasticsearch's `if_seq_no` and `if_primary_term`).
    pub expected: Option<SequenceNumber>,
    /// What few writes ask for.
    pub options: Option<Box<WriteOptions>>,
}

/// What only clients of the Elasticsearch API ask of a write; the names are those of its parameters.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct WriteOptions {
    /// Kept with the document and returned with it (`routing`).
    pub routing: Option<String>,
    /// The version that the document gets, and when it may not (`version`, `version_type`).
    pub version: Option<(u64, VersionType)>,
    /// Whether the index must be named by an alias (`require_alias`).
    pub require_alias: bool,
    /// Of an update: the document to write if there is none (`upsert`).
    pub upsert: Option<Object>,
    /// Of an update: the changes are also the document to write if there is none (`doc_as_upsert`).
    pub doc_as_upsert: bool,
    /// Of an update: write also if nothing changes (`detect_noop: false`).
    pub always_write: bool,
    /// Of an update: what changes the document, instead of the event's fields.
    pub script: Option<UpdateScript>,
}

/// A script that changes a document. Its `params` are the event's fields, so that they go the way of all that is written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UpdateScript {
    /// The source.
    pub source: String,
    /// `lang`, such as `painless`.
    pub language: String,
    /// It runs over `upsert` too, if there is no document (`scripted_upsert`).
    pub scripted_upsert: bool,
}

/// Which versions given from outside are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VersionType {
    /// The document must have just this one now; the write counts it up. Only pipelines still say so.
    Internal,
    /// Only one that is higher than the document's.
    External,
    /// One that is as high as the document's or higher.
    ExternalGte,
}

/// Position of a write in the history of one index, as Elasticsearch's `_seq_no` and `_primary_term`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SequenceNumber {
    /// Counts the writes to the index, from 0.
    pub seq_no: u64,
    /// Counts the owners of the index, from 1.
    pub primary_term: u64,
}

/// What the store does with an event; the names and meanings are those of Elasticsearch's bulk actions.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Operation {
    /// Writes the document only if its id is new; otherwise the outcome is a conflict. What all inputs use.
    #[default]
    Create,
    /// Writes the document, replacing one of the same id.
    Index,
    /// Merges the fields into the stored document of the same id (objects deeply, all else replaced).
    Update,
    /// Removes the document of that id; the fields are ignored.
    Delete,
}
