//! A shop owner has a file of some kind: what it is, a pipeline for it, and from then on it is known.

use crate::harness::{ADMIN, Vigie, command, read};
use reqwest::{
    Method, StatusCode,
    multipart::{Form, Part},
};
use serde_json::{Value, json};
use std::{io::Write, path::Path, process::Stdio};

fn own_log() -> String {
    let line = |number: usize| {
        format!(
            "20.11.2026 10:00:{:02} [exec-{}] <WARN> (192.0.2.{number}) total={number}.50 card 4111 1111 1111 1111 refused\n",
            number % 60,
            number % 4
        )
    };
    (1..=100).map(line).collect()
}

#[tokio::test]
async fn an_unknown_file_is_inspected_accepted_and_recognised() {
    let dir = tempfile::tempdir().unwrap();
    let vigie = Vigie::start(&dir.path().join("data"));
    let admin = vigie.login(ADMIN).await;
    let part = Part::bytes(own_log().into_bytes()).file_name("own.log");
    let form = Form::new().text("pipeline", "auto").part("file", part);
    let (status, found) = read(admin.request(Method::POST, "/logs/uploads/inspect").multipart(form)).await;
    assert_eq!(status, StatusCode::OK, "{found}");
    assert_eq!((&found["records"], &found["parsed"]), (&json!(100), &json!(100)), "{found}");
    assert_eq!(found["pipeline"]["name"], "text");
    assert_eq!(found["samples"].as_array().unwrap().len(), 10);
    assert!(!found.to_string().contains("4111 1111 1111 1111"), "{found}");
    let (_, none) = admin.get("/logs/uploads").await;
    assert_eq!(none["items"], json!([]), "nothing is kept of it");

    let definition = found["pipeline"]["definition"].clone();
    let (status, body) = read(admin.request(Method::PUT, "/pipelines/own").json(&definition)).await;
    assert_eq!(status, StatusCode::OK, "{body}");
    let upload = admin.upload("own.log", own_log().into_bytes()).await;
    assert_eq!((&upload["pipeline"], &upload["indexed"]), (&json!("own"), &json!(100)), "{upload}");
    let query = json!({"query": "log.level:warn AND total:[50 TO 51]", "from": "2026-11-20T00:00:00Z", "to": "2026-11-21T00:00:00Z"});
    admin.search_until(query, 1).await;

    // As it is, without a form; and what cannot be taken.
    let raw = admin.request(Method::POST, "/logs/uploads/inspect").body(own_log());
    let (status, found) = read(raw).await;
    assert_eq!((status, &found["format"]), (StatusCode::OK, &json!("own")), "{found}");
    for body in [vec![], vec![0; 4096]] {
        let (status, problem) = read(admin.request(Method::POST, "/logs/uploads/inspect").body(body)).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{problem}");
    }
    let empty = Form::new().text("pipeline", "auto");
    let (status, _) = read(admin.request(Method::POST, "/logs/uploads/inspect").multipart(empty)).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    let (status, _) = read(vigie.anonymous().request(Method::POST, "/logs/uploads/inspect").body("x")).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
    let viewer = vigie.account("viewer").await;
    let (status, _) = read(viewer.request(Method::POST, "/logs/uploads/inspect").body("x")).await;
    assert_eq!(status, StatusCode::FORBIDDEN);
    // More than is looked at.
    let long = "a line of text like any other\n".repeat(400_000);
    let (status, found) = read(admin.request(Method::POST, "/logs/uploads/inspect").body(long)).await;
    assert_eq!((status, &found["complete"]), (StatusCode::OK, &json!(false)), "{found}");
}

fn inspect(data: &Path, arguments: &[&str], stdin: Option<&str>) -> (bool, String) {
    let mut child = command()
        .arg("inspect")
        .args(arguments)
        .arg("--data")
        .arg(data)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(stdin.unwrap_or_default().as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let text =
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    (output.status.success(), text)
}

#[test]
fn the_command_inspects_and_accepts() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let file = dir.path().join("own.log");
    std::fs::write(&file, own_log()).unwrap();
    let file = file.to_str().unwrap();
    let (good, text) = inspect(&data, &[file], None);
    assert!(good, "{text}");
    for part in [
        "lines (utf-8)",
        "text (takes what no other does)",
        "100 % of 100 records",
        "--accept NAME",
        "\"grok\"",
    ] {
        assert!(text.contains(part), "{text} lacks {part}");
    }
    let (good, text) = inspect(&data, &[file, "--accept", "own"], None);
    assert!(good && text.contains("created pipeline own"), "{text}");
    let (good, text) = inspect(&data, &["-", "--json"], Some(&own_log()));
    assert!(good, "{text}");
    let found: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(
        (&found["format"], &found["pipeline"]["recognised"]),
        (&json!("own"), &json!(true)),
        "{found}"
    );
    let (good, text) = inspect(&data, &[file, "--accept", "again"], None);
    assert!(!good && text.contains("no pipeline to create"), "{text}");
    let (good, text) = inspect(&data, &["/no/such/file"], None);
    assert!(!good && text.contains("/no/such/file"), "{text}");
}
