//! Email addresses in a text.

use super::view::View;
use std::ops::Range;

/// Longest local part and domain (RFC 5321, section 4.5.3.1), in bytes.
const LOCAL_MAX_BYTES: usize = 64;
const DOMAIN_MAX_BYTES: usize = 255;

/// Finds the addresses of a text, or only those in query strings and forms; the whole text may be one.
pub(super) fn find(view: &View<'_>, everywhere: bool, is_query: bool) -> Vec<Range<usize>> {
    let bytes = &*view.bytes;
    let mut found: Vec<Range<usize>> = Vec::new();
    // Where the word begins that is being looked at, and whether a query has begun in it: each byte is looked at once.
    let (mut seen, mut query) = (0, Query::default());
    for at in memchr::memchr_iter(b'@', bytes) {
        let Some(address) = address(bytes, at) else { continue };
        // `a@b.example@c.example` is as secret.
        if let Some(last) = found.last_mut().filter(|last| address.start < last.end) {
            last.end = address.end;
            continue;
        }
        if !everywhere && !is_query {
            query.read(view, seen..address.start);
            seen = seen.max(address.start);
            if !query.is_open() {
                continue;
            }
        }
        found.push(address);
    }
    found
}

/// Whether a part of a word is a query string or form: `…?a=b`, `a=b&c=`.
#[derive(Default)]
struct Query {
    question: bool,
    equals: bool,
    pairs: bool,
}

impl Query {
    fn read(&mut self, view: &View<'_>, part: Range<usize>) {
        let bytes = view.bytes.get(part.clone()).unwrap_or_default();
        for (at, byte) in bytes.iter().enumerate() {
            // `name=Ana%20Smith`: what is escaped ends nothing.
            let ends = || view.level(part.start + at) == 0;
            match byte {
                b'?' => self.question = true,
                b'=' => self.equals = true,
                b'&' | b';' if self.equals => self.pairs = true,
                b'"' | b'<' | b'>' if ends() => *self = Self::default(),
                byte if byte.is_ascii_whitespace() && ends() => *self = Self::default(),
                _ => {}
            }
        }
    }

    fn is_open(&self) -> bool {
        self.question || self.pairs
    }
}

/// The address around an `@`.
fn address(bytes: &[u8], at: usize) -> Option<Range<usize>> {
    let local =
        bytes.get(..at)?.iter().rev().take(LOCAL_MAX_BYTES).take_while(|byte| is_local(**byte)).count();
    let domain =
        bytes.get(at + 1..)?.iter().take(DOMAIN_MAX_BYTES).take_while(|byte| is_domain(**byte)).count();
    // Neither begins or ends with a dot; a sentence's full stop is none of the domain.
    let before = bytes.get(at - local..at)?;
    let leading = before.iter().take_while(|byte| **byte == b'.').count();
    let after = bytes.get(at + 1..at + 1 + domain)?;
    let domain = domain - after.iter().rev().take_while(|byte| matches!(byte, b'.' | b'-')).count();
    let after = after.get(..domain)?;
    let dot = memchr::memrchr(b'.', after)?;
    let is_name =
        after.get(dot + 1..).is_some_and(|top| top.len() >= 2 && !top.iter().all(u8::is_ascii_digit));
    // `logo@2x.png` is a picture for finer screens.
    let is_picture = matches!(after, [b'1'..=b'9', b'x' | b'X', b'.', ..]);
    (local > leading && dot > 0 && is_name && !is_picture).then_some(at - local + leading..at + 1 + domain)
}

/// What stands in local parts without quotes (RFC 5322's `atext` and dots, less the signs that delimit parameters), and any
/// letter beyond ASCII (RFC 6531).
fn is_local(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || !byte.is_ascii()
        || matches!(byte, b'.' | b'_' | b'%' | b'+' | b'-' | b'!' | b'~' | b'*' | b'#')
}

fn is_domain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || !byte.is_ascii() || matches!(byte, b'.' | b'-')
}
