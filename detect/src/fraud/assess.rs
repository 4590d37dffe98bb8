use super::{
    FraudConfig,
    assessment::{Assessed, AssessedEvent, Assessment, Entry, Step},
    dotted::{self, at},
    error::FraudError,
    features::{Change, Features, PastPayment},
    later::{Later, aim, write_verdict},
    payment::{self, CHARGEBACK, Payment},
    record::{DocumentRef, Label, LabelValue, VerdictRecord},
    rules,
    score::{combine_points, verdict},
    shared::Shared,
};
use event::{ECOMMERCE_LOGS, Event, Operation, Timestamp, daily_index};
use serde_json::Value;
use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant},
};

/// After so many verdicts other tasks of the thread get their turn.
const YIELD_EVERY: usize = 32;

/// The records that the events of a batch meet.
type Records = HashMap<String, Arc<VerdictRecord>>;

/// See [`super::FraudDetector::assess`].
pub(crate) async fn assess(shared: &Arc<Shared>, mut events: Vec<Event>) -> Result<Assessment, FraudError> {
    let ids: Vec<Option<String>> = events.iter().map(transaction_id).collect();
    let mut distinct: Vec<String> = ids.iter().flatten().cloned().collect();
    distinct.sort_unstable();
    distinct.dedup();
    if !distinct.is_empty() {
        shared.check_backlog()?;
    }
    let reservation = shared.reserve(distinct.clone()).await?;
    let mut records = shared.records(&distinct).await?;
    let mut entries = Vec::with_capacity(events.len());
    let mut verdicts = 0;
    for (event, id) in events.iter_mut().zip(ids) {
        entries.push(id.map(|id| one(shared, event, id, &mut records)));
        verdicts += usize::from(entries.last().is_some_and(Option::is_some));
        if verdicts % YIELD_EVERY == YIELD_EVERY - 1 {
            tokio::task::yield_now().await;
        }
    }
    Ok(Assessment { events, entries, reservation })
}

/// The id of the transaction that the event tells of; `None` if it is to pass untouched.
fn transaction_id(event: &Event) -> Option<String> {
    if !payment::needs_verdict(event) {
        return None;
    }
    let id = payment::transaction_id(&event.fields);
    if id.is_none() {
        metrics::counter!("vigie_fraud_transactions_without_id_total").increment(1);
    }
    id
}

fn one(shared: &Shared, event: &mut Event, id: String, records: &mut Records) -> Entry {
    // The verdict becomes a part of the document.
    event.metadata.raw = None;
    dotted::expand(&mut event.fields);
    let time = event_time(event).unwrap_or_else(|| (shared.clock)());
    match records.get(&id) {
        Some(record) => known(shared, event, record.clone(), time, records),
        None => first(shared, event, id, time, records),
    }
}

fn event_time(event: &Event) -> Option<Timestamp> {
    event.metadata.timestamp.or_else(|| at(&event.fields, "@timestamp")?.as_str()?.parse().ok())
}

/// A further event of a transaction that has its verdict.
fn known(
    shared: &Shared,
    event: &mut Event,
    mut record: Arc<VerdictRecord>,
    time: Timestamp,
    records: &mut Records,
) -> Entry {
    let status = at(&event.fields, "ecommerce.transaction.status").and_then(Value::as_str);
    let status = status.map(|status| status.trim().to_ascii_lowercase()).filter(|status| !status.is_empty());
    let heard_at = (shared.clock)();
    let news = status.and_then(|status| Later::status(&status, time, heard_at).news_to(&record));
    let Some(later) = news else {
        write_verdict(&mut event.fields, &record);
        aim(event, &record.document);
        event.metadata.operation = Operation::Create;
        let assessed = AssessedEvent { record, kind: Assessed::Repeated, latency_us: 0 };
        return Entry { assessed, step: Step::Nothing };
    };
    later.rewrite(event, &record);
    let assessed = add_later(shared, &later, &mut record, records);
    Entry { assessed, step: Step::Later(later) }
}

