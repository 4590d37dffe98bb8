//! What kinds of messages there are. Counted in the store over what the caller may see, in two steps: which patterns, then what
//! a page shows of them. Only then templates are looked up, and only for those: a template is what all messages of a pattern
//! have in common, so whoever sees one of them learns nothing by it.

mod groups;
mod view;

pub(crate) use view::PatternView;

use super::{body, histogram::Plan, indices, request::SearchRequest, run, time::Range};
use crate::{
    ApiError,
    auth::{
        User,
        scope::{event_indices, scope_of},
    },
    state::App,
};
use event::Object;
use groups::{Counted, Group};
use ingest::patterns::{Pattern, PatternId};
use jiff::Timestamp;
use serde_json::{Value, json};
use std::{
    collections::{HashMap, HashSet},
    time::Duration,
};
use store::{
    logs::{self, IndicesOptions},
    scope::{IndexRight, Scope},
};

/// The id of a message's pattern.
const FIELD: &str = "log.pattern.id";
/// Most ids that are counted: the rarest beyond are not listed.
const IDS_MAX: usize = 10_000;
/// Patterns on a page.
const LIMIT_DEFAULT: usize = 50;
const LIMIT_MAX: usize = 200;
/// Most buckets of a pattern's histogram, and most levels that are counted.
const BUCKETS_MAX: i64 = 30;
const LEVELS_MAX: usize = 10;
const DATASETS_MAX: usize = 50;
/// Name of the aggregation by pattern.
const PATTERNS: &str = "patterns";

/// Which patterns to list; see the handler's query for what each means.
#[derive(Debug, Default)]
pub(crate) struct PatternsRequest {
    pub(crate) query: Option<String>,
    pub(crate) from: Option<String>,
    pub(crate) to: Option<String>,
    pub(crate) dataset: Option<String>,
    pub(crate) index: Option<String>,
    pub(crate) new_since: Option<String>,
    pub(crate) only_new: bool,
    /// Patterns on the pages before.
    pub(crate) skip: usize,
    pub(crate) limit: Option<usize>,
}

/// A page of patterns.
pub(crate) struct Patterns {
    pub(crate) items: Vec<PatternView>,
    /// On all pages.
    pub(crate) patterns: usize,
    pub(crate) events: u64,
    /// Events of patterns that were not counted.
    pub(crate) other_events: u64,
    pub(crate) timed_out: bool,
    /// What the next page skips.
    pub(crate) next: Option<usize>,
}

/// A question that was checked.
struct Question<'a> {
    app: &'a App,
    scope: Scope,
    indices: Vec<String>,
    /// In the store's query language.
    query: Value,
    new_since: Option<Timestamp>,
    /// Buckets of the histograms; `None` where there are no events.
    plan: Option<Plan>,
}

/// Lists patterns.
pub(crate) async fn list(app: &App, user: &User, request: PatternsRequest) -> Result<Patterns, ApiError> {
    let limit = match request.limit.unwrap_or(LIMIT_DEFAULT) {
        limit @ 1..=LIMIT_MAX => limit,
        other => return Err(ApiError::field("limit", format!("cannot be {other}: use 1 to {LIMIT_MAX}"))),
    };
    let question = Question::of(app, user, &request).await?;
    let Counted { mut groups, other_events, timed_out } = question.count().await?;
    if request.only_new {
        question.add_first_seen(&mut groups).await?;
        groups.retain(|group| question.is_new(group));
    }
    let (patterns, events) = (groups.len(), groups.iter().map(|group| group.count).sum());
    let mut page: Vec<Group> = groups.into_iter().skip(request.skip).take(limit).collect();
    let shown = request.skip.saturating_add(page.len());
    question.add_first_seen(&mut page).await?;
    let items = question.views(page).await?;
    Ok(Patterns {
        items,
        patterns,
        events,
        other_events,
        timed_out,
        next: (shown < patterns).then_some(shown),
    })
}

impl<'a> Question<'a> {
    async fn of(app: &'a App, user: &User, request: &PatternsRequest) -> Result<Self, ApiError> {
        let scope = scope_of(user);
        // Who does not see messages does not see the field either; nothing would be found.
        if scope.masks_field(FIELD) {
            return Err(ApiError::forbidden(format!("the field {FIELD:?} is masked for you")));
        }
        let text = |text: &Option<String>| text.clone().map(Value::String);
        let search = SearchRequest {
            query: request.query.clone(),
            filters: datasets(request.dataset.as_deref())?,
            ..SearchRequest::default()
        };
        search.check()?;
        let now = app.accounts().now();
        let range = Range::resolve(text(&request.from).as_ref(), text(&request.to).as_ref(), now)?;
        let new_since = match &request.new_since {
            Some(_) => Range::resolve(text(&request.new_since).as_ref(), None, now)
                .map_err(|_| ApiError::field("new_since", "is not a time: use RFC 3339, a day, or now-1h"))?,
            None => range,
        };
        if request.only_new && new_since.from_ms.is_none() {
            return Err(ApiError::field("only_new", "needs to know since when: give new_since or from"));
        }
        let indices = indices::patterns(request.index.as_deref())?;
        let (from, to) = run::span(app, &scope, &indices, range).await?;
        Ok(Self {
            app,
            query: body::query(&search, range)?,
            new_since: new_since.from_ms.and_then(|millis| Timestamp::from_millisecond(millis).ok()),
            plan: Plan::within(BUCKETS_MAX, from, to),
            scope,
            indices,
        })
    }

