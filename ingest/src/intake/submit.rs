use super::{
    Batch, Intake, Record,
    batch::Slot,
    delivery::deliver,
    recognise::SAMPLE_RECORDS,
    refinery::{Context, SourceContext},
};
use crate::{
    decode::{DecodeError, Framing, Peeked, RawRecord, Records, Resume, sample_records, sniff_text},
    ports::{Outcome, PortError},
    upload::Counts,
};
use bytes::Bytes;
use serde::Serialize;
use serde_json::Value;
use std::sync::Arc;

/// Up to so many bytes of records are processed on the calling thread; more on a blocking one.
const INLINE_MAX_BYTES: usize = 16 * 1024;

/// What became of one submitted record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ItemOutcome {
    /// Stored.
    Indexed,
    /// Was stored already.
    Duplicate,
    /// Became a dead letter.
    Dead,
    /// Dropped by the pipeline on purpose.
    Dropped,
}

/// One submitted record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SubmitItem {
    /// What became of it.
    pub outcome: ItemOutcome,
    /// The index that holds it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub index: Option<String>,
    /// Its `_id`, or the id of the dead letter.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Why it is dead.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

impl SubmitItem {
    fn stored(outcome: ItemOutcome, index: &str, id: &str) -> Self {
        Self { outcome, index: Some(index.to_owned()), id: Some(id.to_owned()), reason: None }
    }

    fn dead(id: &str, reason: &str) -> Self {
        Self {
            outcome: ItemOutcome::Dead,
            index: None,
            id: Some(id.to_owned()),
            reason: Some(reason.to_owned()),
        }
    }
}

/// What became of submitted records, once all of it is durable.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct SubmitReport {
    /// Stored.
    pub indexed: u64,
    /// Were stored already.
    pub duplicates: u64,
    /// Became dead letters.
    pub dead: u64,
    /// Dropped by the pipeline on purpose.
    pub dropped: u64,
    /// Name of the pipeline that they went through.
    pub pipeline: String,
    /// One per record, in their order.
    #[serde(skip)]
    pub items: Vec<SubmitItem>,
}

/// Why records cannot be submitted. Nothing was stored, or an unknown part (then sending them again adds nothing if
/// they have ids of their own).
#[derive(Debug, thiserror::Error)]
pub enum IntakeError {
    /// No pipeline of that name. (HTTP 400)
    #[error("there is no pipeline {0:?}; name one of the listed pipelines or `auto`")]
    UnknownPipeline(String),
    /// The body is no text, or its JSON breaks off. (HTTP 400)
    #[error("cannot read the records: {0}")]
    Malformed(String),
    /// The store or the dead letters failed. (HTTP by its kind)
    #[error(transparent)]
    Port(#[from] PortError),
    /// A fault of ours. (HTTP 500)
    #[error("processing the records failed: {0}")]
    Internal(String),
}

/// Records in whatever form they came.
enum Input {
    Body(Bytes),
    Texts(Vec<String>),
}

impl Intake {
    /// Takes records in: pipeline, redaction, write. `pipeline` is a name, or `None` (or `auto`) to recognise it by the
    /// first records. When this returns, what is reported is durable.
    ///
    /// # Errors
    /// See [`IntakeError`].
    pub async fn submit(
        self: &Arc<Self>,
        records: Vec<Record>,
        pipeline: Option<&str>,
    ) -> Result<SubmitReport, IntakeError> {
        let texts = records.into_iter().map(|record| match record {
            Record::Line(line) => line,
            Record::Object(object) => Value::Object(object).to_string(),
        });
        self.submit_input(Input::Texts(texts.collect()), pipeline).await
    }

    /// As [`Intake::submit`] for a body of lines, NDJSON, one JSON array, or JSON objects one after another.
    ///
    /// # Errors
    /// See [`IntakeError`]; a body that breaks off is refused whole.
    pub async fn submit_body(
        self: &Arc<Self>,
        body: Bytes,
        pipeline: Option<&str>,
    ) -> Result<SubmitReport, IntakeError> {
        self.submit_input(Input::Body(body), pipeline).await
    }

    async fn submit_input(
        self: &Arc<Self>,
        input: Input,
        pipeline: Option<&str>,
    ) -> Result<SubmitReport, IntakeError> {
        let name = pipeline.filter(|name| *name != "auto").map(str::to_owned);
        let (mut batch, context) = if input.bytes() <= INLINE_MAX_BYTES {
            self.process(&input, name)?
        } else {
            let intake = Arc::clone(self);
            tokio::task::spawn_blocking(move || intake.process(&input, name))
                .await
                .map_err(|error| IntakeError::Internal(error.to_string()))??
        };
        let delivery = deliver(&mut batch, &*self.sink, &self.refinery, &context, 0).await?;
        let report = report(&batch, &delivery.counts, &delivery, &context);
        if !delivery.dead.is_empty() {
            self.dead_letters.append(delivery.dead).await?;
        }
        Ok(report)
    }

