//! Times of searches at the HTTP surface. Each request differs from the ones before, so that no answer is cached.

use super::{say, service::Service};
use serde_json::{Value, json};
use std::time::Instant;

/// The body of the search with that number.
type Request = fn(usize) -> Value;

/// Runs so many searches of each kind and prints the median and the 95th percentile.
pub(crate) async fn run(service: &Service, count: usize) -> anyhow::Result<()> {
    say("search                           P50 ms   P95 ms   hits");
    let kinds: [(&str, Request); 6] = [
        ("newest 50 of all", |n| json!({"query": "*", "size": 50, "filters": [later_than(n)]})),
        (
            "newest 50, status and range",
            |n| json!({"query": "http.response.status_code:404", "size": 50, "filters": [later_than(n)]}),
        ),
        (
            "word in text",
            |n| json!({"query": "url.original.text:checkout", "size": 50, "filters": [later_than(n)]}),
        ),
        ("one address", |n| json!({"query": format!("source.ip:198.51.100.{}", n % 250), "size": 50})),
        ("histogram by status", |n| {
            json!({"query": "*", "size": 0, "filters": [later_than(n)], "histogram": {"interval": "auto"},
                "aggs": {"status": {"terms": {"field": "http.response.status_code"}}}})
        }),
        ("top 10 paths, distinct addresses", |n| {
            json!({"query": "*", "size": 0, "filters": [later_than(n)],
                "aggs": {"paths": {"terms": {"field": "url.path", "size": 10}}, "addresses": {"cardinality": {"field": "source.ip"}}}})
        }),
    ];
    for (name, request) in kinds {
        let mut times_ms = Vec::with_capacity(count);
        let mut hits = Value::Null;
        for n in 0..count {
            let body = request(n);
            let started = Instant::now();
            let answer = service.post("/search", &body).await?;
            times_ms.push(started.elapsed().as_secs_f64() * 1e3);
            hits = answer["total"]["value"].clone();
        }
        times_ms.sort_by(f64::total_cmp);
        let at = |share: usize| times_ms.get(times_ms.len() * share / 100).copied().unwrap_or_default();
        say(&format!("{name:32}{:>8.1}{:>9.1}{hits:>10}", at(50), at(95)));
    }
    Ok(())
}

/// Every event is later than this; `n` makes the request a new one.
fn later_than(n: usize) -> Value {
    json!({"range": {"@timestamp": {"gte": n, "format": "epoch_millis"}}})
}
