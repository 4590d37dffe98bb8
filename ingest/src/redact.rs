//! What must never be stored goes before the write: card numbers, their codes, passwords.
//!
//! In every text of an event, however deep, and in the original line:
//! - a card number becomes `card:<token>:<last four>`; the token is keyed, so that the same card gives the same token
//!   and nobody can find the number by trying all of them;
//! - the value of a key that names a secret (`cvv`, `password`, `authorization`, …) becomes `[redacted]`, and so does
//!   the password in `https://user:password@host`;
//! - an object `card` with a `number` gets `token`, `last4` and `bin` in its place.
//!
//! *What counts as a card number*: 13 to 19 digits, perhaps parted by single spaces, dashes, dots or the like, that
//! neither continue into more digits nor are part of a word in hexadecimal (a digest); with a prefix and length that
//! card networks issue and a right Luhn digit. So one of ten runs of 16 digits that start like a card is masked by mistake:
//! such an order number is shortened to its last four digits rather than a card being kept. Unparted numbers that
//! start otherwise (times in nanoseconds start with 1, most counters) are never touched.

mod scan;

use crate::intake::Redact;
use event::{Event, Object};
use hmac::{Hmac, KeyInit as _, Mac as _};
use regex::Regex;
use serde_json::{Number, Value, json};
use sha2::Sha256;
use std::{borrow::Cow, sync::LazyLock};

/// Shortest and longest card number (ISO/IEC 7812).
const DIGITS_MIN: usize = 13;
const DIGITS_MAX: usize = 19;
/// 2^53: whole floats below it say exactly which number they are, and so all of up to 15 digits and most of 16.
const FLOAT_EXACT_BELOW: f64 = 9_007_199_254_740_992.0;
/// Bytes of the keyed hash that make a token: 96 bits, so that a shop's cards never collide.
const TOKEN_BYTES: usize = 12;
/// So much of a word is looked at to tell whether it is hexadecimal.
const HEXADECIMAL_MAX_BYTES: usize = 64;
/// Longest user name and password of an address that are looked for, in bytes.
const USERINFO_MAX_BYTES: usize = 512;
/// What stands in place of a secret.
const REDACTED: &str = "[redacted]";
/// Keys whose values are secrets, in small letters and without `_`, `-`, `.` and spaces.
const SECRETS: &[&str] = &[
    "cvv",
    "cvv2",
    "cvc",
    "cvc2",
    "cvn",
    "cid2",
    "cardcvv",
    "cardcvc",
    "securitycode",
    "cardsecuritycode",
    "password",
    "passwd",
    "pwd",
    "passphrase",
    "userpassword",
    "newpassword",
    "oldpassword",
    "secret",
    "clientsecret",
    "secretkey",
    "authorization",
    "proxyauthorization",
    "accesstoken",
    "refreshtoken",
    "cvvcode",
    "cvccode",
    "cvvnumber",
    "passwordhash",
    "passwordrepeat",
    "passwordconfirm",
    "passwordconfirmation",
    "apikey",
    "privatekey",
];
/// The lengths of [`SECRETS`] as bits, by first letter.
const SECRET_LENGTHS: [u64; 256] = {
    let mut lengths = [0; 256];
    let mut at = 0;
    while at < SECRETS.len() {
        let name = SECRETS[at].as_bytes();
        lengths[name[0] as usize] |= 1 << name.len();
        at += 1;
    }
    lengths
};
/// Ends of names whose values are secrets, whatever stands before (`confirm_password`, `db.userPasswd`, `my_cvv`).
const SECRET_ENDS: [&str; 5] = ["password", "passwd", "passphrase", "cvv", "cvc"];
/// Longest name that is looked for.
const NAME_MAX_BYTES: usize = 32;
/// Keys of objects that are a card.
const CARD_OBJECTS: [&str; 4] = ["card", "creditcard", "paymentcard", "debitcard"];
/// Keys that hold the number of a card when they stand below `card`.
const CARD_NUMBERS: [&str; 4] = ["number", "pan", "cardnumber", "primaryaccountnumber"];

