use crate::harness::Service;
use event::{Event, Origin};
use serde_json::{Value, json};
use store::{
    logs::{LogStore, Refresh},
    scope::Scope,
};

/// Writes events, one a minute from this minute of 10 o'clock on.
pub(crate) async fn write(service: &Service, minutes: std::ops::Range<u32>) {
    let event = |minute: u32| {
        let at = format!("2026-11-21T10:{minute:02}:00Z");
        let fields = json!({
            "@timestamp": at, "event": {"id": format!("e{minute}")}, "message": "=cmd|' /C calc'!A0",
            "http": {"response": {"status_code": 502}},
        });
        let mut event = Event::new(fields.as_object().unwrap().clone(), Origin::Request);
        event.metadata.index = Some("ecommerce-logs-2026.11.21".into());
        event.metadata.id = Some(format!("e{minute}"));
        event.metadata.timestamp = Some(at.parse().unwrap());
        event
    };
    service.logs.write(&Scope::internal("test"), minutes.map(event).collect(), Refresh::Now).await.unwrap();
}

async fn search(service: &Service, body: Value) -> Value {
    let token = service.token("analyst").await;
    service.post("/api/v1/search", &token, body).await.expect(200)
}

fn ids(answer: &Value) -> Vec<&str> {
    answer["hits"].as_array().unwrap().iter().map(|hit| hit["id"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn pages_neither_repeat_nor_skip_while_data_arrives() {
    let service = Service::start().await;
    write(&service, 0..25).await;
    let mut body = json!({"size": 10});
    let mut seen: Vec<String> = Vec::new();
    let mut late = 30;
    loop {
        let answer = search(&service, body.clone()).await;
        seen.extend(ids(&answer).into_iter().map(str::to_owned));
        write(&service, late..late + 5).await;
        late += 5;
        body["cursor"] = answer["next_cursor"].clone();
        if body["cursor"].is_null() {
            break;
        }
    }
    let expected: Vec<String> = (0..25).rev().map(|minute| format!("e{minute}")).collect();
    assert_eq!(seen, expected);
}

/// As clients of the Elasticsearch API write them: nothing tells two of them apart but where they are.
#[tokio::test]
async fn pages_of_events_without_ids_of_their_own_neither_repeat_nor_skip() {
    let service = Service::start().await;
    let event = |number: usize| {
        let fields = json!({"@timestamp": "2026-11-20T10:00:00.000Z", "message": format!("m{number}")});
        let mut event = Event::new(fields.as_object().unwrap().clone(), Origin::Request);
        event.metadata.index = Some("ecommerce-logs-2026.11.20".into());
        event.metadata.id = Some(format!("b{number}"));
        event.metadata.timestamp = Some("2026-11-20T10:00:00Z".parse().unwrap());
        event
    };
    service.logs.write(&Scope::internal("test"), (0..25).map(event).collect(), Refresh::Now).await.unwrap();
    for sort in ["@timestamp:desc", "@timestamp:asc", "event.id:asc", "message.missing:desc"] {
        let mut body = json!({"size": 7, "sort": sort});
        let mut seen: Vec<String> = Vec::new();
        loop {
            let answer = search(&service, body.clone()).await;
            seen.extend(ids(&answer).into_iter().map(str::to_owned));
            body["cursor"] = answer["next_cursor"].clone();
            if body["cursor"].is_null() {
                break;
            }
        }
        seen.sort();
        let mut expected: Vec<String> = (0..25).map(|number| format!("b{number}")).collect();
        expected.sort();
        assert_eq!(seen, expected, "{sort}");
    }
}

#[tokio::test]
async fn the_last_page_has_no_cursor() {
    let service = Service::start().await;
    write(&service, 0..10).await;
    for (size, more) in [(9, true), (10, false), (11, false), (0, false)] {
        let answer = search(&service, json!({"size": size})).await;
        assert_eq!(answer["next_cursor"].is_string(), more, "{size}");
        assert_eq!(answer["total"], json!({"value": 10, "relation": "eq"}));
        assert_eq!(ids(&answer).len(), size.min(10));
    }
}

#[tokio::test]
async fn a_cursor_is_bound_to_its_search() {
    let service = Service::start().await;
    write(&service, 0..10).await;
    let (analyst, admin) = (service.token("analyst").await, service.token("admin").await);
    let body = json!({"size": 2, "query": "calc"});
    let first = service.post("/api/v1/search", &analyst, body.clone()).await.expect(200);
    let with = |change: Value| {
        let mut body = body.clone();
        body["cursor"] = first["next_cursor"].clone();
        body.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        body
    };
    service.post("/api/v1/search", &analyst, with(json!({"size": 3}))).await.expect(200);
    for change in [
        json!({"query": "cmd"}),
        json!({"index": "device-logs-*"}),
        json!({"from": "now-1h"}),
        json!({"cursor": "x"}),
    ] {
        service.post("/api/v1/search", &analyst, with(change)).await.expect(400);
    }
    service.post("/api/v1/search", &admin, with(json!({}))).await.expect(400);
}

#[tokio::test]
async fn equal_searches_are_answered_once_until_data_changes() {
    let service = Service::start().await;
    write(&service, 0..5).await;
    let runs = || service.logs.searches.lock().len();
    let body = json!({"from": "now-24h", "to": "now"});
    let first = search(&service, body.clone()).await;
    assert_eq!((first["cached"].clone(), runs()), (json!(false), 1));
    service.clock.advance(std::time::Duration::from_millis(900));
    let second = search(&service, body.clone()).await;
    assert_eq!((second["cached"].clone(), runs()), (json!(true), 1));
    assert_eq!(second["hits"], first["hits"]);
    write(&service, 5..6).await;
    let third = search(&service, body.clone()).await;
    assert_eq!((third["cached"].clone(), runs()), (json!(false), 2));
    assert_eq!(ids(&third).len(), 6);
    let admin = service.token("admin").await;
    let other = service.post("/api/v1/search", &admin, body).await.expect(200);
    assert_eq!(other["cached"], false, "another reach is another answer");
}

#[tokio::test]
async fn equal_searches_at_the_same_time_are_run_once() {
    let service = Service::start().await;
    write(&service, 0..5).await;
    let token = service.token("analyst").await;
    let answers = (0..20).map(|_| service.post("/api/v1/search", &token, json!({"query": "calc"})));
    for answer in futures::future::join_all(answers).await {
        assert_eq!(ids(&answer.expect(200)).len(), 5);
    }
    assert_eq!(service.logs.searches.lock().len(), 1);
}

#[tokio::test]
async fn histograms_have_their_empty_buckets() {
    let service = Service::start().await;
    write(&service, 0..2).await;
    write(&service, 4..5).await;
    let answer = search(&service, json!({"histogram": {"interval": "1m"}})).await;
    let counts: Vec<u64> = answer["histogram"]
        .as_array()
        .unwrap()
        .iter()
        .map(|bucket| bucket["count"].as_u64().unwrap())
        .collect();
    assert_eq!(counts, [1, 1, 0, 0, 1]);
    assert_eq!(answer["histogram"][0]["time"], "2026-11-21T10:00:00Z");
    assert!(answer.get("aggs").is_none());
    let day = search(&service, json!({"from": "2026-11-21", "to": "2026-11-21", "histogram": {}})).await;
    assert_eq!(day["histogram"].as_array().unwrap().len(), 72, "20 minutes each");
}

#[tokio::test]
async fn the_address_asks_the_same() {
    let service = Service::start().await;
    write(&service, 0..5).await;
    let token = service.token("analyst").await;
    let path = "/api/v1/logs?q=http.response.status_code%20%3E%3D%20500&from=2026-11-21T10:01:00Z&to=2026-11-21T10:03:00Z&sort=@timestamp:desc&size=2";
    let answer = service.get(path, &token).await.expect(200);
    assert_eq!(ids(&answer), ["e3", "e2"]);
    insta::assert_json_snapshot!("search_body", service.logs.searches.lock().last().unwrap());
    service.get("/api/v1/logs?qq=x", &token).await.expect(400);
    let problem = service.get("/api/v1/logs?q=(a", &token).await.expect(400);
    assert_eq!(problem["errors"][0]["field"], "query", "{problem}");
    service.get("/api/v1/logs?index=-x", &token).await.expect(400);
    service.get("/api/v1/logs?from=yesterday", &token).await.expect(400);
}

#[tokio::test]
async fn exports_are_whole_and_harmless() {
    let service = Service::with(|config| config.limits.export_rows_max = 7).await;
    write(&service, 0..5).await;
    let token = service.token("analyst").await;
    let export = async |format: &str, body: Value| {
        let answer = service.post(&format!("/api/v1/search/export?format={format}"), &token, body).await;
        assert_eq!(answer.status, 200);
        String::from_utf8(answer.body.to_vec()).unwrap()
    };
    let csv = export("csv", json!({})).await;
    let mut rows = csv.split("\r\n");
    assert_eq!(rows.next(), Some("@timestamp,event.id,http.response.status_code,message"));
    assert_eq!(rows.next(), Some("2026-11-21T10:04:00Z,e4,502,'=cmd|' /C calc'!A0"));
    assert_eq!(csv.lines().count(), 6);
    assert!(export("csv", json!({"fields": ["event.id"]})).await.starts_with("event.id\r\ne4\r\n"));
    assert_eq!(export("csv", json!({"to": "2020-01-01"})).await, "@timestamp\r\n");
    let lines = export("ndjson", json!({})).await;
    assert!(lines.lines().all(|line| serde_json::from_str::<Value>(line).is_ok()));
    assert_eq!(lines.lines().count(), 5);
    write(&service, 5..10).await;
    assert_eq!(export("ndjson", json!({})).await.lines().count(), 7, "the limit on rows");
    service.post("/api/v1/search/export?format=xls", &token, json!({})).await.expect(400);
    service.post("/api/v1/search/export?format=csv", &token, json!({"query": "(a"})).await.expect(400);
}
