//! Invitations: with the policy `invite`, what opens registration to one person.

use super::{
    Accounts, Email, Outcome, Role,
    accounts::{from_body, to_body},
    audit,
    tokens::OpaqueToken,
};
use crate::{ApiError, frame::address::ClientAddress};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use store::documents::{Collection, Expect, NewDocument};
use utoipa::ToSchema;

/// Invitations by the digest of their token.
pub(crate) const INVITATIONS: Collection = Collection { name: "invitations", indices: &[] };

#[derive(Debug, Clone, Serialize, Deserialize)]
struct InvitationRecord {
    email: Option<Email>,
    roles: Vec<Role>,
    by: String,
    expires_at: Timestamp,
}

/// An invitation, shown once to the admin who made it.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Invitation {
    /// To be sent with the registration as `invitation`. Works once.
    pub token: String,
    /// The address that it is for; `None`: for any.
    pub email: Option<String>,
    /// The roles that the account will have.
    pub roles: Vec<Role>,
    /// When it ceases to work.
    #[schema(value_type = String, format = DateTime)]
    pub expires_at: Timestamp,
}

impl Accounts {
    /// Invites somebody.
    pub(crate) async fn invite(
        &self,
        email: Option<Email>,
        roles: Vec<Role>,
        by: &str,
        from: ClientAddress,
    ) -> Result<Invitation, ApiError> {
        if roles.is_empty() {
            return Err(ApiError::field("roles", "an account has at least one role"));
        }
        let life = SignedDuration::from_secs(i64::from(self.config.invitation_secs));
        let expires_at = self.now().checked_add(life).unwrap_or(Timestamp::MAX);
        let record = InvitationRecord { email, roles, by: by.to_owned(), expires_at };
        let token = OpaqueToken::random();
        let document =
            NewDocument { id: token.digest, body: to_body(&record)?, expires_at: Some(expires_at) };
        self.documents.put(&INVITATIONS, document, Expect::Absent).await?;
        audit("user.invite", Outcome::Success, by, "-", from);
        let email = record.email.map(|email| email.as_str().to_owned());
        Ok(Invitation { token: token.text, email, roles: record.roles, expires_at })
    }

    /// Uses up an invitation and tells the roles that it gives. 403 if it is not valid for this address.
    pub(super) async fn redeem_invitation(
        &self,
        token: Option<&str>,
        email: &Email,
    ) -> Result<Vec<Role>, ApiError> {
        let refused = || ApiError::forbidden("registration needs a valid invitation, ask an admin");
        let digest = token.and_then(OpaqueToken::digest_of).ok_or_else(refused)?;
        let found = self.documents.get(&INVITATIONS, &digest).await?.ok_or_else(refused)?;
        let record: InvitationRecord = from_body(found.body)?;
        if record.expires_at <= self.now() || record.email.is_some_and(|invited| invited != *email) {
            return Err(refused());
        }
        // Of several at the same time only one removes it.
        if !self.documents.delete(&INVITATIONS, &digest).await? {
            return Err(refused());
        }
        Ok(record.roles)
    }
}
