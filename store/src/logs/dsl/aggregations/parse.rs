use super::ast::{
    Aggregation, BucketOrder, CalendarUnit, CompositeKind, CompositeSource, DateHistogram, DateInterval,
    Filters, Histogram, Kind, Metric, MetricKind, OrderKey, Pipeline, RangeBucket, RangeKind, Ranges,
    TermSelection, TermsBuckets, TopHits,
};
use super::{COUNT_MAX, DEPTH_MAX};
use crate::StoreError;
use crate::logs::dsl::parse::Parser;
use crate::logs::dsl::read::{Place, invalid, object, one_or_many, parameters, scalar_text, shown, single};
use crate::logs::dsl::sort::sort_keys;
use crate::logs::dsl::{BUCKETS_MAX, CLAUSES_MAX, PATTERN_MAX_BYTES, Query, SortOrder, SourceFilter};
use event::Object;
use serde::Deserialize;
use serde_json::Value;

/// Hits that `top_hits` may answer with per bucket (Elasticsearch's `index.max_inner_result_window`).
const TOP_HITS_MAX: usize = 100;

/// Parses `aggs` of a search body.
pub(crate) fn parse_aggregations(value: &Value, place: &Place<'_>) -> Result<Vec<Aggregation>, StoreError> {
    let mut count = 0;
    aggregations(value, place, 0, &mut count)
}

fn aggregations(
    value: &Value,
    place: &Place<'_>,
    depth: usize,
    count: &mut usize,
) -> Result<Vec<Aggregation>, StoreError> {
    if depth >= DEPTH_MAX {
        return Err(invalid(place, format!("aggregations are nested deeper than {DEPTH_MAX} levels")));
    }
    object("aggregations", value, place)?
        .iter()
        .map(|(name, body)| {
            *count += 1;
            if *count > COUNT_MAX {
                return Err(invalid(place, format!("a search takes at most {COUNT_MAX} aggregations")));
            }
            aggregation(name, body, &place.key(name), depth, count)
        })
        .collect()
}

fn aggregation(
    name: &str,
    body: &Value,
    place: &Place<'_>,
    depth: usize,
    count: &mut usize,
) -> Result<Aggregation, StoreError> {
    let (mut kind, mut inner, mut meta) = (None, Vec::new(), None);
    for (key, value) in object("an aggregation", body, place)? {
        let at = place.key(key);
        match key.as_str() {
            "aggs" | "aggregations" => inner = aggregations(value, &at, depth + 1, count)?,
            "meta" => meta = Some(value.clone()),
            _ if kind.is_some() => {
                return Err(invalid(
                    place,
                    format!("aggregation \"{name}\" is of two kinds, \"{key}\" is the second"),
                ));
            }
            _ => {
                let Some((_, build)) = KINDS.iter().find(|(known, _)| known == key) else {
                    return Err(invalid(place, format!("unknown aggregation \"{key}\"")));
                };
                kind = Some((build(key, value, &at)?, key));
            }
        }
    }
    let Some((kind, key)) = kind else {
        return Err(invalid(place, format!("aggregation \"{name}\" does not say what it computes")));
    };
    if !inner.is_empty() && matches!(kind, Kind::Metric(_) | Kind::TopHits(_) | Kind::Pipeline(_)) {
        return Err(invalid(
            place,
            format!("aggregation \"{name}\" of type [{key}] cannot have inner aggregations"),
        ));
    }
    Ok(Aggregation { name: name.to_owned(), kind, inner, meta })
}

