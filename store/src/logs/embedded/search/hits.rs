//! The first hits of a segment by time or by the order of writing, without looking at the rest of it.
//!
//! A window at the wanted end is cut out of the column, which takes a fraction of what reading each document's key takes; only what lies in it is held against the query. Wider windows follow until enough is found.

use super::column::engine_error;
use super::range_doc_set::RangeDocSet;
use super::sorting::{Leading, SegmentTop};
use super::zones::ZoneMaps;
use crate::{StoreError, logs::dsl::SortOrder};
use tantivy::{DocSet, SegmentReader, TERMINATED, query::Weight};

/// How many times as many documents as wanted the first window should hold.
const MARGIN: u64 = 8;
/// Each further window is so many times as wide.
const GROWTH: u64 = 16;

/// Finds the first hits of a segment; whether it could. `bound` is the leading key of the worst hit that is wanted at all.
pub(super) fn first_hits(
    top: &mut SegmentTop<'_>,
    reader: &SegmentReader,
    weight: &dyn Weight,
    limit: usize,
    bound: Option<u64>,
    zones: &ZoneMaps,
) -> Result<bool, StoreError> {
    let Some(Leading { name, keys, order }) = top.leading() else { return Ok(false) };
    let zones = zones.of(reader, &name, &keys);
    let (mut low, mut high) = (keys.min_value(), keys.max_value());
    let after = top.after_key();
    match order {
        SortOrder::Desc => {
            low = low.max(bound.unwrap_or(low));
            high = high.min(after.unwrap_or(high));
        }
        SortOrder::Asc => {
            high = high.min(bound.unwrap_or(high));
            low = low.max(after.unwrap_or(low));
        }
    }
    let per_doc = (keys.max_value() - keys.min_value()) / u64::from(reader.max_doc().max(1)) + 1;
    let mut width = per_doc.saturating_mul(limit as u64).saturating_mul(MARGIN);
    while low <= high {
        let (from, to) = match order {
            SortOrder::Desc => (high.saturating_sub(width).max(low), high),
            SortOrder::Asc => (low, low.saturating_add(width).min(high)),
        };
        let mut window = RangeDocSet::new(keys.clone(), from..=to, reader.max_doc(), zones.clone());
        let mut scorer = weight.scorer(reader, 1.0).map_err(engine_error)?;
        let mut doc = window.doc();
        while doc != TERMINATED {
            let at = if scorer.doc() < doc { scorer.seek(doc) } else { scorer.doc() };
            if at == doc {
                if !reader.is_deleted(doc) {
                    top.offer(doc, None);
                }
                doc = window.advance();
            } else if at == TERMINATED {
                break;
            } else {
                doc = window.seek(at);
            }
        }
        if top.is_full() {
            return Ok(true);
        }
        match order {
            SortOrder::Desc if from > low => high = from - 1,
            SortOrder::Asc if to < high => low = to + 1,
            _ => return Ok(true),
        }
        width = width.saturating_mul(GROWTH);
    }
    Ok(true)
}
