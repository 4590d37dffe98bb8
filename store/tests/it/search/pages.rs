use super::{Fixture, internal, page};
use proptest::prelude::*;
use serde_json::{Value, json};
use store::{
    ErrorKind,
    logs::{IndexAdmin, Total},
};

/// Documents with ties and gaps in every field, in five daily indices.
async fn corpus(values: &[(u8, Option<i8>, Option<u8>)]) -> Fixture {
    let fixture = Fixture::new().await;
    let documents = values.iter().enumerate().map(|(position, (time, number, word))| {
        let day = 10 + time % 5;
        let mut document = json!({
            "_id": format!("{position:04}"),
            "_index": format!("shop-2026.11.{day}"),
            "@timestamp": format!("2026-11-{day}T{:02}:00:00Z", time % 24),
        });
        if let Some(number) = number {
            document["n"] = json!(number);
            document["amount"] = json!(f64::from(*number) / 4.0);
        }
        if let Some(word) = word {
            document["country"] = json!(format!("c{}", word % 7));
            document["ok"] = json!(word % 2 == 0);
        }
        document
    });
    // Several writes make several segments.
    let documents: Vec<_> = documents.collect();
    for chunk in documents.chunks(documents.len().div_ceil(3).max(1)) {
        fixture.write(chunk.to_vec()).await;
    }
    fixture
}

fn sorts() -> impl Strategy<Value = Value> {
    let field = prop_oneof![
        Just("@timestamp"),
        Just("n"),
        Just("amount"),
        Just("country"),
        Just("ok"),
        Just("unmapped")
    ];
    let key = (field, any::<bool>(), any::<bool>()).prop_map(|(field, ascending, first)| {
        json!({field: {
            "order": if ascending { "asc" } else { "desc" },
            "missing": if first { "_first" } else { "_last" },
            "unmapped_type": "long",
        }})
    });
    proptest::collection::vec(key, 1..4).prop_map(|mut keys| {
        keys.push(json!("n"));
        json!(keys)
    })
}

/// What a sort on these values should give, computed the simple way.
fn expected(documents: &[(String, Value)], sort: &Value) -> Vec<Vec<Value>> {
    let key = |document: &Value, key: &Value| {
        let (field, options) = match key {
            Value::String(field) => (field.clone(), json!({"order": "asc", "missing": "_last"})),
            key => key
                .as_object()
                .map(|k| k.iter().next().map(|(f, o)| (f.clone(), o.clone())).unwrap())
                .unwrap(),
        };
        (document.get(&field).cloned().unwrap_or(Value::Null), options)
    };
    let mut rows: Vec<Vec<(Value, Value)>> = documents
        .iter()
        .map(|(_, document)| sort.as_array().unwrap().iter().map(|k| key(document, k)).collect())
        .collect();
    rows.sort_by(|a, b| {
        for ((a, options), (b, _)) in a.iter().zip(b) {
            let first = options["missing"] == "_first";
            let order = match (a.is_null(), b.is_null()) {
                (true, true) => std::cmp::Ordering::Equal,
                (true, false) if first => std::cmp::Ordering::Less,
                (true, false) => std::cmp::Ordering::Greater,
                (false, true) if first => std::cmp::Ordering::Greater,
                (false, true) => std::cmp::Ordering::Less,
                (false, false) => {
                    let order = match (a, b) {
                        (Value::String(a), Value::String(b)) => a.cmp(b),
                        (Value::Bool(a), Value::Bool(b)) => a.cmp(b),
                        (a, b) => a.as_f64().unwrap().total_cmp(&b.as_f64().unwrap()),
                    };
                    if options["order"] == "desc" { order.reverse() } else { order }
                }
            };
            if order.is_ne() {
                return order;
            }
        }
        std::cmp::Ordering::Equal
    });
    let fields: Vec<&str> = sort.as_array().unwrap().iter().map(field_of).collect();
    let shown = |((value, options), field): ((Value, Value), &&str)| match value {
        Value::Null => none(field, (options["missing"] == "_first") == (options["order"] == "desc")),
        // Booleans are numbers here.
        Value::Bool(truth) => json!(u8::from(truth)),
        value => value,
    };
    rows.into_iter().map(|row| row.into_iter().zip(&fields).map(shown).collect()).collect()
}

fn field_of(key: &Value) -> &str {
    key.as_str().or_else(|| key.as_object()?.keys().next().map(String::as_str)).unwrap()
}

