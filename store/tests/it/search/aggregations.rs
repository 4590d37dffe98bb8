use super::{Fixture, internal};
use proptest::prelude::*;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use store::ErrorKind;

#[derive(Debug, Clone)]
struct Row {
    minute: u16,
    status: i64,
    amount: Option<f64>,
    country: Option<u8>,
    tags: Vec<u8>,
}

fn rows() -> impl Strategy<Value = Vec<Row>> {
    let row = (
        0_u16..6_000,
        0_i64..6,
        proptest::option::of(-40_i32..400),
        proptest::option::of(0_u8..9),
        proptest::collection::vec(0_u8..5, 0..3),
    );
    let row = row.prop_map(|(minute, status, amount, country, tags)| Row {
        minute,
        status: status * 100,
        amount: amount.map(|amount| f64::from(amount) / 4.0),
        country,
        tags,
    });
    proptest::collection::vec(row, 1..120)
}

const START_MS: i64 = 1_794_873_600_000; // 2026-11-17T00:00:00Z

fn time_ms(row: &Row) -> i64 {
    START_MS + i64::from(row.minute) * 60_000
}

/// Each row in an index with explicit and in one with dynamic fields.
async fn fixture(rows: &[Row]) -> Fixture {
    let fixture = Fixture::new().await;
    for prefix in ["shop", "free"] {
        let documents: Vec<_> = rows
            .iter()
            .map(|row| {
                let at = jiff::Timestamp::from_millisecond(time_ms(row)).unwrap().to_string();
                json!({
                    "_index": format!("{prefix}-{}", &at[..10]), "@timestamp": at, "status": row.status,
                    "amount": row.amount, "country": row.country.map(|c| format!("c{c}")),
                    "tags": row.tags.iter().map(|t| format!("t{t}")).collect::<Vec<_>>(),
                })
            })
            .collect();
        for chunk in documents.chunks(documents.len().div_ceil(2)) {
            fixture.write(chunk.to_vec()).await;
        }
    }
    fixture
}

async fn aggregate(fixture: &Fixture, indices: &str, aggregations: Value) -> Value {
    let found = fixture.search(indices, json!({"size": 0, "aggs": aggregations})).await;
    Value::Object(found.aggregations.unwrap())
}

fn near(found: &Value, expected: Option<f64>) {
    match (found.as_f64(), expected) {
        (Some(found), Some(expected)) => {
            assert!((found - expected).abs() <= 1e-9 * expected.abs().max(1.0), "{found} {expected}");
        }
        (found, expected) => assert_eq!(found, expected),
    }
}

/// Terms with metrics below: buckets ordered by count, then key.
fn check_terms(rows: &[Row], found: &Value) {
    let mut groups: BTreeMap<String, Vec<&Row>> = BTreeMap::new();
    for row in rows {
        if let Some(country) = row.country {
            groups.entry(format!("c{country}")).or_default().push(row);
        }
    }
    let mut expected: Vec<_> = groups.into_iter().collect();
    expected.sort_by(|a, b| b.1.len().cmp(&a.1.len()).then_with(|| a.0.cmp(&b.0)));
    let other: usize = expected.iter().skip(4).map(|(_, rows)| rows.len()).sum();
    assert_eq!(found["sum_other_doc_count"], json!(other));
    expected.truncate(4);
    let buckets = found["buckets"].as_array().unwrap();
    assert_eq!(buckets.len(), expected.len());
    for (bucket, (country, rows)) in buckets.iter().zip(expected) {
        assert_eq!((&bucket["key"], &bucket["doc_count"]), (&json!(country), &json!(rows.len())));
        let amounts: Vec<f64> = rows.iter().filter_map(|row| row.amount).collect();
        let sum: f64 = amounts.iter().sum();
        near(&bucket["sum"]["value"], Some(sum));
        near(&bucket["avg"]["value"], (!amounts.is_empty()).then(|| sum / amounts.len() as f64));
        let stats = &bucket["stats"];
        assert_eq!(stats["count"], json!(amounts.len()));
        near(&stats["min"], amounts.iter().copied().reduce(f64::min));
        near(&stats["max"], amounts.iter().copied().reduce(f64::max));
        let mut statuses: Vec<_> = rows.iter().map(|row| row.status).collect();
        statuses.sort_unstable();
        statuses.dedup();
        assert_eq!(bucket["statuses"]["value"], json!(statuses.len()));
        let mut sorted = amounts.clone();
        sorted.sort_unstable_by(f64::total_cmp);
        let median = (!sorted.is_empty()).then(|| {
            let at = (sorted.len() - 1) as f64 / 2.0;
            (sorted[at.floor() as usize] + sorted[at.ceil() as usize]) / 2.0
        });
        near(&bucket["median"]["values"]["50.0"], median);
        let errors = rows.iter().filter(|row| row.status >= 400).count();
        assert_eq!(bucket["classes"]["buckets"]["errors"]["doc_count"], json!(errors));
        assert_eq!(bucket["classes"]["buckets"]["rest"]["doc_count"], json!(rows.len() - errors));
    }
}

