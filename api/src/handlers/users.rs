use super::page::{Page, PageQuery};
use crate::{
    ApiError,
    auth::{Client, Email, Invitation, NewUser, Role, UserChange, UserView, extract::Admin},
    frame::extract::{ApiJson, ApiPath, ApiQuery},
    state::App,
};
use axum::{Json, extract::State, http::StatusCode};
use serde::Deserialize;
use utoipa::ToSchema;

/// An invitation to be made.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct InvitationRequest {
    /// The address that it is for; absent: for any.
    #[schema(value_type = Option<String>)]
    email: Option<Email>,
    /// The roles that the account will have; viewer if absent.
    roles: Option<Vec<Role>>,
}

/// Lists the accounts, newest first.
#[utoipa::path(get, path = "/users", tag = "users", params(PageQuery), responses((status = 200, body = Page<UserView>)))]
pub(crate) async fn list_users(
    State(app): State<App>,
    Admin(_admin): Admin,
    ApiQuery(page): ApiQuery<PageQuery>,
) -> Result<Json<Page<UserView>>, ApiError> {
    let (users, next) = app.accounts().list_users(page.limit()?, page.position()?).await?;
    Ok(Json(Page::new(users, next)?))
}

/// Makes an account.
#[utoipa::path(post, path = "/users", tag = "users", request_body = NewUser, responses((status = 201, body = UserView),
    (status = 400, description = "Invalid input"), (status = 409, description = "The address is taken")))]
pub(crate) async fn create_user(
    State(app): State<App>,
    Admin(admin): Admin,
    client: Client,
    ApiJson(user): ApiJson<NewUser>,
) -> Result<(StatusCode, Json<UserView>), ApiError> {
    Ok((StatusCode::CREATED, Json(app.accounts().create_user(user, &admin.id, client.address).await?)))
}

/// One account.
#[utoipa::path(get, path = "/users/{id}", tag = "users", params(("id" = String, Path, description = "The account")),
    responses((status = 200, body = UserView), (status = 404, description = "No such account")))]
pub(crate) async fn get_user(
    State(app): State<App>,
    Admin(_admin): Admin,
    ApiPath(id): ApiPath<String>,
) -> Result<Json<UserView>, ApiError> {
    Ok(Json(app.accounts().get_user(&id).await?))
}

/// Changes an account. Takes effect at once, also for sessions under way.
#[utoipa::path(patch, path = "/users/{id}", tag = "users", request_body = UserChange,
    params(("id" = String, Path, description = "The account")),
    responses((status = 200, body = UserView), (status = 400, description = "Invalid input"),
        (status = 404, description = "No such account"),
        (status = 409, description = "The address is taken, or this is the last active admin")))]
pub(crate) async fn update_user(
    State(app): State<App>,
    Admin(admin): Admin,
    client: Client,
    ApiPath(id): ApiPath<String>,
    ApiJson(change): ApiJson<UserChange>,
) -> Result<Json<UserView>, ApiError> {
    Ok(Json(app.accounts().update_user(&id, change, &admin.id, client.address).await?))
}

/// Removes an account with its sessions.
#[utoipa::path(delete, path = "/users/{id}", tag = "users", params(("id" = String, Path, description = "The account")),
    responses((status = 204, description = "Done"), (status = 404, description = "No such account"),
        (status = 409, description = "This is the last active admin")))]
pub(crate) async fn delete_user(
    State(app): State<App>,
    Admin(admin): Admin,
    client: Client,
    ApiPath(id): ApiPath<String>,
) -> Result<StatusCode, ApiError> {
    app.accounts().delete_user(&id, &admin.id, client.address).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Invites somebody to register.
#[utoipa::path(post, path = "/users/invitations", tag = "users", request_body = InvitationRequest,
    responses((status = 201, body = Invitation), (status = 400, description = "Invalid input")))]
pub(crate) async fn create_invitation(
    State(app): State<App>,
    Admin(admin): Admin,
    client: Client,
    ApiJson(given): ApiJson<InvitationRequest>,
) -> Result<(StatusCode, Json<Invitation>), ApiError> {
    let roles = given.roles.unwrap_or_else(|| vec![Role::Viewer]);
    let invitation = app.accounts().invite(given.email, roles, &admin.id, client.address).await?;
    Ok((StatusCode::CREATED, Json(invitation)))
}
