//! What a file is by its first bytes. Names and extensions are never looked at: they lie.

/// A container or compression that is recognised.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Magic {
    /// RFC 1952.
    Gzip,
    /// RFC 8878.
    Zstd,
    /// APPNOTE 6.3, beginning with an entry.
    Zip,
    /// A zip without entries.
    EmptyZip,
    /// Something that is recognised only to be refused by name.
    Other(&'static str),
}

impl Magic {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
            Self::Zip | Self::EmptyZip => "zip",
            Self::Other(name) => name,
        }
    }
}

/// Signatures with what they mean, as registered by their formats.
const SIGNATURES: [(&[u8], Magic); 11] = [
    (b"\x1f\x8b\x08", Magic::Gzip),
    (b"\x28\xb5\x2f\xfd", Magic::Zstd),
    (b"PK\x03\x04", Magic::Zip),
    (b"PK\x05\x06", Magic::EmptyZip),
    (b"\xfd7zXZ\x00", Magic::Other("xz")),
    (b"7z\xbc\xaf\x27\x1c", Magic::Other("7z")),
    (b"Rar!\x1a\x07", Magic::Other("rar")),
    (b"\x04\x22\x4d\x18", Magic::Other("lz4")),
    (b"\x1f\x9d", Magic::Other("compress")),
    (b"PAR1", Magic::Other("parquet")),
    (b"SQLite format 3\x00", Magic::Other("SQLite")),
];

/// Recognises a container by the first bytes of a file (at least 512 for all of them).
pub(super) fn recognise(head: &[u8]) -> Option<Magic> {
    if let Some((_, magic)) = SIGNATURES.iter().find(|(signature, _)| head.starts_with(signature)) {
        return Some(*magic);
    }
    // bzip2: "BZh", the level, then π in BCD; the text "BZh" alone may begin a log line.
    if head.starts_with(b"BZh") && head.get(4..10) == Some(b"1AY&SY".as_slice()) {
        return Some(Magic::Other("bzip2"));
    }
    (head.get(257..262) == Some(b"ustar".as_slice())).then_some(Magic::Other("tar"))
}

/// The name of the compression that a file of these first bytes is in.
pub(crate) fn container(head: &[u8]) -> Option<&'static str> {
    recognise(head).map(Magic::name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_are_recognised_by_content() {
        let check = |head: &[u8], name: Option<&str>| assert_eq!(recognise(head).map(Magic::name), name);
        check(b"\x1f\x8b\x08\x00", Some("gzip"));
        check(b"\x28\xb5\x2f\xfd\x00", Some("zstd"));
        check(b"PK\x03\x04..", Some("zip"));
        check(b"PK\x05\x06..", Some("zip"));
        check(b"BZh91AY&SY", Some("bzip2"));
        check(b"BZh is how this line starts", None);
        check(b"", None);
        check(b"127.0.0.1 - -", None);
        let mut tar = vec![b'a'; 512];
        tar[257..262].copy_from_slice(b"ustar");
        check(&tar, Some("tar"));
    }
}
