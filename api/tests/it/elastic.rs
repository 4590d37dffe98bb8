use crate::harness::{PASSWORD, Service, request};
use axum::{body::Body, http::Request};
use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::json;

fn basic(method: &str, path: &str, user: &str, password: &str) -> Request<Body> {
    let mut request = request(method, path, None, None);
    let credentials = STANDARD.encode(format!("{user}@shop.example:{password}"));
    request.headers_mut().insert("authorization", format!("Basic {credentials}").parse().unwrap());
    request
}

#[tokio::test]
async fn clients_recognise_the_product() {
    let service = Service::start().await;
    let answer = service.elastic(basic("GET", "/", "analyst", PASSWORD)).await;
    assert_eq!(answer.header("x-elastic-product"), "Elasticsearch");
    let root = answer.expect(200);
    assert_eq!(root["tagline"], "You Know, for Search");
    assert!(root["version"]["number"].as_str().unwrap().starts_with("7.10."));
    assert_eq!(service.elastic(basic("HEAD", "/", "analyst", PASSWORD)).await.status, 200);
}

#[tokio::test]
async fn everything_asks_for_an_analyst() {
    let service = Service::start().await;
    for path in ["/", "/_search", "/x/_search", "/_cluster/health", "/_cat/indices", "/x/_doc/1", "/_nothing"]
    {
        let nobody = service.elastic(request("GET", path, None, None)).await;
        assert!(nobody.header("www-authenticate").starts_with("Basic"), "{path}");
        let error = nobody.expect(401)["error"].clone();
        assert_eq!(error["type"], "security_exception", "{path}");
        let challenge = error["header"]["WWW-Authenticate"].as_str().unwrap();
        assert!(challenge.starts_with("Basic"), "Kibana hands it to the browser: {error}");
        service.elastic(basic("GET", path, "viewer", PASSWORD)).await.expect(403);
    }
    let token = service.token("analyst").await;
    service.elastic(request("GET", "/_search", Some(&token), None)).await.expect(200);
}

#[tokio::test]
async fn verified_credentials_are_forgotten_when_the_account_changes() {
    let service = Service::start().await;
    let admin = service.token("admin").await;
    let id = service.login("analyst").await["user"]["id"].as_str().unwrap().to_owned();
    let ask = async || service.elastic(basic("GET", "/", "analyst", PASSWORD)).await.status.as_u16();
    assert_eq!((ask().await, ask().await), (200, 200));
    let path = format!("/api/v1/users/{id}");
    service.call("PATCH", &path, Some(&admin), Some(json!({"active": false}))).await.expect(200);
    assert_eq!(ask().await, 401);
    service
        .call("PATCH", &path, Some(&admin), Some(json!({"active": true, "password": "another password"})))
        .await
        .expect(200);
    assert_eq!(ask().await, 401);
    assert_eq!(service.elastic(basic("GET", "/", "analyst", "another password")).await.status, 200);
}

#[tokio::test]
async fn guessing_is_throttled_here_too() {
    let service = Service::start().await;
    for _ in 0..5 {
        service.elastic(basic("GET", "/", "analyst", "wrong password")).await.expect(401);
    }
    service.elastic(basic("GET", "/", "analyst", PASSWORD)).await.expect(429);
}

#[tokio::test]
async fn errors_have_the_shape_that_clients_know() {
    let service = Service::start().await;
    let ask = async |path: &str| service.elastic(basic("GET", path, "analyst", PASSWORD)).await;
    insta::assert_json_snapshot!("elastic_400", ask("/x/_search?no_such=hits").await.expect(400));
    insta::assert_json_snapshot!("elastic_no_handler", ask("/_nothing/here").await.expect(400));
    assert_eq!(ask("/x/_search").await.header("x-elastic-product"), "Elasticsearch");
    ask("/-x/_search").await.expect(400);
    assert_eq!(ask("/_cat/indices").await.status, 200);
    crate::search::write(&service, 0..1).await;
    assert_eq!(ask("/ecommerce-logs-2026.11.21/_doc/1").await.expect(404)["found"], false);
    ask("/x/_doc/1").await.expect(403);
}
