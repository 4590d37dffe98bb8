//! Log patterns: at night the shop throws errors, and two hundred thousand lines are twelve kinds of lines.

use crate::harness::{Session, Vigie};
use reqwest::StatusCode;
use serde_json::{Value, json};
use std::{collections::BTreeMap, fmt::Write, time::Duration};

const PAYMENTS: u64 = 300;
const ORDERS: u64 = 120;

/// Lines of an application's log: payments refused all day, and a new kind of error from noon on.
fn shop_log() -> Vec<u8> {
    let mut text = String::new();
    let mut line = |minute: u64, level: &str, message: String| {
        let (hour, minute) = (8 + minute / 60, minute % 60);
        let event = json!({"@timestamp": format!("2026-11-20T{hour:02}:{minute:02}:00Z"), "level": level,
            "event": {"dataset": "shop.checkout"}, "message": message});
        writeln!(text, "{event}").unwrap();
    };
    for n in 0..PAYMENTS {
        let bank = ["Nordbank", "Sparbank"][usize::from(n % 2 == 1)];
        line(
            n,
            "warn",
            format!("Payment {n} refused by {bank}: timeout after {} ms for card {:08x}", n * 3, n * 7919),
        );
    }
    for n in 0..ORDERS {
        line(n * 2, "info", format!("Order #{n} paid"));
    }
    for name in ["ann", "ben", "cleo", "dan", "eve", "fay", "gus", "hal"] {
        line(250, "error", format!("Login of {name} failed with password={name}-secret"));
    }
    text.into_bytes()
}

async fn patterns(session: &Session<'_>, query: &str) -> Value {
    let (status, page) = session.get(&format!("/logs/patterns?{query}")).await;
    assert_eq!(status, StatusCode::OK, "{page}");
    page
}

/// Counts by template.
fn counts(page: &Value) -> BTreeMap<String, u64> {
    let item =
        |item: &Value| (item["template"].as_str().unwrap().to_owned(), item["count"].as_u64().unwrap());
    page["items"].as_array().unwrap().iter().map(item).collect()
}

fn expected() -> BTreeMap<String, u64> {
    let known = [
        ("Login of <*> failed with password=[redacted]", 8),
        ("Order <*> paid", ORDERS),
        ("Payment <*> refused by <*>: timeout after <*> ms for card <*>", PAYMENTS),
    ];
    known.map(|(template, count)| (template.to_owned(), count)).into()
}

async fn found(session: &Session<'_>, total: u64) {
    session.search_until(json!({"query": "event.dataset:shop.checkout", "size": 0}), total).await;
}

const ALL: u64 = PAYMENTS + ORDERS + 8;

#[tokio::test]
async fn a_night_of_errors_is_a_few_patterns() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let settings = "[auth.masked_fields]\nanalyst = [\"message\"]\n";
    let vigie = Vigie::start_configured(&data, settings);
    let admin = vigie.login(crate::harness::ADMIN).await;
    let upload = admin.upload("shop.ndjson", shop_log()).await;
    assert_eq!((&upload["state"], &upload["indexed"]), (&json!("done"), &json!(ALL)), "{upload}");
    found(&admin, ALL).await;

    // What kinds of messages are there, how many of each, when, how bad?
    let page = patterns(&admin, "from=2026-11-20&to=2026-11-20&dataset=shop.checkout").await;
    assert_eq!(counts(&page), expected(), "{page:#}");
    assert_eq!((&page["patterns"], &page["events"]), (&json!(3), &json!(ALL)));
    assert!(!page.to_string().contains("secret"), "{page}");
    let payment = &page["items"][0];
    assert_eq!(payment["levels"], json!([{"level": "warn", "count": PAYMENTS}]), "{payment}");
    assert_eq!(payment["first"], "2026-11-20T08:00:00Z");
    assert_eq!(payment["last"], "2026-11-20T12:59:00Z");
    assert!(payment["sample"].as_str().unwrap().starts_with("Payment 299 refused by"), "{payment}");
    let histogram = payment["histogram"].as_array().unwrap();
    assert!((2..=30).contains(&histogram.len()), "{histogram:?}");
    assert_eq!(histogram.iter().map(|bucket| bucket["count"].as_u64().unwrap()).sum::<u64>(), PAYMENTS);

    // Which are new since the deployment at noon?
    let since = "from=2026-11-20&new_since=2026-11-20T12:00:00Z";
    let page = patterns(&admin, since).await;
    let new: Vec<_> =
        page["items"].as_array().unwrap().iter().map(|item| item["new"].as_bool().unwrap()).collect();
    assert_eq!(new, [false, false, true], "{page:#}");
    let page = patterns(&admin, &format!("{since}&only_new=true")).await;
    assert_eq!(
        counts(&page).into_keys().collect::<Vec<_>>(),
        ["Login of <*> failed with password=[redacted]"]
    );

    // One of them is clicked: its events, all of them.
    let logins = &page["items"][0];
    let filter = json!({"filters": [{"terms": {"log.pattern.id": logins["ids"]}}], "size": 1});
    assert_eq!(admin.search(filter).await["total"]["value"], 8);
    let id = payment["id"].as_str().unwrap();
    let by_query = admin.search(json!({"query": format!("log.pattern.id:{id}"), "size": 0})).await;
    assert_eq!(by_query["total"]["value"], PAYMENTS);

    // Page by page, and only some events.
    let first = patterns(&admin, "limit=2").await;
    let cursor = first["next_cursor"].as_str().unwrap();
    let second = patterns(&admin, &format!("limit=2&cursor={cursor}")).await;
    let all: BTreeMap<_, _> = counts(&first).into_iter().chain(counts(&second)).collect();
    assert_eq!((all, &second["next_cursor"]), (expected(), &Value::Null));
    let page = patterns(&admin, "q=log.level:error").await;
    assert_eq!(page["events"], 8, "{page:#}");
    let page = patterns(&admin, "dataset=other").await;
    assert_eq!((&page["items"], &page["events"]), (&json!([]), &json!(0)));
    for bad in [
        "limit=0",
        "limit=201",
        "q=%22",
        "from=x",
        "new_since=x",
        "dataset=,",
        "cursor=x",
        "what=1",
        "only_new=true",
    ] {
        let (status, problem) = admin.get(&format!("/logs/patterns?{bad}")).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{bad}: {problem}");
    }

    // The Elasticsearch port groups by the field.
    let aggregation = json!({"size": 0, "aggs": {"kinds": {"terms": {"field": "log.pattern.id"}}}});
    let (status, answer) = vigie.ask("POST", "/ecommerce-logs-*/_search", aggregation.to_string()).await;
    let buckets = &answer["aggregations"]["kinds"]["buckets"];
    assert_eq!((status, &buckets[0]), (200, &json!({"key": id, "doc_count": PAYMENTS})), "{answer}");

    // Viewers see none, and who does not see messages does not see what tells of them.
    let viewer = vigie.account("viewer").await;
    assert_eq!(viewer.get("/logs/patterns").await.0, StatusCode::FORBIDDEN);
    assert_eq!(vigie.anonymous().get("/logs/patterns").await.0, StatusCode::UNAUTHORIZED);
    let analyst = vigie.account("analyst").await;
    assert_eq!(analyst.get("/logs/patterns").await.0, StatusCode::FORBIDDEN);
    let found = analyst.search(json!({"query": "event.dataset:shop.checkout", "size": 1})).await;
    assert_eq!(found["total"]["value"], ALL, "{found}");
    assert!(found["hits"][0]["source"]["log"].get("pattern").is_none(), "{found}");
    let guess = json!({"query": format!("log.pattern.id:{id}"), "size": 0});
    assert_eq!(analyst.search(guess).await["total"]["value"], 0);
}

