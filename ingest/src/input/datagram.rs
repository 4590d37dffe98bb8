//! Datagrams: taken as fast as they come, as nobody sends them again. What the store cannot keep up with waits in a queue of
//! bounded size; what does not fit there is dropped and counted.

use super::{
    Input,
    delivery::{Delivery, Undelivered},
    framing::{Frame, Framing, Style},
    settings::InputKind,
    stream::{BATCH_BYTES, BATCH_RECORDS, LINGER, on_its_own},
};
use crate::{intake::Arrival, upload::Counts};
use bytes::{Bytes, BytesMut};
use socket2::{Domain, Protocol, Socket, Type};
use std::{
    collections::VecDeque,
    io,
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};
use tokio::{net::UdpSocket, task::JoinHandle, time::Instant};
use tokio_util::sync::CancellationToken;

/// What the kernel shall hold while this process is busy; it gives less where `net.core.rmem_max` is lower.
const KERNEL_BUFFER_BYTES: usize = 8 << 20;
/// Largest datagram.
const DATAGRAM_MAX_BYTES: usize = 65_536;
/// Pause after a datagram could not be received.
const PAUSE: Duration = Duration::from_millis(100);
/// At the end, so long is read what lies in the kernel's buffer: a sender that goes on must not keep the service from stopping.
const LAST_READS: Duration = Duration::from_millis(500);
/// What a queued record takes beside its bytes.
const RECORD_BYTES: usize = 128;

/// Opens the port.
pub(super) fn bind(address: SocketAddr) -> io::Result<UdpSocket> {
    let socket = Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
    socket.set_recv_buffer_size(KERNEL_BUFFER_BYTES)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    UdpSocket::from_std(socket.into())
}

/// Records that wait for the store.
struct Queue {
    records: VecDeque<Arrival>,
    bytes: usize,
    max_bytes: usize,
    /// Number of the next record.
    sequence: u64,
    /// When the oldest must be written.
    due: Option<Instant>,
    /// Text of the address that sent last.
    sender: (IpAddr, Arc<str>),
}

/// Takes datagrams until `stop` is cancelled, then those that are there, and returns when all are stored.
pub(super) async fn run(input: Arc<Input>, socket: UdpSocket, stop: CancellationToken) {
    let delivery = Arc::new(Delivery {
        intake: Arc::clone(&input.intake),
        reception: Arc::new(input.reception(true)),
        meters: Arc::clone(&input.meters),
        stop: stop.clone(),
        keepalive: input.settings.keepalive(),
    });
    let mut queue = Queue::new(input.settings.queue_max_bytes);
    let mut writing: Option<JoinHandle<Result<Counts, Undelivered>>> = None;
    let mut datagram = vec![0; DATAGRAM_MAX_BYTES];
    loop {
        if writing.is_none() && queue.is_due() {
            writing = Some(write(&delivery, &mut queue));
        }
        let due = queue.due.filter(|_| writing.is_none());
        tokio::select! {
            received = socket.recv_from(&mut datagram) => match received {
                Ok((length, peer)) => queue.take(&input, datagram.get(..length).unwrap_or_default(), peer.ip()),
                Err(error) => {
                    tracing::warn!(input = %input.name, %error, "cannot receive a datagram");
                    tokio::time::sleep(PAUSE).await;
                }
            },
            written = wait(&mut writing), if writing.is_some() => {
                writing = None;
                report(&input, written);
            }
            () = sleep_until(due), if due.is_some() => {}
            () = stop.cancelled() => break,
        }
    }
    let last = Instant::now() + LAST_READS;
    while Instant::now() < last
        && let Ok((length, peer)) = socket.try_recv_from(&mut datagram)
    {
        queue.take(&input, datagram.get(..length).unwrap_or_default(), peer.ip());
    }
    if writing.is_some() {
        report(&input, wait(&mut writing).await);
    }
    while !queue.records.is_empty() {
        let written = delivery.deliver(queue.batch()).await;
        let gone = written.is_err();
        report(&input, written);
        if gone {
            input.meters.lost(queue.records.len());
            return tracing::error!(input = %input.name, number = queue.records.len(), "queued datagrams are lost");
        }
    }
}

