use super::{
    body,
    cache::{self, Computed},
    cursor::Cursor,
    histogram::Plan,
    indices,
    request::SearchRequest,
    time::Range,
};
use crate::{
    ApiError,
    auth::{User, scope::scope_of},
    state::App,
};
use bytes::Bytes;
use event::Object;
use futures::FutureExt;
use jiff::Timestamp;
use serde::Serialize;
use std::time::Duration;
use store::{
    logs::{self, SearchResponse, TimeRange},
    scope::Scope,
};
use utoipa::ToSchema;

/// The answer to a search.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SearchAnswer {
    /// How many events matched.
    total: TotalView,
    /// The page.
    hits: Vec<HitView>,
    /// Counts over time, if asked for; buckets without events included.
    #[serde(skip_serializing_if = "Option::is_none")]
    histogram: Option<Vec<Bucket>>,
    /// The aggregations, if asked for, as Elasticsearch answers them.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    aggs: Option<Object>,
    /// Asks for the next page; null on the last.
    next_cursor: Option<String>,
    /// Milliseconds that the search took in the store when it was run.
    took_ms: u64,
    /// Whether the time ran out; the answer is then incomplete.
    timed_out: bool,
    /// Whether the answer was there already.
    cached: bool,
}

/// How many events matched.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TotalView {
    /// The count.
    value: u64,
    /// `eq`, or `gte` if there may be more.
    relation: &'static str,
}

/// An event that matched.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct HitView {
    /// Its id.
    id: String,
    /// The index that holds it.
    index: String,
    /// The event.
    #[schema(value_type = Object)]
    source: Object,
    /// Fragments by field, with the matches marked, if asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    highlight: Option<Object>,
}

/// Events in a span of time.
#[derive(Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Bucket {
    /// When the span begins.
    #[schema(value_type = String, format = DateTime)]
    pub(super) time: Timestamp,
    /// How many events.
    pub(super) count: u64,
}

/// A search that was checked and is ready to run.
struct Question {
    scope: Scope,
    indices: Vec<String>,
    range: Range,
    body: Object,
    /// Digest of search and reach, which a cursor is bound to.
    digest: String,
    size: usize,
    plan: Option<Plan>,
}

/// Runs a search and gives the answer as JSON.
pub(crate) async fn search(app: &App, user: &User, request: SearchRequest) -> Result<Bytes, ApiError> {
    let question = prepare(app, user, request).await?;
    let range = TimeRange { from_ms: question.range.from_ms, to_ms: question.range.to_ms };
    let state = app.parts().logs.state_token(&question.scope, &question.indices, Some(range)).await?;
    let key = cache::key(&question.scope, &question.indices, &question.body, &question.digest, &state);
    let owned = app.clone();
    let (bytes, cached) =
        app.answers().get(key, || async move { compute(&owned, question).await }.boxed()).await?;
    Ok(if cached { mark_cached(&bytes) } else { bytes })
}

async fn prepare(app: &App, user: &User, request: SearchRequest) -> Result<Question, ApiError> {
    request.check()?;
    let scope = scope_of(user);
    let indices = indices::patterns(request.index.as_deref())?;
    let digest = digest(&scope, &request)?;
    let (range, after) = match &request.cursor {
        Some(text) => {
            let cursor = Cursor::verify(text, &digest, &app.config().signing_secret)?;
            (cursor.range, Some(cursor.after))
        }
        None => (Range::resolve(request.from.as_ref(), request.to.as_ref(), app.accounts().now())?, None),
    };
    let plan = match &request.histogram {
        Some(histogram) => {
            let (from, to) = span(app, &scope, &indices, range).await?;
            Plan::new(histogram, from, to)?
        }
        None => None,
    };
    let histogram = plan.as_ref().map(Plan::aggregation);
    let body = body::page(&request, range, after.as_deref(), histogram)?;
    // Without a plan a histogram was asked for over no events at all, or not asked for.
    Ok(Question { scope, indices, range, body, digest, size: request.size(), plan })
}

