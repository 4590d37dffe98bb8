//! Tables of the one node and what it does.

use super::{
    super::{
        cluster::percent_active,
        error::ElasticError,
        request::Asked,
        root::{CLUSTER, NODE_ID},
        table::{Column, Table, bytes, time},
    },
    HOST, epoch, hidden, number, shown, time_of_day,
};
use axum::response::Response;
use serde_json::Value;
use store::{
    logs::{Detail, IndicesOptions},
    scope::wildcard_match,
};

struct Health {
    status: &'static str,
    shards: u32,
    /// Replicas that have no node.
    missing: u32,
}

const HEALTH: &[Column<Health>] = &[
    shown("epoch", "t,time", "seconds since 1970-01-01 00:00:00", |_| epoch()),
    shown("timestamp", "ts,hms,hhmmss", "time in HH:MM:SS", |_| time_of_day(jiff::Timestamp::now())),
    shown("cluster", "cl", "cluster name", |_| CLUSTER.into()),
    shown("status", "st", "health status", |health| health.status.into()),
    number("node.total", "nt,nodeTotal", "total number of nodes", |_| 1.into()),
    number("node.data", "nd,nodeData", "number of nodes that can store data", |_| 1.into()),
    number("shards", "t,sh,shards.total,shardsTotal", "total number of shards", |health| {
        health.shards.into()
    }),
    number("pri", "p,shards.primary,shardsPrimary", "number of primary shards", |health| {
        health.shards.into()
    }),
    number("relo", "r,shards.relocating,shardsRelocating", "number of relocating nodes", |_| 0.into()),
    number("init", "i,shards.initializing,shardsInitializing", "number of initializing nodes", |_| 0.into()),
    number("unassign", "u,shards.unassigned,shardsUnassigned", "number of unassigned shards", |health| {
        health.missing.into()
    }),
    number("pending_tasks", "pt,pendingTasks", "number of pending tasks", |_| 0.into()),
    number("max_task_wait_time", "mtwt,maxTaskWaitTime", "wait time of longest task pending", |_| "-".into()),
    number(
        "active_shards_percent",
        "asp,activeShardsPercent",
        "active number of shards in percent",
        |health| format!("{:.1}%", percent_active(health.shards, health.missing)).into(),
    ),
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
    table.row(&Health { status, shards, missing });
    table.answer()
}

struct Node {
    id: &'static str,
    version: String,
    address: String,
}

const NODES: &[Column<Node>] = &[
    hidden(shown("id", "id,nodeId", "unique node id", |node| node.id.into())),
    shown("ip", "i", "ip address", |_| HOST.into()),
    hidden(shown("version", "v", "es version", |node| node.version.as_str().into())),
    hidden(shown("http_address", "http", "bound http address", |node| node.address.as_str().into())),
    number("heap.percent", "hp,heapPercent", "used heap ratio", |_| Value::Null),
    number("ram.percent", "rp,ramPercent", "used machine memory ratio", |_| Value::Null),
    number("cpu", "cpu", "recent cpu usage", |_| Value::Null),
    number("load_1m", "l", "1m load avg", |_| Value::Null),
    number("load_5m", "l", "5m load avg", |_| Value::Null),
    number("load_15m", "l", "15m load avg", |_| Value::Null),
    shown(
        "node.role",
        "r,role,nodeRole",
        "m:master eligible node, d:data node, i:ingest node, -:coordinating node only",
        |_| "dim".into(),
    ),
    shown("master", "m", "*:current master", |_| "*".into()),
    shown("name", "n", "node name", |_| CLUSTER.into()),
];

pub(super) async fn nodes(mut asked: Asked) -> Result<Response, ElasticError> {
    let full_id = asked.flag("full_id", false)?;
    let mut table = Table::new(&mut asked, NODES)?;
    asked.done()?;
    table.row(&Node {
        id: if full_id { NODE_ID } else { NODE_ID.get(..4).unwrap_or(NODE_ID) },
        version: asked.persona.version.to_string(),
        address: asked.address().to_owned(),
    });
    table.answer()
}

