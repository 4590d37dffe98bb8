//! One pattern while messages come in.

use super::{
    id::PatternId,
    skeleton::{Skeleton, TOKENS_MAX, Token, WILDCARD, shape_of},
};
use event::Timestamp;
use jiff::SignedDuration;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// So many ids of patterns that became one with a pattern are kept with it.
const ALIASES_MAX: usize = 32;
/// A pattern whose latest event is later by so much is kept anew.
const SEEN_STEP: SignedDuration = SignedDuration::from_mins(1);

/// A pattern as it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pattern {
    /// Names it in events.
    pub id: PatternId,
    /// `event.dataset` of its messages; empty for those without.
    pub dataset: Arc<str>,
    /// What its messages have in common, with `<*>` for what they differ in.
    pub template: String,
    /// The message that it was made for, without its values.
    pub skeleton: Arc<str>,
    /// Start and end of each word of the skeleton, in bytes.
    pub words: Vec<u16>,
    /// Which of the words turned out to be values, counted from 0.
    pub widened: Vec<u8>,
    /// Patterns that were found to be the same, with ids of their own in older events.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub aliases: Vec<PatternId>,
    /// Counts the patterns of the dataset: of two that fit a message equally well, the older counts.
    pub born: u64,
    /// Time of its earliest event.
    pub first_seen: Timestamp,
    /// Time of its latest event.
    pub last_seen: Timestamp,
}

impl Pattern {
    /// Whether a message is one of this pattern as it is now. Not all are that have its id: a pattern that was forgotten may
    /// have come again from a message like one of its first, before others showed what in it are values.
    pub fn matches(&self, message: &str) -> bool {
        let Some(kept) = Cluster::skeleton_of(self) else { return false };
        let mut own = Skeleton::default();
        own.read(message);
        // Also where a wildcard stands in the message itself, beside a word.
        if own.text == *self.skeleton {
            return true;
        }
        let (mut shape, mut kept_shape) = (String::new(), String::new());
        shape_of(&own.text, &own.tokens, &mut shape);
        shape_of(&kept.text, &kept.tokens, &mut kept_shape);
        let mut words = (0_u8..).zip(own.tokens.iter().zip(&kept.tokens));
        shape == kept_shape
            && words.all(|(at, (one, other))| {
                self.widened.contains(&at) || one.of(&own.text) == other.of(&kept.text)
            })
    }
}

/// How alike a message is to a pattern: positions as bits.
#[derive(Debug, Clone, Copy)]
pub(super) struct Likeness {
    /// Words in which they differ, of those that are not known as values.
    pub(super) differ: u64,
    /// Words that are equal and no values.
    pub(super) equal: u32,
    /// Values in both.
    values: u32,
    words: u32,
}

impl Likeness {
    /// Equal words in a hundred. Values that both have count half: they say little.
    pub(super) fn percent(self) -> u32 {
        let whole = 2 * self.words - self.values;
        (200 * self.equal + 100 * self.values).checked_div(whole).unwrap_or(100)
    }

    /// Whether the message is one of the pattern as it stands.
    pub(super) fn is_full(self) -> bool {
        self.differ == 0
    }
}

/// A pattern with what finds it quickly.
#[derive(Debug)]
pub(super) struct Cluster {
    pub(super) id: PatternId,
    pub(super) skeleton: Arc<str>,
    tokens: Box<[Token]>,
    /// A hash of each word.
    hashes: Box<[u64]>,
    /// Which words are values from the beginning, and which have become so.
    values: u64,
    widened: u64,
    pub(super) aliases: Vec<PatternId>,
    pub(super) first_seen: Timestamp,
    pub(super) last_seen: Timestamp,
    /// `first_seen` and `last_seen` when it was last given away to be kept.
    kept_seen: Option<(Timestamp, Timestamp)>,
    /// Counts the patterns of the dataset.
    pub(super) born: u64,
    /// When a message last came, as a count of messages.
    pub(super) used: u64,
    /// Whether it is in the list of those to be kept anew.
    pub(super) changed: bool,
}

impl Cluster {
    pub(super) fn new(id: PatternId, skeleton: &Skeleton, hashes: &[u64], at: Timestamp) -> Self {
        Self {
            id,
            skeleton: skeleton.text.as_str().into(),
            tokens: skeleton.tokens.as_slice().into(),
            hashes: hashes.into(),
            values: values(skeleton),
            widened: 0,
            aliases: Vec::new(),
            first_seen: at,
            last_seen: at,
            kept_seen: None,
            born: 0,
            used: 0,
            changed: false,
        }
    }

    pub(super) fn likeness(&self, hashes: &[u64], values: u64) -> Likeness {
        let mut same = 0_u64;
        for (position, (own, other)) in self.hashes.iter().zip(hashes).enumerate() {
            same |= u64::from(own == other) << position;
        }
        let words = self.hashes.len() as u32;
        let all = if words as usize >= TOKENS_MAX { u64::MAX } else { (1 << words) - 1 };
        let equal = same & !self.widened;
        Likeness {
            differ: all & !same & !self.widened,
            equal: (equal & !values).count_ones(),
            values: (equal & values).count_ones(),
            words,
        }
    }

