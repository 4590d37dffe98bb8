//! `_bulk`: many writes in one request, one line for each action and one for its document.
//!
//! Source: Elasticsearch reference, "Bulk API".

use super::{
    error::ElasticError,
    filter::SourceFilter,
    names,
    request::{self, Asked},
    routes::{ElasticRight, Route},
    update,
    write::{self, Documents, Outcome, Write, expected_of, scalar_text, version_of},
};
use crate::state::App;
use axum::{
    body::Bytes,
    http::{StatusCode, header::CONTENT_TYPE},
    response::{IntoResponse, Response},
    routing::{MethodRouter, post},
};
use event::{Object, Operation};
use ingest::pipeline::StoredScripts;
use serde_json::{Value, json};
use std::{sync::Arc, time::Instant};
use store::logs::{Refresh, WriteResult};

/// About what the answer to one write takes.
const ANSWER_BYTES: usize = 200;
/// Most actions of one request.
const ACTIONS_MAX: usize = 200_000;

pub(super) fn routes() -> Vec<Route> {
    let bulk: fn() -> MethodRouter<App> = || post(bulk).put(bulk);
    vec![
        Route::new(ElasticRight::Write, "/_bulk", bulk()),
        Route::new(ElasticRight::Write, "/{index}/_bulk", bulk()),
        Route::new(ElasticRight::Write, "/{index}/_doc/_bulk", bulk()),
    ]
}

/// One action as it was read.
struct Item {
    verb: &'static str,
    write: Write,
    /// What of the document an update shows.
    source: Option<SourceFilter>,
    /// It was refused already.
    refused: Option<ElasticError>,
}

impl Item {
    /// Gives the write away, and keeps of it what the answer says.
    fn give(&mut self) -> Write {
        let write = std::mem::take(&mut self.write);
        self.write.index = write.index.clone();
        self.write.id.clone_from(&write.id);
        self.write.options.routing.clone_from(&write.options.routing);
        write
    }

    /// The same action once more; `None`: it names a document, or is no good.
    fn again(&self) -> Option<Self> {
        let is_plain = self.refused.is_none() && self.write.id.is_none();
        let again = || Self {
            verb: self.verb,
            write: self.write.clone(),
            source: self.source.clone(),
            refused: None,
        };
        is_plain.then(again)
    }
}

/// What the URL says for all actions.
struct Defaults {
    index: Option<String>,
    routing: Option<String>,
    pipeline: Option<String>,
    require_alias: bool,
    source: Option<SourceFilter>,
    /// The scripts that updates name by id.
    scripts: Arc<StoredScripts>,
}

impl Defaults {
    fn take(asked: &mut Asked) -> Result<Self, ElasticError> {
        let source = asked.take("_source");
        let (includes, excludes) = (asked.take("_source_includes"), asked.take("_source_excludes"));
        Ok(Self {
            index: Some(asked.part("index").to_owned()).filter(|index| !index.is_empty()),
            routing: asked.take("routing"),
            pipeline: asked.take("pipeline"),
            require_alias: asked.flag("require_alias", false)?,
            source: SourceFilter::from_parameters(
                source.as_deref(),
                includes.as_deref(),
                excludes.as_deref(),
            ),
            scripts: asked.app.parts().pipelines.scripts().clone(),
        })
    }
}

