//! Lines and syslog over a connection: read, cut into records, batch, store; only then read on.

use super::{
    budget::batch_memory,
    delivery::Delivery,
    framing::{Frame, Framing},
    reader::{Brought, Reader},
};
use crate::intake::Arrival;
use bytes::Bytes;
use std::{sync::Arc, time::Duration};
use tokio::io::AsyncRead;

/// A batch is written when its records reach so many bytes.
pub(super) const BATCH_BYTES: usize = 512 << 10;
/// Records wait so long for others to be written with.
pub(super) const LINGER: Duration = Duration::from_millis(10);
/// Most records of a batch.
pub(super) const BATCH_RECORDS: usize = 1_000;

/// A record that keeps none of what was read with it: it would hold memory that nobody counts.
pub(super) fn on_its_own(record: Bytes) -> Bytes {
    if record.len() < SHARED_MIN_BYTES { Bytes::copy_from_slice(&record) } else { record }
}

/// Records from this size on stay in the buffer that they were read into.
const SHARED_MIN_BYTES: usize = 16 * 1024;

/// Records that wait to be written.
pub(super) struct Waiting {
    sender: Arc<str>,
    arrivals: Vec<Arrival>,
    bytes: usize,
    /// Number of the next record.
    sequence: u64,
}

impl Waiting {
    pub(super) fn new(sender: Arc<str>) -> Self {
        Self { sender, arrivals: Vec::new(), bytes: 0, sequence: 0 }
    }

    pub(super) fn push(&mut self, frame: Frame) {
        let Frame { bytes, length, fault } = frame;
        let bytes = on_its_own(bytes);
        self.bytes += bytes.len();
        let (sequence, sender) = (self.sequence, Arc::clone(&self.sender));
        self.sequence += 1;
        self.arrivals.push(Arrival { bytes, length, sequence, sender, fault });
    }

    pub(super) fn is_empty(&self) -> bool {
        self.arrivals.is_empty()
    }

    pub(super) fn is_full(&self) -> bool {
        self.bytes >= BATCH_BYTES || self.arrivals.len() >= BATCH_RECORDS
    }

    /// Bytes of the records, at least one if there is any record.
    pub(super) fn bytes(&self) -> usize {
        self.bytes.max(self.arrivals.len())
    }

    /// Memory that they take until they are stored.
    pub(super) fn memory(&self) -> usize {
        batch_memory(self.bytes, self.arrivals.len())
    }

    pub(super) fn take(&mut self) -> Vec<Arrival> {
        self.bytes = 0;
        std::mem::take(&mut self.arrivals)
    }
}

/// Serves a connection to its end.
pub(super) async fn serve<S: AsyncRead + Unpin>(
    reader: &mut Reader<S>,
    mut framing: Framing,
    delivery: &Delivery,
    sender: Arc<str>,
) {
    let mut waiting = Waiting::new(sender);
    let mut lingered = false;
    loop {
        let mut came = false;
        while !waiting.is_full()
            && !reader.must_write(waiting.bytes())
            && let Some(frame) = framing.next(&mut reader.buffer, reader.ended)
        {
            waiting.push(frame);
            came = true;
        }
        let write = waiting.is_full() || lingered || reader.ended || reader.must_write(waiting.bytes());
        if write && !waiting.is_empty() {
            lingered = false;
            let _room = reader.room(waiting.memory()).await;
            if let Err(error) = delivery.deliver(waiting.take()).await {
                delivery.meters.lost(error.number);
                return tracing::error!(input = %delivery.reception.input, %error, "events are lost");
            }
            reader.settle();
            continue;
        }
        if reader.ended {
            return;
        }
        reader.note(framing.is_inside(&reader.buffer), came);
        let reason = match reader.read(!waiting.is_empty()).await {
            Ok(Brought::Bytes(count)) => {
                delivery.meters.read(count);
                continue;
            }
            Ok(Brought::End) => continue,
            Ok(Brought::Lingered) => {
                lingered = true;
                continue;
            }
            Ok(Brought::Idle) => {
                delivery.meters.refused("idle");
                "the connection was idle for too long".to_owned()
            }
            Ok(Brought::Stalled) => {
                delivery.meters.refused("stalled");
                "the rest of it did not come in time".to_owned()
            }
            Err(error) => format!("the connection broke off: {error}"),
        };
        tracing::debug!(input = %delivery.reception.input, sender = %waiting.sender, reason, "closed a connection");
        if let Some(frame) = framing.cut_off(&mut reader.buffer, &reason) {
            waiting.push(frame);
        }
        reader.ended = true;
    }
}