/// Redacts events with one key. Cheap to share; keeps nothing between events.
#[derive(Clone)]
pub struct Redactor {
    mac: Hmac<Sha256>,
}

impl std::fmt::Debug for Redactor {
    /// Prints nothing of the key.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Redactor")
    }
}

impl Redact for Redactor {
    fn redact(&self, event: &mut Event) -> bool {
        let mut changed = self.fields(&mut event.fields);
        if let Some(original) = &mut event.metadata.original {
            changed |= self.string(original);
        }
        if changed {
            event.metadata.raw = None;
        }
        changed
    }

    fn is_clean(&self, document: &[u8]) -> bool {
        scan::is_clean(self, document)
    }

    fn redact_text(&self, mut text: String) -> String {
        self.string(&mut text);
        text
    }
}

impl Redactor {
    /// Tokens depend on this key: keep it with the data, and secret.
    pub fn new(key: &[u8]) -> Self {
        Self { mac: Hmac::new_from_slice(key).expect("HMAC takes keys of any length") }
    }

    /// The token of a card number, given as digits: 24 hexadecimal digits.
    pub fn token(&self, digits: &str) -> String {
        let mut mac = self.mac.clone();
        mac.update(digits.as_bytes());
        hex::encode(&mac.finalize().into_bytes()[..TOKEN_BYTES])
    }

    /// A text with what is secret in it replaced; borrowed when there is nothing.
    pub fn text<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let masked = self.mask_cards(text);
        let masked = mask_secrets(masked.as_deref().unwrap_or(text)).or(masked);
        let masked = mask_userinfo(masked.as_deref().unwrap_or(text)).or(masked);
        masked.map_or(Cow::Borrowed(text), Cow::Owned)
    }

    /// Like all of the following: whether anything was changed.
    fn string(&self, text: &mut String) -> bool {
        let Cow::Owned(changed) = self.text(text) else { return false };
        *text = changed;
        true
    }

    /// Redacts the fields of a document; answers whether anything was changed.
    pub fn fields(&self, fields: &mut Object) -> bool {
        self.object(fields, false)
    }

    fn value(&self, value: &mut Value, in_card: bool) -> bool {
        match value {
            Value::String(text) => self.string(text),
            Value::Number(number) => {
                let Some(masked) = self.mask_number(number) else { return false };
                *value = Value::String(masked);
                true
            }
            Value::Array(items) => {
                items.iter_mut().fold(false, |changed, item| self.value(item, in_card) | changed)
            }
            Value::Object(object) => self.object(object, in_card),
            Value::Null | Value::Bool(_) => false,
        }
    }

    fn object(&self, object: &mut Object, is_card: bool) -> bool {
        let mut changed = is_card && self.card(object);
        let mut odd_keys = Vec::new();
        for (key, value) in object.iter_mut() {
            let name = PlainName::of(key);
            if name.as_ref().is_some_and(PlainName::is_secret) && !value.is_null() {
                *value = Value::String(REDACTED.to_owned());
                changed = true;
                continue;
            }
            if self.mask_cards(key).is_some() {
                odd_keys.push(key.clone());
            }
            let is_inner = matches!(value, Value::Object(_) | Value::Array(_));
            let in_card = is_inner && name.is_some_and(|name| name.is_one_of(&CARD_OBJECTS));
            changed |= self.value(value, in_card);
        }
        // A card number as a key, such as a map by card.
        for key in odd_keys {
            if let (Some(masked), Some(value)) = (self.mask_cards(&key), object.shift_remove(&key)) {
                object.insert(masked, value);
                changed = true;
            }
        }
        changed
    }

    /// `card.number` → `card.token`, `card.last4`, `card.bin`. A number that is no card's is a secret all the same.
    fn card(&self, object: &mut Object) -> bool {
        let is_number = |key: &&String| PlainName::of(key).is_some_and(|name| name.is_one_of(&CARD_NUMBERS));
        let Some(key) = object.keys().find(is_number).cloned() else { return false };
        let Some(number) = object.shift_remove(&key) else { return false };
        let text = match &number {
            Value::String(text) => text.clone(),
            Value::Number(number) => match Magnitude::of(number) {
                Some(Magnitude::Exact(number)) => number.to_string(),
                // Which card it is cannot be told.
                Some(Magnitude::About(_)) => return true,
                None => number.to_string(),
            },
            _ => return true,
        };
        let digits: String = text.chars().filter(char::is_ascii_digit).collect();
        if digits.len() < DIGITS_MIN || digits.len() > DIGITS_MAX {
            // Masked by the shop already (`****1234`), or too short to be one: only its end may stay.
            if digits.len() <= 4 && !digits.is_empty() {
                object.entry("last4").or_insert(json!(digits));
            }
            return true;
        }
        object.entry("token").or_insert(json!(self.token(&digits)));
        object.entry("last4").or_insert(json!(digits[digits.len() - 4..]));
        object.entry("bin").or_insert(json!(digits[..6]));
        true
    }

    /// What takes the place of a number that is, or may be, a card's.
    fn mask_number(&self, number: &Number) -> Option<String> {
        match Magnitude::of(number)? {
            Magnitude::Exact(number) => self.mask_cards(&number.to_string()),
            // One of those that it may be is a card's: no token, as nobody can tell which.
            Magnitude::About(number) => may_be_card(number).then(|| REDACTED.to_owned()),
        }
    }

    /// The text with its card numbers replaced; `None` when it has none, which is found out without allocating.
    fn mask_cards(&self, text: &str) -> Option<String> {
        if text.len() < DIGITS_MIN {
            return None;
        }
        let bytes = text.as_bytes();
        let mut out: Option<String> = None;
        let (mut copied, mut at) = (0, 0);
        while at < bytes.len() {
            if !bytes[at].is_ascii_digit() {
                at += 1;
                continue;
            }
            let end = run_end(bytes, at);
            if end - at >= DIGITS_MIN {
                // Once for the whole run, however many cards it holds: a line of nothing else must not cost more.
                let groups = groups(bytes, at, end);
                let mut first = 0;
                while let Some(found) = find_card(bytes, &groups, first) {
                    let (from, to) = (groups[found.first].0, groups[found.next - 1].1);
                    let out = out.get_or_insert_with(|| String::with_capacity(text.len()));
                    out.push_str(&text[copied..from]);
                    out.push_str("card:");
                    out.push_str(&self.token(&found.digits));
                    out.push(':');
                    out.push_str(&found.digits[found.digits.len() - 4..]);
                    (copied, first) = (to, found.next);
                }
            }
            at = end;
        }
        out.map(|mut out| {
            out.push_str(&text[copied..]);
            out
        })
    }
}

