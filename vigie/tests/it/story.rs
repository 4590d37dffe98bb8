//! The main job, as the README tells it.

use crate::harness::{ADMIN, PASSWORD, Vigie, all_ids, repository};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use std::collections::HashSet;

fn fixture(name: &str) -> Vec<u8> {
    std::fs::read(repository("fixtures").join(name)).unwrap()
}

fn line_count(bytes: &[u8]) -> u64 {
    u64::try_from(bytes.split(|b| *b == b'\n').filter(|line| !line.is_empty()).count()).unwrap()
}

#[tokio::test]
async fn upload_search_by_role_and_verdicts() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let vigie = Vigie::start(&data);
    let analyst = vigie.account("analyst").await;
    let viewer = vigie.account("viewer").await;

    // An access log goes in and is recognised.
    let access = fixture("access.log");
    let upload = analyst.upload("access.log", access.clone()).await;
    assert_eq!(upload["state"], "done", "{upload}");
    assert_eq!(upload["pipeline"], "access");
    assert_eq!(upload["lines"], line_count(&access));
    assert_eq!(upload["indexed"].as_u64().unwrap() + upload["dead"].as_u64().unwrap(), line_count(&access));
    let indexed = upload["indexed"].as_u64().unwrap();

    // Its events are found, in the index of their day, with the country filled in.
    let found =
        analyst.search_until(json!({"query": "event.dataset:ecommerce.access", "size": 5}), indexed).await;
    let hit = &found["hits"][0];
    let day = hit["source"]["@timestamp"].as_str().unwrap()[..10].replace('-', ".");
    assert_eq!(hit["index"], format!("ecommerce-logs-{day}"));
    let located = analyst.search(json!({"query": "_exists_:source.geo.country_iso_code", "size": 1})).await;
    assert!(located["total"]["value"].as_u64().unwrap() > indexed / 2, "{}", located["total"]);

    // Transactions get verdicts with reasons.
    let transactions = fixture("transactions.ndjson");
    let upload = analyst.upload("transactions.ndjson", transactions.clone()).await;
    assert_eq!(upload["state"], "done", "{upload}");
    assert_eq!(upload["pipeline"], "transaction");
    let (status, blocked) = analyst.get("/fraud/verdicts?verdict=block").await;
    assert_eq!(status, StatusCode::OK, "{blocked}");
    let verdict = &blocked["items"][0];
    assert!(verdict["score"].as_f64().unwrap() >= 50.0, "{verdict}");
    assert!(!verdict["reasons"][0]["message"].as_str().unwrap().is_empty(), "{verdict}");
    let id = format!(
        "ecommerce.transaction.id:\"{}\" and fraud.verdict:block",
        verdict["transaction_id"].as_str().unwrap()
    );
    let in_index = analyst.search_until(json!({"query": id, "size": 1}), 1).await;
    assert_eq!(in_index["hits"][0]["source"]["fraud"]["score"], verdict["score"]);

    // Every door is closed to the viewer and to strangers.
    for (method, path) in [
        (Method::POST, "/search"),
        (Method::GET, "/logs"),
        (Method::GET, "/fraud/verdicts"),
        (Method::GET, "/logs/uploads"),
        (Method::GET, "/logs/dead-letters"),
    ] {
        let body = json!({"query": "*"});
        let (status, _) = crate::harness::read(viewer.request(method.clone(), path).json(&body)).await;
        assert_eq!(status, StatusCode::FORBIDDEN, "{method} {path}");
        let (status, problem) =
            crate::harness::read(vigie.anonymous().request(method.clone(), path).json(&body)).await;
        assert_eq!(status, StatusCode::UNAUTHORIZED, "{method} {path}");
        assert!(problem["trace_id"].is_string(), "{problem}");
    }

    // The same file again adds nothing and says so.
    let again = analyst.upload("renamed.log", access.clone()).await;
    assert_eq!((&again["state"], &again["indexed"]), (&json!("done"), &json!(0)), "{again}");
    assert_eq!(again["duplicates"], indexed + upload_dead(&again, &access));

    // A restart loses nothing.
    let before = all_ids(&analyst, json!({"query": "event.dataset:ecommerce.access", "size": 1000})).await;
    assert_eq!(before.iter().collect::<HashSet<_>>().len(), before.len());
    vigie.stop();
    let vigie = Vigie::start(&data);
    let analyst = vigie.login("analyst@shop.example").await;
    let after = all_ids(&analyst, json!({"query": "event.dataset:ecommerce.access", "size": 1000})).await;
    assert_eq!(before, after);
}

/// Lines of a file that were dead letters the first time are not duplicates of anything stored.
fn upload_dead(again: &Value, file: &[u8]) -> u64 {
    line_count(file) - again["duplicates"].as_u64().unwrap() - again["dead"].as_u64().unwrap()
}

#[tokio::test]
async fn progress_is_streamed() {
    let dir = tempfile::tempdir().unwrap();
    let vigie = Vigie::start(&dir.path().join("data"));
    let analyst = vigie.account("analyst").await;
    let (_, upload) = analyst.send("access.log", fixture("access.log")).await;
    let path = format!("/logs/uploads/{}/events", upload["id"].as_str().unwrap());
    let response = analyst.request(Method::GET, &path).send().await.unwrap();
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    let text = response.text().await.unwrap();
    let states: Vec<Value> = text
        .lines()
        .filter_map(|line| line.strip_prefix("data:"))
        .map(|data| serde_json::from_str(data).unwrap())
        .collect();
    let last = states.last().unwrap();
    assert_eq!((&last["state"], &last["progress"]), (&json!("done"), &json!(1.0)), "{last}");
    let progress: Vec<f64> = states.iter().map(|state| state["progress"].as_f64().unwrap()).collect();
    assert!(progress.is_sorted(), "{progress:?}");
}

