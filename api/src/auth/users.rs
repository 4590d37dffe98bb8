//! The accounts themselves: made, changed, removed. The last active admin stays.

use super::{
    Accounts, Email, Outcome, Password, Role, User,
    accounts::{from_body, newest, to_body},
    audit,
    scope::scope_of_roles,
};
use crate::{ApiError, frame::address::ClientAddress};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::{
    ErrorKind, StoreError,
    documents::{Collection, Condition, DocumentIndex, Expect, Find, FindCursor, NewDocument, Operator},
};
use utoipa::ToSchema;
use uuid::Uuid;

pub(crate) const USERS: Collection = Collection {
    name: "users",
    indices: &[
        DocumentIndex { fields: &["email"], unique: true },
        DocumentIndex { fields: &["created_at"], unique: false },
        DocumentIndex { fields: &["active_admin"], unique: false },
    ],
};

/// Longest first or last name.
const NAME_MAX_CHARS: usize = 100;

/// An account as it is kept.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct UserRecord {
    pub(super) email: Email,
    pub(super) first_name: String,
    pub(super) last_name: String,
    pub(super) password_hash: String,
    pub(super) roles: Vec<Role>,
    pub(super) active: bool,
    pub(super) verified: bool,
    /// Active and admin: what must not run out.
    active_admin: bool,
    pub(super) created_at: Timestamp,
    updated_at: Timestamp,
    pub(super) last_login_at: Option<Timestamp>,
}

/// An account read from the store, with its id and version.
#[derive(Debug, Clone)]
pub(super) struct StoredUser {
    pub(super) id: String,
    pub(super) version: u64,
    pub(super) record: UserRecord,
}

/// An account as others see it: without the password's hash.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct UserView {
    /// Its id.
    pub id: String,
    /// Its email address, lower case.
    pub email: String,
    /// First name.
    pub first_name: String,
    /// Last name.
    pub last_name: String,
    /// Its roles, which add up.
    pub roles: Vec<Role>,
    /// Whether it may log in.
    pub active: bool,
    /// Whether the email address was confirmed.
    pub verified: bool,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// When it was last changed.
    #[schema(value_type = String, format = DateTime)]
    pub updated_at: Timestamp,
    /// When somebody last logged in with it.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub last_login_at: Option<Timestamp>,
}

/// An account to be made.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewUser {
    /// Its email address.
    #[schema(value_type = String, example = "anna@shop.example")]
    pub email: Email,
    /// Its password: 8 characters to 72 bytes.
    #[schema(value_type = String, format = Password)]
    pub password: Password,
    /// First name.
    #[serde(default)]
    pub first_name: String,
    /// Last name.
    #[serde(default)]
    pub last_name: String,
    /// Its roles.
    #[serde(default = "viewer")]
    pub roles: Vec<Role>,
}

fn viewer() -> Vec<Role> {
    vec![Role::Viewer]
}

/// A change of an account; what is absent stays.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UserChange {
    /// The new email address.
    #[schema(value_type = Option<String>)]
    pub email: Option<Email>,
    /// The new first name.
    pub first_name: Option<String>,
    /// The new last name.
    pub last_name: Option<String>,
    /// The new roles.
    pub roles: Option<Vec<Role>>,
    /// Whether it may log in. `false` ends its sessions at once.
    pub active: Option<bool>,
    /// Whether the email address counts as confirmed.
    pub verified: Option<bool>,
    /// The new password. Ends the account's sessions.
    #[schema(value_type = Option<String>, format = Password)]
    pub password: Option<Password>,
}

