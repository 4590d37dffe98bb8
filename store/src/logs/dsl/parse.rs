use super::geo::{geo_box, geo_point, length_m};
use super::nested::nested;
use super::parse_text::{
    match_bool_prefix, match_phrase, match_phrase_prefix, match_text, multi_match, query_string,
    simple_query_string,
};
use super::query::{
    Bool, Bound, DisMax, Fuzziness, Fuzzy, MinimumShouldMatch, Pattern, Prefix, Query, Range,
};
use super::query::{GeoDistance, Term, Terms};
use super::read::{Place, illegal, invalid, object, one_or_many, parameters, scalar_text, shown, single};
use super::scoring::{boosting, distance_feature, function_score, script_query, script_score};
use super::{CLAUSES_MAX, DEPTH_MAX, PATTERN_MAX_BYTES, TERMS_MAX};
use crate::StoreError;
use base64::Engine as _;
use serde::Deserialize;
use serde_json::Value;

/// Parses a query: the object under `query` in a search body.
///
/// Errors are `InvalidRequest`, name the clause and say where it stands.
pub fn parse_query(value: &Value) -> Result<Query, StoreError> {
    Parser::default().query(value, &Place::root("query"))
}

/// Corners of a polygon.
const POLYGON_MAX: usize = 1_000;

/// Counts clauses while it descends.
#[derive(Default)]
pub(super) struct Parser {
    clauses: usize,
}

