//! `doc['field']`: the columns of a segment, opened when a script first asks for them.

use super::super::column::{Points, SegmentColumn};
use super::super::fields::OwnedFields;
use super::super::scalar::{self, print_ip};
use crate::logs::embedded::mapping::Family;
use event::Timestamp;
use expression::{DocValues, Scalar};
use std::{borrow::Cow, cell::OnceCell, collections::HashMap};
use tantivy::{DocId, SegmentReader};

/// Strings of one column that are kept decoded.
const TEXTS_MAX: usize = 10_000;

/// The fields of one segment, at one document at a time.
pub(super) struct DocReader {
    fields: OwnedFields,
    reader: SegmentReader,
    doc: DocId,
    /// The fields asked for so far, one behind the other: a script may name them as it runs.
    first: OnceCell<Box<Slot>>,
}

struct Slot {
    name: String,
    /// `None`: the mapping has no such field.
    field: Option<DocField>,
    next: OnceCell<Box<Slot>>,
}

/// One field at the document.
pub(super) struct DocField {
    source: Source,
    is_float: bool,
    /// Of the document.
    values: OnceCell<Loaded>,
    /// Strings that were decoded, by key: decoding one costs the decompression of a block.
    texts: HashMap<u64, String>,
}

#[derive(Default)]
struct Loaded {
    keys: Vec<u64>,
    values: Vec<Scalar<'static>>,
}

enum Source {
    Column(SegmentColumn),
    Points(Points),
    /// No document of the segment has a value.
    Nothing,
}

impl DocReader {
    pub(super) fn new(fields: OwnedFields, reader: &SegmentReader) -> Self {
        Self { fields, reader: reader.clone(), doc: 0, first: OnceCell::new() }
    }

    /// Makes a document the one whose values are given.
    pub(super) fn go_to(&mut self, doc: DocId) {
        self.doc = doc;
        let mut at = self.first.get_mut();
        while let Some(slot) = at {
            if let Some(field) = &mut slot.field {
                field.forget();
            }
            at = slot.next.get_mut();
        }
    }

    /// A field at the document; `None` if the mapping has no such field (or the caller must not know).
    pub(super) fn field(&self, name: &str) -> Option<&dyn DocValues> {
        let mut at = &self.first;
        loop {
            match at.get() {
                Some(slot) if slot.name == name => {
                    let field = slot.field.as_ref()?;
                    field.values.get_or_init(|| field.load(self.doc));
                    return Some(field);
                }
                Some(slot) => at = &slot.next,
                // Names that are no fields leave nothing behind: a script can make as many as it likes.
                None => {
                    self.fields.fields().resolve(name)?;
                    at.get_or_init(|| {
                        Box::new(Slot {
                            name: name.to_owned(),
                            field: self.open(name),
                            next: OnceCell::new(),
                        })
                    });
                }
            }
        }
    }

    fn open(&self, name: &str) -> Option<DocField> {
        let field = self.fields.fields().resolve(name)?;
        field.column.as_ref()?;
        let source = match field.family() {
            Family::Range => return None,
            Family::Geo => Points::open(&self.reader, &field).ok()?.map(Source::Points),
            _ => SegmentColumn::open(&self.reader, &field).ok()?.map(Source::Column),
        };
        Some(DocField {
            source: source.unwrap_or(Source::Nothing),
            is_float: field.family() == Family::Float,
            values: OnceCell::new(),
            texts: HashMap::new(),
        })
    }
}

impl DocField {
    fn forget(&mut self) {
        let Some(loaded) = self.values.take() else { return };
        if self.texts.len() < TEXTS_MAX {
            for (key, value) in loaded.keys.into_iter().zip(loaded.values) {
                if let Scalar::Text(Cow::Owned(text)) = value {
                    self.texts.insert(key, text);
                }
            }
        }
    }

    fn load(&self, doc: DocId) -> Loaded {
        match &self.source {
            Source::Nothing => Loaded::default(),
            Source::Points(points) => {
                let points = points.of(doc);
                let values = points.map(|(latitude, longitude)| Scalar::Point { latitude, longitude });
                Loaded { keys: Vec::new(), values: values.collect() }
            }
            Source::Column(column) => {
                let mut keys: Vec<u64> = column.keys.values_for_doc(doc).collect();
                if keys.len() > 1 {
                    // As Elasticsearch keeps them: in order; strings and addresses each once.
                    keys.sort_unstable();
                    if column.is_ordinal() {
                        keys.dedup();
                    }
                }
                let values = keys.iter().filter_map(|key| self.value(column, doc, *key)).collect();
                Loaded { keys, values }
            }
        }
    }

    fn value(&self, column: &SegmentColumn, doc: DocId, key: u64) -> Option<Scalar<'static>> {
        if let Some(text) = self.texts.get(&key) {
            return Some(Scalar::Text(Cow::Owned(text.clone())));
        }
        as_script_value(column.value(doc, key).ok()?, self.is_float)
    }
}

/// A value of a column as scripts know it.
pub(super) fn as_script_value(value: scalar::Scalar, is_float: bool) -> Option<Scalar<'static>> {
    Some(match value {
        scalar::Scalar::Bool(truth) => Scalar::Bool(truth),
        scalar::Scalar::Integer(whole) if is_float => Scalar::Double(whole as f64),
        scalar::Scalar::Unsigned(whole) if is_float => Scalar::Double(whole as f64),
        scalar::Scalar::Integer(whole) => Scalar::Long(whole),
        // What does not fit wraps around, as Java's `long` does.
        scalar::Scalar::Unsigned(whole) => Scalar::Long(whole as i64),
        scalar::Scalar::Float(number) => Scalar::Double(number),
        scalar::Scalar::Date(nanos) => Scalar::Date(Timestamp::from_nanosecond(i128::from(nanos)).ok()?),
        scalar::Scalar::Ip(address) => Scalar::Text(Cow::Owned(print_ip(address))),
        scalar::Scalar::Text(text) => Scalar::Text(Cow::Owned(text)),
    })
}

impl DocValues for DocField {
    fn count(&self) -> usize {
        self.values.get().map_or(0, |loaded| loaded.values.len())
    }

    fn get(&self, index: usize) -> Option<Scalar<'_>> {
        self.values.get()?.values.get(index).map(borrowed)
    }
}

fn borrowed<'v>(value: &'v Scalar<'static>) -> Scalar<'v> {
    match value {
        Scalar::Text(text) => Scalar::Text(Cow::Borrowed(text)),
        other => other.clone(),
    }
}
