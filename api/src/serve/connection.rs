//! One connection: its requests are answered in turn until either side ends it.

use super::ConnectionLimits;
use axum::{
    Router,
    body::{Body, Bytes},
    extract::ConnectInfo,
};
use hyper::{
    Request,
    body::{Frame, Incoming, SizeHint},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use std::{
    net::SocketAddr,
    pin::{Pin, pin},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_io_timeout::TimeoutWriter;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

/// Longest head of a request, give or take one read. Also bounds how much of a body is read ahead.
const HEAD_MAX_BYTES: usize = 64 << 10;
const HEADERS_MAX: usize = 100;

/// What a connection needs to be served.
pub(super) struct Conversation {
    router: Router,
    peer: Option<SocketAddr>,
    head: Duration,
    write: Duration,
    farewell: Duration,
    stop: CancellationToken,
}

impl Conversation {
    pub(super) fn new(
        router: Router,
        peer: Option<SocketAddr>,
        limits: &ConnectionLimits,
        stop: CancellationToken,
    ) -> Self {
        let ConnectionLimits { head, write, farewell, .. } = *limits;
        Self { router, peer, head, write, farewell, stop }
    }

    /// Answers on the stream until it ends, or until `stop` is cancelled and the request under way is answered.
    pub(super) async fn run(self, stream: impl AsyncRead + AsyncWrite) {
        let answering = Answering::default();
        let service = service_fn(|mut request: Request<Incoming>| {
            let under_way = answering.begin();
            if let Some(peer) = self.peer {
                request.extensions_mut().insert(ConnectInfo(peer));
            }
            let answer = self.router.clone().oneshot(request.map(Body::new));
            async move { answer.await.map(|response| response.map(|body| Sent { body, _under_way: under_way })) }
        });
        let mut stream = TimeoutWriter::new(stream);
        stream.set_timeout(Some(self.write));
        let mut builder = http1::Builder::new();
        builder.timer(TokioTimer::new()).header_read_timeout(self.head);
        builder.max_buf_size(HEAD_MAX_BYTES).max_headers(HEADERS_MAX);
        let stream = pin!(stream);
        let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), service));
        let ended = match self.stop.run_until_cancelled(connection.as_mut()).await {
            Some(ended) => ended,
            None => {
                connection.as_mut().graceful_shutdown();
                loop {
                    match tokio::time::timeout(self.farewell, connection.as_mut()).await {
                        Ok(ended) => break ended,
                        // Half a head, or an answer sent that nobody takes leave of: nothing to wait for.
                        Err(_) if answering.none() => break Ok(()),
                        Err(_) => {}
                    }
                }
            }
        };
        if let Err(error) = ended {
            tracing::debug!(%error, "a connection broke off");
        }
    }
}

/// The body of an answer: its request is under way until it is sent whole.
struct Sent {
    body: Body,
    _under_way: UnderWay,
}

impl hyper::body::Body for Sent {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// The requests of a connection that are being answered: at most one, as they are answered in turn.
#[derive(Default)]
struct Answering(Arc<AtomicUsize>);

/// One of them, until dropped.
struct UnderWay(Arc<AtomicUsize>);

impl Answering {
    fn begin(&self) -> UnderWay {
        self.0.fetch_add(1, Ordering::Relaxed);
        UnderWay(self.0.clone())
    }

    fn none(&self) -> bool {
        self.0.load(Ordering::Relaxed) == 0
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
