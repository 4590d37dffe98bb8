//! `_cat/*`: tables for people.
//!
//! Source: Elasticsearch reference, "cat APIs".

use super::{
    error::ElasticError,
    request::Asked,
    root::{CLUSTER, NODE_ID, VERSION},
    routes::{Right, Route},
    table::{Column, Table},
};
use axum::{response::Response, routing::get};
use serde_json::Value;
use store::{
    logs::{Detail, IndexDescription, IndicesOptions, SearchRequest, TemplateKind},
    scope::wildcard_match,
};

pub(super) fn routes() -> Vec<Route> {
    let route = |path, methods| Route::new(Right::Monitor, path, methods);
    vec![
        route("/_cat", get(help)),
        route("/_cat/indices", get(indices)),
        route("/_cat/indices/{index}", get(indices)),
        route("/_cat/aliases", get(aliases)),
        route("/_cat/aliases/{name}", get(aliases)),
        route("/_cat/count", get(count)),
        route("/_cat/count/{index}", get(count)),
        route("/_cat/health", get(health)),
        route("/_cat/templates", get(templates)),
        route("/_cat/templates/{name}", get(templates)),
        route("/_cat/nodes", get(nodes)),
        route("/_cat/master", get(master)),
        route("/_cat/shards", get(shards)),
        route("/_cat/shards/{index}", get(shards)),
        route("/_cat/plugins", get(plugins)),
        route("/_cat/pending_tasks", get(pending_tasks)),
    ]
}

async fn help() -> &'static str {
    "=^.^=\n/_cat/aliases\n/_cat/aliases/{alias}\n/_cat/count\n/_cat/count/{index}\n/_cat/health\n/_cat/indices\n\
     /_cat/indices/{index}\n/_cat/master\n/_cat/nodes\n/_cat/pending_tasks\n/_cat/plugins\n/_cat/shards\n\
     /_cat/shards/{index}\n/_cat/templates\n"
}

const fn shown(name: &'static str, alias: &'static str, help: &'static str) -> Column {
    Column { name, alias, help, default: true, right: false }
}

const fn number(name: &'static str, alias: &'static str, help: &'static str) -> Column {
    Column { name, alias, help, default: true, right: true }
}

const fn hidden(column: Column) -> Column {
    Column { default: false, ..column }
}

const INDICES: &[Column] = &[
    shown("health", "h", "current health status"),
    shown("status", "s", "open/close status"),
    shown("index", "i,idx", "index name"),
    shown("uuid", "id,uuid", "index uuid"),
    number("pri", "p,shards.primary,shardsPrimary", "number of primary shards"),
    number("rep", "r,shards.replica,shardsReplica", "number of replica shards"),
    number("docs.count", "dc,docsCount", "available docs"),
    number("docs.deleted", "dd,docsDeleted", "deleted docs"),
    hidden(shown("creation.date", "cd", "index creation date (millisecond value)")),
    hidden(shown("creation.date.string", "cds", "index creation date (as string)")),
    number("store.size", "ss,storeSize", "store size of primaries & replicas"),
    number("pri.store.size", "", "store size of primaries"),
];

async fn indices(mut asked: Asked) -> Result<Response, ElasticError> {
    let options = asked.options(IndicesOptions { expand_hidden: false, ..IndicesOptions::ADMIN })?;
    let health = asked.take("health");
    if let Some(unknown) = health.as_deref().filter(|health| !["green", "yellow", "red"].contains(health)) {
        return Err(ElasticError::illegal(format!("unknown cluster health status [{unknown}]")));
    }
    for name in ["include_unloaded_segments", "pri", "completion"] {
        asked.take(name);
    }
    let mut table = Table::new(&mut asked, INDICES)?;
    asked.done()?;
    let detail = Detail { mappings: false, statistics: true };
    let found = asked.app.parts().admin.describe(&asked.scope, &asked.indices()?, options, detail).await?;
    for index in found.iter().filter(|index| health.as_deref().is_none_or(|health| health == index.health()))
    {
        table.row(index_row(index));
    }
    table.answer()
}

