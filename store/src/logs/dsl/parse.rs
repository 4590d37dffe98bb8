use super::intervals::intervals;
use super::nested::nested;
use super::parse_geo::{geo_bounding_box, geo_distance, geo_polygon};
use super::parse_terms::{exists, fuzzy, ids, prefix, range, regexp, term, terms, wildcard};
use super::parse_text::{
    match_bool_prefix, match_phrase, match_phrase_prefix, match_text, multi_match, query_string,
    simple_query_string,
};
use super::query::{Bool, DisMax, MinimumShouldMatch, Query};
use super::read::{Place, invalid, object, one_or_many, parameters, shown, single};
use super::scoring::{boosting, distance_feature, function_score, script_query, script_score};
use super::spans;
use super::{CLAUSES_MAX, DEPTH_MAX};
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
    ("intervals", intervals),
    ("span_term", |parser, value, place| spans::query("span_term", parser, value, place)),
    ("span_multi", |parser, value, place| spans::query("span_multi", parser, value, place)),
    ("span_near", |parser, value, place| spans::query("span_near", parser, value, place)),
    ("span_or", |parser, value, place| spans::query("span_or", parser, value, place)),
    ("span_not", |parser, value, place| spans::query("span_not", parser, value, place)),
    ("span_first", |parser, value, place| spans::query("span_first", parser, value, place)),
    ("span_containing", |parser, value, place| spans::query("span_containing", parser, value, place)),
    ("span_within", |parser, value, place| spans::query("span_within", parser, value, place)),
];

impl Parser {
    /// Counts a clause.
    pub(super) fn count(&mut self, place: &Place<'_>) -> Result<(), StoreError> {
        self.clauses += 1;
        if self.clauses > CLAUSES_MAX {
            return Err(invalid(place, format!("query holds more than {CLAUSES_MAX} clauses")));
        }
        Ok(())
    }

    pub(super) fn query(&mut self, value: &Value, place: &Place<'_>) -> Result<Query, StoreError> {
        // Two levels of JSON (clause, member) make one level of nesting.
        if place.depth > 2 * DEPTH_MAX {
            return Err(invalid(place, format!("query is nested deeper than {DEPTH_MAX} levels")));
        }
        self.count(place)?;
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

pub(super) fn number(value: &Value, place: &Place<'_>) -> Result<f32, StoreError> {
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
            json!({"bool": {"must": [{"match_all": {}}, {"percolate": {}}]}}),
            "unknown query [percolate] (at query.bool.must[1])",
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
