//! Scripts that clients of the Elasticsearch API send, over HTTP on the real binary.

use crate::harness::Vigie;
use serde_json::{Value, json};

/// As Kibana counts its telemetry.
const COUNTER: &str = "
              if (ctx._source[params.type][params.counterFieldName] == null) {
                ctx._source[params.type][params.counterFieldName] = params.count;
              }
              else {
                ctx._source[params.type][params.counterFieldName] += params.count;
              }
              ctx._source.updated_at = params.time;
            ";

#[tokio::test]
async fn updates_run_scripts() {
    let dir = tempfile::tempdir().unwrap();
    let vigie = Vigie::start(&dir.path().join("data"));
    let update = async |id: &str, body: Value| {
        vigie
            .ask("POST", &format!("/counters/_update/{id}?refresh=wait_for&_source=true"), body.to_string())
            .await
    };
    let counter = json!({
        "script": {"source": COUNTER, "lang": "painless", "params":
            {"count": 1, "time": "2026-11-21T09:16:16.807Z", "type": "ui-metric", "counterFieldName": "count"}},
        "upsert": {"ui-metric": {"count": 1}, "type": "ui-metric", "updated_at": "2026-11-20T00:00:00.000Z"},
    });
    for expected in 1..=3 {
        let (status, answer) = update("ui-metric:app:click", counter.clone()).await;
        assert_eq!(status, if expected == 1 { 201 } else { 200 }, "{answer}");
        assert_eq!(answer["result"], if expected == 1 { "created" } else { "updated" });
        assert_eq!(answer["_version"], expected);
        assert_eq!(answer["get"]["_source"]["ui-metric"]["count"], expected, "{answer}");
    }
    // Nothing to do, then to be deleted, then gone.
    let (status, answer) = update("ui-metric:app:click", json!({"script": "ctx.op = 'none'"})).await;
    assert_eq!(
        (status, &answer["result"], &answer["_version"]),
        (200, &json!("noop"), &json!(3)),
        "{answer}"
    );
    let (status, answer) = update("ui-metric:app:click", json!({"script": "ctx.op = 'delete'"})).await;
    assert_eq!((status, &answer["result"]), (200, &json!("deleted")), "{answer}");
    let (status, answer) = update("ui-metric:app:click", json!({"script": "ctx._source.x = 1"})).await;
    assert_eq!((status, &answer["error"]["type"]), (404, &json!("document_missing_exception")), "{answer}");
    // A script that makes the document.
    let scripted = json!({"scripted_upsert": true, "upsert": {}, "script":
        {"source": "ctx._source.total = (ctx._source.total ?: 0) + params.n", "params": {"n": 5}}});
    assert_eq!(update("sum", scripted.clone()).await.1["get"]["_source"], json!({"total": 5}));
    assert_eq!(update("sum", scripted).await.1["get"]["_source"], json!({"total": 10}));
    // In one bulk each sees what those before it did.
    let action = json!({"update": {"_index": "counters", "_id": "sum"}}).to_string();
    let add = json!({"script": {"source": "ctx._source.total += params.n", "params": {"n": 1}}}).to_string();
    let broken = json!({"script": "ctx._source.nothing.here = 1"}).to_string();
    let bulk = format!("{action}\n{add}\n{action}\n{broken}\n{action}\n{add}\n");
    let (status, answer) = vigie.ask("POST", "/_bulk?refresh=true", bulk).await;
    assert_eq!((status, &answer["errors"]), (200, &json!(true)), "{answer}");
    let error = &answer["items"][1]["update"]["error"];
    assert_eq!(
        (&error["type"], &error["reason"]),
        (&json!("illegal_argument_exception"), &json!("failed to execute script"))
    );
    let cause = &error["caused_by"];
    assert_eq!(
        (&cause["type"], &cause["reason"]),
        (&json!("script_exception"), &json!("runtime error")),
        "{error}"
    );
    let (_, answer) = vigie.ask("GET", "/counters/_doc/sum", String::new()).await;
    assert_eq!(answer["_source"], json!({"total": 12}));
    // What is not known is named.
    for (body, part) in [
        (json!({"script": "ctx._source.x = System.exit(1)"}), "unknown variable \\\"System\\\""),
        (json!({"script": {"source": "1", "lang": "mustache"}}), "script_lang not supported [mustache]"),
        (json!({"script": "1", "doc": {}}), "can't provide both script and doc"),
        (json!({"script": "while (true) {}"}), "takes more than"),
    ] {
        let (status, answer) = update("sum", body.clone()).await;
        assert_eq!(status, 400, "{answer}");
        assert!(answer["error"].to_string().contains(part), "{body}: {answer}");
    }
    let (status, answer) = update("sum", json!({"script": {"id": "none"}})).await;
    assert_eq!((status, &answer["error"]["type"]), (404, &json!("resource_not_found_exception")), "{answer}");
    vigie.stop();
}

