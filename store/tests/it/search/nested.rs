//! Nested objects: each is asked by itself.

use super::{Fixture, internal, page};
use serde_json::{Value, json};
use store::{logs::IndexAdmin, scope::Scope};

async fn fixture() -> Fixture {
    let fixture = Fixture::new().await;
    let template = json!({"index_patterns": ["saved-*"], "template": {"mappings": {"properties": {
        "title": {"type": "keyword"},
        "references": {"type": "nested", "properties": {
            "id": {"type": "keyword"}, "type": {"type": "keyword"}, "name": {"type": "text"}, "weight": {"type": "long"},
            "deep": {"type": "nested", "properties": {"k": {"type": "keyword"}}}
        }},
        "plain": {"properties": {"id": {"type": "keyword"}}}
    }}}});
    let kind = store::logs::TemplateKind::Index;
    fixture.logs.put_template(&internal(), kind, "saved", template, false).await.unwrap();
    let reference = |id: &str, kind: &str, weight: i64| json!({"id": id, "type": kind, "weight": weight, "name": "the Index pattern"});
    let documents = vec![
        json!({"_id": "a", "title": "A", "references": [reference("1", "index", 5), reference("2", "search", 7)]}),
        json!({"_id": "b", "title": "B", "references": [reference("1", "search", 1), reference("2", "index", 2)]}),
        json!({"_id": "c", "title": "C", "references": reference("3", "index", 9)}),
        json!({"_id": "d", "title": "D", "references": [], "plain": {"id": "1"}}),
        json!({"_id": "e", "title": "E", "references": [{"id": "4", "deep": [{"k": "x"}, {"k": "y"}]}, {"id": "5", "deep": {"k": "z"}}]}),
    ];
    let with_index = |mut document: Value| {
        document["_index"] = json!("saved-1");
        document
    };
    fixture.write(documents.into_iter().map(with_index).collect()).await;
    fixture
}

fn nested(query: Value) -> Value {
    json!({"nested": {"path": "references", "query": query}})
}

fn reference(id: &str, kind: &str) -> Value {
    nested(json!({"bool": {"must": [{"term": {"references.id": id}}, {"term": {"references.type": kind}}]}}))
}

