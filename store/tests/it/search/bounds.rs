//! What one search may take: memory of all searches together, and time.

use super::{Fixture, internal};
use serde_json::{Value, json};
use store::{
    ErrorKind,
    logs::{IndexAdmin, TemplateKind, embedded::EmbeddedOptions},
};

const DOCUMENTS: usize = 600;

/// A store that lets all searches have so many bytes, with documents of one index.
async fn fixture(search_memory_max_bytes: usize) -> Fixture {
    let options = EmbeddedOptions { search_memory_max_bytes, ..EmbeddedOptions::default() };
    let fixture = Fixture::with(options).await;
    let template = json!({"index_patterns": ["deep-*"], "template": {"mappings": {"properties": {
        "items": {"type": "nested", "properties": {"k": {"type": "keyword"}}}}}}});
    fixture.logs.put_template(&internal(), TemplateKind::Index, "deep", template, false).await.unwrap();
    let plain =
        (0..DOCUMENTS).map(|n| json!({"_index": "shop-1", "_id": n.to_string(), "n": n, "country": "DE"}));
    let deep = (0..60).map(|n| {
        let items: Vec<Value> = (0..50).map(|k| json!({"k": format!("value-{n}-{k}")})).collect();
        json!({"_index": "deep-1", "_id": n.to_string(), "n": n, "items": items})
    });
    fixture.write(plain.chain(deep).collect()).await;
    fixture
}

/// A script that makes a text of 2,048 characters (and the number of the document, if these are to differ).
fn long_text(differ: bool) -> String {
    let end = if differ { " + doc['n'].value" } else { "" };
    format!("String s = 'abcd'; for (int i = 0; i < 9; ++i) {{ s = s + s; }} return s{end};")
}

#[tokio::test(flavor = "multi_thread")]
async fn what_searches_make_is_held_to_the_limit_of_memory() {
    let small = fixture(300_000).await;
    let large = fixture(64 << 20).await;
    let check = async |indices: &str, body: Value, part: &str| {
        let error = small.search_as(&internal(), indices, body.clone()).await.unwrap_err();
        assert_eq!(
            (error.kind, error.code),
            (ErrorKind::Overloaded, Some("circuit_breaking_exception")),
            "{error}"
        );
        assert!(error.message.contains(&format!("data for [{part}] would be")), "{}", error.message);
        assert!(large.search_as(&internal(), indices, body.clone()).await.is_ok(), "{body}");
        // What was taken is given back.
        assert!(small.search_as(&internal(), indices, json!({"sort": ["n"]})).await.is_ok());
    };
    let columns = "columns made for one search";
    let terms = json!({"terms": {"script": {"source": long_text(true)}}});
    check("shop-1", json!({"size": 0, "aggs": {"t": terms}}), columns).await;
    let by_script =
        |differ| json!([{"_script": {"type": "string", "script": {"source": long_text(differ)}}}]);
    check("shop-1", json!({"size": 1, "sort": by_script(true)}), columns).await;
    let fields = json!({"t": {"script": {"source": long_text(false)}}});
    check("shop-1", json!({"size": DOCUMENTS, "script_fields": fields, "sort": ["n"]}), "hits").await;
    let of_all = json!({"nested": {"path": "items", "query": {"wildcard": {"items.k": "*9"}}}});
    check("deep-1", json!({"query": of_all}), "nested objects").await;
    check("deep-1", json!({"size": 0, "aggs": {"n": {"nested": {"path": "items"}}}}), "nested objects").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_text_for_many_hits_is_counted_for_each() {
    // The text is kept once in each segment's column, but each hit has its own.
    let small = fixture(8 << 20).await;
    for index in 0..16 {
        let more = (0..250).map(|n| json!({"_index": format!("shop-more-{index}"), "n": n}));
        small.write(more.collect()).await;
    }
    let sort = json!([{"_script": {"type": "string", "script": {"source": long_text(false)}}}]);
    let of = |size: u64| json!({"size": size, "sort": sort, "_source": false});
    let error = small.search_as(&internal(), "shop-more-*", of(4_000)).await.unwrap_err();
    assert_eq!(error.code, Some("circuit_breaking_exception"), "{error}");
    assert!(
        error.message.contains("data for [sort values]") || error.message.contains("columns made"),
        "{error}"
    );
    assert!(small.search_as(&internal(), "shop-more-*", of(10)).await.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn inner_hits_are_held_to_the_limits_of_the_index() {
    let fixture = fixture(64 << 20).await;
    let check = async |inner: Value, part: &str| {
        let nested =
            json!({"query": {"nested": {"path": "items", "query": {"match_all": {}}, "inner_hits": inner}}});
        let collapse = json!({"collapse": {"field": "n", "inner_hits": inner}, "size": 1});
        for body in [nested, collapse] {
            let error = fixture.search_as(&internal(), "deep-1", body.clone()).await.unwrap_err();
            assert!(error.message.contains(part), "{body}: {}", error.message);
        }
    };
    check(
        json!({"name": "x", "size": 101}),
        "the inner hit definition's [x]'s from + size must be less than or equal to: [100] but was [101]",
    )
    .await;
    check(json!({"name": "x", "from": 99, "size": 2}), "but was [101]").await;
    let script = json!({"script": "1"});
    let scripts: serde_json::Map<String, Value> = (0..33).map(|n| (n.to_string(), script.clone())).collect();
    check(json!({"name": "x", "script_fields": scripts}), "too many script_fields").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn reading_hits_ends_when_the_time_is_up() {
    let fixture = fixture(64 << 20).await;
    let slow = "int sum = 0; for (int i = 0; i < 8000; ++i) { sum += i; } return sum;";
    let body = json!({"size": DOCUMENTS, "sort": ["n"], "timeout": "50ms", "script_fields": {"s": {"script": slow}}});
    let found = fixture.search("shop-1", body).await;
    assert!(found.timed_out && found.hits.len() < DOCUMENTS, "{} hits", found.hits.len());
    // The hits that there are come from the start of the page.
    assert!(found.hits.iter().enumerate().all(|(n, hit)| hit.id == n.to_string()));
}

#[tokio::test(flavor = "multi_thread")]
async fn hits_in_any_order_tell_what_they_match() {
    let fixture = fixture(64 << 20).await;
    // Several segments.
    let more = (0..5)
        .map(|n| json!({"_index": "shop-1", "_id": format!("more-{n}"), "n": 1_000 - n, "country": "FR"}));
    fixture.write(more.collect()).await;
    let query = json!({"bool": {"should": [
        {"term": {"country": {"value": "FR", "_name": "french"}}},
        {"wildcard": {"country": {"value": "*E", "_name": "ends in E"}}},
        {"range": {"n": {"gte": 598, "_name": "late"}}}]}});
    let body = json!({"query": query, "sort": [{"n": "desc"}], "size": 8, "explain": true});
    let found = fixture.search("shop-1", body).await;
    let matched: Vec<_> = found.hits.iter().map(|hit| hit.matched_queries.join(",")).collect();
    let expected = [vec!["french,late"; 5], vec!["ends in E,late"; 2], vec!["ends in E"]].concat();
    assert_eq!(matched, expected);
    for hit in &found.hits {
        let explanation = hit.explanation.as_ref().unwrap();
        let clauses = explanation["details"].as_array().unwrap().len();
        assert!(explanation["value"].as_f64().unwrap() > 0.0 && clauses > 0, "{explanation}");
    }
}
