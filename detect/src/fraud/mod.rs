//! Fraud verdicts on payments.
//!
//! event → [`Payment`] (facts) → features (what is known about its user, card, device, addresses at its event time)
//! → rules (reasons with points) → score → [`Verdict`], kept with all it rests on as a [`VerdictRecord`].
//!
//! *Invariant*: what is not durable does not count, what is durable counts once. Everything goes through
//! [`FraudDetector`].

mod assess;
mod assessment;
mod config;
mod detector;
mod dotted;
mod error;
mod features;
mod geo;
mod later;
mod payment;
mod ports;
mod reconcile;
mod record;
mod restore;
mod rules;
mod score;
mod shared;
mod unsaved;

pub use assessment::{Assessed, AssessedEvent, Assessment};
pub use config::{
    AmountConfig, ConfigError, DeclinedConfig, FraudConfig, GeoConfig, KnownFraudConfig, NewcomerConfig,
    SharingConfig, TravelConfig, VelocityConfig, WindowLimits,
};
pub use detector::{FraudDetector, FraudStats, Labelling};
pub use error::FraudError;
pub use payment::{Location, Payment, TRANSACTION_DATASET, is_judged, is_judged_index};
pub use ports::{
    Clock, PortError, PortErrorKind, SnapshotStore, VerdictCursor, VerdictFilter, VerdictHistory,
    VerdictPage, system_clock,
};
pub use record::{
    DocumentRef, Evidence, Label, LabelValue, NewLabel, Reason, SkippedRule, Verdict, VerdictRecord,
};
pub use score::combine_points;
