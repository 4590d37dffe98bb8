//! Verdicts over HTTP and in uploads.

use crate::harness::{ADMIN, PASSWORD, Vigie, repository};
use reqwest::StatusCode;
use serde_json::{Value, json};
use std::collections::HashMap;

fn transaction(id: &str, time: &str, amount: f64) -> Value {
    json!({
        "@timestamp": time, "event": {"dataset": "ecommerce.transaction"}, "transaction_id": id, "order_id": format!("o-{id}"),
        "user_id": "u-1", "amount": amount, "currency": "EUR", "payment_method": "card",
        "card": {"number": "4111 1111 1111 1111", "country": "DE"}, "ip": "8.8.8.8", "device_id": "d-1",
        "email": "buyer@example.org", "billing_country": "DE", "shipping_country": "DE", "status": "approved",
    })
}

#[tokio::test]
async fn a_verdict_on_request_is_kept_once() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let vigie = Vigie::start(&data);
    let analyst = vigie.account("analyst").await;
    let mut last = Value::Null;
    for second in 10..22 {
        let id = format!("t-{second}");
        let (status, verdict) = analyst
            .post("/fraud/verdicts", transaction(&id, &format!("2026-11-10T10:00:{second}Z"), 25.0))
            .await;
        assert_eq!(status, StatusCode::OK, "{verdict}");
        assert_eq!(verdict["transaction_id"], id);
        last = verdict;
    }
    assert_ne!(last["verdict"], "allow", "twelve payments in twelve seconds: {last}");
    assert!(
        last["reasons"]
            .as_array()
            .unwrap()
            .iter()
            .any(|reason| reason["code"].as_str().unwrap().contains("velocity")),
        "{last}"
    );

    // Asked again: the same answer, and no second event.
    let (_, again) = analyst.post("/fraud/verdicts", transaction("t-21", "2026-11-10T10:00:21Z", 25.0)).await;
    for member in ["verdict", "score", "reasons"] {
        assert_eq!(again[member], last[member], "{again}");
    }
    let found =
        analyst.search_until(json!({"query": "event.dataset:ecommerce.transaction", "size": 20}), 12).await;

    // The card's number is nowhere.
    assert!(!found.to_string().contains("4111 1111"), "{found}");
    assert!(!found.to_string().contains("4111111111111111"), "{found}");
    assert_eq!(found["hits"][0]["source"]["ecommerce"]["card"]["last4"], "1111");

    // A chargeback changes the stored event and adds a label; it is not a new event.
    let mut chargeback = transaction("t-10", "2026-11-17T10:00:00Z", 25.0);
    chargeback["status"] = json!("chargeback");
    let (status, _) = analyst.post("/logs/events?pipeline=transaction", json!([chargeback])).await;
    assert!(status.is_success());
    analyst.search_until(json!({"query": "ecommerce.transaction.status:chargeback", "size": 1}), 1).await;
    analyst.search_until(json!({"query": "event.dataset:ecommerce.transaction", "size": 0}), 12).await;

    // All of it is there after a crash, and the history still counts.
    vigie.kill();
    let vigie = Vigie::start(&data);
    let analyst = vigie.login("analyst@shop.example").await;
    let (status, kept) = analyst.get("/fraud/verdicts/t-21").await;
    assert_eq!(status, StatusCode::OK, "{kept}");
    assert_eq!(kept["score"], last["score"], "{kept}");
    let (_, next) = analyst.post("/fraud/verdicts", transaction("t-22", "2026-11-10T10:00:22Z", 25.0)).await;
    assert_ne!(next["verdict"], "allow", "the velocity must survive a restart: {next}");
}

