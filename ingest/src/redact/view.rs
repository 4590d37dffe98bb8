//! A text as it reads once its escapes are undone, with the way back to what was written.
//!
//! `pass%77ord%3Dx`, `email=ana%2540shop.example` inside an address inside an address, `{\"cvv\":\"1\"}`, `&quot;cvv&quot;:1`:
//! what looks for secrets should see names, signs and values, however often they were wrapped on their way into the log.

use std::{borrow::Cow, ops::Range};

/// Escapes inside escapes that are undone, at most.
const LEVEL_MAX: u8 = 8;

/// Entities of HTML that stand around names and values.
const ENTITIES: [(&[u8], u8); 8] = [
    (b"&amp;", b'&'),
    (b"&quot;", b'"'),
    (b"&#34;", b'"'),
    (b"&#x22;", b'"'),
    (b"&apos;", b'\''),
    (b"&#39;", b'\''),
    (b"&#x27;", b'\''),
    (b"&#61;", b'='),
];

/// What a text reads as.
pub(super) struct View<'t> {
    /// Bytes, some of which may be unescaped ones.
    pub(super) bytes: Cow<'t, [u8]>,
    /// What was unescaped, in its order.
    escapes: Vec<Escape>,
}

/// A byte that was written as an escape.
struct Escape {
    /// Where the byte is in the view.
    at: usize,
    /// Where what was written ends.
    written_end: usize,
    /// How often it was escaped as in addresses.
    level: u8,
}

impl<'t> View<'t> {
    pub(super) fn of(text: &'t str) -> Self {
        let text = text.as_bytes();
        let Some(first) = first_escape(text) else {
            return Self { bytes: Cow::Borrowed(text), escapes: Vec::new() };
        };
        let mut bytes = Vec::with_capacity(text.len());
        let mut escapes = Vec::new();
        let mut at = 0;
        let mut next = Some(first);
        while let Some(escape) = next {
            bytes.extend_from_slice(text.get(at..escape).unwrap_or_default());
            let Some((byte, length, level)) = text.get(escape..).and_then(unescape) else { break };
            at = escape + usize::from(length);
            escapes.push(Escape { at: bytes.len(), written_end: at, level });
            bytes.push(byte);
            next = first_escape(text.get(at..).unwrap_or_default()).map(|next| at + next);
        }
        bytes.extend_from_slice(text.get(at..).unwrap_or_default());
        Self { bytes: Cow::Owned(bytes), escapes }
    }

    /// Whether anything is escaped in a text.
    pub(super) fn is_escaped(text: &str) -> bool {
        first_escape(text.as_bytes()).is_some()
    }

    /// Whether anything was escaped.
    pub(super) fn is_unescaped(&self) -> bool {
        !self.escapes.is_empty()
    }

    /// How often the byte there was escaped.
    pub(super) fn level(&self, at: usize) -> u8 {
        let escape = self.escapes.binary_search_by_key(&at, |escape| escape.at).ok();
        escape.and_then(|place| self.escapes.get(place)).map_or(0, |escape| escape.level)
    }

    /// Where in the text a part of it was written.
    pub(super) fn written(&self, part: Range<usize>) -> Range<usize> {
        self.place(part.start)..self.place(part.end)
    }

    fn place(&self, at: usize) -> usize {
        let before = self.escapes.partition_point(|escape| escape.at < at);
        let last = before.checked_sub(1).and_then(|last| self.escapes.get(last));
        last.map_or(at, |escape| escape.written_end + (at - escape.at - 1))
    }
}

/// Where something is escaped for the first time.
fn first_escape(text: &[u8]) -> Option<usize> {
    memchr::memchr3_iter(b'%', b'\\', b'&', text).find(|at| unescape(&text[*at..]).is_some())
}

/// The byte that is escaped at the beginning of a text, the length of the escape, and how deep it is: JSON and HTML escape
/// texts as a whole, so that signs keep their meaning; in addresses an escaped sign is none.
fn unescape(text: &[u8]) -> Option<(u8, u8, u8)> {
    match text.first()? {
        b'%' => percent(text),
        b'\\' if text.get(1) == Some(&b'/') => Some((b'/', 2, 0)),
        b'\\' => {
            let digits = text.strip_prefix(b"\\u00")?;
            let byte = hexadecimal(digits)?;
            byte.is_ascii().then_some((byte, 6, 0))
        }
        b'&' => {
            let (entity, byte) = ENTITIES.iter().find(|(entity, _)| text.starts_with(entity))?;
            Some((*byte, u8::try_from(entity.len()).ok()?, 0))
        }
        _ => None,
    }
}

/// RFC 3986, section 2.1; `%2540` is an escape of the escape `%40`.
fn percent(text: &[u8]) -> Option<(u8, u8, u8)> {
    let (mut length, mut level) = (1_u8, 0);
    loop {
        let byte = hexadecimal(text.get(usize::from(length)..)?)?;
        length += 2;
        level += 1;
        let goes_on = text.get(usize::from(length)..).and_then(hexadecimal).is_some();
        if byte != b'%' || level == LEVEL_MAX || !goes_on {
            return Some((byte, length, level));
        }
    }
}

/// The byte of two hexadecimal digits.
fn hexadecimal(text: &[u8]) -> Option<u8> {
    let digit = |at: usize| char::from(*text.get(at)?).to_digit(16);
    u8::try_from(digit(0)? * 16 + digit(1)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &str) {
        let view = View::of(text);
        assert_eq!(String::from_utf8_lossy(&view.bytes), expected, "{text}");
        assert_eq!(view.written(0..view.bytes.len()), 0..text.len(), "{text}");
    }

    #[test]
    fn escapes_are_undone_however_deep() {
        check("plain 100% &c \\n é", "plain 100% &c \\n é");
        check("a%3Db%3d", "a=b=");
        check("a%2540b%252540c", "a@b@c");
        check("%25", "%");
        check("%25zz%2", "%zz%2");
        check("p\\u0061ss&quot;:&#39;x&amp;", "pass\":'x&");
        check("%C3%A9", "é");
        check("é%41é", "éAé");
        check("https:\\/\\/a", "https://a");
    }

    #[test]
    fn parts_are_found_where_they_were_written() {
        let view = View::of("x%2540y&amp;z");
        assert_eq!(&*view.bytes, b"x@y&z");
        assert_eq!(view.written(1..2), 1..6);
        assert_eq!(view.written(2..4), 6..12);
        assert_eq!((view.level(0), view.level(1), view.level(3)), (0, 2, 0));
    }
}
