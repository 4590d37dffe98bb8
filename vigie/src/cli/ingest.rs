use crate::{
    config::{Config, LogFormat, Overrides},
    local::{LocalService, answer},
    observability,
};
use anyhow::{Context, bail};
use reqwest::multipart::{Form, Part};
use serde::{Deserialize, Serialize};
use std::{
    io::{IsTerminal, Write},
    path::{Path, PathBuf},
    time::Duration,
};

/// How often progress is asked for.
const POLL: Duration = Duration::from_millis(200);

#[derive(Debug, clap::Args)]
pub(super) struct IngestArgs {
    /// Log files: plain, gzip, zstd or zip
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Pipeline that reads them; `auto` recognises it from the first lines
    #[arg(long, default_value = "auto")]
    pipeline: String,
    /// Dataset to file the events under [default: the pipeline's]
    #[arg(long)]
    dataset: Option<String>,
    /// Print one JSON object per file instead of sentences
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    overrides: Overrides,
}

/// The part of the service's answer that is told here; the rest is passed on with `--json`.
#[derive(Debug, Clone, Deserialize, Serialize)]
pub(super) struct Upload {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) state: String,
    pub(super) lines: u64,
    pub(super) indexed: u64,
    pub(super) duplicates: u64,
    pub(super) dead: u64,
    pub(super) progress: f64,
    pub(super) error: Option<String>,
    #[serde(flatten)]
    rest: serde_json::Map<String, serde_json::Value>,
}

#[derive(Debug, Deserialize)]
struct Uploads {
    uploads: Vec<Upload>,
}

pub(super) fn run(file: Option<&Path>, args: IngestArgs) -> anyhow::Result<()> {
    let config = Config::load(file, &args.overrides)?;
    observability::init(LogFormat::Auto, "warn")?;
    tokio::runtime::Runtime::new()?.block_on(async {
        let service = LocalService::connect(&config).await?;
        let outcome = ingest_all(&service, &args).await;
        service.close().await?;
        outcome
    })
}

async fn ingest_all(service: &LocalService, args: &IngestArgs) -> anyhow::Result<()> {
    let mut failed = 0;
    for path in &args.files {
        let upload = ingest_file(service, path, args).await.with_context(|| path.display().to_string())?;
        failed += u32::from(upload.state == "failed");
        let mut out = std::io::stdout().lock();
        if args.json {
            writeln!(out, "{}", serde_json::to_string(&upload)?)?;
        } else {
            writeln!(out, "{}", sentence(&upload))?;
        }
    }
    if failed > 0 {
        bail!("{failed} of {} files failed", args.files.len());
    }
    Ok(())
}

async fn ingest_file(service: &LocalService, path: &Path, args: &IngestArgs) -> anyhow::Result<Upload> {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let part = Part::file(path).await.context("cannot be opened")?.file_name(name);
    let mut form = Form::new().text("pipeline", args.pipeline.clone());
    if let Some(dataset) = &args.dataset {
        form = form.text("dataset", dataset.clone());
    }
    let upload = send(service, form.part("file", part)).await?;
    finished(service, upload).await
}

/// Hands a file over; the answer is its upload, still queued.
pub(super) async fn send(service: &LocalService, form: Form) -> anyhow::Result<Upload> {
    let uploads: Uploads = answer(service.post("/logs/uploads").multipart(form)).await?;
    uploads.uploads.into_iter().next().context("the service took no file")
}

/// Waits until an upload is done, showing its progress on a terminal.
pub(super) async fn finished(service: &LocalService, mut upload: Upload) -> anyhow::Result<Upload> {
    let terminal = std::io::stderr().is_terminal();
    while !matches!(upload.state.as_str(), "done" | "failed") {
        if terminal {
            let mut err = std::io::stderr().lock();
            write!(err, "\r{}: {:3.0} %, {} lines ", upload.name, upload.progress * 100.0, upload.lines)?;
            err.flush()?;
        }
        tokio::time::sleep(POLL).await;
        upload = answer(service.get(&format!("/logs/uploads/{}", upload.id))).await?;
    }
    if terminal {
        write!(std::io::stderr().lock(), "\r\x1b[K")?;
    }
    Ok(upload)
}

/// What became of a file, in words.
pub(super) fn sentence(upload: &Upload) -> String {
    let Upload { name, lines, indexed, duplicates, dead, error, id, .. } = upload;
    let mut text = format!("{name}: {lines} lines, {indexed} indexed");
    if *duplicates > 0 {
        text += &format!(", {duplicates} were there already");
    }
    if *dead > 0 {
        text += &format!(", {dead} dead letters (GET /api/v1/logs/dead-letters?upload={id})");
    }
    if let Some(error) = error {
        text += &format!("; failed: {error}");
    }
    text
}
