//! `doc['field']`: the values of a field of one document.

use super::super::environment::{DocValues, Scalar};
use super::super::error::RunError;
use super::super::machine::{Machine, Ran};
use super::super::names::Method;
use super::super::number::Num;
use super::super::value::{Text, Val};
use super::Arguments;
use jiff::tz::TimeZone;
use std::{borrow::Cow, rc::Rc};

/// Mean radius of the earth that Elasticsearch reckons with, in metres.
const EARTH_RADIUS_METRES: f64 = 6_371_008.771_4;

impl<'a> Machine<'a> {
    pub(in super::super) fn scalar(&self, value: Scalar<'a>) -> Val<'a> {
        match value {
            Scalar::Bool(value) => Val::Bool(value),
            Scalar::Long(value) => Val::Long(value),
            Scalar::Double(value) => Val::Double(value),
            Scalar::Text(Cow::Borrowed(text)) => Val::Text(Text::Borrowed(text)),
            Scalar::Text(Cow::Owned(text)) => Val::text(text),
            // Lucene's expressions know dates as milliseconds.
            Scalar::Date(time) if self.lucene => Val::Double(time.as_millisecond() as f64),
            Scalar::Date(time) => Val::Date(Rc::new(time.to_zoned(TimeZone::UTC))),
            Scalar::Point { latitude, longitude } => Val::Point { latitude, longitude },
        }
    }

    pub(super) fn call_field(
        &mut self,
        field: &'a dyn DocValues,
        method: Method,
        arguments: &Arguments<'a>,
        at: u32,
    ) -> Ran<Val<'a>> {
        if self.lucene {
            return self.lucene_field(field, method, at);
        }
        let list = Val::Field(field);
        match method {
            Method::GetValue => match field.get(0) {
                Some(value) => Ok(self.scalar(value)),
                None => Err(missing_value(at)),
            },
            Method::Get => {
                if field.count() == 0 {
                    return Err(missing_value(at));
                }
                let arguments = Arguments { values: arguments.values.clone(), count: arguments.count };
                self.call_list(&list, method, arguments, at)
            }
            Method::GetLat | Method::GetLon => match field.get(0) {
                Some(Scalar::Point { latitude, longitude }) => {
                    self.call_point(&Val::Point { latitude, longitude }, method, at)
                }
                Some(_) => Err(self.no_member(&list, method.name(), at)),
                None => Err(missing_value(at)),
            },
            Method::GetLats | Method::GetLons => {
                let points = self.items(&list, at)?;
                let parts = points.iter().map(|point| self.call_point(point, method, at));
                let parts = parts.collect::<Ran<Vec<_>>>()?;
                self.new_fixed_list(parts, at)
            }
            Method::ArcDistance
            | Method::ArcDistanceWithDefault
            | Method::PlaneDistance
            | Method::PlaneDistanceWithDefault => self.distance(field, method, arguments, at),
            _ => {
                let arguments = Arguments { values: arguments.values.clone(), count: arguments.count };
                self.call_list(&list, method, arguments, at)
            }
        }
    }

    pub(super) fn call_point(&mut self, point: &Val<'a>, method: Method, at: u32) -> Ran<Val<'a>> {
        match (point, method) {
            (Val::Point { latitude, .. }, Method::GetLat | Method::GetLats) => Ok(Val::Double(*latitude)),
            (Val::Point { longitude, .. }, Method::GetLon | Method::GetLons) => Ok(Val::Double(*longitude)),
            _ => Err(self.no_member(point, method.name(), at)),
        }
    }

    /// Metres from the field's first point.
    fn distance(
        &mut self,
        field: &'a dyn DocValues,
        method: Method,
        arguments: &Arguments<'a>,
        at: u32,
    ) -> Ran<Val<'a>> {
        let with_default =
            matches!(method, Method::ArcDistanceWithDefault | Method::PlaneDistanceWithDefault);
        let (latitude, longitude) = match field.get(0) {
            Some(Scalar::Point { latitude, longitude }) => (latitude, longitude),
            Some(_) => return Err(self.no_member(&Val::Field(field), method.name(), at)),
            None if with_default => return Ok(arguments.third().clone()),
            None => return Err(missing_value(at)),
        };
        let (Some(to_latitude), Some(to_longitude)) =
            (Num::of(arguments.first()).map(Num::double), Num::of(arguments.second()).map(Num::double))
        else {
            return Err(self.cannot_cast(arguments.first(), "double", at));
        };
        let [from, to] = [(latitude, longitude), (to_latitude, to_longitude)]
            .map(|(latitude, longitude)| (latitude.to_radians(), longitude.to_radians()));
        let plane = matches!(method, Method::PlaneDistance | Method::PlaneDistanceWithDefault);
        Ok(Val::Double(if plane { plane_metres(from, to) } else { arc_metres(from, to) }))
    }