type Build = fn(&str, &Value, &Place<'_>) -> Result<Kind, StoreError>;

/// Every kind there is, by name.
const KINDS: &[(&str, Build)] = &[
    ("terms", terms),
    ("histogram", histogram),
    ("date_histogram", |name, value, place| {
        date_histogram(name, value, place).map(Box::new).map(Kind::DateHistogram)
    }),
    ("range", ranges),
    ("date_range", ranges),
    ("filter", |_, value, place| query(value, place).map(Kind::Filter)),
    ("filters", filters),
    ("missing", |name, value, place| field_only(name, value, place).map(Kind::Missing)),
    ("composite", composite),
    ("min", |name, value, place| metric(name, value, place, MetricKind::Min)),
    ("max", |name, value, place| metric(name, value, place, MetricKind::Max)),
    ("avg", |name, value, place| metric(name, value, place, MetricKind::Avg)),
    ("sum", |name, value, place| metric(name, value, place, MetricKind::Sum)),
    ("stats", |name, value, place| metric(name, value, place, MetricKind::Stats)),
    ("value_count", |name, value, place| metric(name, value, place, MetricKind::ValueCount)),
    ("extended_stats", |name, value, place| {
        metric(name, value, place, MetricKind::ExtendedStats { sigma: 2.0 })
    }),
    ("cardinality", |name, value, place| {
        metric(name, value, place, MetricKind::Cardinality { precision_threshold: 3_000 })
    }),
    ("percentiles", |name, value, place| {
        let percents = vec![1.0, 5.0, 25.0, 50.0, 75.0, 95.0, 99.0];
        metric(name, value, place, MetricKind::Percentiles { percents, keyed: true })
    }),
    ("percentile_ranks", |name, value, place| {
        metric(name, value, place, MetricKind::PercentileRanks { values: Vec::new(), keyed: true })
    }),
    ("top_hits", top_hits),
    ("bucket_sort", bucket_sort),
    ("derivative", pipeline),
    ("cumulative_sum", pipeline),
    ("avg_bucket", pipeline),
    ("sum_bucket", pipeline),
    ("min_bucket", pipeline),
    ("max_bucket", pipeline),
];

fn query(value: &Value, place: &Place<'_>) -> Result<Query, StoreError> {
    // The place of an aggregation is deep already; a query in it starts to count anew.
    let shown_place = place.to_string();
    Parser::default().query(value, &Place::root(&shown_place))
}

fn what(name: &str) -> String {
    format!("[{name}] aggregation")
}

fn field_only(name: &str, value: &Value, place: &Place<'_>) -> Result<String, StoreError> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Parameters {
        field: String,
    }
    parameters(&what(name), value, place).map(|read: Parameters| read.field)
}

/// Reads `{"_count": "desc"}` or a list of such.
fn bucket_order(value: &Value, place: &Place<'_>) -> Result<Vec<BucketOrder>, StoreError> {
    let mut order = Vec::new();
    for item in one_or_many(value) {
        for (path, direction) in object("[order]", item, place)? {
            let direction = match direction.as_str().map(str::to_ascii_lowercase).as_deref() {
                Some("asc") => SortOrder::Asc,
                Some("desc") => SortOrder::Desc,
                _ => {
                    return Err(invalid(place, format!("[order] {} must be asc or desc", shown(direction))));
                }
            };
            order.push(BucketOrder { key: order_key(path), order: direction });
        }
    }
    Ok(order)
}

/// Splits `outer>inner.value`, `percentiles[95]`.
fn buckets_path(path: &str) -> (Vec<String>, Option<String>) {
    let mut steps: Vec<String> = path.split('>').map(|step| step.trim().to_owned()).collect();
    let last = steps.pop().unwrap_or_default();
    let (name, property) = match last.split_once('[') {
        Some((name, property)) => (name, Some(property.trim_end_matches(']'))),
        None => match last.split_once('.') {
            Some((name, property)) => (name, Some(property)),
            None => (last.as_str(), None),
        },
    };
    let property = property.filter(|property| *property != "value").map(str::to_owned);
    steps.push(name.to_owned());
    (steps, property)
}