type Build = fn(&mut Parser, &Value, &Place<'_>) -> Result<Query, StoreError>;

/// Every clause there is, by name.
const CLAUSES: &[(&str, Build)] = &[
    ("match_all", |_, value, place| match_all(value, place)),
    ("match_none", |_, _, _| Ok(Query::MatchNone)),
    ("match", |_, value, place| match_text(value, place)),
    ("match_phrase", |_, value, place| match_phrase(value, place)),
    ("match_phrase_prefix", |_, value, place| match_phrase_prefix(value, place)),
    ("match_bool_prefix", |_, value, place| match_bool_prefix(value, place)),
    ("multi_match", |_, value, place| multi_match(value, place)),
    ("query_string", |_, value, place| query_string(value, place)),
    ("simple_query_string", |_, value, place| simple_query_string(value, place)),
    ("term", |_, value, place| term(value, place)),
    ("terms", |_, value, place| terms(value, place)),
    ("range", |_, value, place| range(value, place)),
    ("exists", |_, value, place| exists(value, place)),
    ("prefix", |_, value, place| prefix(value, place)),
    ("wildcard", |_, value, place| wildcard(value, place)),
    ("regexp", |_, value, place| regexp(value, place)),
    ("fuzzy", |_, value, place| fuzzy(value, place)),
    ("ids", |_, value, place| ids(value, place)),
    ("geo_bounding_box", |_, value, place| geo_bounding_box(value, place)),
    ("geo_distance", |_, value, place| geo_distance(value, place)),
    ("geo_polygon", |_, value, place| geo_polygon(value, place)),
    ("script", |_, value, place| script_query(value, place)),
    ("nested", nested),
    ("function_score", function_score),
    ("script_score", script_score),
    ("boosting", boosting),
    ("distance_feature", |_, value, place| distance_feature(value, place)),
    ("wrapper", Parser::wrapper),
    ("bool", Parser::boolean),
    ("constant_score", Parser::constant_score),
    ("dis_max", Parser::dis_max),
];

impl Parser {
    pub(super) fn query(&mut self, value: &Value, place: &Place<'_>) -> Result<Query, StoreError> {
        // Two levels of JSON (clause, member) make one level of nesting.
        if place.depth > 2 * DEPTH_MAX {
            return Err(invalid(place, format!("query is nested deeper than {DEPTH_MAX} levels")));
        }
        self.clauses += 1;
        if self.clauses > CLAUSES_MAX {
            return Err(invalid(place, format!("query holds more than {CLAUSES_MAX} clauses")));
        }
        let (name, body) = single("query", value, place)?;
        let Some((_, build)) = CLAUSES.iter().find(|(known, _)| *known == name) else {
            let alike = CLAUSES.iter().map(|(known, _)| *known).find(|known| is_alike(known, name));
            let hint = alike.map(|known| format!(" did you mean [{known}]?")).unwrap_or_default();
            return Err(invalid(place, format!("unknown query [{name}]{hint}")));
        };
        let query = build(self, body, &place.key(name))?;
        Ok(match given_name(body) {
            Some(name) => Query::Named(Box::new(query), name.to_owned()),
            None => query,
        })
    }

    fn boolean(&mut self, value: &Value, place: &Place<'_>) -> Result<Query, StoreError> {
        let mut query = Bool::default();
        let mut boost = None;
        for (key, value) in object("[bool] query", value, place)? {
            let at = place.key(key);
            let list = match key.as_str() {
                "must" => &mut query.must,
                "filter" => &mut query.filter,
                "should" => &mut query.should,
                "must_not" | "mustNot" => &mut query.must_not,
                "minimum_should_match" => {
                    query.minimum_should_match = minimum_should_match("[bool] query", Some(value), &at)?;
                    continue;
                }
                "boost" => {
                    boost = Some(number(value, &at)?);
                    continue;
                }
                "adjust_pure_negative" | "_name" => continue,
                other => return Err(invalid(place, format!("[bool] query does not support \"{other}\""))),
            };
            for (position, item) in one_or_many(value).iter().enumerate() {
                list.push(self.query(item, &at.item(position))?);
            }
        }
        boosted(Query::Bool(query), boost, place)
    }

    /// A query as Base64 of its JSON.
    fn wrapper(&mut self, value: &Value, place: &Place<'_>) -> Result<Query, StoreError> {
        let (_, text) = single("[wrapper] query", value, place)?;
        let refuse = || invalid(place, "[wrapper] query is no Base64 of a query");
        let bytes =
            text.as_str().and_then(|text| base64::engine::general_purpose::STANDARD.decode(text).ok());
        let inner: Value = serde_json::from_slice(&bytes.ok_or_else(refuse)?).map_err(|_| refuse())?;
        self.query(&inner, &place.key("query"))
    }

    fn constant_score(&mut self, value: &Value, place: &Place<'_>) -> Result<Query, StoreError> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Parameters {
            filter: Value,
            boost: Option<f32>,
            #[serde(rename = "_name")]
            _name: Option<String>,
        }
        let read: Parameters = parameters("[constant_score] query", value, place)?;
        let filter = self.query(&read.filter, &place.key("filter"))?;
        boosted(Query::ConstantScore(Box::new(filter)), read.boost, place)
    }

    fn dis_max(&mut self, value: &Value, place: &Place<'_>) -> Result<Query, StoreError> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Parameters {
            queries: Value,
            #[serde(default)]
            tie_breaker: f32,
            boost: Option<f32>,
            #[serde(rename = "_name")]
            _name: Option<String>,
        }
        let read: Parameters = parameters("[dis_max] query", value, place)?;
        let at = place.key("queries");
        let queries = one_or_many(&read.queries)
            .iter()
            .enumerate()
            .map(|(position, item)| self.query(item, &at.item(position)))
            .collect::<Result<Vec<_>, _>>()?;
        if !(0.0..=1.0).contains(&read.tie_breaker) {
            return Err(invalid(place, "[dis_max] query: tie_breaker must lie between 0 and 1"));
        }
        boosted(Query::DisMax(DisMax { queries, tie_breaker: read.tie_breaker }), read.boost, place)
    }
}

/// `_name`, beside the parameters of a clause or in the object of its field.
fn given_name(body: &Value) -> Option<&str> {
    let members = body.as_object()?;
    let inside = || match members.values().next() {
        Some(Value::Object(only)) if members.len() == 1 => only.get("_name"),
        _ => None,
    };
    members.get("_name").or_else(inside)?.as_str()
}

/// Whether a name is another with a letter too much, too few, wrong or in the wrong place.
fn is_alike(known: &str, name: &str) -> bool {
    let (known, name) = (known.as_bytes(), name.as_bytes());
    let prefix = known.iter().zip(name).take_while(|(a, b)| a == b).count();
    let (known, name) = (&known[prefix..], &name[prefix..]);
    let suffix = known.iter().rev().zip(name.iter().rev()).take_while(|(a, b)| a == b).count();
    let (known, name) = (&known[..known.len() - suffix], &name[..name.len() - suffix]);
    match (known, name) {
        ([a, b], [c, d]) => (a, b) == (d, c),
        (known, name) => known.len().max(name.len()) <= 1,
    }
}

fn number(value: &Value, place: &Place<'_>) -> Result<f32, StoreError> {
    value
        .as_f64()
        .map(|number| number as f32)
        .ok_or_else(|| invalid(place, format!("expected a number, not {}", shown(value))))
}

