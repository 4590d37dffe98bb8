//! One piece of a pattern: what stands before a sign.

use super::{Groups, Slots, input, note};
use regex_automata::{
    dfa::{Automaton as _, dense},
    meta::Regex,
};

/// All states of a regex, worked out beforehand: a word is checked in about a nanosecond a byte.
pub(super) type Automaton = dense::DFA<Vec<u32>>;

/// Something, and the sign that ends it.
pub(super) struct Piece {
    pub(super) what: What,
    pub(super) sign: Sign,
    /// First bytes of optional parts that are left out here, because they could hold the sign: the zone of an address,
    /// `(%.+)?`. A text that has none of these bytes before the sign cannot have such a part.
    pub(super) left_out: Box<[u8]>,
}

/// What became of a piece.
pub(super) enum Taken {
    /// It is there, and the next one begins here.
    Next(usize),
    /// It is not there.
    No,
    /// It takes the whole pattern to tell.
    Unsure,
}

/// A literal whose first byte what stands before it cannot hold.
pub(super) struct Sign {
    pub(super) text: Box<[u8]>,
    /// What stands before may hold that byte after a backslash, and backslashes only before another character.
    pub(super) escaped: bool,
}

/// What stands before the sign.
pub(super) enum What {
    /// One of these, tried in order.
    Choice(Box<[Choice]>),
    /// Something with groups inside.
    Groups(Groups),
}

/// One way to fill a piece, as a whole perhaps a group.
pub(super) struct Choice {
    pub(super) matcher: Matcher,
    pub(super) group: Option<usize>,
}

/// Whether a text is the whole of something.
pub(super) enum Matcher {
    Text(Box<[u8]>),
    Run(Box<Run>),
    /// With the sign that follows.
    Automaton(Box<Automaton>),
    /// The same, of what makes too large an automaton.
    Regex(Regex),
}

/// So many characters of a kind.
pub(super) struct Run {
    pub(super) ascii: [bool; 128],
    pub(super) least: usize,
    pub(super) most: Option<usize>,
}

/// What follows the last sign.
pub(super) enum Tail {
    /// Nothing, and the text may go on.
    Open,
    /// The end of the text.
    End,
    /// Something else.
    Groups(Groups),
}

impl Piece {
    /// Fills in the groups of what begins at `at`.
    pub(super) fn take(&self, line: &str, at: usize, slots: &mut Slots) -> Taken {
        let Some(end) = self.sign.first(line.as_bytes(), at) else {
            return if self.may_go_on(line, at, line.len()) { Taken::Unsure } else { Taken::No };
        };
        if self.may_go_on(line, at, end) {
            return Taken::Unsure;
        }
        self.fill(line, at, end, slots).map_or(Taken::No, Taken::Next)
    }

    /// Whether a part that is left out may be there.
    fn may_go_on(&self, line: &str, at: usize, end: usize) -> bool {
        let part = line.as_bytes().get(at..end).unwrap_or_default();
        self.left_out.iter().any(|byte| memchr::memchr(*byte, part).is_some())
    }

    fn fill(&self, line: &str, at: usize, end: usize, slots: &mut Slots) -> Option<usize> {
        line.as_bytes().get(end..)?.starts_with(&self.sign.text).then_some(())?;
        match &self.what {
            What::Choice(choices) => {
                let choice = choices.iter().find(|choice| choice.matcher.is_whole(line, at, end))?;
                if let Some(group) = choice.group {
                    note(slots, group, at, end);
                }
            }
            What::Groups(groups) => groups.take(line, at, slots).then_some(())?,
        }
        Some(end + self.sign.text.len())
    }
}

impl Sign {
    /// Where the sign must begin that ends what begins at `at`: at the first byte like its own.
    fn first(&self, text: &[u8], mut at: usize) -> Option<usize> {
        let first = *self.text.first()?;
        if !self.escaped {
            return Some(at + memchr::memchr(first, text.get(at..)?)?);
        }
        loop {
            at += memchr::memchr2(first, b'\\', text.get(at..)?)?;
            if text.get(at) == Some(&first) {
                return Some(at);
            }
            at += 2;
        }
    }
}

impl Matcher {
    fn is_whole(&self, line: &str, at: usize, end: usize) -> bool {
        let Some(part) = line.as_bytes().get(at..end) else { return false };
        match self {
            Self::Text(literal) => *part == **literal,
            Self::Run(run) => run.is_whole(part),
            Self::Automaton(automaton) => {
                automaton.try_search_fwd(&input(line, at)).is_ok_and(|end| end.is_some())
            }
            Self::Regex(regex) => regex.is_match(input(line, at)),
        }
    }
}

impl Run {
    fn is_whole(&self, part: &[u8]) -> bool {
        part.len() >= self.least
            && self.most.is_none_or(|most| part.len() <= most)
            && part.iter().all(|byte| self.ascii.get(usize::from(*byte)) == Some(&true))
    }
}

impl Tail {
    pub(super) fn take(&self, line: &str, at: usize, slots: &mut Slots) -> bool {
        match self {
            Self::Open => true,
            Self::End => at == line.len(),
            Self::Groups(groups) => groups.take(line, at, slots),
        }
    }
}
