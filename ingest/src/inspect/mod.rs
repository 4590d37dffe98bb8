//! What a file is, before anything of it is stored: its format, the pipeline for it (one that exists, or a proposed
//! one), the mapping, and what its first records would become.

mod answer;
mod kinds;
mod mapping;
mod proposal;
mod structure;

use crate::{
    decode::{
        Archive, Column, DecodeError, Encoding, Framing, Limits, Peeked, RawRecord, Records, Resume, Shape,
        Source, container, sniff_text,
    },
    intake::{Context, Death, EventPipeline, Intake, Moment, Place, SourceContext, Takes, recognise},
    pipeline::Pipelines,
    time_forms::TimeForm,
};
pub use answer::{
    InspectError, InspectFailure, Inspection, ProposedPipeline, TableColumn, TableShape, TimeField,
};
use event::Object;
use serde_json::Value;
use std::{io::Read, sync::Arc};

/// So much of a file is looked at, decompressed.
const SAMPLE_MAX_BYTES: usize = 2 << 20;
/// Most records that are tried.
const RECORDS_MAX: usize = 2_000;
/// Events and failures that are shown.
const SHOWN_MAX: usize = 10;
/// Lines by which a structure is found, and objects by which fields are.
const STRUCTURE_RECORDS: usize = 200;
/// A proposed pattern must fit at least so many lines in a hundred, or there is none.
const PROPOSED_MIN_PERCENT: usize = 50;
/// Name under which a proposed pipeline is tried.
const PROPOSED: &str = "_proposed";

/// The start of a file, decompressed.
struct Sample {
    bytes: Vec<u8>,
    complete: bool,
    encoding: Encoding,
    member: Option<String>,
    compression: Option<&'static str>,
}

/// What became of the records.
#[derive(Default)]
struct Trial {
    records: u64,
    parsed: u64,
    events: Vec<Object>,
    failures: Vec<InspectFailure>,
}

impl Trial {
    fn rate(&self) -> f64 {
        if self.records == 0 { 1.0 } else { self.parsed as f64 / self.records as f64 }
    }
}

impl Intake {
    /// Looks at the start of a file, plain or compressed; nothing is stored. `whole`: the reader ends where the file does.
    /// Blocks for as long as about 2 MiB of it take.
    ///
    /// # Errors
    /// It is no text that uploads take.
    pub fn inspect(
        &self,
        pipelines: &Pipelines,
        file: Box<dyn Read + Send>,
        whole: bool,
    ) -> Result<Inspection, InspectError> {
        let sample = self.sample(file, whole)?;
        let guess = recognise(pipelines, &sample.peeked()?, sample.encoding, &self.limits);
        let known = pipelines
            .get(&guess.pipeline)
            .ok_or_else(|| InspectError::Internal(format!("there is no pipeline {:?}", guess.pipeline)))?;
        let known: Arc<dyn EventPipeline> = known;
        let context = self.context_of(known, &guess.pipeline, None, self.now(), SourceContext::Request);
        let mut trial = self.try_records(&sample, &context)?;
        let records = sample.records(&context.framing, &self.limits)?;
        let shape = records.shape();
        let objects = context.takes == Takes::Objects;
        let mut time = table_time(&shape);
        let mut definition = None;
        if !guess.is_own {
            let proposal = match &shape {
                Shape::Lines if !objects => self.propose_lines(pipelines, &sample)?,
                _ => self.propose_objects(pipelines, &sample, &context.framing)?,
            };
            if let Some(proposal) = proposal.filter(|proposal| proposal.trial.parsed > 0) {
                trial = proposal.trial;
                definition = Some(proposal.definition);
                time = time.or(proposal.time);
            }
        }
        let parse_rate = trial.rate();
        let format = match &shape {
            Shape::Lines if objects => "ndjson".to_owned(),
            Shape::Lines if guess.is_own => guess.pipeline.clone(),
            shape => shape.name().to_owned(),
        };
        Ok(Inspection {
            format,
            confidence: if guess.is_own { guess.share } else { parse_rate },
            encoding: sample.encoding.name(),
            compression: sample.compression,
            member: sample.member.clone(),
            table: table_shape(&shape),
            time,
            pipeline: ProposedPipeline { name: guess.pipeline, recognised: guess.is_own, definition },
            mapping: mapping::propose(&trial.events),
            bytes: sample.bytes.len() as u64,
            complete: sample.complete,
            records: trial.records,
            parsed: trial.parsed,
            parse_rate,
            samples: trial.events.into_iter().take(SHOWN_MAX).collect(),
            failures: trial.failures,
        })
    }