/// Wraps a query in its boost.
pub(super) fn boosted(query: Query, boost: Option<f32>, place: &Place<'_>) -> Result<Query, StoreError> {
    match boost {
        None | Some(1.0) => Ok(query),
        Some(boost) if boost.is_finite() && boost >= 0.0 => Ok(Query::Boosted(Box::new(query), boost)),
        Some(boost) => Err(invalid(place, format!("boost must be a number of at least 0, not \"{boost}\""))),
    }
}

pub(super) fn minimum_should_match(
    what: &str,
    value: Option<&Value>,
    place: &Place<'_>,
) -> Result<Option<MinimumShouldMatch>, StoreError> {
    let Some(value) = value else { return Ok(None) };
    MinimumShouldMatch::parse(value).map(Some).ok_or_else(|| {
        invalid(
            place,
            format!("{what}: minimum_should_match {} must be a number or a percentage", shown(value)),
        )
    })
}

fn match_all(value: &Value, place: &Place<'_>) -> Result<Query, StoreError> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Parameters {
        boost: Option<f32>,
        #[serde(rename = "_name")]
        _name: Option<String>,
    }
    let read: Parameters = parameters("[match_all] query", value, place)?;
    boosted(Query::MatchAll, read.boost, place)
}

fn is_scalar(value: &Value) -> bool {
    matches!(value, Value::String(_) | Value::Number(_) | Value::Bool(_))
}

fn term(value: &Value, place: &Place<'_>) -> Result<Query, StoreError> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Parameters {
        #[serde(alias = "term")]
        value: Value,
        #[serde(default)]
        case_insensitive: bool,
        boost: Option<f32>,
        #[serde(rename = "_name")]
        _name: Option<String>,
    }
    let (field, body) = single("[term] query", value, place)?;
    let at = place.key(field);
    let read = if body.is_object() {
        parameters("[term] query", body, &at)?
    } else {
        Parameters { value: body.clone(), case_insensitive: false, boost: None, _name: None }
    };
    if !is_scalar(&read.value) {
        return Err(invalid(&at, format!("[term] query takes one value, not {}", shown(&read.value))));
    }
    let query = Term { field: field.to_owned(), value: read.value, case_insensitive: read.case_insensitive };
    boosted(Query::Term(query), read.boost, place)
}

fn terms(value: &Value, place: &Place<'_>) -> Result<Query, StoreError> {
    let mut found = None;
    let mut boost = None;
    for (key, value) in object("[terms] query", value, place)? {
        match (key.as_str(), value) {
            ("boost", value) => boost = Some(number(value, &place.key(key))?),
            ("_name", _) => {}
            (field, Value::Array(values)) if found.is_none() => found = Some((field, values)),
            (field, Value::Array(_)) => {
                return Err(invalid(
                    place,
                    format!("[terms] query takes one field, \"{field}\" is a second"),
                ));
            }
            (field, _) => {
                return Err(invalid(place, format!("[terms] query: \"{field}\" must be an array of values")));
            }
        }
    }
    let Some((field, values)) = found else { return Err(invalid(place, "[terms] query lacks a field")) };
    if values.len() > TERMS_MAX {
        return Err(invalid(
            place,
            format!("[terms] query takes at most {TERMS_MAX} values, not {}", values.len()),
        ));
    }
    if let Some(odd) = values.iter().find(|value| !is_scalar(value)) {
        return Err(invalid(place, format!("[terms] query takes single values, not {}", shown(odd))));
    }
    boosted(Query::Terms(Terms { field: field.to_owned(), values: values.clone() }), boost, place)
}

