use super::{Named, intervals, pipelines::bucket_order, values};
use crate::{
    StoreError,
    logs::dsl::{
        aggregations::ast::{
            AutoDateHistogram, CalendarUnit, DateHistogram, DateInterval, Histogram, Kind,
            VariableWidthHistogram,
        },
        read::number,
    },
};
use serde::Deserialize;
use serde_json::Value;

/// `buckets` of the histograms that choose their own width: 65,536 divided by the widest step within a unit, as in
/// Elasticsearch.
const TARGET_MAX: usize = 2_184;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Bounds {
    min: Option<Value>,
    max: Option<Value>,
}

pub(super) fn histogram(at: &Named<'_>, value: &Value) -> Result<Histogram, StoreError> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Parameters {
        #[serde(default, deserialize_with = "number")]
        interval: Option<f64>,
        #[serde(default, deserialize_with = "number")]
        offset: Option<f64>,
        #[serde(default, deserialize_with = "number")]
        min_doc_count: Option<u64>,
        extended_bounds: Option<Bounds>,
        hard_bounds: Option<Bounds>,
        #[serde(default)]
        keyed: bool,
        order: Option<Value>,
    }
    let (source, read): (_, Parameters) = values::read(at, value)?;
    let interval = read.interval.unwrap_or(0.0);
    if !(interval.is_finite() && interval > 0.0) {
        return Err(at.illegal("[interval] must be >0 for histogram aggregation"));
    }
    let bounds = |bounds: Option<Bounds>| {
        bounds.map(|bounds| {
            let end =
                |value: Option<Value>, open: f64| value.and_then(|value| value.as_f64()).unwrap_or(open);
            (end(bounds.min, f64::NEG_INFINITY), end(bounds.max, f64::INFINITY))
        })
    };
    Ok(Histogram {
        source,
        interval,
        // An offset is a place within the interval.
        offset: read.offset.unwrap_or(0.0).rem_euclid(interval),
        min_doc_count: read.min_doc_count.unwrap_or(0),
        extended_bounds: bounds(read.extended_bounds),
        hard_bounds: bounds(read.hard_bounds),
        keyed: read.keyed,
        order: read.order.as_ref().map_or(Ok(Vec::new()), |order| bucket_order(order, at.place))?,
    })
}

pub(super) fn date_histogram(at: &Named<'_>, value: &Value) -> Result<DateHistogram, StoreError> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Parameters {
        fixed_interval: Option<String>,
        calendar_interval: Option<String>,
        // Of Elasticsearch before 8, still sent by Grafana's plugins.
        interval: Option<Value>,
        offset: Option<Value>,
        #[serde(default, deserialize_with = "number")]
        min_doc_count: Option<u64>,
        extended_bounds: Option<Bounds>,
        hard_bounds: Option<Bounds>,
        #[serde(default)]
        keyed: bool,
        order: Option<Value>,
    }
    let (source, read): (_, Parameters) = values::read(at, value)?;
    let interval = match (&read.fixed_interval, &read.calendar_interval, &read.interval) {
        (Some(text), None, None) => intervals::fixed_interval(text, at.place)?,
        (None, Some(text), None) => intervals::calendar_interval(text).ok_or_else(|| {
            at.illegal(format!("The supplied interval [{text}] could not be parsed as a calendar interval."))
        })?,
        (None, None, Some(Value::Number(millis))) if millis.as_i64().is_some_and(|millis| millis > 0) => {
            DateInterval::FixedMs(millis.as_i64().unwrap_or(1))
        }
        (None, None, Some(Value::String(text))) => intervals::calendar_interval(text)
            .map_or_else(|| intervals::fixed_interval(text, at.place), Ok)?,
        (None, None, None) => {
            return Err(at.illegal("Required one of fields [interval, calendar_interval, fixed_interval], but none were specified."));
        }
        _ => {
            return Err(
                at.illegal("Cannot use [interval], [fixed_interval] and [calendar_interval] together.")
            );
        }
    };
    let bounds = |bounds: Option<Bounds>| {
        bounds.map(|bounds| (bounds.min.unwrap_or(Value::Null), bounds.max.unwrap_or(Value::Null)))
    };
    Ok(DateHistogram {
        source,
        interval,
        offset_ms: read.offset.as_ref().map_or(Ok(0), |offset| intervals::offset_ms(offset, at.place))?,
        min_doc_count: read.min_doc_count.unwrap_or(0),
        extended_bounds: bounds(read.extended_bounds),
        hard_bounds: bounds(read.hard_bounds),
        keyed: read.keyed,
        order: read.order.as_ref().map_or(Ok(Vec::new()), |order| bucket_order(order, at.place))?,
    })
}

fn target(at: &Named<'_>, given: Option<i64>) -> Result<usize, StoreError> {
    let buckets = given.unwrap_or(10);
    match usize::try_from(buckets) {
        Ok(target) if (1..=TARGET_MAX).contains(&target) => Ok(target),
        _ if buckets <= 0 => Err(at.illegal(format!("buckets must be greater than 0 for [{}]", at.name))),
        _ => Err(at.illegal(format!("buckets must be less than {}", TARGET_MAX + 1))),
    }
}

pub(super) fn auto_date_histogram(at: &Named<'_>, value: &Value) -> Result<Kind, StoreError> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Parameters {
        #[serde(default, deserialize_with = "number")]
        buckets: Option<i64>,
        minimum_interval: Option<String>,
    }
    let (source, read): (_, Parameters) = values::read(at, value)?;
    let minimum_interval = match read.minimum_interval.as_deref() {
        None => None,
        Some("second") => Some(CalendarUnit::Second),
        Some("minute") => Some(CalendarUnit::Minute),
        Some("hour") => Some(CalendarUnit::Hour),
        Some("day") => Some(CalendarUnit::Day),
        Some("month") => Some(CalendarUnit::Month),
        Some("year") => Some(CalendarUnit::Year),
        Some(other) => {
            let message = format!(
                "minimum_interval must be one of [year, month, day, hour, minute, second], not [{other}]"
            );
            return Err(at.illegal(message));
        }
    };
    Ok(Kind::AutoDateHistogram(AutoDateHistogram {
        source,
        buckets: target(at, read.buckets)?,
        minimum_interval,
    }))
}

pub(super) fn variable_width_histogram(at: &Named<'_>, value: &Value) -> Result<Kind, StoreError> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Parameters {
        #[serde(default, deserialize_with = "number")]
        buckets: Option<i64>,
        // Clusters are made of all values here, not of a sample per shard.
        #[serde(rename = "shard_size")]
        _shard_size: Option<Value>,
        #[serde(rename = "initial_buffer")]
        _initial_buffer: Option<Value>,
    }
    let (source, read): (_, Parameters) = values::read(at, value)?;
    Ok(Kind::VariableWidthHistogram(VariableWidthHistogram { source, buckets: target(at, read.buckets)? }))
}
