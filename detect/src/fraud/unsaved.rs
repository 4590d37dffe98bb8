use super::record::VerdictRecord;
use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

/// Records that hold (their events are durable) but are not in the history yet, in the order in which they changed.
#[derive(Debug, Default)]
pub(crate) struct Unsaved {
    next: u64,
    by_order: BTreeMap<u64, Arc<VerdictRecord>>,
    by_id: HashMap<String, u64>,
}

impl Unsaved {
    pub(crate) fn len(&self) -> usize {
        self.by_order.len()
    }

    pub(crate) fn get(&self, transaction_id: &str) -> Option<&Arc<VerdictRecord>> {
        self.by_order.get(self.by_id.get(transaction_id)?)
    }

    /// Adds a record; one of the same transaction is replaced.
    pub(crate) fn put(&mut self, record: Arc<VerdictRecord>) {
        let order = self.next;
        self.next += 1;
        if let Some(older) = self.by_id.insert(record.transaction_id.clone(), order) {
            self.by_order.remove(&older);
        }
        self.by_order.insert(order, record);
    }

    /// The oldest records, with their number for [`Unsaved::saved`].
    pub(crate) fn oldest(&self, limit: usize) -> (Vec<u64>, Vec<Arc<VerdictRecord>>) {
        self.by_order.iter().take(limit).map(|(order, record)| (*order, record.clone())).unzip()
    }

    /// These were saved. One that was replaced meanwhile stays to be saved in its new form.
    pub(crate) fn saved(&mut self, orders: &[u64]) {
        for order in orders {
            if let Some(record) = self.by_order.remove(order) {
                self.by_id.remove(&record.transaction_id);
            }
        }
    }
}
