use super::{ingest, serve, user};
use crate::{
    config::{Config, LogFormat, Overrides, Registration},
    local::LocalService,
    observability,
    secrets::generate_password,
    service::{Addresses, Service},
};
use anyhow::{Context, bail};
use reqwest::multipart::{Form, Part};
use std::{
    fs::Permissions,
    io::Write,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

/// The sample shop, compiled in so that the demo needs nothing beside the binary.
const FIXTURES: &[(&str, &[u8])] = &[
    ("access.log", include_bytes!("../../../fixtures/access.log")),
    ("transactions.ndjson", include_bytes!("../../../fixtures/transactions.ndjson")),
    ("errors.ndjson", include_bytes!("../../../fixtures/errors.ndjson")),
    ("behaviour.ndjson", include_bytes!("../../../fixtures/behaviour.ndjson")),
    ("performance.ndjson", include_bytes!("../../../fixtures/performance.ndjson")),
    ("devices.ndjson", include_bytes!("../../../fixtures/devices.ndjson")),
];

const ADMIN: &str = "admin@demo.example";
const ANALYST: &str = "analyst@demo.example";
const VIEWER: &str = "viewer@demo.example";

#[derive(Debug, clap::Args)]
pub(super) struct DemoArgs {
    #[command(flatten)]
    overrides: Overrides,
}

pub(super) fn run(file: Option<&Path>, mut args: DemoArgs) -> anyhow::Result<()> {
    let scratch = match args.overrides.data.take() {
        Some(directory) => Scratch::kept(directory)?,
        None => Scratch::temporary()?,
    };
    args.overrides.data = Some(scratch.path.clone());
    args.overrides.registration.get_or_insert(Registration::Open);
    let mut config = Config::load(file, &args.overrides)?;
    observability::init(LogFormat::Auto, "warn")?;
    let password = config.admin.configured_password()?.unwrap_or_else(generate_password);
    config.admin.email = ADMIN.to_owned();
    config.admin.password = Some(password.clone());
    config.admin.password_file = None;
    use_free_ports(&mut config, &args.overrides);
    tokio::runtime::Runtime::new()?.block_on(async {
        let stop = serve::stop_signal()?;
        let service = Service::open(&config).await?;
        let addresses = service.listen(&config).await?;
        service.serve_socket()?;
        let local = LocalService::of(&service).await?;
        for (email, role) in [(ANALYST, user::Role::Analyst), (VIEWER, user::Role::Viewer)] {
            user::create(&local, email, &password, role, ("Demo", role.name())).await?;
        }
        let loading = load_fixtures(&local);
        tokio::pin!(stop);
        tokio::select! {
            loaded = loading => {
                loaded?;
                introduce(&addresses, password.expose(), &scratch)?;
                stop.await;
            }
            () = &mut stop => {}
        }
        service.shutdown().await
    })
}

/// The directory of a demo.
struct Scratch {
    path: PathBuf,
    /// Removes the directory at the end, if it was made for this run.
    _guard: Option<tempfile::TempDir>,
}

impl Scratch {
    fn temporary() -> anyhow::Result<Self> {
        let guard = tempfile::Builder::new()
            .prefix("vigie-demo-")
            .permissions(Permissions::from_mode(0o700))
            .tempdir()
            .context("no temporary directory")?;
        Ok(Self { path: guard.path().to_owned(), _guard: Some(guard) })
    }

    fn kept(path: PathBuf) -> anyhow::Result<Self> {
        if path.read_dir().is_ok_and(|mut entries| entries.next().is_some()) {
            bail!(
                "{} is not empty: the demo wants a fresh directory (use `vigie serve --data` for this one)",
                path.display()
            );
        }
        Ok(Self { path, _guard: None })
    }
}

/// Moves off ports that are taken, unless the user asked for them: a demo should start.
fn use_free_ports(config: &mut Config, overrides: &Overrides) {
    let taken = |address: &str| std::net::TcpListener::bind(address).is_err();
    if overrides.listen.is_none() && taken(&config.listen) {
        config.listen = "127.0.0.1:0".to_owned();
    }
    if overrides.elastic_listen.is_none() && config.elastic_listen != "off" && taken(&config.elastic_listen) {
        config.elastic_listen = "127.0.0.1:0".to_owned();
    }
}

async fn load_fixtures(service: &LocalService) -> anyhow::Result<()> {
    let mut uploads = Vec::with_capacity(FIXTURES.len());
    for (name, bytes) in FIXTURES {
        let form = Form::new().part("file", Part::bytes(*bytes).file_name(*name));
        uploads.push(ingest::send(service, form).await.with_context(|| format!("sample file {name}"))?);
    }
    for upload in uploads {
        let upload = ingest::finished(service, upload).await?;
        writeln!(std::io::stdout().lock(), "loaded {}", ingest::sentence(&upload))?;
    }
    Ok(())
}

/// Says where everything is and what to try.
fn introduce(addresses: &Addresses, password: &str, scratch: &Scratch) -> anyhow::Result<()> {
    let http = &addresses.http;
    let elastic = addresses.elastic.as_deref().unwrap_or("off");
    let kept = if scratch._guard.is_some() { " (removed at the end)" } else { "" };
    let data = scratch.path.display();
    let mut out = std::io::stdout().lock();
    write!(
        out,
        r#"
vigie is running with a sample shop's month of events. Ctrl-C ends it.

  HTTP API       {http}/api/v1     (documentation: {http}/api/docs)
  Elasticsearch  {elastic}
  admin          {ADMIN}  password: {password}
  also           {ANALYST}, {VIEWER} (same password)
  data           {data}{kept}

Try, in another terminal:
  1. TOKEN=$(curl -s {http}/api/v1/auth/login --json '{{"email":"{ANALYST}","password":"{password}"}}' | sed 's/.*"access_token":"\([^"]*\)".*/\1/')
  2. curl -s {http}/api/v1/search -H "Authorization: Bearer $TOKEN" --json '{{"query":"http.response.status_code >= 500","size":3}}'
  3. curl -s "{http}/api/v1/fraud/verdicts?verdict=block" -H "Authorization: Bearer $TOKEN"

{addresses}
"#
    )?;
    out.flush()?;
    Ok(())
}
