//! What a script sees of the outside.

use crate::Member;
use event::{Object, Timestamp};
use std::borrow::Cow;

/// The variables of a script that only reads. What a purpose does not have stays as the trait gives it: scripts of
/// that purpose cannot name it.
pub trait Environment {
    /// Member of `ctx`.
    fn ctx(&self, _name: &str) -> Option<Member<'_>> {
        None
    }

    /// `params`.
    fn params(&self) -> Option<&Object> {
        None
    }

    /// Numbers that stand in `params` too, before its own members: what the paths of a `bucket_script` give.
    fn numbers(&self) -> &[(&str, f64)] {
        &[]
    }

    /// `doc['field']`; `None` when the mapping has no such field.
    fn doc(&self, _field: &str) -> Option<&dyn DocValues> {
        None
    }

    /// `_value`, the value that an aggregation's script changes.
    fn value(&self) -> Option<Scalar<'_>> {
        None
    }

    /// `_score`, how well the document matches.
    fn score(&self) -> f64 {
        0.0
    }

    /// `values`, the window of a `moving_fn`, oldest first.
    fn values(&self) -> &[f64] {
        &[]
    }
}

/// The values of one field of one document: `doc['field']`.
pub trait DocValues {
    /// How many there are.
    fn count(&self) -> usize;

    /// One of them, from 0; `None` past the end.
    fn get(&self, index: usize) -> Option<Scalar<'_>>;
}

/// A value of a field.
#[derive(Debug, Clone, PartialEq)]
pub enum Scalar<'a> {
    /// Of a `boolean` field.
    Bool(bool),
    /// Of the integer types.
    Long(i64),
    /// Of the floating types.
    Double(f64),
    /// Of `keyword` and `ip` fields.
    Text(Cow<'a, str>),
    /// Of `date` and `date_nanos` fields.
    Date(Timestamp),
    /// Of `geo_point` fields, in degrees.
    Point {
        /// North is positive.
        latitude: f64,
        /// East is positive.
        longitude: f64,
    },
}
