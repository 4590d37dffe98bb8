//! The service put together: stores opened, rooms joined, listeners, shutdown.

mod accounts;
mod addresses;
mod rooms;
mod settings;
mod templates;
mod verdicts;

pub(crate) use accounts::FirstAdmin;
pub(crate) use addresses::Addresses;

use crate::{config::Config, local::SOCKET};
use anyhow::Context;
use api::{App, ConnectionLimits};
use ingest::input::Inputs;
use rooms::Rooms;
use std::{os::unix::fs::PermissionsExt, path::PathBuf, time::Duration};
use tokio::net::{TcpListener, UnixListener};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// Open requests and running jobs get this long to come to an end.
const DRAIN: Duration = Duration::from_secs(20);
/// How often the geo databases are looked at and the fraud features saved.
const HOUSEKEEPING: Duration = Duration::from_secs(5);
const SNAPSHOTS: Duration = Duration::from_secs(300);
/// How often it is kept when log patterns were seen last.
const PATTERN_TIMES: Duration = Duration::from_secs(60);

/// A running service.
pub(crate) struct Service {
    rooms: Rooms,
    app: App,
    first_admin: Option<FirstAdmin>,
    stop: CancellationToken,
    tasks: TaskTracker,
}

impl Service {
    /// Opens the data directory, recovers what a crash left, starts the workers. Nobody can reach it yet.
    pub(crate) async fn open(config: &Config) -> anyhow::Result<Self> {
        let rooms = Rooms::open(config).await?;
        let first_admin = accounts::ensure_admin(config, &rooms.accounts).await?;
        let app = rooms.app(config);
        let service =
            Self { rooms, app, first_admin, stop: CancellationToken::new(), tasks: TaskTracker::new() };
        service.start_workers(config);
        Ok(service)
    }

    fn start_workers(&self, config: &Config) {
        let workers = match config.upload.workers {
            0 => std::thread::available_parallelism().map_or(1, |cores| cores.get().div_ceil(2)),
            workers => workers,
        };
        let (uploads, stop) = (self.rooms.uploads.clone(), self.stop.clone());
        self.tasks.spawn(async move { uploads.run_workers(stop, workers).await });
        let (enrichment, stop) = (self.rooms.enrichment.clone(), self.stop.clone());
        self.tasks.spawn(async move {
            while stop.run_until_cancelled(tokio::time::sleep(HOUSEKEEPING)).await.is_some() {
                let enrichment = enrichment.clone();
                if tokio::task::spawn_blocking(move || enrichment.geo().refresh()).await.is_err() {
                    tracing::error!("looking for new geo databases ended in a panic");
                }
            }
        });
        if let Some(patterns) = self.rooms.patterns.clone() {
            let stop = self.stop.clone();
            self.tasks.spawn(async move {
                while stop.run_until_cancelled(tokio::time::sleep(PATTERN_TIMES)).await.is_some() {
                    patterns.keep_times().await;
                }
            });
        }
        let (detector, stop) = (self.rooms.detector.clone(), self.stop.clone());
        self.tasks.spawn(async move {
            while stop.run_until_cancelled(tokio::time::sleep(SNAPSHOTS)).await.is_some() {
                if let Err(error) = detector.save_snapshot().await {
                    tracing::warn!(%error, "cannot save the fraud features; a restart will read more of the history");
                }
            }
        });
    }

    /// Opens the ports.
    pub(crate) async fn listen(&self, config: &Config) -> anyhow::Result<Addresses> {
        let bind = async |name: &str, address: &str| {
            TcpListener::bind(address).await.with_context(|| {
                format!("cannot listen on {name} = {address:?}; choose another address or port 0")
            })
        };
        let http = bind("listen", &config.listen).await?;
        let elastic = match config.elastic_listen.as_str() {
            "off" => None,
            address => Some(bind("elastic_listen", address).await?),
        };
        let inputs = Inputs::bind(&config.inputs, self.rooms.intake(), config.inputs_memory_bytes).await?;
        let addresses = Addresses::of(&http, elastic.as_ref(), inputs.addresses()?)?;
        self.tasks.spawn(inputs.run(self.stop.clone()));
        let proxies = config.http.trusted_proxies.clone();
        let limits = ConnectionLimits { proxies, ..ConnectionLimits::default() };
        if let Some(listener) = elastic {
            self.serve("elastic", listener, api::elastic_router(self.app.clone()), limits.clone());
        }
        self.serve("http", http, api::router(self.app.clone()), limits);
        Ok(addresses)
    }

    fn serve(
        &self,
        name: &'static str,
        listener: TcpListener,
        router: axum::Router,
        limits: ConnectionLimits,
    ) {
        let stop = self.stop.clone();
        self.tasks.spawn(async move {
            if let Err(error) = api::serve(listener, router, limits, stop).await {
                tracing::error!(%error, listener = name, "a listener ended");
            }
        });
    }

    /// Opens the socket for commands in the data directory.
    pub(crate) fn serve_socket(&self) -> anyhow::Result<()> {
        // Bound where only the owner may enter, and moved once its mode is right: nobody can slip in between. The lock
        // of the data directory is held: a socket that is there was left behind by a crash.
        let private = self.rooms.data.directory("secrets")?.join(SOCKET);
        let _ = std::fs::remove_file(&private);
        let listener = UnixListener::bind(&private)
            .with_context(|| format!("cannot open the socket {}", private.display()))?;
        std::fs::set_permissions(&private, std::fs::Permissions::from_mode(0o600))?;
        std::fs::rename(&private, self.socket())?;
        let (router, stop) = (api::router(self.app.clone()), self.stop.clone());
        self.tasks.spawn(async move {
            if let Err(error) = api::serve_local(listener, router, stop).await {
                tracing::error!(%error, "the socket for commands ended");
            }
        });
        Ok(())
    }

    /// Where the socket for commands is.
    pub(crate) fn socket(&self) -> PathBuf {
        self.rooms.data.path().join(SOCKET)
    }

    /// The login of the first administrator, if it was made now and its password was generated.
    pub(crate) fn first_admin(&self) -> Option<&FirstAdmin> {
        self.first_admin.as_ref()
    }

    /// Takes no more requests, lets those under way finish, brings jobs to a safe point, closes the stores.
    pub(crate) async fn shutdown(self) -> anyhow::Result<()> {
        self.stop.cancel();
        self.app.close_streams();
        self.tasks.close();
        if tokio::time::timeout(DRAIN, self.tasks.wait()).await.is_err() {
            tracing::warn!("some requests or jobs did not end in time; jobs go on after the next start");
        }
        // Gone already if it was never opened.
        let _ = std::fs::remove_file(self.socket());
        self.rooms.close().await
    }
}
