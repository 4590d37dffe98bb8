use super::page::{self, Page};
use crate::{
    ApiError,
    auth::{MASKED, extract::Analyst},
    frame::extract::{ApiJson, ApiQuery},
    state::App,
};
use axum::{Json, extract::State};
use ingest::dead_letters::{DeadLetter, DeadLetterFilter, ReplayReport, ReplayTarget};
use serde::Deserialize;
use store::scope::Scope;
use utoipa::IntoParams;

/// Which dead letters to list.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct DeadLettersQuery {
    /// Those of this upload.
    upload: Option<String>,
    /// Those of this pipeline.
    pipeline: Option<String>,
    /// Items on the page, 1 to 1,000; 50 if absent.
    limit: Option<usize>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// Lists records that could not become events, with the reason, newest first.
#[utoipa::path(get, path = "/logs/dead-letters", tag = "logs", params(DeadLettersQuery),
    responses((status = 200, body = Page<Object>)))]
pub(crate) async fn list_dead_letters(
    State(app): State<App>,
    Analyst(user): Analyst,
    ApiQuery(query): ApiQuery<DeadLettersQuery>,
) -> Result<Json<Page<DeadLetter>>, ApiError> {
    let filter = DeadLetterFilter { upload: query.upload, pipeline: query.pipeline };
    let limit = page::limit(query.limit)?;
    let found = app.parts().uploads.dead_letters(&filter, query.cursor.as_deref(), limit).await?;
    let items = found.items.into_iter().map(|letter| masked(letter, &user.scope)).collect();
    Ok(Json(Page { items, next_cursor: found.next_cursor }))
}

/// The letter as this caller may see it: the record as it arrived holds every field, and reasons quote it.
fn masked(letter: DeadLetter, scope: &Scope) -> DeadLetter {
    if !scope.masks_anything() {
        return letter;
    }
    DeadLetter { original: MASKED.to_owned(), reason: MASKED.to_owned(), ..letter }
}

/// Sends dead letters through their pipeline again: `{"upload": "id"}` or `{"ids": ["…"]}`. Those that make it are dead
/// letters no more.
#[utoipa::path(post, path = "/logs/dead-letters/replay", tag = "logs", request_body = Object,
    responses((status = 200, body = Object, description = "Counts: replayed, indexed, duplicates, dropped, dead"),
        (status = 404, description = "No such upload")))]
pub(crate) async fn replay_dead_letters(
    State(app): State<App>,
    Analyst(_user): Analyst,
    ApiJson(target): ApiJson<ReplayTarget>,
) -> Result<Json<ReplayReport>, ApiError> {
    Ok(Json(app.parts().uploads.replay(target).await?))
}