#[tokio::test(flavor = "multi_thread")]
async fn one_object_has_to_match() {
    let fixture = fixture().await;
    let check = async |query: Value, expected: &[&str]| {
        assert_eq!(fixture.ids("saved-*", query.clone()).await, expected, "{query}");
    };
    check(reference("1", "index"), &["a"]).await;
    check(reference("1", "search"), &["b"]).await;
    check(reference("3", "search"), &[]).await;
    check(json!({"bool": {"should": [reference("1", "index"), reference("3", "index")], "minimum_should_match": 1}}), &["a", "c"]).await;
    check(
        json!({"bool": {"must_not": [reference("1", "index")], "filter": [{"term": {"title": "B"}}]}}),
        &["b"],
    )
    .await;
    // An object that is no search; not: no search among the objects.
    check(
        nested(json!({"bool": {"must_not": {"term": {"references.type": "search"}}}})),
        &["a", "b", "c", "e"],
    )
    .await;
    check(nested(json!({"exists": {"field": "references.type"}})), &["a", "b", "c"]).await;
    check(nested(json!({"range": {"references.weight": {"gt": 5, "lt": 9}}})), &["a"]).await;
    check(nested(json!({"match": {"references.name": "index"}})), &["a", "b", "c"]).await;
    check(nested(json!({"query_string": {"query": "references.id:2 AND references.type:index"}})), &["b"])
        .await;
    check(nested(json!({"script": {"script": "doc['references.weight'].size() > 0 && doc['references.weight'].value < 2"}})), &["b"]).await;
    // What stands in an object is no field of its document.
    check(json!({"term": {"references.id": "1"}}), &[]).await;
    check(json!({"term": {"plain.id": "1"}}), &["d"]).await;
    let deep =
        |k: &str| json!({"nested": {"path": "references.deep", "query": {"term": {"references.deep.k": k}}}});
    check(deep("y"), &["e"]).await;
    check(nested(json!({"bool": {"must": [deep("z"), {"term": {"references.id": "5"}}]}})), &["e"]).await;
    check(nested(json!({"bool": {"must": [deep("z"), {"term": {"references.id": "4"}}]}})), &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn paths_are_checked() {
    let fixture = fixture().await;
    let check = async |path: &str, ignore: bool, expected: Option<&str>| {
        let body = json!({"query": {"nested": {"path": path, "ignore_unmapped": ignore, "query": {"match_all": {}}}}});
        match (fixture.search_as(&internal(), "saved-*", body).await, expected) {
            (Ok(found), None) => assert!(found.hits.is_empty(), "{path}"),
            (Err(error), Some(part)) => {
                assert!(error.message.contains(part), "{}", error.message);
                assert_eq!(error.code, Some("query_shard_exception"));
            }
            (found, expected) => panic!("{path}: {found:?}, expected {expected:?}"),
        }
    };
    check("nothing", false, Some("failed to find nested object under path [nothing]")).await;
    check("nothing", true, None).await;
    check("plain", false, Some("is not of nested type")).await;
    let masked = Scope::internal("viewer").with_masked_fields(["references.id"]);
    let body = json!({"query": reference("1", "index")});
    assert!(fixture.search_as(&masked, "saved-*", body).await.unwrap().hits.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn scores_and_shows_the_objects() {
    let fixture = fixture().await;
    let by_weight = json!({"function_score": {"query": {"exists": {"field": "references.weight"}},
        "field_value_factor": {"field": "references.weight"}, "boost_mode": "replace"}});
    let check = async |mode: &str, expected: &[(&str, f32)]| {
        let query = json!({"nested": {"path": "references", "score_mode": mode, "query": by_weight}});
        let found = fixture.search("saved-*", json!({"query": query})).await;
        let shown: Vec<_> = found.hits.iter().map(|hit| (hit.id.as_str(), hit.score.unwrap())).collect();
        assert_eq!(shown, expected, "{mode}");
    };
    check("max", &[("c", 9.0), ("a", 7.0), ("b", 2.0)]).await;
    check("sum", &[("a", 12.0), ("c", 9.0), ("b", 3.0)]).await;
    check("avg", &[("c", 9.0), ("a", 6.0), ("b", 1.5)]).await;
    let query = json!({"nested": {"path": "references", "query": {"term": {"references.type": "search"}},
        "inner_hits": {"_source": ["references.id"], "docvalue_fields": ["references.weight"]}}});
    let found = fixture.search("saved-*", json!({"query": query, "sort": "title"})).await;
    assert_eq!(page(&found), ["a", "b"]);
    let inner = &found.hits[0].inner_hits.as_ref().unwrap()["references"]["hits"];
    assert_eq!(inner["total"]["value"], json!(1));
    assert_eq!(inner["hits"][0]["_nested"], json!({"field": "references", "offset": 1}));
    assert_eq!(inner["hits"][0]["_source"], json!({"id": "2"}));
    assert_eq!(inner["hits"][0]["fields"], json!({"references.weight": [7]}));
    let sort = json!({"sort": [{"references.weight": {"order": "desc", "nested": {"path": "references"}}}, "title"]});
    assert_eq!(page(&fixture.search("saved-*", sort).await), ["c", "a", "b", "d", "e"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn counts_objects() {
    let fixture = fixture().await;
    let aggs = json!({"objects": {"nested": {"path": "references"}, "aggs": {
        "types": {"terms": {"field": "references.type", "order": {"_key": "asc"}}, "aggs": {
            "weight": {"sum": {"field": "references.weight"}},
            "back": {"reverse_nested": {}, "aggs": {"titles": {"terms": {"field": "title", "order": {"_key": "asc"}}}}}
        }},
        "deep": {"nested": {"path": "references.deep"}, "aggs": {"back": {"reverse_nested": {}}}}
    }}});
    let found = fixture.search("saved-*", json!({"size": 0, "aggs": aggs})).await;
    let found = serde_json::to_value(&found.aggregations).unwrap();
    let objects = &found["objects"];
    assert_eq!(objects["doc_count"], json!(7));
    let types = &objects["types"]["buckets"];
    let shown = |at: usize| {
        json!([
            types[at]["key"],
            types[at]["doc_count"],
            types[at]["weight"]["value"],
            types[at]["back"]["doc_count"]
        ])
    };
    assert_eq!(shown(0), json!(["index", 3, 16.0, 3]));
    assert_eq!(shown(1), json!(["search", 2, 8.0, 2]));
    assert_eq!(
        types[1]["back"]["titles"]["buckets"],
        json!([{"key": "A", "doc_count": 1}, {"key": "B", "doc_count": 1}])
    );
    assert_eq!(objects["deep"]["doc_count"], json!(3));
    assert_eq!(objects["deep"]["back"]["doc_count"], json!(1));
    let refused = json!({"aggs": {"o": {"nested": {"path": "references"}, "aggs": {"t": {"top_hits": {}}}}}});
    let error = fixture.search_as(&internal(), "saved-*", refused).await.unwrap_err();
    assert!(error.message.contains("not supported over nested objects"), "{}", error.message);
    let per_title = json!({"size": 0, "aggs": {"t": {"terms": {"field": "title", "order": {"_key": "asc"}, "size": 2},
        "aggs": {"o": {"nested": {"path": "references"}}, "no": {"nested": {"path": "nothing"}}}}}});
    let found = fixture.search("saved-*", per_title).await;
    let found = serde_json::to_value(&found.aggregations).unwrap();
    let buckets = &found["t"]["buckets"];
    assert_eq!(json!([buckets[0]["o"]["doc_count"], buckets[1]["o"]["doc_count"]]), json!([2, 2]));
    assert_eq!(buckets[0]["no"]["doc_count"], json!(0));
}
