//! `string_stats`, `t_test`, `matrix_stats`, `rate`.

use super::{Named, intervals, values};
use crate::{
    StoreError,
    logs::dsl::{
        SortMode,
        aggregations::ast::{
            Aggregation, CalendarUnit, DateInterval, Kind, MatrixStats, Metric, MetricKind, Population, Rate,
            TTest, TTestKind, ValuesSource,
        },
        read::{object, parameters},
    },
};
use event::Object;
use serde::Deserialize;
use serde_json::Value;

/// Where a `rate` can stand.
pub(super) const RATE_PLACE: &str = "The rate aggregation can only be used inside a date histogram";

/// Fields of one `matrix_stats`: the matrix has the square of it.
const MATRIX_FIELDS_MAX: usize = 50;

pub(super) fn string_stats(at: &Named<'_>, value: &Value) -> Result<Kind, StoreError> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Parameters {
        #[serde(default)]
        show_distribution: bool,
    }
    let (source, read): (_, Parameters) = values::read(at, value)?;
    let kind = MetricKind::StringStats { show_distribution: read.show_distribution };
    Ok(Kind::Metric(Metric { source, kind }))
}

pub(super) fn t_test(at: &Named<'_>, value: &Value) -> Result<Kind, StoreError> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Parameters {
        a: Value,
        b: Value,
        #[serde(rename = "type")]
        kind: Option<String>,
        format: Option<String>,
    }
    let read: Parameters = parameters(&at.what(), value, at.place)?;
    let kind = match read.kind.as_deref() {
        None => TTestKind::default(),
        Some(name) if name.eq_ignore_ascii_case("paired") => TTestKind::Paired,
        Some(name) if name.eq_ignore_ascii_case("homoscedastic") => TTestKind::Homoscedastic,
        Some(name) if name.eq_ignore_ascii_case("heteroscedastic") => TTestKind::Heteroscedastic,
        Some(other) => return Err(at.illegal(format!("unknown type [{other}] of a t_test"))),
    };
    let population = |given: &Value| {
        let mut rest = object(&at.what(), given, at.place)?.clone();
        let filter = rest.remove("filter").map(|filter| at.query(&filter)).transpose()?;
        let mut source = values::only(at, &Value::Object(rest))?;
        source.format = read.format.clone().or(source.format);
        Ok(Population { source, filter })
    };
    let populations: [Population; 2] = [population(&read.a)?, population(&read.b)?];
    if kind == TTestKind::Paired && populations.iter().any(|population| population.filter.is_some()) {
        return Err(at.illegal("Paired t-test doesn't support filters"));
    }
    Ok(Kind::TTest(Box::new(TTest { populations, kind })))
}

pub(super) fn matrix_stats(at: &Named<'_>, value: &Value) -> Result<Kind, StoreError> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Parameters {
        fields: Vec<String>,
        #[serde(default)]
        missing: Object,
        mode: Option<SortMode>,
    }
    let read: Parameters = parameters(&at.what(), value, at.place)?;
    if read.fields.is_empty() || read.fields.len() > MATRIX_FIELDS_MAX {
        return Err(at.illegal(format!("{} takes 1 to {MATRIX_FIELDS_MAX} [fields]", at.what())));
    }
    if let Some(odd) = read.missing.values().find(|value| !value.is_number()) {
        return Err(at.illegal(format!("[missing] of {} takes numbers, not {odd}", at.what())));
    }
    let source = |field: &String| ValuesSource {
        field: field.clone(),
        missing: read.missing.get(field).cloned(),
        ..ValuesSource::default()
    };
    let sources = read.fields.iter().map(source).collect();
    Ok(Kind::MatrixStats(MatrixStats { sources, mode: read.mode.unwrap_or(SortMode::Avg) }))
}

/// Reads what is below a `rate`; its parent is looked at by [`join_rates`].
pub(super) fn rate(at: &Named<'_>, value: &Value) -> Result<Kind, StoreError> {
    let mut rest = object(&at.what(), value, at.place)?.clone();
    let unit = match rest.remove("unit") {
        None => None,
        Some(unit) => match unit.as_str().and_then(intervals::calendar_interval) {
            Some(DateInterval::Calendar(unit)) => Some(unit),
            _ => return Err(at.illegal(format!("Unsupported unit {unit} of {}", at.what()))),
        },
    };
    let has_values = rest.contains_key("field") || rest.contains_key("script");
    let source = match has_values || rest.keys().any(|key| key != "format") {
        true => Some(values::only(at, &Value::Object(rest))?),
        false => None,
    };
    Ok(Kind::Rate(Box::new(Rate { source, unit, parent: None })))
}

/// Tells the rates among the aggregations in a bucket which histogram the bucket is of.
pub(super) fn join_rates(at: &Named<'_>, parent: &Kind, inner: &mut [Aggregation]) -> Result<(), StoreError> {
    for aggregation in inner {
        let Kind::Rate(rate) = &mut aggregation.kind else { continue };
        let Kind::DateHistogram(histogram) = parent else {
            return Err(at.illegal(RATE_PLACE));
        };
        rate.parent = Some(histogram.clone());
        let is_long = |unit| matches!(unit, CalendarUnit::Month | CalendarUnit::Quarter | CalendarUnit::Year);
        let comparable = match histogram.interval {
            DateInterval::Calendar(interval) => is_long(interval) || !rate.unit.is_some_and(is_long),
            DateInterval::FixedMs(_) => !rate.unit.is_some_and(is_long),
        };
        if !comparable {
            return Err(at.illegal(
                "Cannot use month-based rate unit with a histogram of another calendar interval; only week, day, hour, \
                 minute and second are supported for this histogram",
            ));
        }
    }
    Ok(())
}
