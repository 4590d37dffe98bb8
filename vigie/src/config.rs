//! Settings: the compiled-in default file < `vigie.toml` < environment < flags.

use anyhow::{Context, bail};
use api::config::MaskedFields;
use figment::{
    Figment,
    providers::{Env, Format, Serialized, Toml},
};
use ingest::{input::InputSettings, redact::RedactionSettings};
use serde::{Deserialize, Serialize};
use std::{
    fmt,
    net::IpAddr,
    path::{Path, PathBuf},
};

/// The commented default settings: documentation and lowest layer in one.
pub(crate) const DEFAULT_TOML: &str = include_str!("config.default.toml");

/// File that is read from the working directory when `--config` is not given.
pub(crate) const DEFAULT_FILE: &str = "vigie.toml";

/// Environment variables with a shorter name than the rule gives them.
const SHORT_VARIABLES: &[(&str, &str)] = &[
    ("VIGIE_ADMIN_EMAIL", "admin.email"),
    ("VIGIE_ADMIN_PASSWORD", "admin.password"),
    ("VIGIE_ADMIN_PASSWORD_FILE", "admin.password_file"),
    ("VIGIE_JWT_SECRET_FILE", "auth.jwt_secret_file"),
];

/// Whether an environment variable (without prefix) names a setting: other programs' `VIGIE_…` variables are none of
/// our business.
fn is_setting(variable: &str) -> bool {
    let lower = variable.to_ascii_lowercase();
    let mut parts = lower.splitn(2, "__");
    let first = parts.next().unwrap_or_default();
    let in_section = parts.next().is_some();
    if first == "inputs" {
        return !in_section;
    }
    Figment::from(Toml::string(DEFAULT_TOML))
        .find_value(first)
        .is_ok_and(|value| value.as_dict().is_some() == in_section)
}

/// All settings; see `config.default.toml` for what each means.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    pub(crate) data: PathBuf,
    pub(crate) listen: String,
    pub(crate) elastic_listen: String,
    pub(crate) logs: String,
    pub(crate) documents: String,
    pub(crate) cache: String,
    pub(crate) queue: String,
    pub(crate) blobs: String,
    pub(crate) log_format: LogFormat,
    pub(crate) log_filter: String,
    /// Not in the default file: its entries could not be added to a list that is there already.
    #[serde(default)]
    pub(crate) inputs: Vec<InputSettings>,
    pub(crate) inputs_memory_bytes: usize,
    pub(crate) admin: AdminConfig,
    pub(crate) auth: AuthConfig,
    pub(crate) http: HttpConfig,
    pub(crate) upload: UploadConfig,
    pub(crate) search: SearchConfig,
    pub(crate) elasticsearch: ElasticsearchConfig,
    pub(crate) logs_engine: LogsEngineConfig,
    pub(crate) geo: GeoConfig,
    pub(crate) redaction: RedactionSettings,
    pub(crate) pipelines: PipelinesConfig,
    pub(crate) patterns: PatternsConfig,
    pub(crate) fraud: FraudConfig,
}

/// Shape of the service's own log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum LogFormat {
    Auto,
    Human,
    Json,
}

/// A text that prints nothing of itself.
#[derive(Clone, Deserialize)]
#[serde(transparent)]
pub(crate) struct Secret(String);

impl Secret {
    /// The text, for its one use.
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(hidden)")
    }
}

impl Serialize for Secret {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str("(hidden)")
    }
}

#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct AdminConfig {
    pub(crate) email: String,
    pub(crate) password: Option<Secret>,
    pub(crate) password_file: Option<PathBuf>,
}

impl AdminConfig {
    /// The password that was configured, from whichever place; `None` means: generate one.
    pub(crate) fn configured_password(&self) -> anyhow::Result<Option<Secret>> {
        match (&self.password, &self.password_file) {
            (Some(_), Some(_)) => {
                bail!("both admin.password and admin.password_file are set: remove one of them")
            }
            (Some(password), None) => Ok(Some(password.clone())),
            (None, Some(file)) => {
                let text = std::fs::read_to_string(file)
                    .with_context(|| format!("cannot read admin.password_file {}", file.display()))?;
                Ok(Some(Secret::from(text.trim_end_matches(['\r', '\n']).to_owned())))
            }
            (None, None) => Ok(None),
        }
    }
}

