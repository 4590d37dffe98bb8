//! Methods of strings. Positions count UTF-16 units, as in Java.

use super::super::error::RunError;
use super::super::eval::{null_access, out_of_bounds};
use super::super::machine::{Machine, Ran};
use super::super::names::Method;
use super::super::number::Num;
use super::super::value::{Text, Val};
use super::Arguments;
use std::cmp::Ordering;

impl<'a> Machine<'a> {
    pub(super) fn call_text(
        &mut self,
        text: &Text<'a>,
        method: Method,
        arguments: &Arguments<'a>,
        at: u32,
    ) -> Ran<Val<'a>> {
        self.spend(text.len() / 64, at)?;
        let needle = |machine: &Self, value: &Val<'a>| match value {
            Val::Text(text) => Ok(text.clone()),
            Val::Char(unit) => Ok(Text::from(String::from_utf16_lossy(&[*unit]))),
            Val::Null => Err(null_access(method.name(), at)),
            other => Err(machine.cannot_cast(other, "string", at)),
        };
        Ok(match method {
            Method::Contains => Val::Bool(text.contains(&*needle(self, arguments.first())?)),
            Method::StartsWith => {
                let from = self.unit(arguments.second(), at)?;
                let start = &*needle(self, arguments.first())?;
                Val::Bool(byte_of(text, from).is_some_and(|from| text[from..].starts_with(start)))
            }
            Method::EndsWith => Val::Bool(text.ends_with(&*needle(self, arguments.first())?)),
            Method::EqualsIgnoreCase => {
                let other = arguments.first();
                Val::Bool(matches!(other, Val::Text(other) if compare_ignoring_case(text, other).is_eq()))
            }
            Method::CompareTo => Val::Int(compared(text, &needle(self, arguments.first())?)),
            Method::CompareToIgnoreCase => {
                Val::Int(compare_ignoring_case(text, &needle(self, arguments.first())?) as i32)
            }
            Method::IndexOf => {
                let from = self.unit(arguments.second(), at)?;
                found(text, find(text, &needle(self, arguments.first())?, from))
            }
            Method::LastIndexOf => {
                let upto = if arguments.count > 1 { self.unit(arguments.second(), at)? } else { usize::MAX };
                found(text, find_last(text, &needle(self, arguments.first())?, upto))
            }
            Method::Length | Method::GetLength => Val::count(units(text)),
            Method::IsEmpty => Val::Bool(text.is_empty()),
            Method::HashCode => Val::Int(hash(text)),
            Method::CharAt | Method::CodePointAt => self.char_at(text, method, arguments, at)?,
            Method::ToLowerCase => return self.made_text(text.to_lowercase(), at),
            Method::ToUpperCase => return self.made_text(text.to_uppercase(), at),
            // Java's trim takes away all up to the space.
            Method::Trim => {
                let trimmed = text.trim_matches(|c: char| c <= ' ');
                return self.part(
                    text,
                    trimmed.as_ptr() as usize - text.as_ptr() as usize,
                    trimmed.len(),
                    at,
                );
            }
            Method::Concat => {
                let other = needle(self, arguments.first())?;
                return self.made_text(format!("{}{}", &**text, &*other), at);
            }
            Method::Replace => {
                let (old, new) = (needle(self, arguments.first())?, needle(self, arguments.second())?);
                return self.replace(text, &old, &new, at);
            }
            Method::Substring | Method::SubSequence => return self.substring(text, arguments, at),
            Method::SplitOnToken => {
                let token = needle(self, arguments.first())?;
                return self.split(text, &token, arguments.second(), at);
            }
            _ => return Err(self.no_member(&Val::Text(text.clone()), method.name(), at)),
        })
    }

    /// A position among the arguments; an absent one is the start.
    fn unit(&self, value: &Val<'a>, at: u32) -> Ran<usize> {
        match (Num::of(value), value) {
            (Some(Num::Int(unit)), _) => Ok(usize::try_from(unit).unwrap_or(0)),
            (_, Val::Null) => Ok(0),
            _ => Err(self.cannot_cast(value, "int", at)),
        }
    }

    fn char_at(
        &mut self,
        text: &Text<'a>,
        method: Method,
        arguments: &Arguments<'a>,
        at: u32,
    ) -> Ran<Val<'a>> {
        let index = self.index_of(arguments.first(), at)?;
        let place = usize::try_from(index).ok();
        let found = place.and_then(|place| {
            if method == Method::CharAt {
                return text.encode_utf16().nth(place).map(Val::Char);
            }
            let start = byte_of(text, place)?;
            text[start..].chars().next().map(|c| Val::Int((c as u32).cast_signed()))
        });
        found.ok_or_else(|| out_of_bounds(index, units(text), at))
    }

    fn index_of(&self, value: &Val<'a>, at: u32) -> Ran<i64> {
        match Num::of(value) {
            Some(Num::Int(index)) => Ok(i64::from(index)),
            _ => Err(self.cannot_cast(value, "int", at)),
        }
    }

    fn substring(&mut self, text: &Text<'a>, arguments: &Arguments<'a>, at: u32) -> Ran<Val<'a>> {
        let length = units(text);
        let from = self.index_of(arguments.first(), at)?;
        let to = if arguments.count > 1 { self.index_of(arguments.second(), at)? } else { length as i64 };
        let place = |unit: i64| usize::try_from(unit).ok().and_then(|unit| byte_of(text, unit));
        match (place(from), place(to)) {
            (Some(start), Some(end)) if start <= end => self.part(text, start, end - start, at),
            _ => {
                let reason = format!("begin {from}, end {to}, length {length}");
                Err(RunError::boxed("string_index_out_of_bounds_exception", at, reason))
            }
        }
    }

    /// A part of a text; of the document's it costs nothing.
    fn part(&mut self, text: &Text<'a>, start: usize, length: usize, at: u32) -> Ran<Val<'a>> {
        match text {
            Text::Borrowed(text) => Ok(Val::Text(Text::Borrowed(&text[start..start + length]))),
            Text::Shared(text) => self.made_text(text[start..start + length].to_owned(), at),
        }
    }

    fn replace(&mut self, text: &Text<'a>, old: &str, new: &str, at: u32) -> Ran<Val<'a>> {
        // Counted before it is made: each of many short texts may become a long one.
        let times = text.matches(old).count();
        self.charge(times.saturating_mul(new.len()), at)?;
        self.made_text(text.replace(old, new), at)
    }

    /// Painless' `splitOnToken`, with a limit on the number of parts.
    fn split(&mut self, text: &Text<'a>, token: &str, limit: &Val<'a>, at: u32) -> Ran<Val<'a>> {
        if token.is_empty() {
            return self.new_list(vec![Val::Text(text.clone())], at);
        }
        let limit = match self.unit(limit, at)? {
            0 => usize::MAX,
            limit => limit,
        };
        let mut parts = Vec::new();
        let mut start = 0;
        while parts.len() + 1 < limit
            && let Some(length) = text[start..].find(token)
        {
            self.spend(1, at)?;
            parts.push(self.part(text, start, length, at)?);
            start += length + token.len();
        }
        parts.push(self.part(text, start, text.len() - start, at)?);
        self.new_list(parts, at)
    }
}

