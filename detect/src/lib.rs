//! Fraud verdicts and device anomalies: event + state in, verdict with its evidence out.
//!
//! *Invariant*: time comes from the event; the same events in the same order give the same verdicts. Knows neither
//! the store nor HTTP; what it needs of them it declares as narrow traits.

pub mod fraud;