    /// Makes values of these words; whether that is news.
    pub(super) fn widen(&mut self, words: u64) -> bool {
        let news = words & !self.widened != 0;
        self.widened |= words;
        news
    }

    /// Whether all messages of the other, of the same shape, are messages of this one too.
    pub(super) fn covers(&self, other: &Self) -> bool {
        other.widened & !self.widened == 0 && self.likeness(&other.hashes, other.values).is_full()
    }

    /// Takes over the ids and times of a pattern that is the same.
    pub(super) fn absorb(&mut self, other: &mut Self) {
        self.aliases.push(other.id);
        self.aliases.append(&mut other.aliases);
        self.aliases.truncate(ALIASES_MAX);
        self.first_seen = self.first_seen.min(other.first_seen);
        self.last_seen = self.last_seen.max(other.last_seen);
    }

    /// What its messages have in common.
    pub(super) fn template(&self) -> String {
        let mut template = String::with_capacity(self.skeleton.len());
        let mut end = 0;
        for (position, token) in self.tokens.iter().enumerate() {
            template.push_str(self.skeleton.get(end..usize::from(token.start)).unwrap_or_default());
            let word = if self.widened >> position & 1 == 1 { WILDCARD } else { token.of(&self.skeleton) };
            template.push_str(word);
            end = usize::from(token.end);
        }
        template.push_str(self.skeleton.get(end..).unwrap_or_default());
        template
    }

    /// Counts an event of that time.
    pub(super) fn see(&mut self, at: Timestamp) {
        self.first_seen = self.first_seen.min(at);
        self.last_seen = self.last_seen.max(at);
    }

    /// Whether its times have moved since they were kept.
    pub(super) fn has_moved(&self) -> bool {
        self.kept_seen.is_none_or(|(first, last)| {
            self.first_seen < first || self.last_seen.duration_since(last) >= SEEN_STEP
        })
    }

    /// Whether it was ever given away to be kept.
    pub(super) fn was_kept(&self) -> bool {
        self.kept_seen.is_some()
    }

    /// Says that something is kept under its id.
    pub(super) fn note_kept(&mut self) {
        self.kept_seen.get_or_insert((self.first_seen, self.last_seen));
    }

    /// The pattern, to be kept.
    pub(super) fn keep(&mut self, dataset: &Arc<str>) -> Pattern {
        self.changed = false;
        self.kept_seen = Some((self.first_seen, self.last_seen));
        self.pattern(dataset)
    }

    pub(super) fn pattern(&self, dataset: &Arc<str>) -> Pattern {
        Pattern {
            id: self.id,
            dataset: Arc::clone(dataset),
            template: self.template(),
            skeleton: Arc::clone(&self.skeleton),
            words: self.tokens.iter().flat_map(|token| [token.start, token.end]).collect(),
            widened: (0..64).filter(|position| self.widened >> position & 1 == 1).collect(),
            aliases: self.aliases.clone(),
            born: self.born,
            first_seen: self.first_seen,
            last_seen: self.last_seen,
        }
    }

    /// What stands between its words.
    pub(super) fn shape(&self) -> String {
        let mut shape = String::new();
        shape_of(&self.skeleton, &self.tokens, &mut shape);
        shape
    }

    /// The skeleton of a kept pattern; `None` if it is damaged.
    pub(super) fn skeleton_of(pattern: &Pattern) -> Option<Skeleton> {
        let mut end = 0;
        let mut tokens = Vec::with_capacity(pattern.words.len() / 2);
        for pair in pattern.words.chunks(2) {
            let &[start, stop] = pair else { return None };
            let sound = start >= end && stop > start && tokens.len() < TOKENS_MAX;
            pattern.skeleton.get(usize::from(start)..usize::from(stop)).filter(|_| sound)?;
            tokens.push(Token { start, end: stop });
            end = stop;
        }
        (!tokens.is_empty()).then(|| Skeleton { text: pattern.skeleton.to_string(), tokens })
    }

    /// The pattern as it was kept, made for that skeleton.
    pub(super) fn restored(pattern: Pattern, skeleton: &Skeleton, hashes: &[u64]) -> Self {
        Self {
            widened: pattern.widened.iter().filter(|at| **at < 64).fold(0, |bits, at| bits | 1 << at),
            aliases: pattern.aliases,
            born: pattern.born,
            last_seen: pattern.last_seen,
            kept_seen: Some((pattern.first_seen, pattern.last_seen)),
            ..Self::new(pattern.id, skeleton, hashes, pattern.first_seen)
        }
    }
}

/// Which words of a skeleton are values.
pub(super) fn values(skeleton: &Skeleton) -> u64 {
    let words = skeleton.tokens.iter().enumerate();
    words.filter(|(_, token)| token.of(&skeleton.text) == WILDCARD).fold(0, |bits, (at, _)| bits | 1 << at)
}
