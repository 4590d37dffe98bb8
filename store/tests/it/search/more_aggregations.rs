//! Aggregations beyond the everyday ones, each on a few documents that can be counted by hand.

use super::{Fixture, internal};
use serde_json::{Value, json};

async fn shop() -> Fixture {
    let fixture = Fixture::new().await;
    let document = |id: &str, at: &str, rest: Value| {
        let mut document = json!({"_id": id, "_index": format!("shop-{}", &at[..10]), "@timestamp": at});
        document.as_object_mut().unwrap().extend(rest.as_object().unwrap().clone());
        document
    };
    fixture
        .write(vec![
            document(
                "1",
                "2026-11-17T00:00:00Z",
                json!({"amount": 10.0, "n": 1, "country": "de", "ok": true,
                "ip": "10.0.0.1", "place": {"lat": 52.5, "lon": 13.4}, "tags": ["a", "b"]}),
            ),
            document(
                "2",
                "2026-11-17T01:00:00Z",
                json!({"amount": 20.0, "n": 2, "country": "de", "ok": false,
                "ip": "10.0.1.1", "place": {"lat": 48.1, "lon": 11.6}, "tags": ["a"]}),
            ),
            document(
                "3",
                "2026-11-17T02:00:00Z",
                json!({"amount": 60.0, "n": 3, "country": "fr",
                "ip": "192.168.0.1", "place": {"lat": 48.9, "lon": 2.4}, "tags": ["b"]}),
            ),
        ])
        .await;
    // A second segment, another index.
    fixture
        .write(vec![
            document(
                "4",
                "2026-11-17T03:00:00Z",
                json!({"amount": 30.0, "n": 4, "country": "de", "tags": ["c"]}),
            ),
            document("5", "2026-11-18T00:00:00Z", json!({"amount": 40.0, "n": 5, "country": "us"})),
        ])
        .await;
    fixture
}

async fn check(fixture: &Fixture, request: Value, pointer: &str, expected: Value) {
    let found = fixture.search("shop-*", json!({"size": 0, "aggs": {"a": request}})).await;
    let found = Value::Object(found.aggregations.unwrap());
    let at = found.pointer(&format!("/a{pointer}")).cloned().unwrap_or(Value::Null);
    assert_eq!(at, expected, "{request} {found}");
}

