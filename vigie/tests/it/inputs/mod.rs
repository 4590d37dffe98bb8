//! Events over the network: each input of the real binary, spoken to as its clients do.

mod kills;
mod lumberjack;
mod lumberjack_client;
mod rsyslog;
mod tls;

use crate::harness::{ADMIN, Session, Vigie, command};
use serde_json::{Value, json};
use std::{
    fmt::Write as _,
    io::{Read, Write},
    net::{SocketAddr, TcpStream, UdpSocket},
    time::Duration,
};

/// An `[[inputs]]` entry on a free port.
fn input(name: &str, settings: &str) -> String {
    format!("[[inputs]]\nname = \"{name}\"\nlisten = \"127.0.0.1:0\"\n{settings}\n")
}

/// Sends bytes over a connection of its own and ends it.
fn send(address: SocketAddr, bytes: &[u8]) {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.write_all(bytes).unwrap();
}

/// The one event that a query finds.
async fn only(session: &Session<'_>, query: &str) -> Value {
    let found = session.search_until(json!({"query": query}), 1).await;
    found["hits"][0]["source"].clone()
}

async fn dead_letters(session: &Session<'_>) -> Vec<Value> {
    let (_, page) = session.get("/logs/dead-letters?limit=1000").await;
    page["items"].as_array().unwrap().clone()
}

