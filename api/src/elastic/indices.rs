//! Indices: make, look at, remove, open, close, refresh, flush.
//!
//! Source: Elasticsearch reference, "Index APIs".

use super::{
    error::ElasticError,
    request::Asked,
    routes::{ElasticRight, Route, get_or_post},
};
use axum::{
    Json,
    http::StatusCode,
    routing::{get, post, put},
};
use event::Object;
use serde_json::{Value, json};
use store::{
    logs::{Detail, IndexDescription, IndicesOptions, Maintenance, Rollover},
    scope::wildcard_match,
};

pub(super) fn routes() -> Vec<Route> {
    let mut routes = vec![
        Route::new(ElasticRight::Monitor, "/{index}", get(describe)),
        Route::new(ElasticRight::Manage, "/{index}", put(create).delete(remove)),
        Route::new(ElasticRight::Monitor, "/_resolve/index/{index}", get(resolve)),
        Route::new(ElasticRight::Manage, "/{index}/_open", post(open)),
        Route::new(ElasticRight::Manage, "/{index}/_close", post(close)),
        Route::new(ElasticRight::Manage, "/{index}/_rollover", post(rollover)),
        Route::new(ElasticRight::Manage, "/{index}/_rollover/{new_index}", post(rollover)),
    ];
    for (all, of, task) in [
        ("/_refresh", "/{index}/_refresh", Maintenance::Refresh),
        ("/_flush", "/{index}/_flush", Maintenance::Flush),
        ("/_forcemerge", "/{index}/_forcemerge", Maintenance::ForceMerge),
        ("/_cache/clear", "/{index}/_cache/clear", Maintenance::Refresh),
        ("/_flush/synced", "/{index}/_flush/synced", Maintenance::SyncedFlush),
    ] {
        let handler = move |asked: Asked| maintain(asked, task);
        routes.push(Route::new(ElasticRight::Write, all, get_or_post(handler)));
        routes.push(Route::new(ElasticRight::Write, of, get_or_post(handler)));
    }
    routes
}

/// What the answers of changes have.
pub(super) fn acknowledged() -> Json<Value> {
    Json(json!({"acknowledged": true}))
}

async fn create(mut asked: Asked) -> Result<Json<Value>, ElasticError> {
    let typed = asked.flag("include_type_name", false)?;
    asked.done()?;
    let index = asked.index()?;
    let body = unwrap_type(Value::Object(asked.object()?), typed)?;
    asked.app.parts().admin.create_index(&asked.scope, &index, body).await?;
    Ok(Json(json!({"acknowledged": true, "shards_acknowledged": true, "index": index})))
}

/// Takes the name of the type out of `mappings`, as clients before version 7 give it with `include_type_name`.
pub(super) fn unwrap_type(mut body: Value, typed: bool) -> Result<Value, ElasticError> {
    let Some(mappings) = body.get_mut("mappings") else { return Ok(body) };
    let mappings = mappings.take();
    body["mappings"] = untyped(mappings, typed)?;
    Ok(body)
}

/// A mapping without the name of its type.
pub(super) fn untyped(mut mappings: Value, typed: bool) -> Result<Value, ElasticError> {
    let only = mappings
        .as_object_mut()
        .filter(|mappings| mappings.len() == 1)
        .and_then(|mappings| mappings.iter_mut().next());
    match only {
        Some((_, inner)) if typed && inner.is_object() => Ok(inner.take()),
        Some((name, inner)) if name == "_doc" && inner.is_object() => Err(ElasticError::illegal(
            "The mapping definition cannot be nested under a type [_doc] unless include_type_name is set to true.",
        )),
        _ => Ok(mappings),
    }
}

async fn remove(mut asked: Asked) -> Result<Json<Value>, ElasticError> {
    let options = asked.options(IndicesOptions::ADMIN)?;
    asked.done()?;
    asked.app.parts().admin.delete_indices(&asked.scope, &asked.indices()?, options).await?;
    Ok(acknowledged())
}

/// Describes the indices of the path.
pub(super) async fn described(
    asked: &mut Asked,
    base: IndicesOptions,
    mappings: bool,
) -> Result<Vec<IndexDescription>, ElasticError> {
    let options = asked.options(base)?;
    let detail = Detail { mappings, statistics: false };
    Ok(asked.app.parts().admin.describe(&asked.scope, &asked.indices()?, options, detail).await?)
}

async fn describe(mut asked: Asked) -> Result<Json<Value>, ElasticError> {
    let found = described(&mut asked, IndicesOptions::ADMIN, true).await?;
    let flat = asked.flag("flat_settings", false)?;
    let defaults = asked.flag("include_defaults", false)?;
    asked.done()?;
    let out: Object = found
        .into_iter()
        .map(|index| {
            let mut body = json!({
                "aliases": index.aliases,
                "mappings": index.mappings,
                "settings": super::settings::shown(&index.settings, flat),
            });
            if defaults {
                body["defaults"] = super::settings::nested_defaults(&index.defaults, flat);
            }
            if let Some(stream) = &index.data_stream {
                body["data_stream"] = json!(stream);
            }
            (index.name, body)
        })
        .collect();
    Ok(Json(Value::Object(out)))
}

async fn open(mut asked: Asked) -> Result<Json<Value>, ElasticError> {
    let options = asked.options(IndicesOptions { allow_no_indices: true, ..IndicesOptions::ADMIN })?;
    asked.done()?;
    asked.app.parts().admin.maintain(&asked.scope, &asked.indices()?, options, Maintenance::Open).await?;
    Ok(Json(json!({"acknowledged": true, "shards_acknowledged": true})))
}

