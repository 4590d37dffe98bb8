//! The command line, with and without a running service.

use crate::harness::{PASSWORD, Vigie, command, repository};
use reqwest::StatusCode;
use serde_json::{Value, json};
use std::{path::Path, process::Output};

fn run(arguments: &[&str], data: &Path) -> Output {
    command().args(arguments).arg("--data").arg(data).output().unwrap()
}

fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[test]
fn help_explains_every_command() {
    let check = |arguments: &[&str], expected: &[&str]| {
        let output = command().args(arguments).output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", text(&output));
        for word in expected {
            assert!(text(&output).contains(word), "{arguments:?} lacks {word}: {}", text(&output));
        }
    };
    check(&["--help"], &["serve", "demo", "ingest", "user", "config", "health"]);
    check(&["serve", "--help"], &["--data", "--listen", "--elastic-listen", "--registration"]);
    check(&["demo", "--help"], &["--data", "--listen"]);
    check(&["ingest", "--help"], &["FILE", "--pipeline", "--dataset", "--json"]);
    check(&["user", "--help"], &["add", "list"]);
    check(&["user", "add", "--help"], &["--role", "--password-file"]);
    check(&["config", "--help"], &["check", "default"]);
    check(&["inspect", "--help"], &["FILE", "--accept", "--json"]);
    check(&["pipeline", "--help"], &["test", "list", "show", "simulate"]);
    check(&["--version"], &["vigie 0."]);
}

#[test]
fn pipelines_are_tested_by_their_examples() {
    let dir = tempfile::tempdir().unwrap();
    let write = |name: &str, content: Value| {
        let file = dir.path().join(name);
        std::fs::write(&file, content.to_string()).unwrap();
        file
    };
    let test = |path: &Path| {
        // From an empty directory: neither a configuration nor data is at hand.
        let output = command().args(["pipeline", "test"]).arg(path).current_dir(dir.path()).output().unwrap();
        (output.status.code(), text(&output))
    };
    let all = test(&repository("pipelines"));
    assert_eq!(all.0, Some(0), "{}", all.1);
    assert!(all.1.contains("access: ok") && all.1.contains(" 0 fail"), "{}", all.1);

    let good = write("good.json", json!({"processors": [{"set": {"field": "a", "value": 1}}]}));
    let untested = test(&good);
    assert_eq!(untested.0, Some(1), "{}", untested.1);
    assert!(untested.1.contains("good: FAILED") && untested.1.contains("no examples"), "{}", untested.1);
    let holds = json!({"name": "holds", "input": "x", "expected": {"message": "x", "a": 1}});
    write("good.cases.json", json!({"cases": [holds]}));
    let tested = test(&good);
    assert_eq!(tested.0, Some(0), "{}", tested.1);
    write(
        "good.cases.json",
        json!({"cases": [{"name": "breaks", "input": "x", "expected": {"message": "x", "a": 2}}]}),
    );
    let broken = test(dir.path());
    assert_eq!(broken.0, Some(1), "{}", broken.1);
    assert!(broken.1.contains("\"breaks\"\n    a\n      - 2\n      + 1"), "{}", broken.1);
    assert!(!dir.path().join("data").exists());

    let lines = dir.path().join("lines");
    std::fs::write(&lines, "x\n\n{\"b\": 2}\n").unwrap();
    let output = command().args(["pipeline", "simulate"]).args([&good, &lines]).output().unwrap();
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(answer["docs"][0]["doc"]["_source"], json!({"message": "x", "a": 1}));
    assert_eq!(answer["docs"][1]["doc"]["_source"], json!({"b": 2, "a": 1}));
    let output = command().args(["pipeline", "show", "access"]).output().unwrap();
    let shown: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(shown["processors"].is_array());
    let output = command().args(["pipeline", "list"]).output().unwrap();
    assert!(text(&output).contains("access") && text(&output).contains("built in"), "{}", text(&output));
    let output = command().args(["pipeline", "show", "nope"]).output().unwrap();
    assert!(!output.status.success() && text(&output).contains("nope"), "{}", text(&output));
}

