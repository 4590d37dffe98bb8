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

mod cards;
mod scan;
mod secrets;

use crate::intake::Redact;
use cards::{find_card, groups, is_issued, run_end};
use event::{Event, Object};
use hmac::{Hmac, KeyInit as _, Mac as _};
use secrets::{PlainName, mask_secrets, mask_userinfo};
use serde_json::{Number, Value, json};
use sha2::Sha256;
use std::borrow::Cow;

/// Shortest and longest card number (ISO/IEC 7812).
const DIGITS_MIN: usize = 13;
const DIGITS_MAX: usize = 19;
/// 2^53: whole floats below it say exactly which number they are, and so all of up to 15 digits and most of 16.
const FLOAT_EXACT_BELOW: f64 = 9_007_199_254_740_992.0;
/// Bytes of the keyed hash that make a token: 96 bits, so that a shop's cards never collide.
const TOKEN_BYTES: usize = 12;
/// What stands in place of a secret.
const REDACTED: &str = "[redacted]";
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

#[cfg(test)]
mod tests;
