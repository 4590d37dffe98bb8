use super::{
    FraudConfig,
    assess::{add_later, assess},
    assessment::{Assessment, Entry, Step},
    error::FraudError,
    later::Later,
    payment::needs_verdict,
    ports::{Clock, SnapshotStore, VerdictFilter, VerdictHistory, VerdictPage},
    record::{Label, NewLabel, VerdictRecord},
    restore::restore,
    shared::Shared,
};
use event::{Event, Origin};
use std::sync::Arc;

/// Gives payments their verdicts. One for the whole process.
///
/// The way of a batch: [`FraudDetector::assess`], write the events durably, [`FraudDetector::commit`].
///
/// *Invariant*: features and history change only for events that are durable; each transaction counts once, by the
/// first event of its `transaction_id`, which also fixes its verdict for ever.
pub struct FraudDetector {
    shared: Arc<Shared>,
}

impl std::fmt::Debug for FraudDetector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FraudDetector").finish_non_exhaustive()
    }
}

/// Size of the feature state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FraudStats {
    /// Payments remembered.
    pub payments: usize,
    /// Different users, cards, devices, addresses and e-mail addresses among them.
    pub entities: usize,
    /// Verdicts that hold but are not in the history yet.
    pub unsaved: usize,
}

/// Labels on their way into events and history.
#[derive(Debug)]
pub struct Labelling {
    /// Its events are updates of the payments' documents: write them and commit, as with any assessment. Labels
    /// that change nothing are left out.
    pub assessment: Assessment,
    /// Transactions that have no verdict.
    pub unknown: Vec<String>,
}

impl FraudDetector {
    /// Opens the detector: loads the snapshot of the features and replays the history after it. Without a usable
    /// snapshot the whole history is read.
    pub async fn open(
        history: Arc<dyn VerdictHistory>,
        snapshots: Arc<dyn SnapshotStore>,
        config: FraudConfig,
        clock: Clock,
    ) -> Result<Self, FraudError> {
        let (features, position) = restore(&*history, &*snapshots, config.payments_max).await?;
        let shared = Shared::new(history, snapshots, config, clock, features, position);
        Ok(Self { shared: Arc::new(shared) })
    }

    /// Gives the transactions of a batch (`event.dataset` is `ecommerce.transaction`) their verdicts; other events
    /// pass untouched, and so do transactions without a usable `ecommerce.transaction.id`.
    ///
    /// The first event of a `transaction_id` gets `fraud.*`, an index and an `_id` if it has none. Later ones become
    /// updates of that document if they bring a new status, else duplicates of it. Verdicts depend on the events
    /// before them, in the order of the batch, and on nothing else. Waits while another assessment holds one of the transactions.
    pub async fn assess(&self, events: Vec<Event>) -> Result<Assessment, FraudError> {
        assess(&self.shared, events).await
    }

    /// Makes an assessment count. `accepted` says of each event, in order, whether it is durable in the store now as
    /// given (created, replaced or updated; a conflict is not). Events without a word count as refused. An update
    /// whose document is gone (deleted by retention) may be passed as accepted: the history still learns of it.
    ///
    /// Features count at the first poll, whatever becomes of the call. When the call returns, the history was written, or, if
    /// it could not be, the records wait in memory for the next commit (and are missing after a crash until
    /// [`FraudDetector::reconcile`]).
    pub async fn commit(&self, assessment: Assessment, accepted: &[bool]) {
        assessment.settle(accepted);
        if let Err(error) = self.save().await {
            metrics::counter!("vigie_fraud_history_failures_total").increment(1);
            tracing::warn!(%error, "cannot write verdicts to the history, they wait in memory");
        }
        let stats = self.stats();
        metrics::gauge!("vigie_fraud_state_payments").set(stats.payments as f64);
        metrics::gauge!("vigie_fraud_state_entities").set(stats.entities as f64);
        metrics::gauge!("vigie_fraud_unsaved_verdicts").set(stats.unsaved as f64);
    }

