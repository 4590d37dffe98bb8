//! A bound on the work of finding every match of a regex in a text.
//!
//! One search takes time that grows with the text. All of them need not: each may read to the end of the text and give back
//! a match of one byte, as `<[^>]*>|<` does in `<<<<…`. So what searches read is counted, first at worst, which costs nothing;
//! when that is used up, by a lazy automaton that walks as they do and whose steps are the count.

use regex_automata::{
    Input,
    hybrid::dfa::{Cache, DFA},
    nfa::thompson,
};
use regex_syntax::hir::{Hir, HirKind, Look, Repetition};
use std::sync::OnceLock;

/// Bytes that the searches of one text may read at worst before they are counted one by one: some ten milliseconds. No
/// text below 4 KiB needs more.
const UNCOUNTED_BYTES: usize = 16 << 20;
/// Bytes that may be read beyond, for each byte of the text.
const READS_PER_BYTE: usize = 64;
/// An automaton that is emptied more often than this, having read fewer than ten bytes for each of its states, tells nothing.
const CLEARS_MAX: usize = 4;

/// Walks through a text as the search of a regex does.
#[derive(Default)]
pub(super) struct Odometer {
    exact: OnceLock<Option<DFA>>,
    /// Takes every place for a boundary of words: tells where they stand beside other than ASCII, which an automaton cannot know.
    relaxed: OnceLock<Option<DFA>>,
}

/// What searches of one text may still read.
pub(super) struct Reads<'t> {
    text: &'t str,
    uncounted: usize,
    counted: usize,
    cache: Option<Cache>,
    is_relaxed: bool,
}

impl<'t> Reads<'t> {
    pub(super) fn of(text: &'t str) -> Self {
        let counted = text.len().saturating_mul(READS_PER_BYTE);
        Self { text, uncounted: UNCOUNTED_BYTES, counted, cache: None, is_relaxed: false }
    }

    fn walk(&mut self, dfa: Option<&DFA>, from: usize) -> Option<usize> {
        let dfa = dfa?;
        walk(dfa, self.cache.get_or_insert_with(|| dfa.create_cache()), self.text, from)
    }

    fn read(&mut self, bytes: usize) -> Result<(), String> {
        self.counted = self.counted.checked_sub(bytes).ok_or_else(|| {
            format!("too much work: the pattern reads this text more than {READS_PER_BYTE} times")
        })?;
        Ok(())
    }
}

impl Odometer {
    /// Counts the search that begins at a byte of the text.
    ///
    /// # Errors
    /// The text has been read too often.
    pub(super) fn count(
        &self,
        reads: &mut Reads<'_>,
        from: usize,
        hir: impl Fn() -> Option<Hir>,
    ) -> Result<(), String> {
        let worst = reads.text.len().saturating_sub(from);
        if let Some(left) = reads.uncounted.checked_sub(worst) {
            reads.uncounted = left;
            return Ok(());
        }
        let mut walked = None;
        if !reads.is_relaxed {
            let dfa = self.exact.get_or_init(|| automaton(&hir()?));
            walked = reads.walk(dfa.as_ref(), from);
            if walked.is_none() {
                (reads.is_relaxed, reads.cache) = (true, None);
            }
        }
        if reads.is_relaxed {
            let dfa = self.relaxed.get_or_init(|| automaton(&relaxed(&hir()?)));
            walked = reads.walk(dfa.as_ref(), from);
        }
        reads.read(walked.unwrap_or(worst).max(1))
    }
}

/// The pattern without what it says of boundaries of words.
fn relaxed(hir: &Hir) -> Hir {
    match hir.kind() {
        HirKind::Look(
            Look::WordUnicode
            | Look::WordUnicodeNegate
            | Look::WordStartUnicode
            | Look::WordEndUnicode
            | Look::WordStartHalfUnicode
            | Look::WordEndHalfUnicode,
        ) => Hir::empty(),
        HirKind::Capture(capture) => relaxed(&capture.sub),
        HirKind::Repetition(repetition) => {
            Hir::repetition(Repetition { sub: Box::new(relaxed(&repetition.sub)), ..repetition.clone() })
        }
        HirKind::Concat(parts) => Hir::concat(parts.iter().map(relaxed).collect()),
        HirKind::Alternation(parts) => Hir::alternation(parts.iter().map(relaxed).collect()),
        HirKind::Empty | HirKind::Literal(_) | HirKind::Class(_) | HirKind::Look(_) => hir.clone(),
    }
}

