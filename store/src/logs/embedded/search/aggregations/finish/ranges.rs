use super::super::super::scalar::{number, print_ip};
use super::super::keys::{address_ends, range_ends};
use super::super::segment::pair_position;
use super::super::{Bucket, Key};
use super::format::ValueFormat;
use super::{Finish, listed};
use crate::{
    StoreError,
    logs::dsl::aggregations::{AdjacencyMatrix, Aggregation, Filters, RangeKind, Ranges},
};
use event::Object;
use serde_json::json;
use std::{collections::HashMap, net::Ipv6Addr};

impl Finish<'_, '_> {
    pub(super) fn ranges(
        &mut self,
        request: &Ranges,
        inner: &[Aggregation],
        buckets: HashMap<Key, Bucket>,
    ) -> Result<Object, StoreError> {
        if request.kind == RangeKind::Ip {
            return self.address_ranges(request, inner, buckets);
        }
        let format = match request.kind {
            RangeKind::Date => self.dates(&request.source)?,
            _ => self.format(&request.source)?,
        };
        let ends = range_ends(request, self.search.now)?;
        let mut order: Vec<usize> = (0..ends.len()).collect();
        order.sort_by(|a, b| ends[*a].0.total_cmp(&ends[*b].0).then(ends[*a].1.total_cmp(&ends[*b].1)));
        let describe = |position: usize| {
            let (from, to) = ends[position];
            let text = |value: f64| match &format {
                ValueFormat::Plain | ValueFormat::Booleans => format!("{value:?}"),
                format => format.text(value).unwrap_or_else(|| format!("{value:?}")),
            };
            let end = |value: f64| if value.is_finite() { text(value) } else { "*".to_owned() };
            let mut head = Object::new();
            for (label, value) in [("from", from), ("to", to)] {
                if value.is_finite() {
                    head.insert(label.to_owned(), number(value));
                    if !matches!(format, ValueFormat::Plain | ValueFormat::Booleans) {
                        head.insert(format!("{label}_as_string"), json!(text(value)));
                    }
                }
            }
            (format!("{}-{}", end(from), end(to)), head)
        };
        self.range_buckets(request, inner, buckets, &order, describe)
    }

    fn address_ranges(
        &mut self,
        request: &Ranges,
        inner: &[Aggregation],
        buckets: HashMap<Key, Bucket>,
    ) -> Result<Object, StoreError> {
        let ends = address_ends(request)?;
        let mut order: Vec<usize> = (0..ends.len()).collect();
        // An open end at the top lies behind all addresses.
        let sort_key = |position: usize| {
            let (from, to) = ends[position];
            (from, to.is_none(), to)
        };
        order.sort_by_key(|position| sort_key(*position));
        let describe = |position: usize| {
            let (from, to) = ends[position];
            let end = |end: Option<Ipv6Addr>| end.map_or("*".to_owned(), print_ip);
            let mut head = Object::new();
            for (label, value) in [("from", from), ("to", to)] {
                if let Some(value) = value {
                    head.insert(label.to_owned(), json!(print_ip(value)));
                }
            }
            let name = request.ranges[position].mask.clone();
            (name.unwrap_or_else(|| format!("{}-{}", end(from), end(to))), head)
        };
        self.range_buckets(request, inner, buckets, &order, describe)
    }

    /// `describe` gives the key of a range without one, and its ends.
    fn range_buckets(
        &mut self,
        request: &Ranges,
        inner: &[Aggregation],
        mut buckets: HashMap<Key, Bucket>,
        order: &[usize],
        describe: impl Fn(usize) -> (String, Object),
    ) -> Result<Object, StoreError> {
        let mut list = Vec::with_capacity(order.len());
        for position in order {
            let (name, ends) = describe(*position);
            let name = request.ranges[*position].key.clone().unwrap_or(name);
            let mut head = Object::new();
            if !request.keyed {
                head.insert("key".to_owned(), json!(name));
            }
            head.extend(ends);
            list.push(self.bucket(name, head, inner, buckets.remove(&Key::Position(*position)))?);
        }
        listed(inner, list, request.keyed)
    }

    pub(super) fn filters(
        &mut self,
        request: &Filters,
        inner: &[Aggregation],
        mut buckets: HashMap<Key, Bucket>,
    ) -> Result<Object, StoreError> {
        let named = request.filters.iter().any(|(name, _)| name.is_some());
        let names = request
            .filters
            .iter()
            .map(|(name, _)| name.clone())
            .chain(request.other_bucket_key.clone().map(Some));
        let mut list = Vec::new();
        for (position, name) in names.enumerate() {
            let bucket = buckets.remove(&Key::Position(position));
            list.push(self.bucket(name.unwrap_or_default(), Object::new(), inner, bucket)?);
        }
        if named {
            // With names, Elasticsearch sorts by them; the rest comes last.
            let other = request.other_bucket_key.as_ref().and_then(|_| list.pop());
            list.sort_by(|a, b| a.name.cmp(&b.name));
            list.extend(other);
        }
        listed(inner, list, named)
    }

    /// The filters and the pairs that any document matches, by name.
    pub(super) fn adjacency_matrix(
        &mut self,
        request: &AdjacencyMatrix,
        inner: &[Aggregation],
        mut buckets: HashMap<Key, Bucket>,
    ) -> Result<Object, StoreError> {
        let names: Vec<&str> = request.filters.iter().map(|(name, _)| name.as_str()).collect();
        let mut all: Vec<(String, usize)> = Vec::new();
        for (first, name) in names.iter().enumerate() {
            all.push(((*name).to_owned(), first));
            for (second, other) in names.iter().enumerate().skip(first + 1) {
                let position = pair_position(names.len(), first, second);
                all.push((format!("{name}{}{other}", request.separator), position));
            }
        }
        all.sort();
        let mut list = Vec::new();
        for (name, position) in all {
            let Some(bucket) = buckets.remove(&Key::Position(position)) else { continue };
            let mut head = Object::new();
            head.insert("key".to_owned(), json!(name));
            list.push(self.bucket(name, head, inner, Some(bucket))?);
        }
        listed(inner, list, false)
    }
}
