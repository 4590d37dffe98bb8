use super::super::super::dates::time_zone;
use super::super::keys::{cell_name, cell_of_name, read_date};
use super::super::{Bucket, Key, float_key};
use super::format::ValueFormat;
use super::{Finish, listed};
use crate::{
    StoreError,
    logs::{
        dsl::{
            SortOrder,
            aggregations::{Aggregation, CompositeKind, CompositeSource},
        },
        embedded::mapping::Family,
    },
};
use event::Object;
use jiff::tz::TimeZone;
use serde_json::Value;
use std::{cmp::Ordering, collections::HashMap};

impl Finish<'_, '_> {
    pub(super) fn composite(
        &mut self,
        sources: &[CompositeSource],
        size: usize,
        after: Option<&[Value]>,
        inner: &[Aggregation],
        buckets: HashMap<Key, Bucket>,
    ) -> Result<Object, StoreError> {
        let parts =
            |(key, bucket)| if let Key::Composite(parts) = key { Some((parts, bucket)) } else { None };
        let mut list: Vec<(Vec<Key>, Bucket)> = buckets.into_iter().filter_map(parts).collect();
        let order = |a: &[Key], b: &[Key]| composite_order(sources, a, b);
        if let Some(after) = after {
            let after: Vec<Key> = sources
                .iter()
                .zip(after)
                .map(|(source, value)| self.after(source, value))
                .collect::<Result<_, _>>()?;
            list.retain(|(key, _)| order(key, &after).is_gt());
        }
        list.sort_by(|(a, _), (b, _)| order(a, b));
        list.truncate(size);
        let formats =
            sources.iter().map(|source| self.composite_format(source)).collect::<Result<Vec<_>, _>>()?;
        let mut answer = Vec::with_capacity(list.len());
        for (parts, bucket) in list {
            let mut key = Object::new();
            for ((source, format), part) in sources.iter().zip(&formats).zip(&parts) {
                key.insert(source.name.clone(), composite_value(source, format.as_ref(), part));
            }
            let mut head = Object::new();
            head.insert("key".to_owned(), Value::Object(key));
            answer.push(self.bucket(String::new(), head, inner, Some(bucket))?);
        }
        let last = answer.last().and_then(|bucket| bucket.body.get("key")).cloned();
        let mut out = Object::new();
        out.extend(last.map(|last| ("after_key".to_owned(), last)));
        out.extend(listed(inner, answer, false)?);
        Ok(out)
    }

    fn composite_format(&self, source: &CompositeSource) -> Result<Option<ValueFormat>, StoreError> {
        Ok(match &source.kind {
            CompositeKind::DateHistogram(request) if request.source.format.is_some() => {
                Some(self.dates(&request.source)?)
            }
            CompositeKind::Terms(values) if values.format.is_some() => Some(self.format(values)?),
            _ => None,
        })
    }

    /// A value of `after` as a key, of the type that the buckets have.
    fn after(&self, source: &CompositeSource, value: &Value) -> Result<Key, StoreError> {
        let refuse =
            || StoreError::invalid(format!("invalid value {value} for source [{}] in [after]", source.name));
        if value.is_null() {
            return if source.missing_bucket { Ok(Key::Null) } else { Err(refuse()) };
        }
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let number = || value.as_f64().or_else(|| text.parse().ok()).ok_or_else(refuse);
        match &source.kind {
            CompositeKind::DateHistogram(request) => {
                let zone = request.source.time_zone.as_deref().map_or(Ok(TimeZone::UTC), time_zone)?;
                let format = request.source.format.as_deref();
                Ok(Key::Date(read_date(value, format, &zone, self.search.now)?))
            }
            CompositeKind::Histogram(_) => number().map(float_key),
            CompositeKind::GeoTile(request) => {
                cell_of_name(&text, request.precision).map(Key::Cell).ok_or_else(refuse)
            }
            CompositeKind::Terms(values) => Ok(match self.field(&values.field).map(|field| field.family()) {
                Some(Family::Date) => {
                    Key::Date(read_date(value, values.format.as_deref(), &TimeZone::UTC, self.search.now)?)
                }
                Some(Family::Float) => float_key(number()?),
                Some(Family::Integer | Family::Unsigned) => match text.parse::<i64>() {
                    Ok(whole) => Key::Integer(whole),
                    Err(_) => match text.parse::<u64>() {
                        Ok(large) => Key::Unsigned(large),
                        Err(_) => float_key(number()?),
                    },
                },
                Some(Family::Boolean) => Key::Boolean(matches!(text.as_str(), "true" | "1")),
                Some(Family::Ip) => match text.parse() {
                    Ok(std::net::IpAddr::V4(v4)) => Key::Ip(v4.to_ipv6_mapped()),
                    Ok(std::net::IpAddr::V6(v6)) => Key::Ip(v6),
                    Err(_) => return Err(refuse()),
                },
                Some(Family::Keyword | Family::Text | Family::Geo | Family::Range) | None => Key::Text(text),
            }),
        }
    }
}

fn composite_order(sources: &[CompositeSource], a: &[Key], b: &[Key]) -> Ordering {
    for (position, source) in sources.iter().enumerate() {
        let direct = match (&a[position], &b[position]) {
            (a, b) if a == b => continue,
            (Key::Null, _) => Ordering::Less,
            (_, Key::Null) => Ordering::Greater,
            (a, b) => a.order(b),
        };
        if direct.is_ne() {
            return if source.order == SortOrder::Asc { direct } else { direct.reverse() };
        }
    }
    Ordering::Equal
}

fn composite_value(source: &CompositeSource, format: Option<&ValueFormat>, key: &Key) -> Value {
    match (&source.kind, key) {
        (CompositeKind::GeoTile(request), Key::Cell(cell)) => Value::String(cell_name(request, *cell)),
        (_, Key::Null) => Value::Null,
        _ => match format {
            Some(format) => Value::String(format.key(key).1),
            None => key.to_scalar().map_or(Value::Null, |scalar| scalar.to_json(None)),
        },
    }
}
