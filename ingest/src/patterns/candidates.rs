//! Datasets that wait for a place among those with patterns.

use std::collections::HashMap;

/// So many messages a dataset must have had, and twice as many as the one that would make room for it.
const ADMIT_AFTER: u64 = 64;
/// After so many messages of datasets without a place, all counts are halved: what counts is who sends now.
const HALVE_AFTER: u64 = 4_096;
/// So many datasets are counted at most.
const COUNTED_MAX: usize = 256;
/// Longer names are not counted.
const NAME_MAX_BYTES: usize = 256;

/// Counts the messages of datasets that have no place. Without it each of two too many would push the other out with every
/// message, and with it all that had been found out of its messages.
#[derive(Debug, Default)]
pub(super) struct Candidates {
    messages: HashMap<Box<str>, u64>,
    since_halved: u64,
}

/// What a message of a dataset without a place leads to.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It stays without.
    Wait,
    /// It stays without, and the counts of those that have one are to be halved.
    Halve,
    /// It takes the place of the smallest; it had so many messages.
    Admit(u64),
}

impl Candidates {
    /// Counts a message; `smallest` is the least number of messages of those that have a place.
    pub(super) fn count(&mut self, name: &str, smallest: impl FnOnce() -> u64) -> Verdict {
        self.since_halved += 1;
        if self.since_halved >= HALVE_AFTER {
            self.since_halved = 0;
            self.messages.retain(|_, messages| {
                *messages /= 2;
                *messages > 0
            });
            return Verdict::Halve;
        }
        let known = self.messages.get(name).copied();
        if known.is_none() && (self.messages.len() >= COUNTED_MAX || name.len() > NAME_MAX_BYTES) {
            return Verdict::Wait;
        }
        let messages = known.unwrap_or_default() + 1;
        match self.messages.get_mut(name) {
            Some(counted) => *counted = messages,
            None => drop(self.messages.insert(name.into(), messages)),
        }
        if messages < ADMIT_AFTER || messages < smallest().saturating_mul(2) {
            return Verdict::Wait;
        }
        self.messages.remove(name);
        Verdict::Admit(messages)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_who_sends_much_more_is_admitted() {
        let mut candidates = Candidates::default();
        for _ in 1..ADMIT_AFTER {
            assert_eq!(candidates.count("a", || 1), Verdict::Wait);
        }
        assert_eq!(candidates.count("a", || 1), Verdict::Admit(ADMIT_AFTER));
        assert_eq!(candidates.count("a", || 1), Verdict::Wait, "it begins anew");
        for _ in 0..2 * ADMIT_AFTER - 1 {
            assert_eq!(candidates.count("b", || ADMIT_AFTER), Verdict::Wait);
        }
        assert_eq!(candidates.count("b", || ADMIT_AFTER), Verdict::Admit(2 * ADMIT_AFTER));
    }

    #[test]
    fn a_flood_of_names_takes_no_room() {
        let mut candidates = Candidates::default();
        let mut halved = 0;
        for n in 0..3 * HALVE_AFTER {
            for name in [format!("d{n}"), "x".repeat(NAME_MAX_BYTES + 1)] {
                halved += u64::from(candidates.count(&name, || 0) == Verdict::Halve);
            }
            assert!(candidates.messages.len() <= COUNTED_MAX);
        }
        assert_eq!(halved, 6);
    }
}