#[tokio::test]
async fn queries_choose_what_scripts_change() {
    let dir = tempfile::tempdir().unwrap();
    let vigie = Vigie::start(&dir.path().join("data"));
    let post = async |path: &str, body: Value| vigie.ask("POST", path, body.to_string()).await;
    let settings = json!({"settings": {"number_of_shards": 3}, "mappings": {"properties": {"kind": {"type": "keyword"}}}});
    assert_eq!(vigie.ask("PUT", "/from", settings.to_string()).await.0, 200);
    let mut bulk = String::new();
    for n in 0..30 {
        let action = json!({"index": {"_id": n.to_string(), "routing": format!("r{}", n % 7)}});
        let document = json!({"n": n, "kind": if n % 2 == 0 { "even" } else { "odd" }});
        bulk.push_str(&format!("{action}\n{document}\n"));
    }
    assert_eq!(vigie.ask("POST", "/from/_bulk?refresh=true", bulk).await.1["errors"], false);

    // Some are changed, some left, some removed; each under its own routing.
    let script = "if (ctx._source.n < 4) { ctx.op = 'delete' } else if (ctx._source.n > 20) { ctx.op = 'noop' } \
                  else { ctx._source.n *= params.by; ctx._source.seen = ctx._routing }";
    let body =
        json!({"query": {"term": {"kind": "even"}}, "script": {"source": script, "params": {"by": 10}}});
    let (status, done) = post("/from/_update_by_query?refresh=true&scroll_size=4", body).await;
    assert_eq!(status, 200, "{done}");
    let counted =
        ["total", "updated", "deleted", "noops", "version_conflicts"].map(|name| done[name].as_u64());
    assert_eq!(counted, [15, 9, 2, 4, 0].map(Some), "{done}");
    let (_, document) = vigie.ask("GET", "/from/_doc/8?routing=r1", String::new()).await;
    assert_eq!(document["_source"], json!({"n": 80, "kind": "even", "seen": "r1"}), "{document}");
    assert_eq!(document["_routing"], "r1");
    assert_eq!(vigie.ask("GET", "/from/_doc/2?routing=r2", String::new()).await.0, 404);
    let (_, found) =
        post("/from/_search", json!({"query": {"exists": {"field": "_routing"}}, "size": 1})).await;
    assert_eq!(found["hits"]["total"]["value"], 28, "{found}");
    assert!(found["hits"]["hits"][0]["_routing"].is_string(), "{found}");

    // To another index, under other ids, in the background, as Kibana migrates.
    let body = json!({
        "source": {"index": "from", "query": {"term": {"kind": "odd"}}, "size": 5},
        "dest": {"index": "to"},
        "script": {"source": "ctx._id = 'odd:' + ctx._id; ctx._source.remove('kind'); ctx._routing = null", "lang": "painless"},
    });
    let (status, started) = post("/_reindex?wait_for_completion=false&refresh=true", body).await;
    assert_eq!(status, 200, "{started}");
    let path = format!("/_tasks/{}?wait_for_completion=true&timeout=60s", started["task"].as_str().unwrap());
    let (_, task) = vigie.ask("GET", &path, String::new()).await;
    assert_eq!((&task["completed"], &task["response"]["created"]), (&json!(true), &json!(15)), "{task}");
    let (_, document) = vigie.ask("GET", "/to/_doc/odd:5", String::new()).await;
    assert_eq!((&document["_source"], &document["_routing"]), (&json!({"n": 5}), &Value::Null), "{document}");

    // Through an alias only what its filter lets through.
    let action = json!({"add": {"index": "to", "alias": "few", "filter": {"range": {"n": {"lt": 6}}}}});
    assert_eq!(post("/_aliases", json!({"actions": [action]})).await.0, 200);
    let (_, done) = post("/few/_delete_by_query?refresh=true", json!({"query": {"match_all": {}}})).await;
    assert_eq!(done["deleted"], 3, "{done}");
    assert_eq!(post("/to/_count", json!({"query": {"match_all": {}}})).await.1["count"], 12);

    // Routing that is kept finds its document again, also to be removed.
    let body = json!({"source": {"index": "from"}, "dest": {"index": "copy", "routing": "keep"}});
    assert_eq!(post("/_reindex?refresh=true", body).await.1["created"], 28);
    let (_, done) = post(
        "/from/_delete_by_query?refresh=true&requests_per_second=1000000",
        json!({"query": {"match_all": {}}}),
    )
    .await;
    assert_eq!((&done["deleted"], &done["requests_per_second"]), (&json!(28), &json!(1_000_000.0)), "{done}");

    for (path, body, kind) in [
        ("/to/_update_by_query", json!({"script": "ctx._source.x."}), "script_exception"),
        ("/to/_update_by_query", json!({"script": "ctx._id = 'x'"}), "illegal_argument_exception"),
        ("/to/_update_by_query?requests_per_second=0", json!({}), "illegal_argument_exception"),
        ("/to/_update_by_query?conflicts=maybe", json!({}), "illegal_argument_exception"),
        (
            "/_reindex",
            json!({"source": {"index": "to"}, "dest": {"index": "x"}, "surprise": 1}),
            "x_content_parse_exception",
        ),
        (
            "/_reindex",
            json!({"source": {"index": "to"}, "dest": {"index": "to"}}),
            "action_request_validation_exception",
        ),
        ("/to/_delete_by_query", json!({}), "action_request_validation_exception"),
    ] {
        let (status, answer) = post(path, body).await;
        assert_eq!((status, answer["error"]["type"].as_str()), (400, Some(kind)), "{path}: {answer}");
    }
    vigie.stop();
}

