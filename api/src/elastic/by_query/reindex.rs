//! `_reindex`: documents copied to another index.

use super::{
    super::{error::ElasticError, names, request::Asked, write},
    Work, batch_of,
    change::{Change, Copy},
    check_most, compile,
    pace::Pace,
    proceeds, start,
};
use axum::{Json, http::StatusCode};
use event::{Object, Operation, VersionType};
use serde_json::{Value, json};
use store::logs::IndicesOptions;
use tokio::sync::watch;

pub(super) async fn reindex(mut asked: Asked) -> Result<(StatusCode, Json<Value>), ElasticError> {
    if asked.scope.masks_anything() {
        let reason = "a reindex writes whole documents, of which the caller may not see all";
        return Err(ElasticError::new(StatusCode::FORBIDDEN, "security_exception", reason));
    }
    let wait = asked.flag("wait_for_completion", true)?;
    let refresh = asked.take("refresh").is_some_and(|refresh| refresh != "false");
    let most = asked.number("max_docs")?;
    let pace = watch::Sender::new(Pace::take(&mut asked)?);
    asked.take("scroll");
    asked.done()?;
    let Value::Object(mut body) = asked.required()? else { return Err(ElasticError::illegal("no object")) };
    let script = body.shift_remove("script").map(|script| compile(&asked, script)).transpose()?;
    let mut source = member(&mut body, "source")?;
    if let Some(remote) = source.shift_remove("remote") {
        return Err(refuse_remote(&remote));
    }
    let copy = Copy { script, ..copy_of(member(&mut body, "dest")?)? };
    let most =
        body.shift_remove("max_docs").or_else(|| body.shift_remove("size")).map_or(most, |n| n.as_u64());
    let conflicts = body.shift_remove("conflicts");
    refuse_rest(&body, "reindex")?;
    let indices = indices_of(source.shift_remove("index"))?;
    if indices.contains(&copy.index) && copy.script.is_none() {
        let reason = format!("reindex cannot write into an index its reading from [{}]", copy.index);
        return Err(write::invalid(reason));
    }
    let query = source.shift_remove("query").unwrap_or_else(|| json!({"match_all": {}}));
    let (filter, slice) = (source.shift_remove("_source"), source.shift_remove("slice"));
    let batch = batch_of(source.shift_remove("size").map(|size| size.as_u64().unwrap_or(0)))?;
    source.shift_remove("type");
    let sort = source.shift_remove("sort").filter(|sort| !sort.is_null());
    refuse_rest(&source, "source")?;
    let description = format!("reindex from [{}] to [{}]", indices.join(", "), copy.index);
    let work = Work {
        app: asked.app.clone(),
        scope: asked.scope.clone(),
        indices,
        options: IndicesOptions::default(),
        query,
        source: filter,
        slice,
        change: Change::Copy(copy),
        batch,
        most: check_most(most)?,
        proceed: proceeds(conflicts.as_ref().and_then(Value::as_str))?,
        refresh,
        pace: pace.subscribe(),
        sort,
    };
    start(work, wait, ("indices:data/write/reindex", description), pace).await
}

/// Documents of other servers are not fetched: no host is on the list of those that may be asked.
fn refuse_remote(remote: &Value) -> ElasticError {
    let host = remote.get("host").and_then(Value::as_str).unwrap_or_default();
    let address = host.strip_prefix("http://").or_else(|| host.strip_prefix("https://"));
    let address = address.map(|rest| rest.split('/').next().unwrap_or_default());
    match address
        .filter(|address| address.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok()))
    {
        Some(address) => {
            ElasticError::illegal(format!("[{address}] not whitelisted in reindex.remote.whitelist"))
        }
        None => ElasticError::illegal(format!(
            "[host] must be of the form [scheme]://[host]:[port](/[pathPrefix])? but was [{host}]"
        )),
    }
}

fn member(body: &mut Object, name: &str) -> Result<Object, ElasticError> {
    match body.shift_remove(name) {
        Some(Value::Object(member)) => Ok(member),
        Some(_) => Err(bad(format!("[reindex] [{name}] must be an object"))),
        None => Err(bad(format!("[reindex] [{name}] is missing"))),
    }
}

fn bad(reason: String) -> ElasticError {
    ElasticError::new(StatusCode::BAD_REQUEST, "x_content_parse_exception", reason)
}

fn refuse_rest(rest: &Object, what: &str) -> Result<(), ElasticError> {
    match rest.keys().next() {
        Some(unknown) => Err(bad(format!("[{what}] unknown field [{unknown}]"))),
        None => Ok(()),
    }
}

fn indices_of(index: Option<Value>) -> Result<Vec<String>, ElasticError> {
    match index {
        Some(Value::String(names)) => names::patterns(&names),
        Some(Value::Array(many)) if !many.is_empty() => {
            many.iter().filter_map(Value::as_str).map(names::resolve).collect()
        }
        _ => Err(write::invalid("use _all if you really want to copy from all existing indexes")),
    }
}

fn copy_of(mut dest: Object) -> Result<Copy, ElasticError> {
    let mut text = |name: &str| match dest.shift_remove(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(bad(format!("[dest] [{name}] must be a string"))),
    };
    let index = text("index")?.map(|index| names::resolve(&index)).transpose()?;
    let index = index.ok_or_else(|| write::invalid("index is missing"))?;
    let operation = match text("op_type")?.as_deref() {
        None | Some("index") => Operation::Index,
        Some("create") => Operation::Create,
        Some(other) => {
            return Err(ElasticError::illegal(format!(
                "opType must be 'create' or 'index', found: [{other}]"
            )));
        }
    };
    let external = match text("version_type")?.as_deref() {
        None | Some("internal") => None,
        Some("external" | "external_gt") => Some(VersionType::External),
        Some("external_gte") => Some(VersionType::ExternalGte),
        Some(other) => return Err(ElasticError::illegal(format!("No version type match [{other}]"))),
    };
    let (routing, pipeline) = (text("routing")?, text("pipeline")?);
    if let Some(rule) = &routing
        && rule != "keep"
        && rule != "discard"
        && !rule.starts_with('=')
    {
        return Err(ElasticError::illegal(format!("Unsupported routing command [{rule}]")));
    }
    text("type")?;
    refuse_rest(&dest, "dest")?;
    Ok(Copy { index, operation, external, routing, pipeline, script: None })
}
