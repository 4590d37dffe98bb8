use super::super::keys::LocalKey;
use tantivy::{DocSet, TERMINATED, query::Scorer};

/// Which filters a document matches.
pub(super) struct FilterKeys {
    pub(super) scorers: Vec<Box<dyn Scorer>>,
    /// Whether there is a bucket for what matches none; its position is behind the others.
    pub(super) other: bool,
    /// One bucket, of what does *not* match.
    pub(super) inverted: bool,
    /// Whether pairs of filters that match have a bucket, too ([`pair_position`]).
    pub(super) pairs: bool,
}

/// The position of the bucket of two filters among so many: behind those of single ones.
pub(in super::super) fn pair_position(filters: usize, first: usize, second: usize) -> usize {
    filters + first * filters + second
}

impl FilterKeys {
    pub(super) fn keys(&mut self, doc: u32, out: &mut Vec<LocalKey>) {
        out.clear();
        for (position, scorer) in self.scorers.iter_mut().enumerate() {
            let at = scorer.doc();
            let at = if at < doc && at != TERMINATED { scorer.seek(doc) } else { at };
            if (at == doc) != self.inverted {
                out.push(Some(position as u64));
            }
        }
        if self.pairs {
            let filters = self.scorers.len();
            let single: Vec<usize> = out.iter().flatten().map(|position| *position as usize).collect();
            for (at, first) in single.iter().enumerate() {
                let others = single.iter().skip(at + 1);
                out.extend(others.map(|second| Some(pair_position(filters, *first, *second) as u64)));
            }
        }
        if self.other && out.is_empty() {
            out.push(Some(self.scorers.len() as u64));
        }
    }
}