/// UTF-16 units of a text.
fn units(text: &str) -> usize {
    if text.is_ascii() { text.len() } else { text.encode_utf16().count() }
}

/// The byte at which a UTF-16 unit begins (of the second half of a pair: the pair); `None` past the end.
fn byte_of(text: &str, unit: usize) -> Option<usize> {
    if text.is_ascii() {
        return (unit <= text.len()).then_some(unit);
    }
    let mut seen = 0;
    for (byte, c) in text.char_indices() {
        if unit < seen + c.len_utf16() {
            return Some(byte);
        }
        seen += c.len_utf16();
    }
    (unit == seen).then_some(text.len())
}

/// A byte as a position, or -1.
fn found<'a>(text: &str, byte: Option<usize>) -> Val<'a> {
    byte.map_or(Val::Int(-1), |byte| Val::count(units(&text[..byte])))
}

fn find(text: &str, needle: &str, from: usize) -> Option<usize> {
    let from = byte_of(text, from)?;
    text[from..].find(needle).map(|byte| byte + from)
}

fn find_last(text: &str, needle: &str, upto: usize) -> Option<usize> {
    let start = byte_of(text, upto).unwrap_or(text.len());
    // The match may begin there at the latest.
    let end = start.saturating_add(needle.len()).min(text.len());
    let end = (0..=end).rev().find(|end| text.is_char_boundary(*end))?;
    text[..end].rfind(needle)
}

fn compare_ignoring_case(left: &str, right: &str) -> Ordering {
    left.to_lowercase().cmp(&right.to_lowercase())
}

/// Java's `compareTo`: the difference of the first units that differ, or of the lengths.
fn compared(left: &str, right: &str) -> i32 {
    let differing = left.encode_utf16().zip(right.encode_utf16()).find(|(a, b)| a != b);
    match differing {
        Some((a, b)) => i32::from(a) - i32::from(b),
        None => i32::try_from(units(left) as i64 - units(right) as i64).unwrap_or(0),
    }
}

/// Java's hash of a string.
fn hash(text: &str) -> i32 {
    text.encode_utf16().fold(0i32, |hash, unit| hash.wrapping_mul(31).wrapping_add(i32::from(unit)))
}
