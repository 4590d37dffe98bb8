//! Reads a body of events piece by piece, so that a large one needs little memory and slows its sender down to the
//! speed of the store.

use crate::{ApiError, handlers::events::CreateEventsResponse, state::App};
use axum::{
    body::Body,
    http::{HeaderMap, StatusCode, header},
};
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use std::time::Duration;

/// Lines are handed on in pieces of at least this size.
const PIECE_BYTES: usize = 4 << 20;
/// A JSON array is handed on as a whole, so it may not be as large as lines.
const ARRAY_MAX_BYTES: usize = 16 << 20;

/// Takes in all events of a body.
pub(crate) async fn submit(
    app: &App,
    pipeline: Option<String>,
    headers: &HeaderMap,
    body: Body,
) -> Result<CreateEventsResponse, ApiError> {
    check_encoding(headers)?;
    let limits = &app.config().limits;
    let idle = Duration::from_secs(u64::from(limits.upload_idle_secs));
    let mut reader =
        Reader { body, idle, held: BytesMut::new(), read: 0, limit: limits.events_body_max_bytes };
    let mut sum =
        CreateEventsResponse { pipeline: pipeline.unwrap_or_else(|| "auto".into()), ..Default::default() };
    while let Some(piece) = reader.next_piece().await? {
        let report = app.parts().intake.submit_body(piece, Some(&sum.pipeline)).await?;
        sum.indexed += report.indexed;
        sum.duplicates += report.duplicates;
        sum.dead += report.dead;
        sum.dropped += report.dropped;
        // What the first piece was recognised as holds for the rest.
        sum.pipeline = report.pipeline;
    }
    Ok(sum)
}

fn check_encoding(headers: &HeaderMap) -> Result<(), ApiError> {
    match headers.get(header::CONTENT_ENCODING).map(|value| value.as_bytes()) {
        None | Some(b"identity") => Ok(()),
        Some(_) => {
            let detail = "the body must not be compressed; upload compressed files to /api/v1/logs/uploads";
            Err(ApiError::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, detail))
        }
    }
}

struct Reader {
    body: Body,
    idle: Duration,
    held: BytesMut,
    read: usize,
    limit: usize,
}

impl Reader {
    /// The next piece: whole lines, or all of a JSON array. `None` at the end.
    async fn next_piece(&mut self) -> Result<Option<Bytes>, ApiError> {
        while let Some(chunk) = self.chunk().await? {
            self.held.extend_from_slice(&chunk);
            if self.is_array() {
                if self.held.len() > ARRAY_MAX_BYTES {
                    let detail = format!(
                        "a JSON array has at most {ARRAY_MAX_BYTES} bytes; send one object a line instead"
                    );
                    return Err(ApiError::too_large(detail));
                }
            } else if self.held.len() >= PIECE_BYTES
                && let Some(end) = self.held.iter().rposition(|byte| *byte == b'\n')
            {
                return Ok(Some(self.held.split_to(end + 1).freeze()));
            }
        }
        let rest = self.held.split().freeze();
        Ok((!rest.trim_ascii().is_empty()).then_some(rest))
    }

    fn is_array(&self) -> bool {
        self.held.trim_ascii_start().first() == Some(&b'[')
    }

    async fn chunk(&mut self) -> Result<Option<Bytes>, ApiError> {
        loop {
            let frame = tokio::time::timeout(self.idle, self.body.frame())
                .await
                .map_err(|_| ApiError::new(StatusCode::REQUEST_TIMEOUT, "the body stalled; send it again"))?;
            let Some(frame) = frame else { return Ok(None) };
            let frame = frame.map_err(|error| ApiError::invalid("the body broke off").because(error))?;
            let Ok(data) = frame.into_data() else { continue };
            self.read += data.len();
            if self.read > self.limit {
                return Err(ApiError::too_large(format!("the body is larger than {} bytes", self.limit)));
            }
            return Ok(Some(data));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::stream;
    use proptest::prelude::*;

    fn pieces(chunks: Vec<Vec<u8>>, limit: usize) -> Result<Vec<Bytes>, ApiError> {
        let body = Body::from_stream(stream::iter(chunks.into_iter().map(Ok::<_, std::io::Error>)));
        let mut reader = Reader { body, idle: Duration::from_secs(5), held: BytesMut::new(), read: 0, limit };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(async {
            let mut pieces = Vec::new();
            while let Some(piece) = reader.next_piece().await? {
                pieces.push(piece);
            }
            Ok(pieces)
        })
    }

    #[test]
    fn pieces_end_with_lines_and_join_to_the_body() {
        let line = [vec![b'x'; 1_000_000], vec![b'\n']].concat();
        let body = line.repeat(10);
        let chunks: Vec<Vec<u8>> = body.chunks(300_000).map(<[u8]>::to_vec).collect();
        let pieces = pieces(chunks, 100_000_000).unwrap();
        assert!(pieces.len() >= 2);
        assert!(pieces.iter().all(|piece| piece.ends_with(b"\n")));
        assert_eq!(pieces.concat(), body);
    }

    #[test]
    fn limits() {
        assert_eq!(pieces(vec![vec![b'x'; 11]], 10).unwrap_err().status(), 413);
        let array = [b" [".to_vec(), vec![b' '; ARRAY_MAX_BYTES]].concat();
        assert_eq!(pieces(vec![array], 1 << 30).unwrap_err().status(), 413);
        assert!(pieces(vec![b" \n ".to_vec()], 10).unwrap().is_empty());
    }

    proptest! {
        #[test]
        fn small_bodies_are_one_piece(chunks in proptest::collection::vec("[a-z\n]{0,9}", 0..9)) {
            let body = chunks.concat();
            let pieces = pieces(chunks.into_iter().map(String::into_bytes).collect(), 1_000).unwrap();
            if body.trim().is_empty() {
                prop_assert!(pieces.is_empty());
            } else {
                prop_assert_eq!(pieces.concat(), body.into_bytes());
            }
        }
    }
}
