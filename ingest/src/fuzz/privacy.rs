//! Redaction: no card is left, and what was found to be clean is.

use crate::{
    intake::Redact as _,
    redact::{CredentialPolicy, EmailPolicy, RedactionSettings, Redactor},
};
use regex::Regex;
use serde_json::{Value, json};
use std::sync::LazyLock;

/// Shortest and longest card number.
const CARD_DIGITS: std::ops::RangeInclusive<usize> = 13..=19;

/// What stands in place of a card.
static MARK: LazyLock<Regex> = LazyLock::new(|| Regex::new("card:[0-9a-f]{24}:[0-9]{4}").unwrap());

/// For cards alone. What stands in place of one may make a query string of what was none, and so an address a secret.
fn for_cards() -> Redactor {
    let (credentials, emails) = (CredentialPolicy::Keep, EmailPolicy::Keep);
    let settings = RedactionSettings { credentials, emails, ..RedactionSettings::default() };
    Redactor::with(b"a key of the fuzzer", &settings).unwrap()
}

pub(super) fn redact(data: &[u8]) {
    let redactor = Redactor::new(b"a key of the fuzzer");
    let text = String::from_utf8_lossy(data).into_owned();
    let once = redactor.text(&text).into_owned();
    // The last digits of a mark and those behind it may look like a card by chance.
    let rest = MARK.replace_all(&once, "mark");
    assert_eq!(for_cards().text(&rest), rest, "a card is left of {text:?}");
    // A number on its own, in the middle of nothing, is looked for here in another way.
    for word in once.split(|c: char| !c.is_ascii_digit()).filter(|word| is_plain_visa(word)) {
        let at = once.find(word).unwrap();
        let beside = once[..at].chars().next_back().into_iter().chain(once[at + word.len()..].chars().next());
        let alone = beside.into_iter().all(|c| c.is_whitespace() || "\"'(){}<>=&?".contains(c));
        let grouped = once[..at].ends_with(|c: char| c.is_ascii_digit() || c.is_whitespace());
        assert!(!alone || grouped, "the card {word} stays in {once:?}");
    }
    documents(&redactor, data, &text);
}

/// A document that is called clean is not changed.
fn documents(redactor: &Redactor, data: &[u8], text: &str) {
    let given = serde_json::from_slice::<Value>(data).ok().filter(Value::is_object);
    let document =
        given.unwrap_or_else(|| json!({"message": text, "list": [text], text: {"card": {"number": text}}}));
    let Value::Object(mut fields) = document else { return };
    let bytes = serde_json::to_vec(&fields).unwrap();
    let clean = redactor.is_clean(&bytes);
    let changed = redactor.fields(&mut fields);
    assert!(!(clean && changed), "it was called clean: {}", String::from_utf8_lossy(&bytes));
}

/// Sixteen digits, the first a 4, of which the last one checks (Luhn, ISO/IEC 7812-1, annex B).
fn is_plain_visa(word: &str) -> bool {
    let doubled = |(place, digit): (usize, u32)| match digit * (1 + place as u32 % 2) {
        two if two > 9 => two - 9,
        one => one,
    };
    let sum: u32 = word.chars().rev().filter_map(|c| c.to_digit(10)).enumerate().map(doubled).sum();
    let varied = word.bytes().any(|byte| Some(byte) != word.bytes().next());
    CARD_DIGITS.contains(&word.len())
        && word.len() == 16
        && word.starts_with('4')
        && varied
        && sum.is_multiple_of(10)
}
