//! What is redacted, and how: by default everything that is known.

use regex::{Regex, RegexBuilder};
use serde::{Deserialize, Serialize};

/// Most further names, and most further patterns.
const FURTHER_MAX: usize = 100;
/// Longest further pattern, in bytes, and most memory that it may take compiled.
const PATTERN_MAX_BYTES: usize = 1_024;
const AUTOMATON_MAX_BYTES: usize = 1 << 20;
/// Longest name of a pattern.
const NAME_MAX_BYTES: usize = 32;

/// What a [`super::Redactor`] removes from events. The default is all that it knows, and no patterns.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct RedactionSettings {
    /// Card numbers.
    pub cards: CardPolicy,
    /// Passwords, tokens, keys, cookies and the codes of cards.
    pub credentials: CredentialPolicy,
    /// Email addresses.
    pub emails: EmailPolicy,
    /// Further names whose values are secrets, wherever they stand: `iban`, `social_security_number`. Case, `_`, `-` and spaces
    /// make no difference.
    pub secret_names: Vec<String>,
    /// Names among the built-in ones whose values may stay.
    pub kept_names: Vec<String>,
    /// What else goes.
    pub patterns: Vec<RedactionPattern>,
}

/// What becomes of card numbers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum CardPolicy {
    /// `card:<token>:<last four>`: equal cards are known as equal.
    #[default]
    Token,
    /// `[redacted]`.
    Redact,
    /// They stay: for those who log test cards only.
    Keep,
}

/// What becomes of credentials.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum CredentialPolicy {
    /// `[redacted]`.
    #[default]
    Redact,
    /// They stay.
    Keep,
}

/// Which email addresses become `email:<token>`; equal addresses are known as equal.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum EmailPolicy {
    /// Those in the query strings of addresses and in forms, where they get by mistake.
    #[default]
    Query,
    /// All, those that an event is about included.
    Everywhere,
    /// None.
    Keep,
}

/// Texts that are replaced by `[name]`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct RedactionPattern {
    /// What is written in their place, without the brackets: letters, digits, `_` and `-`.
    pub name: String,
    /// A regular expression (syntax of the crate `regex`, so searched in linear time) that matches no empty text.
    pub pattern: String,
}

/// Why settings cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("redaction.{0}")]
pub struct RedactionSettingsError(String);

impl From<regex::Error> for RedactionSettingsError {
    fn from(error: regex::Error) -> Self {
        Self(format!("secret_names: {error}"))
    }
}

/// A pattern, compiled, and what takes the place of its matches.
pub(super) type CompiledPattern = (Regex, String);

impl RedactionSettings {
    /// Finds what is wrong with them.
    ///
    /// # Errors
    /// The setting, and what is expected there.
    pub fn check(&self) -> Result<(), RedactionSettingsError> {
        for (setting, names) in [("secret_names", &self.secret_names), ("kept_names", &self.kept_names)] {
            check_names(setting, names)?;
        }
        self.compiled_patterns().map(drop)
    }

    pub(super) fn compiled_patterns(&self) -> Result<Vec<CompiledPattern>, RedactionSettingsError> {
        if self.patterns.len() > FURTHER_MAX {
            return Err(RedactionSettingsError(format!("patterns: more than {FURTHER_MAX}")));
        }
        self.patterns.iter().map(compile).collect()
    }
}

fn check_names(setting: &str, names: &[String]) -> Result<(), RedactionSettingsError> {
    if names.len() > FURTHER_MAX {
        return Err(RedactionSettingsError(format!("{setting}: more than {FURTHER_MAX}")));
    }
    match names.iter().find(|name| super::names::plain(name).is_none()) {
        None => Ok(()),
        Some(name) => Err(RedactionSettingsError(format!(
            "{setting}: {name:?} is no name: expected 2 to {} letters and digits, perhaps with _, - and spaces between",
            super::names::NAME_MAX_BYTES
        ))),
    }
}

fn compile(given: &RedactionPattern) -> Result<CompiledPattern, RedactionSettingsError> {
    let RedactionPattern { name, pattern } = given;
    let fail = |problem: String| RedactionSettingsError(format!("patterns: {name:?}: {problem}"));
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    if !(1..=NAME_MAX_BYTES).contains(&name.len()) || !name.bytes().all(is_plain) {
        return Err(fail(format!("the name has 1 to {NAME_MAX_BYTES} letters, digits, _ and -")));
    }
    if pattern.len() > PATTERN_MAX_BYTES {
        return Err(fail(format!("the pattern is longer than {PATTERN_MAX_BYTES} bytes")));
    }
    let regex = RegexBuilder::new(pattern).size_limit(AUTOMATON_MAX_BYTES).build();
    let regex = regex.map_err(|e| fail(e.to_string()))?;
    let mark = format!("[{name}]");
    if regex.is_match("") {
        return Err(fail("the pattern matches an empty text".to_owned()));
    }
    if regex.is_match(&mark) {
        return Err(fail(format!("the pattern matches {mark}, which takes the place of its matches")));
    }
    Ok((regex, mark))
}
