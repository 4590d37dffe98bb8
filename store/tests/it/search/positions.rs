//! Where words stand: span and interval queries, after the pages of Elasticsearch 7.10.

use super::{Fixture, internal};
use serde_json::{Value, json};

/// Texts by id.
const TEXTS: [(&str, &str); 5] = [
    ("1", "my favorite food is cold porridge"),
    ("2", "when it's cold my favorite food is porridge"),
    ("3", "Some like it hot, some like it cold"),
    ("4", "Pease porridge hot, pease porridge cold, pease porridge in the pot, nine days old"),
    ("5", "outside it is raining"),
];

async fn fixture() -> Fixture {
    let fixture = Fixture::new().await;
    let document =
        |(id, text): &(&str, &str)| json!({"_index": "shop-1", "_id": id, "message": text, "country": "DE"});
    let (first, second) = TEXTS.split_at(2);
    fixture.write(first.iter().map(document).collect()).await;
    fixture.write(second.iter().map(document).collect()).await;
    // The same text in a field that nobody has mapped.
    fixture.write(vec![json!({"_index": "free", "_id": "1", "note": TEXTS[0].1})]).await;
    fixture
}

async fn check(fixture: &Fixture, query: Value, expected: &[&str]) {
    assert_eq!(fixture.ids("shop-1", query.clone()).await, expected, "{query}");
}

async fn refused(fixture: &Fixture, query: Value, part: &str) {
    let error = fixture.search_as(&internal(), "shop-1", json!({"query": query})).await.unwrap_err();
    assert!(error.message.contains(part), "{query}: {}", error.message);
}

fn word(word: &str) -> Value {
    json!({"span_term": {"message": word}})
}

fn near(words: &[&str], slop: i64, in_order: bool) -> Value {
    let clauses: Vec<Value> = words.iter().map(|text| word(text)).collect();
    json!({"span_near": {"clauses": clauses, "slop": slop, "in_order": in_order}})
}