fn index_row(index: &IndexDescription) -> Vec<Value> {
    let created = jiff::Timestamp::from_millisecond(index.created_at_ms);
    let open = |value: Value| if index.open { value } else { Value::Null };
    vec![
        index.health().into(),
        if index.open { "open".into() } else { "close".into() },
        index.name.as_str().into(),
        index.uuid.as_str().into(),
        index.shards.into(),
        index.replicas.into(),
        open(index.documents.into()),
        open(0.into()),
        index.created_at_ms.into(),
        created.map_or(Value::Null, |at| format!("{at:.3}").into()),
        open(Table::bytes(index.size_bytes)),
        open(Table::bytes(index.size_bytes)),
    ]
}

const ALIASES: &[Column] = &[
    shown("alias", "a", "alias name"),
    shown("index", "i,idx", "index alias points to"),
    shown("filter", "f,fi", "filter"),
    shown("routing.index", "ri,routingIndex", "index routing"),
    shown("routing.search", "rs,routingSearch", "search routing"),
    shown("is_write_index", "w,isWriteIndex", "write index"),
];

async fn aliases(mut asked: Asked) -> Result<Response, ElasticError> {
    let base = IndicesOptions { expand_hidden: true, ..IndicesOptions::ADMIN };
    let options = asked.options(base)?;
    let mut table = Table::new(&mut asked, ALIASES)?;
    asked.done()?;
    let name = Some(asked.part("name")).filter(|name| !name.is_empty()).unwrap_or("*").to_owned();
    let patterns: Vec<&str> = name.split(',').collect();
    let all = super::names::everything();
    let everything =
        IndicesOptions { expand_open: true, expand_closed: true, expand_hidden: true, ..options };
    let found = asked.app.parts().admin.describe(&asked.scope, &all, everything, Detail::default()).await?;
    for index in &found {
        for (alias, body) in &index.aliases {
            let hidden = body["is_hidden"] == true;
            let explicit = patterns.iter().any(|pattern| {
                pattern == alias || (pattern.starts_with('.') && wildcard_match(pattern, alias))
            });
            if patterns.iter().any(|pattern| wildcard_match(pattern, alias))
                && (!hidden || explicit || options.expand_hidden)
            {
                let text = |name: &str| body[name].as_str().unwrap_or("-").into();
                let filter: Value = if body["filter"].is_null() { "-".into() } else { "*".into() };
                let is_write =
                    body["is_write_index"].as_bool().map_or("-".to_owned(), |truth| truth.to_string());
                table.row(vec![
                    alias.as_str().into(),
                    index.name.as_str().into(),
                    filter,
                    text("index_routing"),
                    text("search_routing"),
                    is_write.into(),
                ]);
            }
        }
    }
    table.answer()
}

const COUNT: &[Column] = &[
    shown("epoch", "t,time", "seconds since 1970-01-01 00:00:00"),
    shown("timestamp", "ts,hms,hhmmss", "time in HH:MM:SS"),
    shown("count", "dc,docs.count,docsCount", "the document count"),
];

/// `true`, seconds and time of day.
fn moment() -> [Value; 2] {
    let now = jiff::Timestamp::now();
    [now.as_second().into(), now.strftime("%H:%M:%S").to_string().into()]
}

async fn count(mut asked: Asked) -> Result<Response, ElasticError> {
    let mut table = Table::new(&mut asked, COUNT)?;
    asked.done()?;
    let body = serde_json::json!({"size": 0, "track_total_hits": true});
    let request = SearchRequest {
        indices: asked.indices()?,
        body: body.as_object().cloned().unwrap_or_default(),
        ..SearchRequest::default()
    };
    let total =
        asked.app.parts().logs.search(&asked.scope, request).await?.total.map_or(0, |total| total.value);
    let [epoch, time] = moment();
    table.row(vec![epoch, time, total.into()]);
    table.answer()
}

