use crate::frame::address::ClientAddress;

/// How an audited act ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It was done.
    Success,
    /// It was refused or failed.
    Failure,
}

/// Notes a security event: who (`subject`, an account's id or `-`), what (`action`), on what (`target`), from where,
/// how it ended. Never a secret, and no address of an account that may not exist.
pub(crate) fn audit(
    action: &'static str,
    outcome: Outcome,
    subject: &str,
    target: &str,
    from: ClientAddress,
) {
    let outcome = match outcome {
        Outcome::Success => "success",
        Outcome::Failure => "failure",
    };
    tracing::info!(
        target: "audit",
        { event.action = action, event.outcome = outcome, user.id = subject, target.id = target, source.ip = %from },
        "audit"
    );
}
