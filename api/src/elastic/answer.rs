//! Answers in Elasticsearch's shape.

use event::Object;
use serde_json::{Value, json};
use store::logs::{Document, IndexInfo, SearchResponse};

/// The answer to a search.
pub(super) fn search(mut response: SearchResponse, total_as_int: bool) -> Object {
    let mut answer = Object::new();
    answer.extend(response.scroll_id.take().map(|id| ("_scroll_id".to_owned(), json!(id))));
    answer.extend(response.pit_id.take().map(|id| ("pit_id".to_owned(), json!(id))));
    answer.insert("took".into(), json!(response.took_ms));
    answer.insert("timed_out".into(), json!(response.timed_out));
    answer.extend(response.terminated_early.map(|early| ("terminated_early".to_owned(), json!(early))));
    answer.insert("_shards".into(), shards(response.indices));
    let aggregations = response.aggregations.take();
    if response.indices == 0 {
        response.max_score = Some(0.0);
    }
    answer.insert("hits".into(), response.hits_json(total_as_int));
    answer.extend(aggregations.map(|found| ("aggregations".to_owned(), Value::Object(found))));
    answer
}

/// Each index is one shard.
pub(super) fn shards(count: usize) -> Value {
    json!({"total": count, "successful": count, "skipped": 0, "failed": 0})
}

/// A document read by its id.
pub(super) fn document(document: Document) -> Value {
    json!({
        "_index": document.index,
        "_id": document.id,
        "_version": document.version,
        "_seq_no": document.seq_no.seq_no,
        "_primary_term": document.seq_no.primary_term,
        "found": true,
        "_source": document.source,
    })
}

/// A row of `_cat/indices`; all values are texts there.
pub(super) fn cat_index(index: &IndexInfo) -> Value {
    let size = bytes(index.size_bytes);
    json!({
        "health": "green",
        "status": "open",
        "index": index.name,
        "uuid": &hex::encode(blake3::hash(index.name.as_bytes()).as_bytes())[..22],
        "pri": "1",
        "rep": "0",
        "docs.count": index.documents.to_string(),
        "docs.deleted": "0",
        "store.size": size,
        "pri.store.size": size,
    })
}

/// A size with a unit, one decimal cut off, as Elasticsearch writes it: `1.2kb`.
fn bytes(size: u64) -> String {
    const UNITS: [&str; 5] = ["b", "kb", "mb", "gb", "tb"];
    let mut tenths = u128::from(size) * 10;
    let mut unit = 0;
    while tenths >= 10_240 && unit + 1 < UNITS.len() {
        tenths /= 1_024;
        unit += 1;
    }
    let (whole, tenth) = (tenths / 10, tenths % 10);
    if tenth == 0 { format!("{whole}{}", UNITS[unit]) } else { format!("{whole}.{tenth}{}", UNITS[unit]) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes() {
        let check = |size, expected: &str| assert_eq!(bytes(size), expected);
        check(0, "0b");
        check(1_023, "1023b");
        check(1_024, "1kb");
        check(1_290, "1.2kb");
        check(5 << 30, "5gb");
        check(u64::MAX, "16777215.9tb");
    }

    #[test]
    fn an_empty_search() {
        let response = SearchResponse { took_ms: 2, indices: 3, ..SearchResponse::default() };
        let expected = json!({
            "took": 2, "timed_out": false, "_shards": {"total": 3, "successful": 3, "skipped": 0, "failed": 0},
            "hits": {"max_score": null, "hits": []},
        });
        assert_eq!(Value::Object(search(response, false)), expected);
    }
}
