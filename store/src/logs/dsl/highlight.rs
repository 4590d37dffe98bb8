use super::query::Query;
use super::read::{Place, invalid, object, parameters, single};
use super::{FieldPattern, parse::Parser};
use crate::StoreError;
use serde::Deserialize;
use serde_json::Value;

/// `highlight` of a search.
#[derive(Debug, Clone, PartialEq)]
pub struct Highlight {
    /// The fields, in the order of the request; names may hold `*`.
    pub fields: Vec<HighlightField>,
}

/// How one field (or all that match the pattern) is highlighted.
#[derive(Debug, Clone, PartialEq)]
pub struct HighlightField {
    /// Which fields.
    pub pattern: FieldPattern,
    /// Before each match.
    pub pre_tag: String,
    /// Behind each match.
    pub post_tag: String,
    /// Length of a fragment in characters.
    pub fragment_size: usize,
    /// How many fragments at most; 0: the whole field as one.
    pub number_of_fragments: usize,
    /// Length of what is shown of a field without match; 0: nothing.
    pub no_match_size: usize,
    /// Whether only conditions on this very field mark words in it.
    pub require_field_match: bool,
    /// Whether `&`, `<`, `>`, quotes are escaped.
    pub html: bool,
    /// What to mark instead of the search's own query.
    pub query: Option<Query>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Options {
    pre_tags: Option<Vec<String>>,
    post_tags: Option<Vec<String>>,
    fragment_size: Option<usize>,
    number_of_fragments: Option<usize>,
    no_match_size: Option<usize>,
    require_field_match: Option<bool>,
    encoder: Option<String>,
    highlight_query: Option<Value>,
    fields: Option<Value>,
    // How fragments are cut and ordered: there is one way here, in order of appearance.
    #[serde(rename = "type")]
    _type: Option<String>,
    #[serde(rename = "order")]
    _order: Option<String>,
    #[serde(rename = "fragmenter")]
    _fragmenter: Option<String>,
    #[serde(rename = "boundary_scanner")]
    _boundary_scanner: Option<String>,
    #[serde(rename = "boundary_chars")]
    _boundary_chars: Option<String>,
    #[serde(rename = "boundary_max_scan")]
    _boundary_max_scan: Option<usize>,
    #[serde(rename = "boundary_scanner_locale")]
    _boundary_scanner_locale: Option<String>,
    #[serde(rename = "max_analyzed_offset")]
    _max_analyzed_offset: Option<usize>,
    #[serde(rename = "phrase_limit")]
    _phrase_limit: Option<usize>,
    #[serde(rename = "tags_schema")]
    _tags_schema: Option<String>,
    #[serde(rename = "force_source")]
    _force_source: Option<bool>,
    #[serde(rename = "fragment_offset")]
    _fragment_offset: Option<usize>,
    #[serde(rename = "matched_fields")]
    _matched_fields: Option<Value>,
}

/// Fields that a request may list.
const FIELDS_MAX: usize = 100;

/// Parses `highlight` of a search body.
pub(super) fn highlight(value: &Value, place: &Place<'_>) -> Result<Highlight, StoreError> {
    let common: Options = parameters("[highlight]", value, place)?;
    let at = place.key("fields");
    let mut listed: Vec<(&str, &Value)> = Vec::new();
    match &common.fields {
        None => return Err(invalid(place, "[highlight] lacks \"fields\"")),
        Some(Value::Array(items)) => {
            for (position, item) in items.iter().enumerate() {
                listed.push(single("[highlight] field", item, &at.item(position))?);
            }
        }
        Some(fields) => {
            listed.extend(object("[highlight] fields", fields, &at)?.iter().map(|(k, v)| (k.as_str(), v)))
        }
    }
    if listed.len() > FIELDS_MAX {
        return Err(invalid(
            &at,
            format!("[highlight] takes at most {FIELDS_MAX} fields, not {}", listed.len()),
        ));
    }
    let fields = listed
        .into_iter()
        .map(|(name, options)| {
            let at = at.key(name);
            let own: Options = parameters("[highlight] field", options, &at)?;
            if own.fields.is_some() {
                return Err(invalid(&at, "[highlight] field does not support \"fields\""));
            }
            field(name, own, &common, &at)
        })
        .collect::<Result<_, _>>()?;
    Ok(Highlight { fields })
}

fn field(
    name: &str,
    own: Options,
    common: &Options,
    place: &Place<'_>,
) -> Result<HighlightField, StoreError> {
    let tag = |own: Option<Vec<String>>, common: &Option<Vec<String>>, default: &str| {
        own.as_ref()
            .or(common.as_ref())
            .and_then(|tags| tags.first().cloned())
            .unwrap_or_else(|| default.to_owned())
    };
    let html = match own.encoder.as_deref().or(common.encoder.as_deref()) {
        None | Some("default") => false,
        Some("html") => true,
        Some(other) => {
            return Err(invalid(place, format!("[highlight] encoder \"{other}\" must be default or html")));
        }
    };
    let query = own.highlight_query.as_ref().or(common.highlight_query.as_ref());
    let query =
        query.map(|query| Parser::default().query(query, &place.key("highlight_query"))).transpose()?;
    Ok(HighlightField {
        pattern: FieldPattern::new(name),
        pre_tag: tag(own.pre_tags, &common.pre_tags, "<em>"),
        post_tag: tag(own.post_tags, &common.post_tags, "</em>"),
        fragment_size: own.fragment_size.or(common.fragment_size).unwrap_or(100),
        number_of_fragments: own.number_of_fragments.or(common.number_of_fragments).unwrap_or(5),
        no_match_size: own.no_match_size.or(common.no_match_size).unwrap_or(0),
        require_field_match: own.require_field_match.or(common.require_field_match).unwrap_or(true),
        html,
        query,
    })
}
