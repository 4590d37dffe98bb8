//! Single documents by id: index, create, get, delete, and `_mget`.
//!
//! Source: Elasticsearch reference, "Document APIs".

use super::{
    error::{ElasticError, no_handler},
    filter::SourceFilter,
    names,
    request::Asked,
    routes::{ElasticRight, Route, get_or_post},
    write::{self, DOC_TYPE, Documents, Write, scalar_text},
};
use axum::{
    Json,
    extract::Request,
    http::StatusCode,
    middleware::{Next, from_fn},
    response::{IntoResponse, Response},
    routing::{get, post, put},
};
use event::{Object, Operation};
use serde_json::{Value, json};
use std::collections::HashMap;
use store::logs::{Detail, Document, GetRequest, IndicesOptions, Refresh};

/// Most documents of one `_mget`.
const DOCUMENTS_MAX: usize = 10_000;

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::new(ElasticRight::Read, "/{index}/_doc/{id}", get(get_document)),
        Route::new(ElasticRight::Write, "/{index}/_doc/{id}", put(index).post(index).delete(remove)),
        Route::new(ElasticRight::Write, "/{index}/_doc", post(index)),
        Route::new(ElasticRight::Write, "/{index}/_doc/", post(index)),
        Route::new(ElasticRight::Write, "/{index}/_create/{id}", put(create).post(create)),
        // With a type, as before version 7.
        Route::new(
            ElasticRight::Read,
            "/{index}/{kind}/{id}",
            get(get_document).route_layer(from_fn(check_kind)),
        ),
        Route::new(
            ElasticRight::Write,
            "/{index}/{kind}/{id}",
            put(index).post(index).delete(remove).route_layer(from_fn(check_kind)),
        ),
        Route::new(ElasticRight::Read, "/{index}/_source/{id}", get(get_source)),
        Route::new(ElasticRight::Read, "/_mget", get_or_post(mget)),
        Route::new(ElasticRight::Read, "/{index}/_mget", get_or_post(mget)),
    ]
}

/// A path that only looks like a document with a type.
async fn check_kind(request: Request, next: Next) -> Response {
    let mut parts = request.uri().path().split('/').skip(1);
    let is_named = |part: Option<&str>| part.is_some_and(|part| part.starts_with('_'));
    let (index, kind) = (parts.next(), parts.next());
    if is_named(index) || is_named(kind) {
        return no_handler(&request.uri().to_string(), request.method());
    }
    next.run(request).await
}

/// The name of the index itself, where it was named by an alias; as it was named if there is none.
async fn index_itself(asked: &Asked, name: &str) -> Result<String, ElasticError> {
    let (admin, names) = (&asked.app.parts().admin, [name.to_owned()]);
    let found = admin.describe(&asked.scope, &names, IndicesOptions::LENIENT, Detail::default()).await?;
    Ok(found.into_iter().next().map_or_else(|| name.to_owned(), |index| index.name))
}

async fn index(mut asked: Asked) -> Result<(StatusCode, Json<Value>), ElasticError> {
    let operation = match asked.take("op_type").as_deref() {
        None if asked.part("id").is_empty() => Operation::Create,
        None | Some("index") => Operation::Index,
        Some("create") => Operation::Create,
        Some(other) => {
            return Err(ElasticError::illegal(format!(
                "opType must be 'create' or 'index', found: [{other}]"
            )));
        }
    };
    put_document(asked, operation).await
}

async fn create(asked: Asked) -> Result<(StatusCode, Json<Value>), ElasticError> {
    put_document(asked, Operation::Create).await
}

async fn put_document(
    mut asked: Asked,
    operation: Operation,
) -> Result<(StatusCode, Json<Value>), ElasticError> {
    let refresh = asked.refresh()?;
    let (options, expected) = write::take_options(&mut asked)?;
    let pipeline = asked.take("pipeline");
    asked.take("op_type");
    asked.done()?;
    if !asked.has_body() {
        return Err(ElasticError::new(
            StatusCode::BAD_REQUEST,
            "parse_exception",
            "request body is required",
        ));
    }
    let source = asked.object().map_err(|_| write::unparsable())?;
    let id = Some(asked.part("id").to_owned()).filter(|id| !id.is_empty());
    let write =
        Write { index: asked.index()?.into(), id, operation, source, expected, options, pipeline, raw: None };
    one(&asked, write, refresh).await
}

async fn remove(mut asked: Asked) -> Result<(StatusCode, Json<Value>), ElasticError> {
    let refresh = asked.refresh()?;
    let (options, expected) = write::take_options(&mut asked)?;
    asked.done()?;
    let id = Some(asked.part("id").to_owned());
    let index = asked.index()?.into();
    let write = Write { index, id, operation: Operation::Delete, expected, options, ..Write::default() };
    one(&asked, write, refresh).await
}

