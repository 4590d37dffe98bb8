//! Histograms over ranges: a range counts in every bucket that it reaches into.

use super::super::super::range_field::Ranges;
use super::super::too_many_buckets;
use super::{LocalKey, Rounding, interval_of};
use crate::{
    StoreError,
    logs::{
        dsl::{BUCKETS_MAX, aggregations::Histogram},
        embedded::{mapping::FieldType, range_values::number_of},
    },
};

/// The ranges of a field, as numbers.
pub(in super::super) struct NumberRanges {
    pub(in super::super) ranges: Option<Ranges>,
    pub(in super::super) field_type: FieldType,
}

impl NumberRanges {
    fn of(&self, doc: u32) -> impl Iterator<Item = (f64, f64)> + '_ {
        let ranges = self.ranges.iter().flat_map(move |ranges| ranges.of(doc));
        ranges.filter_map(|(from, to)| {
            Some((number_of(self.field_type, from)?, number_of(self.field_type, to)?))
        })
    }

    /// The intervals of a `histogram`.
    pub(super) fn intervals(
        &self,
        doc: u32,
        request: &Histogram,
        out: &mut Vec<LocalKey>,
    ) -> Result<(), StoreError> {
        for (from, to) in self.of(doc) {
            let (low, high) = request.hard_bounds.unwrap_or((f64::NEG_INFINITY, f64::INFINITY));
            let (from, to) = (from.max(low), to.min(high));
            if from > to {
                continue;
            }
            let index = |value: f64| ((value - request.offset) / request.interval).floor();
            let (first, last) = (index(from), index(to));
            let few = last - first < BUCKETS_MAX as f64;
            // Ends that are open on both sides have no difference.
            if !few {
                return Err(too_many_buckets(BUCKETS_MAX + 1, BUCKETS_MAX));
            }
            let mut at = first;
            while at <= last {
                out.extend(interval_of(request, at * request.interval + request.offset));
                at += 1.0;
            }
        }
        Ok(())
    }

    /// The intervals of a `date_histogram`: where each begins, in milliseconds since 1970.
    pub(super) fn dates(
        &self,
        doc: u32,
        (rounding, bounds): (&Rounding, Option<(i64, i64)>),
        out: &mut Vec<LocalKey>,
    ) -> Result<(), StoreError> {
        for (from, to) in self.of(doc) {
            let (low, high) = bounds.unwrap_or((i64::MIN, i64::MAX));
            let (from, to) = ((from as i64).max(low), (to as i64).min(high));
            let mut at = rounding.start(from);
            while at <= to && from <= to {
                out.push(Some(at as u64));
                if out.len() > BUCKETS_MAX {
                    return Err(too_many_buckets(out.len(), BUCKETS_MAX));
                }
                at = rounding.next(at);
            }
        }
        Ok(())
    }
}
