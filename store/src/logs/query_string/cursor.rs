use super::ast::{Leaf, Node};
use super::{DEPTH_MAX, LEAVES_MAX, SyntaxError, TEXT_MAX_BYTES};

/// Characters that print with a backslash before them.
pub(super) fn is_special(character: char) -> bool {
    "+-!(){}[]^\"~*?:\\/&|<>=".contains(character) || character.is_whitespace()
}

/// Which characters end a word, beside whitespace, brackets and suffixes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum WordPlace {
    /// May turn out to be a field: ends at `:`.
    Field,
    /// As [`Self::Field`] in KQL: ends at `<`, `>`, `=`, `!=` too.
    KqlField,
    /// Right after an operator: `:` and the like belong to the value.
    Value,
}

/// A word as read: literal text, or a pattern if it holds an unescaped `*` or `?`.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Word {
    /// Unescaped.
    pub(super) text: String,
    /// With `*`, `?` as wildcards and `\` before literal ones.
    pub(super) pattern: String,
    pub(super) is_pattern: bool,
    /// Holds a backslash, so it is never an operator.
    pub(super) escaped: bool,
}

impl Word {
    pub(super) fn is_operator(&self, name: &str) -> bool {
        !self.escaped && self.text == name
    }
}

/// The text and how far it was read.
pub(super) struct Cursor<'t> {
    text: &'t str,
    pub(super) at: usize,
    leaves: usize,
}

impl<'t> Cursor<'t> {
    pub(super) fn new(text: &'t str) -> Result<Self, SyntaxError> {
        if text.len() > TEXT_MAX_BYTES {
            let message = format!("it is {} bytes long, at most {TEXT_MAX_BYTES} are allowed", text.len());
            return Err(SyntaxError { position: 1, message });
        }
        Ok(Self { text, at: 0, leaves: 0 })
    }

