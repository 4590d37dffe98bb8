//! `_scripts`: scripts that are stored under an id, and trying one.
//!
//! They are kept in the document store and known to this process by [`ingest::pipeline::StoredScripts`], where pipelines
//! find them too.
//!
//! Source: Elasticsearch reference, "Script APIs", "Painless execute API".

use super::{
    error::ElasticError,
    indices::{acknowledged, missing},
    request::Asked,
    routes::{ElasticRight, Route, get_or_post},
    script::ScriptSource,
};
use crate::ApiError;
use axum::{
    Json,
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::{get, put},
};
use event::Object;
use expression::{Environment, Language, Limits, Purpose, Script, ScriptError};
use ingest::pipeline::{StoredScript, StoredScripts};
use serde_json::{Value, json};
use store::documents::{Collection, DocumentStore, Expect, Find, NewDocument};

/// Stored scripts by id: `{"lang", "source"}`.
pub(crate) const SCRIPTS: Collection = Collection { name: "stored_scripts", indices: &[] };
/// Most stored scripts.
const SCRIPTS_MAX: usize = 1_000;
/// Longest id, in bytes.
const ID_MAX_BYTES: usize = 512;
/// Longest source, in bytes (Elasticsearch's `script.max_size_in_bytes`).
const SOURCE_MAX_BYTES: usize = 65_535;
/// What a script may be stored for.
const PURPOSES: [Purpose; 6] =
    [Purpose::Update, Purpose::Field, Purpose::Value, Purpose::Score, Purpose::Bucket, Purpose::Moving];

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::new(ElasticRight::Monitor, "/_scripts/{id}", get(get_script)),
        Route::new(
            ElasticRight::ManageAll,
            "/_scripts/{id}",
            put(put_script).post(put_script).delete(delete_script),
        ),
        Route::new(ElasticRight::ManageAll, "/_scripts/{id}/{context}", put(put_script).post(put_script)),
        Route::new(ElasticRight::Read, "/_scripts/painless/_execute", get_or_post(execute)),
        Route::new(ElasticRight::Monitor, "/_script_language", get(languages)),
    ]
}

/// Gives the stored scripts of former runs to this process.
///
/// # Errors
/// The store fails.
pub async fn restore_scripts(documents: &dyn DocumentStore, scripts: &StoredScripts) -> Result<(), ApiError> {
    let found = documents.find(&SCRIPTS, Find { limit: SCRIPTS_MAX, ..Find::default() }).await?;
    for document in found {
        let text =
            |name: &str| document.body.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        scripts.put(document.id.clone(), StoredScript { language: text("lang"), source: text("source") });
    }
    Ok(())
}

async fn get_script(asked: Asked) -> Result<Response, ElasticError> {
    asked.done()?;
    let id = asked.part("id");
    Ok(match asked.app.parts().pipelines.scripts().get(id) {
        Some(script) => {
            let script = json!({"lang": script.language, "source": script.source});
            Json(json!({"_id": id, "found": true, "script": script})).into_response()
        }
        None => (StatusCode::NOT_FOUND, Json(json!({"_id": id, "found": false}))).into_response(),
    })
}

async fn put_script(mut asked: Asked) -> Result<Json<Value>, ElasticError> {
    asked.take("context");
    asked.done()?;
    let id = asked.part("id").to_owned();
    if id.is_empty() || id.len() > ID_MAX_BYTES || id.contains('#') {
        return Err(super::write::invalid(format!(
            "id [{id}] must be 1 to {ID_MAX_BYTES} bytes without '#'"
        )));
    }
    let script = read(asked.required()?)?;
    let scripts = asked.app.parts().pipelines.scripts();
    if scripts.get(&id).is_none() && scripts.len() >= SCRIPTS_MAX {
        return Err(ElasticError::illegal(format!("there are {SCRIPTS_MAX} stored scripts already")));
    }
    let body = json!({"lang": script.language, "source": script.source});
    let body = body.as_object().cloned().unwrap_or_default();
    let document = NewDocument { id: id.clone(), body, expires_at: None };
    asked.app.parts().documents.put(&SCRIPTS, document, Expect::Anything).await.map_err(ApiError::from)?;
    scripts.put(id, script);
    Ok(acknowledged())
}