impl Accounts {
    /// Makes the first admin if there is no account at all; whether it did.
    pub async fn ensure_admin(&self, email: Email, password: Password) -> Result<bool, ApiError> {
        if self.documents.count(&USERS, &[]).await? > 0 {
            return Ok(false);
        }
        let roles = vec![Role::Admin];
        let user = NewUser { email, password, first_name: "Admin".into(), last_name: String::new(), roles };
        match self.create_user(user, "-", ClientAddress::default()).await {
            Ok(_) => Ok(true),
            Err(error) if error.status().as_u16() == 409 => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Whether there is an account with which somebody could log in as admin.
    pub async fn has_admin(&self) -> Result<bool, ApiError> {
        Ok(self.documents.count(&USERS, &[active_admins()]).await? > 0)
    }

    /// Makes an account for the command line, where whoever holds the data directory may do everything.
    pub async fn add_user(&self, user: NewUser) -> Result<UserView, ApiError> {
        self.create_user(user, "-", ClientAddress::default()).await
    }

    /// Makes an account. 409 if the address is taken.
    pub(crate) async fn create_user(
        &self,
        user: NewUser,
        by: &str,
        from: ClientAddress,
    ) -> Result<UserView, ApiError> {
        check_name("first_name", &user.first_name)?;
        check_name("last_name", &user.last_name)?;
        check_roles(&user.roles)?;
        check_password("password", &user.password, &user.email)?;
        let password_hash = self.passwords.hash(&user.password).await?;
        let now = self.now();
        let record = UserRecord {
            active_admin: user.roles.contains(&Role::Admin),
            email: user.email,
            first_name: user.first_name,
            last_name: user.last_name,
            password_hash,
            roles: user.roles,
            active: true,
            verified: false,
            created_at: now,
            updated_at: now,
            last_login_at: None,
        };
        let id = Uuid::new_v4().to_string();
        let document = NewDocument { id: id.clone(), body: to_body(&record)?, expires_at: None };
        self.documents.put(&USERS, document, Expect::Absent).await.map_err(address_taken)?;
        audit("user.create", Outcome::Success, by, &id, from);
        Ok(record.view(id))
    }

    /// One page of accounts, newest first, and where the next begins.
    pub(crate) async fn list_users(
        &self,
        limit: usize,
        after: Option<FindCursor>,
    ) -> Result<(Vec<UserView>, Option<FindCursor>), ApiError> {
        let (found, next) = newest(&*self.documents, &USERS, limit, after).await?;
        let users = found
            .into_iter()
            .map(|found| Ok(from_body::<UserRecord>(found.body)?.view(found.id)))
            .collect::<Result<_, ApiError>>()?;
        Ok((users, next))
    }

    /// One account; 404 if there is none.
    pub(crate) async fn get_user(&self, id: &str) -> Result<UserView, ApiError> {
        let user = self.user(id).await?.ok_or_else(|| no_user(id))?;
        Ok(user.record.view(user.id))
    }

    /// Changes an account. 409 if it would take away the last active admin, or the address is taken.
    pub(crate) async fn update_user(
        &self,
        id: &str,
        change: UserChange,
        by: &str,
        from: ClientAddress,
    ) -> Result<UserView, ApiError> {
        let _admins = self.admins.lock().await;
        let user = self.user(id).await?.ok_or_else(|| no_user(id))?;
        let was_admin = user.record.active_admin;
        let mut record = user.record;
        let ends_sessions = change.password.is_some() || change.active == Some(false);
        self.apply(&mut record, change).await?;
        if was_admin && !record.active_admin {
            self.keep_last_admin().await?;
        }
        let record = self.save(&user.id, user.version, record).await?;
        if ends_sessions {
            self.end_sessions_of(id, None).await?;
        }
        self.forget_identities();
        audit("user.update", Outcome::Success, by, id, from);
        Ok(record.view(user.id))
    }

    async fn apply(&self, record: &mut UserRecord, change: UserChange) -> Result<(), ApiError> {
        if let Some(name) = change.first_name {
            check_name("first_name", &name)?;
            record.first_name = name;
        }
        if let Some(name) = change.last_name {
            check_name("last_name", &name)?;
            record.last_name = name;
        }
        if let Some(roles) = change.roles {
            check_roles(&roles)?;
            record.roles = roles;
        }
        if let Some(email) = change.email {
            record.email = email;
        }
        record.active = change.active.unwrap_or(record.active);
        record.verified = change.verified.unwrap_or(record.verified);
        if let Some(password) = change.password {
            check_password("password", &password, &record.email)?;
            record.password_hash = self.passwords.hash(&password).await?;
        }
        record.active_admin = record.is_active_admin();
        Ok(())
    }

    /// Removes an account with its sessions. 409 for the last active admin.
    pub(crate) async fn delete_user(&self, id: &str, by: &str, from: ClientAddress) -> Result<(), ApiError> {
        let _admins = self.admins.lock().await;
        let user = self.user(id).await?.ok_or_else(|| no_user(id))?;
        if user.record.active_admin {
            self.keep_last_admin().await?;
        }
        self.documents.delete(&USERS, id).await?;
        self.end_sessions_of(id, None).await?;
        self.forget_identities();
        audit("user.delete", Outcome::Success, by, id, from);
        Ok(())
    }

    /// Changes the own password and ends all other sessions. 400 if the current one is wrong.
    pub(crate) async fn change_password(
        &self,
        user: &super::User,
        current: &Password,
        new: &Password,
        from: ClientAddress,
    ) -> Result<(), ApiError> {
        let attempt = self.throttle.begin(&user.email, from).await?;
        let stored = self.user(&user.id).await?.ok_or_else(|| no_user(&user.id))?;
        if !self.passwords.verify(current, Some(&stored.record.password_hash)).await? {
            attempt.failed().await?;
            audit("password.change", Outcome::Failure, &user.id, &user.id, from);
            return Err(ApiError::field("current_password", "it is not the current password"));
        }
        check_password("new_password", new, &stored.record.email)?;
        attempt.succeeded().await?;
        let mut record = stored.record;
        record.password_hash = self.passwords.hash(new).await?;
        self.save(&stored.id, stored.version, record).await?;
        self.end_sessions_of(&user.id, user.session.as_deref()).await?;
        self.forget_identities();
        audit("password.change", Outcome::Success, &user.id, &user.id, from);
        Ok(())
    }

    pub(super) async fn user(&self, id: &str) -> Result<Option<StoredUser>, ApiError> {
        let Some(found) = self.documents.get(&USERS, id).await? else { return Ok(None) };
        Ok(Some(StoredUser { id: found.id, version: found.version, record: from_body(found.body)? }))
    }

    pub(super) async fn user_by_email(&self, email: &Email) -> Result<Option<StoredUser>, ApiError> {
        let conditions = vec![Condition {
            field: "email".into(),
            operator: Operator::Equal,
            value: json!(email.as_str()),
        }];
        let find = Find { conditions, limit: 1, ..Find::default() };
        let Some(found) = self.documents.find(&USERS, find).await?.pop() else { return Ok(None) };
        Ok(Some(StoredUser { id: found.id, version: found.version, record: from_body(found.body)? }))
    }

    /// Writes an account that was read in this version, and answers with it as written. 409 if it has changed since.
    pub(super) async fn save(
        &self,
        id: &str,
        version: u64,
        mut record: UserRecord,
    ) -> Result<UserRecord, ApiError> {
        record.updated_at = self.now();
        record.active_admin = record.is_active_admin();
        let document = NewDocument { id: id.to_owned(), body: to_body(&record)?, expires_at: None };
        self.documents.put(&USERS, document, Expect::Version(version)).await.map_err(address_taken)?;
        Ok(record)
    }

    /// Nothing that was remembered about sessions and credentials counts any more.
    pub(super) fn forget_identities(&self) {
        self.identities.invalidate();
        self.basic.invalidate();
    }

    /// The account as a request sees it.
    pub(super) fn caller(&self, stored: StoredUser, session: Option<String>) -> User {
        let StoredUser { id, record, .. } = stored;
        let scope = scope_of_roles(&id, &record.roles, &self.config.masked_fields);
        User { id, email: record.email.as_str().to_owned(), roles: record.roles, session, scope }
    }

    async fn keep_last_admin(&self) -> Result<(), ApiError> {
        if self.documents.count(&USERS, &[active_admins()]).await? <= 1 {
            return Err(ApiError::conflict(
                "this is the last active admin: make another account admin first",
            ));
        }
        Ok(())
    }
}

impl UserRecord {
    fn is_active_admin(&self) -> bool {
        self.active && self.roles.contains(&Role::Admin)
    }

    pub(super) fn view(&self, id: String) -> UserView {
        UserView {
            id,
            email: self.email.as_str().to_owned(),
            first_name: self.first_name.clone(),
            last_name: self.last_name.clone(),
            roles: self.roles.clone(),
            active: self.active,
            verified: self.verified,
            created_at: self.created_at,
            updated_at: self.updated_at,
            last_login_at: self.last_login_at,
        }
    }
}

fn active_admins() -> Condition {
    Condition { field: "active_admin".into(), operator: Operator::Equal, value: json!(true) }
}

fn no_user(id: &str) -> ApiError {
    ApiError::not_found(format!("there is no user {id:?}"))
}

fn address_taken(error: StoreError) -> ApiError {
    if error.kind == ErrorKind::Conflict && error.message.contains("email") {
        return ApiError::conflict("another account has this email address");
    }
    if error.kind == ErrorKind::Conflict {
        return ApiError::conflict("the account was changed by somebody else, read it again");
    }
    error.into()
}

pub(super) fn check_name(field: &str, name: &str) -> Result<(), ApiError> {
    if name.chars().count() > NAME_MAX_CHARS || name.chars().any(char::is_control) {
        let message = format!("a name has at most {NAME_MAX_CHARS} characters and no control characters");
        return Err(ApiError::field(field, message));
    }
    Ok(())
}

pub(super) fn check_password(field: &str, password: &Password, email: &Email) -> Result<(), ApiError> {
    match password.weakness(email.as_str()) {
        Some(weakness) => Err(ApiError::field(field, weakness)),
        None => Ok(()),
    }
}

fn check_roles(roles: &[Role]) -> Result<(), ApiError> {
    let mut seen = Vec::new();
    for role in roles {
        if seen.contains(&role) {
            return Err(ApiError::field("roles", format!("{:?} stands there twice", role.as_str())));
        }
        seen.push(role);
    }
    if roles.is_empty() {
        return Err(ApiError::field("roles", "an account has at least one role"));
    }
    Ok(())
}
