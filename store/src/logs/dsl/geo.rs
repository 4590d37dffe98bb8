//! Points, boxes and distances on the earth, as requests write them.

use super::read::{Place, illegal, object, shown};
use crate::StoreError;
use serde_json::Value;

/// A box of degrees of latitude and longitude; it crosses the date line if its left side lies east of its right side.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GeoBox {
    /// Northern side.
    pub top: f64,
    /// Southern side.
    pub bottom: f64,
    /// Western side.
    pub left: f64,
    /// Eastern side.
    pub right: f64,
}

impl GeoBox {
    /// Whether a point lies in it.
    pub fn holds(&self, lat: f64, lon: f64) -> bool {
        let between = match self.left <= self.right {
            true => lon >= self.left && lon <= self.right,
            false => lon >= self.left || lon <= self.right,
        };
        between && lat <= self.top && lat >= self.bottom
    }
}

/// Units of length and the metres in them.
const UNITS: [(&str, f64); 19] = [
    ("meters", 1.0),
    ("m", 1.0),
    ("kilometers", 1_000.0),
    ("km", 1_000.0),
    ("centimeters", 0.01),
    ("cm", 0.01),
    ("millimeters", 0.001),
    ("mm", 0.001),
    ("miles", 1_609.344),
    ("mi", 1_609.344),
    ("nauticalmiles", 1_852.0),
    ("nmi", 1_852.0),
    ("NM", 1_852.0),
    ("yards", 0.9144),
    ("yd", 0.9144),
    ("feet", 0.3048),
    ("ft", 0.3048),
    ("inch", 0.0254),
    ("in", 0.0254),
];

/// Reads `10km`, `5 mi`, `200` (metres); `None` if it is no length.
pub fn length_m(text: &str) -> Option<f64> {
    let text = text.trim();
    let split =
        text.find(|c: char| !(c.is_ascii_digit() || matches!(c, '.' | '-' | '+'))).unwrap_or(text.len());
    let (number, unit) = (text[..split].parse::<f64>().ok()?, text[split..].trim());
    let (_, metres) = UNITS.iter().find(|(name, _)| *name == unit || unit.is_empty() && *name == "m")?;
    Some(number * metres)
}

fn degrees(value: &Value) -> Option<f64> {
    let number = value.as_f64().or_else(|| value.as_str()?.trim().parse().ok())?;
    number.is_finite().then_some(number)
}

/// Reads a point: `{"lat", "lon"}`, `"lat,lon"`, `[lon, lat]`, WKT, or a geohash (its middle).
pub(super) fn geo_point(value: &Value, place: &Place<'_>) -> Result<(f64, f64), StoreError> {
    let read = match value {
        Value::Object(members) => match (members.get("lat"), members.get("lon")) {
            (Some(lat), Some(lon)) => degrees(lat).zip(degrees(lon)),
            _ => members.get("geohash").and_then(Value::as_str).and_then(geohash_middle),
        },
        Value::Array(pair) if pair.len() == 2 => degrees(&pair[1]).zip(degrees(&pair[0])),
        Value::String(text) => text_point(text),
        _ => None,
    };
    let inside = read.filter(|(lat, lon)| (-90.0..=90.0).contains(lat) && (-180.0..=180.0).contains(lon));
    inside.ok_or_else(|| {
        illegal(place, format!("failed to parse the point {}", shown(value))).with_code("parse_exception")
    })
}

/// Reads a point of a request; `None` if it is none.
pub fn point_of(value: &Value) -> Option<(f64, f64)> {
    geo_point(value, &Place::root("point")).ok()
}

fn text_point(text: &str) -> Option<(f64, f64)> {
    if let Some((lat, lon)) = text.split_once(',') {
        return lat.trim().parse().ok().zip(lon.trim().parse().ok());
    }
    let wkt = text.trim().strip_prefix("POINT").and_then(|rest| rest.trim().strip_prefix('('));
    match wkt.and_then(|rest| rest.strip_suffix(')')) {
        Some(pair) => {
            let (lon, lat) = pair.trim().split_once(char::is_whitespace)?;
            lat.trim().parse().ok().zip(lon.trim().parse().ok())
        }
        None => geohash_middle(text),
    }
}

/// The middle of the cell that a geohash names (Niemeyer 2008); `None` if it is none.
fn geohash_middle(text: &str) -> Option<(f64, f64)> {
    const ALPHABET: &[u8] = b"0123456789bcdefghjkmnpqrstuvwxyz";
    if text.is_empty() || text.len() > 12 {
        return None;
    }
    let (mut lat, mut lon) = ((-90.0, 90.0), (-180.0, 180.0));
    let mut of_lon = true;
    for byte in text.bytes() {
        let digit = ALPHABET.iter().position(|known| *known == byte.to_ascii_lowercase())?;
        for bit in (0..5).rev() {
            let range: &mut (f64, f64) = if of_lon { &mut lon } else { &mut lat };
            let middle = f64::midpoint(range.0, range.1);
            if digit >> bit & 1 == 1 {
                range.0 = middle;
            } else {
                range.1 = middle;
            }
            of_lon = !of_lon;
        }
    }
    Some((f64::midpoint(lat.0, lat.1), f64::midpoint(lon.0, lon.1)))
}