/// What stands for no value.
fn none(field: &str, largest: bool) -> Value {
    match (field, largest) {
        ("country", _) => Value::Null,
        ("amount", true) => json!("Infinity"),
        ("amount", false) => json!("-Infinity"),
        (_, true) => json!(i64::MAX),
        (_, false) => json!(i64::MIN),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

    #[test]
    fn sorted_as_computed_and_pages_join_up(
        values in proptest::collection::vec((any::<u8>(), proptest::option::of(any::<i8>()), proptest::option::of(any::<u8>())), 1..80),
        sort in sorts(),
        size in 1_usize..20,
    ) {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(async {
            let fixture = corpus(&values).await;
            let whole = fixture.search("shop-*", json!({"sort": sort, "size": 1000})).await;
            let documents: Vec<(String, Value)> = whole.hits.iter().map(|hit| {
                let mut source = Value::Object(hit.source.clone().unwrap());
                let time: jiff::Timestamp = source["@timestamp"].as_str().unwrap().parse().unwrap();
                source["@timestamp"] = json!(time.as_millisecond());
                (hit.id.clone(), source)
            }).collect();
            assert_eq!(documents.len(), values.len());
            let found: Vec<_> = whole.hits.iter().map(|hit| hit.sort.clone()).collect();
            assert_eq!(found, expected(&documents, &sort));

            // From page to page: ties keep their order.
            let mut joined = Vec::new();
            for from in (0..values.len()).step_by(size) {
                let body = json!({"sort": sort, "from": from, "size": size});
                joined.extend(page(&fixture.search("shop-*", body).await).into_iter().map(str::to_owned));
            }
            assert_eq!(joined, page(&whole));
        });
    }

    #[test]
    fn search_after_joins_up(
        values in proptest::collection::vec((any::<u8>(), proptest::option::of(any::<i8>()), proptest::option::of(any::<u8>())), 1..80),
        sort in sorts(),
        size in 1_usize..20,
    ) {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(async {
            let fixture = Fixture::new().await;
            let documents: Vec<_> = values.iter().enumerate().map(|(position, (time, number, word))| json!({
                "_id": position.to_string(), "_index": format!("shop-2026.11.{}", 10 + time % 5),
                "@timestamp": format!("2026-11-{}T00:00:00Z", 10 + time % 5),
                "n": number, "amount": number.map(|n| f64::from(n) / 4.0),
                "country": word.map(|w| format!("c{}", w % 7)), "ok": word.map(|w| w % 2 == 0), "status": position,
            })).collect();
            for chunk in documents.chunks(documents.len().div_ceil(3)) {
                fixture.write(chunk.to_vec()).await;
            }
            let mut sort = sort;
            sort.as_array_mut().unwrap().push(json!({"status": "desc"}));
            let whole = fixture.search("shop-*", json!({"sort": sort, "size": 1000})).await;
            let mut joined: Vec<String> = Vec::new();
            let mut after = Value::Null;
            loop {
                let mut body = json!({"sort": sort, "size": size});
                if !after.is_null() {
                    body["search_after"] = after.clone();
                }
                let found = fixture.search("shop-*", body).await;
                let Some(last) = found.hits.last() else { break };
                after = json!(last.sort);
                joined.extend(page(&found).into_iter().map(str::to_owned));
                assert!(joined.len() <= values.len());
            }
            assert_eq!(joined, page(&whole));
        });
    }
}

/// The answers of Elasticsearch 7.10.2.
#[tokio::test(flavor = "multi_thread")]
async fn documents_without_a_value_say_where_they_stand() {
    let fixture = Fixture::new().await;
    let full = json!({"_index": "shop-1", "_id": "1", "amount": 1.5, "price": 1.5, "n": 1, "country": "a",
        "@timestamp": 1_795_219_200_000_i64, "ok": true, "ip": "1.2.3.4"});
    fixture.write(vec![full, json!({"_index": "shop-1", "_id": "2"})]).await;
    let (most, least) = (json!(i64::MAX), json!(i64::MIN));
    let (above, below) = (json!("Infinity"), json!("-Infinity"));
    for (field, value, largest, smallest) in [
        ("amount", json!(1.5), &above, &below),
        ("price", json!(1.5), &above, &below),
        ("n", json!(1), &most, &least),
        ("@timestamp", json!(1_795_219_200_000_i64), &most, &least),
        ("ok", json!(1), &most, &least),
        ("country", json!("a"), &Value::Null, &Value::Null),
        ("ip", json!("1.2.3.4"), &Value::Null, &Value::Null),
    ] {
        for (order, missing, none) in [
            ("asc", "_last", largest),
            ("asc", "_first", smallest),
            ("desc", "_last", smallest),
            ("desc", "_first", largest),
        ] {
            let sort = json!([{field: {"order": order, "missing": missing}}]);
            let found = fixture.search("shop-1", json!({"sort": sort})).await;
            let mut expected = vec![vec![value.clone()], vec![none.clone()]];
            if missing == "_first" {
                expected.reverse();
            }
            let sorts: Vec<_> = found.hits.iter().map(|hit| hit.sort.clone()).collect();
            assert_eq!(sorts, expected, "{sort}");
            // They can be handed back.
            let next = fixture.search("shop-1", json!({"sort": sort, "search_after": expected[0]})).await;
            assert_eq!(page(&next), page(&found)[1..], "{sort}");
            let end = fixture.search("shop-1", json!({"sort": sort, "search_after": expected[1]})).await;
            assert_eq!(page(&end), Vec::<&str>::new(), "{sort}");
        }
    }
    // Of a field that is not mapped, as of the type that the request names. Clients whose numbers have 53 bits round it.
    for (kind, none) in [("boolean", json!(i64::MAX)), ("double", above), ("keyword", Value::Null)] {
        let sort = json!([{"nowhere": {"order": "asc", "unmapped_type": kind}}]);
        let found = fixture.search("shop-1", json!({"sort": sort})).await;
        assert!(found.hits.iter().all(|hit| hit.sort == [none.clone()]), "{kind}");
    }
    for field in ["n", "@timestamp", "ok"] {
        let largest = json!(9_223_372_036_854_776_000_u64);
        for (order, after) in [("asc", largest), ("desc", json!(-9_223_372_036_854_776_000_f64))] {
            let rounded = json!({"sort": [{field: order}], "search_after": [after]});
            assert!(fixture.search("shop-1", rounded).await.hits.is_empty(), "{field} {order}");
        }
    }
    let unsigned = |after: Value| json!({"sort": [{"no": {"order": "asc", "unmapped_type": "unsigned_long"}}], "search_after": [after]});
    for (after, left) in [(json!(u64::MAX), 0), (json!(18_446_744_073_709_552_000_f64), 0), (most, 2)] {
        assert_eq!(fixture.search("shop-1", unsigned(after.clone())).await.hits.len(), left, "{after}");
    }
}

/// Values at the ends of their types are told from no value: all documents come, each once, whatever the size of a page.
#[tokio::test(flavor = "multi_thread")]
async fn pages_join_up_at_the_ends_of_the_types() {
    const HALF: u64 = 1 << 63;
    for (kind, values) in [
        (
            "long",
            vec![json!(i64::MAX), json!(i64::MAX - 1), json!(i64::MAX - 300), json!(7), json!(i64::MIN)],
        ),
        (
            "unsigned_long",
            vec![json!(u64::MAX), json!(u64::MAX - 1), json!(HALF), json!(HALF + 300), json!(7), json!(0)],
        ),
        ("double", vec![json!(1e300), json!(9.5e18), json!(9.3e18), json!(-9.5e18), json!(-1e300)]),
        ("keyword", vec![json!("99999999999999999999"), json!("inf"), json!("-inf"), json!("Infinity")]),
        ("boolean", vec![json!(true), json!(false)]),
        ("date", vec![json!(0), json!("2200-01-01T00:00:00Z"), json!("1700-01-01T00:00:00Z")]),
        ("date_nanos", vec![json!("1970-01-01T00:00:00Z"), json!("2262-04-11T23:47:16.854775807Z")]),
    ] {
        let fixture = ends(kind, &values).await;
        for order in ["asc", "desc"] {
            for missing in ["_first", "_last"] {
                let sort = json!([{"v": {"order": order, "missing": missing}}, {"tie": "asc"}]);
                for size in [1, 2, 5] {
                    check_pages(&fixture, &sort, size).await;
                }
            }
        }
    }
}

/// Each value twice, and as many documents without one, also in a segment that has no other.
async fn ends(kind: &str, values: &[Value]) -> Fixture {
    let fixture = Fixture::new().await;
    let mapping = json!({"mappings": {"properties": {"v": {"type": kind}, "tie": {"type": "long"}}}});
    for index in ["ends-1", "ends-2"] {
        fixture.logs.create_index(&internal(), index, mapping.clone()).await.unwrap();
    }
    let count = values.len();
    let document = |index: &str, tie: usize, value: &Value| {
        let id = format!("{kind}-{tie}");
        json!({"_index": index, "_id": id, "tie": tie, "v": value})
    };
    let all = |first: usize, index: &'static str| {
        let with = values.iter().enumerate().map(move |(n, value)| document(index, first + n * 2, value));
        with.chain((0..count).map(move |n| document(index, first + n * 2 + 1, &Value::Null)))
    };
    fixture.write(all(0, "ends-1").collect()).await;
    fixture.write(vec![document("ends-1", 900, &Value::Null), document("ends-1", 901, &Value::Null)]).await;
    fixture.write(all(100, "ends-2").collect()).await;
    fixture
}

