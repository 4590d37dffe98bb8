//! The Elasticsearch surface: what its clients need to search the events, on a port of its own.
//!
//! The same accounts (Basic credentials or a bearer token) and API keys, the same rights, the same scope as everywhere.
//! What is not served answers 404 or 400 in Elasticsearch's error shape, never something that looks right.

mod aliases;
mod answer;
mod blocks;
mod body;
mod bulk;
mod by_query;
mod cat;
mod cluster;
mod documents;
mod error;
mod filter;
mod indices;
mod ingest_counts;
mod lifecycle;
mod mappings;
mod names;
mod nodes;
mod overview;
mod parameters;
mod persona;
mod pieces;
mod pipelines;
mod pretty;
mod request;
mod root;
mod routes;
mod script;
mod scripts;
mod search;
mod security;
mod settings;
mod shape;
mod stats;
mod streams;
mod strict_json;
mod table;
mod tasks;
mod templates;
mod typeless;
mod update;
mod write;

pub(crate) use cluster::CLUSTER_SETTINGS;
pub(crate) use ingest_counts::IngestCounts;
pub use persona::{Distribution, ServerVersion};
pub use routes::paths as elastic_paths;
pub(crate) use scripts::SCRIPTS;
pub use scripts::restore_scripts;
pub(crate) use tasks::Tasks;

use crate::{
    ApiError,
    auth::{Client, Role, User, extract, guard::user_of},
    frame::{
        self,
        address::{self, ClientAddress},
        headers, metrics, rate, trace,
    },
    state::App,
};
use axum::{
    Router,
    extract::{DefaultBodyLimit, FromRequestParts, Request, State},
    http::{Method, StatusCode, header},
    middleware::{Next, from_fn, from_fn_with_state},
    response::{IntoResponse, Response},
};
use error::ElasticError;
use persona::Persona;
use std::{any::Any, sync::Arc};
use tower::ServiceBuilder;
use tower_http::{catch_panic::CatchPanicLayer, compression::CompressionLayer};

const NOBODY: &str =
    "missing authentication credentials: send an account's email address and password (Basic), or an API key";

/// The Elasticsearch API, to be served on its own port.
pub fn elastic_router(app: App) -> Router {
    let served = routes::router()
        .fallback(no_handler)
        .method_not_allowed_fallback(no_method)
        .layer(DefaultBodyLimit::max(app.config().limits.json_body_max_bytes))
        .layer(from_fn_with_state(app.clone(), guard))
        .layer(from_fn_with_state(app.clone(), headers::limit))
        .layer(CatchPanicLayer::custom(on_panic))
        .layer(from_fn(shape::shape))
        .layer(CompressionLayer::new())
        .layer(from_fn(headers::secure))
        .layer(from_fn(metrics::measure))
        .layer(from_fn(trace::trace))
        .layer(from_fn_with_state(app.clone(), address::locate))
        .with_state(app.clone());
    // Around the routes, not on them: the path decides before they look at it.
    let personal = ServiceBuilder::new().layer(from_fn_with_state(app, personate)).service(served);
    Router::new().fallback_service(personal)
}

/// Finds out as what the request is to be answered.
async fn personate(State(app): State<App>, mut request: Request, next: Next) -> Response {
    let persona = Persona::of(&app.config().elastic, &mut request);
    request.extensions_mut().insert(persona);
    let (uri, method) = (request.uri().to_string(), request.method().clone());
    let mut response = next.run(request).await;
    if response.status() == StatusCode::METHOD_NOT_ALLOWED {
        response = name_methods(response, &uri, &method);
    }
    persona.sign(response.headers_mut());
    response
}

/// Says which methods the path has: the router tells in a header, behind all that is done within it.
fn name_methods(response: Response, uri: &str, method: &Method) -> Response {
    let (mut parts, body) = response.into_parts();
    let Some(allowed) = parts.headers.get(header::ALLOW).and_then(|allowed| allowed.to_str().ok()) else {
        return Response::from_parts(parts, body);
    };
    let body = error::no_method(uri, method, allowed).into_body();
    parts.headers.remove(header::CONTENT_LENGTH);
    parts.headers.insert(header::CONTENT_TYPE, shape::JSON);
    Response::from_parts(parts, body)
}

/// Everything here, also what does not exist, asks for an analyst.
async fn guard(State(app): State<App>, request: Request, next: Next) -> Response {
    let (mut parts, body) = request.into_parts();
    let Ok(client) = Client::from_request_parts(&mut parts, &()).await;
    let address = parts.extensions.get::<ClientAddress>().copied().unwrap_or_default();
    match admit(&app, &parts.headers, &client, address).await {
        Ok(user) => {
            parts.extensions.insert(user);
            let request = Request::from_parts(parts, body);
            match tokio::time::timeout(app.config().limits.request_timeout(), next.run(request)).await {
                Ok(response) => response,
                Err(_) => ElasticError::new(
                    StatusCode::REQUEST_TIMEOUT,
                    "timeout_exception",
                    "the answer took too long",
                )
                .into_response(),
            }
        }
        Err(error) => ElasticError::from(error).into_response(),
    }
}

/// Finds out who asks. Only those who are nobody are counted: what shippers and dashboards send is held back by what
/// the store can take, and wrong credentials by the limit on logins.
async fn admit(
    app: &App,
    headers: &axum::http::HeaderMap,
    client: &Client,
    address: ClientAddress,
) -> Result<Arc<User>, ApiError> {
    let value = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let user = match value.split_once(' ') {
        Some((scheme, credentials)) if scheme.eq_ignore_ascii_case("basic") => {
            match app.accounts().authenticate_api_key(credentials).await? {
                Some(key) => Some(key),
                None => Some(app.accounts().authenticate_basic(credentials, client).await?),
            }
        }
        _ => user_of(app, headers).await?,
    };
    let Some(user) = user else {
        rate::count(app, None, address).await?;
        return Err(ApiError::unauthorized(NOBODY));
    };
    // What each route asks for is in the table; what does not exist asks for something to be there, too.
    if user.has(Role::Analyst) || user.roles.is_empty() {
        Ok(user)
    } else {
        Err(extract::lacks(Role::Analyst))
    }
}

fn on_panic(panic: Box<dyn Any + Send + 'static>) -> Response {
    ElasticError::from(frame::panicked(&*panic)).into_response()
}

async fn no_handler(request: Request) -> Response {
    error::no_handler(&request.uri().to_string(), request.method())
}

/// Which methods there are, [`name_methods`] says.
async fn no_method() -> StatusCode {
    StatusCode::METHOD_NOT_ALLOWED
}
