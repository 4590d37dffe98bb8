//! What happens to a payment after its verdict: a later status, a label.

use super::{
    features::Change,
    payment::{CHARGEBACK, DECLINED},
    record::{DocumentRef, Label, LabelValue, VerdictRecord},
};
use event::{Event, Object, Operation};
use jiff::Timestamp;
use serde_json::{Value, json};

/// A status or a label that came after the first event of a payment.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Later {
    pub(crate) status: Option<(String, Timestamp)>,
    pub(crate) label: Option<Label>,
    /// When the service heard of it.
    pub(crate) heard_at: Timestamp,
}

impl Later {
    /// A status; a chargeback is a label too.
    pub(crate) fn status(status: &str, at: Timestamp, heard_at: Timestamp) -> Self {
        let label = (status == CHARGEBACK).then_some(Label { value: LabelValue::Fraud, at });
        Self { status: Some((status.to_owned(), at)), label, heard_at }
    }

    /// A label only.
    pub(crate) fn label(label: Label, heard_at: Timestamp) -> Self {
        Self { status: None, label: Some(label), heard_at }
    }

    /// What of it is new to the record: a status later than the record's (of the same time: one that follows it in
    /// a payment's life), a label not older than the record's. `None` if nothing is.
    pub(crate) fn news_to(self, record: &VerdictRecord) -> Option<Self> {
        let old_rank = record.status.as_deref().map_or(0, rank);
        let status = self.status.filter(|(status, at)| {
            record.status.as_deref() != Some(status) && (*at, rank(status)) > (record.status_at, old_rank)
        });
        let label = self.label.filter(|new| record.label.is_none_or(|old| new.at >= old.at && *new != old));
        (status.is_some() || label.is_some()).then_some(Self { status, label, ..self })
    }

    /// Writes the news into the record.
    pub(crate) fn apply(&self, record: &mut VerdictRecord) {
        if let Some((status, at)) = &self.status {
            record.status = Some(status.clone());
            record.status_at = *at;
            if status == DECLINED {
                record.declined_at = Some(record.declined_at.map_or(*at, |declined| declined.min(*at)));
            }
        }
        record.label = self.label.or(record.label);
        record.changed_at = record.changed_at.max(self.heard_at);
    }

    /// The same for the features.
    pub(crate) fn changes(&self) -> impl Iterator<Item = Change> {
        let declined = self.status.as_ref().filter(|(status, _)| status == DECLINED);
        let declined = declined.map(|(_, at)| Change::Declined { at_ms: at.as_millisecond() });
        declined.into_iter().chain(self.label.map(Change::label))
    }

    /// Turns an event into the update of the payment's document. Only the news travel: facts on which the verdict
    /// rests stay as they were.
    pub(crate) fn rewrite(&self, event: &mut Event, record: &VerdictRecord) {
        let mut fields = Object::new();
        if let Some((status, at)) = &self.status {
            fields.insert(
                "ecommerce".into(),
                json!({"transaction": {"status": status, "status_at": at.to_string()}}),
            );
        }
        let mut fraud = Object::new();
        write_label(&mut fraud, self.label);
        fraud.insert("changed_at".into(), self.heard_at.to_string().into());
        fields.insert("fraud".into(), fraud.into());
        event.fields = fields;
        aim(event, &record.document);
        event.metadata.operation = Operation::Update;
        event.metadata.timestamp = Some(record.payment.time);
    }
}

/// Position of a status in a payment's life.
fn rank(status: &str) -> u8 {
    match status {
        "approved" | DECLINED => 1,
        "refunded" => 2,
        CHARGEBACK => 3,
        _ => 0,
    }
}

/// Points an event at a document.
pub(crate) fn aim(event: &mut Event, document: &DocumentRef) {
    event.metadata.index = Some(document.index.as_str().into());
    event.metadata.id = Some(document.id.clone());
}

/// Writes the verdict into the event; whatever the input had put under `fraud` is replaced.
pub(crate) fn write_verdict(fields: &mut Object, record: &VerdictRecord) {
    let reasons: Vec<Value> = record
        .reasons
        .iter()
        .map(|reason| {
            json!({"code": reason.code, "message": reason.message, "contribution": reason.contribution})
        })
        .collect();
    let mut fraud = Object::new();
    fraud.insert("verdict".into(), record.verdict.as_str().into());
    fraud.insert("score".into(), record.score.into());
    fraud.insert("reasons".into(), reasons.into());
    fraud.insert("rules".into(), record.rules.clone().into());
    write_label(&mut fraud, record.label);
    // Nothing that the event says of its verdict itself may stand beside it.
    fields.retain(|name, _| !name.starts_with("fraud."));
    fields.insert("fraud".into(), fraud.into());
}

fn write_label(fraud: &mut Object, label: Option<Label>) {
    if let Some(label) = label {
        fraud.insert("label".into(), label.value.as_str().into());
        fraud.insert("label_at".into(), label.at.to_string().into());
    }
}
