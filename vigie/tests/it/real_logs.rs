//! Ten thousand lines that a real server wrote.

use crate::harness::{Vigie, repository};
use serde_json::json;

#[tokio::test]
async fn real_access_log() {
    let Ok(bytes) = std::fs::read(repository("../shared/data/apache_access.log.gz")) else {
        println!("skipped: real_access_log (no ../shared/data here)");
        return;
    };
    let dir = tempfile::tempdir().unwrap();
    let vigie = Vigie::start(&dir.path().join("data"));
    let analyst = vigie.account("analyst").await;
    let upload = analyst.upload("apache_access.log.gz", bytes).await;
    assert_eq!((&upload["state"], &upload["lines"]), (&json!("done"), &json!(10_000)), "{upload}");
    assert_eq!(upload["indexed"].as_u64().unwrap() + upload["dead"].as_u64().unwrap(), 10_000, "{upload}");
    assert!(upload["dead"].as_u64().unwrap() <= 2, "{upload}");
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
