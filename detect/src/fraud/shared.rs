use super::{
    FraudConfig, FraudError,
    features::{FeatureState, digest},
    ports::{Clock, PortErrorKind, SnapshotStore, VerdictHistory},
    record::VerdictRecord,
    unsaved::Unsaved,
};
use arc_swap::ArcSwap;
use parking_lot::Mutex;
use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::Duration,
};
use tokio::sync::Notify;

/// How long a transaction may wait for another request that holds the same `transaction_id`.
const RESERVE_MAX: Duration = Duration::from_secs(30);

/// So many records may wait for a history that cannot be written; then no further payments are taken.
const UNSAVED_MAX: usize = 50_000;

/// Records per write to the history.
const SAVE_BATCH: usize = 1_000;

/// What the detector and its assessments share.
pub(crate) struct Shared {
    pub(crate) history: Arc<dyn VerdictHistory>,
    pub(crate) snapshots: Arc<dyn SnapshotStore>,
    pub(crate) clock: Clock,
    pub(crate) config: ArcSwap<FraudConfig>,
    /// Never held across an await.
    pub(crate) state: Mutex<State>,
    /// Told whenever transactions cease to be in flight.
    released: Notify,
    /// Holds the position of the last record saved; one write to the history at a time.
    saving: tokio::sync::Mutex<u64>,
}

pub(crate) struct State {
    pub(crate) features: FeatureState,
    pub(crate) unsaved: Unsaved,
    /// Transactions that an assessment holds.
    in_flight: HashSet<String>,
}

impl Shared {
    pub(crate) fn new(
        history: Arc<dyn VerdictHistory>,
        snapshots: Arc<dyn SnapshotStore>,
        config: FraudConfig,
        clock: Clock,
        features: FeatureState,
        position: u64,
    ) -> Self {
        Self {
            history,
            snapshots,
            clock,
            config: ArcSwap::from_pointee(config),
            state: Mutex::new(State { features, unsaved: Unsaved::default(), in_flight: HashSet::new() }),
            released: Notify::new(),
            saving: tokio::sync::Mutex::new(position),
        }
    }

    /// Takes hold of all these transactions, or waits until nobody else holds any of them. All at once, so that two
    /// batches never wait for each other.
    pub(crate) async fn reserve(self: &Arc<Self>, ids: Vec<String>) -> Result<Reservation, FraudError> {
        let wait = async {
            loop {
                let released = self.released.notified();
                tokio::pin!(released);
                // Listens before it looks: a release in between is not missed.
                released.as_mut().enable();
                if self.try_reserve(&ids) {
                    return;
                }
                released.await;
            }
        };
        tokio::time::timeout(RESERVE_MAX, wait).await.map_err(|_| FraudError::Busy)?;
        Ok(Reservation { shared: self.clone(), ids })
    }

    fn try_reserve(&self, ids: &[String]) -> bool {
        let mut state = self.state.lock();
        if ids.iter().any(|id| state.in_flight.contains(id)) {
            return false;
        }
        state.in_flight.extend(ids.iter().cloned());
        true
    }

    /// The records of these transactions, as far as there are any. Asks the history only about those that may be in it.
    pub(crate) async fn records(
        &self,
        ids: &[String],
    ) -> Result<HashMap<String, Arc<VerdictRecord>>, FraudError> {
        let sole_writer = self.config.load().sole_writer;
        let mut found = HashMap::new();
        let mut ask = Vec::new();
        {
            let state = self.state.lock();
            let committed = state.features.committed();
            for id in ids {
                if let Some(record) = state.unsaved.get(id) {
                    found.insert(id.clone(), record.clone());
                } else if !sole_writer || committed.has_evicted() || committed.contains(digest(id)) {
                    ask.push(id.clone());
                }
            }
        }
        if !ask.is_empty() {
            let records = self.history.get_many(&ask).await?;
            let records = records.into_iter().flatten();
            found.extend(records.map(|record| (record.transaction_id.clone(), Arc::new(record))));
        }
        Ok(found)
    }

    /// Refuses further work while the history is far behind.
    pub(crate) fn check_backlog(&self) -> Result<(), FraudError> {
        let waiting = self.state.lock().unsaved.len();
        if waiting < UNSAVED_MAX { Ok(()) } else { Err(FraudError::Backlog { waiting }) }
    }

    /// Writes what waits to the history; answers with the position of the last record saved. Calls at the same time share the
    /// work: whoever comes second finds less to do.
    pub(crate) async fn save(&self) -> Result<u64, FraudError> {
        let mut position = self.saving.lock().await;
        loop {
            let (orders, records) = self.state.lock().unsaved.oldest(SAVE_BATCH);
            if records.is_empty() {
                return Ok(*position);
            }
            match self.history.put(&records).await {
                Ok(last) => *position = last,
                Err(error) if error.kind == PortErrorKind::Invalid => {
                    *position = self.save_singly(&records, *position).await?;
                }
                Err(error) => return Err(error.into()),
            }
            self.state.lock().unsaved.saved(&orders);
        }
    }

    /// Something in a batch is refused for what it is: the others must not wait for it for ever. What is refused by
    /// itself is given up; its verdict stays in the event.
    async fn save_singly(
        &self,
        records: &[Arc<VerdictRecord>],
        mut position: u64,
    ) -> Result<u64, FraudError> {
        for record in records {
            match self.history.put(std::slice::from_ref(record)).await {
                Ok(last) => position = last,
                Err(error) if error.kind == PortErrorKind::Invalid => tracing::error!(
                    transaction.id = ?record.transaction_id,
                    %error,
                    "the history refuses a verdict; it stays in the event only"
                ),
                Err(error) => return Err(error.into()),
            }
        }
        Ok(position)
    }
}

/// Holds transactions; dropping it lets go of them and undoes what is pending of them.
pub(crate) struct Reservation {
    pub(crate) shared: Arc<Shared>,
    ids: Vec<String>,
}

impl Drop for Reservation {
    fn drop(&mut self) {
        {
            let mut state = self.shared.state.lock();
            for id in &self.ids {
                state.in_flight.remove(id);
                state.features.undo(digest(id));
            }
        }
        self.shared.released.notify_waiters();
    }
}