/// A number that is large enough for a card, without sign and fraction: writers of JSON turn one into a float or a
/// negative number too.
enum Magnitude {
    /// Just this one.
    Exact(u64),
    /// A float that stands for several whole numbers; the text that it was read from may have named any of them.
    About(u64),
}

impl Magnitude {
    fn of(number: &Number) -> Option<Self> {
        let magnitude = match (number.as_u64(), number.as_i64()) {
            (Some(number), _) => Self::Exact(number),
            (None, Some(number)) => Self::Exact(number.unsigned_abs()),
            (None, None) => {
                let float = number.as_f64().map(f64::abs).filter(|float| *float < 1e19)?;
                let whole = float as u64;
                if float < FLOAT_EXACT_BELOW { Self::Exact(whole) } else { Self::About(whole) }
            }
        };
        let (Self::Exact(size) | Self::About(size)) = magnitude;
        (size >= 1_000_000_000_000).then_some(magnitude)
    }
}

/// Whether a number of these first digits and this length is issued to a card.
fn may_be_card(number: u64) -> bool {
    let digits: Vec<u8> = number.to_string().bytes().map(|byte| byte - b'0').collect();
    digits.len() >= DIGITS_MIN && is_issued(&digits)
}

/// Signs that people put between the groups of a card number.
fn is_separator(byte: u8) -> bool {
    matches!(byte, b' ' | b'-' | b'.' | b'+' | b'_') || parts_lists(byte)
}

/// Signs that mostly stand between numbers of their own: only groups as printed on cards count between them.
fn parts_lists(byte: u8) -> bool {
    matches!(byte, b',' | b'/' | b'\t' | b'|' | b';')
}

