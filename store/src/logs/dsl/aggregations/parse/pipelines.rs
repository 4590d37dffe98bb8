use super::{Named, intervals, metrics};
use crate::logs::dsl::script::script;
use crate::{
    StoreError,
    logs::dsl::{
        SortOrder,
        aggregations::ast::{
            BucketOrder, BucketScript, BucketsPath, GapPolicy, Kind, NormalizeMethod, OrderKey, Pipeline,
            PipelineKind, SiblingKind,
        },
        read::{Place, invalid, number, object, one_or_many, parameters, scalar_text, shown, single},
    },
};
use expression::Purpose;
use serde::Deserialize;
use serde_json::Value;

/// Width of a moving window, and how far back a difference reaches.
const WINDOW_MAX: usize = 10_000;

/// Reads `{"_count": "desc"}` or a list of such.
pub(super) fn bucket_order(value: &Value, place: &Place<'_>) -> Result<Vec<BucketOrder>, StoreError> {
    let mut order = Vec::new();
    for item in one_or_many(value) {
        for (path, direction) in object("[order]", item, place)? {
            let direction = match direction.as_str().map(str::to_ascii_lowercase).as_deref() {
                Some("asc") => SortOrder::Asc,
                Some("desc") => SortOrder::Desc,
                _ => {
                    let message = format!("Unknown order direction [{}]", shown(direction).trim_matches('"'));
                    return Err(invalid(place, message));
                }
            };
            order.push(BucketOrder { key: order_key(path), order: direction });
        }
    }
    Ok(order)
}

fn order_key(path: &str) -> OrderKey {
    match path {
        "_count" => OrderKey::Count,
        "_key" | "_term" | "_time" => OrderKey::Key,
        other => OrderKey::Metric(BucketsPath::parse(other)),
    }
}

fn gap_policy(at: &Named<'_>, given: Option<&str>) -> Result<GapPolicy, StoreError> {
    match given {
        None | Some("skip") => Ok(GapPolicy::Skip),
        Some("insert_zeros") => Ok(GapPolicy::InsertZeros),
        Some(other) => {
            Err(at.illegal(format!("Invalid gap policy: [{other}], accepted values: [insert_zeros, skip]")))
        }
    }
}

/// `buckets_path` of a pipeline that reads one value: a text, or a list or object of one.
fn one_path(at: &Named<'_>, value: Option<&Value>) -> Result<BucketsPath, StoreError> {
    let text = match value {
        Some(Value::String(path)) => Some(path.as_str()),
        Some(Value::Array(list)) if list.len() == 1 => list[0].as_str(),
        _ => None,
    };
    match text {
        Some(path) => Ok(BucketsPath::parse(path)),
        None => {
            let message =
                format!("Missing required field [buckets_path] for {} aggregation [{}]", at.kind, at.name);
            Err(at.illegal(message))
        }
    }
}

fn built(kind: PipelineKind, gap_policy: GapPolicy, format: Option<String>) -> Kind {
    Kind::Pipeline(Pipeline { kind, gap_policy, format })
}

pub(super) fn bucket_sort(at: &Named<'_>, value: &Value) -> Result<Kind, StoreError> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Parameters {
        sort: Option<Value>,
        #[serde(default)]
        from: usize,
        #[serde(default, deserialize_with = "number")]
        size: Option<usize>,
        gap_policy: Option<String>,
    }
    let read: Parameters = parameters(&at.what(), value, at.place)?;
    let mut sort = Vec::new();
    for item in read.sort.as_ref().map(one_or_many).unwrap_or_default() {
        match item {
            Value::String(path) => sort.push(BucketOrder { key: order_key(path), order: SortOrder::Asc }),
            item => {
                let (path, direction) = single("[sort]", item, at.place)?;
                let direction = direction.get("order").unwrap_or(direction);
                let order = match scalar_text("[sort]", direction, at.place)?.to_ascii_lowercase().as_str() {
                    "asc" => SortOrder::Asc,
                    "desc" => SortOrder::Desc,
                    other => return Err(at.invalid(format!("[sort] \"{other}\" must be asc or desc"))),
                };
                sort.push(BucketOrder { key: order_key(path), order });
            }
        }
    }
    if sort.is_empty() && read.size.is_none() && read.from == 0 {
        let message = format!(
            "[{}] is configured to perform nothing. Please set either of [sort, size, from] to use bucket_sort",
            at.name
        );
        return Err(at.illegal(message));
    }
    let gaps = gap_policy(at, read.gap_policy.as_deref())?;
    Ok(built(PipelineKind::BucketSort { sort, from: read.from, size: read.size }, gaps, None))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OnePath {
    buckets_path: Option<Value>,
    gap_policy: Option<String>,
    format: Option<String>,
    /// Of `derivative`.
    unit: Option<String>,
    /// Of `serial_diff`.
    #[serde(default, deserialize_with = "number")]
    lag: Option<usize>,
    /// Of `percentiles_bucket`.
    percents: Option<Vec<f64>>,
    keyed: Option<bool>,
    /// Of `extended_stats_bucket`.
    #[serde(default, deserialize_with = "number")]
    sigma: Option<f64>,
}

