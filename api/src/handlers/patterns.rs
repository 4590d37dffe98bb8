use super::page;
use crate::{
    ApiError,
    auth::extract::Searcher,
    frame::extract::ApiQuery,
    search::patterns::{self, PatternView, PatternsRequest},
    state::App,
};
use axum::{Json, extract::State};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// Which patterns to list.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct PatternsQuery {
    /// Which events count, as `query` of `POST /search`: `log.level: error`.
    q: Option<String>,
    /// Earliest `@timestamp`: RFC 3339, a day, milliseconds since 1970, or relative to now (`now-1h`).
    from: Option<String>,
    /// Latest `@timestamp`.
    to: Option<String>,
    /// Values of `event.dataset`, separated by commas.
    dataset: Option<String>,
    /// Indices and patterns of indices, separated by commas; all events of shops and devices if absent.
    index: Option<String>,
    /// A pattern is new if it was never seen before this time; `from` if absent.
    new_since: Option<String>,
    /// Whether to list new patterns alone.
    #[serde(default)]
    only_new: bool,
    /// Patterns on the page, 1 to 200; 50 if absent.
    limit: Option<usize>,
    /// `next_cursor` of the page before, with all else unchanged.
    cursor: Option<String>,
}

/// A page of patterns.
#[derive(Serialize, ToSchema)]
pub(crate) struct PatternsPage {
    /// The patterns, most frequent first.
    items: Vec<PatternView>,
    /// How many patterns there are on all pages.
    patterns: usize,
    /// Events of all patterns.
    events: u64,
    /// Events of patterns beyond the 10,000 most frequent, which are not listed.
    other_events: u64,
    /// Whether the time ran out; counts are too small then.
    timed_out: bool,
    /// Asks for the next page; null on the last.
    next_cursor: Option<String>,
}

/// What kinds of messages there are: the log patterns of the events in a span of time, most frequent first, with counts and one
/// message each. The events of one are found by `{"terms": {"log.pattern.id": ids}}` among the `filters` of `POST /search`.
#[utoipa::path(get, path = "/logs/patterns", tag = "logs", params(PatternsQuery), responses(
    (status = 200, body = PatternsPage), (status = 400, description = "The query cannot be understood; the error says where"),
    (status = 403, description = "An index is out of reach, or messages are masked for the caller")))]
pub(crate) async fn list_patterns(
    State(app): State<App>,
    Searcher(user): Searcher,
    ApiQuery(query): ApiQuery<PatternsQuery>,
) -> Result<Json<PatternsPage>, ApiError> {
    let PatternsQuery { q, from, to, dataset, index, new_since, only_new, limit, cursor } = query;
    let skip: usize = cursor.as_deref().map(page::decode).transpose()?.unwrap_or_default();
    let request = PatternsRequest { query: q, from, to, dataset, index, new_since, only_new, skip, limit };
    let found = patterns::list(&app, &user, request).await?;
    let next = found.next.as_ref().map(page::encode).transpose()?;
    Ok(Json(PatternsPage {
        items: found.items,
        patterns: found.patterns,
        events: found.events,
        other_events: found.other_events,
        timed_out: found.timed_out,
        next_cursor: next,
    }))
}
