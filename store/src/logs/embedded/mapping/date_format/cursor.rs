//! Reads a text from left to right.

use super::pattern::MONTHS;
use jiff::tz::Offset;

/// What is left of a text.
pub(super) struct Cursor<'a>(pub(super) &'a str);

impl Cursor<'_> {
    pub(super) fn take(&mut self, expected: char) -> bool {
        match self.0.strip_prefix(expected) {
            Some(rest) => {
                self.0 = rest;
                true
            }
            None => false,
        }
    }

    /// Value and number of digits.
    pub(super) fn digits(&mut self, min: usize, max: usize) -> Option<(i32, u32)> {
        let count = self.0.bytes().take(max).take_while(u8::is_ascii_digit).count();
        if count < min {
            return None;
        }
        let (digits, rest) = self.0.split_at(count);
        self.0 = rest;
        Some((digits.parse().ok()?, u32::try_from(count).ok()?))
    }

    pub(super) fn number(&mut self, min: usize, max: usize) -> Option<i32> {
        self.digits(min, max).map(|(value, _)| value)
    }

    /// One to nine digits after the point, as nanoseconds.
    pub(super) fn fraction(&mut self) -> Option<i32> {
        let (value, digits) = self.digits(1, 9)?;
        value.checked_mul(10_i32.checked_pow(9_u32.checked_sub(digits)?)?)
    }

    pub(super) fn offset(&mut self) -> Option<Offset> {
        if self.take('Z') || self.take('z') {
            return Some(Offset::UTC);
        }
        for name in ["UTC", "GMT"] {
            if let Some(rest) = self.0.strip_prefix(name) {
                self.0 = rest;
                return Some(Offset::UTC);
            }
        }
        let sign = if self.take('+') { 1 } else { self.take('-').then_some(-1)? };
        let hours = self.number(2, 2)?;
        let colon = self.take(':');
        let minutes =
            if colon || self.0.starts_with(|c: char| c.is_ascii_digit()) { self.number(2, 2)? } else { 0 };
        if minutes > 59 {
            return None;
        }
        Offset::from_seconds(sign * (hours * 3600 + minutes * 60)).ok()
    }

    pub(super) fn letters(&mut self) -> Option<String> {
        let count = self.0.bytes().take_while(u8::is_ascii_alphabetic).count();
        let (word, rest) = self.0.split_at(count);
        self.0 = rest;
        (count > 0 && count < 16).then(|| word.to_ascii_lowercase())
    }

    pub(super) fn word(&mut self) -> Option<()> {
        self.letters().map(|_| ())
    }

    pub(super) fn month_name(&mut self) -> Option<i32> {
        let word = self.letters()?;
        let at = MONTHS.iter().position(|month| word.len() >= 3 && month.starts_with(&word))?;
        i32::try_from(at + 1).ok()
    }

    pub(super) fn am_pm(&mut self) -> Option<bool> {
        match self.letters()?.as_str() {
            "am" => Some(false),
            "pm" => Some(true),
            _ => None,
        }
    }
}
