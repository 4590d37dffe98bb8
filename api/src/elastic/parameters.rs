//! Parameters in the address of a search. Unknown ones are refused by name, as Elasticsearch does: ignoring one could
//! change the answer unnoticed.

use super::error::ElasticError;
use event::Object;
use serde_json::{Value, json};
use std::{collections::BTreeMap, time::Duration};
use store::logs::{IndicesOptions, dsl::parse_duration};

/// What these say makes no difference on one node that answers compactly.
const WITHOUT_EFFECT: &[&str] = &[
    "allow_partial_search_results",
    "batched_reduce_size",
    "ccs_minimize_roundtrips",
    "error_trace",
    "filter_path",
    "human",
    "ignore_throttled",
    "max_concurrent_shard_requests",
    "pre_filter_shard_size",
    "preference",
    "pretty",
    "request_cache",
    "routing",
    "stats",
];

/// What the parameters ask for beside the body.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Parameters {
    pub(super) options: IndicesOptions,
    /// `hits.total` as a number, as before version 7.
    pub(super) total_as_int: bool,
    /// Aggregations are named with their type.
    pub(super) typed_keys: bool,
    /// The search stays open for so long, to be read page by page.
    pub(super) scroll: Option<Duration>,
}

/// Moves the parameters into the body, where they win over what stands there.
pub(super) fn apply(
    path: &str,
    given: BTreeMap<String, String>,
    body: &mut Object,
) -> Result<Parameters, ElasticError> {
    let mut parameters = Parameters::default();
    let mut query_string = Object::new();
    for (name, value) in given {
        match name.as_str() {
            "q" => drop(query_string.insert("query".into(), json!(value))),
            "df" => drop(query_string.insert("default_field".into(), json!(value))),
            "default_operator" | "analyze_wildcard" | "lenient" | "analyzer" => {
                drop(query_string.insert(name, scalar(&value)))
            }
            "from" | "size" if value.starts_with('-') && value != "-1" => {
                return Err(ElasticError::illegal(format!(
                    "[{name}] parameter cannot be negative, found [{value}]"
                )));
            }
            "size" | "from" | "terminate_after" => {
                drop(body.insert(name.clone(), json!(number(&name, &value)?)))
            }
            "timeout" => drop(body.insert(name, json!(value))),
            "min_score" => {
                let score: f64 = value.parse().map_err(|_| {
                    ElasticError::illegal(format!(
                        "Failed to parse float parameter [min_score] with value [{value}]"
                    ))
                })?;
                body.insert(name, json!(score));
            }
            "sort" => drop(body.insert(name, sort(&value))),
            "track_total_hits" | "track_scores" | "version" | "seq_no_primary_term" | "explain" => {
                body.insert(name, scalar(&value));
            }
            "_source" => drop(body.insert(name, source(&value))),
            "_source_includes" => filter_source(body, "includes", &value),
            "_source_excludes" => filter_source(body, "excludes", &value),
            "ignore_unavailable" => parameters.options.ignore_unavailable = flag(&name, &value)?,
            "allow_no_indices" => parameters.options.allow_no_indices = flag(&name, &value)?,
            "expand_wildcards" => expand_wildcards(&value, &mut parameters.options)?,
            "stored_fields" | "docvalue_fields" => {
                let fields: Value = value.split(',').collect();
                body.insert(name, fields);
            }
            "search_type" => check_search_type(&value)?,
            "typed_keys" => parameters.typed_keys = flag(&name, &value)?,
            "scroll" => {
                let time = parse_duration(&value).ok_or_else(|| {
                    ElasticError::illegal(format!(
                        "failed to parse setting [scroll] with value [{value}] as a time value"
                    ))
                })?;
                parameters.scroll = Some(time);
            }
            "rest_total_hits_as_int" => parameters.total_as_int = flag(&name, &value)?,
            name if WITHOUT_EFFECT.contains(&name) => {}
            other => return Err(unknown(path, other)),
        }
    }
    if query_string.contains_key("query") {
        body.insert("query".into(), json!({"query_string": query_string}));
    }
    Ok(parameters)
}

fn unknown(path: &str, name: &str) -> ElasticError {
    ElasticError::illegal(format!("request [{path}] contains unrecognized parameter: [{name}]"))
}

