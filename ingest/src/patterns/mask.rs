//! Which words of a message are values, told by what they look like: in few passes over the word, without regular
//! expressions.

use super::words::{AT, BACKSLASH, DIGIT, DOT, Marks, SLASH};

/// What a word is in the pattern of its message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mask {
    /// Said by the program: part of the pattern.
    Constant,
    /// A value: a wildcard in the pattern.
    Variable,
    /// A name with a number behind it, such as `worker-12`: so many bytes of it are part of the pattern.
    Named(usize),
}

/// From so many hexadecimal digits on, a word of them with a decimal one among them is an id.
const HEX_MIN: usize = 8;
const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const DAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
/// Units that change with the size of what they measure.
const UNITS: [&str; 9] = ["B", "KB", "MB", "GB", "TB", "KiB", "MiB", "GiB", "TiB"];

/// What a word is that has these marks.
pub(super) fn mask(word: &str, marks: Marks) -> Mask {
    // Most words are plain.
    if marks & (DIGIT | SLASH | AT | BACKSLASH | DOT) == 0 {
        return Mask::Constant;
    }
    let bytes = word.as_bytes();
    if is_location(bytes, marks) {
        return Mask::Variable;
    }
    let Some(digit) = bytes.iter().position(u8::is_ascii_digit) else { return Mask::Constant };
    let (before, _) = bytes.split_at(digit);
    if before.iter().all(|byte| !byte.is_ascii_alphabetic() && *byte != b'_') || is_id(bytes) {
        return Mask::Variable;
    }
    // A minus behind something that joins words belongs to the number: `blk_-1608`.
    let signed =
        before.ends_with(b"-") && before.len() > 1 && !before[before.len() - 2].is_ascii_alphabetic();
    let (name, number) = bytes.split_at(digit - usize::from(signed));
    if is_name(name) && number.iter().all(|byte| is_of_number(*byte)) {
        Mask::Named(name.len())
    } else {
        Mask::Variable
    }
}

/// Whether a word is the short name of a day or month in a date, which goes on with `rest`.
pub(super) fn is_date_name(word: &str, rest: &str) -> bool {
    let after = || rest.trim_start_matches([' ', ',']);
    let number = || after().as_bytes().first().is_some_and(u8::is_ascii_digit);
    word.len() == 3
        && (MONTHS.contains(&word) && number()
            || DAYS.contains(&word)
                && (number() || after().get(..3).is_some_and(|next| MONTHS.contains(&next))))
}

/// Whether a word behind a number is a unit of sizes.
pub(super) fn is_unit(word: &str) -> bool {
    word.len() <= 3 && UNITS.contains(&word)
}

/// Digests, ids of traces, UUIDs, hardware addresses.
fn is_id(bytes: &[u8]) -> bool {
    bytes.len() >= HEX_MIN && bytes.iter().all(|byte| byte.is_ascii_hexdigit() || matches!(byte, b'-' | b':'))
}

/// Paths, addresses of hosts, of pages and of people.
fn is_location(bytes: &[u8], marks: Marks) -> bool {
    let rooted = || [&b"/"[..], b"./", b"../", b"~/"].iter().any(|root| bytes.starts_with(root));
    let path = || rooted() || bytes.iter().filter(|byte| **byte == b'/').count() > 1;
    let person =
        || bytes.iter().rposition(|byte| *byte == b'@').is_some_and(|at| at > 0 && at + 1 < bytes.len());
    marks & BACKSLASH != 0
        || marks & SLASH != 0 && path()
        || marks & AT != 0 && person()
        || marks & DOT != 0 && is_host(bytes)
}

/// Names of hosts, of at least three labels, or two with a port. Names of classes look the same but for their last label,
/// which begins with a capital letter: they say what happened, not where.
pub(super) fn is_host(bytes: &[u8]) -> bool {
    let (name, port) = match bytes.iter().position(|byte| *byte == b':') {
        Some(colon) => (&bytes[..colon], Some(&bytes[colon + 1..])),
        None => (bytes, None),
    };
    let labels = name.split(|byte| *byte == b'.').count();
    let last = name.rsplit(|byte| *byte == b'.').next().unwrap_or_default();
    let of_labels = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_');
    port.is_none_or(|port| !port.is_empty() && port.iter().all(u8::is_ascii_digit))
        && labels >= if port.is_some() { 2 } else { 3 }
        && !name.starts_with(b".")
        && last.first().is_some_and(u8::is_ascii_lowercase)
        && name.iter().all(of_labels)
}

/// A name that a number may follow. What could be the start of a hexadecimal number is none.
fn is_name(bytes: &[u8]) -> bool {
    bytes.iter().any(|byte| !byte.is_ascii_hexdigit())
        && bytes.iter().all(|byte| byte.is_ascii_alphabetic() || matches!(byte, b'_' | b'-' | b'.' | b'#'))
}

fn is_of_number(byte: u8) -> bool {
    byte.is_ascii_digit() || matches!(byte, b'.' | b'_' | b'-' | b':' | b'#' | b',' | b'+')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::patterns::words::word_at;

    #[test]
    fn values_are_told_by_their_looks() {
        let check = |word: &str, expected: Mask| {
            let (end, marks) = word_at(word.as_bytes(), 0);
            assert_eq!(end, word.len(), "{word:?} is one word");
            assert_eq!(mask(word, marks), expected, "{word:?}");
        };
        for word in [
            "refused",
            "Payment",
            "can't",
            "key_value",
            "two-part",
            "and/or",
            "application/json",
            "Foo::bar",
            "café",
            "java.lang.NullPointerException",
            "com.shop.Payment",
            "main.rs",
            "@Component",
            "deadbeef",
            "x",
        ] {
            check(word, Mask::Constant);
        }
        for word in [
            "5",
            "-5",
            "+3.25",
            "1,234,567",
            "12ms",
            "99.5%",
            "#42",
            "$9.99",
            "0x1f",
            "08:48:23",
            "2026-11-22T08:48:23.123Z",
            "10.0.0.1",
            "10.0.0.1:8080",
            "fe80::1",
            "2001:db8::ff00:42:8329",
            "00:1a:2b:3c:4d:5e",
            "6f1c2a9e-8f41-4e6b-9d5a-0a3a8f0f0d6a",
            "4bf92f3577b34da6a3ce929d0e0e4736",
            "a3f9c01b",
            "/var/log/shop.log",
            "/checkout?step=2&cart=9",
            "./run",
            "a/b/c",
            "https://shop.example/cart",
            r"C:\shop\x.dll",
            "ann@shop.example",
            "db-1.internal.shop.example",
            "proxy.example.org",
            "shop.example:443",
            "x7Gh2kQ",
            "T-shirt5xl",
        ] {
            check(word, Mask::Variable);
        }
        for (word, name) in
            [("worker-12", 7), ("blk_-1608", 4), ("blk_42", 4), ("ssh2", 3), ("SKU-00312", 4), ("v1.2.3", 1)]
        {
            check(word, Mask::Named(name));
        }
    }

    #[test]
    fn names_of_days_and_months_are_values_in_dates_only() {
        let check = |word: &str, rest: &str, expected: bool| {
            assert_eq!(is_date_name(word, rest), expected, "{word} {rest}");
        };
        check("Nov", " 22 08:48:23", true);
        check("Sun", " Nov 22", true);
        check("Sun", ", 22 Nov 2026", true);
        check("May", " I come in", false);
        check("Sun", " shines", false);
        check("Nov", "", false);
        check("november", " 22", false);
    }
}