fn order_key(path: &str) -> OrderKey {
    match path {
        "_count" => OrderKey::Count,
        "_key" | "_term" | "_time" => OrderKey::Key,
        other => {
            let (path, property) = buckets_path(other);
            OrderKey::Metric(path, property)
        }
    }
}

fn terms(name: &str, value: &Value, place: &Place<'_>) -> Result<Kind, StoreError> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Parameters {
        field: String,
        size: Option<usize>,
        min_doc_count: Option<u64>,
        order: Option<Value>,
        include: Option<Value>,
        exclude: Option<Value>,
        missing: Option<Value>,
        // Counts are exact here, so what tunes their error changes nothing.
        #[serde(rename = "shard_size")]
        _shard_size: Option<i64>,
        #[serde(rename = "shard_min_doc_count")]
        _shard_min_doc_count: Option<u64>,
        #[serde(rename = "show_term_doc_count_error")]
        _show_error: Option<bool>,
        #[serde(rename = "execution_hint")]
        _execution_hint: Option<String>,
        #[serde(rename = "collect_mode")]
        _collect_mode: Option<String>,
    }
    let read: Parameters = parameters(&what(name), value, place)?;
    let size = read.size.unwrap_or(10);
    if size == 0 || size > BUCKETS_MAX {
        return Err(invalid(
            place,
            format!("[terms] aggregation: size must lie between 1 and {BUCKETS_MAX}"),
        ));
    }
    let min_doc_count = read.min_doc_count.unwrap_or(1);
    if min_doc_count == 0 {
        return Err(invalid(place, "[terms] aggregation does not support \"min_doc_count\" of 0"));
    }
    let order = match &read.order {
        Some(order) => bucket_order(order, &place.key("order"))?,
        None => vec![BucketOrder { key: OrderKey::Count, order: SortOrder::Desc }],
    };
    let selection = |value: Option<Value>, key: &str| {
        let at = place.key(key);
        value.map(|value| term_selection(value, &at)).transpose()
    };
    Ok(Kind::Terms(TermsBuckets {
        field: read.field,
        size,
        min_doc_count,
        order,
        include: selection(read.include, "include")?,
        exclude: selection(read.exclude, "exclude")?,
        missing: read.missing,
    }))
}

