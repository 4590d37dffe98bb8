//! The processors, one file each, and the table of their types.

use super::compiled::{Compiler, Failure, Flow};
use super::definition::{DefinitionError, Options};
use super::document::{Document, Field};
use serde_json::Value;

mod all_matches;
mod append;
mod bytes;
mod community_id;
mod convert;
mod csv;
mod date;
mod date_index_name;
mod dissect;
mod dot_expander;
mod drop;
mod fail;
mod fingerprint;
mod foreach;
mod geoip;
mod grok;
mod gsub;
mod html_strip;
mod join;
mod json;
mod kv;
mod letter_case;
mod network_direction;
mod pipeline;
mod redact;
mod registered_domain;
mod remove;
mod rename;
mod reroute;
mod script;
mod set;
mod sort;
mod split;
mod terminate;
mod text_transform;
mod trim;
mod uri_parts;
mod urldecode;
mod user_agent;

/// What one step of a pipeline does to a document.
///
/// It owns the document while it runs and changes it in place. On an error it leaves the document as it was where
/// that costs nothing, and in any case whole: the caller goes on with it (`ignore_failure`, `on_failure`) or keeps it
/// as a dead letter. It keeps no state between calls and runs on many threads at once.
pub(crate) trait Processor: Send + Sync {
    fn apply(&self, document: &mut Document<'_>) -> Result<Flow, Failure>;

    /// The field and the value, if all that it does to any document is to write that.
    fn constant(&self) -> Option<(&Field, &Value)> {
        None
    }
}

/// Takes its options and compiles; what it leaves is refused as unknown.
pub(crate) type Build = fn(&mut Options, &mut Compiler) -> Result<Box<dyn Processor>, DefinitionError>;

const TABLE: &[(&str, Build)] = &[
    ("append", append::build),
    ("bytes", bytes::build),
    ("community_id", community_id::build),
    ("convert", convert::build),
    ("csv", csv::build),
    ("date", date::build),
    ("date_index_name", date_index_name::build),
    ("dissect", dissect::build),
    ("dot_expander", dot_expander::build),
    ("drop", drop::build),
    ("fail", fail::build),
    ("fingerprint", fingerprint::build),
    ("foreach", foreach::build),
    ("geoip", geoip::build),
    ("grok", grok::build),
    ("gsub", gsub::build),
    ("html_strip", html_strip::build),
    ("join", join::build),
    ("json", json::build),
    ("kv", kv::build),
    ("lowercase", letter_case::build_lower),
    ("network_direction", network_direction::build),
    ("pipeline", pipeline::build),
    ("redact", redact::build),
    ("registered_domain", registered_domain::build),
    ("remove", remove::build),
    ("rename", rename::build),
    ("reroute", reroute::build),
    ("script", script::build),
    ("set", set::build),
    ("sort", sort::build),
    ("split", split::build),
    ("terminate", terminate::build),
    ("trim", trim::build),
    ("uppercase", letter_case::build_upper),
    ("uri_parts", uri_parts::build),
    ("urldecode", urldecode::build),
    ("user_agent", user_agent::build),
];

/// The processors that there are, by name.
pub fn processor_names() -> impl Iterator<Item = &'static str> {
    TABLE.iter().map(|(name, _)| *name)
}

/// A type by its name.
pub(crate) fn find(kind: &str) -> Option<(&'static str, Build)> {
    TABLE.iter().find(|(name, _)| *name == kind).map(|(name, build)| (*name, *build))
}

/// Longest regex of a definition, and the most memory that its automaton may take.
const REGEX_MAX_BYTES: usize = 4 * 1024;
const REGEX_MAX_AUTOMATON_BYTES: usize = 4 * 1024 * 1024;

/// Compiles a regex of a definition: linear-time only, bounded.
fn compile_regex(options: &Options, key: &str, source: &str) -> Result<regex::Regex, DefinitionError> {
    if source.len() > REGEX_MAX_BYTES {
        return Err(options.error(key, format!("regex is longer than {REGEX_MAX_BYTES} bytes")));
    }
    regex::RegexBuilder::new(source).size_limit(REGEX_MAX_AUTOMATON_BYTES).build().map_err(|e| {
        let text = e.to_string();
        let reason = text.trim_end().rsplit('\n').next().unwrap_or("").trim().to_owned();
        options.error(key, format!("cannot compile regex \"{source}\": {reason}"))
    })
}

#[cfg(test)]
pub(crate) mod testing;
