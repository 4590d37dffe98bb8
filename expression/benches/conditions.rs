//! How long the conditions of pipelines take per event: `cargo bench -p expression`. Prints nanoseconds per evaluation,
//! the best of many rounds.
#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    missing_docs,
    reason = "a benchmark prints, and fails by panicking"
)]

use expression::Condition;
use serde_json::json;
use std::{hint::black_box, time::Instant};

/// Short, so that some of them run undisturbed.
const ROUNDS: usize = 2_000;
const EVALUATIONS: u32 = 500;

/// As the built-in pipelines have them.
const CONDITIONS: &[&str] = &[
    "ctx.message != null",
    "ctx['@timestamp'] instanceof Number && ctx['@timestamp'] >= 100000000000.0",
    "ctx.http.response.status_code >= 400",
    "ctx.ecommerce.transaction.status == 'approved'",
    "ctx.event instanceof Map && ctx.event.dataset == 'ecommerce.transaction'",
    "ctx.ecommerce?.transaction?.id == null || ctx.ecommerce.transaction.id == ''",
    "ctx.ecommerce.transaction.currency != null && !(ctx.ecommerce.transaction.currency ==~ /[A-Z]{3}/)",
    "!['approved', 'declined', 'refunded', 'chargeback'].contains(ctx.ecommerce.transaction.status)",
    "ctx.message.startsWith('GET') && ctx.message.contains('checkout') && ctx.tags.contains('shop')",
];

fn main() {
    let document = json!({
        "@timestamp": 1_793_491_200_000_i64, "message": "GET /checkout HTTP/1.1", "tags": ["web", "shop"],
        "event": {"kind": "event", "dataset": "ecommerce.transaction"},
        "http": {"request": {"method": "GET"}, "response": {"status_code": 503}},
        "ecommerce": {"transaction": {"id": "t-1", "status": "chargeback", "currency": "EUR"}},
    });
    let document = document.as_object().unwrap();
    for source in CONDITIONS {
        let condition = Condition::parse(source).unwrap();
        let round = || {
            let start = Instant::now();
            for _ in 0..EVALUATIONS {
                let _ = black_box(condition.evaluate(black_box(document)));
            }
            start.elapsed().as_nanos() as f64 / f64::from(EVALUATIONS)
        };
        let best = (0..ROUNDS).map(|_| round()).fold(f64::INFINITY, f64::min);
        println!("{best:7.1} ns  {source}");
    }
}
