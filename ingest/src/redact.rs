//! What must never be stored goes before the write: card numbers, their codes, passwords, tokens, emails in query strings.
//!
//! In every text of an event, however deep, and in the original line:
//! - a card number becomes `card:<token>:<last four>`; the token is keyed, so that the same card gives the same token
//!   and nobody can find the number by trying all of them;
//! - the value of a name that names a secret (`cvv`, `password`, `authorization`, …) becomes `[redacted]`, whether it is the key of
//!   a field or stands in a text, and so do the password in `https://user:password@host` and JSON Web Tokens anywhere;
//! - an email address in a query string becomes `email:<token>`;
//! - an object `card` with a `number` gets `token`, `last4` and `bin` in its place.
//!
//! [`RedactionSettings`] says what of this is done, and adds to it. Escapes are undone before anything is looked for ([`view`]).
//!
//! *What counts as a card number*: 13 to 19 digits, perhaps parted by single spaces, dashes, dots or the like, that
//! neither continue into more digits nor are part of a word in hexadecimal (a digest); with a prefix and length that
//! card networks issue and a right Luhn digit. So one of ten runs of 16 digits that start like a card is masked by mistake:
//! such an order number is shortened to its last four digits rather than a card being kept. Unparted numbers that
//! start otherwise (times in nanoseconds start with 1, most counters) are never touched.

mod cards;
mod credentials;
mod emails;
mod names;
mod scan;
mod settings;
mod view;

use crate::intake::Redact;
use cards::{find_card, groups, is_issued, run_end};
use event::{Event, Object};
use hmac::{Hmac, KeyInit as _, Mac as _};
use names::{Names, PlainName};
use regex::NoExpand;
use serde_json::{Number, Value, json};
use settings::CompiledPattern;
pub use settings::{
    CardPolicy, CredentialPolicy, EmailPolicy, RedactionPattern, RedactionSettings, RedactionSettingsError,
};
use sha2::Sha256;
use std::{borrow::Cow, ops::Range, sync::Arc};
use view::View;

/// Shortest and longest card number (ISO/IEC 7812).
const DIGITS_MIN: usize = 13;
const DIGITS_MAX: usize = 19;
/// 2^53: whole floats below it say exactly which number they are, and so all of up to 15 digits and most of 16.
const FLOAT_EXACT_BELOW: f64 = 9_007_199_254_740_992.0;
/// Shortest text that can hold anything: `cvv=1`.
const TEXT_MIN_BYTES: usize = 5;
/// How often a text is looked at in which something was found, at most.
const PASSES_MAX: usize = 4;
/// Bytes of the keyed hash that make a token: 96 bits, so that a shop's cards never collide.
const TOKEN_BYTES: usize = 12;
/// What stands in place of a secret.
const REDACTED: &str = "[redacted]";
/// Keys of objects that are a card.
const CARD_OBJECTS: [&str; 4] = ["card", "creditcard", "paymentcard", "debitcard"];
/// Keys that hold the number of a card when they stand below `card`.
const CARD_NUMBERS: [&str; 4] = ["number", "pan", "cardnumber", "primaryaccountnumber"];
/// Keys whose text is a query string or a form as a whole.
const QUERIES: [&str; 4] = ["query", "querystring", "form", "formdata"];
/// Keys by which a member of a list says its name, with its value in `value`.
const NAMES: [&str; 4] = ["name", "key", "field", "parameter"];

/// Redacts events with one key. Cheap to share; keeps nothing between events.
#[derive(Clone)]
pub struct Redactor {
    mac: Hmac<Sha256>,
    cards: CardPolicy,
    emails: EmailPolicy,
    /// `None`: credentials stay.
    names: Option<Arc<Names>>,
    patterns: Arc<[CompiledPattern]>,
}

/// What is to be replaced in a text.
struct Found {
    /// Where it is: in the view of the text at first, then in what was written.
    part: Range<usize>,
    mark: String,
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
            changed |= self.string(original, false);
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
        self.string(&mut text, false);
        text
    }
}

impl Redactor {
    /// Removes all that is known. Tokens depend on the key: keep it with the data, and secret.
    pub fn new(key: &[u8]) -> Self {
        Self::with(key, &RedactionSettings::default()).expect("the default settings are tested")
    }

    /// As [`Self::new`], with settings.
    ///
    /// # Errors
    /// As [`RedactionSettings::check`].
    pub fn with(key: &[u8], settings: &RedactionSettings) -> Result<Self, RedactionSettingsError> {
        settings.check()?;
        Ok(Self {
            mac: Hmac::new_from_slice(key).expect("HMAC takes keys of any length"),
            cards: settings.cards,
            emails: settings.emails,
            names: match settings.credentials {
                CredentialPolicy::Redact => Some(Arc::new(Names::new(settings)?)),
                CredentialPolicy::Keep => None,
            },
            patterns: settings.compiled_patterns()?.into(),
        })
    }

