use crate::harness::{Answer, Service, request};
use axum::{body::Body, http::Request};
use futures::StreamExt;
use serde_json::{Value, json};
use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

const ACCESS: &str =
    "192.0.2.7 - - [21/Nov/2026:10:00:00 +0000] \"GET /cart HTTP/1.1\" 200 512 \"-\" \"curl/8.5.0\"\n";

fn form(token: &str, query: &str, parts: &[(&str, Option<&str>, &str)]) -> Request<Body> {
    let mut body = String::new();
    for (name, file, content) in parts {
        let file = file.map(|file| format!("; filename=\"{file}\"")).unwrap_or_default();
        body +=
            &format!("--limit\r\ncontent-disposition: form-data; name=\"{name}\"{file}\r\n\r\n{content}\r\n");
    }
    body += "--limit--\r\n";
    let mut request = request("POST", &format!("/api/v1/logs/uploads{query}"), Some(token), None);
    request.headers_mut().insert("content-type", "multipart/form-data; boundary=limit".parse().unwrap());
    *request.body_mut() = Body::from(body);
    request
}

#[tokio::test(flavor = "multi_thread")]
async fn files_are_uploaded_and_processed() {
    let service = Service::start().await;
    let token = service.token("analyst").await;
    let parts = [("file", Some("access.log"), ACCESS), ("pipeline", None, "access")];
    let answer = service.send(form(&token, "?wait=true", &parts)).await.expect(200);
    let upload = &answer["uploads"][0];
    assert_eq!((&upload["state"], &upload["name"]), (&json!("done"), &json!("access.log")), "{upload}");
    assert_eq!(
        (&upload["lines"], &upload["indexed"], &upload["pipeline"]),
        (&json!(1), &json!(1), &json!("access"))
    );
    let path = format!("/api/v1/logs/uploads/{}", upload["id"].as_str().unwrap());
    assert_eq!(service.get(&path, &token).await.expect(200), *upload);
    let list = service.get("/api/v1/logs/uploads?limit=1", &token).await.expect(200);
    assert_eq!(list["items"][0]["id"], upload["id"]);
    let events = service.get(&format!("{path}/events"), &token).await;
    let text = String::from_utf8(events.body.to_vec()).unwrap();
    assert!(text.starts_with("event: end\ndata: {"), "{text}");
    service.call("DELETE", &path, Some(&token), None).await.expect(204);
    service.get(&path, &token).await.expect(404);
}

#[tokio::test(flavor = "multi_thread")]
async fn uploads_of_others_are_removed_by_admins_only() {
    let service = Service::start().await;
    let (analyst, admin) = (service.token("analyst").await, service.token("admin").await);
    let answer = service.send(form(&admin, "", &[("file", Some("a.log"), ACCESS)])).await.expect(202);
    let path = format!("/api/v1/logs/uploads/{}", answer["uploads"][0]["id"].as_str().unwrap());
    service.call("DELETE", &path, Some(&analyst), None).await.expect(403);
    service.call("DELETE", &path, Some(&admin), None).await.expect(204);
}

/// What stands before a boundary is held in memory, so there must be an end to it.
#[tokio::test(flavor = "multi_thread")]
async fn a_form_without_boundaries_is_refused_before_it_fills_the_memory() {
    let service = Service::start().await;
    let token = service.token("analyst").await;
    let sent = Arc::new(AtomicUsize::new(0));
    for start in ["", "--limit\r\ncontent-disposition: form-data; name=\"file\"\r\nx: "] {
        sent.store(0, Ordering::SeqCst);
        let counted = sent.clone();
        let chunks = futures::stream::iter(0..1_024).map(move |number| {
            counted.fetch_add(64 << 10, Ordering::SeqCst);
            let text = if number == 0 { start.to_owned() } else { "a".repeat(64 << 10) };
            Ok::<_, std::io::Error>(text)
        });
        let mut request = form(&token, "", &[]);
        *request.body_mut() = Body::from_stream(chunks);
        service.send(request).await.expect(400);
        assert!(sent.load(Ordering::SeqCst) < 16 << 20, "{}", sent.load(Ordering::SeqCst));
    }
}

