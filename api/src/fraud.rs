//! Verdicts over HTTP: transactions go in by the same way as any event, and the verdict that they got comes out.

use crate::{ApiError, auth::scope::label_scope, state::App};
use detect::fraud::{
    FraudError, Label, NewLabel, PortErrorKind, Reason, SkippedRule, Verdict, VerdictRecord,
};
use event::{Event, Object, Operation};
use ingest::intake::{ItemOutcome, Record, SubmitItem};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;
use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};
use store::{
    StoreError,
    logs::{Refresh, WriteResult},
    scope::Scope,
};
use utoipa::ToSchema;

/// Most transactions or labels in one request.
const BATCH_MAX: usize = 1_000;
/// Longest id of a transaction.
const ID_MAX_BYTES: usize = 256;
/// The pipeline that maps transactions.
const PIPELINE: &str = "transaction";

/// A verdict on a transaction.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct VerdictView {
    /// The transaction.
    transaction_id: String,
    /// `allow`, `review` or `block`.
    #[schema(value_type = String)]
    verdict: Verdict,
    /// 0 (nothing speaks against it) to 100.
    score: f64,
    /// Why, the largest contribution first: `code`, `message`, `contribution`, `evidence`.
    #[schema(value_type = Vec<Object>)]
    reasons: Vec<Reason>,
    /// Codes of the rules that fired.
    rules: Vec<String>,
    /// The model that took part; null as long as there is none.
    #[schema(value_type = Option<Object>)]
    model: Option<Value>,
    /// Microseconds from the request to the durable verdict, when it was given for this request.
    #[serde(skip_serializing_if = "Option::is_none")]
    latency_us: Option<u64>,
    /// Rules that could not be evaluated, and why.
    #[schema(value_type = Vec<Object>)]
    skipped: Vec<SkippedRule>,
    /// What was known when the verdict was given, by name.
    features: BTreeMap<String, f64>,
    /// Version of the rules in force.
    rules_version: String,
    /// The facts of the payment.
    #[schema(value_type = Object)]
    payment: detect::fraud::Payment,
    /// Latest status of the payment.
    status: Option<String>,
    /// What it turned out to be, and since when that is known.
    #[schema(value_type = Option<Object>)]
    label: Option<Label>,
    /// Index of the stored event.
    index: String,
    /// Id of the stored event.
    id: String,
    /// When the verdict was given.
    #[schema(value_type = String, format = DateTime)]
    assessed_at: Timestamp,
}

/// What became of labels.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Labelled {
    /// How many changed something.
    labelled: usize,
    /// Transactions that have no verdict.
    unknown: Vec<String>,
}

impl VerdictView {
    pub(crate) fn new(record: VerdictRecord, latency: Option<Duration>) -> Self {
        Self {
            transaction_id: record.transaction_id,
            verdict: record.verdict,
            score: record.score,
            reasons: record.reasons,
            rules: record.rules,
            model: None,
            latency_us: latency.map(|latency| u64::try_from(latency.as_micros()).unwrap_or(u64::MAX)),
            skipped: record.skipped,
            features: record.features,
            rules_version: record.rules_version,
            payment: record.payment,
            status: record.status,
            label: record.label,
            index: record.document.index,
            id: record.document.id,
            assessed_at: record.assessed_at,
        }
    }

    /// The verdict as this caller may see it: without the facts that come from fields it does not see, and without the
    /// words of reasons that rest on them.
    pub(crate) fn masked_for(mut self, scope: &Scope) -> Self {
        if !scope.masks_anything() {
            return self;
        }
        for reason in &mut self.reasons {
            let evidence = reason.evidence.len();
            reason.evidence.retain(|evidence| !scope.masks_field(&evidence.feature));
            if reason.evidence.len() < evidence {
                reason.message.clone_from(&reason.code);
            }
        }
        let payment = &mut self.payment;
        let texts = [
            ("user.id", &mut payment.user_id),
            ("user.email", &mut payment.email),
            ("ecommerce.card.token", &mut payment.card),
            ("device.id", &mut payment.device_id),
            ("source.ip", &mut payment.address),
            ("source.geo.country_iso_code", &mut payment.address_country),
            ("ecommerce.card.country", &mut payment.card_country),
            ("ecommerce.billing.country", &mut payment.billing_country),
            ("ecommerce.shipping.country", &mut payment.shipping_country),
        ];
        texts.into_iter().filter(|(field, _)| scope.masks_field(field)).for_each(|(_, value)| *value = None);
        if scope.masks_field("source.geo.location") {
            payment.location = None;
        }
        if scope.masks_field("ecommerce.transaction.amount") {
            (payment.amount, payment.amount_minor) = (None, None);
            self.features.clear();
        }
        self
    }
}

