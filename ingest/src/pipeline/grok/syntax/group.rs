//! What stands in parentheses.

use super::{Assertion, Flags, Reader, Translator};
use std::mem;

/// What an opening parenthesis gave.
pub(super) enum Opened {
    /// A group, which may be repeated.
    Atom,
    /// A comment.
    Nothing,
    /// Options for the rest of the group around.
    Options(Flags),
}

impl Translator<'_> {
    /// A group, its parenthesis taken already.
    pub(super) fn group(
        &mut self,
        reader: &mut Reader<'_>,
        flags: Flags,
        at: usize,
    ) -> Result<Opened, String> {
        if !reader.eat("?") || reader.eat(":") {
            self.push("(?:")?;
            return self.rest(reader, flags, at);
        }
        for (sign, ahead, negative) in
            [("=", true, false), ("!", true, true), ("<=", false, false), ("<!", false, true)]
        {
            if reader.eat(sign) {
                return self.assertion(reader, flags, (ahead, negative), at);
            }
        }
        if reader.eat(">") {
            let open = self.atomic(&format!("the atomic group \"(?>\" {}", self.place(reader, at)));
            self.push(&open)?;
            return self.rest(reader, flags, at);
        }
        if reader.eat("#") {
            reader.until(')').ok_or_else(|| self.unclosed(reader, at))?;
            return Ok(Opened::Nothing);
        }
        for (open, close) in [("<", '>'), ("'", '\'')] {
            if reader.eat(open) {
                let name = reader.until(close).unwrap_or("");
                if name.is_empty()
                    || name.starts_with(|c: char| c.is_ascii_digit())
                    || name.contains(['(', ')'])
                {
                    return Err(format!("invalid group name <{name}> {}", self.place(reader, at)));
                }
                self.capture(name)?;
                return self.rest(reader, flags, at);
            }
        }
        self.options(reader, flags, at)
    }

    fn unclosed(&self, reader: &Reader<'_>, at: usize) -> String {
        format!("end pattern with unmatched parenthesis {}", self.place(reader, at))
    }

    /// The inside of a group and its end.
    fn rest(&mut self, reader: &mut Reader<'_>, flags: Flags, at: usize) -> Result<Opened, String> {
        self.sequence(reader, flags)?;
        if !reader.eat(")") {
            return Err(self.unclosed(reader, at));
        }
        self.push(")")?;
        Ok(Opened::Atom)
    }

    /// `(?i)`, `(?i-m)`, `(?i:…)`.
    fn options(&mut self, reader: &mut Reader<'_>, flags: Flags, at: usize) -> Result<Opened, String> {
        let (mut changed, mut on) = (flags, true);
        loop {
            match reader.next() {
                Some('-') => on = false,
                Some('i') => changed.ignore_case = on,
                Some('m') => changed.dot_all = on,
                Some('x') => changed.extended = on,
                Some(')') => return Ok(Opened::Options(changed)),
                Some(':') => {
                    self.push(changed.open())?;
                    return self.rest(reader, changed, at);
                }
                _ => {
                    let place = self.place(reader, at);
                    return Err(format!(
                        "undefined group option {place}: known are (?:…), (?<name>…), (?#…), (?=…), (?!…), (?<=…), \
                         (?<!…), (?>…) and the options i, m and x"
                    ));
                }
            }
        }
    }

    /// Opens a group that must prove harmless.
    pub(super) fn atomic(&mut self, what: &str) -> String {
        self.out.atomics.push(what.to_owned());
        format!("(?P<k{}>", self.out.atomics.len() - 1)
    }

    fn assertion(
        &mut self,
        reader: &mut Reader<'_>,
        flags: Flags,
        (ahead, negative): (bool, bool),
        at: usize,
    ) -> Result<Opened, String> {
        let sign = reader.text.get(at..reader.at).unwrap_or("");
        let what = if ahead { "look-ahead" } else { "look-behind" };
        let place = format!("the {what} \"{sign}\" {}", self.place(reader, at));
        let before = (self.out.groups, self.out.assertions.len(), self.out.atomics.len());
        let outer = mem::take(&mut self.out.text);
        self.sequence(reader, flags)?;
        let body = mem::replace(&mut self.out.text, outer);
        if !reader.eat(")") {
            return Err(self.unclosed(reader, at));
        }
        let number = self.out.groups;
        if number == before.0 + 1
            && ahead
            && !negative
            && !flags.dot_all
            && body == format!("(?P<c{number}>.*)")
        {
            self.out.to_line_end.push(number);
            self.push(&format!("(?P<c{number}>)"))?;
            return Ok(Opened::Atom);
        }
        if before != (number, self.out.assertions.len(), self.out.atomics.len()) {
            return Err(format!(
                "{place} holds fields, look-around or an atomic group: patterns run in linear time, and look-around is \
                 for plain text there, or for all of the line as one field"
            ));
        }
        let body = format!("{}{body})", flags.open());
        self.push_assertion(Assertion { ahead, negative, body, place })?;
        Ok(Opened::Atom)
    }

    pub(super) fn push_assertion(&mut self, assertion: Assertion) -> Result<(), String> {
        self.out.assertions.push(assertion);
        self.push(&format!("(?P<a{}>)", self.out.assertions.len() - 1))
    }
}
