//! Decoders: the same records however the bytes come and wherever reading goes on.

use super::choice;
use crate::decode::{
    Archive, DecodeError, Framing, Limits, Peeked, Records, Resume, Source, skip, sniff_text,
};
use flate2::{Compression, write::GzEncoder};
use serde_json::{Value, value::RawValue};
use std::{
    io::{self, Read, Write as _},
    sync::Arc,
};

/// Small, so that inputs of a fuzzer reach them.
const LIMITS: Limits = Limits {
    upload_max_bytes: 1 << 20,
    expanded_max_bytes: 1 << 20,
    expansion_max_ratio: 200,
    expansion_grace_bytes: 1 << 16,
    members_max: 8,
    record_max_bytes: 200,
    record_kept_bytes: 20,
    columns_max: 10,
    batch_max_events: 1_000,
    batch_max_bytes: 4 << 20,
};
/// Records from which reading is taken up again.
const RESUMED_MAX: usize = 8;

/// Bytes that come in pieces of the given size.
struct Pieces<'a>(&'a [u8], usize);

impl Source for Pieces<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, DecodeError> {
        let size = self.1.max(1).min(buffer.len());
        Source::read(&mut self.0, &mut buffer[..size])
    }
}

#[derive(Debug, PartialEq)]
struct Found {
    bytes: Vec<u8>,
    offset: u64,
    line: u64,
    length: u64,
}

/// What was read of a text.
#[derive(Debug, Default, PartialEq)]
struct Reading {
    shape: &'static str,
    records: Vec<Found>,
    /// Where each record ends.
    ends: Vec<Resume>,
    error: Option<String>,
}

fn read(text: &[u8], framing: &Framing, resume: Resume, size: usize) -> Option<Reading> {
    let source = Peeked::new(Pieces(text, size)).ok()?;
    let encoding = sniff_text(source.sample()).ok()?;
    let mut records = Records::open(source, encoding, resume, &LIMITS, framing).ok()?;
    let mut reading = Reading { shape: records.shape().name(), ..Reading::default() };
    loop {
        match records.next() {
            Ok(Some(record)) => reading.records.push(Found {
                bytes: record.bytes.to_vec(),
                offset: record.offset,
                line: record.line,
                length: record.length,
            }),
            Ok(None) => return Some(reading),
            Err(error) => {
                reading.error = Some(error.to_string());
                return Some(reading);
            }
        }
        reading.ends.push(records.position());
    }
}

/// Reads a text as a whole, in pieces, and again from behind its records.
fn check(data: &[u8], framing: &Framing) -> Option<Reading> {
    let (size, text) = choice(data);
    let whole = read(text, framing, Resume::default(), usize::MAX)?;
    assert_eq!(Some(&whole), read(text, framing, Resume::default(), size).as_ref(), "in pieces of {size}");
    for pair in whole.records.windows(2) {
        let [one, other] = pair else { continue };
        assert!(one.offset < other.offset && one.line <= other.line, "{one:?} before {other:?}");
    }
    for (place, end) in whole.ends.iter().enumerate().take(RESUMED_MAX) {
        let rest = read(text, framing, *end, size).map(|rest| (rest.records, rest.error));
        let rest = rest.unwrap_or_default();
        assert_eq!(whole.records[place + 1..], rest.0, "from {end:?}");
        assert_eq!(whole.error, rest.1, "from {end:?}");
    }
    for record in &whole.records {
        let held = record.bytes.len();
        assert!(
            held as u64 <= record.length.max(held as u64)
                && held <= 16 * LIMITS.record_max_bytes.max(text.len())
        );
    }
    Some(whole)
}

pub(super) fn lines(data: &[u8]) {
    let Some(whole) = check(data, &Framing::Lines) else { return };
    let (_, text) = choice(data);
    if whole.shape != "lines" || text.starts_with(b"\xff\xfe") || text.starts_with(b"\xfe\xff") {
        return;
    }
    // Each record stands where it says, and nothing but blanks between them.
    let mut at = if text.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 };
    for record in &whole.records {
        let (start, length) =
            (usize::try_from(record.offset).unwrap(), usize::try_from(record.length).unwrap());
        assert!(
            text[at..start].iter().all(u8::is_ascii_whitespace),
            "something is left out before byte {start}"
        );
        assert!(text[start..start + length].starts_with(&record.bytes));
        assert!(record.bytes.len() == length || length > LIMITS.record_max_bytes);
        at = start + length;
    }
    assert!(text[at..].iter().all(u8::is_ascii_whitespace), "something is left out at the end");
}

