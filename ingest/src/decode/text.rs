use super::{DecodeError, Source, magic, utf16::Utf16};

/// A file is binary if more than one byte in so many is a control character other than white space, form feed and
/// escape. Random bytes have one in ten; logs have none.
const CONTROL_SHARE: usize = 20;

/// How the text of a file is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Encoding {
    /// UTF-8, after a byte order mark of so many bytes (0 or 3).
    Utf8 {
        /// Length of the mark.
        mark: u64,
    },
    /// UTF-16 with a byte order mark.
    Utf16 {
        /// Whether the higher byte comes first.
        big_endian: bool,
    },
}

impl Encoding {
    /// Its name, as MIME has it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Utf8 { .. } => "utf-8",
            Self::Utf16 { big_endian: false } => "utf-16le",
            Self::Utf16 { big_endian: true } => "utf-16be",
        }
    }
}

/// Recognises how the text of a file is written by its first bytes; the error says why it is no text.
pub(crate) fn sniff_text(sample: &[u8]) -> Result<Encoding, String> {
    if let Some(container) = magic::recognise(sample) {
        return Err(format!(
            "a {} file inside the upload is not unpacked; upload it by itself",
            container.name()
        ));
    }
    if sample.starts_with(b"\xff\xfe\0\0") || sample.starts_with(b"\0\0\xfe\xff") {
        return Err("the text is in UTF-32; save it as UTF-8".into());
    }
    if sample.starts_with(b"\xff\xfe") || sample.starts_with(b"\xfe\xff") {
        let encoding = Encoding::Utf16 { big_endian: sample[0] == 0xfe };
        let decoded = decoded_sample(&sample[2..], encoding);
        return if is_binary(&decoded) { Err(binary()) } else { Ok(encoding) };
    }
    let mark = if sample.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 };
    if is_binary(sample) { Err(binary()) } else { Ok(Encoding::Utf8 { mark }) }
}

/// The start of a text as UTF-8, without byte order mark.
pub(super) fn decoded_sample(sample: &[u8], encoding: Encoding) -> Vec<u8> {
    match encoding {
        Encoding::Utf8 { mark } => sample[sample.len().min(mark as usize)..].to_vec(),
        Encoding::Utf16 { big_endian } => {
            let mut decoder = Utf16::new(sample, big_endian);
            let mut text = vec![0; sample.len() * 2];
            let mut filled = 0;
            while let Ok(count @ 1..) = decoder.read(&mut text[filled..]) {
                filled += count;
            }
            text.truncate(filled);
            text
        }
    }
}

fn binary() -> String {
    "the file is binary, not text; upload logs as text, gzip, zstd or zip".into()
}

fn is_binary(sample: &[u8]) -> bool {
    let control =
        |byte: &&u8| byte.is_ascii_control() && !matches!(byte, b'\t' | b'\n' | b'\r' | b'\x0c' | b'\x1b');
    sample.iter().filter(control).count() * CONTROL_SHARE > sample.len()
}

/// The source as UTF-8 without byte order mark.
pub(super) fn decode_text<'a, S: Source + 'a>(
    mut source: S,
    encoding: Encoding,
) -> Result<Box<dyn Source + 'a>, DecodeError> {
    match encoding {
        Encoding::Utf8 { mark } => {
            super::skip(&mut source, mark)?;
            Ok(Box::new(source))
        }
        Encoding::Utf16 { big_endian } => {
            super::skip(&mut source, 2)?;
            Ok(Box::new(Utf16::new(source, big_endian)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_told_from_binary() {
        let check = |sample: &[u8], expected: Result<Encoding, &str>| match (sniff_text(sample), expected) {
            (Ok(found), Ok(expected)) => assert_eq!(found, expected, "{sample:?}"),
            (Err(found), Err(part)) => assert!(found.contains(part), "{found:?} has no {part:?}"),
            (found, expected) => panic!("{sample:?}: {found:?} is not {expected:?}"),
        };
        let utf8 = Ok(Encoding::Utf8 { mark: 0 });
        check(b"", utf8);
        check(b"127.0.0.1 - - [x] \"GET / HTTP/1.1\" 200 5\n", utf8);
        check("größer\tals\r\n".as_bytes(), utf8);
        check(b"caf\xe9 in Latin-1\n", utf8);
        check(b"\x1b[31mred\x1b[0m\n", utf8);
        check(b"one \0 in a long line of text that is otherwise fine\n", utf8);
        check(b"\xef\xbb\xbfx", Ok(Encoding::Utf8 { mark: 3 }));
        check(b"\xff\xfea\0b\0", Ok(Encoding::Utf16 { big_endian: false }));
        check(b"\xfe\xff\0a\0b", Ok(Encoding::Utf16 { big_endian: true }));
        check(b"\xff\xfe\0\0a\0\0\0", Err("UTF-32"));
        check(b"\x7fELF\x02\x01\x01\0\0\0\0\0", Err("binary"));
        check(b"\x1f\x8b\x08rest", Err("gzip"));
        check(&[0; 4096], Err("binary"));
    }

    #[test]
    fn utf16_is_decoded() {
        let text = "größe 😀\nline 2";
        let bytes: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let decoded = decoded_sample(&bytes, Encoding::Utf16 { big_endian: false });
        assert_eq!(decoded, text.as_bytes());
        let cut = decoded_sample(&bytes[..bytes.len() - 1], Encoding::Utf16 { big_endian: false });
        assert!(cut.ends_with("line \u{FFFD}".as_bytes()), "{:?}", String::from_utf8_lossy(&cut));
    }
}
