//! What is counted of an input, as `ingest_input_…` in the metrics.

use crate::upload::Counts;
use metrics::{Counter, Gauge, counter, gauge};

/// The counters of one input.
pub(super) struct Meters {
    name: String,
    connections: Gauge,
    accepted: Counter,
    bytes: Counter,
}

/// A connection, counted as long as it lives.
pub(super) struct Connected(Gauge);

impl Drop for Connected {
    fn drop(&mut self) {
        self.0.decrement(1.0);
    }
}

impl Meters {
    pub(super) fn new(name: &str) -> Self {
        let input = || name.to_owned();
        Self {
            connections: gauge!("ingest_input_connections", "input" => input()),
            accepted: counter!("ingest_input_connections_total", "input" => input()),
            bytes: counter!("ingest_input_bytes_total", "input" => input()),
            name: input(),
        }
    }

    /// A connection was accepted.
    pub(super) fn connected(&self) -> Connected {
        self.accepted.increment(1);
        self.connections.increment(1.0);
        Connected(self.connections.clone())
    }

    /// A connection was refused or ended by this side; `reason` is one of few words.
    pub(super) fn refused(&self, reason: &'static str) {
        counter!("ingest_input_refused_total", "input" => self.name.clone(), "reason" => reason).increment(1);
    }

    /// Files of certificates have changed, and what they hold is used now or refused.
    pub(super) fn certificates(&self, outcome: &'static str) {
        let name = self.name.clone();
        counter!("ingest_input_certificates_total", "input" => name, "outcome" => outcome).increment(1);
    }

    /// So many bytes were read.
    pub(super) fn read(&self, bytes: usize) {
        self.bytes.increment(bytes as u64);
    }

    /// A batch was written.
    pub(super) fn written(&self, counts: &Counts) {
        self.events("indexed", counts.indexed);
        self.events("duplicate", counts.duplicates);
        self.events("dead", counts.dead);
        self.events("dropped", counts.dropped);
    }

    /// Events that were read and could not be kept, as the service had to stop.
    pub(super) fn lost(&self, number: usize) {
        self.events("lost", number as u64);
    }

    /// A datagram was not taken.
    pub(super) fn datagram_dropped(&self, reason: &'static str) {
        let name = self.name.clone();
        counter!("ingest_input_datagrams_dropped_total", "input" => name, "reason" => reason).increment(1);
    }

    fn events(&self, outcome: &'static str, number: u64) {
        if number > 0 {
            let name = self.name.clone();
            counter!("ingest_input_events_total", "input" => name, "outcome" => outcome).increment(number);
        }
    }
}
