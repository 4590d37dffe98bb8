use super::parse::{boosted, minimum_should_match};
use super::parse_terms::{fuzziness, max_expansions};
use super::query::{
    Analyzer, Fuzziness, Match, MatchPhrase, MultiMatch, MultiMatchType, Operator, Query, QueryStringQuery,
};
use super::read::{Place, illegal, invalid, number, parameters, shown, single};
use crate::StoreError;
use crate::logs::query_string::{self as lucene, ParseOptions};
use serde::Deserialize;
use serde_json::{Value, json};

/// Text of a query, in bytes.
const TEXT_MAX_BYTES: usize = 16 * 1024;
/// Fields in a `fields` list (as many as an index may have).
const FIELDS_MAX: usize = 1_024;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TextParameters {
    query: Value,
    #[serde(default)]
    operator: Operator,
    minimum_should_match: Option<Value>,
    fuzziness: Option<Value>,
    #[serde(default)]
    prefix_length: usize,
    #[serde(default, deserialize_with = "number")]
    max_expansions: Option<i64>,
    fuzzy_transpositions: Option<bool>,
    analyzer: Option<String>,
    // Words found by a pattern all count the same here, and frequent words are not left out.
    #[serde(rename = "fuzzy_rewrite")]
    _fuzzy_rewrite: Option<String>,
    cutoff_frequency: Option<f64>,
    #[serde(default)]
    lenient: bool,
    zero_terms_query: Option<String>,
    #[serde(default)]
    slop: u32,
    #[serde(rename = "auto_generate_synonyms_phrase_query")]
    _synonyms: Option<bool>,
    boost: Option<f32>,
    #[serde(rename = "_name")]
    _name: Option<String>,
    // Of `multi_match` only.
    fields: Option<Vec<String>>,
    #[serde(rename = "type")]
    kind: Option<MultiMatchType>,
    tie_breaker: Option<f32>,
}

/// Reads `{"field": "text"}` or `{"field": {"query": "text", …}}`; `allowed` are the parameters beside `query`.
fn field_parameters<'v>(
    what: &str,
    value: &'v Value,
    allowed: &[&str],
    place: &Place<'_>,
) -> Result<(&'v str, TextParameters), StoreError> {
    let (field, body) = single(what, value, place)?;
    let at = place.key(field);
    let wrapped;
    let body = if let Some(members) = body.as_object() {
        let known = ["query", "boost", "_name"];
        if let Some(odd) =
            members.keys().find(|k| !known.contains(&k.as_str()) && !allowed.contains(&k.as_str()))
        {
            return Err(invalid(&at, format!("{what} does not support \"{odd}\"")));
        }
        body
    } else {
        wrapped = json!({ "query": body });
        &wrapped
    };
    let read: TextParameters = parameters(what, body, &at)?;
    check_text(what, &read.query, &at)?;
    Ok((field, read))
}

fn check_text(what: &str, value: &Value, place: &Place<'_>) -> Result<(), StoreError> {
    match value {
        Value::String(text) if text.len() > TEXT_MAX_BYTES => {
            Err(invalid(place, format!("{what}: the text is longer than {TEXT_MAX_BYTES} bytes")))
        }
        Value::String(_) | Value::Number(_) | Value::Bool(_) => Ok(()),
        other => Err(invalid(place, format!("{what} takes a text, not {}", shown(other)))),
    }
}

impl TextParameters {
    fn into_match(self, what: &str, field: &str, place: &Place<'_>) -> Result<Match, StoreError> {
        let zero_terms_all = match self.zero_terms_query.as_deref() {
            None | Some("none") => false,
            Some("all") => true,
            Some(other) => {
                return Err(invalid(
                    place,
                    format!("{what}: zero_terms_query \"{other}\" must be none or all"),
                ));
            }
        };
        Ok(Match {
            field: field.to_owned(),
            operator: self.operator,
            minimum_should_match: minimum_should_match(what, self.minimum_should_match.as_ref(), place)?,
            fuzziness: fuzziness(what, self.fuzziness.as_ref(), place)?,
            prefix_length: self.prefix_length,
            transpositions: self.fuzzy_transpositions.unwrap_or(true),
            max_expansions: max_expansions(what, self.max_expansions, place)?,
            analyzer: self.analyzer.as_deref().map(|name| analyzer(name, place)).transpose()?,
            zero_terms_all,
            lenient: self.lenient,
            query: self.query,
        })
    }
}