/// Reads a box: two corners in either diagonal, four sides, or WKT `BBOX (left, right, top, bottom)`.
pub(super) fn geo_box(value: &Value, place: &Place<'_>) -> Result<GeoBox, StoreError> {
    let members = object("a box", value, place)?;
    let refuse = |message: &str| illegal(place, message).with_code("parse_exception");
    if let Some(wkt) = members.get("wkt").and_then(Value::as_str) {
        let inner = wkt.trim().strip_prefix("BBOX").map(str::trim);
        let inner = inner.and_then(|rest| rest.strip_prefix('(')?.strip_suffix(')'));
        let sides: Vec<f64> =
            inner.unwrap_or_default().split(',').filter_map(|side| side.trim().parse().ok()).collect();
        return match sides.as_slice() {
            [left, right, top, bottom] => {
                checked(GeoBox { top: *top, bottom: *bottom, left: *left, right: *right }, place)
            }
            _ => Err(refuse("failed to parse the WKT bounding box")),
        };
    }
    let side = |name: &str| match members.get(name) {
        None => Ok(None),
        Some(value) => degrees(value).map(Some).ok_or_else(|| refuse("a side of the box is no number")),
    };
    let corner = |name: &str| members.get(name).map(|point| geo_point(point, place)).transpose();
    let (mut top, mut bottom) = (side("top")?, side("bottom")?);
    let (mut left, mut right) = (side("left")?, side("right")?);
    for (names, is_top, is_left) in [
        (["top_left", "topLeft"], true, true),
        (["top_right", "topRight"], true, false),
        (["bottom_left", "bottomLeft"], false, true),
        (["bottom_right", "bottomRight"], false, false),
    ] {
        let Some((lat, lon)) = corner(names[0])?.or(corner(names[1])?) else { continue };
        *(if is_top { &mut top } else { &mut bottom }) = Some(lat);
        *(if is_left { &mut left } else { &mut right }) = Some(lon);
    }
    match (top, bottom, left, right) {
        (Some(top), Some(bottom), Some(left), Some(right)) => {
            checked(GeoBox { top, bottom, left, right }, place)
        }
        _ => Err(refuse("failed to parse bounding box: it lacks a corner or a side")),
    }
}

fn checked(found: GeoBox, place: &Place<'_>) -> Result<GeoBox, StoreError> {
    if found.top < found.bottom {
        let message = format!("top is below bottom corner: {:?} vs. {:?}", found.top, found.bottom);
        return Err(illegal(place, message));
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn points_in_all_their_shapes() {
        let check = |value: Value, expected: Option<(f64, f64)>| {
            let found = geo_point(&value, &Place::root("p")).ok();
            let near = |a: (f64, f64), b: (f64, f64)| (a.0 - b.0).abs() < 0.01 && (a.1 - b.1).abs() < 0.01;
            match (found, expected) {
                (Some(found), Some(expected)) => assert!(near(found, expected), "{value} {found:?}"),
                (found, expected) => assert_eq!(found, expected, "{value}"),
            }
        };
        let paris = Some((48.86, 2.35));
        check(json!({"lat": 48.86, "lon": "2.35"}), paris);
        check(json!("48.86, 2.35"), paris);
        check(json!([2.35, 48.86]), paris);
        check(json!("POINT (2.35 48.86)"), paris);
        check(json!("u09tvw"), paris);
        check(json!({"lat": 91, "lon": 0}), None);
        check(json!("somewhere, else"), None);
        check(json!(1), None);
    }

    #[test]
    fn boxes_in_all_their_shapes() {
        let check = |value: Value| {
            let found = geo_box(&value, &Place::root("b")).unwrap();
            assert_eq!(found, GeoBox { top: 40.0, bottom: 10.0, left: -5.0, right: 20.0 }, "{value}");
        };
        check(json!({"top_left": [-5.0, 40.0], "bottom_right": "10,20"}));
        check(json!({"top_right": {"lat": 40, "lon": 20}, "bottom_left": {"lat": 10, "lon": -5}}));
        check(json!({"top": 40, "left": -5, "bottom": 10, "right": 20}));
        check(json!({"wkt": "BBOX (-5.0, 20.0, 40.0, 10.0)"}));
        for refused in [json!({"top": 1}), json!({"top": 1, "bottom": 2, "left": 0, "right": 1}), json!([])] {
            assert!(geo_box(&refused, &Place::root("b")).is_err(), "{refused}");
        }
        let dateline = GeoBox { top: 1.0, bottom: -1.0, left: 170.0, right: -170.0 };
        assert!(dateline.holds(0.0, 175.0) && dateline.holds(0.0, -175.0) && !dateline.holds(0.0, 0.0));
    }

    #[test]
    fn lengths() {
        let check = |text: &str, expected: Option<f64>| assert_eq!(length_m(text), expected, "{text}");
        check("10km", Some(10_000.0));
        check("200", Some(200.0));
        check("2 mi", Some(3_218.688));
        check("1.5nmi", Some(2_778.0));
        check("far", None);
        check("1 parsec", None);
    }
}
