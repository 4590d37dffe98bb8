//! `_settings` of indices.
//!
//! Source: Elasticsearch reference, "Get index settings", "Update index settings".

use super::{
    error::ElasticError,
    indices::{acknowledged, described},
    request::Asked,
    routes::{ElasticRight, Route},
};
use axum::{
    Json,
    routing::{get, put},
};
use event::Object;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use store::{logs::IndicesOptions, scope::wildcard_match};

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::new(ElasticRight::Monitor, "/_settings", get(get_settings)),
        Route::new(ElasticRight::Monitor, "/_settings/{name}", get(get_settings)),
        Route::new(ElasticRight::Monitor, "/{index}/_settings", get(get_settings)),
        Route::new(ElasticRight::Monitor, "/{index}/_settings/{name}", get(get_settings)),
        Route::new(ElasticRight::Manage, "/_settings", put(put_settings)),
        Route::new(ElasticRight::Manage, "/{index}/_settings", put(put_settings)),
    ]
}

async fn get_settings(mut asked: Asked) -> Result<Json<Value>, ElasticError> {
    let found = described(&mut asked, IndicesOptions::ADMIN, false).await?;
    let flat = asked.flag("flat_settings", false)?;
    let defaults = asked.flag("include_defaults", false)?;
    asked.done()?;
    let name = Some(asked.part("name")).filter(|name| !name.is_empty() && *name != "_all");
    let patterns: Option<Vec<&str>> = name.map(|name| name.split(',').collect());
    let wanted = |setting: &str| {
        patterns
            .as_ref()
            .is_none_or(|patterns| patterns.iter().any(|pattern| wildcard_match(pattern, setting)))
    };
    let mut out = Object::new();
    for index in found {
        let settings: BTreeMap<String, Value> =
            flatten(&index.settings).into_iter().filter(|(name, _)| wanted(name)).collect();
        if settings.is_empty() && !defaults && patterns.is_some() {
            continue;
        }
        let mut body = json!({"settings": if flat { json!(settings) } else { nest(&settings) }});
        if defaults {
            let defaults = index.defaults.into_iter().filter(|(name, _)| wanted(name)).collect();
            body["defaults"] = nested_defaults(&defaults, flat);
        }
        out.insert(index.name, body);
    }
    Ok(Json(Value::Object(out)))
}

async fn put_settings(mut asked: Asked) -> Result<Json<Value>, ElasticError> {
    let options = asked.options(IndicesOptions { allow_no_indices: false, ..IndicesOptions::ADMIN })?;
    let preserve = asked.flag("preserve_existing", false)?;
    asked.flag("flat_settings", false)?;
    asked.done()?;
    let body = asked.required()?;
    asked.app.parts().admin.put_settings(&asked.scope, &asked.indices()?, options, body, preserve).await?;
    Ok(acknowledged())
}

/// Settings as they are asked for: nested, or by full name.
pub(super) fn shown(settings: &Object, flat: bool) -> Value {
    if flat { json!(flatten(settings)) } else { Value::Object(settings.clone()) }
}

/// Defaults as they are asked for.
pub(super) fn nested_defaults(defaults: &BTreeMap<String, Value>, flat: bool) -> Value {
    if flat { json!(defaults) } else { nest(defaults) }
}

/// Settings by full name.
pub(super) fn flatten(settings: &Object) -> BTreeMap<String, Value> {
    fn walk(prefix: &str, object: &Object, out: &mut BTreeMap<String, Value>) {
        for (name, value) in object {
            let path = if prefix.is_empty() { name.clone() } else { format!("{prefix}.{name}") };
            match value {
                Value::Object(inner) => walk(&path, inner, out),
                leaf => drop(out.insert(path, leaf.clone())),
            }
        }
    }
    let mut out = BTreeMap::new();
    walk("", settings, &mut out);
    out
}

/// Settings nested by the dots of their names.
pub(super) fn nest(flat: &BTreeMap<String, Value>) -> Value {
    let mut out = Object::new();
    for (name, value) in flat {
        insert(&mut out, name, value.clone());
    }
    Value::Object(out)
}

/// Puts a value at a dotted name; where a shorter name has a value already, the rest stays dotted.
fn insert(out: &mut Object, name: &str, value: Value) {
    if let Some((head, rest)) = name.split_once('.')
        && let Some(inner) = out.entry(head).or_insert_with(|| json!({})).as_object_mut()
    {
        return insert(inner, rest, value);
    }
    out.insert(name.to_owned(), value);
}
