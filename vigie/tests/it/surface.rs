//! The Elasticsearch port as clients use it: documents, indices and what belongs to them.

use crate::harness::{ADMIN, PASSWORD, Vigie};
use reqwest::Method;
use serde_json::{Value, json};

struct Elastic<'a>(&'a Vigie);

impl Elastic<'_> {
    async fn call(&self, method: &str, path: &str, body: Option<Value>) -> (u16, Value) {
        let text = body.map(|body| body.to_string());
        self.send(method, path, text, "application/json").await
    }

    async fn send(&self, method: &str, path: &str, body: Option<String>, kind: &str) -> (u16, Value) {
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let mut request = self
            .0
            .client
            .request(method, format!("{}{path}", self.0.elastic))
            .basic_auth(ADMIN, Some(PASSWORD))
            .header("content-type", kind);
        if let Some(body) = body {
            request = request.body(body);
        }
        let response = request.send().await.unwrap();
        assert_eq!(response.headers()["x-elastic-product"], "Elasticsearch", "{path}");
        let status = response.status().as_u16();
        let text = response.text().await.unwrap();
        (status, serde_json::from_str(&text).unwrap_or(Value::String(text)))
    }

    #[track_caller]
    fn expect(answer: (u16, Value), status: u16) -> Value {
        assert_eq!(answer.0, status, "{}", answer.1);
        answer.1
    }
}

#[tokio::test]
async fn documents_are_written_changed_and_guarded() {
    let dir = tempfile::tempdir().unwrap();
    let vigie = Vigie::start(&dir.path().join("data"));
    let es = Elastic(&vigie);
    let put =
        Elastic::expect(es.call("PUT", "/shop/_doc/1", Some(json!({"n": 1, "o": {"a": 1}}))).await, 201);
    assert_eq!(
        (&put["result"], &put["_version"], &put["_seq_no"]),
        (&json!("created"), &json!(1), &json!(0))
    );
    let conflict = Elastic::expect(es.call("PUT", "/shop/_create/1", Some(json!({}))).await, 409);
    assert_eq!(conflict["error"]["type"], "version_conflict_engine_exception");
    let update = json!({"doc": {"o": {"b": 2}}});
    let updated =
        Elastic::expect(es.call("POST", "/shop/_update/1?_source=true", Some(update.clone())).await, 200);
    assert_eq!(updated["get"]["_source"], json!({"n": 1, "o": {"a": 1, "b": 2}}));
    assert_eq!(
        Elastic::expect(es.call("POST", "/shop/_update/1", Some(update)).await, 200)["result"],
        "noop"
    );
    let stale = es.call("PUT", "/shop/_doc/1?if_seq_no=0&if_primary_term=1", Some(json!({}))).await;
    Elastic::expect(stale, 409);
    let missing = Elastic::expect(es.call("POST", "/shop/_update/2", Some(json!({"doc": {}}))).await, 404);
    assert_eq!(missing["error"]["type"], "document_missing_exception");
    let upsert = json!({"doc": {"n": 2}, "doc_as_upsert": true});
    Elastic::expect(es.call("POST", "/shop/_update/2?routing=r", Some(upsert)).await, 201);
    assert_eq!(Elastic::expect(es.call("GET", "/shop/_doc/2", None).await, 200)["_routing"], "r");
    let old = es.call("PUT", "/shop/_doc/2?version=1&version_type=external", Some(json!({}))).await;
    Elastic::expect(old, 409);
    let lines = "{\"index\":{\"_index\":\"shop\",\"_id\":\"3\"}}\n{\"n\":3}\n\
                 {\"create\":{\"_index\":\"shop\",\"_id\":\"3\"}}\n{\"n\":4}\n\
                 {\"index\":{\"_index\":\"shop\",\"_id\":\"4\"}}\n{\"n\":\"many\"}\n\
                 {\"delete\":{\"_index\":\"shop\",\"_id\":\"9\"}}\n";
    let bulk = es.send("POST", "/_bulk?refresh=true", Some(lines.to_owned()), "application/x-ndjson").await;
    let bulk = Elastic::expect(bulk, 200);
    let statuses: Vec<u64> = ["index", "create", "index", "delete"]
        .iter()
        .zip(bulk["items"].as_array().unwrap())
        .map(|(verb, item)| item[*verb]["status"].as_u64().unwrap())
        .collect();
    assert_eq!((&bulk["errors"], statuses), (&json!(true), vec![201, 409, 400, 404]));
    assert_eq!(bulk["items"][2]["index"]["error"]["type"], "mapper_parsing_exception");
    let got = Elastic::expect(
        es.call(
            "POST",
            "/_mget?filter_path=docs.found",
            Some(json!({"docs": [
        {"_index": "shop", "_id": "3"}, {"_index": "shop", "_id": "9"}]})),
        )
        .await,
        200,
    );
    assert_eq!(got, json!({"docs": [{"found": true}, {"found": false}]}));
}

