//! Words of a text, as Elasticsearch's `standard` tokenizer finds them.
//!
//! Source: Unicode Standard Annex #29, "Word Boundaries" (rules WB4 to WB13b); Elasticsearch reference, "Standard
//! tokenizer". So `www.shop.example`, `10.0.0.1`, `it's`, `user_id` and `1,000` are one word each, `a-b` and `a/b` are two.

use std::ops::Range;
use tantivy::tokenizer::{Token, TokenStream, Tokenizer};
use unicode_segmentation::{UnicodeSegmentation, UnicodeWordIndices};

/// Characters of a word; a longer one is cut into several (Elasticsearch's `max_token_length`).
const WORD_MAX_CHARS: usize = 255;

/// The tokenizer. Emoji, which Lucene keeps as words, are left out.
#[derive(Debug, Clone, Default)]
pub(super) struct StandardTokenizer {
    token: Token,
}

impl Tokenizer for StandardTokenizer {
    type TokenStream<'a> = Words<'a>;

    fn token_stream<'a>(&'a mut self, text: &'a str) -> Words<'a> {
        self.token.reset();
        Words { text, at: 0, over_long: 0..0, beyond_ascii: None, token: &mut self.token }
    }
}

/// The words of one text.
pub(super) struct Words<'a> {
    text: &'a str,
    /// Up to here (bytes) it has been read.
    at: usize,
    /// What is left of a word that is too long.
    over_long: Range<usize>,
    /// A stretch with letters beyond ASCII, and where it begins.
    beyond_ascii: Option<(usize, UnicodeWordIndices<'a>)>,
    token: &'a mut Token,
}

impl TokenStream for Words<'_> {
    fn advance(&mut self) -> bool {
        let Some(word) = self.next_piece() else { return false };
        self.token.text.clear();
        self.token.text.push_str(self.text.get(word.clone()).unwrap_or_default());
        self.token.position = self.token.position.wrapping_add(1);
        self.token.offset_from = word.start;
        self.token.offset_to = word.end;
        true
    }

    fn token(&self) -> &Token {
        self.token
    }

    fn token_mut(&mut self) -> &mut Token {
        self.token
    }
}

impl<'a> Words<'a> {
    /// The next word, or the next part of one that is too long.
    fn next_piece(&mut self) -> Option<Range<usize>> {
        let word = if self.over_long.is_empty() { self.next_word()? } else { self.over_long.clone() };
        self.over_long = 0..0;
        // So many bytes are never too many characters.
        if word.len() <= WORD_MAX_CHARS {
            return Some(word);
        }
        let mut letters = self.text.get(word.clone())?.char_indices();
        let end = letters.nth(WORD_MAX_CHARS).map_or(word.end, |(at, _)| word.start + at);
        self.over_long = end..word.end;
        Some(word.start..end)
    }

    fn next_word(&mut self) -> Option<Range<usize>> {
        let bytes = self.text.as_bytes();
        loop {
            if let Some((start, words)) = &mut self.beyond_ascii {
                if let Some((at, word)) = words.next() {
                    return Some(*start + at..*start + at + word.len());
                }
                self.beyond_ascii = None;
            }
            let rest = bytes.get(self.at..)?;
            self.at += rest.iter().position(|byte| is_letter(*byte) || !byte.is_ascii())?;
            match ascii_word(bytes, self.at) {
                Some(end) => {
                    let word = self.at..end;
                    self.at = end;
                    // Underscores alone are no word.
                    if bytes.get(word.clone())?.iter().any(u8::is_ascii_alphanumeric) {
                        return Some(word);
                    }
                }
                None => self.beyond_ascii = Some(self.take_stretch()?),
            }
        }
    }

    /// Everything up to the next white space, at which words end in any case.
    fn take_stretch(&mut self) -> Option<(usize, UnicodeWordIndices<'a>)> {
        let rest = self.text.get(self.at..)?;
        let length = rest.bytes().position(|byte| byte.is_ascii_whitespace()).unwrap_or(rest.len());
        let start = self.at;
        self.at += length;
        Some((start, rest.get(..length)?.unicode_word_indices()))
    }
}

