use super::uploads::UploadForm;
use crate::{ApiError, auth::extract::Ingester, inspect_body, state::App};
use axum::{
    Json,
    extract::{Request, State},
};
use ingest::inspect::{InspectError, Inspection};
use std::sync::Arc;

/// Says what a log file is, before anything of it is stored: its format, the pipeline for it (one that exists, or a
/// definition to be put under a name of yours), the mapping, the share that parses, the first events as they would be
/// stored, and the first records that do not parse. At most the first 8 MiB are looked at.
#[utoipa::path(post, path = "/logs/uploads/inspect", tag = "logs",
    request_body(content((UploadForm = "multipart/form-data"), (Vec<u8> = "application/octet-stream"))), responses(
    (status = 200, body = Object), (status = 400, description = "It is no text, or the form holds no file"),
    (status = 408, description = "The body stalled"), (status = 429, description = "Too many at once; try again")))]
pub(crate) async fn inspect_upload(
    State(app): State<App>,
    Ingester(_user): Ingester,
    request: Request,
) -> Result<Json<Inspection>, ApiError> {
    let permit = app.inspect_permit()?;
    let (start, whole) = inspect_body::receive(&app, request).await?;
    let (intake, pipelines) = (Arc::clone(&app.parts().intake), Arc::clone(&app.parts().pipelines));
    let inspecting = move || {
        // Given back when the work ends, also if the client has gone before.
        let _permit = permit;
        intake.inspect(&pipelines, Box::new(std::io::Cursor::new(start)), whole)
    };
    let found = tokio::task::spawn_blocking(inspecting).await.map_err(ApiError::internal)?;
    found.map(Json).map_err(|error| match error {
        InspectError::Unreadable(reason) => ApiError::field("file", reason),
        InspectError::Internal(_) => ApiError::internal(error),
    })
}
