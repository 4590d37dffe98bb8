//! What work by query does to one document.

use super::super::{error::ElasticError, names, write::Write};
use event::{Object, Operation, VersionType, WriteOptions};
use expression::{DocumentContext, DocumentScript};
use serde_json::Value;
use store::logs::Hit;

/// What is done to each document.
pub(super) enum Change {
    Delete,
    /// Writes it again, as it is or as a script makes it, through a pipeline perhaps.
    Touch {
        pipeline: Option<String>,
        script: Option<Box<DocumentScript>>,
    },
    /// Writes it to another index.
    Copy(Copy),
}

/// Where documents are copied to, and how.
pub(super) struct Copy {
    pub(super) index: String,
    pub(super) operation: Operation,
    pub(super) external: Option<VersionType>,
    /// `keep`, `discard` or `=text`.
    pub(super) routing: Option<String>,
    pub(super) pipeline: Option<String>,
    pub(super) script: Option<Box<DocumentScript>>,
}

impl Change {
    /// The write that changes a document; `None`: a script says that nothing is to be done.
    pub(super) fn of(&self, hit: Hit) -> Result<Option<Write>, ElasticError> {
        match self {
            Self::Delete => Ok(Some(Write {
                operation: Operation::Delete,
                expected: hit.seq_no,
                options: routed(hit.routing),
                pipeline: Some("_none".to_owned()),
                raw: None,
                index: hit.index.into(),
                id: Some(hit.id),
                source: Object::new(),
            })),
            Self::Touch { pipeline, script } => touch(hit, pipeline.as_deref(), script.as_deref()),
            Self::Copy(copy) => copy.of(hit),
        }
    }
}

fn routed(routing: Option<String>) -> WriteOptions {
    WriteOptions { routing, ..WriteOptions::default() }
}

fn source_of(hit: &mut Hit) -> Result<Object, ElasticError> {
    let id = &hit.id;
    hit.source
        .take()
        .ok_or_else(|| ElasticError::illegal(format!("[{}][_doc][{id}] didn't store _source", hit.index)))
}

fn touch(
    mut hit: Hit,
    pipeline: Option<&str>,
    script: Option<&DocumentScript>,
) -> Result<Option<Write>, ElasticError> {
    let mut source = source_of(&mut hit)?;
    let mut operation = Operation::Index;
    if let Some(script) = script {
        let mut ctx = run(script, &hit, &hit.index, hit.routing.as_deref(), source)?;
        let Some(decided) = operation_of(&mut ctx, operation)? else { return Ok(None) };
        operation = decided;
        source = taken_source(&mut ctx)?;
        for (name, was) in [
            ("_index", Some(hit.index.as_str())),
            ("_type", Some("_doc")),
            ("_id", Some(hit.id.as_str())),
            ("_routing", hit.routing.as_deref()),
        ] {
            if ctx.shift_remove(name).as_ref().and_then(Value::as_str) != was {
                return Err(ElasticError::illegal(format!("Modifications of [{name}] not allowed")));
            }
        }
        if ctx.shift_remove("_version").as_ref().and_then(Value::as_u64) != hit.version {
            return Err(ElasticError::illegal("Modifications of [_version] not allowed"));
        }
        check_rest(&ctx)?;
    }
    Ok(Some(Write {
        index: hit.index.into(),
        id: Some(hit.id),
        operation,
        source,
        expected: hit.seq_no,
        options: routed(hit.routing),
        pipeline: Some(pipeline.unwrap_or("_none").to_owned()),
        raw: None,
    }))
}

impl Copy {
    fn of(&self, mut hit: Hit) -> Result<Option<Write>, ElasticError> {
        let source = source_of(&mut hit)?;
        let routing = match self.routing.as_deref() {
            None | Some("keep") => hit.routing.clone(),
            Some("discard") => None,
            Some(text) => text.strip_prefix('=').map(str::to_owned),
        };
        let version = self.external.and_then(|kind| Some((hit.version?, kind)));
        let mut write = Write {
            index: self.index.as_str().into(),
            id: Some(hit.id.clone()),
            operation: self.operation,
            source,
            expected: None,
            options: WriteOptions { routing, version, ..WriteOptions::default() },
            pipeline: self.pipeline.clone(),
            raw: None,
        };
        match &self.script {
            Some(script) => self.scripted(script, &hit, write),
            None => {
                write.options.version = version;
                Ok(Some(write))
            }
        }
    }