async fn one(
    asked: &Asked,
    write: Write,
    refresh: Refresh,
) -> Result<(StatusCode, Json<Value>), ElasticError> {
    let outcome = write::run(&asked.app, &asked.scope, vec![write], refresh, Documents::Sent).await?;
    let (status, body) = write::answer(outcome.single()?, refresh)?;
    Ok((status, Json(Value::Object(body))))
}

/// How a document is to be shown.
#[derive(Debug, Clone, Default)]
struct View {
    source: Option<SourceFilter>,
    stored_fields: Vec<String>,
}

impl View {
    fn take(asked: &mut Asked) -> Self {
        let source = asked.take("_source");
        let (includes, excludes) = (asked.take("_source_includes"), asked.take("_source_excludes"));
        Self {
            source: SourceFilter::from_parameters(
                source.as_deref(),
                includes.as_deref(),
                excludes.as_deref(),
            ),
            stored_fields: asked
                .take("stored_fields")
                .map(|fields| fields.split(',').map(str::to_owned).collect())
                .unwrap_or_default(),
        }
    }

    fn show(&self, document: Document) -> Value {
        let mut out = Object::new();
        out.insert("_index".into(), json!(document.index));
        out.insert("_type".into(), json!(DOC_TYPE));
        out.insert("_id".into(), json!(document.id));
        out.insert("_version".into(), json!(document.version));
        out.insert("_seq_no".into(), json!(document.seq_no.seq_no));
        out.insert("_primary_term".into(), json!(document.seq_no.primary_term));
        if let Some(routing) = document.routing {
            out.insert("_routing".into(), json!(routing));
        }
        out.insert("found".into(), json!(true));
        let filter = match (&self.source, self.stored_fields.is_empty()) {
            (Some(filter), _) => filter.clone(),
            (None, stored) => {
                SourceFilter::whole(stored || self.stored_fields.iter().any(|field| field == "_source"))
            }
        };
        if let Some(source) = document.source.filter(|_| filter.wanted) {
            out.insert("_source".into(), Value::Object(filter.apply(source)));
        }
        Value::Object(out)
    }
}

async fn read(asked: &mut Asked) -> Result<Option<Document>, ElasticError> {
    let index = asked.index()?;
    let realtime = asked.flag("realtime", true)?;
    let refresh = asked.flag("refresh", false)?;
    let routing = asked.take("routing");
    let version = asked.number("version")?;
    asked.take("version_type");
    asked.done()?;
    let logs = &asked.app.parts().logs;
    if refresh {
        logs.refresh(&asked.scope, std::slice::from_ref(&index)).await?;
    }
    let request = GetRequest { index: &index, id: asked.part("id"), routing: routing.as_deref(), realtime };
    let found = logs.get_as(&asked.scope, request).await?;
    match (&found, version) {
        (Some(document), Some(version)) => {
            if document.version != version {
                let reason = format!(
                    "[{}]: version conflict, current version [{}] is different than the one provided [{version}]",
                    document.id, document.version
                );
                return Err(ElasticError::new(
                    StatusCode::CONFLICT,
                    "version_conflict_engine_exception",
                    reason,
                ));
            }
            Ok(found)
        }
        _ => Ok(found),
    }
}

async fn get_document(mut asked: Asked) -> Result<Response, ElasticError> {
    let view = View::take(&mut asked);
    let found = read(&mut asked).await?;
    Ok(match found {
        Some(document) => Json(view.show(document)).into_response(),
        None => {
            let index = index_itself(&asked, &asked.index()?).await?;
            let body = json!({"_index": index, "_type": DOC_TYPE, "_id": asked.part("id"), "found": false});
            (StatusCode::NOT_FOUND, Json(body)).into_response()
        }
    })
}

async fn get_source(mut asked: Asked) -> Result<Json<Value>, ElasticError> {
    let view = View::take(&mut asked);
    let Some(document) = read(&mut asked).await? else {
        let index = index_itself(&asked, &asked.index()?).await?;
        let reason = format!("Document not found [{index}]/[{DOC_TYPE}]/[{}]", asked.part("id"));
        return Err(ElasticError::new(StatusCode::NOT_FOUND, "resource_not_found_exception", reason));
    };
    let filter = view.source.unwrap_or_else(|| SourceFilter::whole(true));
    if !filter.wanted {
        return Err(write::invalid("fetching source can not be disabled"));
    }
    let source = document.source.ok_or_else(|| {
        let reason = format!("Source not found [{}]/[{DOC_TYPE}]/[{}]", document.index, document.id);
        ElasticError::new(StatusCode::NOT_FOUND, "resource_not_found_exception", reason)
    })?;
    Ok(Json(Value::Object(filter.apply(source))))
}