/// The analyser of that name.
pub(super) fn analyzer(name: &str, place: &Place<'_>) -> Result<Analyzer, StoreError> {
    Analyzer::named(name).ok_or_else(|| illegal(place, format!("[match] analyzer [{name}] not found")))
}

const MATCH: &[&str] = &[
    "analyzer",
    "cutoff_frequency",
    "fuzzy_rewrite",
    "operator",
    "minimum_should_match",
    "fuzziness",
    "prefix_length",
    "max_expansions",
    "fuzzy_transpositions",
    "lenient",
    "zero_terms_query",
    "auto_generate_synonyms_phrase_query",
];

const BOOL_PREFIX: &[&str] = &[
    "analyzer",
    "operator",
    "minimum_should_match",
    "fuzziness",
    "prefix_length",
    "max_expansions",
    "fuzzy_transpositions",
    "fuzzy_rewrite",
];

pub(super) fn match_text(value: &Value, place: &Place<'_>) -> Result<Query, StoreError> {
    let what = "[match] query";
    let (field, read) = field_parameters(what, value, MATCH, place)?;
    let boost = read.boost;
    boosted(Query::Match(read.into_match(what, field, place)?), boost, place)
}

pub(super) fn match_bool_prefix(value: &Value, place: &Place<'_>) -> Result<Query, StoreError> {
    let what = "[match_bool_prefix] query";
    let (field, read) = field_parameters(what, value, BOOL_PREFIX, place)?;
    let boost = read.boost;
    boosted(Query::MatchBoolPrefix(read.into_match(what, field, place)?), boost, place)
}

pub(super) fn match_phrase(value: &Value, place: &Place<'_>) -> Result<Query, StoreError> {
    phrase("[match_phrase] query", &["slop", "analyzer", "zero_terms_query"], value, place)
}

pub(super) fn match_phrase_prefix(value: &Value, place: &Place<'_>) -> Result<Query, StoreError> {
    let known = &["slop", "analyzer", "zero_terms_query", "max_expansions"];
    phrase("[match_phrase_prefix] query", known, value, place)
}

fn phrase(what: &str, known: &[&str], value: &Value, place: &Place<'_>) -> Result<Query, StoreError> {
    let (field, mut read) = field_parameters(what, value, known, place)?;
    let is_prefix = known.contains(&"max_expansions");
    if is_prefix && read.slop > 0 {
        return Err(invalid(place, format!("{what} does not support \"slop\" above 0")));
    }
    let (slop, boost, query) = (read.slop, read.boost, read.query.take());
    let text = read.into_match(what, field, place)?;
    let query = MatchPhrase {
        field: field.to_owned(),
        query,
        slop,
        prefix_expansions: is_prefix.then(|| u32::try_from(text.max_expansions).unwrap_or(u32::MAX)),
        analyzer: text.analyzer,
        zero_terms_all: text.zero_terms_all,
    };
    boosted(Query::MatchPhrase(query), boost, place)
}

pub(super) fn multi_match(value: &Value, place: &Place<'_>) -> Result<Query, StoreError> {
    let what = "[multi_match] query";
    let read: TextParameters = parameters(what, value, place)?;
    check_text(what, &read.query, place)?;
    let fields = boosted_fields(read.fields.as_deref().unwrap_or_default(), place)?;
    let kind = read.kind.unwrap_or_default();
    let tie_breaker = read.tie_breaker.unwrap_or(if kind == MultiMatchType::MostFields { 1.0 } else { 0.0 });
    let (slop, boost) = (read.slop, read.boost);
    let refused = [("slop", slop > 0), ("cutoff_frequency", read.cutoff_frequency.is_some())];
    if let (MultiMatchType::BoolPrefix, Some((name, _))) = (kind, refused.iter().find(|(_, given)| *given)) {
        return Err(invalid(place, format!("[{name}] not allowed for type [bool_prefix]")));
    }
    if slop > 0 && kind == MultiMatchType::PhrasePrefix {
        return Err(invalid(
            place,
            format!("{what} of type phrase_prefix does not support \"slop\" above 0"),
        ));
    }
    let text = read.into_match(what, "", place)?;
    boosted(Query::MultiMatch(MultiMatch { fields, kind, tie_breaker, slop, text }), boost, place)
}

