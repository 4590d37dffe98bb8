//! `string_stats`, `t_test`, `matrix_stats`, `rate`.

use super::super::super::scalar::number;
use super::super::keys::Rounding;
use super::super::metrics::{Matrix, Strings};
use super::super::{MetricState, Partial};
use super::Finish;
use crate::{
    StoreError,
    logs::dsl::aggregations::{CalendarUnit, DateInterval, MatrixStats, MetricKind, Rate},
};
use event::Object;
use serde_json::{Value, json};

/// A number that may be none, as Elasticsearch writes it.
fn number_or_text(value: f64) -> Value {
    if value.is_nan() { json!("NaN") } else { number(value) }
}

/// `string_stats`.
pub(super) fn strings(out: &mut Object, strings: &Strings, show_distribution: bool) {
    let length = |name: &str| strings.of(name).map_or(Value::Null, |length| json!(length as u64));
    out.insert("count".to_owned(), json!(strings.count));
    out.insert("min_length".to_owned(), length("min_length"));
    out.insert("max_length".to_owned(), length("max_length"));
    out.insert("avg_length".to_owned(), strings.of("avg_length").map_or(Value::Null, number));
    out.insert("entropy".to_owned(), strings.of("entropy").map_or(Value::Null, number));
    if show_distribution {
        let shares = strings.distribution().into_iter();
        let shares: Object = shares.map(|(character, share)| (character.to_string(), json!(share))).collect();
        out.insert("distribution".to_owned(), Value::Object(shares));
    }
}

/// `matrix_stats`.
pub(super) fn matrix(out: &mut Object, matrix: &Matrix, request: &MatrixStats) {
    out.insert("doc_count".to_owned(), json!(matrix.count));
    if matrix.count == 0 {
        return;
    }
    let names: Vec<&str> = request.sources.iter().map(|source| source.field.as_str()).collect();
    let with_others = |of: &dyn Fn(usize) -> f64| -> Value {
        let named =
            names.iter().enumerate().map(|(other, name)| ((*name).to_owned(), number_or_text(of(other))));
        Value::Object(named.collect())
    };
    let field = |(position, name): (usize, &&str)| {
        let mut field = Object::new();
        field.insert("name".to_owned(), json!(name));
        field.insert("count".to_owned(), json!(matrix.count));
        for moment in ["mean", "variance", "skewness", "kurtosis"] {
            let value = matrix.of(position, moment).map_or(Value::Null, number_or_text);
            field.insert(moment.to_owned(), value);
        }
        field.insert("covariance".to_owned(), with_others(&|other| matrix.covariance(position, other)));
        field.insert("correlation".to_owned(), with_others(&|other| matrix.correlation(position, other)));
        Value::Object(field)
    };
    out.insert("fields".to_owned(), names.iter().enumerate().map(field).collect());
}

impl Finish<'_, '_> {
    /// `rate`, in the bucket that is being completed, which has so many documents.
    pub(super) fn rate(
        &self,
        request: &Rate,
        partial: Option<&Partial>,
        documents: u64,
    ) -> Result<Object, StoreError> {
        let counted = match (&request.source, partial) {
            (None, _) => documents as f64,
            (Some(_), Some(Partial::Metric(state))) => state.value(&MetricKind::Sum, None).unwrap_or(0.0),
            (Some(_), _) => 0.0,
        };
        let width = self.bucket_start.map_or(Ok(1.0), |start| width(request, start))?;
        let mut out = Object::new();
        match &request.source {
            Some(source) => self.format(source)?.put(&mut out, "value", Some(counted / width)),
            None => drop(out.insert("value".to_owned(), number(counted / width))),
        }
        Ok(out)
    }

    /// `t_test`.
    pub(super) fn t_test(
        &self,
        request: &crate::logs::dsl::aggregations::TTest,
        state: Option<&MetricState>,
    ) -> Result<Object, StoreError> {
        let p = match state {
            Some(MetricState::Populations(populations)) => populations.p_value(request.kind),
            _ => None,
        };
        let mut out = Object::new();
        let [first, _] = &request.populations;
        let pattern = first.source.format.as_deref();
        out.insert("value".to_owned(), p.map_or(Value::Null, number));
        let format = pattern.and_then(super::super::super::number_format::NumberFormat::new);
        if let (Some(p), Some(format)) = (p, format) {
            out.insert("value_as_string".to_owned(), json!(format.print(p)));
        }
        Ok(out)
    }
}

/// Months of a unit; `None` for those whose length is a number of milliseconds.
fn months(unit: CalendarUnit) -> Option<f64> {
    match unit {
        CalendarUnit::Month => Some(1.0),
        CalendarUnit::Quarter => Some(3.0),
        CalendarUnit::Year => Some(12.0),
        _ => None,
    }
}

fn millis(unit: CalendarUnit) -> f64 {
    let seconds = match unit {
        CalendarUnit::Second => 1.0,
        CalendarUnit::Minute => 60.0,
        CalendarUnit::Hour => 3_600.0,
        CalendarUnit::Day => 86_400.0,
        CalendarUnit::Week => 604_800.0,
        // As Elasticsearch estimates them; only for units that no bucket is compared with.
        CalendarUnit::Month => 2_592_000.0,
        CalendarUnit::Quarter => 7_862_400.0,
        CalendarUnit::Year => 31_536_000.0,
    };
    seconds * 1_000.0
}

/// How many units long the bucket is that begins there.
fn width(request: &Rate, start: i64) -> Result<f64, StoreError> {
    let (Some(unit), Some(parent)) = (request.unit, &request.parent) else { return Ok(1.0) };
    if let (Some(unit), DateInterval::Calendar(interval)) = (months(unit), parent.interval)
        && let Some(interval) = months(interval)
    {
        return Ok(interval / unit);
    }
    let next = Rounding::new(parent)?.next(start);
    Ok((next - start) as f64 / millis(unit))
}
