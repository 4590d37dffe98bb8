//! Which pipeline suits a sample of records.

use super::compiled::Pipeline;
use super::definition::{DefinitionError, Options, Place};
use super::grok::{Flavour, Grok};
use super::records;
use event::Object;
use expression::FieldPath;
use serde_json::Value;
use std::{collections::BTreeSet, sync::Arc};

/// Most records of a sample that are looked at, and the most bytes of each.
const SAMPLE_MAX: usize = 100;
const RECORD_MAX_BYTES: usize = 64 * 1024;
/// A dataset that names itself beats any guess from fields.
const NAMED_DATASET: u32 = 1_000;

/// What a sample looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SampleFormat {
    /// Lines of text.
    Line,
    /// JSON objects.
    Json,
}

/// The guess for a sample.
///
/// Each pipeline says under `_meta.vigie.detect` which records are its own: lines that match a grok pattern, or JSON
/// objects of a dataset or with certain fields. A pipeline is a candidate when at least half of the non-empty records
/// are its own. Among candidates the one that is more specific on the whole sample wins: a named dataset counts 1,000
/// a record, a set of fields as many as it has, a grok pattern as many as it captures; then more records, then the
/// name. Without a candidate: `json` for JSON objects, else `text`.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Detection {
    /// Name of the pipeline.
    pub pipeline: String,
    /// What most records are.
    pub format: SampleFormat,
    /// Whether the pipeline says that it recognises them; not so for `json` and `text` without a candidate.
    pub recognised: bool,
    /// Records that the pipeline calls its own.
    pub matched: usize,
    /// Non-empty records looked at.
    pub sampled: usize,
}

/// `_meta.vigie.detect`, compiled.
pub(crate) enum Detector {
    Line { grok: Grok, captures: u32 },
    Json { datasets: Vec<String>, any_of_fields: Vec<Vec<FieldPath>> },
}

impl Detector {
    /// Takes `_meta`, whose other members may be anything.
    pub(crate) fn compile(options: &mut Options) -> Result<Option<Self>, DefinitionError> {
        let Some(meta) = options.optional_object("_meta")? else { return Ok(None) };
        if let Err(reason) = records::framing(meta.get("vigie").and_then(|vigie| vigie.get("records"))) {
            return Err(options.error("_meta.vigie.records", reason));
        }
        let Some(detect) = meta.get("vigie").and_then(|vigie| vigie.get("detect")) else { return Ok(None) };
        let place = Place { position: None, ..options.place.clone() };
        let Value::Object(detect) = detect.clone() else {
            return Err(place.error(Some("_meta.vigie.detect"), "property isn't a map"));
        };
        let mut detect = Options::new(place, detect);
        let detector = match detect.text("format")?.as_str() {
            "line" => {
                let pattern = detect.text("pattern")?;
                let definitions = detect.optional_object("definitions")?.unwrap_or_default();
                let grok = Grok::compile(&[pattern], &definitions, Flavour::Ecs)
                    .map_err(|e| detect.error("_meta.vigie.detect.pattern", e))?;
                Self::Line { captures: u32::try_from(grok.captures()).unwrap_or(u32::MAX), grok }
            }
            "json" => {
                let datasets = detect.optional_texts("datasets")?.unwrap_or_default();
                Self::Json { datasets, any_of_fields: field_groups(&mut detect)? }
            }
            other => return Err(detect.error("format", format!("unknown format \"{other}\": line or json"))),
        };
        detect.finish()?;
        Ok(Some(detector))
    }

    /// Whether it recognises lines rather than JSON objects.
    pub(crate) fn is_line(&self) -> bool {
        matches!(self, Self::Line { .. })
    }

    /// Whether events of that dataset are its own.
    fn claims(&self, dataset: &str) -> bool {
        matches!(self, Self::Json { datasets, .. } if datasets.iter().any(|name| name == dataset))
    }

