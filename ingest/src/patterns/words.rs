//! Where the words of a message begin and end.

/// What was met in a word.
pub(super) type Marks = u8;
pub(super) const DIGIT: Marks = 1;
pub(super) const SLASH: Marks = 2;
pub(super) const AT: Marks = 4;
pub(super) const BACKSLASH: Marks = 8;
pub(super) const DOT: Marks = 16;
const COLON: Marks = 32;

/// So many signs in a row may be inside of a word. A bound, as of [`HEX_MAX`], on what is read ahead at each byte.
const JOINTS_MAX: usize = 16;
/// So much may follow a colon in an address or digest of pairs of hexadecimal digits.
const HEX_MAX: usize = 40;

/// What a byte is to a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Class {
    /// Letters, the underscore, and all that is not ASCII.
    Letter,
    Digit,
    Space,
    /// Never in a word.
    Bracket,
    /// In a word only when something follows.
    Joint,
}

const CLASSES: [Class; 256] = classes();

const fn classes() -> [Class; 256] {
    let mut classes = [Class::Letter; 256];
    let mut byte = 0;
    while byte < 128 {
        classes[byte] = match byte as u8 {
            b'0'..=b'9' => Class::Digit,
            b'a'..=b'z' | b'A'..=b'Z' | b'_' => Class::Letter,
            0..=b' ' | 127 => Class::Space,
            b'(' | b')' | b'[' | b']' | b'{' | b'}' | b'<' | b'>' | b'|' | b'"' | b';' | b'`' | b'=' => {
                Class::Bracket
            }
            _ => Class::Joint,
        };
        byte += 1;
    }
    classes
}

fn class(byte: u8) -> Class {
    #[cfg(test)]
    tests::STEPS.set(tests::STEPS.get() + 1);
    CLASSES[usize::from(byte)]
}

pub(super) fn is_space(byte: u8) -> bool {
    class(byte) == Class::Space
}

/// Whether what can only be inside of a word comes here.
fn is_core(bytes: &[u8], at: usize) -> bool {
    bytes.get(at).is_some_and(|byte| matches!(class(*byte), Class::Letter | Class::Digit))
}

/// Whether a word begins here, rather than what stands between words.
pub(super) fn begins_word(bytes: &[u8], at: usize) -> bool {
    let Some(byte) = bytes.get(at) else { return false };
    match class(*byte) {
        Class::Letter | Class::Digit => true,
        Class::Space | Class::Bracket => false,
        Class::Joint => match byte {
            b'/' | b'\\' => {
                is_core(bytes, at + 1)
                    || bytes.get(at + 1).is_some_and(|next| matches!(next, b'/' | b'.' | b'\\'))
            }
            b'.' | b'~' if bytes.get(at + 1) == Some(&b'/') => true,
            b'.' if bytes[at + 1..].starts_with(b"./") => true,
            b'-' | b'+' | b'#' | b'$' | b'~' | b'@' | b'.' | b'%' | b'*' => is_core(bytes, at + 1),
            _ => false,
        },
    }
}

/// Where the word ends that begins here, and its marks. At least one byte long.
pub(super) fn word_at(bytes: &[u8], start: usize) -> (usize, Marks) {
    if bytes.get(start) == Some(&b'/') {
        return (path_end(bytes, start), SLASH);
    }
    let mut at = start;
    let mut marks = 0;
    while let Some(&byte) = bytes.get(at) {
        match class(byte) {
            Class::Letter => {}
            Class::Digit => marks |= DIGIT,
            Class::Space | Class::Bracket => break,
            Class::Joint => {
                if at > start && !joins(bytes, at, marks) {
                    break;
                }
                marks |= mark(byte);
                if byte == b'/' && bytes[start..at].ends_with(b":/") {
                    return (path_end(bytes, at), marks);
                }
            }
        }
        at += 1;
    }
    (at.max(start + 1), marks)
}

fn mark(joint: u8) -> Marks {
    match joint {
        b'/' => SLASH,
        b'@' => AT,
        b'\\' => BACKSLASH,
        b'.' => DOT,
        b':' => COLON,
        _ => 0,
    }
}

/// Whether a joint inside of a word is part of it.
fn joins(bytes: &[u8], at: usize, marks: Marks) -> bool {
    match bytes[at] {
        b',' => bytes[at - 1].is_ascii_digit() && bytes.get(at + 1).is_some_and(u8::is_ascii_digit),
        b':' => colon_joins(bytes, at, marks),
        b'%' => true,
        // A run of joints belongs to the word if the word goes on behind it.
        _ => {
            let joints = bytes[at..].iter().take(JOINTS_MAX).take_while(|byte| class(**byte) == Class::Joint);
            is_core(bytes, at + joints.count())
        }
    }
}

