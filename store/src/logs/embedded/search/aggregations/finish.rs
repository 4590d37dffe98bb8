//! From merged buckets to Elasticsearch's answer.

use super::super::dates::{DatePrinter, time_zone};
use super::super::fetch;
use super::super::scalar::{Scalar, number};
use super::super::sorting::{Entry, compare, values_to_json};
use super::super::{Search, Shard};
use super::keys::{Rounding, range_ends, read_date};
use super::metrics::MetricState;
use super::{Bucket, Key, Partial, float_key, pipeline, too_many_buckets};
use crate::{
    StoreError,
    logs::dsl::{
        BUCKETS_MAX, SortOrder,
        aggregations::{
            Aggregation, BucketOrder, CompositeKind, CompositeSource, DateHistogram, Filters, Histogram,
            Kind, OrderKey, RangeKind, Ranges, TermsBuckets, TopHits,
        },
    },
};
use event::Object;
use jiff::tz::TimeZone;
use serde_json::{Value, json};
use std::{cmp::Ordering, collections::HashMap};

/// Checks what can be said before any document is seen.
pub(super) fn check(request: &[Aggregation], parent: Option<&Aggregation>) -> Result<(), StoreError> {
    for aggregation in request {
        let order = match &aggregation.kind {
            Kind::Terms(terms) => terms.order.as_slice(),
            Kind::Histogram(histogram) => histogram.order.as_slice(),
            Kind::DateHistogram(histogram) => histogram.order.as_slice(),
            _ => &[],
        };
        for level in order {
            if let OrderKey::Metric(path, _) = &level.key
                && find(&aggregation.inner, path).is_none()
            {
                return Err(StoreError::invalid(format!(
                    "aggregation \"{}\" is ordered by \"{}\", which is no metric below it",
                    aggregation.name,
                    path.join(">")
                )));
            }
        }
        if let Kind::Pipeline(pipeline) = &aggregation.kind {
            pipeline::check(pipeline, aggregation, request, parent)?;
        }
        check(&aggregation.inner, Some(aggregation))?;
    }
    Ok(())
}

/// The aggregation at the end of a path.
fn find<'a>(request: &'a [Aggregation], path: &[String]) -> Option<&'a Aggregation> {
    let (first, rest) = path.split_first()?;
    let found = request.iter().find(|aggregation| aggregation.name == *first)?;
    if rest.is_empty() { Some(found) } else { find(&found.inner, rest) }
}

/// Builds the answer.
pub(super) struct Finish<'f, 's> {
    search: &'f Search<'f>,
    shards: &'f [Shard<'s>],
    buckets: usize,
}

