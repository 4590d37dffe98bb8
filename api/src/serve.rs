use crate::auth::guard::LocalCaller;
use axum::{Extension, Router};
use std::{io, net::SocketAddr};
use tokio::net::{TcpListener, UnixListener};
use tokio_util::sync::CancellationToken;

/// Answers on this listener until `stop` is cancelled, then lets the requests under way finish.
///
/// # Errors
/// The listener fails.
pub async fn serve(listener: TcpListener, router: Router, stop: CancellationToken) -> io::Result<()> {
    let service = router.into_make_service_with_connect_info::<SocketAddr>();
    axum::serve(listener, service).with_graceful_shutdown(stop.cancelled_owned()).await
}

/// As [`serve`] on a socket of this machine. Who can open it acts as an admin without logging in, so its file must be
/// readable by the owner of the data directory only.
///
/// # Errors
/// The listener fails.
pub async fn serve_local(listener: UnixListener, router: Router, stop: CancellationToken) -> io::Result<()> {
    let router = router.layer(Extension(LocalCaller));
    axum::serve(listener, router).with_graceful_shutdown(stop.cancelled_owned()).await
}
