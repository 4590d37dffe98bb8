//! Accounts: who asks, and what they may do.
//!
//! [`Accounts`] is the one door: login, sessions, users. The HTTP side is [`guard`], which resolves every request to
//! a [`User`] and holds it against the table of [`crate::rights`].

mod accounts;
mod api_keys;
mod audit;
mod basic;
mod email;
pub(crate) mod extract;
pub(crate) mod guard;
mod identity;
mod invitations;
mod login;
mod password;
pub(crate) mod scope;
mod sessions;
mod throttle;
mod tokens;
mod users;

pub use accounts::{Accounts, Client};
pub(crate) use api_keys::API_KEYS;
pub use api_keys::{ApiKeyView, CreatedApiKey, Grant, KeyPrivilege, NewApiKey};
pub(crate) use audit::{Outcome, audit};
pub use email::Email;
pub(crate) use invitations::INVITATIONS;
pub use invitations::Invitation;
pub use login::Login;
pub(crate) use login::Registrant;
pub use password::Password;
pub use sessions::SessionView;
pub(crate) use sessions::{REFRESH_TOKENS, SESSIONS};
pub(crate) use users::USERS;
pub use users::{NewUser, UserChange, UserView};

use serde::{Deserialize, Serialize};
use store::scope::Scope;
use subtle::ConstantTimeEq;
use utoipa::ToSchema;

/// What an account may do; each role includes the ones before it. An account holds a set of roles, which add up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Sees the dashboard and the devices. Older systems call it `user`.
    #[serde(alias = "user")]
    Viewer,
    /// Uploads, searches, analyses, reads verdicts.
    Analyst,
    /// Manages accounts, settings, pipelines and models.
    Admin,
}

impl Role {
    /// Its name, as in the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Analyst => "analyst",
            Self::Admin => "admin",
        }
    }
}

/// Who asks: an account, or an API key, as one request sees it.
#[derive(Debug, Clone, PartialEq)]
pub struct User {
    /// Id of the account.
    pub id: String,
    /// Its address.
    pub email: String,
    /// Its roles; an API key has none.
    pub roles: Vec<Role>,
    /// The session that the request belongs to; `None` for credentials without one.
    pub session: Option<String>,
    /// What it reaches of the logs.
    pub scope: Scope,
}

impl User {
    /// Whether the account has at least this role.
    pub fn has(&self, role: Role) -> bool {
        self.roles.iter().any(|held| *held >= role)
    }
}

/// Stands in the place of what a caller does not see.
pub(crate) const MASKED: &str = "[masked]";

/// Compares without telling by its time where the difference is.
pub(crate) fn constant_time_eq(a: &[u8], b: &[u8]) -> bool {
    a.ct_eq(b).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_include_the_lower_ones_and_add_up() {
        let check = |roles: &[Role], needed, expected| {
            let scope = Scope::none("1");
            let user =
                User { id: "1".into(), email: "a@b".into(), roles: roles.to_vec(), session: None, scope };
            assert_eq!(user.has(needed), expected, "{roles:?} {needed:?}");
        };
        check(&[], Role::Viewer, false);
        check(&[Role::Viewer], Role::Viewer, true);
        check(&[Role::Viewer], Role::Analyst, false);
        check(&[Role::Viewer, Role::Admin], Role::Analyst, true);
        check(&[Role::Analyst], Role::Admin, false);
    }
}
