//! Records as they arrive over the network: each may be for another pipeline, and a batch may be tried again.

use super::{
    Batch, ConnectionContext, Context, EventPipeline, Intake, IntakeError, Passage, ProcessorFailure,
    SourceContext, Takes, delivery::deliver, recognise::SAMPLE_RECORDS, text_at,
};
use crate::{
    decode::{Framing, RawRecord},
    envelope::{Body, Envelope, Opened},
    upload::Counts,
};
use bytes::Bytes;
use event::{Event, Timestamp};
use parking_lot::Mutex;
use std::{collections::HashMap, sync::Arc};

/// Pipelines for what nothing else is recognised in.
const LINES: &str = "text";
const OBJECTS: &str = "json";

/// A record that came over a connection.
#[derive(Debug, Clone)]
pub(crate) struct Arrival {
    /// Its bytes without frame; only the first few if it is longer than allowed.
    pub(crate) bytes: Bytes,
    /// Its whole length in bytes.
    pub(crate) length: u64,
    /// Counts the records of the connection, from 0.
    pub(crate) sequence: u64,
    /// Address of who sent it.
    pub(crate) sender: Arc<str>,
    /// Why it cannot be read, if so: then it is a dead letter.
    pub(crate) fault: Option<String>,
}

/// How the records of a connection are read.
pub(crate) struct Reception {
    /// Name of the input.
    pub(crate) input: Arc<str>,
    /// Id of the connection.
    pub(crate) connection: u128,
    /// What the records are wrapped in.
    pub(crate) envelope: Envelope,
    /// Where they go.
    pub(crate) pipeline: PipelineChoice,
    /// Whether only JSON objects are taken.
    pub(crate) objects_only: bool,
    /// `event.dataset` for records that bring none.
    pub(crate) dataset: Option<Arc<str>>,
    /// Whether records may ask for a pipeline of their own.
    pub(crate) pipeline_by_record: bool,
}

/// Which pipeline records go through.
pub(crate) enum PipelineChoice {
    /// This one.
    Named(Arc<str>),
    /// What each record is recognised as: where senders of many kinds come together.
    PerRecord,
    /// What the first records are recognised as, like an uploaded file.
    PerConnection(Mutex<Recognition>),
}

/// What the first records of a connection are recognised as.
#[derive(Default)]
pub(crate) struct Recognition {
    /// The records until there are enough of them, and how many there were.
    sample: Vec<String>,
    sampled: usize,
    name: Option<Arc<str>>,
}

/// Stands for a pipeline that is gone: its records are dead letters, to be replayed when it is back.
struct Missing;

impl EventPipeline for Missing {
    fn takes(&self) -> Takes {
        Takes::Either
    }

    fn index_prefix(&self) -> Option<&str> {
        None
    }

    fn run(&self, _event: &mut Event) -> Result<Passage, ProcessorFailure> {
        let reason = "there is no pipeline of that name".to_owned();
        Err(ProcessorFailure { processor: "pipeline".to_owned(), tag: None, reason })
    }
}

impl Intake {
    /// Takes records in; when this returns, all of them are stored, dead letters or dropped, durably. `again` says that an
    /// unknown part was stored before: then what is there already was stored by that.
    ///
    /// # Errors
    /// [`IntakeError::Port`] or [`IntakeError::Internal`]; the same records may be given again.
    pub(crate) async fn take_in(
        self: &Arc<Self>,
        arrivals: &Arc<[Arrival]>,
        reception: &Arc<Reception>,
        received_at: Timestamp,
        again: bool,
    ) -> Result<Counts, IntakeError> {
        // Always on a thread for that: should a pipeline panic, the records are still here.
        let (intake, records, read) = (Arc::clone(self), Arc::clone(arrivals), Arc::clone(reception));
        let mut batch =
            tokio::task::spawn_blocking(move || intake.refine_arrivals(&records, &read, received_at))
                .await
                .map_err(|error| IntakeError::Internal(error.to_string()))?;
        // Every event of the batch knows its own pipeline; this one only completes the dead letters of refused events.
        let context = self.context_or_missing(LINES, reception, None, received_at);
        let own_below = if again { u64::MAX } else { 0 };
        let delivery = deliver(&mut batch, &*self.sink, &self.refinery, &context, own_below).await?;
        if !delivery.dead.is_empty() {
            self.dead_letters.append(delivery.dead).await?;
        }
        Ok(delivery.counts)
    }

    /// Makes dead letters of records that cannot be processed, whatever is wrong with them.
    ///
    /// # Errors
    /// The dead letters cannot be kept.
    pub(crate) async fn bury_arrivals(
        &self,
        arrivals: &[Arrival],
        reception: &Reception,
        received_at: Timestamp,
        reason: &str,
    ) -> Result<Counts, IntakeError> {
        let name = match &reception.pipeline {
            PipelineChoice::Named(name) => Arc::clone(name),
            PipelineChoice::PerRecord | PipelineChoice::PerConnection(_) => LINES.into(),
        };
        let context = self.context_or_missing(&name, reception, None, received_at);
        let mut batch = Batch::new(self.now());
        for arrival in arrivals {
            batch.push_dead(arrival.record(), reason.to_owned(), &self.refinery, &context);
        }
        let counts = Counts { lines: batch.len() as u64, dead: batch.len() as u64, ..Counts::default() };
        self.dead_letters.append(batch.dead).await?;
        Ok(counts)
    }

