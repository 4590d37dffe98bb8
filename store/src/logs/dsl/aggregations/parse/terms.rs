use super::{Named, pipelines::bucket_order, values};
use crate::{
    StoreError,
    logs::dsl::{
        BUCKETS_MAX, PATTERN_MAX_BYTES, SortOrder,
        aggregations::ast::{
            BucketOrder, Kind, MultiTerms, OrderKey, RareTerms, SignificantTerms, TermSelection, TermsBuckets,
        },
        read::{number, parameters, shown},
    },
};
use serde::Deserialize;
use serde_json::Value;

/// Parts of the key of `multi_terms`.
const SOURCES_MAX: usize = 16;
/// `max_doc_count` of `rare_terms`, as in Elasticsearch.
const RARE_MAX: u64 = 100;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TermsParameters {
    #[serde(default, deserialize_with = "number")]
    size: Option<i64>,
    #[serde(default, deserialize_with = "number")]
    min_doc_count: Option<i64>,
    order: Option<Value>,
    include: Option<Value>,
    exclude: Option<Value>,
    #[serde(default)]
    show_term_doc_count_error: bool,
    #[serde(default, deserialize_with = "number")]
    shard_size: Option<i64>,
    // Counts are exact here, so what tunes their error changes nothing.
    #[serde(rename = "shard_min_doc_count")]
    _shard_min_doc_count: Option<Value>,
    execution_hint: Option<String>,
    collect_mode: Option<String>,
}

fn size(at: &Named<'_>, given: Option<i64>) -> Result<usize, StoreError> {
    match given {
        None => Ok(10),
        Some(size) => match usize::try_from(size) {
            Ok(size) if size > 0 => Ok(size.min(BUCKETS_MAX)),
            _ => Err(at.illegal(format!("[size] must be greater than 0. Found [{size}] in [{}]", at.name))),
        },
    }
}

/// As Elasticsearch has it: never less than what is wanted, and some more if nothing is given.
fn shard_size(at: &Named<'_>, size: usize, given: Option<i64>) -> Result<usize, StoreError> {
    match given {
        None => Ok(size.saturating_add(size / 2).saturating_add(10)),
        Some(given) => match usize::try_from(given) {
            Ok(given) if given > 0 => Ok(given.max(size)),
            _ => {
                let message = format!("[shardSize] must be greater than 0. Found [{given}] in [{}]", at.name);
                Err(at.illegal(message))
            }
        },
    }
}

fn least(at: &Named<'_>, given: Option<i64>, default: u64) -> Result<u64, StoreError> {
    given.map_or(Ok(default), |count| {
        u64::try_from(count).map_err(|_| {
            let message = format!(
                "[min_doc_count] must be greater than or equal to 0. Found [{count}] in [{}]",
                at.name
            );
            at.illegal(message)
        })
    })
}

fn order(at: &Named<'_>, given: Option<&Value>) -> Result<Vec<BucketOrder>, StoreError> {
    match given {
        Some(order) => bucket_order(order, &at.place.key("order")),
        None => Ok(vec![BucketOrder { key: OrderKey::Count, order: SortOrder::Desc }]),
    }
}

pub(super) fn terms(at: &Named<'_>, value: &Value) -> Result<Kind, StoreError> {
    let (source, read): (_, TermsParameters) = values::read(at, value)?;
    let size = size(at, read.size)?;
    Ok(Kind::Terms(TermsBuckets {
        source,
        size,
        shard_size: shard_size(at, size, read.shard_size)?,
        min_doc_count: least(at, read.min_doc_count, 1)?,
        order: order(at, read.order.as_ref())?,
        include: selection(at, read.include, "include")?,
        exclude: selection(at, read.exclude, "exclude")?,
        show_error: read.show_term_doc_count_error,
        breadth_first: read.collect_mode.as_deref() == Some("breadth_first"),
        by_map: read.execution_hint.as_deref() == Some("map"),
    }))
}

pub(super) fn multi_terms(at: &Named<'_>, value: &Value) -> Result<Kind, StoreError> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Parameters {
        terms: Vec<Value>,
        #[serde(default, deserialize_with = "number")]
        size: Option<i64>,
        #[serde(default, deserialize_with = "number")]
        min_doc_count: Option<i64>,
        order: Option<Value>,
        #[serde(default, deserialize_with = "number")]
        shard_size: Option<i64>,
        #[serde(rename = "shard_min_doc_count")]
        _shard_min_doc_count: Option<Value>,
        #[serde(rename = "collect_mode")]
        _collect_mode: Option<String>,
        #[serde(rename = "show_term_doc_count_error")]
        _show_error: Option<bool>,
    }
    let read: Parameters = parameters(&at.what(), value, at.place)?;
    if !(2..=SOURCES_MAX).contains(&read.terms.len()) {
        let message = "The [terms] parameter in the aggregation [multi_terms] must be present and have at least 2 fields";
        return Err(at.illegal(message));
    }
    let size = size(at, read.size)?;
    Ok(Kind::MultiTerms(MultiTerms {
        sources: read.terms.iter().map(|source| values::only(at, source)).collect::<Result<_, _>>()?,
        size,
        shard_size: shard_size(at, size, read.shard_size)?,
        min_doc_count: least(at, read.min_doc_count, 1)?.max(1),
        order: order(at, read.order.as_ref())?,
    }))
}

