use super::{DecodeError, Limits, RawRecord, Source, window::Window};
use memchr::memchr2;

/// The lines of a text that are not blank. A line ends at LF, CR LF, a lone CR (as old Macs wrote), or the end.
pub(crate) struct Lines<S> {
    window: Window<S>,
    /// Lines consumed so far, blank ones included.
    line: u64,
    max_bytes: usize,
    kept_bytes: usize,
    /// Start of a line that is too long.
    head: Vec<u8>,
}

/// A line that was consumed and where its bytes are.
struct Found {
    offset: u64,
    length: u64,
    place: Place,
}

enum Place {
    /// In the window: bytes consumed (with the line's end), bytes of the line.
    Window(usize, usize),
    /// In `head`.
    Head,
}

impl<S: Source> Lines<S> {
    /// Reads from a source that stands at byte `offset`, the start of a line, after `line` lines.
    pub(super) fn new(source: S, offset: u64, line: u64, limits: &Limits) -> Self {
        Self {
            window: Window::new(source, offset),
            line,
            max_bytes: limits.record_max_bytes,
            kept_bytes: limits.record_kept_bytes.min(limits.record_max_bytes),
            head: Vec::new(),
        }
    }

    /// The next line that is not blank.
    pub(super) fn next(&mut self) -> Result<Option<RawRecord<'_>>, DecodeError> {
        loop {
            let Some(found) = self.advance()? else { return Ok(None) };
            self.line += 1;
            if !self.bytes(&found).iter().all(u8::is_ascii_whitespace) || found.length > self.max_bytes as u64
            {
                return Ok(Some(self.record(&found)));
            }
        }
    }

    /// The next line, blank or not.
    pub(super) fn next_any(&mut self) -> Result<Option<RawRecord<'_>>, DecodeError> {
        let Some(found) = self.advance()? else { return Ok(None) };
        self.line += 1;
        Ok(Some(self.record(&found)))
    }

    fn record(&self, found: &Found) -> RawRecord<'_> {
        RawRecord { bytes: self.bytes(found), offset: found.offset, line: self.line, length: found.length }
    }

    /// What is left of a line when the source failed in it.
    pub(super) fn rest(&self) -> Option<RawRecord<'_>> {
        let (bytes, length) = if self.head.is_empty() {
            (self.window.data(), self.window.data().len() as u64)
        } else {
            (self.head.as_slice(), self.head.len() as u64 + self.window.data().len() as u64)
        };
        let bytes = &bytes[..bytes.len().min(self.kept_bytes)];
        let blank = bytes.iter().all(u8::is_ascii_whitespace);
        (!blank).then(|| RawRecord { bytes, offset: self.window.offset(), line: self.line + 1, length })
    }

    /// Byte and number of lines at which the next line starts.
    pub(super) fn position(&self) -> (u64, u64) {
        (self.window.offset(), self.line)
    }

    fn bytes(&self, found: &Found) -> &[u8] {
        match found.place {
            Place::Window(consumed, length) => self.window.consumed(consumed, length.min(self.cut(length))),
            Place::Head => &self.head,
        }
    }

    /// How many bytes of a line are shown: all, or the first few if it is too long.
    fn cut(&self, length: usize) -> usize {
        if length > self.max_bytes { self.kept_bytes } else { length }
    }

    fn advance(&mut self) -> Result<Option<Found>, DecodeError> {
        self.head.clear();
        let offset = self.window.offset();
        let mut searched = 0;
        loop {
            if let Some((length, end)) = self.line_end(searched)? {
                self.window.consume(end);
                return Ok(Some(Found { offset, length: length as u64, place: Place::Window(end, length) }));
            }
            searched = self.window.data().len();
            if searched > self.max_bytes {
                return self.advance_too_long(offset).map(Some);
            }
            if !self.window.more()? {
                if searched == 0 {
                    return Ok(None);
                }
                self.window.consume(searched);
                let place = Place::Window(searched, searched);
                return Ok(Some(Found { offset, length: searched as u64, place }));
            }
        }
    }

    /// Length of the line at the start of the window and where the next begins, if its end is in the window.
    fn line_end(&mut self, searched: usize) -> Result<Option<(usize, usize)>, DecodeError> {
        let data = self.window.data();
        let Some(at) = memchr2(b'\n', b'\r', &data[searched..]).map(|at| searched + at) else {
            return Ok(None);
        };
        if data[at] == b'\n' {
            return Ok(Some((at, at + 1)));
        }
        // CR: whether LF follows decides where the next line begins.
        if at + 1 == data.len() {
            self.window.more()?;
        }
        let follows = self.window.data().get(at + 1) == Some(&b'\n');
        Ok(Some((at, at + 1 + usize::from(follows))))
    }

    /// Consumes a line of which more than the most allowed is in the window, keeping only its start.
    fn advance_too_long(&mut self, offset: u64) -> Result<Found, DecodeError> {
        self.head.extend_from_slice(&self.window.data()[..self.kept_bytes]);
        let mut length = 0;
        loop {
            if let Some((part, end)) = self.line_end(0)? {
                self.window.consume(end);
                return Ok(Found { offset, length: length + part as u64, place: Place::Head });
            }
            let part = self.window.data().len();
            length += part as u64;
            self.window.consume(part);
            if !self.window.more()? {
                return Ok(Found { offset, length, place: Place::Head });
            }
        }
    }
}

#[cfg(test)]
mod tests;