async fn check_pages(fixture: &Fixture, sort: &Value, size: usize) {
    let whole = fixture.search("ends-*", json!({"sort": sort, "size": 100})).await;
    let mut joined = Vec::new();
    let mut body = json!({"sort": sort, "size": size});
    loop {
        let found = fixture.search("ends-*", body.clone()).await;
        let Some(last) = found.hits.last() else { break };
        body["search_after"] = json!(last.sort);
        joined.extend(page(&found).into_iter().map(str::to_owned));
        assert!(joined.len() <= whole.hits.len(), "{sort} {size}: again behind {}", body["search_after"]);
    }
    assert_eq!(joined, page(&whole), "{sort} {size}");
    joined.sort_unstable();
    joined.dedup();
    assert_eq!(whole.total, Some(Total { value: joined.len() as u64, exact: true }), "{sort}");
}

#[tokio::test(flavor = "multi_thread")]
async fn totals_scores_and_limits() {
    let values: Vec<_> = (0..200_u8).map(|n| (n, Some(0), Some(n))).collect();
    let fixture = corpus(&values).await;
    let total = async |body: Value| fixture.search("shop-*", body).await.total;
    let exact = |value| Some(Total { value, exact: true });
    assert_eq!(total(json!({})).await, exact(200));
    assert_eq!(total(json!({"size": 0, "query": {"term": {"country": "c1"}}})).await, exact(29));
    assert_eq!(total(json!({"track_total_hits": 50})).await, Some(Total { value: 50, exact: false }));
    assert_eq!(total(json!({"track_total_hits": false})).await, None);
    assert_eq!(
        total(json!({"track_total_hits": true, "sort": [{"@timestamp": "desc"}], "size": 3})).await,
        exact(200)
    );
    assert_eq!(total(json!({"post_filter": {"term": {"country": "c1"}}})).await, exact(29));
    let found =
        fixture.search("shop-*", json!({"query": {"term": {"country": "c1"}}, "sort": ["_score"]})).await;
    assert!(
        found.max_score.is_some_and(|score| score > 0.0) && found.hits.iter().all(|hit| hit.score.is_some())
    );
    let unscored = fixture.search("shop-*", json!({"sort": ["n"]})).await;
    assert!(unscored.max_score.is_none() && unscored.hits.iter().all(|hit| hit.score.is_none()));
    let newest = fixture.search("shop-*", json!({"sort": [{"@timestamp": "desc"}], "size": 2})).await;
    assert!(newest.hits.iter().all(|hit| hit.index == "shop-2026.11.14"), "{:?}", page(&newest));
    let text = fixture.search_as(&internal(), "shop-*", json!({"sort": ["message"]})).await.unwrap_err();
    assert_eq!(text.kind, ErrorKind::InvalidRequest);
    assert!(text.message.contains("use \"message.raw\""), "{text}");
    let short = json!({"sort": ["n", "ok"], "search_after": [1]});
    assert_eq!(
        fixture.search_as(&internal(), "shop-*", short).await.unwrap_err().kind,
        ErrorKind::InvalidRequest
    );
    let late = fixture.search("shop-*", json!({"timeout": "0ms"})).await;
    assert!(late.timed_out);
    assert_eq!(fixture.search("shop-*", json!({"terminate_after": 1, "size": 100})).await.hits.len(), 5);
}
