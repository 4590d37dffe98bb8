//! The events that every server gets: an access log of a shop, each a JSON document of about 392 bytes. The n-th event is
//! the same in every run.

use jiff::Timestamp;
use serde_json::{Value, json};
use std::{fmt::Write, net::Ipv4Addr};

const DAY_MS: i64 = 24 * 60 * 60 * 1000;
/// Different articles, and so different paths of articles.
const ARTICLES: u64 = 3_000;
/// Different addresses.
const ADDRESSES: u64 = 60_000;
/// Share of each status in 1,000.
const STATUSES: [(u64, u64); 7] =
    [(200, 868), (304, 50), (404, 42), (301, 20), (403, 10), (500, 8), (502, 2)];
const COLOURS: [&str; 8] = ["red", "blue", "green", "black", "white", "yellow", "brown", "silver"];
const THINGS: [&str; 10] =
    ["kettle", "lamp", "jacket", "socks", "headphones", "cookbook", "toaster", "tent", "racket", "puzzle"];
const AGENTS: [&str; 5] = [
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/124.0 Safari/537.36",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 14_4) AppleWebKit/605.1.15 (KHTML) Version/17.4 Safari/605",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 Mobile/15E148",
    "Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 Chrome/125.0 Mobile Safari/537.36",
];

/// How many events there are and over which time they spread.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shape {
    /// Events.
    pub(crate) events: usize,
    /// Days, each with an index of its own if there are several.
    pub(crate) days: usize,
    /// Where the first day begins, in milliseconds since 1970.
    pub(crate) start_ms: i64,
}

/// One event.
pub(crate) struct Record {
    pub(crate) time_ms: i64,
    pub(crate) address: Ipv4Addr,
    pub(crate) method: &'static str,
    pub(crate) status: u64,
    pub(crate) bytes: u64,
    pub(crate) path: String,
    pub(crate) agent: &'static str,
    pub(crate) message: String,
}

impl Shape {
    /// So many events over so many days, the last of which was yesterday.
    pub(crate) fn new(events: usize, days: usize) -> Self {
        let today = Timestamp::now().as_millisecond().div_euclid(DAY_MS);
        Self { events, days, start_ms: (today - days as i64) * DAY_MS }
    }

    /// Where the last day ends, in milliseconds since 1970.
    pub(crate) fn end_ms(&self) -> i64 {
        self.start_ms + self.days as i64 * DAY_MS
    }

    /// The event of that number; later ones happen later.
    pub(crate) fn record(&self, number: usize) -> Record {
        let mut dice = Dice(number as u64);
        let span = self.days as i128 * i128::from(DAY_MS);
        let time_ms = self.start_ms + (number as i128 * span / self.events as i128) as i64;
        // The square favours the first: few articles and visitors make most of the requests.
        let article = dice.favouring(ARTICLES);
        let address = dice.favouring(ADDRESSES);
        let mut left = dice.below(1_000);
        let status = STATUSES.iter().find(|(_, share)| {
            let here = left < *share;
            left = left.wrapping_sub(*share);
            here
        });
        let status = status.map_or(200, |(status, _)| *status);
        let (colour, thing) = (COLOURS[(article % 8) as usize], THINGS[(article / 8 % 10) as usize]);
        let path = match dice.below(10) {
            0 => "/".to_owned(),
            1 => format!("/category/{thing}"),
            2 => "/cart/checkout".to_owned(),
            _ => format!("/shop/{colour}-{thing}-{article}"),
        };
        let method = if path == "/cart/checkout" { "POST" } else { "GET" };
        let bytes = 500 + dice.below(60_000);
        let (millis, session) = (dice.below(900), dice.next());
        let message = format!(
            "{method} {path} answered {status} with {bytes} bytes in {millis} ms, session {session:016x}"
        );
        let agent = AGENTS[dice.below(5) as usize];
        // 198.18.0.0/15 is for benchmarks (RFC 2544).
        let address = Ipv4Addr::from(0xC612_0000_u32 + address as u32);
        Record { time_ms, address, method, status, bytes, path, agent, message }
    }

    /// The index of an event.
    pub(crate) fn index(&self, record: &Record) -> String {
        if self.days == 1 {
            "bench".to_owned()
        } else {
            time(record.time_ms).strftime("bench-%Y.%m.%d").to_string()
        }
    }

    /// The body of a `_bulk` request with the events of these numbers.
    pub(crate) fn bulk(&self, numbers: std::ops::Range<usize>) -> Vec<u8> {
        let mut body = String::with_capacity(numbers.len() * 460);
        for number in numbers {
            let record = self.record(number);
            match self.days {
                1 => body.push_str("{\"create\":{}}\n"),
                _ => drop(writeln!(body, "{{\"create\":{{\"_index\":\"{}\"}}}}", self.index(&record))),
            }
            record.write_json(&mut body);
            body.push('\n');
        }
        body.into_bytes()
    }
}

fn time(time_ms: i64) -> Timestamp {
    Timestamp::from_millisecond(time_ms).unwrap_or(Timestamp::UNIX_EPOCH)
}

impl Record {
    /// The document.
    pub(crate) fn write_json(&self, out: &mut String) {
        let Self { address, method, status, bytes, path, agent, message, .. } = self;
        // Nothing in it needs escaping. A String takes all that is written.
        let _ = write!(
            out,
            "{{\"@timestamp\":\"{:.3}\",\"source\":{{\"ip\":\"{address}\"}},\"http\":{{\"request\":{{\"method\":\
             \"{method}\"}},\"response\":{{\"status_code\":{status},\"body\":{{\"bytes\":{bytes}}}}}}},\"url\":{{\
             \"path\":\"{path}\"}},\"user_agent\":{{\"original\":\"{agent}\"}},\"message\":\"{message}\"}}",
            time(self.time_ms)
        );
    }
}

/// The template that all servers get: one shard, no copies, all else by default.
pub(crate) fn template() -> Value {
    json!({
        "index_patterns": ["bench*"],
        "template": {
            "settings": {"number_of_shards": 1, "number_of_replicas": 0},
            "mappings": {"properties": {
                "@timestamp": {"type": "date"},
                "source": {"properties": {"ip": {"type": "ip"}}},
                "http": {"properties": {
                    "request": {"properties": {"method": {"type": "keyword"}}},
                    "response": {"properties": {
                        "status_code": {"type": "short"},
                        "body": {"properties": {"bytes": {"type": "long"}}},
                    }},
                }},
                "url": {"properties": {"path": {"type": "keyword"}}},
                "user_agent": {"properties": {"original": {"type": "keyword"}}},
                "message": {"type": "text"},
            }},
        },
    })
}

/// Seeded by the number of the event. Source: Steele, Lea, Flood 2014, "Fast splittable pseudorandom number generators"
/// (SplitMix64).
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = self.0;
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        word ^ (word >> 31)
    }

    fn below(&mut self, limit: u64) -> u64 {
        ((u128::from(self.next()) * u128::from(limit)) >> 64) as u64
    }

    fn favouring(&mut self, limit: u64) -> u64 {
        let drawn = self.below(limit * limit);
        limit - 1 - drawn.isqrt().min(limit - 1)
    }
}
