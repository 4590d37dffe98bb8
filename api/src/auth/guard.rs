//! The one place where rights are enforced: every request that matched a route passes here before its handler.

use super::{Role, User, extract, scope::scope_of_roles};
use crate::{
    ApiError,
    config::MaskedFields,
    frame::{address::ClientAddress, rate},
    rights::{self, RouteRight},
    state::App,
};
use axum::{
    extract::{MatchedPath, Request, State},
    http::{HeaderMap, Method, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use std::sync::Arc;

/// Marks a request that came over the local socket, which only whoever holds the data directory can open. No header
/// can set it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LocalCaller;

fn local_admin() -> Arc<User> {
    let name = || "local".to_owned();
    let roles = vec![Role::Admin];
    let scope = scope_of_roles("local", &roles, &MaskedFields::default());
    Arc::new(User { id: name(), email: name(), roles, session: None, scope })
}

/// Resolves who asks, holds it against the table of rights, counts the request, bounds its time.
pub(crate) async fn guard(State(app): State<App>, mut request: Request, next: Next) -> Response {
    let row = match admit(&app, &mut request).await {
        Ok(row) => row,
        Err(error) => return error.into_response(),
    };
    if row.unbounded {
        return next.run(request).await;
    }
    match tokio::time::timeout(app.config().limits.request_timeout(), next.run(request)).await {
        Ok(response) => response,
        Err(_) => {
            let status = axum::http::StatusCode::REQUEST_TIMEOUT;
            ApiError::new(status, "the answer took too long; ask for less at once").into_response()
        }
    }
}

async fn admit(app: &App, request: &mut Request) -> Result<&'static rights::Row, ApiError> {
    let path =
        request.extensions().get::<MatchedPath>().map(|path| path.as_str().to_owned()).unwrap_or_default();
    let row = find_row(request.method(), &path)?;
    let address = request.extensions().get::<ClientAddress>().copied().unwrap_or_default();
    let user = match row.right {
        RouteRight::Public => None,
        _ if request.extensions().get::<LocalCaller>().is_some() => Some(local_admin()),
        RouteRight::Role(_) | RouteRight::Ingest | RouteRight::Search => {
            user_of(app, request.headers()).await?
        }
    };
    if !row.uncounted {
        rate::count(app, user.as_deref(), address).await?;
    }
    if row.right != RouteRight::Public {
        let user = user.ok_or_else(extract::not_logged_in)?;
        row.right.check(&user)?;
        request.extensions_mut().insert(user);
    }
    Ok(row)
}

/// Whether the request's caller still has that right: a live stream outlasts logouts and changes of roles.
pub(crate) async fn still_holds(app: &App, headers: &HeaderMap, right: RouteRight) -> bool {
    matches!(user_of(app, headers).await, Ok(Some(user)) if right.check(&user).is_ok())
}

fn find_row(method: &Method, path: &str) -> Result<&'static rights::Row, ApiError> {
    let path = rights::template(path);
    let method = if method == Method::HEAD { &Method::GET } else { method };
    if let Some(row) = rights::row(method.as_str(), path) {
        return Ok(row);
    }
    if rights::ROWS.iter().any(|row| row.path == path) {
        let status = axum::http::StatusCode::METHOD_NOT_ALLOWED;
        return Err(ApiError::new(status, "the route does not take this method"));
    }
    tracing::error!(%method, path, "route without a row in the table of rights refused");
    Err(ApiError::forbidden("nobody may use this route"))
}

/// Whom the bearer token or API key stands for; one that is not valid is as good as none.
pub(crate) async fn user_of(app: &App, headers: &HeaderMap) -> Result<Option<Arc<User>>, ApiError> {
    let value = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let Some((scheme, credentials)) = value.and_then(|value| value.split_once(' ')) else { return Ok(None) };
    if scheme.eq_ignore_ascii_case("bearer") {
        app.accounts().authenticate(credentials.trim()).await
    } else if scheme.eq_ignore_ascii_case("apikey") {
        app.accounts().authenticate_api_key(credentials).await
    } else {
        Ok(None)
    }
}
