//! Who may do what: one table for the whole HTTP service. A route that does not stand here is refused, and a test
//! holds the table against the routes that exist.

use crate::{
    ApiError,
    auth::{Role, User, extract, scope::event_indices},
};
use store::scope::{self, Scope};

/// What a route asks of the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RouteRight {
    /// Nothing: also those who have not logged in.
    Public,
    /// At least this role. API keys have none.
    Role(Role),
    /// Sending events in: at least analyst, or an API key that may write the indices of events.
    Ingest,
    /// Searching: whoever may read indices; which ones and what of them, the scope decides.
    Search,
}

impl RouteRight {
    /// Whether this caller has it; the error tells what is missing.
    pub(crate) fn check(self, user: &User) -> Result<(), ApiError> {
        let (granted, lacking) = match self {
            Self::Public => return Ok(()),
            Self::Role(role) => (user.has(role), role),
            Self::Ingest => (user.has(Role::Analyst) || writes_events(&user.scope), Role::Analyst),
            Self::Search => (user.scope.allows(scope::IndexRight::Read), Role::Analyst),
        };
        if granted { Ok(()) } else { Err(extract::lacks(lacking)) }
    }
}

/// Whether the scope lets every event through, wherever its time and kind take it.
fn writes_events(scope: &Scope) -> bool {
    // The star of the pattern stands for any day.
    event_indices().iter().all(|pattern| scope.may(scope::IndexRight::Write, pattern))
}

/// One route and what it asks.
#[derive(Debug, Clone, Copy)]
pub struct Row {
    /// The HTTP method; `GET` includes `HEAD`.
    pub method: &'static str,
    /// The path template without `/api/v1`.
    pub path: &'static str,
    /// What it asks of the caller.
    pub right: RouteRight,
    /// Whether the answer may take as long as it takes: uploads, exports, live streams.
    pub unbounded: bool,
    /// Whether it is exempt from the limit on requests per minute.
    pub uncounted: bool,
}

impl Row {
    const fn new(method: &'static str, path: &'static str, right: RouteRight) -> Self {
        Self { method, path, right, unbounded: false, uncounted: false }
    }

    const fn unbounded(mut self) -> Self {
        self.unbounded = true;
        self
    }

    const fn uncounted(mut self) -> Self {
        self.uncounted = true;
        self
    }
}

const PUBLIC: RouteRight = RouteRight::Public;
const VIEWER: RouteRight = RouteRight::Role(Role::Viewer);
const ANALYST: RouteRight = RouteRight::Role(Role::Analyst);
const ADMIN: RouteRight = RouteRight::Role(Role::Admin);
const INGEST: RouteRight = RouteRight::Ingest;
const SEARCH: RouteRight = RouteRight::Search;

/// The table.
pub const ROWS: &[Row] = &[
    // Operations
    Row::new("GET", "/health", PUBLIC).uncounted(),
    Row::new("GET", "/health/details", ADMIN),
    Row::new("GET", "/metrics", PUBLIC).uncounted(),
    Row::new("GET", "/openapi.json", PUBLIC),
    Row::new("GET", "/docs", PUBLIC),
    Row::new("GET", "/docs/", PUBLIC),
    Row::new("GET", "/docs/{*rest}", PUBLIC),
    // Accounts
    Row::new("POST", "/auth/register", PUBLIC),
    Row::new("POST", "/users/add", PUBLIC),
    Row::new("POST", "/auth/login", PUBLIC),
    Row::new("POST", "/users/auth", PUBLIC),
    Row::new("POST", "/auth/refresh", PUBLIC),
    Row::new("POST", "/auth/logout", VIEWER),
    Row::new("POST", "/auth/logout-all", VIEWER),
    Row::new("GET", "/auth/me", VIEWER),
    Row::new("PATCH", "/auth/me", VIEWER),
    Row::new("POST", "/auth/password", VIEWER),
    Row::new("GET", "/auth/sessions", VIEWER),
    Row::new("DELETE", "/auth/sessions/{id}", VIEWER),
    Row::new("GET", "/users", ADMIN),
    Row::new("POST", "/users", ADMIN),
    Row::new("POST", "/users/invitations", ADMIN),
    Row::new("GET", "/users/{id}", ADMIN),
    Row::new("PATCH", "/users/{id}", ADMIN),
    Row::new("DELETE", "/users/{id}", ADMIN),
    Row::new("GET", "/api-keys", ADMIN),
    Row::new("POST", "/api-keys", ADMIN),
    Row::new("DELETE", "/api-keys/{id}", ADMIN),
    // Logs
    Row::new("POST", "/logs/uploads", INGEST).unbounded(),
    Row::new("POST", "/logs/uploads/inspect", INGEST).unbounded(),
    Row::new("GET", "/logs/uploads", ANALYST),
    Row::new("GET", "/logs/uploads/{id}", ANALYST),
    Row::new("GET", "/logs/uploads/{id}/events", ANALYST).unbounded(),
    Row::new("DELETE", "/logs/uploads/{id}", ANALYST),
    Row::new("GET", "/logs/dead-letters", ANALYST),
    Row::new("POST", "/logs/dead-letters/replay", ANALYST).unbounded(),
    Row::new("POST", "/logs/events", INGEST).unbounded(),
    Row::new("GET", "/logs/indices", SEARCH),
    Row::new("GET", "/logs", SEARCH),
    Row::new("GET", "/logs/patterns", SEARCH),
    // Search
    Row::new("POST", "/search", SEARCH),
    Row::new("GET", "/search/fields", SEARCH),
    Row::new("POST", "/search/export", SEARCH).unbounded(),
    // Pipelines
    Row::new("GET", "/pipelines", ANALYST),
    Row::new("GET", "/pipelines/{name}", ANALYST),
    Row::new("PUT", "/pipelines/{name}", ADMIN),
    Row::new("DELETE", "/pipelines/{name}", ADMIN),
    Row::new("POST", "/pipelines/{name}/simulate", ANALYST),
    // Fraud
    Row::new("POST", "/fraud/verdicts", ANALYST),
    Row::new("GET", "/fraud/verdicts", ANALYST),
    Row::new("GET", "/fraud/verdicts/{transaction_id}", ANALYST),
    Row::new("POST", "/fraud/labels", ANALYST),
];

/// The row of a route.
pub fn row(method: &str, path: &str) -> Option<&'static Row> {
    ROWS.iter().find(|row| row.method == method && row.path == path)
}

/// The path as it stands in the table: without the prefix under which the route was reached.
pub(crate) fn template(matched: &str) -> &str {
    ["/api/v1", "/api"].iter().find_map(|prefix| matched.strip_prefix(prefix)).unwrap_or(matched)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_route_stands_there_twice() {
        for (number, row) in ROWS.iter().enumerate() {
            let again =
                ROWS[number + 1..].iter().any(|other| (other.method, other.path) == (row.method, row.path));
            assert!(!again, "{} {}", row.method, row.path);
        }
    }

    #[test]
    fn all_prefixes_lead_to_the_same_row() {
        for path in ["/auth/login", "/api/auth/login", "/api/v1/auth/login"] {
            assert_eq!(row("POST", template(path)).map(|row| row.right), Some(PUBLIC), "{path}");
        }
        assert!(row("GET", template("/api/v1/nothing")).is_none());
    }
}