/// Who may create an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Registration {
    /// Anyone.
    Open,
    /// Administrators create accounts.
    Invite,
    /// Nobody.
    Closed,
}

#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct AuthConfig {
    pub(crate) registration: Registration,
    pub(crate) bcrypt_cost: u32,
    pub(crate) access_ttl_secs: u32,
    pub(crate) refresh_ttl_secs: u32,
    pub(crate) login_attempts: u64,
    pub(crate) login_window_secs: u32,
    pub(crate) masked_fields: MaskedFields,
    pub(crate) jwt_secret_file: Option<PathBuf>,
}

#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct HttpConfig {
    pub(crate) user_requests_per_min: u64,
    pub(crate) anonymous_requests_per_min: u64,
    pub(crate) timeout_secs: u32,
    pub(crate) trusted_proxies: Vec<IpAddr>,
    pub(crate) cors_origins: Vec<String>,
}

#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct UploadConfig {
    pub(crate) max_size_bytes: u64,
    pub(crate) max_expanded_bytes: u64,
    pub(crate) max_line_bytes: usize,
    pub(crate) workers: usize,
}

#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SearchConfig {
    pub(crate) cache_ttl_secs: u64,
    pub(crate) cache_max_bytes: u64,
    pub(crate) timeout_secs: u64,
}

#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct LogsEngineConfig {
    pub(crate) indexing_memory_bytes: usize,
    pub(crate) max_open_writers: usize,
    pub(crate) merge_after_days: u32,
    pub(crate) delete_after_days: u32,
    pub(crate) read_only_after_days: u32,
    pub(crate) max_disk_bytes: u64,
}

/// As what the Elasticsearch API answers.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ElasticsearchConfig {
    pub(crate) distribution: api::Distribution,
    pub(crate) version: String,
    pub(crate) opensearch_version: String,
}

#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct GeoConfig {
    pub(crate) directory: Option<PathBuf>,
}

#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PipelinesConfig {
    pub(crate) directory: Option<PathBuf>,
}

#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PatternsConfig {
    pub(crate) enabled: bool,
    pub(crate) per_dataset_max: usize,
    pub(crate) datasets_max: usize,
    pub(crate) excluded_datasets: Vec<String>,
}

#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct FraudConfig {
    pub(crate) rules_file: Option<PathBuf>,
}

/// Settings given as flags; each overrides all other places.
#[derive(Debug, Clone, Default, Serialize, clap::Args)]
pub(crate) struct Overrides {
    /// Directory that holds everything [default: data]
    #[arg(long, value_name = "DIR", global = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) data: Option<PathBuf>,
    /// Address of the HTTP API; port 0 picks a free one [default: 127.0.0.1:8080]
    #[arg(long, value_name = "ADDR")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) listen: Option<String>,
    /// Address of the Elasticsearch API, or `off` [default: 127.0.0.1:9200]
    #[arg(long, value_name = "ADDR")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) elastic_listen: Option<String>,
    /// Who may register [default: closed]
    #[arg(long, value_name = "POLICY")]
    #[serde(skip)]
    pub(crate) registration: Option<Registration>,
}

/// The layers put together, not yet read: for `config check`, which asks where each value came from.
pub(crate) fn layers(file: Option<&Path>, overrides: &Overrides) -> anyhow::Result<Figment> {
    let mut figment = Figment::from(Toml::string(DEFAULT_TOML));
    figment = match file {
        Some(file) if !file.is_file() => bail!("there is no configuration file {}", file.display()),
        Some(file) => figment.merge(Toml::file_exact(file)),
        None if Path::new(DEFAULT_FILE).is_file() => figment.merge(Toml::file_exact(DEFAULT_FILE)),
        None => figment,
    };
    figment = figment.merge(Env::prefixed("VIGIE_").filter(|key| is_setting(key.as_str())).split("__"));
    for (variable, setting) in SHORT_VARIABLES {
        figment = figment.merge(Env::raw().only(&[variable]).map(|_| (*setting).into()));
    }
    figment = figment.merge(Serialized::defaults(overrides));
    if let Some(registration) = overrides.registration {
        figment = figment.merge(("auth.registration", registration));
    }
    Ok(figment)
}