/// What the histogram spans: the range asked for; where that is open, as far as there are events.
pub(super) async fn span(
    app: &App,
    scope: &Scope,
    indices: &[String],
    range: Range,
) -> Result<(i64, i64), ApiError> {
    if let (Some(from), Some(to)) = (range.from_ms, range.to_ms) {
        return Ok((from, to));
    }
    let held: Vec<(i64, i64)> =
        app.parts().logs.indices(scope, indices).await?.into_iter().filter_map(|index| index.range).collect();
    let first = held.iter().map(|(from, _)| *from).min();
    let last = held.iter().map(|(_, to)| *to).max();
    // No events: a span that is empty.
    Ok((range.from_ms.or(first).unwrap_or(i64::MAX), range.to_ms.or(last).unwrap_or(i64::MIN)))
}

async fn compute(app: &App, question: Question) -> Result<Computed, ApiError> {
    let request = logs::SearchRequest {
        indices: question.indices,
        body: question.body,
        timeout: Some(Duration::from_secs(body::TIMEOUT_SECS)),
        options: store::logs::IndicesOptions::LENIENT,
        ..logs::SearchRequest::default()
    };
    let mut response = app.parts().logs.search(&question.scope, request).await?;
    let next = next_cursor(app, &mut response, question.size, &question.digest, question.range)?;
    let keep = !response.timed_out;
    let answer = answer(response, question.plan, next);
    let bytes = serde_json::to_vec(&answer).map_err(ApiError::internal)?;
    Ok(Computed { bytes: bytes.into(), keep })
}

/// Takes the surplus hit off the page; its presence says that there is a next one.
fn next_cursor(
    app: &App,
    response: &mut SearchResponse,
    size: usize,
    digest: &str,
    range: Range,
) -> Result<Option<String>, ApiError> {
    if size == 0 || response.hits.len() <= size {
        return Ok(None);
    }
    response.hits.truncate(size);
    let Some(last) = response.hits.last() else { return Ok(None) };
    let cursor = Cursor { search: digest.to_owned(), range, after: last.sort.clone() };
    cursor.sign(&app.config().signing_secret).map(Some)
}

fn answer(response: SearchResponse, plan: Option<Plan>, next_cursor: Option<String>) -> SearchAnswer {
    let mut aggs = response.aggregations.unwrap_or_default();
    let histogram = plan.map(|plan| plan.read(&mut aggs));
    SearchAnswer {
        total: TotalView {
            value: response.total.map_or(0, |total| total.value),
            relation: if response.total.is_some_and(|total| total.exact) { "eq" } else { "gte" },
        },
        hits: response.hits.into_iter().map(HitView::from).collect(),
        histogram,
        aggs: (!aggs.is_empty()).then_some(aggs),
        next_cursor,
        took_ms: response.took_ms,
        timed_out: response.timed_out,
        cached: false,
    }
}

impl From<logs::Hit> for HitView {
    fn from(hit: logs::Hit) -> Self {
        let highlight = hit.highlight;
        Self { id: hit.id, index: hit.index, source: hit.source.unwrap_or_default(), highlight }
    }
}

/// Digest of what makes two pages belong to the same search: the question without its position, and the reach.
fn digest(scope: &Scope, request: &SearchRequest) -> Result<String, ApiError> {
    let SearchRequest { query, from, to, filters, index, sort, .. } = request;
    let sort = super::sort::to_dsl(sort.as_ref())?;
    let parts = (scope.cache_key(), query, from, to, filters, index, sort);
    let bytes = serde_json::to_vec(&parts).map_err(ApiError::internal)?;
    Ok(hex::encode(&blake3::hash(&bytes).as_bytes()[..16]))
}

/// The same answer with `cached` set, which is its last member.
fn mark_cached(bytes: &Bytes) -> Bytes {
    const FRESH: &[u8] = b"false}";
    match bytes.strip_suffix(FRESH) {
        Some(rest) => [rest, b"true}"].concat().into(),
        None => bytes.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    #[test]
    fn only_the_mark_of_an_answer_changes() {
        let answer = answer(SearchResponse { took_ms: 3, ..SearchResponse::default() }, None, None);
        let fresh: Bytes = serde_json::to_vec(&answer).unwrap().into();
        let mut expected: Value = serde_json::from_slice(&fresh).unwrap();
        assert_eq!(expected["cached"], json!(false));
        expected["cached"] = json!(true);
        assert_eq!(serde_json::from_slice::<Value>(&mark_cached(&fresh)).unwrap(), expected);
    }
}
