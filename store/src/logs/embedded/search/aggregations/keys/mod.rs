//! From the values of a document to the keys of its buckets, within one segment.

mod dates;
mod grid;
mod ranges;
mod rounding;
mod selection;
mod spans;
mod terms;

use super::super::column::{Points, SegmentColumn};
use super::{Key, float_key};
use crate::{StoreError, logs::dsl::aggregations::Histogram};

pub(super) use dates::{AutoDates, DateKeys};
pub(super) use grid::{GridKeys, cell_name, cell_of_name};
pub(super) use ranges::{AddressRanges, DistanceRanges, address_ends, range_ends};
pub(super) use rounding::{LEVELS, Level, Rounding, read_date};
pub(super) use spans::NumberRanges;
pub(super) use terms::{TermKeys, missing_key};

/// A key within a segment: a raw column key, the number of an interval, the position of a range; `None` is the bucket of
/// documents without value.
pub(super) type LocalKey = Option<u64>;

/// Turns documents into local keys and local keys into typed ones.
pub(super) enum KeySource<'r> {
    Terms(Box<TermKeys>),
    /// The same key for every document.
    Constant(Key),
    Histogram {
        request: &'r Histogram,
        column: Option<SegmentColumn>,
        missing: Option<f64>,
    },
    /// Numbers as they are, or cut to fewer digits when there are too many.
    Numbers {
        column: Option<SegmentColumn>,
        missing: Option<f64>,
        cut_bits: u32,
    },
    Dates(DateKeys),
    /// `histogram` over ranges.
    RangeHistogram(&'r Histogram, NumberRanges),
    /// `date_histogram` over ranges.
    RangeDates(DateKeys, NumberRanges),
    AutoDates(AutoDates),
    Ranges {
        ranges: Vec<(f64, f64)>,
        column: Option<SegmentColumn>,
        missing: Option<f64>,
    },
    Addresses(AddressRanges),
    Distances(DistanceRanges),
    Missing(Option<SegmentColumn>),
    MissingPoints(Option<Points>),
    Grid(GridKeys<'r>),
    /// No document has a key.
    Nothing,
}

/// The number of the interval of a histogram that holds a value.
pub(super) fn interval_of(request: &Histogram, value: f64) -> Option<LocalKey> {
    let index = ((value - request.offset) / request.interval).floor();
    let inside = request.hard_bounds.is_none_or(|(low, high)| {
        let start = index * request.interval + request.offset;
        start >= low && start <= high
    });
    inside.then_some(Some(index as i64 as u64))
}

fn cut(value: f64, bits: u32) -> u64 {
    // -0.0 and 0.0 are one number.
    (value + 0.0).to_bits() >> bits << bits
}

impl KeySource<'_> {
    /// The column whose documents each have exactly one value, which alone gives the key ([`Self::key_of`]).
    pub(super) fn full_column(&self) -> Option<&SegmentColumn> {
        let column = match self {
            Self::Terms(terms) if !terms.selects() => terms.column.as_ref(),
            Self::Histogram { column, .. } => column.as_ref(),
            Self::Dates(dates) => dates.column.as_ref(),
            Self::AutoDates(dates) => dates.column.as_ref(),
            _ => None,
        };
        column.filter(|column| column.is_full())
    }

    /// The key of a raw value of [`Self::full_column`].
    pub(super) fn key_of(&mut self, raw: u64) -> Option<LocalKey> {
        match self {
            Self::Histogram { request, column, .. } => {
                interval_of(request, column.as_ref().and_then(|column| column.number(raw))?)
            }
            Self::Dates(dates) => dates.key_of(raw),
            Self::AutoDates(dates) => dates.key_of(raw),
            _ => Some(Some(raw)),
        }
    }

    /// How many different keys there can be, where these are small numbers.
    pub(super) fn key_bound(&self) -> Option<u64> {
        match self {
            Self::Terms(terms) => terms.column.as_ref().and_then(SegmentColumn::term_count),
            _ => None,
        }
    }

    /// The keys of a document, each once.
    pub(super) fn keys(&mut self, doc: u32, out: &mut Vec<LocalKey>) -> Result<(), StoreError> {
        out.clear();
        match self {
            Self::Terms(terms) => terms.keys(doc, out)?,
            Self::Constant(_) => out.push(Some(0)),
            Self::Histogram { request, column, missing } => {
                out.extend(
                    numbers(column.as_ref(), doc, *missing).filter_map(|value| interval_of(request, value)),
                );
            }
            Self::Numbers { column, missing, cut_bits } => {
                out.extend(numbers(column.as_ref(), doc, *missing).map(|value| Some(cut(value, *cut_bits))));
            }
            Self::Dates(dates) => dates.keys(doc, out),
            Self::RangeHistogram(request, ranges) => ranges.intervals(doc, request, out)?,
            Self::RangeDates(dates, ranges) => ranges.dates(doc, dates.rounding(), out)?,
            Self::AutoDates(dates) => dates.keys(doc, out),
            Self::Ranges { ranges, column, missing } => {
                for value in numbers(column.as_ref(), doc, *missing) {
                    let holding =
                        ranges.iter().enumerate().filter(|(_, (from, to))| value >= *from && value < *to);
                    out.extend(holding.map(|(position, _)| Some(position as u64)));
                }
            }
            Self::Addresses(addresses) => addresses.keys(doc, out),
            Self::Distances(distances) => distances.keys(doc, out),
            Self::Missing(column) => {
                let has_value = column.as_ref().is_some_and(|column| column.keys.first(doc).is_some());
                out.extend((!has_value).then_some(Some(0)));
            }
            Self::MissingPoints(points) => {
                let has_value = points.as_ref().is_some_and(|points| points.of(doc).next().is_some());
                out.extend((!has_value).then_some(Some(0)));
            }
            Self::Grid(grid) => grid.keys(doc, out),
            Self::Nothing => {}
        }
        if out.len() > 1 {
            out.sort_unstable();
            out.dedup();
        }
        Ok(())
    }

    /// Makes wider buckets of what comes from now on; whether that was possible. The typed keys of those before still
    /// fall into the wider ones.
    pub(super) fn coarsen(&mut self) -> bool {
        match self {
            Self::AutoDates(dates) => dates.coarsen(),
            // 52 bits of a float are digits; eight of them still part values by less than 1 %.
            Self::Numbers { cut_bits, .. } if *cut_bits < 44 => {
                *cut_bits = (*cut_bits + 2).max(36);
                true
            }
            _ => false,
        }
    }

    /// Makes ready for [`Self::typed`] of these keys.
    pub(super) fn decode_ahead(&mut self, keys: impl Iterator<Item = LocalKey>) -> tantivy::Result<()> {
        match self {
            Self::Terms(terms) => match &mut terms.column {
                Some(column) => column.decode_ahead(keys.flatten().collect()),
                None => Ok(()),
            },
            _ => Ok(()),
        }
    }

    /// The typed key; `doc` is a document that has it.
    pub(super) fn typed(&self, key: LocalKey, doc: u32) -> tantivy::Result<Key> {
        let Some(raw) = key else {
            return Ok(match self {
                Self::Terms(terms) => terms.missing.clone().unwrap_or(Key::Null),
                _ => Key::Null,
            });
        };
        Ok(match self {
            Self::Terms(terms) => terms.typed(raw, doc)?,
            Self::Constant(key) => key.clone(),
            Self::Histogram { request, .. } | Self::RangeHistogram(request, _) => {
                float_key((raw as i64) as f64 * request.interval + request.offset)
            }
            Self::Numbers { .. } => float_key(f64::from_bits(raw)),
            Self::Dates(_) | Self::RangeDates(..) | Self::AutoDates(_) => Key::Date(raw as i64),
            Self::Grid(_) => Key::Cell(raw),
            Self::Ranges { .. } | Self::Addresses(_) | Self::Distances(_) => {
                Key::Position(usize::try_from(raw).unwrap_or(usize::MAX))
            }
            Self::Missing(_) | Self::MissingPoints(_) | Self::Nothing => Key::Position(0),
        })
    }
}

/// The numbers of a document (dates in milliseconds), or the one that stands for those it lacks.
fn numbers(column: Option<&SegmentColumn>, doc: u32, missing: Option<f64>) -> impl Iterator<Item = f64> + '_ {
    let mut values = column
        .into_iter()
        .flat_map(move |column| column.keys.values_for_doc(doc).filter_map(|key| column.number(key)))
        .peekable();
    let missing = if values.peek().is_none() { missing } else { None };
    values.chain(missing)
}
