use super::super::super::{column::Points, compile::read_network, dates::time_zone, geography::distance_m};
use super::LocalKey;
use super::rounding::read_date;
use crate::{
    StoreError,
    logs::dsl::aggregations::{RangeBucket, RangeKind, Ranges},
};
use jiff::{Timestamp, tz::TimeZone};
use serde_json::Value;
use std::net::Ipv6Addr;
use tantivy::columnar::Column;

/// The ends of the buckets of a range, as numbers (dates in milliseconds).
pub(in super::super) fn range_ends(request: &Ranges, now: Timestamp) -> Result<Vec<(f64, f64)>, StoreError> {
    let zone = request.source.time_zone.as_deref().map_or(Ok(TimeZone::UTC), time_zone)?;
    let read = |value: &Value| -> Result<f64, StoreError> {
        if request.kind == RangeKind::Date {
            return Ok(read_date(value, request.source.format.as_deref(), &zone, now)? as f64);
        }
        let number = value.as_f64().or_else(|| value.as_str()?.trim().parse().ok());
        number.ok_or_else(|| StoreError::invalid(format!("{value} is not an end of a range")))
    };
    let ends = |range: &RangeBucket| {
        Ok((
            range.from.as_ref().map_or(Ok(f64::NEG_INFINITY), read)?,
            range.to.as_ref().map_or(Ok(f64::INFINITY), read)?,
        ))
    };
    request.ranges.iter().map(ends).collect()
}

/// First address (included) and last (excluded); open if absent.
pub(in super::super) type AddressEnds = (Option<Ipv6Addr>, Option<Ipv6Addr>);

/// The ends of the buckets of `ip_range`.
pub(in super::super) fn address_ends(request: &Ranges) -> Result<Vec<AddressEnds>, StoreError> {
    let refuse =
        |text: &str| StoreError::invalid(format!("'{text}' is not an IP string literal or network."));
    let read = |value: &Value| -> Result<Ipv6Addr, StoreError> {
        let text = value.as_str().unwrap_or_default();
        read_network(text).map(|(first, _)| first).ok_or_else(|| refuse(text))
    };
    let ends = |range: &RangeBucket| match &range.mask {
        Some(mask) => {
            let network = mask.contains('/').then(|| read_network(mask)).flatten();
            let (first, last) = network.ok_or_else(|| refuse(mask))?;
            let behind = u128::from(last).checked_add(1).map(Ipv6Addr::from);
            Ok((Some(first).filter(|first| !first.is_unspecified()), behind))
        }
        None => Ok((range.from.as_ref().map(read).transpose()?, range.to.as_ref().map(read).transpose()?)),
    };
    request.ranges.iter().map(ends).collect()
}

/// Keys of `ip_range`: positions of the ranges.
pub(in super::super) struct AddressRanges {
    ends: Vec<AddressEnds>,
    column: Option<Column<Ipv6Addr>>,
    missing: Option<Ipv6Addr>,
}

impl AddressRanges {
    pub(in super::super) fn new(
        ends: Vec<AddressEnds>,
        column: Option<Column<Ipv6Addr>>,
        missing: Option<Ipv6Addr>,
    ) -> Self {
        Self { ends, column, missing }
    }

    pub(super) fn keys(&self, doc: u32, out: &mut Vec<LocalKey>) {
        let mut add = |address: Ipv6Addr| {
            for (position, (from, to)) in self.ends.iter().enumerate() {
                if from.is_none_or(|from| address >= from) && to.is_none_or(|to| address < to) {
                    out.push(Some(position as u64));
                }
            }
        };
        let mut any = false;
        for address in self.column.iter().flat_map(|column| column.values_for_doc(doc)) {
            any = true;
            add(address);
        }
        if let (false, Some(missing)) = (any, self.missing) {
            add(missing);
        }
    }
}

/// Keys of `geo_distance`: positions of the ranges.
pub(in super::super) struct DistanceRanges {
    pub(in super::super) ranges: Vec<(f64, f64)>,
    pub(in super::super) points: Option<Points>,
    pub(in super::super) origin: (f64, f64),
    pub(in super::super) unit_m: f64,
}

impl DistanceRanges {
    pub(super) fn keys(&self, doc: u32, out: &mut Vec<LocalKey>) {
        for point in self.points.iter().flat_map(|points| points.of(doc)) {
            let distance = distance_m(self.origin, point) / self.unit_m;
            let holding =
                self.ranges.iter().enumerate().filter(|(_, (from, to))| distance >= *from && distance < *to);
            out.extend(holding.map(|(position, _)| Some(position as u64)));
        }
    }
}