fn term_selection(value: Value, place: &Place<'_>) -> Result<TermSelection, StoreError> {
    match value {
        Value::String(pattern) if pattern.len() <= PATTERN_MAX_BYTES => Ok(TermSelection::Pattern(pattern)),
        Value::Array(values) => Ok(TermSelection::Values(values)),
        other => Err(invalid(place, format!("{} must be a pattern or a list of values", shown(&other)))),
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Bounds {
    min: Option<Value>,
    max: Option<Value>,
}

fn histogram(name: &str, value: &Value, place: &Place<'_>) -> Result<Kind, StoreError> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Parameters {
        field: String,
        interval: f64,
        #[serde(default)]
        offset: f64,
        #[serde(default)]
        min_doc_count: u64,
        extended_bounds: Option<Bounds>,
        hard_bounds: Option<Bounds>,
        missing: Option<f64>,
        #[serde(default)]
        keyed: bool,
        order: Option<Value>,
    }
    let read: Parameters = parameters(&what(name), value, place)?;
    if !(read.interval.is_finite() && read.interval > 0.0) {
        return Err(invalid(place, "[interval] must be a number above 0 in [histogram] aggregation"));
    }
    let bounds = |bounds: Option<Bounds>| {
        bounds.map(|bounds| {
            let end =
                |value: Option<Value>, open: f64| value.and_then(|value| value.as_f64()).unwrap_or(open);
            (end(bounds.min, f64::NEG_INFINITY), end(bounds.max, f64::INFINITY))
        })
    };
    Ok(Kind::Histogram(Histogram {
        field: read.field,
        interval: read.interval,
        offset: read.offset,
        min_doc_count: read.min_doc_count,
        extended_bounds: bounds(read.extended_bounds),
        hard_bounds: bounds(read.hard_bounds),
        missing: read.missing,
        keyed: read.keyed,
        order: read.order.as_ref().map_or(Ok(Vec::new()), |order| bucket_order(order, place))?,
    }))
}

fn date_histogram(name: &str, value: &Value, place: &Place<'_>) -> Result<DateHistogram, StoreError> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Parameters {
        field: String,
        fixed_interval: Option<String>,
        calendar_interval: Option<String>,
        // Of Elasticsearch before 8, still sent by Grafana's plugins.
        interval: Option<String>,
        time_zone: Option<String>,
        offset: Option<Value>,
        format: Option<String>,
        #[serde(default)]
        min_doc_count: u64,
        extended_bounds: Option<Bounds>,
        hard_bounds: Option<Bounds>,
        missing: Option<Value>,
        #[serde(default)]
        keyed: bool,
        order: Option<Value>,
    }
    let read: Parameters = parameters(&what(name), value, place)?;
    let interval = match (&read.fixed_interval, &read.calendar_interval, &read.interval) {
        (Some(text), None, None) => fixed_interval(text, place)?,
        (None, Some(text), None) => calendar_interval(text).ok_or_else(|| {
            invalid(place, format!("the supplied interval \"{text}\" is not a calendar interval"))
        })?,
        (None, None, Some(text)) => {
            calendar_interval(text).map_or_else(|| fixed_interval(text, place), Ok)?
        }
        _ => {
            let message =
                "[date_histogram] aggregation needs either \"fixed_interval\" or \"calendar_interval\"";
            return Err(invalid(place, message));
        }
    };
    let bounds = |bounds: Option<Bounds>| {
        bounds.map(|bounds| (bounds.min.unwrap_or(Value::Null), bounds.max.unwrap_or(Value::Null)))
    };
    Ok(DateHistogram {
        field: read.field,
        interval,
        time_zone: read.time_zone,
        offset_ms: read.offset.as_ref().map_or(Ok(0), |offset| offset_ms(offset, place))?,
        format: read.format,
        min_doc_count: read.min_doc_count,
        extended_bounds: bounds(read.extended_bounds),
        hard_bounds: bounds(read.hard_bounds),
        missing: read.missing,
        keyed: read.keyed,
        order: read.order.as_ref().map_or(Ok(Vec::new()), |order| bucket_order(order, place))?,
    })
}

fn calendar_interval(text: &str) -> Option<DateInterval> {
    let unit = match text {
        "minute" | "1m" => CalendarUnit::Minute,
        "hour" | "1h" => CalendarUnit::Hour,
        "day" | "1d" => CalendarUnit::Day,
        "week" | "1w" => CalendarUnit::Week,
        "month" | "1M" => CalendarUnit::Month,
        "quarter" | "1q" => CalendarUnit::Quarter,
        "year" | "1y" => CalendarUnit::Year,
        _ => return None,
    };
    Some(DateInterval::Calendar(unit))
}

fn millis(text: &str) -> Option<i64> {
    let split = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = text.split_at(split);
    let unit = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return None,
    };
    number.parse::<i64>().ok()?.checked_mul(unit)
}

fn fixed_interval(text: &str, place: &Place<'_>) -> Result<DateInterval, StoreError> {
    match millis(text) {
        Some(interval) if interval > 0 => Ok(DateInterval::FixedMs(interval)),
        _ => Err(invalid(
            place,
            format!("cannot read the interval \"{text}\", expected for example 30s, 5m or 1d"),
        )),
    }
}

fn offset_ms(value: &Value, place: &Place<'_>) -> Result<i64, StoreError> {
    let read = match value {
        Value::Number(number) => number.as_i64(),
        Value::String(text) => match text.strip_prefix('-') {
            Some(text) => millis(text).map(|offset| -offset),
            None => millis(text.strip_prefix('+').unwrap_or(text)),
        },
        _ => None,
    };
    read.ok_or_else(|| {
        invalid(place, format!("cannot read the offset {}, expected for example +6h", shown(value)))
    })
}

