//! How good the verdicts are on a month of the sample shop: what is found, what is missed, and which rules accuse honest
//! customers.
//!
//! The committed month is checked. Another one, so that nothing is tuned to it, is printed by
//! `cargo xtask fixtures --seed 7 --scale 3 --out DIR` and
//! `VIGIE_FRAUD_MONTH=DIR cargo test -p detect --test it quality -- --nocapture`.

use crate::memory::{Disk, ingest, open};
use detect::fraud::{Assessed, Verdict, VerdictRecord};
use event::{Event, Origin};
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, HashMap},
    fmt::Write,
    net::Ipv4Addr,
    path::PathBuf,
    sync::Arc,
};

/// The pattern that looks like any other payment until it is disputed: no rule can know.
const UNDETECTABLE: &str = "friendly_chargeback";

/// Ranges from which the made-up shop draws addresses, as a geo database knows them.
const COUNTRIES: [(Ipv4Addr, u8, &str); 21] = [
    (Ipv4Addr::new(90, 0, 0, 0), 11, "FR"),
    (Ipv4Addr::new(86, 192, 0, 0), 11, "FR"),
    (Ipv4Addr::new(84, 128, 0, 0), 11, "DE"),
    (Ipv4Addr::new(79, 192, 0, 0), 11, "DE"),
    (Ipv4Addr::new(86, 128, 0, 0), 11, "GB"),
    (Ipv4Addr::new(81, 128, 0, 0), 12, "GB"),
    (Ipv4Addr::new(73, 0, 0, 0), 9, "US"),
    (Ipv4Addr::new(98, 192, 0, 0), 11, "US"),
    (Ipv4Addr::new(83, 32, 0, 0), 12, "ES"),
    (Ipv4Addr::new(88, 0, 0, 0), 12, "ES"),
    (Ipv4Addr::new(79, 0, 0, 0), 12, "IT"),
    (Ipv4Addr::new(87, 0, 0, 0), 12, "IT"),
    (Ipv4Addr::new(81, 240, 0, 0), 13, "BE"),
    (Ipv4Addr::new(109, 128, 0, 0), 13, "BE"),
    (Ipv4Addr::new(85, 0, 0, 0), 14, "CH"),
    (Ipv4Addr::new(178, 192, 0, 0), 14, "CH"),
    (Ipv4Addr::new(77, 160, 0, 0), 13, "NL"),
    (Ipv4Addr::new(14, 160, 0, 0), 12, "VN"),
    (Ipv4Addr::new(36, 64, 0, 0), 12, "ID"),
    (Ipv4Addr::new(105, 112, 0, 0), 13, "NG"),
    (Ipv4Addr::new(60, 32, 0, 0), 13, "JP"),
];

fn country(address: &str) -> Option<&'static str> {
    let address: Ipv4Addr = address.parse().ok()?;
    let inside =
        |first: Ipv4Addr, prefix| address.to_bits() >> (32 - prefix) == first.to_bits() >> (32 - prefix);
    COUNTRIES.iter().find(|(first, prefix, _)| inside(*first, *prefix)).map(|(.., country)| *country)
}

/// A line of the month as the transaction pipeline maps it.
fn mapped(line: &str) -> Event {
    let raw: Value = serde_json::from_str(line).unwrap();
    let mut card = raw["card"].clone();
    if let Some(number) = card.get("number").cloned() {
        let digits: String = number.as_str().unwrap().chars().filter(char::is_ascii_digit).collect();
        card = json!({"token": digits, "country": card["country"]});
    }
    let place = raw["ip"].as_str().and_then(country);
    let fields = json!({
        "@timestamp": raw["@timestamp"],
        "event": {"dataset": "ecommerce.transaction"},
        "user": {"id": raw["user_id"], "email": raw["email"]},
        "source": {"ip": raw["ip"], "geo": {"country_iso_code": place}},
        "device": {"id": raw["device_id"]},
        "ecommerce": {
            "transaction": {
                "id": raw["transaction_id"], "amount": raw["amount"], "currency": raw["currency"],
                "amount_minor": raw["amount"].as_f64().map(|amount| (amount * 100.0).round() as i64),
                "status": raw["status"],
            },
            "card": card,
            "billing": {"country": raw["billing_country"]},
            "shipping": {"country": raw["shipping_country"]},
        },
    });
    let Value::Object(fields) = fields else { unreachable!() };
    let mut event = Event::new(fields, Origin::Request);
    event.metadata.timestamp = Some(raw["@timestamp"].as_str().unwrap().parse().unwrap());
    event
}