    pub(super) fn rest(&self) -> &'t str {
        &self.text[self.at..]
    }

    pub(super) fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    pub(super) fn advance(&mut self) -> Option<char> {
        let character = self.peek()?;
        self.at += character.len_utf8();
        Some(character)
    }

    pub(super) fn skip_whitespace(&mut self) {
        self.at += self.rest().len() - self.rest().trim_start().len();
    }

    pub(super) fn take(&mut self, token: &str) -> bool {
        let found = self.rest().starts_with(token);
        if found {
            self.at += token.len();
        }
        found
    }

    pub(super) fn error_at(&self, at: usize, message: impl Into<String>) -> SyntaxError {
        SyntaxError { position: self.text[..at].chars().count() + 1, message: message.into() }
    }

    pub(super) fn error(&self, message: impl Into<String>) -> SyntaxError {
        self.error_at(self.at, message)
    }

    /// What stands here instead of what was expected.
    pub(super) fn unexpected(&self, expected: &str) -> SyntaxError {
        match self.peek() {
            Some(character) => self.error(format!("unexpected \"{character}\", expected {expected}")),
            None => self.error(format!("unexpected end, expected {expected}")),
        }
    }

    pub(super) fn deeper(&self, depth: usize) -> Result<usize, SyntaxError> {
        if depth >= DEPTH_MAX {
            return Err(self.error(format!("parentheses are nested deeper than {DEPTH_MAX} levels")));
        }
        Ok(depth + 1)
    }

    pub(super) fn leaf(&mut self, field: Option<&str>, leaf: Leaf) -> Result<Node, SyntaxError> {
        self.leaves += 1;
        if self.leaves > LEAVES_MAX {
            return Err(self.error(format!("it holds more than {LEAVES_MAX} conditions")));
        }
        Ok(Node::Leaf { field: field.map(str::to_owned), leaf })
    }

    /// The character that a backslash (already read) stands for.
    fn escaped_character(&mut self) -> Result<char, SyntaxError> {
        let code = self.rest().strip_prefix('u').and_then(|rest| rest.get(..4));
        let code = code.filter(|hex| hex.bytes().all(|b| b.is_ascii_hexdigit()));
        if let Some(character) =
            code.and_then(|hex| u32::from_str_radix(hex, 16).ok()).and_then(char::from_u32)
        {
            self.at += 5;
            return Ok(character);
        }
        self.advance().ok_or_else(|| self.error("the backslash at the end escapes nothing"))
    }

    /// A run of characters up to whitespace or something with a meaning. May be empty.
    pub(super) fn word(&mut self, place: WordPlace) -> Result<Word, SyntaxError> {
        let mut word =
            Word { text: String::new(), pattern: String::new(), is_pattern: false, escaped: false };
        while let Some(character) = self.peek() {
            let ends = match character {
                '(' | ')' | '[' | ']' | '{' | '}' | '"' | '^' | '~' => true,
                ':' => place != WordPlace::Value,
                '<' | '>' | '=' => place == WordPlace::KqlField,
                '!' => place == WordPlace::KqlField && self.rest().starts_with("!="),
                other => other.is_whitespace(),
            };
            if ends {
                break;
            }
            self.advance();
            let literal = match character {
                '*' | '?' => {
                    word.is_pattern = true;
                    word.text.push(character);
                    word.pattern.push(character);
                    continue;
                }
                '\\' => {
                    word.escaped = true;
                    self.escaped_character()?
                }
                other => other,
            };
            word.text.push(literal);
            if matches!(literal, '*' | '?' | '\\') {
                word.pattern.push('\\');
            }
            word.pattern.push(literal);
        }
        Ok(word)
    }

    /// The text up to the closing quote; the opening one has been read.
    pub(super) fn quoted(&mut self) -> Result<String, SyntaxError> {
        let start = self.at;
        let mut text = String::new();
        loop {
            match self.advance() {
                Some('"') => return Ok(text),
                Some('\\') => text.push(self.escaped_character()?),
                Some(other) => text.push(other),
                None => return Err(self.error_at(start, "the quote is never closed")),
            }
        }
    }

    /// A regular expression if one stands here: from `/` to a `/` behind which the word ends.
    pub(super) fn regex(&mut self) -> Option<String> {
        let body = self.rest().strip_prefix('/')?;
        let mut pattern = String::new();
        let mut characters = body.char_indices();
        while let Some((at, character)) = characters.next() {
            match character {
                '\\' => match characters.next()? {
                    (_, '/') => pattern.push('/'),
                    (_, other) => pattern.extend(['\\', other]),
                },
                '/' => {
                    let after = body[at + 1..].chars().next();
                    if after.is_some_and(|next| !next.is_whitespace() && next != ')' && next != '^') {
                        return None;
                    }
                    self.at += at + 2;
                    return (!pattern.is_empty()).then_some(pattern);
                }
                other => pattern.push(other),
            }
        }
        None
    }

    /// `[a TO b}`; stands at the bracket.
    pub(super) fn range(&mut self) -> Result<Leaf, SyntaxError> {
        let start = self.at;
        let lower_inclusive = self.advance() == Some('[');
        let lower = self.range_end(start)?;
        self.skip_whitespace();
        let separator = self.word(WordPlace::Value)?;
        if !separator.text.eq_ignore_ascii_case("to") {
            return Err(self.error("a range is written [low TO high]"));
        }
        let upper = self.range_end(start)?;
        self.skip_whitespace();
        let upper_inclusive = match self.advance() {
            Some(']') => true,
            Some('}') => false,
            _ => return Err(self.error_at(start, "the range is never closed")),
        };
        Ok(Leaf::Range {
            lower: lower.map(|text| (text, lower_inclusive)),
            upper: upper.map(|text| (text, upper_inclusive)),
        })
    }

    fn range_end(&mut self, start: usize) -> Result<Option<String>, SyntaxError> {
        self.skip_whitespace();
        if self.take("\"") {
            return self.quoted().map(Some);
        }
        let word = self.word(WordPlace::Value)?;
        match word.text.as_str() {
            "" => Err(self.error_at(start, "a range is written [low TO high]")),
            "*" if !word.escaped => Ok(None),
            _ => Ok(Some(word.text)),
        }
    }

    /// `>=5` and the like; stands behind the operator.
    pub(super) fn one_sided(&mut self, operator: &str) -> Result<Leaf, SyntaxError> {
        self.skip_whitespace();
        let text = if self.take("\"") { self.quoted()? } else { self.word(WordPlace::Value)?.text };
        if text.is_empty() {
            return Err(self.unexpected(&format!("a value after \"{operator}\"")));
        }
        let end = Some((text, operator.ends_with('=')));
        Ok(match operator.starts_with('>') {
            true => Leaf::Range { lower: end, upper: None },
            false => Leaf::Range { lower: None, upper: end },
        })
    }

    /// The number behind a suffix such as `~` or `^`, if there is one.
    pub(super) fn suffix_number(&mut self) -> Option<&'t str> {
        let rest = self.rest();
        let length = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        self.at += length;
        (length > 0).then(|| &rest[..length])
    }

    /// `^2`, if it stands here.
    pub(super) fn boost(&mut self) -> Result<Option<f32>, SyntaxError> {
        if !self.take("^") {
            return Ok(None);
        }
        let start = self.at;
        match self.suffix_number().and_then(|number| number.parse::<f32>().ok()) {
            Some(boost) if boost.is_finite() => Ok(Some(boost)),
            _ => Err(self.error_at(start, "expected a number after \"^\"")),
        }
    }

    /// A phrase with its slop; stands behind the opening quote.
    pub(super) fn phrase(&mut self) -> Result<Leaf, SyntaxError> {
        let text = self.quoted()?;
        let mut slop = None;
        if self.take("~") {
            let start = self.at;
            slop = match self.suffix_number().map(str::parse::<u32>) {
                Some(Ok(slop)) => Some(slop),
                _ => return Err(self.error_at(start, "expected a whole number after \"~\"")),
            };
        }
        Ok(Leaf::Phrase { text, slop })
    }

    /// What a word means, with its `~`.
    pub(super) fn word_leaf(&mut self, word: Word) -> Result<Leaf, SyntaxError> {
        if !self.take("~") {
            return Ok(if word.is_pattern { Leaf::Wildcard(word.pattern) } else { Leaf::Term(word.text) });
        }
        let start = self.at;
        if word.is_pattern {
            return Err(self.error_at(start, "\"~\" cannot follow a word with wildcards"));
        }
        let edits = match self.suffix_number() {
            None => None,
            Some(number) => Some(
                similarity_edits(number, &word.text)
                    .ok_or_else(|| self.error_at(start, "expected 0, 1 or 2 after \"~\""))?,
            ),
        };
        Ok(Leaf::Fuzzy { text: word.text, edits })
    }
}

/// Edits of `~1`, or of the old `~0.8` (a similarity; Lucene's `FuzzyQuery.floatToEdits`).
fn similarity_edits(number: &str, word: &str) -> Option<u8> {
    let value: f32 = number.parse().ok()?;
    if value >= 1.0 || value == 0.0 {
        return (value.fract() == 0.0 && value <= 2.0).then_some(value as u8);
    }
    Some((((1.0 - value) * word.chars().count() as f32) as u8).min(2))
}
