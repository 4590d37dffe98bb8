use crate::{
    config::{Config, LogFormat, Overrides},
    local::{LocalService, answer},
    observability,
};
use anyhow::{Context, bail};
use serde_json::Value;
use std::{
    fmt::Write as _,
    fs::File,
    io::{self, Read, Write},
    path::{Path, PathBuf},
};

/// So much of a file is sent: no more is looked at.
const START_MAX_BYTES: u64 = 8 << 20;

#[derive(Debug, clap::Args)]
pub(super) struct InspectArgs {
    /// Log file: plain, gzip, zstd or zip; `-` is standard input
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Create the proposed pipeline under this name, so that files like this are recognised from now on
    #[arg(long, value_name = "NAME")]
    accept: Option<String>,
    /// Print the whole answer as JSON instead of sentences
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    overrides: Overrides,
}

pub(super) fn run(file: Option<&Path>, args: InspectArgs) -> anyhow::Result<()> {
    let config = Config::load(file, &args.overrides)?;
    observability::init(LogFormat::Auto, "warn")?;
    let start = read_start(&args.file).with_context(|| args.file.display().to_string())?;
    tokio::runtime::Runtime::new()?.block_on(async {
        let service = LocalService::connect(&config).await?;
        let outcome = inspect(&service, &args, start).await;
        service.close().await?;
        outcome
    })
}

fn read_start(file: &Path) -> anyhow::Result<Vec<u8>> {
    let mut start = Vec::new();
    // One byte more tells the service that there is more.
    let reader: Box<dyn Read> =
        if file == Path::new("-") { Box::new(io::stdin().lock()) } else { Box::new(File::open(file)?) };
    reader.take(START_MAX_BYTES + 1).read_to_end(&mut start)?;
    if start.is_empty() {
        bail!("the file is empty");
    }
    Ok(start)
}

async fn inspect(service: &LocalService, args: &InspectArgs, start: Vec<u8>) -> anyhow::Result<()> {
    let request = service.post("/logs/uploads/inspect").header("content-type", "application/octet-stream");
    let found: Value = answer(request.body(start)).await?;
    let mut text = if args.json { format!("{found:#}\n") } else { described(&found) };
    if let Some(name) = &args.accept {
        let definition = &found["pipeline"]["definition"];
        if definition.is_null() {
            io::stdout().lock().write_all(text.as_bytes())?;
            bail!("there is no pipeline to create: {} reads it already", found["pipeline"]["name"]);
        }
        let _: Value = answer(service.put(&format!("/pipelines/{name}")).json(definition)).await?;
        if !args.json {
            writeln!(text, "created pipeline {name}: files like this are recognised from now on")?;
        }
    }
    io::stdout().lock().write_all(text.as_bytes())?;
    Ok(())
}

/// The answer in words.
fn described(found: &Value) -> String {
    let mut out = String::new();
    let mut line = |name: &str, value: String| {
        // Writing to a text cannot fail.
        let _ = writeln!(out, "{:11} {value}", format!("{name}:"));
    };
    let percent = |value: &Value| format!("{:.0} %", value.as_f64().unwrap_or_default() * 100.0);
    let plain = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let compression = found["compression"].as_str().map(|name| format!(", {name}")).unwrap_or_default();
    let sure = percent(&found["confidence"]);
    line(
        "format",
        format!("{} ({}{compression}), {sure} sure", plain(&found["format"]), plain(&found["encoding"])),
    );
    if let Some(columns) = found["table"]["columns"].as_array() {
        let columns: Vec<String> = columns
            .iter()
            .map(|column| format!("{} ({})", plain(&column["name"]), plain(&column["type"])))
            .collect();
        let header = if found["table"]["has_header"] == true { "" } else { ", no header" };
        line("columns", format!("{} parted by {}{header}", columns.join(", "), found["table"]["delimiter"]));
    }
    if let Some(formats) = found["time"]["formats"].as_array() {
        let formats: Vec<String> = formats.iter().map(plain).collect();
        line("time", format!("{} as {}", plain(&found["time"]["field"]), formats.join(" or ")));
    }
    let pipeline = &found["pipeline"];
    let known = if pipeline["recognised"] == true { "recognised" } else { "takes what no other does" };
    line("pipeline", format!("{} ({known})", plain(&pipeline["name"])));
    let all = if found["complete"] == true { "" } else { " at the start of the file" };
    line("parses", format!("{} of {} records{all}", percent(&found["parse_rate"]), found["records"]));
    if !pipeline["definition"].is_null() {
        let _ =
            writeln!(out, "proposed pipeline (create it with --accept NAME):\n{:#}", pipeline["definition"]);
    }
    list(&mut out, "events as they would be stored", &found["samples"], |event| event.to_string());
    list(&mut out, "does not parse", &found["failures"], |failure| {
        format!("line {}: {}\n    {}", failure["line"], plain(&failure["reason"]), failure["record"])
    });
    out
}

fn list(out: &mut String, title: &str, items: &Value, shown: impl Fn(&Value) -> String) {
    let Some(items) = items.as_array().filter(|items| !items.is_empty()) else { return };
    let _ = writeln!(out, "{title}:");
    for item in items {
        let _ = writeln!(out, "  {}", shown(item));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn answers_are_told_in_words() {
        let found = json!({
            "format": "csv", "confidence": 0.5, "encoding": "utf-8", "compression": "gzip",
            "table": {"delimiter": ",", "has_header": true, "columns": [{"name": "id", "type": "long"}]},
            "time": {"field": "at", "formats": ["UNIX"]},
            "pipeline": {"name": "json", "recognised": false, "definition": {"processors": []}},
            "parse_rate": 0.5, "records": 2, "complete": false, "samples": [{"a": 1}],
            "failures": [{"line": 3, "reason": "why", "record": "x"}],
        });
        let text = described(&found);
        for part in [
            "csv (utf-8, gzip), 50 % sure",
            "id (long) parted by \",\"",
            "at as UNIX",
            "json (takes",
            "50 % of 2",
            "--accept NAME",
            "line 3: why\n    \"x\"",
        ] {
            assert!(text.contains(part), "{text} lacks {part}");
        }
    }
}
