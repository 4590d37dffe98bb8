use super::{Named, values};
use crate::{
    StoreError,
    logs::dsl::{
        aggregations::ast::{Filters, Kind, RangeBucket, RangeKind, Ranges},
        read::{object, parameters, shown},
    },
};
use event::Object;
use serde::Deserialize;
use serde_json::Value;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Bucket {
    key: Option<String>,
    from: Option<Value>,
    to: Option<Value>,
    mask: Option<String>,
}

/// The ranges of a request, as far as they fit their kind.
pub(super) fn buckets(
    at: &Named<'_>,
    list: &[Value],
    kind: RangeKind,
) -> Result<Vec<RangeBucket>, StoreError> {
    if list.is_empty() {
        return Err(at.illegal(format!("No [ranges] specified for the [{}] aggregation", at.name)));
    }
    at.check_width(list.len())?;
    let texts = matches!(kind, RangeKind::Date | RangeKind::Ip);
    let mut ranges = Vec::with_capacity(list.len());
    for item in list {
        let bucket: Bucket = parameters(&at.what(), item, at.place)?;
        for end in [&bucket.from, &bucket.to].into_iter().flatten() {
            let numeric = end.is_number() && kind != RangeKind::Ip
                || end.as_str().is_some_and(|text| text.parse::<f64>().is_ok());
            if !(end.is_null() || numeric || end.is_string() && texts) {
                return Err(at.invalid(format!("{}: {} is not an end of a range", at.what(), shown(end))));
            }
        }
        if bucket.mask.is_some() && (kind != RangeKind::Ip || bucket.from.is_some() || bucket.to.is_some()) {
            return Err(at.invalid(format!("{} takes \"mask\" only for addresses, and alone", at.what())));
        }
        let end = |value: Option<Value>| value.filter(|value| !value.is_null());
        ranges.push(RangeBucket {
            key: bucket.key,
            from: end(bucket.from),
            to: end(bucket.to),
            mask: bucket.mask,
        });
    }
    Ok(ranges)
}

pub(super) fn ranges(at: &Named<'_>, value: &Value) -> Result<Kind, StoreError> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Parameters {
        #[serde(default)]
        ranges: Vec<Value>,
        #[serde(default)]
        keyed: bool,
    }
    let (source, read): (_, Parameters) = values::read(at, value)?;
    let kind = match at.kind {
        "date_range" => RangeKind::Date,
        "ip_range" => RangeKind::Ip,
        _ => RangeKind::Number,
    };
    if kind == RangeKind::Ip {
        values::refuse_script(at, &source)?;
    }
    Ok(Kind::Ranges(Ranges { source, kind, ranges: buckets(at, &read.ranges, kind)?, keyed: read.keyed }))
}

pub(super) fn filters(at: &Named<'_>, value: &Value) -> Result<Kind, StoreError> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Parameters {
        #[serde(default)]
        filters: Value,
        other_bucket: Option<bool>,
        other_bucket_key: Option<String>,
        #[serde(rename = "keyed")]
        _keyed: Option<bool>,
    }
    let read: Parameters = parameters(&at.what(), value, at.place)?;
    at.check_width(read.filters.as_array().map_or(0, Vec::len))?;
    at.check_width(read.filters.as_object().map_or(0, Object::len))?;
    let filters: Vec<(Option<String>, _)> = match &read.filters {
        Value::Null => Vec::new(),
        Value::Array(list) => {
            list.iter().map(|item| Ok((None, at.query(item)?))).collect::<Result<_, StoreError>>()?
        }
        named => object("[filters] aggregation", named, at.place)?
            .iter()
            .map(|(name, item)| Ok((Some(name.clone()), at.query(item)?)))
            .collect::<Result<_, StoreError>>()?,
    };
    if filters.is_empty() {
        return Err(at.illegal("[filters] cannot be empty"));
    }
    let wanted = read.other_bucket.unwrap_or(read.other_bucket_key.is_some());
    let other_bucket_key = wanted.then(|| read.other_bucket_key.unwrap_or_else(|| "_other_".to_owned()));
    Ok(Kind::Filters(Filters { filters, other_bucket_key }))
}
