//! Templates of indices: composable, components, legacy.
//!
//! Source: Elasticsearch reference, "Index templates".

use super::{
    error::ElasticError,
    indices::{acknowledged, missing, unwrap_type},
    request::Asked,
    routes::{ElasticRight, Route},
    settings::flatten,
};
use axum::{
    Json,
    routing::{delete, get, post, put},
};
use event::Object;
use serde_json::{Value, json};
use store::logs::{Simulation, TemplateKind};

/// The kinds with their paths.
const KINDS: [(&str, &str, TemplateKind); 3] = [
    ("/_index_template", "/_index_template/{name}", TemplateKind::Index),
    ("/_component_template", "/_component_template/{name}", TemplateKind::Component),
    ("/_template", "/_template/{name}", TemplateKind::Legacy),
];

pub(super) fn routes() -> Vec<Route> {
    let mut routes = Vec::new();
    for (all, one, kind) in KINDS {
        let show = move |asked: Asked| get_templates(asked, kind);
        let write = move |asked: Asked| put_template(asked, kind);
        routes.push(Route::new(ElasticRight::Monitor, all, get(show)));
        routes.push(Route::new(ElasticRight::Monitor, one, get(show)));
        routes.push(Route::new(ElasticRight::Manage, one, put(write).post(write)));
        routes.push(Route::new(
            ElasticRight::Manage,
            one,
            delete(move |asked: Asked| delete_template(asked, kind)),
        ));
    }
    routes.push(Route::new(
        ElasticRight::Manage,
        "/_index_template/_simulate_index/{name}",
        post(simulate_index),
    ));
    routes.push(Route::new(ElasticRight::Manage, "/_index_template/_simulate/{name}", post(simulate)));
    routes.push(Route::new(ElasticRight::Manage, "/_index_template/_simulate", post(simulate)));
    routes
}

fn not_found(kind: TemplateKind, name: &str) -> ElasticError {
    match kind {
        TemplateKind::Index => {
            missing("resource_not_found_exception", format!("index template matching [{name}] not found"))
        }
        TemplateKind::Component => {
            missing("resource_not_found_exception", format!("component template matching [{name}] not found"))
        }
        TemplateKind::Legacy => {
            missing("index_template_missing_exception", format!("index_template [{name}] missing"))
        }
        TemplateKind::Lifecycle => {
            missing("resource_not_found_exception", format!("Lifecycle policy not found: {name}"))
        }
    }
}

async fn get_templates(mut asked: Asked, kind: TemplateKind) -> Result<Json<Value>, ElasticError> {
    let flat = asked.flag("flat_settings", false)?;
    asked.done()?;
    let name = Some(asked.part("name")).filter(|name| !name.is_empty()).unwrap_or("*").to_owned();
    let mut found = asked.app.parts().admin.templates(&asked.scope, kind, &name).await?;
    if flat {
        found.iter_mut().for_each(|(_, body)| flatten_settings(body));
    }
    if found.is_empty() && !name.contains('*') {
        return Err(not_found(kind, &name));
    }
    let list = |member: &str, inner: &str| {
        let items: Vec<Value> = found.iter().map(|(name, body)| json!({"name": name, inner: body})).collect();
        json!({member: items})
    };
    Ok(Json(match kind {
        TemplateKind::Index => list("index_templates", "index_template"),
        TemplateKind::Component => list("component_templates", "component_template"),
        TemplateKind::Legacy | TemplateKind::Lifecycle => {
            Value::Object(found.into_iter().collect::<Object>())
        }
    }))
}

fn flatten_settings(body: &mut Value) {
    let part = if body.get("settings").is_some() { Some(body) } else { body.get_mut("template") };
    if let Some(settings) = part.and_then(|part| part.get_mut("settings"))
        && let Some(nested) = settings.as_object()
    {
        *settings = json!(flatten(nested));
    }
}

async fn put_template(mut asked: Asked, kind: TemplateKind) -> Result<Json<Value>, ElasticError> {
    let create = asked.flag("create", false)?;
    let order = asked.number("order")?;
    asked.take("cause");
    let typed = asked.flag("include_type_name", false)?;
    asked.done()?;
    let mut body = unwrap_type(asked.required()?, typed)?;
    if let Some(inner) = body.get_mut("template").filter(|inner| inner.is_object()) {
        *inner = unwrap_type(inner.take(), typed)?;
    }
    if let (Some(order), Some(body)) = (order, body.as_object_mut()) {
        body.entry("order").or_insert(json!(order));
    }
    asked.app.parts().admin.put_template(&asked.scope, kind, asked.part("name"), body, create).await?;
    Ok(acknowledged())
}

async fn delete_template(asked: Asked, kind: TemplateKind) -> Result<Json<Value>, ElasticError> {
    asked.done()?;
    let name = asked.part("name");
    let removed = asked.app.parts().admin.delete_templates(&asked.scope, kind, name).await?;
    if removed == 0 && name != "*" {
        return Err(match kind {
            TemplateKind::Legacy => not_found(kind, name),
            _ => missing("index_template_missing_exception", format!("index_template [{name}] missing")),
        });
    }
    Ok(acknowledged())
}

async fn simulate_index(mut asked: Asked) -> Result<Json<Value>, ElasticError> {
    asked.flag("create", false)?;
    asked.take("cause");
    asked.done()?;
    let body = asked.has_body().then(|| asked.required()).transpose()?;
    let simulation = Simulation::Index(asked.part("name").to_owned(), body);
    Ok(Json(asked.app.parts().admin.simulate(&asked.scope, simulation).await?))
}

async fn simulate(mut asked: Asked) -> Result<Json<Value>, ElasticError> {
    asked.flag("create", false)?;
    asked.take("cause");
    asked.done()?;
    let body = asked.has_body().then(|| asked.required()).transpose()?;
    let name = Some(asked.part("name")).filter(|name| !name.is_empty()).unwrap_or("simulate_template");
    let simulation = Simulation::Template(name.to_owned(), body);
    Ok(Json(asked.app.parts().admin.simulate(&asked.scope, simulation).await?))
}
