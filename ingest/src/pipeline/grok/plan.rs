//! What of a pattern is left to check when the regex has matched.
//!
//! Look-around is no part of a regular expression. So the regex is searched without it, with an empty group at its
//! place: what that finds is the right match if every check holds there, since leaving out conditions only adds
//! possible matches and keeps their order. Most checks are not needed at all: a number between blanks has no digit
//! before it. And an atomic group is a plain one where there is nothing to backtrack into.

use super::check::Check;
use super::rim::{Chars, Rim, Side};
use super::syntax::Translation;
use regex_syntax::hir::{Capture, Hir, HirKind, Repetition};

/// What a group of the planned regex is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Group {
    /// Group `c<n>` of the translation.
    Field(usize),
    /// The check of that index.
    Check(usize),
}

/// A pattern with the checks that it needs.
pub(super) struct Plan {
    pub(super) hir: Hir,
    /// What its groups are for; the first is group 1.
    pub(super) groups: Vec<Group>,
    pub(super) checks: Vec<Check>,
    /// A check stands in a repetition, of which the regex tells the last place only.
    pub(super) repeated: bool,
}

/// What stands around a part.
#[derive(Debug, Clone, Copy)]
struct Around {
    before: Rim,
    after: Rim,
    /// What the pattern goes on with: as `after`, but at its end nothing, where `after` is anything.
    next: Rim,
    repeated: bool,
}

struct Planner<'t> {
    translation: &'t Translation,
    groups: Vec<Group>,
    checks: Vec<Check>,
    repeated: bool,
}

/// # Errors
/// Syntax that the engine refuses, look-around without bounds, atomic groups that are more than a plain group.
pub(super) fn plan(translation: &Translation) -> Result<Plan, String> {
    let hir = parse(&translation.text)?;
    let mut planner = Planner { translation, groups: Vec::new(), checks: Vec::new(), repeated: false };
    let anything = Rim { chars: Chars::ALL, empty: false, open: true, guarded: false };
    let nothing = Rim { empty: true, ..Rim::default() };
    let around = Around { before: anything, after: anything, next: nothing, repeated: false };
    let hir = planner.part(hir, around)?;
    Ok(Plan { hir, groups: planner.groups, checks: planner.checks, repeated: planner.repeated })
}

/// A text in the syntax of the engine, with `^` and `$` at every line.
pub(super) fn parse(text: &str) -> Result<Hir, String> {
    let mut parser = regex_syntax::ParserBuilder::new();
    parser.utf8(false).multi_line(true).build().parse(text).map_err(|e| {
        let text = e.to_string();
        format!("cannot compile pattern: {}", text.trim_end().rsplit('\n').next().unwrap_or("").trim())
    })
}

/// Whether a group of that name stands for a check.
fn is_check(name: &str) -> bool {
    name.starts_with('a')
}

fn rim(hir: &Hir, side: Side) -> Rim {
    Rim::of(hir, side, &is_check)
}

fn row(parts: &[Hir], side: Side) -> Rim {
    Rim::of_row(parts, side, &is_check)
}

impl Around {
    /// What stands around one of the parts in a row.
    fn in_row(self, parts: &[Hir], at: usize) -> Self {
        let (left, right) = parts.split_at(at);
        let right = right.get(1..).unwrap_or(&[]);
        let ahead = row(right, Side::Ahead);
        Self {
            before: row(left, Side::Behind).then(self.before),
            after: ahead.then(self.after),
            next: ahead.then(self.next),
            ..self
        }
    }

    /// What stands around the inside of a repetition: the inside itself as well.
    fn in_repetition(self, repetition: &Repetition) -> Self {
        if repetition.max == Some(1) {
            return self;
        }
        let again = rim(&repetition.sub, Side::Ahead);
        Self {
            before: self.before | rim(&repetition.sub, Side::Behind),
            after: self.after | again,
            next: self.next | again,
            repeated: true,
        }
    }
}

