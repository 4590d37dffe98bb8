//! Reads a stream piece by piece, as far as memory, time and the service's life allow.

use super::budget::{BASE_BYTES, Budget, Lease};
use bytes::{BufMut, BytesMut};
use std::{io, time::Duration};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    time::Instant,
};
use tokio_util::sync::CancellationToken;

/// How much is read at once where there is room.
const READ_BYTES: usize = 64 << 10;
/// When the service stops, what the other end has sent already is still read: until nothing comes for so long …
const LAST_PAUSE: Duration = Duration::from_millis(100);
/// … but no longer than this.
const LAST_READS: Duration = Duration::from_secs(8);
/// The other end has so long to hear that the connection is over.
const FAREWELL: Duration = Duration::from_secs(5);

/// How long to wait for more.
pub(super) struct Patience {
    /// For anything at all.
    pub(super) idle: Duration,
    /// For the end of a record.
    pub(super) frame: Duration,
    /// For more to write with what is there already.
    pub(super) linger: Duration,
}

/// What reading on brought.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Brought {
    /// Bytes.
    Bytes(usize),
    /// The end: of the stream, or of the service's patience at its own end.
    End,
    /// Nothing, in the time that what is there may wait.
    Lingered,
    /// Nothing, for too long.
    Idle,
    /// Not the end of a record, for too long.
    Stalled,
}

/// A stream, what was read of it and not yet taken, and the room that this needs.
pub(super) struct Reader<S> {
    pub(super) stream: S,
    pub(super) buffer: BytesMut,
    pub(super) ended: bool,
    /// Bytes that its protocol holds beside the buffer.
    pub(super) held: usize,
    patience: Patience,
    budget: Budget,
    turn: Option<Lease>,
    /// What a turn needs room for.
    turn_bytes: usize,
    /// Since when the record at the start of the buffer is awaited.
    waiting: Option<Instant>,
    /// Since when records wait to be written.
    lingering: Option<Instant>,
    stop: CancellationToken,
    /// When the last reads have to be over.
    last: Option<Instant>,
}

impl<S: AsyncRead + Unpin> Reader<S> {
    pub(super) fn new(
        stream: S,
        patience: Patience,
        budget: Budget,
        turn_bytes: usize,
        stop: CancellationToken,
    ) -> Self {
        Self {
            stream,
            buffer: BytesMut::new(),
            ended: false,
            held: 0,
            patience,
            budget,
            turn: None,
            turn_bytes,
            waiting: None,
            lingering: None,
            stop,
            last: None,
        }
    }

    /// Whether a batch of that many bytes has to be written before it grows: it needs more room, and there is none.
    pub(super) fn must_write(&mut self, batch_bytes: usize) -> bool {
        if batch_bytes == 0 || self.turn.is_some() || self.load() + batch_bytes < BASE_BYTES {
            return false;
        }
        self.turn = self.budget.try_turn(self.turn_bytes);
        self.turn.is_none()
    }

    /// What is held of the stream.
    fn load(&self) -> usize {
        self.buffer.len() + self.held
    }

    /// How much the protocol may hold beside the buffer, for now.
    pub(super) fn leave(&self) -> usize {
        if self.turn.is_some() { usize::MAX } else { BASE_BYTES }
    }

    /// Waits for room to hold more than that.
    pub(super) async fn take_turn(&mut self) {
        if self.turn.is_none() {
            self.turn = self.budget.turn(self.turn_bytes).await;
        }
    }

    /// Room for a batch that is being written: the turn's, or some of its own.
    pub(super) fn room(&self, memory: usize) -> impl Future<Output = Option<Lease>> + use<S> {
        let own = self.turn.is_none().then(|| self.budget.clone());
        async move { own?.batch(memory).await }
    }

    /// A batch was written: what is left needs less room.
    pub(super) fn settle(&mut self) {
        self.lingering = None;
        if self.turn.is_some() && self.load() < BASE_BYTES {
            // A buffer of its own: the old one may be large.
            self.buffer = BytesMut::from(&self.buffer[..]);
            self.turn = None;
        }
    }

    /// Notes whether a record is awaited, and whether one came since the last time.
    pub(super) fn note(&mut self, inside: bool, came: bool) {
        if !inside {
            self.waiting = None;
        } else if came || self.waiting.is_none() {
            self.waiting = Some(Instant::now());
        }
    }

    /// Reads on. `lingering`: records wait to be written.
    pub(super) async fn read(&mut self, lingering: bool) -> io::Result<Brought> {
        if !lingering && self.turn.is_some() && self.load() < BASE_BYTES {
            // Nothing came of what was read: blank lines.
            self.settle();
        }
        if self.load() >= BASE_BYTES {
            self.take_turn().await;
        }
        let room = match self.turn {
            Some(_) => READ_BYTES,
            None => BASE_BYTES.saturating_sub(self.buffer.len()).max(1),
        };
        let now = Instant::now();
        let mut until = (now + self.patience.idle, Brought::Idle);
        if let Some(waiting) = self.waiting {
            until = earlier(until, (waiting + self.patience.frame, Brought::Stalled));
        }
        if lingering {
            let since = *self.lingering.get_or_insert(now);
            until = earlier(until, (since + self.patience.linger, Brought::Lingered));
        }
        if self.last.is_none() && self.stop.is_cancelled() {
            self.last = Some(now + LAST_READS);
        }
        if let Some(last) = self.last {
            until = earlier(until, (last.min(now + LAST_PAUSE), Brought::End));
        }
        self.buffer.reserve(room.min(READ_BYTES));
        let mut target = (&mut self.buffer).limit(room);
        let read = self.stream.read_buf(&mut target);
        let stopped = self.stop.cancelled();
        tokio::select! {
            biased;
            read = tokio::time::timeout_at(until.0, read) => match read {
                Ok(Ok(0)) => self.ended = true,
                Ok(Ok(count)) => return Ok(Brought::Bytes(count)),
                Ok(Err(error)) => return Err(error),
                Err(_) if until.1 == Brought::End => self.ended = true,
                Err(_) => return Ok(until.1),
            },
            () = stopped, if self.last.is_none() => return Ok(Brought::Bytes(0)),
        }
        Ok(Brought::End)
    }
}

impl<S: AsyncWrite + Unpin> Reader<S> {
    /// Takes leave: the other end learns that nothing is missing.
    pub(super) async fn close(&mut self) {
        // Whether it still listens is its own affair.
        let _ = tokio::time::timeout(FAREWELL, self.stream.shutdown()).await;
    }
}

fn earlier(one: (Instant, Brought), other: (Instant, Brought)) -> (Instant, Brought) {
    if other.0 < one.0 { other } else { one }
}