/// Takes transactions in and gives their verdicts, in their order. 400 naming the first that is none; the others
/// are stored all the same.
pub(crate) async fn assess(
    app: &App,
    scope: &Scope,
    transactions: Vec<Object>,
) -> Result<Vec<VerdictView>, ApiError> {
    let started = Instant::now();
    if transactions.is_empty() || transactions.len() > BATCH_MAX {
        return Err(ApiError::field(
            "body",
            format!("holds {} transactions: send 1 to {BATCH_MAX}", transactions.len()),
        ));
    }
    let ids = transactions.iter().enumerate().map(|(at, transaction)| id_of(at, transaction));
    let ids = ids.collect::<Result<Vec<_>, _>>()?;
    let records = transactions.into_iter().map(Record::Object).collect();
    let report = app.parts().intake.submit(records, Some(PIPELINE)).await?;
    let mut verdicts = Vec::with_capacity(ids.len());
    for (at, (id, item)) in ids.iter().zip(&report.items).enumerate() {
        check_outcome(at, item)?;
        let record = app.parts().fraud.verdict(id).await?;
        let record = record.ok_or_else(|| {
            // The event is stored under what redaction made of the id.
            let message = "was changed on the way in: an id must not look like a card number or a secret";
            ApiError::field(format!("[{at}].transaction_id"), message)
        })?;
        verdicts.push(VerdictView::new((*record).clone(), Some(started.elapsed())).masked_for(scope));
    }
    Ok(verdicts)
}

fn id_of(at: usize, transaction: &Object) -> Result<String, ApiError> {
    match transaction.get("transaction_id") {
        Some(Value::String(id))
            if (1..=ID_MAX_BYTES).contains(&id.len())
                && id.trim() == id
                && !id.chars().any(char::is_control) =>
        {
            Ok(id.clone())
        }
        Some(Value::Number(id)) => Ok(id.to_string()),
        _ => {
            let message = format!(
                "a transaction has an id: a text of 1 to {ID_MAX_BYTES} bytes, no spaces around it, no control characters"
            );
            Err(ApiError::field(format!("[{at}].transaction_id"), message))
        }
    }
}

fn check_outcome(at: usize, item: &SubmitItem) -> Result<(), ApiError> {
    match item.outcome {
        ItemOutcome::Indexed | ItemOutcome::Duplicate => Ok(()),
        ItemOutcome::Dropped => Err(ApiError::field(format!("[{at}]"), "the pipeline dropped it")),
        ItemOutcome::Dead => {
            let reason = item.reason.clone().unwrap_or_else(|| "it cannot be stored".to_owned());
            Err(ApiError::field(format!("[{at}]"), reason))
        }
    }
}

/// Labels transactions: in the history, and in their events.
pub(crate) async fn label(app: &App, labels: Vec<NewLabel>) -> Result<Labelled, ApiError> {
    if labels.is_empty() || labels.len() > BATCH_MAX {
        return Err(ApiError::field("body", format!("holds {} labels: send 1 to {BATCH_MAX}", labels.len())));
    }
    let mut labelling = app.parts().fraud.label(labels).await?;
    let events = labelling.assessment.take_events();
    let operations: Vec<Operation> = events.iter().map(|event| event.metadata.operation).collect();
    let results = app.parts().logs.write(&label_scope(), events, Refresh::Background).await?;
    let accepted: Vec<bool> =
        results.iter().zip(operations).map(|(result, operation)| result.is_settled(operation)).collect();
    app.parts().fraud.commit(labelling.assessment, &accepted).await;
    let labelled = accepted.iter().filter(|accepted| **accepted).count();
    Ok(Labelled { labelled, unknown: labelling.unknown })
}

/// Writes events that clients have made themselves: transactions among those for the shops' indices get their verdict
/// first, as those do that come in by uploads. What is a payment that has a verdict already becomes a change of its event
/// or a conflict. One outcome per event, in order.
pub(crate) async fn write_judged(
    app: &App,
    scope: &Scope,
    events: Vec<Event>,
    refresh: Refresh,
) -> Result<Vec<WriteResult>, ApiError> {
    let write = async |events: Vec<Event>| -> Result<_, StoreError> {
        let operations: Vec<Operation> = events.iter().map(|event| event.metadata.operation).collect();
        let results = app.parts().logs.write(scope, events, refresh).await?;
        let accepted = results.iter().zip(operations).map(|(result, sent)| result.is_settled(sent)).collect();
        Ok((results, accepted))
    };
    Ok(app.parts().fraud.write_judged(events, write).await??)
}

impl From<FraudError> for ApiError {
    fn from(error: FraudError) -> Self {
        match &error {
            FraudError::Busy | FraudError::Backlog { .. } => {
                Self::too_many(error.to_string(), Duration::from_secs(1)).because(error)
            }
            FraudError::Port(port) => match port.kind {
                PortErrorKind::Invalid => Self::invalid(port.message.clone()).because(error),
                PortErrorKind::Unavailable => {
                    Self::unavailable("the history of verdicts does not answer").because(error)
                }
                PortErrorKind::Internal => Self::internal(error),
            },
        }
    }
}
