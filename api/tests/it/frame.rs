use crate::harness::{Service, request};
use axum::{
    body::Body,
    http::{Request, header},
};
use serde_json::{Value, json};

#[tokio::test]
async fn errors_are_problems_with_the_trace_id_of_the_answer() {
    let service = Service::start().await;
    let mut request =
        request("POST", "/api/v1/auth/login", None, Some(json!({"email": "a@b", "password": "x"})));
    request.headers_mut().insert("x-trace-id", "4bf92f3577b34da6a3ce929d0e0e4736".parse().unwrap());
    let answer = service.send(request).await;
    assert_eq!(answer.header("content-type"), "application/problem+json");
    assert_eq!(answer.header("x-trace-id"), "4bf92f3577b34da6a3ce929d0e0e4736");
    insta::assert_json_snapshot!("problem_401", answer.expect(401));
    let answer = service.call("POST", "/api/v1/auth/login", None, Some(json!({"email": "a@b"}))).await;
    let trace = answer.header("x-trace-id").to_owned();
    let problem = answer.expect(400);
    assert_eq!(problem["trace_id"], trace.as_str());
    insta::assert_json_snapshot!("problem_400", problem, {".trace_id" => "[trace]"});
}

#[tokio::test]
async fn every_answer_has_its_headers() {
    let service = Service::start().await;
    for path in ["/health", "/api/v1/nothing", "/api/v1/users", "/api/docs/", "/api/v1/openapi.json"] {
        let answer = service.call("GET", path, None, None).await;
        assert_eq!(answer.header("x-trace-id").len(), 32, "{path}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(answer.header("x-frame-options"), "DENY", "{path}");
        assert!(answer.header("content-security-policy").contains("default-src"), "{path}");
        assert!(!answer.header("content-security-policy").contains("script-src"), "{path}");
        assert_eq!(answer.header("access-control-allow-origin"), "", "{path}");
    }
}

#[tokio::test]
async fn other_origins_are_let_in_only_where_configured() {
    let preflight = || {
        Request::options("/api/v1/auth/login")
            .header(header::ORIGIN, "https://shop.example")
            .header(header::ACCESS_CONTROL_REQUEST_METHOD, "POST")
            .body(Body::empty())
            .unwrap()
    };
    let closed = Service::start().await;
    assert_eq!(closed.send(preflight()).await.header("access-control-allow-origin"), "");
    let open = Service::with(|config| config.cors_origins = vec!["https://shop.example".to_owned()]).await;
    assert_eq!(open.send(preflight()).await.header("access-control-allow-origin"), "https://shop.example");
    let mut other = preflight();
    other.headers_mut().insert(header::ORIGIN, "https://evil.example".parse().unwrap());
    assert_eq!(open.send(other).await.header("access-control-allow-origin"), "");
}

#[tokio::test]
async fn what_is_too_large_or_no_json_is_refused() {
    let service = Service::start().await;
    let post = |kind: &str, body: Vec<u8>| {
        Request::post("/api/v1/auth/login").header(header::CONTENT_TYPE, kind).body(Body::from(body)).unwrap()
    };
    let json = "application/json";
    let large = format!("{{\"email\":\"{}\"}}", "x".repeat(1 << 20)).into_bytes();
    service.send(post(json, large)).await.expect(413);
    service.send(post("text/plain", b"{}".to_vec())).await.expect(415);
    service.send(post(json, b"{".to_vec())).await.expect(400);
    service.send(post(json, b"\xff\xfe".to_vec())).await.expect(400);
    service.send(post(json, "[".repeat(100_000).into_bytes())).await.expect(400);
    let long = format!("/health?{}", "x".repeat(20_000));
    service.call("GET", &long, None, None).await.expect(414);
}

#[tokio::test]
async fn health_says_what_is_configured() {
    let service = Service::start().await;
    let health = service.call("GET", "/health", None, None).await.expect(200);
    insta::assert_json_snapshot!("health", health);
    let answer = service.call("GET", "/api/v1/health", None, None).await.expect(200);
    assert_eq!(answer, health);
    let admin = service.token("admin").await;
    let details = service.get("/api/v1/health/details", &admin).await.expect(200);
    assert_eq!(details["status"], "ok");
    assert_eq!(details["errors"], json!({}));
    assert!(details["cache"]["hit_ratio"].is_number());
}

#[tokio::test]
async fn metrics_can_ask_for_a_token() {
    let open = Service::start().await;
    open.send(request("GET", "/metrics", None, None)).await.expect(200);
    let closed = Service::with(|config| config.metrics_token = Some(api::Secret::new(*b"scraper"))).await;
    closed.send(request("GET", "/metrics", None, None)).await.expect(401);
    closed.send(request("GET", "/metrics", Some("other"), None)).await.expect(401);
    closed.send(request("GET", "/metrics", Some("scraper"), None)).await.expect(200);
}

#[tokio::test]
async fn the_page_of_the_api_is_served_offline() {
    let service = Service::start().await;
    let page = service.call("GET", "/api/docs/", None, None).await;
    assert_eq!(page.status, 200);
    let page = String::from_utf8_lossy(&page.body).into_owned();
    assert!(page.contains("swagger-ui"));
    assert!(!page.contains("https://"), "nothing is loaded from elsewhere");
    let document: Value = service.call("GET", "/api/v1/openapi.json", None, None).await.expect(200);
    assert_eq!(document["info"]["title"], "vigie");
}
