//! What varies in a text: the values of a JSON document, the words of a message with something beside letters in them,
//! the numbers of a path. Cutting needs no well-formed text: what is between the cuts is kept as it is.

use std::hash::{BuildHasher, Hasher};

/// A part of a text that goes to a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Cut {
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) to: To,
}

/// Where a part of a text goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum To {
    /// To the column of that key.
    Column(u64),
    /// Nowhere: it says what that column of the same document says.
    Copy(u32),
}

/// Cuts of a document that has more are not worth it.
pub(super) const VALUES_MAX: usize = 1_000;
const WORDS_MAX: usize = 64;
const NUMBERS_MAX: usize = 16;
/// A longer text is taken as it is.
const MESSAGE_MAX_BYTES: usize = 16 << 10;

/// Cuts the values out of a JSON text; each goes to the column of its path. Names stay.
pub(super) struct JsonCutter {
    hasher: std::hash::BuildHasherDefault<std::hash::DefaultHasher>,
    parents: Vec<u64>,
}

impl JsonCutter {
    pub(super) fn new() -> Self {
        Self { hasher: Default::default(), parents: Vec::new() }
    }

    fn below(&self, parent: u64, name: &[u8]) -> u64 {
        let mut hasher = self.hasher.build_hasher();
        hasher.write_u64(parent);
        hasher.write(name);
        hasher.finish()
    }

    /// Adds the cuts of a text; one more than [`VALUES_MAX`] where there are too many.
    pub(super) fn cut(&mut self, text: &[u8], cuts: &mut Vec<Cut>) {
        self.parents.clear();
        let (mut parent, mut path, mut at) = (0, 1, 0);
        while let Some(byte) = text.get(at).filter(|_| cuts.len() <= VALUES_MAX) {
            match byte {
                b'"' => {
                    let start = at + 1;
                    let end = string_end(text, start);
                    at = (end + 1).min(text.len());
                    let rest = text.get(at..).unwrap_or_default();
                    let next = rest.iter().find(|byte| !byte.is_ascii_whitespace());
                    if next == Some(&b':') {
                        path = self.below(parent, &text[start..end]);
                    } else {
                        cuts.push(Cut { start, end, to: To::Column(path) });
                    }
                    continue;
                }
                b'{' => {
                    self.parents.push(parent);
                    parent = path;
                }
                b'}' => {
                    path = parent;
                    parent = self.parents.pop().unwrap_or_default();
                }
                byte if is_scalar(*byte) => {
                    let length = text[at..].iter().take_while(|byte| is_scalar(**byte)).count();
                    // Apart from strings under the same path: these have a shape of their own.
                    cuts.push(Cut { start: at, end: at + length, to: To::Column(!path) });
                    at += length;
                    continue;
                }
                _ => {}
            }
            at += 1;
        }
    }
}

fn string_end(text: &[u8], start: usize) -> usize {
    let mut at = start;
    while let Some(found) = memchr::memchr2(b'"', b'\\', text.get(at..).unwrap_or_default()) {
        at += found;
        if text[at] == b'"' {
            return at;
        }
        at += 2;
    }
    text.len()
}

fn is_scalar(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.')
}

fn ends_word(byte: u8) -> bool {
    byte.is_ascii_whitespace() || b"\"'\\,;=()[]{}<>|&?".contains(&byte)
}

/// Cuts those words out of a message that something else in the document says too, or that are not letters alone.
pub(super) fn cut_words(text: &[u8], copy: impl Fn(&[u8]) -> Option<u32>, cuts: &mut Vec<Cut>) {
    if text.len() > MESSAGE_MAX_BYTES {
        return cuts.push(Cut { start: 0, end: text.len(), to: To::Column(0) });
    }
    let (mut at, mut number) = (0, 0);
    while at < text.len() {
        let length = text[at..].iter().take_while(|byte| !ends_word(**byte)).count();
        if length == 0 {
            at += 1;
            continue;
        }
        let mut end = at + length;
        while end > at && matches!(text[end - 1], b':' | b'.') {
            end -= 1;
        }
        let word = &text[at..end];
        number += 1;
        if number > WORDS_MAX {
            return cuts.push(Cut { start: at, end: text.len(), to: To::Column(number as u64) });
        }
        match copy(word) {
            Some(column) => cuts.push(Cut { start: at, end, to: To::Copy(column) }),
            None if word.iter().all(u8::is_ascii_alphabetic) => {}
            None => cuts.push(Cut { start: at, end, to: To::Column(number as u64) }),
        }
        at += length;
    }
}

/// Cuts all numbers out of a text.
pub(super) fn cut_numbers(text: &[u8], cuts: &mut Vec<Cut>) {
    let mut at = 0;
    while at < text.len() && cuts.len() < NUMBERS_MAX {
        let length = text[at..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        if length == 0 {
            at += 1;
            continue;
        }
        let to = To::Column(cuts.len() as u64);
        cuts.push(Cut { start: at, end: at + length, to });
        at += length;
    }
}