fn ranges(name: &str, value: &Value, place: &Place<'_>) -> Result<Kind, StoreError> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Bucket {
        key: Option<String>,
        from: Option<Value>,
        to: Option<Value>,
    }
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Parameters {
        field: String,
        ranges: Vec<Bucket>,
        #[serde(default)]
        keyed: bool,
        missing: Option<Value>,
        format: Option<String>,
        time_zone: Option<String>,
    }
    let read: Parameters = parameters(&what(name), value, place)?;
    if read.ranges.is_empty() {
        return Err(invalid(place, format!("[{name}] aggregation lacks \"ranges\"")));
    }
    check_width(name, read.ranges.len(), place)?;
    let dates = name == "date_range";
    let mut ranges = Vec::with_capacity(read.ranges.len());
    for bucket in read.ranges {
        for end in [&bucket.from, &bucket.to].into_iter().flatten() {
            if !(end.is_null() || end.is_number() || end.is_string() && dates) {
                return Err(invalid(
                    place,
                    format!("[{name}] aggregation: {} is not an end of a range", shown(end)),
                ));
            }
        }
        let end = |value: Option<Value>| value.filter(|value| !value.is_null());
        ranges.push(RangeBucket { key: bucket.key, from: end(bucket.from), to: end(bucket.to) });
    }
    let kind = match dates {
        true => RangeKind::Date { format: read.format, time_zone: read.time_zone },
        false => RangeKind::Number,
    };
    Ok(Kind::Ranges(Ranges { field: read.field, kind, ranges, keyed: read.keyed, missing: read.missing }))
}

/// Every document is held against each range or filter: their number is bounded like that of clauses.
fn check_width(name: &str, count: usize, place: &Place<'_>) -> Result<(), StoreError> {
    if count <= CLAUSES_MAX {
        return Ok(());
    }
    Err(invalid(place, format!("[{name}] aggregation takes at most {CLAUSES_MAX} entries, not {count}")))
}

fn filters(name: &str, value: &Value, place: &Place<'_>) -> Result<Kind, StoreError> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Parameters {
        filters: Value,
        other_bucket: Option<bool>,
        other_bucket_key: Option<String>,
        #[serde(rename = "keyed")]
        _keyed: Option<bool>,
    }
    let read: Parameters = parameters(&what(name), value, place)?;
    let at = place.key("filters");
    check_width(name, read.filters.as_array().map_or(0, Vec::len), place)?;
    check_width(name, read.filters.as_object().map_or(0, Object::len), place)?;
    let filters = match &read.filters {
        Value::Array(list) => list
            .iter()
            .enumerate()
            .map(|(position, item)| Ok((None, query(item, &at.item(position))?)))
            .collect::<Result<Vec<_>, StoreError>>()?,
        named => object("[filters] aggregation", named, &at)?
            .iter()
            .map(|(name, item)| Ok((Some(name.clone()), query(item, &at.key(name))?)))
            .collect::<Result<Vec<_>, StoreError>>()?,
    };
    let wanted = read.other_bucket.unwrap_or(read.other_bucket_key.is_some());
    let other_bucket_key = wanted.then(|| read.other_bucket_key.unwrap_or_else(|| "_other_".to_owned()));
    Ok(Kind::Filters(Filters { filters, other_bucket_key }))
}

