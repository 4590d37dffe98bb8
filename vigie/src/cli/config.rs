use crate::{
    config::{self, Config, DEFAULT_TOML, Overrides},
    local::SOCKET,
};
use anyhow::bail;
use clap::Subcommand;
use figment::value::{Tag, Value};
use ingest::{enrich::Enrichment, pipeline::Pipelines};
use std::{io::Write, path::Path, sync::Arc};

#[derive(Debug, Subcommand)]
pub(super) enum ConfigCommand {
    /// Show every setting, its value and where it comes from; fail if one is wrong
    Check(Overrides),
    /// Print the commented default configuration
    Default,
}

pub(super) fn run(file: Option<&Path>, command: ConfigCommand) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    match command {
        ConfigCommand::Default => out.write_all(DEFAULT_TOML.as_bytes())?,
        ConfigCommand::Check(overrides) => {
            let figment = config::layers(file, &overrides)?;
            let rows = settings(&figment)?;
            let widest = rows.iter().map(|row| row.name.len()).max().unwrap_or(0);
            for row in &rows {
                writeln!(out, "{:widest$}  {}  # {}", row.name, row.value, row.source)?;
            }
            let config = Config::load(file, &overrides)?;
            config.admin.configured_password()?;
            check_inputs(&config)?;
            writeln!(out, "the configuration is usable")?;
        }
    }
    Ok(())
}

/// Whether the inputs could be opened. Pipelines that were put over the API are known to the service only, and ports that it
/// has open are no obstacle to it.
fn check_inputs(config: &Config) -> anyhow::Result<()> {
    let running = config.data.join(SOCKET).exists();
    let mut obstacles = ingest::input::obstacles(&config.inputs, !running);
    let pipelines = Pipelines::new(Arc::new(Enrichment::embedded()))?;
    if let Some(directory) = &config.pipelines.directory {
        pipelines.load_directory(directory)?;
    }
    for input in &config.inputs {
        let (name, pipeline) = (input.name(), &input.pipeline);
        if pipeline != "auto" && pipelines.get(pipeline).is_none() && !config.data.exists() {
            obstacles.push(format!("input {name:?}: there is no pipeline {pipeline:?}"));
        }
    }
    if obstacles.is_empty() {
        Ok(())
    } else {
        bail!("an input cannot be opened:\n  - {}", obstacles.join("\n  - "))
    }
}

/// One setting as it is in force.
struct Setting {
    name: String,
    value: String,
    source: String,
}

fn settings(figment: &figment::Figment) -> anyhow::Result<Vec<Setting>> {
    let root: Value = figment.extract()?;
    let mut rows = Vec::new();
    collect(figment, String::new(), &root, &mut rows);
    rows.sort_by(|a, b| (a.name.contains('.'), &a.name).cmp(&(b.name.contains('.'), &b.name)));
    Ok(rows)
}

fn collect(figment: &figment::Figment, name: String, value: &Value, rows: &mut Vec<Setting>) {
    match value {
        Value::Dict(_, members) => {
            for (key, member) in members {
                let name = if name.is_empty() { key.clone() } else { format!("{name}.{key}") };
                collect(figment, name, member, rows);
            }
        }
        _ => rows.push(Setting { value: shown(&name, value), source: source(figment, value.tag()), name }),
    }
}

fn shown(name: &str, value: &Value) -> String {
    if name.ends_with("password") {
        return "(hidden)".to_owned();
    }
    serde_json::to_string(value).unwrap_or_else(|_| "?".to_owned())
}

fn source(figment: &figment::Figment, tag: Tag) -> String {
    let Some(metadata) = figment.get_metadata(tag) else { return "default".to_owned() };
    match &metadata.source {
        Some(figment::Source::File(path)) => path.display().to_string(),
        _ if metadata.name.contains("environment") => "environment".to_owned(),
        _ if metadata.name.contains("Overrides") || metadata.name.contains("Registration") => {
            "flag".to_owned()
        }
        _ => "default".to_owned(),
    }
}