/// End of a run of digits with single separators inside (`%20` and Unicode's spaces and hyphens count as one), after
/// its last digit.
fn run_end(bytes: &[u8], start: usize) -> usize {
    let mut end = start;
    loop {
        while bytes.get(end).is_some_and(u8::is_ascii_digit) {
            end += 1;
        }
        let gap = separator_length(&bytes[end..]);
        if gap == 0 || !bytes.get(end + gap).is_some_and(u8::is_ascii_digit) {
            return end;
        }
        end += gap;
    }
}

fn separator_length(bytes: &[u8]) -> usize {
    match bytes {
        [b'%', b'2', b'0' | b'D' | b'd' | b'B' | b'b', ..] => 3,
        // No-break space; the spaces and hyphens of U+2000 to U+2015, narrow no-break space, word joiner.
        [0xC2, 0xA0, ..] => 2,
        [0xE2, 0x80, 0x80..=0x95 | 0xAF, ..] | [0xE2, 0x81, 0xA0, ..] => 3,
        [byte, ..] if is_separator(*byte) => 1,
        _ => 0,
    }
}

/// A card number in a run: its first group, the first group after it, and its digits alone.
struct Found {
    first: usize,
    next: usize,
    digits: String,
}

/// The first card number in a run from group `start` on: it starts and ends at the end of a group of digits.
fn find_card(bytes: &[u8], groups: &[(usize, usize)], start: usize) -> Option<Found> {
    for (first, (from, _)) in groups.iter().enumerate().skip(start) {
        if first == 0 && follows_hexadecimal(bytes, *from) {
            continue;
        }
        let mut digits = [0_u8; DIGITS_MAX];
        let mut count = 0;
        for (group, (group_from, group_to)) in groups[first..].iter().enumerate() {
            if count + (group_to - group_from) > DIGITS_MAX {
                break;
            }
            for byte in &bytes[*group_from..*group_to] {
                digits[count] = byte - b'0';
                count += 1;
            }
            let is_last = first + group + 1 == groups.len();
            let ends_word = !(is_last && precedes_hexadecimal(bytes, *group_to));
            let plausible = group == 0 || grouped_like_a_card(bytes, &groups[first..=first + group]);
            if ends_word && plausible && is_card(&digits[..count]) {
                let digits = digits[..count].iter().map(|digit| char::from(digit + b'0')).collect();
                return Some(Found { first, next: first + group + 1, digits });
            }
        }
    }
    None
}

/// Start and end of each group of digits.
fn groups(bytes: &[u8], start: usize, end: usize) -> Vec<(usize, usize)> {
    let mut groups = Vec::with_capacity(4);
    let mut at = start;
    while at < end {
        let from = at;
        while at < end && bytes[at].is_ascii_digit() {
            at += 1;
        }
        groups.push((from, at));
        at += separator_length(&bytes[at..]).max(usize::from(at < end));
    }
    groups
}

/// Whether the digits from there on continue a word that may be hexadecimal: an identifier or a digest.
fn follows_hexadecimal(bytes: &[u8], at: usize) -> bool {
    is_hexadecimal_word(bytes[..at].iter().rev()) && !is_percent_escape(bytes, at)
}

/// Whether a word that may be hexadecimal goes on there.
fn precedes_hexadecimal(bytes: &[u8], at: usize) -> bool {
    is_hexadecimal_word(bytes[at..].iter())
}

/// Whether a word begins there that has letters, all of them up to `f`.
fn is_hexadecimal_word<'b>(bytes: impl Iterator<Item = &'b u8>) -> bool {
    let word = bytes.take(HEXADECIMAL_MAX_BYTES).take_while(|byte| byte.is_ascii_alphanumeric());
    let mut letters = word.filter(|byte| byte.is_ascii_alphabetic()).peekable();
    letters.peek().is_some() && letters.all(u8::is_ascii_hexdigit)
}

/// Whether the two bytes before are the end of an escape such as `%3A`, whose letter is no word.
fn is_percent_escape(bytes: &[u8], at: usize) -> bool {
    at >= 3 && bytes[at - 3] == b'%' && bytes[at - 2].is_ascii_hexdigit()
}

