//! The functions of a `function_score` over one segment.

use super::super::column::SegmentColumn;
use super::super::fields::{Fields, OwnedFields};
use super::super::script::DocScript;
use super::decay::{DecayOver, SegmentDecay};
use crate::{
    StoreError,
    logs::{
        dsl::{FunctionKind, Modifier},
        embedded::mapping::Family,
    },
};
use jiff::Timestamp;
use tantivy::{DocId, DocSet, Score, SegmentReader, TERMINATED, query::Scorer};

/// One function over one segment.
pub(super) struct SegmentFunction {
    filter: Option<Box<dyn Scorer>>,
    pub(super) weight: f32,
    value: Value,
}

enum Value {
    One,
    Factor {
        column: Option<SegmentColumn>,
        field: String,
        factor: f64,
        modifier: Modifier,
        missing: Option<f64>,
    },
    Random {
        seed: u64,
        column: Option<SegmentColumn>,
    },
    Script(Box<DocScript>),
    Decay(SegmentDecay),
}

/// Refuses what cannot be computed of the fields of an index.
pub(super) fn check(fields: &Fields<'_>, kind: &FunctionKind, now: Timestamp) -> Result<(), StoreError> {
    match kind {
        FunctionKind::FieldValueFactor { field, missing, .. } => match fields.resolve(field) {
            None if missing.is_none() => Err(StoreError::invalid(format!(
                "Unable to find a field mapper for field [{field}]. No 'missing' value defined."
            ))),
            Some(field) if !is_number(field.family()) => Err(StoreError::invalid(format!(
                "field_value_factor needs a number, field [{}] is of type [{}]",
                field.path,
                field.field_type.name()
            ))),
            _ => Ok(()),
        },
        FunctionKind::Decay(decay) => DecayOver::new(decay, fields, now).map(drop),
        _ => Ok(()),
    }
}

fn is_number(family: Family) -> bool {
    matches!(family, Family::Integer | Family::Unsigned | Family::Float | Family::Boolean | Family::Date)
}

fn open(fields: &OwnedFields, reader: &SegmentReader, path: &str) -> tantivy::Result<Option<SegmentColumn>> {
    fields.fields().resolve(path).map_or(Ok(None), |field| SegmentColumn::open(reader, &field))
}

impl SegmentFunction {
    pub(super) fn new(
        weight: f32,
        kind: &FunctionKind,
        filter: Option<Box<dyn Scorer>>,
        fields: &OwnedFields,
        reader: &SegmentReader,
        now: Timestamp,
    ) -> tantivy::Result<Self> {
        let value = match kind {
            FunctionKind::Weight => Value::One,
            FunctionKind::FieldValueFactor { field, factor, modifier, missing } => Value::Factor {
                column: open(fields, reader, field)?,
                field: field.clone(),
                factor: *factor,
                modifier: *modifier,
                missing: *missing,
            },
            FunctionKind::Random { seed, field } => Value::Random {
                // Without a seed each search has its own.
                seed: seed.unwrap_or_else(|| now.as_nanosecond() as i64) as u64,
                column: open(fields, reader, field.as_deref().unwrap_or("_seq_no"))?,
            },
            FunctionKind::Script(call) => {
                Value::Script(Box::new(DocScript::new(call, fields.clone(), reader)))
            }
            FunctionKind::Decay(decay) => {
                let over = DecayOver::new(decay, &fields.fields(), now)
                    .map_err(|error| tantivy::TantivyError::InvalidArgument(error.message))?;
                Value::Decay(SegmentDecay::open(decay, over, &fields.fields(), reader)?)
            }
        };
        Ok(Self { filter, weight, value })
    }

    /// Its value for a document, with its weight; `None` if it is not for that document.
    pub(super) fn value(&mut self, doc: DocId, score: Score) -> Result<Option<f64>, StoreError> {
        if let Some(filter) = &mut self.filter {
            let at = filter.doc();
            let at = if at < doc && at != TERMINATED { filter.seek(doc) } else { at };
            if at != doc {
                return Ok(None);
            }
        }
        let value = match &mut self.value {
            Value::One => 1.0,
            Value::Factor { column, field, factor, modifier, missing } => {
                let found = column.as_ref().and_then(|column| column.number(column.keys.first(doc)?));
                let Some(number) = found.or(*missing) else {
                    return Err(StoreError::invalid(format!("Missing value for field [{field}]")));
                };
                modified(*modifier, number * *factor, field)?
            }
            Value::Random { seed, column } => {
                let key = column.as_ref().and_then(|column| column.keys.first(doc)).unwrap_or(u64::from(doc));
                chance(*seed, key)
            }
            Value::Script(script) => match script.number(doc, f64::from(score))? {
                Some(number) if number >= 0.0 => number,
                found => {
                    let found = found.unwrap_or(f64::NAN);
                    let message = format!(
                        "script_score script returned an invalid score [{found}] for doc [{doc}]. Must be a non-negative score!"
                    );
                    return Err(StoreError::invalid(message));
                }
            },
            Value::Decay(decay) => decay.value(doc),
        };
        Ok(Some(value * f64::from(self.weight)))
    }
}

fn modified(modifier: Modifier, value: f64, field: &str) -> Result<f64, StoreError> {
    let result = match modifier {
        Modifier::None => value,
        Modifier::Log => value.log10(),
        Modifier::Log1p => (value + 1.0).log10(),
        Modifier::Log2p => (value + 2.0).log10(),
        Modifier::Ln => value.ln(),
        Modifier::Ln1p => value.ln_1p(),
        Modifier::Ln2p => (value + 2.0).ln(),
        Modifier::Square => value * value,
        Modifier::Sqrt => value.sqrt(),
        Modifier::Reciprocal => 1.0 / value,
    };
    if result.is_finite() && result >= 0.0 {
        return Ok(result);
    }
    let hint = if result < 0.0 {
        "field value function must not produce negative scores"
    } else {
        "Result of field modification must be a number"
    };
    Err(StoreError::invalid(format!("{hint}, but got: [{result}] for field value: [{value}] of [{field}]")))
}

/// A number between 0 and 1 that depends on both. Source: the finaliser of SplitMix64 (Steele, Lea, Flood 2014).
fn chance(seed: u64, key: u64) -> f64 {
    let mut mixed = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ key.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^= mixed >> 31;
    // As many digits as a score has.
    (mixed >> 40) as f64 / (1_u64 << 24) as f64
}