async fn bulk(mut asked: Asked) -> Result<Response, ElasticError> {
    let started = Instant::now();
    let refresh = asked.refresh()?;
    let defaults = Defaults::take(&mut asked)?;
    asked.take("type");
    asked.done()?;
    let mut items = parse(&asked.body, &defaults)?;
    let writes: Vec<Write> = items.iter_mut().filter(|item| item.refused.is_none()).map(Item::give).collect();
    let ran = write::run(&asked.app, &asked.scope, writes, refresh, Documents::Sent).await?;
    let mut outcomes = ran.outcomes.into_iter();
    let mut errors = false;
    let mut answers = Vec::with_capacity(items.len() * ANSWER_BYTES);
    for item in items {
        if !answers.is_empty() {
            answers.push(b',');
        }
        let outcome = match &item.refused {
            Some(_) => None,
            None => outcomes.next(),
        };
        if !put_written(&mut answers, &item, outcome.as_ref(), refresh) {
            let (verb, answer) = (item.verb, answer_to(&asked, item, outcome, refresh).await?);
            errors |= answer.contains_key("error");
            answers.extend_from_slice(json!({verb: answer}).to_string().as_bytes());
        }
    }
    let took = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
    let ingest = ran.ingest.map(|time| format!("\"ingest_took\":{},", time.as_millis())).unwrap_or_default();
    let head = format!("{{\"took\":{took},{ingest}\"errors\":{errors},\"items\":[");
    let body = [head.as_bytes(), &answers, b"]}"].concat();
    Ok(([(CONTENT_TYPE, "application/json")], body).into_response())
}

/// Writes the answer to what went well and shows nothing of the document, as nearly all do; whether it did.
fn put_written(out: &mut Vec<u8>, item: &Item, outcome: Option<&Outcome>, refresh: Refresh) -> bool {
    let shows_source = item.source.as_ref().is_some_and(|filter| filter.wanted);
    let Some(Outcome::Stored(stored @ WriteResult::Written { .. })) = outcome.filter(|_| !shows_source)
    else {
        return false;
    };
    let start = out.len();
    out.extend_from_slice(format!("{{\"{}\":", item.verb).as_bytes());
    if write::put_answer(out, stored, refresh) {
        out.push(b'}');
        return true;
    }
    out.truncate(start);
    false
}

/// The answer to one action; with `error` in it if it went wrong.
async fn answer_to(
    asked: &Asked,
    item: Item,
    outcome: Option<Outcome>,
    refresh: Refresh,
) -> Result<Object, ElasticError> {
    let Item { verb, write: Write { mut index, mut id, options, .. }, source, refused } = item;
    if let Some(Outcome::Stored(WriteResult::Refused { index: itself, id: given, .. })) = &outcome {
        index = itself.clone().unwrap_or(index);
        id = id.or_else(|| given.clone());
    }
    let answer = match (refused, outcome) {
        (Some(error), _) => Err(error),
        (None, Some(outcome)) => write::answer(outcome, refresh),
        (None, None) => return Err(ElasticError::illegal("a write has no outcome")),
    };
    match answer {
        Ok((status, mut body)) => {
            if let Some(filter) = source.filter(|filter| filter.wanted) {
                update::add_source(asked, &mut body, &filter, options.routing.as_deref()).await?;
            }
            body.insert("status".into(), json!(status.as_u16()));
            Ok(body)
        }
        Err(error) => {
            // One that the client did not name would have got an id, which Elasticsearch tells.
            let id = id.or_else(|| verb.ne("update").then(store::logs::new_document_id));
            Ok(failed(&index, id.as_deref(), &error))
        }
    }
}

fn failed(index: &str, id: Option<&str>, error: &ElasticError) -> Object {
    let body = json!({"_index": index, "_type": write::DOC_TYPE, "_id": id, "status": error.status().as_u16(),
        "error": error.cause()});
    body.as_object().cloned().unwrap_or_default()
}

