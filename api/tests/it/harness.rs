//! A service in a temporary directory, called without a port.

use crate::{
    rooms::{Files, Jobs, Memory, Sink},
    watched_logs::WatchedLogs,
};
use api::{
    ApiConfig, App, Parts, Secret,
    auth::{Accounts, NewUser, Password, Role},
};
use axum::{
    Router,
    body::{Body, Bytes},
    extract::ConnectInfo,
    http::{HeaderMap, Method, Request, StatusCode, header},
};
use detect::fraud::{FraudConfig, FraudDetector};
use http_body_util::BodyExt;
use ingest::{
    decode::Limits,
    enrich::Enrichment,
    intake::{Intake, IntakeParts},
    patterns::{PatternKeeper, PatternSettings, Patterns},
    pipeline::Pipelines,
    redact::Redactor,
    upload::{UploadParts, UploadService},
};
use serde_json::{Value, json};
use std::{fs, net::SocketAddr, path::Path, sync::Arc};
use store::{
    Clock,
    blobs::{BlobStore, FileBlobs},
    cache::MemoryCache,
    documents::SqliteDocuments,
    logs::{
        IndexAdmin, TemplateKind,
        embedded::{EmbeddedLogs, EmbeddedOptions},
    },
    queue::{Queue, SqliteQueue},
    scope::Scope,
};
use tempfile::TempDir;
use tokio_util::sync::{CancellationToken, DropGuard};
use tower::ServiceExt;

pub(crate) const PASSWORD: &str = "correct horse battery";

pub(crate) struct Service {
    router: Router,
    pub(crate) app: App,
    elastic: Router,
    pub(crate) logs: Arc<WatchedLogs>,
    pub(crate) clock: Clock,
    pub(crate) accounts: Arc<Accounts>,
    _stop: DropGuard,
    _directory: TempDir,
}

pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error}: {:?}", String::from_utf8_lossy(&self.body)))
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// The body, after a look at the status.
    #[track_caller]
    pub(crate) fn expect(&self, status: u16) -> Value {
        assert_eq!(self.status.as_u16(), status, "{}", String::from_utf8_lossy(&self.body));
        if self.body.is_empty() { Value::Null } else { self.json() }
    }
}

impl Service {
    pub(crate) async fn start() -> Self {
        Self::with(|_| {}).await
    }

