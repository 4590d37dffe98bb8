//! Options of a search and shapes of its answer, after the pages of Elasticsearch 7.10.

use super::{Fixture, internal, page};
use serde_json::{Value, json};
use store::logs::{IndexAdmin, TemplateKind};

async fn fixture() -> Fixture {
    let fixture = Fixture::new().await;
    let template = json!({"index_patterns": ["small-*"], "template": {
        "settings": {"max_result_window": 5, "max_docvalue_fields_search": 1, "max_script_fields": 1, "max_terms_count": 2,
            "max_regex_length": 4, "max_inner_result_window": 2, "max_rescore_window": 3, "max_adjacency_matrix_filters": 2,
            "max_slices_per_scroll": 4},
        "mappings": {"properties": {"k": {"type": "keyword"}}}}});
    fixture.logs.put_template(&internal(), TemplateKind::Index, "small", template, false).await.unwrap();
    let template = json!({"index_patterns": ["kept-*"], "template": {"mappings": {"properties": {
        "stored": {"type": "keyword", "store": true}, "plain": {"type": "keyword"}, "bytes": {"type": "binary"},
        "o": {"properties": {"deep": {"type": "text", "store": true}}},
        "point": {"type": "geo_point", "doc_values": false}}}}});
    fixture.logs.put_template(&internal(), TemplateKind::Index, "kept", template, false).await.unwrap();
    let mut documents: Vec<Value> = (0..8)
        .map(|n| {
            json!({"_index": "shop-1", "_id": n.to_string(), "n": n, "amount": f64::from(n) * 1.5, "ok": n % 2 == 0,
                "country": if n < 5 { "DE" } else { "FR" }, "@timestamp": format!("2026-11-{:02}T00:00:00Z", 10 + n),
                "message": if n == 3 { "rare rare word" } else { "a word" }})
        })
        .collect();
    documents.push(json!({"_index": "small-1", "_id": "s", "k": "x"}));
    documents
        .push(json!({"_index": "kept-1", "_id": "k", "stored": ["b", "a"], "plain": "p", "bytes": "YWJj",
        "o": {"deep": "some text"}, "point": {"lat": 1, "lon": 2}}));
    documents.push(json!({"_index": "kept-1", "_id": "l"}));
    fixture.write(documents).await;
    fixture
}

