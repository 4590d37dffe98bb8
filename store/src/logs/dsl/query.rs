use super::{Boosting, FunctionScore, GeoBox, Intervals, Nested, ScriptCall, Span};
use crate::logs::query_string;
use serde::Deserialize;
use serde_json::Value;
use std::sync::Arc;

/// A query. Scores are multiplied by `boost` where a clause carries one ([`Query::Boosted`]).
#[derive(Debug, Clone, PartialEq)]
pub enum Query {
    /// Every document, with score 1.
    MatchAll,
    /// No document.
    MatchNone,
    /// Analysed text in one field.
    Match(Match),
    /// Words next to each other; also `match_phrase_prefix`.
    MatchPhrase(MatchPhrase),
    /// All words, the last as a prefix.
    MatchBoolPrefix(Match),
    /// Analysed text in several fields.
    MultiMatch(MultiMatch),
    /// One exact value.
    Term(Term),
    /// Any of several exact values.
    Terms(Terms),
    /// Values between two ends.
    Range(Range),
    /// Documents that have the field.
    Exists(String),
    /// Values that begin so.
    Prefix(Prefix),
    /// Values that match a pattern with `*` and `?`.
    Wildcard(Pattern),
    /// Values that match a regular expression, as a whole.
    Regexp(Pattern),
    /// Values within an edit distance.
    Fuzzy(Fuzzy),
    /// Documents with these ids.
    Ids(Vec<String>),
    /// A combination.
    Bool(Bool),
    /// The documents of the inner query, all with score 1.
    ConstantScore(Box<Query>),
    /// The best of several.
    DisMax(DisMax),
    /// A query in Lucene's syntax; also `simple_query_string`.
    QueryString(QueryStringQuery),
    /// Words by where they stand.
    Span(Box<Span>),
    /// Words by rules about their order.
    Intervals(Box<Intervals>),
    /// Points in a box.
    GeoBoundingBox(String, GeoBox),
    /// Points near another.
    GeoDistance(GeoDistance),
    /// Points in a polygon: its corners as latitude and longitude.
    GeoPolygon(String, Vec<(f64, f64)>),
    /// Documents for which a script holds.
    Script(Arc<ScriptCall>),
    /// One object of a list matches.
    Nested(Box<Nested>),
    /// What matches, with another score.
    FunctionScore(Box<FunctionScore>),
    /// What matches, with a lower score where something else does.
    Boosting(Box<Boosting>),
    /// The inner query; hits tell by that name whether they match it.
    Named(Box<Query>, String),
    /// The inner query with its scores multiplied.
    Boosted(Box<Query>, f32),
}

/// `match`, `match_bool_prefix`.
#[derive(Debug, Clone, PartialEq)]
pub struct Match {
    /// Dotted path.
    pub field: String,
    /// Text, number or boolean to look for.
    pub query: Value,
    /// Whether one word is enough.
    pub operator: Operator,
    /// How many words are enough, with `Or`.
    pub minimum_should_match: Option<MinimumShouldMatch>,
    /// Edit distance allowed per word.
    pub fuzziness: Option<Fuzziness>,
    /// Characters at the start of a word that must not differ.
    pub prefix_length: usize,
    /// Whether swapping two neighbours is one edit.
    pub transpositions: bool,
    /// Words of an index that may take the place of one, the nearest.
    pub max_expansions: usize,
    /// What cuts the text into words, instead of the field's own.
    pub analyzer: Option<Analyzer>,
    /// Match everything, rather than nothing, when the text holds no word.
    pub zero_terms_all: bool,
    /// Ignore that the value does not fit the field's type.
    pub lenient: bool,
}

/// `match_phrase`, `match_phrase_prefix`.
#[derive(Debug, Clone, PartialEq)]
pub struct MatchPhrase {
    /// Dotted path.
    pub field: String,
    /// The phrase.
    pub query: Value,
    /// How many moves of words are forgiven.
    pub slop: u32,
    /// Whether the last word may be only a beginning; then, to how many words it may be expanded.
    pub prefix_expansions: Option<u32>,
    /// What cuts the phrase into words, instead of the field's own.
    pub analyzer: Option<Analyzer>,
    /// Match everything, rather than nothing, when the phrase holds no word.
    pub zero_terms_all: bool,
}

