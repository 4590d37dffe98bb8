//! One SQLite file that several backends share: a single writer thread, a few readers, numbered migrations.
//!
//! *Invariant*: no async thread waits for SQLite. Writes go to the writer thread, reads to blocking threads.
//! A write is durable when its call returns: write-ahead journal with `synchronous=FULL`, one fsync for all
//! writes that were waiting (group commit).

mod error;
mod migrations;
mod readers;
mod writer;

use crate::StoreError;
pub(crate) use error::sqlite_error;
use readers::Readers;
use rusqlite::{Connection, OpenFlags};
use std::{fs::OpenOptions, path::Path, time::Duration};
pub(crate) use writer::Maintenance;
use writer::Writer;

/// How long a statement waits for another process (a backup tool, say) to let go of the file.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// Prepared statements that each connection keeps.
const STATEMENTS_KEPT: usize = 256;

/// An open database file.
pub(crate) struct Database {
    readers: Readers,
    writer: Writer,
}

impl Database {
    /// Opens or creates the file, brings its schema to this version, runs `prepare` in the same transaction, and
    /// starts the writer, which calls `maintenance` now and then. Blocks; for the start of the service.
    pub(crate) fn open(
        path: &Path,
        prepare: impl FnOnce(&Connection) -> Result<(), StoreError>,
        maintenance: Maintenance,
    ) -> Result<Self, StoreError> {
        create_private(path)?;
        let failed = |error| sqlite_error(format!("cannot open the database {path:?}"), error);
        let mut connection = connect(path).map_err(failed)?;
        // The journal mode stays with the file; it is set before the first transaction.
        connection.pragma_update(None, "journal_mode", "wal").map_err(failed)?;
        migrations::migrate(&mut connection, path, prepare)?;
        Ok(Self { readers: Readers::new(path), writer: Writer::start(connection, maintenance)? })
    }

    /// Runs `work` in a transaction that is durable at return. An `Err` of `work` undoes what it wrote.
    pub(crate) async fn write<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    {
        self.writer.write(work).await
    }

    /// Runs `work` on one snapshot of the database.
    pub(crate) async fn read<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    {
        self.readers.read(work).await
    }

    /// Whether the file can be read and written now. The write is a real one: a full disk shows.
    pub(crate) async fn health(&self) -> Result<(), StoreError> {
        let failed = |error| sqlite_error("the database cannot be used", error);
        self.read(move |connection| {
            connection.query_row("SELECT value FROM sequence", [], |_| Ok(())).map_err(failed)
        })
        .await?;
        self.write(move |connection| {
            connection.execute("UPDATE sequence SET value = value", []).map_err(failed).map(drop)
        })
        .await
    }
}

/// Makes the file readable by its owner only (SQLite gives its journal the same mode) and its name durable.
fn create_private(path: &Path) -> Result<(), StoreError> {
    let failed = |error| StoreError::internal(format!("cannot create the database {path:?}"), error);
    let mut options = OpenOptions::new();
    options.create(true).append(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map_err(failed)?;
    crate::files::sync_parent(path).map_err(failed)
}

/// A connection with the settings that all of them share.
fn connect(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS_KEPT);
    connection.pragma_update(None, "synchronous", "full")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    // What a damaged or planted schema could run is limited to harmless functions.
    connection.pragma_update(None, "trusted_schema", false)?;
    // 8 MiB of pages per connection; the journal file shrinks back to 64 MiB after a burst.
    connection.pragma_update(None, "cache_size", -8192)?;
    connection.pragma_update(None, "journal_size_limit", 64 << 20)?;
    Ok(connection)
}
