use super::pipelines::{Guess, PipelineSet};
use crate::decode::{Encoding, Framing, Limits, Peeked, Source, sample_records};

/// Records by which a pipeline is recognised.
pub(crate) const SAMPLE_RECORDS: usize = 100;

/// The pipeline for a file, by its first records: as lines, as lines with the traces that follow them, and as rows of a
/// table. The first that some pipeline calls its own counts; what nobody does is a table if it looks like one.
pub(crate) fn recognise<S: Source>(
    pipelines: &(impl PipelineSet + ?Sized),
    source: &Peeked<S>,
    encoding: Encoding,
    limits: &Limits,
) -> Guess {
    let guess = |framing: &Framing| {
        let sample = sample_records(source, encoding, SAMPLE_RECORDS, limits, framing);
        pipelines.detect(&sample.iter().map(String::as_str).collect::<Vec<_>>())
    };
    let as_lines = [Framing::Lines, Framing::Traces].iter().map(guess).find(|guess| guess.is_own);
    as_lines.unwrap_or_else(|| guess(&Framing::Table))
}
