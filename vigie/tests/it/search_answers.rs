//! What searches answer in Elasticsearch's words, over HTTP on the real binary.

use crate::harness::Vigie;
use serde_json::{Value, json};

#[tokio::test]
async fn templates_failures_and_explanations() {
    let dir = tempfile::tempdir().unwrap();
    let vigie = Vigie::start(&dir.path().join("data"));
    let post = async |path: &str, body: Value| vigie.ask("POST", path, body.to_string()).await;
    let mapping = json!({"mappings": {"properties": {"n": {"type": "long"}, "at": {"type": "date"}}}});
    assert_eq!(vigie.ask("PUT", "/shop", mapping.to_string()).await.0, 200);
    for n in 1..=3 {
        let (status, _) =
            post(&format!("/shop/_doc/{n}?refresh=true"), json!({"n": n, "title": "a b"})).await;
        assert_eq!(status, 201);
    }
    templates(&vigie).await;
    failures(&vigie).await;
    let (_, answer) =
        post("/shop/_search", json!({"explain": true, "query": {"match": {"title": "a"}}})).await;
    let hit = &answer["hits"]["hits"][0];
    assert_eq!((&hit["_shard"], &hit["_node"]), (&json!("[shop][0]"), &json!("vigie-node-000000000001")));
    assert!(hit["_explanation"]["value"].is_number(), "{hit}");
}

async fn templates(vigie: &Vigie) {
    let post = async |path: &str, body: Value| vigie.ask("POST", path, body.to_string()).await;
    let source =
        r#"{"query": {"terms": {"n": {{#toJson}}list{{/toJson}} }}, "size": {{size}}{{^size}}10{{/size}}}"#;
    let template = json!({"source": source, "params": {"list": [1, 3]}});
    let (status, answer) = post("/shop/_search/template", template.clone()).await;
    assert_eq!((status, &answer["hits"]["total"]["value"]), (200, &json!(2)), "{answer}");
    let (_, answer) = post("/_render/template", template.clone()).await;
    assert_eq!(answer["template_output"], json!({"query": {"terms": {"n": [1, 3]}}, "size": 10}));
    let object = json!({"source": {"query": {"match": {"title": "{{word}}"}}}, "params": {"word": "a"}});
    let (_, answer) = post("/_render/template", object).await;
    assert_eq!(answer["template_output"], json!({"query": {"match": {"title": "a"}}}));
    let lines = format!("{{\"index\":\"shop\"}}\n{template}\n{{}}\n{}\n", json!({"id": "gone"}));
    let (status, answer) = vigie.ask("POST", "/_msearch/template", lines).await;
    assert_eq!(status, 200, "{answer}");
    assert_eq!(answer["responses"][0]["hits"]["total"]["value"], 2);
    assert_eq!(answer["responses"][1]["status"], 404);
    for (body, kind) in [
        (json!({"params": {}}), "action_request_validation_exception"),
        (json!({"source": "{{#a}}"}), "general_script_exception"),
        (json!({"source": "{"}), "json_parse_exception"),
        (json!({"source": "{}", "hits": 1}), "parsing_exception"),
    ] {
        let (status, answer) = post("/shop/_search/template", body.clone()).await;
        assert_eq!((status, &answer["error"]["type"]), (400, &json!(kind)), "{body} {answer}");
    }
}

async fn failures(vigie: &Vigie) {
    let fail = async |query: Value| {
        let (status, answer) = vigie.ask("POST", "/shop/_search", json!({"query": query}).to_string()).await;
        assert_eq!((status, &answer["status"]), (400, &json!(400)), "{answer}");
        let error = answer["error"].clone();
        assert_eq!(
            (&error["type"], &error["phase"]),
            (&json!("search_phase_execution_exception"), &json!("query"))
        );
        assert_eq!((&error["reason"], &error["grouped"]), (&json!("all shards failed"), &json!(true)));
        let failed = error["failed_shards"][0].clone();
        (error["root_cause"][0].clone(), failed)
    };
    let (root, failed) = fail(json!({"match": {"n": "many"}})).await;
    assert_eq!(root["type"], "query_shard_exception");
    assert_eq!(root["reason"], "failed to create query: For input string: \"many\"");
    assert_eq!((&root["index"], root.get("caused_by")), (&json!("shop"), None));
    assert_eq!((&failed["shard"], &failed["index"]), (&json!(0), &json!("shop")));
    let cause = json!({"type": "illegal_argument_exception", "reason": "For input string: \"many\""});
    assert_eq!(failed["reason"]["caused_by"], cause);
    let (root, _) = fail(json!({"range": {"at": {"gte": "soon"}}})).await;
    assert_eq!(root["type"], "parse_exception", "{root}");
    assert!(root["reason"].as_str().unwrap().starts_with("failed to parse date field [soon] with format ["));
    let (root, failed) = fail(json!({"query_string": {"query": "foo:bar:baz"}})).await;
    assert_eq!(
        (&root["type"], &root["reason"]),
        (&json!("query_shard_exception"), &json!("Failed to parse query [foo:bar:baz]"))
    );
    assert_eq!(failed["reason"]["caused_by"]["type"], "parse_exception");
}
