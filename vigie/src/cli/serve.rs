use crate::{config::Config, observability, service::Service};
use anyhow::Context;
use std::io::Write;
use tokio::signal::unix::{SignalKind, signal};

pub(super) fn run(config: Config) -> anyhow::Result<()> {
    observability::init(config.log_format, &config.log_filter)?;
    tokio::runtime::Runtime::new()?.block_on(serve(config))
}

async fn serve(config: Config) -> anyhow::Result<()> {
    // Listening for signals comes first: one that arrives while the data is opened must not cut that off.
    let stop = stop_signal()?;
    let service = Service::open(&config).await?;
    let addresses = service.listen(&config).await?;
    service.serve_socket()?;
    {
        let mut out = std::io::stdout().lock();
        if let Some(login) = service.first_admin() {
            writeln!(
                out,
                "first administrator: {} password: {} (shown this once)",
                login.email,
                login.password.expose()
            )?;
        }
        writeln!(out, "{addresses}")?;
        out.flush()?;
    }
    stop.await;
    tracing::info!("stopping: open requests and running jobs are brought to a safe point");
    service.shutdown().await
}

/// Completes when the process is asked to stop.
pub(super) fn stop_signal() -> anyhow::Result<impl Future<Output = ()>> {
    let mut terminate = signal(SignalKind::terminate()).context("cannot listen for SIGTERM")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("cannot listen for Ctrl-C")?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}
