//! What Elasticsearch would call the clauses of a query.

use crate::logs::dsl::{Bound, Query};
use serde_json::Value;

/// The clauses in a clause.
pub(super) fn parts(query: &Query) -> Vec<&Query> {
    match query {
        Query::Bool(query) => {
            query.must.iter().chain(&query.filter).chain(&query.should).chain(&query.must_not).collect()
        }
        // What stands in nested objects is no query over the documents.
        Query::Nested(_) => Vec::new(),
        Query::Boosted(inner, _) | Query::Named(inner, _) => parts(inner),
        other => other.required_parts(),
    }
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// Type and description.
pub(super) fn of(query: &Query) -> (&'static str, String) {
    let on = |field: &str, value: &Value| format!("{field}:{}", text(value));
    match query {
        Query::MatchAll => ("MatchAllDocsQuery", "*:*".to_owned()),
        Query::MatchNone => ("MatchNoDocsQuery", "MatchNoDocsQuery(\"\")".to_owned()),
        Query::Match(query) | Query::MatchBoolPrefix(query) => {
            let many = text(&query.query).split_whitespace().nth(1).is_some();
            (if many { "BooleanQuery" } else { "TermQuery" }, on(&query.field, &query.query))
        }
        Query::MatchPhrase(query) => ("PhraseQuery", format!("{}:\"{}\"", query.field, text(&query.query))),
        Query::MultiMatch(query) => ("DisjunctionMaxQuery", text(&query.text.query)),
        Query::Term(query) => ("TermQuery", on(&query.field, &query.value)),
        Query::Terms(query) => {
            let values: Vec<String> = query.values.iter().take(16).map(text).collect();
            ("TermInSetQuery", format!("{}:({})", query.field, values.join(" ")))
        }
        Query::Range(query) => {
            let end = |end: &Option<Bound>| end.as_ref().map_or("*".to_owned(), |end| text(&end.value));
            let (lower, upper) = (end(&query.lower), end(&query.upper));
            ("IndexOrDocValuesQuery", format!("{}:[{lower} TO {upper}]", query.field))
        }
        Query::Exists(field) => {
            ("DocValuesFieldExistsQuery", format!("DocValuesFieldExistsQuery [field={field}]"))
        }
        Query::Prefix(query) => ("PrefixQuery", format!("{}:{}*", query.field, query.value)),
        Query::Wildcard(query) => ("WildcardQuery", format!("{}:{}", query.field, query.pattern)),
        Query::Regexp(query) => ("RegexpQuery", format!("{}:/{}/", query.field, query.pattern)),
        Query::Fuzzy(query) => ("FuzzyQuery", format!("{}:{}~", query.field, query.value)),
        Query::Ids(ids) => (
            "TermInSetQuery",
            format!("_id:({})", ids.iter().take(16).cloned().collect::<Vec<_>>().join(" ")),
        ),
        Query::Bool(_) => {
            let inner: Vec<String> = parts(query).into_iter().map(|part| of(part).1).collect();
            ("BooleanQuery", inner.join(" "))
        }
        Query::ConstantScore(inner) => ("ConstantScoreQuery", format!("ConstantScore({})", of(inner).1)),
        Query::DisMax(query) => {
            let inner: Vec<String> = query.queries.iter().map(|part| of(part).1).collect();
            ("DisjunctionMaxQuery", format!("({})", inner.join(" | ")))
        }
        Query::QueryString(query) => ("BooleanQuery", query.query.to_string()),
        Query::Span(_) => ("SpanQuery", String::new()),
        Query::Intervals(query) => ("IntervalQuery", query.field.clone()),
        Query::GeoBoundingBox(field, _) => ("LatLonPointInBoxQuery", field.clone()),
        Query::GeoDistance(query) => ("LatLonPointDistanceQuery", query.field.clone()),
        Query::GeoPolygon(field, _) => ("LatLonPointInPolygonQuery", field.clone()),
        Query::Script(call) => ("ScriptQuery", format!("ScriptQuery({})", call.script.source())),
        Query::Nested(query) => {
            ("ESToParentBlockJoinQuery", format!("ToParentBlockJoinQuery ({})", of(&query.query).1))
        }
        Query::FunctionScore(query) => {
            ("FunctionScoreQuery", format!("function score ({})", of(&query.query).1))
        }
        Query::Boosting(query) => {
            ("FunctionScoreQuery", format!("FunctionScoreQuery({})", of(&query.positive).1))
        }
        Query::Named(inner, _) => of(inner),
        Query::Boosted(inner, boost) => {
            let (kind, description) = of(inner);
            (kind, format!("({description})^{boost:?}"))
        }
    }
}