#[tokio::test]
async fn indices_keep_what_their_mapping_says() {
    let dir = tempfile::tempdir().unwrap();
    let vigie = Vigie::start(&dir.path().join("data"));
    let put = async |path: &str, body: Value| vigie.ask("PUT", path, body.to_string()).await;
    let get = async |path: &str| vigie.ask("GET", path, String::new()).await;
    put("/nothing", json!({"mappings": {"_source": {"enabled": false}}})).await;
    put("/parts", json!({"mappings": {"_source": {"excludes": ["hidden.*"]}}})).await;
    put("/routed", json!({"mappings": {"_routing": {"required": true}}})).await;
    let document = json!({"a": 1, "hidden": {"word": "x"}});
    for refresh in ["false", "true"] {
        assert!(put(&format!("/nothing/_doc/1?refresh={refresh}"), document.clone()).await.0 < 300);
        assert!(put(&format!("/parts/_doc/1?refresh={refresh}"), document.clone()).await.0 < 300);
        assert_eq!(get("/nothing/_doc/1").await.1.get("_source"), None);
        assert_eq!(get("/nothing/_source/1").await.0, 404);
        // As Elasticsearch: the object stays, without its members.
        assert_eq!(get("/parts/_doc/1").await.1["_source"], json!({"a": 1, "hidden": {}}));
    }
    let (_, found) = get("/nothing,parts/_search?q=a:1&sort=_index").await;
    assert_eq!(found["hits"]["hits"][0].get("_source"), None, "{found}");
    assert_eq!(found["hits"]["hits"][1]["_source"], json!({"a": 1, "hidden": {}}), "{found}");
    // What is not kept can be searched all the same.
    assert_eq!(get("/parts/_search?q=hidden.word:x").await.1["hits"]["total"]["value"], 1);
    let (status, answer) =
        vigie.ask("POST", "/nothing/_update/1", json!({"doc": {"a": 2}}).to_string()).await;
    assert_eq!(
        (status, &answer["error"]["type"]),
        (400, &json!("document_source_missing_exception")),
        "{answer}"
    );
    for (method, path) in [("PUT", "/routed/_doc/1"), ("GET", "/routed/_doc/1"), ("DELETE", "/routed/_doc/1")]
    {
        let body = if method == "PUT" { "{}".to_owned() } else { String::new() };
        let (status, answer) = vigie.ask(method, path, body).await;
        assert_eq!(
            (status, &answer["error"]["type"]),
            (400, &json!("routing_missing_exception")),
            "{answer}"
        );
    }
    assert_eq!(put("/routed/_doc/1?routing=x", json!({})).await.0, 201);
    assert_eq!(get("/routed/_doc/1?routing=x").await.1["_routing"], "x");
    vigie.stop();
}