async fn close(mut asked: Asked) -> Result<Json<Value>, ElasticError> {
    let options = asked.options(IndicesOptions { expand_closed: false, ..IndicesOptions::ADMIN })?;
    asked.done()?;
    let names = asked
        .app
        .parts()
        .admin
        .maintain(&asked.scope, &asked.indices()?, options, Maintenance::Close)
        .await?;
    let indices: Object = names.into_iter().map(|name| (name, json!({"closed": true}))).collect();
    Ok(Json(json!({"acknowledged": true, "shards_acknowledged": true, "indices": indices})))
}

async fn maintain(mut asked: Asked, task: Maintenance) -> Result<Json<Value>, ElasticError> {
    let options = asked.options(IndicesOptions::default())?;
    let (force, wait) = (asked.flag("force", false)?, asked.flag("wait_if_ongoing", true)?);
    if force && !wait {
        return Err(super::write::invalid("wait_if_ongoing must be true for a force flush"));
    }
    for name in [
        "max_num_segments",
        "only_expunge_deletes",
        "flush",
        "fielddata",
        "fields",
        "query",
        "request",
        "index",
    ] {
        asked.take(name);
    }
    asked.done()?;
    let (admin, indices) = (&asked.app.parts().admin, asked.indices()?);
    let found = admin.describe(&asked.scope, &indices, options, Detail::default()).await?;
    admin.maintain(&asked.scope, &indices, options, task).await?;
    let total: u32 =
        found.iter().map(|index| index.shards.saturating_mul(index.replicas.saturating_add(1))).sum();
    let successful: u32 = found.iter().map(|index| index.shards).sum();
    let mut out = Object::new();
    out.insert("_shards".into(), json!({"total": total, "successful": successful, "failed": 0}));
    if task == Maintenance::SyncedFlush {
        // Each index says how it went, too.
        out.extend(found.into_iter().map(|index| {
            let copies = index.shards.saturating_mul(index.replicas.saturating_add(1));
            (index.name, json!({"total": copies, "successful": index.shards, "failed": 0}))
        }));
    }
    Ok(Json(Value::Object(out)))
}

async fn resolve(mut asked: Asked) -> Result<Json<Value>, ElasticError> {
    let patterns = asked.indices()?;
    let options = asked.options(IndicesOptions { ignore_unavailable: true, ..IndicesOptions::default() })?;
    asked.done()?;
    let admin = &asked.app.parts().admin;
    // Names of aliases and data streams are answered as such, not as what is behind them.
    let names = admin.names(&asked.scope).await?;
    let is_other = |name: &str| names.aliases.contains_key(name) || names.data_streams.contains_key(name);
    let own: Vec<String> = patterns.iter().filter(|name| !is_other(name)).cloned().collect();
    let found = match own.is_empty() {
        true => Vec::new(),
        false => {
            let options = IndicesOptions { forbid_closed: false, ..options };
            admin.describe(&asked.scope, &own, options, Detail::default()).await?
        }
    };
    let matches = |name: &str| {
        patterns.iter().any(|pattern| {
            wildcard_match(pattern, name)
                && (!name.starts_with('.') || pattern.starts_with('.') || options.expand_hidden)
        })
    };
    let mut indices = Vec::new();
    for index in found.iter().filter(|index| matches(&index.name)) {
        let mut attributes = vec![if index.open { "open" } else { "closed" }];
        if index.hidden {
            attributes.insert(0, "hidden");
        }
        let mut body = Object::new();
        body.insert("name".into(), json!(index.name));
        if !index.aliases.is_empty() {
            body.insert("aliases".into(), index.aliases.keys().map(|name| json!(name)).collect());
        }
        body.insert("attributes".into(), json!(attributes));
        if let Some(stream) = &index.data_stream {
            body.insert("data_stream".into(), json!(stream));
        }
        indices.push(Value::Object(body));
    }
    let aliases: Vec<Value> = names
        .aliases
        .iter()
        .filter(|(name, _)| matches(name))
        .map(|(name, indices)| json!({"name": name, "indices": indices}))
        .collect();
    let streams: Vec<Value> = names
        .data_streams
        .iter()
        .filter(|(name, _)| matches(name))
        .map(|(name, stream)| {
            let backing: Vec<&String> = stream.indices.iter().map(|(index, _)| index).collect();
            json!({"name": name, "backing_indices": backing, "timestamp_field": stream.timestamp_field})
        })
        .collect();
    Ok(Json(json!({"indices": indices, "aliases": aliases, "data_streams": streams})))
}

async fn rollover(mut asked: Asked) -> Result<Json<Value>, ElasticError> {
    let dry_run = asked.flag("dry_run", false)?;
    let typed = asked.flag("include_type_name", false)?;
    asked.done()?;
    let new_index = Some(asked.part("new_index")).filter(|name| !name.is_empty());
    let body = unwrap_type(Value::Object(asked.object()?), typed).map_err(|error| {
        let reason = "[1:1] [rollover] failed to parse field [mappings]";
        ElasticError::new(StatusCode::BAD_REQUEST, "x_content_parse_exception", reason)
            .caused_by(error.cause())
    })?;
    let request = Rollover {
        target: asked.index()?,
        new_index: new_index.map(super::names::resolve).transpose()?,
        body,
        dry_run,
    };
    let outcome = asked.app.parts().admin.rollover(&asked.scope, request).await?;
    Ok(Json(json!({
        "acknowledged": outcome.rolled_over,
        "shards_acknowledged": outcome.rolled_over,
        "old_index": outcome.old_index,
        "new_index": outcome.new_index,
        "rolled_over": outcome.rolled_over,
        "dry_run": dry_run,
        "conditions": outcome.conditions,
    })))
}

/// 404 with Elasticsearch's name.
pub(super) fn missing(kind: &'static str, reason: impl Into<String>) -> ElasticError {
    ElasticError::new(StatusCode::NOT_FOUND, kind, reason)
}