    /// A script may also send it elsewhere, under another id, routing or version.
    fn scripted(
        &self,
        script: &DocumentScript,
        hit: &Hit,
        mut write: Write,
    ) -> Result<Option<Write>, ElasticError> {
        let source = std::mem::take(&mut write.source);
        let mut ctx = run(script, hit, &write.index, write.options.routing.as_deref(), source)?;
        let Some(operation) = operation_of(&mut ctx, self.operation)? else { return Ok(None) };
        write.operation = operation;
        write.source = taken_source(&mut ctx)?;
        let mut text = |name: &str| match ctx.shift_remove(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(Value::Number(number)) => Ok(Some(number.to_string())),
            Some(_) => Err(ElasticError::illegal(format!("[{name}] of ctx must be a string"))),
        };
        let index = text("_index")?;
        let index =
            index.ok_or_else(|| ElasticError::illegal("Can't reindex without a destination index!"))?;
        write.index = names::resolve(&index)?.into();
        text("_type")?;
        write.id = text("_id")?;
        write.options.routing = text("_routing")?;
        let version = ctx.shift_remove("_version");
        if let Some((_, kind)) = write.options.version {
            let version = version.as_ref().and_then(Value::as_u64);
            write.options.version = version.map(|version| (version, kind));
        }
        if write.operation == Operation::Delete && write.id.is_none() {
            return Err(ElasticError::illegal("an id must be provided if a document is to be deleted"));
        }
        check_rest(&ctx)?;
        Ok(Some(write))
    }
}

fn run(
    script: &DocumentScript,
    hit: &Hit,
    index: &str,
    routing: Option<&str>,
    source: Object,
) -> Result<Object, ElasticError> {
    let document =
        DocumentContext { index, id: &hit.id, routing, version: hit.version, now_ms: None, op: "index" };
    script.run(&document, source).map_err(|error| ElasticError::script(script.exception(&error)))
}

/// What `ctx.op` says; `None`: nothing is to be done.
fn operation_of(ctx: &mut Object, index: Operation) -> Result<Option<Operation>, ElasticError> {
    match ctx.shift_remove("op") {
        Some(Value::String(op)) => match op.as_str() {
            "index" => Ok(Some(index)),
            "delete" => Ok(Some(Operation::Delete)),
            "noop" => Ok(None),
            other => Err(ElasticError::illegal(format!(
                "Operation type [{other}] not allowed, only [noop, index, delete] are allowed"
            ))),
        },
        _ => Err(ElasticError::illegal("Script cleared operation type")),
    }
}

fn taken_source(ctx: &mut Object) -> Result<Object, ElasticError> {
    match ctx.shift_remove("_source") {
        Some(Value::Object(source)) => Ok(source),
        _ => Err(ElasticError::illegal("[_source] of ctx must be an object")),
    }
}

/// Refuses what the script has put beside the document.
fn check_rest(ctx: &Object) -> Result<(), ElasticError> {
    if ctx.is_empty() {
        return Ok(());
    }
    let names: Vec<&str> = ctx.keys().map(String::as_str).collect();
    Err(ElasticError::illegal(format!("Invalid fields added to context [{}]", names.join(","))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn hit() -> Hit {
        Hit {
            index: "from".into(),
            id: "1".into(),
            routing: Some("r".into()),
            source: json!({"n": 1}).as_object().cloned(),
            version: Some(4),
            ..Hit::default()
        }
    }

    fn script(source: &str) -> Option<Box<DocumentScript>> {
        Some(Box::new(DocumentScript::compile(source, Object::new()).unwrap()))
    }

    #[test]
    fn scripts_of_updates_change_only_the_source() {
        let run = |source: &str| Change::Touch { pipeline: None, script: script(source) }.of(hit());
        let write = run("ctx._source.n++").unwrap().unwrap();
        assert_eq!((write.operation, Value::Object(write.source)), (Operation::Index, json!({"n": 2})));
        assert_eq!(write.options.routing.as_deref(), Some("r"));
        assert!(run("ctx.op = 'noop'").unwrap().is_none());
        assert_eq!(run("ctx.op = 'delete'").unwrap().unwrap().operation, Operation::Delete);
        for (source, part) in [
            ("ctx._id = '2'", "Modifications of [_id]"),
            ("ctx._version = 5", "Modifications of [_version]"),
            ("ctx.remove('_routing')", "Modifications of [_routing]"),
            ("ctx.op = 'none'", "Operation type [none] not allowed"),
            ("ctx.x = 1", "Invalid fields added to context [x]"),
            ("ctx._source = 1", "must be an object"),
            ("ctx._source.x.y = 1", "runtime error"),
        ] {
            let error = run(source).unwrap_err();
            assert!(error.reason().contains(part), "{source}: {}", error.reason());
        }
    }

    #[test]
    fn scripts_of_copies_decide_where_to() {
        let run = |source: &str| {
            let copy = Copy {
                index: "to".into(),
                operation: Operation::Create,
                external: Some(VersionType::External),
                routing: None,
                pipeline: None,
                script: script(source),
            };
            Change::Copy(copy).of(hit()).unwrap().unwrap()
        };
        let write = run("ctx._index = 'to-' + ctx._id; ctx._id = 'x'; ctx._routing = null; ctx._version = 9");
        assert_eq!((write.index.as_ref(), write.id.as_deref()), ("to-1", Some("x")));
        assert_eq!((write.options.routing, write.options.version), (None, Some((9, VersionType::External))));
        assert_eq!(write.operation, Operation::Create);
        assert_eq!(run("ctx._id = null").id, None);
        assert_eq!(run("ctx.op = 'delete'").operation, Operation::Delete);
    }
}
