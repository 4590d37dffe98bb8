//! What comes over the network: frames that do not depend on how the bytes come, headers that are written and read.

use super::choice;
use crate::{
    envelope::{Body, Envelope, Wrapping},
    input::fuzzing::{Cut, Heard, cut, hear},
};
use event::Timestamp;
use flate2::{Compression, write::ZlibEncoder};
use jiff::tz::TimeZone;
use std::io::Write as _;

pub(super) fn framing(data: &[u8]) {
    let (size, bytes) = choice(data);
    for cut_at in [Cut::Lines, Cut::Syslog] {
        let whole = cut(bytes, usize::MAX, cut_at);
        assert_eq!(whole, cut(bytes, size, cut_at), "in pieces of {size}");
        let held: usize = whole.iter().map(|frame| frame.0.len()).sum();
        assert!(held <= bytes.len());
    }
}

pub(super) fn lumberjack(data: &[u8]) {
    let (size, bytes) = choice(data);
    check_frames(bytes, size);
    let mut zlib = ZlibEncoder::new(Vec::new(), Compression::fast());
    zlib.write_all(bytes).unwrap();
    let zlib = zlib.finish().unwrap();
    let length = u32::try_from(zlib.len()).unwrap().to_be_bytes();
    check_frames(&[b"2C".as_slice(), &length, &zlib].concat(), size);
}

fn check_frames(bytes: &[u8], size: usize) {
    let (Heard { said: whole, refused }, pieces) = (hear(bytes, usize::MAX), hear(bytes, size));
    assert_eq!(refused, pieces.refused, "in pieces of {size}");
    if refused {
        // How much was understood before depends on how much was inflated at once.
        assert!(whole.iter().zip(&pieces.said).all(|(one, other)| one == other), "in pieces of {size}");
    } else {
        assert_eq!(whole, pieces.said, "in pieces of {size}");
    }
}

fn now() -> Timestamp {
    Timestamp::from_second(1_795_600_000).unwrap()
}

pub(super) fn syslog(data: &[u8]) {
    let envelope = Envelope::Syslog { time_zone: TimeZone::UTC };
    let opened = envelope.open(data, now());
    let Body::Text(text) = &opened.body else { panic!("a syslog message holds a text") };
    let whole = String::from_utf8_lossy(data);
    assert!(whole.contains(&**text), "the text {text:?} is no part of the message");
    let Wrapping::Syslog(message) = &opened.wrapping else { panic!("it has a header") };
    assert!(message.priority.is_none_or(|priority| priority <= 191));
    if message.malformed {
        assert_eq!(&**text, whole.trim_end_matches(['\n', '\r', '\0']));
    }
    // A line end behind it changes nothing.
    let ended = [data, b"\n"].concat();
    let again = envelope.open(&ended, now());
    let Wrapping::Syslog(other) = again.wrapping else { panic!("it has a header") };
    assert_eq!(**message, *other);
}

pub(super) fn beats(data: &[u8]) {
    let opened = Envelope::Beats.open(data, now());
    match opened.body {
        Body::Object(event) => {
            assert!(!event.contains_key("@metadata"), "@metadata is for vigie only");
            let again = serde_json::to_vec(&event).unwrap();
            let Body::Object(second) = Envelope::Beats.open(&again, now()).body else {
                panic!("it is an object")
            };
            assert_eq!(event, second, "what an event says reads back");
        }
        Body::Text(text) => assert_eq!(text, String::from_utf8_lossy(data)),
    }
}
