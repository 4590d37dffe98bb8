//! Trace ids: every request has one, taken from the caller if valid, and every answer and log line shows it.

use super::address::ClientAddress;
use axum::{
    extract::{MatchedPath, Request},
    http::{HeaderMap, HeaderName, HeaderValue},
    middleware::Next,
    response::Response,
};
use std::{fmt, time::Instant};
use tracing::Instrument;

/// The header that carries the trace id in and out.
pub(crate) const X_TRACE_ID: HeaderName = HeaderName::from_static("x-trace-id");
const TRACEPARENT: &str = "traceparent";

tokio::task_local! {
    static CURRENT: TraceId;
}

/// A trace id: 32 lower-case hexadecimal digits, not all zero (W3C Trace Context, "trace-id").
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TraceId(u128);

impl TraceId {
    fn random() -> Self {
        Self(rand::random::<u128>().max(1))
    }

    /// Reads 32 hexadecimal digits, or a UUID with dashes.
    fn parse(text: &str) -> Option<Self> {
        let digits: String = match text.len() {
            32 => text.to_owned(),
            36 => text.replace('-', ""),
            _ => return None,
        };
        if digits.len() != 32 || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return None;
        }
        u128::from_str_radix(&digits, 16).ok().filter(|id| *id != 0).map(Self)
    }

    /// Reads a W3C `traceparent`: `00-<trace-id>-<parent-id>-<flags>`.
    fn from_traceparent(text: &str) -> Option<Self> {
        let mut parts = text.split('-');
        let (version, id, parent, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        let hex = |part: &str, len| part.len() == len && part.bytes().all(|byte| byte.is_ascii_hexdigit());
        if version == "ff" || !hex(version, 2) || !hex(parent, 16) || !hex(flags, 2) || id.len() != 32 {
            return None;
        }
        if version == "00" && parts.next().is_some() {
            return None;
        }
        Self::parse(id)
    }

    fn of(headers: &HeaderMap) -> Self {
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        text(TRACEPARENT)
            .and_then(Self::from_traceparent)
            .or_else(|| text(X_TRACE_ID.as_str()).and_then(Self::parse))
            .unwrap_or_else(Self::random)
    }
}

impl fmt::Display for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

/// The trace id of the request that this task answers.
pub(crate) fn current() -> Option<TraceId> {
    CURRENT.try_with(|id| *id).ok()
}

/// Gives the request its trace id, runs the rest inside a span that carries it, writes one access line.
pub(crate) async fn trace(request: Request, next: Next) -> Response {
    let id = TraceId::of(request.headers());
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>().cloned();
    let address = request.extensions().get::<ClientAddress>().copied();
    let span = tracing::info_span!("request", trace.id = %id);
    let started = Instant::now();
    let mut response = CURRENT.scope(id, next.run(request)).instrument(span.clone()).await;
    let value = HeaderValue::from_str(&id.to_string()).unwrap_or(HeaderValue::from_static("-"));
    response.headers_mut().insert(X_TRACE_ID, value);
    span.in_scope(|| {
        tracing::info!(
            target: "access",
            {
                http.method = %method,
                http.route = route.as_ref().map_or("-", |route| route.as_str()),
                http.status = response.status().as_u16(),
                client.address = %address.unwrap_or_default(),
                duration_us = started.elapsed().as_micros() as u64
            },
            "answered"
        );
    });
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_valid_ids_are_taken_over() {
        let check = |name: &'static str, value: &'static str, expected: Option<&str>| {
            let headers =
                HeaderMap::from_iter([(HeaderName::from_static(name), HeaderValue::from_static(value))]);
            let id = TraceId::of(&headers).to_string();
            assert_eq!(id.len(), 32);
            assert_eq!(id == expected.unwrap_or_default(), expected.is_some(), "{name}: {value}");
        };
        let id = "4bf92f3577b34da6a3ce929d0e0e4736";
        check("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", Some(id));
        check("traceparent", "cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more", Some(id));
        check("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more", None);
        check("traceparent", "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", None);
        check("traceparent", "00-00000000000000000000000000000000-00f067aa0ba902b7-01", None);
        check("x-trace-id", "4bf92f3577b34da6a3ce929d0e0e4736", Some(id));
        check("x-trace-id", "4BF92F35-77b3-4da6-a3ce-929d0e0e4736", Some(id));
        check("x-trace-id", "<script>", None);
        check("x-trace-id", "+bf92f3577b34da6a3ce929d0e0e4736", None);
    }
}
