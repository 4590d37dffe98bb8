//! As what this port answers: Elasticsearch or OpenSearch, and in which version.
//!
//! Clients look at both before they work: shippers refuse what is older than they are, dashboards what is not of their own
//! major version. So the path decides (`/es/…`, `/os/…`), else the setting; and an Elasticsearch client that states its own
//! version is answered with it where that is the newer one. It is for compatibility only: what is served stays the same.

use crate::config::ElasticConfig;
use axum::{
    extract::Request,
    http::{HeaderMap, HeaderName, HeaderValue, Uri, header},
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::{fmt, str::FromStr};

/// Clients of Elasticsearch look for this header before they believe anything else.
const PRODUCT: (HeaderName, HeaderValue) =
    (HeaderName::from_static("x-elastic-product"), HeaderValue::from_static("Elasticsearch"));
/// Path prefixes that decide, with what they mean.
const PREFIXES: [(&str, Distribution); 2] =
    [("/es", Distribution::Elasticsearch), ("/os", Distribution::OpenSearch)];
/// Names of clients before the slash of `User-Agent`: those that are made for one version of Elasticsearch.
const CLIENTS: &[&str] = &[
    "elasticsearch-py",
    "elasticsearch-rs",
    "elasticsearch-ruby",
    "elasticsearch-java",
    "elasticsearch-net",
    "elasticsearch-php",
    "elasticsearch-js",
    "go-elasticsearch",
    "elastic-filebeat",
    "elastic-metricbeat",
    "elastic-heartbeat",
    "elastic-packetbeat",
    "elastic-auditbeat",
    "elastic-winlogbeat",
    "elastic-agent",
    "filebeat",
    "metricbeat",
    "logstash",
];
/// Major versions that a client may state.
const MAJORS: std::ops::RangeInclusive<u32> = 7..=9;

/// What answers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Distribution {
    /// Elasticsearch.
    #[default]
    Elasticsearch,
    /// OpenSearch.
    OpenSearch,
}

/// A version: three numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ServerVersion {
    major: u32,
    minor: u32,
    patch: u32,
}

impl ServerVersion {
    /// From its numbers.
    pub const fn new(major: u32, minor: u32, patch: u32) -> Self {
        Self { major, minor, patch }
    }
}

impl fmt::Display for ServerVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

impl FromStr for ServerVersion {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let bad = || format!("{text:?} is no version: three numbers such as 7.10.2 are");
        let mut numbers = text.split('.').map(|part| part.parse::<u32>().map_err(|_| bad()));
        let mut next = || numbers.next().unwrap_or_else(|| Err(bad()));
        let version = Self { major: next()?, minor: next()?, patch: next()? };
        if numbers.next().is_some() { Err(bad()) } else { Ok(version) }
    }
}

/// As what one request is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Persona {
    pub(super) distribution: Distribution,
    pub(super) version: ServerVersion,
}

impl Persona {
    /// What the path, the settings and the client say; the path is left without its prefix.
    pub(super) fn of(config: &ElasticConfig, request: &mut Request) -> Self {
        let by_path = take_prefix(request);
        let distribution = by_path.unwrap_or(config.distribution);
        let version = match distribution {
            Distribution::OpenSearch => config.opensearch_version,
            Distribution::Elasticsearch => {
                stated_version(request.headers()).unwrap_or(config.version).max(config.version)
            }
        };
        Self { distribution, version }
    }

    /// The answer to `GET /`.
    pub(super) fn root(self, name: &str, cluster: &str, uuid: &str) -> Value {
        let Self { distribution, version } = self;
        let common = json!({
            "number": version.to_string(),
            "build_type": "tar",
            "build_hash": "unknown",
            "build_date": "2026-11-21T00:00:00.000Z",
            "build_snapshot": false,
        });
        let (own, tagline) = match (distribution, version.major) {
            (Distribution::OpenSearch, _) => (
                json!({"distribution": "opensearch", "lucene_version": "9.12.1",
                    "minimum_wire_compatibility_version": "7.10.0", "minimum_index_compatibility_version": "7.0.0"}),
                "The OpenSearch Project: https://opensearch.org/",
            ),
            (Distribution::Elasticsearch, 7) => (
                json!({"build_flavor": "default", "lucene_version": "8.7.0",
                    "minimum_wire_compatibility_version": "6.8.0", "minimum_index_compatibility_version": "6.0.0-beta1"}),
                "You Know, for Search",
            ),
            (Distribution::Elasticsearch, major) => (
                json!({"build_flavor": "default", "lucene_version": if major == 8 { "9.8.0" } else { "10.1.0" },
                    "minimum_wire_compatibility_version": if major == 8 { "7.17.0" } else { "8.18.0" },
                    "minimum_index_compatibility_version": format!("{}.0.0", major - 1)}),
                "You Know, for Search",
            ),
        };
        let mut numbers = common;
        if let (Some(numbers), Value::Object(own)) = (numbers.as_object_mut(), own) {
            numbers.extend(own);
        }
        json!({"name": name, "cluster_name": cluster, "cluster_uuid": uuid, "version": numbers, "tagline": tagline})
    }

