//! Who is let in where on the Elasticsearch port: all routes by all who may ask, against a table that a change must change.

use crate::harness::{Service, request};
use serde_json::json;
use std::fmt::Write as _;

const METHODS: [&str; 4] = ["GET", "POST", "PUT", "DELETE"];

/// Those who ask, and the value of their `Authorization`.
async fn callers(service: &Service) -> Vec<(&'static str, Option<String>)> {
    let mut callers = vec![("nobody", None)];
    for role in ["viewer", "analyst", "admin"] {
        callers.push((role, Some(format!("Bearer {}", service.token(role).await))));
    }
    let admin = service.token("admin").await;
    let all = json!(["read", "write", "manage"]);
    for (name, privileges, indices) in [
        ("own", all, json!(["shop-*"])),
        ("write-only", json!(["write"]), json!(["ecommerce-logs-*"])),
        ("elsewhere", json!(["read"]), json!(["nowhere"])),
    ] {
        let key = json!({"name": name, "privileges": privileges, "indices": indices});
        let made = service.post("/api/v1/api-keys", &admin, key).await.expect(201);
        callers.push((name, Some(format!("ApiKey {}", made["encoded"].as_str().unwrap()))));
    }
    callers
}

#[tokio::test]
async fn every_route_lets_in_whom_the_table_says() {
    let service = Service::with(|config| {
        config.limits.user_requests_per_minute = 1_000_000;
        config.limits.anonymous_requests_per_minute = 1_000_000;
    })
    .await;
    let callers = callers(&service).await;
    let names: Vec<&str> = callers.iter().map(|(name, _)| *name).collect();
    let mut table = format!("method path: {}\n", names.join(" "));
    for path in api::elastic_paths() {
        let concrete = path
            .replace("{index}", "ecommerce-logs-2026.11.21")
            .replace("{task}", "vigie-node-000000000001:1")
            .replace(['{', '}', '*'], "");
        for method in METHODS {
            let mut row = Vec::new();
            for (_, authorization) in &callers {
                let mut request = request(method, &concrete, None, None);
                if let Some(authorization) = authorization {
                    request.headers_mut().insert("authorization", authorization.parse().unwrap());
                }
                let status = service.elastic(request).await.status.as_u16();
                if status == 405 {
                    row.clear();
                    break;
                }
                row.push(match status {
                    401 => "401",
                    403 => "403",
                    _ => "in",
                });
            }
            if row.len() == callers.len() {
                writeln!(table, "{method} {path}: {}", row.join(" ")).unwrap();
            }
        }
    }
    insta::assert_snapshot!("elastic_rights", table);
}
