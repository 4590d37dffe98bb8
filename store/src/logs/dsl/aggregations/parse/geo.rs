use super::{Named, ranges, values};
use crate::{
    StoreError,
    logs::dsl::{
        aggregations::ast::{GeoGrid, GridKind, Kind, RangeKind, Ranges},
        geo::{geo_box, geo_point, length_m},
        read::{number, shown},
    },
};
use serde::Deserialize;
use serde_json::Value;

/// Cells that a grid answers with unless told otherwise.
const SIZE_DEFAULT: usize = 10_000;
/// The finest geohash.
const GEOHASH_MAX: u8 = 12;
/// The finest zoom.
const ZOOM_MAX: u8 = 29;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct GridParameters {
    precision: Option<Value>,
    #[serde(default, deserialize_with = "number")]
    size: Option<i64>,
    bounds: Option<Value>,
    #[serde(rename = "shard_size")]
    _shard_size: Option<Value>,
}

pub(super) fn geohash_grid(at: &Named<'_>, value: &Value) -> Result<GeoGrid, StoreError> {
    grid(at, value, GridKind::Geohash, 5)
}

pub(super) fn geotile_grid(at: &Named<'_>, value: &Value) -> Result<GeoGrid, StoreError> {
    grid(at, value, GridKind::Geotile, 7)
}

fn grid(at: &Named<'_>, value: &Value, kind: GridKind, default: u8) -> Result<GeoGrid, StoreError> {
    let (source, read): (_, GridParameters) = values::read(at, value)?;
    values::refuse_script(at, &source)?;
    let size = match read.size {
        None => SIZE_DEFAULT,
        Some(size) => usize::try_from(size).ok().filter(|size| *size > 0).ok_or_else(|| {
            at.illegal(format!("[size] must be greater than 0. Found [{size}] in [{}]", at.name))
        })?,
    };
    Ok(GeoGrid {
        source,
        kind,
        precision: precision(at, read.precision.as_ref(), kind, default)?,
        size,
        bounds: read.bounds.as_ref().map(|bounds| geo_box(bounds, &at.place.key("bounds"))).transpose()?,
    })
}

fn precision(at: &Named<'_>, given: Option<&Value>, kind: GridKind, default: u8) -> Result<u8, StoreError> {
    let (least, most) = if kind == GridKind::Geohash { (1, GEOHASH_MAX) } else { (0, ZOOM_MAX) };
    let Some(given) = given else { return Ok(default) };
    let level = match given {
        Value::Number(level) => level.as_i64(),
        Value::String(text) => match text.parse().ok() {
            Some(level) => Some(level),
            // A length: cells of about that size.
            None if kind == GridKind::Geohash => length_m(text).map(|cell| i64::from(geohash_level(cell))),
            None => None,
        },
        _ => None,
    };
    match level.and_then(|level| u8::try_from(level).ok()) {
        Some(level) if (least..=most).contains(&level) => Ok(level),
        _ => Err(at.illegal(format!(
            "Invalid {} aggregation precision of {}. Must be between {least} and {most}.",
            at.kind,
            shown(given)
        ))),
    }
}

/// The coarsest geohash whose cells are no larger than that, in metres at the equator.
fn geohash_level(cell_m: f64) -> u8 {
    const EARTH_M: f64 = 40_075_016.685_578_5;
    (1..=GEOHASH_MAX)
        .find(|level| {
            let bits = i32::from(*level) * 5;
            // Longitude has the odd bit.
            let (lon_bits, lat_bits) = ((bits + 1) / 2, bits / 2);
            let (width, height) = (EARTH_M / 2_f64.powi(lon_bits), EARTH_M / 2.0 / 2_f64.powi(lat_bits));
            width.hypot(height) <= cell_m || width.max(height) <= cell_m
        })
        .unwrap_or(GEOHASH_MAX)
}

pub(super) fn geo_bounds(at: &Named<'_>, value: &Value) -> Result<Kind, StoreError> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Parameters {
        wrap_longitude: Option<bool>,
    }
    let (source, read): (_, Parameters) = values::read(at, value)?;
    values::refuse_script(at, &source)?;
    Ok(Kind::GeoBounds { field: source.field, wrap_longitude: read.wrap_longitude.unwrap_or(true) })
}

pub(super) fn geo_distance(at: &Named<'_>, value: &Value) -> Result<Kind, StoreError> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Parameters {
        #[serde(alias = "point", alias = "center")]
        origin: Value,
        #[serde(default)]
        ranges: Vec<Value>,
        unit: Option<String>,
        #[serde(default)]
        keyed: bool,
        #[serde(rename = "distance_type")]
        _distance_type: Option<String>,
    }
    let (source, read): (_, Parameters) = values::read(at, value)?;
    values::refuse_script(at, &source)?;
    let unit = read.unit.as_deref().unwrap_or("m");
    let unit_m = length_m(&format!("1{unit}"))
        .ok_or_else(|| at.illegal(format!("No matching unit found for [{unit}]")))?;
    let kind = RangeKind::Distance { origin: geo_point(&read.origin, at.place)?, unit_m };
    Ok(Kind::Ranges(Ranges {
        source,
        kind,
        ranges: ranges::buckets(at, &read.ranges, kind)?,
        keyed: read.keyed,
    }))
}
