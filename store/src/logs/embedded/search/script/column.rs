//! Columns that are made for one search: by a script, or by any function of a document.
//!
//! They are built as those of the index are, so whatever runs on a column (buckets, metrics, sorts) runs on them, too.
//! *Invariant*: their memory is held against the breaker of all searches from the first value on until they are dropped.

use super::super::breaker::Reserved;
use super::super::column::{SegmentColumn, engine_error};
use super::super::watch::Watch;
use super::DocScript;
use super::doc_values::as_script_value;
use super::heap_bytes;
use crate::StoreError;
use serde_json::Value;
use std::net::IpAddr;
use tantivy::{
    DateTime, DocId,
    columnar::{ColumnarReader, ColumnarWriter},
};

/// Name of the one column of its file.
const NAME: &str = "made";
/// Documents between two looks at the clock.
const LOOK_EVERY: usize = 256;

/// Types of what a script gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum ScriptType {
    Text,
    Long,
    Double,
    Boolean,
    Date,
    Ip,
    /// What its values are: numbers, texts or booleans, if all are of one kind; else texts.
    Any,
}

impl ScriptType {
    /// The type that a request names in `value_type`.
    pub(in super::super) fn named(name: &str) -> Self {
        match name {
            "long" | "integer" | "short" | "byte" => Self::Long,
            "double" | "float" | "number" => Self::Double,
            "boolean" => Self::Boolean,
            "date" => Self::Date,
            "ip" => Self::Ip,
            _ => Self::Text,
        }
    }
}

/// What makes columns for a search: they need values only for the documents that it finds.
#[derive(Clone, Copy)]
pub(in super::super) struct Scripted<'m> {
    /// These documents, in ascending order.
    pub(in super::super) matching: &'m dyn Fn() -> Result<Vec<DocId>, StoreError>,
    pub(in super::super) watch: &'m Watch,
}

impl Scripted<'_> {
    /// The values that a script makes of each document, or of each value of a column (`_value`; the flag: of floats).
    pub(in super::super) fn column(
        &self,
        mut script: DocScript,
        over: Option<(&SegmentColumn, bool)>,
        kind: ScriptType,
        max_doc: DocId,
    ) -> Result<Option<SegmentColumn>, StoreError> {
        let mut values = Values::default();
        let (matching, mut reserved) = self.matching()?;
        for (position, doc) in matching.iter().copied().enumerate() {
            if position.is_multiple_of(LOOK_EVERY) {
                reserved.set(size_of_val(&*matching) + values.bytes())?;
                if self.is_over()? {
                    break;
                }
            }
            match over {
                None => values.add(doc, script.value(doc, None)?),
                Some((column, is_float)) => {
                    for key in column.keys.values_for_doc(doc) {
                        let value = column.value(doc, key).map_err(engine_error)?;
                        values.add(doc, script.value(doc, as_script_value(value, is_float))?);
                    }
                }
            }
        }
        let kind = if kind == ScriptType::Any { kind_of(&values.list) } else { kind };
        let mut writer = ColumnarWriter::default();
        let mut any = false;
        for (position, (doc, value)) in values.list.iter().enumerate() {
            any |= record(&mut writer, *doc, value, kind);
            if position.is_multiple_of(LOOK_EVERY) {
                reserved.set(size_of_val(&*matching) + values.bytes() + writer.mem_usage())?;
            }
        }
        drop(values);
        finish(writer, any, max_doc, reserved)
    }

    /// The numbers that a function makes of each document.
    pub(in super::super) fn numbers(
        &self,
        max_doc: DocId,
        mut number: impl FnMut(DocId) -> Option<f64>,
    ) -> Result<Option<SegmentColumn>, StoreError> {
        self.each_match(max_doc, |doc, writer| {
            let Some(number) = number(doc) else { return Ok(false) };
            writer.record_numerical(doc, NAME, number);
            Ok(true)
        })
    }

    /// The texts that a function finds in each document.
    pub(in super::super) fn texts(
        &self,
        max_doc: DocId,
        mut texts: impl FnMut(DocId) -> Result<Vec<String>, StoreError>,
    ) -> Result<Option<SegmentColumn>, StoreError> {
        self.each_match(max_doc, |doc, writer| {
            let texts = texts(doc)?;
            texts.iter().for_each(|text| writer.record_str(doc, NAME, text));
            Ok(!texts.is_empty())
        })
    }

    /// What a function records of each document, which says whether that was anything.
    fn each_match(
        &self,
        max_doc: DocId,
        mut record: impl FnMut(DocId, &mut ColumnarWriter) -> Result<bool, StoreError>,
    ) -> Result<Option<SegmentColumn>, StoreError> {
        let mut writer = ColumnarWriter::default();
        let mut any = false;
        let (matching, mut reserved) = self.matching()?;
        for (position, doc) in matching.iter().copied().enumerate() {
            if position.is_multiple_of(LOOK_EVERY) {
                reserved.set(size_of_val(&*matching) + writer.mem_usage())?;
                if self.is_over()? {
                    break;
                }
            }
            any |= record(doc, &mut writer)?;
        }
        drop(matching);
        finish(writer, any, max_doc, reserved)
    }

    /// The documents, and the memory that they take.
    fn matching(&self) -> Result<(Vec<DocId>, Reserved), StoreError> {
        let mut reserved = self.watch.reserve("columns made for one search");
        let matching = (self.matching)()?;
        reserved.set(size_of_val(&*matching))?;
        Ok((matching, reserved))
    }

    fn is_over(&self) -> Result<bool, StoreError> {
        self.watch.check()?;
        Ok(self.watch.is_late())
    }
}

