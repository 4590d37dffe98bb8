//! What SQLite's result codes mean to a caller.

use crate::{ErrorKind, StoreError};
use rusqlite::ErrorCode;
use std::time::Duration;

/// Names what failed and tells the kind from SQLite's result code (<https://sqlite.org/rescode.html>).
pub(crate) fn sqlite_error(doing: impl Into<String>, error: rusqlite::Error) -> StoreError {
    let kind = match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => ErrorKind::Full,
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => ErrorKind::Overloaded,
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => ErrorKind::Corrupt,
        Some(ErrorCode::ReadOnly | ErrorCode::CannotOpen) => ErrorKind::Unavailable,
        _ => ErrorKind::Internal,
    };
    let mut doing = doing.into();
    if kind == ErrorKind::Full {
        doing.push_str(": no space left on the device");
    }
    let failure = StoreError::new(kind, doing).because(error);
    match kind {
        ErrorKind::Full => failure.retry_after(Duration::from_secs(30)),
        ErrorKind::Overloaded | ErrorKind::Unavailable => failure.retry_after(Duration::from_secs(1)),
        _ => failure,
    }
}