impl<'f, 's> Finish<'f, 's> {
    pub(super) fn new(search: &'f Search<'f>, shards: &'f [Shard<'s>]) -> Self {
        Self { search, shards, buckets: 0 }
    }

    /// The answers of aggregations side by side. `partials` may be empty: then nothing was found.
    pub(super) fn aggregations(
        &mut self,
        request: &[Aggregation],
        partials: Vec<Partial>,
    ) -> Result<Object, StoreError> {
        let mut partials = partials.into_iter();
        let mut out = Object::new();
        for aggregation in request {
            let partial = partials.next();
            if let Some(mut answer) = self.aggregation(aggregation, partial)? {
                if let Some(meta) = &aggregation.meta {
                    answer.insert("meta".to_owned(), meta.clone());
                }
                out.insert(aggregation.name.clone(), Value::Object(answer));
            }
        }
        pipeline::siblings(request, &mut out);
        Ok(out)
    }

    fn aggregation(
        &mut self,
        aggregation: &Aggregation,
        partial: Option<Partial>,
    ) -> Result<Option<Object>, StoreError> {
        let inner = aggregation.inner.as_slice();
        let buckets = |partial| match partial {
            Some(Partial::Buckets(buckets)) => buckets,
            _ => HashMap::new(),
        };
        let answer = match &aggregation.kind {
            Kind::Terms(request) => self.terms(request, inner, buckets(partial))?,
            Kind::Histogram(request) => self.histogram(request, inner, buckets(partial))?,
            Kind::DateHistogram(request) => self.date_histogram(request, inner, buckets(partial))?,
            Kind::Ranges(request) => self.ranges(request, inner, buckets(partial))?,
            Kind::Filter(_) | Kind::Missing(_) => {
                let bucket = buckets(partial).remove(&Key::Position(0));
                self.bucket(Object::new(), inner, bucket)?
            }
            Kind::Filters(request) => self.filters(request, inner, buckets(partial))?,
            Kind::Composite { sources, size, after } => {
                self.composite(sources, *size, after.as_deref(), inner, buckets(partial))?
            }
            Kind::Metric(request) => match partial {
                Some(Partial::Metric(state)) => state.to_json(&request.kind),
                _ => MetricState::new(&request.kind).to_json(&request.kind),
            },
            Kind::TopHits(request) => match partial {
                Some(Partial::TopHits(entries)) => self.top_hits(request, entries)?,
                _ => self.top_hits(request, Vec::new())?,
            },
            Kind::Pipeline(_) => return Ok(None),
        };
        Ok(Some(answer))
    }

    /// Completes a bucket with its count and what is below it.
    fn bucket(
        &mut self,
        mut out: Object,
        inner: &[Aggregation],
        bucket: Option<Bucket>,
    ) -> Result<Object, StoreError> {
        self.buckets += 1;
        if self.buckets > BUCKETS_MAX {
            return Err(too_many_buckets(self.buckets, BUCKETS_MAX));
        }
        let (count, partials) = bucket.map_or((0, Vec::new()), |bucket| (bucket.count, bucket.inner));
        out.insert("doc_count".to_owned(), json!(count));
        if !inner.is_empty() {
            out.extend(self.aggregations(inner, partials)?);
        }
        Ok(out)
    }

    fn terms(
        &mut self,
        request: &TermsBuckets,
        inner: &[Aggregation],
        buckets: HashMap<Key, Bucket>,
    ) -> Result<Object, StoreError> {
        let mut list: Vec<(Key, Bucket)> =
            buckets.into_iter().filter(|(_, bucket)| bucket.count >= request.min_doc_count).collect();
        let total: u64 = list.iter().map(|(_, bucket)| bucket.count).sum();
        order_buckets(&mut list, &request.order, inner);
        list.truncate(request.size);
        let shown: u64 = list.iter().map(|(_, bucket)| bucket.count).sum();
        let mut out = Object::new();
        // Counts are exact, whatever the number of indices.
        out.insert("doc_count_error_upper_bound".to_owned(), json!(0));
        out.insert("sum_other_doc_count".to_owned(), json!(total - shown));
        let buckets = list
            .into_iter()
            .map(|(key, bucket)| self.bucket(term_key(&key), inner, Some(bucket)))
            .collect::<Result<_, _>>()?;
        out.insert("buckets".to_owned(), listed(pipeline::parents(inner, buckets)));
        Ok(out)
    }

    fn histogram(
        &mut self,
        request: &Histogram,
        inner: &[Aggregation],
        mut buckets: HashMap<Key, Bucket>,
    ) -> Result<Object, StoreError> {
        let index = |value: f64| ((value - request.offset) / request.interval).floor();
        let mut found: Vec<f64> = buckets
            .keys()
            .filter_map(|key| key.to_scalar()?.as_f64())
            .map(|start| ((start - request.offset) / request.interval).round())
            .collect();
        found.sort_unstable_by(f64::total_cmp);
        if request.min_doc_count == 0 {
            let (mut first, mut last) = (found.first().copied(), found.last().copied());
            if let Some((low, high)) = request.extended_bounds {
                let finite = |value: f64| value.is_finite().then(|| index(value));
                first = min_of(first, finite(low));
                last = max_of(last, finite(high));
            }
            if let (Some(first), Some(last)) = (first, last) {
                let count = last - first + 1.0;
                if count > BUCKETS_MAX as f64 {
                    return Err(too_many_buckets(count as usize, BUCKETS_MAX));
                }
                found = (0..count as usize).map(|step| first + step as f64).collect();
            }
        }
        let mut list = Vec::with_capacity(found.len());
        for index in found {
            let start = index * request.interval + request.offset;
            let bucket = buckets.remove(&float_key(start));
            if bucket.as_ref().map_or(0, |bucket| bucket.count) >= request.min_doc_count {
                list.push((float_key(start), bucket.unwrap_or(Bucket { count: 0, inner: Vec::new() })));
            }
        }
        order_buckets(&mut list, &request.order, inner);
        let key = |key: &Key| {
            let value = key.to_scalar().and_then(|scalar| scalar.as_f64()).unwrap_or_default();
            (number(value), format!("{value:?}"), false)
        };
        self.keyed_buckets(list, inner, request.keyed, key)
    }

    fn date_histogram(
        &mut self,
        request: &DateHistogram,
        inner: &[Aggregation],
        mut buckets: HashMap<Key, Bucket>,
    ) -> Result<Object, StoreError> {
        let rounding = Rounding::new(request)?;
        let printer = DatePrinter::new(request.format.as_deref(), rounding.zone.clone())?;
        let mut found: Vec<i64> = buckets
            .keys()
            .filter_map(|key| if let Key::Date(start) = key { Some(*start) } else { None })
            .collect();
        found.sort_unstable();
        if request.min_doc_count == 0 {
            let read = |value: &Value| match value {
                Value::Null => Ok(None),
                value => read_date(value, request.format.as_deref(), &rounding.zone, self.search.now)
                    .map(|at| Some(rounding.start(at))),
            };
            let (mut first, mut last) = (found.first().copied(), found.last().copied());
            if let Some((low, high)) = &request.extended_bounds {
                first = [first, read(low)?].into_iter().flatten().min();
                last = [last, read(high)?].into_iter().flatten().max();
            }
            if let (Some(first), Some(last)) = (first, last) {
                found.clear();
                let mut at = first;
                while at <= last {
                    found.push(at);
                    if found.len() > BUCKETS_MAX {
                        return Err(too_many_buckets(found.len(), BUCKETS_MAX));
                    }
                    at = rounding.next(at);
                }
            }
        }
        let mut list = Vec::with_capacity(found.len());
        for start in found {
            let bucket = buckets.remove(&Key::Date(start)).unwrap_or(Bucket { count: 0, inner: Vec::new() });
            if bucket.count >= request.min_doc_count {
                list.push((Key::Date(start), bucket));
            }
        }
        order_buckets(&mut list, &request.order, inner);
        let key = |key: &Key| {
            let millis = if let Key::Date(millis) = key { *millis } else { 0 };
            (json!(millis), printer.print(millis.saturating_mul(1_000_000)), true)
        };
        self.keyed_buckets(list, inner, request.keyed, key)
    }

    /// Buckets as a list, or as an object by their textual key. `describe` gives key, text, and whether the text is
    /// part of the bucket.
    fn keyed_buckets(
        &mut self,
        list: Vec<(Key, Bucket)>,
        inner: &[Aggregation],
        keyed: bool,
        describe: impl Fn(&Key) -> (Value, String, bool),
    ) -> Result<Object, StoreError> {
        let mut buckets = Vec::with_capacity(list.len());
        let mut names = Vec::new();
        for (key, bucket) in list {
            let (key, text, shown) = describe(&key);
            let mut head = Object::new();
            if shown {
                head.insert("key_as_string".to_owned(), json!(text));
            }
            head.insert("key".to_owned(), key);
            buckets.push(self.bucket(head, inner, Some(bucket))?);
            names.push(text);
        }
        let buckets = pipeline::parents(inner, buckets);
        let mut out = Object::new();
        let value = match keyed {
            true => Value::Object(names.into_iter().zip(buckets.into_iter().map(Value::Object)).collect()),
            false => listed(buckets),
        };
        out.insert("buckets".to_owned(), value);
        Ok(out)
    }

    fn ranges(
        &mut self,
        request: &Ranges,
        inner: &[Aggregation],
        mut buckets: HashMap<Key, Bucket>,
    ) -> Result<Object, StoreError> {
        let printer = match &request.kind {
            RangeKind::Number => None,
            RangeKind::Date { format, time_zone: zone } => {
                let zone = zone.as_deref().map_or(Ok(TimeZone::UTC), time_zone)?;
                Some(DatePrinter::new(format.as_deref(), zone)?)
            }
        };
        let text = |value: f64| match &printer {
            None => format!("{value:?}"),
            Some(printer) => printer.print((value as i64).saturating_mul(1_000_000)),
        };
        let ends = range_ends(request, self.search.now)?;
        let mut order: Vec<usize> = (0..ends.len()).collect();
        order.sort_by(|a, b| ends[*a].0.total_cmp(&ends[*b].0).then(ends[*a].1.total_cmp(&ends[*b].1)));
        let (mut names, mut list) = (Vec::new(), Vec::new());
        for position in order {
            let (from, to) = ends[position];
            let end = |value: f64| if value.is_finite() { text(value) } else { "*".to_owned() };
            let name =
                request.ranges[position].key.clone().unwrap_or_else(|| format!("{}-{}", end(from), end(to)));
            let mut head = Object::new();
            if !request.keyed {
                head.insert("key".to_owned(), json!(name));
            }
            for (label, value) in [("from", from), ("to", to)] {
                if value.is_finite() {
                    head.insert(label.to_owned(), number(value));
                    if printer.is_some() {
                        head.insert(format!("{label}_as_string"), json!(text(value)));
                    }
                }
            }
            list.push(self.bucket(head, inner, buckets.remove(&Key::Position(position)))?);
            names.push(name);
        }
        let list = pipeline::parents(inner, list);
        let mut out = Object::new();
        let value = match request.keyed {
            true => Value::Object(names.into_iter().zip(list.into_iter().map(Value::Object)).collect()),
            false => listed(list),
        };
        out.insert("buckets".to_owned(), value);
        Ok(out)
    }

    fn filters(
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
        let (mut object, mut list) = (Object::new(), Vec::new());
        for (position, name) in names.enumerate() {
            let bucket = self.bucket(Object::new(), inner, buckets.remove(&Key::Position(position)))?;
            match name.filter(|_| named) {
                Some(name) => {
                    object.insert(name, Value::Object(bucket));
                }
                None => list.push(bucket),
            }
        }
        let mut out = Object::new();
        out.insert("buckets".to_owned(), if named { Value::Object(object) } else { listed(list) });
        Ok(out)
    }

    fn composite(
        &mut self,
        sources: &[CompositeSource],
        size: usize,
        after: Option<&[Value]>,
        inner: &[Aggregation],
        buckets: HashMap<Key, Bucket>,
    ) -> Result<Object, StoreError> {
        let mut list: Vec<(Vec<Key>, Bucket)> = buckets
            .into_iter()
            .filter_map(
                |(key, bucket)| if let Key::Composite(parts) = key { Some((parts, bucket)) } else { None },
            )
            .collect();
        let order = |a: &[Key], b: &[Key]| composite_order(sources, a, b);
        if let Some(after) = after {
            let after = self.composite_after(sources, after, &list)?;
            list.retain(|(key, _)| order(key, &after).is_gt());
        }
        list.sort_by(|(a, _), (b, _)| order(a, b));
        list.truncate(size);
        let mut out = Object::new();
        let mut answer = Vec::with_capacity(list.len());
        for (parts, bucket) in list {
            let mut key = Object::new();
            for (source, part) in sources.iter().zip(&parts) {
                key.insert(source.name.clone(), composite_value(source, part)?);
            }
            let mut head = Object::new();
            head.insert("key".to_owned(), Value::Object(key));
            answer.push(self.bucket(head, inner, Some(bucket))?);
        }
        if let Some(last) = answer.last().and_then(|bucket| bucket.get("key")) {
            out.insert("after_key".to_owned(), last.clone());
        }
        out.insert("buckets".to_owned(), listed(pipeline::parents(inner, answer)));
        Ok(out)
    }

    /// `after` as keys, in the types that the buckets have.
    fn composite_after(
        &self,
        sources: &[CompositeSource],
        after: &[Value],
        list: &[(Vec<Key>, Bucket)],
    ) -> Result<Vec<Key>, StoreError> {
        sources
            .iter()
            .zip(after)
            .enumerate()
            .map(|(position, (source, value))| {
                if value.is_null() {
                    return Ok(Key::Null);
                }
                let sample = list.iter().map(|(key, _)| &key[position]).find(|key| **key != Key::Null);
                Ok(match (&source.kind, sample, value) {
                    (CompositeKind::DateHistogram(request), ..) => {
                        let zone = request.time_zone.as_deref().map_or(Ok(TimeZone::UTC), time_zone)?;
                        Key::Date(read_date(value, request.format.as_deref(), &zone, self.search.now)?)
                    }
                    (_, Some(Key::Date(_)), value) => {
                        Key::Date(read_date(value, None, &TimeZone::UTC, self.search.now)?)
                    }
                    (CompositeKind::Histogram(_), ..) | (_, Some(Key::Float(_)), _) => {
                        float_key(value.as_f64().unwrap_or_default())
                    }
                    (_, Some(Key::Ip(_)), Value::String(text)) => match text.parse() {
                        Ok(std::net::IpAddr::V4(v4)) => Key::Ip(v4.to_ipv6_mapped()),
                        Ok(std::net::IpAddr::V6(v6)) => Key::Ip(v6),
                        Err(_) => {
                            return Err(StoreError::invalid(format!("{value} is no address (in \"after\")")));
                        }
                    },
                    (_, _, Value::Bool(truth)) => Key::Boolean(*truth),
                    (_, _, Value::Number(whole)) => match whole.as_i64() {
                        Some(whole) => Key::Integer(whole),
                        None => float_key(whole.as_f64().unwrap_or_default()),
                    },
                    (_, _, other) => Key::Text(other.as_str().unwrap_or_default().to_owned()),
                })
            })
            .collect()
    }

    fn top_hits(&self, request: &TopHits, mut entries: Vec<Entry>) -> Result<Object, StoreError> {
        let total = entries.len();
        entries.sort_by(|a, b| compare(&request.sort, a, b));
        let mut hits = Vec::new();
        for entry in entries.iter().skip(request.from).take(request.size) {
            let shard = fetch::shard_of(self.shards, entry)?;
            let (id, document) = fetch::read(shard, entry)?;
            let mut hit = Object::new();
            hit.insert("_index".to_owned(), json!(&*shard.index.name));
            hit.insert("_id".to_owned(), json!(id));
            hit.insert("_score".to_owned(), if request.sort.is_empty() { json!(1.0) } else { Value::Null });
            if let Some(source) = fetch::filtered(document, &request.source) {
                hit.insert("_source".to_owned(), Value::Object(source));
            }
            if !request.sort.is_empty() {
                hit.insert("sort".to_owned(), Value::Array(values_to_json(&request.sort, entry)?));
            }
            hits.push(Value::Object(hit));
        }
        let mut out = Object::new();
        let counted = json!({"value": total, "relation": if total > request.from + request.size { "gte" } else { "eq" }});
        out.insert("hits".to_owned(), json!({"total": counted, "max_score": null, "hits": hits}));
        Ok(out)
    }
}

