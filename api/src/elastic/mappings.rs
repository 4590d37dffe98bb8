//! `_mapping`: which field has which type.
//!
//! Source: Elasticsearch reference, "Get mapping", "Get field mapping", "Put mapping".

use super::{
    error::ElasticError,
    indices::{acknowledged, described, untyped},
    request::Asked,
    routes::{ElasticRight, Route},
};
use axum::{
    Json,
    routing::{get, put},
};
use event::Object;
use serde_json::{Value, json};
use store::{logs::IndicesOptions, scope::wildcard_match};

pub(super) fn routes() -> Vec<Route> {
    let mut routes = Vec::new();
    for (all, of) in [("/_mapping", "/{index}/_mapping"), ("/_mappings", "/{index}/_mappings")] {
        routes.push(Route::new(ElasticRight::Monitor, all, get(get_mapping)));
        routes.push(Route::new(ElasticRight::Monitor, of, get(get_mapping)));
        routes.push(Route::new(ElasticRight::Manage, of, put(put_mapping).post(put_mapping)));
    }
    routes.push(Route::new(ElasticRight::Monitor, "/_mapping/field/{fields}", get(get_fields)));
    routes.push(Route::new(ElasticRight::Monitor, "/{index}/_mapping/field/{fields}", get(get_fields)));
    routes
}

async fn get_mapping(mut asked: Asked) -> Result<Json<Value>, ElasticError> {
    let base = IndicesOptions { allow_no_indices: true, ..IndicesOptions::ADMIN };
    let found = described(&mut asked, base, true).await?;
    asked.done()?;
    Ok(Json(Value::Object(
        found.into_iter().map(|index| (index.name, json!({"mappings": index.mappings}))).collect(),
    )))
}

async fn put_mapping(mut asked: Asked) -> Result<Json<Value>, ElasticError> {
    let options = asked.options(IndicesOptions { allow_no_indices: false, ..IndicesOptions::ADMIN })?;
    asked.flag("write_index_only", false)?;
    let typed = asked.flag("include_type_name", false)?;
    asked.done()?;
    let body = untyped(asked.required()?, typed).map_err(|_| {
        ElasticError::illegal(
            "Types cannot be provided in put mapping requests, unless the include_type_name parameter is set to true.",
        )
    })?;
    asked.app.parts().admin.put_mapping(&asked.scope, &asked.indices()?, options, body).await?;
    Ok(acknowledged())
}

async fn get_fields(mut asked: Asked) -> Result<Json<Value>, ElasticError> {
    let found = described(&mut asked, IndicesOptions::default(), true).await?;
    let defaults = asked.flag("include_defaults", false)?;
    asked.done()?;
    let patterns: Vec<&str> = asked.part("fields").split(',').collect();
    let out: Object = found
        .into_iter()
        .map(|index| {
            let wanted = index
                .fields
                .into_iter()
                .filter(|(path, _)| patterns.iter().any(|pattern| wildcard_match(pattern, path)));
            let fields: Object = wanted.map(|(path, body)| field(&path, body, defaults)).collect();
            (index.name, json!({"mappings": fields}))
        })
        .collect();
    Ok(Json(Value::Object(out)))
}

fn field(path: &str, mut body: Object, defaults: bool) -> (String, Value) {
    let name = path.rsplit('.').next().unwrap_or(path);
    if defaults && body.get("type").is_some_and(|kind| kind == "text") {
        body.entry("analyzer").or_insert_with(|| json!("default"));
    }
    (path.to_owned(), json!({"full_name": path, "mapping": {name: body}}))
}
