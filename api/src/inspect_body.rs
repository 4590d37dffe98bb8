//! Reads the start of a file to be looked at: the first `file` of a form, or the body as it is.

use crate::{
    ApiError,
    state::App,
    upload_form::{self, in_time},
};
use axum::{
    body::Body,
    extract::Request,
    http::{StatusCode, header},
};
use bytes::BytesMut;
use http_body_util::BodyExt;
use std::time::Duration;

/// So much of a file is taken.
const START_MAX_BYTES: usize = 8 << 20;
/// So much of what comes behind is read without being kept, and for so long: a client that is cut off in the middle of
/// its body sees a broken connection in place of the answer.
const DISCARD_MAX_BYTES: usize = 64 << 20;
const DISCARD_TIME: Duration = Duration::from_secs(5);

/// The start of the file, and whether that is all of it.
pub(crate) async fn receive(app: &App, request: Request) -> Result<(Vec<u8>, bool), ApiError> {
    let idle = Duration::from_secs(u64::from(app.config().limits.upload_idle_secs));
    let kind = request.headers().get(header::CONTENT_TYPE);
    if kind.is_some_and(|kind| kind.as_bytes().starts_with(b"multipart/form-data")) {
        return from_form(request, idle).await;
    }
    from_body(request.into_body(), idle).await
}

async fn from_form(request: Request, idle: Duration) -> Result<(Vec<u8>, bool), ApiError> {
    let (mut form, backlog) = upload_form::open(request).await?;
    while let Some(mut field) = in_time(idle, form.next_field()).await? {
        let is_file = field.name() == Some("file");
        let mut start = BytesMut::new();
        while let Some(chunk) = in_time(idle, field.chunk()).await? {
            backlog.passed_on(chunk.len());
            if is_file {
                start.extend_from_slice(&chunk);
            }
            if start.len() > START_MAX_BYTES {
                start.truncate(START_MAX_BYTES);
                upload_form::discard(&mut field, &backlog).await;
                return Ok((start.into(), false));
            }
        }
        if is_file {
            return Ok((start.into(), true));
        }
    }
    Err(ApiError::field("file", "the form holds no file"))
}

async fn from_body(mut body: Body, idle: Duration) -> Result<(Vec<u8>, bool), ApiError> {
    let mut start = BytesMut::new();
    while let Some(chunk) = next_chunk(&mut body, idle).await? {
        start.extend_from_slice(&chunk);
        if start.len() > START_MAX_BYTES {
            start.truncate(START_MAX_BYTES);
            let rest = async {
                let mut bytes = 0;
                while let Ok(Some(chunk)) = next_chunk(&mut body, idle).await {
                    bytes += chunk.len();
                    if bytes > DISCARD_MAX_BYTES {
                        break;
                    }
                }
            };
            // Whether it came to its end or not, the answer is sent now.
            let _ = tokio::time::timeout(DISCARD_TIME, rest).await;
            return Ok((start.into(), false));
        }
    }
    if start.is_empty() {
        return Err(ApiError::field("file", "the body is empty: send a file, or a form with one"));
    }
    Ok((start.into(), true))
}

async fn next_chunk(body: &mut Body, idle: Duration) -> Result<Option<bytes::Bytes>, ApiError> {
    let silent = || ApiError::new(StatusCode::REQUEST_TIMEOUT, "the body stalled; send it again");
    loop {
        let Some(frame) = tokio::time::timeout(idle, body.frame()).await.map_err(|_| silent())? else {
            return Ok(None);
        };
        let frame = frame.map_err(|error| ApiError::invalid("the body breaks off").because(error))?;
        if let Ok(data) = frame.into_data() {
            return Ok(Some(data));
        }
    }
}