#[tokio::test]
async fn what_dashboards_need_of_their_own_index() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let vigie = Vigie::start(&data);
    let es = Elastic(&vigie);
    let nodes = Elastic::expect(es.call("GET", "/_nodes?filter_path=nodes.*.version", None).await, 200);
    assert_eq!(nodes["nodes"].as_object().unwrap().values().next().unwrap()["version"], "7.10.2");
    assert_eq!(
        Elastic::expect(es.call("GET", "/.kibana", None).await, 404)["error"]["type"],
        "index_not_found_exception"
    );
    let mappings = json!({"dynamic": "strict", "_meta": {"hash": "x"}, "properties": {
        "type": {"type": "keyword"}, "config": {"dynamic": "true", "properties": {"n": {"type": "long"}}},
        "references": {"type": "nested", "properties": {"id": {"type": "keyword"}}},
        "off": {"type": "object", "enabled": false}}});
    let body =
        json!({"mappings": mappings, "settings": {"number_of_shards": 1, "auto_expand_replicas": "0-1"}});
    Elastic::expect(es.call("PUT", "/.kibana_1", Some(body.clone())).await, 200);
    Elastic::expect(es.call("GET", "/_alias/.kibana", None).await, 404);
    let add = json!({"actions": [{"add": {"index": ".kibana_1", "alias": ".kibana"}}]});
    Elastic::expect(es.call("POST", "/_aliases", Some(add)).await, 200);
    let document = json!({"type": "config", "config": {"new": true}, "off": {"any": [1, "x"]}});
    Elastic::expect(es.call("PUT", "/.kibana/_create/config:1?refresh=wait_for", Some(document)).await, 201);
    let strict = Elastic::expect(es.call("PUT", "/.kibana/_doc/2", Some(json!({"other": 1}))).await, 400);
    assert_eq!(strict["error"]["type"], "strict_dynamic_mapping_exception");
    // All of it is there after a start.
    vigie.stop();
    let vigie = Vigie::start(&data);
    let es = Elastic(&vigie);
    let index = Elastic::expect(es.call("GET", "/.kibana", None).await, 200);
    assert_eq!(index[".kibana_1"]["mappings"]["_meta"]["hash"], "x");
    assert_eq!(index[".kibana_1"]["mappings"]["properties"]["references"]["type"], "nested");
    assert_eq!(
        index[".kibana_1"]["mappings"]["properties"]["config"]["properties"]["new"]["type"],
        "boolean"
    );
    assert_eq!(index[".kibana_1"]["aliases"], json!({".kibana": {}}));
    // The migration of the next version: copy, then let the alias pass over.
    Elastic::expect(es.call("PUT", "/.kibana_2", Some(body)).await, 200);
    let copy = json!({"source": {"index": ".kibana_1"}, "dest": {"index": ".kibana_2"}});
    let task = Elastic::expect(
        es.call("POST", "/_reindex?wait_for_completion=false&refresh=true", Some(copy)).await,
        200,
    );
    let path = format!("/_tasks/{}", task["task"].as_str().unwrap());
    let done = loop {
        let state = Elastic::expect(es.call("GET", &path, None).await, 200);
        if state["completed"] == true {
            break state;
        }
        tokio::task::yield_now().await;
    };
    assert_eq!(done["response"]["created"], 1, "{done}");
    let pass = json!({"actions": [{"add": {"index": ".kibana_2", "alias": ".kibana"}}, {"remove_index": {"index": ".kibana_1"}}]});
    Elastic::expect(es.call("POST", "/_aliases", Some(pass)).await, 200);
    Elastic::expect(es.call("GET", "/.kibana_1", None).await, 404);
    assert_eq!(
        Elastic::expect(es.call("GET", "/.kibana/_doc/config:1", None).await, 200)["_index"],
        ".kibana_2"
    );
}

