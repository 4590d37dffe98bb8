//! Queries about points: `geo_bounding_box`, `geo_distance`, `geo_polygon`.

use super::geo::{geo_box, geo_point, length_m};
use super::parse::{boosted, number};
use super::query::{GeoDistance, Query};
use super::read::{Place, illegal, invalid, object};
use crate::StoreError;
use serde_json::Value;

/// Corners of a polygon.
const POLYGON_MAX: usize = 1_000;

/// The one member that is no parameter: the field and what stands in it; the parameters are in the object, too.
fn geo_field<'v>(
    what: &str,
    value: &'v Value,
    known: &[&str],
    place: &Place<'_>,
) -> Result<(&'v str, &'v Value, Option<f32>), StoreError> {
    let (mut found, mut boost) = (None, None);
    for (key, value) in object(what, value, place)? {
        match key.as_str() {
            "boost" => boost = Some(number(value, &place.key(key))?),
            "_name" | "ignore_unmapped" | "validation_method" => {}
            key if known.contains(&key) => {}
            field if found.is_none() => found = Some((field, value)),
            other => return Err(invalid(place, format!("{what} does not support \"{other}\""))),
        }
    }
    match found {
        Some((field, value)) => Ok((field, value, boost)),
        None => Err(invalid(place, format!("{what} lacks a field"))),
    }
}

pub(super) fn geo_bounding_box(value: &Value, place: &Place<'_>) -> Result<Query, StoreError> {
    let what = "[geo_bounding_box] query";
    let (field, body, boost) = geo_field(what, value, &["type"], place)?;
    let found = geo_box(body, &place.key(field))?;
    boosted(Query::GeoBoundingBox(field.to_owned(), found), boost, place)
}

pub(super) fn geo_distance(value: &Value, place: &Place<'_>) -> Result<Query, StoreError> {
    let what = "[geo_distance] query";
    let (field, body, boost) = geo_field(what, value, &["distance", "unit", "distance_type"], place)?;
    let unit = value.get("unit").and_then(Value::as_str).unwrap_or("m");
    let distance = match value.get("distance") {
        Some(Value::String(text)) => length_m(text)
            .filter(|_| text.ends_with(char::is_alphabetic))
            .or_else(|| length_m(&format!("{text}{unit}"))),
        Some(Value::Number(number)) => length_m(&format!("{number}{unit}")),
        _ => None,
    };
    let Some(distance_m) = distance.filter(|distance| *distance > 0.0) else {
        return Err(illegal(place, "[geo_distance] query requires a [distance] above 0"));
    };
    let origin = geo_point(body, &place.key(field))?;
    boosted(Query::GeoDistance(GeoDistance { field: field.to_owned(), origin, distance_m }), boost, place)
}

pub(super) fn geo_polygon(value: &Value, place: &Place<'_>) -> Result<Query, StoreError> {
    let what = "[geo_polygon] query";
    let (field, body, boost) = geo_field(what, value, &[], place)?;
    let at = place.key(field);
    let listed = body.get("points").and_then(Value::as_array);
    let listed = listed.ok_or_else(|| invalid(&at, format!("{what} needs a list of [points]")))?;
    if !(3..=POLYGON_MAX).contains(&listed.len()) {
        let message = format!("too few points defined for geo_polygon query, or more than {POLYGON_MAX}");
        return Err(illegal(&at, message));
    }
    let points = listed.iter().map(|point| geo_point(point, &at)).collect::<Result<_, _>>()?;
    boosted(Query::GeoPolygon(field.to_owned(), points), boost, place)
}
