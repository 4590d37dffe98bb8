//! Connections: accepted up to a limit, given so long to say what they want and to take the answer, and let finish
//! when the service stops.

mod connection;
mod room;

use crate::auth::guard::LocalCaller;
use axum::{Extension, Router};
use connection::Conversation;
use room::Room;
use std::{io, net::IpAddr, time::Duration};
use tokio::net::{TcpListener, UnixListener};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// Pause after a connection could not be accepted, which is mostly for want of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Limits on the connections of one listener.
#[derive(Debug, Clone)]
pub struct ConnectionLimits {
    /// At the same time; further ones wait to be accepted.
    pub total: usize,
    /// At the same time from one address (an IPv6 network of 64 bits counts as one); further ones are closed.
    pub per_address: usize,
    /// Addresses of proxies, behind which stand many clients: `per_address` is not asked of them.
    pub proxies: Vec<IpAddr>,
    /// A client that has not sent the whole head of a request by then is cut off (against "slowloris").
    pub head: Duration,
    /// A client that takes nothing of its answer for so long is cut off.
    pub write: Duration,
    /// When the service stops: how long a connection may live on which no request is being answered.
    pub farewell: Duration,
}

impl Default for ConnectionLimits {
    fn default() -> Self {
        Self {
            total: 4_096,
            per_address: 1_024,
            proxies: Vec::new(),
            head: Duration::from_secs(30),
            write: Duration::from_secs(60),
            farewell: Duration::from_secs(2),
        }
    }
}

/// Answers on this listener until `stop` is cancelled, then lets the requests under way finish.
///
/// # Errors
/// None at present: what goes wrong with a connection is that connection's end.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    limits: ConnectionLimits,
    stop: CancellationToken,
) -> io::Result<()> {
    let (room, tasks) = (Room::new(&limits), TaskTracker::new());
    while let Some(permit) = stop.run_until_cancelled(room.wait()).await.flatten() {
        let Some((stream, peer)) = accepted(&stop, listener.accept()).await else { continue };
        let Some(place) = room.enter(permit, peer.ip()) else {
            tracing::debug!(%peer, "closed a connection: its address has too many");
            continue;
        };
        // Answers are small and written whole; waiting for more to send only delays them.
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "cannot set TCP_NODELAY");
        }
        let conversation = Conversation::new(router.clone(), Some(peer), &limits, stop.clone());
        tasks.spawn(async move {
            let _place = place;
            conversation.run(stream).await;
        });
    }
    tasks.close();
    tasks.wait().await;
    Ok(())
}

/// As [`serve()`] on a socket of this machine. Who can open it acts as an admin without logging in, so its file must
/// be readable by the owner of the data directory only.
///
/// # Errors
/// None at present.
pub async fn serve_local(listener: UnixListener, router: Router, stop: CancellationToken) -> io::Result<()> {
    let router = router.layer(Extension(LocalCaller));
    let limits = ConnectionLimits::default();
    let (room, tasks) = (Room::new(&limits), TaskTracker::new());
    while let Some(permit) = stop.run_until_cancelled(room.wait()).await.flatten() {
        let Some((stream, _)) = accepted(&stop, listener.accept()).await else { continue };
        let conversation = Conversation::new(router.clone(), None, &limits, stop.clone());
        tasks.spawn(async move {
            let _permit = permit;
            conversation.run(stream).await;
        });
    }
    tasks.close();
    tasks.wait().await;
    Ok(())
}

async fn accepted<T>(stop: &CancellationToken, accept: impl Future<Output = io::Result<T>>) -> Option<T> {
    match stop.run_until_cancelled(accept).await? {
        Ok(accepted) => Some(accepted),
        Err(error) => {
            tracing::warn!(%error, "cannot accept a connection");
            tokio::time::sleep(ACCEPT_PAUSE).await;
            None
        }
    }
}
