//! Which terms of a dictionary are meant: prefixes, wildcards, regular expressions, similar words.

use crate::logs::dsl::PATTERN_MAX_BYTES;
use regex::bytes::{Regex, RegexBuilder};
use std::{
    collections::BTreeSet,
    ops::{Bound, RangeBounds},
    sync::Arc,
};

/// A compiled pattern may be so large, in bytes.
const REGEX_MAX_BYTES: usize = 1 << 20;

/// As many clauses as a query of Lucene's has.
const EXPANSIONS_MAX: usize = 1_024;

/// Which terms are meant.
#[derive(Debug, Clone)]
pub(super) struct TermPattern {
    /// Every term begins so; keeps the walk through the dictionary short.
    prefix: String,
    /// `None`: the prefix is all.
    check: Option<Check>,
    /// Of similar words only so many, the nearest.
    most: Option<usize>,
}

#[derive(Debug, Clone)]
enum Check {
    Regex(Arc<Regex>),
    Similar { word: Arc<[char]>, edits: usize, transpositions: bool },
    Between(Bound<String>, Bound<String>),
    Among(Arc<BTreeSet<Vec<u8>>>),
}

impl TermPattern {
    /// Terms that begin so.
    pub(super) fn prefix(prefix: &str, case_insensitive: bool) -> Result<Self, String> {
        if case_insensitive {
            return Self::regex(&format!("{}.*", regex::escape(prefix)), "", true);
        }
        Ok(Self { prefix: prefix.to_owned(), check: None, most: None })
    }

    /// Terms that match a pattern with `*`, `?` and `\`.
    pub(super) fn wildcard(pattern: &str, case_insensitive: bool) -> Result<Self, String> {
        if pattern.len() > PATTERN_MAX_BYTES {
            return Err(format!("the pattern is longer than {PATTERN_MAX_BYTES} bytes"));
        }
        let mut regex = String::new();
        let mut prefix = String::new();
        let mut literal = true;
        let mut characters = pattern.chars().peekable();
        while let Some(character) = characters.next() {
            let meant = match character {
                '*' | '?' => {
                    literal = false;
                    // A run says how many characters at least, and whether more: `*?*?` is `..` and any. Taken one by
                    // one, each star would multiply the states of the automaton.
                    let mut any = character == '*';
                    let mut single = usize::from(character == '?');
                    while let Some(next) = characters.next_if(|next| matches!(next, '*' | '?')) {
                        any |= next == '*';
                        single += usize::from(next == '?');
                    }
                    regex.extend(std::iter::repeat_n('.', single));
                    regex.push_str(if any { ".*" } else { "" });
                    continue;
                }
                '\\' => characters.next().unwrap_or('\\'),
                other => other,
            };
            if literal {
                prefix.push(meant);
            }
            regex.push_str(&regex::escape(meant.encode_utf8(&mut [0; 4])));
        }
        if !case_insensitive && pattern.ends_with('*') && regex == format!("{}.*", regex::escape(&prefix)) {
            return Self::prefix(&prefix, false);
        }
        Self::regex(&regex, if case_insensitive { "" } else { &prefix }, case_insensitive)
    }

    /// Terms that match a regular expression of Lucene's, as a whole.
    pub(super) fn lucene_regex(pattern: &str, case_insensitive: bool) -> Result<Self, String> {
        Self::regex(&translate_regex(pattern)?, "", case_insensitive)
    }

    /// Terms within an edit distance; the first `prefix_length` characters must be the same.
    pub(super) fn similar(word: &str, edits: u8, prefix_length: usize, transpositions: bool) -> Self {
        let prefix = word.chars().take(prefix_length).collect();
        let word = word.chars().collect();
        let check = Some(Check::Similar { word, edits: usize::from(edits), transpositions });
        Self { prefix, check, most: None }
    }

    /// Of the similar words of an index only so many: those that differ least, and of these the first by their bytes.
    pub(super) fn at_most(self, most: usize) -> Self {
        Self { most: Some(most.min(EXPANSIONS_MAX)), ..self }
    }

    /// Terms between two others, in the order of their bytes.
    pub(super) fn between(lower: Bound<String>, upper: Bound<String>) -> Self {
        let prefix = match (&lower, &upper) {
            (Bound::Included(low) | Bound::Excluded(low), Bound::Included(high) | Bound::Excluded(high)) => {
                let same = low.chars().zip(high.chars()).take_while(|(low, high)| low == high);
                same.map(|(character, _)| character).collect()
            }
            _ => String::new(),
        };
        Self { prefix, check: Some(Check::Between(lower, upper)), most: None }
    }

