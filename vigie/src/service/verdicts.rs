//! Mends at start what a crash left between the log store and the history of verdicts.

use crate::adapters::VerdictAdapter;
use anyhow::Context;
use detect::fraud::FraudDetector;
use event::{Event, Origin};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use store::{
    logs::{Hit, IndicesOptions, LogStore, SearchRequest},
    scope::Scope,
};

/// So much before the newest change of the history the search begins: batches are written side by side.
const OVERLAP: SignedDuration = SignedDuration::from_mins(10);
const PAGE: usize = 1_000;

/// Hands the detector the stored transactions that the history may lack.
pub(super) async fn reconcile(
    detector: &FraudDetector,
    history: &VerdictAdapter,
    logs: &dyn LogStore,
    scope: &Scope,
) -> anyhow::Result<()> {
    let since = history.newest_change().await?.map(|newest| newest - OVERLAP);
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
    filter.extend(since.map(|since| {
        let reaches = |field: &str| json!({"range": {field: {"gte": since.to_string()}}});
        json!({"bool": {"should": [reaches("event.ingested"), reaches("fraud.changed_at")]}})
    }));
    let mut body = event::Object::new();
    body.insert("query".to_owned(), json!({"bool": {"filter": filter}}));
    body.insert("sort".to_owned(), json!([{"@timestamp": "asc"}, {"event.id": "asc"}]));
    body.insert("size".to_owned(), PAGE.into());
    body.insert("track_total_hits".to_owned(), false.into());
    body.extend(after.map(|after| ("search_after".to_owned(), after.into())));
    let indices = vec![format!("{}-*", event::ECOMMERCE_LOGS)];
    SearchRequest { indices, body, options: IndicesOptions::LENIENT, ..SearchRequest::default() }
}

fn stored_event(hit: Hit) -> Event {
    let mut event = Event::new(hit.source.unwrap_or_default(), Origin::Request);
    event.metadata.index = Some(hit.index.into());
    event.metadata.id = Some(hit.id);
    event
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        adapters::{COLLECTIONS, SnapshotAdapter},
        service::templates,
    };
    use detect::fraud::{FraudConfig, LabelValue};
    use std::sync::Arc;
    use store::{
        Clock,
        documents::SqliteDocuments,
        logs::{
            Refresh,
            embedded::{EmbeddedLogs, EmbeddedOptions},
        },
    };

    fn payment(id: &str, ingested: &str, fraud: Value) -> Event {
        let fields = json!({
            "@timestamp": "2026-09-01T10:00:00Z",
            "event": {"dataset": detect::fraud::TRANSACTION_DATASET, "id": id, "ingested": ingested},
            "user": {"id": "u1"},
            "ecommerce": {"transaction": {"id": id, "amount": 20.0, "currency": "EUR", "status": "approved"}},
            "fraud": fraud,
        });
        let Value::Object(fields) = fields else { unreachable!() };
        let mut event = Event::new(fields, Origin::Request);
        event.metadata.index = Some("ecommerce-logs-2026.09.01".into());
        event.metadata.id = Some(id.to_owned());
        event
    }

    /// The history ends a while after the payments; what was told of one of them last never reached it.
    #[tokio::test]
    async fn a_lost_label_on_an_old_payment_is_found() {
        let directory = tempfile::tempdir().unwrap();
        let sqlite =
            SqliteDocuments::open(&directory.path().join("db"), &[COLLECTIONS].concat(), Clock::system());
        let history = Arc::new(VerdictAdapter::open(Arc::new(sqlite.unwrap())).await.unwrap());
        let snapshots = Arc::new(SnapshotAdapter::new(directory.path().join("snapshot")));
        let clock = detect::fraud::system_clock();
        let detector =
            FraudDetector::open(history.clone(), snapshots, FraudConfig::default(), clock).await.unwrap();
        let scope = Scope::internal("test");
        let logs = EmbeddedLogs::open(&directory.path().join("logs"), EmbeddedOptions::default()).unwrap();
        templates::install(&logs, &scope).await.unwrap();

        let allowed = json!({"verdict": "allow", "score": 0.0, "reasons": [], "rules": []});
        let old = payment("old", "2026-09-01T10:00:01Z", allowed.clone());
        let newest = payment("newest", "2026-11-01T10:00:00Z", allowed.clone());
        assert_eq!(detector.reconcile(vec![old, newest]).await.unwrap(), 2);

        let mut labelled = allowed;
        labelled["label"] = json!("fraud");
        labelled["label_at"] = json!("2026-10-01T00:00:00Z");
        labelled["changed_at"] = json!("2026-11-01T10:00:05Z");
        let stored = payment("old", "2026-09-01T10:00:01Z", labelled);
        logs.write(&scope, vec![stored], Refresh::Now).await.unwrap();

        reconcile(&detector, &history, &logs, &scope).await.unwrap();
        let label = detector.verdict("old").await.unwrap().unwrap().label.unwrap();
        assert_eq!(
            (label.value, label.at.to_string()),
            (LabelValue::Fraud, "2026-10-01T00:00:00Z".to_owned())
        );
        assert_eq!(history.newest_change().await.unwrap().unwrap().to_string(), "2026-11-01T10:00:05Z");
    }
}
