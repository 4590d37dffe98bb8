//! `typed_keys`: the names of aggregations with what they are, `sterms#names`.

use crate::logs::dsl::aggregations::{
    Aggregation, GridKind, Kind, MetricKind, PipelineKind, RangeKind, SiblingKind,
};
use event::Object;
use serde_json::Value;

/// Renames the answers of aggregations.
pub(in super::super) fn typed_keys(request: &[Aggregation], answers: Object) -> Object {
    answers
        .into_iter()
        .map(|(name, mut answer)| match request.iter().find(|aggregation| aggregation.name == name) {
            Some(aggregation) => {
                below(aggregation, &mut answer);
                (format!("{}#{name}", type_name(aggregation, &answer)), answer)
            }
            None => (name, answer),
        })
        .collect()
}

/// Renames what is in the buckets of an answer.
fn below(aggregation: &Aggregation, answer: &mut Value) {
    if aggregation.inner.is_empty() {
        return;
    }
    let rename = |bucket: &mut Value| {
        if let Some(members) = bucket.as_object_mut() {
            *members = typed_keys(&aggregation.inner, std::mem::take(members));
        }
    };
    match answer.get_mut("buckets") {
        Some(Value::Array(list)) => list.iter_mut().for_each(rename),
        Some(Value::Object(named)) => named.values_mut().for_each(rename),
        _ => rename(answer),
    }
}

/// What Elasticsearch calls the collector of an aggregation, as `profile` shows it; terms may be numbers.
pub(in super::super) fn collector_name(kind: &Kind, numbers: bool) -> String {
    let known = match kind {
        Kind::Terms(_) if numbers => "NumericTermsAggregator",
        Kind::Terms(request) if request.by_map => "MapStringTermsAggregator",
        Kind::Terms(_) => "GlobalOrdinalsStringTermsAggregator",
        Kind::RareTerms(_) if numbers => "LongRareTermsAggregator",
        Kind::RareTerms(_) => "StringRareTermsAggregator",
        Kind::Histogram(_) => "NumericHistogramAggregator",
        Kind::Metric(metric) => match metric.kind {
            MetricKind::Percentiles { .. } => "TDigestPercentilesAggregator",
            MetricKind::PercentileRanks { .. } => "TDigestPercentileRanksAggregator",
            _ => "",
        },
        _ => "",
    };
    if !known.is_empty() {
        return known.to_owned();
    }
    let words = kind_name(kind).split('_').map(|word| {
        let (first, rest) = word.split_at(word.len().min(1));
        first.to_uppercase() + rest
    });
    words.collect::<String>() + "Aggregator"
}

/// What Elasticsearch calls buckets by their first key.
fn key_type(answer: &Value, text: &'static str, whole: &'static str, fraction: &'static str) -> &'static str {
    let first = answer.get("buckets").and_then(|buckets| buckets.get(0)).and_then(|bucket| bucket.get("key"));
    match first {
        Some(Value::Number(number)) if number.is_f64() => fraction,
        Some(Value::Number(_)) => whole,
        _ => text,
    }
}

fn type_name(aggregation: &Aggregation, answer: &Value) -> &'static str {
    match &aggregation.kind {
        Kind::Terms(_) => key_type(answer, "sterms", "lterms", "dterms"),
        Kind::RareTerms(_) => key_type(answer, "srareterms", "lrareterms", "drareterms"),
        Kind::SignificantTerms(_) => key_type(answer, "sigsterms", "siglterms", "siglterms"),
        kind => kind_name(kind),
    }
}

/// What Elasticsearch calls a kind of aggregation, whatever its keys are.
fn kind_name(kind: &Kind) -> &'static str {
    match kind {
        Kind::Terms(_) => "terms",
        Kind::RareTerms(_) => "rare_terms",
        Kind::SignificantTerms(_) => "significant_terms",
        Kind::MultiTerms(_) => "multi_terms",
        Kind::Histogram(_) => "histogram",
        Kind::DateHistogram(_) => "date_histogram",
        Kind::AutoDateHistogram(_) => "auto_date_histogram",
        Kind::VariableWidthHistogram(_) => "variable_width_histogram",
        Kind::Ranges(ranges) => match ranges.kind {
            RangeKind::Number => "range",
            RangeKind::Date => "date_range",
            RangeKind::Ip => "ip_range",
            RangeKind::Distance { .. } => "geo_distance",
        },
        Kind::Filter(_) => "filter",
        Kind::Filters(_) => "filters",
        Kind::Missing(_) => "missing",
        Kind::Global => "global",
        Kind::Nested(_) => "nested",
        Kind::ReverseNested => "reverse_nested",
        Kind::AdjacencyMatrix(_) => "adjacency_matrix",
        Kind::Sampler(_) => "sampler",
        Kind::GeoGrid(grid) if grid.kind == GridKind::Geohash => "geohash_grid",
        Kind::GeoGrid(_) => "geotile_grid",
        Kind::Composite { .. } => "composite",
        Kind::WeightedAvg(_) => "weighted_avg",
        Kind::TTest(_) => "t_test",
        Kind::MatrixStats(_) => "matrix_stats",
        Kind::Rate(_) => "rate",
        Kind::GeoBounds { .. } => "geo_bounds",
        Kind::GeoCentroid(_) => "geo_centroid",
        Kind::TopHits(_) => "top_hits",
        Kind::TopMetrics(_) => "top_metrics",
        Kind::Metric(metric) => match metric.kind {
            MetricKind::Min => "min",
            MetricKind::Max => "max",
            MetricKind::Avg => "avg",
            MetricKind::Sum => "sum",
            MetricKind::ValueCount => "value_count",
            MetricKind::Stats => "stats",
            MetricKind::ExtendedStats { .. } => "extended_stats",
            MetricKind::Cardinality { .. } => "cardinality",
            MetricKind::Percentiles { .. } => "tdigest_percentiles",
            MetricKind::PercentileRanks { .. } => "tdigest_percentile_ranks",
            MetricKind::MedianAbsoluteDeviation => "median_absolute_deviation",
            MetricKind::Boxplot => "boxplot",
            MetricKind::StringStats { .. } => "string_stats",
        },
        Kind::Pipeline(pipeline) => match &pipeline.kind {
            PipelineKind::Derivative { .. } => "derivative",
            PipelineKind::CumulativeCardinality(_) => "simple_long_value",
            PipelineKind::Sibling { kind, .. } => match kind {
                SiblingKind::Min | SiblingKind::Max => "bucket_metric_value",
                SiblingKind::Stats => "stats_bucket",
                SiblingKind::ExtendedStats { .. } => "extended_stats_bucket",
                SiblingKind::Percentiles { .. } => "percentiles_bucket",
                SiblingKind::Avg | SiblingKind::Sum => "simple_value",
            },
            _ => "simple_value",
        },
    }
}
