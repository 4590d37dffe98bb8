//! `_security`: who the caller is, and what it may do. Accounts themselves are managed elsewhere.
//!
//! Source: Elasticsearch reference, "Authenticate API", "Has privileges API".

use super::{
    error::ElasticError,
    request::Asked,
    routes::{ElasticRight, Route, get_or_post},
};
use crate::auth::User;
use axum::{Json, routing::get};
use event::Object;
use serde_json::{Value, json};
use store::scope::{self, Scope};

/// Most names of indices and privileges that one request may ask for.
const ASKED_MAX: usize = 1_000;

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::new(ElasticRight::Monitor, "/_security/_authenticate", get(authenticate)),
        Route::new(ElasticRight::Monitor, "/_security/user/_has_privileges", get_or_post(has_privileges)),
        Route::new(
            ElasticRight::Monitor,
            "/_security/user/{user}/_has_privileges",
            get_or_post(has_privileges),
        ),
    ]
}

fn name_of(user: &User) -> &str {
    if user.email.is_empty() { &user.id } else { &user.email }
}

async fn authenticate(asked: Asked) -> Result<Json<Value>, ElasticError> {
    asked.done()?;
    let user = &asked.user;
    let is_key = user.roles.is_empty();
    let realm = json!({"name": if is_key { "_es_api_key" } else { "vigie" }, "type": if is_key { "_es_api_key" } else { "native" }});
    let email = Some(&user.email).filter(|email| !email.is_empty());
    Ok(Json(json!({
        "username": name_of(user),
        "roles": user.roles,
        "full_name": null,
        "email": email,
        "metadata": {},
        "enabled": true,
        "authentication_realm": realm,
        "lookup_realm": realm,
        "authentication_type": if is_key { "api_key" } else { "realm" },
    })))
}

/// What the scope allows in the whole, by Elasticsearch's name for it.
fn cluster_privilege(scope: &Scope, privilege: &str) -> bool {
    match privilege {
        "monitor" | "read_ilm" | "read_pipeline" | "monitor_watcher" | "monitor_ml" => {
            scope.allows(scope::IndexRight::Any)
        }
        "all" => index_privilege(scope, "*", "all"),
        _ => scope.may(scope::IndexRight::Manage, "*"),
    }
}

/// What the scope allows in an index, by Elasticsearch's name for it.
fn index_privilege(scope: &Scope, index: &str, privilege: &str) -> bool {
    let may = |right| scope.may(right, index);
    match privilege {
        "none" => may(scope::IndexRight::Any),
        "read" | "view_index_metadata" | "monitor" => may(scope::IndexRight::Read),
        "write" | "index" | "create" | "create_doc" | "delete" | "create_index" | "auto_configure" => {
            may(scope::IndexRight::Write)
        }
        "all" => scope::IndexRight::ALL.into_iter().all(may),
        _ => may(scope::IndexRight::Manage),
    }
}

fn texts(value: Option<&Value>) -> Vec<&str> {
    match value {
        Some(Value::String(one)) => vec![one],
        Some(Value::Array(many)) => many.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}

async fn has_privileges(asked: Asked) -> Result<Json<Value>, ElasticError> {
    asked.done()?;
    let named = asked.part("user");
    let own = name_of(&asked.user);
    if !named.is_empty() && named != own {
        let reason = format!("only the privileges of the caller [{own}] can be asked for");
        return Err(ElasticError::illegal(reason));
    }
    Ok(Json(report(own, &asked.scope, &asked.required()?)?))
}

fn report(name: &str, scope: &Scope, body: &Value) -> Result<Value, ElasticError> {
    let mut all = true;
    let mut note = |holds: bool| {
        all &= holds;
        json!(holds)
    };
    let cluster: Object = texts(body.get("cluster"))
        .into_iter()
        .take(ASKED_MAX)
        .map(|privilege| (privilege.to_owned(), note(cluster_privilege(scope, privilege))))
        .collect();
    let mut indices = Object::new();
    let mut count = 0;
    for part in body.get("index").and_then(Value::as_array).into_iter().flatten() {
        let privileges = texts(part.get("privileges"));
        for index in texts(part.get("names")) {
            count += privileges.len();
            if count > ASKED_MAX {
                return Err(ElasticError::illegal(format!(
                    "more than {ASKED_MAX} privileges in one request"
                )));
            }
            let entry = indices.entry(index).or_insert_with(|| json!({}));
            for privilege in &privileges {
                entry[*privilege] = note(index_privilege(scope, index, privilege));
            }
        }
    }
    let mut applications = Object::new();
    for part in body.get("application").and_then(Value::as_array).into_iter().flatten().take(ASKED_MAX) {
        let Some(application) = part.get("application").and_then(Value::as_str) else { continue };
        let entry = applications.entry(application).or_insert_with(|| json!({}));
        for resource in texts(part.get("resources")).into_iter().take(ASKED_MAX) {
            for privilege in texts(part.get("privileges")).into_iter().take(ASKED_MAX) {
                // Applications have no privileges of their own here: who manages everything has all of them.
                let holds = note(cluster_privilege(scope, "all"));
                entry[resource][privilege] = holds;
            }
        }
    }
    Ok(json!({"username": name, "has_all_requested": all, "cluster": cluster, "index": indices,
        "application": applications}))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn privileges_follow_the_scope() {
        let scope = Scope::none("x").with_grant(["shop-*"], &[scope::IndexRight::Read]);
        let body = json!({"cluster": ["monitor", "manage"], "index": [
            {"names": ["shop-*", "other"], "privileges": ["read", "write"]}]});
        assert_eq!(
            report("x", &scope, &body).unwrap(),
            json!({"username": "x", "has_all_requested": false, "cluster": {"monitor": true, "manage": false},
                "index": {"shop-*": {"read": true, "write": false}, "other": {"read": false, "write": false}},
                "application": {}})
        );
        let admin = Scope::internal("x");
        assert_eq!(report("x", &admin, &body).unwrap()["has_all_requested"], true);
    }
}