/// Reads `["title^3", "message"]`. The one pattern `*` means all fields, as does an empty list.
fn boosted_fields(fields: &[String], place: &Place<'_>) -> Result<Vec<(String, f32)>, StoreError> {
    if fields.len() > FIELDS_MAX {
        return Err(invalid(
            place,
            format!("a query takes at most {FIELDS_MAX} fields, not {}", fields.len()),
        ));
    }
    let read = |text: &String| match text.rsplit_once('^') {
        None => Ok((text.clone(), 1.0)),
        Some((field, boost)) => match boost.parse::<f32>() {
            Ok(boost) if boost.is_finite() && boost >= 0.0 => Ok((field.to_owned(), boost)),
            _ => Err(invalid(place, format!("cannot read the boost of field \"{text}\""))),
        },
    };
    let fields = fields.iter().map(read).collect::<Result<Vec<_>, _>>()?;
    Ok(if matches!(fields.as_slice(), [(only, 1.0)] if only == "*") { Vec::new() } else { fields })
}

/// A text in Lucene's syntax that is none, told as Elasticsearch does; what is wrong with it stands in the cause.
fn unparsable(text: &str, error: &lucene::SyntaxError) -> StoreError {
    let cause = json!({"type": "parse_exception", "reason": format!("Cannot parse '{text}': {error}")});
    let message = format!("Failed to parse query [{text}]");
    StoreError::invalid(message).with_code("query_shard_exception").caused_by(cause)
}

pub(super) fn query_string(value: &Value, place: &Place<'_>) -> Result<Query, StoreError> {
    #[derive(Deserialize)]
    struct Parameters {
        query: String,
        default_field: Option<String>,
        fields: Option<Vec<String>>,
        #[serde(default)]
        default_operator: Operator,
        lenient: Option<bool>,
        allow_leading_wildcard: Option<bool>,
        #[serde(default)]
        phrase_slop: u32,
        fuzziness: Option<Value>,
        #[serde(default)]
        fuzzy_prefix_length: usize,
        fuzzy_transpositions: Option<bool>,
        #[serde(default, deserialize_with = "number")]
        fuzzy_max_expansions: Option<i64>,
        minimum_should_match: Option<Value>,
        time_zone: Option<String>,
        analyzer: Option<String>,
        quote_field_suffix: Option<String>,
        #[serde(default)]
        escape: bool,
        tie_breaker: Option<f32>,
        boost: Option<f32>,
        #[serde(rename = "_name")]
        _name: Option<String>,
        #[serde(flatten)]
        rest: event::Object,
    }
    let what = "[query_string] query";
    let read: Parameters = parameters(what, value, place)?;
    refuse_rest(what, &read.rest, place)?;
    check_text(what, &Value::String(read.query.clone()), place)?;
    let options = ParseOptions {
        default_operator: read.default_operator,
        allow_leading_wildcard: read.allow_leading_wildcard.unwrap_or(true),
    };
    let text = if read.escape { escaped(&read.query) } else { read.query };
    let query = lucene::parse(&text, &options).map_err(|error| unparsable(&text, &error))?;
    let fields = match (read.fields, read.default_field) {
        (Some(fields), _) => boosted_fields(&fields, place)?,
        (None, Some(field)) => boosted_fields(&[field], place)?,
        (None, None) => Vec::new(),
    };
    let query = QueryStringQuery {
        query,
        // As in Elasticsearch: over all fields, a value need not fit each field's type.
        lenient: read.lenient.unwrap_or(fields.is_empty()),
        fields,
        operator: read.default_operator,
        fuzziness: fuzziness(what, read.fuzziness.as_ref(), place)?.unwrap_or(Fuzziness::AUTO),
        phrase_slop: read.phrase_slop,
        fuzzy_prefix_length: read.fuzzy_prefix_length,
        fuzzy_transpositions: read.fuzzy_transpositions.unwrap_or(true),
        fuzzy_max_expansions: max_expansions(what, read.fuzzy_max_expansions, place)?,
        analyzer: read.analyzer.as_deref().map(|name| analyzer(name, place)).transpose()?,
        quote_field_suffix: read.quote_field_suffix,
        tie_breaker: read.tie_breaker.unwrap_or(0.0),
        time_zone: read.time_zone,
        minimum_should_match: minimum_should_match(what, read.minimum_should_match.as_ref(), place)?,
    };
    boosted(Query::QueryString(query), read.boost, place)
}