const HEALTH: &[Column] = &[
    shown("epoch", "t,time", "seconds since 1970-01-01 00:00:00"),
    shown("timestamp", "ts,hms,hhmmss", "time in HH:MM:SS"),
    shown("cluster", "cl", "cluster name"),
    shown("status", "st", "health status"),
    number("node.total", "nt,nodeTotal", "total number of nodes"),
    number("node.data", "nd,nodeData", "number of nodes that can store data"),
    number("shards", "t,sh,shards.total,shardsTotal", "total number of shards"),
    number("pri", "p,shards.primary,shardsPrimary", "number of primary shards"),
    number("relo", "r,shards.relocating,shardsRelocating", "number of relocating nodes"),
    number("init", "i,shards.initializing,shardsInitializing", "number of initializing nodes"),
    number("unassign", "u,shards.unassigned,shardsUnassigned", "number of unassigned shards"),
    number("pending_tasks", "pt,pendingTasks", "number of pending tasks"),
    number("max_task_wait_time", "mtwt,maxTaskWaitTime", "wait time of longest task pending"),
    number("active_shards_percent", "asp,activeShardsPercent", "active number of shards in percent"),
];

async fn health(mut asked: Asked) -> Result<Response, ElasticError> {
    let with_time = asked.flag("ts", true)?;
    let columns = if with_time { HEALTH } else { &HEALTH[2..] };
    let mut table = Table::new(&mut asked, columns)?;
    asked.done()?;
    let up = asked.app.parts().logs.health().await.is_ok();
    let options = IndicesOptions { expand_hidden: true, ..IndicesOptions::default() };
    let all = super::names::everything();
    let found = asked.app.parts().admin.describe(&asked.scope, &all, options, Detail::default()).await?;
    let shards: u32 = found.iter().map(|index| index.shards).sum();
    let yellow = || found.iter().filter(|index| index.health() == "yellow");
    let missing: u32 = yellow().map(|index| index.shards.saturating_mul(index.replicas)).sum();
    let status = match (up, yellow().next().is_some()) {
        (false, _) => "red",
        (true, true) => "yellow",
        (true, false) => "green",
    };
    let mut row: Vec<Value> = Vec::new();
    if with_time {
        row.extend(moment());
    }
    row.extend::<Vec<Value>>(vec![
        CLUSTER.into(),
        status.into(),
        1.into(),
        1.into(),
        shards.into(),
        shards.into(),
        0.into(),
        0.into(),
        missing.into(),
        0.into(),
        "-".into(),
        format!("{:.1}%", super::cluster::percent_active(shards, missing)).into(),
    ]);
    table.row(row);
    table.answer()
}

const TEMPLATES: &[Column] = &[
    shown("name", "n", "template name"),
    shown("index_patterns", "t", "template index patterns"),
    shown("order", "o,p", "template application order/priority number"),
    shown("version", "v", "version"),
    shown("composed_of", "c", "component templates comprising index template"),
];

async fn templates(mut asked: Asked) -> Result<Response, ElasticError> {
    let mut table = Table::new(&mut asked, TEMPLATES)?;
    asked.done()?;
    let name = Some(asked.part("name")).filter(|name| !name.is_empty()).unwrap_or("*").to_owned();
    for kind in [TemplateKind::Legacy, TemplateKind::Index] {
        for (name, body) in asked.app.parts().admin.templates(&asked.scope, kind, &name).await? {
            let list = |member: &str| -> String {
                let items = body[member].as_array().map(Vec::as_slice).unwrap_or_default();
                let items: Vec<&str> = items.iter().filter_map(Value::as_str).collect();
                format!("[{}]", items.join(", "))
            };
            let order = match kind {
                TemplateKind::Legacy => body["order"].clone(),
                _ => {
                    if body["priority"].is_null() {
                        0.into()
                    } else {
                        body["priority"].clone()
                    }
                }
            };
            let composed: Value =
                if kind == TemplateKind::Legacy { "".into() } else { list("composed_of").into() };
            table.row(vec![
                name.into(),
                list("index_patterns").into(),
                order,
                body["version"].clone(),
                composed,
            ]);
        }
    }
    table.answer()
}

