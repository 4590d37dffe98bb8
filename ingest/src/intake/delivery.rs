use super::{Batch, Refinery, batch::Slot, refinery::Context};
use crate::{
    dead_letters::DeadLetter,
    ports::{EventSink, Outcome, PortError, PortErrorKind},
    upload::Counts,
};
use metrics::counter;

/// What became of a batch that was written. The dead letters are still to be kept.
pub(crate) struct Delivery {
    pub(crate) counts: Counts,
    /// One per event.
    pub(crate) outcomes: Vec<Outcome>,
    /// Those of the batch, then those of refused events.
    pub(crate) dead: Vec<DeadLetter>,
}

/// Writes the events of a batch. A duplicate whose record starts before byte `own_below` was stored by an earlier attempt
/// of the same job and counts as indexed.
///
/// On an error the whole batch must be made and written again.
pub(crate) async fn deliver(
    batch: &mut Batch,
    sink: &dyn EventSink,
    refinery: &Refinery,
    context: &Context,
    own_below: u64,
) -> Result<Delivery, PortError> {
    let events = std::mem::take(&mut batch.events);
    let expected = events.len();
    let outcomes = if events.is_empty() {
        Vec::new()
    } else {
        refinery.keep_patterns().await;
        sink.write(events).await?
    };
    if outcomes.len() != expected {
        let message = format!("the sink answered {} outcomes for {expected} events", outcomes.len());
        return Err(PortError::new(PortErrorKind::Internal, message));
    }
    let mut dead = std::mem::take(&mut batch.dead);
    let mut counts = Counts { lines: batch.len() as u64, dead: dead.len() as u64, ..Counts::default() };
    counts.dropped = batch.slots.iter().filter(|slot| **slot == Slot::Dropped).count() as u64;
    for (event, outcome) in outcomes.iter().enumerate() {
        match outcome {
            Outcome::Indexed { .. } => counts.indexed += 1,
            Outcome::Duplicate { .. } if batch.offset_of(event) < own_below => counts.indexed += 1,
            Outcome::Duplicate { .. } => counts.duplicates += 1,
            Outcome::Refused { reason } => {
                counts.dead += 1;
                dead.push(batch.bury_event(event, reason, refinery, context));
            }
        }
    }
    count(&counts, batch.bytes());
    Ok(Delivery { counts, outcomes, dead })
}

fn count(counts: &Counts, bytes: usize) {
    counter!("ingest_bytes_total").increment(bytes as u64);
    for (outcome, number) in [
        ("indexed", counts.indexed),
        ("duplicate", counts.duplicates),
        ("dead", counts.dead),
        ("dropped", counts.dropped),
    ] {
        if number > 0 {
            counter!("ingest_events_total", "outcome" => outcome).increment(number);
        }
    }
}
