//! Which values settings take, for those that are read here or that clients are known to get wrong. All others are kept as
//! they come.
//!
//! Source: Elasticsearch reference, "Index modules"; limits and texts: the answers of version 7.10.2.

use super::super::data_streams::duration_ms;
use crate::StoreError;
use serde_json::json;

/// What a setting may be.
#[derive(Debug, Clone, Copy)]
enum Kind {
    /// `true` or `false`.
    Switch,
    /// A whole number from one to another.
    Number(i64, i64),
    /// A time with its unit, or -1 for never.
    Time,
    /// One of these.
    OneOf(&'static [&'static str]),
}

use Kind::{Number, OneOf, Switch, Time};

const INT_MAX: i64 = i32::MAX as i64;

const KINDS: [(&str, Kind); 42] = [
    ("index.blocks.metadata", Switch),
    ("index.blocks.read", Switch),
    ("index.blocks.read_only", Switch),
    ("index.blocks.read_only_allow_delete", Switch),
    ("index.blocks.write", Switch),
    // With those that OpenSearch knows beside.
    ("index.codec", OneOf(&["default", "best_compression", "zstd", "zstd_no_dict"])),
    ("index.gc_deletes", Time),
    ("index.hidden", Switch),
    ("index.highlight.max_analyzed_offset", Number(1, INT_MAX)),
    ("index.lifecycle.indexing_complete", Switch),
    ("index.lifecycle.origination_date", Number(-1, i64::MAX)),
    ("index.lifecycle.parse_origination_date", Switch),
    ("index.load_fixed_bitset_filters_eagerly", Switch),
    ("index.mapping.coerce", Switch),
    ("index.mapping.depth.limit", Number(1, INT_MAX)),
    ("index.mapping.ignore_malformed", Switch),
    ("index.mapping.nested_fields.limit", Number(0, INT_MAX)),
    ("index.mapping.nested_objects.limit", Number(0, INT_MAX)),
    ("index.mapping.total_fields.limit", Number(0, INT_MAX)),
    ("index.max_adjacency_matrix_filters", Number(2, INT_MAX)),
    ("index.max_docvalue_fields_search", Number(0, INT_MAX)),
    ("index.max_inner_result_window", Number(1, INT_MAX)),
    ("index.max_ngram_diff", Number(0, INT_MAX)),
    ("index.max_refresh_listeners", Number(0, INT_MAX)),
    ("index.max_regex_length", Number(1, INT_MAX)),
    ("index.max_rescore_window", Number(1, INT_MAX)),
    ("index.max_result_window", Number(1, INT_MAX)),
    ("index.max_script_fields", Number(0, INT_MAX)),
    ("index.max_shingle_diff", Number(0, INT_MAX)),
    ("index.max_slices_per_scroll", Number(1, INT_MAX)),
    ("index.max_terms_count", Number(1, INT_MAX)),
    ("index.number_of_replicas", Number(0, INT_MAX)),
    ("index.number_of_routing_shards", Number(1, INT_MAX)),
    ("index.number_of_shards", Number(1, 1024)),
    ("index.priority", Number(0, INT_MAX)),
    ("index.query_string.lenient", Switch),
    ("index.refresh_interval", Time),
    ("index.requests.cache.enable", Switch),
    ("index.routing_partition_size", Number(1, INT_MAX)),
    ("index.search.idle.after", Time),
    ("index.soft_deletes.enabled", Switch),
    ("index.translog.sync_interval", Time),
];

/// Refuses a value that a setting does not take.
pub(super) fn check(name: &str, value: &str) -> Result<(), StoreError> {
    let Some((_, kind)) = KINDS.iter().find(|(known, _)| *known == name) else { return Ok(()) };
    match *kind {
        Switch => match value {
            "true" | "false" => Ok(()),
            _ => Err(StoreError::invalid(format!(
                "Failed to parse value [{value}] as only [true] or [false] are allowed."
            ))),
        },
        Number(least, most) => check_number(name, value, least, most),
        Time if is_time(&value.to_ascii_lowercase()) => Ok(()),
        Time => Err(StoreError::invalid(format!(
            "failed to parse setting [{name}] with value [{value}] as a time value: unit is missing or unrecognized"
        ))),
        OneOf(known) if known.contains(&value) => Ok(()),
        OneOf(known) => Err(StoreError::invalid(format!(
            "unknown value for [{name}] must be one of [{}] but was: {value}",
            known.join(", ")
        ))),
    }
}

fn is_time(value: &str) -> bool {
    let below_ms = ["micros", "nanos"].iter().find_map(|unit| value.strip_suffix(unit));
    matches!(value, "-1" | "0")
        || duration_ms(value).is_some()
        || below_ms.is_some_and(|number| number.parse::<u64>().is_ok())
}

fn check_number(name: &str, value: &str, least: i64, most: i64) -> Result<(), StoreError> {
    let Ok(number) = value.parse::<i64>() else {
        let mut error = StoreError::invalid(format!("Failed to parse value [{value}] for setting [{name}]"));
        let cause =
            json!({"type": "number_format_exception", "reason": format!("For input string: \"{value}\"")});
        error.details.get_or_insert_default().insert("caused_by".to_owned(), cause);
        return Err(error);
    };
    let bound = match number {
        _ if number < least => format!(">= {least}"),
        _ if number > most => format!("<= {most}"),
        _ => return Ok(()),
    };
    Err(StoreError::invalid(format!("Failed to parse value [{value}] for setting [{name}] must be {bound}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_those_of_their_kind() {
        for (name, good, bad) in [
            ("index.hidden", vec!["true", "false"], vec!["TRUE", "1", "maybe"]),
            ("index.max_result_window", vec!["1", "2147483647"], vec!["0", "-1", "10.5", "x", "2147483648"]),
            ("index.mapping.total_fields.limit", vec!["0"], vec!["x"]),
            (
                "index.refresh_interval",
                vec!["-1", "0", "1s", "500ms", "1M", "500micros"],
                vec!["5", "-2", "x", "1y"],
            ),
            ("index.codec", vec!["default", "best_compression"], vec!["best"]),
            ("index.lifecycle.origination_date", vec!["-1", "1795219200000"], vec!["today"]),
            ("index.sort.field", vec!["anything"], vec![]),
        ] {
            good.iter().for_each(|value| assert!(check(name, value).is_ok(), "{name}: {value}"));
            bad.iter().for_each(|value| assert!(check(name, value).is_err(), "{name}: {value}"));
        }
        let error = check("index.max_terms_count", "x").unwrap_err();
        assert_eq!(error.message, "Failed to parse value [x] for setting [index.max_terms_count]");
        assert_eq!(error.details.unwrap()["caused_by"]["type"], "number_format_exception");
        let error = check("index.max_terms_count", "0").unwrap_err();
        assert!(error.message.ends_with("[index.max_terms_count] must be >= 1"), "{error}");
    }
}