fn composite(name: &str, value: &Value, place: &Place<'_>) -> Result<Kind, StoreError> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Parameters {
        sources: Vec<Value>,
        size: Option<usize>,
        after: Option<Object>,
    }
    let read: Parameters = parameters(&what(name), value, place)?;
    let at = place.key("sources");
    let mut sources = Vec::with_capacity(read.sources.len());
    for (position, source) in read.sources.iter().enumerate() {
        sources.push(composite_source(source, &at.item(position))?);
    }
    let size = read.size.unwrap_or(10);
    if sources.is_empty() || size == 0 || size > BUCKETS_MAX {
        return Err(invalid(
            place,
            format!("[composite] aggregation needs sources, and a size between 1 and {BUCKETS_MAX}"),
        ));
    }
    let after = match &read.after {
        None => None,
        Some(after) => Some(
            sources
                .iter()
                .map(|source| {
                    after.get(&source.name).cloned().ok_or_else(|| {
                        invalid(
                            place,
                            format!("[composite] aggregation: \"after\" lacks \"{}\"", source.name),
                        )
                    })
                })
                .collect::<Result<Vec<_>, _>>()?,
        ),
    };
    Ok(Kind::Composite { sources, size, after })
}

fn composite_source(value: &Value, place: &Place<'_>) -> Result<CompositeSource, StoreError> {
    let (name, body) = single("a composite source", value, place)?;
    let at = place.key(name);
    let (kind, options) = single("a composite source", body, &at)?;
    let mut options = object("a composite source", options, &at)?.clone();
    let order = match options.remove("order").as_ref().and_then(Value::as_str) {
        None | Some("asc") => SortOrder::Asc,
        Some("desc") => SortOrder::Desc,
        Some(other) => return Err(invalid(&at, format!("order \"{other}\" must be asc or desc"))),
    };
    let missing_bucket = options.remove("missing_bucket").is_some_and(|wanted| wanted == Value::Bool(true));
    let options = Value::Object(options);
    let kind = match kind {
        "terms" => CompositeKind::Terms { field: field_only("composite", &options, &at)? },
        "histogram" => match histogram("histogram", &options, &at)? {
            Kind::Histogram(read) => CompositeKind::Histogram(read),
            _ => return Err(invalid(&at, "not a histogram")),
        },
        "date_histogram" => {
            CompositeKind::DateHistogram(Box::new(date_histogram("date_histogram", &options, &at)?))
        }
        other => return Err(invalid(&at, format!("unknown composite source \"{other}\""))),
    };
    Ok(CompositeSource { name: name.to_owned(), kind, order, missing_bucket })
}

fn metric(name: &str, value: &Value, place: &Place<'_>, kind: MetricKind) -> Result<Kind, StoreError> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Parameters {
        field: String,
        missing: Option<Value>,
        percents: Option<Vec<f64>>,
        values: Option<Vec<f64>>,
        keyed: Option<bool>,
        sigma: Option<f64>,
        precision_threshold: Option<u64>,
        // Both sketches of Elasticsearch have one counterpart here; their tuning changes nothing.
        #[serde(rename = "tdigest")]
        _tdigest: Option<Value>,
        #[serde(rename = "hdr")]
        _hdr: Option<Value>,
        #[serde(rename = "format")]
        _format: Option<String>,
    }
    let what = what(name);
    let read: Parameters = parameters(&what, value, place)?;
    let of_kind = |given: bool, parameter: &str, owner: &[&str]| match given && !owner.contains(&name) {
        true => Err(invalid(place, format!("{what} does not support \"{parameter}\""))),
        false => Ok(()),
    };
    of_kind(read.percents.is_some(), "percents", &["percentiles"])?;
    of_kind(read.values.is_some(), "values", &["percentile_ranks"])?;
    of_kind(read.keyed.is_some(), "keyed", &["percentiles", "percentile_ranks"])?;
    of_kind(read.sigma.is_some(), "sigma", &["extended_stats"])?;
    of_kind(read.precision_threshold.is_some(), "precision_threshold", &["cardinality"])?;
    let kind = match kind {
        MetricKind::ExtendedStats { sigma } => {
            MetricKind::ExtendedStats { sigma: read.sigma.unwrap_or(sigma) }
        }
        MetricKind::Cardinality { precision_threshold } => MetricKind::Cardinality {
            precision_threshold: read.precision_threshold.unwrap_or(precision_threshold).min(40_000),
        },
        MetricKind::Percentiles { percents, keyed } => {
            let percents = read.percents.unwrap_or(percents);
            if percents.is_empty()
                || percents.len() > 100
                || percents.iter().any(|p| !(0.0..=100.0).contains(p))
            {
                return Err(invalid(place, format!("{what}: percents must lie between 0 and 100")));
            }
            MetricKind::Percentiles { percents, keyed: read.keyed.unwrap_or(keyed) }
        }
        MetricKind::PercentileRanks { keyed, .. } => {
            let values = read.values.unwrap_or_default();
            if values.is_empty() || values.len() > 100 {
                return Err(invalid(place, format!("{what} needs 1 to 100 values")));
            }
            MetricKind::PercentileRanks { values, keyed: read.keyed.unwrap_or(keyed) }
        }
        other => other,
    };
    Ok(Kind::Metric(Metric { field: read.field, kind, missing: read.missing }))
}