#[tokio::test]
async fn logout_takes_effect_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let vigie = Vigie::start(&dir.path().join("data"));
    let admin = vigie.login(ADMIN).await;
    assert_eq!(admin.get("/auth/me").await.0, StatusCode::OK);
    let (status, _) = admin.post("/auth/logout", json!({})).await;
    assert!(status.is_success());
    assert_eq!(admin.get("/auth/me").await.0, StatusCode::UNAUTHORIZED);
    let (status, _) =
        vigie.anonymous().post("/auth/refresh", json!({"refresh_token": admin.refresh_token})).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn refresh_rotates_and_reuse_ends_the_family() {
    let dir = tempfile::tempdir().unwrap();
    let vigie = Vigie::start(&dir.path().join("data"));
    let first = vigie.login(ADMIN).await;
    let refresh =
        async |token: String| vigie.anonymous().post("/auth/refresh", json!({"refresh_token": token})).await;
    let (status, second) = refresh(first.refresh_token.clone()).await;
    assert_eq!(status, StatusCode::OK, "{second}");
    let second = second["refresh_token"].as_str().unwrap().to_owned();
    assert_ne!(second, first.refresh_token);
    assert_eq!(refresh(first.refresh_token.clone()).await.0, StatusCode::UNAUTHORIZED);
    assert_eq!(refresh(second).await.0, StatusCode::UNAUTHORIZED, "the family must end");
}

#[tokio::test]
async fn guessing_passwords_is_slowed_down() {
    let dir = tempfile::tempdir().unwrap();
    let vigie = Vigie::start(&dir.path().join("data"));
    for attempt in 0..5 {
        let (status, _) = vigie.try_login(ADMIN, "wrong-password-1").await;
        assert_eq!(status, StatusCode::UNAUTHORIZED, "attempt {attempt}");
    }
    let response = vigie
        .anonymous()
        .request(Method::POST, "/auth/login")
        .json(&json!({"email": ADMIN, "password": PASSWORD}))
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), StatusCode::TOO_MANY_REQUESTS);
    let retry: u64 = response.headers()["retry-after"].to_str().unwrap().parse().unwrap();
    assert!((1..=300).contains(&retry), "{retry}");
}

#[tokio::test]
async fn pages_stay_stable_while_data_arrives() {
    let dir = tempfile::tempdir().unwrap();
    let vigie = Vigie::start(&dir.path().join("data"));
    let analyst = vigie.account("analyst").await;
    let line = |second: usize| {
        format!(
            "203.0.113.7 - - [10/Nov/2026:10:{:02}:{:02} +0000] \"GET /p/{second} HTTP/1.1\" 200 12 \"-\" \"curl/8\"\n",
            second / 60,
            second % 60
        )
    };
    let first: String = (0..500).map(line).collect();
    analyst.upload("a.log", first.into_bytes()).await;
    analyst.search_until(json!({"query": "*"}), 500).await;
    let mut body = json!({"query": "*", "size": 100});
    let mut seen = HashSet::new();
    for round in 0..5 {
        let page = analyst.search(body.clone()).await;
        for hit in page["hits"].as_array().unwrap() {
            assert!(seen.insert(hit["id"].as_str().unwrap().to_owned()), "{hit} was on two pages");
        }
        body["cursor"] = page["next_cursor"].clone();
        // Newer events than all seen so far arrive between the pages.
        let late = line(600 + round);
        analyst.upload("late.log", late.into_bytes()).await;
        analyst.search_until(json!({"query": "*", "size": 0}), 501 + round as u64).await;
    }
    assert_eq!(seen.len(), 500);
}

#[tokio::test]
async fn elasticsearch_clients_find_the_same_events() {
    let dir = tempfile::tempdir().unwrap();
    let vigie = Vigie::start(&dir.path().join("data"));
    let analyst = vigie.account("analyst").await;
    let upload = analyst.upload("errors.ndjson", fixture("errors.ndjson")).await;
    let found =
        analyst.search_until(json!({"query": "*", "size": 1}), upload["indexed"].as_u64().unwrap()).await;
    let search = |password: &str| {
        vigie
            .client
            .post(format!("{}/ecommerce-logs-*/_search", vigie.elastic))
            .basic_auth("analyst@shop.example", Some(password.to_owned()))
            .json(&json!({"query": {"match_all": {}}, "size": 1, "track_total_hits": true, "sort": [{"@timestamp": "desc"}]}))
    };
    let response = search(PASSWORD).send().await.unwrap();
    assert_eq!(response.headers()["x-elastic-product"], "Elasticsearch");
    let (status, answer) = (response.status(), response.json::<Value>().await.unwrap());
    assert_eq!(status, StatusCode::OK, "{answer}");
    assert_eq!(answer["hits"]["total"]["value"], found["total"]["value"]);
    assert_eq!(answer["hits"]["hits"][0]["_id"], found["hits"][0]["id"]);
    assert_eq!(search("wrong-password-1").send().await.unwrap().status(), StatusCode::UNAUTHORIZED);
}
