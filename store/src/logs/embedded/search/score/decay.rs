//! How near a document is to an origin, as a number between 0 and 1.
//!
//! Source: Elasticsearch reference 7.10, "Function score query", the formulas of the decay functions.

use super::super::column::{Points, SegmentColumn};
use super::super::dates::DateReader;
use super::super::fields::Fields;
use super::super::geography::distance_m;
use crate::{
    StoreError,
    logs::{
        dsl::{Decay, DecayMode, DecayShape, length_m, parse_duration, point_of},
        embedded::mapping::Family,
    },
};
use jiff::{Timestamp, tz::TimeZone};
use serde_json::Value;
use tantivy::{DocId, SegmentReader};

/// The origin and the distances, in the terms of the field: numbers, milliseconds or metres.
pub(super) struct DecayOver {
    origin: Origin,
    scale: f64,
    offset: f64,
}

enum Origin {
    Number(f64),
    Point((f64, f64)),
}

impl DecayOver {
    pub(super) fn new(decay: &Decay, fields: &Fields<'_>, now: Timestamp) -> Result<Self, StoreError> {
        let path = &decay.field;
        let refuse = |what: &str| {
            StoreError::invalid(format!("cannot read the {what} of a decay function on [{path}]"))
        };
        let Some(field) = fields.resolve(path) else {
            return Err(StoreError::invalid(format!("unknown field [{path}]")).with_code("parsing_exception"));
        };
        let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let number = |value: &Value| value.as_f64().or_else(|| value.as_str()?.trim().parse().ok());
        let (origin, distance): (Origin, fn(&str) -> Option<f64>) = match field.family() {
            Family::Geo => {
                let point = decay.origin.as_ref().and_then(point_of).ok_or_else(|| refuse("origin"))?;
                (Origin::Point(point), length_m)
            }
            Family::Date => {
                let reader = DateReader { formats: field.mapping.date_formats(), zone: TimeZone::UTC, now };
                let millis = match &decay.origin {
                    None => now.as_millisecond(),
                    Some(origin) => reader.read(origin, false)?.div_euclid(1_000_000),
                };
                (Origin::Number(millis as f64), |text| {
                    parse_duration(text).map(|time| time.as_millis() as f64)
                })
            }
            Family::Integer | Family::Unsigned | Family::Float => {
                let origin = decay.origin.as_ref().and_then(number).ok_or_else(|| refuse("origin"))?;
                (Origin::Number(origin), |text| text.trim().parse().ok())
            }
            _ => {
                return Err(StoreError::invalid(format!(
                    "field [{path}] is of type [{}], but only numeric, date and geo_point fields are supported",
                    field.field_type.name()
                )));
            }
        };
        let scale = distance(&text(&decay.scale)).filter(|scale| *scale > 0.0);
        let offset = decay.offset.as_ref().map_or(Some(0.0), |offset| distance(&text(offset)));
        Ok(Self {
            origin,
            scale: scale.ok_or_else(|| refuse("scale"))?,
            offset: offset.filter(|offset| *offset >= 0.0).ok_or_else(|| refuse("offset"))?,
        })
    }
}

/// A decay over one segment.
pub(super) struct SegmentDecay {
    over: DecayOver,
    shape: DecayShape,
    mode: DecayMode,
    decay: f64,
    column: Option<SegmentColumn>,
    points: Option<Points>,
}

impl SegmentDecay {
    pub(super) fn open(
        decay: &Decay,
        over: DecayOver,
        fields: &Fields<'_>,
        reader: &SegmentReader,
    ) -> tantivy::Result<Self> {
        let field = fields.resolve(&decay.field);
        let (mut column, mut points) = (None, None);
        if let Some(field) = &field {
            match over.origin {
                Origin::Number(_) => column = SegmentColumn::open(reader, field)?,
                Origin::Point(_) => points = Points::open(reader, field)?,
            }
        }
        Ok(Self { over, shape: decay.shape, mode: decay.mode, decay: decay.decay, column, points })
    }

    pub(super) fn value(&self, doc: DocId) -> f64 {
        let far = |distance: f64| (distance - self.over.offset).max(0.0);
        let distance = match self.over.origin {
            Origin::Number(origin) => {
                let numbers = self
                    .column
                    .iter()
                    .flat_map(|column| column.keys.values_for_doc(doc).filter_map(|key| column.number(key)));
                self.one(numbers.map(|number| far((number - origin).abs())))
            }
            Origin::Point(origin) => {
                let points = self.points.iter().flat_map(|points| points.of(doc));
                self.one(points.map(|point| far(distance_m(origin, point))))
            }
        };
        falls(self.shape, distance.unwrap_or(0.0), self.over.scale, self.decay)
    }

    fn one(&self, distances: impl Iterator<Item = f64>) -> Option<f64> {
        match self.mode {
            DecayMode::Min => distances.reduce(f64::min),
            DecayMode::Max => distances.reduce(f64::max),
            DecayMode::Sum => distances.reduce(|a, b| a + b),
            DecayMode::Avg => {
                let (count, sum) = distances.fold((0_u32, 0.0), |(count, sum), next| (count + 1, sum + next));
                (count > 0).then(|| sum / f64::from(count))
            }
        }
    }
}

fn falls(shape: DecayShape, distance: f64, scale: f64, decay: f64) -> f64 {
    match shape {
        DecayShape::Gauss => (decay.ln() * (distance / scale).powi(2)).exp(),
        DecayShape::Exp => (decay.ln() * distance / scale).exp(),
        DecayShape::Linear => {
            let width = scale / (1.0 - decay);
            ((width - distance) / width).max(0.0)
        }
        DecayShape::Saturation => scale / (scale + distance),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn falls_to_the_decay_at_the_scale() {
        for shape in [DecayShape::Gauss, DecayShape::Exp, DecayShape::Linear] {
            let at = |distance: f64| falls(shape, distance, 10.0, 0.3);
            assert!((at(0.0) - 1.0).abs() < 1e-12, "{shape:?}");
            assert!((at(10.0) - 0.3).abs() < 1e-12, "{shape:?}");
            assert!(at(5.0) < 1.0 && at(5.0) > 0.3, "{shape:?}");
            assert!(at(1e9) < 1e-6, "{shape:?}");
        }
        assert!((falls(DecayShape::Saturation, 10.0, 10.0, 0.0) - 0.5).abs() < 1e-12);
    }
}
