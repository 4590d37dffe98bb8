//! Queries for points in a region.

use super::super::schema::ResolvedField;
use super::column::Points;
use super::geography::distance_m;
use crate::logs::dsl::GeoBox;
use std::sync::Arc;
use tantivy::{
    BitSet, DocId, Score, SegmentReader,
    query::{BitSetDocSet, ConstScorer, EmptyScorer, EnableScoring, Explanation, Query, Scorer, Weight},
};

/// Where a point has to be.
#[derive(Debug, Clone)]
pub(super) enum Region {
    Box(GeoBox),
    /// Around a point (latitude, longitude), so many metres.
    Circle((f64, f64), f64),
    /// Inside of a closed line through these corners (latitude, longitude).
    Polygon(Arc<[(f64, f64)]>),
}

impl Region {
    fn holds(&self, point: (f64, f64)) -> bool {
        match self {
            Self::Box(found) => found.holds(point.0, point.1),
            Self::Circle(origin, metres) => distance_m(*origin, point) <= *metres,
            Self::Polygon(corners) => inside(corners, point),
        }
    }
}

/// Whether a line from the point northwards crosses the sides an odd number of times (Shimrat 1962, algorithm 112).
fn inside(corners: &[(f64, f64)], (lat, lon): (f64, f64)) -> bool {
    let before = corners.last().into_iter().chain(corners);
    let crossings = before.zip(corners).filter(|((lat_a, lon_a), (lat_b, lon_b))| {
        (*lon_a > lon) != (*lon_b > lon) && lat < (lat_b - lat_a) * (lon - lon_a) / (lon_b - lon_a) + lat_a
    });
    crossings.count() % 2 == 1
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