impl Config {
    /// Reads the settings and checks what can be checked without opening anything.
    pub(crate) fn load(file: Option<&Path>, overrides: &Overrides) -> anyhow::Result<Self> {
        let config: Self = layers(file, overrides)?.extract().map_err(describe)?;
        let problems = config.problems();
        if !problems.is_empty() {
            bail!("the configuration is not usable:\n  - {}", problems.join("\n  - "));
        }
        Ok(config)
    }

    /// What is wrong with the settings, in words; empty if nothing is.
    pub(crate) fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        let backends = [
            ("logs", &self.logs),
            ("documents", &self.documents),
            ("cache", &self.cache),
            ("queue", &self.queue),
            ("blobs", &self.blobs),
        ];
        for (name, value) in backends {
            if value != "embedded" {
                problems.push(format!("{name} = {value:?}: this version knows \"embedded\" only"));
            }
        }
        let mut check_address = |name: &str, value: &str| {
            if value.parse::<std::net::SocketAddr>().is_err() {
                problems.push(format!(
                    "{name} = {value:?}: expected an address and port such as \"127.0.0.1:8080\""
                ));
            }
        };
        check_address("listen", &self.listen);
        if self.elastic_listen != "off" {
            check_address("elastic_listen", &self.elastic_listen);
        }
        for (name, value) in [
            ("elasticsearch.version", &self.elasticsearch.version),
            ("elasticsearch.opensearch_version", &self.elasticsearch.opensearch_version),
        ] {
            if let Err(problem) = value.parse::<api::ServerVersion>() {
                problems.push(format!("{name}: {problem}"));
            }
        }
        let mut require = |holds: bool, problem: &str| {
            if !holds {
                problems.push(problem.to_owned());
            }
        };
        require((10..=16).contains(&self.auth.bcrypt_cost), "auth.bcrypt_cost must be between 10 and 16");
        require(self.auth.access_ttl_secs >= 60, "auth.access_ttl_secs must be at least 60");
        require(
            self.auth.refresh_ttl_secs > self.auth.access_ttl_secs,
            "auth.refresh_ttl_secs must exceed auth.access_ttl_secs",
        );
        require(self.auth.login_attempts >= 1, "auth.login_attempts must be at least 1");
        require(self.auth.login_window_secs >= 1, "auth.login_window_secs must be at least 1");
        require(self.http.timeout_secs >= 1, "http.timeout_secs must be at least 1");
        require(self.upload.max_size_bytes >= 1, "upload.max_size_bytes must be at least 1");
        require(
            (1024..=16 << 20).contains(&self.upload.max_line_bytes),
            "upload.max_line_bytes must be between 1 KiB and 16 MiB",
        );
        require(self.upload.workers <= 64, "upload.workers must be at most 64");
        require(
            self.logs_engine.indexing_memory_bytes >= 16 << 20,
            "logs_engine.indexing_memory_bytes must be at least 16 MiB",
        );
        require(self.logs_engine.max_open_writers >= 1, "logs_engine.max_open_writers must be at least 1");
        require(
            (1..=10_000).contains(&self.patterns.per_dataset_max),
            "patterns.per_dataset_max must be between 1 and 10,000",
        );
        require(
            (1..=1_000).contains(&self.patterns.datasets_max),
            "patterns.datasets_max must be between 1 and 1,000",
        );
        require(self.inputs_memory_bytes >= 8 << 20, "inputs_memory_bytes must be at least 8 MiB");
        problems.extend(ingest::input::problems(&self.inputs));
        problems.extend(self.redaction.check().err().map(|error| error.to_string()));
        problems
    }
}

