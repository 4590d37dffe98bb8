use super::{Entity, Features, PastPayment, PaymentIndex, UserHistory, windows::window_features};
use crate::fraud::record::{Label, LabelValue};
use std::collections::HashMap;

/// What later events tell about a payment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Change {
    /// The bank refused it, known since that time.
    Declined { at_ms: i64 },
    /// It was labelled. Of two labels the one with the later time holds; of equal times, the one that came last.
    Label { fraud: bool, at_ms: i64 },
}

impl Change {
    pub(crate) fn label(label: Label) -> Self {
        Self::Label { fraud: label.value == LabelValue::Fraud, at_ms: label.at.as_millisecond() }
    }

    fn apply(self, payment: &mut PastPayment) {
        match self {
            Self::Declined { at_ms } => payment.declined_ms = payment.declined_ms.min(at_ms),
            Self::Label { fraud, at_ms } => {
                if payment.label_ms == super::entity::NEVER_MS || at_ms >= payment.label_ms {
                    (payment.label_ms, payment.label_fraud) = (at_ms, fraud);
                }
            }
        }
    }
}

/// More payments of one entity than this are not read one by one: counts stay exact, while distinct counts, refusals, sums and
/// the user's history are those of the newest 4,096. Bounds the time of a verdict.
const SCAN_MAX: usize = 4_096;

/// The durable payments, and on top of them those being written just now, so that requests at the same time see
/// each other. What is pending ends in [`FeatureState::commit`] or [`FeatureState::undo`].
#[derive(Debug)]
pub(crate) struct FeatureState {
    committed: PaymentIndex,
    pending: PaymentIndex,
    pending_changes: HashMap<u64, Vec<Change>>,
}

impl FeatureState {
    pub(crate) fn new(committed: PaymentIndex) -> Self {
        Self { committed, pending: PaymentIndex::new(usize::MAX), pending_changes: HashMap::new() }
    }

    /// The durable payments.
    pub(crate) fn committed(&self) -> &PaymentIndex {
        &self.committed
    }

    /// Makes a payment visible to the next ones.
    pub(crate) fn add_pending(&mut self, payment: PastPayment) {
        self.pending.insert(payment);
    }

    /// Makes a change of a payment (durable or pending) visible to the next ones.
    pub(crate) fn add_pending_change(&mut self, id: u64, change: Change) {
        self.pending_changes.entry(id).or_default().push(change);
    }

    /// Forgets what is pending of that payment. Only one assessment at a time holds a payment.
    pub(crate) fn undo(&mut self, id: u64) {
        self.pending.remove(id);
        self.pending_changes.remove(&id);
    }

    /// Makes a payment and its changes durable; may be repeated.
    pub(crate) fn commit(&mut self, payment: PastPayment, changes: &[Change]) {
        self.undo(payment.id);
        self.committed.insert(payment);
        for change in changes {
            self.committed.change(payment.id, |payment| change.apply(payment));
        }
    }

    /// The features of a payment that is in neither set.
    pub(crate) fn features(&self, payment: &PastPayment) -> Features {
        Features {
            windows: Entity::ALL.map(|entity| {
                payment.entity(entity).map(|digest| window_features(self, entity, digest, payment))
            }),
            user: payment.entity(Entity::User).map(|user| UserHistory::of(self, user, payment)),
        }
    }

    /// How many payments of an entity have `after_ms < time ≤ until_ms`.
    pub(super) fn count(&self, entity: Entity, digest: u64, after_ms: i64, until_ms: i64) -> usize {
        let count = |index: &PaymentIndex| index.of_entity(entity, digest, after_ms, until_ms).0;
        count(&self.committed) + count(&self.pending)
    }

    /// Shows the newest of these payments, in no particular order.
    pub(super) fn visit(
        &self,
        entity: Entity,
        digest: u64,
        after_ms: i64,
        until_ms: i64,
        mut see: impl FnMut(&PastPayment),
    ) {
        for index in [&self.committed, &self.pending] {
            for payment in index.of_entity(entity, digest, after_ms, until_ms).1.take(SCAN_MAX) {
                match self.pending_changes.get(&payment.id) {
                    None => see(payment),
                    Some(changes) => {
                        let mut changed = *payment;
                        changes.iter().for_each(|change| change.apply(&mut changed));
                        see(&changed);
                    }
                }
            }
        }
    }
}