    fn refine_arrivals(&self, arrivals: &[Arrival], reception: &Reception, received_at: Timestamp) -> Batch {
        let mut batch = Batch::new(self.now());
        let mut contexts: HashMap<(Arc<str>, Arc<str>), Context> = HashMap::new();
        let recognised = self.recognise_connection(arrivals, reception);
        for arrival in arrivals {
            let opened = reception.envelope.open(&arrival.bytes, received_at);
            let name = self.choose(&opened, arrival, reception, recognised.as_ref());
            let key = (name, Arc::clone(&arrival.sender));
            let context = contexts.entry(key).or_insert_with_key(|(name, sender)| {
                self.context_or_missing(name, reception, Some(sender), received_at)
            });
            match &arrival.fault {
                Some(fault) => batch.push_dead(arrival.record(), fault.clone(), &self.refinery, context),
                None => batch.push_opened(arrival.record(), opened, None, &self.refinery, context),
            }
        }
        batch
    }

    fn context_or_missing(
        &self,
        name: &str,
        reception: &Reception,
        sender: Option<&Arc<str>>,
        received_at: Timestamp,
    ) -> Context {
        let source = SourceContext::Connection(ConnectionContext {
            input: Arc::clone(&reception.input),
            id: reception.connection,
            sender: sender.cloned(),
        });
        let dataset = reception.dataset.as_deref();
        let context = self.context(name, dataset, received_at, source.clone()).unwrap_or_else(|| Context {
            framing: Framing::Lines,
            pipeline: Arc::new(Missing),
            pipeline_name: name.into(),
            takes: Takes::Either,
            index_prefix: None,
            dataset: reception.dataset.clone(),
            received_at,
            envelope: Envelope::Bare,
            source,
        });
        Context { envelope: reception.envelope.clone(), ..context }
    }

    fn pipeline_of_dataset(&self, reception: &Reception) -> Option<Arc<str>> {
        self.pipelines.for_dataset(reception.dataset.as_deref()?).map(Into::into)
    }

    /// What the connection's records are, if that is said once for all of them.
    fn recognise_connection(&self, arrivals: &[Arrival], reception: &Reception) -> Option<Arc<str>> {
        let recognition = match &reception.pipeline {
            PipelineChoice::Named(name) => return Some(Arc::clone(name)),
            PipelineChoice::PerRecord | PipelineChoice::PerConnection(_)
                if let Some(name) = self.pipeline_of_dataset(reception) =>
            {
                return Some(name);
            }
            PipelineChoice::PerRecord => return None,
            PipelineChoice::PerConnection(recognition) => recognition,
        };
        let mut recognition = recognition.lock();
        let missing = SAMPLE_RECORDS - recognition.sampled;
        let more = arrivals.iter().filter(|arrival| arrival.fault.is_none()).take(missing);
        let texts: Vec<_> =
            more.map(|arrival| String::from_utf8_lossy(&arrival.bytes).into_owned()).collect();
        if !texts.is_empty() {
            recognition.sampled += texts.len();
            recognition.sample.extend(texts);
            let sample: Vec<&str> = recognition.sample.iter().map(String::as_str).collect();
            let name = self.fitting(self.pipelines.detect(&sample).pipeline, reception);
            recognition.name = Some(name.into());
        }
        if recognition.sampled >= SAMPLE_RECORDS {
            recognition.sample = Vec::new();
        }
        recognition.name.clone()
    }

    /// The pipeline of one record.
    fn choose(
        &self,
        opened: &Opened<'_>,
        arrival: &Arrival,
        reception: &Reception,
        recognised: Option<&Arc<str>>,
    ) -> Arc<str> {
        if let (true, Some(asked)) = (reception.pipeline_by_record, &opened.pipeline) {
            return asked.as_str().into();
        }
        match recognised {
            Some(name) => Arc::clone(name),
            None => self.fitting(self.recognise_record(opened, &arrival.bytes), reception).into(),
        }
    }

    fn recognise_record(&self, opened: &Opened<'_>, bytes: &[u8]) -> String {
        let object = match &opened.body {
            Body::Text(text) => return self.pipelines.detect(&[text]).pipeline,
            Body::Object(object) => object,
        };
        // What the event is comes first, then what its message is: a line of a file that a shipper read.
        let whole = self.pipelines.detect(&[&String::from_utf8_lossy(bytes)]).pipeline;
        let message = text_at(object, &["message"]);
        let (OBJECTS, Some(message)) = (&*whole, message) else { return whole };
        let line = self.pipelines.detect(&[message]).pipeline;
        let says_what_it_is = text_at(object, &["event", "dataset"]).is_some();
        if line == LINES && says_what_it_is { whole } else { line }
    }

    /// The pipeline itself, or the one for any objects where nothing else is taken.
    fn fitting(&self, name: String, reception: &Reception) -> String {
        let lines = || self.pipelines.get(&name).is_none_or(|pipeline| pipeline.takes() == Takes::Lines);
        if reception.objects_only && lines() { OBJECTS.to_owned() } else { name }
    }
}

impl Arrival {
    fn record(&self) -> RawRecord<'_> {
        let Self { bytes, length, sequence, .. } = self;
        RawRecord { bytes, offset: *sequence, line: sequence + 1, length: *length }
    }
}
