//! Reads a form with files as a stream: nothing of it is held in memory but the chunk at hand.

use crate::{ApiError, auth::User, state::App};
use axum::{
    body::{Body, Bytes},
    extract::{
        FromRequest, Multipart, Request,
        multipart::{Field, MultipartError},
    },
    http::StatusCode,
};
use futures::StreamExt;
use ingest::upload::{NewUpload, Upload, UploadWriter};
use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

/// Longest value of a field that is not a file.
const VALUE_MAX_BYTES: usize = 1_024;

/// So much may wait for a boundary: more than fits into the heads of all parts.
const BACKLOG_MAX_BYTES: usize = 4 << 20;

/// So much of a file that is refused is still read, and for so long.
const DISCARD_MAX_BYTES: usize = 64 << 20;
const DISCARD_TIME: Duration = Duration::from_secs(10);

/// Receives all files of a form. `pipeline` and `dataset` may stand anywhere in it and count for all files. If the form
/// breaks off or anything in it is wrong, nothing is left behind.
pub(crate) async fn receive(app: &App, user: &User, request: Request) -> Result<Vec<Upload>, ApiError> {
    let (mut form, backlog) = open(request).await?;
    let limits = &app.config().limits;
    let idle = Duration::from_secs(u64::from(limits.upload_idle_secs));
    let mut writers: Vec<UploadWriter> = Vec::new();
    let (mut pipeline, mut dataset) = (None, None);
    while let Some(field) = in_time(idle, form.next_field()).await? {
        match field.name().unwrap_or_default() {
            "file" if writers.len() < limits.upload_files_max => {
                writers.push(receive_file(app, user, field, &backlog, idle).await?);
            }
            "file" => {
                let message = format!("more than {} files in one form", limits.upload_files_max);
                return Err(ApiError::field("file", message));
            }
            "pipeline" => pipeline = Some(read_value(field, "pipeline", &backlog, idle).await?),
            "dataset" => dataset = Some(read_value(field, "dataset", &backlog, idle).await?),
            other => {
                return Err(ApiError::field(other, "there is no such field: use file, pipeline, dataset"));
            }
        }
    }
    if writers.is_empty() {
        return Err(ApiError::field("file", "the form holds no file"));
    }
    for writer in &mut writers {
        writer.configure(pipeline.clone(), dataset.clone())?;
    }
    let mut uploads = Vec::with_capacity(writers.len());
    for writer in writers {
        uploads.push(writer.finish().await?);
    }
    Ok(uploads)
}

/// Bytes that the reader of the form has taken in and not passed on: heads of parts, and whatever it searches for the
/// next boundary. It keeps them in memory and looks at all of them again with every chunk.
#[derive(Clone, Default)]
pub(crate) struct Backlog(Arc<AtomicUsize>);

impl Backlog {
    pub(crate) fn passed_on(&self, bytes: usize) {
        self.0.fetch_sub(bytes, Ordering::Relaxed);
    }

    /// Counts a chunk in; an error once there is too much already.
    fn take_in(&self, chunk: Bytes) -> Result<Bytes, axum::Error> {
        if self.0.fetch_add(chunk.len(), Ordering::Relaxed) > BACKLOG_MAX_BYTES {
            return Err(axum::Error::new("the form has no boundary where one must be"));
        }
        Ok(chunk)
    }
}

/// Begins to read the form. 415 if the request has none.
pub(crate) async fn open(request: Request) -> Result<(Multipart, Backlog), ApiError> {
    let backlog = Backlog::default();
    let counted = backlog.clone();
    let request = request.map(|body| {
        let chunks = body.into_data_stream();
        Body::from_stream(chunks.map(move |chunk| counted.take_in(chunk?)))
    });
    let form = Multipart::from_request(request, &()).await.map_err(|rejection| {
        let message = "the body must be a form with files, with the header content-type: multipart/form-data; boundary=…";
        ApiError::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, message).because(rejection)
    })?;
    Ok((form, backlog))
}

async fn receive_file(
    app: &App,
    user: &User,
    mut field: Field<'_>,
    backlog: &Backlog,
    idle: Duration,
) -> Result<UploadWriter, ApiError> {
    let new = NewUpload {
        name: field.file_name().unwrap_or_default().to_owned(),
        uploader: user.email.clone(),
        pipeline: "auto".to_owned(),
        dataset: None,
    };
    let mut writer = app.parts().uploads.begin(new).await?;
    while let Some(chunk) = in_time(idle, field.chunk()).await? {
        backlog.passed_on(chunk.len());
        if let Err(error) = writer.write(chunk).await {
            drop(writer);
            discard(&mut field, backlog).await;
            return Err(error.into());
        }
    }
    Ok(writer)
}

/// Reads on for a moment without keeping anything. A client that is cut off in the middle of its body sees a broken
/// connection in place of the answer that says why.
pub(crate) async fn discard(field: &mut Field<'_>, backlog: &Backlog) {
    let reading = async {
        let mut bytes = 0;
        while let Ok(Some(chunk)) = field.chunk().await {
            bytes += chunk.len();
            backlog.passed_on(chunk.len());
            if bytes > DISCARD_MAX_BYTES {
                break;
            }
        }
    };
    // Whether it came to its end or not, the answer is sent now.
    let _ = tokio::time::timeout(DISCARD_TIME, reading).await;
}

/// The value of a field; empty counts as absent.
async fn read_value(
    mut field: Field<'_>,
    name: &str,
    backlog: &Backlog,
    idle: Duration,
) -> Result<String, ApiError> {
    let mut value = Vec::new();
    while let Some(chunk) = in_time(idle, field.chunk()).await? {
        backlog.passed_on(chunk.len());
        value.extend_from_slice(&chunk);
        if value.len() > VALUE_MAX_BYTES {
            return Err(ApiError::field(name, format!("is longer than {VALUE_MAX_BYTES} bytes")));
        }
    }
    String::from_utf8(value).map_err(|_| ApiError::field(name, "is not UTF-8"))
}

/// What an error comes from in the end.
fn deepest(error: &dyn std::error::Error) -> String {
    let mut error = error;
    while let Some(source) = error.source() {
        error = source;
    }
    error.to_string()
}

pub(crate) async fn in_time<T>(
    idle: Duration,
    step: impl Future<Output = Result<T, MultipartError>>,
) -> Result<T, ApiError> {
    let silent = || ApiError::new(StatusCode::REQUEST_TIMEOUT, "the upload stalled; send it again");
    tokio::time::timeout(idle, step).await.map_err(|_| silent())?.map_err(|error| {
        // What the reader calls a failure of its own is a body that broke off, or was stopped by us.
        let broken = error.status() == StatusCode::INTERNAL_SERVER_ERROR;
        let status = if broken { StatusCode::BAD_REQUEST } else { error.status() };
        let detail = format!("the form cannot be read: {}: {}", error.body_text(), deepest(&error));
        ApiError::new(status, detail).because(error)
    })
}
