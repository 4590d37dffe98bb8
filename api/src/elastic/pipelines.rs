//! `_ingest/pipeline`: pipelines, and trying them.
//!
//! Source: Elasticsearch reference, "Ingest APIs".

use super::{
    error::ElasticError,
    indices::{acknowledged, missing},
    request::Asked,
    routes::{ElasticRight, Route, get_or_post},
};
use crate::pipelines::Simulation;
use axum::{
    Json,
    http::StatusCode,
    routing::{get, put},
};
use event::Object;
use ingest::pipeline::{DefinitionError, PipelineSource, grok_patterns};
use serde_json::{Value, json};
use store::scope::wildcard_match;

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::new(ElasticRight::Monitor, "/_ingest/pipeline", get(pipelines)),
        Route::new(ElasticRight::Monitor, "/_ingest/pipeline/{name}", get(pipelines)),
        Route::new(
            ElasticRight::ManageAll,
            "/_ingest/pipeline/{name}",
            put(put_pipeline).delete(delete_pipeline),
        ),
        Route::new(ElasticRight::Monitor, "/_ingest/processor/grok", get(grok)),
        Route::new(ElasticRight::Manage, "/_ingest/pipeline/_simulate", get_or_post(simulate)),
        Route::new(ElasticRight::Manage, "/_ingest/pipeline/{name}/_simulate", get_or_post(simulate)),
    ]
}

async fn pipelines(mut asked: Asked) -> Result<Json<Value>, ElasticError> {
    asked.take("summary");
    asked.done()?;
    let name = Some(asked.part("name")).filter(|name| !name.is_empty()).unwrap_or("*");
    let patterns: Vec<&str> = name.split(',').collect();
    let listed = asked.app.parts().pipelines.list();
    // The built-in ones are vigie's own; they can be used, but are nobody's to list or change here.
    let found: Object = listed
        .into_iter()
        .filter(|pipeline| pipeline.source == PipelineSource::User)
        .filter(|pipeline| patterns.iter().any(|pattern| wildcard_match(pattern, &pipeline.name)))
        .map(|pipeline| (pipeline.name, pipeline.definition))
        .collect();
    if found.is_empty() && !name.contains('*') {
        return Err(missing(
            "resource_not_found_exception",
            format!("pipeline with id [{name}] does not exist"),
        ));
    }
    Ok(Json(Value::Object(found)))
}

async fn put_pipeline(asked: Asked) -> Result<Json<Value>, ElasticError> {
    asked.done()?;
    let definition = asked.required()?;
    let name = asked.part("name");
    // Compiled here too, as only this error names the processor and the member.
    asked.app.parts().pipelines.check(name, definition.clone()).map_err(refused)?;
    crate::pipelines::put(&asked.app, name, definition).await?;
    Ok(acknowledged())
}

async fn delete_pipeline(asked: Asked) -> Result<Json<Value>, ElasticError> {
    asked.done()?;
    let name = asked.part("name");
    let listed = asked.app.parts().pipelines.list();
    let own: Vec<String> = listed
        .into_iter()
        .filter(|pipeline| pipeline.source == PipelineSource::User && wildcard_match(name, &pipeline.name))
        .map(|pipeline| pipeline.name)
        .collect();
    if own.is_empty() && !name.contains('*') {
        return Err(missing("resource_not_found_exception", format!("pipeline [{name}] is missing")));
    }
    for name in own {
        crate::pipelines::delete(&asked.app, &name).await?;
    }
    Ok(acknowledged())
}

async fn simulate(mut asked: Asked) -> Result<Json<Value>, ElasticError> {
    let verbose = asked.flag("verbose", false)?;
    asked.done()?;
    let Value::Object(mut body) = asked.required()? else { return Err(ElasticError::illegal("no object")) };
    let documents = match body.shift_remove("docs") {
        Some(Value::Array(documents)) => documents,
        _ => return Err(property("docs", "required property is missing")),
    };
    let pipelines = &asked.app.parts().pipelines;
    let name = asked.part("name").to_owned();
    let definition = match (name.is_empty(), body.shift_remove("pipeline")) {
        (false, _) if pipelines.get(&name).is_none() => {
            return Err(ElasticError::illegal(format!("pipeline [{name}] does not exist")));
        }
        (false, _) => None,
        (true, Some(definition)) => Some(definition),
        (true, None) => return Err(property("pipeline", "required property is missing")),
    };
    let simulation = Simulation { name, definition, documents, verbose };
    Ok(Json(crate::pipelines::simulate(&asked.app, simulation).await?.map_err(refused)?))
}

/// The patterns of before ECS that came with version 8: usable, but of the versions before it nobody expects them in the list.
const SINCE_8: [&str; 6] = [
    "EXIM",
    "EXIM_MESSAGE_ARRIVAL",
    "EXIM_NAMED_FIELDS",
    "EXIM_UNKNOWN_FIELD",
    "HTTPD_COMBINEDLOG",
    "HTTPD_COMMONLOG",
];

/// The patterns that `grok` knows by name, of before ECS unless asked for the others.
async fn grok(mut asked: Asked) -> Result<Json<Value>, ElasticError> {
    let sorted = asked.flag("s", false)?;
    let ecs = match asked.take("ecs_compatibility").as_deref() {
        None | Some("disabled") => false,
        Some("v1") => true,
        Some(other) => {
            return Err(ElasticError::new(
                StatusCode::BAD_REQUEST,
                "illegal_argument_exception",
                format!("unsupported ECS compatibility mode [{other}]"),
            ));
        }
    };
    asked.done()?;
    let is_listed = |(name, _): &(&str, &str)| ecs || !asked.persona.has_types() || !SINCE_8.contains(name);
    let mut patterns: Vec<(&str, &str)> = grok_patterns(ecs).filter(is_listed).collect();
    if sorted {
        patterns.sort_unstable();
    }
    let patterns: Object =
        patterns.into_iter().map(|(name, pattern)| (name.to_owned(), pattern.into())).collect();
    Ok(Json(json!({"patterns": patterns})))
}

fn property(name: &str, problem: &str) -> ElasticError {
    ElasticError::new(StatusCode::BAD_REQUEST, "parse_exception", format!("[{name}] {problem}"))
}

/// A definition that does not compile.
fn refused(error: DefinitionError) -> ElasticError {
    let reason = match &error.key {
        Some(key) => format!("[{key}] {}", error.reason),
        None => error.reason.clone(),
    };
    ElasticError::new(StatusCode::BAD_REQUEST, "parse_exception", reason)
}
