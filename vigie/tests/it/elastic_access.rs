//! Who reaches what on the Elasticsearch port.

use crate::harness::{ADMIN, PASSWORD, Vigie};
use reqwest::Method;
use serde_json::{Value, json};

/// Somebody with Basic credentials.
pub(crate) struct Caller<'a> {
    pub(crate) vigie: &'a Vigie,
    pub(crate) name: String,
    pub(crate) password: String,
}

impl<'a> Caller<'a> {
    /// The first account.
    pub(crate) fn admin(vigie: &'a Vigie) -> Self {
        Self { vigie, name: ADMIN.to_owned(), password: PASSWORD.to_owned() }
    }

    pub(crate) async fn call(&self, method: Method, path: &str, body: Value) -> u16 {
        self.ask(method, path, body).await.0
    }

    /// Status and body of the answer.
    pub(crate) async fn ask(&self, method: Method, path: &str, body: Value) -> (u16, Value) {
        let request = self.vigie.client.request(method, format!("{}{path}", self.vigie.elastic));
        let request = request.basic_auth(&self.name, Some(&self.password));
        let request = if body.is_null() { request } else { request.json(&body) };
        let response = request.send().await.unwrap();
        let status = response.status().as_u16();
        let text = response.text().await.unwrap();
        (status, serde_json::from_str(&text).unwrap_or(Value::String(text)))
    }
}

/// Makes an API key and speaks with it as with Basic credentials.
pub(crate) async fn key(vigie: &Vigie, key: Value) -> Caller<'_> {
    let (status, made) = vigie.login(ADMIN).await.post("/api-keys", key).await;
    assert_eq!(status, 201, "{made}");
    let text = |field: &str| made[field].as_str().unwrap().to_owned();
    Caller { vigie, name: text("id"), password: text("api_key") }
}

pub(crate) async fn check(caller: &Caller<'_>, rows: &[(Method, &str, Value, u16)]) {
    for (method, path, body, expected) in rows {
        assert_eq!(caller.call(method.clone(), path, body.clone()).await, *expected, "{method} {path}");
    }
}

/// Kibana keeps its objects with a key of its own; analysts read events and keep views of them.
#[tokio::test]
async fn dashboards_and_analysts_reach_what_they_need() {
    let directory = tempfile::tempdir().unwrap();
    let vigie = Vigie::start(directory.path());
    let admin = Caller::admin(&vigie);
    let event = json!({"@timestamp": "2026-11-20T10:00:00Z", "message": "x"});
    check(
        &admin,
        &[
            (Method::PUT, "/ecommerce-logs-2026.11.20/_doc/1?refresh=true", event.clone(), 201),
            (Method::PUT, "/other/_doc/1", json!({}), 201),
        ],
    )
    .await;

    let privileges = json!(["read", "write", "manage"]);
    let own = json!({"name": "kibana", "privileges": privileges, "indices": [".kibana*"]});
    let kibana = key(&vigie, own).await;
    let template = |pattern: &str| json!({"index_patterns": [pattern]});
    check(
        &kibana,
        &[
            (Method::PUT, "/.kibana_1", json!({"aliases": {".kibana": {}}}), 200),
            (Method::PUT, "/.kibana/_doc/config", json!({"type": "config"}), 201),
            (Method::GET, "/ecommerce-logs-2026.11.20/_doc/1", Value::Null, 403),
            (Method::PUT, "/_index_template/own", template(".kibana_x*"), 200),
            (Method::PUT, "/_index_template/all", template("*"), 403),
            (Method::PUT, "/_component_template/part", json!({"template": {}}), 403),
            (Method::DELETE, "/_index_template/own", Value::Null, 200),
            (Method::DELETE, "/_index_template/ecommerce-logs", Value::Null, 403),
            (Method::PUT, "/_ingest/pipeline/access", json!({"processors": []}), 403),
            (Method::PUT, "/_cluster/settings", json!({"transient": {}}), 403),
            (Method::PUT, "/_index_template/ecommerce-logs", template(".kibana_x*"), 403),
            (Method::PUT, "/.kibana_2", json!({"aliases": {"ecommerce-logs-2026.11.22": {}}}), 403),
            (
                Method::POST,
                "/_aliases",
                json!({"actions": [{"add": {"index": ".kibana_1", "alias": "ecommerce-logs-2026.11.22"}}]}),
                403,
            ),
            (Method::GET, "/_tasks", Value::Null, 403),
        ],
    )
    .await;

    let session = vigie.account("analyst").await;
    let (_, me) = session.get("/auth/me").await;
    let email = me["email"].as_str().unwrap().to_owned();
    let analyst = Caller { vigie: &vigie, name: email, password: PASSWORD.to_owned() };
    check(
        &analyst,
        &[
            (Method::GET, "/ecommerce-logs-*/_search", Value::Null, 200),
            (Method::GET, "/ecommerce-logs-2026.11.20/_doc/1", Value::Null, 200),
            (Method::PUT, "/ecommerce-logs-2026.11.20/_doc/2", event.clone(), 403),
            (Method::DELETE, "/ecommerce-logs-2026.11.20/_doc/1", Value::Null, 403),
            (Method::GET, "/other/_doc/1", Value::Null, 403),
            (Method::POST, "/ecommerce-logs-*/_forcemerge", Value::Null, 200),
            (Method::POST, "/ecommerce-logs-2026.11.20/_forcemerge", Value::Null, 403),
            (Method::PUT, "/.kibana/_doc/index-pattern:shop", json!({"type": "index-pattern"}), 201),
            (Method::GET, "/.kibana/_doc/config", Value::Null, 200),
            (Method::DELETE, "/.kibana_1", Value::Null, 403),
            (Method::PUT, "/.other/_doc/1", json!({}), 403),
        ],
    )
    .await;
}

#[tokio::test]
async fn a_key_may_do_different_things_with_different_indices() {
    let directory = tempfile::tempdir().unwrap();
    let vigie = Vigie::start(directory.path());
    let shipper = json!({
        "name": "shipper", "privileges": ["write"], "indices": ["in-*"],
        "further_grants": [{"indices": ["lookup"], "privileges": ["read"]}],
    });
    let shipper = key(&vigie, shipper).await;
    let admin = Caller::admin(&vigie);
    check(&admin, &[(Method::PUT, "/lookup/_doc/1", json!({"a": 1}), 201)]).await;
    check(
        &shipper,
        &[
            (Method::PUT, "/in-1/_doc/1", json!({"a": 1}), 201),
            (Method::GET, "/in-1/_doc/1", Value::Null, 403),
            (Method::GET, "/in-1/_search", Value::Null, 403),
            (Method::GET, "/lookup/_doc/1", Value::Null, 200),
            (Method::PUT, "/lookup/_doc/2", json!({}), 403),
            (Method::POST, "/lookup/_delete_by_query", json!({"query": {"match_all": {}}}), 403),
            (
                Method::POST,
                "/_reindex",
                json!({"source": {"index": "lookup"}, "dest": {"index": "in-2"}}),
                200,
            ),
            (Method::POST, "/_reindex", json!({"source": {"index": "in-1"}, "dest": {"index": "in-2"}}), 403),
            (Method::DELETE, "/in-1", Value::Null, 403),
        ],
    )
    .await;
}
