//! Tables in text: rows become JSON objects by the names of their columns, so that a record says all there is to it
//! wherever it goes (a pipeline, a dead letter, a replay) without the head of its file.

mod columns;
mod csv;
mod w3c;

pub(crate) use columns::Column;
pub(crate) use csv::Csv;
pub(super) use csv::{CsvRows, open_quote};
pub(super) use w3c::{W3cRows, is_w3c};

use serde::Serialize;

/// Writes the members of one JSON object.
struct ObjectWriter<'o> {
    out: &'o mut Vec<u8>,
}

impl<'o> ObjectWriter<'o> {
    fn begin(out: &'o mut Vec<u8>) -> Self {
        out.clear();
        out.push(b'{');
        Self { out }
    }

    fn member(&mut self, name: &str, value: impl Serialize) {
        if self.out.len() > 1 {
            self.out.push(b',');
        }
        self.write(name);
        self.out.push(b':');
        self.write(value);
    }

    fn write(&mut self, value: impl Serialize) {
        serde_json::to_writer(&mut *self.out, &value).expect("texts and numbers can be written to memory");
    }

    fn end(self) {
        self.out.push(b'}');
    }
}
