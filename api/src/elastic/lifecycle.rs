//! `_ilm`: lifecycle policies, and how the indices that name one stand.
//!
//! Source: Elasticsearch reference, "Index lifecycle management APIs".

use super::{
    error::ElasticError,
    indices::{acknowledged, described, missing},
    request::Asked,
    routes::{ElasticRight, Route},
};
use axum::{
    Json,
    routing::{get, post, put},
};
use event::Object;
use jiff::{Timestamp, Unit};
use serde_json::{Value, json};
use store::logs::{IndexDescription, IndicesOptions, LifecycleState, TemplateKind};

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::new(ElasticRight::Monitor, "/_ilm/policy", get(policies)),
        Route::new(ElasticRight::Monitor, "/_ilm/policy/{name}", get(policies)),
        Route::new(ElasticRight::ManageAll, "/_ilm/policy/{name}", put(put_policy).delete(delete_policy)),
        Route::new(ElasticRight::Monitor, "/_ilm/status", get(status)),
        Route::new(ElasticRight::ManageAll, "/_ilm/start", post(start)),
        Route::new(ElasticRight::Monitor, "/{index}/_ilm/explain", get(explain)),
        Route::new(ElasticRight::Manage, "/{index}/_ilm/remove", post(remove)),
    ]
}

async fn policies(asked: Asked) -> Result<Json<Value>, ElasticError> {
    asked.done()?;
    let name = Some(asked.part("name")).filter(|name| !name.is_empty()).unwrap_or("*");
    let found = asked.app.parts().admin.templates(&asked.scope, TemplateKind::Lifecycle, name).await?;
    if found.is_empty() && !name.contains('*') {
        let reason = format!("Lifecycle policy not found: {name}");
        return Err(missing("resource_not_found_exception", reason));
    }
    Ok(Json(Value::Object(found.into_iter().collect::<Object>())))
}

async fn put_policy(asked: Asked) -> Result<Json<Value>, ElasticError> {
    asked.done()?;
    let mut body = asked.required()?;
    let now = Timestamp::now().round(Unit::Millisecond).unwrap_or_default();
    body["modified_date"] = json!(format!("{now:.3}"));
    let name = asked.part("name");
    asked.app.parts().admin.put_template(&asked.scope, TemplateKind::Lifecycle, name, body, false).await?;
    Ok(acknowledged())
}

async fn delete_policy(asked: Asked) -> Result<Json<Value>, ElasticError> {
    asked.done()?;
    let name = asked.part("name");
    let everything = super::names::everything();
    let options = IndicesOptions { expand_hidden: true, ..IndicesOptions::ADMIN };
    let admin = &asked.app.parts().admin;
    let indices = admin.describe(&asked.scope, &everything, options, Default::default()).await?;
    let users: Vec<&str> = indices
        .iter()
        .filter(|index| index.lifecycle.as_ref().is_some_and(|lifecycle| lifecycle.policy == name))
        .map(|index| index.name.as_str())
        .collect();
    if !users.is_empty() {
        return Err(ElasticError::illegal(format!(
            "Cannot delete policy [{name}]. It is in use by one or more indices: [{}]",
            users.join(", ")
        )));
    }
    if name.contains('*') || admin.delete_templates(&asked.scope, TemplateKind::Lifecycle, name).await? == 0 {
        let reason = format!("Lifecycle policy not found: {name}");
        return Err(missing("resource_not_found_exception", reason));
    }
    Ok(acknowledged())
}

async fn status(asked: Asked) -> Result<Json<Value>, ElasticError> {
    asked.done()?;
    Ok(Json(json!({"operation_mode": "RUNNING"})))
}

/// It always runs.
async fn start(asked: Asked) -> Result<Json<Value>, ElasticError> {
    asked.done()?;
    Ok(acknowledged())
}

async fn explain(mut asked: Asked) -> Result<Json<Value>, ElasticError> {
    let only_managed = asked.flag("only_managed", false)?;
    let only_errors = asked.flag("only_errors", false)?;
    let found = described(&mut asked, IndicesOptions::default(), false).await?;
    asked.done()?;
    let now_ms = Timestamp::now().as_millisecond();
    let is_meant = |state: &Option<LifecycleState>| match state {
        None => !only_managed && !only_errors,
        Some(state) => !only_errors || state.phase.is_none(),
    };
    let indices: Object = found
        .into_iter()
        .filter(|index| is_meant(&index.lifecycle))
        .map(|index| (index.name.clone(), explained(&index, now_ms)))
        .collect();
    Ok(Json(json!({"indices": indices})))
}

fn explained(index: &IndexDescription, now_ms: i64) -> Value {
    let Some(LifecycleState { policy, since_ms, phase }) = &index.lifecycle else {
        return json!({"index": index.name, "managed": false});
    };
    let age = format!("{:.2}d", (now_ms - since_ms).max(0) as f64 / 86_400_000.0);
    let Some((phase, entered_ms)) = phase else {
        let reason = format!("policy [{policy}] does not exist");
        return json!({
            "index": index.name,
            "managed": true,
            "policy": policy,
            "lifecycle_date_millis": since_ms,
            "age": age,
            "step": "ERROR",
            "step_info": {"type": "illegal_argument_exception", "reason": reason},
        });
    };
    json!({
        "index": index.name,
        "managed": true,
        "policy": policy,
        "lifecycle_date_millis": since_ms,
        "age": age,
        "phase": phase,
        "phase_time_millis": entered_ms,
        "action": "complete",
        "action_time_millis": entered_ms,
        "step": "complete",
        "step_time_millis": entered_ms,
    })
}

async fn remove(mut asked: Asked) -> Result<Json<Value>, ElasticError> {
    let options = asked.options(IndicesOptions::default())?;
    asked.done()?;
    let settings = json!({"index.lifecycle.name": null});
    asked.app.parts().admin.put_settings(&asked.scope, &asked.indices()?, options, settings, false).await?;
    Ok(Json(json!({"has_failures": false, "failed_indexes": []})))
}
