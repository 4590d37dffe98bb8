//! Network inputs over a store that is slow, fails, or never answers.

use crate::world::{Fault, World, lines, messages};
use ingest::{
    decode::Limits,
    input::{InputSettings, Inputs},
    ports::PortErrorKind,
};
use serde_json::{Value, json};
use std::{
    io::{ErrorKind, Read, Write},
    net::{SocketAddr, TcpStream},
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

const PATIENCE: Duration = Duration::from_secs(60);

/// An input that runs over a world of its own.
struct Running {
    world: Arc<World>,
    address: SocketAddr,
    stop: CancellationToken,
    task: JoinHandle<()>,
    _directory: tempfile::TempDir,
}

impl Running {
    async fn start(settings: Value, memory_bytes: usize) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let world = World::open(directory.path());
        let (_, intake) = world.service(Limits::default());
        let mut all = json!({"listen": "127.0.0.1:0", "pipeline": "text"});
        settings.as_object().unwrap().iter().for_each(|(key, value)| all[key] = value.clone());
        let settings: InputSettings = serde_json::from_value(all).unwrap();
        let inputs = Inputs::bind(&[settings], &intake, memory_bytes).await.unwrap();
        let address = inputs.addresses().unwrap()[0].address;
        let stop = CancellationToken::new();
        let task = tokio::spawn(inputs.run(stop.clone()));
        Self { world, address, stop, task, _directory: directory }
    }

    /// Waits until so many events are stored.
    async fn stored(&self, number: usize) {
        let deadline = Instant::now() + PATIENCE;
        while self.world.events().len() < number {
            assert!(Instant::now() < deadline, "only {} of {number}", self.world.events().len());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    fn send(&self, bytes: &[u8]) {
        TcpStream::connect(self.address).unwrap().write_all(bytes).unwrap();
    }

    async fn stop(self) {
        self.stop.cancel();
        self.task.await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_store_cannot_take_for_a_while_is_there_once() {
    let running = Running::start(json!({"type": "lines"}), 16 << 20).await;
    running.world.fail_at(0, Fault::Half(PortErrorKind::Overloaded));
    running.world.fail_at(1, Fault::Half(PortErrorKind::Full));
    running.world.fail_at(3, Fault::Half(PortErrorKind::Unavailable));
    let text = lines(5_000);
    running.send(&text);
    running.stored(5_000).await;
    let found = messages(&running.world);
    assert_eq!(found, String::from_utf8(text).unwrap().lines().collect::<Vec<_>>());
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_that_always_fails_is_kept_and_keeps_nobody_waiting() {
    let running = Running::start(json!({"type": "lines"}), 16 << 20).await;
    (0..5).for_each(|batch| running.world.fail_at(batch, Fault::Half(PortErrorKind::Internal)));
    let mut stream = TcpStream::connect(running.address).unwrap();
    stream.write_all(b"poison\n").unwrap();
    let deadline = Instant::now() + PATIENCE;
    let filter = ingest::dead_letters::DeadLetterFilter::default();
    let letters = loop {
        let letters = ingest::ports::DeadLetters::list(&*running.world, &filter, None, 10).await.unwrap();
        if !letters.is_empty() {
            break letters;
        }
        assert!(Instant::now() < deadline);
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    assert_eq!((letters.len(), letters[0].original.as_str()), (1, "poison"));
    assert!(letters[0].reason.contains("again and again"), "{}", letters[0].reason);
    stream.write_all(b"next\n").unwrap();
    running.stored(1).await;
    assert_eq!(messages(&running.world), ["next"]);
    drop(stream);
    running.stop().await;
}

/// Writes as much as goes in before nothing goes in for a while.
fn flood(address: SocketAddr, most: usize) -> usize {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_write_timeout(Some(Duration::from_secs(2))).unwrap();
    let chunk = lines(10_000);
    let mut written = 0;
    while written < most {
        match stream.write(&chunk) {
            Ok(count) => written += count,
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => break,
            Err(error) => panic!("{error}"),
        }
    }
    written
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_sends_faster_than_the_store_takes_has_to_wait() {
    let running = Running::start(json!({"type": "lines"}), 16 << 20).await;
    running.world.fail_at(0, Fault::Hang);
    let address = running.address;
    let written = tokio::task::spawn_blocking(move || flood(address, 256 << 20)).await.unwrap();
    // What the kernel holds for both ends, and a batch.
    assert!(written < 32 << 20, "{written} bytes were taken");
    running.task.abort();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn those_who_hold_all_the_room_do_not_stop_the_others() {
    let running = Running::start(json!({"type": "lines", "frame_timeout_secs": 600}), 8 << 20).await;
    // Each wants room for a long line that never ends: there is room for one of them.
    let hold = |_| {
        let mut stream = TcpStream::connect(running.address).unwrap();
        stream.write_all(&[b'x'; 20_000]).unwrap();
        stream
    };
    let held: Vec<TcpStream> = (0..20).map(hold).collect();
    let text = lines(2_000);
    running.send(&text);
    running.stored(2_000).await;
    drop(held);
    // Now that they have ended, what they began is a record.
    running.stored(2_020).await;
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_shipper_hears_that_somebody_is_there_and_nothing_else_before_its_events_are_stored() {
    let running = Running::start(json!({"type": "lumberjack", "keepalive_secs": 1}), 16 << 20).await;
    running.world.fail_at(0, Fault::Hang);
    let mut stream = TcpStream::connect(running.address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let event = br#"{"message":"x"}"#;
    let length = u32::try_from(event.len()).unwrap().to_be_bytes();
    stream.write_all(&[b"2W\0\0\0\x01", b"2J\0\0\0\x01".as_slice(), &length, event].concat()).unwrap();
    let read = move || {
        let mut acknowledgement = [0; 6];
        stream.read_exact(&mut acknowledgement).unwrap();
        acknowledgement
    };
    let acknowledgement = tokio::task::spawn_blocking(read).await.unwrap();
    assert_eq!(&acknowledgement, b"2A\0\0\0\0");
    running.task.abort();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sign_of_life_acknowledges_nothing_of_the_window_that_is_being_stored() {
    let running = Running::start(json!({"type": "lumberjack", "keepalive_secs": 1}), 16 << 20).await;
    running.world.fail_at(1, Fault::Hang);
    let mut stream = TcpStream::connect(running.address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let event = br#"{"message":"x"}"#;
    let length = u32::try_from(event.len()).unwrap().to_be_bytes();
    let numbered = |number: u8| [b"2J\0\0\0".as_slice(), &[number], &length, event].concat();
    let window = [b"2W\0\0\0\x02".as_slice(), &numbered(1), &numbered(2)].concat();
    // Both are there before the first is stored; the second is numbered as the first.
    stream.write_all(&[window.clone(), window].concat()).unwrap();
    let read = move || {
        let mut next = || {
            let mut acknowledgement = [0; 6];
            stream.read_exact(&mut acknowledgement).unwrap();
            acknowledgement
        };
        // On a busy machine the first window takes long, too.
        let first = std::iter::repeat_with(&mut next).find(|heard| heard != b"2A\0\0\0\0").unwrap();
        [first, next(), next()]
    };
    let heard = tokio::task::spawn_blocking(read).await.unwrap();
    assert_eq!(heard, [*b"2A\0\0\0\x02", *b"2A\0\0\0\0", *b"2A\0\0\0\0"]);
    running.task.abort();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_address_has_its_share_of_the_connections() {
    let settings = json!({"type": "lines", "max_connections_per_address": 2});
    let running = Running::start(settings, 16 << 20).await;
    let first = TcpStream::connect(running.address).unwrap();
    let mut second = TcpStream::connect(running.address).unwrap();
    second.write_all(b"stays\n").unwrap();
    running.stored(1).await;
    let mut third = TcpStream::connect(running.address).unwrap();
    third.set_read_timeout(Some(PATIENCE)).unwrap();
    let closed = tokio::task::spawn_blocking(move || third.read(&mut [0; 1]));
    assert!(matches!(closed.await.unwrap(), Ok(0) | Err(_)));
    drop(first);
    let deadline = Instant::now() + PATIENCE;
    while running.world.events().len() < 2 {
        assert!(Instant::now() < deadline, "no place became free");
        // It is closed as long as there is no place.
        let _ = TcpStream::connect(running.address).unwrap().write_all(b"comes\n");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    drop(second);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_goes_through_a_connection_is_redacted_and_dropped_as_elsewhere() {
    let running = Running::start(json!({"type": "lines", "pipeline": "strict"}), 16 << 20).await;
    running.send(b"good 4111111111111111\nbad 4111111111111111\ndrop me\n");
    running.stored(1).await;
    assert_eq!(messages(&running.world), ["good card:****1111"]);
    let filter = ingest::dead_letters::DeadLetterFilter::default();
    let letters = ingest::ports::DeadLetters::list(&*running.world, &filter, None, 10).await.unwrap();
    let shown: Vec<_> = letters
        .iter()
        .map(|letter| (letter.original.as_str(), letter.pipeline.as_str(), letter.line))
        .collect();
    assert_eq!(shown, [("bad card:****1111", "strict", 2)]);
    assert_eq!(letters[0].input.as_deref(), Some("lines-tcp-0"));
    running.stop().await;
}
