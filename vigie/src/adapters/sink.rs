use super::port_error;
use async_trait::async_trait;
use detect::fraud::{FraudDetector, FraudError};
use event::{Event, Operation};
use ingest::ports::{EventSink, Outcome, PortErrorKind, SinkError};
use std::{sync::Arc, time::Duration};
use store::{
    ErrorKind, StoreError,
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

    /// How a batch fared, and which of its events the store holds now. The first, one per event, may be an error that asks
    /// for the whole batch again, of which a part is stored.
    async fn store(
        &self,
        batch: Vec<Event>,
    ) -> Result<(Result<Vec<Outcome>, SinkError>, Vec<bool>), SinkError> {
        let sent: Vec<Sent> = batch.iter().map(Sent::of).collect();
        let results = self.logs.write(&self.scope, batch, Refresh::Background).await.map_err(port_error)?;
        let accepted =
            results.iter().zip(&sent).map(|(result, sent)| result.is_settled(sent.operation)).collect();
        let outcomes = match trouble(&results) {
            Some(error) => Err(port_error(error)),
            None => Ok(results.into_iter().zip(sent).map(|(result, sent)| sent.outcome(result)).collect()),
        };
        Ok((outcomes, accepted))
    }
}

/// The store's own trouble, if it refused an event for that and not for what the event is: then the event is no dead
/// letter, but to be sent again.
fn trouble(results: &[WriteResult]) -> Option<StoreError> {
    results.iter().find_map(|result| match result {
        WriteResult::Refused {
            kind: kind @ (ErrorKind::Overloaded | ErrorKind::Full | ErrorKind::Unavailable | ErrorKind::TimedOut),
            reason,
            ..
        } => Some(StoreError::new(*kind, reason.clone())),
        _ => None,
    })
}

#[async_trait]
impl EventSink for VerdictSink {
    async fn write(&self, batch: Vec<Event>) -> Result<Vec<Outcome>, SinkError> {
        self.detector.write_judged(batch, |batch| self.store(batch)).await.map_err(detection_error)??
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

    fn outcome(self, result: WriteResult) -> Outcome {
        match result {
            WriteResult::Written { index, id, .. } => Outcome::Indexed { index: index.to_string(), id },
            WriteResult::Refused { kind: ErrorKind::Conflict, .. } if self.operation == Operation::Create => {
                Outcome::Duplicate { index: self.index, id: self.id }
            }
            WriteResult::Refused { reason, .. } => Outcome::Refused { reason },
        }
    }
}

/// Says a failure of detection in the terms of `ingest`.
fn detection_error(error: FraudError) -> SinkError {
    let kind = if error.is_transient() { PortErrorKind::Overloaded } else { PortErrorKind::Internal };
    let retry_after = error.is_transient().then_some(RETRY_AFTER);
    SinkError { kind, message: error.to_string(), retry_after, source: Some(Box::new(error)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_trouble_of_the_store_asks_for_the_batch_again() {
        let check = |kinds: &[ErrorKind], expected: Option<ErrorKind>| {
            let refused = |kind: &ErrorKind| WriteResult::Refused {
                kind: *kind,
                code: None,
                reason: "no".into(),
                details: None,
                index: None,
                id: None,
            };
            let results: Vec<_> = kinds.iter().map(refused).collect();
            assert_eq!(trouble(&results).map(|error| error.kind), expected, "{kinds:?}");
        };
        check(&[], None);
        check(&[ErrorKind::Conflict, ErrorKind::InvalidRequest, ErrorKind::NotFound], None);
        for kind in [ErrorKind::Overloaded, ErrorKind::Full, ErrorKind::Unavailable, ErrorKind::TimedOut] {
            check(&[ErrorKind::Conflict, kind], Some(kind));
        }
    }
}
