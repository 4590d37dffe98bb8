//! `_analyze`: a text cut into words.

use super::super::error::ElasticError;
use super::call::Call;
use axum::Json;
use event::Object;
use serde::Deserialize;
use serde_json::{Value, json};
use store::logs::{AnalyzeRequest, Word};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    #[serde(default)]
    text: Value,
    analyzer: Option<String>,
    field: Option<String>,
    tokenizer: Option<Value>,
    #[serde(default)]
    filter: Vec<Value>,
    #[serde(default)]
    char_filter: Vec<Value>,
    #[serde(default)]
    explain: bool,
    #[serde(default)]
    #[serde(rename = "attributes")]
    _attributes: Value,
}

pub(super) async fn analyze(mut call: Call) -> Result<Json<Value>, ElasticError> {
    let mut given = call.body()?;
    for name in ["text", "analyzer", "field", "tokenizer"] {
        if let Some(value) = call.take(name) {
            given.insert(name.to_owned(), json!(value));
        }
    }
    call.take("index");
    call.done()?;
    let body: Body = serde_json::from_value(Value::Object(given))
        .map_err(|error| ElasticError::illegal(format!("cannot read the body: {error}")))?;
    let texts = match &body.text {
        Value::String(text) => vec![text.clone()],
        Value::Array(list) => list.iter().filter_map(|text| text.as_str().map(str::to_owned)).collect(),
        _ => Vec::new(),
    };
    if texts.is_empty() {
        let message = "Validation Failed: 1: text is missing;";
        return Err(ElasticError::illegal(message).named("action_request_validation_exception"));
    }
    if !body.char_filter.is_empty() {
        return Err(ElasticError::illegal("[_analyze] does not support [char_filter]"));
    }
    let analyzer = match &body.tokenizer {
        None => body.analyzer.clone(),
        Some(Value::String(name)) => Some(format!("{name}_tokenizer")),
        Some(other) => return Err(ElasticError::illegal(format!("failed to find tokenizer under {other}"))),
    };
    let field = match (body.field.clone(), call.indices.first()) {
        (Some(field), Some(index)) if !index.contains('*') => Some((index.clone(), field)),
        (Some(_), _) => {
            return Err(ElasticError::illegal("analysis based on a specific field requires an index"));
        }
        (None, _) => None,
    };
    let request = AnalyzeRequest { texts, analyzer, field };
    let words = call.logs().analyze(&call.scope, request).await?;
    let mut steps = vec![words];
    for filter in &body.filter {
        let last = steps.last().cloned().unwrap_or_default();
        steps.push(filtered(filter, last)?);
    }
    let answer = if body.explain { detail(&body, &steps) } else { json!({"tokens": tokens(steps.last())}) };
    Ok(Json(answer))
}

fn name_of(part: &Value) -> &str {
    part.as_str().or_else(|| part.get("type").and_then(Value::as_str)).unwrap_or_default()
}

/// What a filter makes of words.
fn filtered(filter: &Value, mut words: Vec<Word>) -> Result<Vec<Word>, ElasticError> {
    match name_of(filter) {
        "lowercase" => words.iter_mut().for_each(|word| word.token = word.token.to_lowercase()),
        "uppercase" => words.iter_mut().for_each(|word| word.token = word.token.to_uppercase()),
        "stop" => {
            let listed = filter.get("stopwords").and_then(Value::as_array);
            let stop: Vec<&str> = listed.into_iter().flatten().filter_map(Value::as_str).collect();
            words.retain(|word| !stop.contains(&word.token.as_str()));
        }
        other => return Err(ElasticError::illegal(format!("failed to find global filter under [{other}]"))),
    }
    Ok(words)
}

fn tokens(words: Option<&Vec<Word>>) -> Value {
    let token = |word: &Word| {
        json!({
            "token": word.token, "start_offset": word.start_offset, "end_offset": word.end_offset,
            "type": word.kind, "position": word.position,
        })
    };
    words.into_iter().flatten().map(token).collect()
}

/// The words after each step.
fn detail(body: &Body, steps: &[Vec<Word>]) -> Value {
    let Some(tokenizer) = &body.tokenizer else {
        let name = body.analyzer.as_deref().unwrap_or("standard");
        let analyzer = json!({"name": name, "tokens": tokens(steps.last())});
        return json!({"detail": {"custom_analyzer": false, "analyzer": analyzer}});
    };
    let mut out = Object::new();
    out.insert("custom_analyzer".into(), json!(true));
    out.insert("tokenizer".into(), json!({"name": name_of(tokenizer), "tokens": tokens(steps.first())}));
    let filters = body.filter.iter().zip(steps.iter().skip(1));
    let shown =
        filters.map(|(filter, words)| json!({"name": name_of(filter), "tokens": tokens(Some(words))}));
    out.insert("tokenfilters".into(), shown.collect());
    json!({ "detail": out })
}