pub(super) fn simple_query_string(value: &Value, place: &Place<'_>) -> Result<Query, StoreError> {
    #[derive(Deserialize)]
    struct Parameters {
        query: String,
        fields: Option<Vec<String>>,
        #[serde(default)]
        default_operator: Operator,
        // Values that do not fit a field are always passed over.
        #[serde(rename = "lenient")]
        _lenient: Option<bool>,
        // Which operators there are; nobody sends it who does not mean all.
        flags: Option<Value>,
        #[serde(default)]
        fuzzy_prefix_length: usize,
        fuzzy_transpositions: Option<bool>,
        #[serde(default, deserialize_with = "number")]
        fuzzy_max_expansions: Option<i64>,
        analyzer: Option<String>,
        quote_field_suffix: Option<String>,
        minimum_should_match: Option<Value>,
        boost: Option<f32>,
        #[serde(rename = "_name")]
        _name: Option<String>,
        #[serde(flatten)]
        rest: event::Object,
    }
    let what = "[simple_query_string] query";
    let read: Parameters = parameters(what, value, place)?;
    refuse_rest(what, &read.rest, place)?;
    check_text(what, &Value::String(read.query.clone()), place)?;
    if let Some(flags) =
        read.flags.filter(|flags| !matches!(flags.as_str(), Some("ALL")) && flags != &Value::from(-1))
    {
        return Err(invalid(
            place,
            format!("{what} does not support \"flags\" {}: all operators are known", shown(&flags)),
        ));
    }
    let query = QueryStringQuery {
        query: lucene::parse_simple(&read.query, read.default_operator),
        fields: boosted_fields(read.fields.as_deref().unwrap_or_default(), place)?,
        operator: read.default_operator,
        fuzziness: Fuzziness::AUTO,
        phrase_slop: 0,
        lenient: true,
        fuzzy_prefix_length: read.fuzzy_prefix_length,
        fuzzy_transpositions: read.fuzzy_transpositions.unwrap_or(true),
        fuzzy_max_expansions: max_expansions(what, read.fuzzy_max_expansions, place)?,
        analyzer: read.analyzer.as_deref().map(|name| analyzer(name, place)).transpose()?,
        quote_field_suffix: read.quote_field_suffix,
        tie_breaker: 0.0,
        time_zone: None,
        minimum_should_match: minimum_should_match(what, read.minimum_should_match.as_ref(), place)?,
    };
    boosted(Query::QueryString(query), read.boost, place)
}

/// What tunes queries in ways that change no answer here: wildcards are always analysed, patterns always bounded.
const WITHOUT_EFFECT: &[&str] = &[
    "analyze_wildcard",
    "auto_generate_synonyms_phrase_query",
    "enable_position_increments",
    "fuzzy_rewrite",
    "max_determinized_states",
    "quote_analyzer",
    "rewrite",
    "type",
];

fn refuse_rest(what: &str, rest: &event::Object, place: &Place<'_>) -> Result<(), StoreError> {
    if let Some(odd) = rest.keys().find(|key| !WITHOUT_EFFECT.contains(&key.as_str())) {
        return Err(invalid(place, format!("{what} does not support \"{odd}\"")));
    }
    // The best field counts, as usual; other ways of combining fields differ in scores only.
    match rest.get("type").and_then(Value::as_str) {
        None
        | Some("best_fields" | "most_fields" | "cross_fields" | "phrase" | "phrase_prefix" | "bool_prefix") => {
            Ok(())
        }
        Some(other) => Err(invalid(place, format!("{what}: failed to parse type [{other}]"))),
    }
}

/// A text whose operators are no operators.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        if "\\+-!():^[]\"{}~*?|&/".contains(character) {
            out.push('\\');
        }
        out.push(character);
    }
    out
}
