use super::{Named, values};
use crate::{
    StoreError,
    logs::dsl::{
        aggregations::ast::{Kind, Metric, MetricKind, ValuesSource, WeightedAvg},
        read::{number, parameters},
    },
};
use serde::Deserialize;
use serde_json::Value;

/// Percentiles or ranks of one aggregation.
const POINTS_MAX: usize = 100;
/// From here on, more precision costs memory and shows nothing.
const PRECISION_MAX: u64 = 40_000;

/// Metrics without parameters of their own.
pub(super) fn metric(at: &Named<'_>, value: &Value) -> Result<Kind, StoreError> {
    let source = values::only(at, value)?;
    let kind = match at.kind {
        "min" => MetricKind::Min,
        "max" => MetricKind::Max,
        "avg" => MetricKind::Avg,
        "sum" => MetricKind::Sum,
        "stats" => MetricKind::Stats,
        _ => MetricKind::ValueCount,
    };
    Ok(Kind::Metric(Metric { source, kind }))
}

/// Reads `sigma`.
pub(super) fn sigma(at: &Named<'_>, given: Option<f64>) -> Result<f64, StoreError> {
    match given.unwrap_or(2.0) {
        sigma if sigma < 0.0 => Err(at.illegal(format!(
            "[sigma] must be greater than or equal to 0. Found [{sigma:?}] in [{}]",
            at.name
        ))),
        sigma => Ok(sigma),
    }
}

pub(super) fn extended_stats(at: &Named<'_>, value: &Value) -> Result<Kind, StoreError> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Parameters {
        #[serde(default, deserialize_with = "number")]
        sigma: Option<f64>,
    }
    let (source, read): (_, Parameters) = values::read(at, value)?;
    Ok(Kind::Metric(Metric { source, kind: MetricKind::ExtendedStats { sigma: sigma(at, read.sigma)? } }))
}

pub(super) fn cardinality(at: &Named<'_>, value: &Value) -> Result<Kind, StoreError> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Parameters {
        #[serde(default, deserialize_with = "number")]
        precision_threshold: Option<i64>,
        #[serde(rename = "rehash")]
        _rehash: Option<bool>,
    }
    let (source, read): (_, Parameters) = values::read(at, value)?;
    let given = read.precision_threshold.unwrap_or(3_000);
    let precision_threshold = u64::try_from(given).map_err(|_| {
        at.illegal(format!(
            "[precisionThreshold] must be greater than or equal to 0. Found [{given}] in [{}]",
            at.name
        ))
    })?;
    let kind = MetricKind::Cardinality { precision_threshold: precision_threshold.min(PRECISION_MAX) };
    Ok(Kind::Metric(Metric { source, kind }))
}

/// Checks what tunes the sketches: both of Elasticsearch's have one counterpart here.
fn check_sketch(at: &Named<'_>, tdigest: Option<&Value>, hdr: Option<&Value>) -> Result<(), StoreError> {
    if tdigest.is_some() && hdr.is_some() {
        return Err(at.illegal("Only one percentiles method type should be declared."));
    }
    if let Some(compression) = tdigest.and_then(|options| options.get("compression")).and_then(Value::as_f64)
        && compression < 0.0
    {
        let message = format!(
            "[compression] must be greater than or equal to 0. Found [{compression:?}] in [{}]",
            at.name
        );
        return Err(at.illegal(message));
    }
    let digits = hdr.and_then(|options| options.get("number_of_significant_value_digits"));
    if let Some(digits) = digits.and_then(Value::as_i64).filter(|digits| !(0..=5).contains(digits)) {
        let message =
            format!("[numberOfSignificantValueDigits] must be between 0 and 5: [{}] is [{digits}]", at.name);
        return Err(at.illegal(message));
    }
    Ok(())
}

