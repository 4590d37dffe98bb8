//! Aliases: other names of indices.
//!
//! Source: Elasticsearch reference, "Get index alias", "Create or update index alias", "Aliases".

use super::{
    error::ElasticError,
    indices::{acknowledged, described},
    request::Asked,
    routes::{ElasticRight, Route},
};
use axum::{
    Json,
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::{delete, get, post, put},
};
use event::Object;
use serde_json::{Value, json};
use store::{
    logs::{IndexDescription, IndicesOptions},
    scope::wildcard_match,
};

pub(super) fn routes() -> Vec<Route> {
    let mut routes = vec![
        Route::new(ElasticRight::Manage, "/_aliases", post(update)),
        Route::new(ElasticRight::Monitor, "/_aliases", get(get_aliases)),
        Route::new(ElasticRight::Monitor, "/{index}/_aliases", get(get_aliases)),
        Route::new(ElasticRight::Monitor, "/_alias", get(get_aliases)),
        Route::new(ElasticRight::Monitor, "/_alias/{name}", get(get_aliases)),
        Route::new(ElasticRight::Monitor, "/{index}/_alias", get(get_aliases)),
        Route::new(ElasticRight::Monitor, "/{index}/_alias/{name}", get(get_aliases)),
    ];
    for path in ["/{index}/_alias/{name}", "/{index}/_aliases/{name}"] {
        routes.push(Route::new(ElasticRight::Manage, path, put(add).post(add)));
        routes.push(Route::new(ElasticRight::Manage, path, delete(remove)));
    }
    for path in ["/_alias/{name}", "/_aliases/{name}", "/{index}/_alias"] {
        routes.push(Route::new(ElasticRight::Manage, path, put(add).post(add)));
    }
    routes
}

async fn update(asked: Asked) -> Result<Json<Value>, ElasticError> {
    asked.done()?;
    asked.app.parts().admin.update_aliases(&asked.scope, asked.required()?).await?;
    Ok(acknowledged())
}

async fn add(asked: Asked) -> Result<Json<Value>, ElasticError> {
    asked.done()?;
    let mut action = asked.object()?;
    if !asked.part("index").is_empty() {
        action.insert("index".into(), json!(asked.indices()?));
    }
    if !asked.part("name").is_empty() {
        action.insert("alias".into(), json!(asked.part("name")));
    }
    if !action.contains_key("index") && !action.contains_key("indices") {
        // Without an index, all are meant.
        action.insert("index".into(), json!("*"));
    }
    let body = json!({"actions": [{"add": action}]});
    asked.app.parts().admin.update_aliases(&asked.scope, body).await?;
    Ok(acknowledged())
}

async fn remove(asked: Asked) -> Result<Json<Value>, ElasticError> {
    asked.done()?;
    let names: Vec<&str> = asked.part("name").split(',').collect();
    let action = json!({"index": asked.indices()?, "aliases": names});
    let body = json!({"actions": [{"remove": action}]});
    asked.app.parts().admin.update_aliases(&asked.scope, body).await?;
    Ok(acknowledged())
}

/// Whether a name is asked for: patterns in their order, those behind `-` take away again.
fn is_wanted(patterns: &[&str], name: &str) -> bool {
    let mut wanted = false;
    let mut after_wildcard = false;
    for pattern in patterns {
        match pattern.strip_prefix('-').filter(|_| after_wildcard) {
            Some(excluded) => wanted &= !wildcard_match(excluded, name),
            None => {
                after_wildcard |= pattern.contains('*') || *pattern == "_all";
                wanted |= *pattern == "_all" || wildcard_match(pattern, name);
            }
        }
    }
    wanted
}

async fn get_aliases(mut asked: Asked) -> Result<Response, ElasticError> {
    let base = IndicesOptions { expand_hidden: true, ..IndicesOptions::ADMIN };
    let found = described(&mut asked, base, false).await?;
    asked.done()?;
    let name = asked.part("name");
    let all_indices = asked.part("index").is_empty();
    if name.is_empty() {
        let shown =
            found.iter().map(|index| (index.name.clone(), json!({"aliases": index.aliases}))).collect();
        return Ok(Json(Value::Object(shown)).into_response());
    }
    let patterns: Vec<&str> = name.split(',').collect();
    let mut out = Object::new();
    for index in &found {
        let aliases: Object = index
            .aliases
            .iter()
            .filter(|(name, _)| is_wanted(&patterns, name))
            .map(|(name, body)| (name.clone(), body.clone()))
            .collect();
        if !aliases.is_empty() || (!all_indices && patterns.iter().all(|p| p.contains('*') || *p == "_all")) {
            out.insert(index.name.clone(), json!({"aliases": aliases}));
        }
    }
    let absent = absent(&patterns, &found);
    if absent.is_empty() {
        return Ok(Json(Value::Object(out)).into_response());
    }
    let reason = match absent.as_slice() {
        [one] => format!("alias [{one}] missing"),
        many => format!("aliases [{}] missing", many.join(",")),
    };
    out.insert("error".into(), json!(reason));
    out.insert("status".into(), json!(404));
    Ok((StatusCode::NOT_FOUND, Json(Value::Object(out))).into_response())
}

/// The names without wildcard that no index has.
fn absent<'a>(patterns: &[&'a str], found: &[IndexDescription]) -> Vec<&'a str> {
    let mut after_wildcard = false;
    let mut absent: Vec<&str> = Vec::new();
    for (at, pattern) in patterns.iter().enumerate() {
        if pattern.contains('*') || *pattern == "_all" {
            after_wildcard = true;
            continue;
        }
        if after_wildcard && pattern.starts_with('-') {
            continue;
        }
        let taken_away = patterns[at..]
            .iter()
            .any(|later| later.strip_prefix('-').is_some_and(|l| wildcard_match(l, pattern)));
        if !taken_away && !found.iter().any(|index| index.aliases.contains_key(*pattern)) {
            absent.push(pattern);
        }
    }
    absent.sort_unstable();
    absent
}

/// The aliases through which patterns reach an index, by name.
pub(super) fn reaching<'a>(index: &'a IndexDescription, patterns: &[String]) -> Vec<(&'a String, &'a Value)> {
    let is_named = |name: &str| patterns.iter().any(|pattern| wildcard_match(pattern, name));
    index.aliases.iter().filter(|(name, _)| is_named(name)).collect()
}

/// The filters of the aliases through which patterns reach an index; one of them must match. `None`: the index is also
/// reached without one.
pub(super) fn filters<'a>(index: &'a IndexDescription, patterns: &[String]) -> Option<Vec<&'a Value>> {
    let is_direct = patterns.iter().any(|pattern| wildcard_match(pattern, &index.name));
    let filters: Option<Vec<&Value>> =
        reaching(index, patterns).into_iter().map(|(_, alias)| alias.get("filter")).collect();
    filters.filter(|filters| !is_direct && !filters.is_empty())
}
