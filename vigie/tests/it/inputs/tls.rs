//! TLS: syslog by RFC 5425, and Lumberjack, with and without certificates of clients.

use super::{input, lumberjack_client::Client, only};
use crate::harness::{ADMIN, PATIENCE, Vigie};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use serde_json::json;
use std::{
    io::{self, Read, Write},
    net::{SocketAddr, TcpStream},
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};
use tokio_rustls::rustls::{
    ClientConfig, ClientConnection, RootCertStore, StreamOwned,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject},
};

/// A root, and what it signs.
struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new(Vec::<String>::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    fn root(&self) -> String {
        self.0.pem()
    }

    /// A certificate for that name, and its key.
    fn sign(&self, name: &str) -> (String, String) {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        (params.signed_by(&key, &self.0).unwrap().pem(), key.serialize_pem())
    }
}

type Stream = StreamOwned<ClientConnection, TcpStream>;

fn connect(address: SocketAddr, root: &str, own: Option<&(String, String)>) -> Stream {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(root.as_bytes()).unwrap()).unwrap();
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots);
    let config = match own {
        None => builder.with_no_client_auth(),
        Some((certificate, key)) => builder
            .with_client_auth_cert(
                vec![CertificateDer::from_pem_slice(certificate.as_bytes()).unwrap()],
                PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap(),
            )
            .unwrap(),
    };
    let name = ServerName::try_from("vigie.example").unwrap();
    let connection = ClientConnection::new(Arc::new(config), name).unwrap();
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    StreamOwned::new(connection, stream)
}

/// Whether a handshake with a server of that root comes about.
fn trusts(address: SocketAddr, root: &str) -> bool {
    let mut stream = connect(address, root, None);
    stream.conn.complete_io(&mut stream.sock).is_ok()
}

/// Sends, and reads until the other side ends it.
fn talk(mut stream: Stream, bytes: &[u8]) -> io::Result<()> {
    stream.write_all(bytes)?;
    stream.conn.send_close_notify();
    stream.flush()?;
    stream.read_to_end(&mut Vec::new()).map(drop)
}

fn write(directory: &Path, name: &str, text: &str) -> String {
    let file = directory.join(name);
    std::fs::write(&file, text).unwrap();
    file.display().to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn only_who_shows_a_certificate_may_send_where_one_is_asked_for() {
    let dir = tempfile::tempdir().unwrap();
    let (authority, clients, strangers) = (Authority::new(), Authority::new(), Authority::new());
    let (certificate, key) = authority.sign("vigie.example");
    let tls = format!(
        "certificate_file = \"{}\"\nkey_file = \"{}\"",
        write(dir.path(), "server.pem", &certificate),
        write(dir.path(), "server.key", &key)
    );
    let mutual = format!("{tls}\nclient_ca_file = \"{}\"", write(dir.path(), "clients.pem", &clients.root()));
    let toml = [
        input("open", &format!("type = \"syslog\"\n{tls}")),
        input("closed", &format!("type = \"syslog\"\n{mutual}")),
        input("beats", &format!("type = \"lumberjack\"\n{mutual}")),
    ];
    let vigie = Vigie::start_configured(&dir.path().join("data"), &toml.concat());
    let admin = vigie.login(ADMIN).await;
    let (open, closed, beats) = (vigie.input("open"), vigie.input("closed"), vigie.input("beats"));
    let root = authority.root();
    let (known, unknown) = (clients.sign("web1"), strangers.sign("web1"));
    let sent = tokio::task::spawn_blocking(move || {
        // RFC 5425: every message is counted.
        talk(connect(open, &root, None), b"26 <13>1 - h open - - - first").unwrap();
        talk(connect(closed, &root, Some(&known)), b"29 <13>1 - h closed - - - second").unwrap();
        assert!(talk(connect(closed, &root, None), b"26 <13>1 - h none - - - third").is_err());
        assert!(talk(connect(closed, &root, Some(&unknown)), b"26 <13>1 - h none - - - third").is_err());
        // Not TLS at all: closed without a word of the log's.
        let mut plain = TcpStream::connect(closed).unwrap();
        plain.write_all(b"<13>1 - h none - - - third\n").unwrap();
        plain.shutdown(std::net::Shutdown::Write).unwrap();
        let _ = plain.read_to_end(&mut Vec::new());
        let mut client = Client(connect(beats, &root, Some(&known)));
        let events: Vec<String> = (0..3_000).map(|n| json!({"kind": "beat", "n": n}).to_string()).collect();
        client.send(&events, true).unwrap();
    });
    sent.await.unwrap();
    assert_eq!(only(&admin, "process.name:open").await["message"], "first");
    assert_eq!(only(&admin, "process.name:closed").await["message"], "second");
    admin.search_until(json!({"query": "kind:beat", "size": 0}), 3_000).await;
    admin.search_until(json!({"query": "process.name:none", "size": 0}), 0).await;
    vigie.metric_until("ingest_input_refused_total{input=\"closed\",reason=\"tls\"}", 3.0).await;
    vigie.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn new_certificates_are_taken_into_use_and_connections_stay() {
    let dir = tempfile::tempdir().unwrap();
    let (before, after) = (Authority::new(), Authority::new());
    let put = |(certificate, key): &(String, String)| {
        let files = [write(dir.path(), "server.key", key), write(dir.path(), "server.pem", certificate)];
        format!("key_file = {:?}\ncertificate_file = {:?}", files[0], files[1])
    };
    let settings = put(&before.sign("vigie.example"));
    let toml = input(
        "open",
        &format!("type = \"lines\"\npipeline = \"text\"\ncertificate_check_secs = 1\n{settings}"),
    );
    let vigie = Vigie::start_configured(&dir.path().join("data"), &toml);
    let admin = vigie.login(ADMIN).await;
    let open = vigie.input("open");
    let (old, new) = (before.root(), after.root());
    let old_root = old.clone();
    let first = tokio::task::spawn_blocking(move || {
        let mut first = connect(open, &old_root, None);
        first.write_all(b"one\n").unwrap();
        first.flush().unwrap();
        first
    });
    let mut first = first.await.unwrap();
    // A key of another certificate changes nothing.
    let (_, stranger) = after.sign("vigie.example");
    write(dir.path(), "server.key", &stranger);
    vigie.metric_until("ingest_input_certificates_total{input=\"open\",outcome=\"refused\"}", 1.0).await;
    put(&after.sign("vigie.example"));
    let changed = tokio::task::spawn_blocking(move || {
        let deadline = Instant::now() + PATIENCE;
        while !trusts(open, &new) {
            assert!(trusts(open, &old) || trusts(open, &new), "some certificate is in force at any time");
            assert!(Instant::now() < deadline, "the new certificate is never used");
            std::thread::sleep(Duration::from_millis(50));
        }
        assert!(!trusts(open, &old));
        first.write_all(b"two\n").unwrap();
        talk(first, b"three\n").unwrap();
    });
    changed.await.unwrap();
    admin.search_until(json!({"query": "message:(one or two or three)", "size": 0}), 3).await;
    vigie.stop();
}