/// `analyzer`: what cuts a text into words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Analyzer {
    /// Letters and digits, in lower case.
    Standard,
    /// Letters, in lower case.
    Simple,
    /// What stands between spaces.
    Whitespace,
    /// The whole text.
    Keyword,
}

impl Analyzer {
    /// The one of that name.
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "standard" | "default" => Some(Self::Standard),
            "simple" => Some(Self::Simple),
            "whitespace" => Some(Self::Whitespace),
            "keyword" => Some(Self::Keyword),
            _ => None,
        }
    }
}

/// `multi_match`.
#[derive(Debug, Clone, PartialEq)]
pub struct MultiMatch {
    /// Paths (with `*`) and their boosts; empty means all fields.
    pub fields: Vec<(String, f32)>,
    /// How the fields work together.
    pub kind: MultiMatchType,
    /// Score of the fields that are not the best, as a share.
    pub tie_breaker: f32,
    /// For [`MultiMatchType::Phrase`] and [`MultiMatchType::PhrasePrefix`].
    pub slop: u32,
    /// The other parameters, with an empty field.
    pub text: Match,
}

/// `type` of `multi_match`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MultiMatchType {
    /// Score of the best field.
    #[default]
    BestFields,
    /// Sum of the fields' scores.
    MostFields,
    /// As a phrase, best field.
    Phrase,
    /// As a phrase whose last word is a beginning, best field.
    PhrasePrefix,
    /// Each word in any of the fields, as if these were one.
    CrossFields,
    /// All words, the last as a beginning.
    BoolPrefix,
}

/// `term`.
#[derive(Debug, Clone, PartialEq)]
pub struct Term {
    /// Dotted path.
    pub field: String,
    /// The value.
    pub value: Value,
    /// Whether ASCII letters match in both cases.
    pub case_insensitive: bool,
}

/// `terms`.
#[derive(Debug, Clone, PartialEq)]
pub struct Terms {
    /// Dotted path.
    pub field: String,
    /// The values.
    pub values: Vec<Value>,
}

/// One end of a range.
#[derive(Debug, Clone, PartialEq)]
pub struct Bound {
    /// Number, text or date expression.
    pub value: Value,
    /// Whether the end itself belongs to the range.
    pub inclusive: bool,
}

/// `range`.
#[derive(Debug, Clone, PartialEq)]
pub struct Range {
    /// Dotted path.
    pub field: String,
    /// Lower end; open if absent.
    pub lower: Option<Bound>,
    /// Upper end; open if absent.
    pub upper: Option<Bound>,
    /// Date formats of the ends (`||` between them) instead of the field's.
    pub format: Option<String>,
    /// Zone of dates without one: an offset or a name.
    pub time_zone: Option<String>,
    /// How the ranges of a range field are to stand to this one.
    pub relation: RangeRelation,
}

/// `relation` of `range`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum RangeRelation {
    /// They have a value in common.
    #[default]
    Intersects,
    /// They hold all of it.
    Contains,
    /// They lie in it.
    Within,
}

/// `prefix`.
#[derive(Debug, Clone, PartialEq)]
pub struct Prefix {
    /// Dotted path.
    pub field: String,
    /// The beginning.
    pub value: String,
    /// Whether ASCII letters match in both cases.
    pub case_insensitive: bool,
}

/// `wildcard`, `regexp`.
#[derive(Debug, Clone, PartialEq)]
pub struct Pattern {
    /// Dotted path.
    pub field: String,
    /// The pattern, in Elasticsearch's syntax.
    pub pattern: String,
    /// Whether ASCII letters match in both cases.
    pub case_insensitive: bool,
}

/// `fuzzy`.
#[derive(Debug, Clone, PartialEq)]
pub struct Fuzzy {
    /// Dotted path.
    pub field: String,
    /// The value to be near to.
    pub value: String,
    /// How near.
    pub fuzziness: Fuzziness,
    /// Characters at the start that must not differ.
    pub prefix_length: usize,
    /// Whether swapping two neighbours is one edit.
    pub transpositions: bool,
    /// Words of an index that may take the place of one, the nearest.
    pub max_expansions: usize,
}

