//! Queries for points in a region.

use super::super::schema::ResolvedField;
use super::column::Points;
use super::geography::distance_m;
use crate::logs::dsl::GeoBox;
use tantivy::{
    BitSet, DocId, Score, SegmentReader,
    query::{BitSetDocSet, ConstScorer, EmptyScorer, EnableScoring, Explanation, Query, Scorer, Weight},
};

/// Where a point has to be.
#[derive(Debug, Clone, Copy)]
pub(super) enum Region {
    Box(GeoBox),
    /// Around a point (latitude, longitude), so many metres.
    Circle((f64, f64), f64),
}

impl Region {
    fn holds(&self, point: (f64, f64)) -> bool {
        match self {
            Self::Box(found) => found.holds(point.0, point.1),
            Self::Circle(origin, metres) => distance_m(*origin, point) <= *metres,
        }
    }
}

/// Documents with a point in a region.
#[derive(Debug, Clone)]
pub(super) struct GeoQuery {
    pub(super) field: ResolvedField,
    pub(super) region: Region,
}

impl Query for GeoQuery {
    fn weight(&self, _scoring: EnableScoring<'_>) -> tantivy::Result<Box<dyn Weight>> {
        Ok(Box::new(self.clone()))
    }
}

impl Weight for GeoQuery {
    fn scorer(&self, reader: &SegmentReader, boost: Score) -> tantivy::Result<Box<dyn Scorer>> {
        let Some(points) = Points::open(reader, &self.field)? else { return Ok(Box::new(EmptyScorer)) };
        let mut docs = BitSet::with_max_value(reader.max_doc());
        for doc in 0..reader.max_doc() {
            if points.of(doc).any(|point| self.region.holds(point)) {
                docs.insert(doc);
            }
        }
        Ok(Box::new(ConstScorer::new(BitSetDocSet::from(docs), boost)))
    }

    fn explain(&self, _reader: &SegmentReader, _doc: DocId) -> tantivy::Result<Explanation> {
        Ok(Explanation::new("points in a region", 1.0))
    }
}
