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
    /// Whom to compare with
    #[arg(long, value_enum, value_delimiter = ',', default_value = "tantivy,opensearch,elasticsearch")]
    peers: Vec<Peer>,
    /// The service alone
    #[arg(long, conflicts_with = "peers")]
    alone: bool,
    /// Searches of each kind
    #[arg(long, default_value_t = 25)]
    searches: usize,
    /// Leave the segments as loading has left them
    #[arg(long)]
    unmerged: bool,
    /// How cost grows instead, the service alone: 1, 10 and 50 million events in one index, 100,000 in 1,000 daily ones
    #[arg(long)]
    scale: bool,
    /// With --scale: leave out what has more events
    #[arg(long, default_value_t = usize::MAX, hide_default_value = true)]
    at_most: usize,
    /// The service's release build, instead of the one made now
    #[arg(long)]
    pub(super) binary: Option<PathBuf>,
}

/// What stands beside the service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Peer {
    /// The library alone, in this process.
    Tantivy,
    /// The server.
    Opensearch,
    /// The server.
    Elasticsearch,
}

/// What `--scale` measures: events, and the daily indices that they are in.
const SCALE: [(usize, usize); 5] =
    [(1_000_000, 1), (10_000_000, 1), (50_000_000, 1), (100_000, 1), (100_000, 1_000)];

/// Measures and prints.
pub(crate) fn run(binary: &Path, args: &EngineArgs) -> anyhow::Result<()> {
    tokio::runtime::Runtime::new()?.block_on(async {
        if args.scale {
            for (events, days) in SCALE.into_iter().filter(|(events, _)| *events <= args.at_most) {
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
    let peers = if args.alone { &[][..] } else { &args.peers };
    for peer in peers {
        let kind = match peer {
            Peer::Tantivy => {
                let home = tempfile::tempdir()?;
                floor = Some(tantivy_alone::measure(&shape, args.searches, home.path())?);
                continue;
            }
            Peer::Opensearch => Kind::OpenSearch,
            Peer::Elasticsearch => Kind::Elasticsearch,
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
