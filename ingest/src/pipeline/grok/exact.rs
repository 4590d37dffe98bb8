//! The search in which checks count at every step.
//!
//! It is needed where the regex without checks found something that the checks refuse: another way through the same
//! pattern, or another place, may still match. All ways are followed at once (Pike's machine: Thompson 1968, with
//! captures as in Cox, "Regular Expression Matching: the Virtual Machine Approach"), so its time grows with text ×
//! pattern and never beyond; a check takes constant time.

use super::check::Check;
use super::expression::{AUTOMATON_MAX_BYTES, Expression, Slots};
use super::plan::Group;
use regex_automata::nfa::thompson::{Compiler, Config, NFA, State};
use regex_automata::util::primitives::{NonMaxUsize, StateID};
use regex_syntax::hir::Hir;

/// Steps that the searches of one text may take together, whatever its length: half a second, or less.
const STEPS_MAX: usize = 50_000_000;
/// Steps for a text of any length, and for each of its bytes: as many as there are ways through the larger stock patterns.
const STEPS_MIN: usize = 2_000_000;
const STEPS_PER_BYTE: usize = 2_000;
/// Slots that are copied in the time of a step.
const SLOTS_PER_STEP: usize = 16;

/// Steps that the searches of a text may still take.
pub(super) struct Steps {
    left: usize,
    all: usize,
}

impl Steps {
    pub(super) fn of(text: &str) -> Self {
        let all = text.len().saturating_mul(STEPS_PER_BYTE).clamp(STEPS_MIN, STEPS_MAX);
        Self { left: all, all }
    }
}

/// The automaton of all patterns of a processor.
pub(super) struct Exact {
    nfa: NFA,
}

/// The ways under way at one place of the text, best first, each with its slots.
struct Ways {
    states: Vec<StateID>,
    slots: Vec<Option<NonMaxUsize>>,
    /// Where a state is among `states`, if it is: a sparse set.
    index: Vec<usize>,
}

impl Ways {
    fn new(states: usize) -> Self {
        Self { states: Vec::new(), slots: Vec::new(), index: vec![0; states] }
    }

    fn clear(&mut self) {
        self.states.clear();
        self.slots.clear();
    }

    /// Adds a state; false: it is there already.
    fn insert(&mut self, state: StateID) -> bool {
        let Some(index) = self.index.get_mut(state.as_usize()) else { return false };
        if self.states.get(*index) == Some(&state) {
            return false;
        }
        *index = self.states.len();
        self.states.push(state);
        true
    }
}

/// What is left to do while ways branch without taking a character.
enum Task {
    Visit(StateID),
    /// Puts a slot back to what it was, for the branches that come later.
    Restore(usize, Option<NonMaxUsize>),
}

struct Search<'s> {
    nfa: &'s NFA,
    expressions: &'s [Expression],
    text: &'s str,
    width: usize,
    steps: &'s mut Steps,
    tasks: Vec<Task>,
}

impl Exact {
    /// # Errors
    /// The automaton grows too large.
    pub(super) fn compile(expressions: &[Expression]) -> Result<Self, String> {
        let hirs: Vec<&Hir> = expressions.iter().map(|expression| &expression.hir).collect();
        let config = Config::new().nfa_size_limit(Some(AUTOMATON_MAX_BYTES));
        let nfa = Compiler::new().configure(config).build_many_from_hir(&hirs);
        Ok(Self { nfa: nfa.map_err(|e| format!("cannot compile pattern: {e}"))? })
    }

    /// The pattern that matches from a place on, with its slots; `None`: none does.
    ///
    /// # Errors
    /// It takes more steps than are left.
    pub(super) fn search(
        &self,
        expressions: &[Expression],
        text: &str,
        from: usize,
        slots: &mut Slots,
        steps: &mut Steps,
    ) -> Result<Option<usize>, String> {
        let width = slots.len();
        let mut search = Search { nfa: &self.nfa, expressions, text, width, steps, tasks: Vec::new() };
        search.run(from, slots)
    }
}