fn range(value: &Value, place: &Place<'_>) -> Result<Query, StoreError> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Parameters {
        gt: Option<Value>,
        gte: Option<Value>,
        lt: Option<Value>,
        lte: Option<Value>,
        // The older spelling, which Kibana and old clients still send.
        from: Option<Value>,
        to: Option<Value>,
        include_lower: Option<bool>,
        include_upper: Option<bool>,
        format: Option<String>,
        time_zone: Option<String>,
        boost: Option<f32>,
        #[serde(rename = "relation")]
        _relation: Option<String>,
        #[serde(rename = "_name")]
        _name: Option<String>,
    }
    let (field, body) = single("[range] query", value, place)?;
    let at = place.key(field);
    let read: Parameters = parameters("[range] query", body, &at)?;
    let end = |name: &str, candidates: [(Option<Value>, bool); 3]| {
        let mut given = candidates.into_iter().filter_map(|(value, inclusive)| {
            value.filter(|value| !value.is_null()).map(|value| Bound { value, inclusive })
        });
        let bound = given.next();
        if given.next().is_some() {
            return Err(invalid(&at, format!("[range] query gives two {name} ends")));
        }
        match &bound {
            Some(bound) if !matches!(bound.value, Value::String(_) | Value::Number(_) | Value::Bool(_)) => {
                Err(invalid(&at, format!("[range] query: {} is not an end of a range", shown(&bound.value))))
            }
            _ => Ok(bound),
        }
    };
    let from = (read.from, read.include_lower.unwrap_or(true));
    let to = (read.to, read.include_upper.unwrap_or(true));
    let query = Range {
        field: field.to_owned(),
        lower: end("lower", [(read.gt, false), (read.gte, true), from])?,
        upper: end("upper", [(read.lt, false), (read.lte, true), to])?,
        format: read.format,
        time_zone: read.time_zone,
    };
    boosted(Query::Range(query), read.boost, place)
}

fn exists(value: &Value, place: &Place<'_>) -> Result<Query, StoreError> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Parameters {
        field: String,
        boost: Option<f32>,
        #[serde(rename = "_name")]
        _name: Option<String>,
    }
    let read: Parameters = parameters("[exists] query", value, place)?;
    boosted(Query::Exists(read.field), read.boost, place)
}

/// Optional operators of Lucene's regular expressions.
const REGEX_FLAGS: [&str; 9] =
    ["", "ALL", "NONE", "INTERVAL", "INTERSECTION", "COMPLEMENT", "EMPTY", "ANYSTRING", "AUTOMATON"];

/// `{"field": "text"}` or `{"field": {"value": "text", "case_insensitive": …}}`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PatternParameters {
    #[serde(alias = "wildcard", alias = "prefix")]
    value: Value,
    #[serde(default)]
    case_insensitive: bool,
    boost: Option<f32>,
    #[serde(rename = "rewrite")]
    _rewrite: Option<String>,
    #[serde(rename = "_name")]
    _name: Option<String>,
    // Of `regexp` only. All optional operators of Lucene's syntax are off unless `flags` names them.
    flags: Option<String>,
    #[serde(rename = "max_determinized_states")]
    _max_determinized_states: Option<u64>,
}

fn pattern(what: &str, value: &Value, place: &Place<'_>) -> Result<(Pattern, Option<f32>), StoreError> {
    let (field, body) = single(what, value, place)?;
    let at = place.key(field);
    let (text, case_insensitive, boost) = if body.is_object() {
        let read: PatternParameters = parameters(what, body, &at)?;
        let flags = read.flags.as_deref().unwrap_or("ALL");
        // An operator that is not named would be an ordinary character; nobody names some who means these.
        if !flags.split('|').all(|flag| REGEX_FLAGS.contains(&flag)) {
            return Err(invalid(&at, format!("{what}: flags \"{flags}\" are not supported")));
        }
        (scalar_text(what, &read.value, &at)?, read.case_insensitive, read.boost)
    } else {
        (scalar_text(what, body, &at)?, false, None)
    };
    if text.len() > PATTERN_MAX_BYTES {
        return Err(invalid(&at, format!("{what}: the pattern is longer than {PATTERN_MAX_BYTES} bytes")));
    }
    Ok((Pattern { field: field.to_owned(), pattern: text, case_insensitive }, boost))
}

fn prefix(value: &Value, place: &Place<'_>) -> Result<Query, StoreError> {
    let (Pattern { field, pattern: value, case_insensitive }, boost) =
        pattern("[prefix] query", value, place)?;
    boosted(Query::Prefix(Prefix { field, value, case_insensitive }), boost, place)
}

fn wildcard(value: &Value, place: &Place<'_>) -> Result<Query, StoreError> {
    let (pattern, boost) = pattern("[wildcard] query", value, place)?;
    boosted(Query::Wildcard(pattern), boost, place)
}

fn regexp(value: &Value, place: &Place<'_>) -> Result<Query, StoreError> {
    let (pattern, boost) = pattern("[regexp] query", value, place)?;
    boosted(Query::Regexp(pattern), boost, place)
}

