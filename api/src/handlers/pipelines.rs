use crate::{
    ApiError,
    auth::{
        Client, Outcome, audit,
        extract::{Admin, Analyst},
    },
    frame::extract::{ApiJson, ApiPath, ApiQuery},
    pipelines::{self, Simulation},
    state::App,
};
use axum::{Json, extract::State, http::StatusCode};
use ingest::pipeline::PipelineInfo;
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::{IntoParams, ToSchema};

/// A trial.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SimulateRequest {
    /// Documents as in Elasticsearch: `[{"_source": {…}}]`.
    #[serde(default)]
    #[schema(value_type = Vec<Object>)]
    docs: Vec<Value>,
    /// Lines of text, each as the document `{"message": line}`.
    #[serde(default)]
    lines: Vec<String>,
    /// A definition to try in place of the one that is stored under the name.
    #[schema(value_type = Option<Object>)]
    pipeline: Option<Value>,
}

/// How to answer a trial.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct SimulateQuery {
    /// Show the document after each processor.
    #[serde(default)]
    verbose: bool,
}

/// Lists the pipelines with their definitions, by name.
#[utoipa::path(get, path = "/pipelines", tag = "pipelines", responses((status = 200, body = Vec<Object>)))]
pub(crate) async fn list_pipelines(
    State(app): State<App>,
    Analyst(_user): Analyst,
) -> Json<Vec<PipelineInfo>> {
    Json(app.parts().pipelines.list())
}

/// One pipeline with its definition.
#[utoipa::path(get, path = "/pipelines/{name}", tag = "pipelines", params(("name" = String, Path, description = "The pipeline")),
    responses((status = 200, body = Object), (status = 404, description = "No such pipeline")))]
pub(crate) async fn get_pipeline(
    State(app): State<App>,
    Analyst(_user): Analyst,
    ApiPath(name): ApiPath<String>,
) -> Result<Json<PipelineInfo>, ApiError> {
    let found = app.parts().pipelines.list().into_iter().find(|pipeline| pipeline.name == name);
    found.map(Json).ok_or_else(|| pipelines::unknown(&name))
}

/// Creates or replaces a pipeline (an Elasticsearch ingest pipeline). Counts for what comes in from now on.
#[utoipa::path(put, path = "/pipelines/{name}", tag = "pipelines", request_body = Object,
    params(("name" = String, Path, description = "The pipeline")),
    responses((status = 200, body = Object), (status = 400, description = "The definition is wrong; the error says where")))]
pub(crate) async fn put_pipeline(
    State(app): State<App>,
    Admin(admin): Admin,
    client: Client,
    ApiPath(name): ApiPath<String>,
    ApiJson(definition): ApiJson<Value>,
) -> Result<Json<Value>, ApiError> {
    pipelines::put(&app, &name, definition).await?;
    audit("pipeline.put", Outcome::Success, &admin.id, &name, client.address);
    Ok(Json(json!({"acknowledged": true})))
}

/// Removes a pipeline. One that the service brings along comes back in its original form.
#[utoipa::path(delete, path = "/pipelines/{name}", tag = "pipelines", params(("name" = String, Path, description = "The pipeline")),
    responses((status = 204, description = "Done"), (status = 404, description = "No such pipeline of yours")))]
pub(crate) async fn delete_pipeline(
    State(app): State<App>,
    Admin(admin): Admin,
    client: Client,
    ApiPath(name): ApiPath<String>,
) -> Result<StatusCode, ApiError> {
    pipelines::delete(&app, &name).await?;
    audit("pipeline.delete", Outcome::Success, &admin.id, &name, client.address);
    Ok(StatusCode::NO_CONTENT)
}

/// Tries a pipeline without storing anything. Answers as Elasticsearch's `_simulate`.
#[utoipa::path(post, path = "/pipelines/{name}/simulate", tag = "pipelines", params(SimulateQuery,
    ("name" = String, Path, description = "The pipeline")), request_body = SimulateRequest,
    responses((status = 200, body = Object), (status = 400, description = "The documents or the definition are wrong"),
        (status = 404, description = "No such pipeline"), (status = 429, description = "Too many at once; try again")))]
pub(crate) async fn simulate_pipeline(
    State(app): State<App>,
    Analyst(_user): Analyst,
    ApiPath(name): ApiPath<String>,
    ApiQuery(query): ApiQuery<SimulateQuery>,
    ApiJson(request): ApiJson<SimulateRequest>,
) -> Result<Json<Value>, ApiError> {
    if request.pipeline.is_none() && app.parts().pipelines.get(&name).is_none() {
        return Err(pipelines::unknown(&name));
    }
    let mut documents = request.docs;
    documents.extend(request.lines.into_iter().map(|line| json!({"_source": {"message": line}})));
    let simulation = Simulation { name, definition: request.pipeline, documents, verbose: query.verbose };
    Ok(Json(pipelines::simulate(&app, simulation).await??))
}
