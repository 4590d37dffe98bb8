use super::*;
use crate::logs::dsl::aggregations::ast::{BucketsPath, CalendarUnit, DateInterval, GapPolicy, PipelineKind};
use serde_json::json;

fn parse(value: Value) -> Result<Vec<Aggregation>, StoreError> {
    parse_aggregations(&value, &Place::root("aggs"))
}

#[test]
fn errors_name_the_aggregation() {
    let check = |value: Value, kind: &str, expected: &str| {
        let error = parse(value).unwrap_err();
        assert_eq!(error.message, expected);
        assert_eq!(error.code, Some(kind));
    };
    check(json!({"a": {"foo": {}}}), "parsing_exception", "Unknown aggregation type [foo] (at aggs.a)");
    check(json!({"a": {}}), "parsing_exception", "Missing definition for aggregation [a] (at aggs.a)");
    check(
        json!({"a": {"terms": {"field": "f", "size": 0}}}),
        "illegal_argument_exception",
        "[size] must be greater than 0. Found [0] in [a] (at aggs.a.terms)",
    );
    check(
        json!({"a": {"avg": {"field": "f", "percents": [1]}}}),
        "x_content_parse_exception",
        "[avg] aggregation does not support \"percents\" (at aggs.a.avg)",
    );
    check(
        json!({"a": {"avg": {"field": "f"}, "aggs": {"b": {"avg": {"field": "f"}}}}}),
        "aggregation_initialization_exception",
        "Aggregator [a] of type [avg] cannot accept sub-aggregations (at aggs.a)",
    );
    check(
        json!({"a": {"date_histogram": {"field": "f", "calendar_interval": "2d"}}}),
        "illegal_argument_exception",
        "The supplied interval [2d] could not be parsed as a calendar interval. (at aggs.a.date_histogram)",
    );
    check(
        json!({"a": {"extended_stats": {"field": "f", "sigma": -1}}}),
        "illegal_argument_exception",
        "[sigma] must be greater than or equal to 0. Found [-1.0] in [a] (at aggs.a.extended_stats)",
    );
    check(
        json!({"a": {"filter": {"foo": {}}}}),
        "parsing_exception",
        "unknown query [foo] (at aggs.a.filter)",
    );
    check(
        json!({"a": {"composite": {"sources": []}}}),
        "illegal_argument_exception",
        "Composite [sources] cannot be null or empty (at aggs.a.composite)",
    );
}

#[test]
fn intervals() {
    let check = |options: Value, expected: DateInterval| {
        let mut body = json!({"field": "t"});
        body.as_object_mut().unwrap().extend(options.as_object().unwrap().clone());
        match &parse(json!({"h": {"date_histogram": body}})).unwrap()[0].kind {
            Kind::DateHistogram(read) => assert_eq!(read.interval, expected),
            other => panic!("{other:?}"),
        }
    };
    check(json!({"fixed_interval": "90m"}), DateInterval::FixedMs(5_400_000));
    check(json!({"calendar_interval": "month"}), DateInterval::Calendar(CalendarUnit::Month));
    check(json!({"interval": "1d"}), DateInterval::Calendar(CalendarUnit::Day));
    check(json!({"interval": "30s"}), DateInterval::FixedMs(30_000));
    check(json!({"interval": 60_000}), DateInterval::FixedMs(60_000));
}

#[test]
fn paths_of_buckets() {
    let check = |text: &str, steps: &[&str], property: Option<&str>| {
        let steps = steps.iter().map(|step| (*step).to_owned()).collect();
        assert_eq!(
            BucketsPath::parse(text),
            BucketsPath { steps, property: property.map(str::to_owned) },
            "{text}"
        );
    };
    check("a", &["a"], None);
    check("a.value", &["a"], None);
    check("a>b.avg", &["a", "b"], Some("avg"));
    check("p[99.9]", &["p"], Some("99.9"));
    check("p.99", &["p"], Some("99"));
}

#[test]
fn scripts_over_windows() {
    let moving = |script: Value| {
        let body = json!({"m": {"moving_fn": {"buckets_path": "x", "window": 3, "script": script}}});
        parse(body).map(|mut read| match read.remove(0).kind {
            Kind::Pipeline(pipeline) => pipeline.kind,
            other => panic!("{other:?}"),
        })
    };
    match moving(json!("MovingFunctions.unweightedAvg(values)")).unwrap() {
        PipelineKind::Moving { function, window: 3, shift: 0, .. } => {
            assert_eq!(function.script.source(), "MovingFunctions.unweightedAvg(values)");
        }
        other => panic!("{other:?}"),
    }
    assert!(moving(json!({"source": "values.length * params.k", "params": {"k": 2}})).is_ok());
    for unknown in ["MovingFunctions.nope(values)", "System.exit(1)", "ctx.x"] {
        assert_eq!(moving(json!(unknown)).unwrap_err().code, Some("script_exception"), "{unknown}");
    }
}
#[test]
fn numbers_may_be_texts() {
    let check = |value: Value| assert!(parse(json!({ "a": value })).is_ok(), "{value}");
    check(json!({"terms": {"field": "f", "size": "5", "min_doc_count": "1"}}));
    check(json!({"geohash_grid": {"field": "f", "precision": "2"}}));
    check(json!({"histogram": {"field": "f", "interval": "2.5"}}));
    check(json!({"cardinality": {"field": "f", "precision_threshold": "100"}}));
    let gaps =
        parse(json!({"d": {"derivative": {"buckets_path": "x", "gap_policy": "insert_zeros"}}})).unwrap();
    assert!(
        matches!(&gaps[0].kind, Kind::Pipeline(pipeline) if pipeline.gap_policy == GapPolicy::InsertZeros)
    );
}

#[test]
fn nesting_is_bounded() {
    let nest = |levels| {
        (0..levels).fold(
            json!({"a": {"avg": {"field": "f"}}}),
            |inner, _| json!({"a": {"terms": {"field": "f"}, "aggs": inner}}),
        )
    };
    assert!(parse(nest(DEPTH_MAX - 1)).is_ok());
    assert!(parse(nest(DEPTH_MAX)).unwrap_err().message.contains("nested deeper"));
}
