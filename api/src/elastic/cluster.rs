//! `_cluster/*`, `_nodes`, `_license`: how the one node is.
//!
//! Source: Elasticsearch reference, "Cluster APIs".

use super::{
    error::ElasticError,
    indices::described,
    request::Asked,
    root::{CLUSTER, CLUSTER_UUID, NODE_ID},
    routes::{ElasticRight, Route},
    settings::{flatten, nest},
};
use crate::state::App;
use axum::{
    Json,
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::{get, put},
};
use event::Object;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use store::{
    documents::{Collection, Expect, NewDocument},
    logs::{IndexDescription, IndicesOptions, TemplateKind},
};

/// Settings of the cluster that clients have put: kept and shown, without effect on the engine.
pub(crate) const CLUSTER_SETTINGS: Collection = Collection { name: "cluster_settings", indices: &[] };
const PERSISTENT: &str = "persistent";
/// The state is not counted: there are no other nodes that could have an older one.
const STATE_VERSION: u64 = 1;
/// Groups of settings that Elasticsearch knows.
const GROUPS: &[&str] = &[
    "action",
    "cluster",
    "discovery",
    "gateway",
    "http",
    "indices",
    "ingest",
    "logger",
    "monitor",
    "network",
    "node",
    "repositories",
    "script",
    "search",
    "snapshot",
    "thread_pool",
    "transport",
    "xpack",
    "plugins",
    "opendistro",
];

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::new(ElasticRight::Monitor, "/_cluster/health", get(health)),
        Route::new(ElasticRight::Monitor, "/_cluster/health/{index}", get(health)),
        Route::new(ElasticRight::Monitor, "/_cluster/settings", get(get_settings)),
        Route::new(ElasticRight::ManageAll, "/_cluster/settings", put(put_settings)),
        Route::new(ElasticRight::Monitor, "/_cluster/state", get(state)),
        Route::new(ElasticRight::Monitor, "/_cluster/state/{metrics}", get(state)),
        Route::new(ElasticRight::Monitor, "/_cluster/state/{metrics}/{index}", get(state)),
        Route::new(ElasticRight::Monitor, "/_cluster/pending_tasks", get(pending_tasks)),
        Route::new(ElasticRight::Monitor, "/_license", get(license)),
        Route::new(ElasticRight::Monitor, "/_xpack", get(xpack)),
    ]
}

async fn health(mut asked: Asked) -> Result<Response, ElasticError> {
    let awaited = Awaited {
        status: asked.take("wait_for_status"),
        shards: asked.take("wait_for_active_shards"),
        nodes: asked.take("wait_for_nodes"),
    };
    let level = asked.take("level").unwrap_or_default();
    for name in ["wait_for_no_relocating_shards", "wait_for_no_initializing_shards", "wait_for_events"] {
        asked.take(name);
    }
    let up = asked.app.parts().logs.health().await.is_ok();
    let base = IndicesOptions { ignore_unavailable: true, expand_hidden: true, ..IndicesOptions::ADMIN };
    let indices = if up { described(&mut asked, base, false).await? } else { Vec::new() };
    asked.done()?;
    let missing = |index: &String| {
        !index.contains('*')
            && !indices.iter().any(|found| found.name == *index || found.aliases.contains_key(index))
    };
    let waits_in_vain = asked.indices()?.iter().any(missing);
    let standing = Standing::of(&indices, up);
    let timed_out = waits_in_vain || !awaited.is_there(&standing);
    let mut body = json!({
        "cluster_name": CLUSTER,
        "status": if waits_in_vain { "red" } else { standing.status },
        "timed_out": timed_out,
        "number_of_nodes": 1,
        "number_of_data_nodes": 1,
        "active_primary_shards": standing.shards,
        "active_shards": standing.shards,
        "relocating_shards": 0,
        "initializing_shards": 0,
        "unassigned_shards": standing.missing_replicas,
        "delayed_unassigned_shards": 0,
        "number_of_pending_tasks": 0,
        "number_of_in_flight_fetch": 0,
        "task_max_waiting_in_queue_millis": 0,
        "active_shards_percent_as_number": percent_active(standing.shards, standing.missing_replicas),
    });
    if level == "indices" || level == "shards" {
        let list: Object = indices.iter().map(|index| (index.name.clone(), health_of(index))).collect();
        body["indices"] = Value::Object(list);
    }
    let code = if timed_out { StatusCode::REQUEST_TIMEOUT } else { StatusCode::OK };
    Ok((code, Json(body)).into_response())
}

/// How the indices stand together.
struct Standing {
    status: &'static str,
    /// Of those that are open.
    shards: u32,
    /// Replicas that have no node.
    missing_replicas: u32,
}

