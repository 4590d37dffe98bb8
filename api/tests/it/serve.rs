//! Over real sockets: what only shows there.

use crate::harness::Service;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpListener, TcpStream, UnixListener, UnixStream},
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
    let server = tokio::spawn(api::serve(listener, service.router(), stop.clone()));
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
