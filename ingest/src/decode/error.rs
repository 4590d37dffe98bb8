use std::io;

/// Why a file cannot be read any further. What was read before stays valid.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DecodeError {
    /// The storage failed under the reader, not the file: worth another try.
    #[error("cannot read the uploaded file: {0}")]
    Storage(#[source] io::Error),
    /// The file ends in the middle.
    #[error("the file is cut off: {0}")]
    Truncated(String),
    /// The bytes contradict their own format.
    #[error("the file is damaged: {0}")]
    Damaged(String),
    /// It is in a format that is not taken.
    #[error("{0}")]
    Unsupported(String),
    /// It expands to more than allowed: a decompression bomb, or simply too much.
    #[error("{0}")]
    TooLarge(String),
    /// The job was told to stop.
    #[error("stopped")]
    Stopped,
}

/// Marks an error of the storage on its way through a decompressor.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub(super) struct StorageFailure(pub(super) io::Error);

impl DecodeError {
    /// What a decompressor's error means: a failure of the storage that came through, or a fault of the file.
    pub(super) fn from_decompressor(what: &str, error: io::Error) -> Self {
        match error.downcast::<StorageFailure>() {
            Ok(storage) => Self::Storage(storage.0),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                Self::Truncated(format!("the {what} data ends early"))
            }
            Err(error) => Self::Damaged(format!("bad {what} data: {error}")),
        }
    }

    /// Whether what was read before the error shall be kept (a cut or damaged file), rather than the whole
    /// file refused.
    pub(crate) fn keeps_what_was_read(&self) -> bool {
        matches!(self, Self::Truncated(_) | Self::Damaged(_))
    }
}