impl Search<'_> {
    fn run(&mut self, from: usize, found: &mut Slots) -> Result<Option<usize>, String> {
        let states = self.nfa.states().len();
        let (mut now, mut next) = (Ways::new(states), Ways::new(states));
        let mut current = vec![None; self.width];
        let mut matched = None;
        for at in from..=self.text.len() {
            if matched.is_none() && self.text.is_char_boundary(at) {
                current.fill(None);
                self.follow(&mut now, self.nfa.start_anchored(), at, &mut current);
            }
            if now.states.is_empty() && matched.is_some() {
                break;
            }
            for way in 0..now.states.len() {
                let (Some(state), Some(slots)) =
                    (now.states.get(way), now.slots.get(way * self.width..(way + 1) * self.width))
                else {
                    continue;
                };
                let target = match self.nfa.state(*state) {
                    State::Match { pattern_id } => {
                        found.copy_from_slice(slots);
                        matched = Some(pattern_id.as_usize());
                        break;
                    }
                    State::ByteRange { trans } => {
                        trans.matches(self.text.as_bytes(), at).then_some(trans.next)
                    }
                    State::Sparse(sparse) => sparse.matches(self.text.as_bytes(), at),
                    State::Dense(dense) => dense.matches(self.text.as_bytes(), at),
                    _ => None,
                };
                if let Some(target) = target {
                    current.copy_from_slice(slots);
                    self.follow(&mut next, target, at + 1, &mut current);
                }
            }
            std::mem::swap(&mut now, &mut next);
            next.clear();
            self.spend(now.states.len() + 1);
            if self.steps.left == 0 {
                let all = self.steps.all;
                return Err(format!("too much work: grok pattern matching was given up after {all} steps"));
            }
        }
        Ok(matched)
    }

    /// Adds all states that can be reached from one without taking a character, in their order of preference.
    fn follow(&mut self, ways: &mut Ways, from: StateID, at: usize, slots: &mut Slots) {
        self.tasks.push(Task::Visit(from));
        while let Some(task) = self.tasks.pop() {
            let state = match task {
                Task::Visit(state) => state,
                Task::Restore(slot, before) => {
                    if let Some(slot) = slots.get_mut(slot) {
                        *slot = before;
                    }
                    continue;
                }
            };
            if !ways.insert(state) {
                continue;
            }
            self.spend(1 + self.width / SLOTS_PER_STEP);
            ways.slots.extend_from_slice(slots);
            match self.nfa.state(state) {
                State::Look { look, next } => {
                    if self.nfa.look_matcher().matches(*look, self.text.as_bytes(), at) {
                        self.tasks.push(Task::Visit(*next));
                    }
                }
                State::Union { alternates } => {
                    self.tasks.extend(alternates.iter().rev().copied().map(Task::Visit));
                }
                State::BinaryUnion { alt1, alt2 } => {
                    self.tasks.push(Task::Visit(*alt2));
                    self.tasks.push(Task::Visit(*alt1));
                }
                State::Capture { next, pattern_id, group_index, slot } => {
                    let check = self.check(pattern_id.as_usize(), group_index.as_usize());
                    if let Some(check) = check {
                        let (holds, steps) = (check.holds(self.text, at), check.steps());
                        self.spend(steps);
                        if !holds {
                            continue;
                        }
                    }
                    self.record(pattern_id.as_usize(), group_index.as_usize(), slot.as_usize(), at, slots);
                    self.tasks.push(Task::Visit(*next));
                }
                State::ByteRange { .. }
                | State::Sparse(_)
                | State::Dense(_)
                | State::Fail
                | State::Match { .. } => {}
            }
        }
    }

    fn spend(&mut self, steps: usize) {
        self.steps.left = self.steps.left.saturating_sub(steps);
    }

    /// The check for which a group stands.
    fn check(&self, pattern: usize, group: usize) -> Option<&Check> {
        let expression = self.expressions.get(pattern)?;
        match expression.groups.get(group.checked_sub(1)?)? {
            Group::Check(check) => expression.checks.get(*check),
            Group::Field(_) => None,
        }
    }

    /// Notes where a group begins or ends.
    fn record(&mut self, pattern: usize, group: usize, slot: usize, at: usize, slots: &mut Slots) {
        // Slots are numbered through all patterns, the ends odd; here each pattern counts its own.
        let own = match self
            .nfa
            .group_info()
            .slots(regex_automata::PatternID::new(pattern).unwrap_or_default(), group)
        {
            Some((start, _)) if start == slot => 2 * group,
            _ => 2 * group + 1,
        };
        if let Some(there) = slots.get_mut(own) {
            self.tasks.push(Task::Restore(own, *there));
            *there = NonMaxUsize::new(at);
        }
    }
}
