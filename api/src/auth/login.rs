//! Login, registration and logout.

use super::{
    Accounts, Client, Email, NewUser, Outcome, Password, Role, User, UserView, audit,
    users::{check_name, check_password},
};
use crate::{ApiError, config::Registration};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

/// What a login gives.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Login {
    /// Sent with each request as `Authorization: Bearer …`.
    pub access_token: String,
    /// Always `Bearer`.
    pub token_type: &'static str,
    /// Seconds that the access token is valid.
    pub expires_in: u32,
    /// Exchanged once for new tokens.
    pub refresh_token: String,
    /// The account.
    pub user: UserView,
}

/// A wish for an account.
#[derive(Debug)]
pub(crate) struct Registrant {
    pub(crate) email: Email,
    pub(crate) password: Password,
    pub(crate) first_name: String,
    pub(crate) last_name: String,
    pub(crate) invitation: Option<String>,
}

impl Accounts {
    /// Checks a password and begins a session. 401 for a wrong password and for no such account alike, in the same
    /// time; 403 for a disabled account whose password was right; 429 after too many failures.
    pub(crate) async fn login(
        &self,
        email: &str,
        password: &Password,
        client: &Client,
    ) -> Result<Login, ApiError> {
        let address = email.trim().to_lowercase();
        let attempt = self.throttle.begin(&address, client.address).await?;
        let user = match address.parse::<Email>() {
            Ok(email) => self.user_by_email(&email).await?,
            Err(_) => None,
        };
        let hash = user.as_ref().map(|user| user.record.password_hash.as_str());
        let right = self.passwords.verify(password, hash).await?;
        let Some(mut user) = user.filter(|_| right) else {
            attempt.failed().await?;
            audit("login", Outcome::Failure, "-", "-", client.address);
            return Err(ApiError::unauthorized("email address or password is wrong"));
        };
        attempt.succeeded().await?;
        if !user.record.active {
            audit("login", Outcome::Failure, &user.id, &user.id, client.address);
            return Err(ApiError::forbidden("the account is disabled, ask an admin"));
        }
        let verified_hash = user.record.password_hash.clone();
        if self.passwords.is_outdated(&user.record.password_hash) {
            user.record.password_hash = self.passwords.hash(password).await?;
        }
        user.record.last_login_at = Some(self.now());
        // Somebody may have changed the account meanwhile; then this note is not worth a failed login.
        if let Err(error) = self.save(&user.id, user.version, user.record.clone()).await {
            tracing::debug!(user.id = %user.id, %error, "cannot note the login");
        }
        let login = self.begin_session(&user, &verified_hash, client).await?;
        audit("login", Outcome::Success, &user.id, &user.id, client.address);
        Ok(login)
    }

    /// Makes an account for somebody who asks for one, as the policy allows. If the address has an account already
    /// the answer looks the same and nothing is made: it must not tell who has one.
    pub(crate) async fn register(&self, wish: Registrant, client: &Client) -> Result<UserView, ApiError> {
        check_name("first_name", &wish.first_name)?;
        check_name("last_name", &wish.last_name)?;
        check_password("password", &wish.password, &wish.email)?;
        let roles = match self.config.registration {
            Registration::Closed => return Err(ApiError::forbidden("registration is closed, ask an admin")),
            Registration::Open => vec![Role::Viewer],
            Registration::Invite => self.redeem_invitation(wish.invitation.as_deref(), &wish.email).await?,
        };
        let new = NewUser {
            email: wish.email.clone(),
            password: wish.password,
            first_name: wish.first_name.clone(),
            last_name: wish.last_name.clone(),
            roles: roles.clone(),
        };
        match self.create_user(new, "-", client.address).await {
            Err(error) if error.status().as_u16() == 409 => {
                audit("user.register", Outcome::Failure, "-", "-", client.address);
                Ok(self.seeming_user(wish.email, wish.first_name, wish.last_name, roles))
            }
            other => other,
        }
    }

    /// Ends the session of this request.
    pub(crate) async fn logout(&self, user: &User, client: &Client) -> Result<(), ApiError> {
        if let Some(session) = &user.session {
            self.end_session(session).await?;
        }
        audit("logout", Outcome::Success, &user.id, user.session.as_deref().unwrap_or("-"), client.address);
        Ok(())
    }

    /// Ends all sessions of the account.
    pub(crate) async fn logout_all(&self, user: &User, client: &Client) -> Result<(), ApiError> {
        self.end_sessions_of(&user.id, None).await?;
        audit("logout.all", Outcome::Success, &user.id, "-", client.address);
        Ok(())
    }

    fn seeming_user(
        &self,
        email: Email,
        first_name: String,
        last_name: String,
        roles: Vec<Role>,
    ) -> UserView {
        let now = self.now();
        UserView {
            id: Uuid::new_v4().to_string(),
            email: email.as_str().to_owned(),
            first_name,
            last_name,
            roles,
            active: true,
            verified: false,
            created_at: now,
            updated_at: now,
            last_login_at: None,
        }
    }
}
