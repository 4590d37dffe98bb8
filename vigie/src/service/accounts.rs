use crate::{
    config::{Config, Secret},
    secrets::generate_password,
};
use anyhow::{Context, anyhow};
use api::auth::{Accounts, Email, Password};

/// The login of the first administrator with a generated password: printed once, kept nowhere.
pub(crate) struct FirstAdmin {
    pub(crate) email: String,
    pub(crate) password: Secret,
}

/// Creates the first administrator if there are no accounts. Answers with the login if its password was generated.
pub(super) async fn ensure_admin(config: &Config, accounts: &Accounts) -> anyhow::Result<Option<FirstAdmin>> {
    let configured = config.admin.configured_password()?;
    let generated = configured.is_none();
    let secret = configured.unwrap_or_else(generate_password);
    let email: Email = config.admin.email.parse().map_err(|error: String| anyhow!("admin.email: {error}"))?;
    let password = Password::new(secret.expose().to_owned());
    let created = accounts.ensure_admin(email, password).await;
    let created =
        created.map_err(|error| anyhow!("{error}")).context("cannot create the first administrator")?;
    let first = FirstAdmin { email: config.admin.email.clone(), password: secret };
    Ok((created && generated).then_some(first))
}