/// Reads `{"script": {"lang", "source"}}` and tries whether it compiles for anything.
fn read(body: Value) -> Result<StoredScript, ElasticError> {
    let bad =
        |reason: String| ElasticError::new(StatusCode::BAD_REQUEST, "x_content_parse_exception", reason);
    let script = body.get("script").and_then(Value::as_object);
    let script = script.ok_or_else(|| bad("must specify [script] as an object".to_owned()))?;
    let known = ["lang", "source", "options"];
    if let Some(unknown) = script.keys().find(|name| !known.contains(&name.as_str())) {
        return Err(bad(format!("[stored script source] unknown field [{unknown}]")));
    }
    let text = |name: &str| script.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    let language =
        text("lang").ok_or_else(|| ElasticError::illegal("must specify lang for stored script"))?;
    // A template may be given as JSON.
    let source = match script.get("source") {
        Some(template @ Value::Object(_)) if language == "mustache" => template.to_string(),
        _ => text("source")
            .ok_or_else(|| ElasticError::illegal("must specify source for stored script"))?
            .to_owned(),
    };
    if source.len() > SOURCE_MAX_BYTES {
        return Err(ElasticError::illegal(format!(
            "exceeded max allowed stored script size in bytes [{SOURCE_MAX_BYTES}] with size [{}]",
            source.len()
        )));
    }
    match Language::named(language) {
        Some(named) => check(named, &source)?,
        // Kept for those who ask for it; no search runs templates.
        None if language == "mustache" => {}
        None => return Err(ElasticError::illegal(format!("script_lang not supported [{language}]"))),
    }
    Ok(StoredScript { language: language.to_owned(), source })
}

/// What a script is for is not known before it is used: it must compile for something.
fn check(language: Language, source: &str) -> Result<(), ElasticError> {
    let mut first = None;
    for purpose in PURPOSES {
        match Script::compile(language, source, purpose) {
            Ok(_) => return Ok(()),
            Err(error) => drop(first.get_or_insert(error)),
        }
    }
    match first {
        Some(error) => {
            let error = ScriptError::from(error);
            Err(ElasticError::script(error.script_exception(source, language.name())))
        }
        None => Ok(()),
    }
}

async fn delete_script(asked: Asked) -> Result<Json<Value>, ElasticError> {
    asked.done()?;
    let id = asked.part("id");
    let kept = asked.app.parts().documents.delete(&SCRIPTS, id).await.map_err(ApiError::from)?;
    let known = asked.app.parts().pipelines.scripts().delete(id);
    if kept || known {
        return Ok(acknowledged());
    }
    let reason = format!("stored script [{id}] does not exist and cannot be deleted");
    Err(missing("resource_not_found_exception", reason))
}

/// `params` of a script that sees nothing else.
struct Parameters(Object);

impl Environment for Parameters {
    fn params(&self) -> Option<&Object> {
        Some(&self.0)
    }
}

/// Runs a script that is given with the request, over nothing but its parameters.
async fn execute(asked: Asked) -> Result<Json<Value>, ElasticError> {
    asked.done()?;
    let Value::Object(mut body) = asked.required()? else { return Err(ElasticError::illegal("no object")) };
    match body.shift_remove("context").as_ref().map(|context| context.as_str().unwrap_or_default()) {
        None | Some("painless_test") => {}
        Some(other) => {
            let reason = format!("[context] [{other}] is not supported, only [painless_test] is");
            return Err(ElasticError::illegal(reason));
        }
    }
    let script = body.shift_remove("script").ok_or_else(|| ElasticError::illegal("Required [script]"))?;
    if let Some(unknown) = body.keys().next() {
        let reason = format!("[painless_execute_request] unknown field [{unknown}]");
        return Err(ElasticError::new(StatusCode::BAD_REQUEST, "x_content_parse_exception", reason));
    }
    let ScriptSource { source, language, params } =
        ScriptSource::read(script, asked.app.parts().pipelines.scripts())?;
    if language != Language::Painless.name() {
        return Err(ElasticError::illegal(format!("script_lang not supported [{language}]")));
    }
    let failed = |error: ScriptError| ElasticError::script(error.script_exception(&source, &language));
    let script = Script::compile(Language::Painless, &source, Purpose::Bucket);
    let script = script.map_err(|error| failed(error.into()))?;
    let answer =
        script.value(&Parameters(params), Limits::default()).map_err(|error| failed(error.into()))?;
    let answer = match answer {
        Value::String(text) => text,
        other => other.to_string(),
    };
    Ok(Json(json!({"result": answer})))
}

async fn languages(asked: Asked) -> Result<Json<Value>, ElasticError> {
    asked.done()?;
    let painless = [
        "aggs",
        "bucket_aggregation",
        "field",
        "filter",
        "ingest",
        "moving-function",
        "number_sort",
        "painless_test",
        "score",
        "string_sort",
        "update",
    ];
    let expression = ["aggs", "bucket_aggregation", "field", "filter", "number_sort", "score"];
    Ok(Json(json!({"types_allowed": ["inline", "stored"], "language_contexts": [
        {"language": "expression", "contexts": expression},
        {"language": "painless", "contexts": painless},
    ]})))
}
