//! Rights as types: a handler that takes an [`Analyst`] cannot run for less.

use super::{Client, Role, User};
use crate::{ApiError, frame::address::ClientAddress};
use axum::{
    extract::FromRequestParts,
    http::{header, request::Parts},
};
use std::{convert::Infallible, sync::Arc};

fn user_with(parts: &Parts, role: Role) -> Result<Arc<User>, ApiError> {
    let user = parts.extensions.get::<Arc<User>>().ok_or_else(not_logged_in)?;
    if user.has(role) { Ok(Arc::clone(user)) } else { Err(lacks(role)) }
}

pub(crate) fn not_logged_in() -> ApiError {
    ApiError::unauthorized("log in first: send the header authorization: Bearer followed by an access token")
}

pub(crate) fn lacks(role: Role) -> ApiError {
    ApiError::forbidden(format!("this needs the role {:?}", role.as_str()))
}

macro_rules! right {
    ($(#[$doc:meta])* $name:ident, $role:expr) => {
        $(#[$doc])*
        pub(crate) struct $name(pub(crate) Arc<User>);

        impl<S: Send + Sync> FromRequestParts<S> for $name {
            type Rejection = ApiError;

            async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
                user_with(parts, $role).map(Self)
            }
        }
    };
}

right!(
    /// An account that is at least viewer.
    Viewer,
    Role::Viewer
);
right!(
    /// An account that is at least analyst.
    Analyst,
    Role::Analyst
);
right!(
    /// An account that is admin.
    Admin,
    Role::Admin
);

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
