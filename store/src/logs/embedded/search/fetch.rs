//! Reads the documents of a page of hits.

use super::super::mapping::{DateFormats, Family, FieldType};
use super::column::{Points, SegmentColumn, engine_error};
use super::dates::{DatePrinter, DateReader};
use super::fields::{Fields, Within};
use super::highlight::Highlighter;
use super::hit_details::{self, WantedDetails};
use super::number_format::NumberFormat;
use super::scalar::Scalar;
use super::sorting::{Entry, values_to_json};
use super::{Search, Shard, source};
use crate::{
    ErrorKind, StoreError,
    logs::{
        Hit,
        dsl::{
            FieldPattern, Highlight, ScriptField, SearchBody, SortKey, SortTarget, SourceFilter, ValueField,
        },
        embedded::{schema::ResolvedField, source_store::StoredDocument},
    },
};
use event::{Object, SequenceNumber};
use jiff::tz::TimeZone;
use serde_json::{Value, json};
use tantivy::DocAddress;

/// What of the hits is wanted.
pub(super) struct Wanted<'w> {
    pub(super) sort: &'w [SortKey],
    /// Whether the sort was asked for: only then hits have sort values.
    pub(super) sorted: bool,
    pub(super) scored: bool,
    pub(super) source: &'w SourceFilter,
    pub(super) fields: &'w [ValueField],
    pub(super) docvalue_fields: &'w [ValueField],
    pub(super) stored_fields: &'w [FieldPattern],
    pub(super) version: bool,
    pub(super) seq_no: bool,
    pub(super) highlight: Option<&'w Highlight>,
    pub(super) script_fields: &'w [ScriptField],
    pub(super) explain: bool,
    /// Whether hits tell which named queries they match.
    pub(super) names: bool,
    pub(super) bare: bool,
}

impl<'w> Wanted<'w> {
    /// What a search wants of its hits, sorted by these keys.
    pub(super) fn of(body: &'w SearchBody, sort: &'w [SortKey]) -> Self {
        Self {
            sort,
            sorted: !body.sort.is_empty(),
            scored: sort.iter().any(|key| key.target == SortTarget::Score) || body.track_scores,
            source: &body.source,
            fields: &body.fields,
            docvalue_fields: &body.docvalue_fields,
            stored_fields: &body.stored_fields,
            version: body.version,
            seq_no: body.seq_no_primary_term,
            highlight: body.highlight.as_ref(),
            script_fields: &body.script_fields,
            explain: body.explain,
            names: true,
            bare: body.bare,
        }
    }
}

/// Reads the hits of a page: the first of them, as many as there is time for.
pub(super) fn fetch(
    search: &Search<'_>,
    shards: &[Shard<'_>],
    wanted: &Wanted<'_>,
    entries: &[Entry],
) -> Result<Vec<Hit>, StoreError> {
    let highlighter = wanted.highlight.map(|highlight| Highlighter::new(highlight, &search.body.query));
    let mut hits = Vec::with_capacity(entries.len());
    let asked = WantedDetails { explain: wanted.explain, names: wanted.names };
    let details = hit_details::details(search, shards, entries, asked)?;
    for (entry, details) in entries.iter().zip(details) {
        search.watch.check()?;
        let Some(details) = details.filter(|_| !search.watch.is_late()) else { break };
        let shard = shard_of(shards, entry)?;
        let Stored { id, routing, document, has_source } = read(shard, entry)?;
        let highlight =
            highlighter.as_ref().and_then(|highlighter| highlighter.highlight(&shard.fields(), &document));
        hits.push(Hit {
            index: shard.index.name.to_string(),
            id,
            routing,
            score: entry.score.filter(|_| wanted.scored),
            sort: if wanted.sorted { values_to_json(wanted.sort, entry)? } else { Vec::new() },
            highlight,
            fields: fields_of(search, shard, entry, wanted, &document)?,
            ignored: ignored(shard, entry)?,
            version: if wanted.version { Some(version(shard, entry)) } else { None },
            seq_no: wanted.seq_no.then_some(SequenceNumber { seq_no: entry.seq_no, primary_term: 1 }),
            explanation: details.explanation,
            matched_queries: details.matched,
            bare: wanted.bare,
            source: filtered(document, wanted.source).filter(|_| has_source),
            ..Hit::default()
        });
    }
    Ok(hits)
}

/// A nested object as a hit: `of` are the hit that holds it, its path, and the object.
pub(super) fn nested_hit(
    search: &Search<'_>,
    fields: &Fields<'_>,
    entry: &Entry,
    wanted: &Wanted<'_>,
    of: (&Hit, &str, Object),
) -> Result<Hit, StoreError> {
    let (hit, path, object) = of;
    let mut whole = Object::new();
    whole.insert(path.to_owned(), Value::Object(object));
    let mut found = Object::new();
    for field in wanted.fields {
        sent_values(fields, field, &whole, search, &mut found)?;
    }
    for field in wanted.docvalue_fields {
        indexed_values(fields, field, entry, &mut found)?;
    }
    hit_details::add_script_fields(fields, wanted.script_fields, entry, &whole, &mut found, &search.watch)?;
    let highlight = wanted
        .highlight
        .and_then(|highlight| Highlighter::new(highlight, &search.body.query).highlight(fields, &whole));
    let source = filtered(whole, wanted.source).map(|mut kept| match kept.remove(path) {
        Some(Value::Object(object)) => object,
        _ => Object::new(),
    });
    Ok(Hit {
        index: hit.index.clone(),
        id: hit.id.clone(),
        score: entry.score.filter(|_| wanted.scored),
        sort: if wanted.sorted { values_to_json(wanted.sort, entry)? } else { Vec::new() },
        highlight,
        fields: (!found.is_empty()).then_some(found),
        source,
        ..Hit::default()
    })
}

/// The shard that holds the document.
pub(super) fn shard_of<'a, 's>(shards: &'a [Shard<'s>], entry: &Entry) -> Result<&'a Shard<'s>, StoreError> {
    let found = shards.iter().find(|shard| shard.rank == entry.shard);
    found.ok_or_else(|| StoreError::new(ErrorKind::Internal, "a hit belongs to no index of the search"))
}