fn listed(buckets: Vec<Object>) -> Value {
    Value::Array(buckets.into_iter().map(Value::Object).collect())
}

fn min_of(a: Option<f64>, b: Option<f64>) -> Option<f64> {
    [a, b].into_iter().flatten().reduce(f64::min)
}

fn max_of(a: Option<f64>, b: Option<f64>) -> Option<f64> {
    [a, b].into_iter().flatten().reduce(f64::max)
}

/// `key`, and `key_as_string` where Elasticsearch gives one.
fn term_key(key: &Key) -> Object {
    let mut out = Object::new();
    match key {
        Key::Boolean(truth) => {
            out.insert("key".to_owned(), json!(u8::from(*truth)));
            out.insert("key_as_string".to_owned(), json!(truth.to_string()));
        }
        Key::Date(millis) => {
            out.insert("key".to_owned(), json!(millis));
            let text = DatePrinter::iso().print(millis.saturating_mul(1_000_000));
            out.insert("key_as_string".to_owned(), json!(text));
        }
        other => {
            let value = other.to_scalar().map_or(Value::Null, |scalar| scalar.to_json(None));
            out.insert("key".to_owned(), value);
        }
    }
    out
}

/// Sorts buckets; ties by key, ascending.
fn order_buckets(list: &mut [(Key, Bucket)], order: &[BucketOrder], inner: &[Aggregation]) {
    let by_key = |a: &Key, b: &Key| match (a.to_scalar(), b.to_scalar()) {
        (Some(a), Some(b)) => a.order(&b),
        _ => a.cmp(b),
    };
    if order.is_empty() {
        return;
    }
    // Metrics are computed once per bucket, not once per comparison.
    let mut keyed: Vec<(Vec<f64>, usize)> = list
        .iter()
        .enumerate()
        .map(|(position, (_, bucket))| {
            let values = order.iter().map(|level| match &level.key {
                OrderKey::Count => bucket.count as f64,
                OrderKey::Key => 0.0,
                OrderKey::Metric(path, property) => {
                    metric_of(inner, bucket, path, property.as_deref()).unwrap_or(f64::NAN)
                }
            });
            (values.collect(), position)
        })
        .collect();
    keyed.sort_by(|(a, a_at), (b, b_at)| {
        for (position, level) in order.iter().enumerate() {
            let direct = match &level.key {
                OrderKey::Key => by_key(&list[*a_at].0, &list[*b_at].0),
                _ => match (a[position].is_nan(), b[position].is_nan()) {
                    // Without a value: last, whatever the direction.
                    (true, true) => Ordering::Equal,
                    (true, false) => return Ordering::Greater,
                    (false, true) => return Ordering::Less,
                    (false, false) => a[position].total_cmp(&b[position]),
                },
            };
            let directed = if level.order == SortOrder::Asc { direct } else { direct.reverse() };
            if directed.is_ne() {
                return directed;
            }
        }
        by_key(&list[*a_at].0, &list[*b_at].0)
    });
    let mut places = vec![0; list.len()];
    for (to, (_, from)) in keyed.into_iter().enumerate() {
        places[from] = to;
    }
    for at in 0..places.len() {
        while places[at] != at {
            let to = places[at];
            list.swap(at, to);
            places.swap(at, to);
        }
    }
}