/// Separated digits are a card number only in groups of two to six, as printed and typed; a date, a time and an
/// address side by side have single digits and threes that do not add up to one. Digits typed one by one count too.
fn grouped_like_a_card(bytes: &[u8], groups: &[(usize, usize)]) -> bool {
    let lengths = || groups.iter().map(|(from, to)| to - from);
    let total: usize = lengths().sum();
    if total < DIGITS_MIN {
        return false;
    }
    if groups.iter().skip(1).any(|(from, _)| parts_lists(bytes[from - 1])) {
        let (mut first, last) = (lengths().take(groups.len() - 1), groups.len() - 1);
        let fours = first.all(|length| length == 4) && groups[last].1 - groups[last].0 <= 4;
        return fours || lengths().eq([4, 6, 5]) || lengths().eq([4, 6, 4]);
    }
    lengths().all(|length| (2..=7).contains(&length)) || lengths().all(|length| length == 1)
}

/// Prefix and length of the networks, and the check digit.
fn is_card(digits: &[u8]) -> bool {
    let long_enough = digits.len() >= DIGITS_MIN && digits.iter().any(|digit| *digit != digits[0]);
    long_enough && is_issued(digits) && luhn(digits)
}

/// Prefix and length of the networks (public issuer ranges), of at least [`DIGITS_MIN`] digits.
fn is_issued(digits: &[u8]) -> bool {
    let prefix = |length: usize| digits[..length].iter().fold(0_u32, |n, digit| n * 10 + u32::from(*digit));
    let (two, three, four) = (prefix(2), prefix(3), prefix(4));
    let length = digits.len();
    match digits[0] {
        4 => matches!(length, 13 | 16 | 18 | 19),
        5 | 6 if matches!(two, 51..=55) => length == 16,
        2 if matches!(four, 2221..=2720) => length == 16,
        2 if matches!(four, 2200..=2204) => (16..=19).contains(&length),
        3 if matches!(two, 34 | 37) => length == 15,
        3 if matches!(three, 300..=305) || matches!(two, 36 | 38 | 39) => (14..=19).contains(&length),
        3 if matches!(four, 3528..=3589) => (16..=19).contains(&length),
        5 if matches!(two, 50 | 56..=58) => (13..=19).contains(&length),
        6 => (13..=19).contains(&length) && (length >= 16 || matches!(two, 60 | 62 | 63 | 64 | 65 | 67)),
        9 if four == 9792 => length == 16,
        _ => false,
    }
}

/// ISO/IEC 7812-1, annex B.
fn luhn(digits: &[u8]) -> bool {
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(i, digit)| match (i % 2, u32::from(*digit) * 2) {
            (0, _) => u32::from(*digit),
            (_, doubled) => doubled / 10 + doubled % 10,
        })
        .sum();
    sum.is_multiple_of(10)
}

/// The last segment of a key in small letters, without the signs that spellings differ in.
struct PlainName {
    bytes: [u8; NAME_MAX_BYTES],
    length: usize,
}

impl PlainName {
    /// `None`: longer than any name that is looked for.
    fn of(key: &str) -> Option<Self> {
        let start = memchr::memrchr(b'.', key.as_bytes()).map_or(0, |dot| dot + 1);
        let mut plain = Self { bytes: [0; NAME_MAX_BYTES], length: 0 };
        for byte in key[start..].bytes().filter(|byte| !matches!(byte, b'_' | b'-' | b' ')) {
            *plain.bytes.get_mut(plain.length)? = byte.to_ascii_lowercase();
            plain.length += 1;
        }
        Some(plain)
    }

    fn is_secret(&self) -> bool {
        let plain = &self.bytes[..self.length];
        // Nearly all names are ruled out by these: each key of each event comes here.
        let Some(last) = plain.last() else { return false };
        let may_end = SECRET_ENDS.iter().any(|end| end.as_bytes().last() == Some(last));
        let may_be = (SECRET_LENGTHS[usize::from(plain[0])] >> self.length) & 1 == 1;
        may_be && self.is_one_of(SECRETS)
            || may_end && SECRET_ENDS.iter().any(|end| plain.ends_with(end.as_bytes()))
    }