fn check_histograms(rows: &[Row], found: &Value) {
    let hours = found["hours"]["buckets"].as_array().unwrap();
    let hour = |row: &Row| time_ms(row).div_euclid(3_600_000) * 3_600_000;
    let (first, last) = (rows.iter().map(hour).min().unwrap(), rows.iter().map(hour).max().unwrap());
    assert_eq!(hours.len() as i64, (last - first) / 3_600_000 + 1);
    for (position, bucket) in hours.iter().enumerate() {
        let start = first + position as i64 * 3_600_000;
        assert_eq!(bucket["key"], json!(start));
        assert_eq!(bucket["doc_count"], json!(rows.iter().filter(|row| hour(row) == start).count()));
    }
    // Days in a zone one hour ahead.
    let day = |row: &Row| (time_ms(row) + 3_600_000).div_euclid(86_400_000) * 86_400_000 - 3_600_000;
    let mut days: BTreeMap<i64, usize> = BTreeMap::new();
    rows.iter().for_each(|row| *days.entry(day(row)).or_default() += 1);
    let expected: Vec<_> = days.into_iter().map(|(start, count)| (json!(start), json!(count))).collect();
    let buckets = found["days"]["buckets"].as_array().unwrap();
    let shown: Vec<_> = buckets.iter().map(|b| (b["key"].clone(), b["doc_count"].clone())).collect();
    assert_eq!(shown, expected);
    let mut widths: BTreeMap<i64, usize> = BTreeMap::new();
    for amount in rows.iter().filter_map(|row| row.amount) {
        *widths.entry((amount / 10.0).floor() as i64 * 10).or_default() += 1;
    }
    let expected: Vec<_> =
        widths.into_iter().map(|(start, count)| (json!(start as f64), json!(count))).collect();
    let buckets = found["amounts"]["buckets"].as_array().unwrap();
    let shown: Vec<_> = buckets.iter().map(|b| (b["key"].clone(), b["doc_count"].clone())).collect();
    assert_eq!(shown, expected);
    let inside =
        |from: f64, to: f64| rows.iter().filter_map(|r| r.amount).filter(|a| *a >= from && *a < to).count();
    let ranges: Vec<_> =
        found["ranges"]["buckets"].as_array().unwrap().iter().map(|b| b["doc_count"].clone()).collect();
    assert_eq!(
        ranges,
        [json!(inside(f64::NEG_INFINITY, 0.0)), json!(inside(0.0, 50.0)), json!(inside(50.0, f64::INFINITY))]
    );
    assert_eq!(found["without"]["doc_count"], json!(rows.iter().filter(|row| row.amount.is_none()).count()));
}