/// `bool`.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Bool {
    /// All must match and count for the score.
    pub must: Vec<Query>,
    /// All must match and do not count.
    pub filter: Vec<Query>,
    /// Some should match.
    pub should: Vec<Query>,
    /// None may match.
    pub must_not: Vec<Query>,
    /// How many of `should` must match. Default: one if there is neither `must` nor `filter`, else none.
    pub minimum_should_match: Option<MinimumShouldMatch>,
}

/// `dis_max`.
#[derive(Debug, Clone, PartialEq)]
pub struct DisMax {
    /// Any of them.
    pub queries: Vec<Query>,
    /// Share of the scores of the queries that are not the best.
    pub tie_breaker: f32,
}

/// `geo_distance`.
#[derive(Debug, Clone, PartialEq)]
pub struct GeoDistance {
    /// Dotted path.
    pub field: String,
    /// Latitude and longitude of the point.
    pub origin: (f64, f64),
    /// Metres, along the surface.
    pub distance_m: f64,
}

/// `query_string`.
#[derive(Debug, Clone, PartialEq)]
pub struct QueryStringQuery {
    /// The parsed text.
    pub query: query_string::Node,
    /// Paths (with `*`) and boosts for words without field; empty means all fields.
    pub fields: Vec<(String, f32)>,
    /// How words are combined within one value, once analysed.
    pub operator: Operator,
    /// Distance for `~` without number.
    pub fuzziness: Fuzziness,
    /// Characters at the start of a word with `~` that must not differ.
    pub fuzzy_prefix_length: usize,
    /// Whether swapping two neighbours is one edit.
    pub fuzzy_transpositions: bool,
    /// Words of an index that may take the place of one with `~`, the nearest.
    pub fuzzy_max_expansions: usize,
    /// What cuts texts into words, instead of the fields' own.
    pub analyzer: Option<Analyzer>,
    /// Added to the name of a field for phrases, where there is such a field.
    pub quote_field_suffix: Option<String>,
    /// Share of the scores of the fields that are not the best.
    pub tie_breaker: f32,
    /// Slop of phrases that name none.
    pub phrase_slop: u32,
    /// Ignore that a value does not fit a field's type.
    pub lenient: bool,
    /// Zone of dates without one.
    pub time_zone: Option<String>,
    /// For the clauses at the top.
    pub minimum_should_match: Option<MinimumShouldMatch>,
}

/// `operator`, `default_operator`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
pub enum Operator {
    /// One is enough.
    #[default]
    #[serde(alias = "or", alias = "OR")]
    Or,
    /// All are needed.
    #[serde(alias = "and", alias = "AND")]
    And,
}

/// How far a word may be from what was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fuzziness {
    /// By length: below `low` none, below `high` one, else two edits.
    Auto {
        /// Words shorter than this must match exactly.
        low: usize,
        /// Words shorter than this may differ by one edit.
        high: usize,
    },
    /// That many edits: 0, 1 or 2.
    Edits(u8),
}

impl Fuzziness {
    /// `AUTO`.
    pub const AUTO: Self = Self::Auto { low: 3, high: 6 };

    /// Edits allowed for this word.
    pub fn edits(self, word: &str) -> u8 {
        match self {
            Self::Edits(edits) => edits,
            Self::Auto { low, high } => {
                let length = word.chars().count();
                u8::from(length >= low) + u8::from(length >= high)
            }
        }
    }

    /// Reads `AUTO`, `AUTO:3,6`, `1`.
    pub fn parse(value: &Value) -> Option<Self> {
        let text = match value {
            Value::Number(number) => number.to_string(),
            Value::String(text) => text.trim().to_ascii_uppercase(),
            _ => return None,
        };
        if text == "AUTO" {
            return Some(Self::AUTO);
        }
        if let Some(limits) = text.strip_prefix("AUTO:") {
            let (low, high) = limits.split_once(',')?;
            let (low, high) = (low.trim().parse().ok()?, high.trim().parse().ok()?);
            return (low <= high).then_some(Self::Auto { low, high });
        }
        let edits = text.parse::<f32>().ok()?;
        (edits.fract() == 0.0 && (0.0..=2.0).contains(&edits)).then_some(Self::Edits(edits as u8))
    }
}