    fn process(&self, input: &Input, name: Option<String>) -> Result<(Batch, Context), IntakeError> {
        let name = match name {
            Some(name) => name,
            None => input.detect(self)?,
        };
        let now = (self.refinery.clock)();
        let Some(context) = self.context(&name, None, now, SourceContext::Request) else {
            return Err(IntakeError::UnknownPipeline(name));
        };
        let mut batch = Batch::new(now);
        input.each(self, |record| batch.push(record, None, &self.refinery, &context))?;
        Ok((batch, context))
    }
}

impl Input {
    fn bytes(&self) -> usize {
        match self {
            Self::Body(body) => body.len(),
            Self::Texts(texts) => texts.iter().map(String::len).sum(),
        }
    }

    fn detect(&self, intake: &Intake) -> Result<String, IntakeError> {
        let sample = match self {
            Self::Texts(texts) => texts.iter().take(SAMPLE_RECORDS).cloned().collect(),
            Self::Body(body) => {
                let peeked = Peeked::new(&body[..]).map_err(malformed)?;
                let encoding = sniff_text(peeked.sample()).map_err(IntakeError::Malformed)?;
                sample_records(&peeked, encoding, SAMPLE_RECORDS, &intake.limits, &Framing::Lines)
            }
        };
        let sample: Vec<&str> = sample.iter().map(String::as_str).collect();
        Ok(intake.pipelines.detect(&sample).pipeline)
    }

    fn each(&self, intake: &Intake, mut take: impl FnMut(RawRecord<'_>)) -> Result<(), IntakeError> {
        match self {
            Self::Texts(texts) => {
                for (index, text) in texts.iter().enumerate() {
                    let length = text.len() as u64;
                    let shown = if text.len() > intake.limits.record_max_bytes {
                        intake.limits.record_kept_bytes.min(text.len())
                    } else {
                        text.len()
                    };
                    let bytes = &text.as_bytes()[..shown];
                    take(RawRecord { bytes, offset: 0, line: index as u64 + 1, length });
                }
            }
            Self::Body(body) => {
                let peeked = Peeked::new(&body[..]).map_err(malformed)?;
                let encoding = sniff_text(peeked.sample()).map_err(IntakeError::Malformed)?;
                let mut records =
                    // A body comes in pieces: what stands at its head (the header of a table) holds for one only.
                    Records::open(peeked, encoding, Resume::default(), &intake.limits, &Framing::Lines)
                        .map_err(malformed)?;
                while let Some(record) = records.next().map_err(malformed)? {
                    take(record);
                }
            }
        }
        Ok(())
    }
}

fn malformed(error: DecodeError) -> IntakeError {
    IntakeError::Malformed(error.to_string())
}

fn report(
    batch: &Batch,
    counts: &Counts,
    delivery: &super::delivery::Delivery,
    context: &Context,
) -> SubmitReport {
    // The dead letters of refused events follow those of the batch, in the order of the events.
    let refused_start = batch.slots.iter().filter(|slot| matches!(slot, Slot::Dead(_))).count();
    let mut refused = delivery.dead[refused_start..].iter();
    let items = batch.slots.iter().map(|slot| match *slot {
        Slot::Dropped => SubmitItem { outcome: ItemOutcome::Dropped, index: None, id: None, reason: None },
        Slot::Dead(at) => SubmitItem::dead(&delivery.dead[at].id, &delivery.dead[at].reason),
        Slot::Event(at) => match &delivery.outcomes[at] {
            Outcome::Indexed { index, id } => SubmitItem::stored(ItemOutcome::Indexed, index, id),
            Outcome::Duplicate { index, id } => SubmitItem::stored(ItemOutcome::Duplicate, index, id),
            Outcome::Refused { reason } => {
                let id = refused.next().map(|letter| letter.id.as_str()).unwrap_or_default();
                SubmitItem::dead(id, reason)
            }
        },
    });
    SubmitReport {
        indexed: counts.indexed,
        duplicates: counts.duplicates,
        dead: counts.dead,
        dropped: counts.dropped,
        pipeline: context.pipeline_name.to_string(),
        items: items.collect(),
    }
}