fn keys(buckets: &[(Value, u64)]) -> Value {
    buckets.iter().map(|(key, count)| json!({"key": key, "doc_count": count})).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn buckets_of_many_kinds() {
    let fixture = shop().await;
    let buckets =
        async |request: Value, expected: Value| check(&fixture, request, "/buckets", expected).await;
    buckets(json!({"rare_terms": {"field": "country"}}), keys(&[(json!("fr"), 1), (json!("us"), 1)])).await;
    buckets(
        json!({"terms": {"field": "_index"}}),
        keys(&[(json!("shop-2026-11-17"), 4), (json!("shop-2026-11-18"), 1)]),
    )
    .await;
    buckets(
        json!({"terms": {"field": "country", "min_doc_count": 0, "exclude": ["us"]}}),
        keys(&[(json!("de"), 3), (json!("fr"), 1)]),
    )
    .await;
    buckets(
        json!({"terms": {"field": "tags", "missing": "none", "order": {"_key": "asc"}}}),
        keys(&[(json!("a"), 2), (json!("b"), 2), (json!("c"), 1), (json!("none"), 1)]),
    )
    .await;
    buckets(
        json!({"ip_range": {"field": "ip", "ranges": [{"to": "10.0.1.0"}, {"mask": "192.168.0.0/16"}]}}),
        json!([
            {"key": "*-10.0.1.0", "to": "10.0.1.0", "doc_count": 1},
            {"key": "192.168.0.0/16", "from": "192.168.0.0", "to": "192.169.0.0", "doc_count": 1},
        ]),
    )
    .await;
    buckets(
        json!({"geohash_grid": {"field": "place", "precision": 2}}),
        keys(&[(json!("u3"), 1), (json!("u2"), 1), (json!("u0"), 1)]),
    )
    .await;
    buckets(json!({"geotile_grid": {"field": "place", "precision": 1}}), keys(&[(json!("1/1/0"), 3)])).await;
    buckets(
        json!({"geo_distance": {"field": "place", "origin": "48.1,11.6", "unit": "km", "ranges": [{"to": 10}, {"from": 10, "to": 600}]}}),
        json!([
            {"key": "*-10.0", "to": 10.0, "doc_count": 1},
            {"key": "10.0-600.0", "from": 10.0, "to": 600.0, "doc_count": 1},
        ]),
    )
    .await;
    buckets(
        json!({"variable_width_histogram": {"field": "n", "buckets": 5}}),
        (1..=5)
            .map(|n| json!({"min": f64::from(n), "key": f64::from(n), "max": f64::from(n), "doc_count": 1}))
            .collect(),
    )
    .await;
    let multi = json!({"multi_terms": {"terms": [{"field": "country"}, {"field": "ok", "missing": false}], "size": 1}});
    check(&fixture, multi.clone(), "/buckets/0/key", json!(["de", "false"])).await;
    check(&fixture, multi, "/sum_other_doc_count", json!(3)).await;
    check(&fixture, json!({"missing": {"field": "place"}}), "/doc_count", json!(2)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn intervals_that_choose_themselves() {
    let fixture = shop().await;
    let auto = |buckets: u32| json!({"auto_date_histogram": {"field": "@timestamp", "buckets": buckets}});
    check(&fixture, auto(25), "/interval", json!("1h")).await;
    check(&fixture, auto(9), "/interval", json!("3h")).await;
    check(&fixture, auto(9), "/buckets/0/doc_count", json!(3)).await;
    check(&fixture, auto(2), "/interval", json!("1d")).await;
    check(&fixture, auto(2), "/buckets/1/key_as_string", json!("2026-11-18T00:00:00.000Z")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_of_many_kinds() {
    let fixture = shop().await;
    let value = async |request: Value, expected: Value| check(&fixture, request, "/value", expected).await;
    value(
        json!({"weighted_avg": {"value": {"field": "amount"}, "weight": {"field": "n"}}}),
        json!(550.0 / 15.0),
    )
    .await;
    value(json!({"median_absolute_deviation": {"field": "n"}}), json!(1.0)).await;
    value(json!({"avg": {"field": "nothing", "missing": "7"}}), json!(7.0)).await;
    value(json!({"cardinality": {"field": "nothing", "missing": "x"}}), json!(1)).await;
    let bounds = json!({"geo_bounds": {"field": "place"}});
    check(&fixture, bounds.clone(), "/bounds/top_left", json!({"lat": 52.5, "lon": 2.4})).await;
    check(&fixture, bounds, "/bounds/bottom_right", json!({"lat": 48.1, "lon": 13.4})).await;
    check(&fixture, json!({"geo_centroid": {"field": "place"}}), "/count", json!(3)).await;
    let top =
        json!({"top_metrics": {"metrics": {"field": "country"}, "sort": {"amount": "desc"}, "size": 2}});
    check(
        &fixture,
        top,
        "/top",
        json!([
            {"sort": [60.0], "metrics": {"country": "fr"}}, {"sort": [40.0], "metrics": {"country": "us"}},
        ]),
    )
    .await;
    let percentiles = json!({"percentiles": {"field": "amount", "percents": [50, 95]}});
    check(&fixture, percentiles, "/values", json!({"50.0": 30.0, "95.0": 60.0})).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_looks_beyond_the_query() {
    let fixture = shop().await;
    let found = fixture
        .search("shop-*", json!({"size": 0, "query": {"term": {"country": "de"}}, "aggs": {
            "all": {"global": {}, "aggs": {"sum": {"sum": {"field": "amount"}}}},
            "sum": {"sum": {"field": "amount"}},
            "special": {"significant_terms": {"field": "tags", "min_doc_count": 1, "size": 1}},
            "hits": {"top_hits": {"size": 1, "sort": [{"amount": "desc"}], "_source": false, "docvalue_fields": ["amount"]}},
        }}))
        .await;
    let found = Value::Object(found.aggregations.unwrap());
    assert_eq!(found["all"], json!({"doc_count": 5, "sum": {"value": 160.0}}));
    assert_eq!(found["sum"]["value"], json!(60.0));
    let special = &found["special"]["buckets"][0];
    assert_eq!(
        (&special["key"], &special["doc_count"], &special["bg_count"]),
        (&json!("a"), &json!(2), &json!(2))
    );
    assert_eq!((&found["special"]["doc_count"], &found["special"]["bg_count"]), (&json!(3), &json!(5)));
    assert_eq!(found["hits"]["hits"]["total"]["value"], json!(3));
    assert_eq!(found["hits"]["hits"]["hits"][0]["fields"]["amount"], json!([30.0]));

    // The background is not narrowed to the days of the query.
    let one_day = json!({"size": 0, "query": {"range": {"@timestamp": {"lt": "2026-11-18"}}}, "aggs": {
        "all": {"filter": {"match_all": {}}, "aggs": {"special": {"significant_terms": {"field": "tags"}}}}}});
    let found = Value::Object(fixture.search("shop-*", one_day).await.aggregations.unwrap());
    assert_eq!(found["all"]["special"]["bg_count"], json!(5));
    assert_ne!(found["all"]["doc_count"], json!(5));
}

#[tokio::test(flavor = "multi_thread")]
async fn pipelines_of_many_kinds() {
    let fixture = shop().await;
    let hours = |inner: Value| {
        let mut aggs = json!({"sum": {"sum": {"field": "amount"}}});
        aggs.as_object_mut().unwrap().extend(inner.as_object().unwrap().clone());
        json!({"date_histogram": {"field": "@timestamp", "fixed_interval": "1h",
            "hard_bounds": {"min": "2026-11-17", "max": "2026-11-17T04:00:00Z"}}, "aggs": aggs})
    };
    let series = async |inner: Value, expected: &[Option<f64>]| {
        let request = hours(json!({"x": inner}));
        let found = fixture.search("shop-*", json!({"size": 0, "aggs": {"a": request}})).await;
        let found = Value::Object(found.aggregations.unwrap());
        let buckets = found["a"]["buckets"].as_array().unwrap();
        let values: Vec<Option<f64>> = buckets.iter().map(|bucket| bucket["x"]["value"].as_f64()).collect();
        assert_eq!(values, expected, "{inner}");
    };
    // The sums of the hours are 10, 20, 60, 30.
    series(json!({"serial_diff": {"buckets_path": "sum", "lag": 2}}), &[None, None, Some(50.0), Some(10.0)])
        .await;
    let average = "MovingFunctions.unweightedAvg(values)";
    let moving = json!({"moving_fn": {"buckets_path": "sum", "window": 2, "script": average}});
    series(moving, &[None, Some(10.0), Some(15.0), Some(40.0)]).await;
    series(
        json!({"moving_avg": {"buckets_path": "sum", "window": 2}}),
        &[Some(10.0), Some(15.0), Some(40.0), Some(45.0)],
    )
    .await;
    let script = json!({"bucket_script": {"buckets_path": {"s": "sum", "n": "_count"}, "script": "params.s / params.n + 1"}});
    series(script, &[Some(11.0), Some(21.0), Some(61.0), Some(31.0)]).await;
    let lucene = json!({"bucket_script": {"buckets_path": "sum", "script": {"source": "_value * 2", "lang": "expression"}}});
    series(lucene, &[Some(20.0), Some(40.0), Some(120.0), Some(60.0)]).await;
    let selector = hours(
        json!({"keep": {"bucket_selector": {"buckets_path": {"s": "sum"}, "script": "params.s > 20"}}}),
    );
    let found = fixture
        .search(
            "shop-*",
            json!({"size": 0, "aggs": {"a": selector, "stats": {"stats_bucket": {"buckets_path": "a>sum"}},
            "p": {"percentiles_bucket": {"buckets_path": "a.sum", "percents": [50.0]}}}}),
        )
        .await;
    let found = Value::Object(found.aggregations.unwrap());
    assert_eq!(found["a"]["buckets"].as_array().unwrap().len(), 2);
    assert_eq!(found["stats"], json!({"count": 2, "min": 30.0, "max": 60.0, "avg": 45.0, "sum": 90.0}));
    assert_eq!(found["p"]["values"], json!({"50.0": 60.0}));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bucket_without_documents_is_a_gap() {
    let fixture = shop().await;
    let hours = |name: &str, inner: Value| {
        json!({"date_histogram": {"field": "@timestamp", "fixed_interval": "1h"}, "aggs": {
            "sum": {"avg": {"field": "amount"}}, "all": {"filter": {"match_all": {}}}, name: inner}})
    };
    let buckets = async |inner: Value| {
        let asked = json!({"size": 0, "aggs": {"a": hours("x", inner)}});
        let found = fixture.search("shop-*", asked).await;
        let buckets = Value::Object(found.aggregations.unwrap()).pointer_mut("/a/buckets").unwrap().take();
        let values = buckets.as_array().unwrap().iter().map(|bucket| bucket.get("x").cloned());
        values.collect::<Vec<_>>()
    };
    // Four hours with documents, twenty without, one with. As Elasticsearch 7.10.2 answers.
    let slope = buckets(json!({"derivative": {"buckets_path": "sum", "unit": "1m", "format": "0.0"}})).await;
    let none = json!({"value": null, "normalized_value": null});
    assert_eq!(slope[0], None);
    assert_eq!(
        slope[1],
        Some(json!({"value": 10.0, "value_as_string": "10.0", "normalized_value": 10.0 / 60.0}))
    );
    assert_eq!(slope[4..], vec![Some(none); 21]);
    let inner =
        buckets(json!({"bucket_script": {"buckets_path": {"n": "all>_count"}, "script": "params.n"}}));
    assert_eq!(inner.await[3..5], [Some(json!({"value": 1.0})), None]);
    let own = buckets(json!({"bucket_script": {"buckets_path": {"n": "_count"}, "script": "params.n"}}));
    assert_eq!(own.await[3..5], [Some(json!({"value": 1.0})), Some(json!({"value": 0.0}))]);
    // A script that returns nothing returns 0.
    let silent = "if (values.length > 100) {MovingFunctions.max(values)}";
    let moved = buckets(json!({"moving_fn": {"buckets_path": "sum", "window": 2, "script": silent}}));
    assert_eq!(moved.await[0], Some(json!({"value": 0.0})));
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_may_name_their_types() {
    let fixture = shop().await;
    let body = json!({"size": 0, "aggs": {
        "c": {"terms": {"field": "country"}, "aggs": {"m": {"max": {"field": "amount"}}}}, "n": {"terms": {"field": "n"}}}});
    let request = store::logs::SearchRequest {
        indices: vec!["shop-*".to_owned()],
        body: body.as_object().unwrap().clone(),
        typed_keys: true,
        ..store::logs::SearchRequest::default()
    };
    let found = store::logs::LogStore::search(&fixture.logs, &internal(), request).await.unwrap();
    let found = Value::Object(found.aggregations.unwrap());
    assert_eq!(found["sterms#c"]["buckets"][0]["max#m"]["value"], json!(30.0));
    assert!(found.get("lterms#n").is_some());
}