/// Says what figment found, with the place and the setting.
fn describe(error: figment::Error) -> anyhow::Error {
    let lines: Vec<String> = error
        .into_iter()
        .map(|e| {
            let place = e.metadata.as_ref().map(|m| format!(" (from {})", m.name)).unwrap_or_default();
            let setting = if e.path.is_empty() { String::new() } else { format!("{}: ", e.path.join(".")) };
            format!("{setting}{}{place}", e.kind)
        })
        .collect();
    anyhow::anyhow!("the configuration cannot be read:\n  - {}", lines.join("\n  - "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(toml: &str, overrides: &Overrides) -> anyhow::Result<Config> {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("vigie.toml");
        std::fs::write(&file, toml).unwrap();
        Config::load(Some(&file), overrides)
    }

    #[test]
    fn the_default_file_is_complete_and_valid() {
        let config = load("", &Overrides::default()).unwrap();
        assert_eq!(config.listen, "127.0.0.1:8080");
        assert_eq!(config.auth.registration, Registration::Closed);
        assert_eq!(config.auth.bcrypt_cost, 12);
    }

    #[test]
    fn a_file_overrides_the_defaults_and_flags_override_the_file() {
        let overrides = Overrides { listen: Some("127.0.0.1:1".to_owned()), ..Overrides::default() };
        let config = load("listen = \"127.0.0.1:2\"\n[auth]\nregistration = \"open\"", &overrides).unwrap();
        assert_eq!(config.listen, "127.0.0.1:1");
        assert_eq!(config.auth.registration, Registration::Open);
    }

    #[test]
    fn what_is_wrong_is_named() {
        let check = |toml: &str, expected: &str| {
            let message = load(toml, &Overrides::default()).unwrap_err().to_string();
            assert!(message.contains(expected), "{message}");
        };
        check("listne = \"x\"", "listne");
        check("[auth]\nbcrypt_cost = \"many\"", "auth.bcrypt_cost");
        check("[auth]\nbcrypt_cost = 4", "auth.bcrypt_cost must be between 10 and 16");
        check("listen = \"localhost\"", "listen = \"localhost\"");
        check("logs = \"https://es:9200\"", "logs = \"https://es:9200\"");
        check("[redaction]\ncards = \"hide\"", "redaction.cards");
        check("[redaction]\npatterns = [{name = \"x\", pattern = \"(\"}]", "redaction.patterns: \"x\"");
        check("[[inputs]]\ntype = \"syslog\"", "inputs.0: missing field `listen`");
        let syslog = "[[inputs]]\ntype = \"syslog\"\nlisten = \"127.0.0.1:5514\"\n";
        check(&format!("{syslog}pipelin = \"a\""), "pipelin");
        check(&format!("{syslog}{syslog}"), "input \"syslog-tcp-5514\": another input has this name");
    }

    #[test]
    fn inputs_are_a_list_and_may_come_from_the_environment() {
        let config = load(
            "[[inputs]]\ntype = \"json\"\nlisten = \"127.0.0.1:0\"\nname = \"a\"\n[[inputs]]\ntype = \"lines\"\ntransport = \"udp\"\nlisten = \"[::1]:0\"",
            &Overrides::default(),
        )
        .unwrap();
        assert_eq!(config.inputs.iter().map(InputSettings::name).collect::<Vec<_>>(), ["a", "lines-udp-0"]);
        assert!(is_setting("INPUTS") && is_setting("INPUTS_MEMORY_BYTES") && !is_setting("INPUTS__0"));
        // What `config default` writes can be added to.
        let added = format!("{DEFAULT_TOML}\n[[inputs]]\ntype = \"syslog\"\nlisten = \"127.0.0.1:0\"");
        assert_eq!(load(&added, &Overrides::default()).unwrap().inputs.len(), 1);
        // The example is what it says: every setting by its name.
        let example = DEFAULT_TOML.split_once("# [[inputs]]").unwrap().1;
        let lines =
            example.lines().map(|line| line.trim_start_matches("# ")).filter(|line| line.contains(" = "));
        let plain = lines.filter(|line| !line.starts_with('"') && !line.contains("_file"));
        let example = format!("[[inputs]]\n{}", plain.collect::<Vec<_>>().join("\n"));
        assert_eq!(load(&example, &Overrides::default()).unwrap().inputs[0].name(), "web-servers");
    }

    #[test]
    fn a_secret_prints_nothing_of_itself() {
        let secret = Secret::from("hunter2".to_owned());
        assert!(!format!("{secret:?}").contains("hunter2"));
        assert!(!serde_json::to_string(&secret).unwrap().contains("hunter2"));
    }
}