/// What is stored of a hit.
struct Stored {
    id: String,
    routing: Option<String>,
    /// Without what is masked; empty if the index keeps none.
    document: Object,
    has_source: bool,
}

fn read(shard: &Shard<'_>, entry: &Entry) -> Result<Stored, StoreError> {
    let address = DocAddress::new(entry.segment, entry.doc);
    let StoredDocument { id, routing, source } = shard.generation.document(address).map_err(engine_error)?;
    let has_source = source.is_some();
    let mut document: Object =
        serde_json::from_slice(source.as_deref().unwrap_or(b"{}")).map_err(|error| {
            StoreError::new(ErrorKind::Corrupt, format!("document \"{id}\" does not read back"))
                .because(error)
        })?;
    source::mask(&mut document, shard.mask);
    Ok(Stored { id, routing, document, has_source })
}

/// What `_source` asks for.
fn filtered(document: Object, filter: &SourceFilter) -> Option<Object> {
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

fn version(shard: &Shard<'_>, entry: &Entry) -> u64 {
    let reader = shard.generation.searcher.segment_reader(entry.segment);
    reader.fast_fields().u64("_version").ok().and_then(|column| column.first(entry.doc)).unwrap_or(1)
}

/// What `fields`, `docvalue_fields` and `collapse` ask for, each as a list.
fn fields_of(
    search: &Search<'_>,
    shard: &Shard<'_>,
    entry: &Entry,
    wanted: &Wanted<'_>,
    document: &Object,
) -> Result<Option<Object>, StoreError> {
    let fields = shard.fields();
    let mut found = Object::new();
    let whole = fields.within(Within::Whole);
    for field in wanted.fields {
        sent_values(&whole, field, document, search, &mut found)?;
    }
    for field in wanted.docvalue_fields {
        indexed_values(&fields, field, entry, &mut found)?;
    }
    for pattern in wanted.stored_fields {
        stored_values(&fields, pattern, document, &mut found);
    }
    hit_details::add_script_fields(
        &fields,
        wanted.script_fields,
        entry,
        document,
        &mut found,
        &search.watch,
    )?;
    if let Some(collapse) = &search.body.collapse
        && let Some(value) = super::collapse::value_of(search, shard, entry)?
    {
        found.insert(collapse.field.clone(), json!([value]));
    }
    Ok((!found.is_empty()).then_some(found))
}

/// How the dates of a field are written.
fn printer(field: &ResolvedField, format: Option<&str>) -> Result<DatePrinter, StoreError> {
    let is_nanos = field.field_type == FieldType::DateNanos;
    let usual = is_nanos.then_some("strict_date_optional_time_nanos");
    let own = field.mapping.format.as_ref().map(DateFormats::as_str).or(usual);
    let printer = DatePrinter::new(format.or(own), TimeZone::UTC);
    // A format of the mapping that can be read need not be one that can be written.
    printer.or_else(|error| if format.is_some() { Err(error) } else { Ok(DatePrinter::iso()) })
}

/// Values as they were sent; dates in the format asked for or the field's own.
fn sent_values(
    fields: &Fields<'_>,
    wanted: &ValueField,
    document: &Object,
    search: &Search<'_>,
    found: &mut Object,
) -> Result<(), StoreError> {
    for path in fields.expand(wanted.pattern.as_str()) {
        let Some(field) = fields.resolve(path) else { continue };
        // Where it stands in the document: an alias or a multi-field stands nowhere.
        let stored = match field.path.rsplit_once('.') {
            Some((parent, _)) if field.mapping.is_multi_field => parent,
            _ => field.path.as_str(),
        };
        let mut values = Vec::new();
        source::values_at(document, stored, &mut values);
        let values: Vec<Value> = match field.family() {
            Family::Date => {
                let printer = printer(&field, wanted.format.as_deref())?;
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
        if !values.is_empty() {
            found.insert(path.to_owned(), Value::Array(values));
        }
    }
    Ok(())
}

/// Values of fields that are mapped with `store`: those of the source, which keeps them all.
fn stored_values(fields: &Fields<'_>, pattern: &FieldPattern, document: &Object, found: &mut Object) {
    for path in fields.expand(pattern.as_str()) {
        let Some(field) = fields.resolve(path).filter(|_| fields.index.mapping.is_stored(path)) else {
            continue;
        };
        let stored = match path.rsplit_once('.') {
            Some((parent, _)) if field.mapping.is_multi_field => parent,
            _ => path,
        };
        let mut values = Vec::new();
        source::values_at(document, stored, &mut values);
        if !values.is_empty() {
            found.insert(path.to_owned(), values.into_iter().cloned().collect());
        }
    }
}

/// Values as they are indexed, from the column.
fn indexed_values(
    fields: &Fields<'_>,
    wanted: &ValueField,
    entry: &Entry,
    found: &mut Object,
) -> Result<(), StoreError> {
    let reader = fields.generation.searcher.segment_reader(entry.segment);
    for path in fields.expand(wanted.pattern.as_str()) {
        let Some(field) = fields.resolve(path) else { continue };
        if field.column.is_none() {
            if wanted.pattern.exact().is_some() {
                return Err(super::sorting::sortable(field)
                    .err()
                    .unwrap_or_else(|| StoreError::invalid(format!("field [{path}] has no doc values"))));
            }
            continue;
        }
        let mut values = Vec::new();
        if field.family() == Family::Range {
            // As in Elasticsearch, their values are in the source only.
            continue;
        }
        if field.family() == Family::Geo {
            let points = Points::open(reader, &field).map_err(engine_error)?;
            let points = points.iter().flat_map(|points| points.of(entry.doc));
            values.extend(points.map(|(lat, lon)| json!(format!("{lat:?}, {lon:?}"))));
        } else if let Some(column) = SegmentColumn::open(reader, &field).map_err(engine_error)? {
            let mut keys: Vec<u64> = column.keys.values_for_doc(entry.doc).collect();
            keys.sort_unstable();
            if matches!(field.family(), Family::Keyword | Family::Ip) {
                keys.dedup();
            }
            for key in keys {
                let value = column.value(entry.doc, key).map_err(engine_error)?;
                values.push(indexed_value(&field, value, wanted.format.as_deref())?);
            }
        }
        if values.is_empty() {
            continue;
        }
        match found.get_mut(path) {
            // The same field in several formats.
            Some(Value::Array(known)) => known.extend(values),
            _ => drop(found.insert(path.to_owned(), Value::Array(values))),
        }
    }
    Ok(())
}

fn indexed_value(field: &ResolvedField, value: Scalar, format: Option<&str>) -> Result<Value, StoreError> {
    Ok(match (&value, field.family()) {
        (Scalar::Date(nanos), _) => Value::String(printer(field, format)?.print(*nanos)),
        (Scalar::Integer(whole), Family::Float) if format.is_none() => json!(*whole as f64),
        (value, _) => match (format.and_then(NumberFormat::new), value.as_f64()) {
            (Some(format), Some(number)) => Value::String(format.print(number)),
            _ => value.to_json(None),
        },
    })
}