impl Standing {
    fn of(indices: &[IndexDescription], up: bool) -> Self {
        let open = || indices.iter().filter(|index| index.open);
        let yellow = || open().filter(|index| index.health() == "yellow");
        let status = match (up, yellow().next().is_some()) {
            (false, _) => "red",
            (true, true) => "yellow",
            (true, false) => "green",
        };
        Self {
            status,
            shards: open().map(|index| index.shards).sum(),
            missing_replicas: yellow().map(|index| index.shards.saturating_mul(index.replicas)).sum(),
        }
    }
}

/// What a request waits for. It is there or will not come: there is but one node.
struct Awaited {
    status: Option<String>,
    shards: Option<String>,
    nodes: Option<String>,
}

impl Awaited {
    fn is_there(&self, standing: &Standing) -> bool {
        let rank =
            |status: &str| ["green", "yellow", "red"].iter().position(|known| *known == status).unwrap_or(2);
        let has_shards = |wanted: &String| match wanted.parse::<u32>() {
            Ok(number) => standing.shards >= number,
            Err(_) => wanted != "all" || standing.missing_replicas == 0,
        };
        self.status.as_ref().is_none_or(|wanted| rank(wanted) >= rank(standing.status))
            && self.shards.as_ref().is_none_or(has_shards)
            && self.nodes.as_deref().is_none_or(one_node_is)
    }
}

/// Whether one node is as many as `>=1`, `le(2)`, `1` say.
fn one_node_is(wanted: &str) -> bool {
    let number = wanted.trim_start_matches(|c: char| !c.is_ascii_digit()).trim_end_matches(')');
    match number.parse::<u64>() {
        Ok(number) if wanted.starts_with("<=") || wanted.starts_with("le(") => number >= 1,
        Ok(number) if wanted.starts_with('<') || wanted.starts_with("lt(") => number > 1,
        Ok(number) if wanted.starts_with(">=") || wanted.starts_with("ge(") => number <= 1,
        Ok(number) if wanted.starts_with('>') || wanted.starts_with("gt(") => number < 1,
        Ok(number) => number == 1,
        Err(_) => true,
    }
}

fn health_of(index: &IndexDescription) -> Value {
    json!({"status": index.health(), "number_of_shards": index.shards, "number_of_replicas": index.replicas,
        "active_primary_shards": index.shards, "active_shards": index.shards, "relocating_shards": 0,
        "initializing_shards": 0, "unassigned_shards": 0})
}

/// How many of the shards that there should be are there, in percent.
pub(super) fn percent_active(active: u32, missing: u32) -> f64 {
    let wanted = active.saturating_add(missing);
    if wanted == 0 { 100.0 } else { f64::from(active) * 100.0 / f64::from(wanted) }
}

async fn stored(app: &App) -> Result<BTreeMap<String, BTreeMap<String, Value>>, ElasticError> {
    let found = app.parts().documents.get(&CLUSTER_SETTINGS, "all").await?;
    let Some(found) = found else { return Ok(BTreeMap::new()) };
    Ok(found
        .body
        .into_iter()
        .filter_map(|(kind, settings)| Some((kind, settings.as_object()?.clone().into_iter().collect())))
        .collect())
}

/// A setting of the cluster, if it was set: what is transient before what is persistent.
pub(super) async fn setting(app: &App, name: &str) -> Result<Option<String>, ElasticError> {
    let stored = stored(app).await?;
    let found = ["transient", PERSISTENT].iter().find_map(|kind| stored.get(*kind)?.get(name)?.as_str());
    Ok(found.map(str::to_owned))
}

async fn get_settings(mut asked: Asked) -> Result<Json<Value>, ElasticError> {
    let flat = asked.flag("flat_settings", false)?;
    let defaults = asked.flag("include_defaults", false)?;
    asked.done()?;
    let stored = stored(&asked.app).await?;
    let mut out = Object::new();
    for kind in [PERSISTENT, "transient"] {
        let settings = stored.get(kind).cloned().unwrap_or_default();
        out.insert(kind.to_owned(), if flat { json!(settings) } else { nest(&settings) });
    }
    if defaults {
        let node = BTreeMap::from([
            ("cluster.name".to_owned(), json!(CLUSTER)),
            ("node.name".to_owned(), json!(CLUSTER)),
            ("action.auto_create_index".to_owned(), json!("true")),
            ("search.max_buckets".to_owned(), json!("65535")),
        ]);
        out.insert("defaults".to_owned(), if flat { json!(node) } else { nest(&node) });
    }
    Ok(Json(Value::Object(out)))
}

