//! Reads the documents of a page of hits.

use super::super::mapping::{DateFormats, Family};
use super::column::engine_error;
use super::dates::{DatePrinter, DateReader};
use super::fields::Fields;
use super::highlight::Highlighter;
use super::sorting::{Entry, values_to_json};
use super::{Search, Shard, source};
use crate::{
    ErrorKind, StoreError,
    logs::{
        Hit,
        dsl::{FieldPattern, SortTarget, SourceFilter},
    },
};
use event::{Object, SequenceNumber};
use jiff::tz::TimeZone;
use serde_json::Value;
use tantivy::{DocAddress, TantivyDocument, schema::Value as _};

/// Reads the hits of a page.
pub(super) fn fetch(
    search: &Search<'_>,
    shards: &[Shard<'_>],
    entries: &[Entry],
) -> Result<Vec<Hit>, StoreError> {
    let body = search.body;
    let highlighter = body.highlight.as_ref().map(|highlight| Highlighter::new(highlight, &body.query));
    // Without a sort of its own a hit has a score and no sort values.
    let sorted = !body.sort.is_empty();
    let by_score = search.sort.iter().any(|key| key.target == SortTarget::Score) || body.track_scores;
    let mut hits = Vec::with_capacity(entries.len());
    for entry in entries {
        let shard = shard_of(shards, entry)?;
        let fields = shard.fields();
        let (id, document) = read(shard, entry)?;
        let highlight =
            highlighter.as_ref().and_then(|highlighter| highlighter.highlight(&fields, &document));
        let wanted = match body.fields.as_slice() {
            [] => None,
            list => Some(field_values(&fields, list, &document, search)?),
        };
        hits.push(Hit {
            index: shard.index.name.to_string(),
            id,
            score: entry.score.filter(|_| by_score),
            source: filtered(document, &body.source),
            sort: if sorted { values_to_json(search.sort, entry)? } else { Vec::new() },
            highlight,
            fields: wanted,
            ignored: ignored(shard, entry)?,
            version: if body.version { Some(version(shard, entry)) } else { None },
        });
    }
    Ok(hits)
}

/// The shard that holds the document.
pub(super) fn shard_of<'a, 's>(shards: &'a [Shard<'s>], entry: &Entry) -> Result<&'a Shard<'s>, StoreError> {
    let found = shards.iter().find(|shard| shard.rank == entry.shard);
    found.ok_or_else(|| StoreError::new(ErrorKind::Internal, "a hit belongs to no index of the search"))
}

/// Id and document, without what is masked.
pub(super) fn read(shard: &Shard<'_>, entry: &Entry) -> Result<(String, Object), StoreError> {
    let schema = &shard.generation.schema;
    let address = DocAddress::new(entry.segment, entry.doc);
    let stored: TantivyDocument = shard.generation.searcher.doc(address).map_err(engine_error)?;
    let id = stored.get_first(schema.id).and_then(|id| id.as_str()).unwrap_or_default().to_owned();
    let bytes = stored.get_first(schema.source).and_then(|source| source.as_bytes()).unwrap_or(b"{}");
    let mut document: Object = serde_json::from_slice(bytes).map_err(|error| {
        StoreError::new(ErrorKind::Corrupt, format!("document \"{id}\" does not read back")).because(error)
    })?;
    source::mask(&mut document, shard.mask);
    Ok((id, document))
}

/// What `_source` asks for.
pub(super) fn filtered(document: Object, filter: &SourceFilter) -> Option<Object> {
    (!filter.none).then(|| source::filter(document, filter))
}

fn ignored(shard: &Shard<'_>, entry: &Entry) -> Result<Vec<String>, StoreError> {
    let reader = shard.generation.searcher.segment_reader(entry.segment);
    let Some(column) = reader.fast_fields().str("_ignored").map_err(engine_error)? else {
        return Ok(Vec::new());
    };
    let mut paths = Vec::new();
    for ord in column.term_ords(entry.doc) {
        let mut path = String::new();
        column.ord_to_str(ord, &mut path).map_err(engine_error)?;
        if !shard.mask.hides(&path) {
            paths.push(path);
        }
    }
    Ok(paths)
}

fn version(shard: &Shard<'_>, entry: &Entry) -> (u64, SequenceNumber) {
    let reader = shard.generation.searcher.segment_reader(entry.segment);
    let version =
        reader.fast_fields().u64("_version").ok().and_then(|column| column.first(entry.doc)).unwrap_or(1);
    (version, SequenceNumber { seq_no: entry.seq_no, primary_term: 1 })
}

/// The values of the fields asked for, each as a list; dates in the format asked for or the field's own.
fn field_values(
    fields: &Fields<'_>,
    wanted: &[(FieldPattern, Option<String>)],
    document: &Object,
    search: &Search<'_>,
) -> Result<Object, StoreError> {
    let mut found = Object::new();
    for (pattern, format) in wanted {
        for path in fields.expand(pattern.as_str()) {
            let Some(field) = fields.resolve(path) else { continue };
            let stored = match path.rsplit_once('.') {
                Some((parent, _)) if field.mapping.is_multi_field => parent,
                _ => path,
            };
            let mut values = Vec::new();
            source::values_at(document, stored, &mut values);
            if values.is_empty() {
                continue;
            }
            let values: Vec<Value> = match field.family() {
                Family::Date => {
                    let own = field.mapping.format.as_ref().map(DateFormats::as_str);
                    let printer =
                        DatePrinter::new(format.as_deref().or(own), TimeZone::UTC).or_else(|error| {
                            if format.is_some() { Err(error) } else { Ok(DatePrinter::iso()) }
                        })?;
                    let reader = DateReader {
                        formats: field.mapping.date_formats(),
                        zone: TimeZone::UTC,
                        now: search.now,
                    };
                    let print = |value: &&Value| {
                        reader.read(value, false).ok().map(|at| Value::String(printer.print(at)))
                    };
                    values.iter().filter_map(print).collect()
                }
                _ => values.into_iter().cloned().collect(),
            };
            found.insert(path.to_owned(), Value::Array(values));
        }
    }
    Ok(found)
}
