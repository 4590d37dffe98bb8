//! Log patterns show no more than the caller may see.

use crate::harness::{Service, request};
use axum::body::Body;
use serde_json::{Value, json};

fn event(day: u32, message: &str) -> Value {
    json!({"@timestamp": format!("2026-11-{day}T10:00:00Z"), "event": {"dataset": "shop.checkout"}, "message": message})
}

/// Three events in the indices of two days.
async fn with_events() -> Service {
    let service = Service::with(|config| {
        let fields = vec!["message".to_owned()];
        config.accounts.masked_fields = [(api::auth::Role::Analyst, fields)].into();
    })
    .await;
    let admin = service.token("admin").await;
    let events =
        json!([event(19, "Order 1 paid"), event(20, "Order 2 paid"), event(20, "Login of ann failed")]);
    service.post("/api/v1/logs/events?pipeline=json", &admin, events).await.expect(200);
    service
}

/// Asks with a key that has these settings.
async fn ask(service: &Service, key: Value, path: &str) -> (u16, Value) {
    let mut settings = json!({"name": "k", "privileges": ["read"]});
    key.as_object().unwrap().iter().for_each(|(name, value)| settings[name] = value.clone());
    let made = service.post("/api/v1/api-keys", &service.token("admin").await, settings).await.expect(201);
    let mut request = request("GET", path, None, None);
    let credentials = format!("ApiKey {}", made["encoded"].as_str().unwrap());
    request.headers_mut().insert("authorization", credentials.parse().unwrap());
    let answer = service.send(request).await;
    (answer.status.as_u16(), answer.json())
}

const PATTERNS: &str = "/api/v1/logs/patterns";

#[tokio::test(flavor = "multi_thread")]
async fn who_reaches_one_index_learns_nothing_of_the_others() {
    let service = with_events().await;
    let list = async |day: u32| {
        let (status, page) =
            ask(&service, json!({"indices": [format!("ecommerce-logs-2026.11.{day}")]}), PATTERNS).await;
        assert_eq!(status, 200, "{page}");
        page
    };
    let page = list(19).await;
    assert_eq!((&page["patterns"], &page["events"]), (&json!(1), &json!(1)), "{page}");
    assert_eq!(page["items"][0]["template"], "Order <*> paid");
    assert!(!page.to_string().contains("Login"), "{page}");
    let page = list(20).await;
    assert_eq!((&page["patterns"], &page["events"]), (&json!(2), &json!(2)), "{page}");
    for item in page["items"].as_array().unwrap() {
        assert_eq!(item["first_seen"], "2026-11-20T10:00:00Z", "of the 19th it knows nothing: {page}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_masked_dataset_is_not_shown() {
    let service = with_events().await;
    let key = || json!({"masked_fields": ["event.dataset"]});
    let (status, page) = ask(&service, key(), PATTERNS).await;
    assert_eq!((status, &page["patterns"]), (200, &json!(2)), "{page}");
    assert_eq!(page["items"][0]["template"], "Order <*> paid");
    assert!(page["items"][0].get("dataset").is_none() && !page.to_string().contains("shop"), "{page}");
    let (_, page) = ask(&service, key(), &format!("{PATTERNS}?dataset=shop.checkout")).await;
    assert_eq!(page["patterns"], 0, "nor can it be guessed: {page}");
    let (_, page) = ask(&service, json!({}), &format!("{PATTERNS}?dataset=shop.checkout")).await;
    assert_eq!(page["items"][0]["dataset"], "shop.checkout", "{page}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_sees_no_messages_sees_no_hashes_of_them() {
    let service = with_events().await;
    for masked in ["message", "log.pattern.id", "log"] {
        let (status, problem) = ask(&service, json!({"masked_fields": [masked]}), PATTERNS).await;
        assert_eq!(status, 403, "{masked}: {problem}");
    }
    let (analyst, admin) = (service.token("analyst").await, service.token("admin").await);
    service.get(PATTERNS, &analyst).await.expect(403);
    let page = service.get(PATTERNS, &admin).await.expect(200);
    let search = async |token: &str, query: &str| {
        service.post("/api/v1/search", token, json!({"query": query})).await.expect(200)
    };
    let found = search(&analyst, "event.dataset:shop.checkout").await;
    assert_eq!(found["total"]["value"], 3, "{found}");
    for hit in found["hits"].as_array().unwrap() {
        assert!(hit["source"]["log"].get("pattern").is_none(), "{found}");
    }
    let guess = format!("log.pattern.id:{}", page["items"][0]["id"].as_str().unwrap());
    assert_eq!(search(&admin, &guess).await["total"]["value"], 2);
    assert_eq!(search(&analyst, &guess).await["total"]["value"], 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn bulk_writes_through_a_pipeline_are_marked_and_others_stay_as_they_are() {
    let service = Service::start().await;
    let token = service.token("admin").await;
    let (logs, other) = ("ecommerce-logs-2026.11.20", "shop");
    let body = Some(json!({"processors": []}));
    service.elastic(request("PUT", "/_ingest/pipeline/plain", Some(&token), body)).await.expect(200);
    let put = async |path: &str| {
        let mut request = request("POST", path, Some(&token), None);
        let write = |index: &str, id: &str| {
            let action = json!({"index": {"_index": index, "_id": id}});
            format!("{action}\n{}\n", event(20, "Order 1 paid with 4111111111111111"))
        };
        let id = path.len().to_string();
        *request.body_mut() = Body::from([write(logs, &id), write(other, &id)].concat());
        let answer = service.elastic(request).await.expect(200);
        assert_eq!(answer["errors"], false, "{answer}");
        let mut ids = Vec::new();
        for index in [logs, other] {
            let get = request_of(&format!("/{index}/_doc/{id}"), &token);
            ids.push(service.elastic(get).await.expect(200)["_source"]["log"]["pattern"]["id"].clone());
        }
        ids
    };
    assert_eq!(put("/_bulk").await, [Value::Null, Value::Null]);
    let marked = put("/_bulk?pipeline=plain&refresh=true").await;
    assert!(marked[0].is_string() && marked[1].is_null(), "{marked:?}");
    let page = service.get(PATTERNS, &token).await.expect(200);
    assert_eq!((&page["items"][0]["id"], &page["items"][0]["count"]), (&marked[0], &json!(1)), "{page}");
    assert_eq!(page["items"][0]["first_seen"], "2026-11-20T10:00:00Z");
    // The same message has the same id, whichever door it comes through.
    let events = json!([event(20, "Order 2 paid with 4111111111111111")]);
    service.post("/api/v1/logs/events?pipeline=json", &token, events).await.expect(200);
    let page = service.get(PATTERNS, &token).await.expect(200);
    assert_eq!((&page["patterns"], &page["items"][0]["count"]), (&json!(1), &json!(2)), "{page}");
}

fn request_of(path: &str, token: &str) -> axum::http::Request<Body> {
    request("GET", path, Some(token), None)
}
