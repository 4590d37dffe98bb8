//! Patterns of fraud that must not pass, and the ordinary shop that must.

use crate::memory::{Disk, ingest, open, payment, records, status, with};
use detect::fraud::{Verdict, VerdictRecord};
use event::Event;
use serde_json::json;
use std::sync::Arc;

async fn judge(events: Vec<Event>) -> Vec<VerdictRecord> {
    let detector = open(&Arc::new(Disk::default())).await;
    records(ingest(&detector, events).await.1)
}

#[tokio::test]
async fn card_testing_is_blocked() {
    let burst = (0..20).map(|i| {
        let event = with(payment(&format!("t{i}"), i * 5), "/ecommerce/card/token", json!(format!("c{i}")));
        status(event, if i % 7 == 6 { "approved" } else { "declined" })
    });
    let records = judge(burst.collect()).await;
    assert!(records[10..].iter().all(|record| record.verdict == Verdict::Block), "{:?}", records[10].reasons);
    assert!(records[13].rules.iter().any(|rule| rule == "card_testing"));
    assert!(records[12].rules.iter().any(|rule| rule == "declined_share"));
}

#[tokio::test]
async fn an_account_taken_over_is_reviewed() {
    let mut events: Vec<Event> = (0..6).map(|i| payment(&format!("t{i}"), i * 86_400)).collect();
    let stolen = with(payment("stolen", 6 * 86_400), "/device/id", json!("d9"));
    let stolen = with(stolen, "/source/geo/country_iso_code", json!("BR"));
    let stolen = with(stolen, "/ecommerce/transaction/amount_minor", json!(90_000));
    events.push(with(stolen, "/ecommerce/transaction/amount", json!(900.0)));
    let records = judge(events).await;
    assert!(records[..6].iter().all(|record| record.verdict == Verdict::Allow));
    assert!(records[6].verdict >= Verdict::Review);
    let rules = ["amount_unusual", "new_device_and_country", "geo_mismatch"];
    assert!(
        rules.iter().all(|rule| records[6].rules.iter().any(|fired| fired == rule)),
        "{:?}",
        records[6].rules
    );
}

#[tokio::test]
async fn an_ordinary_shop_passes() {
    let events = (0..400_i64).map(|i| {
        let event = with(payment(&format!("t{i}"), i * 600), "/user/id", json!(format!("u{}", i % 40)));
        let event = with(event, "/user/email", json!(format!("u{}@example.org", i % 40)));
        let event = with(event, "/device/id", json!(format!("d{}", i % 40)));
        let event = with(event, "/source/ip", json!(format!("192.0.2.{}", i % 40)));
        let event = with(event, "/ecommerce/card/token", json!(format!("c{}", i % 40)));
        with(event, "/ecommerce/transaction/amount_minor", json!(1_000 + (i * 37) % 2_500))
    });
    let records = judge(events.collect()).await;
    assert!(records.iter().all(|record| record.verdict == Verdict::Allow));
}

#[tokio::test]
async fn odd_payments_get_a_sane_verdict() {
    let odd = vec![
        with(payment("a", 0), "/ecommerce/transaction/amount_minor", json!(-5)),
        with(payment("b", 0), "/ecommerce/transaction/amount_minor", json!(1e300)),
        with(payment("c", 0), "/ecommerce/transaction/currency", json!("DOUBLOON")),
        with(payment("d", 0), "/user", json!(["u1"])),
        with(payment("e", 0), "/source", json!("nowhere")),
        {
            let mut event = payment("f", 0);
            event.metadata.timestamp = Some(event::Timestamp::MAX);
            event
        },
        {
            let mut event = payment("g", 0);
            event.metadata.timestamp = Some(event::Timestamp::MIN);
            event
        },
    ];
    let records = judge(odd).await;
    assert_eq!(records.len(), 7);
    for record in &records {
        assert!((0.0..=100.0).contains(&record.score) && record.score.is_finite());
    }
    assert!(records[0].skipped.iter().any(|skipped| skipped.code == "amount_unusual"));
}