    /// Writes events of which some may be transactions: gives those their verdicts, has `write` store the whole batch, and
    /// makes count what `write` says is durable: of each event, in order (see [`FraudDetector::commit`]). The answer is
    /// that of `write`; of its failure nothing counts.
    ///
    /// # Errors
    /// No verdict could be given, and `write` was not called.
    pub async fn write_judged<T, E, F>(
        &self,
        events: Vec<Event>,
        write: impl FnOnce(Vec<Event>) -> F,
    ) -> Result<Result<T, E>, FraudError>
    where
        F: Future<Output = Result<(T, Vec<bool>), E>>,
    {
        if !events.iter().any(needs_verdict) {
            return Ok(write(events).await.map(|(answer, _)| answer));
        }
        let mut assessment = self.assess(events).await?;
        let written = write(assessment.take_events()).await;
        if let Ok((_, accepted)) = &written {
            self.commit(assessment, accepted).await;
        }
        Ok(written.map(|(answer, _)| answer))
    }

    /// Writes verdicts that wait for the history.
    pub async fn save(&self) -> Result<(), FraudError> {
        self.shared.save().await.map(drop)
    }

    /// The verdict on a transaction with all it rests on; `None` if there is none.
    pub async fn verdict(&self, transaction_id: &str) -> Result<Option<Arc<VerdictRecord>>, FraudError> {
        let id = transaction_id.to_owned();
        Ok(self.shared.records(std::slice::from_ref(&id)).await?.remove(&id))
    }

    /// Lists verdicts, newest payment first.
    pub async fn list(&self, filter: &VerdictFilter) -> Result<VerdictPage, FraudError> {
        Ok(self.shared.history.list(filter).await?)
    }

    /// Labels payments. A label counts from its own time on; of two, the one with the later time holds.
    pub async fn label(&self, labels: Vec<NewLabel>) -> Result<Labelling, FraudError> {
        let mut ids: Vec<String> = labels.iter().map(|label| label.transaction_id.clone()).collect();
        ids.sort_unstable();
        ids.dedup();
        self.shared.check_backlog()?;
        let reservation = self.shared.reserve(ids.clone()).await?;
        let mut records = self.shared.records(&ids).await?;
        ids.retain(|id| !records.contains_key(id));
        let (mut events, mut entries) = (Vec::new(), Vec::new());
        for NewLabel { transaction_id, label, at } in labels {
            let Some(mut record) = records.get(&transaction_id).cloned() else { continue };
            let heard_at = (self.shared.clock)();
            let label = Label { value: label, at: at.unwrap_or(heard_at) };
            let Some(later) = Later::label(label, heard_at).news_to(&record) else { continue };
            let mut event = Event::new(event::Object::new(), Origin::Request);
            later.rewrite(&mut event, &record);
            let assessed = add_later(&self.shared, &later, &mut record, &mut records);
            events.push(event);
            entries.push(Some(Entry { assessed, step: Step::Later(later) }));
        }
        Ok(Labelling { assessment: Assessment { events, entries, reservation }, unknown: ids })
    }

    /// Mends what a crash left between store and history: takes stored transaction documents (fields as stored, `metadata.index`
    /// and `metadata.id` set), and adds those that the history lacks with the verdict that they carry. Returns how
    /// many records were added or changed. May be repeated.
    ///
    /// Call it at start with the transaction events ingested or changed (`fraud.changed_at`) since shortly before the
    /// newest `changed_at`.
    pub async fn reconcile(&self, stored: Vec<Event>) -> Result<usize, FraudError> {
        super::reconcile::reconcile(&self.shared, stored).await
    }

    /// Saves a snapshot of the features; call it now and then, and at the end. Payments go on being assessed meanwhile.
    pub async fn save_snapshot(&self) -> Result<(), FraudError> {
        super::restore::save_snapshot(&self.shared).await
    }

    /// The thresholds in force.
    pub fn config(&self) -> Arc<FraudConfig> {
        self.shared.config.load_full()
    }

    /// Changes the thresholds for verdicts from now on. `payments_max` takes effect at the next start.
    pub fn set_config(&self, config: FraudConfig) {
        self.shared.config.store(Arc::new(config));
    }

    /// Size of the state.
    pub fn stats(&self) -> FraudStats {
        let state = self.shared.state.lock();
        let payments = state.features.committed();
        FraudStats { payments: payments.len(), entities: payments.entities(), unsaved: state.unsaved.len() }
    }
}
