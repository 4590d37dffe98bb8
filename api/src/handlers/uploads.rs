use super::page::{Page, PageQuery};
use crate::{
    ApiError,
    auth::{
        MASKED, Role,
        extract::{Analyst, Ingester},
        guard::{self, LocalCaller},
        scope::event_indices,
    },
    frame::extract::{ApiPath, ApiQuery},
    rights::RouteRight,
    state::{App, StreamPermit},
    upload_form,
};
use axum::{
    Json,
    extract::{Extension, Request, State},
    http::{HeaderMap, StatusCode},
    response::sse::{Event, KeepAlive, Sse},
};
use futures::{Stream, StreamExt, future::ready};
use ingest::upload::{ErrorSample, Upload, UploadState};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::{convert::Infallible, sync::Arc, time::Duration};
use store::scope::Scope;
use utoipa::{IntoParams, ToSchema};

/// A comment is sent so often while nothing else is, so that proxies keep the connection.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// How to answer.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct CreateUploadsQuery {
    /// Answer only when all files are processed and their events searchable.
    #[serde(default)]
    wait: bool,
}

/// A form with files.
#[derive(ToSchema)]
#[allow(dead_code, reason = "describes the form, which is read as a stream")]
pub(crate) struct UploadForm {
    /// A log file: plain, gzip, zstd or zip. May be repeated.
    #[schema(value_type = String, format = Binary)]
    file: Vec<u8>,
    /// Name of the pipeline, or `auto` (default) to recognise it.
    pipeline: Option<String>,
    /// `event.dataset` for records that bring none.
    dataset: Option<String>,
}

/// The files received.
#[derive(Serialize, ToSchema)]
pub(crate) struct CreateUploadsResponse {
    /// In the order of the form.
    uploads: Vec<UploadView>,
}

/// An uploaded file and what became of it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct UploadView {
    /// Its id.
    id: String,
    /// Name of the file, for display.
    name: String,
    /// Size as uploaded, in bytes.
    size: u64,
    /// SHA-256 of the file as uploaded, in hexadecimal digits.
    sha256: String,
    /// `queued`, `running`, `done` or `failed`.
    #[schema(value_type = String)]
    state: UploadState,
    /// Pipeline that reads it; `auto` until recognised.
    pipeline: String,
    /// `event.dataset` for records that bring none.
    dataset: Option<String>,
    /// Who uploaded it.
    uploader: String,
    /// Records read so far.
    lines: u64,
    /// Records stored by this upload.
    indexed: u64,
    /// Records that were stored before.
    duplicates: u64,
    /// Records that became dead letters.
    dead: u64,
    /// Records that the pipeline dropped on purpose.
    dropped: u64,
    /// Bytes read so far, decompressed.
    bytes_read: u64,
    /// Size decompressed; null until known.
    bytes_total: Option<u64>,
    /// Share of the work done, 0 to 1.
    progress: f64,
    /// When it was received.
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// When it became done or failed.
    #[schema(value_type = Option<String>, format = DateTime)]
    finished_at: Option<Timestamp>,
    /// Why it failed, or what of it could not be read.
    error: Option<String>,
    /// The first records that became dead letters.
    #[schema(value_type = Vec<Object>)]
    error_sample: Vec<ErrorSample>,
}

impl UploadView {
    /// The upload as this caller may see it: reasons quote the records.
    fn new(upload: Upload, scope: &Scope) -> Self {
        let hidden = |sample: ErrorSample| ErrorSample { reason: MASKED.to_owned(), ..sample };
        let samples = upload.error_sample.into_iter();
        let error_sample =
            if scope.masks_anything() { samples.map(hidden).collect() } else { samples.collect() };
        Self {
            id: upload.id,
            name: upload.name,
            size: upload.size,
            sha256: upload.sha256,
            state: upload.state,
            pipeline: upload.pipeline,
            dataset: upload.dataset,
            uploader: upload.uploader,
            lines: upload.counts.lines,
            indexed: upload.counts.indexed,
            duplicates: upload.counts.duplicates,
            dead: upload.counts.dead,
            dropped: upload.counts.dropped,
            bytes_read: upload.bytes_read,
            bytes_total: upload.bytes_total,
            progress: upload.progress,
            created_at: upload.created_at,
            finished_at: upload.finished_at,
            error: upload.error,
            error_sample,
        }
    }
}

/// Uploads log files. They are stored as they arrive and processed by a job.
#[utoipa::path(post, path = "/logs/uploads", tag = "logs", params(CreateUploadsQuery),
    request_body(content = UploadForm, content_type = "multipart/form-data"), responses(
    (status = 202, body = CreateUploadsResponse, description = "Received"),
    (status = 200, body = CreateUploadsResponse, description = "Processed, with wait=true"),
    (status = 400, description = "The form cannot be read, or there is no such pipeline"),
    (status = 413, description = "A file is too large"), (status = 415, description = "It is no form"), (status = 507, description = "No space left")))]
