//! Frames of bytes that come in pieces, for the fuzz targets.

use super::{
    framing::{Frame, Framing, Style},
    lumberjack::frames::Frames,
};
use bytes::{Bytes, BytesMut};

/// Small, so that inputs of a fuzzer reach it.
const RECORD_MAX_BYTES: usize = 200;
const KEPT_BYTES: usize = 20;

/// How records are framed.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Cut {
    Lines,
    Syslog,
}

/// A frame: its bytes, its whole length, and what is wrong with it.
pub(crate) type Framed = (Bytes, u64, Option<String>);

/// The frames of a stream that comes in pieces of this size.
pub(crate) fn cut(bytes: &[u8], size: usize, by: Cut) -> Vec<Framed> {
    let style = match by {
        Cut::Lines => Style::Lines,
        Cut::Syslog => Style::Syslog,
    };
    let mut framing = Framing::new(style, RECORD_MAX_BYTES, KEPT_BYTES);
    let (mut buffer, mut frames) = (BytesMut::new(), Vec::new());
    for piece in bytes.chunks(size.max(1)) {
        buffer.extend_from_slice(piece);
        while let Some(frame) = framing.next(&mut buffer, false) {
            frames.push(framed(frame));
        }
    }
    while let Some(frame) = framing.next(&mut buffer, true) {
        frames.push(framed(frame));
    }
    frames
}

fn framed(Frame { bytes, length, fault }: Frame) -> Framed {
    (bytes, length, fault)
}

/// What a Lumberjack client says.
pub(crate) struct Heard {
    /// Windows and events, described.
    pub(crate) said: Vec<String>,
    /// Whether it ended in something that is none.
    pub(crate) refused: bool,
}

/// What a stream says that comes in pieces of this size; what is inflated is held by no more than needed.
pub(crate) fn hear(bytes: &[u8], size: usize) -> Heard {
    let mut frames = Frames::new(RECORD_MAX_BYTES, KEPT_BYTES);
    let size = size.max(1);
    let (mut buffer, mut said, mut leave) = (BytesMut::new(), Vec::new(), size);
    for piece in bytes.chunks(size) {
        buffer.extend_from_slice(piece);
        loop {
            match frames.next(&mut buffer, leave) {
                Ok(Some(one)) => said.push(format!("{one:?}")),
                Ok(None) if frames.is_starved() => leave = leave.saturating_add(size),
                Ok(None) => break,
                Err(_) => return Heard { said, refused: true },
            }
        }
    }
    Heard { said, refused: false }
}
