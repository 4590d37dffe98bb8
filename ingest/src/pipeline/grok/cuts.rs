//! Patterns cut where their text can be cut in one way only, so that most lines are taken apart by looking for signs.
//!
//! A log line is fields with signs between them: `%{IP:client} %{USER:name} \[%{HTTPDATE:time}\] "`. No field there can hold
//! the sign that ends it, so in any match it ends where that sign comes first: it is found by searching for one byte, and
//! then asked alone whether it is what the pattern says. That gives the same answer as the whole regex (a test compares them
//! on generated patterns) at a tenth of the time, because an address is checked on fifteen bytes and a name of one or more
//! signs by a table, where the regex engine keeps all ways through the whole line in mind.
//!
//! What follows the last cut, if anything, is a regex of its own. Linear time as before: each byte is looked at by one piece.

mod piece;
mod place;

use super::expression::Slots;
use piece::{Piece, Tail, Taken};
use regex_automata::{Anchored, Input, meta::Regex, util::primitives::NonMaxUsize};
use regex_syntax::hir::Hir;

/// A pattern in pieces, for texts of one line of ASCII.
pub(super) struct Cuts {
    pieces: Vec<Piece>,
    tail: Tail,
    /// Whether a match begins where the text does.
    anchored: bool,
}

/// What the pieces say of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer {
    /// It matches from the first byte on; the slots are filled.
    Match,
    /// It does not match anywhere.
    NoMatch,
    /// Not from the first byte on; it may further on.
    NotHere,
    /// Nothing is known.
    Unsure,
}

impl Cuts {
    /// Cuts a pattern; `None` if there is nowhere to cut.
    pub(super) fn of(pattern: Hir) -> Option<Self> {
        place::cuts(pattern)
    }

    /// Looks whether a line matches from its first byte on. Unless it does, nothing is left in the slots.
    pub(super) fn search(&self, line: &str, slots: &mut Slots) -> Answer {
        let mut at = 0;
        for piece in &self.pieces {
            match piece.take(line, at, slots) {
                Taken::Next(next) => at = next,
                Taken::No => return self.no_match(slots),
                Taken::Unsure => {
                    slots.fill(None);
                    return Answer::Unsure;
                }
            }
        }
        if self.tail.take(line, at, slots) { Answer::Match } else { self.no_match(slots) }
    }

    fn no_match(&self, slots: &mut Slots) -> Answer {
        slots.fill(None);
        if self.anchored { Answer::NoMatch } else { Answer::NotHere }
    }
}

/// Asks a regex about the line from `at` on, with what stands before in view.
fn input(line: &str, at: usize) -> Input<'_> {
    Input::new(line).range(at..).anchored(Anchored::Yes)
}

/// Notes what a group of the pattern holds.
fn note(slots: &mut Slots, group: usize, start: usize, end: usize) {
    if let Some([from, to]) = slots.get_mut(2 * group..2 * group + 2) {
        (*from, *to) = (NonMaxUsize::new(start), NonMaxUsize::new(end));
    }
}

/// The groups that a regex of a piece gives, by their numbers in the whole pattern.
struct Groups {
    regex: Regex,
    numbers: Box<[usize]>,
}

impl Groups {
    fn take(&self, line: &str, at: usize, slots: &mut Slots) -> bool {
        let mut own = [None; 2 * GROUPS_MAX];
        let Some(own) = own.get_mut(..2 * (self.numbers.len() + 1)) else { return false };
        if self.regex.search_slots(&input(line, at), own).is_none() {
            return false;
        }
        for (found, number) in own[2..].chunks_exact(2).zip(&self.numbers) {
            if let [Some(start), Some(end)] = found {
                note(slots, *number, start.get(), end.get());
            }
        }
        true
    }
}

/// Most groups of one piece (the whole included): more are not worth cutting.
const GROUPS_MAX: usize = 32;

#[cfg(test)]
mod tests;
