//! A message without its values.

use super::{
    mask::{Mask, is_date_name, is_unit, mask},
    words::{begins_word, is_space, word_at},
};

/// What stands for a value in a pattern.
pub const WILDCARD: &str = "<*>";
/// So many words a pattern has at most: one bit each in [`u64`].
pub(super) const TOKENS_MAX: usize = 64;
/// So long a pattern is at most, in bytes. What goes on is one wildcard more.
pub(super) const TEXT_MAX_BYTES: usize = 512;
/// So much of a message is looked at.
const MESSAGE_MAX_BYTES: usize = 4_096;

/// The first line of a message with wildcards for what looks like a value. Depends on nothing but the message.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct Skeleton {
    pub(super) text: String,
    /// Where its words are.
    pub(super) tokens: Vec<Token>,
}

/// Where a word stands in the text of its skeleton, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) start: u16,
    pub(super) end: u16,
}

impl Token {
    pub(super) fn of(self, text: &str) -> &str {
        text.get(usize::from(self.start)..usize::from(self.end)).unwrap_or_default()
    }
}

impl Skeleton {
    /// Reads a message in place of the last one.
    pub(super) fn read(&mut self, message: &str) {
        self.text.clear();
        self.tokens.clear();
        let message = &message[..message.floor_char_boundary(MESSAGE_MAX_BYTES)];
        let message = message.trim_start();
        let line = message.find(['\n', '\r']).map_or(message, |end| &message[..end]).trim_end();
        let bytes = line.as_bytes();
        let mut at = 0;
        while at < bytes.len() {
            if !begins_word(bytes, at) {
                at = self.push_between(bytes, at);
                continue;
            }
            let (end, marks) = word_at(bytes, at);
            let (word, rest) = (&line[at..end], &line[end..]);
            // Room for the wildcard of what goes on.
            if self.tokens.len() + 1 >= TOKENS_MAX || self.is_full(word.len() + 1) {
                break;
            }
            if is_date_name(word, rest) {
                self.push_value();
            } else {
                self.push_word(word, mask(word, marks));
            }
            at = end;
            let nothing_follows = bytes.get(at + 1).is_none_or(|byte| is_space(*byte));
            if bytes.get(at) == Some(&b'=') && nothing_follows && !self.is_full(1) {
                self.text.push('=');
                self.push_value();
                at += 1;
            }
        }
        if at < bytes.len() {
            self.push_value();
        }
        self.text.truncate(self.text.trim_end().len());
    }

    /// Whether there is no room for so many bytes and two wildcards.
    fn is_full(&self, more: usize) -> bool {
        self.text.len() + more + 2 * WILDCARD.len() > TEXT_MAX_BYTES
    }

    /// Takes over what stands between words; answers where it ends.
    fn push_between(&mut self, bytes: &[u8], at: usize) -> usize {
        let byte = bytes[at];
        if is_space(byte) {
            if !self.text.ends_with(' ') && !self.is_full(1) {
                self.text.push(' ');
            }
            return at + 1;
        }
        if self.is_full(2) {
            return at + 1;
        }
        if bytes[at..].starts_with(WILDCARD.as_bytes()) {
            self.push_value();
            return at + WILDCARD.len();
        }
        let is_value = self.text.ends_with([' ', '=']);
        self.text.push(char::from(byte));
        // A value of no words: `from 10.0.0.1 ()` is like `from 10.0.0.1 (host)`.
        let closing = match byte {
            b'(' => b')',
            b'[' => b']',
            b'"' => b'"',
            _ => return at + 1,
        };
        if !is_value || bytes.get(at + 1) != Some(&closing) {
            return at + 1;
        }
        self.push_value();
        self.text.push(char::from(closing));
        at + 2
    }

    fn push_word(&mut self, word: &str, mask: Mask) {
        let name = match mask {
            Mask::Variable => return self.push_value(),
            Mask::Constant if self.text.ends_with("<*> ") && is_unit(word) => {
                self.text.pop();
                return;
            }
            Mask::Constant => {
                let start = self.text.len();
                self.text.push_str(word);
                return self.push_token(start);
            }
            Mask::Named(length) => &word[..length],
        };
        if self.repeats(|last| last.strip_suffix(WILDCARD) == Some(name)) {
            return;
        }
        let start = self.text.len();
        self.text.push_str(name);
        self.text.push_str(WILDCARD);
        self.push_token(start);
    }

    fn push_value(&mut self) {
        if self.tokens.len() >= TOKENS_MAX || self.repeats(|last| last == WILDCARD) {
            return;
        }
        let start = self.text.len();
        self.text.push_str(WILDCARD);
        self.push_token(start);
    }

    fn push_token(&mut self, start: usize) {
        // Both fit: texts are short.
        let (Ok(start), Ok(end)) = (u16::try_from(start), u16::try_from(self.text.len())) else { return };
        self.tokens.push(Token { start, end });
    }

    /// Whether the word that comes is another of the same list of values, however many these are; then nothing of it is kept.
    fn repeats(&mut self, is_same: impl Fn(&str) -> bool) -> bool {
        let Some(last) = self.tokens.last() else { return false };
        let end = usize::from(last.end);
        let between = self.text.get(end..).unwrap_or_default();
        let repeats = matches!(between, " " | "," | ", ") && is_same(last.of(&self.text));
        if repeats {
            self.text.truncate(end);
        }
        repeats
    }
}

/// What stands between the words of a skeleton: messages of one pattern agree in it.
pub(super) fn shape_of(skeleton: &str, tokens: &[Token], shape: &mut String) {
    shape.clear();
    let mut at = 0;
    for token in tokens {
        shape.push_str(skeleton.get(at..usize::from(token.start)).unwrap_or_default());
        shape.push('\0');
        at = usize::from(token.end);
    }
    shape.push_str(skeleton.get(at..).unwrap_or_default());
}