#[tokio::test]
async fn names_lead_where_they_should() {
    let dir = tempfile::tempdir().unwrap();
    let vigie = Vigie::start(&dir.path().join("data"));
    let es = Elastic(&vigie);
    let template = json!({"index_patterns": ["rows-*"], "data_stream": {}, "template": {"settings": {"number_of_replicas": 0}}});
    Elastic::expect(es.call("PUT", "/_index_template/rows", Some(template)).await, 200);
    let row = json!({"@timestamp": "2026-11-21T10:00:00Z", "level": "warn"});
    Elastic::expect(es.call("POST", "/rows-app/_doc?refresh=true", Some(row)).await, 201);
    let filtered = json!({"aliases": {"loud": {"filter": {"term": {"level.keyword": "error"}}}}});
    Elastic::expect(es.call("PUT", "/plain", Some(filtered)).await, 200);
    for (id, level) in [("1", "error"), ("2", "info")] {
        let path = format!("/plain/_doc/{id}?refresh=true");
        Elastic::expect(es.call("PUT", &path, Some(json!({"level": level}))).await, 201);
    }
    let total = async |path: &str| {
        Elastic::expect(es.call("GET", &format!("{path}/_count"), None).await, 200)["count"].as_u64()
    };
    assert_eq!(
        (total("/loud").await, total("/plain").await, total("/rows-app").await),
        (Some(1), Some(2), Some(1))
    );
    let rolled = Elastic::expect(es.call("POST", "/rows-app/_rollover", None).await, 200);
    assert_eq!(rolled["new_index"], ".ds-rows-app-000002");
    let names = Elastic::expect(es.call("GET", "/_resolve/index/*", None).await, 200);
    assert_eq!(names["data_streams"][0]["name"], "rows-app");
    assert_eq!(names["aliases"], json!([{"name": "loud", "indices": ["plain"]}]));
    let deleted = json!({"query": {"match": {"level": "info"}}});
    let deleted = es.call("POST", "/plain/_delete_by_query?refresh=true", Some(deleted)).await;
    assert_eq!(Elastic::expect(deleted, 200)["deleted"], 1);
    assert_eq!(total("/plain").await, Some(1));
    // A wildcard does not remove what it reaches only as an alias.
    Elastic::expect(es.call("DELETE", "/lou*", None).await, 200);
    assert_eq!(total("/plain").await, Some(1));
    let table = Elastic::expect(es.call("GET", "/_cat/indices/plain?h=index,docs.count", None).await, 200);
    assert_eq!(table, json!("plain 1\n"));
}

