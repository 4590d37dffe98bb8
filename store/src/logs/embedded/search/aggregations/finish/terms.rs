use super::super::{Bucket, Key};
use super::format::ValueFormat;
use super::order::order_buckets;
use super::{Finish, listed};
use crate::{
    StoreError,
    logs::dsl::{
        SortOrder,
        aggregations::{Aggregation, BucketOrder, MultiTerms, OrderKey, RareTerms, TermsBuckets},
    },
};
use event::Object;
use serde_json::{Value, json};
use std::collections::HashMap;

/// Where one index has whole numbers and another fractions, all are fractions.
pub(super) fn unified(buckets: HashMap<Key, Bucket>) -> HashMap<Key, Bucket> {
    let mixed = buckets.keys().any(|key| matches!(key, Key::Float(_)))
        && buckets.keys().any(|key| matches!(key, Key::Integer(_) | Key::Unsigned(_)));
    if !mixed {
        return buckets;
    }
    let mut unified: HashMap<Key, Bucket> = HashMap::with_capacity(buckets.len());
    for (key, bucket) in buckets {
        unified.entry(key.into_float()).or_default().merge(bucket);
    }
    unified
}

impl Finish<'_, '_> {
    pub(super) fn terms(
        &mut self,
        request: &TermsBuckets,
        inner: &[Aggregation],
        buckets: HashMap<Key, Bucket>,
    ) -> Result<Object, StoreError> {
        let mut list: Vec<(Key, Bucket)> = unified(buckets)
            .into_iter()
            .filter(|(_, bucket)| bucket.count >= request.min_doc_count)
            .collect();
        let bound = error_bound(&request.order, list.len(), request.shard_size);
        let other = cut(&mut list, &request.order, request.size, inner);
        let format = self.format(&request.source)?;
        let mut answer = Vec::with_capacity(list.len());
        for (key, bucket) in list {
            let (head, text) = headed(&format, &key);
            let mut rendered = self.bucket(text, head, inner, Some(bucket))?;
            if request.show_error {
                rendered.body.insert("doc_count_error_upper_bound".to_owned(), json!(bound));
            }
            answer.push(rendered);
        }
        let mut out = counted(other, bound);
        out.extend(listed(inner, answer, false)?);
        Ok(out)
    }

    pub(super) fn multi_terms(
        &mut self,
        request: &MultiTerms,
        inner: &[Aggregation],
        buckets: HashMap<Key, Bucket>,
    ) -> Result<Object, StoreError> {
        let mut list: Vec<(Key, Bucket)> =
            buckets.into_iter().filter(|(_, bucket)| bucket.count >= request.min_doc_count).collect();
        let bound = error_bound(&request.order, list.len(), request.shard_size);
        let other = cut(&mut list, &request.order, request.size, inner);
        let formats =
            request.sources.iter().map(|source| self.format(source)).collect::<Result<Vec<_>, _>>()?;
        let mut answer = Vec::with_capacity(list.len());
        for (key, bucket) in list {
            let Key::Composite(parts) = &key else { continue };
            let (mut values, mut texts) = (Vec::new(), Vec::new());
            for (format, part) in formats.iter().zip(parts) {
                let (value, text, has_text) = format.key(part);
                values.push(if has_text { json!(text) } else { value });
                texts.push(text);
            }
            let name = texts.join("|");
            let mut head = Object::new();
            head.insert("key".to_owned(), Value::Array(values));
            head.insert("key_as_string".to_owned(), json!(name));
            answer.push(self.bucket(name, head, inner, Some(bucket))?);
        }
        let mut out = counted(other, bound);
        out.extend(listed(inner, answer, false)?);
        Ok(out)
    }

    pub(super) fn rare_terms(
        &mut self,
        request: &RareTerms,
        inner: &[Aggregation],
        buckets: HashMap<Key, Bucket>,
    ) -> Result<Object, StoreError> {
        let mut list: Vec<(Key, Bucket)> = unified(buckets)
            .into_iter()
            .filter(|(_, bucket)| bucket.count <= request.max_doc_count)
            .collect();
        list.sort_by(|(a, a_bucket), (b, b_bucket)| {
            a_bucket.count.cmp(&b_bucket.count).then_with(|| a.order(b))
        });
        let format = self.format(&request.source)?;
        let mut answer = Vec::with_capacity(list.len());
        for (key, bucket) in list {
            let (head, text) = headed(&format, &key);
            answer.push(self.bucket(text, head, inner, Some(bucket))?);
        }
        listed(inner, answer, false)
    }
}

/// `doc_count_error_upper_bound`: counts are exact here, whatever the number of indices, but Elasticsearch's shards send no
/// more than `sent` buckets, and in another order than by count or key it says -1: not known. Clients show that as what it
/// is, so it is told where Elasticsearch would.
fn error_bound(order: &[BucketOrder], buckets: usize, sent: usize) -> i64 {
    let unknown = matches!(
        order.first(),
        Some(
            BucketOrder { key: OrderKey::Count, order: SortOrder::Asc }
                | BucketOrder { key: OrderKey::Metric(_), .. }
        )
    );
    if unknown && buckets >= sent { -1 } else { 0 }
}

/// Keeps the first of the buckets in this order; how many documents are in the others.
fn cut(list: &mut Vec<(Key, Bucket)>, order: &[BucketOrder], size: usize, inner: &[Aggregation]) -> u64 {
    let documents = |list: &[(Key, Bucket)]| list.iter().map(|(_, bucket)| bucket.count).sum::<u64>();
    let total = documents(list);
    order_buckets(list, order, inner);
    list.truncate(size);
    total - documents(list)
}

/// How a bucket of one value begins, and the text that names it.
fn headed(format: &ValueFormat, key: &Key) -> (Object, String) {
    let (value, text, has_text) = format.key(key);
    let mut head = Object::new();
    head.insert("key".to_owned(), value);
    if has_text {
        head.insert("key_as_string".to_owned(), json!(text));
    }
    (head, text)
}

fn counted(other: u64, error_bound: i64) -> Object {
    let mut out = Object::new();
    out.insert("doc_count_error_upper_bound".to_owned(), json!(error_bound));
    out.insert("sum_other_doc_count".to_owned(), json!(other));
    out
}