fn top_hits(name: &str, value: &Value, place: &Place<'_>) -> Result<Kind, StoreError> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Parameters {
        #[serde(default)]
        from: usize,
        size: Option<usize>,
        sort: Option<Value>,
        #[serde(rename = "_source")]
        source: Option<Value>,
    }
    let read: Parameters = parameters(&what(name), value, place)?;
    let size = read.size.unwrap_or(3);
    if read.from.saturating_add(size) > TOP_HITS_MAX {
        return Err(invalid(
            place,
            format!("[top_hits] aggregation: from + size must not exceed {TOP_HITS_MAX}"),
        ));
    }
    Ok(Kind::TopHits(TopHits {
        from: read.from,
        size,
        sort: read.sort.as_ref().map_or(Ok(Vec::new()), |sort| sort_keys(sort, &place.key("sort")))?,
        source: match &read.source {
            Some(source) => SourceFilter::parse(source, &place.key("_source"))?,
            None => SourceFilter::default(),
        },
    }))
}

fn bucket_sort(name: &str, value: &Value, place: &Place<'_>) -> Result<Kind, StoreError> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Parameters {
        sort: Option<Value>,
        #[serde(default)]
        from: usize,
        size: Option<usize>,
        #[serde(rename = "gap_policy")]
        _gap_policy: Option<String>,
    }
    let read: Parameters = parameters(&what(name), value, place)?;
    let mut sort = Vec::new();
    for item in read.sort.as_ref().map(one_or_many).unwrap_or_default() {
        match item {
            Value::String(path) => sort.push(BucketOrder { key: order_key(path), order: SortOrder::Asc }),
            item => {
                let (path, direction) = single("[sort]", item, place)?;
                let direction = direction.get("order").unwrap_or(direction);
                let text = scalar_text("[sort]", direction, place)?;
                let order = match text.to_ascii_lowercase().as_str() {
                    "asc" => SortOrder::Asc,
                    "desc" => SortOrder::Desc,
                    _ => return Err(invalid(place, format!("[sort] \"{text}\" must be asc or desc"))),
                };
                sort.push(BucketOrder { key: order_key(path), order });
            }
        }
    }
    Ok(Kind::Pipeline(Pipeline::BucketSort { sort, from: read.from, size: read.size }))
}

