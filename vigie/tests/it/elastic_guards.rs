//! What writes on the Elasticsearch port must not get around: redaction, verdicts, masks, grants.

use crate::{
    elastic_access::{Caller, check, key},
    harness::{ADMIN, Vigie},
};
use reqwest::Method;
use serde_json::{Value, json};

const CARD: &str = "4111111111111111";

async fn source(caller: &Caller<'_>, path: &str) -> String {
    let (status, found) = caller.ask(Method::GET, path, Value::Null).await;
    assert_eq!(status, 200, "{found}");
    found["_source"].to_string()
}

/// Neither a literal nor what a script puts together is kept.
#[tokio::test]
async fn scripts_cannot_put_a_card_together() {
    let directory = tempfile::tempdir().unwrap();
    let vigie = Vigie::start(directory.path());
    let admin = Caller::admin(&vigie);
    let built =
        "ctx._source.note = 'paid ' + '4111' + '1111' + '1111' + '1111'; ctx._source.password = 'open'";
    let whole = "ctx._source.note = 'paid 4111111111111111'; ctx._source.n = 4111111111111111L";
    for (id, script) in [("1", built), ("2", whole)] {
        let path = format!("/notes/_update/{id}");
        let body = json!({"script": script, "upsert": {"a": 1}});
        // The second time the script runs over what the first has made.
        check(&admin, &[(Method::POST, &path, body.clone(), 201), (Method::POST, &path, body, 200)]).await;
        let kept = source(&admin, &format!("/notes/_doc/{id}")).await;
        assert!(kept.contains("paid card:") && !kept.contains(CARD) && !kept.contains("open"), "{kept}");
    }
    let body = json!({"script": built, "upsert": {}, "scripted_upsert": true});
    check(
        &admin,
        &[
            (Method::POST, "/notes/_update/3", body.clone(), 201),
            (Method::POST, "/notes/_refresh", Value::Null, 200),
            (Method::POST, "/notes/_update_by_query?refresh=true", json!({"script": whole}), 200),
            (
                Method::POST,
                "/_reindex",
                json!({"source": {"index": "notes"}, "dest": {"index": "copies"}, "script": {"source": built}}),
                200,
            ),
            // What dashboards keep is theirs.
            (Method::POST, "/.kibana_1/_update/1", body, 201),
        ],
    )
    .await;
    for path in ["/notes/_doc/3", "/notes/_doc/1", "/copies/_doc/1"] {
        let kept = source(&admin, path).await;
        assert!(kept.contains("card:") && !kept.contains(CARD) && !kept.contains("open"), "{path}: {kept}");
    }
    assert!(source(&admin, "/.kibana_1/_doc/1").await.contains(CARD));
}

/// An alias that looks like a name of dashboards', or like no shop's, changes nothing.
#[tokio::test]
async fn an_alias_leads_past_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let vigie = Vigie::start(directory.path());
    let admin = Caller::admin(&vigie);
    let shop = "ecommerce-logs-2026.11.10";
    let payment = json!({"event": {"dataset": "ecommerce.transaction"}, "@timestamp": "2026-11-10T10:00:30Z",
        "ecommerce": {"transaction": {"id": "a-1", "amount": 25.0, "currency": "EUR"}}});
    check(
        &admin,
        &[
            (Method::PUT, "/notes", json!({"aliases": {".inbox": {}}}), 200),
            (Method::PUT, "/.inbox/_doc/1", json!({"note": CARD}), 201),
            (Method::POST, "/.inbox/_update/1", json!({"doc": {"more": CARD}}), 200),
            (Method::POST, "/.inbox/_update/2", json!({"doc": {"note": CARD}, "doc_as_upsert": true}), 201),
            (
                Method::PUT,
                &format!("/{shop}"),
                json!({"aliases": {".payments": {"index_routing": "r"}}}),
                200,
            ),
            (Method::PUT, "/.payments/_doc/1?require_alias=true", payment, 201),
        ],
    )
    .await;
    for path in ["/notes/_doc/1", "/notes/_doc/2"] {
        let kept = source(&admin, path).await;
        assert!(kept.contains("card:") && !kept.contains(CARD), "{kept}");
    }
    let (_, found) = admin.ask(Method::GET, &format!("/{shop}/_doc/1?routing=r"), Value::Null).await;
    assert_eq!(found["_routing"], "r", "{found}");
    assert!(found["_source"]["fraud"]["verdict"].is_string(), "{found}");
    let (_, verdict) = vigie.login(ADMIN).await.get("/fraud/verdicts/a-1").await;
    assert_eq!(verdict["index"], shop, "where it stays when the alias goes on: {verdict}");
}

/// Who does not see a value must not find it out by whether writing it changes anything.
#[tokio::test]
async fn updates_tell_nothing_of_what_is_hidden() {
    let directory = tempfile::tempdir().unwrap();
    let vigie = Vigie::start(directory.path());
    let admin = Caller::admin(&vigie);
    check(&admin, &[(Method::PUT, "/shop/_doc/1", json!({"email": "a@b.example", "n": 1}), 201)]).await;
    let masked = json!({"name": "m", "privileges": ["read", "write"], "indices": ["shop"], "masked_fields": ["email"]});
    let writing = json!({"name": "w", "privileges": ["write"], "indices": ["shop"]});
    let seeing = json!({"name": "s", "privileges": ["read", "write"], "indices": ["shop"]});
    for (rights, expected) in [(masked, "updated"), (writing, "updated"), (seeing, "noop")] {
        let caller = key(&vigie, rights).await;
        let right = json!({"doc": {"email": "a@b.example"}});
        let (status, answer) = caller.ask(Method::POST, "/shop/_update/1", right).await;
        assert_eq!((status, &answer["result"]), (200, &json!(expected)), "{answer}");
    }
}

