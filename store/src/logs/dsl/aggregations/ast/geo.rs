use super::ValuesSource;
use crate::logs::dsl::GeoBox;

/// `geohash_grid`, `geotile_grid`.
#[derive(Debug, Clone, PartialEq)]
pub struct GeoGrid {
    /// The points.
    pub source: ValuesSource,
    /// Which grid.
    pub kind: GridKind,
    /// Characters of a geohash (1 to 12), or zoom of a map tile (0 to 29).
    pub precision: u8,
    /// Buckets wanted.
    pub size: usize,
    /// Only points in this box.
    pub bounds: Option<GeoBox>,
}

/// How the earth is cut into cells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GridKind {
    /// Geohashes (Niemeyer 2008).
    Geohash,
    /// Tiles of a Mercator map: zoom, column, row.
    Geotile,
}