pub(super) fn rare_terms(at: &Named<'_>, value: &Value) -> Result<Kind, StoreError> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Parameters {
        #[serde(default, deserialize_with = "number")]
        max_doc_count: Option<u64>,
        include: Option<Value>,
        exclude: Option<Value>,
        // Of the filter that Elasticsearch counts with; here counts are exact.
        #[serde(rename = "precision")]
        _precision: Option<Value>,
    }
    let (source, read): (_, Parameters) = values::read(at, value)?;
    let max_doc_count = read.max_doc_count.unwrap_or(1);
    if max_doc_count == 0 || max_doc_count > RARE_MAX {
        let message = format!(
            "[max_doc_count] must lie between 1 and {RARE_MAX}. Found [{max_doc_count}] in [{}]",
            at.name
        );
        return Err(at.illegal(message));
    }
    Ok(Kind::RareTerms(RareTerms {
        source,
        max_doc_count,
        include: selection(at, read.include, "include")?,
        exclude: selection(at, read.exclude, "exclude")?,
    }))
}

pub(super) fn significant_terms(at: &Named<'_>, value: &Value) -> Result<Kind, StoreError> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Parameters {
        #[serde(default, deserialize_with = "number")]
        size: Option<i64>,
        #[serde(default, deserialize_with = "number")]
        min_doc_count: Option<i64>,
        background_filter: Option<Value>,
        include: Option<Value>,
        exclude: Option<Value>,
        // The one way of scoring that there is here, which is the default.
        #[serde(rename = "jlh")]
        _jlh: Option<Value>,
        #[serde(rename = "shard_size")]
        _shard_size: Option<Value>,
        #[serde(rename = "shard_min_doc_count")]
        _shard_min_doc_count: Option<Value>,
        #[serde(rename = "execution_hint")]
        _execution_hint: Option<String>,
    }
    let (source, read): (_, Parameters) = values::read(at, value)?;
    Ok(Kind::SignificantTerms(Box::new(SignificantTerms {
        source,
        size: size(at, read.size)?,
        min_doc_count: least(at, read.min_doc_count, 3)?.max(1),
        background: read.background_filter.as_ref().map(|filter| at.query(filter)).transpose()?,
        include: selection(at, read.include, "include")?,
        exclude: selection(at, read.exclude, "exclude")?,
        words_of: None,
    })))
}

pub(super) fn significant_text(at: &Named<'_>, value: &Value) -> Result<Kind, StoreError> {
    #[derive(Deserialize)]
    struct Parameters {
        field: String,
        #[serde(default)]
        filter_duplicate_text: bool,
        source_fields: Option<Vec<String>>,
        #[serde(flatten)]
        rest: event::Object,
    }
    let read: Parameters = parameters(&at.what(), value, at.place)?;
    if read.filter_duplicate_text {
        return Err(at.invalid(format!("{} does not support \"filter_duplicate_text\"", at.what())));
    }
    let mut rest = read.rest;
    rest.insert("field".to_owned(), Value::String(read.field.clone()));
    let mut kind = significant_terms(at, &Value::Object(rest))?;
    if let Kind::SignificantTerms(request) = &mut kind {
        request.words_of = Some(read.source_fields.unwrap_or_else(|| vec![read.field]));
    }
    Ok(kind)
}

fn selection(at: &Named<'_>, value: Option<Value>, key: &str) -> Result<Option<TermSelection>, StoreError> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Partition {
        partition: u32,
        num_partitions: u32,
    }
    Ok(Some(match value {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::String(pattern)) if pattern.len() <= PATTERN_MAX_BYTES => TermSelection::Pattern(pattern),
        Some(Value::Array(values)) => TermSelection::Values(values),
        Some(value @ Value::Object(_)) if key == "include" => {
            let place = at.place.key(key);
            let read: Partition = parameters("[include]", &value, &place)?;
            if read.partition >= read.num_partitions {
                return Err(at.illegal("[partition] must be below [num_partitions] in [include]"));
            }
            TermSelection::Partition { partition: read.partition, count: read.num_partitions }
        }
        Some(other) => {
            return Err(
                at.invalid(format!("[{key}] {} must be a pattern or a list of values", shown(&other)))
            );
        }
    }))
}