    fn regex(pattern: &str, prefix: &str, case_insensitive: bool) -> Result<Self, String> {
        let regex = RegexBuilder::new(&format!("^(?:{pattern})$"))
            .case_insensitive(case_insensitive)
            .dot_matches_new_line(true)
            .size_limit(REGEX_MAX_BYTES)
            .build()
            .map_err(|error| match error {
                regex::Error::CompiledTooBig(_) => "the pattern is too large".to_owned(),
                other => format!("cannot read the pattern: {other}"),
            })?;
        let check = Some(Check::Regex(Arc::new(regex)));
        Ok(Self { prefix: prefix.to_owned(), check, most: None })
    }

    /// Just these terms.
    pub(super) fn among(terms: BTreeSet<Vec<u8>>) -> Self {
        Self { prefix: String::new(), check: Some(Check::Among(Arc::new(terms))), most: None }
    }

    /// What every term begins with.
    pub(super) fn start(&self) -> &[u8] {
        self.prefix.as_bytes()
    }

    /// Of similar words only so many, the nearest.
    pub(super) fn most(&self) -> Option<usize> {
        self.most
    }

    /// The terms, if they are known.
    pub(super) fn terms(&self) -> Option<&BTreeSet<Vec<u8>>> {
        match &self.check {
            Some(Check::Among(terms)) => Some(terms),
            _ => None,
        }
    }

    /// Whether a term (that begins with the prefix) is meant.
    pub(super) fn matches(&self, term: &[u8]) -> bool {
        match &self.check {
            None => true,
            Some(Check::Regex(regex)) => regex.is_match(term),
            Some(Check::Similar { word, edits, transpositions }) => std::str::from_utf8(term)
                .is_ok_and(|term| distance(word, term, *edits, *transpositions).is_some()),
            Some(Check::Among(terms)) => terms.contains(term),
            Some(Check::Between(lower, upper)) => {
                let (lower, upper) =
                    (lower.as_ref().map(String::as_bytes), upper.as_ref().map(String::as_bytes));
                RangeBounds::<[u8]>::contains(&(lower, upper), term)
            }
        }
    }

    /// How far a term that is meant is from the word: edits by character, as Lucene ranks similar words.
    pub(super) fn remoteness(&self, term: &[u8]) -> f32 {
        let (Some(Check::Similar { word, edits, transpositions }), Ok(term)) =
            (&self.check, std::str::from_utf8(term))
        else {
            return 0.0;
        };
        let edits = distance(word, term, *edits, *transpositions).unwrap_or_default();
        edits as f32 / term.chars().count().min(word.len()).max(1) as f32
    }

    /// Whether a whole text is meant.
    pub(super) fn matches_text(&self, text: &str) -> bool {
        text.starts_with(&self.prefix) && self.matches(text.as_bytes())
    }
}

/// Lucene's syntax as that of the crate `regex`: `^` and `$` are ordinary characters, `@` is any string, `#` nothing,
/// `"…"` literal text. Complement, intersection and numeric ranges are refused.
fn translate_regex(pattern: &str) -> Result<String, String> {
    let mut out = String::with_capacity(pattern.len());
    let mut in_class = false;
    let mut characters = pattern.chars();
    while let Some(character) = characters.next() {
        match character {
            '\\' => match characters.next() {
                Some(letter @ ('d' | 'D' | 's' | 'S' | 'w' | 'W')) => out.extend(['\\', letter]),
                Some(other) => out.push_str(&regex::escape(other.encode_utf8(&mut [0; 4]))),
                None => return Err("cannot read the pattern: it ends in a backslash".to_owned()),
            },
            '[' if !in_class => {
                in_class = true;
                out.push('[');
                if characters.as_str().starts_with('^') {
                    characters.next();
                    out.push('^');
                }
            }
            ']' if in_class => {
                in_class = false;
                out.push(']');
            }
            '[' | '&' | '~' | '^' if in_class => out.extend(['\\', character]),
            other if in_class => out.push(other),
            '^' | '$' => out.extend(['\\', character]),
            '@' => out.push_str(".*"),
            '#' => out.push_str("[^\\s\\S]"),
            '"' => {
                let literal: String = characters.by_ref().take_while(|c| *c != '"').collect();
                out.push_str(&regex::escape(&literal));
            }
            '~' | '&' | '<' => {
                return Err(format!(
                    "the operator \"{character}\" is not supported; escape it if the character is meant"
                ));
            }
            other => out.push(other),
        }
    }
    Ok(out)
}

