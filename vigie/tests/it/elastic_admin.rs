//! What shippers, clients and dashboards ask of a cluster beside documents, over HTTP on the real binary.

use crate::harness::{ADMIN, PASSWORD, Vigie};
use serde_json::{Value, json};

/// Status, headers and body of an answer; text that is no JSON as a JSON string.
async fn ask(vigie: &Vigie, method: &str, path: &str, body: Value) -> (u16, bool, Value) {
    let request = vigie
        .client
        .request(method.parse().unwrap(), format!("{}{path}", vigie.elastic))
        .basic_auth(ADMIN, Some(PASSWORD));
    let request = match body {
        Value::Null => request,
        body => request.header("content-type", "application/json").body(body.to_string()),
    };
    let response = request.send().await.unwrap();
    let status = response.status().as_u16();
    let is_elastic = response.headers().get("x-elastic-product").is_some_and(|name| name == "Elasticsearch");
    let text = response.text().await.unwrap();
    (status, is_elastic, serde_json::from_str(&text).unwrap_or(Value::String(text)))
}

#[tokio::test]
async fn it_answers_as_what_is_asked_for() {
    let dir = tempfile::tempdir().unwrap();
    let vigie = Vigie::start(&dir.path().join("data"));
    for (path, number, distribution, is_elastic) in [
        ("/", "7.10.2", Value::Null, true),
        ("/es", "7.10.2", Value::Null, true),
        ("/os/", "2.19.1", json!("opensearch"), false),
    ] {
        let (status, product, root) = ask(&vigie, "GET", path, Value::Null).await;
        assert_eq!((status, product), (200, is_elastic), "{path}: {root}");
        assert_eq!(
            (&root["version"]["number"], &root["version"]["distribution"]),
            (&json!(number), &distribution)
        );
    }
    let (_, _, nodes) = ask(&vigie, "GET", "/os/_nodes?filter_path=nodes.*.version", Value::Null).await;
    assert_eq!(nodes["nodes"]["vigie-node-000000000001"], json!({"version": "2.19.1"}), "{nodes}");
    // The same documents, whoever asks.
    assert_eq!(ask(&vigie, "PUT", "/os/logs/_doc/1?refresh=true", json!({"a": 1})).await.0, 201);
    assert_eq!(ask(&vigie, "GET", "/es/logs/_doc/1", Value::Null).await.2["_source"], json!({"a": 1}));
    let (status, _, refused) = ask(&vigie, "PUT", "/logs", Value::Null).await;
    assert_eq!((status, &refused["error"]["index"]), (400, &json!("logs")), "{refused}");
    let (_, product, _) = ask(&vigie, "GET", "/nothing/_doc/1", Value::Null).await;
    assert!(product, "errors are signed too");
    vigie.stop();
}

#[tokio::test]
async fn lifecycle_policies_are_kept_and_checked() {
    let dir = tempfile::tempdir().unwrap();
    let vigie = Vigie::start(&dir.path().join("data"));
    let policy = json!({"policy": {"phases": {"hot": {"actions": {"rollover": {"max_age": "30d"}}},
        "delete": {"min_age": "90d", "actions": {"delete": {}}}}}});
    for version in 1..=2 {
        assert_eq!(ask(&vigie, "PUT", "/_ilm/policy/Short", policy.clone()).await.0, 200);
        let (_, _, kept) = ask(&vigie, "GET", "/_ilm/policy/Short", Value::Null).await;
        assert_eq!(kept["Short"]["version"], version);
        assert_eq!(kept["Short"]["policy"], policy["policy"]);
    }
    let index = json!({"settings": {"index.lifecycle.name": "Short", "index.lifecycle.rollover_alias": "logs"},
        "aliases": {"logs": {"is_write_index": true}}});
    assert_eq!(ask(&vigie, "PUT", "/logs-000001", index).await.0, 200);
    let (_, _, explained) = ask(&vigie, "GET", "/logs-*/_ilm/explain", Value::Null).await;
    assert_eq!(explained["indices"]["logs-000001"]["policy"], "Short", "{explained}");
    assert_eq!(ask(&vigie, "DELETE", "/_ilm/policy/Short", Value::Null).await.0, 400, "it is in use");
    assert_eq!(ask(&vigie, "POST", "/logs-000001/_ilm/remove", Value::Null).await.0, 200);
    assert_eq!(ask(&vigie, "DELETE", "/_ilm/policy/Short", Value::Null).await.0, 200);
    assert_eq!(ask(&vigie, "GET", "/_ilm/policy/Short", Value::Null).await.0, 404);
    let bad = json!({"policy": {"phases": {"tepid": {}}}});
    let (status, _, error) = ask(&vigie, "PUT", "/_ilm/policy/bad", bad).await;
    assert_eq!(status, 400);
    assert!(error["error"]["reason"].as_str().unwrap().contains("[tepid]"), "{error}");
    vigie.stop();
}