pub(super) fn joined(data: &[u8]) {
    check(data, &Framing::Traces);
    check(data, &Framing::Starts(Arc::new(|line: &str| line.starts_with("BEGIN"))));
}

pub(super) fn table(data: &[u8]) {
    let Some(whole) = check(data, &Framing::Table) else { return };
    if matches!(whole.shape, "csv" | "tsv" | "delimited" | "w3c") {
        whole.records.iter().for_each(is_object);
    }
}

pub(super) fn w3c(data: &[u8]) {
    let (size, text) = choice(data);
    let head = [&[u8::try_from(size).unwrap_or(1)], b"#Fields: ".as_slice(), text].concat();
    table(&head);
}

/// A row is one object in which no name comes twice, of a bounded number of members.
fn is_object(record: &Found) {
    if record.length > record.bytes.len() as u64 || !record.bytes.starts_with(b"{\"") {
        return;
    }
    let Ok(value) = serde_json::from_slice::<Value>(&record.bytes) else { return };
    let members = value.as_object().map_or(0, serde_json::Map::len);
    assert!(members <= LIMITS.columns_max + 18, "{members} members");
    let printed = serde_json::to_string(&value).unwrap();
    // As long as it was: nothing was overwritten.
    assert_eq!(
        printed.len(),
        record.bytes.len(),
        "a name comes twice: {}",
        String::from_utf8_lossy(&record.bytes)
    );
}

pub(super) fn json_records(data: &[u8]) {
    let Some(whole) = check(data, &Framing::Lines) else { return };
    let (_, text) = choice(data);
    let Ok(elements) = serde_json::from_slice::<Vec<Box<RawValue>>>(text) else { return };
    let long = elements.iter().any(|element| element.get().len() > LIMITS.record_max_bytes);
    if whole.shape != "json_array" || long {
        return;
    }
    assert_eq!(whole.error, None);
    let found: Vec<&[u8]> = whole.records.iter().map(|record| record.bytes.as_slice()).collect();
    let expected: Vec<&[u8]> = elements.iter().map(|element| element.get().as_bytes()).collect();
    assert_eq!(found, expected, "the elements of a sound array");
}

type Members = Vec<(String, Vec<u8>)>;

/// A reader that gives at most so many bytes at once.
struct Slow(io::Cursor<Vec<u8>>, usize);

impl Read for Slow {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let size = self.1.max(1).min(buffer.len());
        self.0.read(&mut buffer[..size])
    }
}

/// The members of a file, and why there are no more.
fn unpack(bytes: &[u8], size: usize) -> (Members, Option<String>) {
    let mut members = Members::new();
    let result = (|| -> Result<(), DecodeError> {
        let reader = Box::new(Slow(io::Cursor::new(bytes.to_vec()), size));
        let mut archive = Archive::open(reader, LIMITS, Arc::default())?;
        while let Some(header) = archive.next_member()? {
            members.push((header.name, Vec::new()));
            let mut buffer = vec![0; 4_096];
            loop {
                let count = Source::read(&mut archive, &mut buffer)?;
                let Some((_, content)) = members.last_mut().filter(|_| count > 0) else { break };
                content.extend_from_slice(&buffer[..count]);
            }
        }
        skip(&mut archive, 1)
    })();
    (members, result.err().map(|error| error.to_string()))
}

pub(super) fn containers(data: &[u8]) {
    let (size, bytes) = choice(data);
    let (whole, pieces) = (unpack(bytes, usize::MAX), unpack(bytes, size));
    assert_eq!(whole.1.is_some(), pieces.1.is_some(), "{:?}, in pieces of {size} {:?}", whole.1, pieces.1);
    if whole.1.is_none() {
        assert_eq!(whole.0, pieces.0, "in pieces of {size}");
    }
    let total: usize = whole.0.iter().map(|(_, content)| content.len()).sum();
    assert!(total as u64 <= LIMITS.expanded_max_bytes, "{total} bytes");
    // What is packed is unpacked.
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    gzip.write_all(bytes).unwrap();
    let expected = (vec![(String::new(), bytes.to_vec())], None);
    assert_eq!(unpack(&gzip.finish().unwrap(), size), expected, "gzip");
    assert_eq!(unpack(&zstd::encode_all(bytes, 1).unwrap(), size), expected, "zstd");
}
