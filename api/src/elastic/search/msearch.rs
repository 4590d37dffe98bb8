//! `_msearch`: several searches in one request, each with an answer or error of its own.

use super::super::{answer, error::ElasticError, names, parameters, parameters::Parameters};
use super::{
    SIZE_DEFAULT,
    call::{Call, SEARCH_TIMEOUT},
    template,
};
use axum::Json;
use event::Object;
use futures::{StreamExt as _, stream};
use serde_json::{Value, json};
use std::time::Instant;
use store::logs::SearchRequest;

/// Searches in one request.
const SEARCHES_MAX: usize = 1_000;
/// Searches of one request that run at the same time: one request must not keep all others waiting.
const CONCURRENT_MAX: usize = 2;

/// One of the searches: where, and what.
struct One {
    header: Object,
    body: Object,
}

/// `_msearch`.
pub(super) async fn msearch(call: Call) -> Result<Json<Value>, ElasticError> {
    run(call, Ok).await
}

/// `_msearch/template`: each body is a template and what is put into it.
pub(super) async fn msearch_template(call: Call) -> Result<Json<Value>, ElasticError> {
    run(call, template::rendered).await
}

/// `read` makes a search of each body.
async fn run(
    mut call: Call,
    read: fn(Object) -> Result<Object, ElasticError>,
) -> Result<Json<Value>, ElasticError> {
    let started = Instant::now();
    // Elasticsearch's own limit is for several nodes.
    call.take("max_concurrent_searches");
    let common = parameters::apply(&call.path, std::mem::take(&mut call.parameters), &mut Object::new())?;
    let searches = parse(call.bytes())?;
    let run = |one: Result<One, ElasticError>| {
        let (call, common) = (&call, &common);
        async move {
            match run_one(call, common, one, read).await {
                Ok(answer) => Value::Object(answer),
                Err(error) => json!({"error": error.error(), "status": error.status().as_u16()}),
            }
        }
    };
    let responses: Vec<Value> = stream::iter(searches).map(run).buffered(CONCURRENT_MAX).collect().await;
    let took = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
    Ok(Json(json!({"took": took, "responses": responses})))
}

async fn run_one(
    call: &Call,
    common: &Parameters,
    one: Result<One, ElasticError>,
    read: fn(Object) -> Result<Object, ElasticError>,
) -> Result<Object, ElasticError> {
    let One { header, body } = one?;
    let mut body = read(body)?;
    let (indices, parameters) = read_header(call, common, &header)?;
    body.entry("size").or_insert(json!(SIZE_DEFAULT));
    let body = call.with_scripts(body)?;
    let request = SearchRequest {
        indices,
        body,
        timeout: Some(SEARCH_TIMEOUT),
        options: parameters.options,
        typed_keys: parameters.typed_keys,
        ..SearchRequest::default()
    };
    let response = call.logs().search(&call.scope, request).await?;
    let mut answer = answer::search(response, parameters.total_as_int);
    answer.insert("status".into(), json!(200));
    Ok(answer)
}

/// The lines in pairs. What is no JSON is an error of the whole request, as the rest cannot be told apart then.
fn parse(body: &[u8]) -> Result<Vec<Result<One, ElasticError>>, ElasticError> {
    if body.trim_ascii().is_empty() {
        let error = ElasticError::parse("request body or source parameter is required");
        return Err(error.named("parse_exception"));
    }
    if !body.ends_with(b"\n") {
        return Err(ElasticError::illegal("The msearch request must be terminated by a newline [\\n]"));
    }
    let mut searches = Vec::new();
    let mut lines = body.split(|byte| *byte == b'\n').peekable();
    while let Some(header) = lines.next() {
        if lines.peek().is_none() {
            break;
        }
        let header = if header.trim_ascii().is_empty() { Object::new() } else { object(header)? };
        let Some(body) = lines.next().filter(|body| !body.trim_ascii().is_empty()) else {
            return Err(ElasticError::illegal("a search of the request lacks its body"));
        };
        searches.push(object(body).map(|body| One { header, body }));
        if searches.len() > SEARCHES_MAX {
            return Err(ElasticError::illegal(format!("a request holds at most {SEARCHES_MAX} searches")));
        }
    }
    if searches.is_empty() {
        let message = "Validation Failed: 1: no requests added;";
        return Err(ElasticError::illegal(message).named("action_request_validation_exception"));
    }
    Ok(searches)
}

fn object(line: &[u8]) -> Result<Object, ElasticError> {
    serde_json::from_slice(line).map_err(|error| ElasticError::parse(format!("cannot read a line: {error}")))
}

/// Which indices a header names, and its parameters over those of the request.
fn read_header(
    call: &Call,
    common: &Parameters,
    header: &Object,
) -> Result<(Vec<String>, Parameters), ElasticError> {
    let mut parameters = common.clone();
    let mut indices = call.indices.clone();
    for (name, value) in header {
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        match name.as_str() {
            "index" | "indices" => {
                let listed = match value {
                    Value::Array(list) => list.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(","),
                    Value::Null => continue,
                    _ => text,
                };
                indices = if listed.is_empty() { names::everything() } else { names::patterns(&listed)? };
            }
            "ignore_unavailable" => parameters.options.ignore_unavailable = parameters::flag(name, &text)?,
            "allow_no_indices" => parameters.options.allow_no_indices = parameters::flag(name, &text)?,
            "expand_wildcards" => parameters::expand_wildcards(&text, &mut parameters.options)?,
            "search_type" => parameters::check_search_type(&text)?,
            "type"
            | "types"
            | "preference"
            | "routing"
            | "request_cache"
            | "allow_partial_search_results"
            | "ccs_minimize_roundtrips"
            | "ignore_throttled"
            | "version" => {}
            other => {
                let message = format!("key [{other}] is not supported in the metadata section");
                return Err(ElasticError::illegal(message));
            }
        }
    }
    Ok((indices, parameters))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_come_in_pairs() {
        let check = |body: &str, expected: Option<usize>| {
            let found = parse(body.as_bytes()).ok().map(|searches| searches.len());
            assert_eq!(found, expected, "{body:?}");
        };
        check("{}\n{}\n", Some(1));
        check("\n{}\n{\"index\":\"a\"}\n{}\n", Some(2));
        check("", None);
        check("{}\n{}", None);
        check("{}\n", None);
        check("{}\n\n", None);
        check("x\n{}\n", None);
        assert!(parse(b"{}\nx\n").unwrap()[0].is_err());
    }
}
