//! The search body in Elasticsearch's query DSL.

use super::{request::SearchRequest, sort, time::Range};
use crate::ApiError;
use event::Object;
use serde_json::{Value, json};
use store::logs::query_string::parse_kql;

/// Name of our own aggregation beside those of the client.
pub(super) const HISTOGRAM: &str = "_histogram";
/// Milliseconds after which a search gives up.
pub(super) const TIMEOUT_SECS: u64 = 30;

/// The query: what was typed, the range of time, the filters.
pub(super) fn query(request: &SearchRequest, range: Range) -> Result<Value, ApiError> {
    let mut filters = Vec::with_capacity(request.filters.len() + 1);
    if range.from_ms.is_some() || range.to_ms.is_some() {
        let mut bounds = Object::new();
        bounds.extend(range.from_ms.map(|from| ("gte".to_owned(), json!(from))));
        bounds.extend(range.to_ms.map(|to| ("lte".to_owned(), json!(to))));
        bounds.insert("format".into(), json!("epoch_millis"));
        filters.push(json!({"range": {"@timestamp": bounds}}));
    }
    filters.extend(request.filters.iter().cloned());
    let mut clauses = Object::new();
    let typed = request.query.as_deref().map(str::trim).filter(|query| !query.is_empty() && *query != "*");
    if let Some(typed) = typed {
        let parsed = parse_kql(typed).map_err(|error| ApiError::field("query", error.to_string()))?;
        clauses
            .insert("must".into(), json!([{"query_string": {"query": parsed.to_string(), "lenient": true}}]));
    }
    if !filters.is_empty() {
        clauses.insert("filter".into(), Value::Array(filters));
    }
    Ok(if clauses.is_empty() { json!({"match_all": {}}) } else { json!({"bool": clauses}) })
}

/// What every search has: query, order, source fields.
pub(super) fn base(request: &SearchRequest, range: Range, size: usize) -> Result<Object, ApiError> {
    let mut body = Object::new();
    body.insert("query".into(), query(request, range)?);
    body.insert("sort".into(), sort::to_dsl(request.sort.as_ref())?);
    body.insert("size".into(), json!(size));
    if let Some(fields) = &request.fields {
        body.insert("_source".into(), json!(fields));
    }
    Ok(body)
}

/// A page with all that was asked for beside the hits. One hit more than the page holds tells whether there is
/// another page.
pub(super) fn page(
    request: &SearchRequest,
    range: Range,
    after: Option<&[Value]>,
    histogram: Option<Value>,
) -> Result<Object, ApiError> {
    let size = if request.size() == 0 { 0 } else { request.size() + 1 };
    let mut body = base(request, range, size)?;
    body.insert("track_total_hits".into(), json!(true));
    body.insert("timeout".into(), json!(format!("{TIMEOUT_SECS}s")));
    if let Some(after) = after {
        body.insert("search_after".into(), json!(after));
    }
    if request.highlight {
        body.insert("highlight".into(), json!({"fields": {"*": {}}}));
    }
    let mut aggs = request.aggs.clone().unwrap_or_default();
    if aggs.keys().any(|name| name.starts_with('_')) {
        return Err(ApiError::field("aggs", "names that begin with \"_\" are ours"));
    }
    aggs.extend(histogram.map(|histogram| (HISTOGRAM.to_owned(), histogram)));
    if !aggs.is_empty() {
        body.insert("aggs".into(), Value::Object(aggs));
    }
    Ok(body)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(request: Value, range: Range) -> Result<Value, String> {
        let request: SearchRequest = serde_json::from_value(request).unwrap();
        page(&request, range, None, None).map(Value::Object).map_err(|error| error.to_string())
    }

    #[test]
    fn questions_become_dsl() {
        let check = |request: Value, range: Range, expected: Value| {
            assert_eq!(body(request.clone(), range).unwrap()["query"], expected, "{request}");
        };
        let open = Range::default();
        let from = Range { from_ms: Some(5), to_ms: None };
        let range = json!({"range": {"@timestamp": {"gte": 5, "format": "epoch_millis"}}});
        let typed = |text: &str| json!([{"query_string": {"query": text, "lenient": true}}]);
        check(json!({}), open, json!({"match_all": {}}));
        check(json!({"query": " * "}), open, json!({"match_all": {}}));
        check(json!({"query": "a b"}), open, json!({"bool": {"must": typed("+a +b")}}));
        check(json!({}), from, json!({"bool": {"filter": [range]}}));
        check(
            json!({"query": "a", "filters": [{"term": {"x": 1}}]}),
            from,
            json!({"bool": {"must": typed("a"), "filter": [range, {"term": {"x": 1}}]}}),
        );
    }

    #[test]
    fn pages_ask_for_one_hit_more() {
        assert_eq!(body(json!({"size": 10}), Range::default()).unwrap()["size"], 11);
        assert_eq!(body(json!({"size": 0}), Range::default()).unwrap()["size"], 0);
    }

    #[test]
    fn what_is_refused() {
        assert!(body(json!({"query": "(a"}), Range::default()).is_err());
        assert!(body(json!({"aggs": {"_histogram": {}}}), Range::default()).is_err());
    }
}
