use crate::memory::{Disk, NOW, assessed, ingest, open, payment, records, status, with};
use detect::fraud::{Assessed, LabelValue, NewLabel, VerdictRecord};
use event::{Event, Operation};
use proptest::prelude::*;
use serde_json::{Value, json};
use std::sync::{Arc, atomic::Ordering};

#[tokio::test]
async fn the_first_event_gets_verdict_index_and_id() {
    let disk = Arc::new(Disk::default());
    let detector = open(&disk).await;
    let mut other = payment("t0", 0);
    other.fields.insert("event".into(), json!({"dataset": "ecommerce.access"}));
    let spoofed = {
        let mut event = payment("t1", 0);
        event.fields.insert("fraud".into(), json!({"verdict": "allow", "label": "legitimate"}));
        event
    };
    let no_id = with(payment("", 0), "/ecommerce/transaction/id", Value::Null);
    let (events, assessed) = ingest(&detector, vec![other.clone(), spoofed, no_id.clone()]).await;
    assert_eq!((&events[0], &events[2]), (&other, &no_id));
    assert!(assessed[0].is_none() && assessed[2].is_none());
    let expected = json!({"verdict": "allow", "score": 0.0, "reasons": [], "rules": []});
    assert_eq!(events[1].fields["fraud"], expected);
    assert_eq!(events[1].metadata.index.as_deref(), Some("ecommerce-logs-2026.09.21"));
    assert!(events[1].metadata.id.as_deref().unwrap().starts_with("transaction-"));
    let record = detector.verdict("t1").await.unwrap().unwrap();
    assert_eq!(Some(record.document.id.as_str()), events[1].metadata.id.as_deref());
    assert_eq!(disk.all(), [(*record).clone()]);
}

/// As loggers send them that know no nested objects.
#[tokio::test]
async fn names_with_dots_tell_of_the_same_payment() {
    let disk = Arc::new(Disk::default());
    let detector = open(&disk).await;
    let mut dotted = payment("t1", 0);
    let mut flat = event::Object::new();
    flat.insert("event.dataset".into(), "ecommerce.transaction".into());
    flat.insert("fraud".into(), "none".into());
    flat.insert("fraud.verdict".into(), "allow".into());
    for (name, member) in payment("t1", 0).fields {
        match member {
            Value::Object(members) if name != "event" => {
                flat.extend(members.into_iter().map(|(inner, value)| (format!("{name}.{inner}"), value)));
            }
            _ => {}
        }
    }
    dotted.fields = flat;
    let (events, assessed) = ingest(&detector, vec![dotted, payment("t1", 0)]).await;
    let kinds: Vec<_> = assessed.into_iter().flatten().map(|one| one.kind).collect();
    assert_eq!(kinds, [Assessed::First, Assessed::Repeated]);
    assert_eq!(events[0].fields["fraud"], events[1].fields["fraud"]);
    assert_eq!(events[0].fields["ecommerce"], payment("t1", 0).fields["ecommerce"]);
    assert!(events[0].fields.keys().all(|name| !name.contains('.')), "{:?}", events[0].fields);
}

#[tokio::test]
async fn later_statuses_update_the_document_and_chargebacks_are_labels() {
    let disk = Arc::new(Disk::default());
    let detector = open(&disk).await;
    let mut first = payment("t1", 0);
    first.metadata.id = Some("doc".into());
    let repeat = payment("t1", 0);
    let chargeback = status(payment("t1", 90_000), "chargeback");
    // A later batch, and one batch for all, tell the same.
    let (mut events, mut kinds) = (Vec::new(), Vec::new());
    for event in [first, repeat, chargeback.clone(), chargeback, status(payment("t1", 50_000), "refunded")] {
        let (written, assessed) = ingest(&detector, vec![event]).await;
        events.extend(written);
        kinds.extend(assessed.into_iter().flatten().map(|one| one.kind));
    }
    use Assessed::{First, Later, Repeated};
    assert_eq!(kinds, [First, Repeated, Later, Repeated, Repeated]);
    assert!(events.iter().all(|event| event.metadata.id.as_deref() == Some("doc")));
    assert!(events.iter().all(|event| event.metadata.index == events[0].metadata.index));
    assert_eq!(events[2].metadata.operation, Operation::Update);
    assert_eq!(
        Value::Object(events[2].fields.clone()),
        json!({
            "ecommerce": {"transaction": {"status": "chargeback", "status_at": "2026-09-22T15:13:20Z"}},
            "fraud": {"label": "fraud", "label_at": "2026-09-22T15:13:20Z", "changed_at": NOW},
        })
    );
    let record = detector.verdict("t1").await.unwrap().unwrap();
    assert_eq!(record.label.unwrap().value, LabelValue::Fraud);
    // Known only from its time on.
    let judge = async |id: &str, secs| records(ingest(&detector, vec![payment(id, secs)]).await.1).remove(0);
    assert!(!judge("t2", 89_999).await.features.contains_key("card_known_fraud"));
    assert_eq!(judge("t3", 90_000).await.rules, ["known_fraud"]);
}

