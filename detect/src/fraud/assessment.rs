use super::{
    features::{Change, PastPayment},
    later::Later,
    record::VerdictRecord,
    shared::Reservation,
};
use event::Event;
use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

/// What an event was to the detector.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Assessed {
    /// The first event of its transaction: the verdict was given now.
    First,
    /// A later status or a label: the event became an update of the payment's document.
    Later,
    /// Nothing new about a known transaction: the event has the known verdict and document id, so that the store
    /// takes it for a duplicate.
    Repeated,
}

/// The verdict on one event of a batch.
#[derive(Debug, Clone)]
pub struct AssessedEvent {
    /// The history's entry as it will be once the event is stored.
    pub record: Arc<VerdictRecord>,
    /// What the event was.
    pub kind: Assessed,
    /// Time that features and rules took; 0 unless [`Assessed::First`].
    pub latency_us: u64,
}

/// A batch with its verdicts, before it is durable. Write the events, then hand it to
/// [`super::FraudDetector::commit`]. Dropping it undoes everything: features and history stay as they were.
///
/// While it lives, other assessments see its payments in their features, and wait for it if they hold the same
/// `transaction_id`; so write soon, and never assess a second batch before this one is committed or dropped.
#[must_use = "an assessment that is not committed is undone"]
pub struct Assessment {
    /// The batch, in order, verdicts filled in. May be taken out to be written.
    pub events: Vec<Event>,
    pub(crate) entries: Vec<Option<Entry>>,
    pub(crate) reservation: Reservation,
}

impl std::fmt::Debug for Assessment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Assessment").field("events", &self.events.len()).finish_non_exhaustive()
    }
}

pub(crate) struct Entry {
    pub(crate) assessed: AssessedEvent,
    pub(crate) step: Step,
}

/// What to do once the event is durable.
pub(crate) enum Step {
    First(Box<PastPayment>, Vec<Change>),
    Later(Later),
    Nothing,
}

impl Assessment {
    /// Takes the events out, to be written in this order.
    pub fn take_events(&mut self) -> Vec<Event> {
        std::mem::take(&mut self.events)
    }

    /// The verdict on each event, in the order of the batch; `None` for events that are no transactions.
    pub fn assessed(&self) -> impl ExactSizeIterator<Item = Option<&AssessedEvent>> {
        self.entries.iter().map(|entry| entry.as_ref().map(|entry| &entry.assessed))
    }

    /// Makes what was accepted part of features and of the records to be saved. Not interruptible, so that a
    /// cancelled request loses nothing.
    pub(crate) fn settle(self, accepted: &[bool]) {
        let Self { entries, reservation, .. } = self;
        let mut records: HashMap<String, Arc<VerdictRecord>> = HashMap::new();
        let mut refused: HashSet<String> = HashSet::new();
        let mut state = reservation.shared.state.lock();
        let accepted = accepted.iter().copied().chain(std::iter::repeat(false));
        for (entry, accepted) in entries.into_iter().zip(accepted) {
            let Some(Entry { assessed, step }) = entry else { continue };
            let id = assessed.record.transaction_id.clone();
            if matches!(step, Step::First(..)) && !accepted {
                refused.insert(id);
                continue;
            }
            // What is told of a refused payment has nothing to hold on to.
            if !accepted || refused.contains(&id) {
                continue;
            }
            let record = match step {
                Step::First(past, changes) => {
                    state.features.commit(*past, &changes);
                    assessed.record
                }
                Step::Later(later) => {
                    // Steps before this one may have been refused: the news go on top of what holds.
                    let base = match records.get(&id) {
                        Some(record) => record.clone(),
                        None => assessed.record,
                    };
                    let mut record = Arc::unwrap_or_clone(base);
                    later.apply(&mut record);
                    let past = PastPayment::new(&id, &record.payment);
                    let changes: Vec<Change> = later.changes().collect();
                    state.features.commit(past, &changes);
                    Arc::new(record)
                }
                Step::Nothing => continue,
            };
            state.unsaved.put(record.clone());
            records.insert(id, record);
        }
    }
}