    /// Whether documents have a `_type`: not since Elasticsearch 8, and OpenSearch 2.
    pub(super) fn has_types(self) -> bool {
        match self.distribution {
            Distribution::Elasticsearch => self.version.major < 8,
            Distribution::OpenSearch => self.version.major < 2,
        }
    }

    /// Adds the header that clients of Elasticsearch look for.
    pub(super) fn sign(self, headers: &mut HeaderMap) {
        if self.distribution == Distribution::Elasticsearch {
            headers.insert(PRODUCT.0, PRODUCT.1);
        }
    }
}

/// Takes the prefix out of the path, if it has one.
fn take_prefix(request: &mut Request) -> Option<Distribution> {
    let uri = request.uri();
    let (rest, distribution) = PREFIXES.iter().find_map(|(prefix, distribution)| {
        let rest = uri.path().strip_prefix(prefix)?;
        (rest.is_empty() || rest.starts_with('/')).then_some((rest, *distribution))
    })?;
    let path = if rest.is_empty() { "/" } else { rest };
    let target = match uri.query() {
        Some(query) => format!("{path}?{query}"),
        None => path.to_owned(),
    };
    *request.uri_mut() = target.parse::<Uri>().ok()?;
    Some(distribution)
}

/// The version that a client says it is of: in `User-Agent` (`elasticsearch-py/8.11.0 (…)`), or only the major one in the
/// media type (`application/vnd.elasticsearch+json; compatible-with=8`).
fn stated_version(headers: &HeaderMap) -> Option<ServerVersion> {
    let text = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let known = |version: &ServerVersion| MAJORS.contains(&version.major);
    let agent = text(header::USER_AGENT);
    let by_agent = agent.split(' ').find_map(|product| {
        let (name, version) = product.split_once('/')?;
        CLIENTS
            .contains(&name.to_ascii_lowercase().as_str())
            .then(|| version.parse::<ServerVersion>().ok())?
    });
    by_agent.filter(known).or_else(|| {
        let of_media_type = |value: &str| {
            let (_, rest) = value.split_once("compatible-with=")?;
            let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
            Some(ServerVersion::new(digits.parse().ok()?, 0, 0)).filter(known)
        };
        of_media_type(text(header::ACCEPT)).or_else(|| of_media_type(text(header::CONTENT_TYPE)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::Body;

    fn persona(config: &ElasticConfig, path: &str, agent: &str, accept: &str) -> (String, String) {
        let mut request = Request::builder()
            .uri(path)
            .header(header::USER_AGENT, agent)
            .header(header::ACCEPT, accept)
            .body(Body::empty())
            .unwrap();
        let persona = Persona::of(config, &mut request);
        let distribution = match persona.distribution {
            Distribution::Elasticsearch => "es",
            Distribution::OpenSearch => "os",
        };
        (format!("{distribution} {}", persona.version), request.uri().to_string())
    }

    #[test]
    fn path_setting_and_client_decide() {
        let check = |path: &str, agent: &str, accept: &str, expected: &str, left: &str| {
            let config = ElasticConfig::default();
            assert_eq!(persona(&config, path, agent, accept), (expected.to_owned(), left.to_owned()));
        };
        check("/", "curl/8", "*/*", "es 7.10.2", "/");
        check("/os", "curl/8", "*/*", "os 2.19.1", "/");
        check("/os/a/_search?q=x", "elasticsearch-py/8.11.0", "*/*", "os 2.19.1", "/a/_search?q=x");
        check("/es/_cat/health", "", "", "es 7.10.2", "/_cat/health");
        check("/es-logs/_search", "", "", "es 7.10.2", "/es-logs/_search");
        check("/", "elasticsearch-py/8.11.0 (Python/3.11; elastic-transport/8.10.0)", "", "es 8.11.0", "/");
        check("/", "elasticsearch-py/7.10.1 (Python 3.11)", "", "es 7.10.2", "/");
        check("/", "Elastic-Filebeat/8.13.2 (linux; amd64; x; 2024)", "", "es 8.13.2", "/");
        // Kibana 7.10 refuses other majors, and its client states a version before a release.
        check("/", "elasticsearch-js/7.10.0-rc.1 (linux)", "", "es 7.10.2", "/");
        check("/", "elasticsearch-py/99.0.0", "", "es 7.10.2", "/");
        check("/", "", "application/vnd.elasticsearch+json; compatible-with=8", "es 8.0.0", "/");
        check("/", "", "application/vnd.elasticsearch+json;compatible-with=7", "es 7.10.2", "/");
        let opensearch = ElasticConfig { distribution: Distribution::OpenSearch, ..ElasticConfig::default() };
        assert_eq!(persona(&opensearch, "/", "elasticsearch-py/8.11.0", "").0, "os 2.19.1");
        assert_eq!(persona(&opensearch, "/es/", "elasticsearch-py/8.11.0", "").0, "es 8.11.0");
    }

    #[test]
    fn versions_have_three_numbers() {
        assert_eq!("7.10.2".parse(), Ok(ServerVersion::new(7, 10, 2)));
        for bad in ["", "7", "7.10", "7.10.2.1", "7.10.x", "v7.1.1"] {
            assert!(bad.parse::<ServerVersion>().is_err(), "{bad}");
        }
    }
}