#[tokio::test]
async fn labels_become_updates() {
    let detector = open(&Arc::new(Disk::default())).await;
    ingest(&detector, vec![payment("t1", 0)]).await;
    let label = |id: &str, label, secs| NewLabel {
        transaction_id: id.into(),
        label,
        at: payment("", secs).metadata.timestamp,
    };
    let labels = vec![label("t1", LabelValue::Fraud, 100), label("nobody", LabelValue::Fraud, 100)];
    let mut labelling = detector.label(labels).await.unwrap();
    assert_eq!(labelling.unknown, ["nobody"]);
    let events = labelling.assessment.take_events();
    assert_eq!(events.len(), 1);
    let label_at = payment("", 100).metadata.timestamp.unwrap().to_string();
    assert_eq!(events[0].fields["fraud"], json!({"label": "fraud", "label_at": label_at, "changed_at": NOW}));
    detector.commit(labelling.assessment, &[true]).await;
    // An older word on the same payment changes nothing.
    let mut older = detector.label(vec![label("t1", LabelValue::Legitimate, 50)]).await.unwrap();
    assert!(older.assessment.take_events().is_empty());
    drop(older);
    assert_eq!(detector.verdict("t1").await.unwrap().unwrap().label.unwrap().value, LabelValue::Fraud);
}

#[tokio::test]
async fn what_was_refused_never_was() {
    let disk = Arc::new(Disk::default());
    let detector = open(&disk).await;
    let batch = vec![payment("t1", 0), payment("t2", 1), status(payment("t1", 2), "refunded")];
    let assessment = detector.assess(batch).await.unwrap();
    assert_eq!(assessed(&assessment).len(), 3);
    detector.commit(assessment, &[false, true, true]).await;
    assert_eq!(detector.stats().payments, 1);
    assert!(detector.verdict("t1").await.unwrap().is_none());
    assert_eq!(disk.all().len(), 1);
}

#[tokio::test]
async fn a_broken_history_delays_but_loses_nothing() {
    let disk = Arc::new(Disk::default());
    let detector = open(&disk).await;
    disk.broken.store(true, Ordering::SeqCst);
    ingest(&detector, vec![payment("t1", 0)]).await;
    assert_eq!((disk.all().len(), detector.stats().unsaved), (0, 1));
    assert!(detector.verdict("t1").await.unwrap().is_some());
    let (_, again) = ingest(&detector, vec![payment("t1", 0)]).await;
    assert_eq!(again[0].as_ref().unwrap().kind, Assessed::Repeated);
    disk.broken.store(false, Ordering::SeqCst);
    detector.save().await.unwrap();
    assert_eq!((disk.all().len(), detector.stats().unsaved), (1, 0));
}

#[tokio::test]
async fn a_record_that_the_history_refuses_does_not_hold_up_the_others() {
    let disk = Arc::new(Disk::default());
    let detector = open(&disk).await;
    let batch = ["t1", "refused", "t2"].into_iter().zip(0..).map(|(id, secs)| payment(id, secs)).collect();
    ingest(&detector, batch).await;
    detector.save().await.unwrap();
    assert_eq!((disk.all().len(), detector.stats().unsaved), (2, 0));
    ingest(&detector, vec![payment("t3", 3)]).await;
    assert_eq!(disk.all().len(), 3);
}

