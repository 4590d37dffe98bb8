use super::{
    error::FraudError,
    features::{Change, FeatureState, PastPayment, PaymentIndex, SnapshotWriter, decode_snapshot},
    ports::{SnapshotStore, VerdictHistory},
    record::VerdictRecord,
    shared::Shared,
};
use std::sync::Arc;

/// Records of the history per read.
const REPLAY_BATCH: usize = 1_000;

/// Payments copied into a snapshot at a time, while no verdict can be given.
const SNAPSHOT_BATCH: usize = 2_000;

/// The features as of now, and the position of the history that they contain.
pub(crate) async fn restore(
    history: &dyn VerdictHistory,
    snapshots: &dyn SnapshotStore,
    payments_max: usize,
) -> Result<(FeatureState, u64), FraudError> {
    let empty = || (PaymentIndex::new(payments_max), 0);
    let (index, mut position) = match snapshots.load().await {
        Ok(None) => empty(),
        Ok(Some(bytes)) => decode_snapshot(&bytes, payments_max).unwrap_or_else(|error| {
            tracing::warn!(%error, "features are computed from the whole history");
            empty()
        }),
        Err(error) => {
            tracing::warn!(%error, "cannot load the snapshot, features are computed from the whole history");
            empty()
        }
    };
    let mut features = FeatureState::new(index);
    loop {
        let records = history.since(position, REPLAY_BATCH).await?;
        let Some((last, _)) = records.last() else { return Ok((features, position)) };
        position = *last;
        for (_, record) in &records {
            replay(&mut features, record);
        }
    }
}

/// Puts a record of the history into the features; may be repeated.
pub(crate) fn replay(features: &mut FeatureState, record: &VerdictRecord) {
    let declined = record.declined_at.map(|at| Change::Declined { at_ms: at.as_millisecond() });
    let changes: Vec<Change> = declined.into_iter().chain(record.label.map(Change::label)).collect();
    features.commit(PastPayment::new(&record.transaction_id, &record.payment), &changes);
}

/// Saves a snapshot. Payments that come while it is copied may or may not be in it: their records lie after its position
/// and are replayed onto it, which changes nothing if they are.
pub(crate) async fn save_snapshot(shared: &Arc<Shared>) -> Result<(), FraudError> {
    let position = shared.save().await?;
    let mut writer = SnapshotWriter::new(position);
    let mut after = None;
    loop {
        let (batch, evicted) = {
            let state = shared.state.lock();
            let payments = state.features.committed();
            (payments.after(after, SNAPSHOT_BATCH), payments.has_evicted())
        };
        writer.add(&batch, evicted);
        match batch.last() {
            Some(last) => after = Some(last.key()),
            None => break,
        }
        tokio::task::yield_now().await;
    }
    Ok(shared.snapshots.save(writer.finish()).await?)
}
