//! `_cat/*`: tables for people.
//!
//! Source: Elasticsearch reference, "cat APIs".

mod indices;
mod names;
mod node;

use super::{
    error::ElasticError,
    request::Asked,
    routes::{ElasticRight, Route},
    table::Column,
};
use axum::routing::get;
use serde_json::Value;

/// Address of the node, as tables show it.
const HOST: &str = "127.0.0.1";

pub(super) fn routes() -> Vec<Route> {
    let route = |path, methods| Route::new(ElasticRight::Monitor, path, methods);
    let mut routes = vec![
        route("/_cat", get(help)),
        route("/_cat/aliases", get(names::aliases)),
        route("/_cat/aliases/{name}", get(names::aliases)),
        route("/_cat/allocation", get(node::allocation)),
        route("/_cat/allocation/{node}", get(node::allocation)),
        route("/_cat/count", get(indices::count)),
        route("/_cat/count/{index}", get(indices::count)),
        route("/_cat/health", get(node::health)),
        route("/_cat/indices", get(indices::indices)),
        route("/_cat/indices/{index}", get(indices::indices)),
        route("/_cat/master", get(node::master)),
        route("/_cat/nodes", get(node::nodes)),
        route("/_cat/recovery", get(indices::recovery)),
        route("/_cat/recovery/{index}", get(indices::recovery)),
        route("/_cat/segments", get(indices::segments)),
        route("/_cat/segments/{index}", get(indices::segments)),
        route("/_cat/shards", get(indices::shards)),
        route("/_cat/shards/{index}", get(indices::shards)),
        route("/_cat/tasks", get(node::tasks)),
        route("/_cat/templates", get(names::templates)),
        route("/_cat/templates/{name}", get(names::templates)),
        route("/_cat/thread_pool", get(node::thread_pool)),
        route("/_cat/thread_pool/{pools}", get(node::thread_pool)),
    ];
    for (path, columns) in node::EMPTY {
        routes.push(route(path, get(move |asked: Asked| node::empty(asked, columns))));
    }
    routes
}

async fn help(mut asked: Asked) -> Result<&'static str, ElasticError> {
    asked.flag("help", false)?;
    asked.take("s");
    asked.done()?;
    Ok(
        "=^.^=\n/_cat/aliases\n/_cat/aliases/{alias}\n/_cat/allocation\n/_cat/count\n/_cat/count/{index}\n/_cat/fielddata\n\
     /_cat/fielddata/{fields}\n/_cat/health\n/_cat/indices\n/_cat/indices/{index}\n/_cat/master\n/_cat/nodeattrs\n\
     /_cat/nodes\n/_cat/pending_tasks\n/_cat/plugins\n/_cat/recovery\n/_cat/recovery/{index}\n/_cat/repositories\n\
     /_cat/segments\n/_cat/segments/{index}\n/_cat/shards\n/_cat/shards/{index}\n/_cat/snapshots\n/_cat/tasks\n/_cat/templates\n\
     /_cat/thread_pool\n/_cat/thread_pool/{thread_pools}\n",
    )
}

type Cell<R> = fn(&R) -> Value;

const fn shown<R>(name: &'static str, alias: &'static str, help: &'static str, cell: Cell<R>) -> Column<R> {
    Column { name, alias, help, default: true, right: false, cell }
}

const fn number<R>(name: &'static str, alias: &'static str, help: &'static str, cell: Cell<R>) -> Column<R> {
    Column { name, alias, help, default: true, right: true, cell }
}

const fn hidden<R>(column: Column<R>) -> Column<R> {
    Column { default: false, ..column }
}

/// Seconds since 1970.
fn epoch() -> Value {
    jiff::Timestamp::now().as_second().into()
}

/// The time of day.
fn time_of_day(at: jiff::Timestamp) -> Value {
    at.strftime("%H:%M:%S").to_string().into()
}