#[tokio::test]
async fn odd_transactions_get_clear_answers() {
    let dir = tempfile::tempdir().unwrap();
    let vigie = Vigie::start(&dir.path().join("data"));
    let analyst = vigie.account("analyst").await;
    let refused = async |change: &dyn Fn(&mut Value)| {
        let mut body = transaction("odd", "2026-11-10T10:00:00Z", 10.0);
        change(&mut body);
        let (status, answer) = analyst.post("/fraud/verdicts", body).await;
        assert!(status.is_client_error(), "{status} {answer}");
        assert!(answer["detail"].is_string(), "{answer}");
    };
    refused(&|t| t["transaction_id"] = Value::Null).await;
    refused(&|t| t["amount"] = json!("a lot")).await;
    refused(&|t| t["@timestamp"] = json!("2999-01-01T00:00:00Z")).await;
    refused(&|t| *t = json!("no object")).await;
    // Sparse, but enough for a verdict.
    let sparse = json!({"@timestamp": "2026-11-10T10:00:00Z", "transaction_id": "sparse", "amount": 5, "currency": "EUR", "status": "approved"});
    let (status, verdict) = analyst.post("/fraud/verdicts", sparse).await;
    assert_eq!((status, &verdict["verdict"]), (StatusCode::OK, &json!("allow")), "{verdict}");
}

#[tokio::test]
async fn the_known_frauds_of_the_sample_shop_are_found() {
    let dir = tempfile::tempdir().unwrap();
    let vigie = Vigie::start(&dir.path().join("data"));
    let analyst = vigie.account("analyst").await;
    let upload = analyst
        .upload("transactions.ndjson", std::fs::read(repository("fixtures/transactions.ndjson")).unwrap())
        .await;
    assert_eq!(upload["state"], "done", "{upload}");
    let labels = std::fs::read_to_string(repository("fixtures/transactions.labels.ndjson")).unwrap();
    let labels: HashMap<String, bool> = labels
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
        .map(|label| (label["transaction_id"].as_str().unwrap().to_owned(), label["label"] == "fraud"))
        .collect();
    let (mut caught, mut false_alarms, mut seen) = (0_u32, 0_u32, 0_u32);
    let mut path = "/fraud/verdicts?limit=500".to_owned();
    loop {
        let (status, page) = analyst.get(&path).await;
        assert_eq!(status, StatusCode::OK, "{page}");
        for verdict in page["items"].as_array().unwrap() {
            seen += 1;
            let fraud = labels.get(verdict["transaction_id"].as_str().unwrap()).copied().unwrap_or(false);
            let suspected = verdict["verdict"] != "allow";
            assert!(!suspected || !verdict["reasons"].as_array().unwrap().is_empty(), "{verdict}");
            caught += u32::from(fraud && suspected);
            false_alarms += u32::from(!fraud && suspected);
        }
        match page["next_cursor"].as_str() {
            Some(cursor) => path = format!("/fraud/verdicts?limit=500&cursor={cursor}"),
            None => break,
        }
    }
    let frauds = u32::try_from(labels.values().filter(|fraud| **fraud).count()).unwrap();
    println!("{seen} verdicts: {caught} of {frauds} frauds suspected, {false_alarms} false alarms");
    // Ordinary payments that are disputed later are among the frauds: nobody can know them.
    assert!(caught * 100 >= frauds * 65, "{caught} of {frauds}");
    assert!(false_alarms * 100 <= (seen - frauds) * 2, "{false_alarms} of {}", seen - frauds);
}

