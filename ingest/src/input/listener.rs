//! Accepts the connections of an input.

use super::{
    Input,
    budget::batch_memory,
    delivery::Delivery,
    framing::{Framing, Style},
    lumberjack,
    reader::{Patience, Reader},
    settings::InputKind,
    stream::{self, BATCH_BYTES, BATCH_RECORDS},
    tls::Tls,
};
use socket2::{SockRef, TcpKeepalive};
use std::{io, net::SocketAddr, sync::Arc, time::Duration};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    sync::Semaphore,
};
use tokio_rustls::TlsAcceptor;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// Pause after a connection could not be accepted, which is mostly for want of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// A client that has not shaken hands by then is cut off.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// A connection whose other end has vanished is noticed after a few of these.
const KEEPALIVE: Duration = Duration::from_secs(60);

/// Serves the connections that come, until `stop` is cancelled and those that there are have come to their end.
pub(super) async fn run(
    input: Arc<Input>,
    listener: TcpListener,
    tls: Option<Arc<Tls>>,
    stop: CancellationToken,
) {
    let (room, tasks) = (Arc::new(Semaphore::new(input.settings.max_connections)), TaskTracker::new());
    while let Some(Ok(place)) = stop.run_until_cancelled(Arc::clone(&room).acquire_owned()).await {
        let (stream, peer) = match stop.run_until_cancelled(listener.accept()).await {
            None => break,
            Some(Ok(accepted)) => accepted,
            Some(Err(error)) => {
                tracing::warn!(input = %input.name, %error, "cannot accept a connection");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        if !input.access.allows(peer.ip()) {
            input.meters.refused("address");
            tracing::debug!(input = %input.name, %peer, "closed a connection: its address may not send");
            continue;
        }
        let Some(share) = input.places.take(peer.ip()) else {
            input.meters.refused("connections");
            tracing::debug!(input = %input.name, %peer, "closed a connection: its address has too many");
            continue;
        };
        let (input, tls, stop) = (Arc::clone(&input), tls.as_ref().map(|tls| tls.acceptor()), stop.clone());
        tasks.spawn(async move {
            let (_place, _share, _connected) = (place, share, input.meters.connected());
            if let Err(error) = prepare(&stream) {
                tracing::debug!(input = %input.name, %error, "cannot set up a connection");
            }
            match tls {
                None => serve(&input, stream, peer, stop).await,
                Some(tls) => shake_hands(&input, &tls, stream, peer, stop).await,
            }
        });
    }
    drop(listener);
    tasks.close();
    tasks.wait().await;
}

fn prepare(stream: &TcpStream) -> io::Result<()> {
    // Acknowledgements are small.
    stream.set_nodelay(true)?;
    let keepalive = TcpKeepalive::new().with_time(KEEPALIVE).with_interval(KEEPALIVE / 4);
    SockRef::from(stream).set_tcp_keepalive(&keepalive)
}

async fn shake_hands(
    input: &Arc<Input>,
    tls: &TlsAcceptor,
    stream: TcpStream,
    peer: SocketAddr,
    stop: CancellationToken,
) {
    let accepted = tokio::time::timeout(HANDSHAKE, tls.accept(stream));
    let failure = match stop.run_until_cancelled(accepted).await {
        None => return,
        Some(Ok(Ok(stream))) => return serve(input, stream, peer, stop).await,
        Some(Ok(Err(error))) => error.to_string(),
        Some(Err(_)) => "it took too long".to_owned(),
    };
    input.meters.refused("tls");
    tracing::warn!(input = %input.name, %peer, failure, "closed a connection: no TLS could be agreed on");
}

async fn serve<S: AsyncRead + AsyncWrite + Unpin>(
    input: &Arc<Input>,
    stream: S,
    peer: SocketAddr,
    stop: CancellationToken,
) {
    let settings = &input.settings;
    let linger = if settings.kind == InputKind::Lumberjack { lumberjack::LINGER } else { stream::LINGER };
    let patience = Patience { idle: settings.idle_timeout(), frame: settings.frame_timeout(), linger };
    let turn_bytes = batch_memory(BATCH_BYTES, BATCH_RECORDS) + settings.max_line_bytes;
    let mut reader = Reader::new(stream, patience, input.budget.clone(), turn_bytes, stop.clone());
    let delivery = Delivery {
        intake: Arc::clone(&input.intake),
        reception: Arc::new(input.reception(false)),
        meters: Arc::clone(&input.meters),
        stop,
        keepalive: settings.keepalive(),
    };
    let sender: Arc<str> = peer.ip().to_canonical().to_string().into();
    let (max, kept) = (settings.max_line_bytes, input.intake.limits.record_kept_bytes);
    let style = if settings.kind == InputKind::Syslog { Style::Syslog } else { Style::Lines };
    match settings.kind {
        InputKind::Lumberjack => lumberjack::serve(&mut reader, &delivery, sender, max, kept).await,
        InputKind::Syslog | InputKind::Lines | InputKind::Json => {
            stream::serve(&mut reader, Framing::new(style, max, kept), &delivery, sender).await;
        }
    }
    reader.close().await;
}
