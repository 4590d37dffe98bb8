//! Scripts over documents: fields, queries, sorts, buckets and metrics by them.

use super::{Fixture, internal, page};
use serde_json::{Value, json};
use store::scope::Scope;

async fn fixture() -> Fixture {
    let fixture = Fixture::new().await;
    let documents = [
        json!({"_id": "a", "@timestamp": "2026-11-20T08:15:00Z", "n": 3, "amount": 1.5, "country": "DE", "ok": true,
            "tags": ["y", "x", "y"], "place": {"lat": 48.0, "lon": 2.0}, "user": {"email": "a@x"}}),
        json!({"_id": "b", "@timestamp": "2026-11-21T09:30:00Z", "n": 1, "amount": 2.5, "country": "FR", "ip": "10.0.0.1"}),
        json!({"_id": "c", "@timestamp": "2026-11-21T23:59:59Z", "n": 2, "country": "DE"}),
    ];
    let with_index = |mut document: Value| {
        document["_index"] = json!("shop-1");
        document
    };
    fixture.write(documents.into_iter().map(with_index).collect()).await;
    fixture
}

/// The value of a script field in each hit, by `n`.
async fn fields(fixture: &Fixture, script: Value) -> Value {
    let body = json!({"sort": "n", "script_fields": {"x": {"script": script}}});
    let found = fixture.search("shop-*", body).await;
    found
        .hits
        .iter()
        .map(|hit| hit.fields.as_ref().map_or(Value::Null, |fields| fields["x"].clone()))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn makes_fields() {
    let fixture = fixture().await;
    let check = async |script: Value, expected: Value| {
        assert_eq!(fields(&fixture, script.clone()).await, expected, "{script}");
    };
    check(json!("doc['n'].value * 2"), json!([[2], [4], [6]])).await;
    check(json!({"source": "doc['n'].value * params.k", "params": {"k": 1.5}}), json!([[1.5], [3.0], [4.5]]))
        .await;
    check(json!("doc['amount'].size() == 0 ? -1 : doc['amount'].value"), json!([[2.5], [-1], [1.5]])).await;
    check(json!("doc['@timestamp'].value.getHour()"), json!([[9], [23], [8]])).await;
    check(json!("doc['@timestamp'].value.dayOfWeekEnum.getValue()"), json!([[6], [6], [5]])).await;
    check(json!("doc['country'].value + '!'"), json!([["FR!"], ["DE!"], ["DE!"]])).await;
    check(json!("doc['tags'].length"), json!([[0], [0], [2]])).await;
    check(json!("params._source.country"), json!([["FR"], ["DE"], ["DE"]])).await;
    check(json!({"lang": "expression", "source": "doc['n'].value + 0.5"}), json!([[1.5], [2.5], [3.5]]))
        .await;
    let lenient = json!({"sort": "n", "script_fields": {"x": {"script": "doc['amount'].value", "ignore_failure": true}}});
    let found = fixture.search("shop-*", lenient).await;
    assert!(found.hits[1].fields.is_none() && found.hits[0].fields.is_some());
    assert!(found.hits[0].source.is_none(), "without [_source], script fields come alone");
}

#[tokio::test(flavor = "multi_thread")]
async fn finds_documents() {
    let fixture = fixture().await;
    let check = async |script: Value, expected: &[&str]| {
        let query = json!({"script": {"script": script}});
        assert_eq!(fixture.ids("shop-*", query.clone()).await, expected, "{query}");
        let both =
            json!({"bool": {"filter": [{"term": {"country": "DE"}}, query], "must_not": {"term": {"n": 3}}}});
        let expected: Vec<&str> = expected.iter().copied().filter(|id| *id == "c").collect();
        assert_eq!(fixture.ids("shop-*", both.clone()).await, expected, "{both}");
    };
    check(json!("doc['n'].value > 1"), &["a", "c"]).await;
    check(json!({"source": "doc['country'].value == params.c", "params": {"c": "FR"}}), &["b"]).await;
    check(json!("doc['amount'].size() == 0"), &["c"]).await;
    check(json!("doc['tags'].contains('x')"), &["a"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sorts() {
    let fixture = fixture().await;
    let check = async |sort: Value, expected: &[&str]| {
        let found = fixture.search("shop-*", json!({"sort": sort})).await;
        assert_eq!(page(&found), expected, "{sort}");
        found.hits.iter().map(|hit| hit.sort[0].clone()).collect::<Value>()
    };
    let script = |source: &str, kind: &str, order: &str| json!([{"_script": {"type": kind, "script": {"source": source}, "order": order}}]);
    assert_eq!(
        check(script("doc['n'].value * -1", "number", "asc"), &["a", "c", "b"]).await,
        json!([-3.0, -2.0, -1.0])
    );
    let texts =
        check(script("doc['country'].value + doc['n'].value", "string", "desc"), &["b", "a", "c"]).await;
    assert_eq!(texts, json!(["FR1", "DE3", "DE2"]));
    check(json!([{"_geo_distance": {"place": [2.0, 48.0], "order": "asc", "unit": "km"}}]), &["a", "b", "c"])
        .await;
    check(json!([{"tags": {"order": "desc"}}, "n"]), &["a", "b", "c"]).await;
    let after = json!({"sort": script("doc['n'].value", "number", "asc"), "search_after": [1.0]});
    assert_eq!(page(&fixture.search("shop-*", after).await), ["c", "a"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn counts_what_scripts_make() {
    let fixture = fixture().await;
    let check = async |aggregation: Value, expected: Value| {
        let found = fixture.search("shop-*", json!({"size": 0, "aggs": {"x": aggregation}})).await;
        let found = serde_json::to_value(&found.aggregations).unwrap()["x"].clone();
        let shown = match &found["buckets"] {
            Value::Array(buckets) => {
                buckets.iter().map(|bucket| json!([bucket["key"], bucket["doc_count"]])).collect()
            }
            _ => found["value"].clone(),
        };
        assert_eq!(shown, expected, "{aggregation}");
    };
    let script = |source: &str| json!({"source": source, "lang": "painless"});
    check(
        json!({"terms": {"script": script("doc['country'].value + '1'"), "value_type": "string"}}),
        json!([["DE1", 2], ["FR1", 1]]),
    )
    .await;
    check(
        json!({"terms": {"script": script("doc['n'].value > 1"), "value_type": "boolean"}}),
        json!([[1, 2], [0, 1]]),
    )
    .await;
    check(
        json!({"terms": {"field": "country", "script": script("_value.toLowerCase()")}}),
        json!([["de", 2], ["fr", 1]]),
    )
    .await;
    check(
        json!({"terms": {"script": "doc['n'].value % 2", "value_type": "long", "order": {"_key": "asc"}}}),
        json!([[0, 1], [1, 2]]),
    )
    .await;
    check(
        json!({"histogram": {"script": "doc['n'].value * 10", "interval": 20}}),
        json!([[0.0, 1], [20.0, 2]]),
    )
    .await;
    check(json!({"date_histogram": {"script": "doc['@timestamp'].value.toInstant().toEpochMilli()", "calendar_interval": "day",
        "value_type": "date"}}), json!([[1_795_132_800_000_i64, 1], [1_795_219_200_000_i64, 2]])).await;
    let by_day = json!({"date_histogram": {"script": "doc['@timestamp'].value", "calendar_interval": "day", "value_type": "date"}});
    check(by_day, json!([[1_795_132_800_000_i64, 1], [1_795_219_200_000_i64, 2]])).await;
    check(json!({"sum": {"script": "doc['n'].value * 2"}}), json!(12.0)).await;
    check(json!({"avg": {"field": "n", "script": "_value * 10"}}), json!(20.0)).await;
    check(json!({"cardinality": {"script": "doc['country'].value"}}), json!(2)).await;
    check(json!({"value_count": {"script": "doc['tags'].size() > 0 ? 1 : null"}}), json!(1)).await;
    check(json!({"min": {"script": {"lang": "expression", "source": "doc['n'].value + 1"}}}), json!(2.0))
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn fails_as_a_whole_and_reveals_nothing() {
    let fixture = fixture().await;
    let masked = Scope::internal("viewer").with_masked_fields(["user.email"]);
    let check = async |scope: &Scope, body: Value, expected: &str| {
        let error = fixture.search_as(scope, "shop-*", body.clone()).await.unwrap_err();
        assert_eq!(
            (error.kind, error.code),
            (store::ErrorKind::InvalidRequest, Some("script_exception")),
            "{body}"
        );
        assert!(error.message.contains(expected), "{}", error.message);
    };
    let everywhere = |source: &str| {
        vec![
            json!({"query": {"script": {"script": source}}}),
            json!({"script_fields": {"x": {"script": source}}}),
            json!({"sort": {"_script": {"type": "string", "script": source}}}),
            json!({"aggs": {"x": {"terms": {"script": source}}}}),
            json!({"query": {"function_score": {"script_score": {"script": source}}}}),
        ]
    };
    for body in everywhere("doc['nothing'].value == 1") {
        check(&internal(), body, "No field found for [nothing]").await;
    }
    for body in everywhere("doc['user.email'].value == 'a@x'") {
        check(&masked, body, "No field found for [user.email]").await;
    }
    for body in everywhere("while (true) {}") {
        check(&internal(), body, "the script takes more than").await;
    }
    let source = json!({"query": {"ids": {"values": ["a"]}}, "script_fields": {"x": {"script": "params._source.user"}}});
    let found = fixture.search_as(&masked, "shop-*", source).await.unwrap();
    assert_eq!(found.hits[0].fields.as_ref().unwrap()["x"], json!([{}]));
    check(&internal(), json!({"query": {"script": {"script": "doc['n'].valu +"}}}), "compile error").await;
}