#[tokio::test]
async fn transactions_of_other_shippers_are_judged_too() {
    let dir = tempfile::tempdir().unwrap();
    let vigie = Vigie::start(&dir.path().join("data"));
    let analyst = vigie.account("analyst").await;
    let elastic = async |path: &str, body: String| -> Value {
        let request = vigie.client.post(format!("{}{path}", vigie.elastic)).basic_auth(ADMIN, Some(PASSWORD));
        let request = request.header("content-type", "application/x-ndjson").body(body);
        request.send().await.unwrap().json().await.unwrap()
    };
    let bulk = |index: &str, ids: std::ops::Range<u32>| {
        let lines = ids.map(|second| {
            let payment = transaction(&format!("b-{second}"), &format!("2026-11-10T10:00:{second}Z"), 25.0);
            format!("{}\n{payment}\n", json!({"index": {"_index": index}}))
        });
        lines.collect::<String>()
    };
    let index = "ecommerce-logs-2026.11.10";
    let path = "/_bulk?refresh=true&pipeline=transaction";
    let answer = elastic(path, bulk(index, 10..22)).await;
    assert_eq!(answer["errors"], false, "{answer}");
    let (status, verdict) = analyst.get("/fraud/verdicts/b-21").await;
    assert_eq!(status, StatusCode::OK, "{verdict}");
    assert_ne!(verdict["verdict"], "allow", "twelve payments in twelve seconds: {verdict}");
    let by_verdict =
        json!({"query": {"exists": {"field": "fraud.verdict"}}, "track_total_hits": true}).to_string();
    let found = elastic(&format!("/{index}/_search"), by_verdict.clone()).await;
    assert_eq!(found["hits"]["total"]["value"], 12, "{found}");

    // Sent again they are not doubled; work on what is stored judges nothing.
    let again = elastic(path, bulk(index, 20..22)).await;
    assert!(again["items"].as_array().unwrap().iter().all(|item| item["index"]["status"] == 409), "{again}");
    let touched = elastic(&format!("/{index}/_update_by_query?refresh=true"), "{}".to_owned()).await;
    assert_eq!((&touched["updated"], &touched["version_conflicts"]), (&json!(12), &json!(0)), "{touched}");
    let found = elastic(&format!("/{index}/_search"), by_verdict.clone()).await;
    assert_eq!(found["hits"]["total"]["value"], 12, "{found}");

    // An update that makes a transaction is no way around the verdict, by its name or an alias; one that finds its document
    // changes it.
    let payment = |id: &str, second: u32| {
        json!({"event": {"dataset": "ecommerce.transaction"}, "@timestamp": format!("2026-11-10T11:00:{second}Z"),
            "ecommerce": {"transaction": {"id": id, "amount": 25.0, "currency": "EUR"}}})
    };
    let alias = json!({"actions": [{"add": {"index": index, "alias": "payments", "is_write_index": true}}]});
    elastic("/_aliases", alias.to_string()).await;
    let script = json!({"source": "ctx._source.seen = true"});
    for (name, id, body, expected) in [
        (index, "u-1", json!({"doc": payment("u-1", 10), "doc_as_upsert": true}), "created"),
        (index, "u-2", json!({"script": script, "upsert": payment("u-2", 11)}), "created"),
        ("payments", "u-3", json!({"doc": {"note": "x"}, "upsert": payment("u-3", 12)}), "created"),
        (index, "u-1", json!({"doc": {"note": "later"}, "upsert": payment("u-1", 10)}), "updated"),
        (index, "u-2", json!({"script": script, "upsert": payment("u-2", 11)}), "updated"),
    ] {
        let answer = elastic(&format!("/{name}/_update/{id}?refresh=true"), body.to_string()).await;
        assert_eq!(
            (&answer["result"], &answer["_index"]),
            (&json!(expected), &json!(index)),
            "{id}: {answer}"
        );
        let (status, verdict) = analyst.get(&format!("/fraud/verdicts/{id}")).await;
        assert_eq!((status, &verdict["id"]), (StatusCode::OK, &json!(id)), "{verdict}");
    }
    let update = json!({"update": {"_index": index, "_id": "u-4"}});
    let upsert = json!({"doc": payment("u-4", 13), "doc_as_upsert": true});
    let answer = elastic("/_bulk?refresh=true", format!("{update}\n{upsert}\n")).await;
    assert_eq!(answer["items"][0]["update"]["status"], 201, "{answer}");
    let scripted = json!({"script": script, "scripted_upsert": true, "upsert": payment("u-5", 14)});
    let answer = elastic(&format!("/{index}/_update/u-5"), scripted.to_string()).await;
    assert_eq!(answer["status"], 400, "{answer}");
    let found = elastic(&format!("/{index}/_search"), by_verdict.clone()).await;
    assert_eq!(found["hits"]["total"]["value"], 16, "{found}");

    // Elsewhere a transaction is a document as any other.
    let action = json!({"index": {"_index": "rehearsal"}});
    let payment = json!({"event": {"dataset": "ecommerce.transaction"}, "@timestamp": "2026-11-10T10:00:30Z",
        "ecommerce": {"transaction": {"id": "r-1", "amount": 25.0, "currency": "EUR"}}});
    let answer = elastic("/_bulk?refresh=true", format!("{action}\n{payment}\n")).await;
    assert_eq!(answer["errors"], false, "{answer}");
    let found = elastic("/rehearsal/_search", by_verdict).await;
    assert_eq!(found["hits"]["total"]["value"], 0, "{found}");
    vigie.stop();
}
