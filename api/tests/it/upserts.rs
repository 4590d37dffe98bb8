//! Updates that make transactions: each gets its verdict, whatever stands beside it.

use crate::harness::{Service, request};
use axum::body::Body;
use serde_json::{Value, json};

const INDEX: &str = "ecommerce-logs-2026.11.21";

fn payment(id: &str) -> Value {
    json!({"event": {"dataset": "ecommerce.transaction"}, "@timestamp": "2026-11-21T11:00:00Z",
        "ecommerce": {"transaction": {"id": id, "amount": 25.0, "currency": "EUR"}}})
}

/// A payment with a note, as the body of an update.
fn upsert(id: &str, note: &str) -> Value {
    let mut doc = payment(id);
    doc[note] = true.into();
    json!({"doc": doc, "doc_as_upsert": true})
}

fn action(verb: &str, id: &str) -> Value {
    json!({verb: {"_index": INDEX, "_id": id}})
}

/// The statuses of the items.
async fn bulk(service: &Service, token: &str, lines: &[Value]) -> Vec<u64> {
    let mut request = request("POST", "/_bulk?refresh=true", Some(token), None);
    *request.body_mut() = Body::from(lines.iter().map(|line| format!("{line}\n")).collect::<String>());
    let answer = service.elastic(request).await.expect(200);
    let status =
        |item: &Value| item.as_object().unwrap().values().next().unwrap()["status"].as_u64().unwrap();
    answer["items"].as_array().unwrap().iter().map(status).collect()
}

async fn source(service: &Service, token: &str, id: &str) -> Value {
    let request = request("GET", &format!("/{INDEX}/_doc/{id}"), Some(token), None);
    service.elastic(request).await.expect(200)["_source"].clone()
}

#[track_caller]
fn assert_judged(source: &Value, notes: &[&str]) {
    assert!(source["fraud"]["verdict"].is_string(), "{source}");
    assert!(notes.iter().all(|note| source[*note] == true), "{source}");
}

#[tokio::test]
async fn of_two_upserts_in_a_batch_the_second_is_merged() {
    let service = Service::start().await;
    let token = service.token("admin").await;
    let update = action("update", "t-1");
    let lines = [update.clone(), upsert("t-1", "first"), update, upsert("t-1", "second")];
    assert_eq!(bulk(&service, &token, &lines).await, [201, 200]);
    assert_judged(&source(&service, &token, "t-1").await, &["first", "second"]);
}

#[tokio::test]
async fn an_upsert_behind_a_deletion_is_judged() {
    let service = Service::start().await;
    let token = service.token("admin").await;
    assert_eq!(bulk(&service, &token, &[action("index", "t-2"), json!({"plain": true})]).await, [201]);
    let lines = [action("delete", "t-2"), action("update", "t-2"), upsert("t-2", "again")];
    assert_eq!(bulk(&service, &token, &lines).await, [200, 201]);
    assert_judged(&source(&service, &token, "t-2").await, &["again"]);
}

#[tokio::test]
async fn an_upsert_behind_a_creation_that_is_refused_is_judged() {
    let service = Service::start().await;
    let token = service.token("admin").await;
    let refused = json!({"@timestamp": "1900-01-01T00:00:00Z"});
    let lines = [action("index", "t-3"), refused, action("update", "t-3"), upsert("t-3", "note")];
    assert_eq!(bulk(&service, &token, &lines).await, [400, 201]);
    assert_judged(&source(&service, &token, "t-3").await, &["note"]);
}

#[tokio::test]
async fn upserts_at_the_same_time_are_merged() {
    let service = Service::start().await;
    let token = service.token("admin").await;
    for round in 0..10 {
        let id = format!("c-{round}");
        let send =
            async |note: &str| bulk(&service, &token, &[action("update", &id), upsert(&id, note)]).await;
        let (one, other) = tokio::join!(send("one"), send("other"));
        assert_eq!(one[0].min(other[0])..=one[0].max(other[0]), 200..=201);
        assert_judged(&source(&service, &token, &id).await, &["one", "other"]);
    }
}

#[tokio::test]
async fn an_update_tells_nobody_else_whether_the_document_is_there() {
    let service = Service::start().await;
    let admin = service.token("admin").await;
    assert_eq!(bulk(&service, &admin, &[action("index", "there"), json!({"plain": true})]).await, [201]);
    let key = json!({"name": "elsewhere", "privileges": ["write"], "indices": ["foo-*"]});
    let key = service.post("/api/v1/api-keys", &admin, key).await.expect(201);
    let key = format!("ApiKey {}", key["encoded"].as_str().unwrap());
    for id in ["there", "absent"] {
        let script = json!({"source": "ctx._source.seen = true"});
        let body = json!({"script": script, "scripted_upsert": true, "upsert": payment(id)});
        let mut request = request("POST", &format!("/{INDEX}/_update/{id}"), None, Some(body));
        request.headers_mut().insert("authorization", key.parse().unwrap());
        service.elastic(request).await.expect(403);
    }
}
