//! `MovingFunctions`: what a `moving_fn` aggregation makes of its window. NaN stands for a missing value.
//!
//! Source: the page "Moving function aggregation" of Elasticsearch 7.10 and, for the weights, its `MovingFunctions`.

use super::super::error::RunError;
use super::super::machine::{Machine, Ran};
use super::super::names::Function;
use super::super::number::Num;
use super::super::value::Val;

impl<'a> Machine<'a> {
    pub(super) fn moving_function(
        &mut self,
        function: Function,
        arguments: &[Val<'a>],
        at: u32,
    ) -> Ran<Val<'a>> {
        let null = Val::Null;
        let window = self.window(arguments.first().unwrap_or(&null), at)?;
        let number = |index: usize| self.double(arguments.get(index).unwrap_or(&null), at);
        let present: Vec<f64> = window.iter().copied().filter(|value| !value.is_nan()).collect();
        let count = present.len() as f64;
        Ok(Val::Double(match function {
            Function::WindowMax => extreme(&window, f64::max),
            Function::WindowMin => extreme(&window, f64::min),
            Function::WindowSum => present.iter().sum(),
            Function::UnweightedAvg => present.iter().sum::<f64>() / count,
            Function::WindowStdDev => {
                let average = number(1)?;
                (present.iter().map(|value| (value - average).powi(2)).sum::<f64>() / count).sqrt()
            }
            Function::LinearWeightedAvg => linear(&present),
            Function::Ewma => {
                let alpha = number(1)?;
                let smooth = |average: f64, value: f64| value * alpha + average * (1.0 - alpha);
                present.iter().copied().reduce(smooth).unwrap_or(f64::NAN)
            }
            Function::Holt => holt(&present, number(1)?, number(2)?),
            _ => {
                let season = Season {
                    alpha: number(1)?,
                    beta: number(2)?,
                    gamma: number(3)?,
                    period: self.period(arguments, window.len(), at)?,
                    multiplicative: matches!(arguments.get(5), Some(Val::Bool(true))),
                };
                if present.is_empty() { f64::NAN } else { season.smooth(&present, window.len()) }
            }
        }))
    }

    /// A list of numbers.
    fn window(&mut self, value: &Val<'a>, at: u32) -> Ran<Vec<f64>> {
        let Some(length) = self.length(value) else { return Err(self.cannot_cast(value, "list", at)) };
        self.spend(length, at)?;
        self.charge(length * 8, at)?;
        let numbers = (0..length).map(|index| match self.element(value, index, at)? {
            Val::Null => Ok(f64::NAN),
            number => self.double(&number, at),
        });
        numbers.collect()
    }

    /// The length of a season: the window must hold two.
    fn period(&self, arguments: &[Val<'a>], length: usize, at: u32) -> Ran<usize> {
        let wrong = |reason: String| RunError::boxed("illegal_argument_exception", at, reason);
        let period = match arguments.get(4).and_then(Num::of) {
            Some(Num::Int(period)) => usize::try_from(period).unwrap_or(0),
            _ => 0,
        };
        if period == 0 {
            return Err(wrong("the period of holtWinters must be an int above 0".to_owned()));
        }
        if length / 2 < period {
            return Err(wrong(format!(
                "Holt-Winters aggregation requires at least (2 * period == 2 * {period} == {}) data-points to \
                 function.  Only [{length}] were provided.",
                period.saturating_mul(2)
            )));
        }
        Ok(period)
    }
}

/// As Java's streams have it: one NaN makes the whole NaN, and so does an empty window.
fn extreme(window: &[f64], choose: impl Fn(f64, f64) -> f64) -> f64 {
    let chosen = |a: f64, b: f64| if a.is_nan() || b.is_nan() { f64::NAN } else { choose(a, b) };
    window.iter().copied().reduce(chosen).unwrap_or(f64::NAN)
}

/// Weights 1, 2, 3, …; their sum is counted from 1.
fn linear(present: &[f64]) -> f64 {
    if present.is_empty() {
        return f64::NAN;
    }
    let weighted: f64 = present.iter().enumerate().map(|(place, value)| value * (place + 1) as f64).sum();
    let weights = 1 + present.len() * (present.len() + 1) / 2;
    weighted / weights as f64
}

/// Holt's linear trend, begun with the first value and no trend.
fn holt(present: &[f64], alpha: f64, beta: f64) -> f64 {
    let Some((first, rest)) = present.split_first() else { return f64::NAN };
    let (level, _) = rest.iter().fold((*first, 0.0), |(level, trend), value| {
        let next = alpha * value + (1.0 - alpha) * (level + trend);
        (next, beta * (next - level) + (1.0 - beta) * trend)
    });
    level
}

/// Holt-Winters' parameters.
struct Season {
    alpha: f64,
    beta: f64,
    gamma: f64,
    period: usize,
    multiplicative: bool,
}

impl Season {
    /// `present` padded with zeros to the length of the window, which is at least two periods.
    fn smooth(&self, present: &[f64], length: usize) -> f64 {
        // A multiplicative season cannot bear zeros.
        let padding = if self.multiplicative { 1e-10 } else { 0.0 };
        let mut values: Vec<f64> = present.iter().map(|value| value + padding).collect();
        values.resize(length, 0.0);
        let period = self.period as f64;
        let first = &values[..self.period];
        let mut level = first.iter().sum::<f64>() / period;
        // As Elasticsearch has it: the slope between the first two seasons is reckoned there and never used.
        let mut trend = 0.0;
        let mut seasonal: Vec<f64> =
            first.iter().map(|value| if level == 0.0 { 0.0 } else { value / level }).collect();
        for place in self.period..length {
            let (value, before) = (values[place], seasonal[place - self.period]);
            let deseasoned = if self.multiplicative { value / before } else { value - before };
            let next = self.alpha * deseasoned + (1.0 - self.alpha) * (level + trend);
            let next_trend = self.beta * (next - level) + (1.0 - self.beta) * trend;
            // As Elasticsearch reckons it: the additive form subtracts the trend.
            let season = if self.multiplicative { value / (level + trend) } else { value - (level - trend) };
            seasonal.push(self.gamma * season + (1.0 - self.gamma) * before);
            (level, trend) = (next, next_trend);
        }
        let season = seasonal[length - self.period];
        if self.multiplicative { (level + trend) * season } else { level + trend + season }
    }
}