impl Planner<'_> {
    fn part(&mut self, hir: Hir, around: Around) -> Result<Hir, String> {
        if hir.properties().explicit_captures_len() == 0 {
            return Ok(hir);
        }
        Ok(match hir.into_kind() {
            HirKind::Capture(capture) => self.group(capture, around)?,
            HirKind::Repetition(mut repetition) => {
                let inside = around.in_repetition(&repetition);
                let sub = std::mem::replace(&mut *repetition.sub, Hir::empty());
                repetition.sub = Box::new(self.part(sub, inside)?);
                Hir::repetition(repetition)
            }
            HirKind::Concat(parts) => {
                let places: Vec<Around> = (0..parts.len())
                    .map(|at| {
                        let plain =
                            parts.get(at).is_none_or(|part| part.properties().explicit_captures_len() == 0);
                        if plain { around } else { around.in_row(&parts, at) }
                    })
                    .collect();
                let planned = parts.into_iter().zip(places).map(|(part, around)| self.part(part, around));
                Hir::concat(planned.collect::<Result<_, _>>()?)
            }
            HirKind::Alternation(parts) => {
                let planned = parts.into_iter().map(|part| self.part(part, around));
                Hir::alternation(planned.collect::<Result<_, _>>()?)
            }
            HirKind::Empty => Hir::empty(),
            HirKind::Literal(literal) => Hir::literal(literal.0),
            HirKind::Class(class) => Hir::class(class),
            HirKind::Look(look) => Hir::look(look),
        })
    }

    fn group(&mut self, capture: Capture, around: Around) -> Result<Hir, String> {
        let name = capture.name.as_deref().unwrap_or("");
        let number = name.get(1..).and_then(|number| number.parse().ok()).unwrap_or(0);
        if is_check(name) {
            return self.check(number, around);
        }
        if name.starts_with('k') {
            if !settled(&capture.sub, around.next) {
                let what = self.translation.atomics.get(number).map_or("", String::as_str);
                return Err(format!(
                    "{what} may keep from matching what a plain group would: patterns run in linear time and \
                     cannot; write it plain, or so that what follows cannot begin as it goes on"
                ));
            }
            return self.part(*capture.sub, around);
        }
        self.groups.push(Group::Field(number));
        let index = u32::try_from(self.groups.len()).unwrap_or(u32::MAX);
        let sub = Box::new(self.part(*capture.sub, around)?);
        Ok(Hir::capture(Capture { index, name: None, sub }))
    }

    /// An empty group where a check is to be made; nothing where it cannot fail.
    fn check(&mut self, number: usize, around: Around) -> Result<Hir, String> {
        let Some(assertion) = self.translation.assertions.get(number) else { return Ok(Hir::empty()) };
        let check = Check::compile(assertion)?;
        if check.cannot_fail(if assertion.ahead { around.after } else { around.before }) {
            return Ok(Hir::empty());
        }
        self.repeated |= around.repeated;
        self.groups.push(Group::Check(self.checks.len()));
        self.checks.push(check);
        let index = u32::try_from(self.groups.len()).unwrap_or(u32::MAX);
        Ok(Hir::capture(Capture { index, name: None, sub: Box::new(Hir::empty()) }))
    }
}

/// Whether the next character always decides how a part goes on, so that no other way through it could help what
/// follows.
fn settled(hir: &Hir, next: Rim) -> bool {
    let around = Around { before: Rim::default(), after: Rim::default(), next, repeated: false };
    let part = |hir: &Hir, around: Around| settled(hir, around.next);
    match hir.kind() {
        HirKind::Empty | HirKind::Literal(_) | HirKind::Class(_) | HirKind::Look(_) => true,
        HirKind::Capture(capture) => settled(&capture.sub, next),
        HirKind::Concat(parts) => {
            parts.iter().enumerate().all(|(at, hir)| part(hir, around.in_row(parts, at)))
        }
        HirKind::Alternation(parts) => {
            let rims: Vec<Rim> = parts.iter().map(|hir| rim(hir, Side::Ahead)).collect();
            let apart = rims.iter().enumerate().all(|(at, one)| {
                let last = at + 1 == rims.len();
                (!one.empty || (last && leaves(next)))
                    && rims.iter().take(at).all(|other| one.then(next).chars.disjoint(other.chars))
            });
            apart && parts.iter().all(|hir| settled(hir, next))
        }
        HirKind::Repetition(repetition) => {
            let again = rim(&repetition.sub, Side::Ahead);
            let fixed = repetition.max == Some(repetition.min);
            let decided = fixed
                || (repetition.greedy && !again.empty && leaves(next) && again.chars.disjoint(next.chars));
            decided && part(&repetition.sub, around.in_repetition(repetition))
        }
    }
}

/// Whether what follows, where it takes no character, holds after the longest run if it does after a shorter one.
fn leaves(next: Rim) -> bool {
    !(next.guarded && (next.empty || next.open))
}
