//! The schema of the file, as numbered steps. What belongs to one collection is not here: it follows from the
//! declaration of the collection.

use super::sqlite_error;
use crate::{ErrorKind, StoreError};
use rusqlite::{Connection, TransactionBehavior};
use std::path::Path;

/// Marks the file as one of ours (`vigi`), so that another program's file is not written into.
const APPLICATION_ID: i32 = 0x7669_6769;

/// Each step once, in order; a step that was released never changes. The number of steps that a file has seen
/// is its `user_version`.
const STEPS: &[&str] = &[
    // 1: documents (their tables follow from the collections) and jobs
    "CREATE TABLE sequence (value INTEGER NOT NULL) STRICT;
     INSERT INTO sequence VALUES (0);
     CREATE TABLE collections (name TEXT PRIMARY KEY NOT NULL, created_ms INTEGER NOT NULL) STRICT;
     CREATE TABLE jobs (
         id TEXT PRIMARY KEY NOT NULL,
         topic TEXT NOT NULL,
         -- 0 waiting, 1 running, 2 dead
         state INTEGER NOT NULL,
         -- waiting: when it may be handed out; running: when its lease ends
         due_ms INTEGER NOT NULL,
         -- order of arrival, for jobs that are due at the same time
         position INTEGER NOT NULL,
         attempt INTEGER NOT NULL,
         lease TEXT,
         -- why the last attempt failed
         reason TEXT,
         payload TEXT NOT NULL
     ) STRICT;
     CREATE INDEX jobs_by_due ON jobs (topic, due_ms, position) WHERE state <> 2;
     CREATE INDEX jobs_by_state ON jobs (topic, state, due_ms);",
];

/// Brings the file to the newest version and runs `prepare`, all in one transaction. A file of a newer version, or
/// of another program, is left alone and refused.
pub(super) fn migrate(
    connection: &mut Connection,
    path: &Path,
    prepare: impl FnOnce(&Connection) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    let failed = |error| sqlite_error(format!("cannot prepare the database {path:?}"), error);
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(failed)?;
    let pragma = |name| transaction.pragma_query_value(None, name, |row| row.get::<_, i32>(0));
    let version = pragma("user_version").map_err(failed)?;
    let application = pragma("application_id").map_err(failed)?;
    let done = accepted_version(path, application, version)?;
    for step in STEPS.iter().skip(done) {
        transaction.execute_batch(step).map_err(failed)?;
    }
    transaction.pragma_update(None, "application_id", APPLICATION_ID).map_err(failed)?;
    transaction.pragma_update(None, "user_version", STEPS.len() as i64).map_err(failed)?;
    prepare(&transaction)?;
    transaction.commit().map_err(failed)
}

/// How many steps the file has seen, if it is ours and not newer than this program.
fn accepted_version(path: &Path, application: i32, version: i32) -> Result<usize, StoreError> {
    let refused = |message| Err(StoreError::new(ErrorKind::InvalidRequest, message));
    // A new file carries zeros.
    if application != APPLICATION_ID && (application, version) != (0, 0) {
        return refused(format!("the database {path:?} belongs to another program: move it away"));
    }
    match usize::try_from(version) {
        Ok(done) if done <= STEPS.len() => Ok(done),
        _ => refused(format!(
            "the database {path:?} has format {version}, this program knows up to {}: start the newer program \
             that wrote it, or restore a backup",
            STEPS.len()
        )),
    }
}
