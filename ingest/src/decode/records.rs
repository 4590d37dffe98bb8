use super::{
    DecodeError, Encoding, Limits, Peeked, Source,
    format::Format,
    framing::Framing,
    joined::{JoinRule, Joined},
    json_elements::JsonElements,
    lines::Lines,
    skip,
    table::{Csv, CsvRows, W3cRows, is_w3c},
    text::{decode_text, decoded_sample},
    traces::TraceRule,
};

/// A record as it stands in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RawRecord<'a> {
    /// Its bytes without line end; only the first few if it is longer than allowed.
    pub(crate) bytes: &'a [u8],
    /// Byte at which it starts in the text (the decompressed file; for UTF-16, its form in UTF-8).
    pub(crate) offset: u64,
    /// Number of the line at which it starts, from 1.
    pub(crate) line: u64,
    /// Its whole length in bytes.
    pub(crate) length: u64,
}

impl RawRecord<'_> {
    /// Whether it is longer than allowed, so that `bytes` is only its start.
    pub(crate) fn is_too_long(&self) -> bool {
        self.length > self.bytes.len() as u64
    }
}

/// Where to go on in a text: behind a record.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Resume {
    /// Byte in the text.
    pub(crate) offset: u64,
    /// Line ends before it.
    pub(crate) line: u64,
}

/// The records of a file.
pub(crate) struct Records<'a> {
    inner: Inner<'a>,
}

/// How records were found to stand in a text.
pub(crate) enum Shape<'r> {
    Lines,
    JsonArray,
    JsonSequence,
    Csv(&'r Csv),
    W3c,
}

impl Shape<'_> {
    /// Its name.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Lines => "lines",
            Self::JsonArray => "json_array",
            Self::JsonSequence => "json_sequence",
            Self::Csv(Csv { delimiter: b',', .. }) => "csv",
            Self::Csv(Csv { delimiter: b'\t', .. }) => "tsv",
            Self::Csv(_) => "delimited",
            Self::W3c => "w3c",
        }
    }
}

type Text<'a> = Box<dyn Source + 'a>;

enum Inner<'a> {
    Lines(Lines<Text<'a>>),
    Joined(Joined<Text<'a>>),
    Csv(CsvRows<Text<'a>>),
    W3c(W3cRows<Text<'a>>),
    Json(JsonElements<Text<'a>>),
}

impl<'a> Records<'a> {
    /// The records of a file from `resume` on. JSON and tables are recognised by the start of the file; `framing` says how
    /// records stand in other text.
    pub(crate) fn open<S: Source + 'a>(
        source: Peeked<S>,
        encoding: Encoding,
        resume: Resume,
        limits: &Limits,
        framing: &Framing,
    ) -> Result<Self, DecodeError> {
        let sample = decoded_sample(source.sample(), encoding);
        let all = source.sample_is_all();
        let format = Format::sniff(&sample, all);
        let start = match encoding {
            Encoding::Utf8 { mark } => mark,
            Encoding::Utf16 { .. } => 0,
        };
        let offset = resume.offset.max(start);
        let mut text = decode_text(source, encoding)?;
        if format == Format::Lines && matches!(framing, Framing::Table) && is_w3c(&sample) {
            let lines = Lines::new(text, start, 0, limits);
            return Ok(Self { inner: Inner::W3c(W3cRows::open(lines, offset, limits)?) });
        }
        skip(&mut text, offset - start)?;
        let inner = match format {
            Format::Lines => {
                let lines = Lines::new(text, offset, resume.line, limits);
                frame(lines, framing, (&sample, all), offset == start, limits)?
            }
            Format::JsonArray | Format::JsonSequence => {
                let place = (offset, resume.line, resume.offset > start);
                Inner::Json(JsonElements::new(text, format == Format::JsonArray, place, limits))
            }
        };
        Ok(Self { inner })
    }

    /// How they stand in the text.
    pub(crate) fn shape(&self) -> Shape<'_> {
        match &self.inner {
            Inner::Lines(_) | Inner::Joined(_) => Shape::Lines,
            Inner::Csv(rows) => Shape::Csv(rows.table()),
            Inner::W3c(_) => Shape::W3c,
            Inner::Json(elements) if elements.is_array() => Shape::JsonArray,
            Inner::Json(_) => Shape::JsonSequence,
        }
    }

    /// The next record. After an error there are no more.
    pub(crate) fn next(&mut self) -> Result<Option<RawRecord<'_>>, DecodeError> {
        match &mut self.inner {
            Inner::Lines(lines) => lines.next(),
            Inner::Joined(records) => records.next(),
            Inner::Csv(rows) => rows.next(),
            Inner::W3c(rows) => rows.next(),
            Inner::Json(elements) => elements.next(),
        }
    }

    /// After an error: the start of the record in which the file broke off.
    pub(crate) fn rest(&self) -> Option<RawRecord<'_>> {
        match &self.inner {
            Inner::Lines(lines) => lines.rest(),
            Inner::Joined(records) => records.rest(),
            Inner::Csv(rows) => rows.rest(),
            Inner::W3c(rows) => rows.rest(),
            Inner::Json(_) => None,
        }
    }

    /// Where the record after the last one starts (or what stands before it).
    pub(crate) fn position(&self) -> Resume {
        let (offset, line) = match &self.inner {
            Inner::Lines(lines) => lines.position(),
            Inner::Joined(records) => records.position(),
            Inner::Csv(rows) => rows.position(),
            Inner::W3c(rows) => rows.position(),
            Inner::Json(elements) => elements.position(),
        };
        Resume { offset, line }
    }
}

/// The records of lines. `sample` is the start of the text, with whether it is all of it.
fn frame<'a>(
    lines: Lines<Text<'a>>,
    framing: &Framing,
    (sample, all): (&[u8], bool),
    at_start: bool,
    limits: &Limits,
) -> Result<Inner<'a>, DecodeError> {
    Ok(match framing {
        Framing::Lines => Inner::Lines(lines),
        Framing::Traces => {
            Inner::Joined(Joined::new(lines, JoinRule::Traces(TraceRule::sniff(sample)), limits))
        }
        Framing::Starts(begins) => {
            Inner::Joined(Joined::new(lines, JoinRule::Starts(begins.clone()), limits))
        }
        Framing::Table => match Csv::sniff(sample, all, limits) {
            Some(table) => Inner::Csv(CsvRows::open(table, lines, at_start, limits)?),
            None => Inner::Lines(lines),
        },
    })
}

/// The first records of a file, as text, at most `count`: what a pipeline is recognised by.
pub(crate) fn sample_records<S: Source>(
    source: &Peeked<S>,
    encoding: Encoding,
    count: usize,
    limits: &Limits,
    framing: &Framing,
) -> Vec<String> {
    let whole = source.sample();
    let sample = whole.to_vec();
    let Ok(peeked) = Peeked::new(sample.as_slice()) else { return Vec::new() };
    let Ok(mut records) = Records::open(peeked, encoding, Resume::default(), limits, framing) else {
        return Vec::new();
    };
    let mut found = Vec::new();
    while found.len() < count {
        match records.next() {
            Ok(Some(record)) => found.push(String::from_utf8_lossy(record.bytes).into_owned()),
            Ok(None) | Err(_) => break,
        }
    }
    if !source.sample_is_all() && found.len() > 1 && found.len() < count {
        // The last one is cut where the sample ends.
        found.pop();
    }
    found
}