#[tokio::test]
async fn an_index_that_is_old_by_its_policy_takes_no_more_writes() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let vigie = Vigie::start(&data);
    let policy = json!({"policy": {"phases": {"warm": {"min_age": "7d", "actions": {"readonly": {}}}}}});
    assert_eq!(ask(&vigie, "PUT", "/_ilm/policy/week", policy).await.0, 200);
    let template = json!({"index_patterns": ["shop-*"], "template": {"settings":
        {"index.lifecycle.name": "week", "index.lifecycle.parse_origination_date": true}}});
    assert_eq!(ask(&vigie, "PUT", "/_index_template/shop", template).await.0, 200);
    for day in ["2026.01.01", "2100.01.01"] {
        assert_eq!(ask(&vigie, "PUT", &format!("/shop-{day}/_doc/1"), json!({"n": 1})).await.0, 201, "{day}");
    }
    let (_, _, explained) = ask(&vigie, "GET", "/shop-2026.01.01/_ilm/explain", Value::Null).await;
    let state = &explained["indices"]["shop-2026.01.01"];
    assert_eq!(
        (&state["phase"], &state["lifecycle_date_millis"]),
        (&json!("warm"), &json!(1_767_225_600_000_i64))
    );
    // Indices are looked at when the service starts, and once a minute.
    vigie.stop();
    let vigie = Vigie::start(&data);
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(30);
    let blocked = loop {
        let (_, _, settings) = ask(&vigie, "GET", "/shop-*/_settings?flat_settings=true", Value::Null).await;
        if settings["shop-2026.01.01"]["settings"]["index.blocks.write"] == "true" {
            break settings;
        }
        assert!(std::time::Instant::now() < deadline, "{settings}");
        tokio::task::yield_now().await;
    };
    assert_eq!(blocked["shop-2100.01.01"]["settings"]["index.blocks.write"], Value::Null, "{blocked}");
    let bulk = "{\"create\":{\"_index\":\"shop-2026.01.01\"}}\n{}\n{\"create\":{\"_index\":\"shop-2100.01.01\"}}\n{}\n";
    let (_, answer) = vigie.ask("POST", "/_bulk", bulk.to_owned()).await;
    assert_eq!(answer["items"][0]["create"]["status"], 403, "{answer}");
    assert_eq!(answer["items"][0]["create"]["error"]["type"], "cluster_block_exception");
    assert_eq!(answer["items"][1]["create"]["status"], 201, "{answer}");
    vigie.stop();
}

#[tokio::test]
async fn blocks_forbid_what_they_say() {
    let dir = tempfile::tempdir().unwrap();
    let vigie = Vigie::start(&dir.path().join("data"));
    assert_eq!(ask(&vigie, "PUT", "/held/_doc/1?refresh=true", json!({"a": 1})).await.0, 201);
    for (block, method, path, body) in [
        ("write", "PUT", "/held/_doc/2", json!({})),
        ("read", "GET", "/held/_search", Value::Null),
        ("read", "GET", "/held/_doc/1", Value::Null),
        ("read_only", "DELETE", "/held", Value::Null),
        ("metadata", "PUT", "/held/_mapping", json!({"properties": {"b": {"type": "long"}}})),
    ] {
        let (status, _, put) = ask(&vigie, "PUT", &format!("/held/_block/{block}"), Value::Null).await;
        assert_eq!((status, &put["indices"][0]["blocked"]), (200, &json!(true)), "{put}");
        let (_, _, state) = ask(&vigie, "GET", "/_cluster/state/blocks", Value::Null).await;
        assert!(state["blocks"]["indices"]["held"].is_object(), "{state}");
        let (status, _, error) = ask(&vigie, method, path, body.clone()).await;
        assert_eq!(
            (status, &error["error"]["type"]),
            (403, &json!("cluster_block_exception")),
            "{block}: {error}"
        );
        let free = json!({format!("index.blocks.{block}"): null});
        assert_eq!(ask(&vigie, "PUT", "/held/_settings", free).await.0, 200, "{block}");
        if method != "DELETE" {
            assert!(ask(&vigie, method, path, body).await.0 < 300, "{block}");
        }
    }
    assert_eq!(ask(&vigie, "PUT", "/held/_block/nothing", Value::Null).await.0, 400);
    vigie.stop();
}

