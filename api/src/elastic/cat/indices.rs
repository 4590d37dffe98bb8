//! Tables of indices, their shards and their documents.

use super::{
    super::{
        error::ElasticError,
        request::Asked,
        root::{CLUSTER, NODE_ID},
        table::{Column, Table, bytes, time},
    },
    HOST, epoch, hidden, number, shown, time_of_day,
};
use axum::response::Response;
use serde_json::Value;
use store::logs::{Detail, IndexDescription, IndicesOptions, SearchRequest};

const INDICES: &[Column<IndexDescription>] = &[
    shown("health", "h", "current health status", |index| index.health().into()),
    shown(
        "status",
        "s",
        "open/close status",
        |index| if index.open { "open".into() } else { "close".into() },
    ),
    shown("index", "i,idx", "index name", |index| index.name.as_str().into()),
    shown("uuid", "id,uuid", "index uuid", |index| index.uuid.as_str().into()),
    number("pri", "p,shards.primary,shardsPrimary", "number of primary shards", |index| index.shards.into()),
    number("rep", "r,shards.replica,shardsReplica", "number of replica shards", |index| {
        index.replicas.into()
    }),
    number("docs.count", "dc,docsCount", "available docs", |index| of_open(index, index.documents.into())),
    number("docs.deleted", "dd,docsDeleted", "deleted docs", |index| of_open(index, 0.into())),
    hidden(shown("creation.date", "cd", "index creation date (millisecond value)", |index| {
        index.created_at_ms.into()
    })),
    hidden(shown("creation.date.string", "cds", "index creation date (as string)", |index| {
        created_at(index)
    })),
    number("store.size", "ss,storeSize", "store size of primaries & replicas", |index| {
        of_open(index, bytes(index.size_bytes))
    }),
    number("pri.store.size", "", "store size of primaries", |index| of_open(index, bytes(index.size_bytes))),
];

pub(super) async fn indices(mut asked: Asked) -> Result<Response, ElasticError> {
    let says_which = asked.has("expand_wildcards");
    // Those whose names begin with a dot are shown, but not those that are set to be hidden.
    let options = asked.options(IndicesOptions { expand_hidden: true, ..IndicesOptions::ADMIN })?;
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
    let patterns = asked.indices()?;
    let is_meant = |index: &&IndexDescription| {
        let named = || patterns.iter().any(|pattern| pattern.starts_with('.') || !pattern.contains('*'));
        (says_which || !index.hidden || named())
            && health.as_deref().is_none_or(|health| health == index.health())
    };
    for index in found.iter().filter(is_meant) {
        table.row(index);
    }
    table.answer()
}

/// What is not known of an index that is closed.
fn of_open(index: &IndexDescription, value: Value) -> Value {
    if index.open { value } else { Value::Null }
}

fn created_at(index: &IndexDescription) -> Value {
    let created = jiff::Timestamp::from_millisecond(index.created_at_ms);
    created.map_or(Value::Null, |at| format!("{at:.3}").into())
}

const COUNT: &[Column<u64>] = &[
    shown("epoch", "t,time", "seconds since 1970-01-01 00:00:00", |_| epoch()),
    shown("timestamp", "ts,hms,hhmmss", "time in HH:MM:SS", |_| time_of_day(jiff::Timestamp::now())),
    shown("count", "dc,docs.count,docsCount", "the document count", |total| (*total).into()),
];

pub(super) async fn count(mut asked: Asked) -> Result<Response, ElasticError> {
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
    table.row(&total);
    table.answer()
}

const SHARDS: &[Column<IndexDescription>] = &[
    shown("index", "i,idx", "index name", |index| index.name.as_str().into()),
    shown("shard", "s,sh", "shard name", |_| 0.into()),
    shown("prirep", "p,pr,primaryOrReplica", "primary or replica", |_| "p".into()),
    shown("state", "st", "shard state", |_| "STARTED".into()),
    number("docs", "d,dc", "number of docs in shard", |index| index.documents.into()),
    number("store", "sto", "store size of shard (how much disk it uses)", |index| bytes(index.size_bytes)),
    shown("ip", "", "ip of node where it lives", |_| HOST.into()),
    hidden(shown("id", "", "unique id of node where it lives", |_| NODE_ID.into())),
    shown("node", "n", "name of node where it lives", |_| CLUSTER.into()),
];