async fn put_settings(mut asked: Asked) -> Result<Json<Value>, ElasticError> {
    let flat = asked.flag("flat_settings", false)?;
    asked.done()?;
    let body = asked.required()?;
    let mut stored = stored(&asked.app).await?;
    let mut answer = Object::from_iter([("acknowledged".to_owned(), json!(true))]);
    for kind in [PERSISTENT, "transient"] {
        let mut changed = BTreeMap::new();
        for (name, value) in body.get(kind).and_then(Value::as_object).map(flatten).unwrap_or_default() {
            let group = name.split('.').next().unwrap_or_default();
            if !GROUPS.contains(&group) {
                return Err(ElasticError::illegal(format!("{kind} setting [{name}], not recognized")));
            }
            let known = stored.entry(kind.to_owned()).or_default();
            if value.is_null() {
                known.retain(|other, _| !wildcard(&name, other));
                continue;
            }
            let text = match value {
                Value::String(_) | Value::Array(_) => value,
                other => json!(other.to_string()),
            };
            known.insert(name.clone(), text.clone());
            changed.insert(name, text);
        }
        answer.insert(kind.to_owned(), if flat { json!(changed) } else { nest(&changed) });
    }
    let kept: Object = stored.into_iter().map(|(kind, settings)| (kind, json!(settings))).collect();
    let document = NewDocument { id: "all".to_owned(), body: kept, expires_at: None };
    asked.app.parts().documents.put(&CLUSTER_SETTINGS, document, Expect::Anything).await?;
    Ok(Json(Value::Object(answer)))
}

fn wildcard(pattern: &str, name: &str) -> bool {
    store::scope::wildcard_match(pattern, name)
}

async fn state(mut asked: Asked) -> Result<Json<Value>, ElasticError> {
    let metrics = Some(asked.part("metrics").to_owned()).filter(|metrics| !metrics.is_empty());
    let has = |metric: &str| {
        metrics
            .as_ref()
            .is_none_or(|metrics| metrics.split(',').any(|wanted| wanted == metric || wanted == "_all"))
    };
    let flat = asked.flag("flat_settings", false)?;
    let awaited = asked.number("wait_for_metadata_version")?;
    asked.take("wait_for_timeout");
    let base = IndicesOptions { ignore_unavailable: true, expand_hidden: true, ..IndicesOptions::ADMIN };
    let found = described(&mut asked, base, true).await?;
    asked.done()?;
    let mut out = json!({"cluster_name": CLUSTER, "cluster_uuid": CLUSTER_UUID});
    if awaited.is_some_and(|version| version > STATE_VERSION) {
        // The one node's state is always its newest: a later one does not come by waiting.
        out["wait_for_timed_out"] = json!(true);
        return Ok(Json(out));
    }
    if has("version") {
        out["version"] = json!(STATE_VERSION);
        out["state_uuid"] = json!(CLUSTER_UUID);
    }
    if has("master_node") {
        out["master_node"] = json!(NODE_ID);
    }
    if has("nodes") {
        let address = asked.address();
        out["nodes"] = json!({NODE_ID: {"name": CLUSTER, "ephemeral_id": NODE_ID, "transport_address": address,
            "attributes": {}}});
    }
    if has("blocks") {
        let blocks: Object =
            found.iter().filter_map(|index| Some((index.name.clone(), super::blocks::of(index)?))).collect();
        out["blocks"] = if blocks.is_empty() { json!({}) } else { json!({"indices": blocks}) };
    }
    if has("metadata") {
        let indices: Object = found
            .iter()
            .map(|index| {
                let body = json!({
                    "state": if index.open { "open" } else { "close" },
                    "settings": super::settings::shown(&index.settings, flat),
                    "mappings": {"_doc": index.mappings},
                    "aliases": index.aliases.keys().collect::<Vec<_>>(),
                });
                (index.name.clone(), body)
            })
            .collect();
        let templates = asked.app.parts().admin.templates(&asked.scope, TemplateKind::Legacy, "*").await?;
        let templates: Object = templates.into_iter().collect();
        out["metadata"] = json!({"cluster_uuid": CLUSTER_UUID, "templates": templates, "indices": indices});
    }
    if has("routing_table") {
        let shard = |index: &str| {
            json!({"shards": {"0": [{"state": "STARTED", "primary": true, "node": NODE_ID,
            "relocating_node": null, "shard": 0, "index": index}]}})
        };
        let indices: Object = found.iter().map(|index| (index.name.clone(), shard(&index.name))).collect();
        out["routing_table"] = json!({"indices": indices});
    }
    Ok(Json(out))
}

async fn pending_tasks(asked: Asked) -> Result<Json<Value>, ElasticError> {
    asked.done()?;
    Ok(Json(json!({"tasks": []})))
}

async fn license(asked: Asked) -> Json<Value> {
    drop(asked);
    Json(json!({"license": {"status": "active", "uid": CLUSTER_UUID, "type": "basic",
        "issue_date": "2020-01-01T00:00:00.000Z", "issue_date_in_millis": 1_577_836_800_000_u64,
        "max_nodes": 1000, "issued_to": CLUSTER, "issuer": "vigie", "start_date_in_millis": -1}}))
}

async fn xpack(asked: Asked) -> Json<Value> {
    drop(asked);
    Json(
        json!({"build": {}, "license": {"uid": CLUSTER_UUID, "type": "basic", "mode": "basic", "status": "active"},
        "features": {}, "tagline": "You know, for X"}),
    )
}
