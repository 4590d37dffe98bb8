//! Keys for programs: what they open, and what they do not.

use crate::harness::{Answer, Service, request};
use axum::{body::Body, http::Request};
use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use std::time::Duration;

const KEYS: &str = "/api/v1/api-keys";

fn with_key(method: &str, path: &str, encoded: &str, body: Option<Value>) -> Request<Body> {
    let mut request = request(method, path, None, body);
    request.headers_mut().insert("authorization", format!("ApiKey {encoded}").parse().unwrap());
    request
}

/// Makes a key as an admin and answers with what the answer says.
async fn created(service: &Service, key: Value) -> Value {
    let admin = service.token("admin").await;
    service.post(KEYS, &admin, key).await.expect(201)
}

async fn encoded(service: &Service, key: Value) -> String {
    created(service, key).await["encoded"].as_str().unwrap().to_owned()
}

async fn ask(service: &Service, method: &str, path: &str, key: &str, body: Option<Value>) -> Answer {
    service.send(with_key(method, path, key, body)).await
}

async fn ask_elastic(service: &Service, path: &str, key: &str) -> u16 {
    service.elastic(with_key("GET", path, key, None)).await.status.as_u16()
}

#[tokio::test]
async fn a_key_is_shown_once_listed_without_its_secret_and_worth_nothing_when_deleted() {
    let service = Service::start().await;
    let admin = service.token("admin").await;
    let made = created(&service, json!({"name": "grafana", "privileges": ["read"]})).await;
    assert_eq!(made["indices"], json!(["ecommerce-logs-*", "device-logs-*"]));
    let (id, secret) = (made["id"].as_str().unwrap(), made["api_key"].as_str().unwrap());
    assert_eq!(made["encoded"], STANDARD.encode(format!("{id}:{secret}")));
    let list = service.get(KEYS, &admin).await.expect(200);
    assert_eq!(list["items"][0]["name"], "grafana");
    assert!(!list.to_string().contains(secret), "{list}");

    let key = made["encoded"].as_str().unwrap();
    ask(&service, "POST", "/api/v1/search", key, Some(json!({"query": "*"}))).await.expect(200);
    service.call("DELETE", &format!("{KEYS}/{id}"), Some(&admin), None).await.expect(204);
    ask(&service, "POST", "/api/v1/search", key, Some(json!({"query": "*"}))).await.expect(401);
    service.call("DELETE", &format!("{KEYS}/{id}"), Some(&admin), None).await.expect(404);
}

#[tokio::test]
async fn a_key_opens_what_it_says_and_nothing_else() {
    let service = Service::start().await;
    let reads = encoded(&service, json!({"name": "reads", "privileges": ["read"]})).await;
    let writes = encoded(&service, json!({"name": "writes", "privileges": ["write"]})).await;
    let elsewhere =
        encoded(&service, json!({"name": "w", "privileges": ["read", "write"], "indices": ["shop-*"]})).await;
    let event = || Some(json!([{"message": "x"}]));
    let search = |index: &str| Some(json!({"query": "*", "index": index}));
    let rows = [
        ("POST", "/api/v1/search", search("ecommerce-logs-*"), [200, 403, 200]),
        // A wildcard leaves out what is out of reach; a name is refused.
        ("POST", "/api/v1/logs/events?pipeline=json", event(), [403, 200, 403]),
        ("GET", "/api/v1/search/fields", None, [200, 403, 200]),
        ("GET", "/api/v1/logs/patterns", None, [200, 403, 200]),
        // No role: what only accounts may do stays shut, whatever the key may do with indices.
        ("GET", "/api/v1/logs/uploads", None, [403, 403, 403]),
        ("GET", "/api/v1/logs/dead-letters", None, [403, 403, 403]),
        ("GET", "/api/v1/fraud/verdicts", None, [403, 403, 403]),
        ("GET", "/api/v1/users", None, [403, 403, 403]),
        ("GET", KEYS, None, [403, 403, 403]),
        ("GET", "/api/v1/auth/me", None, [403, 403, 403]),
    ];
    for (method, path, body, expected) in rows {
        for (key, expected) in [&reads, &writes, &elsewhere].into_iter().zip(expected) {
            let answer = ask(&service, method, path, key, body.clone()).await;
            assert_eq!(answer.status.as_u16(), expected, "{method} {path}");
        }
    }
    let statuses = async |path: &str| {
        (ask_elastic(&service, path, &reads).await, ask_elastic(&service, path, &writes).await)
    };
    assert_eq!(statuses("/").await, (200, 200));
    assert_eq!(statuses("/_cluster/health").await, (200, 200));
    assert_eq!(statuses("/_search").await, (200, 403));
}

