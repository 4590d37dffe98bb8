use crate::{
    ApiError,
    auth::{extract::Searcher, scope::scope_of},
    frame::extract::{ApiJson, ApiQuery},
    search::{self, SearchAnswer, SearchParameters, SearchRequest, export::Format},
    state::App,
};
use axum::{
    Json,
    body::{Body, Bytes},
    extract::State,
    http::header,
    response::{IntoResponse, Response},
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// Which fields to list.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct FieldsQuery {
    /// Indices and patterns, separated by commas; all events of shops and devices if absent.
    index: Option<String>,
}

/// A field that can be searched or aggregated.
#[derive(Serialize, ToSchema)]
pub(crate) struct FieldView {
    /// Its dotted path.
    name: String,
    /// Its Elasticsearch type; several when indices differ.
    types: Vec<String>,
    /// Whether it can be searched.
    searchable: bool,
    /// Whether it can be sorted and aggregated by.
    aggregatable: bool,
}

/// How to export.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct ExportQuery {
    /// `csv` or `ndjson`.
    #[param(inline)]
    format: Format,
}

fn json_body(bytes: Bytes) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], bytes).into_response()
}

/// Searches events.
#[utoipa::path(post, path = "/search", tag = "search", request_body = SearchRequest, responses(
    (status = 200, body = SearchAnswer), (status = 400, description = "The search cannot be understood; the error says where"),
    (status = 403, description = "An index is out of reach"), (status = 408, description = "It took too long")))]
pub(crate) async fn search_events(
    State(app): State<App>,
    Searcher(user): Searcher,
    ApiJson(request): ApiJson<SearchRequest>,
) -> Result<Response, ApiError> {
    Ok(json_body(search::search(&app, &user, request).await?))
}

/// Searches events: `POST /search` in the query string.
#[utoipa::path(get, path = "/logs", tag = "search", params(SearchParameters), responses(
    (status = 200, body = SearchAnswer), (status = 400, description = "The search cannot be understood; the error says where"),
    (status = 403, description = "An index is out of reach")))]
pub(crate) async fn list_logs(
    State(app): State<App>,
    Searcher(user): Searcher,
    ApiQuery(parameters): ApiQuery<SearchParameters>,
) -> Result<Response, ApiError> {
    Ok(json_body(search::search(&app, &user, parameters.into()).await?))
}

/// The fields that can be searched, with their types.
#[utoipa::path(get, path = "/search/fields", tag = "search", params(FieldsQuery),
    responses((status = 200, body = Vec<FieldView>)))]
pub(crate) async fn list_fields(
    State(app): State<App>,
    Searcher(user): Searcher,
    ApiQuery(query): ApiQuery<FieldsQuery>,
) -> Result<Json<Vec<FieldView>>, ApiError> {
    let patterns = search::index_patterns(query.index.as_deref())?;
    let fields = app.parts().logs.fields(&scope_of(&user), &patterns).await?;
    let views = fields.into_iter().map(|field| FieldView {
        name: field.name,
        types: field.types,
        searchable: field.searchable,
        aggregatable: field.aggregatable,
    });
    Ok(Json(views.collect()))
}

/// Exports all events that match, as a stream. `size`, `cursor`, `histogram` and `aggs` do not count.
///
/// An answer that ends without its final chunk is incomplete.
#[utoipa::path(post, path = "/search/export", tag = "search", params(ExportQuery), request_body = SearchRequest, responses(
    (status = 200, description = "The events", content((String = "text/csv"), (String = "application/x-ndjson"))),
    (status = 400, description = "The search cannot be understood; the error says where")))]
pub(crate) async fn export_events(
    State(app): State<App>,
    Searcher(user): Searcher,
    ApiQuery(query): ApiQuery<ExportQuery>,
    ApiJson(request): ApiJson<SearchRequest>,
) -> Result<Response, ApiError> {
    let stream = search::export::export(&app, &user, request, query.format).await?;
    let (kind, file) = match query.format {
        Format::Csv => ("text/csv; charset=utf-8", "attachment; filename=\"events.csv\""),
        Format::Ndjson => ("application/x-ndjson", "attachment; filename=\"events.ndjson\""),
    };
    let headers = [(header::CONTENT_TYPE, kind), (header::CONTENT_DISPOSITION, file)];
    Ok((headers, Body::from_stream(stream)).into_response())
}
