use serde::de::IgnoredAny;

/// How records stand in a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    /// One a line.
    Lines,
    /// Elements of one JSON array.
    JsonArray,
    /// JSON objects one after another, each over several lines.
    JsonSequence,
}

impl Format {
    /// Recognises the format by the start of a text; `all` if that is all of it.
    pub(crate) fn sniff(sample: &[u8], all: bool) -> Self {
        let text = sample.trim_ascii_start();
        match text.first() {
            Some(b'[') if opens_json_array(&text[1..]) => Self::JsonArray,
            Some(b'{') if spans_lines(text, all) => Self::JsonSequence,
            _ => Self::Lines,
        }
    }
}

/// Whether an object follows the `[`, or nothing. (Lines of an error log begin with `[` and a date.)
fn opens_json_array(rest: &[u8]) -> bool {
    matches!(rest.trim_ascii_start().first(), Some(b'{' | b']'))
}

/// Whether the first JSON object goes on beyond its line.
fn spans_lines(text: &[u8], all: bool) -> bool {
    let line = memchr::memchr2(b'\n', b'\r', text).unwrap_or(text.len());
    let mut values = serde_json::Deserializer::from_slice(text).into_iter::<IgnoredAny>();
    match values.next() {
        Some(Ok(_)) => values.byte_offset() > line,
        Some(Err(error)) => error.is_eof() && line < text.len() && !all,
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_are_recognised() {
        let check = |sample: &str, all: bool, expected: Format| {
            assert_eq!(Format::sniff(sample.as_bytes(), all), expected, "{sample}");
        };
        check("", true, Format::Lines);
        check("127.0.0.1 - -", true, Format::Lines);
        check("[Wed Oct 11 14:32:52 2000] [error] x", true, Format::Lines);
        check("{\"a\":1}\n{\"a\":2}\n", true, Format::Lines);
        check("{\"a\":1}", true, Format::Lines);
        check("{broken\n{\"a\":1}", true, Format::Lines);
        check("{\"a\":\"cut\n{\"a\":1}", true, Format::Lines);
        check("[{\"a\":1},{\"a\":2}]", true, Format::JsonArray);
        check(" \n[\n  {\"a\":1}\n]", true, Format::JsonArray);
        check("[]", true, Format::JsonArray);
        check("{\n  \"a\": 1\n}\n{\n  \"a\": 2\n}\n", true, Format::JsonSequence);
        check("{\n  \"a\": 1,\n  \"b\"", false, Format::JsonSequence);
        check("{\"a\":1, \"b\":", false, Format::Lines);
    }
}
