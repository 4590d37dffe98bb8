//! Words like those of a text, after the page of Elasticsearch 7.10.

use super::{Fixture, internal};
use serde_json::{Value, json};
use store::scope::Scope;

async fn fixture() -> Fixture {
    let fixture = Fixture::new().await;
    let texts = [
        ("1", "payment refused", "DE"),
        ("2", "payment taken", "DE"),
        ("3", "payments refund", "FR"),
        ("4", "secret payrent", "XX"),
    ];
    let document = |(id, text, country): &(&str, &str, &str)| json!({"_index": "shop-1", "_id": id, "message": text, "country": country});
    let (first, second) = texts.split_at(2);
    fixture.write(first.iter().map(document).collect()).await;
    fixture.write(second.iter().map(document).collect()).await;
    fixture
}

async fn suggest(fixture: &Fixture, scope: &Scope, wanted: Value) -> Value {
    let body = json!({"size": 0, "suggest": wanted});
    let found = fixture.search_as(scope, "shop-*", body).await.unwrap();
    Value::Object(found.suggest.unwrap())
}

fn options(found: &Value) -> Vec<(&str, u64)> {
    let options = found["options"].as_array().unwrap();
    options
        .iter()
        .map(|option| (option["text"].as_str().unwrap(), option["freq"].as_u64().unwrap()))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn words_that_are_not_known_get_options() {
    let fixture = fixture().await;
    let ask = async |wanted: Value| suggest(&fixture, &internal(), wanted).await;
    let found = ask(json!({"text": "refused paymentt", "s": {"term": {"field": "message"}}})).await;
    let [known, unknown] = found["s"].as_array().unwrap().as_slice() else { panic!("{found}") };
    assert_eq!((&known["text"], options(known)), (&json!("refused"), vec![]));
    assert_eq!((&unknown["offset"], &unknown["length"]), (&json!(8), &json!(8)));
    // The most alike first: one edit of the shorter of both.
    assert_eq!(options(unknown), [("payments", 1), ("payment", 2), ("payrent", 1)]);
    let score = |at: usize| unknown["options"][at]["score"].as_f64().unwrap();
    assert!((score(0) - 0.875).abs() < 1e-6 && (score(1) - 6.0 / 7.0).abs() < 1e-6, "{unknown}");
    let popular = ask(json!({"s": {"text": "payments", "term": {"field": "message", "suggest_mode": "popular", "max_term_freq": 5}}})).await;
    assert_eq!(options(&popular["s"][0]), [("payment", 2)]);
    let always = ask(
        json!({"s": {"text": "payment", "term": {"field": "message", "suggest_mode": "always", "size": 1}}}),
    )
    .await;
    assert_eq!(options(&always["s"][0]).len(), 1);
    let near = ask(
        json!({"s": {"text": "paymentt", "term": {"field": "message", "max_edits": 1, "prefix_length": 7}}}),
    )
    .await;
    assert_eq!(options(&near["s"][0]), [("payments", 1), ("payment", 2)]);
    let keyword = ask(json!({"s": {"text": "DF", "term": {"field": "country", "min_word_length": 1}}})).await;
    assert_eq!(options(&keyword["s"][0]), [("DE", 2)]);
    let refused = async |wanted: Value, part: &str| {
        let body = json!({"suggest": wanted});
        let error = fixture.search_as(&internal(), "shop-*", body).await.unwrap_err();
        assert!(error.message.contains(part), "{}", error.message);
    };
    refused(
        json!({"s": {"prefix": "p", "completion": {"field": "message"}}}),
        "suggester [completion] is not supported",
    )
    .await;
    refused(
        json!({"s": {"text": "p", "phrase": {"field": "message"}}}),
        "suggester [phrase] is not supported",
    )
    .await;
    refused(
        json!({"s": {"text": "p", "term": {"field": "nothing"}}}),
        "no mapping found for field [nothing]",
    )
    .await;
    refused(json!({"s": {"text": "p", "term": {"field": "n"}}}), "no words to suggest in field [n]").await;
    refused(json!({"s": {"term": {"field": "message"}}}), "The required text option is missing").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_told_words_that_he_may_not_read() {
    let fixture = fixture().await;
    let wanted = json!({"s": {"text": "paymentt", "term": {"field": "message"}}});
    let narrow = Scope::internal("narrow").with_filter(json!({"term": {"country": "FR"}}));
    let found = suggest(&fixture, &narrow, wanted.clone()).await;
    assert_eq!(options(&found["s"][0]), [("payments", 1)]);
    let masked = Scope::internal("masked").with_masked_fields(["message"]);
    let body = json!({"suggest": wanted});
    let error = fixture.search_as(&masked, "shop-*", body).await.unwrap_err();
    assert!(error.message.contains("no mapping found for field [message]"), "{}", error.message);
}
