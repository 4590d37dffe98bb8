//! The embedded document store: one SQLite file, a table per collection.

mod query;
mod schema;
mod write;

use super::{Collection, Condition, DocumentStore, Expect, Find, NewDocument, StoredDocument, limits};
use crate::{Clock, StoreError, sqlite::Database};
use async_trait::async_trait;
use rusqlite::Connection;
use schema::Schema;
use std::{path::Path, sync::Arc};

/// Documents in a SQLite file: the embedded default.
///
/// Reads run on a snapshot and never wait for writes; concurrent writes share one fsync. Numbers compare as
/// 64-bit integers or doubles, texts by their bytes. Expired documents are removed by the writer within minutes.
///
/// Cheap to clone; clones share the file. It is closed when the last clone is dropped, which waits for the
/// writes under way.
#[derive(Clone)]
pub struct SqliteDocuments {
    database: Arc<Database>,
    schema: Arc<Schema>,
    clock: Clock,
}

impl SqliteDocuments {
    /// Opens or creates the file and brings the tables and indices to what the collections declare: new ones are
    /// made, indices that are no longer declared are dropped; documents of collections that are no longer
    /// declared stay. Blocks: for the start of the service. The caller makes sure that one process has the file.
    ///
    /// # Errors
    /// `InvalidRequest` for a declaration that makes no sense and for a file of a newer version or of another
    /// program, `Conflict` if a new unique index does not fit the documents, `Corrupt` for a damaged file.
    pub fn open(path: &Path, collections: &[Collection], clock: Clock) -> Result<Self, StoreError> {
        let schema = Arc::new(Schema::new(collections)?);
        let sweeper = {
            let (schema, clock) = (schema.clone(), clock.clone());
            Box::new(move |connection: &Connection| write::sweep(connection, &schema, clock.now_ms()))
        };
        let now_ms = clock.now_ms();
        let database = Database::open(path, |connection| schema.apply(connection, now_ms), sweeper)?;
        Ok(Self { database: Arc::new(database), schema, clock })
    }

    /// The file, for other backends that live in it.
    pub(crate) fn database(&self) -> &Arc<Database> {
        &self.database
    }
}

#[async_trait]
impl DocumentStore for SqliteDocuments {
    async fn get(&self, collection: &Collection, id: &str) -> Result<Option<StoredDocument>, StoreError> {
        let table = self.schema.table(collection)?;
        let (id, now_ms) = (id.to_owned(), self.clock.now_ms());
        self.database.read(move |connection| query::get(connection, &table, &id, now_ms)).await
    }

    async fn put(
        &self,
        collection: &Collection,
        document: NewDocument,
        expect: Expect,
    ) -> Result<u64, StoreError> {
        let table = self.schema.table(collection)?;
        let row = write::Row::new(document)?;
        let now_ms = self.clock.now_ms();
        self.database.write(move |connection| write::put(connection, &table, &row, expect, now_ms)).await
    }

    async fn put_many(&self, collection: &Collection, documents: Vec<NewDocument>) -> Result<(), StoreError> {
        if documents.is_empty() {
            return Ok(());
        }
        limits::check_batch(documents.len())?;
        let table = self.schema.table(collection)?;
        let rows = documents.into_iter().map(write::Row::new).collect::<Result<Vec<_>, _>>()?;
        let now_ms = self.clock.now_ms();
        self.database
            .write(move |connection| {
                rows.iter().try_for_each(|row| {
                    write::put(connection, &table, row, Expect::Anything, now_ms).map(drop)
                })
            })
            .await
    }

    async fn delete(&self, collection: &Collection, id: &str) -> Result<bool, StoreError> {
        let table = self.schema.table(collection)?;
        let (id, now_ms) = (id.to_owned(), self.clock.now_ms());
        self.database.write(move |connection| write::delete(connection, &table, &id, now_ms)).await
    }

    async fn delete_where(
        &self,
        collection: &Collection,
        conditions: &[Condition],
    ) -> Result<u64, StoreError> {
        let table = self.schema.table(collection)?;
        let filter = query::Filter::new(conditions, self.clock.now_ms())?;
        self.database.write(move |connection| write::delete_where(connection, &table, &filter)).await
    }

    async fn find(&self, collection: &Collection, find: Find) -> Result<Vec<StoredDocument>, StoreError> {
        let table = self.schema.table(collection)?;
        let plan = query::Plan::new(&find, self.clock.now_ms())?;
        self.database.read(move |connection| plan.run(connection, &table)).await
    }

    async fn count(&self, collection: &Collection, conditions: &[Condition]) -> Result<u64, StoreError> {
        let table = self.schema.table(collection)?;
        let filter = query::Filter::new(conditions, self.clock.now_ms())?;
        self.database.read(move |connection| query::count(connection, &table, &filter)).await
    }

    async fn health(&self) -> Result<(), StoreError> {
        self.database.health().await
    }
}
