//! What was measured, as a table.

use super::super::say;
use anyhow::ensure;
use serde_json::Value;

/// By how much estimates of distinct values may differ from the first server's.
const DISTINCT_TOLERANCE: f64 = 0.05;

/// What loading the events cost.
#[derive(Debug, Clone, Default)]
pub(crate) struct Cost {
    /// Processor time until everything is found.
    pub(crate) cpu_secs: f64,
    /// The same, and of all merges.
    pub(crate) cpu_merged_secs: f64,
    /// Until the last acknowledgement.
    pub(crate) wall_secs: f64,
    /// Until everything is found.
    pub(crate) searchable_secs: Option<f64>,
    /// Largest resident memory, in MiB.
    pub(crate) peak_mib: Option<f64>,
    /// All of its files, merged.
    pub(crate) disk_bytes: u64,
    /// The requests.
    pub(crate) json_bytes: Option<usize>,
}

/// One question and its answer.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) name: &'static str,
    pub(crate) median_ms: f64,
    /// On which all servers must agree.
    pub(crate) agreed: Value,
    pub(crate) distinct: Option<f64>,
}

/// One server.
#[derive(Debug, Clone)]
pub(crate) struct Report {
    pub(crate) title: String,
    pub(crate) cost: Option<Cost>,
    pub(crate) answers: Vec<Answer>,
    /// Resident memory afterwards, in MiB.
    pub(crate) resting_mib: Option<f64>,
}

/// The middle one.
pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

/// An error if two servers answer differently.
pub(crate) fn check(reports: &[Report]) -> anyhow::Result<()> {
    let Some((first, others)) = reports.split_first() else { return Ok(()) };
    for other in others {
        for (one, two) in first.answers.iter().zip(&other.answers) {
            let names = format!("{}: {} and {}", one.name, first.title, other.title);
            ensure!(one.agreed == two.agreed, "{names} answer {} and {}", one.agreed, two.agreed);
            if let (Some(a), Some(b)) = (one.distinct, two.distinct) {
                ensure!((a - b).abs() <= DISTINCT_TOLERANCE * b, "{names} estimate {a} and {b}");
            }
        }
    }
    Ok(())
}

/// Prints a table in Markdown; in brackets the first server's number divided by the other's.
pub(crate) fn print(events: usize, reports: &[Report]) {
    let titles: Vec<&str> = reports.iter().map(|report| report.title.as_str()).collect();
    say(&format!("| | {} |", titles.join(" | ")));
    say(&format!("|---{}|", "|---".repeat(titles.len())));
    let million = 1e6 / events as f64;
    type Figure<'a> = &'a dyn Fn(&Report) -> Option<f64>;
    let cost = |value: fn(&Cost) -> Option<f64>| move |report: &Report| value(report.cost.as_ref()?);
    let cpu = cost(|cost| Some(cost.cpu_secs));
    let cpu_merged = cost(|cost| Some(cost.cpu_merged_secs));
    let wall = cost(|cost| Some(cost.wall_secs));
    let searchable = cost(|cost| cost.searchable_secs);
    let peak = cost(|cost| cost.peak_mib);
    let disk = cost(|cost| Some(cost.disk_bytes as f64 / 1e6));
    let figures: [(&str, Figure<'_>); 8] = [
        ("CPU s per million events", &|r| Some(cpu(r)? * million)),
        ("… with all merges", &|r| Some(cpu_merged(r)? * million)),
        ("events/s, acknowledged", &|r| Some(events as f64 / wall(r)?)),
        ("events/s, searchable", &|r| Some(events as f64 / searchable(r)?)),
        ("disk when merged, MB per million", &|r| Some(disk(r)? * million)),
        ("peak memory while loading, MiB", &peak),
        ("memory after the searches, MiB", &|r| r.resting_mib),
        ("bytes sent per event", &|r| Some(r.cost.as_ref()?.json_bytes? as f64 / events as f64)),
    ];
    for (name, figure) in figures {
        row(name, reports.iter().map(figure).collect());
    }
    let asked = reports.first().map(|report| report.answers.as_slice()).unwrap_or_default();
    for (position, question) in asked.iter().enumerate() {
        let median = |report: &Report| report.answers.get(position).map(|answer| answer.median_ms);
        row(&format!("{}, median ms", question.name), reports.iter().map(median).collect());
    }
}

fn row(name: &str, values: Vec<Option<f64>>) {
    let first = values.first().copied().flatten();
    let cells: Vec<String> = values
        .iter()
        .enumerate()
        .map(|(position, value)| match (value, first) {
            (None, _) => "–".to_owned(),
            (Some(value), Some(first)) if position > 0 => format!("{} ({:.2})", short(*value), first / value),
            (Some(value), _) => short(*value),
        })
        .collect();
    say(&format!("| {name} | {} |", cells.join(" | ")));
}

fn short(value: f64) -> String {
    if value < 10.0 {
        format!("{value:.2}")
    } else if value < 100.0 {
        format!("{value:.1}")
    } else {
        format!("{value:.0}")
    }
}