/// What a script made so far.
#[derive(Default)]
struct Values {
    list: Vec<(DocId, Value)>,
    /// In the values, beside the list itself.
    heap_bytes: usize,
}

impl Values {
    fn add(&mut self, doc: DocId, made: Value) {
        match made {
            Value::Null => {}
            Value::Array(items) => items.into_iter().for_each(|item| self.push(doc, item)),
            value => self.push(doc, value),
        }
    }

    fn push(&mut self, doc: DocId, value: Value) {
        self.heap_bytes += heap_bytes(&value);
        self.list.push((doc, value));
    }

    fn bytes(&self) -> usize {
        self.list.capacity() * size_of::<(DocId, Value)>() + self.heap_bytes
    }
}

fn kind_of(values: &[(DocId, Value)]) -> ScriptType {
    let all = |test: fn(&Value) -> bool| values.iter().all(|(_, value)| test(value));
    if all(|value| value.is_i64() || value.is_u64()) {
        ScriptType::Long
    } else if all(Value::is_number) {
        ScriptType::Double
    } else if all(Value::is_boolean) {
        ScriptType::Boolean
    } else {
        ScriptType::Text
    }
}

/// Adds a value, if it can be one of the type.
fn record(writer: &mut ColumnarWriter, doc: DocId, value: &Value, kind: ScriptType) -> bool {
    let text = || value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let number = || match value {
        Value::Bool(truth) => Some(f64::from(u8::from(*truth))),
        Value::String(text) => text.parse().ok().filter(|number: &f64| number.is_finite()),
        other => other.as_f64(),
    };
    match kind {
        ScriptType::Text | ScriptType::Any => {
            writer.record_str(doc, NAME, &text());
            true
        }
        ScriptType::Long => number()
            .map(|number| writer.record_numerical(doc, NAME, value.as_i64().unwrap_or(number as i64)))
            .is_some(),
        ScriptType::Double => number().map(|number| writer.record_numerical(doc, NAME, number)).is_some(),
        ScriptType::Boolean => {
            let truth = match value {
                Value::Bool(truth) => Some(*truth),
                Value::String(text) => text.parse().ok(),
                other => other.as_f64().map(|number| number != 0.0),
            };
            truth.map(|truth| writer.record_bool(doc, NAME, truth)).is_some()
        }
        ScriptType::Date => {
            let millis = match value {
                Value::String(text) => text.parse().ok().map(|at: event::Timestamp| at.as_millisecond()),
                other => other.as_f64().map(|number| number as i64),
            };
            millis
                .map(|millis| writer.record_datetime(doc, NAME, DateTime::from_timestamp_millis(millis)))
                .is_some()
        }
        ScriptType::Ip => {
            let address = text().parse().ok().map(|address| match address {
                IpAddr::V4(v4) => v4.to_ipv6_mapped(),
                IpAddr::V6(v6) => v6,
            });
            address.map(|address| writer.record_ip_addr(doc, NAME, address)).is_some()
        }
    }
}

fn finish(
    mut writer: ColumnarWriter,
    any: bool,
    max_doc: DocId,
    mut reserved: Reserved,
) -> Result<Option<SegmentColumn>, StoreError> {
    reserved.set(writer.mem_usage())?;
    if !any {
        return Ok(None);
    }
    let broken = |error: std::io::Error| engine_error(tantivy::TantivyError::from(error));
    let mut bytes = Vec::new();
    writer.serialize(max_doc, None, &mut bytes).map_err(broken)?;
    drop(writer);
    reserved.set(bytes.len())?;
    let columns = ColumnarReader::open(bytes).map_err(broken)?;
    let Some(handle) = columns.read_columns(NAME).map_err(broken)?.into_iter().next() else {
        return Ok(None);
    };
    let column = SegmentColumn::of_handle(&handle).map_err(engine_error)?;
    Ok(column.map(|column| column.holding(reserved)))
}
