//! Tables of indices, their shards and their documents.

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
use store::logs::{Detail, IndexDescription, IndicesOptions, SearchRequest};

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

const COUNT: &[Column] = &[
    shown("epoch", "t,time", "seconds since 1970-01-01 00:00:00"),
    shown("timestamp", "ts,hms,hhmmss", "time in HH:MM:SS"),
    shown("count", "dc,docs.count,docsCount", "the document count"),
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
    let [epoch, time] = moment();
    table.row(vec![epoch, time, total.into()]);
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

pub(super) async fn shards(mut asked: Asked) -> Result<Response, ElasticError> {
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
            HOST.into(),
            NODE_ID.into(),
            CLUSTER.into(),
        ]);
    }
    table.answer()
}

const SEGMENTS: &[Column] = &[
    shown("index", "i,idx", "index name"),
    shown("shard", "s,sh", "shard name"),
    shown("prirep", "p,pr,primaryOrReplica", "primary or replica"),
    shown("ip", "", "ip of node where it lives"),
    hidden(shown("id", "", "unique id of node where it lives")),
    shown("segment", "seg", "segment name"),
    number("generation", "g,gen", "segment generation"),
    number("docs.count", "dc,docsCount", "number of docs in segment"),
    number("docs.deleted", "dd,docsDeleted", "number of deleted docs in segment"),
    number("size", "si", "segment size in bytes"),
    number("size.memory", "sm,sizeMemory", "segment memory in bytes"),
    shown("committed", "ic,isCommitted", "is segment committed"),
    shown("searchable", "is,isSearchable", "is segment searched"),
    shown("version", "v,ver", "version"),
    shown("compound", "ico,isCompound", "is segment compound"),
];

/// What is committed of an index is shown as one segment.
pub(super) async fn segments(mut asked: Asked) -> Result<Response, ElasticError> {
    let options = asked.options(IndicesOptions { expand_hidden: true, ..IndicesOptions::default() })?;
    let mut table = Table::new(&mut asked, SEGMENTS)?;
    asked.done()?;
    for index in described(&asked, options).await?.into_iter().filter(|index| index.documents > 0) {
        table.row(vec![
            index.name.into(),
            0.into(),
            "p".into(),
            HOST.into(),
            NODE_ID.into(),
            "_0".into(),
            0.into(),
            index.documents.into(),
            0.into(),
            Table::bytes(index.size_bytes),
            0.into(),
            "true".into(),
            "true".into(),
            "8.7.0".into(),
            "false".into(),
        ]);
    }
    table.answer()
}

const RECOVERY: &[Column] = &[
    shown("index", "i,idx", "index name"),
    shown("shard", "s,sh", "shard name"),
    number("time", "t,ti", "recovery time"),
    shown("type", "ty", "recovery type"),
    shown("stage", "st", "recovery stage"),
    shown("source_host", "shost", "source host"),
    shown("source_node", "snode", "source node name"),
    shown("target_host", "thost", "target host"),
    shown("target_node", "tnode", "target node name"),
    shown("repository", "rep", "repository"),
    shown("snapshot", "snap", "snapshot"),
    number("files", "f", "number of files to recover"),
    shown("files_percent", "fp", "percent of files recovered"),
    number("bytes", "b", "number of bytes to recover"),
    shown("bytes_percent", "bp", "percent of bytes recovered"),
    number("translog_ops", "to", "number of translog ops to recover"),
    shown("translog_ops_percent", "top", "percent of translog ops recovered"),
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
    for index in described(&asked, options).await? {
        table.row(vec![
            index.name.into(),
            0.into(),
            Table::time(0),
            "existing_store".into(),
            "done".into(),
            "n/a".into(),
            "n/a".into(),
            HOST.into(),
            CLUSTER.into(),
            "n/a".into(),
            "n/a".into(),
            0.into(),
            "100.0%".into(),
            0.into(),
            "100.0%".into(),
            0.into(),
            "100.0%".into(),
        ]);
    }
    table.answer()
}

async fn described(asked: &Asked, options: IndicesOptions) -> Result<Vec<IndexDescription>, ElasticError> {
    let detail = Detail { mappings: false, statistics: true };
    Ok(asked.app.parts().admin.describe(&asked.scope, &asked.indices()?, options, detail).await?)
}
