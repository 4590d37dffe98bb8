//! Look-around: what must, or must not, stand before or after a place of the text.

use super::plan::parse;
use super::rim::{Rim, Side};
use super::syntax::Assertion;
use regex_automata::{Anchored, Input, meta::Regex};
use regex_syntax::hir::{Class, ClassUnicode, Hir, HirKind, Look};

/// Longest text that look-around may look at: what keeps a check's cost constant.
const LENGTH_MAX: usize = 256;
const AUTOMATON_MAX_BYTES: usize = 256 * 1024;
/// Bytes that are looked at in the time of a step of the exact search.
const BYTES_PER_STEP: usize = 8;

/// One look-around.
pub(super) struct Check {
    side: Side,
    negative: bool,
    body: Body,
    /// What the body begins with (of a look-behind: ends with).
    rim: Rim,
}

enum Body {
    /// One character.
    One { ascii: [bool; 128], class: ClassUnicode },
    /// A text of at most so many bytes.
    Text { regex: Box<Regex>, longest: usize },
}

impl Check {
    /// # Errors
    /// A body without an upper bound, or one that the engine refuses.
    pub(super) fn compile(assertion: &Assertion) -> Result<Self, String> {
        let place = &assertion.place;
        let hir = parse(&assertion.body).map_err(|e| format!("{e}, in {place}"))?;
        let side = if assertion.ahead { Side::Ahead } else { Side::Behind };
        let rim = Rim::of(&hir, side, &|_| false);
        let longest = hir.properties().maximum_len().filter(|longest| *longest <= LENGTH_MAX);
        let Some(longest) = longest else {
            return Err(format!(
                "{place} may look at more than {LENGTH_MAX} bytes: patterns run in linear time; bound its \
                 repetitions, or match the text instead of looking at it"
            ));
        };
        let looks = hir.properties().look_set();
        if side == Side::Behind && (looks.contains(Look::End) || looks.contains(Look::EndLF)) {
            return Err(format!("{place} cannot hold \"$\" or \"\\z\": write it before the group"));
        }
        let body = Body::compile(hir, side, longest).map_err(|e| format!("{place} does not compile: {e}"))?;
        Ok(Self { side, negative: assertion.negative, body, rim })
    }

    /// Whether it holds wherever only such characters stand.
    pub(super) fn cannot_fail(&self, there: Rim) -> bool {
        if self.negative {
            let at_edge = self.rim.open && there.open;
            return !self.rim.empty && !at_edge && self.rim.chars.disjoint(there.chars);
        }
        matches!(self.body, Body::One { .. }) && !there.open && there.chars.within(self.rim.chars)
    }

    /// What one look costs, in steps of the exact search.
    pub(super) fn steps(&self) -> usize {
        match &self.body {
            Body::One { .. } => 1,
            Body::Text { longest, .. } => 1 + longest / BYTES_PER_STEP,
        }
    }

    /// Whether it holds at a place of the text.
    pub(super) fn holds(&self, text: &str, at: usize) -> bool {
        self.body.is_there(text, at, self.side) != self.negative
    }
}

impl Body {
    fn compile(hir: Hir, side: Side, longest: usize) -> Result<Self, String> {
        if let HirKind::Class(Class::Unicode(class)) = hir.kind() {
            return Ok(Self::one(class.clone()));
        }
        if let HirKind::Literal(literal) = hir.kind() {
            let text = std::str::from_utf8(&literal.0).unwrap_or("");
            let mut chars = text.chars();
            if let (Some(c), None) = (chars.next(), chars.next()) {
                let range = regex_syntax::hir::ClassUnicodeRange::new(c, c);
                return Ok(Self::one(ClassUnicode::new([range])));
            }
        }
        let hir = match side {
            Side::Ahead => hir,
            Side::Behind => Hir::concat(vec![hir, Hir::look(Look::End)]),
        };
        let config = Regex::config().nfa_size_limit(Some(AUTOMATON_MAX_BYTES));
        let regex = Regex::builder().configure(config).build_from_hir(&hir).map_err(|e| e.to_string())?;
        Ok(Self::Text { regex: Box::new(regex), longest })
    }

    fn one(class: ClassUnicode) -> Self {
        let mut ascii = [false; 128];
        for (code, there) in (0u8..).zip(&mut ascii) {
            *there = has(&class, char::from(code));
        }
        Self::One { ascii, class }
    }

    fn is_there(&self, text: &str, at: usize, side: Side) -> bool {
        let Some((before, after)) = text.split_at_checked(at) else { return false };
        match (self, side) {
            (Self::One { ascii, class }, side) => {
                let c = match side {
                    Side::Ahead => after.chars().next(),
                    Side::Behind => before.chars().next_back(),
                };
                c.is_some_and(|c| ascii.get(c as usize).copied().unwrap_or_else(|| has(class, c)))
            }
            (Self::Text { regex, .. }, Side::Ahead) => {
                regex.is_match(Input::new(text).range(at..).anchored(Anchored::Yes))
            }
            (Self::Text { regex, longest }, Side::Behind) => {
                let from = before.floor_char_boundary(at.saturating_sub(*longest));
                regex.is_match(Input::new(before).range(from..))
            }
        }
    }
}

fn has(class: &ClassUnicode, c: char) -> bool {
    let ranges = class.ranges();
    let after = ranges.partition_point(|range| range.end() < c);
    ranges.get(after).is_some_and(|range| range.start() <= c)
}
