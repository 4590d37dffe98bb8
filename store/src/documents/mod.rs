//! Documents: users, sessions, uploads, dead letters, verdicts, settings. Small JSON objects by id, in collections that are
//! declared in code with their indices.

pub mod limits;
mod sqlite;

pub use sqlite::SqliteDocuments;

use crate::StoreError;
use async_trait::async_trait;
use event::Object;
use jiff::Timestamp;
use serde_json::Value;

/// A collection and the fields it is looked up by. Declared once, as a constant, by the room that owns it; a
/// backend creates and migrates the indices when it is opened with the list of all collections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Collection {
    /// Its name: lower case, `_` between words.
    pub name: &'static str,
    /// What it is looked up and sorted by, beside the id.
    pub indices: &'static [DocumentIndex],
}

/// An index of a collection over one or more members (dotted paths).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DocumentIndex {
    /// The members, in order.
    pub fields: &'static [&'static str],
    /// Whether two documents may not share the values. Documents that lack a member are not compared.
    pub unique: bool,
}

/// A stored document.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredDocument {
    /// Its id within the collection.
    pub id: String,
    /// Changes with every write; for optimistic concurrency.
    pub version: u64,
    /// The content.
    pub body: Object,
}

/// What to write.
#[derive(Debug, Clone, PartialEq)]
pub struct NewDocument {
    /// Its id within the collection.
    pub id: String,
    /// The content.
    pub body: Object,
    /// When it ceases to exist. Reads never return an expired document, whether or not it was swept yet.
    pub expires_at: Option<Timestamp>,
}

/// Which version a write expects to find.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expect {
    /// Whatever is there, or nothing.
    Anything,
    /// No document of that id.
    Absent,
    /// The document in exactly that version.
    Version(u64),
}

/// A condition on one member.
///
/// Values compare within their class only: numbers with numbers, strings (by their bytes) with strings, booleans
/// (false before true) with booleans; against another class, every operator but `NotEqual` is false. A member
/// that is null, an object or an array counts as missing. A dot always steps into an object, never into an array.
#[derive(Debug, Clone, PartialEq)]
pub struct Condition {
    /// Dotted path of the member.
    pub field: String,
    /// How to compare.
    pub operator: Operator,
    /// What to compare with: a string, number or boolean.
    pub value: Value,
}

/// How to compare a member with a value. A missing member matches `NotEqual` only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operator {
    /// The same.
    Equal,
    /// Not the same, or missing.
    NotEqual,
    /// Smaller.
    Less,
    /// Smaller or the same.
    LessOrEqual,
    /// Larger.
    Greater,
    /// Larger or the same.
    GreaterOrEqual,
}

/// A question to a collection: all conditions must hold.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Find {
    /// The conditions.
    pub conditions: Vec<Condition>,
    /// Member (dotted path) to sort by: missing ones first, then numbers, strings, booleans. Ties, and everything
    /// if `None`, by id in the same direction.
    pub sort: Option<String>,
    /// Largest first.
    pub descending: bool,
    /// At most so many (backends cap at 10,000).
    pub limit: usize,
    /// Continues after this document of the same question.
    pub after: Option<FindCursor>,
}

/// Position in the sorted answer to a [`Find`].
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct FindCursor {
    /// Value of the sort member of the last document seen; null without `sort` or if it lacked the member.
    pub value: Value,
    /// Its id.
    pub id: String,
}

impl FindCursor {
    /// The position of this document in an answer that is sorted by `sort`.
    pub fn after(document: &StoredDocument, sort: Option<&str>) -> Self {
        let value =
            sort.and_then(|path| member(&document.body, path)).filter(|v| !v.is_object() && !v.is_array());
        Self { value: value.cloned().unwrap_or_default(), id: document.id.clone() }
    }
}

/// The member at a dotted path, stepping into objects only.
fn member<'a>(body: &'a Object, path: &str) -> Option<&'a Value> {
    let mut parts = path.split('.');
    let mut value = body.get(parts.next()?)?;
    for part in parts {
        value = value.as_object()?.get(part)?;
    }
    Some(value)
}

/// Where documents are kept. Every write is durable when the call returns.
#[async_trait]
pub trait DocumentStore: Send + Sync {
    /// Reads one document.
    async fn get(&self, collection: &Collection, id: &str) -> Result<Option<StoredDocument>, StoreError>;

    /// Writes one document and answers with its new version. `Conflict` if `expect` does not hold or a unique
    /// index objects (the message names the index).
    async fn put(
        &self,
        collection: &Collection,
        document: NewDocument,
        expect: Expect,
    ) -> Result<u64, StoreError>;

    /// Writes many documents, each as with [`Expect::Anything`], in one go: all or none in the embedded store; on
    /// a cluster each is written on its own and the call can be repeated.
    async fn put_many(&self, collection: &Collection, documents: Vec<NewDocument>) -> Result<(), StoreError>;

    /// Removes one document; whether there was one.
    async fn delete(&self, collection: &Collection, id: &str) -> Result<bool, StoreError>;

    /// Removes all that match the conditions; how many.
    async fn delete_where(
        &self,
        collection: &Collection,
        conditions: &[Condition],
    ) -> Result<u64, StoreError>;

    /// Lists documents.
    async fn find(&self, collection: &Collection, find: Find) -> Result<Vec<StoredDocument>, StoreError>;

    /// Counts documents.
    async fn count(&self, collection: &Collection, conditions: &[Condition]) -> Result<u64, StoreError>;

    /// Whether the store can be read and written now; the error says why not.
    async fn health(&self) -> Result<(), StoreError>;
}
