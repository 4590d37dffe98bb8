//! The service's own log, and how a failed command says so.

use crate::config::LogFormat;
use anyhow::Context;
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use std::io::{IsTerminal, Write};
use std::sync::OnceLock;
use tracing_subscriber::{EnvFilter, fmt, layer::SubscriberExt, util::SubscriberInitExt};

/// Upper ends of the buckets of latency histograms.
const LATENCY_BUCKETS_SECS: &[f64] = &[0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0];

/// Starts logging to standard error, so that standard output stays for what the commands print.
pub(crate) fn init(format: LogFormat, filter: &str) -> anyhow::Result<()> {
    let filter =
        EnvFilter::try_new(filter).with_context(|| format!("log_filter = {filter:?} is not a filter"))?;
    let json = match format {
        LogFormat::Json => true,
        LogFormat::Human => false,
        LogFormat::Auto => !std::io::stderr().is_terminal(),
    };
    let registry = tracing_subscriber::registry().with(filter);
    if json {
        registry.with(fmt::layer().json().flatten_event(true).with_writer(std::io::stderr)).try_init()
    } else {
        registry.with(fmt::layer().with_writer(std::io::stderr)).try_init()
    }
    .context("logging has been started twice")
}

/// Prints why a command failed: the sentence, then its causes.
pub(crate) fn print_error(error: &anyhow::Error) {
    let mut err = std::io::stderr().lock();
    // Nothing is left to tell if standard error is gone.
    let _ = writeln!(err, "vigie: {error:#}");
}

/// Starts the recorder of metrics, once per process, and answers with what renders them for `/metrics`.
pub(crate) fn metrics() -> Option<PrometheusHandle> {
    static RECORDER: OnceLock<Option<PrometheusHandle>> = OnceLock::new();
    RECORDER
        .get_or_init(|| {
            let recorder = PrometheusBuilder::new().set_buckets(LATENCY_BUCKETS_SECS).ok()?;
            recorder.install_recorder().inspect_err(|error| tracing::warn!(%error, "no metrics")).ok()
        })
        .clone()
}