/// A grant on a data stream is one on the indices behind it; without one nothing is made.
#[tokio::test]
async fn data_streams_are_written_by_those_whom_they_are_granted() {
    let directory = tempfile::tempdir().unwrap();
    let vigie = Vigie::start(directory.path());
    let admin = Caller::admin(&vigie);
    let template = json!({"index_patterns": ["rows-*"], "data_stream": {}});
    check(&admin, &[(Method::PUT, "/_index_template/rows", template, 200)]).await;
    let row = json!({"@timestamp": "2026-11-21T10:00:00Z", "n": 1});
    let shipper =
        key(&vigie, json!({"name": "w", "privileges": ["read", "write"], "indices": ["rows-app"]})).await;
    check(
        &shipper,
        &[
            (Method::POST, "/rows-app/_doc?refresh=true", row.clone(), 201),
            (Method::POST, "/rows-app/_doc?refresh=true", row.clone(), 201),
            (Method::POST, "/rows-other/_doc", row, 403),
            (Method::GET, "/rows-app/_count", Value::Null, 200),
            (Method::GET, "/.ds-rows-app-000001/_count", Value::Null, 200),
            (Method::GET, "/.ds-rows-other-000001/_count", Value::Null, 403),
        ],
    )
    .await;
    let (_, count) = shipper.ask(Method::GET, "/rows-*/_count", Value::Null).await;
    assert_eq!(count["count"], 2, "{count}");
    // The refusal has made no stream.
    check(
        &admin,
        &[
            (Method::GET, "/_data_stream/rows-app", Value::Null, 200),
            (Method::GET, "/_data_stream/rows-other", Value::Null, 404),
        ],
    )
    .await;
}

#[tokio::test]
async fn tasks_are_their_owners() {
    let directory = tempfile::tempdir().unwrap();
    let vigie = Vigie::start(directory.path());
    let rights = |name: &str| json!({"name": name, "privileges": ["read", "write"], "indices": ["shop"]});
    let (owner, other) = (key(&vigie, rights("owner")).await, key(&vigie, rights("other")).await);
    check(&owner, &[(Method::PUT, "/shop/_doc/1?refresh=true", json!({"n": 1}), 201)]).await;
    let work = "/shop/_update_by_query?wait_for_completion=false";
    let (_, answer) = owner.ask(Method::POST, work, json!({})).await;
    let path = format!("/_tasks/{}", answer["task"].as_str().unwrap());
    let cancel = format!("{path}/_cancel");
    let admin = Caller::admin(&vigie);
    check(&other, &[(Method::GET, &path, Value::Null, 404), (Method::POST, &cancel, Value::Null, 404)]).await;
    check(&owner, &[(Method::GET, &path, Value::Null, 200), (Method::POST, &cancel, Value::Null, 200)]).await;
    check(&admin, &[(Method::GET, &path, Value::Null, 200)]).await;
}

/// Paths that begin so mean something else: such an index could be made, but not reached.
#[tokio::test]
async fn names_that_cannot_be_reached_are_refused() {
    let directory = tempfile::tempdir().unwrap();
    let vigie = Vigie::start(directory.path());
    let admin = Caller::admin(&vigie);
    for name in ["es", "os"] {
        let alias = json!({"actions": [{"add": {"index": "shop", "alias": name}}]});
        check(
            &admin,
            &[
                (Method::PUT, &format!("/es/{name}"), json!({}), 400),
                (Method::PUT, &format!("/es/{name}/_doc/1"), json!({}), 400),
                (Method::PUT, "/shop/_doc/1", json!({}), if name == "es" { 201 } else { 200 }),
                (Method::POST, "/_aliases", alias, 400),
            ],
        )
        .await;
    }
}

/// A number of more digits than a float has leaves no card in the text that is kept.
#[tokio::test]
async fn long_numbers_leave_no_card_in_the_text() {
    let directory = tempfile::tempdir().unwrap();
    let vigie = Vigie::start(directory.path());
    let admin = Caller::admin(&vigie);
    let lines = "{\"index\":{\"_index\":\"notes\",\"_id\":\"1\"}}\n{\"n\":4111111111111111110.0,\"ok\":1}\n";
    let request = vigie.client.post(format!("{}/_bulk", vigie.elastic));
    let request = request.basic_auth(&admin.name, Some(&admin.password));
    let answer = request.header("content-type", "application/x-ndjson").body(lines).send().await.unwrap();
    let answer: Value = answer.json().await.unwrap();
    assert_eq!(answer["errors"], false, "{answer}");
    let kept = source(&admin, "/notes/_doc/1").await;
    assert!(kept.contains("\"ok\":1") && !kept.contains("41111111"), "{kept}");
}
