//! Searches by template: `_search/template`, `_msearch/template`, and what a template becomes: `_render/template`.
//!
//! Source: Elasticsearch reference 7.10, "Search template". Templates come with the request; none are stored.

use super::super::{answer, error::ElasticError};
use super::{SIZE_DEFAULT, call::Call};
use axum::{Json, http::StatusCode};
use event::Object;
use expression::SearchTemplate;
use serde_json::{Value, json};

/// `_search/template`.
pub(super) async fn search(mut call: Call) -> Result<Json<Value>, ElasticError> {
    let (request, parameters) = call.search_body()?;
    let mut body = rendered(request)?;
    body.entry("size").or_insert(json!(SIZE_DEFAULT));
    let response = call.search(body, &parameters).await?;
    Ok(Json(Value::Object(answer::search(response, parameters.total_as_int))))
}

/// `_render/template`.
pub(super) async fn render(call: Call) -> Result<Json<Value>, ElasticError> {
    let mut request = call.body()?;
    if let Some(id) = &call.id {
        request.insert("id".into(), json!(id));
    }
    call.done()?;
    Ok(Json(json!({"template_output": rendered(request)?})))
}

/// The search that a request with a template means.
pub(super) fn rendered(mut request: Object) -> Result<Object, ElasticError> {
    if let Some(Value::String(id)) = request.remove("id") {
        let reason = format!("unable to find script [{id}] in cluster state");
        return Err(ElasticError::new(StatusCode::NOT_FOUND, "resource_not_found_exception", reason));
    }
    let source = match request.remove("source").or_else(|| request.remove("inline")) {
        Some(Value::String(text)) => text,
        Some(template @ Value::Object(_)) => template.to_string(),
        _ => {
            let reason = "Validation Failed: 1: template is missing;";
            return Err(ElasticError::illegal(reason).named("action_request_validation_exception"));
        }
    };
    let params = request.remove("params").unwrap_or_else(|| json!({}));
    let flags: Object = ["explain", "profile"]
        .iter()
        .filter_map(|name| Some(((*name).to_owned(), request.remove(*name)?)))
        .collect();
    if let Some(other) = request.keys().next() {
        return Err(ElasticError::parse(format!("[search_template] unknown field [{other}]")));
    }
    let cannot = |error| {
        ElasticError::illegal(format!("cannot render the template: {error}"))
            .named("general_script_exception")
    };
    let text =
        SearchTemplate::parse(&source).and_then(|template| template.render(&params)).map_err(cannot)?;
    match serde_json::from_str(&text) {
        Ok(Value::Object(mut body)) => {
            body.extend(flags);
            Ok(body)
        }
        Ok(_) => Err(ElasticError::parse("the template does not become an object")),
        Err(error) => Err(ElasticError::parse(format!("the template does not become JSON: {error}"))
            .named("json_parse_exception")),
    }
}