#[tokio::test]
async fn what_is_no_key_is_nobody() {
    let service = Service::start().await;
    let made = created(&service, json!({"name": "k", "privileges": ["read"], "expires_in_days": 1})).await;
    let (id, key) = (made["id"].as_str().unwrap(), made["encoded"].as_str().unwrap());
    let guess = STANDARD.encode(format!("{id}:{}", "A".repeat(43)));
    for wrong in [guess.as_str(), "", "x", &STANDARD.encode("a:b"), &key[4..]] {
        ask(&service, "GET", "/api/v1/search/fields", wrong, None).await.expect(401);
        assert_eq!(ask_elastic(&service, "/", wrong).await, 401);
    }
    service.clock.advance(Duration::from_secs(24 * 3600));
    ask(&service, "GET", "/api/v1/search/fields", key, None).await.expect(401);
}

#[tokio::test]
async fn senseless_keys_are_refused() {
    let service = Service::start().await;
    let admin = service.token("admin").await;
    let rows = [
        (json!({"name": "", "privileges": ["read"]}), "name"),
        (json!({"name": "k", "privileges": []}), "privileges"),
        (json!({"name": "k", "privileges": ["read"], "indices": []}), "indices"),
        (json!({"name": "k", "privileges": ["read"], "indices": ["a", ".vigie-x"]}), "indices"),
        (json!({"name": "k", "privileges": ["read"], "indices": [".*"]}), "indices"),
        (json!({"name": "k", "privileges": ["read"], "masked_fields": [""]}), "masked_fields"),
        (
            json!({"name": "k", "privileges": ["read"], "further_grants": [{"indices": [], "privileges": ["read"]}]}),
            "further_grants",
        ),
        (
            json!({"name": "k", "privileges": ["read"], "further_grants": [{"indices": ["a"], "privileges": []}]}),
            "further_grants",
        ),
        (json!({"name": "k", "privileges": ["read"], "expires_in_days": 0}), "expires_in_days"),
    ];
    for (key, field) in rows {
        let problem = service.post(KEYS, &admin, key).await.expect(400);
        assert_eq!(problem["errors"][0]["field"], field, "{problem}");
    }
    service.post(KEYS, &admin, json!({"name": "k", "privileges": ["all"]})).await.expect(400);
}

/// Personal data that a role does not see is not found beside the events either.
#[tokio::test(flavor = "multi_thread")]
async fn masked_fields_are_masked_in_verdicts_and_dead_letters() {
    let service = Service::with(|config| {
        let fields = ["user.email", "user.id"].map(str::to_owned).to_vec();
        config.accounts.masked_fields = [(api::auth::Role::Analyst, fields)].into();
    })
    .await;
    let (analyst, admin) = (service.token("analyst").await, service.token("admin").await);
    let payment = json!({"@timestamp": "2026-11-21T11:00:00Z", "event": {"dataset": "ecommerce.transaction"},
        "transaction_id": "t1", "user_id": "u1", "amount": 5, "currency": "EUR", "email": "u1@shop.example",
        "status": "approved"});
    let given = service.post("/api/v1/fraud/verdicts", &analyst, payment).await.expect(200);
    assert!(!given.to_string().contains("u1"), "{given}");
    let path = "/api/v1/fraud/verdicts/t1";
    assert!(!service.get(path, &analyst).await.expect(200).to_string().contains("u1"));
    assert_eq!(service.get(path, &admin).await.expect(200)["payment"]["email"], "u1@shop.example");
    service.get("/api/v1/fraud/verdicts?user_id=u1", &analyst).await.expect(403);

    let broken = json!([{"@timestamp": "u1 at noon"}]);
    service.post("/api/v1/logs/events?pipeline=json", &analyst, broken).await.expect(200);
    let path = "/api/v1/logs/dead-letters";
    let seen = service.get(path, &analyst).await.expect(200);
    assert_eq!(seen["items"][0]["original"], "[masked]", "{seen}");
    assert!(!seen.to_string().contains("u1 at noon"), "{seen}");
    assert!(service.get(path, &admin).await.expect(200).to_string().contains("u1 at noon"));
}

/// Kibana and rsyslog know Basic credentials only.
#[tokio::test]
async fn a_key_is_taken_as_basic_credentials_on_the_elasticsearch_port() {
    let service = Service::start().await;
    let kibana =
        json!({"name": "kibana", "privileges": ["read", "write", "manage"], "indices": [".kibana*"]});
    let encoded = encoded(&service, kibana).await;
    let send = async |path: &str, credentials: &str| {
        let mut request = request("GET", path, None, None);
        request.headers_mut().insert("authorization", format!("Basic {credentials}").parse().unwrap());
        service.elastic(request).await
    };
    send("/_search", &encoded).await.expect(200);
    let wrong = STANDARD.encode(format!("{}:{}", "0".repeat(32), "secret"));
    send("/", &wrong).await.expect(401);
    // The other port has doors of its own: there it is no key.
    let mut request = request("GET", "/api/v1/search/fields", None, None);
    request.headers_mut().insert("authorization", format!("Basic {encoded}").parse().unwrap());
    service.send(request).await.expect(401);
}