#[test]
fn config_check_tells_values_and_sources() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("vigie.toml");
    std::fs::write(&file, "[upload]\nworkers = 3\n").unwrap();
    let output = command()
        .args(["config", "check", "--listen", "127.0.0.1:1", "--config"])
        .arg(&file)
        .env("VIGIE_HTTP__TIMEOUT_SECS", "7")
        .env("VIGIE_ADMIN_PASSWORD", "not-to-be-seen")
        .output()
        .unwrap();
    let text = text(&output);
    assert!(output.status.success(), "{text}");
    let line = |name: &str| {
        text.lines().find(|line| line.starts_with(name)).unwrap_or_else(|| panic!("no {name}: {text}"))
    };
    assert!(line("upload.workers").contains('3') && line("upload.workers").contains("vigie.toml"));
    assert!(line("http.timeout_secs").contains("environment"));
    assert!(line("listen").contains("flag"));
    assert!(line("auth.bcrypt_cost").contains("environment"));
    assert!(line("search.timeout_secs").contains("default"));
    assert!(!text.contains("not-to-be-seen"));
}

#[test]
fn a_wrong_configuration_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("vigie.toml");
    std::fs::write(&file, "lisetn = \"127.0.0.1:1\"\n").unwrap();
    let output = command().args(["config", "check", "--config"]).arg(&file).output().unwrap();
    assert!(!output.status.success());
    assert!(text(&output).contains("lisetn"), "{}", text(&output));
}

#[tokio::test]
async fn files_are_loaded_with_and_without_a_service() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let file = repository("fixtures/errors.ndjson");
    let ingest = |file: &Path| run(&["ingest", "--json", file.to_str().unwrap()], &data);

    // Nobody runs: the command opens the data directory itself.
    let output = ingest(&file);
    assert!(output.status.success(), "{}", text(&output));
    let first: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(first["state"], "done", "{first}");
    let indexed = first["indexed"].as_u64().unwrap();
    assert!(indexed > 0, "{first}");

    // A service runs: the command hands the file to it; it knows the lines already.
    let vigie = Vigie::start(&data);
    let output = ingest(&file);
    assert!(output.status.success(), "{}", text(&output));
    let second: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(
        (&second["indexed"], second["duplicates"].as_u64()),
        (&json!(0), first["lines"].as_u64()),
        "{second}"
    );
    let output = run(&["ingest", "/no/such/file"], &data);
    assert!(!output.status.success() && text(&output).contains("/no/such/file"), "{}", text(&output));

    // Accounts can be made the same way.
    let secret = dir.path().join("password");
    std::fs::write(&secret, PASSWORD).unwrap();
    let add =
        ["user", "add", "eve@shop.example", "--role", "analyst", "--password-file", secret.to_str().unwrap()];
    let output = run(&add, &data);
    assert!(output.status.success(), "{}", text(&output));
    let (status, body) = vigie.try_login("eve@shop.example", PASSWORD).await;
    assert_eq!(status, StatusCode::OK, "{body}");
    assert_eq!(body["user"]["roles"], json!(["analyst"]));
    let output = run(&add, &data);
    assert!(!output.status.success(), "the same account twice: {}", text(&output));
    let output = run(&["user", "list"], &data);
    assert!(text(&output).contains("eve@shop.example"), "user list: {}", text(&output));
    let eve = vigie.login("eve@shop.example").await;
    eve.search_until(json!({"query": "event.dataset:ecommerce.error", "size": 0}), indexed).await;
}

#[tokio::test]
async fn a_data_directory_has_one_owner() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let vigie = Vigie::start(&data);
    let output = command()
        .args(["serve", "--listen", "127.0.0.1:0", "--elastic-listen", "off", "--data"])
        .arg(&data)
        .output()
        .unwrap();
    assert!(!output.status.success());
    assert!(text(&output).contains(data.to_str().unwrap()), "{}", text(&output));
    assert_eq!(vigie.anonymous().get("/health").await.0, StatusCode::OK);
}

#[test]
fn the_first_password_is_printed_once() {
    use std::io::{BufRead, BufReader};
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let printed = || {
        let mut child = command()
            .args(["serve", "--listen", "127.0.0.1:0", "--elastic-listen", "off", "--data"])
            .arg(&data)
            .stdout(std::process::Stdio::piped())
            .stderr(std::process::Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = Vec::new();
        for line in BufReader::new(child.stdout.take().unwrap()).lines() {
            lines.push(line.unwrap());
            if lines.last().unwrap().starts_with("listening ") {
                break;
            }
        }
        child.kill().unwrap();
        child.wait().unwrap();
        lines.join("\n")
    };
    assert!(printed().contains("password:"));
    assert!(!printed().contains("password:"));
}
