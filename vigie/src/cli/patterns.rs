use anyhow::{Context, ensure};
use ingest::{
    patterns::{Pattern, PatternId, PatternSettings, Patterns},
    redact::Redactor,
};
use jiff::Timestamp;
use serde_json::{Value, json};
use std::{
    collections::HashMap,
    fs::File,
    io::{self, BufRead, BufReader, Read, Write},
    path::{Path, PathBuf},
};

/// So much of a line is looked at.
const LINE_MAX_BYTES: u64 = 64 << 10;

#[derive(Debug, clap::Args)]
pub(super) struct PatternsArgs {
    /// Log file, one message a line, or JSON objects with a `message`; `-` is standard input
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Print at most so many patterns, most frequent first
    #[arg(long, value_name = "N", default_value_t = 50)]
    limit: usize,
    /// Print all patterns as JSON, one a line
    #[arg(long)]
    json: bool,
}

/// Groups the lines of a file; needs no service and touches no data.
pub(super) fn run(args: &PatternsArgs) -> anyhow::Result<()> {
    let reader: Box<dyn Read> = if args.file == Path::new("-") {
        Box::new(io::stdin().lock())
    } else {
        Box::new(File::open(&args.file).with_context(|| args.file.display().to_string())?)
    };
    let kinds = group(BufReader::new(reader)).with_context(|| args.file.display().to_string())?;
    ensure!(!kinds.is_empty(), "there are no messages in {}", args.file.display());
    let mut out = io::stdout().lock();
    if args.json {
        for Kind { pattern, count, sample } in &kinds {
            let id = pattern.id;
            writeln!(
                out,
                "{}",
                json!({"id": id, "count": count, "template": pattern.template, "sample": sample})
            )?;
        }
        return Ok(());
    }
    let lines: u64 = kinds.iter().map(|kind| kind.count).sum();
    writeln!(out, "{lines} messages, {} patterns", kinds.len())?;
    for Kind { pattern, count, .. } in kinds.iter().take(args.limit) {
        writeln!(
            out,
            "{count:>9}  {:>5.1} %  {}",
            100.0 * *count as f64 / lines as f64,
            printable(&pattern.template)
        )?;
    }
    if kinds.len() > args.limit {
        writeln!(out, "… and {} more: --limit", kinds.len() - args.limit)?;
    }
    Ok(())
}

/// A pattern with what was found of it.
struct Kind {
    pattern: Pattern,
    count: u64,
    sample: String,
}

/// The patterns of the lines, most frequent first.
fn group(mut reader: impl BufRead) -> io::Result<Vec<Kind>> {
    let patterns = Patterns::new(PatternSettings::default());
    // Nothing is kept: tokens of cards need to agree within this output only.
    let redactor = Redactor::new(b"");
    let mut counts: HashMap<PatternId, (u64, String)> = HashMap::new();
    let mut line = Vec::new();
    while reader.by_ref().take(LINE_MAX_BYTES).read_until(b'\n', &mut line)? > 0 {
        if !line.ends_with(b"\n") {
            reader.skip_until(b'\n')?;
        }
        let text = String::from_utf8_lossy(&line);
        let message = redactor.text(&message(&text)).into_owned();
        if let Some(id) = patterns.assign("", &message, Timestamp::UNIX_EPOCH) {
            counts.entry(id).or_insert_with(|| (0, message)).0 += 1;
        }
        line.clear();
    }
    let mut kinds: Vec<Kind> = patterns
        .all_patterns()
        .into_iter()
        .map(|pattern| {
            let of_all =
                std::iter::once(&pattern.id).chain(&pattern.aliases).filter_map(|id| counts.remove(id));
            let (count, sample) = of_all.reduce(|one, other| (one.0 + other.0, one.1)).unwrap_or_default();
            Kind { pattern, count, sample }
        })
        .collect();
    kinds.sort_by(|one, other| {
        (other.count, &one.pattern.template).cmp(&(one.count, &other.pattern.template))
    });
    Ok(kinds)
}

/// The message of a line: its own, or that of the JSON object that it is.
fn message(line: &str) -> String {
    let line = line.trim();
    let object = line.starts_with('{').then(|| serde_json::from_str::<Value>(line).ok()).flatten();
    let message = object.as_ref().and_then(|object| object.get("message")?.as_str());
    message.unwrap_or(line).to_owned()
}

/// Lines are hostile: what steers a terminal is not printed.
fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_grouped() {
        let mut text = String::from("Order 1 paid\n{\"message\":\"Order 2 paid\",\"a\":1}\n\n{broken\n");
        for name in ["ann", "ben", "cleo", "dan", "eve", "fay"] {
            text.push_str(&format!("login of {name} with password=x{name}\n"));
        }
        text.push_str(&"long ".repeat(100_000));
        text.push_str("\nOrder 3 paid");
        let kinds = group(text.as_bytes()).unwrap();
        let found: Vec<_> = kinds.iter().map(|kind| (kind.count, kind.pattern.template.as_str())).collect();
        assert_eq!(
            found[..3],
            [(6, "login of <*> with password=[redacted]"), (3, "Order <*> paid"), (1, found[2].1)]
        );
        assert_eq!(kinds[1].sample, "Order 1 paid");
        assert_eq!(kinds.len(), 4);
    }
}