fn pipeline(name: &str, value: &Value, place: &Place<'_>) -> Result<Kind, StoreError> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Parameters {
        buckets_path: String,
        #[serde(rename = "gap_policy")]
        _gap_policy: Option<String>,
        #[serde(rename = "format")]
        _format: Option<String>,
    }
    let read: Parameters = parameters(&what(name), value, place)?;
    let (path, property) = buckets_path(&read.buckets_path);
    let kind = match name {
        "derivative" => return Ok(Kind::Pipeline(Pipeline::Derivative(path, property))),
        "cumulative_sum" => return Ok(Kind::Pipeline(Pipeline::CumulativeSum(path, property))),
        "avg_bucket" => MetricKind::Avg,
        "sum_bucket" => MetricKind::Sum,
        "min_bucket" => MetricKind::Min,
        _ => MetricKind::Max,
    };
    if path.len() < 2 {
        return Err(invalid(
            place,
            format!("[{name}] aggregation: buckets_path must be of the form buckets>metric"),
        ));
    }
    Ok(Kind::Pipeline(Pipeline::Sibling { kind, path, property }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn parse(value: Value) -> Result<Vec<Aggregation>, StoreError> {
        parse_aggregations(&value, &Place::root("aggs"))
    }

    #[test]
    fn errors_name_the_aggregation() {
        let check = |value: Value, expected: &str| assert_eq!(parse(value).unwrap_err().message, expected);
        check(json!({"a": {"geohash_grid": {}}}), "unknown aggregation \"geohash_grid\" (at aggs.a)");
        check(json!({"a": {}}), "aggregation \"a\" does not say what it computes (at aggs.a)");
        check(
            json!({"a": {"terms": {"field": "f", "script": "x"}}}),
            "[terms] aggregation does not support \"script\" (at aggs.a.terms)",
        );
        check(
            json!({"a": {"avg": {"field": "f", "percents": [1]}}}),
            "[avg] aggregation does not support \"percents\" (at aggs.a.avg)",
        );
        check(
            json!({"a": {"avg": {"field": "f"}, "aggs": {"b": {"avg": {"field": "f"}}}}}),
            "aggregation \"a\" of type [avg] cannot have inner aggregations (at aggs.a)",
        );
        check(
            json!({"a": {"date_histogram": {"field": "f", "calendar_interval": "2d"}}}),
            "the supplied interval \"2d\" is not a calendar interval (at aggs.a.date_histogram)",
        );
        check(json!({"a": {"filter": {"foo": {}}}}), "unknown query \"foo\" (at aggs.a.filter)");
    }

    #[test]
    fn intervals() {
        let check = |options: Value, expected: DateInterval| {
            let mut body = json!({"field": "t"});
            body.as_object_mut().unwrap().extend(options.as_object().unwrap().clone());
            match &parse(json!({"h": {"date_histogram": body}})).unwrap()[0].kind {
                Kind::DateHistogram(read) => assert_eq!(read.interval, expected),
                other => panic!("{other:?}"),
            }
        };
        check(json!({"fixed_interval": "90m"}), DateInterval::FixedMs(5_400_000));
        check(json!({"calendar_interval": "month"}), DateInterval::Calendar(CalendarUnit::Month));
        check(json!({"interval": "1d"}), DateInterval::Calendar(CalendarUnit::Day));
        check(json!({"interval": "30s"}), DateInterval::FixedMs(30_000));
    }

    #[test]
    fn paths_of_buckets() {
        let check = |text: &str, steps: &[&str], property: Option<&str>| {
            assert_eq!(
                buckets_path(text),
                (steps.iter().map(|s| (*s).to_owned()).collect(), property.map(str::to_owned)),
                "{text}"
            );
        };
        check("a", &["a"], None);
        check("a.value", &["a"], None);
        check("a>b.avg", &["a", "b"], Some("avg"));
        check("p[99.9]", &["p"], Some("99.9"));
        check("p.99", &["p"], Some("99"));
    }

    #[test]
    fn nesting_is_bounded() {
        let nest = |levels| {
            (0..levels).fold(
                json!({"a": {"avg": {"field": "f"}}}),
                |inner, _| json!({"a": {"terms": {"field": "f"}, "aggs": inner}}),
            )
        };
        assert!(parse(nest(DEPTH_MAX - 1)).is_ok());
        assert!(parse(nest(DEPTH_MAX)).unwrap_err().message.contains("nested deeper"));
    }
}