fn automaton(hir: &Hir) -> Option<DFA> {
    let nfa = thompson::Compiler::new().build_from_hir(hir).ok()?;
    let config = DFA::config()
        .unicode_word_boundary(true)
        .skip_cache_capacity_check(true)
        .minimum_cache_clear_count(Some(CLEARS_MAX))
        .minimum_bytes_per_state(Some(10));
    DFA::builder().configure(config).build_from_nfa(nfa).ok()
}

/// How many bytes a search reads that begins there; `None`: that cannot be told, as for word boundaries beside other than ASCII.
fn walk(dfa: &DFA, cache: &mut Cache, text: &str, from: usize) -> Option<usize> {
    let input = Input::new(text).range(from..);
    let mut state = dfa.start_state_forward(cache, &input).ok()?;
    let rest = text.as_bytes().get(from..)?;
    for (read, byte) in rest.iter().enumerate() {
        state = dfa.next_state(cache, state, *byte).ok()?;
        if state.is_dead() {
            return Some(read + 1);
        }
        if state.is_quit() {
            return None;
        }
    }
    Some(rest.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::processors::testing::{run, run_all};
    use serde_json::json;

    fn reads(pattern: &str, text: &str, from: usize) -> Option<usize> {
        let dfa = automaton(&regex_syntax::parse(pattern).unwrap()).unwrap();
        walk(&dfa, &mut dfa.create_cache(), text, from)
    }

    #[test]
    fn a_walk_is_as_long_as_the_search() {
        // An automaton knows of a match a byte later, and one more ends it.
        assert_eq!(reads("ab", "xxabxxxx", 0), Some(6));
        assert_eq!(reads("ab", "xxabxxxx", 4), Some(4));
        assert_eq!(reads("<[^>]*>|<", "<<<<<<<<", 2), Some(6));
        assert_eq!(reads("<", "<<<<<<<<", 2), Some(3));
        assert_eq!(reads(r"\bé", "xéxé", 0), None);
    }

    #[test]
    fn searches_that_read_a_text_again_and_again_are_given_up() {
        let hostile = "<".repeat(200_000);
        let failed = |processor: serde_json::Value| {
            let failure = run_all(json!([processor]), json!({"m": hostile})).unwrap_err();
            assert!(failure.contains("too much work"), "{failure}");
        };
        let pattern = "<[^>]*>|<";
        failed(json!({"gsub": {"field": "m", "pattern": pattern, "replacement": ""}}));
        failed(json!({"split": {"field": "m", "separator": pattern}}));
        failed(json!({"kv": {"field": "m", "field_split": pattern, "value_split": "="}}));
        failed(json!({"redact": {"field": "m", "patterns": ["(?<TAG><[^>]*>|<)"]}}));
        // Not only where automata know what a word is.
        let beside = "<ü".repeat(100_000);
        let gsub = json!({"gsub": {"field": "m", "pattern": r"<[^>]*\b>|<", "replacement": ""}});
        let failure = run_all(json!([gsub]), json!({"m": beside})).unwrap_err();
        assert!(failure.contains("too much work"), "{failure}");
        let gsub = json!({"field": "m", "pattern": r"\büber\b", "replacement": "x"});
        let text = "über größer ".repeat(20_000);
        assert_eq!(run("gsub", gsub, json!({"m": text})), Ok(json!({"m": text.replace("über", "x")})));
        // Many matches alone are no harm.
        let gsub = json!({"field": "m", "pattern": "<", "replacement": "("});
        assert_eq!(run("gsub", gsub, json!({"m": hostile})), Ok(json!({"m": "(".repeat(200_000)})));
        let redact = json!({"field": "m", "patterns": ["%{IP:ip}"]});
        let expected = "<ip> ".repeat(20_000);
        assert_eq!(
            run("redact", redact, json!({"m": "192.0.2.1 ".repeat(20_000)})),
            Ok(json!({"m": expected}))
        );
    }
}