async fn mget(mut asked: Asked) -> Result<Json<Value>, ElasticError> {
    let view = View::take(&mut asked);
    let realtime = asked.flag("realtime", true)?;
    let refresh = asked.flag("refresh", false)?;
    let routing = asked.take("routing");
    asked.done()?;
    let default_index = Some(asked.part("index").to_owned()).filter(|index| !index.is_empty());
    let wanted = wanted(&asked.required()?, default_index.as_deref(), &view, routing.as_deref())?;
    let mut answers = Vec::with_capacity(wanted.len());
    let mut refreshed: Vec<String> = Vec::new();
    // Of the names behind which a document was missing: the index itself and its type.
    let mut behind: HashMap<String, (String, Value)> = HashMap::new();
    for wanted in wanted {
        let logs = &asked.app.parts().logs;
        if refresh && !refreshed.contains(&wanted.index) {
            // An index that is not there is an error of its documents only.
            let _ = logs.refresh(&asked.scope, std::slice::from_ref(&wanted.index)).await;
            refreshed.push(wanted.index.clone());
        }
        let request =
            GetRequest { index: &wanted.index, id: &wanted.id, routing: wanted.routing.as_deref(), realtime };
        answers.push(match logs.get_as(&asked.scope, request).await {
            Ok(Some(document)) => wanted.view.show(document),
            Ok(None) => {
                if !behind.contains_key(&wanted.index) {
                    let index = index_itself(&asked, &wanted.index).await?;
                    let kind = kind_of(&asked, &index).await?;
                    behind.insert(wanted.index.clone(), (index, kind));
                }
                let (index, kind) = behind.get(&wanted.index).cloned().unwrap_or_default();
                json!({"_index": index, "_type": kind, "_id": wanted.id, "found": false})
            }
            Err(error) => {
                let error = ElasticError::from(error).error();
                json!({"_index": wanted.index, "_type": null, "_id": wanted.id, "error": error})
            }
        });
    }
    Ok(Json(json!({"docs": answers})))
}

/// The type of documents of an index; null before it has a mapping.
async fn kind_of(asked: &Asked, index: &str) -> Result<Value, ElasticError> {
    let detail = Detail { mappings: true, statistics: false };
    let names = [index.to_owned()];
    let found =
        asked.app.parts().admin.describe(&asked.scope, &names, IndicesOptions::LENIENT, detail).await?;
    let has_mapping =
        found.iter().any(|index| index.mappings.as_ref().is_some_and(|mappings| !mappings.is_empty()));
    Ok(if has_mapping { json!(DOC_TYPE) } else { Value::Null })
}

struct Wanted {
    index: String,
    id: String,
    routing: Option<String>,
    view: View,
}

fn wanted(
    body: &Value,
    default_index: Option<&str>,
    view: &View,
    routing: Option<&str>,
) -> Result<Vec<Wanted>, ElasticError> {
    let docs = body.get("docs").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let ids = body.get("ids").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    if docs.is_empty() && ids.is_empty() {
        return Err(write::invalid("no documents to get"));
    }
    if docs.len() + ids.len() > DOCUMENTS_MAX {
        return Err(ElasticError::illegal(format!("more than {DOCUMENTS_MAX} documents in one request")));
    }
    let mut problems = Vec::new();
    let mut out = Vec::with_capacity(docs.len() + ids.len());
    for doc in docs.iter().chain(ids) {
        let by_id = json!({"_id": doc});
        let doc = if doc.is_object() { doc } else { &by_id };
        let text = |name: &str| doc.get(name).and_then(scalar_text);
        let Some(index) = text("_index").or_else(|| default_index.map(str::to_owned)) else {
            problems.push("index is missing");
            continue;
        };
        let Some(id) = text("_id") else {
            problems.push("id is missing");
            continue;
        };
        let stored = doc.get("stored_fields").map(|fields| match fields {
            Value::Array(fields) => fields.iter().filter_map(scalar_text).collect(),
            one => scalar_text(one).into_iter().collect(),
        });
        out.push(Wanted {
            index: names::resolve(&index)?,
            id,
            routing: text("routing").or_else(|| text("_routing")).or_else(|| routing.map(str::to_owned)),
            view: View {
                source: doc.get("_source").map(SourceFilter::from_json).or_else(|| view.source.clone()),
                stored_fields: stored.unwrap_or_else(|| view.stored_fields.clone()),
            },
        });
    }
    if problems.is_empty() {
        return Ok(out);
    }
    let list: Vec<String> =
        problems.iter().enumerate().map(|(at, problem)| format!("{}: {problem};", at + 1)).collect();
    let reason = format!("Validation Failed: {}", list.join(""));
    Err(ElasticError::new(StatusCode::BAD_REQUEST, "action_request_validation_exception", reason))
}
