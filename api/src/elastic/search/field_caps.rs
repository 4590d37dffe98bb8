//! `_field_caps`: which fields there are, of which types, and what they are good for.

use super::super::{error::ElasticError, parameters};
use super::call::Call;
use axum::Json;
use event::Object;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use store::{
    logs::{FieldInfo, IndicesOptions},
    scope::wildcard_match,
};

/// The fields that every document has: name, and whether it can be searched and aggregated by.
const METADATA: [(&str, bool, bool); 10] = [
    ("_index", true, true),
    ("_feature", false, false),
    ("_ignored", true, false),
    ("_version", false, false),
    ("_routing", true, false),
    ("_type", true, true),
    ("_field_names", true, false),
    ("_source", false, false),
    ("_id", true, true),
    ("_seq_no", true, true),
];

pub(super) async fn field_caps(mut call: Call) -> Result<Json<Value>, ElasticError> {
    let wanted = call.take("fields");
    call.take("include_unmapped");
    let body = call.body()?;
    let mut patterns: Vec<String> =
        wanted.iter().flat_map(|list| list.split(',')).map(|pattern| pattern.trim().to_owned()).collect();
    if let Some(listed) = body.get("fields").and_then(Value::as_array) {
        patterns.extend(listed.iter().filter_map(|pattern| pattern.as_str().map(str::to_owned)));
    }
    if patterns.is_empty() {
        let message = "Validation Failed: 1: no fields specified;";
        return Err(ElasticError::illegal(message).named("action_request_validation_exception"));
    }
    let given = std::mem::take(&mut call.parameters);
    let options = parameters::apply(&call.path, given, &mut Object::new())?.options;
    let indices = names(&call, options).await?;
    let fields = types(&call, &indices).await?;
    let is_wanted = |name: &str| patterns.iter().any(|pattern| wildcard_match(pattern, name));
    let mut answer = Object::new();
    if !indices.is_empty() {
        for (name, searchable, aggregatable) in METADATA.iter().filter(|(name, ..)| is_wanted(name)) {
            let caps = json!({"type": name, "searchable": searchable, "aggregatable": aggregatable});
            answer.insert((*name).to_owned(), json!({ *name: caps }));
        }
    }
    for (name, types) in fields.iter().filter(|(name, _)| is_wanted(name)) {
        answer.insert(name.clone(), Value::Object(caps(types)));
    }
    Ok(Json(json!({"indices": indices, "fields": answer})))
}

/// The indices that are meant; those that are not there are an error, or left out.
async fn names(call: &Call, options: IndicesOptions) -> Result<Vec<String>, ElasticError> {
    let mut found = BTreeSet::new();
    for pattern in &call.indices {
        match call.logs().indices(&call.scope, std::slice::from_ref(pattern)).await {
            Ok(indices) => found.extend(indices.into_iter().map(|index| index.name)),
            Err(error) if error.kind == store::ErrorKind::NotFound && options.ignore_unavailable => {}
            Err(error) => return Err(error.into()),
        }
    }
    if found.is_empty() && !options.allow_no_indices {
        let message = format!("no such index [{}]", call.indices.join(","));
        let error = store::StoreError::new(store::ErrorKind::NotFound, message);
        return Err(error.with_code("index_not_found_exception").into());
    }
    Ok(found.into_iter().collect())
}

/// What is known of one field under one type.
struct Caps {
    searchable: bool,
    aggregatable: bool,
    indices: Vec<String>,
}

type Types = BTreeMap<String, Caps>;

/// All fields and the objects above them, by type.
async fn types(call: &Call, indices: &[String]) -> Result<BTreeMap<String, Types>, ElasticError> {
    let mut found: BTreeMap<String, Types> = BTreeMap::new();
    if indices.is_empty() {
        return Ok(found);
    }
    let all = call.logs().fields(&call.scope, indices).await?;
    let differ = all.iter().any(|field| field.types.len() > 1);
    if !differ {
        all.iter().for_each(|field| add(&mut found, field, None));
        return Ok(found);
    }
    // Where types differ, each says in which indices it is.
    for index in indices {
        for field in call.logs().fields(&call.scope, std::slice::from_ref(index)).await? {
            add(&mut found, &field, Some(index));
        }
    }
    Ok(found)
}

fn add(found: &mut BTreeMap<String, Types>, field: &FieldInfo, index: Option<&String>) {
    let mut put = |name: &str, kind: &str, searchable: bool, aggregatable: bool| {
        let types = found.entry(name.to_owned()).or_default();
        let caps =
            types.entry(kind.to_owned()).or_insert(Caps { searchable, aggregatable, indices: Vec::new() });
        caps.searchable &= searchable;
        caps.aggregatable &= aggregatable;
        caps.indices.extend(index.filter(|index| caps.indices.last() != Some(index)).cloned());
    };
    for (at, _) in field.name.match_indices('.') {
        put(&field.name[..at], "object", false, false);
    }
    for kind in &field.types {
        put(&field.name, kind, field.searchable, field.aggregatable);
    }
}

fn caps(types: &Types) -> Object {
    // The parent of a multi-field is no object, though a name goes on below it.
    let real = types.keys().filter(|kind| *kind != "object").count();
    let shown = types.iter().filter(|(kind, _)| real == 0 || *kind != "object");
    let mut out = Object::new();
    for (kind, caps) in shown {
        let mut one = Object::new();
        one.insert("type".into(), json!(kind));
        one.insert("searchable".into(), json!(caps.searchable));
        one.insert("aggregatable".into(), json!(caps.aggregatable));
        if real > 1 {
            one.insert("indices".into(), json!(caps.indices));
        }
        out.insert(kind.clone(), Value::Object(one));
    }
    out
}
