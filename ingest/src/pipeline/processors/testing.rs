//! One processor over one document, for the tables of the processors' tests.

use crate::{
    enrich::Enrichment,
    pipeline::{Flow, Pipelines},
};
use event::{Event, Origin};
use serde_json::{Value, json};
use std::sync::{Arc, LazyLock};

static PIPELINES: LazyLock<Pipelines> = LazyLock::new(|| {
    Pipelines::new(Arc::new(Enrichment::embedded())).expect("the built-in pipelines compile")
});

/// The document after the processors, or the reason of the failure; a dropped one is null.
pub(crate) fn run_all(processors: Value, document: Value) -> Result<Value, String> {
    let pipeline = PIPELINES.check("test", json!({"processors": processors})).map_err(|e| e.to_string())?;
    let Value::Object(fields) = document else { panic!("a document is an object") };
    let mut event = Event::new(fields, Origin::Request);
    match pipeline.run(&mut event) {
        Ok(Flow::Continue | Flow::Reroute | Flow::Terminate) => Ok(Value::Object(event.fields)),
        Ok(Flow::Drop) => Ok(Value::Null),
        Err(error) => Err(error.reason),
    }
}

/// As [`run_all`], with one processor.
pub(crate) fn run(kind: &str, options: Value, document: Value) -> Result<Value, String> {
    run_all(json!([{kind: options}]), document)
}

/// Asserts what one processor makes of a document.
pub(crate) fn check(kind: &str, options: Value, document: Value, expected: Value) {
    assert_eq!(run(kind, options.clone(), document), Ok(expected), "{kind}: {options}");
}

/// Asserts the start of the reason why one processor fails (or does not compile).
pub(crate) fn check_fails(kind: &str, options: Value, document: Value, expected: &str) {
    let reason = run(kind, options.clone(), document).expect_err("it fails");
    assert!(reason.starts_with(expected), "{kind}: {options}: {reason}");
}
