//! A few connections that only read, used on blocking threads.

use super::sqlite_error;
use crate::{ErrorKind, StoreError};
use parking_lot::Mutex;
use rusqlite::Connection;
use std::{
    path::{Path, PathBuf},
    sync::Arc,
};
use tokio::sync::Semaphore;

/// Reads at the same time. More would only compete for the same pages and cores.
const READERS: usize = 4;

/// The pool. Connections are opened when first needed and kept.
pub(super) struct Readers {
    pool: Arc<Pool>,
    room: Arc<Semaphore>,
}

struct Pool {
    path: PathBuf,
    idle: Mutex<Vec<Connection>>,
}

impl Readers {
    /// A pool on that file.
    pub(super) fn new(path: &Path) -> Self {
        let pool = Pool { path: path.to_path_buf(), idle: Mutex::new(Vec::with_capacity(READERS)) };
        Self { pool: Arc::new(pool), room: Arc::new(Semaphore::new(READERS)) }
    }

    /// Waits for a free connection and runs `work` on one snapshot.
    pub(super) async fn read<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    {
        let permit = self.room.clone().acquire_owned().await.map_err(gone)?;
        let pool = self.pool.clone();
        tokio::task::spawn_blocking(move || {
            let _permit = permit;
            pool.run(work)
        })
        .await
        .map_err(gone)?
    }
}

impl Pool {
    fn run<T>(&self, work: impl FnOnce(&Connection) -> Result<T, StoreError>) -> Result<T, StoreError> {
        let failed = |error| sqlite_error("cannot read the database", error);
        // Bound to a name first: the lock must not be held while a connection is opened.
        let idle = self.idle.lock().pop();
        let connection = match idle {
            Some(connection) => connection,
            None => self.connect().map_err(failed)?,
        };
        // Dropped without commit: nothing was written. A connection that failed is closed, not put back.
        let answer = work(&*connection.unchecked_transaction().map_err(failed)?)?;
        self.idle.lock().push(connection);
        Ok(answer)
    }

    fn connect(&self) -> rusqlite::Result<Connection> {
        let connection = super::connect(&self.path)?;
        connection.pragma_update(None, "query_only", true)?;
        Ok(connection)
    }
}

fn gone(cause: impl std::error::Error + Send + Sync + 'static) -> StoreError {
    StoreError::new(ErrorKind::Unavailable, "the database is closing").because(cause)
}