const NODES: &[Column] = &[
    hidden(shown("id", "id,nodeId", "unique node id")),
    shown("ip", "i", "ip address"),
    hidden(shown("version", "v", "es version")),
    hidden(shown("http_address", "http", "bound http address")),
    number("heap.percent", "hp,heapPercent", "used heap ratio"),
    number("ram.percent", "rp,ramPercent", "used machine memory ratio"),
    number("cpu", "cpu", "recent cpu usage"),
    number("load_1m", "l", "1m load avg"),
    number("load_5m", "l", "5m load avg"),
    number("load_15m", "l", "15m load avg"),
    shown(
        "node.role",
        "r,role,nodeRole",
        "m:master eligible node, d:data node, i:ingest node, -:coordinating node only",
    ),
    shown("master", "m", "*:current master"),
    shown("name", "n", "node name"),
];

async fn nodes(mut asked: Asked) -> Result<Response, ElasticError> {
    asked.flag("full_id", false)?;
    let mut table = Table::new(&mut asked, NODES)?;
    asked.done()?;
    table.row(vec![
        NODE_ID.get(..4).unwrap_or(NODE_ID).into(),
        "127.0.0.1".into(),
        VERSION.into(),
        asked.address().into(),
        Value::Null,
        Value::Null,
        Value::Null,
        Value::Null,
        Value::Null,
        Value::Null,
        "dim".into(),
        "*".into(),
        CLUSTER.into(),
    ]);
    table.answer()
}

const MASTER: &[Column] = &[
    shown("id", "", "node id"),
    shown("host", "h", "host name"),
    shown("ip", "", "ip address"),
    shown("node", "n", "node name"),
];

async fn master(mut asked: Asked) -> Result<Response, ElasticError> {
    let mut table = Table::new(&mut asked, MASTER)?;
    asked.done()?;
    table.row(vec![NODE_ID.into(), "127.0.0.1".into(), "127.0.0.1".into(), CLUSTER.into()]);
    table.answer()
}

const SHARDS: &[Column] = &[
    shown("index", "i,idx", "index name"),
    shown("shard", "s,sh", "shard name"),
    shown("prirep", "p,pr,primaryOrReplica", "primary or replica"),
    shown("state", "st", "shard state"),
    number("docs", "d,dc", "number of docs in shard"),
    number("store", "sto", "store size of shard (how much disk it uses)"),
    shown("ip", "", "ip of node where it lives"),
    hidden(shown("id", "", "unique id of node where it lives")),
    shown("node", "n", "name of node where it lives"),
];

async fn shards(mut asked: Asked) -> Result<Response, ElasticError> {
    let mut table = Table::new(&mut asked, SHARDS)?;
    asked.done()?;
    let detail = Detail { mappings: false, statistics: true };
    let options = IndicesOptions { expand_hidden: true, ..IndicesOptions::default() };
    let found = asked.app.parts().admin.describe(&asked.scope, &asked.indices()?, options, detail).await?;
    for index in found {
        table.row(vec![
            index.name.into(),
            0.into(),
            "p".into(),
            "STARTED".into(),
            index.documents.into(),
            Table::bytes(index.size_bytes),
            "127.0.0.1".into(),
            NODE_ID.into(),
            CLUSTER.into(),
        ]);
    }
    table.answer()
}

const PLUGINS: &[Column] = &[
    hidden(shown("id", "", "unique node id")),
    shown("name", "n", "node name"),
    shown("component", "c", "component"),
    shown("version", "v", "component version"),
];

async fn plugins(mut asked: Asked) -> Result<Response, ElasticError> {
    let table = Table::new(&mut asked, PLUGINS)?;
    asked.done()?;
    table.answer()
}

const PENDING_TASKS: &[Column] = &[
    number("insertOrder", "o", "task insertion order"),
    number("timeInQueue", "t", "how long task has been in queue"),
    shown("priority", "p", "task priority"),
    shown("source", "s", "task source"),
];

async fn pending_tasks(mut asked: Asked) -> Result<Response, ElasticError> {
    let table = Table::new(&mut asked, PENDING_TASKS)?;
    asked.done()?;
    table.answer()
}