    /// The token of a card number, given as digits: 24 hexadecimal digits.
    pub fn token(&self, digits: &str) -> String {
        self.token_of(&[digits.as_bytes()])
    }

    fn token_of(&self, parts: &[&[u8]]) -> String {
        let mut mac = self.mac.clone();
        parts.iter().for_each(|part| mac.update(part));
        hex::encode(&mac.finalize().into_bytes()[..TOKEN_BYTES])
    }

    /// A text with what is secret in it replaced; borrowed when there is nothing.
    pub fn text<'t>(&self, text: &'t str) -> Cow<'t, str> {
        self.text_of(text, false)
    }

    /// As [`Self::text`], of a text that may be a query string as a whole.
    fn text_of<'t>(&self, text: &'t str, is_query: bool) -> Cow<'t, str> {
        let Cow::Owned(mut changed) = self.pass(text, is_query) else { return Cow::Borrowed(text) };
        // What was replaced may have stood between a name and what follows it.
        for _ in 1..PASSES_MAX {
            let Cow::Owned(again) = self.pass(&changed, is_query) else { break };
            changed = again;
        }
        Cow::Owned(changed)
    }

    fn pass<'t>(&self, text: &'t str, is_query: bool) -> Cow<'t, str> {
        if text.len() < TEXT_MIN_BYTES {
            return Cow::Borrowed(text);
        }
        let view = View::of(text);
        let mut found = Vec::new();
        self.find_cards(&view.bytes, &mut found);
        if let Some(names) = &self.names {
            credentials::find(&view, names, &mut found);
            credentials::find_userinfo(&view, &mut found);
        }
        if self.emails != EmailPolicy::Keep {
            let addresses = emails::find(&view, self.emails == EmailPolicy::Everywhere, is_query);
            found.extend(
                addresses.into_iter().map(|part| Found { mark: self.email_mark(&view, &part), part }),
            );
        }
        let mut text = replace(text, self.as_written(text, &view, found));
        for (pattern, mark) in &*self.patterns {
            if let Cow::Owned(changed) = pattern.replace_all(&text, NoExpand(mark)) {
                text = Cow::Owned(changed);
            }
        }
        text
    }

    /// What was found, by where it was written; with the card numbers that are none once escapes are undone, as in
    /// `LIKE '%4111111111111111%'`.
    fn as_written(&self, text: &str, view: &View<'_>, mut found: Vec<Found>) -> Vec<Found> {
        if view.is_unescaped() {
            found.iter_mut().for_each(|found| found.part = view.written(found.part.clone()));
            self.find_cards(text.as_bytes(), &mut found);
        }
        found
    }

    fn matches_pattern(&self, text: &str) -> bool {
        self.patterns.iter().any(|(pattern, _)| pattern.is_match(text))
    }

    /// Whether a text may hold more than card numbers and what settings add. What only shows when escapes are undone is not seen.
    fn may_hold_more(&self, text: &str) -> bool {
        let bytes = text.as_bytes();
        self.names.as_ref().is_some_and(|names| names.hints.is_match(bytes))
            || credentials::SCHEME_END.find(bytes).is_some()
            || memchr::memchr(b'@', bytes).is_some()
            || View::is_escaped(text)
    }

    fn email_mark(&self, view: &View<'_>, part: &Range<usize>) -> String {
        // As mail servers do, capitals make no difference.
        let address = view.bytes.get(part.clone()).unwrap_or_default().to_ascii_lowercase();
        format!("email:{}", self.token_of(&[b"email:", &address]))
    }

    /// Like all of the following: whether anything was changed.
    fn string(&self, text: &mut String, is_query: bool) -> bool {
        let Cow::Owned(changed) = self.text_of(text, is_query) else { return false };
        *text = changed;
        true
    }

    /// Redacts the fields of a document; answers whether anything was changed.
    pub fn fields(&self, fields: &mut Object) -> bool {
        self.object(fields, false)
    }

    fn value(&self, value: &mut Value, (in_card, is_query): (bool, bool)) -> bool {
        match value {
            Value::String(text) => self.string(text, is_query),
            Value::Number(number) => {
                let Some(masked) = self.mask_number(number) else { return false };
                *value = Value::String(masked);
                true
            }
            Value::Array(items) => {
                items.iter_mut().fold(false, |changed, item| self.value(item, (in_card, is_query)) | changed)
            }
            Value::Object(object) => self.object(object, in_card),
            Value::Null | Value::Bool(_) => false,
        }
    }

    fn is_secret(&self, name: &PlainName) -> bool {
        self.names.as_ref().is_some_and(|names| names.is_secret(name))
    }

    fn object(&self, object: &mut Object, is_card: bool) -> bool {
        let mut changed = is_card && self.cards != CardPolicy::Keep && self.card(object);
        let mut odd_keys = Vec::new();
        let mut names_secret = false;
        for (key, value) in object.iter_mut() {
            let name = PlainName::of(key.as_bytes());
            // Whether there is one is no secret.
            let says_nothing = value.is_null() || value.is_boolean();
            if self.is_secret(&name) && !says_nothing {
                *value = Value::String(REDACTED.to_owned());
                changed = true;
                continue;
            }
            if self.mask_cards(key).is_some() {
                odd_keys.push(key.clone());
            }
            let is_one_of = |names: &[&str]| name.is_one_of(names);
            match value {
                Value::Object(_) | Value::Array(_) => {
                    changed |= self.value(value, (is_one_of(&CARD_OBJECTS), is_one_of(&QUERIES)));
                }
                Value::String(text) => {
                    names_secret |= self.is_name_of_secret(text) && is_one_of(&NAMES);
                    changed |= self.string(text, is_one_of(&QUERIES));
                }
                _ => changed |= self.value(value, (false, false)),
            }
        }
        // `{"name": "password", "value": "…"}`
        let values = object
            .iter_mut()
            .filter(|(key, _)| names_secret && PlainName::of(key.as_bytes()).is_one_of(&["value"]));
        for (_, value) in values.filter(|(_, value)| *value != REDACTED) {
            *value = Value::String(REDACTED.to_owned());
            changed = true;
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

    /// Whether a text is nothing but the name of a secret.
    fn is_name_of_secret(&self, text: &str) -> bool {
        text.len() <= names::NAME_MAX_BYTES && self.is_secret(&PlainName::of(text.as_bytes()))
    }

    /// `card.number` → `card.token`, `card.last4`, `card.bin`. A number that is no card's is a secret all the same.
    fn card(&self, object: &mut Object) -> bool {
        let is_number = |key: &&String| PlainName::of(key.as_bytes()).is_one_of(&CARD_NUMBERS);
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
        if self.cards == CardPolicy::Redact {
            return true;
        }
        object.entry("token").or_insert(json!(self.token(&digits)));
        object.entry("last4").or_insert(json!(digits[digits.len() - 4..]));
        object.entry("bin").or_insert(json!(digits[..6]));
        true
    }

    /// What takes the place of a number that is, or may be, a card's.
    fn mask_number(&self, number: &Number) -> Option<String> {
        if self.cards == CardPolicy::Keep {
            return None;
        }
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
        let mut found = Vec::new();
        let view = View::of(text);
        self.find_cards(&view.bytes, &mut found);
        match replace(text, self.as_written(text, &view, found)) {
            Cow::Owned(masked) => Some(masked),
            Cow::Borrowed(_) => None,
        }
    }

    fn find_cards(&self, bytes: &[u8], found: &mut Vec<Found>) {
        if bytes.len() < DIGITS_MIN || self.cards == CardPolicy::Keep {
            return;
        }
        let mut at = 0;
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
                while let Some(card) = find_card(bytes, &groups, first) {
                    let part = groups[card.first].0..groups[card.next - 1].1;
                    found.push(Found { part, mark: self.card_mark(&card.digits) });
                    first = card.next;
                }
            }
            at = end;
        }
    }

    fn card_mark(&self, digits: &str) -> String {
        match self.cards {
            CardPolicy::Token => format!("card:{}:{}", self.token(digits), &digits[digits.len() - 4..]),
            CardPolicy::Redact | CardPolicy::Keep => REDACTED.to_owned(),
        }
    }
}

/// Puts the marks in place of what was found.
fn replace(text: &str, mut found: Vec<Found>) -> Cow<'_, str> {
    if found.is_empty() {
        return Cow::Borrowed(text);
    }
    found.sort_by_key(|found| found.part.start);
    let mut out = String::with_capacity(text.len());
    let mut copied = 0;
    let mut found = found.into_iter().peekable();
    while let Some(Found { mut part, mut mark }) = found.next() {
        // A card number as a password, a password that goes on: one secret.
        while let Some(next) = found.next_if(|next| next.part.start < part.end) {
            part.end = part.end.max(next.part.end);
            if mark != next.mark {
                mark = REDACTED.to_owned();
            }
        }
        // What is as long as a bound may end within a character.
        let (start, end) = (text.floor_char_boundary(part.start), text.ceil_char_boundary(part.end));
        out.push_str(text.get(copied..start).unwrap_or_default());
        out.push_str(&mark);
        copied = end;
    }
    out.push_str(text.get(copied..).unwrap_or_default());
    Cow::Owned(out)
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