/// Verdicts of all payments of the month, in order, each with its pattern of fraud.
async fn judge(folder: &std::path::Path) -> Vec<(VerdictRecord, Option<String>)> {
    let read = |name: &str| std::fs::read_to_string(folder.join(name)).unwrap();
    let labels: HashMap<String, Option<String>> = read("transactions.labels.ndjson")
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
        .map(|label| {
            let pattern = label["pattern"].as_str().map(str::to_owned);
            (label["transaction_id"].as_str().unwrap().to_owned(), pattern)
        })
        .collect();
    let detector = open(&Arc::new(Disk::default())).await;
    let events: Vec<Event> = read("transactions.ndjson").lines().map(mapped).collect();
    let (_, assessed) = ingest(&detector, events).await;
    let first = assessed.into_iter().flatten().filter(|one| one.kind == Assessed::First);
    first.map(|one| ((*one.record).clone(), labels[&one.record.transaction_id].clone())).collect()
}

#[derive(Default)]
struct Tally {
    payments: usize,
    suspected: usize,
    blocked: usize,
}

impl Tally {
    fn count(&mut self, verdict: Verdict) {
        self.payments += 1;
        self.suspected += usize::from(verdict != Verdict::Allow);
        self.blocked += usize::from(verdict == Verdict::Block);
    }

    /// Suspected and blocked, as shares.
    fn shares(&self) -> (f64, f64) {
        let share = |part: usize| part as f64 / self.payments.max(1) as f64;
        (share(self.suspected), share(self.blocked))
    }
}

#[derive(Default)]
struct Quality {
    honest: Tally,
    /// Without those that cannot be known.
    fraud: Tally,
    patterns: BTreeMap<String, Tally>,
    /// Payments on which a rule fired: honest, fraud.
    rules: BTreeMap<String, (usize, usize)>,
}

impl Quality {
    fn of(payments: &[(VerdictRecord, Option<String>)]) -> Self {
        let mut quality = Self::default();
        for (record, pattern) in payments {
            for rule in &record.rules {
                let hits = quality.rules.entry(rule.clone()).or_default();
                *(if pattern.is_some() { &mut hits.1 } else { &mut hits.0 }) += 1;
            }
            let Some(pattern) = pattern else {
                quality.honest.count(record.verdict);
                continue;
            };
            quality.patterns.entry(pattern.clone()).or_default().count(record.verdict);
            if pattern != UNDETECTABLE {
                quality.fraud.count(record.verdict);
            }
        }
        quality
    }

    fn report(&self) -> String {
        let mut text = String::new();
        let mut row = |name: &str, tally: &Tally| {
            let Tally { payments, suspected, blocked } = tally;
            let (share, blocked_share) = tally.shares();
            writeln!(
                text,
                "{name:<22} {payments:>6} payments, {suspected:>5} suspected ({:.2} %), {blocked:>5} blocked ({:.2} %)",
                share * 100.0,
                blocked_share * 100.0
            )
            .unwrap();
        };
        row("honest", &self.honest);
        row("detectable frauds", &self.fraud);
        self.patterns.iter().for_each(|(pattern, tally)| row(pattern, tally));
        for (rule, (honest, fraud)) in &self.rules {
            writeln!(text, "{rule:<22} fired on {honest:>4} honest and {fraud:>4} fraudulent payments")
                .unwrap();
        }
        text
    }
}

#[tokio::test]
async fn quality_on_a_month_of_the_sample_shop() {
    let committed = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../fixtures");
    let folder = std::env::var_os("VIGIE_FRAUD_MONTH").map_or(committed, PathBuf::from);
    let payments = judge(&folder).await;
    let quality = Quality::of(&payments);
    println!("{}", quality.report());
    let ((alarms, blocks), (found, _)) = (quality.honest.shares(), quality.fraud.shares());
    assert!(alarms <= 0.02, "false alarms: {alarms}");
    assert!(blocks <= 0.003, "honest payments blocked: {blocks}");
    assert!(found >= 0.6, "detectable frauds found: {found}");
}
