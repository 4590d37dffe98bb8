//! Pipelines that users define: kept in the document store, compiled in memory.

use crate::{ApiError, state::App};
use event::Object;
use ingest::pipeline::{DefinitionError, SimulateTarget};
use serde_json::Value;
use std::{
    sync::Arc,
    time::{Duration, Instant},
};
use store::documents::{Collection, DocumentStore, Expect, Find, NewDocument};

/// Definitions by name.
pub(crate) const PIPELINES: Collection = Collection { name: "pipelines", indices: &[] };
/// The member that holds the definition.
const DEFINITION: &str = "definition";
const STORED_MAX: usize = 10_000;
/// A simulation that takes longer is given up, with the document at hand.
const SIMULATION_MAX: Duration = Duration::from_secs(10);

/// A pipeline to be tried on documents.
pub(crate) struct Simulation {
    /// Its name, unless there is a definition.
    pub(crate) name: String,
    pub(crate) definition: Option<Value>,
    pub(crate) documents: Vec<Value>,
    pub(crate) verbose: bool,
}

/// Tries a pipeline, in Elasticsearch's shapes. The inner error is one of the definition or the documents.
///
/// # Errors
/// Too many are tried at once.
pub(crate) async fn simulate(
    app: &App,
    simulation: Simulation,
) -> Result<Result<Value, DefinitionError>, ApiError> {
    let permit = app.simulate_permit()?;
    let pipelines = Arc::clone(&app.parts().pipelines);
    let simulating = move || {
        // Given back when the work ends, also if the client has gone before.
        let _permit = permit;
        let target = match simulation.definition {
            Some(definition) => SimulateTarget::Definition(definition),
            None => SimulateTarget::Name(&simulation.name),
        };
        let begun = Instant::now();
        let go_on = || begun.elapsed() < SIMULATION_MAX;
        pipelines.simulate(target, &simulation.documents, simulation.verbose, &go_on)
    };
    tokio::task::spawn_blocking(simulating).await.map_err(ApiError::internal)
}

/// The pipelines that users have defined, to be restored at start: names and definitions.
///
/// # Errors
/// The store fails.
pub async fn stored_pipelines(documents: &dyn DocumentStore) -> Result<Vec<(String, Value)>, ApiError> {
    let found = documents.find(&PIPELINES, Find { limit: STORED_MAX, ..Find::default() }).await?;
    Ok(found
        .into_iter()
        .filter_map(|mut found| Some((found.id, found.body.shift_remove(DEFINITION)?)))
        .collect())
}

/// Takes over a definition if it compiles, and keeps it.
pub(crate) async fn put(app: &App, name: &str, definition: Value) -> Result<(), ApiError> {
    let pipelines = &app.parts().pipelines;
    let body = Object::from_iter([(DEFINITION.to_owned(), definition.clone())]);
    pipelines.check(name, definition.clone())?;
    // Checks what compiling alone does not see (names) before anything is kept; should keeping it fail, the next
    // start forgets it.
    pipelines.put(name, definition)?;
    let document = NewDocument { id: name.to_owned(), body, expires_at: None };
    app.parts().documents.put(&PIPELINES, document, Expect::Anything).await?;
    Ok(())
}

/// Removes a user's definition.
pub(crate) async fn delete(app: &App, name: &str) -> Result<(), ApiError> {
    let stored = app.parts().documents.delete(&PIPELINES, name).await?;
    let active = app.parts().pipelines.delete(name);
    if stored || active { Ok(()) } else { Err(unknown(name)) }
}

pub(crate) fn unknown(name: &str) -> ApiError {
    ApiError::not_found(format!("there is no pipeline {name:?}"))
}

impl From<DefinitionError> for ApiError {
    fn from(error: DefinitionError) -> Self {
        let position = error.place.position.as_deref().map(|position| format!("processors.{position}"));
        let field = match (position, &error.key) {
            (Some(position), Some(key)) => format!("{position}.{key}"),
            (Some(position), None) => position,
            (None, key) => key.as_deref().unwrap_or("pipeline").to_owned(),
        };
        Self::field(field, error.to_string())
    }
}
