//! Scores: functions, boosts, rescores, and how they came about.

use super::{Fixture, internal, page};
use serde_json::{Value, json};

async fn fixture() -> Fixture {
    let fixture = Fixture::new().await;
    let documents = vec![
        json!({"_id": "a", "_index": "shop-1", "n": 4, "amount": 1.0, "country": "DE", "message": "red shoe",
            "@timestamp": "2026-11-20T00:00:00Z", "place": {"lat": 48.0, "lon": 2.0}}),
        json!({"_id": "b", "_index": "shop-1", "n": 1, "amount": 2.0, "country": "DE", "message": "red red hat",
            "@timestamp": "2026-11-21T00:00:00Z", "place": {"lat": 49.0, "lon": 2.0}}),
        json!({"_id": "c", "_index": "shop-2", "n": 9, "country": "FR", "message": "blue shoe",
            "@timestamp": "2026-11-15T00:00:00Z", "place": {"lat": 10.0, "lon": 2.0}}),
    ];
    fixture.write(documents).await;
    fixture
}

async fn scores(fixture: &Fixture, query: Value) -> Vec<(String, f32)> {
    let found = fixture.search("shop-*", json!({"query": query})).await;
    found.hits.iter().map(|hit| (hit.id.clone(), (hit.score.unwrap() * 1_000.0).round() / 1_000.0)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn functions_make_scores() {
    let fixture = fixture().await;
    let check = async |query: Value, expected: &[(&str, f32)]| {
        let found = scores(&fixture, query.clone()).await;
        let found: Vec<_> = found.iter().map(|(id, score)| (id.as_str(), *score)).collect();
        assert_eq!(found, expected, "{query}");
    };
    let function = |body: Value| json!({ "function_score": body });
    check(
        function(json!({"field_value_factor": {"field": "n", "modifier": "sqrt", "factor": 1}})),
        &[("c", 3.0), ("a", 2.0), ("b", 1.0)],
    )
    .await;
    check(
        function(json!({"field_value_factor": {"field": "amount", "missing": 5}})),
        &[("c", 5.0), ("b", 2.0), ("a", 1.0)],
    )
    .await;
    let two = json!([{"filter": {"term": {"country": "DE"}}, "weight": 3}, {"filter": {"range": {"n": {"gt": 3}}}, "weight": 5}]);
    let modes = [
        ("multiply", [15.0, 5.0, 3.0]),
        ("sum", [8.0, 5.0, 3.0]),
        ("max", [5.0, 5.0, 3.0]),
        ("min", [5.0, 3.0, 3.0]),
    ];
    for (mode, expected) in modes {
        let found = scores(&fixture, function(json!({"functions": two, "score_mode": mode}))).await;
        assert_eq!(found.iter().map(|(_, score)| *score).collect::<Vec<_>>(), expected, "{mode}");
    }
    check(
        function(json!({"functions": two, "score_mode": "sum", "boost_mode": "sum", "min_score": 5})),
        &[("a", 9.0), ("c", 6.0)],
    )
    .await;
    check(function(json!({"functions": two, "max_boost": 4})), &[("a", 4.0), ("c", 4.0), ("b", 3.0)]).await;
    check(
        function(json!({"gauss": {"@timestamp": {"origin": "2026-11-21", "scale": "1d"}}})),
        &[("b", 1.0), ("a", 0.5), ("c", 0.0)],
    )
    .await;
    check(
        function(json!({"linear": {"n": {"origin": 1, "scale": 4, "offset": 1, "decay": 0.5}}})),
        &[("b", 1.0), ("a", 0.75), ("c", 0.125)],
    )
    .await;
    check(function(json!({"query": {"constant_score": {"filter": {"term": {"country": "DE"}}}}, "exp": {"place": {"origin": "48,2", "scale": "112km"}}, "boost": 2})), &[("a", 2.0), ("b", 1.005)]).await;
    check(json!({"script_score": {"query": {"match_all": {}}, "script": "_score + doc['n'].value", "boost": 2, "min_score": 9}}), &[("c", 20.0), ("a", 10.0)]).await;
    check(
        json!({"distance_feature": {"field": "@timestamp", "origin": "2026-11-21", "pivot": "1d"}}),
        &[("b", 1.0), ("a", 0.5), ("c", 0.143)],
    )
    .await;
    let boosting = json!({"boosting": {"positive": {"match_all": {}}, "negative": {"term": {"country": "DE"}}, "negative_boost": 0.2}});
    check(boosting, &[("c", 1.0), ("a", 0.2), ("b", 0.2)]).await;
    let random = |seed: i64| function(json!({"random_score": {"seed": seed, "field": "n"}}));
    let first = scores(&fixture, random(7)).await;
    assert_eq!(first, scores(&fixture, random(7)).await);
    assert_ne!(first, scores(&fixture, random(8)).await);
    assert!(first.iter().all(|(_, score)| (0.0..1.0).contains(score)));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_scored_is_refused() {
    let fixture = fixture().await;
    let check = async |query: Value, expected: &str| {
        let error = fixture.search_as(&internal(), "shop-*", json!({"query": query})).await.unwrap_err();
        assert!(error.message.contains(expected), "{}", error.message);
    };
    let function = |body: Value| json!({ "function_score": body });
    check(function(json!({"field_value_factor": {"field": "amount"}})), "Missing value for field [amount]")
        .await;
    check(function(json!({"field_value_factor": {"field": "nothing"}})), "No 'missing' value defined").await;
    check(function(json!({"gauss": {"n": {"origin": 1, "scale": "far"}}})), "cannot read the scale").await;
    check(function(json!({"functions": [{"filter": {"match_all": {}}}]})), "is missing a function").await;
    check(
        json!({"script_score": {"query": {"match_all": {}}, "script": "-1"}}),
        "Must be a non-negative score",
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rescores_the_best() {
    let fixture = fixture().await;
    let first = json!({"function_score": {"field_value_factor": {"field": "n"}}});
    let second = json!({"function_score": {"query": {"term": {"country": "DE"}}, "field_value_factor": {"field": "amount", "missing": 0}, "boost_mode": "replace"}});
    let rescore = |window: usize, weight: f32| json!({"window_size": window, "query": {"rescore_query": second, "rescore_query_weight": weight}});
    let body = json!({"query": first, "rescore": rescore(10, 10.0)});
    let found = fixture.search("shop-1", body).await;
    let shown: Vec<_> = found.hits.iter().map(|hit| (hit.id.as_str(), hit.score.unwrap())).collect();
    assert_eq!(shown, [("b", 21.0), ("a", 14.0)]);
    assert_eq!(found.max_score, Some(21.0));
    let found = fixture.search("shop-1", json!({"query": first, "rescore": rescore(1, 10.0)})).await;
    assert_eq!(page(&found), ["a", "b"]);
    let sorted = json!({"query": first, "sort": "n", "rescore": rescore(1, 1.0)});
    assert!(fixture.search_as(&internal(), "shop-1", sorted).await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn hits_tell_what_they_match_and_why() {
    let fixture = fixture().await;
    let body = json!({"explain": true, "sort": ["_score", "n"], "indices_boost": [{"shop-2": 2.0}], "query": {"bool": {"should": [
        {"match": {"message": {"query": "red", "_name": "is red"}}},
        {"terms": {"country": ["FR"], "_name": "french"}},
        {"constant_score": {"filter": {"term": {"message": "shoe"}}, "_name": "shoe"}}
    ]}}});
    let found = fixture.search("shop-*", body).await;
    let names: Vec<_> =
        found.hits.iter().map(|hit| (hit.id.as_str(), hit.matched_queries.join(","))).collect();
    assert!(
        names.contains(&("a", "is red,shoe".to_owned())) && names.contains(&("c", "french,shoe".to_owned())),
        "{names:?}"
    );
    assert_eq!(found.hits[0].id, "c");
    assert_eq!(found.hits[0].score, Some(4.0));
    for hit in &found.hits {
        let told = hit.explanation.as_ref().unwrap();
        assert!((told["value"].as_f64().unwrap() - f64::from(hit.score.unwrap())).abs() < 1e-4, "{told}");
        assert!(told["details"].is_array() && told["description"].is_string());
    }
}
