//! Passages of a text around what is marked in it.
//!
//! Source: Lucene's unified highlighter as Elasticsearch sets it up (`boundary_scanner: sentence`): a passage is the
//! sentence that a mark stands in, with those behind it as long as it is no longer than asked for; a sentence that is
//! longer by itself is cut at words around the mark. Sentences and words are those of Unicode Standard Annex #29.

use unicode_segmentation::UnicodeSegmentation;

/// A longer word is cut wherever.
const WORD_MAX_CHARS: usize = 255;

/// From and to, in bytes.
type Span = (usize, usize);

/// The passages that hold the marks, in the order of the text, each of about `size` characters and without spaces around
/// it.
pub(super) fn passages(text: &str, marks: &[Span], size: usize) -> Vec<Span> {
    let mut scanner = Scanner { text, size, sentences: sentence_ends(text), window_end: 0, passage: (0, 0) };
    let mut found: Vec<Span> = Vec::new();
    for &(from, to) in marks {
        match found.last_mut() {
            // It begins in the passage before.
            Some(last) if from < last.1 => last.1 = last.1.max(to),
            _ => {
                let (begin, end) = scanner.around(from);
                found.push((begin, end.max(to)));
            }
        }
    }
    found.iter().map(|span| trimmed(text, *span)).collect()
}

fn trimmed(text: &str, (from, to): Span) -> Span {
    let inside = text.get(from..to).unwrap_or_default();
    let from = from + inside.len() - inside.trim_start().len();
    (from, from + inside.trim().len())
}

/// Where sentences end.
fn sentence_ends(text: &str) -> Vec<usize> {
    text.split_sentence_bound_indices().map(|(at, sentence)| at + sentence.len()).collect()
}

struct Scanner<'t> {
    text: &'t str,
    size: usize,
    sentences: Vec<usize>,
    /// End of the sentences that the last passage was cut out of.
    window_end: usize,
    passage: Span,
}

impl Scanner<'_> {
    /// The passage of a mark that begins there, behind those asked for before.
    fn around(&mut self, mark: usize) -> Span {
        let (mut begin, mut end) = if mark < self.window_end {
            // The rest of a sentence that was too long for one passage.
            (self.passage.1.min(mark), self.window_end)
        } else {
            self.sentences_from(mark)
        };
        self.window_end = end;
        if self.length(begin, end) > self.size {
            if let Some(far) = self.back(begin, mark, self.size) {
                begin = begin.max(self.word_before(begin, far));
            }
            let left = self.size.saturating_sub(self.length(begin, mark));
            if let Some(far) = self.forth(mark, end, left) {
                end = end.min(self.word_behind(far, end));
            }
        }
        self.passage = (begin, end);
        self.passage
    }

    /// The sentence that a mark stands in, and those behind it that fit.
    fn sentences_from(&self, mark: usize) -> Span {
        let at = self.sentences.partition_point(|end| *end <= mark);
        let begin = at.checked_sub(1).and_then(|before| self.sentences.get(before)).copied().unwrap_or(0);
        let mut end = self.sentences.get(at).copied().unwrap_or(self.text.len());
        let mut length = self.length(begin, end);
        for next in self.sentences.iter().skip(at + 1) {
            length += self.length(end, *next);
            if length > self.size {
                break;
            }
            end = *next;
        }
        (begin, end)
    }

    fn part(&self, from: usize, to: usize) -> &str {
        self.text.get(from..to).unwrap_or_default()
    }

    fn length(&self, from: usize, to: usize) -> usize {
        self.part(from, to).chars().count()
    }

    /// So many characters before a place, if there are more of them.
    fn back(&self, begin: usize, from: usize, count: usize) -> Option<usize> {
        let mut before = self.part(begin, from).char_indices().rev();
        let at = before.nth(count.checked_sub(1)?)?.0;
        before.next().map(|_| begin + at)
    }

    /// So many characters behind a place, if there are more of them.
    fn forth(&self, from: usize, end: usize, count: usize) -> Option<usize> {
        self.part(from, end).char_indices().nth(count).map(|(at, _)| from + at)
    }

    /// Where the word begins that a place is in; the place itself, if it is in none.
    fn word_before(&self, begin: usize, place: usize) -> usize {
        if !self.part(place, self.text.len()).starts_with(char::is_alphanumeric) {
            return place;
        }
        let before = self.part(begin, place).chars().rev().take(WORD_MAX_CHARS);
        place - before.take_while(|c| c.is_alphanumeric()).map(char::len_utf8).sum::<usize>()
    }

    /// Where the word ends that a place is in; behind the one character there, if it is in none.
    fn word_behind(&self, place: usize, end: usize) -> usize {
        let mut behind = self.part(place, end).chars().take(WORD_MAX_CHARS);
        let Some(first) = behind.next() else { return place };
        let word = behind.take_while(|c| first.is_alphanumeric() && c.is_alphanumeric());
        place + first.len_utf8() + word.map(char::len_utf8).sum::<usize>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn of<'t>(text: &'t str, word: &str, size: usize) -> Vec<&'t str> {
        let marks: Vec<_> = text.match_indices(word).map(|(at, found)| (at, at + found.len())).collect();
        passages(text, &marks, size).into_iter().map(|(from, to)| &text[from..to]).collect()
    }

    #[test]
    fn passages_are_sentences_or_cut_at_words() {
        let text = "the quick brown fox jumps over the lazy dog and runs away from the angry bear";
        assert_eq!(of(text, "fox", 1_000), [text]);
        assert_eq!(of(text, "lazy", 20), ["fox jumps over the lazy"]);
        let sentences = "First one here. The fox is in the second. A third one. And the fox again.";
        assert_eq!(of(sentences, "fox", 20), ["The fox is in the second", "And the fox again."]);
        assert_eq!(
            of(sentences, "fox", 40),
            ["The fox is in the second. A third one.", "And the fox again."]
        );
        assert_eq!(of(sentences, "fox", 100), ["The fox is in the second. A third one. And the fox again."]);
        let lines = "one line\nanother with fox\nand more";
        assert_eq!(of(lines, "fox", 5), ["with fox"]);
    }

    proptest! {
        #[test]
        fn passages_hold_their_marks(text in "\\PC{0,80}", size in 1_usize..60) {
            let marks: Vec<_> = text.char_indices().filter(|(_, c)| c.is_alphanumeric())
                .map(|(at, c)| (at, at + c.len_utf8())).step_by(3).collect();
            let found = passages(&text, &marks, size);
            for mark in marks {
                prop_assert!(found.iter().any(|span| span.0 <= mark.0 && mark.1 <= span.1));
            }
            for pair in found.windows(2) {
                prop_assert!(pair[0].1 <= pair[1].0);
            }
        }
    }
}
