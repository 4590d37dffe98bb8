//! Lumberjack version 2: windows of events, each acknowledged after it is durable.

pub(super) mod frames;

use super::{
    delivery::Delivery,
    reader::{Brought, Reader},
    stream::Waiting,
};
use frames::{Frames, Said};
use std::{io, sync::Arc, time::Duration};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};

/// A client that hesitates for so long in the middle of a window hears what is stored.
pub(super) const LINGER: Duration = Duration::from_secs(1);
/// A client that does not take an acknowledgement is cut off.
const ACKNOWLEDGE: Duration = Duration::from_secs(30);

/// Where a connection stands.
struct Window {
    /// Events of the window that are still to come.
    open: u32,
    /// Number of the last event that was read.
    read: u32,
    /// Number of the last event that is stored; 0 acknowledges nothing.
    stored: u32,
    /// Whether the client waits for an acknowledgement.
    complete: bool,
}

/// Serves a connection to its end. What was read and not acknowledged the client sends again.
pub(super) async fn serve<S: AsyncRead + AsyncWrite + Unpin>(
    reader: &mut Reader<S>,
    delivery: &Delivery,
    sender: Arc<str>,
    max_bytes: usize,
    kept_bytes: usize,
) {
    let ended = converse(reader, delivery, Arc::clone(&sender), Frames::new(max_bytes, kept_bytes)).await;
    if let Err(error) = ended {
        tracing::warn!(input = %delivery.reception.input, %sender, %error, "closed a connection");
    }
}

async fn converse<S: AsyncRead + AsyncWrite + Unpin>(
    reader: &mut Reader<S>,
    delivery: &Delivery,
    sender: Arc<str>,
    mut frames: Frames,
) -> io::Result<()> {
    let mut waiting = Waiting::new(sender);
    let mut window = Window { open: 0, read: 0, stored: 0, complete: false };
    let mut failed: Option<io::Error> = None;
    let mut lingered = false;
    loop {
        let mut came = false;
        while !(waiting.is_full()
            || window.complete
            || failed.is_some()
            || reader.must_write(waiting.bytes()))
        {
            let leave = reader.leave();
            let said = frames.next(&mut reader.buffer, leave);
            reader.held = frames.held();
            match said {
                Ok(Some(said)) => window.hear(said, &mut waiting),
                Ok(None) => break,
                Err(violation) => {
                    delivery.meters.refused("protocol");
                    failed = Some(io::Error::new(io::ErrorKind::InvalidData, violation));
                }
            }
            came = true;
        }
        let over = reader.ended || failed.is_some();
        let starved = frames.is_starved();
        let write = window.complete
            || lingered
            || over
            || starved
            || waiting.is_full()
            || reader.must_write(waiting.bytes());
        if write && !waiting.is_empty() {
            store(reader, delivery, &mut waiting, &mut window).await?;
            // In the middle of a window only a client that hesitates is told.
            if window.complete || lingered || over {
                acknowledge(&mut reader.stream, window.stored).await?;
            }
            (window.complete, lingered) = (false, false);
            frames.settle();
            reader.settle();
            continue;
        }
        if starved && failed.is_none() {
            reader.take_turn().await;
            continue;
        }
        if over {
            return failed.map_or(Ok(()), Err);
        }
        reader.note(frames.is_inside(&reader.buffer), came);
        match reader.read(!waiting.is_empty()).await {
            Ok(Brought::Bytes(count)) => delivery.meters.read(count),
            Ok(Brought::End) => {}
            Ok(Brought::Lingered) => lingered = true,
            Ok(Brought::Idle) => {
                delivery.meters.refused("idle");
                failed = Some(io::Error::new(io::ErrorKind::TimedOut, "nothing came for too long"));
            }
            Ok(Brought::Stalled) => {
                delivery.meters.refused("stalled");
                failed =
                    Some(io::Error::new(io::ErrorKind::TimedOut, "the rest of a frame did not come in time"));
            }
            Err(error) => failed = Some(error),
        }
    }
}

impl Window {
    fn hear(&mut self, said: Said, waiting: &mut Waiting) {
        match said {
            // Its events are counted from 1 again: what is acknowledged before all are stored must not be the last one's number.
            Said::Window(size) => (self.open, self.read, self.stored) = (size, 0, 0),
            Said::Event(sequence, frame) => {
                waiting.push(frame);
                self.read = sequence;
                self.open = self.open.saturating_sub(1);
                self.complete = self.open == 0;
            }
        }
    }
}

/// Stores what waits, and meanwhile shows the client that somebody is there.
async fn store<S: AsyncRead + AsyncWrite + Unpin>(
    reader: &mut Reader<S>,
    delivery: &Delivery,
    waiting: &mut Waiting,
    window: &mut Window,
) -> io::Result<()> {
    let room = reader.room(waiting.memory());
    let arrivals = waiting.take();
    let written = async {
        let _room = room.await;
        delivery.deliver(arrivals).await
    };
    tokio::pin!(written);
    let mut ticks =
        tokio::time::interval_at(tokio::time::Instant::now() + delivery.keepalive, delivery.keepalive);
    loop {
        tokio::select! {
            written = &mut written => {
                written.map_err(|error| io::Error::new(io::ErrorKind::StorageFull, error))?;
                window.stored = window.read;
                return Ok(());
            }
            _ = ticks.tick() => acknowledge(&mut reader.stream, window.stored).await?,
        }
    }
}

async fn acknowledge<S: AsyncWrite + Unpin>(stream: &mut S, sequence: u32) -> io::Result<()> {
    let mut frame = [b'2', b'A', 0, 0, 0, 0];
    frame[2..].copy_from_slice(&sequence.to_be_bytes());
    let write = async {
        stream.write_all(&frame).await?;
        stream.flush().await
    };
    tokio::time::timeout(ACKNOWLEDGE, write)
        .await
        .unwrap_or_else(|_| Err(io::Error::new(io::ErrorKind::TimedOut, "it takes no acknowledgement")))
}