/// Refuses what is left of the parameters, but for what makes no difference.
pub(super) fn refuse_unknown(path: &str, left: &BTreeMap<String, String>) -> Result<(), ElasticError> {
    match left.keys().find(|name| !WITHOUT_EFFECT.contains(&name.as_str())) {
        Some(name) => Err(unknown(path, name)),
        None => Ok(()),
    }
}

/// Refuses `search_type`s other than the two that differ only over several nodes.
pub(super) fn check_search_type(value: &str) -> Result<(), ElasticError> {
    match value {
        "query_then_fetch" | "dfs_query_then_fetch" => Ok(()),
        other => Err(ElasticError::illegal(format!("No search type for [{other}]"))),
    }
}

/// Reads `expand_wildcards`: a list of `open`, `closed`, `hidden`, `none`, `all`.
pub(super) fn expand_wildcards(value: &str, options: &mut IndicesOptions) -> Result<(), ElasticError> {
    (options.expand_open, options.expand_closed, options.expand_hidden) = (false, false, false);
    for state in value.split(',') {
        match state.trim() {
            "open" => options.expand_open = true,
            "closed" => options.expand_closed = true,
            "hidden" => options.expand_hidden = true,
            "none" => {
                (options.expand_open, options.expand_closed, options.expand_hidden) = (false, false, false);
            }
            "all" => (options.expand_open, options.expand_closed, options.expand_hidden) = (true, true, true),
            other => {
                return Err(ElasticError::illegal(format!("No valid expand wildcard value [{other}]")));
            }
        }
    }
    Ok(())
}

pub(super) fn flag(name: &str, value: &str) -> Result<bool, ElasticError> {
    match value {
        "" | "true" => Ok(true),
        "false" => Ok(false),
        other => Err(ElasticError::illegal(format!(
            "Failed to parse value [{other}] of [{name}] as only [true] or [false] are allowed."
        ))),
    }
}

fn number(name: &str, value: &str) -> Result<u64, ElasticError> {
    value.parse().map_err(|_| {
        ElasticError::illegal(format!("Failed to parse int parameter [{name}] with value [{value}]"))
    })
}

fn scalar(value: &str) -> Value {
    match value {
        "" | "true" => json!(true),
        "false" => json!(false),
        other => other.parse::<u64>().map_or_else(|_| json!(other), |number| json!(number)),
    }
}

fn sort(value: &str) -> Value {
    let key = |key: &str| match key.rsplit_once(':') {
        Some((field, order)) => json!({field: {"order": order}}),
        None => json!(key),
    };
    value.split(',').map(key).collect()
}

fn source(value: &str) -> Value {
    match value {
        "true" => json!(true),
        "false" => json!(false),
        fields => fields.split(',').collect(),
    }
}

fn filter_source(body: &mut Object, member: &str, value: &str) {
    let fields: Value = value.split(',').collect();
    let source = body.entry("_source").or_insert_with(|| json!({}));
    if !source.is_object() {
        *source = json!({"includes": source.take()});
    }
    if let Some(source) = source.as_object_mut() {
        source.insert(member.to_owned(), fields);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(query: &[(&str, &str)]) -> Result<(Value, Parameters), ElasticError> {
        let given = query.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let mut body = Object::new();
        let parameters = apply("/x/_search", given, &mut body)?;
        Ok((Value::Object(body), parameters))
    }

    #[test]
    fn parameters_go_into_the_body() {
        let check = |query: &[(&str, &str)], expected: Value| {
            assert_eq!(run(query).unwrap().0, expected, "{query:?}")
        };
        check(
            &[("q", "a:1"), ("df", "message")],
            json!({"query": {"query_string": {"default_field": "message", "query": "a:1"}}}),
        );
        check(
            &[("size", "5"), ("sort", "a:desc,b")],
            json!({"size": 5, "sort": [{"a": {"order": "desc"}}, "b"]}),
        );
        check(
            &[("_source", "a,b"), ("_source_excludes", "b")],
            json!({"_source": {"includes": ["a", "b"], "excludes": ["b"]}}),
        );
        check(&[("track_total_hits", "true"), ("preference", "x")], json!({"track_total_hits": true}));
        assert!(run(&[("ignore_unavailable", "true")]).unwrap().1.options.ignore_unavailable);
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        for query in [("no_such", "hits"), ("scroll", "soon"), ("size", "x"), ("ignore_unavailable", "maybe")]
        {
            assert!(run(&[query]).is_err(), "{query:?}");
        }
    }
}