#[tokio::test]
async fn what_is_no_form_is_a_415_and_dead_letters_of_no_upload_a_404() {
    let service = Service::start().await;
    let token = service.token("analyst").await;
    service.post("/api/v1/logs/uploads", &token, json!({"file": "x"})).await.expect(415);
    service.post("/api/v1/logs/dead-letters/replay", &token, json!({"upload": "nope"})).await.expect(404);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_that_is_wrong_leaves_nothing_behind() {
    let service = Service::start().await;
    let token = service.token("analyst").await;
    let file = ("file", Some("a.log"), ACCESS);
    for parts in [
        &[][..],
        &[("pipeline", None, "access")],
        &[file, ("pipeline", None, "no-such")],
        &[file, ("dataset", None, "No Dataset")],
        &[file, ("other", None, "x")],
    ] {
        service.send(form(&token, "", parts)).await.expect(400);
    }
    let mut cut = form(&token, "", &[file]);
    *cut.body_mut() = Body::from("--limit\r\ncontent-disposition: form-data; name=\"file\"\r\n\r\nhalf of a");
    service.send(cut).await.expect(400);
    service.post("/api/v1/logs/uploads", &token, json!({})).await.expect(415);
    let list = service.get("/api/v1/logs/uploads", &token).await.expect(200);
    assert_eq!(list["items"], json!([]));
}

async fn events(service: &Service, token: &str, query: &str, body: &str) -> Answer {
    let mut request = request("POST", &format!("/api/v1/logs/events{query}"), Some(token), None);
    *request.body_mut() = Body::from(body.to_owned());
    service.send(request).await
}

#[tokio::test(flavor = "multi_thread")]
async fn events_come_as_lines_or_as_an_array() {
    let service = Service::with(|config| config.limits.events_body_max_bytes = 10_000).await;
    let token = service.token("analyst").await;
    let line = r#"{"@timestamp":"2026-11-21T10:00:00Z","message":"hello"}"#;
    let sum = events(&service, &token, "?pipeline=json", &format!("{line}\n{line}\n")).await.expect(200);
    assert_eq!(
        (&sum["indexed"], &sum["dead"], &sum["pipeline"]),
        (&json!(2), &json!(0), &json!("json")),
        "{sum}"
    );
    let sum = events(&service, &token, "", &format!("[{line},{line},{line}]")).await.expect(200);
    assert_eq!(sum["indexed"], 3, "{sum}");
    let sum = events(&service, &token, "?pipeline=access", "no access line\n").await.expect(200);
    assert_eq!((&sum["indexed"], &sum["dead"]), (&json!(0), &json!(1)), "{sum}");
    events(&service, &token, "?pipeline=no-such", line).await.expect(400);
    events(&service, &token, "", &"x".repeat(10_001)).await.expect(413);
    let letters = service.get("/api/v1/logs/dead-letters?pipeline=access", &token).await.expect(200);
    assert_eq!(letters["items"][0]["original"], "no access line", "{letters}");
    let replay = json!({"ids": [letters["items"][0]["id"]]});
    let report = service.post("/api/v1/logs/dead-letters/replay", &token, replay).await.expect(200);
    assert_eq!(report["dead"], 1, "{report}");
}

#[tokio::test(flavor = "multi_thread")]
async fn pipelines_are_defined_tried_and_removed() {
    let service = Service::start().await;
    let (analyst, admin) = (service.token("analyst").await, service.token("admin").await);
    let names = async || -> Vec<String> {
        let list = service.get("/api/v1/pipelines", &analyst).await.expect(200);
        list.as_array()
            .unwrap()
            .iter()
            .map(|pipeline| pipeline["name"].as_str().unwrap().to_owned())
            .collect()
    };
    assert!(names().await.contains(&"access".to_owned()));
    let definition = json!({"processors": [{"set": {"field": "x", "value": 1}}]});
    let put = async |name: &str, definition: Value| {
        service.call("PUT", &format!("/api/v1/pipelines/{name}"), Some(&admin), Some(definition)).await
    };
    put("mine", definition).await.expect(200);
    assert!(names().await.contains(&"mine".to_owned()));
    let docs = json!({"docs": [{"_source": {"a": 2}}]});
    let tried = service.post("/api/v1/pipelines/mine/simulate", &analyst, docs.clone()).await.expect(200);
    assert_eq!(tried["docs"][0]["doc"]["_source"], json!({"a": 2, "x": 1}), "{tried}");
    let lines = json!({"lines": [ACCESS.trim()]});
    let tried = service.post("/api/v1/pipelines/access/simulate", &analyst, lines).await.expect(200);
    assert_eq!(tried["docs"][0]["doc"]["_source"]["url"]["path"], "/cart", "{tried}");
    service.post("/api/v1/pipelines/no-such/simulate", &analyst, docs).await.expect(404);
    let problem = put("bad", json!({"processors": [{"sett": {}}]})).await.expect(400);
    assert!(problem["errors"][0]["field"].as_str().unwrap().contains("processors"), "{problem}");
    service.call("DELETE", "/api/v1/pipelines/mine", Some(&admin), None).await.expect(204);
    service.call("DELETE", "/api/v1/pipelines/mine", Some(&admin), None).await.expect(404);
    service.get("/api/v1/pipelines/mine", &analyst).await.expect(404);
}

fn transaction(id: &str, amount: f64) -> Value {
    json!({"@timestamp": "2026-11-21T11:00:00Z", "event": {"dataset": "ecommerce.transaction"}, "transaction_id": id,
        "order_id": "o1", "user_id": "u1", "amount": amount, "currency": "EUR", "payment_method": "card",
        "ip": "8.8.8.8", "device_id": "d1", "email": "u1@shop.example", "billing_country": "US",
        "shipping_country": "US", "status": "approved"})
}

#[tokio::test(flavor = "multi_thread")]
async fn transactions_get_their_verdict() {
    let service = Service::start().await;
    let token = service.token("analyst").await;
    let verdict = service.post("/api/v1/fraud/verdicts", &token, transaction("t1", 12.34)).await.expect(200);
    assert_eq!(
        (&verdict["transaction_id"], &verdict["verdict"]),
        (&json!("t1"), &json!("allow")),
        "{verdict}"
    );
    assert!(verdict["latency_us"].is_u64() && verdict["model"].is_null() && verdict["reasons"].is_array());
    let again = service.post("/api/v1/fraud/verdicts", &token, transaction("t1", 99.0)).await.expect(200);
    assert_eq!(again["assessed_at"], verdict["assessed_at"]);
    assert_eq!(again["payment"], verdict["payment"], "the first event fixes the verdict");
    let both = json!([transaction("t2", 1.0), transaction("t3", 2.0)]);
    let both = service.post("/api/v1/fraud/verdicts", &token, both).await.expect(200);
    assert_eq!((&both[0]["transaction_id"], &both[1]["transaction_id"]), (&json!("t2"), &json!("t3")));
    service.get("/api/v1/fraud/verdicts/t2", &token).await.expect(200);
    service.get("/api/v1/fraud/verdicts/no-such", &token).await.expect(404);
    let list = service.get("/api/v1/fraud/verdicts?verdict=allow&limit=2", &token).await.expect(200);
    assert_eq!(list["items"].as_array().unwrap().len(), 2);
    for bad in ["verdict=maybe", "from=yesterday", "min_score=x", "cursor=x", "limit=0"] {
        service.get(&format!("/api/v1/fraud/verdicts?{bad}"), &token).await.expect(400);
    }
    for bad in [
        json!([]),
        json!("x"),
        json!({"amount": 1}),
        transaction("a\u{0}b", 1.0),
        transaction("tab\tid", 1.0),
        json!([transaction("t4", 1.0), {"transaction_id": ""}]),
    ] {
        service.post("/api/v1/fraud/verdicts", &token, bad).await.expect(400);
    }
    let labels =
        json!([{"transaction_id": "t1", "label": "fraud"}, {"transaction_id": "no-such", "label": "fraud"}]);
    let labelled = service.post("/api/v1/fraud/labels", &token, labels).await.expect(200);
    assert_eq!(labelled, json!({"labelled": 1, "unknown": ["no-such"]}));
    let verdict = service.get("/api/v1/fraud/verdicts/t1", &token).await.expect(200);
    assert_eq!(verdict["label"]["value"], "fraud", "{verdict}");
}