    fn sample(&self, mut file: Box<dyn Read + Send>, whole: bool) -> Result<Sample, InspectError> {
        let mut head = Vec::new();
        file.by_ref()
            .take(512)
            .read_to_end(&mut head)
            .map_err(|error| InspectError::Unreadable(format!("cannot read the file: {error}")))?;
        let compression = container(&head);
        let mut archive =
            Archive::open(Box::new(std::io::Cursor::new(head).chain(file)), self.limits, Arc::default())?;
        let Some(header) = archive.next_member()? else {
            return Err(InspectError::Unreadable("the zip has no files".into()));
        };
        let mut bytes = vec![0; SAMPLE_MAX_BYTES];
        let mut filled = 0;
        let mut complete = whole;
        while filled < bytes.len() {
            match archive.read(&mut bytes[filled..]) {
                Ok(0) => break,
                Ok(count) => filled += count,
                // What was sent may be the start of a longer file only.
                Err(error) if error.keeps_what_was_read() => {
                    complete = false;
                    break;
                }
                Err(error) => return Err(error.into()),
            }
        }
        complete &= filled < bytes.len();
        bytes.truncate(filled);
        if let Some(end) = memchr::memrchr(b'\n', &bytes).filter(|_| !complete) {
            // What follows is the start of a record.
            bytes.truncate(end + 1);
        }
        let encoding =
            sniff_text(Peeked::new(bytes.as_slice())?.sample()).map_err(InspectError::Unreadable)?;
        let member = Some(self.redact_text(header.name)).filter(|name| !name.is_empty());
        Ok(Sample { bytes, complete, encoding, member, compression })
    }

    /// Sends the records through the pipeline of the context.
    fn try_records(&self, sample: &Sample, context: &Context) -> Result<Trial, InspectError> {
        let mut records = sample.records(&context.framing, &self.limits)?;
        let mut trial = Trial::default();
        let now = Moment::new(self.now());
        while let Some(record) = Sample::next(&mut records)? {
            if trial.records as usize >= RECORDS_MAX {
                break;
            }
            trial.records += 1;
            self.try_record(record, context, &now, &mut trial);
        }
        Ok(trial)
    }

    fn try_record(&self, record: RawRecord<'_>, context: &Context, now: &Moment, trial: &mut Trial) {
        let place = Place { line: record.line, offset: record.offset, length: record.length };
        let death = if record.is_too_long() {
            Death::too_long(record.length)
        } else {
            let opened = context.envelope.open(record.bytes, context.received_at);
            match self.refinery.refine(record.bytes, opened, place, None, context, now) {
                Ok(event) => {
                    trial.parsed += 1;
                    if trial.events.len() < STRUCTURE_RECORDS {
                        trial.events.extend(event.map(|event| event.fields));
                    }
                    return;
                }
                Err(death) => death,
            }
        };
        if trial.failures.len() < SHOWN_MAX {
            let letter = self.refinery.bury(record.bytes, place, None, context, death, now);
            let mut shown = letter.original;
            shown.truncate(shown.floor_char_boundary(SHOWN_MAX_BYTES));
            trial.failures.push(InspectFailure { line: letter.line, reason: letter.reason, record: shown });
        }
    }

    /// The pipeline for lines of a structure that most of them share.
    fn propose_lines(
        &self,
        pipelines: &Pipelines,
        sample: &Sample,
    ) -> Result<Option<Proposal>, InspectError> {
        let texts = sample.texts(&Framing::Traces, &self.limits)?;
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        let mut best: Option<(Proposal, usize)> = None;
        for structure in structure::candidates(&texts) {
            let definition = proposal::for_lines(&structure);
            let time = structure.time.map(|form| time_field("message", form));
            let Some(proposal) = self.try_definition(pipelines, sample, definition, time)? else { continue };
            let (fields, rate) = (structure.fields, proposal.trial.rate());
            if rate * 100.0 < PROPOSED_MIN_PERCENT as f64 {
                continue;
            }
            let worth = |rate: f64, fields: usize| rate * rate * (1 + fields) as f64;
            let better = best
                .as_ref()
                .is_none_or(|(best, known)| worth(rate, fields) > worth(best.trial.rate(), *known));
            if better {
                best = Some((proposal, fields));
            }
        }
        Ok(best.map(|(proposal, _)| proposal))
    }

