//! Statistics beyond one field of numbers, after the examples of Elasticsearch's reference, 7.10.

use super::{Fixture, internal};
use serde_json::{Value, json};

async fn found(fixture: &Fixture, request: Value) -> Value {
    let found = fixture.search("shop-*", json!({"size": 0, "aggs": {"a": request}})).await;
    found.aggregations.unwrap().remove("a").unwrap()
}

async fn refused(fixture: &Fixture, aggs: Value, part: &str) {
    let body = json!({"size": 0, "aggs": aggs});
    let error = fixture.search_as(&internal(), "shop-*", body).await.unwrap_err();
    assert!(error.message.contains(part), "{aggs}: {}", error.message);
}

fn near(found: &Value, expected: f64) {
    let number = found.as_f64().unwrap_or(f64::NAN);
    assert!((number - expected).abs() < 1e-9, "{found} is not {expected}");
}

#[tokio::test(flavor = "multi_thread")]
async fn lengths_of_strings() {
    let fixture = Fixture::new().await;
    let document = |country: &str| json!({"_index": "shop-1", "country": country});
    fixture.write(vec![document("aab"), document("b")]).await;
    fixture
        .write(vec![json!({"_index": "shop-2", "country": "b"}), json!({"_index": "shop-2", "n": 1})])
        .await;
    let request = json!({"string_stats": {"field": "country", "show_distribution": true}});
    let stats = found(&fixture, request).await;
    let shown = (&stats["count"], &stats["min_length"], &stats["max_length"]);
    assert_eq!(shown, (&json!(3), &json!(1), &json!(3)));
    near(&stats["avg_length"], 5.0 / 3.0);
    near(&stats["distribution"]["b"], 0.6);
    near(&stats["entropy"], -(0.6 * 0.6_f64.log2() + 0.4 * 0.4_f64.log2()));
    let with_missing = json!({"string_stats": {"field": "country", "missing": "cccc"}});
    assert_eq!(found(&fixture, with_missing).await["max_length"], json!(4));
    let none = found(&fixture, json!({"string_stats": {"field": "user.name"}})).await;
    assert_eq!((&none["count"], &none["min_length"]), (&json!(0), &Value::Null));
    refused(
        &fixture,
        json!({"a": {"string_stats": {"field": "n"}}}),
        "is not supported for aggregation [string_stats]",
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn means_of_two_populations() {
    let fixture = Fixture::new().await;
    let pairs =
        [(102, 89, "a"), (99, 93, "a"), (111, 72, "b"), (97, 98, "b"), (101, 102, "b"), (99, 98, "b")];
    let document = |(position, (before, after, group)): (usize, &(i64, i64, &str))| json!({"_index": format!("shop-{}", position % 2), "n": before, "amount": after, "country": group});
    fixture.write(pairs.iter().enumerate().map(document).collect()).await;
    let request = json!({"t_test": {"a": {"field": "n"}, "b": {"field": "amount"}, "type": "paired"}});
    near(&found(&fixture, request).await["value"], 0.191_436_884_336_597_9);
    let of = |group: &str| json!({"field": "n", "filter": {"term": {"country": group}}});
    let request = json!({"t_test": {"a": of("a"), "b": of("b"), "type": "homoscedastic"}});
    // Means 100.5 and 102, pooled variance (4.5 + 116) / 4, four degrees of freedom.
    let t: f64 = 1.5 / (30.125 * (0.5 + 0.25_f64)).sqrt();
    let share = t / (t * t + 4.0_f64).sqrt();
    near(&found(&fixture, request).await["value"], 1.0 - 1.5 * share * (1.0 - share * share / 3.0));
    let few = json!({"t_test": {"a": of("a"), "b": of("none")}});
    assert_eq!(found(&fixture, few).await["value"], Value::Null);
    let paired = json!({"t_test": {"a": of("a"), "b": {"field": "n"}, "type": "paired"}});
    refused(&fixture, json!({"a": paired}), "Paired t-test doesn't support filters").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn several_fields_together() {
    let fixture = Fixture::new().await;
    let document =
        |n: i64| json!({"_index": format!("shop-{}", n % 2), "n": n, "amount": 10.0 - 2.0 * n as f64});
    fixture.write((1..=4).map(document).chain([json!({"_index": "shop-1", "n": 9})]).collect()).await;
    let stats = found(&fixture, json!({"matrix_stats": {"fields": ["n", "amount"]}})).await;
    assert_eq!(stats["doc_count"], json!(4), "the document without amount is left out");
    let first = &stats["fields"][0];
    assert_eq!((&first["name"], &first["count"]), (&json!("n"), &json!(4)));
    near(&first["mean"], 2.5);
    near(&first["variance"], 5.0 / 3.0);
    near(&first["skewness"], 0.0);
    near(&first["kurtosis"], 1.64);
    near(&first["covariance"]["amount"], -10.0 / 3.0);
    near(&first["correlation"]["amount"], -1.0);
    near(&first["correlation"]["n"], 1.0);
    let missing = json!({"matrix_stats": {"fields": ["n", "amount"], "missing": {"amount": 1.5}}});
    assert_eq!(found(&fixture, missing).await["doc_count"], json!(5));
}

#[tokio::test(flavor = "multi_thread")]
async fn rates_in_the_buckets_of_a_histogram() {
    let fixture = Fixture::new().await;
    let document = |day: &str, amount: f64| json!({"_index": "shop-1", "@timestamp": format!("{day}T12:00:00Z"), "amount": amount});
    fixture
        .write(vec![document("2026-01-05", 31.0), document("2026-01-06", 62.0), document("2026-02-01", 28.0)])
        .await;
    let rates = |interval: Value, rate: Value| {
        let mut histogram = json!({"field": "@timestamp"});
        histogram.as_object_mut().unwrap().extend(interval.as_object().unwrap().clone());
        json!({"date_histogram": histogram, "aggs": {"r": {"rate": rate}}})
    };
    let check = async |interval: Value, rate: Value, expected: &[f64]| {
        let answer = found(&fixture, rates(interval, rate.clone())).await;
        let values: Vec<f64> = answer["buckets"]
            .as_array()
            .unwrap()
            .iter()
            .map(|bucket| bucket["r"]["value"].as_f64().unwrap())
            .collect();
        assert_eq!(values, expected, "{rate}");
    };
    let month = || json!({"calendar_interval": "month"});
    check(month(), json!({"unit": "day", "field": "amount"}), &[3.0, 1.0]).await;
    check(month(), json!({"unit": "year", "field": "amount"}), &[93.0 * 12.0, 28.0 * 12.0]).await;
    check(month(), json!({"unit": "month"}), &[2.0, 1.0]).await;
    check(
        json!({"fixed_interval": "60d"}),
        json!({"unit": "day", "field": "amount"}),
        &[93.0 / 60.0, 28.0 / 60.0],
    )
    .await;
    refused(&fixture, json!({"r": {"rate": {"unit": "day"}}}), "can only be used inside a date histogram")
        .await;
    let days = rates(json!({"fixed_interval": "1d"}), json!({"unit": "month"}));
    refused(&fixture, json!({"a": days}), "Cannot use month-based rate unit").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn different_values_add_up() {
    let fixture = Fixture::new().await;
    let document = |day: u32, user: &str| json!({"_index": "shop-1", "@timestamp": format!("2026-01-{day:02}T00:00:00Z"), "country": user});
    let documents = vec![
        document(1, "a"),
        document(1, "b"),
        document(2, "a"),
        document(2, "c"),
        document(4, "c"),
        document(4, "d"),
    ];
    fixture.write(documents).await;
    let histogram = |path: &str| {
        json!({"date_histogram": {"field": "@timestamp", "calendar_interval": "day"}, "aggs": {
        "users": {"cardinality": {"field": "country"}}, "most": {"max": {"field": "n"}},
        "total": {"cumulative_cardinality": {"buckets_path": path}}}})
    };
    let answer = found(&fixture, histogram("users")).await;
    let totals: Vec<&Value> =
        answer["buckets"].as_array().unwrap().iter().map(|bucket| &bucket["total"]["value"]).collect();
    assert_eq!(totals, [&json!(2), &json!(3), &json!(3), &json!(4)]);
    refused(&fixture, json!({"a": histogram("most")}), "must reference a cardinality aggregation").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn terms_in_other_orders_do_not_know_their_error() {
    let fixture = Fixture::new().await;
    let document = |n: i64| json!({"_index": "shop-1", "country": format!("c{n}"), "n": n});
    fixture.write((0..15).map(document).collect()).await;
    let check = async |order: Value, size: u64, expected: i64| {
        let shard_size = if size == 4 { json!(15) } else { Value::Null };
        let request = json!({"terms": {"field": "country", "size": size, "shard_size": shard_size, "order": order,
            "show_term_doc_count_error": true}, "aggs": {"n": {"max": {"field": "n"}}}});
        let answer = found(&fixture, request).await;
        let bounds =
            (&answer["doc_count_error_upper_bound"], &answer["buckets"][0]["doc_count_error_upper_bound"]);
        assert_eq!(bounds, (&json!(expected), &json!(expected)), "{order}");
    };
    check(json!({"n": "desc"}), 3, -1).await;
    check(json!({"_count": "asc"}), 3, -1).await;
    // A shard would send 1.5 times as many and ten more, unless told: then all of them are known.
    check(json!({"n": "desc"}), 4, -1).await;
    check(json!({"n": "desc"}), 5, 0).await;
    check(json!({"_key": "asc"}), 3, 0).await;
    check(json!({"_count": "desc"}), 3, 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pipelines_read_numbers_only() {
    let fixture = Fixture::new().await;
    fixture.write(vec![json!({"_index": "shop-1", "country": "de", "n": 1})]).await;
    let several = "[x] contains multiple values. Please specify which to use.";
    for (inner, path, why) in [
        (json!({"top_hits": {"size": 1}}), "x", "got no number at aggregation [x]"),
        (json!({"stats": {"field": "n"}}), "x", several),
        (json!({"percentiles": {"field": "n"}}), "x", several),
        (json!({"terms": {"field": "country"}}), "x", "got buckets at aggregation [x]"),
        (json!({"filter": {"match_all": {}}}), "x", "got buckets at aggregation [x]"),
        (
            json!({"terms": {"field": "country"}, "aggs": {"y": {"avg": {"field": "n"}}}}),
            "x>y",
            "got: [Object[]]",
        ),
    ] {
        for pipeline in [
            json!({"derivative": {"buckets_path": path}}),
            json!({"bucket_script": {"buckets_path": {"v": path}, "script": "params.v"}}),
        ] {
            let request = json!({"h": {"histogram": {"field": "n", "interval": 1}, "aggs": {"x": inner, "p": pipeline}}});
            refused(&fixture, request, why).await;
        }
        if path == "x" {
            let histogram = json!({"histogram": {"field": "n", "interval": 1}, "aggs": {"x": inner}});
            let request = json!({"h": histogram, "p": {"max_bucket": {"buckets_path": "h>x"}}});
            refused(&fixture, request, why).await;
        }
    }
    for (inner, path) in [
        (json!({"stats": {"field": "n"}}), "x.avg"),
        (json!({"percentiles": {"field": "n"}}), "x[50]"),
        (json!({"terms": {"field": "country"}, "aggs": {"y": {"avg": {"field": "n"}}}}), "x['de']>y"),
        (json!({"terms": {"field": "country"}}), "x._bucket_count"),
        (json!({"filter": {"match_all": {}}}), "x>_count"),
        (json!({"filter": {"match_all": {}}, "aggs": {"y": {"avg": {"field": "n"}}}}), "x>y"),
    ] {
        let script = json!({"bucket_script": {"buckets_path": {"v": path}, "script": "params.v"}});
        let request = json!({"histogram": {"field": "n", "interval": 1}, "aggs": {"x": inner, "p": script}});
        let answer = found(&fixture, request).await;
        assert_eq!(answer["buckets"][0]["p"]["value"], json!(1.0), "{path}");
    }
}