#[tokio::test]
async fn tables_and_overviews_answer_in_every_form() {
    let dir = tempfile::tempdir().unwrap();
    let vigie = Vigie::start(&dir.path().join("data"));
    assert_eq!(ask(&vigie, "PUT", "/logs/_doc/1?refresh=true", json!({"text": "x", "n": 1})).await.0, 201);
    let (_, _, list) = ask(&vigie, "GET", "/_cat", Value::Null).await;
    let tables: Vec<String> = list
        .as_str()
        .unwrap()
        .lines()
        .filter(|line| line.starts_with('/') && !line.contains('{'))
        .map(str::to_owned)
        .collect();
    assert!(tables.len() > 15, "{tables:?}");
    for table in &tables {
        for (query, is_rows) in
            [("format=json", true), ("v", false), ("help", false), ("format=yaml&h=*", true)]
        {
            let (status, _, answer) = ask(&vigie, "GET", &format!("{table}?{query}"), Value::Null).await;
            assert_eq!((status, answer.is_array()), (200, is_rows), "{table}?{query}: {answer}");
        }
        let (status, _, error) = ask(&vigie, "GET", &format!("{table}?surprise=1"), Value::Null).await;
        assert_eq!(status, 400, "{table}");
        assert_eq!(
            error["error"]["reason"],
            format!("request [{table}] contains unrecognized parameter: [surprise]")
        );
        assert_eq!(ask(&vigie, "GET", &format!("{table}?bytes=x"), Value::Null).await.0, 400, "{table}");
        assert_eq!(ask(&vigie, "GET", &format!("{table}?time=x"), Value::Null).await.0, 400, "{table}");
    }
    let (_, _, stats) = ask(&vigie, "GET", "/_cluster/stats", Value::Null).await;
    assert_eq!(stats["indices"]["docs"]["count"], 1, "{stats}");
    let types = stats["indices"]["mappings"]["field_types"].as_array().unwrap();
    assert!(types.contains(&json!({"name": "text", "count": 1, "index_count": 1})), "{stats}");
    let (_, _, nodes) = ask(&vigie, "GET", "/_nodes/http", Value::Null).await;
    let node = nodes["nodes"].as_object().unwrap().values().next().unwrap();
    assert!(node["http"]["publish_address"].is_string() && node.get("os").is_none(), "{nodes}");
    assert_eq!(ask(&vigie, "GET", "/_nodes/other", Value::Null).await.2["_nodes"]["total"], 0);
    let (_, _, me) = ask(&vigie, "GET", "/_security/_authenticate", Value::Null).await;
    assert_eq!((&me["username"], &me["roles"]), (&json!(ADMIN), &json!(["admin"])), "{me}");
    let wanted =
        json!({"cluster": ["monitor"], "index": [{"names": ["logs"], "privileges": ["read", "write"]}]});
    let (_, _, may) = ask(&vigie, "POST", "/_security/user/_has_privileges", wanted).await;
    assert_eq!(may["has_all_requested"], true, "{may}");
    let pretty = format!("{}/logs/_count?pretty&filter_path=count", vigie.elastic);
    let pretty = vigie.client.get(pretty).basic_auth(ADMIN, Some(PASSWORD)).send().await.unwrap();
    assert_eq!(pretty.text().await.unwrap(), "{\n  \"count\" : 1\n}\n");
    vigie.stop();
}

#[tokio::test]
async fn pipelines_set_what_stands_beside_a_document() {
    let dir = tempfile::tempdir().unwrap();
    let vigie = Vigie::start(&dir.path().join("data"));
    let set = |field: &str, value: Value| json!({"set": {"field": field, "value": value}});
    for (name, processors) in [
        ("internal", vec![set("_version", json!(1)), set("_version_type", json!("internal"))]),
        ("external", vec![set("_version_type", json!("external")), set("_version", json!(7))]),
        ("routed", vec![set("_routing", json!("{{user}}"))]),
    ] {
        let path = format!("/_ingest/pipeline/{name}");
        assert_eq!(ask(&vigie, "PUT", &path, json!({"processors": processors})).await.0, 200);
    }
    let (status, _, error) = ask(&vigie, "PUT", "/a/_doc/1?pipeline=internal", json!({})).await;
    assert_eq!(
        (status, &error["error"]["type"]),
        (409, &json!("version_conflict_engine_exception")),
        "{error}"
    );
    let (status, _, written) = ask(&vigie, "PUT", "/a/_doc/1?pipeline=external", json!({})).await;
    assert_eq!((status, &written["_version"]), (201, &json!(7)), "{written}");
    assert_eq!(ask(&vigie, "PUT", "/a/_doc/2?pipeline=routed", json!({"user": "ana"})).await.0, 201);
    assert_eq!(ask(&vigie, "GET", "/a/_doc/2?routing=ana", Value::Null).await.2["_routing"], "ana");
    let (_, _, stats) = ask(&vigie, "GET", "/_nodes/stats/ingest", Value::Null).await;
    let node = stats["nodes"].as_object().unwrap().values().next().unwrap();
    assert_eq!(node["ingest"]["pipelines"]["routed"]["count"], 1, "{stats}");
    assert_eq!((&node["ingest"]["total"]["count"], node.get("indices")), (&json!(3), None), "{stats}");
    vigie.stop();
}
