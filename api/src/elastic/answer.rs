//! Answers in Elasticsearch's shape.

use event::Object;
use serde_json::{Value, json};
use store::logs::SearchResponse;

/// The answer to a search.
pub(super) fn search(mut response: SearchResponse, total_as_int: bool) -> Object {
    let mut answer = Object::new();
    answer.extend(response.scroll_id.take().map(|id| ("_scroll_id".to_owned(), json!(id))));
    answer.extend(response.pit_id.take().map(|id| ("pit_id".to_owned(), json!(id))));
    answer.insert("took".into(), json!(response.took_ms));
    answer.insert("timed_out".into(), json!(response.timed_out));
    answer.extend(response.terminated_early.map(|early| ("terminated_early".to_owned(), json!(early))));
    answer.insert("_shards".into(), shards(response.indices));
    let (aggregations, profile) = (response.aggregations.take(), response.profile.take());
    let suggest = response.suggest.take();
    if response.indices == 0 {
        response.max_score = Some(0.0);
    }
    answer.insert("hits".into(), response.hits_json(total_as_int));
    answer.extend(aggregations.map(|found| ("aggregations".to_owned(), Value::Object(found))));
    answer.extend(suggest.map(|found| ("suggest".to_owned(), Value::Object(found))));
    answer.extend(profile.map(|found| ("profile".to_owned(), found)));
    answer
}

/// Each index is one shard.
pub(super) fn shards(count: usize) -> Value {
    json!({"total": count, "successful": count, "skipped": 0, "failed": 0})
}

#[cfg(test)]
mod tests {
    use super::*;

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