fn check_tags(rows: &[Row], found: &Value) {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for row in rows {
        let mut tags = row.tags.clone();
        tags.sort_unstable();
        tags.dedup();
        tags.iter().for_each(|tag| *counts.entry(format!("t{tag}")).or_default() += 1);
    }
    let expected: Vec<_> =
        counts.into_iter().map(|(tag, count)| json!({"key": tag, "doc_count": count})).collect();
    assert_eq!(found["tags"]["buckets"], json!(expected));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 8, ..ProptestConfig::default() })]

    #[test]
    fn as_computed_by_hand(rows in rows()) {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(async {
            let fixture = fixture(&rows).await;
            for (indices, keyword) in [("shop-*", ""), ("free-*", ".keyword")] {
                let request = json!({
                    "countries": {"terms": {"field": format!("country{keyword}"), "size": 4}, "aggs": {
                        "sum": {"sum": {"field": "amount"}}, "avg": {"avg": {"field": "amount"}},
                        "stats": {"stats": {"field": "amount"}}, "statuses": {"cardinality": {"field": "status"}},
                        "median": {"percentiles": {"field": "amount", "percents": [50]}},
                        "classes": {"filters": {"filters": {"errors": {"range": {"status": {"gte": 400}}}}, "other_bucket_key": "rest"}},
                    }},
                    "hours": {"date_histogram": {"field": "@timestamp", "fixed_interval": "1h"}},
                    "days": {"date_histogram": {"field": "@timestamp", "calendar_interval": "day", "time_zone": "+01:00", "min_doc_count": 1}},
                    "amounts": {"histogram": {"field": "amount", "interval": 10, "min_doc_count": 1}},
                    "ranges": {"range": {"field": "amount", "ranges": [{"to": 0}, {"from": 0, "to": 50}, {"from": 50}]}},
                    "without": {"missing": {"field": "amount"}},
                    "tags": {"terms": {"field": format!("tags{keyword}"), "order": {"_key": "asc"}}},
                });
                let found = aggregate(&fixture, indices, request).await;
                check_terms(&rows, &found["countries"]);
                check_histograms(&rows, &found);
                check_tags(&rows, &found);
            }
        });
    }

    #[test]
    fn composite_pages_join_up(rows in rows(), size in 1_usize..10) {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(async {
            let fixture = fixture(&rows).await;
            let mut expected: BTreeMap<(String, i64), usize> = BTreeMap::new();
            for row in &rows {
                if let Some(country) = row.country {
                    *expected.entry((format!("c{country}"), row.status)).or_default() += 1;
                }
            }
            let mut joined = Vec::new();
            let mut after = Value::Null;
            loop {
                let mut composite = json!({"size": size, "sources": [
                    {"c": {"terms": {"field": "country"}}}, {"s": {"terms": {"field": "status"}}}]});
                if !after.is_null() {
                    composite["after"] = after;
                }
                let found = aggregate(&fixture, "shop-*", json!({"pairs": {"composite": composite}})).await;
                let buckets = found["pairs"]["buckets"].as_array().unwrap().clone();
                if buckets.is_empty() {
                    break;
                }
                after = found["pairs"]["after_key"].clone();
                joined.extend(buckets);
            }
            let expected: Vec<_> = expected.into_iter()
                .map(|((c, s), count)| json!({"key": {"c": c, "s": s}, "doc_count": count})).collect();
            assert_eq!(joined, expected);
        });
    }
}

