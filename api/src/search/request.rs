use super::sort::SortInput;
use crate::ApiError;
use event::Object;
use serde::Deserialize;
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

/// Most hits on a page.
pub(super) const SIZE_MAX: usize = 1_000;
const SIZE_DEFAULT: usize = 50;
const QUERY_MAX_BYTES: usize = 16 << 10;
const FILTERS_MAX: usize = 100;
const FIELDS_MAX: usize = 200;
const FIELD_MAX_BYTES: usize = 512;
/// Deepest nesting of `filters` and `aggs`.
const DEPTH_MAX: usize = 30;

/// A search.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SearchRequest {
    /// What to look for, as typed into a search field: words, `field: value`, `status >= 500 and not user.name: bot*`.
    /// Words side by side must all match. Absent: everything.
    pub(crate) query: Option<String>,
    /// Earliest `@timestamp`: RFC 3339, a day, milliseconds since 1970, or relative to now (`now-24h`, `now-7d/d`).
    #[schema(value_type = Option<String>, example = "now-24h")]
    pub(crate) from: Option<Value>,
    /// Latest `@timestamp`, that instant included; a day means its end.
    #[schema(value_type = Option<String>, example = "now")]
    pub(crate) to: Option<Value>,
    /// Further conditions, in Elasticsearch's query DSL; all must hold.
    #[serde(default)]
    #[schema(value_type = Vec<Object>)]
    pub(crate) filters: Vec<Value>,
    /// Indices and patterns, separated by commas. Absent: all events of shops and devices.
    #[schema(example = "ecommerce-logs-*")]
    pub(crate) index: Option<String>,
    /// Order: `[{"@timestamp":"desc"}]`, or names with `:asc` or `:desc`. Absent: newest first.
    pub(crate) sort: Option<SortInput>,
    /// Hits on the page, 0 to 1,000; 50 if absent.
    pub(crate) size: Option<usize>,
    /// `next_cursor` of the page before, with all else unchanged.
    pub(crate) cursor: Option<String>,
    /// Whether to mark what matched.
    #[serde(default)]
    pub(crate) highlight: bool,
    /// Counts events over time.
    pub(crate) histogram: Option<HistogramRequest>,
    /// Aggregations, in Elasticsearch's form.
    #[schema(value_type = Option<Object>)]
    pub(crate) aggs: Option<Object>,
    /// Fields to return, with `*`; all if absent. Of an export to CSV: its columns.
    pub(crate) fields: Option<Vec<String>>,
}

/// How to count events over time.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct HistogramRequest {
    /// Length of a bucket: `auto` (about 60 buckets), or a number with `s`, `m`, `h`, `d` or `w`.
    #[serde(default = "auto")]
    pub(crate) interval: String,
}

fn auto() -> String {
    "auto".to_owned()
}

/// A search in the query string of an address.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct SearchParameters {
    /// As `query` of `POST /search`.
    q: Option<String>,
    /// Earliest `@timestamp`.
    from: Option<String>,
    /// Latest `@timestamp`.
    to: Option<String>,
    /// Order: `field:asc,field:desc`.
    sort: Option<String>,
    /// Hits on the page.
    size: Option<usize>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
    /// Indices and patterns, separated by commas.
    index: Option<String>,
}

impl From<SearchParameters> for SearchRequest {
    fn from(given: SearchParameters) -> Self {
        Self {
            query: given.q,
            from: given.from.map(Value::String),
            to: given.to.map(Value::String),
            sort: given.sort.map(SortInput::Text),
            size: given.size,
            cursor: given.cursor,
            index: given.index,
            ..Self::default()
        }
    }
}

impl SearchRequest {
    /// Hits on the page.
    pub(super) fn size(&self) -> usize {
        self.size.unwrap_or(SIZE_DEFAULT)
    }

    /// Checks the bounds that need no look at the store.
    pub(super) fn check(&self) -> Result<(), ApiError> {
        if self.size() > SIZE_MAX {
            return Err(ApiError::field("size", format!("cannot be {}: use 0 to {SIZE_MAX}", self.size())));
        }
        if self.query.as_ref().is_some_and(|query| query.len() > QUERY_MAX_BYTES) {
            return Err(ApiError::field("query", format!("is longer than {QUERY_MAX_BYTES} bytes")));
        }
        if self.filters.len() > FILTERS_MAX {
            return Err(ApiError::field("filters", format!("holds more than {FILTERS_MAX} conditions")));
        }
        if let Some(bad) = self.filters.iter().find(|filter| !filter.is_object()) {
            return Err(ApiError::field("filters", format!("{bad} is not a query")));
        }
        if !self.filters.iter().all(|filter| is_shallow(filter, DEPTH_MAX)) {
            return Err(ApiError::field("filters", format!("is nested deeper than {DEPTH_MAX}")));
        }
        if !self.aggs.iter().flat_map(Object::values).all(|agg| is_shallow(agg, DEPTH_MAX)) {
            return Err(ApiError::field("aggs", format!("is nested deeper than {DEPTH_MAX}")));
        }
        self.check_fields()
    }

    fn check_fields(&self) -> Result<(), ApiError> {
        let fields = self.fields.as_deref().unwrap_or_default();
        if fields.len() > FIELDS_MAX {
            return Err(ApiError::field("fields", format!("names more than {FIELDS_MAX} fields")));
        }
        match fields.iter().find(|field| field.is_empty() || field.len() > FIELD_MAX_BYTES) {
            Some(bad) => Err(ApiError::field("fields", format!("{bad:?} is not a field"))),
            None => Ok(()),
        }
    }
}

fn is_shallow(value: &Value, depth: usize) -> bool {
    match value {
        Value::Array(items) => depth > 0 && items.iter().all(|item| is_shallow(item, depth - 1)),
        Value::Object(members) => depth > 0 && members.values().all(|member| is_shallow(member, depth - 1)),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn bounds() {
        let check = |body: Value, field: Option<&str>| {
            let request: SearchRequest = serde_json::from_value(body.clone()).unwrap();
            let detail = request.check().err().map(|error| error.detail().to_owned());
            assert_eq!(detail, field.map(|field| format!("invalid input: {field}")), "{body}");
        };
        let nested = |depth| (0..depth).fold(json!({}), |inner, _| json!({"bool": inner}));
        check(json!({}), None);
        check(json!({"size": 0}), None);
        check(json!({"size": 1_000}), None);
        check(json!({"size": 1_001}), Some("size"));
        check(json!({"query": "x".repeat(16 << 10)}), None);
        check(json!({"query": "x".repeat((16 << 10) + 1)}), Some("query"));
        check(json!({"filters": ["text"]}), Some("filters"));
        check(json!({"filters": [nested(29)]}), None);
        check(json!({"filters": [nested(40)]}), Some("filters"));
        check(json!({"aggs": {"a": nested(40)}}), Some("aggs"));
        check(json!({"fields": [""]}), Some("fields"));
    }

    #[test]
    fn unknown_members_are_refused() {
        assert!(serde_json::from_value::<SearchRequest>(json!({"qeury": "typo"})).is_err());
    }
}
