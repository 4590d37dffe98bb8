use crate::{
    ApiError,
    auth::{Client, Email, Login, Password, Registrant, SessionView, UserChange, UserView, extract::Viewer},
    frame::extract::{ApiJson, ApiPath},
    state::App,
};
use axum::{Json, extract::State, http::StatusCode};
use serde::Deserialize;
use utoipa::ToSchema;

/// A wish for an account.
#[derive(Deserialize, ToSchema)]
pub(crate) struct RegisterRequest {
    /// Email address.
    #[schema(value_type = String)]
    email: Email,
    /// Password: 8 characters to 72 bytes.
    #[schema(value_type = String, format = Password)]
    password: Password,
    /// First name.
    #[serde(default)]
    first_name: String,
    /// Last name.
    #[serde(default)]
    last_name: String,
    /// The invitation, where the service asks for one.
    invitation: Option<String>,
}

/// Credentials.
#[derive(Deserialize, ToSchema)]
pub(crate) struct LoginRequest {
    /// Email address.
    email: String,
    /// Password.
    #[schema(value_type = String, format = Password)]
    password: Password,
}

/// A refresh token.
#[derive(Deserialize, ToSchema)]
pub(crate) struct RefreshRequest {
    /// As given at login or by the last refresh.
    refresh_token: String,
}

/// A change of the own account.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ProfileRequest {
    /// First name.
    first_name: Option<String>,
    /// Last name.
    last_name: Option<String>,
}

/// A change of the own password.
#[derive(Deserialize, ToSchema)]
pub(crate) struct PasswordRequest {
    /// The password until now.
    #[schema(value_type = String, format = Password)]
    current_password: Password,
    /// The password from now on.
    #[schema(value_type = String, format = Password)]
    new_password: Password,
}

/// Makes an account with the role viewer, where the service allows it.
///
/// The answer does not tell whether the address has an account already.
#[utoipa::path(post, path = "/auth/register", tag = "accounts", security(()), request_body = RegisterRequest, responses(
    (status = 201, body = UserView), (status = 400, description = "Invalid input"),
    (status = 403, description = "Registration is closed or the invitation is not valid"),
    (status = 429, description = "Too many requests")))]
pub(crate) async fn register(
    State(app): State<App>,
    client: Client,
    ApiJson(wish): ApiJson<RegisterRequest>,
) -> Result<(StatusCode, Json<UserView>), ApiError> {
    let RegisterRequest { email, password, first_name, last_name, invitation } = wish;
    let wish = Registrant { email, password, first_name, last_name, invitation };
    Ok((StatusCode::CREATED, Json(app.accounts().register(wish, &client).await?)))
}

/// Logs in.
#[utoipa::path(post, path = "/auth/login", tag = "accounts", security(()), request_body = LoginRequest, responses(
    (status = 200, body = Login), (status = 401, description = "Email address or password is wrong"),
    (status = 403, description = "The account is disabled"),
    (status = 429, description = "Too many failures; Retry-After says how long to wait")))]
pub(crate) async fn login(
    State(app): State<App>,
    client: Client,
    ApiJson(given): ApiJson<LoginRequest>,
) -> Result<Json<Login>, ApiError> {
    Ok(Json(app.accounts().login(&given.email, &given.password, &client).await?))
}

/// Exchanges a refresh token for new tokens. Each can be exchanged once.
#[utoipa::path(post, path = "/auth/refresh", tag = "accounts", security(()), request_body = RefreshRequest, responses(
    (status = 200, body = Login), (status = 401, description = "The token is not valid or was used before")))]
pub(crate) async fn refresh(
    State(app): State<App>,
    client: Client,
    ApiJson(given): ApiJson<RefreshRequest>,
) -> Result<Json<Login>, ApiError> {
    Ok(Json(app.accounts().refresh(&given.refresh_token, &client).await?))
}

/// Ends the session. Its tokens are refused from now on.
#[utoipa::path(post, path = "/auth/logout", tag = "accounts", responses((status = 204, description = "Done")))]
pub(crate) async fn logout(
    State(app): State<App>,
    Viewer(user): Viewer,
    client: Client,
) -> Result<StatusCode, ApiError> {
    app.accounts().logout(&user, &client).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Ends all sessions of the account.
#[utoipa::path(post, path = "/auth/logout-all", tag = "accounts", responses((status = 204, description = "Done")))]
pub(crate) async fn logout_all(
    State(app): State<App>,
    Viewer(user): Viewer,
    client: Client,
) -> Result<StatusCode, ApiError> {
    app.accounts().logout_all(&user, &client).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The own account.
#[utoipa::path(get, path = "/auth/me", tag = "accounts", responses((status = 200, body = UserView)))]
pub(crate) async fn get_me(State(app): State<App>, Viewer(user): Viewer) -> Result<Json<UserView>, ApiError> {
    Ok(Json(app.accounts().get_user(&user.id).await?))
}

/// Changes the own names.
#[utoipa::path(patch, path = "/auth/me", tag = "accounts", request_body = ProfileRequest,
    responses((status = 200, body = UserView), (status = 400, description = "Invalid input")))]
pub(crate) async fn update_me(
    State(app): State<App>,
    Viewer(user): Viewer,
    client: Client,
    ApiJson(given): ApiJson<ProfileRequest>,
) -> Result<Json<UserView>, ApiError> {
    let ProfileRequest { first_name, last_name } = given;
    let change = UserChange { first_name, last_name, ..UserChange::default() };
    Ok(Json(app.accounts().update_user(&user.id, change, &user.id, client.address).await?))
}

/// Changes the own password and ends all other sessions.
#[utoipa::path(post, path = "/auth/password", tag = "accounts", request_body = PasswordRequest, responses(
    (status = 204, description = "Done"), (status = 400, description = "The current password is wrong or the new one is weak"),
    (status = 429, description = "Too many failures")))]
pub(crate) async fn change_password(
    State(app): State<App>,
    Viewer(user): Viewer,
    client: Client,
    ApiJson(given): ApiJson<PasswordRequest>,
) -> Result<StatusCode, ApiError> {
    let PasswordRequest { current_password, new_password } = given;
    app.accounts().change_password(&user, &current_password, &new_password, client.address).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The sessions of the own account, newest first.
#[utoipa::path(get, path = "/auth/sessions", tag = "accounts", responses((status = 200, body = Vec<SessionView>)))]
pub(crate) async fn list_sessions(
    State(app): State<App>,
    Viewer(user): Viewer,
) -> Result<Json<Vec<SessionView>>, ApiError> {
    Ok(Json(app.accounts().list_sessions(&user).await?))
}

/// Ends one of the own sessions.
#[utoipa::path(delete, path = "/auth/sessions/{id}", tag = "accounts", params(("id" = String, Path, description = "The session")),
    responses((status = 204, description = "Done"), (status = 404, description = "No such session")))]
pub(crate) async fn delete_session(
    State(app): State<App>,
    Viewer(user): Viewer,
    ApiPath(id): ApiPath<String>,
) -> Result<StatusCode, ApiError> {
    app.accounts().end_session_of(&user.id, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}
