//! `requests_per_second`: how fast work by query may go.

use super::super::{error::ElasticError, request::Asked};
use std::time::{Duration, Instant};
use tokio::sync::watch;

/// Longest pause behind one batch: work that is slower than that only holds the place of others.
const PAUSE_MAX: Duration = Duration::from_secs(60);

/// A bound on documents per second.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in super::super) struct Pace {
    /// `None`: as fast as it goes.
    per_second: Option<f64>,
}

impl Pace {
    /// Takes `requests_per_second`, and `slices`: work is not cut into parts here, so that only its form is checked.
    pub(super) fn take(asked: &mut Asked) -> Result<Self, ElasticError> {
        if let Some(slices) = asked.take("slices")
            && slices != "auto"
            && slices.parse::<u32>().is_ok_and(|slices| slices > 0).eq(&false)
        {
            return Err(ElasticError::illegal(format!(
                "[slices] must be a positive integer or the string \"auto\", but was [{slices}]"
            )));
        }
        asked.take("requests_per_second").map_or(Ok(Self { per_second: None }), |text| Self::read(&text))
    }

    /// Takes `requests_per_second` of a running piece of work, which must be there.
    pub(in super::super) fn take_new(asked: &mut Asked) -> Result<Self, ElasticError> {
        let text = asked.take("requests_per_second");
        let text =
            text.ok_or_else(|| ElasticError::illegal("requests_per_second is a required parameter"))?;
        Self::read(&text)
    }

    fn read(text: &str) -> Result<Self, ElasticError> {
        match (text, text.parse::<f64>()) {
            ("unlimited", _) => Ok(Self { per_second: None }),
            (_, Ok(-1.0)) => Ok(Self { per_second: None }),
            (_, Ok(rate)) if rate > 0.0 && rate.is_finite() => Ok(Self { per_second: Some(rate) }),
            _ => Err(ElasticError::illegal(
                "[requests_per_second] must be a float greater than 0. Use -1 to disable throttling.",
            )),
        }
    }

    /// Whether there is a bound at all.
    pub(super) fn is_bound(self) -> bool {
        self.per_second.is_some()
    }

    /// As answers show it.
    pub(in super::super) fn shown(self) -> f64 {
        self.per_second.unwrap_or(-1.0)
    }

    /// How long to wait behind so many documents that took so long.
    pub(super) fn pause(self, documents: usize, took: Duration) -> Duration {
        let Some(rate) = self.per_second else { return Duration::ZERO };
        let due = Duration::try_from_secs_f64(documents as f64 / rate).unwrap_or(Duration::MAX);
        due.saturating_sub(took).min(PAUSE_MAX)
    }
}

/// Waits behind so many documents as the pace says, which may change meanwhile; how long it was.
pub(super) async fn rest(pace: &mut watch::Receiver<Pace>, documents: usize, began: Instant) -> Duration {
    let started = Instant::now();
    loop {
        let pause = pace.borrow_and_update().pause(documents, began.elapsed());
        if pause.is_zero() {
            return started.elapsed();
        }
        tokio::select! {
            () = tokio::time::sleep(pause) => return started.elapsed(),
            // Whoever could change it is gone: it stays as it is.
            changed = pace.changed() => if changed.is_err() {
                tokio::time::sleep(pause).await;
                return started.elapsed();
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paces() {
        let check = |text: &str, expected: u64| {
            let pause = Pace::read(text).unwrap().pause(100, Duration::from_millis(500));
            assert_eq!(pause, Duration::from_millis(expected), "{text}");
        };
        check("-1", 0);
        check("unlimited", 0);
        check("100", 500);
        check("50.0", 1_500);
        check("1000", 0);
        for bad in ["0", "-2", "fast", "NaN", "inf"] {
            assert!(Pace::read(bad).is_err(), "{bad}");
        }
    }
}
