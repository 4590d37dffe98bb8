//! Over real sockets: what only shows there.

use crate::harness::Service;
use api::ConnectionLimits;
use axum::{Router, routing::get as on_get};
use std::{sync::Arc, time::Duration};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpListener, TcpStream, UnixListener, UnixStream},
    sync::Notify,
};
use tokio_util::sync::CancellationToken;

async fn talk(mut stream: impl AsyncRead + AsyncWrite + Unpin, request: &str) -> String {
    // A connection that is cut off while we still write is reset; what came before counts.
    let _ = stream.write_all(request.as_bytes()).await;
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    String::from_utf8_lossy(&answer).into_owned()
}

fn get(path: &str, headers: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{headers}\r\n")
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_are_answered_until_the_service_stops() {
    let service = Service::start().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let stop = CancellationToken::new();
    let server =
        tokio::spawn(api::serve(listener, service.router(), ConnectionLimits::default(), stop.clone()));
    let ask = async |request: String| talk(TcpStream::connect(address).await.unwrap(), &request).await;
    assert!(ask(get("/health", "")).await.starts_with("HTTP/1.1 200"));
    assert!(ask(get("/api/v1/users", "")).await.starts_with("HTTP/1.1 401"));
    let many = (0..200).map(|number| format!("x-{number}: y\r\n")).collect::<String>();
    assert!(ask(get("/health", &many)).await.starts_with("HTTP/1.1 431"));
    let large = format!("x: {}\r\n", "y".repeat(1_000_000));
    assert!(!ask(get("/health", &large)).await.starts_with("HTTP/1.1 200"));
    // A connection that is kept alive does not hold up the end.
    let mut idle = TcpStream::connect(address).await.unwrap();
    idle.write_all(b"GET /health HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    let mut first = [0; 12];
    idle.read_exact(&mut first).await.unwrap();
    stop.cancel();
    server.await.unwrap().unwrap();
    assert!(TcpStream::connect(address).await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_holds_the_socket_is_admin() {
    let service = Service::start().await;
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("vigie.sock");
    let stop = CancellationToken::new();
    let server =
        tokio::spawn(api::serve_local(UnixListener::bind(&path).unwrap(), service.router(), stop.clone()));
    let answer = talk(UnixStream::connect(&path).await.unwrap(), &get("/api/v1/users", "")).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(answer.contains("admin@shop.example"));
    stop.cancel();
    server.await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn half_a_request_does_not_hold_up_the_end() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let stop = CancellationToken::new();
    let limits = ConnectionLimits {
        head: Duration::from_secs(3600),
        farewell: Duration::from_millis(10),
        ..ConnectionLimits::default()
    };
    let (begun, go_on) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let handler = {
        let (begun, go_on) = (begun.clone(), go_on.clone());
        async move || {
            begun.notify_one();
            go_on.notified().await;
        }
    };
    let router = Router::new().route("/slow", on_get(handler));
    let server = tokio::spawn(api::serve(listener, router, limits, stop.clone()));
    let mut half = TcpStream::connect(address).await.unwrap();
    half.write_all(b"GET / HT").await.unwrap();
    let mut whole = TcpStream::connect(address).await.unwrap();
    whole.write_all(get("/slow", "").as_bytes()).await.unwrap();
    begun.notified().await;
    stop.cancel();
    // The half request is given up while the whole one is still being answered.
    assert_eq!(half.read(&mut [0; 8]).await.unwrap_or(0), 0);
    go_on.notify_one();
    let mut answer = String::new();
    whole.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    tokio::time::timeout(Duration::from_secs(60), server).await.expect("the end").unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn who_takes_nothing_of_the_answer_is_cut_off() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let stop = CancellationToken::new();
    let limits = ConnectionLimits { write: Duration::from_millis(50), ..ConnectionLimits::default() };
    // More than the buffers of both sockets hold.
    let large = vec![b'x'; 64 << 20];
    let router = Router::new().route("/large", on_get(async move || large.clone()));
    let server = tokio::spawn(api::serve(listener, router, limits, stop.clone()));
    let mut idle = TcpStream::connect(address).await.unwrap();
    idle.write_all(get("/large", "").as_bytes()).await.unwrap();
    idle.readable().await.unwrap();
    // The answer under way is no reason to live on: the end comes when the client is cut off.
    stop.cancel();
    tokio::time::timeout(Duration::from_secs(60), server).await.expect("the end").unwrap().unwrap();
    let mut got = Vec::new();
    let _ = idle.read_to_end(&mut got).await;
    assert!(got.len() < 64 << 20, "cut off");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_has_its_share_of_connections() {
    let service = Service::start().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let limits = ConnectionLimits { per_address: 1, ..ConnectionLimits::default() };
    tokio::spawn(api::serve(listener, service.router(), limits, CancellationToken::new()));
    let first = TcpStream::connect(address).await.unwrap();
    let mut second = TcpStream::connect(address).await.unwrap();
    assert_eq!(second.read(&mut [0; 8]).await.unwrap_or(0), 0, "closed without a word");
    assert!(talk(first, &get("/health", "")).await.starts_with("HTTP/1.1 200"));
}
