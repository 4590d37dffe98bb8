use super::*;
use proptest::prelude::*;
use std::io::{Cursor, Write};
use zip::write::SimpleFileOptions;

fn open(bytes: Vec<u8>, limits: Limits) -> Result<Archive, DecodeError> {
    Archive::open(Box::new(Cursor::new(bytes)), limits, Arc::default())
}

/// Every member's name with its bytes, and what ended the reading, if not the end.
fn read(bytes: Vec<u8>, limits: Limits) -> (Vec<(String, Vec<u8>)>, Option<DecodeError>) {
    let mut members = Vec::new();
    let mut archive = match open(bytes, limits) {
        Ok(archive) => archive,
        Err(error) => return (members, Some(error)),
    };
    loop {
        match archive.next_member() {
            Ok(Some(header)) => members.push((header.name, Vec::new())),
            Ok(None) => return (members, None),
            Err(error) => return (members, Some(error)),
        }
        let mut buffer = [0; 1000];
        loop {
            match archive.read(&mut buffer) {
                Ok(0) => break,
                Ok(count) => members.last_mut().unwrap().1.extend_from_slice(&buffer[..count]),
                Err(error) => return (members, Some(error)),
            }
        }
    }
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn zip(files: &[(&str, &[u8])], stored: bool, streamed: bool) -> Vec<u8> {
    let method = if stored { zip::CompressionMethod::Stored } else { zip::CompressionMethod::Deflated };
    let options = SimpleFileOptions::default().compression_method(method);
    if streamed {
        let mut writer = zip::ZipWriter::new_stream(Vec::new());
        for (name, bytes) in files {
            writer.start_file(*name, options).unwrap();
            writer.write_all(bytes).unwrap();
        }
        return writer.finish().unwrap().into_inner();
    }
    let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in files {
        if name.ends_with('/') {
            writer.add_directory(*name, options).unwrap();
        } else {
            writer.start_file(*name, options).unwrap();
            writer.write_all(bytes).unwrap();
        }
    }
    writer.finish().unwrap().into_inner()
}

fn lines(count: usize) -> Vec<u8> {
    (0..count).flat_map(|n| format!("line {n} of many {}\n", n * 7919 % 1000).into_bytes()).collect()
}

#[test]
fn every_compression_reads_back() {
    let text = lines(5_000);
    let check = |bytes: Vec<u8>| {
        let (members, failed) = read(bytes, Limits::default());
        assert!(failed.is_none(), "{failed:?}");
        assert_eq!(members.len(), 1);
        assert!(members[0].1 == text);
    };
    check(text.clone());
    check(gzip(&text));
    check([gzip(&text[..1000]), gzip(&text[1000..])].concat());
    check(zstd::encode_all(text.as_slice(), 3).unwrap());
    let (head, tail) = text.split_at(1000);
    check([zstd::encode_all(head, 3).unwrap(), zstd::encode_all(tail, 3).unwrap()].concat());
    check(zip(&[("a.log", &text)], false, false));
    check(zip(&[("a.log", &text)], true, false));
    check(zip(&[("a.log", &text)], false, true));
}

#[test]
fn a_zip_has_its_files_only() {
    let files: &[(&str, &[u8])] = &[
        ("logs/", b""),
        ("logs/a.log", b"one\n"),
        ("__MACOSX/logs/._a.log", b"\0\0"),
        ("logs/.DS_Store", b"\0\0"),
        ("../../etc/passwd", b"two\n"),
    ];
    let (members, failed) = read(zip(files, false, false), Limits::default());
    assert!(failed.is_none(), "{failed:?}");
    let expected =
        [("logs/a.log".to_owned(), b"one\n".to_vec()), ("../../etc/passwd".into(), b"two\n".to_vec())];
    assert_eq!(members, expected);
    // A reader that is not interested in a member may leave it.
    let mut archive = open(zip(files, false, false), Limits::default()).unwrap();
    assert_eq!(archive.next_member().unwrap().unwrap().position, 1);
    assert_eq!(archive.next_member().unwrap().unwrap().position, 4);
    assert_eq!(archive.next_member().unwrap(), None);
}

#[test]
fn what_comes_before_a_cut_is_kept() {
    let text = lines(20_000);
    let check = |whole: Vec<u8>, at: usize, least: usize| {
        let (members, failed) = read(whole[..at].to_vec(), Limits::default());
        assert!(matches!(failed, Some(DecodeError::Truncated(_))), "{failed:?}");
        assert!(members[0].1.len() >= least, "{} bytes", members[0].1.len());
        assert!(text.starts_with(&members[0].1));
    };
    let packed = gzip(&text);
    check(packed.clone(), packed.len() / 2, text.len() / 4);
    check(packed.clone(), packed.len() - 3, text.len());
    let packed = zstd::encode_all(text.as_slice(), 3).unwrap();
    check(packed.clone(), packed.len() - 1, 0);
    for streamed in [false, true] {
        let packed = zip(&[("a", &text)], false, streamed);
        check(packed.clone(), packed.len() / 2, text.len() / 4);
    }
    let packed = zip(&[("a", &text), ("b", &text)], true, false);
    check(packed.clone(), packed.len() * 3 / 4, text.len());
}

#[test]
fn damage_is_told() {
    let mut packed = gzip(&lines(5_000));
    let last = packed.len() - 6;
    packed[last] ^= 0xff;
    assert!(matches!(read(packed, Limits::default()).1, Some(DecodeError::Damaged(_))));
    let mut packed = zip(&[("a", &lines(100)), ("b", b"x")], true, false);
    packed[200] ^= 1;
    assert!(matches!(read(packed, Limits::default()).1, Some(DecodeError::Damaged(_))));
}

#[test]
fn bombs_are_refused() {
    let limits = Limits { expansion_grace_bytes: 1 << 20, ..Limits::default() };
    let check = |bytes: Vec<u8>, limits: Limits, part: &str| {
        let failed = read(bytes, limits).1.unwrap();
        assert!(matches!(failed, DecodeError::TooLarge(_)), "{failed:?}");
        assert!(failed.to_string().contains(part), "{failed}");
    };
    let zeros = vec![b'0'; 8 << 20];
    check(gzip(&zeros), limits, "bomb");
    check(zstd::encode_all(zeros.as_slice(), 3).unwrap(), limits, "bomb");
    check(zip(&[("a", &zeros)], false, false), limits, "bomb");
    let small = Limits { expanded_max_bytes: 1000, ..Limits::default() };
    check(gzip(&lines(100)), small, "more than 1000 bytes");
    check(lines(100), small, "more than 1000 bytes");
    let many: Vec<_> = (0..5).map(|n| (format!("{n}"), b"x".to_vec())).collect();
    let many: Vec<_> = many.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice())).collect();
    check(zip(&many, false, false), Limits { members_max: 4, ..Limits::default() }, "more than 4 files");
}

