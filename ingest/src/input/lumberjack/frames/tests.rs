use super::*;
use flate2::{Compression, write::ZlibEncoder};
use proptest::prelude::*;
use std::io::Write;

const MAX: usize = 1 << 10;
const KEPT: usize = 8;

fn window(size: u32) -> Vec<u8> {
    [b"2W".as_slice(), &size.to_be_bytes()].concat()
}

fn json(sequence: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap();
    [b"2J".as_slice(), &sequence.to_be_bytes(), &length.to_be_bytes(), payload].concat()
}

fn zlib(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn compressed(frames: &[u8]) -> Vec<u8> {
    raw_compressed(&zlib(frames))
}

fn raw_compressed(zlib: &[u8]) -> Vec<u8> {
    [b"2C".as_slice(), &u32::try_from(zlib.len()).unwrap().to_be_bytes(), zlib].concat()
}

/// What a stream says that comes in pieces of that size, and whether it stands inside of a frame at its end. What is inflated
/// is held by little more than the piece, as long as that is enough.
fn read(stream: &[u8], size: usize) -> (Result<Vec<Said>, Violation>, bool) {
    let mut frames = Frames::new(MAX, KEPT);
    let size = size.max(1);
    let mut leave = size;
    let mut buffer = BytesMut::new();
    let mut said = Vec::new();
    for piece in stream.chunks(size) {
        buffer.extend_from_slice(piece);
        loop {
            match frames.next(&mut buffer, leave) {
                Ok(Some(one)) => said.push(one),
                Ok(None) if frames.is_starved() => leave += size,
                Ok(None) => break,
                Err(violation) => return (Err(violation), true),
            }
        }
    }
    (Ok(said), frames.is_inside(&buffer))
}

fn event(sequence: u32, payload: &[u8]) -> Said {
    let frame = Frame { bytes: Bytes::copy_from_slice(payload), length: payload.len() as u64, fault: None };
    Said::Event(sequence, frame)
}

#[test]
fn plain_and_compressed_frames_are_read_however_they_come() {
    let inner = [json(1, b"{}"), json(2, br#"{"a":1}"#)].concat();
    let stream =
        [window(3), compressed(&inner), json(3, b"{\"b\":2}"), window(1), compressed(&json(1, b"{}"))]
            .concat();
    let expected = vec![
        Said::Window(3),
        event(1, b"{}"),
        event(2, br#"{"a":1}"#),
        event(3, br#"{"b":2}"#),
        Said::Window(1),
        event(1, b"{}"),
    ];
    for piece in 1..=stream.len() {
        assert_eq!(read(&stream, piece), (Ok(expected.clone()), false), "pieces of {piece}");
    }
    let window_inside = compressed(&[window(1), json(1, b"{}")].concat());
    assert_eq!(read(&window_inside, 1000).0, Ok(vec![Said::Window(1), event(1, b"{}")]));
    assert_eq!(read(&compressed(b""), 3), (Ok(vec![]), false));
}

#[test]
fn an_event_that_is_too_long_keeps_its_start_and_the_next_is_read() {
    let long = vec![b'x'; MAX + 1];
    let stream = [json(1, &long), json(2, b"{}")].concat();
    let expected = |found: Vec<Said>| {
        let frame =
            Frame { bytes: Bytes::copy_from_slice(&long[..KEPT]), length: MAX as u64 + 1, fault: None };
        assert_eq!(found, [Said::Event(1, frame), event(2, b"{}")]);
    };
    for piece in [1, 7, 500, 10_000] {
        expected(read(&stream, piece).0.unwrap());
        expected(read(&compressed(&stream), piece).0.unwrap());
    }
}

#[test]
fn no_more_is_held_of_what_was_inflated_than_there_is_leave_for() {
    let long = vec![b'x'; 700 << 10];
    let stream = compressed(&[json(1, b"{}"), json(2, &long), json(3, b"{}")].concat());
    let mut frames = Frames::new(1 << 20, KEPT);
    let mut buffer = BytesMut::from(&stream[..]);
    let leave = 16 << 10;
    assert_eq!(frames.next(&mut buffer, leave), Ok(Some(event(1, b"{}"))));
    for _ in 0..3 {
        assert_eq!(frames.next(&mut buffer, leave), Ok(None));
        assert!(frames.is_starved() && frames.held() <= leave + INFLATE_BYTES.start(), "{}", frames.held());
    }
    assert_eq!(frames.next(&mut buffer, usize::MAX), Ok(Some(event(2, &long))));
    frames.settle();
    assert_eq!(frames.next(&mut buffer, leave), Ok(Some(event(3, b"{}"))));
    assert_eq!(frames.next(&mut buffer, leave), Ok(None));
    assert!(!frames.is_starved() && !frames.is_inside(&buffer));
}

#[test]
fn what_is_no_lumberjack_is_named() {
    let check = |stream: &[u8], expected: &str| {
        for piece in [1, stream.len()] {
            let violation = read(stream, piece).0.unwrap_err().to_string();
            assert!(violation.contains(expected), "{violation:?} has no {expected:?}");
        }
    };
    check(b"1W\0\0\0\x01", "version 1");
    check(b"2D\0\0\0\x01\0\0\0\0", "version 1");
    check(b"GET / HTTP/1.1\r\n", "begins no frame");
    check(b"\x16\x03\x01", "begins no frame");
    check(b"2A\0\0\0\x01", "begins no frame");
    check(&compressed(&compressed(&json(1, b"{}"))), "holds a compressed frame");
    check(&raw_compressed(b"no zlib at all"), "damaged");
    let whole = zlib(&json(1, b"{}"));
    check(&raw_compressed(&whole[..whole.len() - 1]), "cut off");
    check(&raw_compressed(&[whole.as_slice(), b"more"].concat()), "bytes follow");
    check(&compressed(&json(1, b"{}")[..9]), "ends inside of a frame");
    check(b"2C\xff\xff\xff\xff", "more than");
    let bomb = zlib(&vec![0; usize::try_from(INFLATED_MAX_BYTES).unwrap() / 64]);
    assert!(bomb.len() < 64 << 10);
    check(&raw_compressed(&bomb), "begins no frame");
}

/// One event of which there is far more than is kept: nothing of it may be held.
#[test]
fn a_bomb_takes_neither_memory_nor_much_time() {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(b"2J\0\0\0\x01\x7f\xff\xff\xff").unwrap();
    let zeros = vec![0; 1 << 20];
    for _ in 0..=INFLATED_MAX_BYTES >> 20 {
        encoder.write_all(&zeros).unwrap();
    }
    let stream = raw_compressed(&encoder.finish().unwrap());
    assert_eq!(read(&stream, 4096).0, Err(Violation::TooLarge(INFLATED_MAX_BYTES)));
}

proptest! {
    #[test]
    fn any_bytes_are_taken_without_panic(stream in prop::collection::vec(any::<u8>(), 0..400), piece in 1usize..50) {
        let _ = read(&stream, piece);
        let _ = read(&compressed(&stream), piece);
        let _ = read(&raw_compressed(&stream), piece);
    }

    #[test]
    fn what_is_sent_is_read(
        windows in prop::collection::vec((prop::collection::vec("[ -~]{0,60}", 0..8), any::<bool>()), 0..6),
        piece in 1usize..200,
    ) {
        let (mut stream, mut expected) = (Vec::new(), Vec::new());
        for (events, packed) in &windows {
            let size = u32::try_from(events.len()).unwrap();
            stream.extend(window(size));
            expected.push(Said::Window(size));
            let mut inner = Vec::new();
            for (sequence, text) in (1..).zip(events) {
                inner.extend(json(sequence, text.as_bytes()));
                expected.push(event(sequence, text.as_bytes()));
            }
            stream.extend(if *packed { compressed(&inner) } else { inner });
        }
        prop_assert_eq!(read(&stream, piece), (Ok(expected), false));
    }
}
