//! The log store: what holds for every backend (`suite`), and what only the embedded engine promises.

mod embedded;
mod full_disk;
mod suite;

use event::{Event, Operation, Origin};
use serde_json::Value;
use std::sync::Arc;
use store::{
    logs::{LogStore, Refresh, WriteResult},
    scope::Scope,
};

/// May do everything.
pub(crate) fn internal() -> Scope {
    Scope::internal("test")
}

/// An event for an index.
pub(crate) fn event(index: &str, id: Option<&str>, operation: Operation, fields: Value) -> Event {
    let Value::Object(fields) = fields else { panic!("an event is an object") };
    let mut event = Event::new(fields, Origin::Request);
    event.metadata.index = Some(Arc::from(index));
    event.metadata.id = id.map(str::to_owned);
    event.metadata.operation = operation;
    event
}

/// Writes one event and answers what became of it.
pub(crate) async fn write_one(logs: &dyn LogStore, event: Event) -> WriteResult {
    let mut results = logs.write(&internal(), vec![event], Refresh::Background).await.unwrap();
    assert_eq!(results.len(), 1);
    results.remove(0)
}
