//! Ten thousand lines that a real server wrote.

use crate::harness::{Vigie, data_beside};
use serde_json::json;

#[tokio::test]
async fn real_access_log() {
    let Some(file) = data_beside("apache_access.log.gz") else { return };
    let bytes = std::fs::read(file).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let vigie = Vigie::start(&dir.path().join("data"));
    let analyst = vigie.account("analyst").await;
    let upload = analyst.upload("apache_access.log.gz", bytes).await;
    assert_eq!((&upload["state"], &upload["lines"]), (&json!("done"), &json!(10_000)), "{upload}");
    assert_eq!(upload["indexed"].as_u64().unwrap() + upload["dead"].as_u64().unwrap(), 10_000, "{upload}");
    // The only line that is not in the format: its user agent was cut off before the closing quote.
    assert_eq!((&upload["dead"], &upload["error_sample"][0]["line"]), (&json!(1), &json!(8899)), "{upload}");
    let found = analyst
        .search_until(
            json!({
                "query": "url.path:\"/favicon.ico\"", "index": "ecommerce-logs-*", "size": 1,
                "aggs": {"status": {"terms": {"field": "http.response.status_code"}}},
            }),
            807,
        )
        .await;
    let counted: u64 = found["aggs"]["status"]["buckets"]
        .as_array()
        .unwrap()
        .iter()
        .map(|bucket| bucket["doc_count"].as_u64().unwrap())
        .sum();
    assert_eq!(counted, 807);
}
