//! Where a pattern can be cut.

use super::{
    Cuts, GROUPS_MAX, Groups,
    piece::{Automaton, Choice, Matcher, Piece, Run, Sign, Tail, What},
};
use crate::pipeline::grok::{
    expression::{self, AUTOMATON_MAX_BYTES},
    rim::Chars,
};
use regex_automata::{
    dfa::{StartKind, dense},
    meta::Regex,
    nfa::thompson,
};
use regex_syntax::hir::{Capture, Class, Hir, HirKind, Look, Repetition};

/// Most memory that the automaton of a piece may take, all its states worked out.
const DENSE_MAX_BYTES: usize = 256 << 10;

pub(super) fn cuts(pattern: Hir) -> Option<Cuts> {
    let nodes = match pattern.into_kind() {
        HirKind::Concat(nodes) => nodes,
        _ => return None,
    };
    let anchored = matches!(nodes.first()?.kind(), HirKind::Look(Look::Start));
    let mut pieces = Vec::new();
    let mut pending = Vec::new();
    for node in nodes.into_iter().skip(usize::from(anchored)) {
        let sign = match node.kind() {
            HirKind::Literal(literal) => sign(&pending, &literal.0),
            _ => None,
        };
        match sign {
            Some((sign, kept, left_out)) => {
                pending.clear();
                pieces.push(Piece { what: what(kept, &node)?, sign, left_out: left_out.into() });
            }
            None => pending.push(node),
        }
    }
    let tail = match &*pending {
        [] => Tail::Open,
        [only] if matches!(only.kind(), HirKind::Look(Look::End)) => Tail::End,
        _ => Tail::Groups(groups_of(Hir::concat(pending))?),
    };
    (!pieces.is_empty()).then_some(Cuts { pieces, tail, anchored })
}

/// The literal as the sign that ends these, if they cannot hold its first byte; with what of them is to be looked for, and the
/// first bytes of what is left out.
fn sign(before: &[Hir], literal: &[u8]) -> Option<(Sign, Vec<Hir>, Vec<u8>)> {
    let first = *literal.first().filter(|first| first.is_ascii() && **first != b'\\')?;
    let text = literal.into();
    let mut left_out = Vec::new();
    let kept: Vec<Hir> = before.iter().map(|node| leave_out(node, first, &mut left_out)).collect();
    if kept.iter().all(|node| cannot_hold(node, first)) {
        Some((Sign { text, escaped: false }, kept, left_out))
    } else if holds_escaped_only(before, first) {
        Some((Sign { text, escaped: true }, before.to_vec(), Vec::new()))
    } else {
        None
    }
}

/// A node without the optional parts in it that could hold the byte and begin with another.
fn leave_out(node: &Hir, byte: u8, left_out: &mut Vec<u8>) -> Hir {
    if cannot_hold(node, byte) {
        return node.clone();
    }
    match node.kind() {
        HirKind::Repetition(Repetition { min: 0, max: Some(1), sub, .. }) => match first_byte(sub) {
            Some(first) if first != byte => {
                left_out.push(first);
                Hir::empty()
            }
            _ => node.clone(),
        },
        HirKind::Capture(Capture { index, name, sub }) => {
            let (index, name) = (*index, name.clone());
            Hir::capture(Capture { index, name, sub: Box::new(leave_out(sub, byte, left_out)) })
        }
        HirKind::Concat(nodes) => {
            Hir::concat(nodes.iter().map(|node| leave_out(node, byte, left_out)).collect())
        }
        HirKind::Alternation(nodes) => {
            Hir::alternation(nodes.iter().map(|node| leave_out(node, byte, left_out)).collect())
        }
        _ => node.clone(),
    }
}

/// The byte with which every match begins.
fn first_byte(node: &Hir) -> Option<u8> {
    match node.kind() {
        HirKind::Literal(literal) => literal.0.first().copied(),
        HirKind::Capture(Capture { sub, .. }) => first_byte(sub),
        HirKind::Concat(nodes) => first_byte(nodes.first()?),
        _ => None,
    }
}

fn cannot_hold(node: &Hir, byte: u8) -> bool {
    match node.kind() {
        HirKind::Empty | HirKind::Look(_) => true,
        HirKind::Literal(literal) => !literal.0.contains(&byte),
        HirKind::Class(class) => !class_holds(class, byte),
        HirKind::Repetition(Repetition { sub, .. }) | HirKind::Capture(Capture { sub, .. }) => {
            cannot_hold(sub, byte)
        }
        HirKind::Concat(nodes) | HirKind::Alternation(nodes) => {
            nodes.iter().all(|node| cannot_hold(node, byte))
        }
    }
}

/// Whether the byte, and a backslash, come only as the second of a pair of a backslash and any one character.
fn holds_escaped_only(nodes: &[Hir], byte: u8) -> bool {
    let mut after_backslash = false;
    nodes.iter().all(|node| {
        if std::mem::take(&mut after_backslash) {
            return matches!(node.kind(), HirKind::Class(_));
        }
        match node.kind() {
            HirKind::Empty | HirKind::Look(_) => true,
            HirKind::Literal(literal) => {
                let mut bytes = literal.0.iter();
                while let Some(found) = bytes.next() {
                    match found {
                        b'\\' => match bytes.next() {
                            Some(escaped) if escaped.is_ascii() => {}
                            Some(_) => return false,
                            None => after_backslash = true,
                        },
                        found if *found == byte => return false,
                        _ => {}
                    }
                }
                true
            }
            HirKind::Class(class) => !class_holds(class, byte) && !class_holds(class, b'\\'),
            HirKind::Repetition(Repetition { sub, .. }) | HirKind::Capture(Capture { sub, .. }) => {
                holds_escaped_only(std::slice::from_ref(&**sub), byte)
            }
            HirKind::Concat(nodes) => holds_escaped_only(nodes, byte),
            HirKind::Alternation(nodes) => {
                nodes.iter().all(|node| holds_escaped_only(std::slice::from_ref(node), byte))
            }
        }
    }) && !after_backslash
}

