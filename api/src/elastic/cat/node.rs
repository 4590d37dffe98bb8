//! Tables of the one node and what it does.

use super::{
    super::{
        error::ElasticError,
        request::Asked,
        root::{CLUSTER, NODE_ID},
        table::{Column, Table},
    },
    HOST, hidden, moment, number, shown,
};
use axum::response::Response;
use serde_json::Value;
use store::{
    logs::{Detail, IndicesOptions},
    scope::wildcard_match,
};

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

pub(super) async fn health(mut asked: Asked) -> Result<Response, ElasticError> {
    let with_time = asked.flag("ts", true)?;
    let columns = if with_time { HEALTH } else { &HEALTH[2..] };
    let mut table = Table::new(&mut asked, columns)?;
    asked.done()?;
    let up = asked.app.parts().logs.health().await.is_ok();
    let options = IndicesOptions { expand_hidden: true, ..IndicesOptions::default() };
    let all = super::super::names::everything();
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
        format!("{:.1}%", super::super::cluster::percent_active(shards, missing)).into(),
    ]);
    table.row(row);
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

pub(super) async fn nodes(mut asked: Asked) -> Result<Response, ElasticError> {
    let full_id = asked.flag("full_id", false)?;
    let mut table = Table::new(&mut asked, NODES)?;
    asked.done()?;
    table.row(vec![
        if full_id { NODE_ID.into() } else { NODE_ID.get(..4).unwrap_or(NODE_ID).into() },
        HOST.into(),
        asked.persona.version.to_string().into(),
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

pub(super) async fn master(mut asked: Asked) -> Result<Response, ElasticError> {
    let mut table = Table::new(&mut asked, MASTER)?;
    asked.done()?;
    table.row(vec![NODE_ID.into(), HOST.into(), HOST.into(), CLUSTER.into()]);
    table.answer()
}

const ALLOCATION: &[Column] = &[
    number("shards", "s", "number of shards on node"),
    number("disk.indices", "di,diskIndices", "disk used by ES indices"),
    number("disk.used", "du,diskUsed", "disk used (total, not just ES)"),
    number("disk.avail", "da,diskAvail", "disk available"),
    number("disk.total", "dt,diskTotal", "total capacity of all volumes"),
    number("disk.percent", "dp,diskPercent", "percent disk used"),
    shown("host", "h", "host of node"),
    shown("ip", "", "ip of node"),
    shown("node", "n", "name of node"),
];

pub(super) async fn allocation(mut asked: Asked) -> Result<Response, ElasticError> {
    let mut table = Table::new(&mut asked, ALLOCATION)?;
    asked.done()?;
    let found = asked.app.parts().logs.indices(&asked.scope, &["*".to_owned()]).await?;
    let size: u64 = found.iter().map(|index| index.size_bytes).sum();
    // What else is on the disk is none of the clients' business.
    let unknown = Value::Null;
    table.row(vec![
        found.len().into(),
        Table::bytes(size),
        unknown.clone(),
        unknown.clone(),
        unknown.clone(),
        unknown,
        HOST.into(),
        HOST.into(),
        CLUSTER.into(),
    ]);
    table.answer()
}

const THREAD_POOL: &[Column] = &[
    shown("node_name", "nn", "node name"),
    hidden(shown("node_id", "id", "persistent node id")),
    shown("name", "n", "thread pool name"),
    hidden(shown("type", "t", "thread pool type")),
    number("active", "a", "number of active threads"),
    number("queue", "q", "number of tasks currently in queue"),
    number("rejected", "r", "number of rejected tasks"),
];

/// The pools that clients ask for by name; what they do is not counted.
pub(super) async fn thread_pool(mut asked: Asked) -> Result<Response, ElasticError> {
    asked.take("size");
    let mut table = Table::new(&mut asked, THREAD_POOL)?;
    asked.done()?;
    let patterns = Some(asked.part("pools")).filter(|pools| !pools.is_empty()).unwrap_or("*").to_owned();
    for pool in ["generic", "get", "search", "write"] {
        if patterns.split(',').any(|pattern| wildcard_match(pattern, pool)) {
            let kind = if pool == "generic" { "scaling" } else { "fixed" };
            table.row(vec![
                CLUSTER.into(),
                NODE_ID.into(),
                pool.into(),
                kind.into(),
                0.into(),
                0.into(),
                0.into(),
            ]);
        }
    }
    table.answer()
}

const TASKS: &[Column] = &[
    hidden(shown("id", "id", "id of the task with the node")),
    shown("action", "ac", "task action"),
    shown("task_id", "ti", "unique task id"),
    shown("parent_task_id", "pti", "parent task id"),
    shown("type", "ty", "task type"),
    number("start_time", "start", "start time in ms"),
    shown("timestamp", "ts,hms,hhmmss", "start time in HH:MM:SS"),
    hidden(number("running_time_ns", "", "running time ns")),
    number("running_time", "time", "running time"),
    hidden(shown("node_id", "ni", "unique node id")),
    shown("ip", "i", "ip address"),
    shown("node", "n", "node name"),
    hidden(shown("description", "desc", "task action")),
];

pub(super) async fn tasks(mut asked: Asked) -> Result<Response, ElasticError> {
    let actions = asked.take("actions");
    asked.flag("detailed", false)?;
    for name in ["nodes", "node_id", "parent_task_id", "parent_task"] {
        asked.take(name);
    }
    let mut table = Table::new(&mut asked, TASKS)?;
    asked.done()?;
    for task in asked.app.tasks().running(actions.as_deref()) {
        let number = task["id"].to_string();
        let started =
            task["start_time_in_millis"].as_i64().and_then(|at| jiff::Timestamp::from_millisecond(at).ok());
        let nanos = task["running_time_in_nanos"].as_u64().unwrap_or(0);
        table.row(vec![
            number.clone().into(),
            task["action"].clone(),
            format!("{NODE_ID}:{number}").into(),
            "-".into(),
            task["type"].clone(),
            task["start_time_in_millis"].clone(),
            started.map_or(Value::Null, |at| at.strftime("%H:%M:%S").to_string().into()),
            nanos.into(),
            Table::time(nanos),
            NODE_ID.into(),
            HOST.into(),
            CLUSTER.into(),
            task["description"].clone(),
        ]);
    }
    table.answer()
}

const NODEATTRS: &[Column] = &[
    shown("node", "", "node name"),
    shown("host", "h", "host name"),
    shown("ip", "i", "ip address"),
    shown("attr", "", "attribute description"),
    shown("value", "", "attribute value"),
];

const PLUGINS: &[Column] = &[
    hidden(shown("id", "", "unique node id")),
    shown("name", "n", "node name"),
    shown("component", "c", "component"),
    shown("version", "v", "component version"),
];

const PENDING_TASKS: &[Column] = &[
    number("insertOrder", "o", "task insertion order"),
    number("timeInQueue", "t", "how long task has been in queue"),
    shown("priority", "p", "task priority"),
    shown("source", "s", "task source"),
];

const REPOSITORIES: &[Column] =
    &[shown("id", "id,repoId", "unique repository id"), shown("type", "t,type", "repository type")];

const FIELDDATA: &[Column] = &[
    shown("id", "", "node id"),
    shown("host", "h", "host name"),
    shown("ip", "", "ip address"),
    shown("node", "n", "node name"),
    shown("field", "f", "field name"),
    number("size", "", "field data usage"),
];

const SNAPSHOTS: &[Column] = &[
    shown("id", "id,snapshot", "unique snapshot"),
    shown("repository", "re,repo", "repository name"),
    shown("status", "s,status", "snapshot name"),
    number("start_epoch", "ste,startEpoch", "start time in seconds since 1970-01-01 00:00:00"),
    shown("start_time", "sti,startTime", "start time in HH:MM:SS"),
    number("end_epoch", "ete,endEpoch", "end time in seconds since 1970-01-01 00:00:00"),
    shown("end_time", "eti,endTime", "end time in HH:MM:SS"),
    number("duration", "dur,duration", "duration"),
    number("indices", "i,indices", "number of indices"),
    number("successful_shards", "ss,successful_shards", "number of successful shards"),
    number("failed_shards", "fs,failed_shards", "number of failed shards"),
    number("total_shards", "ts,total_shards", "number of total shards"),
];

/// Tables of which there is nothing here: attributes, plugins, waiting tasks, repositories, field data.
pub(super) const EMPTY: &[(&str, &[Column])] = &[
    ("/_cat/fielddata", FIELDDATA),
    ("/_cat/fielddata/{fields}", FIELDDATA),
    ("/_cat/nodeattrs", NODEATTRS),
    ("/_cat/pending_tasks", PENDING_TASKS),
    ("/_cat/plugins", PLUGINS),
    ("/_cat/repositories", REPOSITORIES),
    ("/_cat/snapshots", SNAPSHOTS),
];

pub(super) async fn empty(mut asked: Asked, columns: &'static [Column]) -> Result<Response, ElasticError> {
    asked.take("fields");
    let table = Table::new(&mut asked, columns)?;
    asked.done()?;
    table.answer()
}
