//! The OpenAPI document, made from the handlers, and the page that shows it.

use crate::{handlers, state::App};
use axum::extract::DefaultBodyLimit;
use utoipa::{
    Modify, OpenApi,
    openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme},
};
use utoipa_axum::{
    router::{OpenApiRouter, UtoipaMethodRouterExt},
    routes,
};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "vigie",
        description = "Takes in logs of web shops and their devices, makes them searchable, says which transactions are \
            fraud. Every route is also reachable under `/api`, `/auth/*` and `/health` also without prefix. Errors are \
            RFC 9457 problems; every answer carries `x-trace-id`.",
        license(name = "Apache-2.0")
    ),
    components(schemas(crate::error::Problem)),
    modifiers(&Bearer),
    security(("bearer" = [])),
    tags(
        (name = "accounts", description = "Login, sessions, the own account"),
        (name = "users", description = "Accounts and API keys, for admins"),
        (name = "logs", description = "Uploads, events, dead letters"),
        (name = "search", description = "Search and export"),
        (name = "pipelines", description = "How lines become events"),
        (name = "fraud", description = "Verdicts on transactions"),
        (name = "operations", description = "Health and metrics"),
    )
)]
struct Document;

struct Bearer;

impl Modify for Bearer {
    fn modify(&self, openapi: &mut utoipa::openapi::OpenApi) {
        let scheme = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("JWT").build();
        let components = openapi.components.get_or_insert_default();
        components.add_security_scheme("bearer", SecurityScheme::Http(scheme));
    }
}

/// The routes that answer at `/` as well as under the prefixes.
pub(crate) fn unprefixed() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(handlers::auth::register))
        .routes(routes!(handlers::auth::login))
        .routes(routes!(handlers::auth::refresh))
        .routes(routes!(handlers::auth::logout))
        .routes(routes!(handlers::auth::logout_all))
        .routes(routes!(handlers::auth::get_me, handlers::auth::update_me))
        .routes(routes!(handlers::auth::change_password))
        .routes(routes!(handlers::auth::list_sessions))
        .routes(routes!(handlers::auth::delete_session))
        .routes(routes!(handlers::health::get_health))
        .routes(routes!(handlers::health::get_health_details))
}

/// All routes, under no prefix, with their descriptions.
pub(crate) fn resources() -> OpenApiRouter<App> {
    unprefixed().merge(
        OpenApiRouter::new()
            .routes(routes!(handlers::search::search_events))
            .routes(routes!(handlers::search::list_fields))
            .routes(routes!(handlers::search::export_events))
            .routes(routes!(handlers::search::list_logs))
            .routes(routes!(handlers::patterns::list_patterns))
            .routes(routes!(handlers::indices::list_indices))
            // These read their bodies as streams with limits of their own.
            .routes(
                routes!(handlers::uploads::create_uploads, handlers::uploads::list_uploads)
                    .layer(DefaultBodyLimit::disable()),
            )
            .routes(routes!(handlers::inspect::inspect_upload).layer(DefaultBodyLimit::disable()))
            .routes(routes!(handlers::events::create_events).layer(DefaultBodyLimit::disable()))
            .routes(routes!(handlers::uploads::get_upload, handlers::uploads::delete_upload))
            .routes(routes!(handlers::uploads::watch_upload))
            .routes(routes!(handlers::dead_letters::list_dead_letters))
            .routes(routes!(handlers::dead_letters::replay_dead_letters))
            .routes(routes!(handlers::pipelines::list_pipelines))
            .routes(routes!(
                handlers::pipelines::get_pipeline,
                handlers::pipelines::put_pipeline,
                handlers::pipelines::delete_pipeline
            ))
            .routes(routes!(handlers::pipelines::simulate_pipeline))
            .routes(routes!(handlers::fraud::create_verdicts, handlers::fraud::list_verdicts))
            .routes(routes!(handlers::fraud::get_verdict))
            .routes(routes!(handlers::fraud::create_labels))
            .routes(routes!(handlers::users::list_users, handlers::users::create_user))
            .routes(routes!(handlers::users::create_invitation))
            .routes(routes!(handlers::api_keys::list_api_keys, handlers::api_keys::create_api_key))
            .routes(routes!(handlers::api_keys::delete_api_key))
            .routes(routes!(
                handlers::users::get_user,
                handlers::users::update_user,
                handlers::users::delete_user
            )),
    )
}

/// All routes under the canonical prefix, with their descriptions.
pub(crate) fn versioned() -> OpenApiRouter<App> {
    OpenApiRouter::with_openapi(Document::openapi()).nest("/api/v1", resources())
}

/// The OpenAPI document.
pub fn document() -> utoipa::openapi::OpenApi {
    versioned().into_openapi()
}