const MASTER: &[Column<()>] = &[
    shown("id", "", "node id", |_| NODE_ID.into()),
    shown("host", "h", "host name", |_| HOST.into()),
    shown("ip", "", "ip address", |_| HOST.into()),
    shown("node", "n", "node name", |_| CLUSTER.into()),
];

pub(super) async fn master(mut asked: Asked) -> Result<Response, ElasticError> {
    let mut table = Table::new(&mut asked, MASTER)?;
    asked.done()?;
    table.row(&());
    table.answer()
}

struct Allocation {
    indices: usize,
    size_bytes: u64,
}

/// What else is on the disk is none of the clients' business.
const ALLOCATION: &[Column<Allocation>] = &[
    number("shards", "s", "number of shards on node", |node| node.indices.into()),
    number("disk.indices", "di,diskIndices", "disk used by ES indices", |node| bytes(node.size_bytes)),
    number("disk.used", "du,diskUsed", "disk used (total, not just ES)", |_| Value::Null),
    number("disk.avail", "da,diskAvail", "disk available", |_| Value::Null),
    number("disk.total", "dt,diskTotal", "total capacity of all volumes", |_| Value::Null),
    number("disk.percent", "dp,diskPercent", "percent disk used", |_| Value::Null),
    shown("host", "h", "host of node", |_| HOST.into()),
    shown("ip", "", "ip of node", |_| HOST.into()),
    shown("node", "n", "name of node", |_| CLUSTER.into()),
];

pub(super) async fn allocation(mut asked: Asked) -> Result<Response, ElasticError> {
    let mut table = Table::new(&mut asked, ALLOCATION)?;
    asked.done()?;
    let found = asked.app.parts().logs.indices(&asked.scope, &["*".to_owned()]).await?;
    let size_bytes = found.iter().map(|index| index.size_bytes).sum();
    table.row(&Allocation { indices: found.len(), size_bytes });
    table.answer()
}

const THREAD_POOL: &[Column<&str>] = &[
    shown("node_name", "nn", "node name", |_| CLUSTER.into()),
    hidden(shown("node_id", "id", "persistent node id", |_| NODE_ID.into())),
    shown("name", "n", "thread pool name", |pool| (*pool).into()),
    hidden(shown("type", "t", "thread pool type", |pool| {
        if *pool == "generic" { "scaling".into() } else { "fixed".into() }
    })),
    number("active", "a", "number of active threads", |_| 0.into()),
    number("queue", "q", "number of tasks currently in queue", |_| 0.into()),
    number("rejected", "r", "number of rejected tasks", |_| 0.into()),
];

/// The pools that clients ask for by name; what they do is not counted.
pub(super) async fn thread_pool(mut asked: Asked) -> Result<Response, ElasticError> {
    asked.take("size");
    let mut table = Table::new(&mut asked, THREAD_POOL)?;
    asked.done()?;
    let patterns = Some(asked.part("pools")).filter(|pools| !pools.is_empty()).unwrap_or("*").to_owned();
    for pool in ["generic", "get", "search", "write"] {
        if patterns.split(',').any(|pattern| wildcard_match(pattern, pool)) {
            table.row(&pool);
        }
    }
    table.answer()
}

fn task_started_at(task: &Value) -> Value {
    let started = task["start_time_in_millis"].as_i64();
    let started = started.and_then(|at| jiff::Timestamp::from_millisecond(at).ok());
    started.map_or(Value::Null, time_of_day)
}

fn task_nanos(task: &Value) -> u64 {
    task["running_time_in_nanos"].as_u64().unwrap_or(0)
}