pub(super) async fn shards(mut asked: Asked) -> Result<Response, ElasticError> {
    let mut table = Table::new(&mut asked, SHARDS)?;
    asked.done()?;
    let detail = Detail { mappings: false, statistics: true };
    let options = IndicesOptions { expand_hidden: true, ..IndicesOptions::default() };
    let found = asked.app.parts().admin.describe(&asked.scope, &asked.indices()?, options, detail).await?;
    for index in &found {
        table.row(index);
    }
    table.answer()
}

const SEGMENTS: &[Column<IndexDescription>] = &[
    shown("index", "i,idx", "index name", |index| index.name.as_str().into()),
    shown("shard", "s,sh", "shard name", |_| 0.into()),
    shown("prirep", "p,pr,primaryOrReplica", "primary or replica", |_| "p".into()),
    shown("ip", "", "ip of node where it lives", |_| HOST.into()),
    hidden(shown("id", "", "unique id of node where it lives", |_| NODE_ID.into())),
    shown("segment", "seg", "segment name", |_| "_0".into()),
    number("generation", "g,gen", "segment generation", |_| 0.into()),
    number("docs.count", "dc,docsCount", "number of docs in segment", |index| index.documents.into()),
    number("docs.deleted", "dd,docsDeleted", "number of deleted docs in segment", |_| 0.into()),
    number("size", "si", "segment size in bytes", |index| bytes(index.size_bytes)),
    number("size.memory", "sm,sizeMemory", "segment memory in bytes", |_| 0.into()),
    shown("committed", "ic,isCommitted", "is segment committed", |_| "true".into()),
    shown("searchable", "is,isSearchable", "is segment searched", |_| "true".into()),
    shown("version", "v,ver", "version", |_| "8.7.0".into()),
    shown("compound", "ico,isCompound", "is segment compound", |_| "false".into()),
];

/// What is committed of an index is shown as one segment.
pub(super) async fn segments(mut asked: Asked) -> Result<Response, ElasticError> {
    let options = asked.options(IndicesOptions { expand_hidden: true, ..IndicesOptions::default() })?;
    let mut table = Table::new(&mut asked, SEGMENTS)?;
    asked.done()?;
    for index in described(&asked, options).await?.iter().filter(|index| index.documents > 0) {
        table.row(index);
    }
    table.answer()
}

const RECOVERY: &[Column<IndexDescription>] = &[
    shown("index", "i,idx", "index name", |index| index.name.as_str().into()),
    shown("shard", "s,sh", "shard name", |_| 0.into()),
    number("time", "t,ti", "recovery time", |_| time(0)),
    shown("type", "ty", "recovery type", |_| "existing_store".into()),
    shown("stage", "st", "recovery stage", |_| "done".into()),
    shown("source_host", "shost", "source host", |_| "n/a".into()),
    shown("source_node", "snode", "source node name", |_| "n/a".into()),
    shown("target_host", "thost", "target host", |_| HOST.into()),
    shown("target_node", "tnode", "target node name", |_| CLUSTER.into()),
    shown("repository", "rep", "repository", |_| "n/a".into()),
    shown("snapshot", "snap", "snapshot", |_| "n/a".into()),
    number("files", "f", "number of files to recover", |_| 0.into()),
    shown("files_percent", "fp", "percent of files recovered", |_| "100.0%".into()),
    number("bytes", "b", "number of bytes to recover", |_| 0.into()),
    shown("bytes_percent", "bp", "percent of bytes recovered", |_| "100.0%".into()),
    number("translog_ops", "to", "number of translog ops to recover", |_| 0.into()),
    shown("translog_ops_percent", "top", "percent of translog ops recovered", |_| "100.0%".into()),
];

/// Every index that is open has recovered from its own files.
pub(super) async fn recovery(mut asked: Asked) -> Result<Response, ElasticError> {
    for name in ["active_only", "detailed"] {
        asked.flag(name, false)?;
    }
    asked.take("index");
    let options = IndicesOptions { expand_hidden: true, ..IndicesOptions::default() };
    let mut table = Table::new(&mut asked, RECOVERY)?;
    asked.done()?;
    for index in &described(&asked, options).await? {
        table.row(index);
    }
    table.answer()
}

async fn described(asked: &Asked, options: IndicesOptions) -> Result<Vec<IndexDescription>, ElasticError> {
    let detail = Detail { mappings: false, statistics: true };
    Ok(asked.app.parts().admin.describe(&asked.scope, &asked.indices()?, options, detail).await?)
}
