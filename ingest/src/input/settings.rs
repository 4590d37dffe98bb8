//! What can be set of an input: one `[[inputs]]` entry of the configuration.

use super::access::Access;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use std::{
    fmt,
    net::SocketAddr,
    ops::RangeInclusive,
    path::{Path, PathBuf},
    time::Duration,
};

/// Bounds of `max_line_bytes`.
const LINE_BYTES: RangeInclusive<usize> = 1 << 10..=16 << 20;
/// Bounds of the time-outs.
const TIMEOUT_SECS: RangeInclusive<u64> = 1..=7 * 24 * 60 * 60;

/// What an input speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum InputKind {
    /// Syslog, RFC 3164 and RFC 5424 alike.
    Syslog,
    /// A record a line.
    Lines,
    /// A JSON object a line.
    Json,
    /// Lumberjack version 2, as Filebeat and Logstash send it.
    Lumberjack,
}

/// What an input listens for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Transport {
    /// Connections.
    #[default]
    Tcp,
    /// Datagrams.
    Udp,
}

/// A network input. `config.default.toml` says what each setting means.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct InputSettings {
    /// What it speaks.
    #[serde(rename = "type")]
    pub kind: InputKind,
    /// What it listens for.
    #[serde(default)]
    pub transport: Transport,
    /// Where.
    pub listen: SocketAddr,
    /// Its name in metrics, logs and dead letters; made of the above if absent.
    pub name: Option<String>,
    /// The pipeline that records go through, or `auto`.
    #[serde(default = "auto")]
    pub pipeline: String,
    /// `event.dataset` for records that bring none.
    pub dataset: Option<String>,
    /// Certificates in PEM, the server's own first: makes it a TLS port.
    pub certificate_file: Option<PathBuf>,
    /// The private key in PEM.
    pub key_file: Option<PathBuf>,
    /// Certificates in PEM of whoever signs clients' certificates: makes these compulsory.
    pub client_ca_file: Option<PathBuf>,
    /// Networks and addresses that may send; loopback and private ones if absent.
    pub allow: Option<Vec<String>>,
    /// Connections at the same time; further ones wait.
    #[serde(default = "connections")]
    pub max_connections: usize,
    /// Of these so many from one address (of IPv6: from a network of 64 bits); further ones are closed. A quarter if absent.
    pub max_connections_per_address: Option<usize>,
    /// Longest record; a longer one becomes a dead letter.
    #[serde(default = "line_bytes")]
    pub max_line_bytes: usize,
    /// A connection on which nothing comes for so long is closed.
    #[serde(default = "idle")]
    pub idle_timeout_secs: u64,
    /// A record that is not complete by then is cut off, and its connection closed.
    #[serde(default = "frame")]
    pub frame_timeout_secs: u64,
    /// Of syslog times that name no zone: an IANA name or an offset.
    #[serde(default = "utc")]
    pub time_zone: String,
    /// Whether events may choose their pipeline (`@metadata.pipeline` over Lumberjack).
    #[serde(default)]
    pub pipeline_by_event: bool,
    /// Datagrams that wait for the store, in bytes; what comes beyond is dropped and counted.
    #[serde(default = "queue")]
    pub queue_max_bytes: usize,
    /// While a write takes long, a Lumberjack client hears this often that somebody is there (Logstash does the same every five
    /// seconds).
    #[serde(default = "often")]
    pub keepalive_secs: u64,
    /// The files of TLS are looked at this often: they are small, and a certificate is exchanged days before the old one ends.
    #[serde(default = "often")]
    pub certificate_check_secs: u64,
}

fn auto() -> String {
    "auto".to_owned()
}

fn utc() -> String {
    "UTC".to_owned()
}

fn connections() -> usize {
    1_024
}

fn line_bytes() -> usize {
    1 << 20
}

fn idle() -> u64 {
    60 * 60
}

fn frame() -> u64 {
    30
}

fn queue() -> usize {
    8 << 20
}

fn often() -> u64 {
    5
}

impl InputSettings {
    /// Its name.
    pub fn name(&self) -> String {
        let Self { name, kind, transport, listen, .. } = self;
        name.clone().unwrap_or_else(|| format!("{kind}-{transport}-{}", listen.port()))
    }

    /// The files of its TLS, if it has any.
    pub(super) fn tls_files(&self) -> Option<(&Path, &Path)> {
        self.certificate_file.as_deref().zip(self.key_file.as_deref())
    }

    /// Connections at the same time from one address.
    pub(super) fn connections_per_address(&self) -> usize {
        self.max_connections_per_address.unwrap_or(self.max_connections / 4).max(1)
    }

    pub(super) fn keepalive(&self) -> Duration {
        Duration::from_secs(self.keepalive_secs)
    }

    pub(super) fn certificate_check(&self) -> Duration {
        Duration::from_secs(self.certificate_check_secs)
    }

    pub(super) fn idle_timeout(&self) -> Duration {
        Duration::from_secs(self.idle_timeout_secs)
    }

    pub(super) fn frame_timeout(&self) -> Duration {
        Duration::from_secs(self.frame_timeout_secs)
    }

