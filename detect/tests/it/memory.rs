//! A history and a snapshot in memory, and events written as rows.

use async_trait::async_trait;
use detect::fraud::{
    AssessedEvent, Assessment, Clock, FraudConfig, FraudDetector, PortError, PortErrorKind, SnapshotStore,
    VerdictFilter, VerdictHistory, VerdictPage, VerdictRecord,
};
use event::{Event, Origin, Timestamp};
use parking_lot::Mutex;
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

/// What survives a restart.
#[derive(Default)]
pub(crate) struct Disk {
    /// By position; the stored form, so that serialisation is tested too.
    records: Mutex<BTreeMap<u64, String>>,
    snapshot: Mutex<Option<Vec<u8>>>,
    pub(crate) broken: AtomicBool,
}

impl Disk {
    pub(crate) fn all(&self) -> Vec<VerdictRecord> {
        self.records.lock().values().map(|json| serde_json::from_str(json).unwrap()).collect()
    }

    fn check(&self) -> Result<(), PortError> {
        if self.broken.load(Ordering::SeqCst) {
            return Err(PortError::new(PortErrorKind::Unavailable, "the history is away"));
        }
        Ok(())
    }
}

#[async_trait]
impl VerdictHistory for Disk {
    async fn put(&self, records: &[Arc<VerdictRecord>]) -> Result<u64, PortError> {
        self.check()?;
        let mut all = self.records.lock();
        let mut position = all.last_key_value().map_or(0, |(position, _)| *position);
        if records.iter().any(|record| record.transaction_id.starts_with("refused")) {
            return Err(PortError::new(PortErrorKind::Invalid, "the id is refused"));
        }
        for record in records {
            let id = json!(record.transaction_id);
            all.retain(|_, json| serde_json::from_str::<Value>(json).unwrap()["transaction_id"] != id);
            position += 1;
            all.insert(position, serde_json::to_string(&**record).unwrap());
        }
        Ok(position)
    }

    async fn get_many(&self, ids: &[String]) -> Result<Vec<Option<VerdictRecord>>, PortError> {
        self.check()?;
        let all = self.all();
        Ok(ids.iter().map(|id| all.iter().find(|record| record.transaction_id == *id).cloned()).collect())
    }

    async fn list(&self, _: &VerdictFilter) -> Result<VerdictPage, PortError> {
        Ok(VerdictPage { records: self.all(), next: None })
    }

    async fn since(&self, position: u64, limit: usize) -> Result<Vec<(u64, VerdictRecord)>, PortError> {
        let all = self.records.lock();
        let after = all.range(position + 1..).take(limit);
        Ok(after.map(|(position, json)| (*position, serde_json::from_str(json).unwrap())).collect())
    }
}

#[async_trait]
impl SnapshotStore for Disk {
    async fn load(&self) -> Result<Option<Vec<u8>>, PortError> {
        Ok(self.snapshot.lock().clone())
    }

    async fn save(&self, bytes: Vec<u8>) -> Result<(), PortError> {
        *self.snapshot.lock() = Some(bytes);
        Ok(())
    }
}

/// What the clock shows.
pub(crate) const NOW: &str = "2033-05-18T03:33:20Z";

pub(crate) async fn open(disk: &Arc<Disk>) -> FraudDetector {
    let clock: Clock = Arc::new(|| NOW.parse().unwrap());
    FraudDetector::open(disk.clone(), disk.clone(), FraudConfig::default(), clock).await.unwrap()
}

/// A transaction event as the pipeline makes it, `secs` after the start.
pub(crate) fn payment(id: &str, secs: i64) -> Event {
    let at = Timestamp::from_second(1_790_000_000 + secs).unwrap();
    let fields = json!({
        "@timestamp": at.to_string(),
        "event": {"dataset": "ecommerce.transaction"},
        "user": {"id": "u1", "email": "u1@example.org"},
        "source": {"ip": "192.0.2.1", "geo": {"country_iso_code": "DE"}},
        "device": {"id": "d1"},
        "ecommerce": {
            "transaction": {
                "id": id, "amount": 20.0, "amount_minor": 2000, "currency": "EUR", "status": "approved",
            },
            "card": {"token": "c1", "country": "DE"},
            "billing": {"country": "DE"},
        },
    });
    let Value::Object(fields) = fields else { unreachable!() };
    let mut event = Event::new(fields, Origin::Request);
    event.metadata.timestamp = Some(at);
    event
}

/// The event with the value at that JSON pointer changed.
pub(crate) fn with(mut event: Event, pointer: &str, value: Value) -> Event {
    let mut fields = Value::Object(std::mem::take(&mut event.fields));
    *fields.pointer_mut(pointer).unwrap() = value;
    let Value::Object(fields) = fields else { unreachable!() };
    event.fields = fields;
    event
}

pub(crate) fn status(event: Event, status: &str) -> Event {
    with(event, "/ecommerce/transaction/status", json!(status))
}

/// Assesses, accepts all, commits; answers with the events and what they were.
pub(crate) async fn ingest(
    detector: &FraudDetector,
    events: Vec<Event>,
) -> (Vec<Event>, Vec<Option<AssessedEvent>>) {
    let mut assessment = detector.assess(events).await.unwrap();
    let written = assessment.take_events();
    let assessed = assessed(&assessment);
    detector.commit(assessment, &vec![true; written.len()]).await;
    (written, assessed)
}

pub(crate) fn assessed(assessment: &Assessment) -> Vec<Option<AssessedEvent>> {
    assessment.assessed().map(Option::<&AssessedEvent>::cloned).collect()
}

pub(crate) fn records(assessed: Vec<Option<AssessedEvent>>) -> Vec<VerdictRecord> {
    assessed.into_iter().flatten().map(|one| (*one.record).clone()).collect()
}