#[tokio::test]
async fn an_id_with_control_characters_is_none() {
    let detector = open(&Arc::new(Disk::default())).await;
    let (_, assessed) = ingest(&detector, vec![payment("a\u{0}b", 0), payment("a\tb", 0)]).await;
    assert!(assessed.iter().all(Option::is_none));
}

#[tokio::test]
async fn a_crash_before_the_history_is_mended_from_the_store() {
    let disk = Arc::new(Disk::default());
    let detector = open(&disk).await;
    let burst: Vec<Event> = (0..6).map(|i| payment(&format!("t{i}"), i)).collect();
    disk.broken.store(true, Ordering::SeqCst);
    let (stored, before) = ingest(&detector, burst).await;
    drop(detector);
    disk.broken.store(false, Ordering::SeqCst);
    let detector = open(&disk).await;
    assert_eq!(detector.stats().payments, 0);
    let mut ingested = stored[0].clone();
    ingested.fields["event"]["ingested"] = json!("2026-09-21T14:14:00Z");
    assert_eq!(detector.reconcile(vec![ingested]).await.unwrap(), 1);
    // A crash while mending must not move the start of the next search past what is still missing.
    let mended = disk.all().remove(0);
    assert_eq!(mended.assessed_at.to_string(), "2026-09-21T14:14:00Z");
    assert_eq!(detector.reconcile(stored.clone()).await.unwrap(), 5);
    assert_eq!(detector.reconcile(stored).await.unwrap(), 0);
    let mut expected = records(before);
    (expected[0].assessed_at, expected[0].changed_at) = (mended.assessed_at, mended.changed_at);
    assert_eq!(disk.all(), expected);
}

/// Payments of a few users, cards and devices, some in a burst, some sent again with another status.
fn stream() -> impl Strategy<Value = Vec<Event>> {
    let row = (
        0u8..30,
        0i64..400_000,
        0u8..3,
        0u8..3,
        prop::sample::select(vec!["approved", "declined", "chargeback"]),
    );
    prop::collection::vec(row, 1..40).prop_map(|rows| {
        rows.into_iter()
            .map(|(id, secs, user, card, state)| {
                let event = status(payment(&format!("t{id}"), secs), state);
                let event = with(event, "/user/id", json!(format!("u{user}")));
                with(event, "/ecommerce/card/token", json!(format!("c{card}")))
            })
            .collect()
    })
}

/// The history after these batches, with a restart (and perhaps a snapshot) before the batch of that number.
fn history(batches: Vec<Vec<Event>>, restart: Option<(usize, bool)>) -> Vec<VerdictRecord> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    runtime.block_on(async {
        let disk = Arc::new(Disk::default());
        let mut detector = open(&disk).await;
        for (i, batch) in batches.into_iter().enumerate() {
            if let Some((_, snapshot)) = restart.filter(|(at, _)| *at == i) {
                if snapshot {
                    detector.save_snapshot().await.unwrap();
                }
                detector = open(&disk).await;
            }
            ingest(&detector, batch).await;
        }
        let mut all = disk.all();
        all.sort_by(|a, b| a.transaction_id.cmp(&b.transaction_id));
        all
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn batches_restarts_and_snapshots_change_nothing(
        events in stream(),
        size in 1usize..40,
        restart in 0usize..40,
        snapshot in any::<bool>(),
    ) {
        let one_by_one: Vec<_> = events.iter().map(|event| vec![event.clone()]).collect();
        let batches: Vec<_> = events.chunks(size).map(<[Event]>::to_vec).collect();
        let expected = history(one_by_one.clone(), None);
        prop_assert_eq!(&history(batches, None), &expected);
        prop_assert_eq!(&history(one_by_one, Some((restart, snapshot))), &expected);
    }

    #[test]
    fn scores_follow_from_the_reasons(events in stream()) {
        for record in history(vec![events], None) {
            let points = record.reasons.iter().map(|reason| reason.contribution);
            prop_assert_eq!(detect::fraud::combine_points(points), record.score);
            // What a rule counted is among the features kept.
            for evidence in record.reasons.iter().flat_map(|reason| &reason.evidence) {
                if let Some(kept) = record.features.get(&evidence.feature) {
                    prop_assert_eq!(Some(*kept), evidence.value.as_f64());
                }
            }
        }
    }
}
