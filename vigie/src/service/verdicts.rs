//! Mends at start what a crash left between the log store and the history of verdicts.

use crate::adapters::VerdictAdapter;
use anyhow::Context;
use detect::fraud::FraudDetector;
use event::{Event, Origin};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use store::{
    logs::{Hit, LogStore, SearchRequest},
    scope::Scope,
};

/// So much before the newest verdict of the history the search begins: batches are written side by side.
const OVERLAP: SignedDuration = SignedDuration::from_mins(10);
const PAGE: usize = 1_000;

/// Hands the detector the stored transactions that the history may lack.
pub(super) async fn reconcile(
    detector: &FraudDetector,
    history: &VerdictAdapter,
    logs: &dyn LogStore,
    scope: &Scope,
) -> anyhow::Result<()> {
    let since = history.newest_assessment().await?.map(|newest| newest - OVERLAP);
    let mut after: Option<Vec<Value>> = None;
    let mut mended = 0;
    loop {
        let request = request(since, after.as_deref());
        let hits =
            logs.search(scope, request).await.context("cannot look for transactions without history")?.hits;
        after = hits.last().map(|hit| hit.sort.clone());
        let last_page = hits.len() < PAGE;
        mended += detector.reconcile(hits.into_iter().map(stored_event).collect()).await?;
        if last_page {
            break;
        }
    }
    if mended > 0 {
        tracing::info!(mended, "added verdicts to the history that an interrupted write had left out");
    }
    Ok(())
}

fn request(since: Option<Timestamp>, after: Option<&[Value]>) -> SearchRequest {
    let mut filter = vec![
        json!({"term": {"event.dataset": detect::fraud::TRANSACTION_DATASET}}),
        json!({"exists": {"field": "fraud.verdict"}}),
    ];
    filter.extend(since.map(|since| json!({"range": {"event.ingested": {"gte": since.to_string()}}})));
    let mut body = event::Object::new();
    body.insert("query".to_owned(), json!({"bool": {"filter": filter}}));
    body.insert("sort".to_owned(), json!([{"@timestamp": "asc"}, {"event.id": "asc"}]));
    body.insert("size".to_owned(), PAGE.into());
    body.insert("track_total_hits".to_owned(), false.into());
    body.extend(after.map(|after| ("search_after".to_owned(), after.into())));
    let indices = vec![format!("{}-*", event::ECOMMERCE_LOGS)];
    SearchRequest { indices, body, timeout: None, ignore_unavailable: true }
}

fn stored_event(hit: Hit) -> Event {
    let mut event = Event::new(hit.source.unwrap_or_default(), Origin::Request);
    event.metadata.index = Some(hit.index.into());
    event.metadata.id = Some(hit.id);
    event
}