#[tokio::test(flavor = "multi_thread")]
async fn indices_limit_what_is_asked_of_them() {
    let fixture = fixture().await;
    let check = async |mut body: Value, part: &str| {
        if body.get("size").is_none() {
            body["size"] = json!(1);
        }
        let error = fixture.search_as(&internal(), "small-*", body.clone()).await.unwrap_err();
        assert!(error.message.contains(part), "{body}: {}", error.message);
        assert!(fixture.search_as(&internal(), "shop-*", body.clone()).await.is_ok(), "{body}");
    };
    let script = json!({"script": "1"});
    check(json!({"size": 6}), "less than or equal to: [5] but was [6]").await;
    check(
        json!({"docvalue_fields": ["a", "b"]}),
        "too many docvalue_fields. Must be less than or equal to: [1] but was [2]",
    )
    .await;
    check(
        json!({"script_fields": {"a": script, "b": script}}),
        "too many script_fields. Must be less than or equal to: [1] but was [2]",
    )
    .await;
    check(json!({"query": {"terms": {"k": ["a", "b", "c"]}}}), "allowed maximum of [2]").await;
    check(
        json!({"query": {"regexp": {"k": "abcde"}}}),
        "The length of regex [5] used in the Regexp Query request has exceeded the allowed maximum of [4]",
    )
    .await;
    check(
        json!({"size": 1, "rescore": {"window_size": 4, "query": {"rescore_query": {"match_all": {}}}}}),
        "Rescore window [4] is too large",
    )
    .await;
    check(json!({"size": 1, "slice": {"id": 0, "max": 5}}), "The number of slices [5] is too large").await;
    let small = |aggregation: Value| json!({"size": 0, "aggs": {"x": aggregation}});
    check(
        small(json!({"top_hits": {"size": 3}})),
        "from + size must be less than or equal to: [2] but was [3]",
    )
    .await;
    let three = json!({"a": {"match_all": {}}, "b": {"match_all": {}}, "c": {"match_all": {}}});
    check(
        small(json!({"adjacency_matrix": {"filters": three}})),
        "must be less than or equal to: [2] but was [3]",
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn stored_fields_and_presence() {
    let fixture = fixture().await;
    let fields = async |stored: Value| {
        let body = json!({"query": {"ids": {"values": ["k"]}}, "stored_fields": stored});
        let found = fixture.search("kept-*", body).await;
        let hit = found.hits.into_iter().next().unwrap();
        (
            hit.fields.map_or(Value::Null, Value::Object),
            hit.source.is_some(),
            Value::Object(hit_json(&fixture, &stored).await),
        )
    };
    let (found, source, _) = fields(json!(["stored", "plain", "o.deep"])).await;
    assert_eq!((found, source), (json!({"stored": ["b", "a"], "o.deep": ["some text"]}), false));
    let (found, source, _) = fields(json!(["*", "_source"])).await;
    assert_eq!((found["stored"].clone(), source), (json!(["b", "a"]), true));
    let (found, source, shown) = fields(json!("_none_")).await;
    assert_eq!((found, source), (Value::Null, false));
    assert!(shown.get("_id").is_none() && shown.get("_index").is_some(), "{shown}");
    for field in ["bytes", "point", "stored", "o.deep", "o"] {
        assert_eq!(fixture.ids("kept-*", json!({"exists": {"field": field}})).await, ["k"], "{field}");
    }
    assert!(fixture.ids("kept-*", json!({"exists": {"field": "_routing"}})).await.is_empty());
}

async fn hit_json(fixture: &Fixture, stored: &Value) -> event::Object {
    let body = json!({"query": {"ids": {"values": ["k"]}}, "stored_fields": stored});
    fixture.search("kept-*", body).await.hits.remove(0).into_json()
}

#[tokio::test(flavor = "multi_thread")]
async fn samples_and_matrices() {
    let fixture = fixture().await;
    let aggregate = async |query: Value, aggregation: Value| {
        let body = json!({"size": 0, "query": query, "aggs": {"x": aggregation}});
        let found = fixture.search("shop-*", body).await;
        serde_json::to_value(&found.aggregations).unwrap()["x"].clone()
    };
    let all = || json!({"match_all": {}});
    let filters = json!({"de": {"term": {"country": "DE"}}, "even": {"term": {"ok": true}}, "none": {"term": {"n": 99}}});
    let found = aggregate(
        all(),
        json!({"adjacency_matrix": {"filters": filters}, "aggs": {"n": {"max": {"field": "n"}}}}),
    )
    .await;
    let shown: Value = found["buckets"]
        .as_array()
        .unwrap()
        .iter()
        .map(|bucket| json!([bucket["key"], bucket["doc_count"], bucket["n"]["value"]]))
        .collect();
    assert_eq!(shown, json!([["de", 5, 4.0], ["de&even", 3, 4.0], ["even", 4, 6.0]]));
    let best = json!({"match": {"message": "rare"}});
    let either = json!({"bool": {"should": [best, {"match_all": {}}]}});
    let inner = json!({"n": {"terms": {"field": "n"}}});
    let found = aggregate(either.clone(), json!({"sampler": {"shard_size": 1}, "aggs": inner})).await;
    assert_eq!((&found["doc_count"], &found["n"]["buckets"][0]["key"]), (&json!(1), &json!(3)));
    let diverse = json!({"diversified_sampler": {"shard_size": 10, "field": "country", "max_docs_per_value": 2}, "aggs": inner});
    let found = aggregate(either, diverse).await;
    assert_eq!((&found["doc_count"], found["n"]["buckets"].as_array().unwrap().len()), (&json!(4), 4));
    let found = aggregate(all(), json!({"boxplot": {"field": "n"}})).await;
    assert_eq!(found, json!({"min": 0.0, "max": 7.0, "q1": 1.5, "q2": 3.5, "q3": 5.5}));
    let found = aggregate(
        all(),
        json!({"histogram": {"field": "n", "interval": 4}, "aggs": {"s": {"sum": {"field": "n"}},
        "share": {"normalize": {"buckets_path": "s", "method": "percent_of_sum", "format": "00.00%"}},
        "scaled": {"normalize": {"buckets_path": "s", "method": "rescale_0_1"}}}}),
    )
    .await;
    let buckets = &found["buckets"];
    assert_eq!(buckets[0]["share"]["value"], json!(6.0 / 28.0));
    assert_eq!(json!([buckets[0]["scaled"]["value"], buckets[1]["scaled"]["value"]]), json!([0.0, 1.0]));
}

#[tokio::test(flavor = "multi_thread")]
async fn profiles_tell_what_was_done() {
    let fixture = fixture().await;
    let body = json!({"profile": true, "query": {"bool": {"must": [{"match": {"message": "word"}}], "filter": [{"range": {"n": {"gte": 2}}}]}},
        "aggs": {"c": {"terms": {"field": "country", "collect_mode": "breadth_first"}, "aggs": {"m": {"max": {"field": "n"}}}}}});
    let found = fixture.search("shop-*", body).await;
    let profile = found.profile.unwrap();
    let shard = &profile["shards"][0];
    assert_eq!(shard["id"], "[vigie][shop-1][0]");
    let query = &shard["searches"][0]["query"][0];
    assert_eq!(query["type"], "BooleanQuery");
    assert_eq!(query["children"][0]["type"], "TermQuery");
    assert!(
        query["time_in_nanos"].as_u64().unwrap() > 0
            && query["breakdown"]["build_scorer_count"].as_u64().unwrap() > 0
    );
    let terms = &shard["aggregations"][0];
    assert_eq!(terms["type"], "GlobalOrdinalsStringTermsAggregator");
    assert_eq!(terms["breakdown"]["collect_count"], json!(6));
    assert_eq!(terms["debug"]["deferred_aggregators"], json!(["m"]));
    assert_eq!(terms["children"][0]["type"], "MaxAggregator");
    assert!(fixture.search("shop-*", json!({})).await.profile.is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn texts_are_cut_as_asked() {
    let fixture = fixture().await;
    let check = async |query: Value, expected: usize| {
        assert_eq!(fixture.ids("shop-*", query.clone()).await.len(), expected, "{query}");
    };
    check(json!({"match": {"message": {"query": "WORD", "analyzer": "whitespace"}}}), 0).await;
    check(json!({"match": {"message": {"query": "WORD", "analyzer": "simple"}}}), 8).await;
    check(json!({"match": {"message": {"query": "raer", "fuzziness": 1, "fuzzy_transpositions": true}}}), 1)
        .await;
    check(json!({"match": {"message": {"query": "raer", "fuzziness": 1, "fuzzy_transpositions": false}}}), 0)
        .await;
    check(
        json!({"match_bool_prefix": {"message": {"query": "raer wo", "fuzziness": 1, "operator": "and"}}}),
        1,
    )
    .await;
    check(json!({"match_phrase": {"message": {"query": "", "zero_terms_query": "all"}}}), 8).await;
    check(json!({"query_string": {"query": "message:raer~1", "fuzzy_transpositions": false, "fuzzy_max_expansions": 5}}), 0).await;
    check(json!({"query_string": {"query": "rare (word", "default_field": "message", "escape": true}}), 8)
        .await;
    check(json!({"simple_query_string": {"query": "RARE", "fields": ["message"], "flags": "ALL", "fuzzy_prefix_length": 1}}), 1).await;
    let refused = json!({"query": {"match": {"message": {"query": "x", "analyzer": "klingon"}}}});
    assert!(
        fixture
            .search_as(&internal(), "shop-*", refused)
            .await
            .unwrap_err()
            .message
            .contains("analyzer [klingon] not found")
    );
    let odd = json!({"query": {"query_string": {"query": "x", "colour": "red"}}});
    assert!(
        fixture
            .search_as(&internal(), "shop-*", odd)
            .await
            .unwrap_err()
            .message
            .contains("does not support \"colour\"")
    );
    let wrapped = json!({"wrapper": {"query": "eyJ0ZXJtIjp7ImNvdW50cnkiOiJGUiJ9fQ=="}});
    assert_eq!(
        page(&fixture.search("shop-*", json!({"query": wrapped, "sort": "n"})).await),
        ["5", "6", "7"]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn terms_of_other_documents() {
    let fixture = fixture().await;
    let lookup =
        |index: &str, id: &str| json!({"terms": {"country": {"index": index, "id": id, "path": "country"}}});
    assert_eq!(fixture.ids("shop-*", lookup("shop-1", "6")).await, ["5", "6", "7"]);
    assert!(fixture.ids("shop-*", lookup("shop-1", "none")).await.is_empty());
    let gone = json!({"query": lookup("no-such", "1")});
    assert!(fixture.search_as(&internal(), "shop-*", gone).await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn words_that_stand_out() {
    let fixture = Fixture::new().await;
    let documents = (0..30).map(|n| {
        let text = if n < 5 { "odd broken shoe broken" } else { "fine shoe" };
        json!({"_index": "shop-1", "_id": n.to_string(), "n": n, "message": text})
    });
    fixture.write(documents.collect()).await;
    let body = json!({"size": 0, "query": {"range": {"n": {"lt": 6}}}, "aggs": {"s": {"sampler": {"shard_size": 50},
        "aggs": {"w": {"significant_text": {"field": "message", "exclude": ["odd"]}}}}}});
    let found = fixture.search("shop-*", body).await;
    let words = serde_json::to_value(&found.aggregations).unwrap()["s"]["w"].clone();
    assert_eq!((&words["doc_count"], &words["bg_count"]), (&json!(6), &json!(30)));
    let buckets = words["buckets"].as_array().unwrap();
    assert_eq!(buckets.len(), 1, "{words}");
    assert_eq!(
        (&buckets[0]["key"], &buckets[0]["doc_count"], &buckets[0]["bg_count"]),
        (&json!("broken"), &json!(5), &json!(5))
    );
}

/// As many as asked for, those that differ least, and of these the first.
#[tokio::test(flavor = "multi_thread")]
async fn similar_words_are_bounded() {
    let fixture = Fixture::new().await;
    let mut words: Vec<String> = ('a'..='z').map(|letter| format!("abcd{letter}")).collect();
    words.extend(('a'..='z').flat_map(|b| ["e", "f"].map(|a| format!("abcd{a}{b}"))));
    words.extend(["abcd", "abc"].map(str::to_owned));
    let document = |word: &String| json!({"_index": "shop-1", "_id": word, "message": word, "country": word});
    // Of several segments, too.
    for part in words.chunks(30) {
        fixture.write(part.iter().map(document).collect()).await;
    }
    let check = async |query: Value, expected: &[&str]| {
        assert_eq!(fixture.ids("shop-1", query.clone()).await, expected, "{query}");
    };
    let four = ["abcd", "abcda", "abcdb", "abcdc"];
    for field in ["message", "country"] {
        check(json!({"fuzzy": {field: {"value": "abcd", "max_expansions": 4}}}), &four).await;
        check(json!({"match": {field: {"query": "abcd", "fuzziness": 1, "max_expansions": 4}}}), &four).await;
    }
    let text = json!({"query": "abcd~1", "fields": ["message"], "fuzzy_max_expansions": 4});
    check(json!({"query_string": text}), &four).await;
    check(json!({"simple_query_string": text}), &four).await;
    let found = fixture.ids("shop-1", json!({"fuzzy": {"message": {"value": "abcd", "fuzziness": 2}}})).await;
    assert_eq!(found.len(), 50, "as many as Elasticsearch takes unless told");
    let none = json!({"query": {"fuzzy": {"message": {"value": "abcd", "max_expansions": 0}}}});
    let error = fixture.search_as(&internal(), "shop-1", none).await.unwrap_err();
    assert!(error.message.contains("maxExpansions must be positive"), "{error}");
}