    /// A service with an admin `admin@shop.example`, an analyst and a viewer.
    pub(crate) async fn with(configure: impl FnOnce(&mut ApiConfig)) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let clock = Clock::manual("2026-11-21T12:00:00Z".parse().unwrap());
        let mut config = ApiConfig::new(Secret::new(*b"an example of thirty-two bytes!!"));
        config.version = "0.0.0-test".to_owned();
        config.accounts.bcrypt_cost = 4;
        configure(&mut config);
        let documents = Arc::new(
            SqliteDocuments::open(&directory.path().join("documents.db"), api::COLLECTIONS, clock.clone())
                .unwrap(),
        );
        let cache = Arc::new(MemoryCache::new(8 << 20, clock.clone()));
        let accounts = Arc::new(Accounts::new(
            documents.clone(),
            cache.clone(),
            config.accounts.clone(),
            &config.signing_secret,
            clock.clone(),
        ));
        for role in [Role::Admin, Role::Analyst, Role::Viewer] {
            let user = NewUser {
                email: format!("{}@shop.example", role.as_str()).parse().unwrap(),
                password: Password::new(PASSWORD),
                first_name: role.as_str().to_owned(),
                last_name: String::new(),
                roles: vec![role],
            };
            accounts.add_user(user).await.unwrap();
        }
        let queue: Arc<dyn Queue> = Arc::new(SqliteQueue::new(&documents, clock.clone()));
        let blobs: Arc<dyn BlobStore> =
            Arc::new(FileBlobs::open(&directory.path().join("blobs"), [7; 32]).unwrap());
        let engine = {
            let clock = clock.clone();
            let options =
                EmbeddedOptions { clock: Arc::new(move || clock.now()), ..EmbeddedOptions::default() };
            Arc::new(EmbeddedLogs::open(&directory.path().join("logs"), options).unwrap())
        };
        let logs = Arc::new(WatchedLogs::new(Arc::clone(&engine)));
        install_templates(&engine).await;
        let admin: Arc<dyn IndexAdmin> = engine;
        let memory = Arc::new(Memory::default());
        let now: ingest::ports::Clock = {
            let clock = clock.clone();
            Arc::new(move || clock.now())
        };
        let detector =
            FraudDetector::open(memory.clone(), memory.clone(), FraudConfig::default(), now.clone())
                .await
                .unwrap();
        let detector = Arc::new(detector);
        let pipelines = Arc::new(Pipelines::new(Arc::new(Enrichment::embedded())).unwrap());
        let patterns = PatternKeeper::new(memory.clone(), Patterns::new(PatternSettings::default()));
        let intake = Intake::new(IntakeParts {
            patterns: Some(patterns),
            pipelines: pipelines.clone(),
            redact: Arc::new(Redactor::new(b"a key for card tokens")),
            sink: Arc::new(Sink { detector: detector.clone(), logs: logs.clone() }),
            dead_letters: memory.clone(),
            clock: now,
            limits: Limits::default(),
        });
        let uploads = UploadService::new(UploadParts {
            uploads: memory.clone(),
            contents: memory.clone(),
            dead_letters: memory.clone(),
            queue: Arc::new(Jobs(queue.clone())),
            blobs: Arc::new(Files(blobs.clone())),
            intake: intake.clone(),
        });
        let stop = CancellationToken::new();
        let workers = uploads.clone();
        tokio::spawn({
            let stop = stop.clone();
            async move { workers.run_workers(stop, 1).await }
        });
        let logs_of_test = logs.clone();
        let app = App::new(Parts {
            config,
            queue,
            blobs,
            documents,
            cache,
            logs,
            admin,
            uploads,
            intake,
            pipelines,
            fraud: detector,
            accounts: Arc::clone(&accounts),
            metrics: None,
        });
        let elastic = api::elastic_router(app.clone());
        Self {
            router: api::router(app.clone()),
            app,
            elastic,
            logs: logs_of_test,
            clock,
            accounts,
            _stop: stop.drop_guard(),
            _directory: directory,
        }
    }

    /// The routes, to be served on a socket.
    pub(crate) fn router(&self) -> Router {
        self.router.clone()
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        Answer { status: parts.status, headers: parts.headers, body }
    }

    /// Sends a request to the Elasticsearch port.
    pub(crate) async fn elastic(&self, request: Request<Body>) -> Answer {
        let response = self.elastic.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        Answer {
            status: parts.status,
            headers: parts.headers,
            body: body.collect().await.unwrap().to_bytes(),
        }
    }

    pub(crate) async fn call(
        &self,
        method: &str,
        path: &str,
        token: Option<&str>,
        body: Option<Value>,
    ) -> Answer {
        self.send(request(method, path, token, body)).await
    }

    pub(crate) async fn get(&self, path: &str, token: &str) -> Answer {
        self.call("GET", path, Some(token), None).await
    }

    pub(crate) async fn post(&self, path: &str, token: &str, body: Value) -> Answer {
        self.call("POST", path, Some(token), Some(body)).await
    }

    pub(crate) async fn login_with(&self, email: &str, password: &str) -> Answer {
        self.call("POST", "/api/v1/auth/login", None, Some(json!({"email": email, "password": password})))
            .await
    }

    /// Tokens of the account `<name>@shop.example`.
    pub(crate) async fn login(&self, name: &str) -> Value {
        self.login_with(&format!("{name}@shop.example"), PASSWORD).await.expect(200)
    }

    /// An access token of the account `<name>@shop.example`.
    pub(crate) async fn token(&self, name: &str) -> String {
        self.login(name).await["access_token"].as_str().unwrap().to_owned()
    }

    pub(crate) async fn refresh(&self, login: &Value) -> Answer {
        let body = json!({"refresh_token": login["refresh_token"]});
        self.call("POST", "/api/v1/auth/refresh", None, Some(body)).await
    }
}

/// Those that the service opens its store with.
async fn install_templates(admin: &EmbeddedLogs) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../index-templates");
    for (kind, folder) in [
        (TemplateKind::Component, folder.join("component-templates")),
        (TemplateKind::Index, folder.join("index-templates")),
    ] {
        for file in fs::read_dir(folder).unwrap() {
            let path = file.unwrap().path();
            let body = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
            let name = path.file_stem().unwrap().to_str().unwrap();
            admin.put_template(&Scope::internal("test"), kind, name, body, false).await.unwrap();
        }
    }
}

pub(crate) fn request(method: &str, path: &str, token: Option<&str>, body: Option<Value>) -> Request<Body> {
    let mut request = Request::builder().method(Method::from_bytes(method.as_bytes()).unwrap()).uri(path);
    if let Some(token) = token {
        request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
    }
    let body = match body {
        Some(body) => {
            request = request.header(header::CONTENT_TYPE, "application/json");
            Body::from(body.to_string())
        }
        None => Body::empty(),
    };
    let mut request = request.body(body).unwrap();
    from_address(&mut request, "192.0.2.1:40000");
    request
}

/// Makes the request come from this address.
pub(crate) fn from_address(request: &mut Request<Body>, address: &str) {
    let address: SocketAddr = address.parse().unwrap();
    request.extensions_mut().insert(ConnectInfo(address));
}
