//! Fields whose values are ranges, after the pages of Elasticsearch 7.10.

use super::{Fixture, internal};
use event::{Event, Origin};
use serde_json::{Value, json};
use std::sync::Arc;
use store::logs::{IndexAdmin, LogStore, Refresh, TemplateKind, WriteResult};

async fn fixture() -> Fixture {
    let fixture = Fixture::new().await;
    let template = json!({"index_patterns": ["spans-*"], "template": {"mappings": {"properties": {
        "whole": {"type": "integer_range"}, "long": {"type": "long_range"}, "float": {"type": "float_range"},
        "double": {"type": "double_range"}, "time": {"type": "date_range", "format": "yyyy-MM-dd HH:mm:ss||yyyy-MM-dd||epoch_millis"},
        "net": {"type": "ip_range"}}}}});
    fixture.logs.put_template(&internal(), TemplateKind::Index, "spans", template, false).await.unwrap();
    let mut documents = vec![
        json!({"_id": "1", "whole": {"gte": 1, "lte": 5}, "double": {"gt": 1.0, "lt": 2.5}, "net": "10.0.0.0/24",
            "time": {"gte": "2026-01-05", "lte": "2026-01-07"}}),
        json!({"_id": "2", "whole": [{"gte": 8, "lt": 10}, {"gte": 20, "lte": 21}], "double": {"gte": 2.5, "lte": 4.0},
            "net": {"gte": "10.0.1.0", "lte": "10.0.1.5"}, "time": {"gte": "2026-01-07 12:00:00", "lt": "2026-01-09"}}),
        json!({"_id": "3", "whole": {"gte": 100}, "long": {"lte": 7}}),
        json!({"_id": "4", "float": {"gte": 0.1, "lte": 0.2}}),
    ];
    documents.iter_mut().for_each(|document| document["_index"] = json!("spans-1"));
    fixture.write(documents).await;
    fixture
}

async fn check(fixture: &Fixture, query: Value, expected: &[&str]) {
    assert_eq!(fixture.ids("spans-1", query.clone()).await, expected, "{query}");
}

fn range(field: &str, range: Value, relation: &str) -> Value {
    let mut range = range;
    range["relation"] = json!(relation);
    json!({"range": {field: range}})
}

#[tokio::test(flavor = "multi_thread")]
async fn ranges_are_found_by_values_and_by_ranges() {
    let fixture = fixture().await;
    let check = async |query: Value, expected: &[&str]| check(&fixture, query, expected).await;
    check(json!({"term": {"whole": 5}}), &["1"]).await;
    check(json!({"term": {"whole": 10}}), &[]).await;
    check(json!({"terms": {"whole": [9, 21, 4, 50, 51]}}), &["1", "2"]).await;
    check(json!({"term": {"whole": 2_000_000_000}}), &["3"]).await;
    check(json!({"term": {"long": -5}}), &["3"]).await;
    check(json!({"term": {"double": 1.0}}), &[]).await;
    check(json!({"term": {"double": 2.5}}), &["2"]).await;
    check(json!({"term": {"float": 0.1}}), &["4"]).await;
    check(json!({"term": {"net": "10.0.0.77"}}), &["1"]).await;
    check(json!({"term": {"time": "2026-01-07 12:30:00"}}), &["2"]).await;
    check(json!({"match": {"whole": 3}}), &["1"]).await;
    check(range("whole", json!({"gte": 4, "lte": 8}), "intersects"), &["1", "2"]).await;
    check(range("whole", json!({"gte": 4, "lt": 8}), "intersects"), &["1"]).await;
    check(range("whole", json!({"gte": 2, "lte": 4}), "contains"), &["1"]).await;
    check(range("whole", json!({"gte": 0, "lte": 10}), "within"), &["1", "2"]).await;
    check(range("whole", json!({"gt": 1, "lte": 10}), "WITHIN"), &["2"]).await;
    check(range("time", json!({"gte": "2026-01-07", "lte": "2026-01-07"}), "intersects"), &["1", "2"]).await;
    check(range("time", json!({"gte": "2026-01-01||/M", "lt": "2026-01-01||+1M/M"}), "within"), &["1", "2"])
        .await;
    check(range("net", json!({"gte": "10.0.1.3", "lte": "10.0.2.0"}), "intersects"), &["2"]).await;
    check(json!({"exists": {"field": "net"}}), &["1", "2"]).await;
    check(json!({"bool": {"must_not": {"exists": {"field": "whole"}}}}), &["4"]).await;
    check(json!({"query_string": {"query": "whole:[4 TO 8]"}}), &["1", "2"]).await;
    let refused = async |query: Value, part: &str| {
        let error = fixture.search_as(&internal(), "spans-1", json!({"query": query})).await.unwrap_err();
        assert!(error.message.contains(part), "{}", error.message);
    };
    refused(range("whole", json!({"gte": 1}), "disjoint"), "does not support relation [disjoint]").await;
    refused(json!({"term": {"whole": "x"}}), "For input string: \"x\"").await;
    let found = fixture.search("spans-1", json!({"query": {"ids": {"values": ["1"]}}})).await;
    assert_eq!(found.hits[0].source.as_ref().unwrap()["net"], json!("10.0.0.0/24"));
}

