//! All matches of a regex in a text, found with bounded work.

use super::super::work::{Odometer, Reads};
use regex::Regex;

/// Longest text that replacing may make: a short match may become a long text, many times.
const REPLACED_MAX_BYTES: usize = 16 << 20;

/// A regex of which all matches in a text are wanted.
pub(super) struct AllMatches {
    regex: Regex,
    odometer: Odometer,
}

impl AllMatches {
    pub(super) fn new(regex: Regex) -> Self {
        Self { regex, odometer: Odometer::default() }
    }

    /// Calls `take` with each of the matches, in their order.
    fn each<M>(
        &self,
        text: &str,
        matches: impl Iterator<Item = M>,
        mut take: impl FnMut(M) -> Result<usize, String>,
    ) -> Result<(), String> {
        let (mut reads, mut matches, mut from) = (Reads::of(text), matches, 0);
        loop {
            self.odometer.count(&mut reads, from, || regex_syntax::parse(self.regex.as_str()).ok())?;
            match matches.next() {
                Some(found) => from = take(found)?,
                None => return Ok(()),
            }
        }
    }

    /// The text between the matches.
    ///
    /// # Errors
    /// It takes too much work.
    pub(super) fn split<'t>(&self, text: &'t str) -> Result<Vec<&'t str>, String> {
        let (mut parts, mut done) = (Vec::new(), 0);
        self.each(text, self.regex.find_iter(text), |found| {
            parts.push(text.get(done..found.start()).unwrap_or(""));
            done = found.end();
            Ok(done)
        })?;
        parts.push(text.get(done..).unwrap_or(""));
        Ok(parts)
    }

    /// The text with each match replaced; `$1` and `${name}` in the replacement stand for groups.
    ///
    /// # Errors
    /// It takes too much work, or the text grows too long.
    pub(super) fn replace(&self, text: &str, replacement: &str) -> Result<String, String> {
        let (mut out, mut done) = (String::new(), 0);
        let mut put = |found: regex::Match<'_>, write: &dyn Fn(&mut String)| {
            out.push_str(text.get(done..found.start()).unwrap_or(""));
            write(&mut out);
            if out.len() > REPLACED_MAX_BYTES {
                return Err(format!("the text grows to more than {REPLACED_MAX_BYTES} bytes"));
            }
            done = found.end();
            Ok(done)
        };
        if replacement.contains('$') {
            self.each(text, self.regex.captures_iter(text), |groups| {
                put(groups.get_match(), &|out| groups.expand(replacement, out))
            })?;
        } else {
            // Where nobody asks for groups, finding is several times as fast.
            self.each(text, self.regex.find_iter(text), |found| {
                put(found, &|out| out.push_str(replacement))
            })?;
        }
        out.push_str(text.get(done..).unwrap_or(""));
        Ok(out)
    }
}
