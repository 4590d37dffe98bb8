//! `_data_stream`: rows of indices under one name.
//!
//! Source: Elasticsearch reference, "Data stream APIs".

use super::{
    error::ElasticError,
    indices::{acknowledged, missing},
    request::Asked,
    routes::{ElasticRight, Route},
};
use axum::routing::put;
use axum::{Json, routing::get};
use serde_json::{Value, json};
use store::scope::wildcard_match;

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::new(ElasticRight::Monitor, "/_data_stream", get(streams)),
        Route::new(ElasticRight::Monitor, "/_data_stream/{name}", get(streams)),
        Route::new(ElasticRight::Manage, "/_data_stream/{name}", put(create).delete(remove)),
    ]
}

async fn streams(mut asked: Asked) -> Result<Json<Value>, ElasticError> {
    asked.take("expand_wildcards");
    asked.done()?;
    let name = Some(asked.part("name")).filter(|name| !name.is_empty()).unwrap_or("*");
    let patterns: Vec<&str> = name.split(',').collect();
    let names = asked.app.parts().admin.names(&asked.scope).await?;
    let found: Vec<Value> = names
        .data_streams
        .iter()
        .filter(|(stream, _)| patterns.iter().any(|pattern| wildcard_match(pattern, stream)))
        .map(|(name, stream)| {
            let indices: Vec<Value> = stream
                .indices
                .iter()
                .map(|(index, uuid)| json!({"index_name": index, "index_uuid": uuid}))
                .collect();
            json!({"name": name, "timestamp_field": {"name": stream.timestamp_field}, "indices": indices,
                "generation": stream.generation, "status": "GREEN", "template": stream.template})
        })
        .collect();
    if found.is_empty() && !name.contains('*') {
        return Err(missing("index_not_found_exception", format!("no such index [{name}]")));
    }
    Ok(Json(json!({"data_streams": found})))
}

async fn create(asked: Asked) -> Result<Json<Value>, ElasticError> {
    asked.done()?;
    asked.app.parts().admin.create_data_stream(&asked.scope, asked.part("name")).await?;
    Ok(acknowledged())
}

async fn remove(mut asked: Asked) -> Result<Json<Value>, ElasticError> {
    asked.take("expand_wildcards");
    asked.done()?;
    let name = asked.part("name");
    let removed = asked.app.parts().admin.delete_data_streams(&asked.scope, name).await?;
    if removed == 0 && !name.contains('*') {
        return Err(missing("index_not_found_exception", format!("no such index [{name}]")));
    }
    Ok(acknowledged())
}