    /// The pipeline for objects with fields like these.
    fn propose_objects(
        &self,
        pipelines: &Pipelines,
        sample: &Sample,
        framing: &Framing,
    ) -> Result<Option<Proposal>, InspectError> {
        let texts = sample.texts(framing, &self.limits)?;
        let objects: Vec<Object> = texts.iter().filter_map(|text| serde_json::from_str(text).ok()).collect();
        let time = objects_time(&objects);
        let formats = time.as_ref().map(|(field, form)| (field.as_str(), form.formats));
        let Some(definition) = proposal::for_objects(&objects, formats) else { return Ok(None) };
        let time = time.as_ref().map(|(field, form)| time_field(field, form));
        self.try_definition(pipelines, sample, definition, time)
    }

    fn try_definition(
        &self,
        pipelines: &Pipelines,
        sample: &Sample,
        definition: Value,
        time: Option<TimeField>,
    ) -> Result<Option<Proposal>, InspectError> {
        let pipeline = match pipelines.check(PROPOSED, definition.clone()) {
            Ok(pipeline) => pipeline,
            Err(error) => {
                tracing::warn!(%error, "a proposed pipeline does not compile");
                return Ok(None);
            }
        };
        let context = self.context_of(pipeline, PROPOSED, None, self.now(), SourceContext::Request);
        let trial = self.try_records(sample, &context)?;
        Ok(Some(Proposal { definition, trial, time }))
    }
}

/// Longest start of a failing record that is shown, in bytes.
const SHOWN_MAX_BYTES: usize = 1_000;

struct Proposal {
    definition: Value,
    trial: Trial,
    time: Option<TimeField>,
}

impl Sample {
    fn peeked(&self) -> Result<Peeked<&[u8]>, DecodeError> {
        Peeked::new(self.bytes.as_slice())
    }

    fn records(&self, framing: &Framing, limits: &Limits) -> Result<Records<'_>, DecodeError> {
        Records::open(self.peeked()?, self.encoding, Resume::default(), limits, framing)
    }

    /// The next record; none at the end, nor where the sample breaks off.
    fn next<'r>(records: &'r mut Records<'_>) -> Result<Option<RawRecord<'r>>, DecodeError> {
        match records.next() {
            Err(error) if error.keeps_what_was_read() => Ok(None),
            result => result,
        }
    }

    fn texts(&self, framing: &Framing, limits: &Limits) -> Result<Vec<String>, DecodeError> {
        let mut records = self.records(framing, limits)?;
        let mut texts = Vec::new();
        while texts.len() < STRUCTURE_RECORDS {
            let Some(record) = Self::next(&mut records)? else { break };
            if !record.is_too_long() {
                texts.push(String::from_utf8_lossy(record.bytes).into_owned());
            }
        }
        Ok(texts)
    }
}

fn time_field(field: &str, form: &TimeForm) -> TimeField {
    TimeField {
        field: field.to_owned(),
        formats: form.formats.iter().map(|&format| format.to_owned()).collect(),
    }
}

/// The member of objects that holds their time: the first that is a day and a time of day in all of them.
fn objects_time(objects: &[Object]) -> Option<(String, &'static TimeForm)> {
    let first = objects.first()?;
    first.keys().filter(|key| !key.contains(['.', '\'', '\\'])).find_map(|key| {
        let texts: Option<Vec<&str>> = objects.iter().map(|object| object.get(key)?.as_str()).collect();
        let form = TimeForm::of_all(&texts?)?;
        (form.is_instant() && form.has_year()).then(|| (key.clone(), form))
    })
}

fn table_time(shape: &Shape) -> Option<TimeField> {
    let Shape::Csv(table) = shape else { return None };
    let (place, form) = table.time?;
    Some(time_field(&table.columns.get(place)?.name, form))
}

fn table_shape(shape: &Shape) -> Option<TableShape> {
    let Shape::Csv(table) = shape else { return None };
    let column = |(place, column): (usize, &Column)| {
        let is_time = table.time.is_some_and(|(time, _)| time == place);
        TableColumn { name: column.name.clone(), kind: if is_time { "date" } else { column.kind.name() } }
    };
    Some(TableShape {
        delimiter: char::from(table.delimiter).to_string(),
        has_header: table.has_header,
        columns: table.columns.iter().enumerate().map(column).collect(),
    })
}
