use super::{
    DecodeError, Limits, RawRecord, Source,
    framing::LineStart,
    lines::Lines,
    table::open_quote,
    traces::{TraceRule, TraceState},
};
use std::collections::VecDeque;

/// Most lines of one record. What follows them begins a record of its own.
const LINES_MAX: usize = 2_000;
/// Most blank lines that are looked past for the next line of a record.
const BLANKS_MAX: usize = 20;
/// A quoted field of a table may go over so many lines and bytes. A quote that is not closed within them is none: it
/// must not swallow the rest of the file.
const QUOTED_LINES_MAX: usize = 200;
const QUOTED_MAX_BYTES: usize = 64 * 1024;

/// Which lines make a record together.
pub(super) enum JoinRule {
    /// Stack traces with what they belong to.
    Traces(TraceRule),
    /// All lines up to the next of which this holds.
    Starts(LineStart),
    /// Lines parted inside a quoted field, with the sign that parts fields.
    Quotes(u8),
}

/// Records of one line or several, joined by LF.
///
/// *Invariant*: which lines belong to a record depends on these lines and the one behind them only, so that reading can
/// begin at any record.
pub(super) struct Joined<S> {
    lines: Lines<S>,
    rule: JoinRule,
    /// Lines that were read and belong to no record yet.
    ahead: VecDeque<Line>,
    /// What ended the reading while there were lines ahead.
    failed: Option<DecodeError>,
    /// Number of the line before which none that is ahead ends a quoted field: no line is looked through twice.
    unclosed: u64,
    /// Lines that were looked through for the end of a quoted field.
    #[cfg(test)]
    looked_through: usize,
    /// The record at hand.
    record: Line,
    max_bytes: usize,
    /// Buffers to be used again.
    spare: Vec<Vec<u8>>,
}

#[derive(Default)]
struct Line {
    bytes: Vec<u8>,
    offset: u64,
    number: u64,
    length: u64,
}

impl Line {
    fn is_blank(&self) -> bool {
        self.bytes.iter().all(u8::is_ascii_whitespace) && !self.is_too_long()
    }

    fn is_too_long(&self) -> bool {
        self.length > self.bytes.len() as u64
    }
}

impl<S: Source> Joined<S> {
    pub(super) fn new(lines: Lines<S>, rule: JoinRule, limits: &Limits) -> Self {
        Self {
            lines,
            rule,
            ahead: VecDeque::new(),
            failed: None,
            unclosed: 0,
            #[cfg(test)]
            looked_through: 0,
            record: Line::default(),
            max_bytes: limits.record_max_bytes,
            spare: Vec::new(),
        }
    }

    /// The next record.
    pub(super) fn next(&mut self) -> Result<Option<RawRecord<'_>>, DecodeError> {
        loop {
            if !self.fill(0)? {
                return match self.failed.take() {
                    Some(error) => Err(error),
                    None => Ok(None),
                };
            }
            let Some(first) = self.ahead.pop_front() else { return Ok(None) };
            self.spare.push(std::mem::replace(&mut self.record, first).bytes);
            if !self.record.is_blank() {
                break;
            }
        }
        if !self.record.is_too_long() {
            match &self.rule {
                JoinRule::Quotes(delimiter) => self.join_quoted(*delimiter)?,
                JoinRule::Traces(_) | JoinRule::Starts(_) => self.join_following()?,
            }
        }
        let Line { bytes, offset, number, length } = &self.record;
        Ok(Some(RawRecord { bytes, offset: *offset, line: *number, length: *length }))
    }

    /// What is left of a line when the source failed in it.
    pub(super) fn rest(&self) -> Option<RawRecord<'_>> {
        self.lines.rest()
    }

    /// Byte and number of lines at which the next record starts, or blank lines before it.
    pub(super) fn position(&self) -> (u64, u64) {
        match self.ahead.front() {
            Some(line) => (line.offset, line.number - 1),
            None => self.lines.position(),
        }
    }

    /// Whether there is a line ahead at that place, after reading as far as needed. A failure counts as the end until
    /// all lines before it are records.
    fn fill(&mut self, place: usize) -> Result<bool, DecodeError> {
        while self.ahead.len() <= place {
            if self.failed.is_some() {
                return Ok(false);
            }
            match self.lines.next_any() {
                Ok(Some(found)) => {
                    let mut bytes = self.spare.pop().unwrap_or_default();
                    bytes.clear();
                    bytes.extend_from_slice(found.bytes);
                    let RawRecord { offset, line: number, length, .. } = found;
                    self.ahead.push_back(Line { bytes, offset, number, length });
                }
                Ok(None) => return Ok(false),
                Err(error) if error.keeps_what_was_read() => self.failed = Some(error),
                Err(error) => return Err(error),
            }
        }
        Ok(true)
    }

    /// Adds the lines that go on with the record.
    fn join_following(&mut self) -> Result<(), DecodeError> {
        let mut state = TraceState::begin(&self.record.bytes);
        let mut joined = 1;
        loop {
            let Some(blanks) = self.blanks_ahead()? else { return Ok(()) };
            let Some(line) = self.ahead.get(blanks) else { return Ok(()) };
            let grown = self.record.bytes.len() + blanks + 1 + line.bytes.len();
            if line.is_too_long() || grown > self.max_bytes || joined + blanks + 1 > LINES_MAX {
                return Ok(());
            }
            let goes_on = match &self.rule {
                JoinRule::Traces(rule) => rule.goes_on(&mut state, &line.bytes),
                JoinRule::Starts(begins) => !begins(&String::from_utf8_lossy(&line.bytes)),
                JoinRule::Quotes(_) => false,
            };
            if !goes_on {
                return Ok(());
            }
            joined += blanks + 1;
            self.take(blanks + 1);
        }
    }

    /// How many blank lines are ahead before the next that is none; `None` if there is no such line near.
    fn blanks_ahead(&mut self) -> Result<Option<usize>, DecodeError> {
        for place in 0..=BLANKS_MAX {
            if !self.fill(place)? {
                return Ok(None);
            }
            if self.ahead.get(place).is_some_and(|line| !line.is_blank()) {
                return Ok(Some(place));
            }
        }
        Ok(None)
    }

    /// Adds the lines up to the end of a quoted field that the record ends in.
    fn join_quoted(&mut self, delimiter: u8) -> Result<(), DecodeError> {
        if !open_quote(&self.record.bytes, delimiter, false) {
            return Ok(());
        }
        let (start, next) = (self.record.offset, self.record.number + 1);
        let mut place = usize::try_from(self.unclosed.saturating_sub(next)).unwrap_or(usize::MAX);
        while place < QUOTED_LINES_MAX && self.fill(place)? {
            let Some(line) = self.ahead.get(place) else { return Ok(()) };
            let bytes = line.offset + line.length - start;
            if line.is_too_long() || bytes > QUOTED_MAX_BYTES.min(self.max_bytes) as u64 {
                return Ok(());
            }
            place += 1;
            #[cfg(test)]
            {
                self.looked_through += 1;
            }
            if !open_quote(&line.bytes, delimiter, true) {
                self.take(place);
                return Ok(());
            }
            self.unclosed = next + place as u64;
        }
        Ok(())
    }

    /// Adds so many lines from ahead to the record.
    fn take(&mut self, lines: usize) {
        for line in self.ahead.drain(..lines) {
            self.record.bytes.push(b'\n');
            self.record.bytes.extend_from_slice(&line.bytes);
            self.spare.push(line.bytes);
        }
        self.record.length = self.record.bytes.len() as u64;
    }
}

#[cfg(test)]
mod tests;
