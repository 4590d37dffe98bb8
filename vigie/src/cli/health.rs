use crate::config::{Config, Overrides};
use anyhow::bail;
use serde_json::Value;
use std::{io::Write, net::SocketAddr, path::Path, time::Duration};

#[derive(Debug, clap::Args)]
pub(super) struct HealthArgs {
    #[command(flatten)]
    overrides: Overrides,
}

/// Asks the service at the configured address; for health checks of containers.
pub(super) fn run(file: Option<&Path>, args: &HealthArgs) -> anyhow::Result<()> {
    let config = Config::load(file, &args.overrides)?;
    let mut address: SocketAddr = config.listen.parse()?;
    if address.ip().is_unspecified() {
        address.set_ip(std::net::Ipv4Addr::LOCALHOST.into());
    }
    tokio::runtime::Runtime::new()?.block_on(async {
        let client = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(8)).build()?;
        let response = client.get(format!("http://{address}/health")).send().await?;
        let healthy = response.status().is_success();
        let report: Value = response.json().await?;
        writeln!(std::io::stdout().lock(), "{report}")?;
        if !healthy {
            bail!("the service is not healthy");
        }
        Ok(())
    })
}
