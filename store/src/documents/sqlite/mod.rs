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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorKind;
    use event::Object;
    use std::time::Duration;

    const NOTES: Collection = Collection { name: "notes", indices: &[] };

    fn note(id: &str, text: &str) -> NewDocument {
        let body = Object::from_iter([("text".to_owned(), text.into())]);
        NewDocument { id: id.into(), body, expires_at: None }
    }

    #[tokio::test]
    async fn the_sweep_removes_what_has_expired() {
        let home = tempfile::tempdir().unwrap();
        let clock = Clock::manual(jiff::Timestamp::UNIX_EPOCH);
        let store = SqliteDocuments::open(&home.path().join("db"), &[NOTES], clock.clone()).unwrap();
        let expires_at = Some(clock.now() + Duration::from_secs(1));
        let documents = vec![NewDocument { expires_at, ..note("1", "") }, note("2", "")];
        store.put_many(&NOTES, documents).await.unwrap();
        clock.advance(Duration::from_secs(1));
        let (schema, now_ms) = (store.schema.clone(), clock.now_ms());
        let rows = store.database.write(move |connection| {
            write::sweep(connection, &schema, now_ms).unwrap();
            Ok(connection
                .query_row("SELECT count(*) FROM documents_notes", [], |row| row.get::<_, i64>(0))
                .unwrap())
        });
        assert_eq!(rows.await.unwrap(), 1);
    }

    #[tokio::test]
    async fn a_full_disk_refuses_writes_and_keeps_what_was_written() {
        let home = tempfile::tempdir().unwrap();
        let store = SqliteDocuments::open(&home.path().join("db"), &[NOTES], Clock::system()).unwrap();
        store.put(&NOTES, note("1", "kept"), Expect::Anything).await.unwrap();
        let allow_pages = async |pages: u32| {
            let change = move |connection: &Connection| {
                connection.pragma_update_and_check(None, "max_page_count", pages, |_| Ok(())).unwrap();
                Ok(())
            };
            store.database.write(change).await.unwrap();
        };
        // Less than what is used means: not one page more.
        allow_pages(1).await;
        let large = "x".repeat(1 << 20);
        let writes = (0..8).map(|n| store.put(&NOTES, note(&format!("n{n}"), &large), Expect::Anything));
        for outcome in futures::future::join_all(writes).await {
            let refused = outcome.unwrap_err();
            assert!(matches!(refused.kind, ErrorKind::Full | ErrorKind::Unavailable), "{refused:?}");
            assert!(refused.retry_after.is_some());
        }
        assert_eq!(store.count(&NOTES, &[]).await.unwrap(), 1);
        allow_pages(u32::MAX - 1).await;
        store.put(&NOTES, note("2", &large), Expect::Anything).await.unwrap();
        assert_eq!(store.count(&NOTES, &[]).await.unwrap(), 2);
    }
}
