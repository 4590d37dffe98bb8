//! `_validate/query`: whether a query makes sense.

use super::super::{answer, error::ElasticError};
use super::call::Call;
use axum::Json;
use event::Object;
use serde_json::{Value, json};

pub(super) async fn validate(mut call: Call) -> Result<Json<Value>, ElasticError> {
    let flag = |value: Option<String>| value.is_some_and(|wanted| wanted != "false");
    let explain = flag(call.take("explain")) | flag(call.take("rewrite"));
    call.take("all_shards");
    let (body, parameters) = call.search_body()?;
    let query = body.get("query").cloned();
    let reason = match body.keys().find(|key| *key != "query") {
        Some(other) => Some(format!("request does not support [{other}]")),
        None => {
            let probe: Object =
                [("size", json!(0)), ("terminate_after", json!(1)), ("track_total_hits", json!(false))]
                    .into_iter()
                    .map(|(name, value)| (name.to_owned(), value))
                    .chain(query.clone().map(|query| ("query".to_owned(), query)))
                    .collect();
            match call.search(probe, &parameters).await {
                Ok(_) => None,
                Err(error) if error.status().is_client_error() && error.status() != 404 => {
                    Some(error.reason().to_owned())
                }
                Err(error) => return Err(error),
            }
        }
    };
    let mut out = Object::new();
    if !explain {
        out.insert("_shards".into(), answer::shards(1));
    }
    out.insert("valid".into(), json!(reason.is_none()));
    if explain {
        let indices = call.logs().indices(&call.scope, &call.indices).await.unwrap_or_default();
        out.insert("_shards".into(), answer::shards(1));
        match &reason {
            Some(reason) => {
                let reason = format!("org.elasticsearch.common.ParsingException: {reason}");
                out.insert("error".into(), json!(reason));
            }
            None => {
                let shown = explanation(query.as_ref());
                let one = |name: &String| json!({"index": name, "valid": true, "explanation": shown});
                out.insert("explanations".into(), indices.iter().map(|index| one(&index.name)).collect());
            }
        }
    }
    Ok(Json(Value::Object(out)))
}

/// The query in words: Lucene's `*:*` for everything, else as it was asked.
fn explanation(query: Option<&Value>) -> String {
    match query {
        None => "*:*".to_owned(),
        Some(query) if query.get("match_all").is_some() => "*:*".to_owned(),
        Some(query) => query.to_string(),
    }
}
