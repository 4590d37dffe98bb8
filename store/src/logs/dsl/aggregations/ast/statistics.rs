use super::{CalendarUnit, DateHistogram, ValuesSource};
use crate::logs::dsl::{Query, SortMode};

/// `t_test`: how likely it is that two populations have the same mean.
#[derive(Debug, Clone, PartialEq)]
pub struct TTest {
    /// The two populations.
    pub populations: [Population; 2],
    /// What is assumed about them.
    pub kind: TTestKind,
}

/// One population of a `t_test`.
#[derive(Debug, Clone, PartialEq)]
pub struct Population {
    /// Its values.
    pub source: ValuesSource,
    /// Which documents belong to it; `None`: all.
    pub filter: Option<Query>,
}

/// `type` of a `t_test`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum TTestKind {
    /// Each document has a value of both.
    Paired,
    /// Both vary alike.
    Homoscedastic,
    /// They may vary differently (Welch 1947).
    #[default]
    Heteroscedastic,
}

/// `matrix_stats`: moments of several fields, and how they vary together.
#[derive(Debug, Clone, PartialEq)]
pub struct MatrixStats {
    /// The fields, each with what stands for a missing value.
    pub sources: Vec<ValuesSource>,
    /// Which of several values of one document counts.
    pub mode: SortMode,
}

/// `rate`: documents or a sum of values per unit of time, in the buckets of a `date_histogram`.
#[derive(Debug, Clone, PartialEq)]
pub struct Rate {
    /// The values; `None`: documents are counted.
    pub source: Option<ValuesSource>,
    /// Per what; `None`: per bucket.
    pub unit: Option<CalendarUnit>,
    /// The histogram whose buckets it stands in; `None` only until that is read.
    pub parent: Option<Box<DateHistogram>>,
}
