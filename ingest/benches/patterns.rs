//! How well messages are grouped into patterns, and what that costs: `cargo bench -p ingest --bench patterns -- FILE…`, or
//! `cargo xtask bench patterns FILE…`.
//!
//! The files are labelled logs as LogHub publishes them (`*_2k.log_structured.csv`: columns `Content` and `EventId`). The
//! accuracy is that of the log-parsing literature (Zhu et al., ICSE-SEIP 2019): the share of messages whose pattern holds
//! exactly the messages that the label holds. The cost stands beside decoding the same message from a line of JSON.
#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::panic,
    missing_docs,
    reason = "a benchmark prints, and fails by panicking"
)]

use event::{Object, Timestamp};
use ingest::patterns::{PatternId, PatternSettings, Patterns};
use std::{
    collections::{HashMap, HashSet},
    hint::black_box,
    time::Instant,
};

/// As in the binary.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Each way has so many turns; the fastest counts.
const TURNS: usize = 15;

/// A labelled log.
struct Labelled {
    name: String,
    messages: Vec<String>,
    labels: Vec<String>,
}

fn main() {
    let files: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    if files.is_empty() {
        // `cargo test --benches` runs this without files: nothing to measure.
        println!("usage: cargo bench -p ingest --bench patterns -- FILE_structured.csv…");
        return;
    }
    let sets: Vec<Labelled> = files.iter().map(|file| read(file)).collect();
    println!("{:32} {:>8} {:>8} {:>8} {:>8}", "file", "messages", "labels", "patterns", "accuracy");
    let mut sum = 0.0;
    for set in &sets {
        let ids = assigned(set);
        let accuracy = accuracy(&set.labels, &ids);
        sum += accuracy;
        let labels = set.labels.iter().collect::<HashSet<_>>().len();
        let patterns = ids.iter().collect::<HashSet<_>>().len();
        println!("{:32} {:>8} {labels:>8} {patterns:>8} {accuracy:>8.3}", set.name, ids.len());
    }
    println!("{:32} {:>35.3}", "mean accuracy, one setting", sum / sets.len() as f64);
    cost(&sets);
}

/// The pattern of each message; those that became one with another count as that.
fn assigned(set: &Labelled) -> Vec<PatternId> {
    let patterns = Patterns::new(PatternSettings::default());
    let assign = |message: &String| patterns.assign("bench", message, Timestamp::UNIX_EPOCH).unwrap();
    let mut ids: Vec<PatternId> = set.messages.iter().map(assign).collect();
    let known = patterns.all_patterns();
    let one: HashMap<PatternId, PatternId> =
        known.iter().flat_map(|pattern| pattern.aliases.iter().map(|alias| (*alias, pattern.id))).collect();
    for id in &mut ids {
        *id = one.get(id).copied().unwrap_or(*id);
    }
    ids
}

fn accuracy(labels: &[String], ids: &[PatternId]) -> f64 {
    let (mut of_label, mut of_pattern) = (HashMap::<_, Vec<_>>::new(), HashMap::<_, Vec<_>>::new());
    for (at, (label, id)) in labels.iter().zip(ids).enumerate() {
        of_label.entry(label).or_default().push(at);
        of_pattern.entry(id).or_default().push(at);
    }
    let right = of_pattern.values().filter(|group| of_label[&labels[group[0]]] == **group);
    right.map(Vec::len).sum::<usize>() as f64 / labels.len() as f64
}

fn cost(sets: &[Labelled]) {
    let messages: Vec<&String> = sets.iter().flat_map(|set| &set.messages).collect();
    let lines: Vec<String> =
        messages.iter().map(|message| serde_json::json!({ "message": message }).to_string()).collect();
    let bytes = messages.iter().map(|message| message.len()).sum::<usize>() / messages.len();
    let mut best = [f64::MAX; 2];
    for _ in 0..TURNS {
        let patterns = Patterns::new(PatternSettings::default());
        let assign = || {
            for set in sets {
                for message in &set.messages {
                    black_box(patterns.assign(&set.name, message, Timestamp::UNIX_EPOCH));
                }
            }
        };
        // The first time over, patterns are learnt.
        assign();
        best[0] = best[0].min(secs(assign));
        best[1] = best[1].min(secs(|| {
            for line in &lines {
                black_box(serde_json::from_str::<Object>(line).unwrap());
            }
        }));
    }
    let micros = best.map(|secs| secs / messages.len() as f64 * 1e6);
    println!(
        "{:.2} µs a message of {bytes} bytes, {:.1} times decoding it from a line of JSON",
        micros[0],
        micros[0] / micros[1]
    );
}

fn secs(work: impl FnOnce()) -> f64 {
    let start = Instant::now();
    work();
    start.elapsed().as_secs_f64()
}

fn read(file: &str) -> Labelled {
    let text = std::fs::read_to_string(file).unwrap_or_else(|error| panic!("{file}: {error}"));
    let mut rows = rows(&text).into_iter();
    let header = rows.next().unwrap_or_default();
    let column = |name: &str| {
        let at = header.iter().position(|column| column == name);
        at.unwrap_or_else(|| panic!("{file} has no column {name}"))
    };
    let (content, event) = (column("Content"), column("EventId"));
    let (messages, labels) =
        rows.map(|mut row| (std::mem::take(&mut row[content]), row[event].clone())).unzip();
    let name = file.rsplit('/').next().unwrap_or(file).trim_end_matches("_structured.csv").to_owned();
    Labelled { name, messages, labels }
}

/// Rows of RFC 4180.
fn rows(text: &str) -> Vec<Vec<String>> {
    let (mut rows, mut row, mut field, mut quoted) = (Vec::new(), Vec::new(), String::new(), false);
    let mut chars = text.chars().peekable();
    while let Some(char) = chars.next() {
        match char {
            '"' if quoted && chars.next_if_eq(&'"').is_some() => field.push('"'),
            '"' => quoted = !quoted,
            ',' if !quoted => row.push(std::mem::take(&mut field)),
            '\n' if !quoted => {
                row.push(std::mem::take(&mut field));
                rows.push(std::mem::take(&mut row));
            }
            '\r' if !quoted => {}
            char => field.push(char),
        }
    }
    if !row.is_empty() {
        row.push(field);
        rows.push(row);
    }
    rows
}