/// Lets the batch and other requests see the news about a payment.
pub(crate) fn add_later(
    shared: &Shared,
    later: &Later,
    record: &mut Arc<VerdictRecord>,
    records: &mut Records,
) -> AssessedEvent {
    later.apply(Arc::make_mut(record));
    let id = super::features::digest(&record.transaction_id);
    let mut state = shared.state.lock();
    later.changes().for_each(|change| state.features.add_pending_change(id, change));
    records.insert(record.transaction_id.clone(), record.clone());
    AssessedEvent { record: record.clone(), kind: Assessed::Later, latency_us: 0 }
}

/// The event that fixes a transaction's verdict.
fn first(shared: &Shared, event: &mut Event, id: String, time: Timestamp, records: &mut Records) -> Entry {
    let start = Instant::now();
    let config = shared.config.load();
    let payment = Payment::read(&event.fields, time);
    let past = PastPayment::new(&id, &payment);
    let label = (payment.status.as_deref() == Some(CHARGEBACK))
        .then_some(Label { value: LabelValue::Fraud, at: time });
    let changes: Vec<Change> = label.map(Change::label).into_iter().collect();
    let features = {
        let mut state = shared.state.lock();
        let features = state.features.features(&past);
        state.features.add_pending(past);
        changes.iter().for_each(|change| state.features.add_pending_change(past.id, *change));
        features
    };
    let document = document(event, &id, time);
    let mut record = judge(&config, id, document, payment, &past, &features);
    record.label = label;
    record.assessed_at = (shared.clock)();
    record.changed_at = record.assessed_at;
    write_verdict(&mut event.fields, &record);
    aim(event, &record.document);
    event.metadata.timestamp = Some(time);
    let latency = start.elapsed();
    measure(&record, latency);
    let record = Arc::new(record);
    records.insert(record.transaction_id.clone(), record.clone());
    let latency_us = u64::try_from(latency.as_micros()).unwrap_or(u64::MAX);
    let assessed = AssessedEvent { record, kind: Assessed::First, latency_us };
    Entry { assessed, step: Step::First(Box::new(past), changes) }
}

/// Applies rules, score and thresholds. `assessed_at` and `changed_at` are left at the payment's time.
pub(crate) fn judge(
    config: &FraudConfig,
    transaction_id: String,
    document: DocumentRef,
    payment: Payment,
    past: &PastPayment,
    features: &Features,
) -> VerdictRecord {
    let findings = rules::evaluate(&rules::Input { payment: &payment, past, features, config });
    let score = combine_points(findings.reasons.iter().map(|reason| reason.contribution));
    VerdictRecord {
        transaction_id,
        document,
        verdict: verdict(score, config),
        score,
        rules: findings.reasons.iter().map(|reason| reason.code.clone()).collect(),
        reasons: findings.reasons,
        skipped: findings.skipped,
        features: features.named(),
        rules_version: config.version.clone(),
        status: payment.status.clone(),
        status_at: payment.time,
        declined_at: payment.is_declined().then_some(payment.time),
        label: None,
        assessed_at: payment.time,
        changed_at: payment.time,
        payment,
    }
}

/// Where the event will be stored: as it says, else in its day's index under an id that derives from the transaction's.
fn document(event: &Event, transaction_id: &str, time: Timestamp) -> DocumentRef {
    let index = event.metadata.index.as_deref().map(str::to_owned);
    let id = event.metadata.id.clone().filter(|id| !id.is_empty());
    DocumentRef {
        index: index.unwrap_or_else(|| daily_index(ECOMMERCE_LOGS, time)),
        id: id.unwrap_or_else(|| {
            let hash = blake3::hash(transaction_id.as_bytes()).to_hex();
            format!("transaction-{}", &hash[..32])
        }),
    }
}

fn measure(record: &VerdictRecord, latency: Duration) {
    metrics::counter!("vigie_fraud_verdicts_total", "verdict" => record.verdict.as_str()).increment(1);
    metrics::histogram!("vigie_fraud_assessment_seconds").record(latency.as_secs_f64());
    for code in &record.rules {
        metrics::counter!("vigie_fraud_rule_hits_total", "rule" => code.clone()).increment(1);
    }
}
