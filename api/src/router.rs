use crate::{
    auth::guard,
    frame::{self, address, headers, metrics, trace},
    handlers, openapi,
    state::App,
};
use axum::{
    Router,
    extract::DefaultBodyLimit,
    http::{HeaderValue, Method, header},
    middleware::{from_fn, from_fn_with_state},
    routing::{get, post},
};
use tower_http::{
    catch_panic::CatchPanicLayer,
    compression::CompressionLayer,
    cors::{AllowOrigin, CorsLayer},
};
use utoipa_swagger_ui::SwaggerUi;

/// The HTTP service: all routes, and around them rights, limits, trace ids and metrics.
///
/// Serve it with the connection's address ([`crate::serve()`] does), or every client counts as the same one.
pub fn router(app: App) -> Router {
    let (versioned, document) = openapi::versioned().split_for_parts();
    let (alias, _) = openapi::resources().split_for_parts();
    let (unprefixed, _) = openapi::unprefixed().split_for_parts();
    let limits = app.config().limits.clone();
    Router::new()
        .merge(versioned)
        .nest("/api", alias)
        .merge(unprefixed)
        .merge(older_names())
        .nest("/api/v1", older_names())
        .nest("/api", older_names())
        .route("/metrics", get(metrics::get_metrics))
        .merge(Router::from(SwaggerUi::new("/api/docs").url("/api/v1/openapi.json", document)))
        .route_layer(from_fn_with_state(app.clone(), guard::guard))
        .fallback(frame::no_route)
        .method_not_allowed_fallback(frame::no_method)
        .layer(DefaultBodyLimit::max(limits.json_body_max_bytes))
        .layer(from_fn_with_state(app.clone(), headers::limit))
        .layer(CatchPanicLayer::custom(frame::on_panic))
        .layer(CompressionLayer::new())
        .layer(cors(&app))
        .layer(from_fn(headers::secure))
        .layer(from_fn(metrics::measure))
        .layer(from_fn(trace::trace))
        .layer(from_fn_with_state(app.clone(), address::locate))
        .with_state(app)
}

/// Names under which older clients know routes.
fn older_names() -> Router<App> {
    Router::new()
        .route("/users/add", post(handlers::auth::register))
        .route("/users/auth", post(handlers::auth::login))
}

/// Lets pages of the configured origins call; without any, only our own pages can.
fn cors(app: &App) -> CorsLayer {
    let origins: Vec<HeaderValue> =
        app.config().cors_origins.iter().filter_map(|origin| origin.parse().ok()).collect();
    if origins.is_empty() {
        return CorsLayer::new();
    }
    CorsLayer::new()
        .allow_origin(AllowOrigin::list(origins))
        .allow_methods([Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE])
        .allow_headers([header::AUTHORIZATION, header::CONTENT_TYPE, trace::X_TRACE_ID])
        .expose_headers([trace::X_TRACE_ID, header::RETRY_AFTER])
}
