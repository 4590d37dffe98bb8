use crate::harness::{Service, request};
use api::rights::{ROWS, RouteRight, row};
use std::collections::BTreeSet;

/// Every route of the OpenAPI document: method and path without prefix.
fn routes() -> BTreeSet<(String, String)> {
    let document = serde_json::to_value(api::openapi_document()).unwrap();
    let mut routes = BTreeSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        let path = path.strip_prefix("/api/v1").unwrap();
        for method in item.as_object().unwrap().keys() {
            routes.insert((method.to_uppercase(), path.to_owned()));
        }
    }
    routes
}

/// Rows of routes that no handler describes: the page, the document itself, older names of routes.
const NOT_DESCRIBED: [(&str, &str); 7] = [
    ("GET", "/metrics"),
    ("GET", "/openapi.json"),
    ("GET", "/docs"),
    ("GET", "/docs/"),
    ("GET", "/docs/{*rest}"),
    ("POST", "/users/add"),
    ("POST", "/users/auth"),
];

#[test]
fn the_table_and_the_routes_are_the_same() {
    let described = routes();
    let table: BTreeSet<(String, String)> = ROWS
        .iter()
        .filter(|row| !NOT_DESCRIBED.contains(&(row.method, row.path)))
        .map(|row| (row.method.to_owned(), row.path.to_owned()))
        .collect();
    assert_eq!(table.difference(&described).collect::<Vec<_>>(), Vec::<&_>::new(), "rows without a route");
    assert_eq!(described.difference(&table).collect::<Vec<_>>(), Vec::<&_>::new(), "routes without a row");
}

/// Every route × {nobody, viewer, analyst, admin}: refused below the role of the table, let in from it on.
#[tokio::test]
async fn every_route_asks_for_its_role() {
    let service = Service::with(|config| {
        config.limits.user_requests_per_minute = 100_000;
        config.limits.anonymous_requests_per_minute = 100_000;
        config.accounts.login_failures_max = 100_000;
    })
    .await;
    for (method, path) in routes() {
        let right = row(&method, &path).unwrap().right;
        let concrete = path
            .replace("{id}", "00000000-0000-4000-8000-000000000000")
            .replace("{name}", "no-such")
            .replace("{transaction_id}", "no-such");
        for prefix in ["/api/v1", "/api"] {
            let path = format!("{prefix}{concrete}");
            for caller in [None, Some("viewer"), Some("analyst"), Some("admin")] {
                // A fresh session for each: the routes end sessions.
                let token = match caller {
                    Some(name) => Some(service.token(name).await),
                    None => None,
                };
                let status =
                    service.send(request(&method, &path, token.as_deref(), None)).await.status.as_u16();
                let expected = match (right, caller) {
                    (RouteRight::Public, _) => None,
                    (_, None) => Some(401),
                    (RouteRight::Ingest | RouteRight::Search, Some(name)) => {
                        (rank(name) < rank("analyst")).then_some(403)
                    }
                    (RouteRight::Role(role), Some(name)) => (rank(name) < rank(role.as_str())).then_some(403),
                };
                match expected {
                    Some(expected) => assert_eq!(status, expected, "{method} {path} as {caller:?}"),
                    None => assert!(
                        !matches!(status, 403 | 405 | 500) && (status != 401 || right == RouteRight::Public),
                        "{method} {path} as {caller:?}: {status}"
                    ),
                }
            }
        }
    }
}

fn rank(role: &str) -> usize {
    ["viewer", "analyst", "admin"].iter().position(|known| *known == role).unwrap()
}

#[tokio::test]
async fn unknown_routes_and_methods_are_problems() {
    let service = Service::start().await;
    for (path, status) in
        [("/api/v1/nothing", 404), ("/api/nothing", 404), ("/nothing", 404), ("/api/v1/users/x/y", 404)]
    {
        service.call("GET", path, None, None).await.expect(status);
    }
    service.call("DELETE", "/api/v1/auth/login", None, None).await.expect(405);
    service.call("PUT", "/api/v1/users", None, None).await.expect(405);
}