    /// Events by pattern.
    async fn count(&self) -> Result<Counted, ApiError> {
        let aggregation = json!({
            "terms": {"field": FIELD, "size": IDS_MAX},
            "aggs": {"first": {"min": {"field": "@timestamp"}}, "last": {"max": {"field": "@timestamp"}}},
        });
        let mut response = self.ask(&self.indices, &self.query, aggregation).await?;
        let aggregations = response.aggregations.take().unwrap_or_default();
        let buckets = aggregations.get(PATTERNS).unwrap_or(&Value::Null);
        let ids: HashSet<PatternId> = groups::keys(buckets).filter_map(|key| key.parse().ok()).collect();
        let known =
            self.app.parts().intake.patterns().map(|patterns| patterns.find(&ids)).unwrap_or_default();
        Ok(Counted { timed_out: response.timed_out, ..Counted::of(buckets, known) })
    }

    /// When the patterns were first seen ever. What is known here counts if it is early enough; a pattern that seems new may have
    /// been forgotten in between, and who does not see all events must not learn of others: there the events are asked.
    async fn add_first_seen(&self, groups: &mut [Group]) -> Result<(), ApiError> {
        let sees_all = self.scope.filter().is_none()
            && event_indices().iter().all(|indices| self.scope.may(IndexRight::Read, indices));
        let mut unknown = Vec::new();
        for group in groups.iter_mut().filter(|group| group.first_seen.is_none()) {
            match &group.pattern {
                Some(pattern)
                    if sees_all && self.new_since.is_none_or(|since| pattern.first_seen < since) =>
                {
                    group.first_seen = Some(pattern.first_seen.min(group.first));
                }
                _ => unknown.extend(group.ids.iter().cloned()),
            }
        }
        if unknown.is_empty() {
            return Ok(());
        }
        let aggregation = json!({
            "terms": {"field": FIELD, "size": unknown.len()},
            "aggs": {"first": {"min": {"field": "@timestamp"}}},
        });
        let mut everywhere = indices::patterns(None)?;
        everywhere.extend(self.indices.iter().filter(|name| name.contains('*')).cloned());
        let query = json!({"terms": {FIELD: unknown}});
        let response = self.ask(&everywhere, &query, aggregation).await?;
        let aggregations = response.aggregations.unwrap_or_default();
        let first: HashMap<&str, Timestamp> =
            groups::firsts(aggregations.get(PATTERNS).unwrap_or(&Value::Null)).collect();
        for group in groups.iter_mut().filter(|group| group.first_seen.is_none()) {
            group.first_seen = group.ids.iter().filter_map(|id| first.get(id.as_str()).copied()).min();
        }
        Ok(())
    }

    fn is_new(&self, group: &Group) -> bool {
        match (self.new_since, group.first_seen) {
            (Some(since), Some(first)) => first >= since,
            _ => false,
        }
    }

    /// What is shown of the patterns of a page.
    async fn views(&self, page: Vec<Group>) -> Result<Vec<PatternView>, ApiError> {
        let ids: Vec<&str> = page.iter().flat_map(|group| &group.ids).map(String::as_str).collect();
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let mut aggregations = json!({
            "levels": {"terms": {"field": "log.level", "size": LEVELS_MAX}},
            "sample": {"top_hits": {"size": 1, "sort": [{"@timestamp": "desc"}], "_source": ["message", "event.dataset"]}},
        });
        if let Some(plan) = &self.plan {
            aggregations[body::HISTOGRAM] = plan.aggregation();
        }
        let aggregation = json!({"terms": {"field": FIELD, "size": ids.len()}, "aggs": aggregations});
        let query = json!({"bool": {"filter": [self.query, {"terms": {FIELD: ids}}]}});
        let mut response = self.ask(&self.indices, &query, aggregation).await?;
        let mut aggregations = response.aggregations.take().unwrap_or_default();
        let mut details = groups::by_key(aggregations.get_mut(PATTERNS).map(Value::take).unwrap_or_default());
        let shows_dataset = !self.scope.masks_field("event.dataset");
        let views = page.into_iter().map(|group| {
            let is_new = self.is_new(&group);
            let details = group.ids.iter().filter_map(|id| details.remove(id)).collect();
            PatternView::of(group, details, self.plan.as_ref(), is_new, shows_dataset)
        });
        Ok(views.collect())
    }

    async fn ask(
        &self,
        indices: &[String],
        query: &Value,
        aggregation: Value,
    ) -> Result<logs::SearchResponse, ApiError> {
        let mut body = Object::new();
        body.insert("query".into(), query.clone());
        body.insert("size".into(), 0.into());
        body.insert("track_total_hits".into(), false.into());
        body.insert("timeout".into(), format!("{}s", body::TIMEOUT_SECS).into());
        body.insert("aggs".into(), json!({PATTERNS: aggregation}));
        let request = logs::SearchRequest {
            indices: indices.to_vec(),
            body,
            timeout: Some(Duration::from_secs(body::TIMEOUT_SECS)),
            options: IndicesOptions::LENIENT,
            ..logs::SearchRequest::default()
        };
        Ok(self.app.parts().logs.search(&self.scope, request).await?)
    }
}

/// The filter for these datasets.
fn datasets(text: Option<&str>) -> Result<Vec<Value>, ApiError> {
    let Some(text) = text else { return Ok(Vec::new()) };
    let datasets: Vec<&str> = text.split(',').map(str::trim).filter(|dataset| !dataset.is_empty()).collect();
    if datasets.is_empty() || datasets.len() > DATASETS_MAX {
        let message = format!("names {} datasets: use 1 to {DATASETS_MAX}", datasets.len());
        return Err(ApiError::field("dataset", message));
    }
    Ok(vec![json!({"terms": {"event.dataset": datasets}})])
}
