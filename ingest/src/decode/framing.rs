use std::{fmt, sync::Arc};

/// Says of a line whether a record begins with it.
pub type LineStart = Arc<dyn Fn(&str) -> bool + Send + Sync>;

/// How records stand in a text that is not JSON: what the pipeline that reads it says, for the text alone cannot tell.
#[derive(Clone, Default)]
pub enum Framing {
    /// One a line.
    #[default]
    Lines,
    /// A line each, and the stack trace that follows. Where the records of a text begin with a time, all lines without
    /// one follow.
    Traces,
    /// From a line of which this holds to the next.
    Starts(LineStart),
    /// Rows of a table (CSV and its relatives, W3C extended), each as a JSON object by the names in its header; lines
    /// if the text is none.
    Table,
}

impl fmt::Debug for Framing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Lines => "Lines",
            Self::Traces => "Traces",
            Self::Starts(_) => "Starts",
            Self::Table => "Table",
        })
    }
}
