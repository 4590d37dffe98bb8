//! Reads bodies, compressed or not, within limits.

use super::error::ElasticError;
use crate::state::App;
use axum::{
    body::{Body, Bytes, to_bytes},
    http::StatusCode,
};
use std::io::Read;

/// Largest body as it is sent, as Elasticsearch's `http.max_content_length`.
pub(super) const BODY_MAX_BYTES: usize = 100 << 20;
/// Largest body when unpacked.
const UNPACKED_MAX_BYTES: u64 = 256 << 20;

/// The body of a request, unpacked.
pub(super) async fn read(body: Body, encoding: String, app: &App) -> Result<Bytes, ElasticError> {
    let limit = app.config().limits.json_body_max_bytes.max(BODY_MAX_BYTES);
    let bytes = to_bytes(body, limit).await.map_err(|_| too_large())?;
    match encoding.as_str() {
        "" | "identity" => Ok(bytes),
        "gzip" | "x-gzip" | "deflate" | "zstd" => {
            tokio::task::spawn_blocking(move || unpack(&encoding, &bytes))
                .await
                .map_err(|_| ElasticError::illegal("the body cannot be unpacked"))?
        }
        other => Err(ElasticError::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "illegal_argument_exception",
            format!("Content-Encoding [{other}] is not supported"),
        )),
    }
}

fn unpack(encoding: &str, bytes: &[u8]) -> Result<Bytes, ElasticError> {
    let unreadable =
        |error: std::io::Error| ElasticError::illegal(format!("cannot unpack the body: {error}"));
    let reader: Box<dyn Read + '_> = match encoding {
        "zstd" => Box::new(zstd::Decoder::new(bytes).map_err(unreadable)?),
        "deflate" => Box::new(flate2::read::ZlibDecoder::new(bytes)),
        _ => Box::new(flate2::read::MultiGzDecoder::new(bytes)),
    };
    let mut out = Vec::with_capacity(bytes.len() * 4);
    reader.take(UNPACKED_MAX_BYTES + 1).read_to_end(&mut out).map_err(unreadable)?;
    if out.len() as u64 > UNPACKED_MAX_BYTES {
        return Err(too_large());
    }
    Ok(out.into())
}

fn too_large() -> ElasticError {
    ElasticError::new(
        StatusCode::PAYLOAD_TOO_LARGE,
        "content_too_long_exception",
        "the body is larger than this port takes",
    )
}