fn is_letter(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// The end of the word that begins at `start`; `None` if it takes more than ASCII to tell. The same rules as those for
/// all of Unicode, for what most of a log is made of.
fn ascii_word(bytes: &[u8], start: usize) -> Option<usize> {
    let mut at = start;
    loop {
        let Some(&byte) = bytes.get(at) else { return Some(at) };
        if is_letter(byte) {
            at += 1;
            continue;
        }
        if !byte.is_ascii() {
            return None;
        }
        let in_words = matches!(byte, b'.' | b'\'' | b':');
        let in_numbers = matches!(byte, b'.' | b'\'' | b',' | b';');
        if !in_words && !in_numbers {
            return Some(at);
        }
        let before = at.checked_sub(1).and_then(|at| bytes.get(at)).copied().unwrap_or_default();
        let Some(&after) = bytes.get(at + 1) else { return Some(at) };
        if !after.is_ascii() {
            return None;
        }
        let joins = in_words && before.is_ascii_alphabetic() && after.is_ascii_alphabetic()
            || in_numbers && before.is_ascii_digit() && after.is_ascii_digit();
        if !joins {
            return Some(at);
        }
        at += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn words(text: &str) -> Vec<String> {
        let mut tokenizer = StandardTokenizer::default();
        let mut stream = tokenizer.token_stream(text);
        let mut words = Vec::new();
        while stream.advance() {
            let token = stream.token();
            assert_eq!(text.get(token.offset_from..token.offset_to), Some(token.text.as_str()), "{text}");
            assert_eq!(token.position, words.len(), "{text}");
            words.push(token.text.clone());
        }
        words
    }

    #[test]
    fn words_are_those_of_the_standard_tokenizer() {
        let check = |text: &str, expected: &[&str]| assert_eq!(words(text), expected, "{text}");
        check("", &[]);
        check(" - ... \u{201e}\u{201c}", &[]);
        // As Elasticsearch 7.10.2 answers to _analyze.
        check(
            "www.elastic.co 1.2.3.4 foo_bar a:b 3,5 it's cdn.elastic-elastic.org",
            &["www.elastic.co", "1.2.3.4", "foo_bar", "a:b", "3,5", "it's", "cdn.elastic", "elastic.org"],
        );
        check("2018-07-22T00:39:02.912Z", &["2018", "07", "22T00", "39", "02.912Z"]);
        check("GET /a/b.html?c=1&d=_ HTTP/1.1", &["GET", "a", "b.html", "c", "1", "d", "HTTP", "1.1"]);
        check("x. .y a..b 1.a _a_ __", &["x", "y", "a", "b", "1", "a", "_a_"]);
        check("stra\u{df}e.de caf\u{e9}'s, \u{fc}ber", &["stra\u{df}e.de", "caf\u{e9}'s", "\u{fc}ber"]);
        check(
            "\u{4f60}\u{597d} \u{30c6}\u{30b9}\u{30c8}",
            &["\u{4f60}", "\u{597d}", "\u{30c6}\u{30b9}\u{30c8}"],
        );
        check(&"x".repeat(256), &["x".repeat(255).as_str(), "x"]);
        check(
            &"\u{e9}".repeat(600),
            &["\u{e9}".repeat(255).as_str(), "\u{e9}".repeat(255).as_str(), &"\u{e9}".repeat(90)],
        );
    }

    proptest! {
        #[test]
        fn never_panics(text in "\\PC{0,80}") {
            words(&text);
        }

        #[test]
        fn ascii_is_no_case_of_its_own(text in "[a-z0-9_.':,; /-]{0,40}") {
            let expected: Vec<&str> = text.unicode_words().collect();
            prop_assert_eq!(words(&text), expected);
        }
    }
}
