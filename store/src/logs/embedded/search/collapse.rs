//! `collapse`: the best hit of each value of a field.

use super::aggregations::Key;
use super::breaker::Reserved;
use super::column::{SegmentColumn, engine_error};
use super::hash::FastMap;
use super::scalar::Scalar;
use super::sorting::{Entry, SegmentTop, compare, sortable};
use super::{Search, Shard};
use crate::{
    StoreError,
    logs::{
        dsl::{Bool, Query, SearchBody, SortKey, Term},
        embedded::mapping::Family,
    },
};
use serde_json::Value;
use std::collections::HashMap;
use tantivy::{DocId, Score, SegmentReader};

/// Different values that one search may collapse.
const GROUPS_MAX: usize = 200_000;

/// The best hit of each value so far; the null is that of documents without value.
#[derive(Default)]
pub(super) struct Groups {
    best: HashMap<Key, Entry>,
}

impl Groups {
    /// Memory that they take, about.
    pub(super) fn bytes(&self) -> usize {
        self.best.iter().map(|(key, entry)| key.bytes() + entry.bytes()).sum()
    }
}

/// The best hits of one segment.
pub(super) struct SegmentGroups<'k> {
    column: Option<SegmentColumn>,
    template: SegmentTop<'k>,
    tops: FastMap<Option<u64>, (SegmentTop<'k>, DocId)>,
    reserved: Reserved,
}

impl<'k> SegmentGroups<'k> {
    /// `template` keeps one document.
    pub(super) fn new(
        shard: &Shard<'_>,
        reader: &SegmentReader,
        field: &str,
        template: SegmentTop<'k>,
        reserved: Reserved,
    ) -> Result<Self, StoreError> {
        let column = match shard.fields().resolve(field) {
            None => None,
            Some(field) => {
                if matches!(field.family(), Family::Text | Family::Geo | Family::Range) {
                    return Err(StoreError::invalid(format!(
                        "collapse is not supported for the field [{}] of the type [{}]",
                        field.path,
                        field.field_type.name()
                    )));
                }
                SegmentColumn::open(reader, &sortable(field)?).map_err(engine_error)?
            }
        };
        Ok(Self { column, template, tops: FastMap::default(), reserved })
    }

    pub(super) fn offer(&mut self, doc: DocId, score: Option<Score>) -> Result<(), StoreError> {
        let key = self.column.as_ref().and_then(|column| column.keys.first(doc));
        if !self.tops.contains_key(&key) {
            if self.tops.len() >= GROUPS_MAX {
                let message =
                    format!("[collapse] finds more than {GROUPS_MAX} different values; narrow the query");
                return Err(StoreError::invalid(message));
            }
            let top = self.template.empty();
            // It keeps one document, which comes right away.
            self.reserved.add(top.bytes() * 2)?;
            self.tops.insert(key, (top, doc));
        }
        if let Some((top, _)) = self.tops.get_mut(&key) {
            top.offer(doc, score);
        }
        Ok(())
    }

    /// Adds what was found to that of other segments.
    pub(super) fn finish(self, sort: &[SortKey], groups: &mut Groups) -> Result<(), StoreError> {
        for (raw, (top, doc)) in self.tops {
            let key = match (raw, &self.column) {
                (Some(raw), Some(column)) => {
                    Key::from_scalar(column.value(doc, raw).map_err(engine_error)?).into_float()
                }
                _ => Key::Null,
            };
            for entry in top.finish()? {
                match groups.best.get(&key) {
                    Some(known) if compare(sort, known, &entry).is_le() => {}
                    _ => drop(groups.best.insert(key.clone(), entry)),
                }
            }
        }
        if groups.best.len() > GROUPS_MAX {
            let message =
                format!("[collapse] finds more than {GROUPS_MAX} different values; narrow the query");
            return Err(StoreError::invalid(message));
        }
        Ok(())
    }
}

impl Groups {
    /// The best of the best.
    pub(super) fn into_entries(self, sort: &[SortKey], limit: usize) -> Vec<Entry> {
        let mut entries: Vec<Entry> = self.best.into_values().collect();
        entries.sort_unstable_by(|a, b| compare(sort, a, b));
        entries.truncate(limit);
        entries
    }
}

/// The value that a hit stands for.
pub(super) fn value_of(
    search: &Search<'_>,
    shard: &Shard<'_>,
    entry: &Entry,
) -> Result<Option<Value>, StoreError> {
    let Some(collapse) = &search.body.collapse else { return Ok(None) };
    let Some(field) = shard.fields().resolve(&collapse.field) else { return Ok(None) };
    let reader = shard.generation.searcher.segment_reader(entry.segment);
    let Some(column) = SegmentColumn::open(reader, &field).map_err(engine_error)? else { return Ok(None) };
    let Some(raw) = column.keys.first(entry.doc) else { return Ok(None) };
    let value: Scalar = column.value(entry.doc, raw).map_err(engine_error)?;
    Ok(Some(value.to_json(None)))
}

/// The search for more hits of a value.
pub(super) fn inner_search(
    outer: &SearchBody,
    field: &str,
    value: Option<&Value>,
    inner: &SearchBody,
) -> SearchBody {
    let mut query = Bool { must: vec![outer.query.clone()], ..Bool::default() };
    match value {
        Some(value) => query.filter.push(Query::Term(Term {
            field: field.to_owned(),
            value: value.clone(),
            case_insensitive: false,
        })),
        None => query.must_not.push(Query::Exists(field.to_owned())),
    }
    SearchBody { query: Query::Bool(query), post_filter: outer.post_filter.clone(), ..inner.clone() }
}