/// `minimum_should_match`: `2`, `-1`, `75%`, `-25%`, and combinations (`3<75% 9<-3`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MinimumShouldMatch {
    /// That many; negative: all but so many.
    Count(i64),
    /// That share of all, rounded down; negative: all but that share.
    Percent(i64),
    /// With more clauses than the number the rule beside it, the last such; all clauses, if there are fewer.
    Above(Vec<(i64, MinimumShouldMatch)>),
}

impl MinimumShouldMatch {
    /// How many of `clauses` must match.
    pub fn required(&self, clauses: usize) -> usize {
        let total = i64::try_from(clauses).unwrap_or(i64::MAX);
        let required = match self {
            Self::Count(count) if *count < 0 => total.saturating_add(*count),
            Self::Count(count) => *count,
            Self::Percent(percent) if *percent < 0 => total - total.saturating_mul(-percent) / 100,
            Self::Percent(percent) => total.saturating_mul(*percent) / 100,
            Self::Above(rules) => {
                return rules
                    .iter()
                    .rev()
                    .find(|(above, _)| total > *above)
                    .map_or(clauses, |(_, rule)| rule.required(clauses));
            }
        };
        usize::try_from(required.max(0)).unwrap_or(usize::MAX)
    }

    /// Reads the parameter.
    pub fn parse(value: &Value) -> Option<Self> {
        match value {
            Value::Number(number) => number.as_i64().map(Self::Count),
            Value::String(text) if text.contains('<') => {
                let rule = |text: &str| {
                    let (above, rule) = text.split_once('<')?;
                    Some((above.trim().parse().ok()?, Self::simple(rule)?))
                };
                let rules: Option<Vec<_>> = text.split_whitespace().map(rule).collect();
                rules.filter(|rules| rules.len() <= 16).map(Self::Above)
            }
            Value::String(text) => Self::simple(text),
            _ => None,
        }
    }

    fn simple(text: &str) -> Option<Self> {
        match text.trim().strip_suffix('%') {
            Some(percent) => percent.parse().ok().filter(|p| (-100..=100).contains(p)).map(Self::Percent),
            None => text.trim().parse().ok().map(Self::Count),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn minimum_should_match_counts() {
        let check = |text: Value, clauses, expected| {
            let parsed = MinimumShouldMatch::parse(&text).unwrap();
            assert_eq!(parsed.required(clauses), expected, "{text} of {clauses}");
        };
        check(json!(2), 5, 2);
        check(json!("-1"), 5, 4);
        check(json!("75%"), 5, 3);
        check(json!("-25%"), 5, 4);
        check(json!("-9"), 5, 0);
        check(json!(9), 5, 9);
        check(json!("2<75%"), 2, 2);
        check(json!("2<75%"), 4, 3);
        check(json!("2<-25% 9<-3"), 12, 9);
        for refused in [json!("2<x"), json!("x"), json!("200%"), json!(null), json!(1.5)] {
            assert_eq!(MinimumShouldMatch::parse(&refused), None, "{refused}");
        }
    }

    #[test]
    fn fuzziness_by_length() {
        let check = |text: Value, word, expected| {
            assert_eq!(Fuzziness::parse(&text).map(|f| f.edits(word)), expected, "{text} {word}");
        };
        check(json!("AUTO"), "ab", Some(0));
        check(json!("auto"), "abc", Some(1));
        check(json!("AUTO"), "abcdef", Some(2));
        check(json!("AUTO:1,2"), "a", Some(1));
        check(json!(1), "abcdef", Some(1));
        check(json!("2"), "a", Some(2));
        check(json!(3), "a", None);
        check(json!("AUTO:5,2"), "a", None);
    }
}
