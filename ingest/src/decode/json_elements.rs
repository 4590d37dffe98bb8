use super::{DecodeError, Limits, RawRecord, Source, window::Window};
use memchr::{memchr_iter, memchr2};

/// The elements of one JSON array, or JSON values one after another, each as its text. Only where an element
/// ends is found out here; whether it is sound JSON is for who parses it.
pub(crate) struct JsonElements<S> {
    window: Window<S>,
    /// Line ends consumed so far.
    line: u64,
    expects: Expects,
    in_array: bool,
    max_bytes: usize,
    kept_bytes: usize,
    head: Vec<u8>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Expects {
    /// `[`
    Start,
    /// The first element, or the end.
    FirstOrEnd,
    /// An element.
    Element,
    /// `,` or the end.
    CommaOrEnd,
    /// Nothing but white space.
    Nothing,
}

impl<S: Source> JsonElements<S> {
    /// Reads from a source that stands at byte `offset` after `line` line ends: at the start of the text if `offset` is
    /// where it starts (`resumed` false), else behind an element.
    pub(super) fn new(
        source: S,
        in_array: bool,
        (offset, line, resumed): (u64, u64, bool),
        limits: &Limits,
    ) -> Self {
        let expects = match (in_array, resumed) {
            (true, false) => Expects::Start,
            (true, true) => Expects::CommaOrEnd,
            (false, _) => Expects::Element,
        };
        Self {
            window: Window::new(source, offset),
            line,
            expects,
            in_array,
            max_bytes: limits.record_max_bytes,
            kept_bytes: limits.record_kept_bytes.min(limits.record_max_bytes),
            head: Vec::new(),
        }
    }

    /// Whether they are those of one array.
    pub(super) fn is_array(&self) -> bool {
        self.in_array
    }

    /// Byte behind the last element, and line ends before it.
    pub(super) fn position(&self) -> (u64, u64) {
        (self.window.offset(), self.line)
    }

    /// The next element.
    pub(super) fn next(&mut self) -> Result<Option<RawRecord<'_>>, DecodeError> {
        self.head.clear();
        if !self.come_to_element()? {
            return Ok(None);
        }
        let (offset, line) = (self.window.offset(), self.line + 1);
        let mut scan = Scan::default();
        let mut length = 0_u64;
        let mut scanned = 0;
        loop {
            let (used, complete) = scan.feed(&self.window.data()[scanned..]);
            scanned += used;
            let too_long = length + scanned as u64 > self.max_bytes as u64;
            if too_long && self.head.is_empty() {
                self.head.extend_from_slice(&self.window.data()[..self.kept_bytes.min(scanned)]);
            }
            if complete || too_long {
                self.consume(scanned);
                length += scanned as u64;
                if !complete {
                    scanned = 0;
                }
            }
            if complete || !self.window.more()? {
                break;
            }
        }
        if !scan.ended_at_end_of_text() && self.window.ended() {
            return Err(self.cut_off());
        }
        if length == 0 {
            // A number or word that the end of the text ends.
            self.consume(scanned);
            length = scanned as u64;
        }
        let bytes = if self.head.is_empty() { self.window.consumed(scanned, scanned) } else { &self.head };
        Ok(Some(RawRecord { bytes, offset, line, length }))
    }

    fn consume(&mut self, count: usize) {
        self.line += memchr_iter(b'\n', &self.window.data()[..count]).count() as u64;
        self.window.consume(count);
    }

    /// Consumes what stands between elements; `false` at the end of the last.
    fn come_to_element(&mut self) -> Result<bool, DecodeError> {
        loop {
            let Some(byte) = self.next_visible()? else {
                return if self.in_array && self.expects != Expects::Nothing {
                    Err(self.cut_off())
                } else {
                    Ok(false)
                };
            };
            self.expects = match (self.expects, byte) {
                (Expects::Start, b'[') => Expects::FirstOrEnd,
                (Expects::FirstOrEnd | Expects::CommaOrEnd, b']') => Expects::Nothing,
                (Expects::CommaOrEnd, b',') => Expects::Element,
                (Expects::FirstOrEnd | Expects::Element, byte)
                    if !matches!(byte, b',' | b']' | b'}' | b':') =>
                {
                    self.expects = if self.in_array { Expects::CommaOrEnd } else { Expects::Element };
                    return Ok(true);
                }
                (expects, byte) => return Err(self.unexpected(expects, byte)),
            };
            self.window.consume(1);
        }
    }

    /// The next byte that is no white space, not consumed.
    fn next_visible(&mut self) -> Result<Option<u8>, DecodeError> {
        loop {
            let blank = self.window.data().iter().take_while(|byte| byte.is_ascii_whitespace()).count();
            self.consume(blank);
            if let Some(byte) = self.window.data().first() {
                return Ok(Some(*byte));
            }
            if !self.window.more()? {
                return Ok(None);
            }
        }
    }

    fn cut_off(&self) -> DecodeError {
        let what = if self.in_array { "the JSON array has no end" } else { "the last JSON value has no end" };
        DecodeError::Truncated(what.into())
    }

    fn unexpected(&self, expects: Expects, byte: u8) -> DecodeError {
        let expected = match expects {
            Expects::Start => "`[`",
            Expects::FirstOrEnd => "a value or `]`",
            Expects::Element => "a value",
            Expects::CommaOrEnd => "`,` or `]`",
            Expects::Nothing => "nothing more",
        };
        DecodeError::Damaged(format!(
            "the JSON breaks in line {} at byte {}: expected {expected}, found {:?}",
            self.line + 1,
            self.window.offset(),
            char::from(byte)
        ))
    }
}

/// Finds the end of one JSON value, fed piece by piece.
#[derive(Debug, Default)]
struct Scan {
    depth: u64,
    in_string: bool,
    escaped: bool,
    /// In a number or word: it ends before the first byte that cannot belong to it.
    in_word: bool,
}

impl Scan {
    /// How many of the bytes belong to the value, and whether it ends with them.
    fn feed(&mut self, bytes: &[u8]) -> (usize, bool) {
        let mut at = 0;
        while at < bytes.len() {
            if self.escaped {
                self.escaped = false;
            } else if self.in_string {
                let Some(found) = memchr2(b'"', b'\\', &bytes[at..]) else { return (bytes.len(), false) };
                at += found;
                self.escaped = bytes[at] == b'\\';
                self.in_string = self.escaped;
                if !self.in_string && self.depth == 0 {
                    return (at + 1, true);
                }
            } else {
                match bytes[at] {
                    byte if self.in_word => {
                        if byte.is_ascii_whitespace()
                            || matches!(byte, b',' | b']' | b'}' | b'[' | b'{' | b'"')
                        {
                            return (at, true);
                        }
                    }
                    b'"' => self.in_string = true,
                    b'{' | b'[' => self.depth += 1,
                    b'}' | b']' => {
                        self.depth = self.depth.saturating_sub(1);
                        if self.depth == 0 {
                            return (at + 1, true);
                        }
                    }
                    _ => self.in_word = self.depth == 0,
                }
            }
            at += 1;
        }
        (at, false)
    }

    /// Whether the end of the text may be the end of the value.
    fn ended_at_end_of_text(&self) -> bool {
        self.depth == 0 && !self.in_string
    }
}

#[cfg(test)]
mod tests;
