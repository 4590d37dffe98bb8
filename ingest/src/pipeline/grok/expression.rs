//! One pattern, compiled.

use super::check::Check;
use super::cuts::{Answer, Cuts};
use super::plan::{self, Group, Plan};
use super::syntax::{self, Capture};
use super::{Flavour, Place};
use crate::pipeline::{document::Field, field_tree::FieldTree};
use event::Object;
use regex_automata::{Anchored, Input, meta::Regex, util::primitives::NonMaxUsize};
use regex_syntax::hir::{Capture as HirCapture, Class, ClassUnicode, ClassUnicodeRange, Hir, HirKind, Look};
use serde_json::Value;
use std::sync::OnceLock;

/// Most memory that an automaton may take.
pub(super) const AUTOMATON_MAX_BYTES: usize = 8 * 1024 * 1024;

/// Where groups begin and end: two places of the text for each, the whole match first.
pub(super) type Slots = [Option<NonMaxUsize>];

/// One pattern.
pub(super) struct Expression {
    regexes: Regexes,
    /// The quick way, for one line of ASCII, made when the first comes; `None`: there is none.
    cuts: OnceLock<Option<Cuts>>,
    /// The pattern with `^` and `$` at every line.
    pub(super) hir: Hir,
    /// What group 1 and those after it are for.
    pub(super) groups: Vec<Group>,
    pub(super) checks: Vec<Check>,
    /// The regex does not tell all places at which a check is to be made.
    repeated: bool,
    /// Fields in the order of the pattern, each with the places of its groups among the slots and the number of its value.
    captures: Vec<(Capture, Vec<Place>, usize)>,
    /// The fields of the values.
    pub(super) tree: FieldTree,
}

/// What the regex found.
pub(super) enum Found {
    /// It is what the pattern means.
    Match,
    /// Something matches but for the checks.
    Doubtful,
    /// Nothing matches.
    Nothing,
}

impl Expression {
    /// # Errors
    /// As [`super::Grok::compile`].
    pub(super) fn compile(pattern: &str, definitions: &Object, flavour: Flavour) -> Result<Self, String> {
        let translation = syntax::translate(pattern, definitions, flavour)?;
        let Plan { hir, groups, checks, repeated } = plan::plan(&translation)?;
        let place = |number: &usize| {
            let group = groups.iter().position(|group| *group == Group::Field(*number))?;
            Some(Place { slot: 2 * (group + 1), to_line_end: translation.to_line_end.contains(number) })
        };
        let mut fields: Vec<Field> = Vec::new();
        let captures = translation.captures.into_iter().map(|capture| {
            let places = capture.groups.iter().filter_map(place).collect();
            let known = fields.iter().position(|field| *field == capture.field);
            let number = known.unwrap_or_else(|| {
                fields.push(capture.field.clone());
                fields.len() - 1
            });
            (capture, places, number)
        });
        let captures = captures.collect();
        let (tree, cuts) = (FieldTree::new(fields), OnceLock::new());
        let regexes = Regexes::compile(vec![hir.clone()])?;
        Ok(Self { regexes, cuts, hir, groups, checks, repeated, captures, tree })
    }

    pub(super) fn slots(&self) -> usize {
        2 * (self.groups.len() + 1)
    }

    /// How many fields it has.
    pub(super) fn fields(&self) -> usize {
        self.captures.len()
    }

    /// The field that comes first.
    pub(super) fn first_field(&self) -> Option<&Field> {
        self.captures.first().map(|(capture, ..)| &capture.field)
    }

    /// Looks whether a text of one line of ASCII matches from its first byte on. Where checks are in doubt, that is not known.
    pub(super) fn at_start(&self, line: &str, slots: &mut Slots) -> Answer {
        let cuts = self.cuts.get_or_init(|| Cuts::of(simple(self.hir.clone())));
        match cuts.as_ref().map_or(Answer::Unsure, |cuts| cuts.search(line, slots)) {
            Answer::Match if !matches!(self.checked(line, slots), Found::Match) => Answer::Unsure,
            answer => answer,
        }
    }

    /// Searches the text from a place on, or at that place only.
    ///
    /// # Errors
    /// The automaton grows too large for such a text.
    pub(super) fn search(
        &self,
        text: &str,
        from: usize,
        anchored: Anchored,
        slots: &mut Slots,
    ) -> Result<Found, String> {
        let regex = self.regexes.of(text)?;
        let input = Input::new(text).range(from..).anchored(anchored);
        // What matches at the beginning of the text is leftmost, and found several times faster when nothing else is
        // looked for: nearly all log lines match there.
        let at_once = from == 0 && anchored == Anchored::No;
        let found = (at_once && regex.search_slots(&input.clone().anchored(Anchored::Yes), slots).is_some())
            || regex.search_slots(&input, slots).is_some();
        if !found {
            return Ok(Found::Nothing);
        }
        Ok(self.checked(text, slots))
    }