impl OnePath {
    /// Refuses parameters that belong to other kinds.
    fn read(
        at: &Named<'_>,
        value: &Value,
        own: &[&str],
    ) -> Result<(Self, BucketsPath, GapPolicy), StoreError> {
        let common = ["buckets_path", "gap_policy", "format"];
        let odd = object(&at.what(), value, at.place)?
            .keys()
            .find(|key| !common.contains(&key.as_str()) && !own.contains(&key.as_str()));
        if let Some(odd) = odd {
            return Err(at.invalid(format!("{} does not support \"{odd}\"", at.what())));
        }
        let read: Self = parameters(&at.what(), value, at.place)?;
        let path = one_path(at, read.buckets_path.as_ref())?;
        let gaps = gap_policy(at, read.gap_policy.as_deref())?;
        Ok((read, path, gaps))
    }
}

pub(super) fn normalize(at: &Named<'_>, value: &Value) -> Result<Kind, StoreError> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Parameters {
        buckets_path: Option<Value>,
        method: NormalizeMethod,
        format: Option<String>,
    }
    let read: Parameters = parameters(&at.what(), value, at.place)?;
    let path = one_path(at, read.buckets_path.as_ref())?;
    Ok(built(PipelineKind::Normalize { path, method: read.method }, GapPolicy::Skip, read.format))
}

pub(super) fn derivative(at: &Named<'_>, value: &Value) -> Result<Kind, StoreError> {
    let (read, path, gaps) = OnePath::read(at, value, &["unit"])?;
    let unit_ms = match read.unit.as_deref() {
        None => None,
        Some(unit) => Some(
            unit_ms(unit)
                .ok_or_else(|| at.illegal(format!("failed to parse setting [unit] with value [{unit}]")))?,
        ),
    };
    Ok(built(PipelineKind::Derivative { path, unit_ms }, gaps, read.format))
}

/// Reads `1s`, `day`.
fn unit_ms(unit: &str) -> Option<i64> {
    const DAY: i64 = 86_400_000;
    let named = match unit {
        "second" => 1_000,
        "minute" => 60_000,
        "hour" => 3_600_000,
        "day" => DAY,
        "week" | "1w" => 7 * DAY,
        "month" | "1M" => 30 * DAY,
        "quarter" | "1q" => 91 * DAY,
        "year" | "1y" => 365 * DAY,
        other => return intervals::millis(other).filter(|unit| *unit > 0),
    };
    Some(named)
}

pub(super) fn cumulative_sum(at: &Named<'_>, value: &Value) -> Result<Kind, StoreError> {
    let (read, path, gaps) = OnePath::read(at, value, &[])?;
    Ok(built(PipelineKind::CumulativeSum(path), gaps, read.format))
}

pub(super) fn cumulative_cardinality(at: &Named<'_>, value: &Value) -> Result<Kind, StoreError> {
    let (read, path, gaps) = OnePath::read(at, value, &[])?;
    Ok(built(PipelineKind::CumulativeCardinality(path), gaps, read.format))
}

pub(super) fn serial_diff(at: &Named<'_>, value: &Value) -> Result<Kind, StoreError> {
    let (read, path, gaps) = OnePath::read(at, value, &["lag"])?;
    let lag = read.lag.unwrap_or(1);
    if lag == 0 || lag > WINDOW_MAX {
        return Err(at.illegal(format!("[lag] must be a positive, non-zero integer up to {WINDOW_MAX}")));
    }
    Ok(built(PipelineKind::SerialDiff { path, lag }, gaps, read.format))
}

/// The paths of a script: by name, or numbered if they have none.
fn named_paths(at: &Named<'_>, value: &Value) -> Result<Vec<(String, BucketsPath)>, StoreError> {
    let path = |value: &Value| {
        let text = scalar_text("[buckets_path]", value, at.place)?;
        Ok::<_, StoreError>(BucketsPath::parse(&text))
    };
    match value {
        Value::Object(named) => named.iter().map(|(name, value)| Ok((name.clone(), path(value)?))).collect(),
        Value::Array(list) => {
            let numbered = |(position, value)| Ok((format!("_value{position}"), path(value)?));
            list.iter().enumerate().map(numbered).collect()
        }
        one => Ok(vec![("_value".to_owned(), path(one)?)]),
    }
}

/// `bucket_script`, `bucket_selector`.
pub(super) fn bucket_script(at: &Named<'_>, value: &Value) -> Result<Kind, StoreError> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Parameters {
        buckets_path: Value,
        script: Value,
        gap_policy: Option<String>,
        format: Option<String>,
    }
    let read: Parameters = parameters(&at.what(), value, at.place)?;
    let script = BucketScript {
        paths: named_paths(at, &read.buckets_path)?,
        // A single value without name is what other scripts call `_value`.
        call: Box::new(match read.buckets_path.is_string() {
            true => script(&read.script, Purpose::Value, at.place)?,
            false => script(&read.script, Purpose::Bucket, at.place)?,
        }),
    };
    let gaps = gap_policy(at, read.gap_policy.as_deref())?;
    let kind = match at.kind {
        "bucket_selector" => PipelineKind::BucketSelector(script),
        _ => PipelineKind::BucketScript(script),
    };
    Ok(built(kind, gaps, read.format))
}

