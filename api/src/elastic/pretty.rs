//! JSON as `?pretty` writes it: two spaces for each level, a space on both sides of a colon, a line feed at the end.
//!
//! Source: Elasticsearch reference, "Common options", "Pretty results"; the layout is that of Jackson's
//! `DefaultPrettyPrinter`, which people compare by eye and tools such as Kibana's console show as it comes.

use serde::Serialize;
use serde_json::{Serializer, Value, ser::Formatter};
use std::io::{Result, Write};

/// An answer over several lines.
pub(super) fn pretty(answer: &Value) -> serde_json::Result<Vec<u8>> {
    let mut out = Vec::new();
    answer.serialize(&mut Serializer::with_formatter(&mut out, Layout::default()))?;
    out.push(b'\n');
    Ok(out)
}

#[derive(Default)]
struct Layout {
    depth: usize,
    /// Whether the innermost array or object has something in it.
    filled: bool,
}

impl Layout {
    fn open<W: Write + ?Sized>(&mut self, out: &mut W, bracket: &[u8]) -> Result<()> {
        self.depth += 1;
        self.filled = false;
        out.write_all(bracket)
    }

    fn close<W: Write + ?Sized>(&mut self, out: &mut W, bracket: &[u8]) -> Result<()> {
        self.depth = self.depth.saturating_sub(1);
        if self.filled {
            self.line(out)?
        } else {
            out.write_all(b" ")?
        }
        // What closes here fills what it is in.
        self.filled = true;
        out.write_all(bracket)
    }

    fn item<W: Write + ?Sized>(&mut self, out: &mut W, first: bool) -> Result<()> {
        self.filled = true;
        if !first {
            out.write_all(b",")?;
        }
        self.line(out)
    }

    fn line<W: Write + ?Sized>(&self, out: &mut W) -> Result<()> {
        out.write_all(b"\n")?;
        (0..self.depth).try_for_each(|_| out.write_all(b"  "))
    }
}

impl Formatter for Layout {
    fn begin_array<W: Write + ?Sized>(&mut self, out: &mut W) -> Result<()> {
        self.open(out, b"[")
    }

    fn end_array<W: Write + ?Sized>(&mut self, out: &mut W) -> Result<()> {
        self.close(out, b"]")
    }

    fn begin_array_value<W: Write + ?Sized>(&mut self, out: &mut W, first: bool) -> Result<()> {
        self.item(out, first)
    }

    fn begin_object<W: Write + ?Sized>(&mut self, out: &mut W) -> Result<()> {
        self.open(out, b"{")
    }

    fn end_object<W: Write + ?Sized>(&mut self, out: &mut W) -> Result<()> {
        self.close(out, b"}")
    }

    fn begin_object_key<W: Write + ?Sized>(&mut self, out: &mut W, first: bool) -> Result<()> {
        self.item(out, first)
    }

    fn begin_object_value<W: Write + ?Sized>(&mut self, out: &mut W) -> Result<()> {
        out.write_all(b" : ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn answers_are_laid_out_as_elasticsearch_does() {
        let check = |value: Value, expected: &str| {
            let text = String::from_utf8(pretty(&value).unwrap()).unwrap();
            assert_eq!(text, format!("{expected}\n"));
            assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), value);
        };
        check(json!({}), "{ }");
        check(json!([]), "[ ]");
        check(json!({"a": 1, "b": {}}), "{\n  \"a\" : 1,\n  \"b\" : { }\n}");
        check(
            json!({"hits": {"total": {"value": 1}, "hits": [{"x": [1.5, null]}, {}]}, "ok": true}),
            "{\n  \"hits\" : {\n    \"total\" : {\n      \"value\" : 1\n    },\n    \"hits\" : [\n      {\n        \"x\" : [\n          \
             1.5,\n          null\n        ]\n      },\n      { }\n    ]\n  },\n  \"ok\" : true\n}",
        );
    }
}
