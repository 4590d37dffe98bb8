//! From the JSON of `aggs` to types.

mod composite;
mod geo;
mod histograms;
mod intervals;
mod metrics;
mod nested;
mod pipelines;
mod ranges;
mod samples;
mod statistics;
mod terms;
mod top;
mod values;

use super::ast::{Aggregation, Kind};
use super::{COUNT_MAX, DEPTH_MAX};
use crate::StoreError;
use crate::logs::dsl::parse::Parser;
use crate::logs::dsl::read::{Place, illegal, invalid, object};
use crate::logs::dsl::{CLAUSES_MAX, Query};
use serde_json::Value;

/// Parses `aggs` of a search body.
pub(crate) fn parse_aggregations(value: &Value, place: &Place<'_>) -> Result<Vec<Aggregation>, StoreError> {
    let mut count = 0;
    aggregations(value, place, (0, false), &mut count)
}

fn aggregations(
    value: &Value,
    place: &Place<'_>,
    (depth, in_nested): (usize, bool),
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
            if name.is_empty() || name.contains(['[', ']', '>']) {
                let message = format!(
                    "Invalid aggregation name [{name}]. Aggregation names can contain any character except '[', ']', and '>'"
                );
                return Err(invalid(place, message));
            }
            aggregation(name, body, &place.key(name), (depth, in_nested), count)
        })
        .collect()
}

fn aggregation(
    name: &str,
    body: &Value,
    place: &Place<'_>,
    (depth, in_nested): (usize, bool),
    count: &mut usize,
) -> Result<Aggregation, StoreError> {
    let (mut kind, mut inner, mut meta) = (None, Vec::new(), None);
    for (key, value) in object("an aggregation", body, place)? {
        let at = place.key(key);
        match key.as_str() {
            "aggs" | "aggregations" => {
                inner = aggregations(value, &at, (depth + 1, body.get("nested").is_some()), count)?
            }
            "meta" => meta = Some(value.clone()),
            _ if kind.is_some() => {
                return Err(invalid(
                    place,
                    format!("aggregation \"{name}\" is of two kinds, \"{key}\" is the second"),
                ));
            }
            _ => {
                let Some((_, build)) = KINDS.iter().find(|(known, _)| known == key) else {
                    return Err(invalid(place, format!("Unknown aggregation type [{key}]")));
                };
                kind = Some((build(&Named { name, kind: key, place: &at }, value)?, key));
            }
        }
    }
    let Some((kind, key)) = kind else {
        return Err(invalid(place, format!("Missing definition for aggregation [{name}]")));
    };
    statistics::join_rates(&Named { name, kind: "rate", place }, &kind, &mut inner)?;
    if depth == 0 && matches!(kind, Kind::Rate(_)) {
        return Err(illegal(place, statistics::RATE_PLACE));
    }
    if !inner.is_empty() && !kind.has_buckets() {
        let message = format!("Aggregator [{name}] of type [{key}] cannot accept sub-aggregations");
        return Err(invalid(place, message).with_code("aggregation_initialization_exception"));
    }
    if depth > 0 {
        let alone = match kind {
            Kind::Composite { .. } if !in_nested => {
                Some("[composite] aggregation cannot be used with a parent aggregation")
            }
            Kind::Global => Some("a [global] aggregation cannot have a parent aggregation"),
            _ => None,
        };
        if let Some(message) = alone {
            return Err(illegal(place, format!("{message} (found in [{name}])")));
        }
    }
    Ok(Aggregation { name: name.to_owned(), kind, inner, meta })
}

/// An aggregation that is being read: its name, its kind's name, and where it stands.
struct Named<'a> {
    name: &'a str,
    kind: &'a str,
    place: &'a Place<'a>,
}

