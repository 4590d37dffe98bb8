use crate::{
    config::{Config, LogFormat, Overrides, Secret},
    local::{LocalService, answer},
    observability, secrets,
};
use anyhow::Context;
use clap::{Subcommand, ValueEnum};
use serde_json::{Value, json};
use std::{
    io::Write,
    path::{Path, PathBuf},
};

#[derive(Debug, Subcommand)]
pub(super) enum UserCommand {
    /// Create an account
    Add(AddArgs),
    /// List the accounts
    List(Overrides),
}

#[derive(Debug, clap::Args)]
pub(super) struct AddArgs {
    /// Email address, which is also the login
    email: String,
    /// What the account may do
    #[arg(long, value_enum, default_value_t = Role::Viewer)]
    role: Role,
    /// First name
    #[arg(long, default_value = "")]
    first_name: String,
    /// Last name
    #[arg(long, default_value = "")]
    last_name: String,
    /// File with the password; without it one is generated and printed once
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
    #[command(flatten)]
    overrides: Overrides,
}

/// What an account may do; each includes the one before.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(super) enum Role {
    /// Dashboards
    Viewer,
    /// Logs, search, analytics and fraud too
    Analyst,
    /// Users and settings too
    Admin,
}

impl Role {
    /// Its name in the API.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Analyst => "analyst",
            Self::Admin => "admin",
        }
    }
}

pub(super) fn run(file: Option<&Path>, command: UserCommand) -> anyhow::Result<()> {
    let overrides = match &command {
        UserCommand::Add(args) => &args.overrides,
        UserCommand::List(overrides) => overrides,
    };
    let config = Config::load(file, overrides)?;
    observability::init(LogFormat::Auto, "warn")?;
    tokio::runtime::Runtime::new()?.block_on(async {
        let service = LocalService::connect(&config).await?;
        let outcome = match command {
            UserCommand::Add(args) => add(&service, args).await,
            UserCommand::List(_) => list(&service).await,
        };
        service.close().await?;
        outcome
    })
}

async fn add(service: &LocalService, args: AddArgs) -> anyhow::Result<()> {
    let (password, generated) = match &args.password_file {
        Some(file) => {
            let text =
                std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
            (Secret::from(text.trim_end_matches(['\r', '\n']).to_owned()), false)
        }
        None => (secrets::generate_password(), true),
    };
    create(service, &args.email, &password, args.role, (&args.first_name, &args.last_name)).await?;
    let mut out = std::io::stdout().lock();
    writeln!(out, "created {} ({})", args.email, args.role.name())?;
    if generated {
        writeln!(out, "password: {}", password.expose())?;
    }
    Ok(())
}

/// Creates an account over the local socket.
pub(super) async fn create(
    service: &LocalService,
    email: &str,
    password: &Secret,
    role: Role,
    (first_name, last_name): (&str, &str),
) -> anyhow::Result<()> {
    let body = json!({
        "email": email, "password": password.expose(), "roles": [role.name()],
        "first_name": first_name, "last_name": last_name,
    });
    answer::<Value>(service.post("/users").json(&body)).await.map(drop)
}

async fn list(service: &LocalService) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    let mut cursor: Option<String> = None;
    loop {
        let mut request = service.get("/users").query(&[("limit", "200")]);
        if let Some(cursor) = &cursor {
            request = request.query(&[("cursor", cursor)]);
        }
        let page: Value = answer(request).await?;
        for user in page["items"].as_array().into_iter().flatten() {
            let roles: Vec<&str> =
                user["roles"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
            let state = if user["active"].as_bool().unwrap_or(true) { "" } else { "  disabled" };
            writeln!(out, "{}  {}{state}", user["email"].as_str().unwrap_or_default(), roles.join(","))?;
        }
        match page["next_cursor"].as_str() {
            Some(next) => cursor = Some(next.to_owned()),
            None => return Ok(()),
        }
    }
}
