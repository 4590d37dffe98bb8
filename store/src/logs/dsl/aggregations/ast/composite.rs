use super::{DateHistogram, GeoGrid, Histogram, ValuesSource};
use crate::logs::dsl::SortOrder;

/// A key of a composite.
#[derive(Debug, Clone, PartialEq)]
pub struct CompositeSource {
    /// Name in the bucket's key.
    pub name: String,
    /// What it is taken from.
    pub kind: CompositeKind,
    /// Direction.
    pub order: SortOrder,
    /// Whether documents without the field get a null key instead of being left out.
    pub missing_bucket: bool,
}

/// Kinds of keys of a composite.
#[derive(Debug, Clone, PartialEq)]
pub enum CompositeKind {
    /// The value itself.
    Terms(ValuesSource),
    /// The interval that holds the number.
    Histogram(Histogram),
    /// The interval that holds the date.
    DateHistogram(Box<DateHistogram>),
    /// The cell of the grid that holds the point.
    GeoTile(GeoGrid),
}