impl Named<'_> {
    /// As Elasticsearch names it in errors.
    fn what(&self) -> String {
        format!("[{}] aggregation", self.kind)
    }

    fn invalid(&self, message: impl std::fmt::Display) -> StoreError {
        invalid(self.place, message)
    }

    /// For an argument that can be read and makes no sense.
    fn illegal(&self, message: impl std::fmt::Display) -> StoreError {
        illegal(self.place, message)
    }

    /// A query below this aggregation.
    fn query(&self, value: &Value) -> Result<Query, StoreError> {
        // The place of an aggregation is deep already; a query in it starts to count anew.
        let shown_place = self.place.to_string();
        Parser::default().query(value, &Place::root(&shown_place))
    }

    /// Every document is held against each range or filter: their number is bounded like that of clauses.
    fn check_width(&self, count: usize) -> Result<(), StoreError> {
        if count <= CLAUSES_MAX {
            return Ok(());
        }
        Err(self.illegal(format!("{} takes at most {CLAUSES_MAX} entries, not {count}", self.what())))
    }
}

type Build = fn(&Named<'_>, &Value) -> Result<Kind, StoreError>;

/// Every kind there is, by name.
const KINDS: &[(&str, Build)] = &[
    ("terms", terms::terms),
    ("multi_terms", terms::multi_terms),
    ("rare_terms", terms::rare_terms),
    ("significant_terms", terms::significant_terms),
    ("significant_text", terms::significant_text),
    ("histogram", |at, value| histograms::histogram(at, value).map(Kind::Histogram)),
    ("date_histogram", |at, value| {
        histograms::date_histogram(at, value).map(Box::new).map(Kind::DateHistogram)
    }),
    ("auto_date_histogram", histograms::auto_date_histogram),
    ("variable_width_histogram", histograms::variable_width_histogram),
    ("range", ranges::ranges),
    ("date_range", ranges::ranges),
    ("ip_range", ranges::ranges),
    ("geo_distance", geo::geo_distance),
    ("filter", |at, value| at.query(value).map(Kind::Filter)),
    ("filters", ranges::filters),
    ("missing", |at, value| values::only(at, value).map(Kind::Missing)),
    ("global", |_, _| Ok(Kind::Global)),
    ("adjacency_matrix", samples::adjacency_matrix),
    ("sampler", samples::sampler),
    ("diversified_sampler", samples::diversified_sampler),
    ("nested", nested::nested),
    ("reverse_nested", nested::reverse_nested),
    ("geohash_grid", |at, value| geo::geohash_grid(at, value).map(Kind::GeoGrid)),
    ("geotile_grid", |at, value| geo::geotile_grid(at, value).map(Kind::GeoGrid)),
    ("geo_bounds", geo::geo_bounds),
    ("geo_centroid", |at, value| values::points(at, value).map(|source| Kind::GeoCentroid(source.field))),
    ("composite", composite::composite),
    ("min", metrics::metric),
    ("max", metrics::metric),
    ("avg", metrics::metric),
    ("sum", metrics::metric),
    ("stats", metrics::metric),
    ("value_count", metrics::metric),
    ("extended_stats", metrics::extended_stats),
    ("cardinality", metrics::cardinality),
    ("percentiles", metrics::percentiles),
    ("percentile_ranks", metrics::percentile_ranks),
    ("median_absolute_deviation", metrics::median_absolute_deviation),
    ("boxplot", metrics::boxplot),
    ("weighted_avg", metrics::weighted_avg),
    ("string_stats", statistics::string_stats),
    ("t_test", statistics::t_test),
    ("matrix_stats", statistics::matrix_stats),
    ("rate", statistics::rate),
    ("top_hits", top::top_hits),
    ("top_metrics", top::top_metrics),
    ("bucket_sort", pipelines::bucket_sort),
    ("derivative", pipelines::derivative),
    ("cumulative_sum", pipelines::cumulative_sum),
    ("cumulative_cardinality", pipelines::cumulative_cardinality),
    ("serial_diff", pipelines::serial_diff),
    ("normalize", pipelines::normalize),
    ("bucket_script", pipelines::bucket_script),
    ("bucket_selector", pipelines::bucket_script),
    ("moving_fn", pipelines::moving_fn),
    ("moving_avg", pipelines::moving_avg),
    ("avg_bucket", pipelines::sibling),
    ("sum_bucket", pipelines::sibling),
    ("min_bucket", pipelines::sibling),
    ("max_bucket", pipelines::sibling),
    ("stats_bucket", pipelines::sibling),
    ("extended_stats_bucket", pipelines::sibling),
    ("percentiles_bucket", pipelines::sibling),
];

#[cfg(test)]
mod tests;
