//! One piece of a pattern: what stands before a sign.

use super::{Groups, Slots, input, note};
use regex_automata::meta::Regex;

/// Something, and the sign that ends it.
pub(super) struct Piece {
    pub(super) what: What,
    pub(super) sign: Sign,
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
    /// Fills in the groups of what begins at `at` and answers where the next piece begins; `None`: no match.
    pub(super) fn take(&self, line: &str, at: usize, slots: &mut Slots) -> Option<usize> {
        let end = self.sign.find(line.as_bytes(), at)?;
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
    /// Where the sign begins that ends what begins at `at`: the first byte like its own decides.
    fn find(&self, text: &[u8], mut at: usize) -> Option<usize> {
        let first = *self.text.first()?;
        let end = if self.escaped {
            loop {
                at += memchr::memchr2(first, b'\\', text.get(at..)?)?;
                if text[at] == first {
                    break at;
                }
                at += 2;
            }
        } else {
            at + memchr::memchr(first, text.get(at..)?)?
        };
        text[end..].starts_with(&self.text).then_some(end)
    }
}

impl Matcher {
    fn is_whole(&self, line: &str, at: usize, end: usize) -> bool {
        let Some(part) = line.as_bytes().get(at..end) else { return false };
        match self {
            Self::Text(literal) => *part == **literal,
            Self::Run(run) => run.is_whole(part),
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