fn parse(body: &Bytes, defaults: &Defaults) -> Result<Vec<Item>, ElasticError> {
    if body.trim_ascii().is_empty() {
        return Err(ElasticError::new(
            StatusCode::BAD_REQUEST,
            "parse_exception",
            "request body is required",
        ));
    }
    if !body.ends_with(b"\n") {
        return Err(ElasticError::illegal("The bulk request must be terminated by a newline [\\n]"));
    }
    let mut lines = body.split(|byte| *byte == b'\n').enumerate();
    let mut items: Vec<Item> = Vec::new();
    // Most senders write the same action again and again.
    let mut last: Option<(&[u8], Item)> = None;
    while let Some((number, line)) = lines.next() {
        if line.trim_ascii().is_empty() {
            continue;
        }
        if items.len() >= ACTIONS_MAX {
            return Err(ElasticError::illegal(format!("more than {ACTIONS_MAX} actions in one request")));
        }
        let mut item = match last.take_if(|(known, _)| *known == line) {
            Some((_, known)) => known,
            None => {
                let (verb, action) = parse_action(line, number + 1)?;
                item_of(verb, &action, defaults, number + 1)?
            }
        };
        last = item.again().map(|again| (line, again));
        if item.write.operation != Operation::Delete {
            let Some((_, source)) = lines.next().filter(|(_, line)| !line.trim_ascii().is_empty()) else {
                return Err(ElasticError::illegal("Validation Failed: 1: no requests added;"));
            };
            fill(&mut item, body, source, &defaults.scripts);
        }
        items.push(item);
    }
    Ok(items)
}

fn parse_action(line: &[u8], number: usize) -> Result<(&'static str, Object), ElasticError> {
    let malformed = |found: &str| {
        ElasticError::illegal(format!(
            "Malformed action/metadata line [{number}], expected START_OBJECT or END_OBJECT but found [{found}]"
        ))
    };
    let mut action = match serde_json::from_slice::<Value>(line) {
        Ok(Value::Object(action)) => action,
        Ok(_) => return Err(malformed("VALUE_STRING")),
        Err(error) => {
            let reason = format!("Malformed action/metadata line [{number}]: {error}");
            return Err(ElasticError::illegal(reason));
        }
    };
    let Some((verb, body)) = action.iter_mut().next() else {
        return Err(ElasticError::illegal(format!(
            "Malformed action/metadata line [{number}], expected FIELD_NAME but found [END_OBJECT]"
        )));
    };
    let verb = match verb.as_str() {
        "index" => "index",
        "create" => "create",
        "update" => "update",
        "delete" => "delete",
        other => {
            return Err(ElasticError::illegal(format!(
                "Malformed action/metadata line [{number}], expected field [create], [delete], [index] or [update] \
                 but found [{other}]"
            )));
        }
    };
    match body.take() {
        Value::Object(body) => Ok((verb, body)),
        Value::Null => Err(malformed("VALUE_NULL")),
        _ => Err(malformed("VALUE_STRING")),
    }
}

fn item_of(
    verb: &'static str,
    action: &Object,
    defaults: &Defaults,
    line: usize,
) -> Result<Item, ElasticError> {
    let mut write = Write {
        operation: match verb {
            "index" => Operation::Index,
            "create" => Operation::Create,
            "update" => Operation::Update,
            _ => Operation::Delete,
        },
        pipeline: defaults.pipeline.clone(),
        ..Write::default()
    };
    write.options.routing = defaults.routing.clone();
    write.options.require_alias = defaults.require_alias;
    let (mut version, mut version_type, mut seq_no, mut term) = (None, None, None, None);
    let mut source = defaults.source.clone();
    let mut index = defaults.index.clone();
    for (name, value) in action {
        let number = || value.as_u64().or_else(|| value.as_str()?.parse().ok());
        match name.as_str() {
            "_index" => index = scalar_text(value),
            "_id" => write.id = scalar_text(value),
            "routing" | "_routing" => write.options.routing = scalar_text(value),
            "version" | "_version" => version = number(),
            "version_type" | "_version_type" => version_type = scalar_text(value),
            "if_seq_no" => seq_no = number(),
            "if_primary_term" => term = number(),
            "pipeline" => write.pipeline = scalar_text(value),
            "require_alias" => write.options.require_alias = value == &json!(true) || value == "true",
            "op_type" if value == "create" => write.operation = Operation::Create,
            "_source" => source = Some(SourceFilter::from_json(value)),
            "_type" | "op_type" | "retry_on_conflict" | "_retry_on_conflict" | "dynamic_templates" => {}
            other => {
                return Err(ElasticError::illegal(format!(
                    "Action/metadata line [{line}] contains an unknown parameter [{other}]"
                )));
            }
        }
    }
    let mut refused = None;
    match index.filter(|index| !index.is_empty()).map(|index| names::resolve(&index)) {
        Some(Ok(index)) => write.index = index.into(),
        Some(Err(error)) => refused = Some(error),
        None => return Err(write::invalid("index is missing")),
    }
    match version_of(version, version_type.as_deref()) {
        Ok(version) => write.options.version = version,
        Err(error) => refused = Some(error),
    }
    match expected_of(seq_no, term) {
        Ok(expected) => write.expected = expected,
        Err(error) => refused = Some(error),
    }
    let verb = if write.operation == Operation::Create { "create" } else { verb };
    let source = source.filter(|_| verb == "update");
    Ok(Item { verb, write, source, refused })
}

