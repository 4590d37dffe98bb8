//! The table of the port: every route with the right that it asks for.
//!
//! *Invariant*: a handler gets into the router only through [`Route`], which cannot be made without a right. So nothing is
//! served that the table does not know, and nothing without a check.

use super::{
    aliases, blocks, bulk, by_query, cat, cluster, documents, error::ElasticError, indices, lifecycle,
    mappings, nodes, overview, pieces, pipelines, root, scripts, search, security, settings, stats, streams,
    tasks, templates, update,
};
use crate::{
    auth::{Role, User, extract, scope::elastic_scope_of},
    state::App,
};
use axum::{
    Router,
    extract::Request,
    middleware::{Next, from_fn},
    response::{IntoResponse, Response},
    routing::{MethodRouter, get},
};
use std::sync::Arc;
use store::scope::{self, Scope};

/// What a route asks of the caller. What the caller reaches beyond that is decided by its scope.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ElasticRight {
    /// Looking at the cluster and at names: analysts.
    Monitor,
    /// Searching and reading documents: analysts.
    Read,
    /// Writing documents, and making them visible: admins; analysts where dashboards keep their objects.
    Write,
    /// Changing indices and what belongs to them: admins.
    Manage,
    /// Changing what concerns all indices: admins.
    ManageAll,
}

impl ElasticRight {
    /// Whether a caller of that reach has it: analysts monitor and read, admins do everything, API keys what they say.
    fn granted(self, scope: &Scope) -> bool {
        match self {
            Self::Monitor => scope.allows(scope::IndexRight::Any),
            Self::Read => scope.allows(scope::IndexRight::Read),
            Self::Write => scope.allows(scope::IndexRight::Write),
            Self::Manage => scope.allows(scope::IndexRight::Manage),
            // Only who manages what `*` stands for manages an index of that name, which cannot be.
            Self::ManageAll => scope.may(scope::IndexRight::Manage, "*"),
        }
    }

    /// The role that accounts need for it.
    fn role(self) -> Role {
        match self {
            Self::Monitor | Self::Read => Role::Analyst,
            Self::Write | Self::Manage | Self::ManageAll => Role::Admin,
        }
    }
}

/// One path with some of its methods.
pub(super) struct Route {
    path: &'static str,
    right: ElasticRight,
    methods: MethodRouter<App>,
}

impl Route {
    /// A route that asks for that right.
    pub(super) fn new(right: ElasticRight, path: &'static str, methods: MethodRouter<App>) -> Self {
        Self { path, right, methods }
    }
}

/// All routes, family by family.
fn all() -> impl Iterator<Item = Route> {
    [
        root::routes(),
        cluster::routes(),
        nodes::routes(),
        overview::routes(),
        pieces::routes(),
        tasks::routes(),
        cat::routes(),
        stats::routes(),
        indices::routes(),
        mappings::routes(),
        settings::routes(),
        blocks::routes(),
        aliases::routes(),
        templates::routes(),
        streams::routes(),
        lifecycle::routes(),
        security::routes(),
        pipelines::routes(),
        scripts::routes(),
        documents::routes(),
        update::routes(),
        bulk::routes(),
        by_query::routes(),
        search::routes(),
    ]
    .into_iter()
    .flatten()
}

/// The paths that are served, for a test that walks all of them: each once, in their order.
pub fn paths() -> Vec<&'static str> {
    let mut paths: Vec<&str> = all().map(|route| route.path).collect();
    paths.sort_unstable();
    paths.dedup();
    paths
}

/// The router of all routes.
pub(super) fn router() -> Router<App> {
    all().fold(Router::new(), |router, route| {
        let Route { path, right, methods } = route;
        let guarded = methods.route_layer(from_fn(move |request, next| check(right, request, next)));
        router.route(path, guarded)
    })
}

/// GET and POST, as all requests that read with a body.
pub(super) fn get_or_post<H, T>(handler: H) -> MethodRouter<App>
where
    H: axum::handler::Handler<T, App>,
    T: 'static,
{
    get(handler.clone()).post(handler)
}

async fn check(right: ElasticRight, request: Request, next: Next) -> Response {
    match request.extensions().get::<Arc<User>>() {
        Some(user) if right.granted(&elastic_scope_of(user)) => next.run(request).await,
        Some(_) => ElasticError::from(extract::lacks(right.role())).into_response(),
        None => ElasticError::from(extract::not_logged_in()).into_response(),
    }
}
