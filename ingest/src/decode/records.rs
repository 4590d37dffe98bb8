use super::{
    DecodeError, Encoding, Limits, Peeked, Source,
    format::Format,
    json_elements::JsonElements,
    lines::Lines,
    skip,
    text::{decode_text, decoded_sample},
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

enum Inner<'a> {
    Lines(Lines<Box<dyn Source + 'a>>),
    Json(JsonElements<Box<dyn Source + 'a>>),
}

impl<'a> Records<'a> {
    /// The records of a file from `resume` on; its format is recognised by its start.
    pub(crate) fn open<S: Source + 'a>(
        source: Peeked<S>,
        encoding: Encoding,
        resume: Resume,
        limits: &Limits,
    ) -> Result<Self, DecodeError> {
        let sample = decoded_sample(source.sample(), encoding);
        let format = Format::sniff(&sample, source.sample_is_all());
        let start = match encoding {
            Encoding::Utf8 { mark } => mark,
            Encoding::Utf16 { .. } => 0,
        };
        let offset = resume.offset.max(start);
        let mut text = decode_text(source, encoding)?;
        skip(&mut text, offset - start)?;
        let inner = match format {
            Format::Lines => Inner::Lines(Lines::new(text, offset, resume.line, limits)),
            Format::JsonArray | Format::JsonSequence => {
                let place = (offset, resume.line, resume.offset > start);
                Inner::Json(JsonElements::new(text, format == Format::JsonArray, place, limits))
            }
        };
        Ok(Self { inner })
    }

    /// The next record. After an error there are no more.
    pub(crate) fn next(&mut self) -> Result<Option<RawRecord<'_>>, DecodeError> {
        match &mut self.inner {
            Inner::Lines(lines) => lines.next(),
            Inner::Json(elements) => elements.next(),
        }
    }

    /// After an error: the start of the record in which the file broke off.
    pub(crate) fn rest(&self) -> Option<RawRecord<'_>> {
        match &self.inner {
            Inner::Lines(lines) => lines.rest(),
            Inner::Json(_) => None,
        }
    }

    /// Where the record after the last one starts (or what stands before it).
    pub(crate) fn position(&self) -> Resume {
        let (offset, line) = match &self.inner {
            Inner::Lines(lines) => lines.position(),
            Inner::Json(elements) => elements.position(),
        };
        Resume { offset, line }
    }
}

/// The first records of a file, as text, at most `count`: what a pipeline is recognised by.
pub(crate) fn sample_records<S: Source>(
    source: &Peeked<S>,
    encoding: Encoding,
    count: usize,
    limits: &Limits,
) -> Vec<String> {
    let whole = source.sample();
    let sample = whole.to_vec();
    let Ok(peeked) = Peeked::new(sample.as_slice()) else { return Vec::new() };
    let Ok(mut records) = Records::open(peeked, encoding, Resume::default(), limits) else {
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
