use crate::{ApiError, auth::extract::Ingester, event_body, frame::extract::ApiQuery, state::App};
use axum::{Json, body::Body, extract::State, http::HeaderMap};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// How to read the events.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct CreateEventsQuery {
    /// Name of the pipeline; recognised by the first records if absent or `auto`.
    pipeline: Option<String>,
}

/// What became of the events; all of it is durable.
#[derive(Debug, Default, Serialize, ToSchema)]
pub(crate) struct CreateEventsResponse {
    /// Stored.
    pub(crate) indexed: u64,
    /// Were stored already.
    pub(crate) duplicates: u64,
    /// Became dead letters.
    pub(crate) dead: u64,
    /// Dropped by the pipeline on purpose.
    pub(crate) dropped: u64,
    /// The pipeline that they went through.
    pub(crate) pipeline: String,
}

/// Takes events in: one JSON object or line of text a line, or a JSON array of objects.
///
/// When the answer comes, what it counts is durable. If it is an error, an unknown part is stored; records with ids of
/// their own can be sent again without harm.
#[utoipa::path(post, path = "/logs/events", tag = "logs", params(CreateEventsQuery),
    request_body(content((String = "application/x-ndjson"), (Vec<Object> = "application/json"), (String = "text/plain"))),
    responses((status = 200, body = CreateEventsResponse), (status = 400, description = "The body cannot be read, or there is no such pipeline"),
        (status = 413, description = "The body is too large"), (status = 429, description = "The store is behind; wait and send again"),
        (status = 507, description = "No space left")))]
pub(crate) async fn create_events(
    State(app): State<App>,
    Ingester(_user): Ingester,
    ApiQuery(query): ApiQuery<CreateEventsQuery>,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<CreateEventsResponse>, ApiError> {
    Ok(Json(event_body::submit(&app, query.pipeline, &headers, body).await?))
}
