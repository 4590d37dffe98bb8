//! A host's own syslog, forwarded by rsyslog: over TCP in both framings, and by datagrams; and what `logger` sends.

use super::{input, only};
use crate::{
    harness::{ADMIN, Vigie, skip},
    rsyslogd::Rsyslogd,
};
use serde_json::json;
use std::{fs, net::SocketAddr, path::Path, process::Command};

/// Reads the lines of a file and forwards them three times.
fn forwarding(work: &Path, lines: &Path, ports: [SocketAddr; 3]) -> String {
    let forward = |n: usize, more: &str| {
        format!(
            "  action(type=\"omfwd\" target=\"127.0.0.1\" port=\"{}\" template=\"RSYSLOG_{more}\n",
            ports[n].port()
        )
    };
    format!(
        "global(workDirectory=\"{work}\")\nmodule(load=\"imfile\")\ninput(type=\"imfile\" file=\"{lines}\" tag=\"shop:\" facility=\"local3\" severity=\"error\" ruleset=\"ship\")\nruleset(name=\"ship\") {{\n{}{}{}}}\n",
        forward(0, "TraditionalForwardFormat\" protocol=\"tcp\" TCP_Framing=\"octet-counted\")"),
        forward(1, "SyslogProtocol23Format\" protocol=\"tcp\")"),
        forward(2, "ForwardFormat\" protocol=\"udp\")"),
        work = work.display(),
        lines = lines.display(),
    )
}

#[tokio::test]
async fn rsyslog_forwards_over_tcp_and_udp() {
    const LINES: u64 = 1_000;
    let Some(rsyslogd) = Rsyslogd::installed() else { return };
    let dir = tempfile::tempdir().unwrap();
    let work = dir.path().join("rsyslog");
    fs::create_dir(&work).unwrap();
    let lines = dir.path().join("lines.log");
    let text: String = (0..LINES).map(|n| format!("order {n} failed: é [x]\n")).collect();
    fs::write(&lines, text).unwrap();
    let toml = [
        input("counted", "type = \"syslog\""),
        input("lines", "type = \"syslog\""),
        input("datagrams", "type = \"syslog\"\ntransport = \"udp\""),
    ];
    let vigie = Vigie::start_configured(&dir.path().join("data"), &toml.concat());
    let ports = ["counted", "lines", "datagrams"].map(|name| vigie.input(name));
    let _rsyslog = rsyslogd.start(&work, &forwarding(&work, &lines, ports));
    let admin = vigie.login(ADMIN).await;
    for name in ["counted", "lines"] {
        let metric = format!("ingest_input_events_total{{input=\"{name}\",outcome=\"indexed\"}}");
        vigie.metric_until(&metric, LINES as f64).await;
    }
    // Datagrams may be lost; most are not.
    vigie.metric_until("ingest_input_events_total{input=\"datagrams\",outcome=\"indexed\"}", 500.0).await;
    let page = admin.search(json!({"query": "message:\"order 7 failed\"", "size": 10})).await;
    for hit in page["hits"].as_array().unwrap() {
        let event = &hit["source"];
        assert_eq!(event["message"], "order 7 failed: é [x]", "{event}");
        assert_eq!(
            (&event["process"]["name"], &event["log"]["level"]),
            (&json!("shop"), &json!("error")),
            "{event}"
        );
        assert_eq!(event["log"]["syslog"]["facility"]["name"], "local3");
        assert!(event["host"]["hostname"].is_string() && event.get("tags").is_none(), "{event}");
    }
    vigie.stop();
}

/// Of util-linux: on every Debian.
#[tokio::test]
async fn logger_is_understood_in_all_its_ways() {
    let sends = |arguments: &[&str]| Command::new("logger").args(arguments).status();
    if sends(&["--version"]).is_err() {
        return skip("no logger here");
    }
    let dir = tempfile::tempdir().unwrap();
    let toml = [input("tcp", "type = \"syslog\""), input("udp", "type = \"syslog\"\ntransport = \"udp\"")];
    let vigie = Vigie::start_configured(&dir.path().join("data"), &toml.concat());
    let admin = vigie.login(ADMIN).await;
    let mut n = 0;
    for (way, name) in [("--tcp", "tcp"), ("--udp", "udp")] {
        for form in [&["--rfc5424"][..], &["--rfc3164"], &["--rfc5424", "--octet-count"]] {
            let port = vigie.input(name).port().to_string();
            n += 1;
            let message = format!("words{n} of the shop");
            let head = [
                way,
                "--server",
                "127.0.0.1",
                "--port",
                &port,
                "-p",
                "local1.warning",
                "-t",
                "shop",
                "--id=42",
            ];
            if way == "--udp" && form.contains(&"--octet-count") {
                continue;
            }
            assert!(sends(&[&head[..], form, &[&message]].concat()).unwrap().success(), "{way} {form:?}");
            let event = only(&admin, &format!("message:words{n}")).await;
            assert_eq!(event["message"], message, "{event}");
            assert_eq!(event["log"]["syslog"]["facility"]["name"], "local1", "{event}");
            assert_eq!(
                (&event["process"]["name"], &event["process"]["pid"], &event["log"]["level"]),
                (&json!("shop"), &json!(42), &json!("warning")),
                "{event}"
            );
            assert!(event.get("tags").is_none(), "{event}");
        }
    }
    vigie.stop();
}