    /// What a match is worth.
    fn checked(&self, text: &str, slots: &Slots) -> Found {
        let holds = |(group, slot): (&Group, &Option<NonMaxUsize>)| match (group, slot) {
            (Group::Check(check), Some(at)) => {
                self.checks.get(*check).is_none_or(|check| check.holds(text, at.get()))
            }
            _ => true,
        };
        let starts = slots.iter().skip(2).step_by(2);
        if self.repeated || (!self.checks.is_empty() && !self.groups.iter().zip(starts).all(holds)) {
            return Found::Doubtful;
        }
        Found::Match
    }

    /// Whether anything matches, its checks left aside.
    pub(super) fn may_match(&self, text: &str) -> bool {
        self.regexes.of(text).is_ok_and(|regex| regex.is_match(text))
    }

    /// Whether there is nothing to check.
    pub(super) fn is_plain(&self) -> bool {
        self.checks.is_empty()
    }

    /// The values of the fields of a match, by their numbers.
    ///
    /// # Errors
    /// A captured text is not of the type that the pattern asks for.
    pub(super) fn values(&self, text: &str, slots: &Slots) -> Result<super::Values, String> {
        let mut values = vec![None; self.captures.len()];
        for (capture, places, number) in &self.captures {
            for part in places.iter().filter_map(|place| place.text(text, slots)) {
                let value = capture.kind.read(part)?;
                // Groups that give the same field give it a list.
                match values.get_mut(*number) {
                    Some(Some(Value::Array(items))) => items.push(value),
                    Some(Some(first)) => *first = Value::Array(vec![first.take(), value]),
                    Some(none) => *none = Some(value),
                    None => {}
                }
            }
        }
        Ok(values)
    }
}

/// Patterns of which the first that matches leftmost is found.
pub(super) struct Regexes {
    /// For one line of ASCII, which nearly all texts are: smaller and several times faster than the other, with the
    /// same answers.
    simple: Regex,
    /// For any text, made when the first comes that needs it.
    full: OnceLock<Result<Regex, String>>,
    /// The patterns with `^` and `$` at every line.
    hirs: Vec<Hir>,
}

impl Regexes {
    /// # Errors
    /// The automaton grows too large.
    pub(super) fn compile(hirs: Vec<Hir>) -> Result<Self, String> {
        let simple: Vec<Hir> = hirs.iter().cloned().map(simple).collect();
        Ok(Self { simple: regex(&simple, AUTOMATON_MAX_BYTES)?, full: OnceLock::new(), hirs })
    }

    /// # Errors
    /// The automaton for any text grows too large.
    pub(super) fn of(&self, text: &str) -> Result<&Regex, String> {
        if is_simple(text) {
            return Ok(&self.simple);
        }
        // What Unicode adds to the simple one is within this limit for all but built cases.
        let full = self.full.get_or_init(|| regex(&self.hirs, 4 * AUTOMATON_MAX_BYTES));
        full.as_ref().map_err(Clone::clone)
    }
}

/// Whether it is one line of ASCII.
pub(super) fn is_simple(text: &str) -> bool {
    text.is_ascii() && memchr::memchr(b'\n', text.as_bytes()).is_none()
}

/// # Errors
/// The automaton grows too large.
pub(super) fn regex(hirs: &[Hir], max_bytes: usize) -> Result<Regex, String> {
    let config = Regex::config().nfa_size_limit(Some(max_bytes));
    let regex = Regex::builder().configure(config).build_many_from_hir(hirs);
    regex.map_err(|e| format!("cannot compile pattern: {e}"))
}

/// The pattern for texts of ASCII without line feeds, where a line is all.
fn simple(hir: Hir) -> Hir {
    match hir.into_kind() {
        HirKind::Look(look) => Hir::look(match look {
            Look::StartLF => Look::Start,
            Look::EndLF => Look::End,
            Look::WordUnicode => Look::WordAscii,
            Look::WordUnicodeNegate => Look::WordAsciiNegate,
            look => look,
        }),
        HirKind::Empty => Hir::empty(),
        HirKind::Literal(literal) if literal.0.is_ascii() => Hir::literal(literal.0),
        HirKind::Literal(_) => Hir::fail(),
        HirKind::Class(Class::Unicode(mut class)) => {
            class.intersect(&ClassUnicode::new([ClassUnicodeRange::new('\0', '\u{7f}')]));
            Hir::class(Class::Unicode(class))
        }
        HirKind::Class(class) => Hir::class(class),
        HirKind::Repetition(mut repetition) => {
            repetition.sub = Box::new(simple(*repetition.sub));
            Hir::repetition(repetition)
        }
        HirKind::Capture(HirCapture { index, name, sub }) => {
            Hir::capture(HirCapture { index, name, sub: Box::new(simple(*sub)) })
        }
        HirKind::Concat(parts) => Hir::concat(parts.into_iter().map(simple).collect()),
        HirKind::Alternation(parts) => Hir::alternation(parts.into_iter().map(simple).collect()),
    }
}
