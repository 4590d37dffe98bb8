use super::ports::{PortError, PortErrorKind};

/// Why detection could not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum FraudError {
    /// History or snapshots failed.
    #[error(transparent)]
    Port(#[from] PortError),
    /// Another request held the same transaction for too long.
    #[error("the same transaction is being processed by another request, try again")]
    Busy,
    /// The history cannot be written and too many verdicts wait for it.
    #[error("the history of verdicts cannot be written, {waiting} verdicts wait for it, try again later")]
    Backlog {
        /// How many wait.
        waiting: usize,
    },
}

impl FraudError {
    /// Whether the same call may succeed later.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Port(error) => error.kind == PortErrorKind::Unavailable,
            Self::Busy | Self::Backlog { .. } => true,
        }
    }
}