    /// How much a record is its own: 0 is not at all.
    fn score(&self, line: &str, object: Option<&Object>) -> u32 {
        match (self, object) {
            (Self::Line { grok, captures }, None) if grok.is_match(line) => (*captures).max(1),
            (Self::Json { any_of_fields, .. }, Some(object)) => {
                if dataset(object).is_some_and(|found| self.claims(found)) {
                    return NAMED_DATASET;
                }
                let present = |group: &&Vec<FieldPath>| group.iter().all(|path| has(object, path));
                let groups = any_of_fields.iter().filter(present);
                groups.map(|group| u32::try_from(group.len()).unwrap_or(u32::MAX).max(1)).max().unwrap_or(0)
            }
            _ => 0,
        }
    }
}

fn field_groups(detect: &mut Options) -> Result<Vec<Vec<FieldPath>>, DefinitionError> {
    let key = "any_of_fields";
    let mut groups = Vec::new();
    for group in detect.list(key)?.unwrap_or_default() {
        let Value::Array(names) = group else {
            return Err(detect.error(key, format!("a list of lists of fields is needed, found {group}")));
        };
        let paths = names.iter().map(|name| match name.as_str() {
            Some(name) => FieldPath::parse(name).map_err(|e| detect.error(key, e.to_string())),
            None => Err(detect.error(key, format!("property isn't a string, but {name}"))),
        });
        groups.push(paths.collect::<Result<_, _>>()?);
    }
    Ok(groups)
}

/// Both spellings: nested, and with a dot in the key.
fn has(object: &Object, path: &FieldPath) -> bool {
    path.get(object).or_else(|| object.get(path.as_str())).is_some_and(|value| !value.is_null())
}

fn dataset(object: &Object) -> Option<&str> {
    let nested = object.get("event").and_then(|event| event.get("dataset"));
    nested.or_else(|| object.get("event.dataset"))?.as_str()
}

pub(crate) fn detect(pipelines: &[Arc<Pipeline>], sample: &[&str]) -> Detection {
    let records: Vec<(&str, Option<Object>)> = sample
        .iter()
        .map(|record| record.trim())
        .filter(|record| !record.is_empty())
        .take(SAMPLE_MAX)
        .map(|record| (record, parse_object(record)))
        .collect();
    let objects = records.iter().filter(|(_, object)| object.is_some()).count();
    let format =
        if objects > 0 && objects * 2 >= records.len() { SampleFormat::Json } else { SampleFormat::Line };
    let detectors: Vec<(&Pipeline, &Detector)> =
        pipelines.iter().filter_map(|pipeline| Some((&**pipeline, pipeline.detector()?))).collect();
    let named = named_datasets(&records, &detectors);
    let mut best: Option<(u64, usize, &Pipeline)> = None;
    for (pipeline, detector) in &detectors {
        if named.len() > 1 && !detector.is_line() && !named.iter().all(|dataset| detector.claims(dataset)) {
            continue;
        }
        let scores = records.iter().map(|(line, object)| detector.score(clip(line), object.as_ref()));
        let (mut total, mut matched) = (0u64, 0);
        for score in scores.filter(|score| *score > 0) {
            total += u64::from(score);
            matched += 1;
        }
        let better = best.is_none_or(|(most, count, _)| (total, matched) > (most, count));
        if matched > 0 && matched * 2 >= records.len() && better {
            best = Some((total, matched, pipeline));
        }
    }
    let fallback =
        if format == SampleFormat::Json { ("json", objects) } else { ("text", records.len() - objects) };
    let recognised = best.is_some();
    let (pipeline, matched) = best.map_or(fallback, |(_, matched, pipeline)| (&**pipeline.name(), matched));
    Detection { pipeline: pipeline.to_owned(), format, recognised, matched, sampled: records.len() }
}

/// The datasets that records name and some pipeline knows.
fn named_datasets<'a>(
    records: &'a [(&str, Option<Object>)],
    detectors: &[(&Pipeline, &Detector)],
) -> BTreeSet<&'a str> {
    let named = records.iter().filter_map(|(_, object)| dataset(object.as_ref()?));
    named.filter(|dataset| detectors.iter().any(|(_, detector)| detector.claims(dataset))).collect()
}

fn parse_object(record: &str) -> Option<Object> {
    if !record.starts_with('{') {
        return None;
    }
    serde_json::from_str(record).ok()
}

fn clip(line: &str) -> &str {
    let mut end = line.len().min(RECORD_MAX_BYTES);
    while !line.is_char_boundary(end) {
        end -= 1;
    }
    &line[..end]
}