#[test]
fn other_formats_are_refused_by_name() {
    let failed = read(b"\xfd7zXZ\x00rest".to_vec(), Limits::default()).1.unwrap();
    assert!(failed.to_string().contains("xz"), "{failed}");
    let empty = zip(&[], false, false);
    assert!(matches!(read(empty, Limits::default()).1, Some(DecodeError::Unsupported(_))));
}

#[test]
fn a_failing_storage_is_not_the_files_fault() {
    struct Failing(Cursor<Vec<u8>>);
    impl Read for Failing {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            match self.0.read(buffer)? {
                0 => Err(std::io::ErrorKind::InvalidData.into()),
                count => Ok(count),
            }
        }
    }
    for packed in [
        gzip(b"x"),
        zstd::encode_all(b"x".as_slice(), 3).unwrap(),
        zip(&[("a", b"x")], false, true),
        b"x".to_vec(),
    ] {
        let half = packed[..packed.len().div_ceil(2)].to_vec();
        let opened = Archive::open(Box::new(Failing(Cursor::new(half))), Limits::default(), Arc::default());
        assert!(matches!(opened, Err(DecodeError::Storage(_))));
    }
}

proptest! {
    #[test]
    fn any_bytes_are_taken(mut bytes in prop::collection::vec(any::<u8>(), 0..200), kind in 0..4_usize) {
        let head: &[u8] = [b"\x1f\x8b\x08\x00".as_slice(), b"\x28\xb5\x2f\xfd", b"PK\x03\x04", b""][kind];
        bytes.splice(0..0, head.iter().copied());
        read(bytes, Limits::default());
    }

    #[test]
    fn damaged_archives_are_taken(at in 0..2000_usize, bit in 0..8_u8, kind in 0..4_usize) {
        let text = lines(60);
        let mut bytes = match kind {
            0 => gzip(&text),
            1 => zstd::encode_all(text.as_slice(), 3).unwrap(),
            2 => zip(&[("a", &text), ("b", &text)], false, false),
            _ => zip(&[("a", &text), ("b", &text)], false, true),
        };
        let at = at % bytes.len();
        bytes[at] ^= 1 << bit;
        read(bytes, Limits::default());
    }
}