/// A number of an inner aggregation; through buckets that are single (`filter`, `missing`).
fn metric_of(inner: &[Aggregation], bucket: &Bucket, path: &[String], property: Option<&str>) -> Option<f64> {
    let (first, rest) = path.split_first()?;
    let position = inner.iter().position(|aggregation| aggregation.name == *first)?;
    match (&inner[position].kind, bucket.inner.get(position)?) {
        (Kind::Metric(metric), Partial::Metric(state)) => state.value(&metric.kind, property),
        (_, Partial::Buckets(buckets)) => {
            let only = buckets.get(&Key::Position(0))?;
            match rest {
                [] | [_] if rest.first().is_none_or(|step| step == "_count") => Some(only.count as f64),
                _ => metric_of(&inner[position].inner, only, rest, property),
            }
        }
        _ => None,
    }
}

fn composite_order(sources: &[CompositeSource], a: &[Key], b: &[Key]) -> Ordering {
    for (position, source) in sources.iter().enumerate() {
        let direct = match (&a[position], &b[position]) {
            (a, b) if a == b => continue,
            (Key::Null, _) => Ordering::Less,
            (_, Key::Null) => Ordering::Greater,
            (a, b) => match (a.to_scalar(), b.to_scalar()) {
                (Some(a), Some(b)) => a.order(&b),
                _ => a.cmp(b),
            },
        };
        if direct.is_ne() {
            return if source.order == SortOrder::Asc { direct } else { direct.reverse() };
        }
    }
    Ordering::Equal
}

fn composite_value(source: &CompositeSource, key: &Key) -> Result<Value, StoreError> {
    if let (CompositeKind::DateHistogram(request), Key::Date(millis)) = (&source.kind, key)
        && let Some(format) = &request.format
    {
        let zone = request.time_zone.as_deref().map_or(Ok(TimeZone::UTC), time_zone)?;
        let printer = DatePrinter::new(Some(format), zone)?;
        return Ok(Value::String(printer.print(millis.saturating_mul(1_000_000))));
    }
    Ok(key.to_scalar().map_or(Value::Null, |scalar: Scalar| scalar.to_json(None)))
}
