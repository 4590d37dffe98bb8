use super::*;
use proptest::prelude::*;

const MAX: usize = 64;
const KEPT: usize = 16;

/// All records of a stream that comes in these pieces.
fn cut(style: Style, pieces: &[&[u8]]) -> Vec<Frame> {
    let mut framing = Framing::new(style, MAX, KEPT);
    let mut buffer = BytesMut::new();
    let mut frames = Vec::new();
    for piece in pieces {
        buffer.extend_from_slice(piece);
        frames.extend(std::iter::from_fn(|| framing.next(&mut buffer, false)));
    }
    frames.extend(std::iter::from_fn(|| framing.next(&mut buffer, true)));
    assert!(!framing.is_inside(&buffer), "something is left");
    frames
}

fn shown(frames: &[Frame]) -> Vec<String> {
    let text = |frame: &Frame| match (&frame.fault, frame.length > frame.bytes.len() as u64) {
        (Some(fault), _) => format!("{}!{fault}", String::from_utf8_lossy(&frame.bytes)),
        (None, true) => format!("{}…{}", String::from_utf8_lossy(&frame.bytes), frame.length),
        (None, false) => String::from_utf8_lossy(&frame.bytes).into_owned(),
    };
    frames.iter().map(text).collect()
}

/// The stream in one piece, in two of every kind, and byte by byte.
fn check(style: Style, stream: &[u8], expected: &[&str]) {
    assert_eq!(shown(&cut(style, &[stream])), expected, "{:?}", String::from_utf8_lossy(stream));
    for at in 0..stream.len() {
        assert_eq!(shown(&cut(style, &[&stream[..at], &stream[at..]])), expected, "cut at {at}");
    }
    let bytes: Vec<&[u8]> = stream.chunks(1).collect();
    assert_eq!(shown(&cut(style, &bytes)), expected, "byte by byte");
}

#[test]
fn lines_are_cut() {
    let long = "x".repeat(MAX + 1);
    let kept = format!("{}…{}", "x".repeat(KEPT), MAX + 1);
    let lines = |stream: &str, expected: &[&str]| check(Style::Lines, stream.as_bytes(), expected);
    lines("", &[]);
    lines("a\nb\r\n\n \nc", &["a", "b", "c"]);
    lines("5 <13>a\n", &["5 <13>a"]);
    lines(&format!("{}\n", &long[1..]), &[&long[1..]]);
    lines(&format!("{long}\nb"), &[&kept, "b"]);
    lines(&format!("{long}{long}"), &[&format!("{}…{}", "x".repeat(KEPT), 2 * MAX + 2)]);
    lines("a\0b\n", &["a\0b"]);
}

#[test]
fn syslog_is_framed_as_each_message_says() {
    let long = format!("<13>{}", "x".repeat(MAX - 3));
    let syslog = |stream: &str, expected: &[&str]| check(Style::Syslog, stream.as_bytes(), expected);
    syslog("<13>a\n<14>b\0<15>c", &["<13>a", "<14>b", "<15>c"]);
    syslog("5 <13>a7 <14>b\nc8 <15>d\n\n\n", &["<13>a", "<14>b\nc", "<15>d"]);
    syslog("5 <13>a\n<14>b\n6 <15>cd", &["<13>a", "<14>b", "<15>cd"]);
    syslog("<13>a\r\n5 <14>b<15>c\n", &["<13>a", "<14>b", "<15>c"]);
    syslog("2026-11-21 is no count\n15 lines\n0 <13>x\n", &["2026-11-21 is no count", "15 lines", "0 <13>x"]);
    syslog("1234567890 <13>a\n", &["1234567890 <13>a"]);
    syslog("9 <13>a", &["<13>a!the connection ended inside of a message of 9 bytes"]);
    syslog(&format!("{long}\n<14>b"), &["<13>xxxxxxxxxxxx…65", "<14>b"]);
    syslog(&format!("65 {long}<14>b"), &["<13>xxxxxxxxxxxx…65", "<14>b"]);
    syslog("65 <13>xyz", &["<13>xyz…65"]);
    syslog("12", &["12"]);
    syslog("12 ", &["12 "]);
}

#[test]
fn what_is_cut_off_says_so() {
    let mut framing = Framing::new(Style::Lines, MAX, KEPT);
    let mut buffer = BytesMut::from("half a li");
    assert_eq!(framing.next(&mut buffer, false), None);
    let frame = framing.cut_off(&mut buffer, "too late").unwrap();
    assert_eq!((&frame.bytes[..], frame.fault.as_deref()), (&b"half a li"[..], Some("too late")));
    assert_eq!(framing.cut_off(&mut buffer, "too late"), None);
}

fn message() -> impl Strategy<Value = String> {
    "<(13|190)>[ -~é]{0,40}".prop_filter("no trailing space", |text| text.len() <= MAX)
}

proptest! {
    #[test]
    fn how_the_bytes_come_does_not_matter(
        stream in prop::collection::vec(prop_oneof![Just(b'\n'), Just(b' '), Just(b'<'), Just(b'7'), any::<u8>()], 0..300),
        cuts in prop::collection::vec(0usize..300, 0..6),
        syslog: bool,
    ) {
        let style = if syslog { Style::Syslog } else { Style::Lines };
        let mut cuts: Vec<usize> = cuts.into_iter().map(|at| at.min(stream.len())).collect();
        cuts.sort_unstable();
        let mut pieces = Vec::new();
        let mut start = 0;
        for at in cuts {
            pieces.push(&stream[start..at]);
            start = at;
        }
        pieces.push(&stream[start..]);
        prop_assert_eq!(cut(style, &pieces), cut(style, &[&stream]));
    }

    #[test]
    fn what_is_framed_is_found(messages in prop::collection::vec((message(), 0..3), 0..20)) {
        let mut stream = Vec::new();
        for (message, form) in &messages {
            match form {
                0 => stream.extend_from_slice(format!("{} {message}", message.len()).as_bytes()),
                1 => stream.extend_from_slice(format!("{message}\n").as_bytes()),
                _ => stream.extend_from_slice(format!("{message}\0").as_bytes()),
            }
        }
        let found: Vec<_> = cut(Style::Syslog, &[&stream]).into_iter().map(|frame| frame.bytes).collect();
        let sent: Vec<_> = messages.iter().map(|(message, _)| message.as_bytes().to_vec()).collect();
        prop_assert_eq!(found, sent);
    }
}