fn write(delivery: &Arc<Delivery>, queue: &mut Queue) -> JoinHandle<Result<Counts, Undelivered>> {
    let (delivery, batch) = (Arc::clone(delivery), queue.batch());
    tokio::spawn(async move { delivery.deliver(batch).await })
}

/// What became of the batch that is being written; never, if there is none.
async fn wait(writing: &mut Option<JoinHandle<Result<Counts, Undelivered>>>) -> Result<Counts, Undelivered> {
    match writing {
        Some(task) => task.await.unwrap_or_else(|error| Err(Undelivered::fallen(&error))),
        None => std::future::pending().await,
    }
}

async fn sleep_until(due: Option<Instant>) {
    match due {
        Some(due) => tokio::time::sleep_until(due).await,
        None => std::future::pending().await,
    }
}

fn report(input: &Input, written: Result<Counts, Undelivered>) {
    if let Err(error) = written {
        input.meters.lost(error.number);
        tracing::error!(input = %input.name, %error, "events are lost");
    }
}

impl Queue {
    fn new(max_bytes: usize) -> Self {
        let nobody = IpAddr::from([0, 0, 0, 0]);
        let (records, due, sender) = (VecDeque::new(), None, (nobody, "".into()));
        Self { records, bytes: 0, max_bytes, sequence: 0, due, sender }
    }

    /// Adds the records of a datagram.
    fn take(&mut self, input: &Input, datagram: &[u8], from: IpAddr) {
        input.meters.read(datagram.len());
        if !input.access.allows(from) {
            return input.meters.datagram_dropped("address");
        }
        if self.bytes + datagram.len() + RECORD_BYTES > self.max_bytes {
            return input.meters.datagram_dropped("full");
        }
        if self.sender.0 != from {
            self.sender = (from, from.to_canonical().to_string().into());
        }
        let (max, kept) = (input.settings.max_line_bytes, input.intake.limits.record_kept_bytes);
        if input.settings.kind == InputKind::Syslog {
            // One message (RFC 5426, 3.1), line ends in it included.
            let end = datagram
                .iter()
                .rposition(|byte| !matches!(byte, b'\n' | b'\r' | b'\0'))
                .map_or(0, |at| at + 1);
            let shown = if end > max { kept.min(end) } else { end };
            let bytes = Bytes::copy_from_slice(&datagram[..shown]);
            if !bytes.trim_ascii().is_empty() {
                self.push(Frame { bytes, length: end as u64, fault: None });
            }
            return;
        }
        let (mut framing, mut rest) = (Framing::new(Style::Lines, max, kept), BytesMut::from(datagram));
        while let Some(frame) = framing.next(&mut rest, true) {
            self.push(frame);
        }
    }

    fn push(&mut self, frame: Frame) {
        let Frame { bytes, length, fault } = frame;
        let bytes = on_its_own(bytes);
        self.bytes += bytes.len() + RECORD_BYTES;
        let (sequence, sender) = (self.sequence, Arc::clone(&self.sender.1));
        self.sequence += 1;
        self.due.get_or_insert_with(|| Instant::now() + LINGER);
        self.records.push_back(Arrival { bytes, length, sequence, sender, fault });
    }

    fn is_due(&self) -> bool {
        self.records.len() >= BATCH_RECORDS
            || self.bytes >= BATCH_BYTES
            || self.due.is_some_and(|due| due <= Instant::now())
    }

    /// The oldest records, as many as are written at once.
    fn batch(&mut self) -> Vec<Arrival> {
        let mut batch = Vec::new();
        let mut bytes = 0;
        while batch.len() < BATCH_RECORDS
            && bytes < BATCH_BYTES
            && let Some(record) = self.records.pop_front()
        {
            bytes += record.bytes.len() + RECORD_BYTES;
            batch.push(record);
        }
        self.bytes -= bytes;
        self.due = (!self.records.is_empty()).then(Instant::now);
        batch
    }
}
