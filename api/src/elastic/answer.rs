//! Answers in Elasticsearch's shape.

use event::Object;
use serde_json::{Value, json};
use store::logs::{Document, Hit, IndexInfo, SearchResponse};

/// The answer to a search.
pub(super) fn search(response: SearchResponse, total_as_int: bool) -> Value {
    let mut hits = Object::new();
    if let Some(total) = response.total {
        let relation = if total.exact { "eq" } else { "gte" };
        let total = if total_as_int {
            json!(total.value)
        } else {
            json!({"value": total.value, "relation": relation})
        };
        hits.insert("total".into(), total);
    }
    hits.insert("max_score".into(), json!(response.max_score));
    hits.insert("hits".into(), response.hits.into_iter().map(hit).collect());
    let mut answer = Object::new();
    answer.insert("took".into(), json!(response.took_ms));
    answer.insert("timed_out".into(), json!(response.timed_out));
    answer.insert("_shards".into(), shards(response.indices));
    answer.insert("hits".into(), Value::Object(hits));
    answer.extend(
        response.aggregations.map(|aggregations| ("aggregations".to_owned(), Value::Object(aggregations))),
    );
    Value::Object(answer)
}

fn hit(hit: Hit) -> Value {
    let mut out = Object::new();
    out.insert("_index".into(), json!(hit.index));
    out.insert("_id".into(), json!(hit.id));
    if let Some((version, position)) = hit.version {
        out.insert("_version".into(), json!(version));
        out.insert("_seq_no".into(), json!(position.seq_no));
        out.insert("_primary_term".into(), json!(position.primary_term));
    }
    out.insert("_score".into(), json!(hit.score));
    if !hit.ignored.is_empty() {
        out.insert("_ignored".into(), json!(hit.ignored));
    }
    out.extend(hit.source.map(|source| ("_source".to_owned(), Value::Object(source))));
    out.extend(hit.fields.map(|fields| ("fields".to_owned(), Value::Object(fields))));
    out.extend(hit.highlight.map(|highlight| ("highlight".to_owned(), Value::Object(highlight))));
    if !hit.sort.is_empty() {
        out.insert("sort".into(), Value::Array(hit.sort));
    }
    Value::Object(out)
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
        assert_eq!(search(response, false), expected);
    }
}
