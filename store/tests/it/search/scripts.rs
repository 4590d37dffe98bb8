//! Scripts over the buckets of aggregations: `bucket_script`, `bucket_selector`, `moving_fn`.

use super::{Fixture, internal};
use serde_json::{Value, json};
use store::ErrorKind;

/// Four hours with 1, 2, 0 and 3 documents, whose amounts are 10, 20 + 40, none, 5 + 5 + 20.
async fn hours() -> Fixture {
    let fixture = Fixture::new().await;
    let amounts = [(0, 10.0), (1, 20.0), (1, 40.0), (3, 5.0), (3, 5.0), (3, 20.0)];
    let documents = amounts.iter().enumerate().map(|(number, (hour, amount))| {
        json!({"_index": "shop-1", "_id": number.to_string(), "@timestamp": format!("2026-11-20T{hour:02}:30:00Z"),
            "amount": amount, "n": number})
    });
    fixture.write(documents.collect()).await;
    fixture
}

/// The buckets of a histogram by hour with those aggregations below it.
async fn buckets(fixture: &Fixture, mut below: Value) -> Result<Vec<Value>, store::StoreError> {
    below["sum"] = json!({"sum": {"field": "amount"}});
    below["stats"] = json!({"stats": {"field": "amount"}});
    let body = json!({"size": 0, "aggs": {"hours": {
        "date_histogram": {"field": "@timestamp", "fixed_interval": "1h", "min_doc_count": 0}, "aggs": below}}});
    let found = fixture.search_as(&internal(), "shop-*", body).await?;
    let found = serde_json::to_value(&found.aggregations).unwrap();
    Ok(found["hours"]["buckets"].as_array().unwrap().clone())
}

/// The values of the aggregation `x` in each bucket; null where there is none.
async fn values(fixture: &Fixture, x: Value) -> Vec<Value> {
    let buckets = buckets(fixture, json!({"x": x})).await.unwrap();
    buckets.iter().map(|bucket| bucket.get("x").map_or(json!("absent"), |x| x["value"].clone())).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn makes_numbers_of_buckets() {
    let fixture = hours().await;
    let check = async |x: Value, expected: Value| {
        assert_eq!(json!(values(&fixture, json!({"bucket_script": x})).await), expected, "{x}");
    };
    let paths = json!({"s": "sum", "n": "_count", "max": "stats.max"});
    let script = |script: Value| json!({"buckets_path": paths, "script": script});
    // A bucket without documents has no sum: it is passed over.
    check(script(json!("params.s / params.n")), json!([10.0, 30.0, "absent", 10.0])).await;
    check(
        script(json!({"source": "params.max * params.k", "params": {"k": 2}})),
        json!([20.0, 80.0, "absent", 40.0]),
    )
    .await;
    check(script(json!("params.s > 20 ? params.s : null")), json!(["absent", 60.0, "absent", 30.0])).await;
    check(script(json!("(params.s - params.max) / 0")), json!([null, null, "absent", null])).await;
    let one = |script: Value| json!({"buckets_path": "_count", "script": script});
    check(one(json!({"lang": "expression", "source": "_value * 1"})), json!([1.0, 2.0, 0.0, 3.0])).await;
    let named =
        json!({"buckets_path": {"count": "_count"}, "script": {"lang": "expression", "source": "count * 1"}});
    check(named, json!([1.0, 2.0, 0.0, 3.0])).await;
    let zeros = json!({"buckets_path": {"s": "sum"}, "script": "params.s + 1", "gap_policy": "insert_zeros"});
    check(zeros, json!([11.0, 61.0, 1.0, 31.0])).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn keeps_buckets() {
    let fixture = hours().await;
    let check = async |x: Value, expected: Value| {
        let found = buckets(&fixture, json!({"x": {"bucket_selector": x}})).await.unwrap();
        let counts: Vec<&Value> = found.iter().map(|bucket| &bucket["doc_count"]).collect();
        assert_eq!(json!(counts), expected, "{x}");
    };
    let over = |script: &str| json!({"buckets_path": {"s": "sum", "n": "_count"}, "script": script});
    check(over("params.s > 20"), json!([2, 3])).await;
    check(over("params.n == 0 || params.s == 10"), json!([1, 0])).await;
    check(over("false"), json!([])).await;
    let expression =
        json!({"buckets_path": {"n": "_count"}, "script": {"lang": "expression", "source": "n > 1"}});
    check(expression, json!([2, 3])).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn moves_windows() {
    let fixture = hours().await;
    let check = async |kind: &str, x: Value, expected: Value| {
        assert_eq!(json!(values(&fixture, json!({kind: x})).await), expected, "{x}");
    };
    let over = |script: &str| json!({"buckets_path": "_count", "window": 2, "script": script});
    check("moving_fn", over("MovingFunctions.unweightedAvg(values)"), json!([null, 1.0, 1.5, 1.0])).await;
    check("moving_fn", over("MovingFunctions.sum(values)"), json!([0.0, 1.0, 3.0, 2.0])).await;
    check("moving_fn", over("values.length"), json!([0.0, 1.0, 2.0, 2.0])).await;
    check(
        "moving_fn",
        over("if (values.length < 2) return 0; values[1] - values[0]"),
        json!([0.0, 0.0, 1.0, -2.0]),
    )
    .await;
    let simple = json!({"buckets_path": "_count", "window": 2, "model": "simple"});
    check("moving_avg", simple, json!([1.0, 1.5, 1.0, 1.5])).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn refuses_scripts_that_fail() {
    let fixture = hours().await;
    let check = async |x: Value, expected: &str| {
        let error = buckets(&fixture, json!({"x": x})).await.unwrap_err();
        assert_eq!((error.kind, error.code), (ErrorKind::InvalidRequest, Some("script_exception")), "{x}");
        assert!(error.message.contains(expected), "{}", error.message);
    };
    let script = |source: &str| json!({"bucket_script": {"buckets_path": {"n": "_count"}, "script": source}});
    check(script("params.n +"), "1:11: expected a value").await;
    check(script("doc['n'].value"), "1:1: unknown variable \"doc\"").await;
    check(
        script("params.missing + 1"),
        "runtime error in a script: cannot apply [+] to the types [null] and [int]",
    )
    .await;
    check(script("while (true) {}"), "runtime error in a script: the script takes more than").await;
    check(script("'text'"), "runtime error in a script: cannot cast string to number").await;
}