fn class_holds(class: &Class, byte: u8) -> bool {
    Chars::of_class(class).holds(byte)
}

/// What stands before the sign, compiled.
fn what(mut nodes: Vec<Hir>, sign: &Hir) -> Option<What> {
    let only = match nodes.len() {
        0 => Some(Hir::empty()),
        1 => nodes.pop(),
        _ => None,
    };
    if let Some(node) = only {
        if let Some(choices) = choices(&node, sign) {
            return Some(What::Choice(choices.into()));
        }
        nodes.push(node);
    }
    nodes.push(sign.clone());
    groups_of(Hir::concat(nodes)).map(What::Groups)
}

/// `(?:-|(…))?` as its ways; `None` if there are groups inside of them.
fn choices(node: &Hir, sign: &Hir) -> Option<Vec<Choice>> {
    match node.kind() {
        HirKind::Alternation(nodes) => nodes.iter().map(|node| choice(node, sign)).collect(),
        HirKind::Repetition(Repetition { min: 0, max: Some(1), greedy, sub }) => {
            let mut ways = choices(sub, sign)?;
            let none = Choice { matcher: Matcher::Text([].into()), group: None };
            ways.insert(if *greedy { ways.len() } else { 0 }, none);
            Some(ways)
        }
        _ => Some(vec![choice(node, sign)?]),
    }
}

fn choice(node: &Hir, sign: &Hir) -> Option<Choice> {
    let (node, group) = match node.kind() {
        HirKind::Capture(capture) => (&*capture.sub, Some(usize::try_from(capture.index).ok()?)),
        _ => (node, None),
    };
    if node.properties().explicit_captures_len() > 0 {
        return None;
    }
    let matcher = match node.kind() {
        HirKind::Empty => Matcher::Text([].into()),
        HirKind::Literal(literal) => Matcher::Text(literal.0.clone()),
        _ => match run(node) {
            Some(run) => Matcher::Run(Box::new(run)),
            None => {
                let whole = Hir::concat(vec![node.clone(), sign.clone()]);
                match automaton(&whole) {
                    Some(automaton) => Matcher::Automaton(Box::new(automaton)),
                    None => Matcher::Regex(regex(&whole)?),
                }
            }
        },
    };
    Some(Choice { matcher, group })
}

/// A class, or a repeated one, as a table for ASCII.
fn run(node: &Hir) -> Option<Run> {
    let (node, least, most) = match node.kind() {
        HirKind::Repetition(Repetition { min, max, sub, .. }) => {
            let most = max.map(usize::try_from).transpose().ok()?;
            (&**sub, usize::try_from(*min).ok()?, most)
        }
        _ => (node, 1, Some(1)),
    };
    let HirKind::Class(class) = node.kind() else { return None };
    let chars = Chars::of_class(class);
    let ascii = std::array::from_fn(|byte| u8::try_from(byte).is_ok_and(|byte| chars.holds(byte)));
    Some(Run { ascii, least, most })
}

/// A regex with its groups numbered from 1, and which groups of the whole pattern they are.
fn groups_of(node: Hir) -> Option<Groups> {
    let mut numbers = Vec::new();
    let node = renumber(node, &mut numbers)?;
    let regex = regex(&node)?;
    (numbers.len() < GROUPS_MAX).then(|| Groups { regex, numbers: numbers.into() })
}

fn renumber(node: Hir, numbers: &mut Vec<usize>) -> Option<Hir> {
    Some(match node.into_kind() {
        HirKind::Empty => Hir::empty(),
        HirKind::Literal(literal) => Hir::literal(literal.0),
        HirKind::Class(class) => Hir::class(class),
        HirKind::Look(look) => Hir::look(look),
        HirKind::Repetition(Repetition { min, max, greedy, sub }) => {
            Hir::repetition(Repetition { min, max, greedy, sub: Box::new(renumber(*sub, numbers)?) })
        }
        HirKind::Capture(Capture { index, sub, .. }) => {
            numbers.push(usize::try_from(index).ok()?);
            let index = u32::try_from(numbers.len()).ok()?;
            Hir::capture(Capture { index, name: None, sub: Box::new(renumber(*sub, numbers)?) })
        }
        HirKind::Concat(nodes) => Hir::concat(renumber_all(nodes, numbers)?),
        HirKind::Alternation(nodes) => Hir::alternation(renumber_all(nodes, numbers)?),
    })
}

fn renumber_all(nodes: Vec<Hir>, numbers: &mut Vec<usize>) -> Option<Vec<Hir>> {
    nodes.into_iter().map(|node| renumber(node, numbers)).collect()
}

/// All states of a small regex; `None`: it is not small, or holds what such an automaton cannot tell.
fn automaton(node: &Hir) -> Option<Automaton> {
    let nfa = thompson::Compiler::new().build_from_hir(node).ok()?;
    let config = dense::Config::new()
        .start_kind(StartKind::Anchored)
        .dfa_size_limit(Some(DENSE_MAX_BYTES))
        .determinize_size_limit(Some(4 * DENSE_MAX_BYTES));
    dense::Builder::new().configure(config).build_from_nfa(&nfa).ok()
}

fn regex(node: &Hir) -> Option<Regex> {
    expression::regex(std::slice::from_ref(node), AUTOMATON_MAX_BYTES).ok()
}
