//! Brings batches into the store, however long that takes: what waits behind a batch is not read.

use super::meters::Meters;
use crate::{
    intake::{Arrival, Intake, IntakeError, Reception},
    upload::Counts,
};
use std::{sync::Arc, time::Duration};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// Pauses before a store that is overloaded, full or away is tried again.
const PAUSES: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(10));
/// Failures that are nobody's overload, after which the batch itself is taken to be the cause.
const FAULTS_MAX: u32 = 5;
/// When the service stops, a batch is tried for so long.
const LAST_TRIES: Duration = Duration::from_secs(10);

/// The service stops and the store does not take the batch.
#[derive(Debug, thiserror::Error)]
#[error("{number} events were read and could not be stored: {reason}")]
pub(super) struct Undelivered {
    /// How many events.
    pub(super) number: usize,
    reason: String,
}

/// The way of one connection's batches into the store.
pub(super) struct Delivery {
    pub(super) intake: Arc<Intake>,
    pub(super) reception: Arc<Reception>,
    pub(super) meters: Arc<Meters>,
    pub(super) stop: CancellationToken,
    /// A client that waits for a batch is told this often that somebody is there, where its protocol can say it.
    pub(super) keepalive: Duration,
}

impl Delivery {
    /// Stores a batch; when this returns, every record of it is an event, a dead letter, or dropped by its pipeline. All of it
    /// is tried again while the store cannot take it; the ids stay, so that nothing is there twice.
    ///
    /// # Errors
    /// The service stops before the store takes it.
    pub(super) async fn deliver(&self, arrivals: Vec<Arrival>) -> Result<Counts, Undelivered> {
        let arrivals: Arc<[Arrival]> = arrivals.into();
        let received_at = self.intake.now();
        let (mut pause, mut faults, mut attempts, mut last) = (PAUSES.0, 0, 0_u32, None);
        loop {
            let written = self.attempt(&arrivals, received_at, attempts > 0, faults).await;
            let error = match written {
                Ok(counts) => {
                    self.meters.written(&counts);
                    return Ok(counts);
                }
                Err(error) => error,
            };
            attempts += 1;
            let mut wait = pause;
            match &error {
                IntakeError::Port(error) if error.is_transient() => {
                    wait = error.retry_after.unwrap_or(pause).min(PAUSES.1);
                }
                _ => faults += 1,
            }
            tracing::warn!(input = %self.reception.input, %error, attempts, "events wait: they cannot be stored now");
            if self.stop.is_cancelled() {
                let last = *last.get_or_insert_with(|| Instant::now() + LAST_TRIES);
                if Instant::now() + wait > last {
                    return Err(Undelivered { number: arrivals.len(), reason: error.to_string() });
                }
            }
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                () = self.stop.cancelled(), if last.is_none() => {}
            }
            pause = (pause * 2).min(PAUSES.1);
        }
    }

    async fn attempt(
        &self,
        arrivals: &Arc<[Arrival]>,
        received_at: event::Timestamp,
        again: bool,
        faults: u32,
    ) -> Result<Counts, IntakeError> {
        if faults < FAULTS_MAX {
            return self.intake.take_in(arrivals, &self.reception, received_at, again).await;
        }
        let reason = "processing or storing the batch that it came in failed again and again";
        self.intake.bury_arrivals(arrivals, &self.reception, received_at, reason).await
    }
}

impl Undelivered {
    /// The task that wrote a batch fell.
    pub(super) fn fallen(error: &tokio::task::JoinError) -> Self {
        Self { number: 0, reason: error.to_string() }
    }
}