/// `key: value` and `key:value` are two words, `08:48`, `fe80::1`, `Foo::bar`, `https://` and `host.example:80` are one.
fn colon_joins(bytes: &[u8], at: usize, marks: Marks) -> bool {
    let Some(next) = bytes.get(at + 1) else { return false };
    let double = *next == b':' || bytes[at - 1] == b':';
    if double || matches!(next, b'/' | b'\\') {
        return is_core(bytes, at + 1) || is_core(bytes, at + 2) || *next == b'/';
    }
    if marks & DOT != 0 && marks & SLASH == 0 && marks & COLON == 0 && next.is_ascii_digit() {
        return true;
    }
    marks & DIGIT != 0 && (next.is_ascii_digit() || is_hex(&bytes[at + 1..]))
}

/// Whether the next word, at least a byte, could be the rest of an address or digest.
fn is_hex(rest: &[u8]) -> bool {
    let ends = |byte: &u8| matches!(class(*byte), Class::Space | Class::Bracket);
    let rest = &rest[..rest.len().min(HEX_MAX + 1)];
    let word = &rest[..rest.iter().position(ends).unwrap_or(rest.len())];
    (1..=HEX_MAX).contains(&word.len())
        && word.iter().all(|byte| byte.is_ascii_hexdigit() || matches!(byte, b':' | b'.'))
}

/// Paths and what follows them in addresses go on until a space, quote or bracket.
fn path_end(bytes: &[u8], start: usize) -> usize {
    let ends = |byte: &u8| {
        is_space(*byte)
            || matches!(
                byte,
                b'"' | b'\'' | b'`' | b'<' | b'>' | b'(' | b')' | b'[' | b']' | b'{' | b'}' | b'|'
            )
    };
    let length = bytes[start..].iter().position(ends).unwrap_or(bytes.len() - start);
    let closing = |byte: &u8| matches!(byte, b',' | b';' | b':' | b'.' | b'!' | b'?');
    let path = &bytes[start..start + length];
    start + path.iter().rposition(|byte| !closing(byte)).map_or(1, |last| last + 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;

    thread_local! {
        /// Bytes that were looked at.
        pub(super) static STEPS: Cell<usize> = const { Cell::new(0) };
    }

    fn words(text: &str) -> Vec<&str> {
        let (bytes, mut at, mut words) = (text.as_bytes(), 0, Vec::new());
        while at < bytes.len() {
            if begins_word(bytes, at) {
                let end = word_at(bytes, at).0;
                words.push(&text[at..end]);
                at = end;
            } else {
                at += 1;
            }
        }
        words
    }

    #[test]
    fn words_are_parted() {
        let check = |text: &str, expected: &[&str]| assert_eq!(words(text), expected, "{text:?}");
        check("Payment refused: timeout.", &["Payment", "refused", "timeout"]);
        check("user=ann, id=7;", &["user", "ann", "id", "7"]);
        check("state:OPEN vCores:-27", &["state", "OPEN", "vCores", "-27"]);
        check("at 08:48:23,123 took 1,234 ms", &["at", "08:48:23,123", "took", "1,234", "ms"]);
        check("GET /a?b=c&d=e, then \"quoted\"", &["GET", "/a?b=c&d=e", "then", "quoted"]);
        check("see https://shop.example/a=b. Now", &["see", "https://shop.example/a=b", "Now"]);
        check("host.example:80 - - fe80::1 Foo::bar", &["host.example:80", "fe80::1", "Foo::bar"]);
        check("don't 'quote' --flag a->b ...", &["don't", "quote", "-flag", "a", "b"]);
        check("12:started worker-3: done", &["12", "started", "worker-3", "done"]);
        check("ünïcode, ok", &["ünïcode", "ok"]);
        check("/ // :: = <>", &["//"]);
        check(&format!("a{}b", "-".repeat(16)), &["a----------------b"]);
        check(&format!("a{} b", "-".repeat(17)), &["a", "b"]);
    }

    #[test]
    fn no_byte_is_looked_at_again_and_again() {
        let long = [
            format!("a{}x", "-".repeat(3_998)),
            "a-".repeat(2_000),
            "1:".repeat(1_999),
            format!("1.{}", "1:1".repeat(1_300)),
            format!("1.{}{}", "1".repeat(2_000), ":1".repeat(1_000)),
            format!("1{}", ":a".repeat(2_000)),
            "/.,".repeat(1_300),
            format!("x:/{}", "/,".repeat(2_000)),
            "a=/".repeat(1_300),
        ];
        for text in long {
            STEPS.set(0);
            words(&text);
            let steps = STEPS.get();
            assert!(steps <= 64 * text.len(), "{steps} steps for {} bytes of {:?}", text.len(), &text[..20]);
        }
    }
}
