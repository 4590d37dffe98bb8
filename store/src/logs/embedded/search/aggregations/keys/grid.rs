use super::super::super::column::Points;
use super::LocalKey;
use crate::logs::dsl::aggregations::{GeoGrid, GridKind};

const ALPHABET: &[u8; 32] = b"0123456789bcdefghjkmnpqrstuvwxyz";
/// The northernmost latitude of a Mercator map.
const MERCATOR_LAT: f64 = 85.051_128_779_806_59;

/// Keys of `geohash_grid` and `geotile_grid`: the cell as a number that orders as Elasticsearch's.
pub(in super::super) struct GridKeys<'r> {
    pub(in super::super) request: &'r GeoGrid,
    pub(in super::super) points: Option<Points>,
}

impl GridKeys<'_> {
    pub(super) fn keys(&self, doc: u32, out: &mut Vec<LocalKey>) {
        let wanted =
            |point: &(f64, f64)| self.request.bounds.is_none_or(|bounds| bounds.holds(point.0, point.1));
        let points = self.points.iter().flat_map(|points| points.of(doc)).filter(wanted);
        out.extend(points.map(|point| Some(cell_of(self.request, point))));
    }
}

fn cell_of(request: &GeoGrid, (lat, lon): (f64, f64)) -> u64 {
    match request.kind {
        GridKind::Geohash => geohash(lat, lon, request.precision),
        GridKind::Geotile => tile(lat, lon, request.precision),
    }
}

/// How a cell is written.
pub(in super::super) fn cell_name(request: &GeoGrid, cell: u64) -> String {
    match request.kind {
        GridKind::Geohash => (0..request.precision)
            .rev()
            .map(|digit| char::from(ALPHABET[(cell >> (5 * u32::from(digit)) & 31) as usize]))
            .collect(),
        GridKind::Geotile => {
            format!("{}/{}/{}", cell >> 58, cell >> 29 & ((1 << 29) - 1), cell & ((1 << 29) - 1))
        }
    }
}

/// The cell of a tile that was written by [`cell_name`]; `None` if it is none of this zoom.
pub(in super::super) fn cell_of_name(name: &str, zoom: u8) -> Option<u64> {
    let mut parts = name.split('/').map(|part| part.parse::<u64>().ok());
    let (z, x, y) = (parts.next()??, parts.next()??, parts.next()??);
    let tiles = 1_u64 << zoom;
    (parts.next().is_none() && z == u64::from(zoom) && x < tiles && y < tiles)
        .then_some(z << 58 | x << 29 | y)
}

/// Bits of longitude and latitude in turn, five for each character.
fn geohash(lat: f64, lon: f64, precision: u8) -> u64 {
    let bits = u32::from(precision) * 5;
    let (lon_bits, lat_bits) = (bits.div_ceil(2), bits / 2);
    let scaled = |share: f64, bits: u32| {
        let cells = 2_f64.powi(bits as i32);
        ((share * cells) as u64).min((1_u64 << bits) - 1)
    };
    let x = scaled((lon + 180.0) / 360.0, lon_bits);
    let y = scaled((lat + 90.0) / 180.0, lat_bits);
    let (mut hash, mut x_left, mut y_left) = (0, lon_bits, lat_bits);
    for bit in 0..bits {
        hash = hash << 1
            | if bit % 2 == 0 {
                x_left -= 1;
                x >> x_left & 1
            } else {
                y_left -= 1;
                y >> y_left & 1
            };
    }
    hash
}

/// Column and row of a Mercator map of 2^zoom × 2^zoom tiles.
fn tile(lat: f64, lon: f64, zoom: u8) -> u64 {
    let tiles = 2_f64.powi(i32::from(zoom));
    let last = (1_u64 << zoom) - 1;
    let x = ((lon + 180.0) / 360.0 * tiles).floor().max(0.0) as u64;
    let sine = lat.clamp(-MERCATOR_LAT, MERCATOR_LAT).to_radians().sin();
    let y = (0.5 - ((1.0 + sine) / (1.0 - sine)).ln() / (4.0 * std::f64::consts::PI)) * tiles;
    u64::from(zoom) << 58 | x.min(last) << 29 | (y.floor().max(0.0) as u64).min(last)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::logs::dsl::aggregations::ValuesSource;

    #[test]
    fn cells_of_places() {
        let check = |kind, precision, lat, lon, expected: &str| {
            let request = GeoGrid { source: ValuesSource::default(), kind, precision, size: 1, bounds: None };
            let cell = cell_of(&request, (lat, lon));
            assert_eq!(cell_name(&request, cell), expected);
            if kind == GridKind::Geotile {
                assert_eq!(cell_of_name(expected, precision), Some(cell));
            }
        };
        check(GridKind::Geohash, 6, 48.8566, 2.3522, "u09tvw");
        check(GridKind::Geohash, 2, -9.09, -53.85, "6y");
        check(GridKind::Geohash, 12, 57.64911, 10.40744, "u4pruydqqvj8");
        check(GridKind::Geohash, 1, 90.0, 180.0, "z");
        check(GridKind::Geotile, 12, 37.2343, -115.8067, "12/730/1590");
        check(GridKind::Geotile, 12, 41.12, -71.34, "12/1236/1533");
        check(GridKind::Geotile, 12, 90.0, 0.0, "12/2048/0");
        check(GridKind::Geotile, 0, 10.0, 10.0, "0/0/0");
        assert_eq!(cell_of_name("3/9/1", 3), None);
        assert_eq!(cell_of_name("x", 3), None);
    }
}
