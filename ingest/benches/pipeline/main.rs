//! What the `access` pipeline costs beside a parser written by hand for nothing but combined access-log lines, one thread:
//! `cargo bench -p ingest --bench pipeline -- FILE [--rates]` (without what each processor adds), or `cargo xtask bench pipeline`, which makes the file.
//!
//! Both make the same event of each line (checked before anything is timed), both look addresses and user agents up in the
//! same databases with the same cache, both take turns so that a busy moment hits both.
#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::panic,
    missing_docs,
    reason = "a benchmark prints, and fails by panicking"
)]

mod by_hand;

use by_hand::ByHand;
use event::{Event, Object, Origin};
use ingest::{
    enrich::Enrichment,
    intake::Redact as _,
    pipeline::{Flow, Pipeline, Pipelines},
    redact::Redactor,
};
use serde_json::Value;
use std::{hint::black_box, sync::Arc};

/// As in the binary.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Each way has so many turns; the fastest counts.
const TURNS: usize = 7;

/// Its name, and what it does with a line.
type Way<'w> = (&'static str, Box<dyn Fn(&str) -> usize + 'w>);

fn main() {
    let mut arguments = std::env::args().skip(1).filter(|argument| argument != "--bench");
    let Some(file) = arguments.next() else {
        // `cargo test --benches` runs this without a file: nothing to measure.
        println!("usage: cargo bench -p ingest --bench pipeline -- FILE");
        return;
    };
    let text = std::fs::read_to_string(&file).unwrap();
    let lines: Vec<&str> = text.lines().collect();

    let enrichment = Arc::new(Enrichment::embedded());
    enrichment.warm();
    let pipelines = Pipelines::new(Arc::clone(&enrichment)).unwrap();
    let pipeline = pipelines.get("access").unwrap();
    let by_hand = ByHand::new(Arc::clone(&enrichment));

    let lines = same_for_both(&pipeline, &by_hand, lines);
    let redactor = Redactor::new(b"a key of the benchmark");
    let redacted = |line: &str| {
        let mut event = run(&pipeline, line);
        redactor.redact(&mut event);
        event
    };
    let ways: [Way<'_>; 5] = [
        ("pipeline, to an event", Box::new(|line| black_box(run(&pipeline, line)).fields.len())),
        ("by hand, to an event", Box::new(|line| black_box(by_hand.event(line)).unwrap().fields.len())),
        (
            "pipeline, to JSON text",
            Box::new(|line| serde_json::to_vec(&run(&pipeline, line).fields).unwrap().len()),
        ),
        (
            "by hand, to JSON text",
            Box::new(|line| serde_json::to_vec(&by_hand.event(line).unwrap().fields).unwrap().len()),
        ),
        ("pipeline and redaction", Box::new(|line| black_box(redacted(line)).fields.len())),
    ];
    let mut best = [f64::MAX; 5];
    for _ in 0..TURNS {
        for ((_, way), best) in ways.iter().zip(&mut best) {
            let secs = cpu_secs(|| {
                black_box(lines.iter().map(|line| way(line)).sum::<usize>());
            });
            *best = secs.min(*best);
        }
    }
    let events = lines.len() as f64;
    for ((name, _), secs) in ways.iter().zip(best) {
        println!("{name:26}{:>10.0} lines/s {:>7.2} CPU s per million", events / secs, secs / events * 1e6);
    }
    let share = |pipeline: usize, by_hand: usize| 100.0 * best[by_hand] / best[pipeline];
    println!("the pipeline's rate of a hand-written parser's, same output, per core:");
    println!("  to an event {:.0} %, to JSON text {:.0} %", share(0, 1), share(2, 3));
    if arguments.next().as_deref() != Some("--rates") {
        by_processor(&pipelines, &pipeline, &lines[..lines.len().min(20_000)]);
    }
}

/// Processor time of this thread: what others do on the machine does not count.
fn cpu_secs(work: impl FnOnce()) -> f64 {
    let spent = || {
        let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
        text.split(' ').next().unwrap().parse::<u64>().unwrap()
    };
    let before = spent();
    work();
    (spent() - before) as f64 / 1e9
}

/// What each processor adds to those before it.
fn by_processor(pipelines: &Pipelines, whole: &Pipeline, lines: &[&str]) {
    let processors = whole.definition()["processors"].as_array().unwrap();
    let mut before = 0.0;
    println!("CPU s per million, by processor:");
    for count in 0..=processors.len() {
        let definition = serde_json::json!({ "processors": processors[..count] });
        let part = pipelines.check("part", definition).unwrap();
        let turn = |_| cpu_secs(|| lines.iter().for_each(|line| drop(black_box(run(&part, line)))));
        let secs = (0..TURNS).map(turn).fold(f64::MAX, f64::min) / lines.len() as f64 * 1e6;
        let name = match count.checked_sub(1) {
            None => "an empty pipeline".to_owned(),
            Some(last) => processors[last].as_object().unwrap().keys().next().unwrap().clone(),
        };
        println!("{count:>4} {name:20}{:>7.2}", secs - before);
        before = secs;
    }
}

fn run(pipeline: &Pipeline, line: &str) -> Event {
    let mut fields = Object::new();
    fields.insert("message".to_owned(), Value::String(line.to_owned()));
    let mut event = Event::new(fields, Origin::Request);
    assert_eq!(pipeline.run(&mut event), Ok(Flow::Continue), "{line}");
    event
}

/// Makes sure that both ways give the same. Lines that are no combined ones are left out: the parser by hand knows no others.
fn same_for_both<'l>(pipeline: &Pipeline, by_hand: &ByHand, lines: Vec<&'l str>) -> Vec<&'l str> {
    let all = lines.len();
    let mut kept = Vec::with_capacity(all);
    for line in lines {
        let Some(expected) = by_hand.event(line) else { continue };
        let found = run(pipeline, line);
        assert_eq!(Value::Object(found.fields), Value::Object(expected.fields), "{line}");
        assert_eq!(found.metadata.timestamp, expected.metadata.timestamp, "{line}");
        assert_eq!(found.metadata.index, expected.metadata.index, "{line}");
        kept.push(line);
    }
    println!("{} lines, of which {} are not combined and left out", all, all - kept.len());
    assert!(kept.len() * 10 > all * 9, "most lines are left out");
    kept
}