pub(super) fn moving_fn(at: &Named<'_>, value: &Value) -> Result<Kind, StoreError> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Parameters {
        buckets_path: Option<Value>,
        window: i64,
        #[serde(default)]
        shift: i64,
        script: Value,
        gap_policy: Option<String>,
        format: Option<String>,
    }
    let read: Parameters = parameters(&at.what(), value, at.place)?;
    let function = Box::new(script(&read.script, Purpose::Moving, at.place)?);
    let window = usize::try_from(read.window)
        .ok()
        .filter(|window| (1..=WINDOW_MAX).contains(window))
        .ok_or_else(|| at.illegal("[window] must be a positive, non-zero integer."))?;
    let shift = read.shift.clamp(-(WINDOW_MAX as i64), WINDOW_MAX as i64);
    let path = one_path(at, read.buckets_path.as_ref())?;
    let gaps = gap_policy(at, read.gap_policy.as_deref())?;
    Ok(built(PipelineKind::Moving { path, window, shift, function }, gaps, read.format))
}

/// The older `moving_avg`, whose window ends with the bucket itself.
pub(super) fn moving_avg(at: &Named<'_>, value: &Value) -> Result<Kind, StoreError> {
    #[derive(Default, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Settings {
        alpha: Option<f64>,
        beta: Option<f64>,
    }
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Parameters {
        buckets_path: Option<Value>,
        window: Option<i64>,
        model: Option<String>,
        settings: Option<Value>,
        minimize: Option<bool>,
        #[serde(default)]
        predict: u64,
        gap_policy: Option<String>,
        format: Option<String>,
    }
    if value.get("window").is_some_and(Value::is_string) {
        return Err(at.invalid(format!("Unknown key for a VALUE_STRING in [{}]: [window].", at.name)));
    }
    let read: Parameters = parameters(&at.what(), value, at.place)?;
    if read.predict > 0 || read.minimize == Some(true) {
        return Err(at.illegal(format!("{} supports neither \"predict\" nor \"minimize\"", at.what())));
    }
    let settings: Settings = match &read.settings {
        Some(settings) => parameters("[settings]", settings, at.place)?,
        None => Settings::default(),
    };
    let function = match read.model.as_deref().unwrap_or("simple") {
        "simple" => "MovingFunctions.unweightedAvg(values)".to_owned(),
        "linear" => "MovingFunctions.linearWeightedAvg(values)".to_owned(),
        "ewma" => format!("MovingFunctions.ewma(values, {:?})", settings.alpha.unwrap_or(0.3)),
        "holt" => {
            let (alpha, beta) = (settings.alpha.unwrap_or(0.3), settings.beta.unwrap_or(0.1));
            format!("MovingFunctions.holt(values, {alpha:?}, {beta:?})")
        }
        other => return Err(at.illegal(format!("{} does not support the model [{other}]", at.what()))),
    };
    let window = usize::try_from(read.window.unwrap_or(5))
        .ok()
        .filter(|window| (1..=WINDOW_MAX).contains(window))
        .ok_or_else(|| at.illegal("[window] must be a positive, non-zero integer."))?;
    let path = one_path(at, read.buckets_path.as_ref())?;
    let gaps = gap_policy(at, read.gap_policy.as_deref())?;
    let function = Box::new(script(&Value::String(function), Purpose::Moving, at.place)?);
    Ok(built(PipelineKind::Moving { path, window, shift: 1, function }, gaps, read.format))
}

pub(super) fn sibling(at: &Named<'_>, value: &Value) -> Result<Kind, StoreError> {
    let own: &[&str] = match at.kind {
        "percentiles_bucket" => &["percents", "keyed"],
        "extended_stats_bucket" => &["sigma"],
        _ => &[],
    };
    let (read, path, gaps) = OnePath::read(at, value, own)?;
    let kind = match at.kind {
        "avg_bucket" => SiblingKind::Avg,
        "sum_bucket" => SiblingKind::Sum,
        "min_bucket" => SiblingKind::Min,
        "max_bucket" => SiblingKind::Max,
        "stats_bucket" => SiblingKind::Stats,
        "extended_stats_bucket" => SiblingKind::ExtendedStats { sigma: metrics::sigma(at, read.sigma)? },
        _ => SiblingKind::Percentiles {
            percents: metrics::percents(at, read.percents)?,
            keyed: read.keyed.unwrap_or(true),
        },
    };
    if path.steps.len() < 2 && path.property.is_none() {
        let message = format!(
            "The first aggregation in buckets_path must be a multi-bucket aggregation for aggregation [{}], and be followed \
             by a metric: [{}]",
            at.name,
            path.name()
        );
        return Err(at.illegal(message));
    }
    Ok(built(PipelineKind::Sibling { kind, path }, gaps, read.format))
}