pub(crate) async fn create_uploads(
    State(app): State<App>,
    Ingester(user): Ingester,
    ApiQuery(query): ApiQuery<CreateUploadsQuery>,
    request: Request,
) -> Result<(StatusCode, Json<CreateUploadsResponse>), ApiError> {
    let mut uploads = upload_form::receive(&app, &user, request).await?;
    let mut status = StatusCode::ACCEPTED;
    if query.wait {
        for upload in &mut uploads {
            *upload = app.parts().uploads.wait(&upload.id).await?;
        }
        app.parts().logs.refresh(&user.scope, &event_indices()).await?;
        status = StatusCode::OK;
    }
    let uploads = uploads.into_iter().map(|upload| UploadView::new(upload, &user.scope)).collect();
    Ok((status, Json(CreateUploadsResponse { uploads })))
}

/// Lists uploads, newest first.
#[utoipa::path(get, path = "/logs/uploads", tag = "logs", params(PageQuery),
    responses((status = 200, body = Page<UploadView>)))]
pub(crate) async fn list_uploads(
    State(app): State<App>,
    Analyst(user): Analyst,
    ApiQuery(page): ApiQuery<PageQuery>,
) -> Result<Json<Page<UploadView>>, ApiError> {
    let found = app.parts().uploads.list(page.cursor.as_deref(), page.limit()?).await?;
    let items = found.items.into_iter().map(|upload| UploadView::new(upload, &user.scope)).collect();
    Ok(Json(Page { items, next_cursor: found.next_cursor }))
}

/// One upload, as far as it is now.
#[utoipa::path(get, path = "/logs/uploads/{id}", tag = "logs", params(("id" = String, Path, description = "The upload")),
    responses((status = 200, body = UploadView), (status = 404, description = "No such upload")))]
pub(crate) async fn get_upload(
    State(app): State<App>,
    Analyst(user): Analyst,
    ApiPath(id): ApiPath<String>,
) -> Result<Json<UploadView>, ApiError> {
    Ok(Json(UploadView::new(app.parts().uploads.get(&id).await?, &user.scope)))
}

/// The progress of an upload as server-sent events: `progress` for each change, `end` for the last state.
#[utoipa::path(get, path = "/logs/uploads/{id}/events", tag = "logs",
    params(("id" = String, Path, description = "The upload")),
    responses((status = 200, body = String, content_type = "text/event-stream"),
        (status = 404, description = "No such upload"), (status = 429, description = "Too many live streams")))]
pub(crate) async fn watch_upload(
    State(app): State<App>,
    Analyst(user): Analyst,
    local: Option<Extension<LocalCaller>>,
    headers: HeaderMap,
    ApiPath(id): ApiPath<String>,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>> + use<>>, ApiError> {
    let permit = app.stream_permit(&user)?;
    let states = app.parts().uploads.watch(&id).await?;
    let states = states.take_until(app.closing().clone().cancelled_owned());
    let watcher = Arc::new(Watcher { app, headers, is_local: local.is_some(), _permit: permit });
    let allowed = states.then(move |upload| {
        let watcher = Arc::clone(&watcher);
        async move { watcher.may_go_on().await.then_some(upload) }
    });
    let allowed = allowed.take_while(|upload| ready(upload.is_some())).filter_map(ready);
    let events = allowed.map(move |upload| {
        let name = if upload.state.is_final() { "end" } else { "progress" };
        let event = Event::default().event(name).json_data(UploadView::new(upload, &user.scope));
        Ok(event.unwrap_or_else(|_| Event::default().comment("a state could not be written")))
    });
    Ok(Sse::new(events).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)))
}

/// Who watches an upload.
struct Watcher {
    app: App,
    headers: HeaderMap,
    is_local: bool,
    _permit: StreamPermit,
}

impl Watcher {
    /// Whether the right to the stream outlived the beginning of the stream.
    async fn may_go_on(&self) -> bool {
        self.is_local || guard::still_holds(&self.app, &self.headers, RouteRight::Role(Role::Analyst)).await
    }
}

/// Removes an upload with its file and dead letters, and stops it if it runs. Events that it stored stay. Others' uploads
/// are removed by admins only.
#[utoipa::path(delete, path = "/logs/uploads/{id}", tag = "logs", params(("id" = String, Path, description = "The upload")),
    responses((status = 204, description = "Done"), (status = 403, description = "Somebody else's upload"),
        (status = 404, description = "No such upload")))]
pub(crate) async fn delete_upload(
    State(app): State<App>,
    Analyst(user): Analyst,
    ApiPath(id): ApiPath<String>,
) -> Result<StatusCode, ApiError> {
    let upload = app.parts().uploads.get(&id).await?;
    if upload.uploader != user.email && !user.has(Role::Admin) {
        return Err(ApiError::forbidden("somebody else uploaded it; ask an admin to remove it"));
    }
    app.parts().uploads.delete(&id).await?;
    Ok(StatusCode::NO_CONTENT)
}