#[tokio::test(flavor = "multi_thread")]
async fn spans() {
    let fixture = fixture().await;
    check(&fixture, word("porridge"), &["1", "2", "4"]).await;
    check(&fixture, json!({"span_term": {"message": {"value": "raining", "boost": 2.0}}}), &["5"]).await;
    check(&fixture, near(&["cold", "porridge"], 0, true), &["1"]).await;
    check(&fixture, near(&["cold", "porridge"], 0, false), &["1", "4"]).await;
    check(&fixture, near(&["cold", "porridge"], 5, true), &["1", "2", "4"]).await;
    check(&fixture, near(&["cold", "porridge"], 3, true), &["1", "4"]).await;
    check(&fixture, near(&["cold", "snow"], 50, false), &[]).await;
    check(&fixture, json!({"span_or": {"clauses": [word("raining"), word("hot")]}}), &["3", "4", "5"]).await;
    let not = |exclude: Value, pre: u32| json!({"span_not": {"include": word("porridge"), "exclude": exclude, "pre": pre, "post": 0}});
    check(&fixture, not(word("cold"), 1), &["2", "4"]).await;
    check(&fixture, not(word("cold"), 0), &["1", "2", "4"]).await;
    check(&fixture, json!({"span_first": {"match": word("porridge"), "end": 2}}), &["4"]).await;
    let wide = near(&["favorite", "porridge"], 3, true);
    check(&fixture, json!({"span_containing": {"big": wide, "little": word("cold")}}), &["1"]).await;
    check(&fixture, json!({"span_within": {"big": wide, "little": word("is")}}), &["1", "2"]).await;
    let multi = |query: Value| json!({"span_multi": {"match": query}});
    let prefix = multi(json!({"prefix": {"message": {"value": "porr"}}}));
    check(&fixture, json!({"span_near": {"clauses": [word("cold"), prefix], "slop": 0}}), &["1"]).await;
    check(&fixture, multi(json!({"wildcard": {"message": "rain*g"}})), &["5"]).await;
    check(&fixture, multi(json!({"fuzzy": {"message": "porridje"}})), &["1", "2", "4"]).await;
    check(&fixture, json!({"span_term": {"unknown": "x"}}), &[]).await;
    // A keyword is one word.
    check(&fixture, json!({"span_term": {"country": "DE"}}), &["1", "2", "3", "4", "5"]).await;
    assert_eq!(
        fixture
            .ids(
                "free",
                json!({"span_near": {"clauses": [
        {"span_term": {"note": "cold"}}, {"span_term": {"note": "porridge"}}], "slop": 0}})
            )
            .await,
        ["1"]
    );
    let other = json!({"span_near": {"clauses": [word("cold"), {"span_term": {"country": "DE"}}]}});
    refused(&fixture, other, "Clauses must have same field").await;
    refused(&fixture, json!({"span_near": {"clauses": []}}), "query must include [clauses]").await;
    refused(&fixture, json!({"span_near": {"clauses": [{"match_all": {}}]}}), "[match_all] is no span query")
        .await;
    refused(&fixture, multi(json!({"match_all": {}})), "must be a prefix").await;
    refused(&fixture, json!({"span_term": {"n": "1"}}), "of type [long]").await;
    let deep = (0..30).fold(word("a"), |inner, _| json!({"span_first": {"match": inner, "end": 1}}));
    refused(&fixture, deep, "nested deeper").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nearer_words_score_higher() {
    let fixture = fixture().await;
    let body = json!({"query": near(&["cold", "porridge"], 5, true)});
    let found = fixture.search("shop-1", body).await;
    let score = |id: &str| found.hits.iter().find(|hit| hit.id == id).unwrap().score.unwrap();
    assert!(score("1") > 0.0 && score("1") > score("4"), "{:?}", found.hits);
    let boosted = json!({"query": {"span_near": {"clauses": [word("cold"), word("porridge")], "slop": 5, "boost": 3.0}}});
    let boosted = fixture.search("shop-1", boosted).await;
    let first = boosted.hits.iter().find(|hit| hit.id == "1").unwrap();
    assert!((first.score.unwrap() - 3.0 * score("1")).abs() < 1e-4);
}

fn intervals(rule: Value) -> Value {
    json!({"intervals": {"message": rule}})
}

fn words(query: &str, max_gaps: i64, ordered: bool) -> Value {
    json!({"match": {"query": query, "max_gaps": max_gaps, "ordered": ordered}})
}

#[tokio::test(flavor = "multi_thread")]
async fn rules_about_intervals() {
    let fixture = fixture().await;
    let check = async |rule: Value, expected: &[&str]| check(&fixture, intervals(rule), expected).await;
    check(words("cold porridge", -1, false), &["1", "2", "4"]).await;
    check(words("cold porridge", 0, true), &["1"]).await;
    check(words("porridge cold", 0, false), &["1", "4"]).await;
    check(words("cold porridge", 3, true), &["1", "4"]).await;
    check(words("", 0, false), &[]).await;
    // The example of the manual: "my favorite food" right before "hot water" or "cold porridge".
    let any = json!({"any_of": {"intervals": [{"match": {"query": "hot water"}}, {"match": {"query": "cold porridge"}}]}});
    let favorite = words("my favorite food", 0, true);
    check(json!({"all_of": {"ordered": true, "intervals": [favorite, any]}}), &["1"]).await;
    check(json!({"prefix": {"prefix": "rain"}}), &["5"]).await;
    check(json!({"wildcard": {"pattern": "?orr*"}}), &["1", "2", "4"]).await;
    check(json!({"fuzzy": {"term": "rainign"}}), &["5"]).await;
    let filtered = |name: &str, other: Value| {
        let mut rule = words("hot cold", -1, true);
        rule["match"]["filter"] = json!({name: other});
        rule
    };
    let one = |word: &str| json!({"match": {"query": word}});
    check(filtered("containing", one("some")), &["3"]).await;
    check(filtered("not_containing", one("some")), &["4"]).await;
    check(filtered("after", one("pease")), &["4"]).await;
    check(filtered("before", one("pot")), &["4"]).await;
    check(filtered("overlapping", one("porridge")), &["4"]).await;
    check(filtered("not_overlapping", one("porridge")), &["3"]).await;
    check(filtered("contained_by", words("hot old", -1, true)), &["4"]).await;
    check(filtered("not_contained_by", words("hot old", -1, true)), &["3"]).await;
    let by_raw = json!({"intervals": {"country": {"match": {"query": "raining", "use_field": "message"}}}});
    assert_eq!(fixture.ids("shop-1", by_raw).await, ["5"]);
    for (rule, part) in [
        (json!({"span": {}}), "Unknown interval type [span]"),
        (json!({"match": {"query": "a", "gaps": 1}}), "\"gaps\""),
        (
            json!({"match": {"query": "a", "filter": {"script": {"source": "true"}}}}),
            "[script] is not supported",
        ),
        (json!({"match": {"query": "a"}, "prefix": {"prefix": "b"}}), "holds both"),
    ] {
        refused(&fixture, intervals(rule), part).await;
    }
    let found = fixture
        .search(
            "shop-1",
            json!({"query": intervals(words("cold porridge", 0, true)),
        "highlight": {"fields": {"message": {}}}}),
        )
        .await;
    assert_eq!(
        found.hits[0].highlight.as_ref().unwrap()["message"][0],
        json!("my favorite food is <em>cold</em> <em>porridge</em>")
    );
    let scored = found.hits[0].score.unwrap();
    assert!(0.0 < scored && scored < 1.0, "{scored}");
}
