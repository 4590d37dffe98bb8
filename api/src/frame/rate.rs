//! The general limit on requests: per user, and per address for those who have not logged in.

use super::address::ClientAddress;
use crate::{ApiError, auth::User, state::App};
use std::time::Duration;

const WINDOW: Duration = Duration::from_secs(60);

/// Counts this request; 429 when the minute's share is used up. Without the cache nothing is counted: the limit
/// protects from haste, and must not take the service down with it.
pub(crate) async fn count(app: &App, user: Option<&User>, address: ClientAddress) -> Result<(), ApiError> {
    let limits = &app.config().limits;
    let (key, most) = match user {
        Some(user) => (format!("rate:user:{}", user.id), limits.user_requests_per_minute),
        None => (format!("rate:address:{}", address.bucket()), limits.anonymous_requests_per_minute),
    };
    match app.cache().increment(&key, 1, WINDOW).await {
        Ok(count) if count > most => {
            let after = app.cache().ttl(&key).await.ok().flatten().unwrap_or(WINDOW);
            Err(ApiError::too_many(format!("more than {most} requests in a minute, slow down"), after))
        }
        Ok(_) => Ok(()),
        Err(error) => {
            tracing::warn!(%error, "cannot count requests");
            Ok(())
        }
    }
}