/// Checks `percents`.
pub(super) fn percents(at: &Named<'_>, given: Option<Vec<f64>>) -> Result<Vec<f64>, StoreError> {
    let mut percents = given.unwrap_or_else(|| vec![1.0, 5.0, 25.0, 50.0, 75.0, 95.0, 99.0]);
    if percents.is_empty() || percents.len() > POINTS_MAX {
        let message = format!("[percents] must not be empty: [{}] takes 1 to {POINTS_MAX}", at.name);
        return Err(at.illegal(message));
    }
    if let Some(odd) = percents.iter().find(|percent| !(0.0..=100.0).contains(*percent)) {
        let message = format!("percent must be in [0,100], got [{odd:?}]: [{}]", at.name);
        return Err(at.illegal(message));
    }
    percents.sort_by(f64::total_cmp);
    Ok(percents)
}

pub(super) fn percentiles(at: &Named<'_>, value: &Value) -> Result<Kind, StoreError> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Parameters {
        percents: Option<Vec<f64>>,
        keyed: Option<bool>,
        tdigest: Option<Value>,
        hdr: Option<Value>,
    }
    let (source, read): (_, Parameters) = values::read(at, value)?;
    check_sketch(at, read.tdigest.as_ref(), read.hdr.as_ref())?;
    let kind =
        MetricKind::Percentiles { percents: percents(at, read.percents)?, keyed: read.keyed.unwrap_or(true) };
    Ok(Kind::Metric(Metric { source, kind }))
}

pub(super) fn percentile_ranks(at: &Named<'_>, value: &Value) -> Result<Kind, StoreError> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Parameters {
        values: Vec<Value>,
        keyed: Option<bool>,
        tdigest: Option<Value>,
        hdr: Option<Value>,
    }
    let (source, read): (_, Parameters) = values::read(at, value)?;
    check_sketch(at, read.tdigest.as_ref(), read.hdr.as_ref())?;
    let of = |value: &Value| value.as_f64().or_else(|| value.as_str().and_then(|text| text.parse().ok()));
    let mut values: Vec<f64> = read.values.iter().filter_map(of).collect();
    if values.is_empty() || values.len() != read.values.len() || values.len() > POINTS_MAX {
        let message = format!("[values] must be 1 to {POINTS_MAX} numbers: [{}]", at.name);
        return Err(at.illegal(message));
    }
    values.sort_by(f64::total_cmp);
    let kind = MetricKind::PercentileRanks { values, keyed: read.keyed.unwrap_or(true) };
    Ok(Kind::Metric(Metric { source, kind }))
}

/// Reads what tunes a sketch and nothing else, and checks it: its counterpart here needs no tuning.
fn sketched(
    at: &Named<'_>,
    value: &Value,
    least: &str,
    fits: fn(f64) -> bool,
) -> Result<ValuesSource, StoreError> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Parameters {
        #[serde(default, deserialize_with = "number")]
        compression: Option<f64>,
    }
    let (source, read): (_, Parameters) = values::read(at, value)?;
    match read.compression.filter(|compression| !fits(*compression)) {
        Some(compression) => Err(
            at.illegal(format!("[compression] must be {least} 0. Found [{compression:?}] in [{}]", at.name))
        ),
        None => Ok(source),
    }
}

pub(super) fn median_absolute_deviation(at: &Named<'_>, value: &Value) -> Result<Kind, StoreError> {
    let source = sketched(at, value, "greater than", |compression| compression > 0.0)?;
    Ok(Kind::Metric(Metric { source, kind: MetricKind::MedianAbsoluteDeviation }))
}

pub(super) fn boxplot(at: &Named<'_>, value: &Value) -> Result<Kind, StoreError> {
    let source = sketched(at, value, "greater than or equal to", |compression| compression >= 0.0)?;
    Ok(Kind::Metric(Metric { source, kind: MetricKind::Boxplot }))
}

pub(super) fn weighted_avg(at: &Named<'_>, value: &Value) -> Result<Kind, StoreError> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Parameters {
        value: Value,
        weight: Value,
        format: Option<String>,
        #[serde(rename = "value_type")]
        _value_type: Option<String>,
    }
    let read: Parameters = parameters(&at.what(), value, at.place)?;
    let mut value = values::only(at, &read.value)?;
    value.format = read.format.or(value.format);
    Ok(Kind::WeightedAvg(WeightedAvg { value, weight: values::only(at, &read.weight)? }))
}