/// The dead letters, as soon as there are so many.
async fn dead_letters_until(session: &Session<'_>, number: usize) -> Vec<Value> {
    let deadline = std::time::Instant::now() + crate::harness::PATIENCE;
    loop {
        let letters = dead_letters(session).await;
        if letters.len() >= number {
            assert_eq!(letters.len(), number, "{letters:?}");
            return letters;
        }
        assert!(std::time::Instant::now() < deadline, "only {letters:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn access(n: usize) -> String {
    format!(
        "203.0.113.7 - - [21/Nov/2026:10:00:00 +0000] \"GET /item/{n} HTTP/1.1\" 200 512 \"-\" \"curl/8.0\""
    )
}

#[tokio::test]
async fn a_shops_logs_over_syslog_are_what_they_would_be_by_upload() {
    let dir = tempfile::tempdir().unwrap();
    let vigie = Vigie::start_configured(&dir.path().join("data"), &input("syslog", "type = \"syslog\""));
    let admin = vigie.login(ADMIN).await;
    // A web server's line, in a frame that is counted; JSON of the shop by RFC 5424; a daemon; noise. One connection.
    let nginx = format!("<190>Nov 21 10:00:01 web1 nginx: {}", access(7));
    let shop = r#"<14>1 2026-11-21T10:00:02Z web1 shop 42 - [ctx@1 release="7"] {"event":{"dataset":"ecommerce.error"},"error_type":"Timeout","level":"error","message":"no answer"}"#;
    let stream = format!(
        "{} {nginx}{shop}\n<86>Nov 21 10:00:03 web1 sshd[12]: session opened for root\0no syslog at all\n",
        nginx.len()
    );
    send(vigie.input("syslog"), stream.as_bytes());

    let event = only(&admin, "url.path:\"/item/7\"").await;
    assert_eq!(event["event"]["dataset"], "ecommerce.access", "{event}");
    assert_eq!(event["source"]["ip"], "203.0.113.7");
    assert_eq!(event["@timestamp"], "2026-11-21T10:00:00.000Z", "the line's own time");
    assert_eq!(event["log"]["syslog"]["facility"], json!({"code": 23, "name": "local7"}));
    assert_eq!(event["log"]["source"]["address"], "127.0.0.1");
    assert_eq!((&event["host"]["hostname"], &event["process"]["name"]), (&json!("web1"), &json!("nginx")));
    assert_eq!(event["event"]["original"], access(7));

    let event = only(&admin, "event.dataset:ecommerce.error").await;
    assert_eq!((&event["log"]["level"], &event["process"]["pid"]), (&json!("error"), &json!(42)), "{event}");
    assert_eq!(event["log"]["syslog"]["structured_data"], json!({"ctx@1": {"release": "7"}}));
    assert_eq!(event["@timestamp"], "2026-11-21T10:00:02.000Z", "the header's time, as the record has none");

    let event = only(&admin, "process.name:sshd").await;
    assert_eq!(event["message"], "session opened for root", "{event}");
    assert_eq!((&event["log"]["level"], &event["event"]["dataset"]), (&json!("info"), &json!("text")));
    assert_eq!(event["event"]["original"], "<86>Nov 21 10:00:03 web1 sshd[12]: session opened for root");

    assert_eq!(event["@timestamp"], "2026-11-21T10:00:03.000Z", "the header's time");

    // Pairs with a time of their own under another name.
    send(
        vigie.input("syslog"),
        b"<12>Nov 21 10:00:05 web1 cart[7]: time=2026-11-21T09:59:00Z level=error msg=\"slow cart\" took_ms=120\n",
    );
    let event = only(&admin, "process.name:cart").await;
    assert_eq!(
        (&event["@timestamp"], &event["log"]["level"]),
        (&json!("2026-11-21T09:59:00.000Z"), &json!("error")),
        "{event}"
    );
    assert_eq!((&event["message"], &event["took_ms"]), (&json!("slow cart"), &json!(120)), "{event}");

    let event = only(&admin, "tags:_malformed_syslog").await;
    assert_eq!(event["message"], "no syslog at all", "{event}");
    assert_eq!(dead_letters(&admin).await, Vec::<Value>::new());
    vigie.stop();
}

#[tokio::test]
async fn each_port_has_a_pipeline_and_a_dataset_of_its_own() {
    let dir = tempfile::tempdir().unwrap();
    let toml = [
        input("web", "type = \"lines\"\npipeline = \"access\""),
        input("any", "type = \"lines\"\ndataset = \"shop.any\""),
        input("json", "type = \"json\""),
        input("cash", "type = \"json\"\ndataset = \"ecommerce.transaction\""),
    ];
    let vigie = Vigie::start_configured(&dir.path().join("data"), &toml.concat());
    let admin = vigie.login(ADMIN).await;
    send(vigie.input("web"), format!("{}\nnot an access line\n", access(1)).as_bytes());
    send(vigie.input("any"), format!("{}\n{}\n", access(2), access(3)).as_bytes());
    send(vigie.input("any"), b"2026-11-21 10:00:00 ERROR words without end");
    send(vigie.input("json"), b"{\"kind\":\"free\",\"n\":1}\r\n\nno json\n{\"kind\":\"free\",\"n\":2}");
    let payment = json!({"@timestamp": "2026-11-21T10:00:00Z", "transaction_id": "t-1", "user_id": "u", "amount": 12.5,
        "currency": "EUR", "payment_method": "card", "status": "approved"});
    send(vigie.input("cash"), format!("{payment}\n").as_bytes());
    send(vigie.input("cash"), format!("{payment}\n").as_bytes());

    admin.search_until(json!({"query": "event.dataset:ecommerce.access"}), 3).await;
    admin.search_until(json!({"query": "kind:free"}), 2).await;
    let event = only(&admin, "message:words").await;
    assert_eq!(
        (&event["log"]["level"], &event["event"]["dataset"]),
        (&json!("error"), &json!("shop.any")),
        "{event}"
    );
    let event = only(&admin, "event.dataset:ecommerce.transaction").await;
    assert!(event["fraud"]["verdict"].is_string(), "{event}");
    vigie.metric_until("ingest_input_events_total{input=\"cash\",outcome=\"duplicate\"}", 1.0).await;
    let mut dead: Vec<_> = dead_letters_until(&admin, 2)
        .await
        .into_iter()
        .map(|letter| {
            (
                letter["input"].clone(),
                letter["pipeline"].clone(),
                letter["original"].clone(),
                letter["line"].clone(),
            )
        })
        .collect();
    dead.sort_by_key(|letter| letter.0.to_string());
    assert_eq!(dead[0], (json!("json"), json!("json"), json!("no json"), json!(2)));
    assert_eq!(dead[1], (json!("web"), json!("access"), json!("not an access line"), json!(2)));
    vigie.stop();
}

#[tokio::test]
async fn a_dead_syslog_message_is_replayed_with_its_header() {
    let dir = tempfile::tempdir().unwrap();
    let toml = input(
        "s",
        "type = \"syslog\"\ndataset = \"shop.host\"\npipeline = \"later\"\ntime_zone = \"Europe/Paris\"",
    );
    let vigie = Vigie::start_configured(&dir.path().join("data"), &toml);
    let admin = vigie.login(ADMIN).await;
    send(vigie.input("s"), b"<13>Nov 21 10:00:00 web1 app[3]: hello\n");
    let letters = dead_letters_until(&admin, 1).await;
    assert_eq!(letters[0]["pipeline"], "later", "{letters:?}");
    let definition =
        json!({"processors": [{"set": {"field": "labels.seen", "value": "{{{log.syslog.appname}}}"}}]});
    let (status, answer) = admin
        .request(reqwest::Method::PUT, "/pipelines/later")
        .json(&definition)
        .send()
        .await
        .map(|r| (r.status(), r))
        .unwrap();
    assert!(status.is_success(), "{answer:?}");
    let (_, report) = admin.post("/logs/dead-letters/replay", json!({"ids": [letters[0]["id"]]})).await;
    assert_eq!((&report["replayed"], &report["indexed"]), (&json!(1), &json!(1)), "{report}");
    let event = only(&admin, "labels.seen:app").await;
    assert_eq!((&event["message"], &event["process"]["pid"]), (&json!("hello"), &json!(3)), "{event}");
    assert_eq!(event["event"]["dataset"], "shop.host");
    assert_eq!(event["@timestamp"], "2026-11-21T09:00:00.000Z");
    assert_eq!(dead_letters(&admin).await, Vec::<Value>::new());
    vigie.stop();
}

#[tokio::test]
async fn who_sends_too_much_or_too_slowly_or_from_elsewhere_is_told_from_the_others() {
    let dir = tempfile::tempdir().unwrap();
    let toml = [
        input(
            "lines",
            "type = \"lines\"\npipeline = \"text\"\nmax_line_bytes = 2048\nframe_timeout_secs = 1",
        ),
        input("idle", "type = \"lines\"\nidle_timeout_secs = 1"),
        input("far", "type = \"lines\"\nallow = [\"192.0.2.0/24\"]"),
        input("one", "type = \"lines\"\npipeline = \"text\"\nmax_connections = 1"),
    ];
    let vigie = Vigie::start_configured(&dir.path().join("data"), &toml.concat());
    let admin = vigie.login(ADMIN).await;
    // A line that is too long between two that are not.
    send(vigie.input("lines"), format!("before\n{}\nafter\n", "x".repeat(100_000)).as_bytes());
    only(&admin, "message:before").await;
    only(&admin, "message:after").await;
    let letters = dead_letters_until(&admin, 1).await;
    assert_eq!((&letters[0]["length_bytes"], &letters[0]["truncated"]), (&json!(100_000), &json!(true)));
    // A client that does not finish its line.
    let mut slow = TcpStream::connect(vigie.input("lines")).unwrap();
    slow.write_all(b"whole\nhalf a li").unwrap();
    assert_eq!(slow.read(&mut [0; 16]).unwrap(), 0, "it is closed");
    only(&admin, "message:whole").await;
    let letters = dead_letters_until(&admin, 2).await;
    let cut = letters.iter().find(|letter| letter["original"] == "half a li").unwrap();
    assert_eq!(cut["reason"], "the rest of it did not come in time");
    let mut idle = TcpStream::connect(vigie.input("idle")).unwrap();
    assert_eq!(idle.read(&mut [0; 16]).unwrap(), 0);
    vigie.metric_until("ingest_input_refused_total{input=\"idle\",reason=\"idle\"}", 1.0).await;
    let mut far = TcpStream::connect(vigie.input("far")).unwrap();
    // Closed, or reset.
    assert_eq!(far.read(&mut [0; 16]).unwrap_or(0), 0);
    vigie.metric_until("ingest_input_refused_total{input=\"far\",reason=\"address\"}", 1.0).await;
    // Garbage of all kinds on a port for lines, and a second connection that waits for the first to end.
    let mut first = TcpStream::connect(vigie.input("one")).unwrap();
    first.write_all(b"\x16\x03\x01\0\xa5\x01\xff\n").unwrap();
    let mut second = TcpStream::connect(vigie.input("one")).unwrap();
    second.write_all(b"patience\n").unwrap();
    only(&admin, "tags:_invalid_utf8").await;
    assert_eq!(vigie.metric("ingest_input_connections{input=\"one\"}").await, 1.0);
    drop(first);
    only(&admin, "message:patience").await;
    vigie.stop();
}

#[tokio::test]
async fn datagrams_are_taken_and_counted() {
    let dir = tempfile::tempdir().unwrap();
    let toml = [
        input("syslog", "type = \"syslog\"\ntransport = \"udp\""),
        input("json", "type = \"json\"\ntransport = \"udp\""),
        input("far", "type = \"lines\"\ntransport = \"udp\"\nallow = []"),
    ];
    let vigie = Vigie::start_configured(&dir.path().join("data"), &toml.concat());
    let admin = vigie.login(ADMIN).await;
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let to = |name: &str, bytes: &[u8]| socket.send_to(bytes, vigie.input(name)).unwrap();
    for n in 0..500 {
        to("syslog", format!("<190>Nov 21 10:00:01 web1 nginx: {}", access(n)).as_bytes());
    }
    to("syslog", b"<13>Nov 21 10:00:01 web1 app: two\nlines");
    to("json", b"{\"kind\":\"a\"}\n{\"kind\":\"a\"}\n");
    to("far", b"not for you");
    admin.search_until(json!({"query": "event.dataset:ecommerce.access", "size": 0}), 500).await;
    assert_eq!(only(&admin, "process.name:app").await["message"], "two\nlines");
    admin.search_until(json!({"query": "kind:a"}), 2).await;
    vigie.metric_until("ingest_input_datagrams_dropped_total{input=\"far\",reason=\"address\"}", 1.0).await;
    assert_eq!(vigie.metric("ingest_input_events_total{input=\"syslog\",outcome=\"indexed\"}").await, 501.0);
    vigie.stop();
}

/// More than the queue holds, faster than it is written: what is not stored is counted.
#[tokio::test]
async fn a_flood_of_datagrams_is_dropped_by_count() {
    let dir = tempfile::tempdir().unwrap();
    let toml =
        input("u", "type = \"lines\"\ntransport = \"udp\"\npipeline = \"text\"\nqueue_max_bytes = 65536");
    let vigie = Vigie::start_configured(&dir.path().join("data"), &toml);
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let text = "y".repeat(1_000);
    for n in 0..3_000 {
        socket.send_to(format!("{n} {text}").as_bytes(), vigie.input("u")).unwrap();
    }
    let dropped = "ingest_input_datagrams_dropped_total{input=\"u\",reason=\"full\"}";
    vigie.metric_until(dropped, 1.0).await;
    // What comes when there is room again is taken.
    let admin = vigie.login(ADMIN).await;
    let deadline = std::time::Instant::now() + crate::harness::PATIENCE;
    while admin.search(json!({"query": "message:last", "size": 0})).await["total"]["value"] == 0 {
        assert!(std::time::Instant::now() < deadline);
        socket.send_to(b"last", vigie.input("u")).unwrap();
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let indexed = vigie.metric("ingest_input_events_total{input=\"u\",outcome=\"indexed\"}").await;
    assert!(indexed > 1.0 && indexed < 3_000.0, "{indexed}");
    vigie.stop();
}

#[tokio::test]
async fn what_was_sent_before_the_end_is_there_after_it() {
    const LINES: usize = 3_000;
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let toml = [input("lines", "type = \"lines\""), input("u", "type = \"lines\"\ntransport = \"udp\"")];
    let vigie = Vigie::start_configured(&data, &toml.concat());
    let mut text = String::new();
    (0..LINES).for_each(|n| writeln!(text, "{}", access(n)).unwrap());
    // The connection stays open: only the signal ends it.
    let mut stream = TcpStream::connect(vigie.input("lines")).unwrap();
    stream.write_all(text.as_bytes()).unwrap();
    vigie.metric_until("ingest_input_connections_total{input=\"lines\"}", 1.0).await;
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    (0..100).for_each(|n| {
        socket.send_to(format!("datagram {n}").as_bytes(), vigie.input("u")).unwrap();
    });
    vigie.stop();
    assert_eq!(stream.read(&mut [0; 1]).unwrap_or(0), 0);
    let vigie = Vigie::start(&data);
    let admin = vigie.login(ADMIN).await;
    admin.search_until(json!({"query": "event.dataset:ecommerce.access", "size": 0}), LINES as u64).await;
    admin.search_until(json!({"query": "message:datagram", "size": 0}), 100).await;
    vigie.stop();
}

#[test]
fn config_check_explains_what_is_wrong_with_an_input() {
    let dir = tempfile::tempdir().unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = taken.local_addr().unwrap();
    std::fs::write(dir.path().join("key.pem"), "no key").unwrap();
    let path = |name: &str| dir.path().join(name).display().to_string();
    let check = |settings: &str, expected: &str| {
        let file = dir.path().join("vigie.toml");
        let toml = format!("[[inputs]]\ntype = \"lines\"\nname = \"shop\"\n{settings}\n");
        std::fs::write(&file, toml).unwrap();
        let output = command()
            .args(["config", "check", "--config"])
            .arg(&file)
            .arg("--data")
            .arg(dir.path().join("data"))
            .output()
            .unwrap();
        let text =
            format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert_eq!(output.status.success(), expected.is_empty(), "{text}");
        assert!(text.contains(expected), "{text:?} has no {expected:?}");
    };
    let free = "listen = \"127.0.0.1:0\"";
    check(free, "");
    check(&format!("{free}\npipeline = \"acess\""), "input \"shop\": there is no pipeline \"acess\"");
    check(&format!("listen = \"{taken}\""), &format!("input \"shop\": cannot listen on tcp {taken}"));
    check(
        &format!("{free}\ncertificate_file = \"{}\"\nkey_file = \"{}\"", path("none.pem"), path("key.pem")),
        "cannot read certificate_file",
    );
    check(
        &format!("{free}\ncertificate_file = \"{}\"\nkey_file = \"{}\"", path("key.pem"), path("key.pem")),
        "holds no certificate in PEM",
    );
    check(&format!("{free}\nmax_line_bytes = 1"), "max_line_bytes must be between");
    check(&format!("{free}\ntime_zone = \"Nowhere\""), "time_zone = \"Nowhere\"");
    check("listen = \"shop.example:1\"", "inputs.0.listen");
}
