//! Reads a form with files as a stream: nothing of it is held in memory but the chunk at hand.

use crate::{ApiError, auth::User, state::App};
use axum::extract::{
    Multipart,
    multipart::{Field, MultipartError},
};
use axum::http::StatusCode;
use ingest::upload::{NewUpload, Upload, UploadWriter};
use std::time::Duration;

/// Longest value of a field that is not a file.
const VALUE_MAX_BYTES: usize = 1_024;

/// So much of a file that is refused is still read, and for so long.
const DISCARD_MAX_BYTES: usize = 64 << 20;
const DISCARD_TIME: Duration = Duration::from_secs(10);

/// Receives all files of a form. `pipeline` and `dataset` may stand anywhere in it and count for all files. If the form
/// breaks off or anything in it is wrong, nothing is left behind.
pub(crate) async fn receive(app: &App, user: &User, mut form: Multipart) -> Result<Vec<Upload>, ApiError> {
    let limits = &app.config().limits;
    let idle = Duration::from_secs(u64::from(limits.upload_idle_secs));
    let mut writers: Vec<UploadWriter> = Vec::new();
    let (mut pipeline, mut dataset) = (None, None);
    while let Some(field) = in_time(idle, form.next_field()).await? {
        match field.name().unwrap_or_default() {
            "file" if writers.len() < limits.upload_files_max => {
                writers.push(receive_file(app, user, field, idle).await?);
            }
            "file" => {
                let message = format!("more than {} files in one form", limits.upload_files_max);
                return Err(ApiError::field("file", message));
            }
            "pipeline" => pipeline = Some(read_value(field, "pipeline", idle).await?),
            "dataset" => dataset = Some(read_value(field, "dataset", idle).await?),
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

async fn receive_file(
    app: &App,
    user: &User,
    mut field: Field<'_>,
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
        if let Err(error) = writer.write(chunk).await {
            drop(writer);
            discard(&mut field).await;
            return Err(error.into());
        }
    }
    Ok(writer)
}

/// Reads on for a moment without keeping anything. A client that is cut off in the middle of its body sees a broken
/// connection in place of the answer that says why.
async fn discard(field: &mut Field<'_>) {
    let reading = async {
        let mut bytes = 0;
        while let Ok(Some(chunk)) = field.chunk().await {
            bytes += chunk.len();
            if bytes > DISCARD_MAX_BYTES {
                break;
            }
        }
    };
    // Whether it came to its end or not, the answer is sent now.
    let _ = tokio::time::timeout(DISCARD_TIME, reading).await;
}

/// The value of a field; empty counts as absent.
async fn read_value(mut field: Field<'_>, name: &str, idle: Duration) -> Result<String, ApiError> {
    let mut value = Vec::new();
    while let Some(chunk) = in_time(idle, field.chunk()).await? {
        value.extend_from_slice(&chunk);
        if value.len() > VALUE_MAX_BYTES {
            return Err(ApiError::field(name, format!("is longer than {VALUE_MAX_BYTES} bytes")));
        }
    }
    String::from_utf8(value).map_err(|_| ApiError::field(name, "is not UTF-8"))
}

async fn in_time<T>(
    idle: Duration,
    step: impl Future<Output = Result<T, MultipartError>>,
) -> Result<T, ApiError> {
    let silent = || ApiError::new(StatusCode::REQUEST_TIMEOUT, "the upload stalled; send it again");
    tokio::time::timeout(idle, step).await.map_err(|_| silent())?.map_err(|error| {
        let detail = format!("the form cannot be read: {}", error.body_text());
        ApiError::new(error.status(), detail).because(error)
    })
}
