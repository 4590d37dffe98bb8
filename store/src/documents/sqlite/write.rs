//! Changes to documents. All run on the writer thread, one after another.

use super::{
    super::{Expect, NewDocument, limits},
    query::Filter,
    schema::{Schema, Table, is_unique_violation},
};
use crate::{ErrorKind, StoreError, sqlite::sqlite_error};
use rusqlite::{Connection, OptionalExtension, params, params_from_iter};

/// Expired documents that one round of the sweep removes per collection.
const SWEEP_MAX: i64 = 1_000;

/// A checked document, ready to be written.
pub(super) struct Row {
    id: String,
    body: String,
    expires_ms: Option<i64>,
}

impl Row {
    pub(super) fn new(document: NewDocument) -> Result<Self, StoreError> {
        limits::check_id(&document.id)?;
        let body = limits::body_json(&document.id, &document.body)?;
        let expires_ms = document.expires_at.map(|time| time.as_millisecond());
        Ok(Self { id: document.id, body, expires_ms })
    }
}

pub(super) fn put(
    connection: &Connection,
    table: &Table,
    row: &Row,
    expect: Expect,
    now_ms: i64,
) -> Result<u64, StoreError> {
    check_expectation(connection, table, &row.id, expect, now_ms)?;
    match upsert(connection, table, row) {
        // Documents that have expired but were not swept yet must not stand in the way.
        Err(error)
            if is_unique_violation(&error)
                && sweep_table(connection, table, now_ms, -1).map_err(failed)? > 0 =>
        {
            upsert(connection, table, row)
        }
        outcome => outcome,
    }
    .map_err(|error| not_written(table, &row.id, error))
}

fn check_expectation(
    connection: &Connection,
    table: &Table,
    id: &str,
    expect: Expect,
    now_ms: i64,
) -> Result<(), StoreError> {
    if expect == Expect::Anything {
        return Ok(());
    }
    let sql =
        format!("SELECT version FROM {} WHERE id = ? AND (expires_ms IS NULL OR expires_ms > ?)", table.name);
    let mut statement = connection.prepare_cached(&sql).map_err(failed)?;
    let present = statement.query_row(params![id, now_ms], |row| row.get::<_, i64>(0)).optional();
    let present = present.map_err(failed)?.map(i64::unsigned_abs);
    let conflict = match (expect, present) {
        (Expect::Anything, _) | (Expect::Absent, None) => return Ok(()),
        (Expect::Version(expected), Some(version)) if expected == version => return Ok(()),
        (Expect::Absent, Some(_)) => format!("there is a document {id:?} already"),
        (Expect::Version(expected), Some(version)) => {
            format!("the document {id:?} has changed: it has version {version}, not {expected}")
        }
        (Expect::Version(_), None) => format!("the document {id:?} is gone"),
    };
    Err(StoreError::new(ErrorKind::Conflict, conflict))
}

/// Writes the row under a version that no document of the file ever had, so that a document which was removed and
/// made anew is not mistaken for the former one.
fn upsert(connection: &Connection, table: &Table, row: &Row) -> rusqlite::Result<u64> {
    let version: i64 = connection
        .prepare_cached("UPDATE sequence SET value = value + 1 RETURNING value")?
        .query_row([], |row| row.get(0))?;
    let sql = format!(
        "INSERT INTO {} (id, version, expires_ms, body) VALUES (?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET \
         version = excluded.version, expires_ms = excluded.expires_ms, body = excluded.body",
        table.name
    );
    connection.prepare_cached(&sql)?.execute(params![row.id, version, row.expires_ms, row.body])?;
    Ok(version.unsigned_abs())
}

fn not_written(table: &Table, id: &str, error: rusqlite::Error) -> StoreError {
    if !is_unique_violation(&error) {
        return failed(error);
    }
    let message = match table.violated_index(&error.to_string()) {
        Some(index) => format!("another document has the values of {id:?} in the unique index {index}"),
        None => format!("another document has unique values of {id:?}"),
    };
    StoreError::new(ErrorKind::Conflict, message).because(error)
}

pub(super) fn delete(
    connection: &Connection,
    table: &Table,
    id: &str,
    now_ms: i64,
) -> Result<bool, StoreError> {
    let sql = format!("DELETE FROM {} WHERE id = ? RETURNING expires_ms", table.name);
    let mut statement = connection.prepare_cached(&sql).map_err(failed)?;
    let removed = statement.query_row([id], |row| row.get::<_, Option<i64>>(0)).optional();
    Ok(removed.map_err(failed)?.is_some_and(|expires_ms| expires_ms.is_none_or(|at| at > now_ms)))
}

pub(super) fn delete_where(
    connection: &Connection,
    table: &Table,
    filter: &Filter,
) -> Result<u64, StoreError> {
    let sql = format!("DELETE FROM {} WHERE {}", table.name, filter.sql);
    let mut statement = connection.prepare_cached(&sql).map_err(failed)?;
    let removed = statement.execute(params_from_iter(&filter.values)).map_err(failed)?;
    Ok(removed as u64)
}

/// Removes some expired documents of every collection.
pub(super) fn sweep(connection: &Connection, schema: &Schema, now_ms: i64) -> rusqlite::Result<()> {
    for table in schema.tables() {
        sweep_table(connection, table, now_ms, SWEEP_MAX)?;
    }
    Ok(())
}

/// Removes at most so many expired documents of one collection (-1: all); how many.
fn sweep_table(connection: &Connection, table: &Table, now_ms: i64, limit: i64) -> rusqlite::Result<usize> {
    let sql = format!(
        "DELETE FROM {0} WHERE rowid IN (SELECT rowid FROM {0} WHERE expires_ms <= ? LIMIT ?)",
        table.name
    );
    connection.prepare_cached(&sql)?.execute(params![now_ms, limit])
}

fn failed(error: rusqlite::Error) -> StoreError {
    sqlite_error("cannot write documents", error)
}
