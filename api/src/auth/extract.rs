//! Rights as types: a handler that takes an [`Analyst`] cannot run for less.

use super::{Client, Role, User};
use crate::{ApiError, frame::address::ClientAddress, rights::RouteRight};
use axum::{
    extract::FromRequestParts,
    http::{header, request::Parts},
};
use std::{convert::Infallible, sync::Arc};

fn user_with(parts: &Parts, right: RouteRight) -> Result<Arc<User>, ApiError> {
    let user = parts.extensions.get::<Arc<User>>().ok_or_else(not_logged_in)?;
    right.check(user)?;
    Ok(Arc::clone(user))
}

pub(crate) fn not_logged_in() -> ApiError {
    ApiError::unauthorized("log in first: send the header authorization: Bearer followed by an access token")
}

pub(crate) fn lacks(role: Role) -> ApiError {
    ApiError::forbidden(format!("this needs the role {:?}", role.as_str()))
}

macro_rules! right {
    ($(#[$doc:meta])* $name:ident, $right:expr) => {
        $(#[$doc])*
        pub(crate) struct $name(pub(crate) Arc<User>);

        impl<S: Send + Sync> FromRequestParts<S> for $name {
            type Rejection = ApiError;

            async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
                user_with(parts, $right).map(Self)
            }
        }
    };
}

right!(
    /// An account that is at least viewer.
    Viewer,
    RouteRight::Role(Role::Viewer)
);
right!(
    /// An account that is at least analyst.
    Analyst,
    RouteRight::Role(Role::Analyst)
);
right!(
    /// An account that is admin.
    Admin,
    RouteRight::Role(Role::Admin)
);
right!(
    /// Who may send events in: an account that is at least analyst, or an API key that may write.
    Ingester,
    RouteRight::Ingest
);
right!(
    /// Who may search: an account that is at least analyst, or an API key that may read.
    Searcher,
    RouteRight::Search
);

/// Whoever was let in, where the right was checked before the handler.
pub(crate) struct Caller(pub(crate) Arc<User>);

impl<S: Send + Sync> FromRequestParts<S> for Caller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        parts.extensions.get::<Arc<User>>().cloned().map(Self).ok_or_else(not_logged_in)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Client {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self {
            address: parts.extensions.get::<ClientAddress>().copied().unwrap_or_default(),
            user_agent: parts
                .headers
                .get(header::USER_AGENT)
                .map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned()),
        })
    }
}