pub(super) fn fuzziness(
    what: &str,
    value: Option<&Value>,
    place: &Place<'_>,
) -> Result<Option<Fuzziness>, StoreError> {
    let Some(value) = value else { return Ok(None) };
    Fuzziness::parse(value)
        .map(Some)
        .ok_or_else(|| invalid(place, format!("{what}: fuzziness {} must be AUTO, 0, 1 or 2", shown(value))))
}

fn fuzzy(value: &Value, place: &Place<'_>) -> Result<Query, StoreError> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Parameters {
        value: Value,
        fuzziness: Option<Value>,
        #[serde(default)]
        prefix_length: usize,
        #[serde(rename = "max_expansions")]
        _max_expansions: Option<u32>,
        transpositions: Option<bool>,
        #[serde(rename = "rewrite")]
        _rewrite: Option<String>,
        boost: Option<f32>,
        #[serde(rename = "_name")]
        _name: Option<String>,
    }
    const WHAT: &str = "[fuzzy] query";
    let (field, body) = single(WHAT, value, place)?;
    let at = place.key(field);
    let wrapped;
    let body = if body.is_object() {
        body
    } else {
        wrapped = serde_json::json!({ "value": body });
        &wrapped
    };
    let read: Parameters = parameters(WHAT, body, &at)?;
    let query = Fuzzy {
        field: field.to_owned(),
        value: scalar_text(WHAT, &read.value, &at)?,
        fuzziness: fuzziness(WHAT, read.fuzziness.as_ref(), &at)?.unwrap_or(Fuzziness::AUTO),
        prefix_length: read.prefix_length,
        transpositions: read.transpositions.unwrap_or(true),
    };
    boosted(Query::Fuzzy(query), read.boost, place)
}

fn ids(value: &Value, place: &Place<'_>) -> Result<Query, StoreError> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Parameters {
        values: Value,
        boost: Option<f32>,
        #[serde(rename = "_name")]
        _name: Option<String>,
    }
    let read: Parameters = parameters("[ids] query", value, place)?;
    let values = one_or_many(&read.values);
    if values.len() > TERMS_MAX {
        return Err(invalid(
            place,
            format!("[ids] query takes at most {TERMS_MAX} values, not {}", values.len()),
        ));
    }
    let ids = values.iter().map(|id| scalar_text("[ids] query", id, place)).collect::<Result<Vec<_>, _>>()?;
    boosted(Query::Ids(ids), read.boost, place)
}

/// The one member that is no parameter: the field and what stands in it; the parameters are in the object, too.
fn geo_field<'v>(
    what: &str,
    value: &'v Value,
    known: &[&str],
    place: &Place<'_>,
) -> Result<(&'v str, &'v Value, Option<f32>), StoreError> {
    let (mut found, mut boost) = (None, None);
    for (key, value) in object(what, value, place)? {
        match key.as_str() {
            "boost" => boost = Some(number(value, &place.key(key))?),
            "_name" | "ignore_unmapped" | "validation_method" => {}
            key if known.contains(&key) => {}
            field if found.is_none() => found = Some((field, value)),
            other => return Err(invalid(place, format!("{what} does not support \"{other}\""))),
        }
    }
    match found {
        Some((field, value)) => Ok((field, value, boost)),
        None => Err(invalid(place, format!("{what} lacks a field"))),
    }
}

fn geo_bounding_box(value: &Value, place: &Place<'_>) -> Result<Query, StoreError> {
    let what = "[geo_bounding_box] query";
    let (field, body, boost) = geo_field(what, value, &["type"], place)?;
    let found = geo_box(body, &place.key(field))?;
    boosted(Query::GeoBoundingBox(field.to_owned(), found), boost, place)
}

fn geo_distance(value: &Value, place: &Place<'_>) -> Result<Query, StoreError> {
    let what = "[geo_distance] query";
    let (field, body, boost) = geo_field(what, value, &["distance", "unit", "distance_type"], place)?;
    let unit = value.get("unit").and_then(Value::as_str).unwrap_or("m");
    let distance = match value.get("distance") {
        Some(Value::String(text)) => length_m(text)
            .filter(|_| text.ends_with(char::is_alphabetic))
            .or_else(|| length_m(&format!("{text}{unit}"))),
        Some(Value::Number(number)) => length_m(&format!("{number}{unit}")),
        _ => None,
    };
    let Some(distance_m) = distance.filter(|distance| *distance > 0.0) else {
        return Err(illegal(place, "[geo_distance] query requires a [distance] above 0"));
    };
    let origin = geo_point(body, &place.key(field))?;
    boosted(Query::GeoDistance(GeoDistance { field: field.to_owned(), origin, distance_m }), boost, place)
}