    fn is_one_of(&self, names: &[&str]) -> bool {
        let plain = &self.bytes[..self.length];
        names.iter().any(|name| name.as_bytes() == plain)
    }
}

/// `password=…`, `"cvv": "…"`, `Authorization: …` inside a text: the value is replaced up to the next delimiter.
/// `None` when there is none.
fn mask_secrets(text: &str) -> Option<String> {
    if !SECRET_HINTS.is_match(text) {
        return None;
    }
    let mut out: Option<String> = None;
    let mut copied = 0;
    for found in SECRETS_IN_TEXT.captures_iter(text) {
        let value = found.name("quoted").or_else(|| found.name("value"));
        let Some(value) = value.filter(|value| value.as_str() != REDACTED) else { continue };
        let out = out.get_or_insert_with(String::new);
        out.push_str(&text[copied..value.start()]);
        out.push_str(REDACTED);
        copied = value.end();
    }
    out.map(|mut out| {
        out.push_str(&text[copied..]);
        out
    })
}

/// `https://user:password@host` (RFC 3986, section 3.2.1): the password is replaced. `None` when there is none.
fn mask_userinfo(text: &str) -> Option<String> {
    let bytes = text.as_bytes();
    let mut out: Option<String> = None;
    let mut copied = 0;
    for at in SCHEME_END.find_iter(bytes) {
        let start = at + 3;
        let window = &bytes[start..bytes.len().min(start + USERINFO_MAX_BYTES)];
        let ends =
            |byte: &u8| matches!(byte, b'/' | b'?' | b'#' | b'"' | b'<' | b'>') || byte.is_ascii_whitespace();
        let authority = &window[..window.iter().position(ends).unwrap_or(window.len())];
        let (Some(colon), Some(end)) = (memchr::memchr(b':', authority), memchr::memrchr(b'@', authority))
        else {
            continue;
        };
        let password = start + colon + 1..start + end.max(colon + 1);
        if end <= colon + 1 || start < copied || &text[password.clone()] == REDACTED {
            continue;
        }
        let out = out.get_or_insert_with(String::new);
        out.push_str(&text[copied..password.start]);
        out.push_str(REDACTED);
        copied = password.end;
    }
    out.map(|mut out| {
        out.push_str(&text[copied..]);
        out
    })
}

static SCHEME_END: LazyLock<memchr::memmem::Finder<'static>> =
    LazyLock::new(|| memchr::memmem::Finder::new("://"));

/// Words without which [`SECRETS_IN_TEXT`] cannot match: literals, which are looked for many times faster.
static SECRET_HINTS: LazyLock<Regex> = LazyLock::new(|| {
    let words =
        "(?i-u)cvv|cvc|passw|pwd|passphrase|secret|s_token|h_token|token=|token%3d|api_?key|authorization";
    Regex::new(words).expect("the pattern is fixed and tested")
});

static SECRETS_IN_TEXT: LazyLock<Regex> = LazyLock::new(|| {
    // A quote may be escaped (JSON inside JSON); a quoted value ends at its quote, any other at a delimiter.
    let text = concat!(
        r#"(?i)(?-u:\b|%[0-9a-f]{2})(?:(?:proxy-)?authorization\\*["']?\s*[:=]\s*\\*["']?(?:(?:basic|bearer|digest)\s+)?|"#,
        r#"(?:[a-z0-9]+[_-])?(?:cvv2?|cvc2?|password|passwd|pwd|passphrase|secret|access_token|refresh_token|"#,
        r#"client_secret|api_?key)(?-u:\b)\\*["']?\s*(?:[:=>]|%3D)\s*|token(?:=|%3D))"#,
        r#"(?:\\*"(?P<quoted>[^"\s\\][^"\\]*)|(?:\\*["'])?(?P<value>\[redacted\]|(?:[^\s"'&,;}\])<\\]|\\[^\s"'\\])+))"#,
    );
    Regex::new(text).expect("the pattern is fixed and tested")
});

#[cfg(test)]
mod tests;