#[tokio::test(flavor = "multi_thread")]
async fn ranges_count_in_every_bucket_that_they_reach() {
    let fixture = fixture().await;
    let buckets = async |aggregation: Value| {
        let body = json!({"size": 0, "aggs": {"a": aggregation}});
        let found = fixture.search("spans-1", body).await.aggregations.unwrap();
        let buckets = found["a"]["buckets"].as_array().unwrap().clone();
        buckets.iter().map(|bucket| (bucket["key"].clone(), bucket["doc_count"].clone())).collect::<Vec<_>>()
    };
    let bounds = json!({"min": 0, "max": 24});
    let found = buckets(json!({"histogram": {"field": "whole", "interval": 5, "hard_bounds": bounds}})).await;
    let expected: Vec<(Value, Value)> = [(0.0, 1), (5.0, 2), (10.0, 0), (15.0, 0), (20.0, 1)]
        .map(|(key, count)| (json!(key), json!(count)))
        .into();
    assert_eq!(found, expected);
    let days = buckets(json!({"date_histogram": {"field": "time", "calendar_interval": "day"}})).await;
    assert_eq!(days.iter().map(|(_, count)| count.as_u64().unwrap()).collect::<Vec<_>>(), [1, 1, 2, 1]);
    let bounded = json!({"min": "2026-01-06", "max": "2026-01-08"});
    let histogram = json!({"field": "time", "calendar_interval": "day", "hard_bounds": bounded});
    let days = buckets(json!({"date_histogram": histogram})).await;
    // The bucket that begins at the upper bound is inside.
    assert_eq!(days.iter().map(|(_, count)| count.as_u64().unwrap()).collect::<Vec<_>>(), [1, 2, 1]);
    let refused = async |aggregation: Value, part: &str| {
        let body = json!({"size": 0, "aggs": {"a": aggregation}});
        let error = fixture.search_as(&internal(), "spans-1", body).await.unwrap_err();
        assert!(error.message.contains(part), "{}", error.message);
    };
    refused(json!({"histogram": {"field": "whole", "interval": 5}}), "too many buckets").await;
    refused(json!({"avg": {"field": "whole"}}), "it holds ranges").await;
    refused(json!({"terms": {"field": "net"}}), "it holds ranges").await;
    let missing = json!({"size": 0, "aggs": {"a": {"missing": {"field": "whole"}}, "n": {"value_count": {"field": "whole"}}}});
    let found = fixture.search("spans-1", missing).await.aggregations.unwrap();
    assert_eq!((&found["a"]["doc_count"], &found["n"]["value"]), (&json!(1), &json!(4)));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_range_is_refused() {
    let fixture = fixture().await;
    for odd in [json!(5), json!({"gte": 5, "lte": 1}), json!({"min": 1}), json!({"gte": "x"})] {
        let fields = json!({"whole": odd}).as_object().unwrap().clone();
        let mut event = Event::new(fields, Origin::Request);
        event.metadata.index = Some(Arc::from("spans-1"));
        let results = fixture.logs.write(&internal(), vec![event], Refresh::Now).await.unwrap();
        assert!(!matches!(results[0], WriteResult::Written { .. }), "{odd}: {:?}", results[0]);
    }
}
