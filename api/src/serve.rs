//! Connections: accepted up to a limit, given so long to say what they want, and let finish when the service stops.

use crate::auth::guard::LocalCaller;
use axum::{Extension, Router, body::Body, extract::ConnectInfo};
use hyper::{Request, body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use std::{io, net::SocketAddr, pin::pin, sync::Arc, time::Duration};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, UnixListener},
    sync::{OwnedSemaphorePermit, Semaphore},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tower::ServiceExt;

/// Connections at the same time on one listener; further ones wait to be accepted.
const CONNECTIONS_MAX: usize = 4_096;
/// A client that has not sent the whole head of a request by then is cut off (against "slowloris").
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);
/// Longest head of a request, give or take one read. Also bounds how much of a body is read ahead.
const HEAD_MAX_BYTES: usize = 64 << 10;
const HEADERS_MAX: usize = 100;
/// Pause after a connection could not be accepted, which is mostly for want of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Answers on this listener until `stop` is cancelled, then lets the requests under way finish.
///
/// # Errors
/// None at present: what goes wrong with a connection is that connection's end.
pub async fn serve(listener: TcpListener, router: Router, stop: CancellationToken) -> io::Result<()> {
    let connections = Connections::new(stop);
    while let Some(permit) = connections.room().await {
        let Some((stream, peer)) = connections.accept(listener.accept()).await else { continue };
        // Answers are small and written whole; waiting for more to send only delays them.
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "cannot set TCP_NODELAY");
        }
        connections.spawn(stream, Some(peer), router.clone(), permit);
    }
    connections.finish().await;
    Ok(())
}

/// As [`serve()`] on a socket of this machine. Who can open it acts as an admin without logging in, so its file must
/// be readable by the owner of the data directory only.
///
/// # Errors
/// None at present.
pub async fn serve_local(listener: UnixListener, router: Router, stop: CancellationToken) -> io::Result<()> {
    let router = router.layer(Extension(LocalCaller));
    let connections = Connections::new(stop);
    while let Some(permit) = connections.room().await {
        let Some((stream, _)) = connections.accept(listener.accept()).await else { continue };
        connections.spawn(stream, None, router.clone(), permit);
    }
    connections.finish().await;
    Ok(())
}

struct Connections {
    room: Arc<Semaphore>,
    tasks: TaskTracker,
    stop: CancellationToken,
}

impl Connections {
    fn new(stop: CancellationToken) -> Self {
        Self { room: Arc::new(Semaphore::new(CONNECTIONS_MAX)), tasks: TaskTracker::new(), stop }
    }

    /// Leave to accept one more; `None` once the service stops.
    async fn room(&self) -> Option<OwnedSemaphorePermit> {
        let permit = self.stop.run_until_cancelled(Arc::clone(&self.room).acquire_owned()).await?;
        permit.ok()
    }

    async fn accept<T>(&self, accept: impl Future<Output = io::Result<T>>) -> Option<T> {
        match self.stop.run_until_cancelled(accept).await? {
            Ok(accepted) => Some(accepted),
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                None
            }
        }
    }

    fn spawn<I>(&self, stream: I, peer: Option<SocketAddr>, router: Router, permit: OwnedSemaphorePermit)
    where
        I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let stop = self.stop.clone();
        self.tasks.spawn(async move {
            let _permit = permit;
            let service = service_fn(move |mut request: Request<Incoming>| {
                if let Some(peer) = peer {
                    request.extensions_mut().insert(ConnectInfo(peer));
                }
                router.clone().oneshot(request.map(Body::new))
            });
            let mut builder = http1::Builder::new();
            builder.timer(TokioTimer::new()).header_read_timeout(HEAD_TIMEOUT);
            builder.max_buf_size(HEAD_MAX_BYTES).max_headers(HEADERS_MAX);
            let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), service));
            let ended = match stop.run_until_cancelled(connection.as_mut()).await {
                Some(ended) => ended,
                None => {
                    connection.as_mut().graceful_shutdown();
                    connection.await
                }
            };
            if let Err(error) = ended {
                tracing::debug!(%error, "a connection broke off");
            }
        });
    }

    async fn finish(self) {
        self.tasks.close();
        self.tasks.wait().await;
    }
}
