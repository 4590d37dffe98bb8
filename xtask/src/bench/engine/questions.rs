//! What is asked of every server. The n-th request of a kind differs from the others, so that no cache answers it.

use super::events::Shape;
use serde_json::{Value, json};

const MINUTE_MS: i64 = 60_000;
const WORDS: [&str; 10] =
    ["kettle", "lamp", "jacket", "socks", "headphones", "cookbook", "toaster", "tent", "racket", "puzzle"];

/// One kind of search.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Question {
    /// Its name in the report.
    pub(crate) name: &'static str,
    /// The n-th body.
    pub(crate) body: fn(&Shape, usize) -> Value,
}

/// All kinds but the look-up of one id.
pub(crate) const QUESTIONS: [Question; 7] = [
    Question { name: "newest 50 of all", body: newest },
    Question { name: "newest 50, status and range", body: newest_of_status },
    Question { name: "word in text, newest 50", body: word },
    Question { name: "word in text, best 50", body: best_of_word },
    Question { name: "phrase in text, best 50", body: phrase },
    Question { name: "histogram by minute × status", body: histogram },
    Question { name: "top-10 paths + distinct addresses", body: top },
];

/// The search for one id.
pub(crate) fn one_id(id: &str) -> Value {
    json!({"query": {"ids": {"values": [id]}}})
}

fn newest(_: &Shape, n: usize) -> Value {
    json!({"size": 50, "from": n, "sort": [{"@timestamp": "desc"}]})
}

/// All but the first minutes.
fn since(shape: &Shape, n: usize) -> Value {
    json!({"range": {"@timestamp": {"gte": shape.start_ms + n as i64 * MINUTE_MS, "format": "epoch_millis"}}})
}

fn newest_of_status(shape: &Shape, n: usize) -> Value {
    let last = json!({"range": {"@timestamp": {"lt": shape.end_ms() - n as i64 * MINUTE_MS, "format": "epoch_millis"}}});
    json!({"size": 50, "sort": [{"@timestamp": "desc"}],
        "query": {"bool": {"filter": [{"term": {"http.response.status_code": 404}}, last]}}})
}

/// The word that the n-th request looks for.
pub(crate) fn nth_word(n: usize) -> &'static str {
    WORDS[n % WORDS.len()]
}

fn word(_: &Shape, n: usize) -> Value {
    let query = json!({"match": {"message": nth_word(n)}});
    json!({"size": 50, "from": n / WORDS.len(), "sort": [{"@timestamp": "desc"}], "query": query})
}

fn best_of_word(_: &Shape, n: usize) -> Value {
    json!({"size": 50, "from": n / WORDS.len(), "query": {"match": {"message": nth_word(n)}}})
}

fn phrase(_: &Shape, n: usize) -> Value {
    let query = json!({"match_phrase": {"message": format!("red {}", nth_word(n))}});
    json!({"size": 50, "from": n / WORDS.len(), "query": query})
}

fn histogram(shape: &Shape, n: usize) -> Value {
    // Elasticsearch refuses more than 65,535 buckets: by minute over a day, by hour over a month.
    let interval = if shape.days == 1 { "1m" } else { "1h" };
    json!({"size": 0, "query": since(shape, n), "aggs": {"time": {
        "date_histogram": {"field": "@timestamp", "fixed_interval": interval},
        "aggs": {"status": {"terms": {"field": "http.response.status_code"}}}}}})
}

fn top(shape: &Shape, n: usize) -> Value {
    json!({"size": 0, "query": since(shape, n), "aggs": {
        "paths": {"terms": {"field": "url.path", "size": 10}},
        "addresses": {"cardinality": {"field": "source.ip"}}}})
}

/// What of an answer all servers must agree on: the number of hits, their times, and all counts of buckets. Numbers of
/// distinct values are estimates and left out.
pub(crate) fn agreed(answer: &Value) -> Value {
    let hits = answer["hits"]["hits"].as_array().map(Vec::as_slice).unwrap_or_default();
    // Elasticsearch scores as Lucene does, in other floats: which of equals come first differs.
    let by_time = hits.iter().any(|hit| hit["sort"].is_array());
    let times: Vec<&Value> =
        hits.iter().filter(|_| by_time).map(|hit| &hit["_source"]["@timestamp"]).collect();
    let mut counts = Vec::new();
    for aggregation in ["time", "paths"] {
        for bucket in answer["aggregations"][aggregation]["buckets"].as_array().into_iter().flatten() {
            counts.push(json!([bucket["key"], bucket["doc_count"]]));
            for inner in bucket["status"]["buckets"].as_array().into_iter().flatten() {
                counts.push(json!([inner["key"], inner["doc_count"]]));
            }
        }
    }
    json!({"total": answer["hits"]["total"]["value"], "hits": hits.len(), "times": times, "buckets": counts})
}

/// The estimate of distinct values in an answer.
pub(crate) fn distinct(answer: &Value) -> Option<f64> {
    answer["aggregations"]["addresses"]["value"].as_f64()
}
