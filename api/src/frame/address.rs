//! Where a request comes from.

use crate::state::App;
use axum::{
    extract::{ConnectInfo, Request, State},
    http::HeaderMap,
    middleware::Next,
    response::Response,
};
use std::{
    fmt,
    net::{IpAddr, SocketAddr},
};

/// The address of the client; `None` where it is not known (a call without a connection, as in tests).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub(crate) struct ClientAddress(pub(crate) Option<IpAddr>);

impl fmt::Display for ClientAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(address) => address.fmt(f),
            None => f.write_str("unknown"),
        }
    }
}

impl ClientAddress {
    /// What counts as one client when requests or failures are counted: an IPv4 address, or an IPv6 network of 64
    /// bits, as one subscriber holds all the addresses of such a network.
    pub(crate) fn bucket(self) -> String {
        match self.0.map(|address| address.to_canonical()) {
            Some(IpAddr::V4(address)) => address.to_string(),
            Some(IpAddr::V6(address)) => {
                let [a, b, c, d, ..] = address.segments();
                format!("{a:x}:{b:x}:{c:x}:{d:x}::/64")
            }
            None => "unknown".to_owned(),
        }
    }
}

/// Finds the client's address and keeps it with the request.
pub(crate) async fn locate(State(app): State<App>, mut request: Request, next: Next) -> Response {
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|info| info.0.ip());
    let address = resolve(peer, request.headers(), &app.config().trusted_proxies);
    request.extensions_mut().insert(ClientAddress(address));
    next.run(request).await
}

/// The connection's address; behind a trusted proxy the last address in `X-Forwarded-For` that is not such a proxy.
/// What stands further left was written by the client and proves nothing.
fn resolve(peer: Option<IpAddr>, headers: &HeaderMap, trusted: &[IpAddr]) -> Option<IpAddr> {
    let peer = peer?.to_canonical();
    if !trusted.contains(&peer) {
        return Some(peer);
    }
    let hops: Vec<&str> = headers
        .get_all("x-forwarded-for")
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .collect();
    for hop in hops.iter().rev() {
        match hop.trim().parse::<IpAddr>().map(|address| address.to_canonical()) {
            Ok(address) if trusted.contains(&address) => {}
            Ok(address) => return Some(address),
            Err(_) => return Some(peer),
        }
    }
    Some(peer)
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    #[test]
    fn forwarded_addresses_are_believed_from_trusted_proxies_only() {
        let check = |peer: &str, forwarded: &'static str, expected: &str| {
            let headers = HeaderMap::from_iter([(
                axum::http::HeaderName::from_static("x-forwarded-for"),
                HeaderValue::from_static(forwarded),
            )]);
            let trusted = ["10.0.0.1".parse().unwrap(), "10.0.0.2".parse().unwrap()];
            let found = resolve(Some(peer.parse().unwrap()), &headers, &trusted);
            assert_eq!(found, Some(expected.parse().unwrap()), "{peer} {forwarded}");
        };
        check("192.0.2.7", "198.51.100.1", "192.0.2.7");
        check("10.0.0.1", "198.51.100.1", "198.51.100.1");
        check("::ffff:10.0.0.1", "198.51.100.1", "198.51.100.1");
        check("10.0.0.1", "203.0.113.9, 198.51.100.1, 10.0.0.2", "198.51.100.1");
        check("10.0.0.1", "203.0.113.9, nonsense", "10.0.0.1");
        check("10.0.0.1", "", "10.0.0.1");
    }

    #[test]
    fn one_subscriber_is_one_bucket() {
        let bucket = |text: &str| ClientAddress(Some(text.parse().unwrap())).bucket();
        assert_eq!(bucket("2001:db8:1:2::1"), bucket("2001:db8:1:2:ffff::9"));
        assert_ne!(bucket("2001:db8:1:2::1"), bucket("2001:db8:1:3::1"));
        assert_eq!(bucket("::ffff:192.0.2.1"), bucket("192.0.2.1"));
        assert_ne!(bucket("192.0.2.1"), bucket("192.0.2.2"));
    }
}
