use crate::{
    ApiError,
    auth::{extract::Searcher, scope::scope_of},
    frame::extract::ApiQuery,
    search,
    state::App,
};
use axum::{Json, extract::State};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// Which indices to list.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct IndicesQuery {
    /// Names and patterns, separated by commas; all events of shops and devices if absent.
    index: Option<String>,
}

/// An index: the events of one day.
#[derive(Serialize, ToSchema)]
pub(crate) struct IndexView {
    /// Its name.
    name: String,
    /// Events in it.
    documents: u64,
    /// Space on disk, in bytes.
    size_bytes: u64,
    /// When it was created.
    #[schema(value_type = Option<String>, format = DateTime)]
    created_at: Option<Timestamp>,
    /// Earliest `@timestamp` in it.
    #[schema(value_type = Option<String>, format = DateTime)]
    from: Option<Timestamp>,
    /// Latest `@timestamp` in it.
    #[schema(value_type = Option<String>, format = DateTime)]
    to: Option<Timestamp>,
}

/// Lists the indices within the caller's reach, by name.
#[utoipa::path(get, path = "/logs/indices", tag = "logs", params(IndicesQuery),
    responses((status = 200, body = Vec<IndexView>)))]
pub(crate) async fn list_indices(
    State(app): State<App>,
    Searcher(user): Searcher,
    ApiQuery(query): ApiQuery<IndicesQuery>,
) -> Result<Json<Vec<IndexView>>, ApiError> {
    let patterns = search::index_patterns(query.index.as_deref())?;
    let indices = app.parts().logs.indices(&scope_of(&user), &patterns).await?;
    let time = |millis: i64| Timestamp::from_millisecond(millis).ok();
    let views = indices.into_iter().map(|index| IndexView {
        name: index.name,
        documents: index.documents,
        size_bytes: index.size_bytes,
        created_at: time(index.created_at_ms),
        from: index.range.and_then(|(from, _)| time(from)),
        to: index.range.and_then(|(_, to)| time(to)),
    });
    Ok(Json(views.collect()))
}