fn geo_polygon(value: &Value, place: &Place<'_>) -> Result<Query, StoreError> {
    let what = "[geo_polygon] query";
    let (field, body, boost) = geo_field(what, value, &[], place)?;
    let at = place.key(field);
    let listed = body.get("points").and_then(Value::as_array);
    let listed = listed.ok_or_else(|| invalid(&at, format!("{what} needs a list of [points]")))?;
    if !(3..=POLYGON_MAX).contains(&listed.len()) {
        let message = format!("too few points defined for geo_polygon query, or more than {POLYGON_MAX}");
        return Err(illegal(&at, message));
    }
    let points = listed.iter().map(|point| geo_point(point, &at)).collect::<Result<_, _>>()?;
    boosted(Query::GeoPolygon(field.to_owned(), points), boost, place)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn errors_name_the_clause_and_the_place() {
        let check = |query: Value, expected: &str| {
            let error = parse_query(&query).unwrap_err();
            assert_eq!(error.kind, crate::ErrorKind::InvalidRequest);
            assert_eq!(error.message, expected, "{query}");
        };
        check(json!({"foo": {}}), "unknown query [foo] (at query)");
        check(
            json!({"bool": {"must": [{"match_all": {}}, {"span_near": {}}]}}),
            "unknown query [span_near] (at query.bool.must[1])",
        );
        check(
            json!({"range": {"a": {"from_x": 1}}}),
            "[range] query does not support \"from_x\" (at query.range.a)",
        );
        check(
            json!({"range": {"a": {"gt": 1, "gte": 1}}}),
            "[range] query gives two lower ends (at query.range.a)",
        );
        check(json!({"bool": {"musst": []}}), "[bool] query does not support \"musst\" (at query.bool)");
        check(json!({"term": {"a": [1]}}), "[term] query takes one value, not [1] (at query.term.a)");
        check(
            json!({"term": {"a": 1, "b": 2}}),
            "[term] query holds both \"a\" and \"b\", expected one member (at query.term)",
        );
        check(
            json!({"terms": {"a": "x"}}),
            "[terms] query: \"a\" must be an array of values (at query.terms)",
        );
        check(json!("x"), "query must be an object, not \"x\" (at query)");
        check(
            json!({"match_all": {"boost": -1.0}}),
            "boost must be a number of at least 0, not \"-1\" (at query.match_all)",
        );
        check(
            json!({"multi_match": {"query": "x", "fields": ["a"], "type": "all_fields"}}),
            "[multi_match] query: unknown variant `all_fields`, expected one of `best_fields`, `most_fields`, \
             `phrase`, `phrase_prefix`, `cross_fields`, `bool_prefix` (at query.multi_match)",
        );
    }

    #[test]
    fn short_and_long_forms_agree() {
        let check = |short: Value, long: Value| {
            assert_eq!(parse_query(&short).unwrap(), parse_query(&long).unwrap(), "{short}");
        };
        check(json!({"term": {"a": "x"}}), json!({"term": {"a": {"value": "x"}}}));
        check(json!({"match": {"a": "x"}}), json!({"match": {"a": {"query": "x", "operator": "or"}}}));
        check(json!({"prefix": {"a": "x"}}), json!({"prefix": {"a": {"value": "x", "boost": 1}}}));
        check(json!({"bool": {"must": {"match_all": {}}}}), json!({"bool": {"must": [{"match_all": {}}]}}));
        check(
            json!({"range": {"a": {"from": 1, "to": 2, "include_upper": false}}}),
            json!({"range": {"a": {"gte": 1, "lt": 2}}}),
        );
    }

    #[test]
    fn depth_and_number_of_clauses_are_bounded() {
        let nest = |levels: usize| {
            (0..levels).fold(json!({"match_all": {}}), |inner, _| json!({"bool": {"must": [inner]}}))
        };
        assert!(parse_query(&nest(DEPTH_MAX)).is_ok());
        assert!(parse_query(&nest(DEPTH_MAX + 1)).unwrap_err().message.contains("nested deeper than 20"));
        let wide = |clauses| json!({"bool": {"should": vec![json!({"match_all": {}}); clauses]}});
        assert!(parse_query(&wide(CLAUSES_MAX - 1)).is_ok());
        assert!(parse_query(&wide(CLAUSES_MAX)).unwrap_err().message.contains("more than 1024 clauses"));
    }
}
