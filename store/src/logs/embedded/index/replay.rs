//! Entries of the log that no commit contains, applied again.

use super::{
    IndexState,
    apply::{Batch, Operation},
    logged, merge_ranges,
    order::complete,
    versions::Latest,
};
use crate::{
    ErrorKind, StoreError,
    logs::embedded::convert::{Content, convert},
};
use bytes::Bytes;
use std::{
    sync::{Arc, atomic::Ordering},
    time::Instant,
};

impl IndexState {
    /// Applies an entry of the log that no commit contains, as if it had just become durable.
    pub(in crate::logs::embedded) fn replay(
        self: &Arc<Self>,
        lsn: u64,
        entry: &Bytes,
    ) -> Result<(), StoreError> {
        if lsn <= self.visible().committed.lsn {
            return Ok(());
        }
        let corrupt = |what: &str| {
            StoreError::new(ErrorKind::Corrupt, format!("entry {lsn} of the write-ahead log: {what}"))
        };
        let logged = logged::decode(entry).ok_or_else(|| corrupt("cannot be read"))?;
        let mut order = self.order.lock();
        order.batch += 1;
        let number = order.batch;
        let visible = self.visible();
        let mut batch = Batch {
            number,
            lsn,
            next_seq_no: 0,
            range: None,
            bytes: entry.len(),
            operations: Vec::new(),
            _reserved: None,
        };
        for operation in logged {
            let exists =
                order.versions.known(&operation.id).is_some() || visible.find(&operation.id)?.is_some();
            batch.next_seq_no = batch.next_seq_no.max(operation.seq_no + 1);
            match &operation.source {
                Some(bytes) => {
                    let router = self.router();
                    let mut converted = convert(&router, &operation.id, Content::Text(bytes), true)
                        .map_err(|error| corrupt(&error.message))?;
                    complete(
                        &mut converted,
                        &router,
                        bytes,
                        operation.seq_no,
                        operation.version,
                        operation.routing.as_deref(),
                    );
                    let at = converted.timestamp_ms;
                    batch.range = merge_ranges(batch.range, at.map(|at| (at, at)));
                    batch.operations.push(Operation::Put {
                        generation: router.generation,
                        document: converted.document,
                        replaces: exists.then(|| operation.id.clone()),
                    });
                }
                None => batch.operations.push(Operation::Delete { id: operation.id.clone() }),
            }
            let latest = Latest {
                seq_no: operation.seq_no,
                version: operation.version,
                routing: operation.routing.as_deref().map(Arc::from),
                source: operation.source.clone(),
                batch: number,
                deleted_at: operation.source.is_none().then(Instant::now),
            };
            order.versions.set(&operation.id, latest);
        }
        order.next_seq_no = order.next_seq_no.max(batch.next_seq_no);
        order.submitted_lsn = lsn;
        drop(order);
        self.apply_now(batch);
        if self.is_dead() {
            let full = self.failed_full.load(Ordering::Acquire);
            return Err(StoreError::new(
                if full { ErrorKind::Full } else { ErrorKind::Unavailable },
                format!("index \"{}\" cannot be recovered now", self.name),
            ));
        }
        Ok(())
    }
}
