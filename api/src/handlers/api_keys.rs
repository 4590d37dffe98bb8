use super::page::{Page, PageQuery};
use crate::{
    ApiError,
    auth::{ApiKeyView, Client, CreatedApiKey, NewApiKey, extract::Admin},
    frame::extract::{ApiJson, ApiPath, ApiQuery},
    state::App,
};
use axum::{Json, extract::State, http::StatusCode};

/// Lists the API keys, newest first.
#[utoipa::path(get, path = "/api-keys", tag = "users", params(PageQuery),
    responses((status = 200, body = Page<ApiKeyView>)))]
pub(crate) async fn list_api_keys(
    State(app): State<App>,
    Admin(_admin): Admin,
    ApiQuery(page): ApiQuery<PageQuery>,
) -> Result<Json<Page<ApiKeyView>>, ApiError> {
    let (keys, next) = app.accounts().list_api_keys(page.limit()?, page.position()?).await?;
    Ok(Json(Page::new(keys, next)?))
}

/// Makes an API key. Its secret is shown in this answer only.
#[utoipa::path(post, path = "/api-keys", tag = "users", request_body = NewApiKey,
    responses((status = 201, body = CreatedApiKey), (status = 400, description = "Invalid input")))]
pub(crate) async fn create_api_key(
    State(app): State<App>,
    Admin(admin): Admin,
    client: Client,
    ApiJson(key): ApiJson<NewApiKey>,
) -> Result<(StatusCode, Json<CreatedApiKey>), ApiError> {
    let created = app.accounts().create_api_key(key, &admin.id, client.address).await?;
    Ok((StatusCode::CREATED, Json(created)))
}

/// Removes an API key: from the next request on it is refused.
#[utoipa::path(delete, path = "/api-keys/{id}", tag = "users", params(("id" = String, Path, description = "The key")),
    responses((status = 204, description = "Done"), (status = 404, description = "No such key")))]
pub(crate) async fn delete_api_key(
    State(app): State<App>,
    Admin(admin): Admin,
    client: Client,
    ApiPath(id): ApiPath<String>,
) -> Result<StatusCode, ApiError> {
    app.accounts().delete_api_key(&id, &admin.id, client.address).await?;
    Ok(StatusCode::NO_CONTENT)
}
