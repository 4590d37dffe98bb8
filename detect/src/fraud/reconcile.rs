use super::{
    assess::judge,
    dotted::at,
    error::FraudError,
    features::PastPayment,
    later::Later,
    payment::{self, Payment},
    record::{DocumentRef, Label, LabelValue, Reason, Verdict, VerdictRecord},
    restore::replay,
    shared::Shared,
};
use event::{Event, Object, Timestamp};
use serde::Deserialize;
use serde_json::Value;
use std::sync::Arc;

/// See [`super::FraudDetector::reconcile`].
pub(crate) async fn reconcile(shared: &Arc<Shared>, stored: Vec<Event>) -> Result<usize, FraudError> {
    let mut found: Vec<(String, Stored, Event)> = stored
        .into_iter()
        .filter(payment::is_transaction)
        .filter_map(|event| {
            let id = payment::transaction_id(&event.fields)?;
            Some((id, Stored::read(&event)?, event))
        })
        .collect();
    // Features of the mended records are then those of an orderly ingest.
    found.sort_by(|(a_id, a, _), (b_id, b, _)| (a.time, a_id).cmp(&(b.time, b_id)));
    let mut ids: Vec<String> = found.iter().map(|(id, ..)| id.clone()).collect();
    ids.sort_unstable();
    ids.dedup();
    let _reservation = shared.reserve(ids.clone()).await?;
    let mut records = shared.records(&ids).await?;
    let mut mended = 0;
    for (id, stored, event) in found {
        let record = match records.get(&id) {
            Some(record) => match stored.later(shared).and_then(|later| later.news_to(record)) {
                None => continue,
                Some(later) => {
                    let mut record = (**record).clone();
                    later.apply(&mut record);
                    record
                }
            },
            None => stored.into_record(shared, id.clone(), &event.fields),
        };
        let record = Arc::new(record);
        {
            let mut state = shared.state.lock();
            replay(&mut state.features, &record);
            state.unsaved.put(record.clone());
        }
        records.insert(id, record);
        mended += 1;
    }
    shared.save().await?;
    Ok(mended)
}

/// What a stored document says of its verdict.
struct Stored {
    time: Timestamp,
    document: DocumentRef,
    fraud: StoredFraud,
    status: Option<String>,
    status_at: Timestamp,
    /// When the service took the event in.
    ingested_at: Option<Timestamp>,
}

#[derive(Deserialize)]
struct StoredFraud {
    verdict: Verdict,
    score: f64,
    #[serde(default)]
    reasons: Vec<Reason>,
    #[serde(default)]
    rules: Vec<String>,
    #[serde(default)]
    label: Option<LabelValue>,
    /// Since when the label counts.
    #[serde(default)]
    label_at: Option<Timestamp>,
    /// When the service last heard something new of the payment.
    #[serde(default)]
    changed_at: Option<Timestamp>,
}

impl Stored {
    /// `None` for a document without a verdict, a place or a time.
    fn read(event: &Event) -> Option<Self> {
        let text = |path| at(&event.fields, path).and_then(Value::as_str);
        let moment = |path| text(path).and_then(|text| text.parse().ok());
        let time = event.metadata.timestamp.or_else(|| moment("@timestamp"))?;
        Some(Self {
            time,
            document: DocumentRef {
                index: event.metadata.index.as_deref()?.to_owned(),
                id: event.metadata.id.clone()?,
            },
            fraud: StoredFraud::deserialize(at(&event.fields, "fraud")?).ok()?,
            status: text("ecommerce.transaction.status").map(str::to_ascii_lowercase),
            status_at: moment("ecommerce.transaction.status_at").unwrap_or(time),
            ingested_at: moment("event.ingested"),
        })
    }

    /// Status and label as news.
    fn later(&self, shared: &Shared) -> Option<Later> {
        let at = self.fraud.label_at.unwrap_or(self.status_at);
        let label = self.fraud.label.map(|value| Label { value, at });
        let status = self.status.clone().map(|status| (status, self.status_at));
        let heard_at = self.heard_at(shared);
        (status.is_some() || label.is_some()).then_some(Later { status, label, heard_at })
    }

    /// Not the time of the mending: the next start looks for what is missing from the newest of these times on, and a
    /// second crash in between must not hide the rest.
    fn heard_at(&self, shared: &Shared) -> Timestamp {
        self.fraud.changed_at.or(self.ingested_at).unwrap_or_else(|| (shared.clock)())
    }

    /// The record that the crash took: verdict and reasons as stored, evidence and features computed again.
    fn into_record(self, shared: &Shared, id: String, fields: &Object) -> VerdictRecord {
        let payment = Payment::read(fields, self.time);
        let past = PastPayment::new(&id, &payment);
        let features = shared.state.lock().features.features(&past);
        let (later, heard_at) = (self.later(shared), self.heard_at(shared));
        let mut record = judge(&shared.config.load(), id, self.document, payment, &past, &features);
        let computed = std::mem::replace(&mut record.reasons, self.fraud.reasons);
        for reason in &mut record.reasons {
            if let Some(same) = computed.iter().find(|other| other.code == reason.code) {
                reason.evidence = same.evidence.clone();
            }
        }
        record.rules = self.fraud.rules;
        (record.verdict, record.score) = (self.fraud.verdict, self.fraud.score);
        record.assessed_at = self.ingested_at.unwrap_or(heard_at);
        record.changed_at = heard_at;
        if let Some(later) = later {
            later.apply(&mut record);
        }
        record
    }
}
