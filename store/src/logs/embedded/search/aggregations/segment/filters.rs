use super::super::keys::LocalKey;
use tantivy::{DocSet, TERMINATED, query::Scorer};

/// Which filters a document matches.
pub(super) struct FilterKeys {
    pub(super) scorers: Vec<Box<dyn Scorer>>,
    /// Whether there is a bucket for what matches none; its position is behind the others.
    pub(super) other: bool,
    /// One bucket, of what does *not* match.
    pub(super) inverted: bool,
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
        if self.other && out.is_empty() {
            out.push(Some(self.scorers.len() as u64));
        }
    }
}