#[tokio::test]
async fn searches_reach_objects_and_say_why() {
    let dir = tempfile::tempdir().unwrap();
    let vigie = Vigie::start(&dir.path().join("data"));
    let es = Elastic(&vigie);
    let body = json!({
        "mappings": {"properties": {"type": {"type": "keyword"}, "references": {"type": "nested", "properties": {
            "id": {"type": "keyword"}, "type": {"type": "keyword"}, "name": {"type": "keyword"}}}}},
        "aliases": {"all": {}, "boards": {"filter": {"term": {"type": "dashboard"}}}}});
    Elastic::expect(es.call("PUT", "/saved", Some(body)).await, 200);
    let reference = |id: &str, kind: &str| json!({"id": id, "type": kind, "name": "panel"});
    for (id, kind, references) in [
        ("a", "dashboard", json!([reference("1", "visualization"), reference("2", "index-pattern")])),
        ("b", "visualization", json!([reference("1", "index-pattern"), reference("2", "search")])),
    ] {
        let document = json!({"type": kind, "references": references});
        let path = format!("/saved/_doc/{id}?refresh=true");
        Elastic::expect(es.call("PUT", &path, Some(document)).await, 201);
    }
    // As Kibana asks for saved objects that refer to another.
    let has_reference = |id: &str, kind: &str| {
        let both = json!([{"term": {"references.id": id}}, {"term": {"references.type": kind}}]);
        json!({"query": {"bool": {"filter": [{"bool": {"must": [
            {"nested": {"path": "references", "query": {"bool": {"must": both}}}}]}}]}}})
    };
    for (id, kind, expected) in [("1", "visualization", 1), ("2", "visualization", 0), ("2", "search", 1)] {
        let found = es.call("POST", "/saved/_search", Some(has_reference(id, kind))).await;
        assert_eq!(Elastic::expect(found, 200)["hits"]["total"]["value"], expected, "{id} {kind}");
    }
    let caps = Elastic::expect(es.call("GET", "/saved/_field_caps?fields=references*", None).await, 200);
    assert_eq!(caps["fields"]["references"]["nested"]["type"], "nested");
    let query = json!({"query": {"term": {"type": "dashboard"}}});
    let why = Elastic::expect(es.call("POST", "/saved/_explain/a", Some(query.clone())).await, 200);
    assert!(why["matched"] == true && why["explanation"]["value"].as_f64().unwrap() > 0.0, "{why}");
    let why = Elastic::expect(es.call("POST", "/saved/_explain/b", Some(query.clone())).await, 200);
    assert!(why["matched"] == false, "{why}");
    Elastic::expect(es.call("POST", "/saved/_explain/none", Some(query.clone())).await, 404);
    let mut profiled = query;
    profiled["profile"] = json!(true);
    let found = Elastic::expect(es.call("POST", "/saved/_search", Some(profiled)).await, 200);
    assert_eq!(found["profile"]["shards"][0]["searches"][0]["query"][0]["type"], "TermQuery");
    let ways = Elastic::expect(es.call("GET", "/boards/_search_shards", None).await, 200);
    assert_eq!(ways["indices"]["saved"]["aliases"], json!(["boards"]));
    assert_eq!(ways["indices"]["saved"]["filter"]["term"]["type"]["value"], "dashboard");
    let whole = Elastic::expect(es.call("GET", "/boards,all/_search_shards", None).await, 200);
    assert!(whole["indices"]["saved"].get("filter").is_none(), "{whole}");
    // As Kibana filters by a scripted field.
    let source = "boolean compare(Supplier s, def v) {return s.get() == v;}compare(() -> { doc['type'].value + '!' }, params.value);";
    let script = json!({"source": source, "lang": "painless", "params": {"value": "dashboard!"}});
    let filtered = json!({"query": {"bool": {"filter": [{"script": {"script": script}}]}},
        "script_fields": {"loud": {"script": {"source": "doc['type'].value + '!'", "lang": "painless"}}}});
    let found = Elastic::expect(es.call("POST", "/saved/_search", Some(filtered)).await, 200);
    assert_eq!(found["hits"]["hits"][0]["fields"], json!({"loud": ["dashboard!"]}));
    let negative = Elastic::expect(es.call("GET", "/saved/_search?from=-2", None).await, 400);
    assert!(negative["error"]["reason"].as_str().unwrap().contains("[from] parameter cannot be negative"));
}