const TASKS: &[Column<Value>] = &[
    hidden(shown("id", "id", "id of the task with the node", |task| task["id"].to_string().into())),
    shown("action", "ac", "task action", |task| task["action"].clone()),
    shown("task_id", "ti", "unique task id", |task| format!("{NODE_ID}:{}", task["id"]).into()),
    shown("parent_task_id", "pti", "parent task id", |_| "-".into()),
    shown("type", "ty", "task type", |task| task["type"].clone()),
    number("start_time", "start", "start time in ms", |task| task["start_time_in_millis"].clone()),
    shown("timestamp", "ts,hms,hhmmss", "start time in HH:MM:SS", task_started_at),
    hidden(number("running_time_ns", "", "running time ns", |task| task_nanos(task).into())),
    number("running_time", "time", "running time", |task| time(task_nanos(task))),
    hidden(shown("node_id", "ni", "unique node id", |_| NODE_ID.into())),
    shown("ip", "i", "ip address", |_| HOST.into()),
    shown("node", "n", "node name", |_| CLUSTER.into()),
    hidden(shown("description", "desc", "task action", |task| task["description"].clone())),
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
        table.row(&task);
    }
    table.answer()
}

fn nothing(_: &()) -> Value {
    Value::Null
}

const NODEATTRS: &[Column<()>] = &[
    shown("node", "", "node name", nothing),
    shown("host", "h", "host name", nothing),
    shown("ip", "i", "ip address", nothing),
    shown("attr", "", "attribute description", nothing),
    shown("value", "", "attribute value", nothing),
];

const PLUGINS: &[Column<()>] = &[
    hidden(shown("id", "", "unique node id", nothing)),
    shown("name", "n", "node name", nothing),
    shown("component", "c", "component", nothing),
    shown("version", "v", "component version", nothing),
];

const PENDING_TASKS: &[Column<()>] = &[
    number("insertOrder", "o", "task insertion order", nothing),
    number("timeInQueue", "t", "how long task has been in queue", nothing),
    shown("priority", "p", "task priority", nothing),
    shown("source", "s", "task source", nothing),
];

const REPOSITORIES: &[Column<()>] = &[
    shown("id", "id,repoId", "unique repository id", nothing),
    shown("type", "t,type", "repository type", nothing),
];

const FIELDDATA: &[Column<()>] = &[
    shown("id", "", "node id", nothing),
    shown("host", "h", "host name", nothing),
    shown("ip", "", "ip address", nothing),
    shown("node", "n", "node name", nothing),
    shown("field", "f", "field name", nothing),
    number("size", "", "field data usage", nothing),
];

const SNAPSHOTS: &[Column<()>] = &[
    shown("id", "id,snapshot", "unique snapshot", nothing),
    shown("repository", "re,repo", "repository name", nothing),
    shown("status", "s,status", "snapshot name", nothing),
    number("start_epoch", "ste,startEpoch", "start time in seconds since 1970-01-01 00:00:00", nothing),
    shown("start_time", "sti,startTime", "start time in HH:MM:SS", nothing),
    number("end_epoch", "ete,endEpoch", "end time in seconds since 1970-01-01 00:00:00", nothing),
    shown("end_time", "eti,endTime", "end time in HH:MM:SS", nothing),
    number("duration", "dur,duration", "duration", nothing),
    number("indices", "i,indices", "number of indices", nothing),
    number("successful_shards", "ss,successful_shards", "number of successful shards", nothing),
    number("failed_shards", "fs,failed_shards", "number of failed shards", nothing),
    number("total_shards", "ts,total_shards", "number of total shards", nothing),
];

/// Tables of which there is nothing here: attributes, plugins, waiting tasks, repositories, field data.
pub(super) const EMPTY: &[(&str, &[Column<()>])] = &[
    ("/_cat/fielddata", FIELDDATA),
    ("/_cat/fielddata/{fields}", FIELDDATA),
    ("/_cat/nodeattrs", NODEATTRS),
    ("/_cat/pending_tasks", PENDING_TASKS),
    ("/_cat/plugins", PLUGINS),
    ("/_cat/repositories", REPOSITORIES),
    ("/_cat/snapshots", SNAPSHOTS),
];

pub(super) async fn empty(
    mut asked: Asked,
    columns: &'static [Column<()>],
) -> Result<Response, ElasticError> {
    asked.take("fields");
    let table = Table::new(&mut asked, columns)?;
    asked.done()?;
    table.answer()
}
