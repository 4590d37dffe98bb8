//! What characters can stand at the rim of a part of a pattern: the ground for leaving out checks that cannot fail
//! and for opening groups that would not be backtracked into.

use regex_syntax::hir::{Class, Hir, HirKind, Look};
use std::ops::BitOr;

/// Which way something is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    /// Its first character, or what follows it.
    Ahead,
    /// Its last character, or what comes before it.
    Behind,
}

/// A set of characters: exact in ASCII, all or none beyond.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Chars {
    ascii: u128,
    other: bool,
}

impl Chars {
    pub(super) const ALL: Self = Self { ascii: u128::MAX, other: true };

    fn one(c: char) -> Self {
        Self::range(c, c)
    }

    fn range(first: char, last: char) -> Self {
        let mut chars = Self { ascii: 0, other: last >= '\u{80}' };
        for code in (u32::from(first)..=u32::from(last)).take_while(|code| *code < 128) {
            chars.ascii |= 1 << code;
        }
        chars
    }

    pub(super) fn of_class(class: &Class) -> Self {
        let chars = |first, last| Self::range(first, last);
        match class {
            Class::Unicode(class) => class
                .ranges()
                .iter()
                .fold(Self::default(), |all, range| all | chars(range.start(), range.end())),
            Class::Bytes(class) => class.ranges().iter().fold(Self::default(), |all, range| {
                all | chars(char::from(range.start()), char::from(range.end()))
            }),
        }
    }

    /// Whether a byte of ASCII is among them.
    pub(super) fn holds(self, byte: u8) -> bool {
        byte < 128 && self.ascii >> byte & 1 == 1
    }

    pub(super) fn disjoint(self, other: Self) -> bool {
        self.ascii & other.ascii == 0 && !(self.other && other.other)
    }

    /// Whether it is surely a part of another set, one that is exact in ASCII only.
    pub(super) fn within(self, other: Self) -> bool {
        self.ascii & !other.ascii == 0 && !self.other
    }
}

impl BitOr for Chars {
    type Output = Self;
    fn bitor(self, other: Self) -> Self {
        Self { ascii: self.ascii | other.ascii, other: self.other || other.other }
    }
}

/// One side of a part of a pattern.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Rim {
    /// The characters that may stand there.
    pub(super) chars: Chars,
    /// The part may match nothing, and then its neighbour counts.
    pub(super) empty: bool,
    /// The text may end there.
    pub(super) open: bool,
    /// It may hold only where a zero-width check does.
    pub(super) guarded: bool,
}

impl BitOr for Rim {
    type Output = Self;
    fn bitor(self, other: Self) -> Self {
        Self {
            chars: self.chars | other.chars,
            empty: self.empty || other.empty,
            open: self.open || other.open,
            guarded: self.guarded || other.guarded,
        }
    }
}

impl Rim {
    /// This one, and where it may be empty what comes next to it.
    pub(super) fn then(self, next: Self) -> Self {
        if self.empty { Self { empty: next.empty, ..self | next } } else { self }
    }

    /// The rim of a part. `is_check` tells the groups that stand for checks.
    pub(super) fn of(hir: &Hir, side: Side, is_check: &dyn Fn(&str) -> bool) -> Self {
        let inner = |hir: &Hir| Self::of(hir, side, is_check);
        let chars = |chars| Self { chars, ..Self::default() };
        match hir.kind() {
            HirKind::Empty => Self { empty: true, ..Self::default() },
            HirKind::Literal(literal) => {
                let text = std::str::from_utf8(&literal.0).unwrap_or("");
                let c = if side == Side::Ahead { text.chars().next() } else { text.chars().next_back() };
                chars(c.map_or(Chars::ALL, Chars::one))
            }
            HirKind::Class(class) => chars(Chars::of_class(class)),
            HirKind::Look(look) => Self::of_look(*look, side),
            HirKind::Repetition(repetition) => {
                let rim = inner(&repetition.sub);
                Self { empty: rim.empty || repetition.min == 0, ..rim }
            }
            HirKind::Capture(capture) if capture.name.as_deref().is_some_and(is_check) => {
                Self { empty: true, guarded: true, ..Self::default() }
            }
            HirKind::Capture(capture) => inner(&capture.sub),
            HirKind::Concat(parts) => Self::of_row(parts, side, is_check),
            HirKind::Alternation(parts) => {
                parts.iter().map(inner).fold(Self::default(), |all, rim| all | rim)
            }
        }
    }

    /// The rim of parts in a row.
    pub(super) fn of_row(parts: &[Hir], side: Side, is_check: &dyn Fn(&str) -> bool) -> Self {
        let mut all = Self { empty: true, ..Self::default() };
        let mut add = |part: &Hir| {
            all = all.then(Self::of(part, side, is_check));
            all.empty
        };
        match side {
            Side::Ahead => parts.iter().all(&mut add),
            Side::Behind => parts.iter().rev().all(&mut add),
        };
        all
    }

    /// After an end of line stands a line feed or nothing; before a start of line too.
    fn of_look(look: Look, side: Side) -> Self {
        let edge = match side {
            Side::Ahead => matches!(look, Look::End | Look::EndLF),
            Side::Behind => matches!(look, Look::Start | Look::StartLF),
        };
        if edge {
            return Self { chars: Chars::one('\n'), open: true, ..Self::default() };
        }
        Self { empty: true, guarded: true, ..Self::default() }
    }
}