/// Documents are kept as they were sent, unless something of them must not be kept.
#[tokio::test]
async fn what_must_not_be_kept_is_not_in_the_text_either() {
    let directory = tempfile::tempdir().unwrap();
    let vigie = Vigie::start(directory.path());
    let es = Elastic(&vigie);
    let lines = concat!(
        r#"{"index":{"_index":"notes","_id":"twice"}}"#,
        "\n",
        r#"{"note":"4111 1111 1111 1111","note":"ok"}"#,
        "\n",
        r#"{"index":{"_index":"notes","_id":"card"}}"#,
        "\n",
        r#"{"note":"paid with 4111 \u0031111 1111 1111"}"#,
        "\n",
        r#"{"index":{"_index":"notes","_id":"plain"}}"#,
        "\n",
        r#"{ "b": 1.0, "a":"kept as sent"}"#,
        "\n",
    );
    let bulk = es.send("POST", "/_bulk", Some(lines.to_owned()), "application/x-ndjson").await;
    let statuses: Vec<Value> = Elastic::expect(bulk, 200)["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| item["index"]["status"].clone())
        .collect();
    assert_eq!(statuses, [400, 201, 201]);
    Elastic::expect(es.call("GET", "/notes/_doc/twice", None).await, 404);
    let card = Elastic::expect(es.call("GET", "/notes/_doc/card", None).await, 200).to_string();
    assert!(card.contains("paid with") && !card.contains("4111"), "{card}");
    let plain = Elastic::expect(es.call("GET", "/notes/_doc/plain", None).await, 200);
    assert_eq!(plain["_source"].to_string(), r#"{"b":1.0,"a":"kept as sent"}"#);
    let twice = Some(r#"{"a":{"b":1,"b":2}}"#.to_owned());
    Elastic::expect(es.send("PUT", "/notes/_doc/1", twice, "application/json").await, 400);
}

/// Clients of version 8 know no types; paths and methods that there are not are said as Elasticsearch says them.
#[tokio::test]
async fn answers_suit_the_version_that_is_asked_for() {
    let directory = tempfile::tempdir().unwrap();
    let vigie = Vigie::start(directory.path());
    let es = Elastic(&vigie);
    let document = json!({"inner": {"_index": "x", "_type": "_doc"}});
    Elastic::expect(es.call("PUT", "/shop/_doc/1?refresh=true", Some(document.clone())).await, 201);
    let eight = async |path: &str| -> Value {
        let request = vigie.client.get(format!("{}{path}", vigie.elastic)).basic_auth(ADMIN, Some(PASSWORD));
        let request = request.header("accept", "application/vnd.elasticsearch+json;compatible-with=8");
        request.send().await.unwrap().json().await.unwrap()
    };
    let typed = Elastic::expect(es.call("GET", "/shop/_search", None).await, 200);
    assert_eq!(typed["hits"]["hits"][0]["_type"], "_doc");
    let hit = &eight("/shop/_search").await["hits"]["hits"][0];
    assert_eq!((hit.get("_type"), &hit["_source"]), (None, &document));
    let got = eight("/shop/_doc/1?filter_path=_type,_id,_source").await;
    assert_eq!(got, json!({"_id": "1", "_source": document}));
    assert_eq!(eight("/shop/_source/1").await, document);
    assert_eq!(eight("/shop/_doc/2").await, json!({"_index": "shop", "_id": "2", "found": false}));

    let nothing = es.call("GET", "/_nothing/here?x=1", None).await;
    let reason = "no handler found for uri [/_nothing/here?x=1] and method [GET]";
    assert_eq!(Elastic::expect(nothing, 400), json!({"error": reason}));
    let wrong = es.call("PUT", "/_search", None).await;
    let reason = "Incorrect HTTP method for uri [/_search] and method [PUT], allowed: [GET, POST]";
    assert_eq!(Elastic::expect(wrong, 405), json!({"error": reason, "status": 405}));
}

#[tokio::test]
async fn what_fails_says_where_and_why() {
    let directory = tempfile::tempdir().unwrap();
    let vigie = Vigie::start(directory.path());
    let es = Elastic(&vigie);
    let body = json!({"mappings": {"properties": {"n": {"type": "long"}}}, "aliases": {"named": {}}});
    Elastic::expect(es.call("PUT", "/shop", Some(body)).await, 200);
    let lines = "{\"index\":{\"_index\":\"shop\"}}\n{\"n\":\"abc\"}\n";
    let bulk = es.send("POST", "/_bulk", Some(lines.to_owned()), "application/x-ndjson").await;
    let item = Elastic::expect(bulk, 200)["items"][0]["index"].clone();
    assert_eq!(item["_id"].as_str().unwrap().len(), 20, "{item}");
    assert_eq!(item["error"]["type"], "mapper_parsing_exception");
    assert!(item["error"]["reason"].as_str().unwrap().ends_with("Preview of field's value: 'abc'"), "{item}");
    assert_eq!(item["error"]["caused_by"]["reason"], "For input string: \"abc\"");
    for (path, body) in
        [("/named/_doc/9", None), ("/_mget", Some(json!({"docs": [{"_index": "named", "_id": "9"}]})))]
    {
        let answer = es.call(if body.is_some() { "POST" } else { "GET" }, path, body).await.1;
        let missing = answer["docs"].get(0).unwrap_or(&answer).clone();
        assert_eq!((&missing["_index"], &missing["found"]), (&json!("shop"), &json!(false)), "{missing}");
    }
}

#[tokio::test]
async fn scripts_are_stored_and_named() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("data");
    let vigie = Vigie::start(&data);
    let es = Elastic(&vigie);
    let add = json!({"script": {"lang": "painless", "source": "ctx._source.n += params.by"}});
    let field = json!({"script": {"lang": "painless", "source": "doc['n'].value * params.by"}});
    let ingest = json!({"script": {"lang": "painless", "source": "ctx.seen = params.by"}});
    for (id, script) in [("add", add), ("field", field), ("ingest", ingest)] {
        Elastic::expect(es.call("PUT", &format!("/_scripts/{id}"), Some(script)).await, 200);
    }
    let broken = json!({"script": {"lang": "painless", "source": "ctx."}});
    let broken = Elastic::expect(es.call("PUT", "/_scripts/broken", Some(broken)).await, 400);
    assert_eq!(broken["error"]["type"], "script_exception");
    let pipeline = json!({"processors": [{"script": {"id": "ingest", "params": {"by": 3}}}]});
    Elastic::expect(es.call("PUT", "/_ingest/pipeline/p", Some(pipeline)).await, 200);
    Elastic::expect(es.call("PUT", "/shop/_doc/1?pipeline=p", Some(json!({"n": 1}))).await, 201);
    // They are there after a start, too.
    vigie.stop();
    let vigie = Vigie::start(&data);
    let es = Elastic(&vigie);
    let got = Elastic::expect(es.call("GET", "/_scripts/add", None).await, 200);
    assert_eq!(got["script"]["source"], "ctx._source.n += params.by");
    let by_id = |id: &str, by: i64| json!({"id": id, "params": {"by": by}});
    let update = json!({"script": by_id("add", 4)});
    Elastic::expect(es.call("POST", "/shop/_update/1", Some(update)).await, 200);
    let all = json!({"script": by_id("add", 5)});
    Elastic::expect(es.call("POST", "/shop/_refresh", None).await, 200);
    Elastic::expect(es.call("POST", "/shop/_update_by_query?refresh=true", Some(all)).await, 200);
    let search = json!({"script_fields": {"x": {"script": by_id("field", 2)}}, "_source": true});
    let found = Elastic::expect(es.call("POST", "/shop/_search", Some(search)).await, 200);
    let hit = &found["hits"]["hits"][0];
    assert_eq!((&hit["_source"], &hit["fields"]["x"]), (&json!({"n": 10, "seen": 3}), &json!([20])), "{hit}");
    Elastic::expect(es.call("PUT", "/shop/_doc/2?pipeline=p", Some(json!({"n": 1}))).await, 201);
    Elastic::expect(es.call("DELETE", "/_scripts/ingest", None).await, 200);
    Elastic::expect(es.call("DELETE", "/_scripts/ingest", None).await, 404);
    let gone = Elastic::expect(es.call("PUT", "/shop/_doc/3?pipeline=p", Some(json!({"n": 1}))).await, 400);
    assert_eq!(gone["error"]["type"], "resource_not_found_exception");
    let run = json!({"script": {"source": "params.a + params.b", "params": {"a": 1, "b": 2}}});
    let run = es.call("POST", "/_scripts/painless/_execute", Some(run)).await;
    assert_eq!(Elastic::expect(run, 200), json!({"result": "3"}));
}

#[tokio::test]
async fn reindexing_takes_the_first_of_an_order_at_a_pace() {
    let directory = tempfile::tempdir().unwrap();
    let vigie = Vigie::start(directory.path());
    let es = Elastic(&vigie);
    let lines: String =
        (0..30).map(|n| format!("{{\"index\":{{\"_id\":\"{n}\"}}}}\n{{\"n\":{}}}\n", (n * 7) % 30)).collect();
    Elastic::expect(
        es.send("POST", "/from/_bulk?refresh=true", Some(lines), "application/x-ndjson").await,
        200,
    );
    let body = json!({"max_docs": 12, "source": {"index": "from", "size": 5, "sort": {"n": "desc"}}, "dest": {"index": "to"}});
    let done = Elastic::expect(es.call("POST", "/_reindex?refresh=true", Some(body)).await, 200);
    assert_eq!((&done["created"], &done["batches"]), (&json!(12), &json!(3)), "{done}");
    let least = json!({"size": 0, "aggs": {"least": {"min": {"field": "n"}}}});
    let least = Elastic::expect(es.call("POST", "/to/_search", Some(least)).await, 200);
    assert_eq!(least["aggregations"]["least"]["value"], 18.0);
    let remote =
        json!({"source": {"remote": {"host": "http://other:9200"}, "index": "from"}, "dest": {"index": "x"}});
    let remote = Elastic::expect(es.call("POST", "/_reindex", Some(remote)).await, 400);
    assert_eq!(remote["error"]["reason"], "[other:9200] not whitelisted in reindex.remote.whitelist");
    // So slow that it would take hours, until it is told to go on.
    let slow = json!({"source": {"index": "from", "size": 1}, "dest": {"index": "slow"}});
    let path = "/_reindex?requests_per_second=0.001&wait_for_completion=false";
    let task =
        Elastic::expect(es.call("POST", path, Some(slow)).await, 200)["task"].as_str().unwrap().to_owned();
    let quick = es.call("POST", &format!("/_reindex/{task}/_rethrottle?requests_per_second=-1"), None).await;
    Elastic::expect(quick, 200);
    let ended = es.call("GET", &format!("/_tasks/{task}?wait_for_completion=true&timeout=60s"), None).await;
    assert_eq!(Elastic::expect(ended, 200)["response"]["created"], 30);
}

/// Names of items that fail are those of Elasticsearch 7.10.2: of the index itself once it is found.
#[tokio::test]
async fn items_that_fail_name_the_index_behind_an_alias() {
    let dir = tempfile::tempdir().unwrap();
    let vigie = Vigie::start(&dir.path().join("data"));
    let es = Elastic(&vigie);
    let index =
        json!({"mappings": {"properties": {"n": {"type": "long"}}}, "aliases": {"all": {}, "one": {}}});
    Elastic::expect(es.call("PUT", "/one-1", Some(index)).await, 200);
    Elastic::expect(es.call("PUT", "/two-1", Some(json!({"aliases": {"all": {}}}))).await, 200);
    Elastic::expect(es.call("PUT", "/one/_doc/1", Some(json!({"n": 1}))).await, 201);
    let bulk = [
        json!({"create": {"_index": "one", "_id": "1"}}),
        json!({"n": 1}),
        json!({"index": {"_index": "one"}}),
        json!({"n": "text"}),
        json!({"update": {"_index": "one", "_id": "9"}}),
        json!({"doc": {"n": 2}}),
        json!({"index": {"_index": "all", "_id": "1"}}),
        json!({"n": 1}),
        json!({"delete": {"_index": "nothing", "_id": "1"}}),
    ];
    let bulk = bulk.iter().map(|line| format!("{line}\n")).collect();
    let answer = Elastic::expect(es.send("POST", "/_bulk", Some(bulk), "application/x-ndjson").await, 200);
    let items = answer["items"].as_array().unwrap();
    let item = |at: usize| items[at].as_object().unwrap().values().next().unwrap();
    for (at, name, status) in
        [(0, "one-1", 409), (1, "one-1", 400), (2, "one-1", 404), (3, "all", 400), (4, "nothing", 404)]
    {
        assert_eq!(
            (&item(at)["_index"], &item(at)["status"]),
            (&json!(name), &json!(status)),
            "{}",
            item(at)
        );
    }
    // One without an id has the same one wherever it is told.
    let id = item(1)["_id"].as_str().unwrap();
    assert!(item(1)["error"]["reason"].as_str().unwrap().contains(&format!("'{id}'")), "{}", item(1));
    let missing = Elastic::expect(es.call("GET", "/one/_source/77", None).await, 404);
    assert_eq!(missing["error"]["reason"], "Document not found [one-1]/[_doc]/[77]");
    vigie.stop();
}