/// How many edits two words are apart (Damerau-Levenshtein, optimal string alignment); `None`: more than `limit`.
fn distance(word: &[char], term: &str, limit: usize, transpositions: bool) -> Option<usize> {
    // Each character has at most four bytes: most terms are ruled out by their length.
    if term.len() > (word.len() + limit) * 4 {
        return None;
    }
    let term: Vec<char> = term.chars().collect();
    if word.len().abs_diff(term.len()) > limit {
        return None;
    }
    let mut before_last: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=term.len()).collect();
    for (i, expected) in word.iter().enumerate() {
        let mut row = Vec::with_capacity(term.len() + 1);
        row.push(i + 1);
        for (j, found) in term.iter().enumerate() {
            let substituted = last[j] + usize::from(expected != found);
            let mut cost = substituted.min(last[j + 1] + 1).min(row[j] + 1);
            if transpositions && i > 0 && j > 0 && *expected == term[j - 1] && word[i - 1] == *found {
                cost = cost.min(before_last[j - 1] + 1);
            }
            row.push(cost);
        }
        if row.iter().min().is_some_and(|least| *least > limit) {
            return None;
        }
        before_last = std::mem::replace(&mut last, row);
    }
    last.last().copied().filter(|edits| *edits <= limit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards_and_regular_expressions() {
        let check = |pattern: TermPattern, text: &str, expected: bool| {
            assert_eq!(pattern.matches_text(text), expected, "{pattern:?} {text}");
        };
        let wildcard = |pattern| TermPattern::wildcard(pattern, false).unwrap();
        check(wildcard("a*c"), "abbc", true);
        check(wildcard("a*c"), "abbcd", false);
        check(wildcard("a?c"), "abc", true);
        check(wildcard("a*?*?c"), "abbc", true);
        check(wildcard("a*?*?c"), "abc", false);
        assert!(TermPattern::wildcard(&"*?".repeat(2_000), false).is_err());
        check(wildcard("a*"), "abc", true);
        check(wildcard("*"), "", true);
        check(wildcard(r"a\*"), "a*", true);
        check(wildcard(r"a\*"), "ab", false);
        check(wildcard("a.c"), "abc", false);
        check(TermPattern::wildcard("A*C", true).unwrap(), "abc", true);
        check(TermPattern::prefix("Ab", true).unwrap(), "aBc", true);
        let regex = |pattern| TermPattern::lucene_regex(pattern, false).unwrap();
        check(regex("ab.*"), "abc", true);
        check(regex("b"), "abc", false);
        check(regex("a^b"), "a^b", true);
        check(regex("[^a-c]+"), "xyz", true);
        check(regex("\"a.b\"@"), "a.bcd", true);
        check(regex(r"\d+"), "123", true);
        for refused in ["~a", "<1-5>", "a&b", "(", "a\\", "(a{1000}){1000}"] {
            assert!(TermPattern::lucene_regex(refused, false).is_err(), "{refused}");
        }
    }

    #[test]
    fn ranges_of_words() {
        let check = |lower: Bound<&str>, upper: Bound<&str>, text: &str, expected: bool| {
            let pattern = TermPattern::between(lower.map(str::to_owned), upper.map(str::to_owned));
            assert_eq!(pattern.matches_text(text), expected, "{pattern:?} {text}");
        };
        use Bound::{Excluded, Included, Unbounded};
        check(Included("400"), Included("599"), "404", true);
        check(Included("400"), Included("599"), "400", true);
        check(Excluded("400"), Included("599"), "400", false);
        check(Included("400"), Excluded("404"), "404", false);
        check(Included("40"), Included("404"), "40", true);
        check(Included("\u{df}a"), Included("\u{df}z"), "\u{df}m", true);
        check(Unbounded, Included("b"), "a", true);
        check(Included("b"), Unbounded, "a", false);
        check(Included("b"), Included("a"), "a", false);
    }

    #[test]
    fn edit_distances() {
        let check = |word: &str, term: &str, edits, expected: bool| {
            assert_eq!(
                TermPattern::similar(word, edits, 0, true).matches_text(term),
                expected,
                "{word} {term}"
            );
        };
        check("error", "error", 0, true);
        check("error", "eror", 1, true);
        check("error", "errro", 1, true);
        check("error", "eorrr", 1, false);
        check("error", "errors", 1, true);
        check("error", "mirror", 2, true);
        check("straße", "strasse", 2, true);
        check("ab", "", 2, true);
        assert!(!TermPattern::similar("error", 1, 1, true).matches_text("arror"));
    }
}
