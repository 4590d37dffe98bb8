use super::super::super::sorting::SegmentTop;
use super::super::Partial;
use super::Batch;
use crate::StoreError;

/// The first documents of each bucket: `top_hits`, `top_metrics`.
pub(super) struct TopNode<'r> {
    tops: Vec<SegmentTop<'r>>,
    template: SegmentTop<'r>,
}

impl<'r> TopNode<'r> {
    pub(super) fn new(template: SegmentTop<'r>) -> Self {
        Self { tops: Vec::new(), template }
    }

    pub(super) fn collect(&mut self, batch: &Batch<'_>, parents: &[u32], docs: &[u32]) {
        for (parent, doc) in parents.iter().zip(docs) {
            while self.tops.len() <= *parent as usize {
                self.tops.push(self.template.empty());
            }
            self.tops[*parent as usize].offer(*doc, batch.score(*doc));
        }
    }

    pub(super) fn bytes(&self) -> usize {
        self.tops.iter().map(SegmentTop::bytes).sum()
    }

    pub(super) fn finish(self, parents: usize) -> Result<Vec<Partial>, StoreError> {
        let mut found = Vec::with_capacity(parents);
        for top in self.tops {
            found.push(Partial::TopHits(top.finish()?));
        }
        found.resize(parents, Partial::TopHits(Vec::new()));
        Ok(found)
    }
}
