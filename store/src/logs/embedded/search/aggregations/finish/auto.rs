use super::super::keys::{LEVELS, Level, Rounding};
use super::super::{Bucket, Key};
use super::Finish;
use super::histograms::{rekeyed, steps};
use crate::{
    StoreError,
    logs::dsl::aggregations::{Aggregation, AutoDateHistogram, DateInterval},
};
use event::Object;
use serde_json::json;
use std::collections::HashMap;

impl Finish<'_, '_> {
    /// Chooses the finest width that gives no more buckets than asked for.
    pub(super) fn auto_date_histogram(
        &mut self,
        request: &AutoDateHistogram,
        inner: &[Aggregation],
        buckets: HashMap<Key, Bucket>,
    ) -> Result<Object, StoreError> {
        let moments = buckets.keys().filter_map(|key| if let Key::Date(at) = key { Some(*at) } else { None });
        let span = moments.fold(None, |span: Option<(i64, i64)>, at| {
            Some(span.map_or((at, at), |(first, last)| (first.min(at), last.max(at))))
        });
        let least = request
            .minimum_interval
            .map_or(0, |least| LEVELS.iter().position(|level| level.unit == least).unwrap_or(0));
        let format = self.dates(&request.source)?;
        let Some((first, last)) = span else {
            let mut out = self.keyed_buckets(Vec::new(), inner, false, &format)?;
            out.insert("interval".to_owned(), json!(format!("1{}", LEVELS[least].letter)));
            return Ok(out);
        };
        let (level, starts, rounding) = chosen(request, least, first, last)?;
        let mut found = rekeyed(buckets, |at| rounding.start(at));
        let step = *level
            .steps
            .iter()
            .find(|step| starts.len().div_ceil(**step) <= request.buckets)
            .unwrap_or(level.steps.last().unwrap_or(&1));
        let mut list: Vec<(Key, Bucket)> = Vec::with_capacity(starts.len().div_ceil(step));
        for group in starts.chunks(step) {
            let mut bucket = Bucket::default();
            for start in group {
                if let Some(part) = found.remove(start) {
                    bucket.merge(part);
                }
            }
            list.extend(group.first().map(|start| (Key::Date(*start), bucket)));
        }
        let mut out = self.keyed_buckets(list, inner, false, &format)?;
        out.insert("interval".to_owned(), json!(format!("{step}{}", level.letter)));
        Ok(out)
    }
}

/// The finest unit of which some number makes few enough buckets, and where these units begin.
fn chosen(
    request: &AutoDateHistogram,
    least: usize,
    first: i64,
    last: i64,
) -> Result<(&'static Level, Vec<i64>, Rounding), StoreError> {
    let zone = request.source.time_zone.as_deref();
    for (position, level) in LEVELS.iter().enumerate().skip(least) {
        let rounding = Rounding::in_zone(DateInterval::Calendar(level.unit), zone)?;
        let most = level.steps.last().copied().unwrap_or(1) * request.buckets;
        let is_last = position + 1 == LEVELS.len();
        // A rough count first: there may be millions of seconds.
        let second = i64::try_from(most).unwrap_or(i64::MAX).saturating_mul(shortest_ms(position));
        if !is_last && last.saturating_sub(first) > second.saturating_mul(2) {
            continue;
        }
        let starts = steps(&rounding, rounding.start(first), rounding.start(last))?;
        if starts.len() <= most || is_last {
            return Ok((level, starts, rounding));
        }
    }
    Err(StoreError::invalid("[auto_date_histogram] found no interval"))
}

/// A lower bound of a unit's length in milliseconds.
fn shortest_ms(level: usize) -> i64 {
    const DAY: i64 = 86_400_000;
    [1_000, 60_000, 3_600_000, DAY, 28 * DAY, 365 * DAY].get(level).copied().unwrap_or(DAY)
}