async fn small() -> Fixture {
    let row = |minute, status, amount, country: u8| Row {
        minute,
        status,
        amount: Some(amount),
        country: Some(country),
        tags: Vec::new(),
    };
    fixture(&[row(0, 200, 10.0, 1), row(30, 500, 20.0, 1), row(90, 200, 30.0, 2), row(1_500, 200, 40.0, 3)])
        .await
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_have_elasticsearchs_shape() {
    let fixture = small().await;
    let check = async |request: Value, expected: Value| {
        let found = aggregate(&fixture, "shop-*", json!({"a": request.clone()})).await;
        assert_eq!(found["a"], expected, "{request}");
    };
    check(
        json!({"terms": {"field": "status"}, "meta": {"x": 1}}),
        json!({"doc_count_error_upper_bound": 0, "sum_other_doc_count": 0, "buckets": [
            {"key": 200, "doc_count": 3}, {"key": 500, "doc_count": 1}], "meta": {"x": 1}}),
    )
    .await;
    check(
        json!({"terms": {"field": "country", "order": {"total": "asc"}, "include": "c[12]"}, "aggs": {"total": {"sum": {"field": "amount"}}}}),
        json!({"doc_count_error_upper_bound": 0, "sum_other_doc_count": 0, "buckets": [
            {"key": "c1", "doc_count": 2, "total": {"value": 30.0}}, {"key": "c2", "doc_count": 1, "total": {"value": 30.0}}]}),
    )
    .await;
    check(
        json!({"date_histogram": {"field": "@timestamp", "calendar_interval": "1d", "format": "yyyy-MM-dd"}}),
        json!({"buckets": [
            {"key_as_string": "2026-11-17", "key": START_MS, "doc_count": 3},
            {"key_as_string": "2026-11-18", "key": START_MS + 86_400_000, "doc_count": 1}]}),
    )
    .await;
    check(
        json!({"range": {"field": "amount", "ranges": [{"to": 20}, {"from": 20, "key": "much"}]}}),
        json!({"buckets": [{"key": "*-20.0", "to": 20.0, "doc_count": 1}, {"key": "much", "from": 20.0, "doc_count": 3}]}),
    )
    .await;
    check(
        json!({"date_range": {"field": "@timestamp", "format": "yyyy-MM-dd", "ranges": [{"from": "2026-11-18"}]}}),
        json!({"buckets": [{"key": "2026-11-18-*", "from": (START_MS + 86_400_000) as f64,
            "from_as_string": "2026-11-18", "doc_count": 1}]}),
    )
    .await;
    check(
        json!({"max": {"field": "@timestamp"}}),
        json!({"value": (START_MS + 90_000_000) as f64, "value_as_string": "2026-11-18T01:00:00.000Z"}),
    )
    .await;
    check(json!({"avg": {"field": "nothing"}}), json!({"value": null})).await;
    check(
        json!({"terms": {"field": "nothing"}}),
        json!({"doc_count_error_upper_bound": 0, "sum_other_doc_count": 0, "buckets": []}),
    )
    .await;
    check(
        json!({"filter": {"term": {"status": 500}}, "aggs": {"m": {"max": {"field": "amount"}}}}),
        json!({"doc_count": 1, "m": {"value": 20.0}}),
    )
    .await;
    check(json!({"cardinality": {"field": "country"}}), json!({"value": 3})).await;
    check(json!({"value_count": {"field": "country"}}), json!({"value": 4})).await;
    check(
        json!({"percentile_ranks": {"field": "amount", "values": [20], "keyed": false}}),
        json!({"values": [{"key": 20.0, "value": 37.5}]}),
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pipelines_and_top_hits() {
    let fixture = small().await;
    let request = json!({
        "days": {"date_histogram": {"field": "@timestamp", "calendar_interval": "day"}, "aggs": {
            "sum": {"sum": {"field": "amount"}}, "running": {"cumulative_sum": {"buckets_path": "sum"}},
            "change": {"derivative": {"buckets_path": "sum"}},
            "newest": {"top_hits": {"size": 1, "sort": [{"@timestamp": "desc"}], "_source": "amount"}}}},
        "best": {"max_bucket": {"buckets_path": "days>sum"}},
        "few": {"terms": {"field": "country"}, "aggs": {"total": {"sum": {"field": "amount"}},
            "cut": {"bucket_sort": {"sort": [{"total": "desc"}], "size": 1}}}},
    });
    let found = aggregate(&fixture, "shop-*", request).await;
    let days = found["days"]["buckets"].as_array().unwrap();
    assert_eq!(days[0]["running"]["value"], json!(60.0));
    assert_eq!(days[1]["running"]["value"], json!(100.0));
    assert_eq!((days[0].get("change"), &days[1]["change"]["value"]), (None, &json!(-20.0)));
    assert_eq!(days[0]["newest"]["hits"]["hits"][0]["_source"], json!({"amount": 30.0}));
    assert_eq!(found["best"]["value"], json!(60.0));
    assert_eq!(found["few"]["buckets"].as_array().unwrap().len(), 1);
    assert_eq!(found["few"]["buckets"][0]["key"], json!("c3"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_refused() {
    let fixture = small().await;
    let check = async |request: Value, part: &str| {
        let body = json!({"size": 0, "aggs": {"a": request}});
        let error = fixture.search_as(&internal(), "shop-*", body).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::InvalidRequest, "{error}");
        assert!(error.message.contains(part), "{error}");
    };
    check(json!({"date_histogram": {"field": "@timestamp", "fixed_interval": "1ms"}}), "too many buckets")
        .await;
    check(
        json!({"histogram": {"field": "country", "interval": 1}}),
        "not supported for a numeric aggregation",
    )
    .await;
    check(json!({"terms": {"field": "message"}}), "no doc values").await;
    for metric in ["stats", "sum", "min", "avg", "percentiles"] {
        check(json!({metric: {"field": "country"}}), "not supported for a numeric aggregation").await;
    }
    check(json!({"terms": {"field": "place"}}), "holds points").await;
    check(json!({"cardinality": {"field": "place"}}), "holds points").await;
    check(json!({"avg": {"field": "place"}}), "holds points").await;
    check(json!({"terms": {"field": "status", "order": {"x": "asc"}}}), "Invalid aggregation order path [x]")
        .await;
    check(json!({"max_bucket": {"buckets_path": "x>y"}}), "No aggregation found for path [x>y]").await;
}
