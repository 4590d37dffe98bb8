//! Fraud verdicts on payments: facts read from the event, features over event time, rules, score, history.

mod payment;
mod ports;
mod record;

pub use payment::{Location, Payment, TRANSACTION_DATASET};
pub use ports::{
    Clock, PortError, PortErrorKind, SnapshotStore, VerdictCursor, VerdictFilter, VerdictHistory,
    VerdictPage, system_clock,
};
pub use record::{
    DocumentRef, Evidence, Label, LabelValue, NewLabel, Reason, SkippedRule, Verdict, VerdictRecord,
};
