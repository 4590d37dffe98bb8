use crate::{StoreError, logs::dsl::ScriptCall};
use event::Object;
use expression::{Environment, Limits, RunError, Scalar};

/// Steps that the runs over all buckets of one aggregation may take together, and each of them in any case.
const STEPS_MAX: usize = 20_000_000;
const STEPS_OF_EACH: usize = 2_000;
/// What one run may hold, in bytes.
const MEMORY_MAX_BYTES: usize = 1 << 20;

/// A script that runs once for each bucket.
pub(super) struct Runner<'a> {
    call: &'a ScriptCall,
    limits: Limits,
}

/// What it sees: its parameters and the numbers of one bucket or window.
struct Seen<'a> {
    params: &'a Object,
    numbers: &'a [(&'a str, f64)],
    values: &'a [f64],
}

impl Environment for Seen<'_> {
    fn params(&self) -> Option<&Object> {
        Some(self.params)
    }
    fn numbers(&self) -> &[(&str, f64)] {
        self.numbers
    }
    fn values(&self) -> &[f64] {
        self.values
    }
    fn value(&self) -> Option<Scalar<'_>> {
        self.numbers.iter().find(|(name, _)| *name == "_value").map(|(_, number)| Scalar::Double(*number))
    }
}

impl<'a> Runner<'a> {
    /// A script for so many buckets, each with a window of so many.
    pub(super) fn new(call: &'a ScriptCall, buckets: usize, window: usize) -> Self {
        let steps = (STEPS_MAX / buckets.max(1)).max(STEPS_OF_EACH + 8 * window);
        Self { call, limits: Limits { steps, memory_bytes: MEMORY_MAX_BYTES } }
    }

    fn see<'s>(&'s self, numbers: &'s [(&'s str, f64)], values: &'s [f64]) -> Seen<'s> {
        Seen { params: &self.call.params, numbers, values }
    }

    /// The number that it makes of a bucket's; `None` for null.
    pub(super) fn number(&self, numbers: &[(&str, f64)]) -> Result<Option<f64>, StoreError> {
        self.call.script.number(&self.see(numbers, &[]), self.limits).map_err(failed)
    }

    /// Whether it holds for a bucket.
    pub(super) fn holds(&self, numbers: &[(&str, f64)]) -> Result<bool, StoreError> {
        self.call.script.holds(&self.see(numbers, &[]), self.limits).map_err(failed)
    }

    /// The number that it makes of a window's; 0 where it returns nothing, as a method of Painless does.
    pub(super) fn over_window(&self, values: &[f64]) -> Result<f64, StoreError> {
        let number = self.call.script.number(&self.see(&[], values), self.limits);
        number.map(Option::unwrap_or_default).map_err(failed)
    }
}

fn failed(error: RunError) -> StoreError {
    StoreError::invalid(format!("runtime error in a script: {error}")).with_code("script_exception")
}
