//! `cargo xtask bench engine`: the log engine behind its Elasticsearch API, beside tantivy alone and real search servers,
//! with the same events and the same questions in one run.

mod events;
mod questions;
mod report;
mod server;
mod tantivy_alone;

use super::say;
use crate::services::{Kind, SearchNode};
use events::Shape;
use report::Report;
use server::Server;
use std::path::{Path, PathBuf};

/// Options of the benchmark of the engine.
#[derive(Debug, clap::Args)]
pub(crate) struct EngineArgs {
    /// Events to load
    #[arg(long, default_value_t = 1_000_000)]
    events: usize,
    /// Days that they spread over; more than one: an index per day
    #[arg(long, default_value_t = 1)]
    days: usize,
    /// Whom to compare with: tantivy, opensearch, elasticsearch
    #[arg(long, value_delimiter = ',', default_value = "tantivy,opensearch,elasticsearch")]
    peers: Vec<String>,
    /// Searches of each kind
    #[arg(long, default_value_t = 25)]
    searches: usize,
    /// Leave the segments as loading has left them
    #[arg(long)]
    unmerged: bool,
    /// How cost grows instead: 1 and 10 million events in one index, 100,000 in 1,000 daily ones; the service alone
    #[arg(long)]
    scale: bool,
    /// The service's release build, instead of the one made now
    #[arg(long)]
    pub(super) binary: Option<PathBuf>,
}

/// Measures and prints.
pub(crate) fn run(binary: &Path, args: &EngineArgs) -> anyhow::Result<()> {
    tokio::runtime::Runtime::new()?.block_on(async {
        if args.scale {
            for (events, days) in [(1_000_000, 1), (10_000_000, 1), (100_000, 1), (100_000, 1_000)] {
                say(&format!("\n{events} events in {days} indices\n"));
                let shape = Shape::new(events, days);
                report::print(events, &[ours(binary, &shape, args).await?]);
            }
            return Ok(());
        }
        compare(binary, args).await
    })
}

async fn ours(binary: &Path, shape: &Shape, args: &EngineArgs) -> anyhow::Result<Report> {
    let home = tempfile::tempdir()?;
    Server::vigie(binary, home.path())?.measure(shape, args.searches, !args.unmerged).await
}

async fn compare(binary: &Path, args: &EngineArgs) -> anyhow::Result<()> {
    let shape = Shape::new(args.events, args.days);
    let mut reports = vec![ours(binary, &shape, args).await?];
    let mut floor = None;
    for peer in &args.peers {
        let kind = match peer.as_str() {
            "tantivy" => {
                let home = tempfile::tempdir()?;
                floor = Some(tantivy_alone::measure(&shape, args.searches, home.path())?);
                continue;
            }
            "opensearch" => Kind::OpenSearch,
            "elasticsearch" => Kind::Elasticsearch,
            other => anyhow::bail!("there is no peer \"{other}\": tantivy, opensearch, elasticsearch"),
        };
        if let Some(reason) = SearchNode::missing() {
            say(&format!("{} is left out: {reason}", kind.title()));
            continue;
        }
        let home = tempfile::tempdir()?;
        let server = Server::peer(kind, home.path())?;
        reports.push(server.measure(&shape, args.searches, !args.unmerged).await?);
    }
    report::check(&reports)?;
    if let Some(floor) = floor {
        reports.insert(1, floor);
    }
    report::print(args.events, &reports);
    Ok(())
}
