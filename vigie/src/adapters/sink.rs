use super::port_error;
use async_trait::async_trait;
use detect::fraud::{FraudDetector, FraudError, TRANSACTION_DATASET};
use event::{Event, Operation};
use ingest::ports::{EventSink, Outcome, PortErrorKind, SinkError};
use serde_json::Value;
use std::{sync::Arc, time::Duration};
use store::{
    ErrorKind,
    logs::{LogStore, Refresh, WriteResult},
    scope::Scope,
};

/// Pause that is asked for when detection cannot keep up.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// Where processed events go: transactions get their verdict, then the batch is written, then detection learns of
/// what is durable.
pub(crate) struct VerdictSink {
    detector: Arc<FraudDetector>,
    logs: Arc<dyn LogStore>,
    scope: Scope,
}

impl VerdictSink {
    /// Joins detection and the log store.
    pub(crate) fn new(detector: Arc<FraudDetector>, logs: Arc<dyn LogStore>) -> Self {
        Self { detector, logs, scope: Scope::internal("ingest") }
    }

    async fn store(&self, batch: Vec<Event>) -> Result<(Vec<Outcome>, Vec<bool>), SinkError> {
        let sent: Vec<Sent> = batch.iter().map(Sent::of).collect();
        let results = self.logs.write(&self.scope, batch, Refresh::Background).await.map_err(port_error)?;
        let accepted = results.iter().zip(&sent).map(|(result, sent)| sent.is_settled(result)).collect();
        let outcomes = results.into_iter().zip(sent).map(|(result, sent)| sent.outcome(result)).collect();
        Ok((outcomes, accepted))
    }
}

#[async_trait]
impl EventSink for VerdictSink {
    async fn write(&self, batch: Vec<Event>) -> Result<Vec<Outcome>, SinkError> {
        if !batch.iter().any(is_transaction) {
            return Ok(self.store(batch).await?.0);
        }
        let mut assessment = self.detector.assess(batch).await.map_err(detection_error)?;
        let (outcomes, accepted) = self.store(assessment.take_events()).await?;
        self.detector.commit(assessment, &accepted).await;
        Ok(outcomes)
    }
}

/// What must be remembered of an event that is given away.
struct Sent {
    index: String,
    id: String,
    operation: Operation,
}

impl Sent {
    fn of(event: &Event) -> Self {
        let metadata = &event.metadata;
        Self {
            index: metadata.index.as_deref().unwrap_or_default().to_owned(),
            id: metadata.id.clone().unwrap_or_default(),
            operation: metadata.operation,
        }
    }

    /// Whether the store holds the event now as it was given. An update whose document was removed by retention is
    /// settled too: there is nothing left to change.
    fn is_settled(&self, result: &WriteResult) -> bool {
        match result {
            WriteResult::Written { .. } => true,
            WriteResult::Refused { kind, .. } => {
                self.operation == Operation::Update && *kind == ErrorKind::NotFound
            }
        }
    }

    fn outcome(self, result: WriteResult) -> Outcome {
        match result {
            WriteResult::Written { index, id, .. } => Outcome::Indexed { index, id },
            WriteResult::Refused { kind: ErrorKind::Conflict, .. } if self.operation == Operation::Create => {
                Outcome::Duplicate { index: self.index, id: self.id }
            }
            WriteResult::Refused { reason, .. } => Outcome::Refused { reason },
        }
    }
}

fn is_transaction(event: &Event) -> bool {
    let dataset = event.fields.get("event").and_then(|event| event.get("dataset"));
    dataset.and_then(Value::as_str) == Some(TRANSACTION_DATASET)
}

/// Says a failure of detection in the terms of `ingest`.
fn detection_error(error: FraudError) -> SinkError {
    let kind = if error.is_transient() { PortErrorKind::Overloaded } else { PortErrorKind::Internal };
    let retry_after = error.is_transient().then_some(RETRY_AFTER);
    SinkError { kind, message: error.to_string(), retry_after, source: Some(Box::new(error)) }
}
