//! The parser that somebody would write who has nothing but combined access-log lines.

use event::{Event, Object, Origin, Timestamp, daily_index};
use ingest::enrich::{Enrichment, GeoProperty};
use serde_json::Value;
use std::{net::IpAddr, sync::Arc};

/// Lines to events, with the same look-ups as the pipeline.
pub(crate) struct ByHand {
    enrichment: Arc<Enrichment>,
}

/// The parts of a line.
struct Line<'l> {
    address: IpAddr,
    address_text: &'l str,
    user: &'l str,
    time: Timestamp,
    method: &'l str,
    target: &'l str,
    version: &'l str,
    status: i64,
    bytes: Option<i64>,
    referrer: &'l str,
    agent: &'l str,
}

impl ByHand {
    pub(crate) fn new(enrichment: Arc<Enrichment>) -> Self {
        Self { enrichment }
    }

    /// The event of a line; `None` if it is no ordinary combined line.
    pub(crate) fn event(&self, text: &str) -> Option<Event> {
        let line = parse(text)?;
        let mut event = Event::new(self.fields(text, &line), Origin::Request);
        event.metadata.timestamp = Some(line.time);
        event.metadata.index = Some(daily_index("ecommerce-logs", line.time).into());
        Some(event)
    }

    fn fields(&self, text: &str, line: &Line<'_>) -> Object {
        let mut source = object([("ip", line.address_text.into())]);
        if let Some(geo) = self.enrichment.geo().lookup(None, line.address, None::<&[GeoProperty]>).unwrap() {
            put(&mut source, "geo", Value::Object(geo));
        }
        let mut request = object([("method", line.method.into())]);
        if line.referrer != "-" && !line.referrer.is_empty() {
            put(&mut request, "referrer", line.referrer.into());
        }
        let mut response = object([("status_code", line.status.into())]);
        if let Some(bytes) = line.bytes {
            put(&mut response, "body", Value::Object(object([("bytes", bytes.into())])));
        }
        let outcome = if line.status < 400 { "success" } else { "failure" };
        let mut fields = object([
            ("@timestamp", time_text(line.time).into()),
            (
                "event",
                Value::Object(object([
                    ("original", text.into()),
                    ("kind", "event".into()),
                    ("category", Value::Array(vec!["web".into()])),
                    ("dataset", "ecommerce.access".into()),
                    ("outcome", outcome.into()),
                ])),
            ),
            ("ecs", Value::Object(object([("version", "8.11.0".into())]))),
            ("source", Value::Object(source)),
            (
                "http",
                Value::Object(object([
                    ("request", Value::Object(request)),
                    ("version", line.version.into()),
                    ("response", Value::Object(response)),
                ])),
            ),
            ("url", Value::Object(url(line.target))),
        ]);
        if line.user != "-" {
            put(&mut fields, "user", Value::Object(object([("name", line.user.into())])));
        }
        if line.agent != "-" && !line.agent.is_empty() {
            let mut agent = Object::clone(&self.enrichment.user_agents().parse(line.agent));
            put(&mut agent, "original", line.agent.into());
            put(&mut fields, "user_agent", Value::Object(agent));
        }
        fields
    }
}

fn object<const N: usize>(members: [(&str, Value); N]) -> Object {
    members.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
}

fn put(object: &mut Object, key: &str, value: Value) {
    object.insert(key.to_owned(), value);
}

fn url(target: &str) -> Object {
    let mut url = object([("original", target.into())]);
    let target = target.split_once('#').map_or(target, |(before, _)| before);
    let (path, query) = target.split_once('?').map_or((target, ""), |(path, query)| (path, query));
    if !path.is_empty() {
        put(&mut url, "path", path.into());
    }
    if !query.is_empty() {
        put(&mut url, "query", query.into());
    }
    if let Some((stem, extension)) = path.rsplit_once('.')
        && !stem.is_empty()
        && (1..=10).contains(&extension.len())
        && extension.bytes().all(|byte| byte.is_ascii_alphanumeric())
    {
        put(&mut url, "extension", extension.to_ascii_lowercase().into());
    }
    url
}

fn parse(line: &str) -> Option<Line<'_>> {
    let (address_text, rest) = line.split_once(' ')?;
    let (_ident, rest) = rest.split_once(' ')?;
    let (user, rest) = rest.split_once(" [")?;
    let (time, rest) = rest.split_once("] \"")?;
    let (request, rest) = rest.split_once("\" ")?;
    let (status, rest) = rest.split_once(' ')?;
    let (bytes, rest) = rest.split_once(" \"")?;
    let (referrer, rest) = rest.split_once("\" \"")?;
    let agent = rest.strip_suffix('"')?;
    let (method, request) = request.split_once(' ')?;
    let (target, version) = request.rsplit_once(" HTTP/")?;
    // Anything quoted inside, full addresses and odd methods are left to others.
    let odd = line.contains('\\') || agent.contains('"') || !target.starts_with('/') || target.contains('"');
    let usual = (3..=31).contains(&method.len()) && method.bytes().all(|byte| byte.is_ascii_uppercase());
    if odd || !usual || user.contains(' ') || status.len() != 3 {
        return None;
    }
    Some(Line {
        address: address_text.parse().ok()?,
        address_text,
        user,
        time: time_of(time.as_bytes())?,
        method,
        target,
        version,
        status: status.parse().ok()?,
        bytes: if bytes == "-" { None } else { Some(bytes.parse().ok()?) },
        referrer,
        agent,
    })
}

/// `17/May/2015:10:05:03 +0000`
fn time_of(text: &[u8]) -> Option<Timestamp> {
    const MONTHS: [&[u8; 3]; 12] =
        [b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec"];
    let text: &[u8; 26] = text.try_into().ok()?;
    let number = |from: usize, to: usize| {
        text[from..to]
            .iter()
            .try_fold(0i64, |sum, byte| byte.is_ascii_digit().then(|| sum * 10 + i64::from(byte - b'0')))
    };
    let month = MONTHS.iter().position(|month| month[..] == text[3..6])? as i64 + 1;
    let (year, day) = (number(7, 11)?, number(0, 2)?);
    let (hour, minute, second) = (number(12, 14)?, number(15, 17)?, number(18, 20)?);
    let offset = (number(22, 24)? * 60 + number(24, 26)?) * 60 * if text[21] == b'-' { -1 } else { 1 };
    // Days since 1970 by the civil calendar.
    let shifted = if month <= 2 { year - 1 } else { year };
    let (era, of_era) = (shifted.div_euclid(400), shifted.rem_euclid(400));
    let of_year = (153 * (month + if month > 2 { -3 } else { 9 }) + 2) / 5 + day - 1;
    let days = era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468;
    Timestamp::from_second(((days * 24 + hour) * 60 + minute) * 60 + second - offset).ok()
}

/// RFC 3339 with milliseconds.
fn time_text(time: Timestamp) -> String {
    let civil = time.to_zoned(jiff::tz::TimeZone::UTC).datetime();
    let mut text = *b"0000-00-00T00:00:00.000Z";
    let parts = [
        (0, 4, i64::from(civil.year())),
        (5, 7, i64::from(civil.month())),
        (8, 10, i64::from(civil.day())),
        (11, 13, i64::from(civil.hour())),
        (14, 16, i64::from(civil.minute())),
        (17, 19, i64::from(civil.second())),
        (20, 23, i64::from(civil.millisecond())),
    ];
    for (from, to, mut value) in parts {
        for digit in text[from..to].iter_mut().rev() {
            *digit = b'0' + (value % 10) as u8;
            value /= 10;
        }
    }
    String::from_utf8(text.to_vec()).unwrap()
}