    /// The zone of times that name none.
    pub(super) fn zone(&self) -> Result<TimeZone, String> {
        TimeZone::get(&self.time_zone)
            .or_else(|_| TimeZone::posix(&self.time_zone))
            .map_err(|error| format!("time_zone = {:?} is unknown: {error}", self.time_zone))
    }

    /// What is wrong, in words; empty if nothing is. Opens nothing.
    pub fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        let mut require = |holds: bool, problem: &str| {
            if !holds {
                problems.push(problem.to_owned());
            }
        };
        let udp = self.transport == Transport::Udp;
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        let named =
            self.name.as_ref().is_none_or(|name| (1..=64).contains(&name.len()) && name.chars().all(plain));
        require(named, "name must be 1 to 64 letters, digits, '-', '_' or '.'");
        require(!(udp && self.kind == InputKind::Lumberjack), "lumberjack needs transport = \"tcp\"");
        require(
            self.certificate_file.is_some() == self.key_file.is_some(),
            "certificate_file and key_file belong together",
        );
        require(!(udp && self.certificate_file.is_some()), "TLS needs transport = \"tcp\"");
        require(
            self.client_ca_file.is_none() || self.certificate_file.is_some(),
            "client_ca_file needs certificate_file and key_file",
        );
        require(!self.pipeline.is_empty(), "pipeline must be a name or \"auto\"");
        require(
            (1..=1 << 20).contains(&self.max_connections),
            "max_connections must be between 1 and 1048576",
        );
        require(
            self.max_connections_per_address != Some(0),
            "max_connections_per_address must be at least 1",
        );
        require(LINE_BYTES.contains(&self.max_line_bytes), "max_line_bytes must be between 1 KiB and 16 MiB");
        require(
            TIMEOUT_SECS.contains(&self.idle_timeout_secs),
            "idle_timeout_secs must be between 1 and a week",
        );
        require(
            TIMEOUT_SECS.contains(&self.frame_timeout_secs),
            "frame_timeout_secs must be between 1 and a week",
        );
        require(
            (1 << 16..=1 << 30).contains(&self.queue_max_bytes),
            "queue_max_bytes must be between 64 KiB and 1 GiB",
        );
        require((1..=60).contains(&self.keepalive_secs), "keepalive_secs must be between 1 and 60");
        require(
            TIMEOUT_SECS.contains(&self.certificate_check_secs),
            "certificate_check_secs must be between 1 and a week",
        );
        problems.extend(self.zone().err());
        problems.extend(Access::new(self.allow.as_deref()).err());
        problems
    }
}

impl fmt::Display for InputKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Syslog => "syslog",
            Self::Lines => "lines",
            Self::Json => "json",
            Self::Lumberjack => "lumberjack",
        })
    }
}

impl fmt::Display for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn settings(changes: Value) -> Result<InputSettings, serde_json::Error> {
        let mut all = json!({"type": "syslog", "listen": "127.0.0.1:5514"});
        for (key, value) in changes.as_object().unwrap() {
            all[key] = value.clone();
        }
        serde_json::from_value(all)
    }

    #[test]
    fn little_must_be_said() {
        let settings = settings(json!({})).unwrap();
        assert_eq!(settings.name(), "syslog-tcp-5514");
        assert_eq!((settings.pipeline.as_str(), settings.max_line_bytes), ("auto", 1 << 20));
        assert_eq!(settings.problems(), [""; 0]);
    }

    #[test]
    fn an_address_has_a_quarter_of_the_connections() {
        let check = |changes: Value, expected: usize| {
            let settings = settings(changes.clone()).unwrap();
            assert_eq!(settings.connections_per_address(), expected, "{changes}");
        };
        check(json!({}), 256);
        check(json!({"max_connections": 100}), 25);
        check(json!({"max_connections": 3}), 1);
        check(json!({"max_connections": 3, "max_connections_per_address": 3}), 3);
    }

    #[test]
    fn what_is_wrong_is_named() {
        let check = |changes: Value, expected: &str| {
            let found = match settings(changes) {
                Ok(settings) => settings.problems().join("; "),
                Err(error) => error.to_string(),
            };
            assert!(found.contains(expected), "{found:?} has no {expected:?}");
        };
        check(json!({"type": "smtp"}), "smtp");
        check(json!({"listen": "localhost"}), "socket address");
        check(json!({"pipline": "access"}), "pipline");
        check(json!({"type": "lumberjack", "transport": "udp"}), "lumberjack needs");
        check(json!({"certificate_file": "a.pem"}), "belong together");
        check(json!({"client_ca_file": "a.pem"}), "client_ca_file needs");
        check(json!({"transport": "udp", "certificate_file": "a", "key_file": "b"}), "TLS needs");
        check(json!({"time_zone": "Mars/Olympus"}), "time_zone = \"Mars/Olympus\"");
        check(json!({"allow": ["10.0.0.0/33"]}), "10.0.0.0/33");
        check(json!({"max_connections_per_address": 0}), "max_connections_per_address");
        check(json!({"max_line_bytes": 10}), "max_line_bytes");
        check(json!({"keepalive_secs": 0}), "keepalive_secs");
        check(json!({"certificate_check_secs": 0}), "certificate_check_secs");
        check(json!({"idle_timeout_secs": 0}), "idle_timeout_secs");
        check(json!({"name": "a b"}), "name must be");
    }
}