/// Puts the line behind an action into it; `whole` is the body that it is a part of.
fn fill(item: &mut Item, whole: &Bytes, line: &[u8], scripts: &StoredScripts) {
    let line = line.trim_ascii();
    if item.write.operation != Operation::Update {
        item.write.raw = Some(whole.slice_ref(line));
        return;
    }
    let Ok(body) = request::read_object(line) else {
        item.refused = Some(write::unparsable());
        return;
    };
    match update::fill(&mut item.write, body, scripts) {
        Ok(Some(filter)) => item.source = Some(filter),
        Ok(None) => {}
        Err(error) => item.refused = Some(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: &str) -> Result<Vec<Item>, ElasticError> {
        let defaults = Defaults {
            index: Some("logs".to_owned()),
            routing: Some("r".to_owned()),
            pipeline: None,
            require_alias: false,
            source: None,
            scripts: Arc::default(),
        };
        parse(&Bytes::copy_from_slice(body.as_bytes()), &defaults)
    }

    #[test]
    fn actions_are_read_with_their_documents() {
        let body = "{\"index\":{\"_id\":1}}\n{\"a\":1}\n\n{\"delete\":{\"_index\":\"x\",\"_id\":\"2\",\"routing\":\"s\"}}\n\
                    {\"index\":{\"op_type\":\"create\"}}\n{}\n{\"update\":{\"_id\":\"3\"}}\n{\"script\":\"ctx.op = 'noop'\"}\n";
        let items = read(body).unwrap();
        let seen: Vec<_> = items
            .iter()
            .map(|item| {
                (
                    item.verb,
                    item.write.index.as_ref(),
                    item.write.id.as_deref(),
                    item.write.options.routing.as_deref(),
                )
            })
            .collect();
        assert_eq!(
            seen,
            [
                ("index", "logs", Some("1"), Some("r")),
                ("delete", "x", Some("2"), Some("s")),
                ("create", "logs", None, Some("r")),
                ("update", "logs", Some("3"), Some("r")),
            ]
        );
        assert!(items[3].write.options.script.is_some() && items.iter().all(|item| item.refused.is_none()));
    }

    #[test]
    fn what_cannot_be_read_is_named_with_its_line() {
        let check = |body: &str, part: &str| {
            let error = read(body).err().expect(body);
            assert!(error.reason().contains(part), "{}", error.reason());
        };
        check("", "request body is required");
        check("{\"index\":{}}\n{}", "must be terminated by a newline");
        check(
            "{\"index\":{}}\n{}\n{\"index\":{\"x\":1}}\n{}\n",
            "line [3] contains an unknown parameter [x]",
        );
        check("{\"index\":{}}\n{}\n{\"merge\":{}}\n{}\n", "line [3], expected field [create]");
        check("{}\n{}\n", "line [1], expected FIELD_NAME");
        check("{\"index\":[]}\n{}\n", "line [1], expected START_OBJECT");
        check("{\"index\":{}}\n", "no requests added");
        // A document that cannot be read is refused alone.
        let items = read("{\"update\":{\"_id\":\"1\"}}\nnonsense\n{\"index\":{}}\n{}\n").unwrap();
        assert!(items[0].refused.is_some() && items[1].refused.is_none());
    }
}