    /// What Lucene's expressions ask of a field: numbers only, 0 where there is no value.
    fn lucene_field(&mut self, field: &'a dyn DocValues, method: Method, at: u32) -> Ran<Val<'a>> {
        let number = |index: usize| match field.get(index) {
            Some(Scalar::Long(value)) => value as f64,
            Some(Scalar::Double(value)) => value,
            Some(Scalar::Bool(value)) => f64::from(u8::from(value)),
            Some(Scalar::Date(time)) => time.as_millisecond() as f64,
            Some(Scalar::Text(_) | Scalar::Point { .. }) | None => 0.0,
        };
        let count = field.count();
        self.spend(count, at)?;
        let sum = || (0..count).map(number).sum::<f64>();
        Ok(Val::Double(match method {
            Method::GetValue => number(0),
            Method::IsEmpty => f64::from(u8::from(count == 0)),
            Method::GetLength | Method::Size | Method::Count => count as f64,
            Method::MinOf => (0..count).map(number).reduce(f64::min).unwrap_or(0.0),
            Method::MaxOf => (0..count).map(number).reduce(f64::max).unwrap_or(0.0),
            Method::SumOf => sum(),
            Method::Avg => {
                if count == 0 {
                    0.0
                } else {
                    sum() / count as f64
                }
            }
            // The values of a field are kept in order.
            Method::Median if count > 0 => (number((count - 1) / 2) + number(count / 2)) / 2.0,
            Method::Median => 0.0,
            Method::GetLat | Method::GetLon => match (field.get(0), method) {
                (Some(Scalar::Point { latitude, .. }), Method::GetLat) => latitude,
                (Some(Scalar::Point { longitude, .. }), _) => longitude,
                _ => 0.0,
            },
            Method::GetDate => return Ok(self.lucene_date(field)),
            _ => {
                let date = self.lucene_date(field);
                return self.call_date(&date, method, &Arguments::none(), at);
            }
        }))
    }

    fn lucene_date(&self, field: &'a dyn DocValues) -> Val<'a> {
        let time = match field.get(0) {
            Some(Scalar::Date(time)) => time,
            _ => event::Timestamp::UNIX_EPOCH,
        };
        Val::Date(Rc::new(time.to_zoned(TimeZone::UTC)))
    }
}

fn missing_value(at: u32) -> Box<RunError> {
    let reason = "A document doesn't have a value for a field! \
                  Use doc[<field>].size()==0 to check if a document is missing a field!";
    RunError::boxed("illegal_state_exception", at, reason)
}

/// Along a great circle (haversine); angles in radians.
fn arc_metres(from: (f64, f64), to: (f64, f64)) -> f64 {
    let (latitude, longitude) = (to.0 - from.0, to.1 - from.1);
    let h = (latitude / 2.0).sin().powi(2) + from.0.cos() * to.0.cos() * (longitude / 2.0).sin().powi(2);
    2.0 * EARTH_RADIUS_METRES * h.sqrt().min(1.0).asin()
}

/// On a map whose degrees of longitude shrink with the latitude; angles in radians.
fn plane_metres(from: (f64, f64), to: (f64, f64)) -> f64 {
    let x = (to.1 - from.1) * f64::midpoint(from.0, to.0).cos();
    x.hypot(to.0 - from.0) * EARTH_RADIUS_METRES
}