#[tokio::test]
async fn ids_survive_restarts_and_kills() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let send = async |vigie: &Vigie, names: &[&str]| {
        let events: Vec<_> = names
            .iter()
            .map(|name| {
                json!({"@timestamp": "2026-11-20T10:00:00Z", "event": {"dataset": "shop.checkout"},
                "message": format!("Login of {name} failed")})
            })
            .collect();
        let admin = vigie.login(crate::harness::ADMIN).await;
        let (status, report) = admin.post("/logs/events?pipeline=json", json!(events)).await;
        assert_eq!((status, &report["indexed"]), (StatusCode::OK, &json!(names.len())), "{report}");
    };
    let vigie = Vigie::start(&data);
    send(&vigie, &["ann", "ben", "cleo", "dan"]).await;
    // At once after the answer: the patterns were durable before the events.
    vigie.kill();
    let vigie = Vigie::start(&data);
    // One name more shows that names are values; a service that had forgotten the others could not know.
    send(&vigie, &["eve", "fay"]).await;
    vigie.kill();
    let vigie = Vigie::start(&data);
    send(&vigie, &["ben", "gus"]).await;
    vigie.stop();

    let vigie = Vigie::start(&data);
    let admin = vigie.login(crate::harness::ADMIN).await;
    found(&admin, 8).await;
    let page = patterns(&admin, "").await;
    assert_eq!(counts(&page), [("Login of <*> failed".to_owned(), 8)].into(), "{page:#}");
    assert_eq!(page["items"][0]["ids"].as_array().unwrap().len(), 4);
    vigie.stop();

    // Where patterns are forgotten, their events tell what they were.
    let small = [("VIGIE_PATTERNS__PER_DATASET_MAX", "1")];
    let vigie = Vigie::start_with(&data, &small);
    send(&vigie, &["hal"]).await;
    let admin = vigie.login(crate::harness::ADMIN).await;
    let other = json!([{"@timestamp": "2026-11-20T11:00:00Z", "event": {"dataset": "shop.checkout"}, "message": "Cart 7 is empty"}]);
    admin.post("/logs/events?pipeline=json", other).await;
    found(&admin, 10).await;
    let page = patterns(&admin, "new_since=2026-11-20T10:30:00Z").await;
    assert_eq!(counts(&page)["Cart <*> is empty"], 1, "{page:#}");
    let forgotten = &page["items"][0];
    assert!(forgotten["template"].as_str().unwrap().starts_with("Login of "), "{page:#}");
    assert_eq!(
        (&forgotten["first_seen"], &forgotten["new"]),
        (&json!("2026-11-20T10:00:00Z"), &json!(false))
    );
    vigie.stop();

    // Switched off, nothing is marked.
    let vigie = Vigie::start_with(&data, &[("VIGIE_PATTERNS__ENABLED", "false")]);
    send(&vigie, &["ida"]).await;
    let admin = vigie.login(crate::harness::ADMIN).await;
    found(&admin, 11).await;
    let marked = admin.search(json!({"query": "log.pattern.id:*", "size": 0})).await;
    assert_eq!(marked["total"]["value"], 10, "{marked}");
    tokio::time::timeout(Duration::from_secs(60), async { patterns(&admin, "").await }).await.unwrap();
}
