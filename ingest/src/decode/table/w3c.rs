//! W3C extended log files (<https://www.w3.org/TR/WD-logfile.html>): `#Fields` names the columns, and may do so anew at any
//! line.

use super::{
    super::{DecodeError, Limits, RawRecord, Source, lines::Lines},
    ObjectWriter,
    columns::{Names, is_whole},
};

/// Longest name of a field, in bytes.
const NAME_MAX_BYTES: usize = 256;
/// Fields that are numbers.
const NUMBERS: [&str; 8] = [
    "sc-status",
    "sc-substatus",
    "sc-win32-status",
    "sc-bytes",
    "cs-bytes",
    "time-taken",
    "s-port",
    "c-port",
];

/// Whether a text begins as such a file does.
pub(in crate::decode) fn is_w3c(sample: &[u8]) -> bool {
    let lines = sample.split(|byte| matches!(byte, b'\n' | b'\r')).map(<[u8]>::trim_ascii);
    let mut directives = lines.filter(|line| !line.is_empty()).take_while(|line| line.starts_with(b"#"));
    directives.any(|line| directive(line, b"#Fields:").is_some())
}

/// The rest of a line that begins with this directive, in any case.
fn directive<'l>(line: &'l [u8], name: &[u8]) -> Option<&'l [u8]> {
    let (start, rest) = line.split_at_checked(name.len())?;
    start.eq_ignore_ascii_case(name).then(|| rest.trim_ascii())
}

/// The requests of such a file, each as a JSON object by the names of `#Fields`. Day and time become `@timestamp` (they
/// are UTC by the format); values that are `-` are left out.
pub(in crate::decode) struct W3cRows<S> {
    lines: Lines<S>,
    head: Head,
    object: Vec<u8>,
    columns_max: usize,
}

/// What the directives so far say.
#[derive(Default)]
struct Head {
    fields: Vec<String>,
    /// Names for the values of lines that are longer.
    more: Vec<String>,
    /// Day of `#Date`, for files whose records have a time only.
    day: String,
}

impl Head {
    /// Takes a directive in.
    fn read(&mut self, line: &[u8], columns_max: usize) {
        if let Some(fields) = directive(line, b"#Fields:") {
            let names = String::from_utf8_lossy(fields);
            let mut fields = Names::default();
            for name in names.split_ascii_whitespace().take(columns_max) {
                fields.add(name[..name.floor_char_boundary(NAME_MAX_BYTES)].to_owned());
            }
            (self.fields, self.more) = fields.with_more();
        } else if let Some(date) = directive(line, b"#Date:") {
            let date = String::from_utf8_lossy(date);
            self.day = date.split_ascii_whitespace().next().unwrap_or_default().to_owned();
        }
    }

    fn object(&self, line: &str, out: &mut Vec<u8>) {
        let mut object = ObjectWriter::begin(out);
        let (mut day, mut time) = (None, None);
        let mut values = Values::of(line);
        let is_there = |value: &String| !value.is_empty() && value != "-";
        for name in &self.fields {
            let Some(value) = values.next() else { break };
            match name.as_str() {
                _ if !is_there(&value) => {}
                "date" => day = Some(value),
                "time" => time = Some(value),
                name if NUMBERS.contains(&name) => match number(&value) {
                    Some(number) => object.member(name, number),
                    None => object.member(name, value),
                },
                name => object.member(name, value),
            }
        }
        let (last, more) = self.more.split_last().map_or(("", &[][..]), |(last, more)| (last, more));
        for (name, value) in more.iter().zip(&mut values) {
            if is_there(&value) {
                object.member(name, value);
            }
        }
        if !values.rest.is_empty() {
            object.member(last, values.rest);
        }
        if self.fields.iter().any(|name| name == "@timestamp") {
            // It has its time elsewhere.
            day.into_iter().for_each(|day| object.member("date", day));
            time.into_iter().for_each(|time| object.member("time", time));
            return object.end();
        }
        match (day.as_deref().unwrap_or(&self.day), time) {
            ("", None) => {}
            ("", Some(time)) => object.member("time", time),
            (day, Some(time)) => object.member("@timestamp", format!("{day}T{time}Z")),
            (day, None) if !self.fields.iter().any(|name| name == "time") => object.member("@timestamp", day),
            (_, None) => {}
        }
        object.end();
    }
}

fn number(value: &str) -> Option<serde_json::Number> {
    if is_whole(value) {
        return value.parse::<i64>().ok().map(Into::into);
    }
    let plain = value.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    plain.then(|| value.parse().ok()).flatten().and_then(serde_json::Number::from_f64)
}

/// The values of a line: parted by tabs if it has any, else by blanks, which may stand inside quotes.
struct Values<'l> {
    rest: &'l str,
    tabs: bool,
}

impl<'l> Values<'l> {
    fn of(line: &'l str) -> Self {
        let tabs = line.contains('\t');
        // Between tabs nothing is a value too.
        Self { rest: if tabs { line } else { line.trim() }, tabs }
    }
}

impl Iterator for Values<'_> {
    type Item = String;

    fn next(&mut self) -> Option<String> {
        if self.rest.is_empty() {
            return None;
        }
        let sign = if self.tabs { '\t' } else { ' ' };
        let mut value = String::new();
        let mut quoted = self.rest.starts_with('"');
        let mut chars = self.rest.char_indices().skip(usize::from(quoted)).peekable();
        while let Some((at, c)) = chars.next() {
            if quoted && c == '"' {
                match chars.next_if(|(_, next)| *next == '"') {
                    Some(_) => value.push('"'),
                    None => quoted = false,
                }
            } else if !quoted && c == sign {
                let rest = &self.rest[at + 1..];
                self.rest = if self.tabs { rest } else { rest.trim_start_matches(' ') };
                return Some(value);
            } else {
                value.push(c);
            }
        }
        self.rest = "";
        Some(value)
    }
}

impl<S: Source> W3cRows<S> {
    /// Reads from byte `offset` of a text at whose start the lines stand: what comes before is read for its directives.
    pub(in crate::decode) fn open(
        mut lines: Lines<S>,
        offset: u64,
        limits: &Limits,
    ) -> Result<Self, DecodeError> {
        let mut head = Head::default();
        while lines.position().0 < offset {
            match lines.next()? {
                Some(line) if line.bytes.starts_with(b"#") => head.read(line.bytes, limits.columns_max),
                Some(_) => {}
                None => break,
            }
        }
        Ok(Self { lines, head, object: Vec::new(), columns_max: limits.columns_max })
    }

    pub(in crate::decode) fn next(&mut self) -> Result<Option<RawRecord<'_>>, DecodeError> {
        let (offset, line, length) = loop {
            let Some(record) = self.lines.next()? else { return Ok(None) };
            if record.bytes.starts_with(b"#") {
                self.head.read(record.bytes, self.columns_max);
                continue;
            }
            let length = record.length;
            self.object.clear();
            if record.is_too_long() || self.head.fields.is_empty() {
                self.object.extend_from_slice(record.bytes);
                break (record.offset, record.line, length);
            }
            self.head.object(&String::from_utf8_lossy(record.bytes), &mut self.object);
            break (record.offset, record.line, self.object.len() as u64);
        };
        Ok(Some(RawRecord { bytes: &self.object, offset, line, length }))
    }

    pub(in crate::decode) fn rest(&self) -> Option<RawRecord<'_>> {
        self.lines.rest()
    }

    pub(in crate::decode) fn position(&self) -> (u64, u64) {
        self.lines.position()
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::{Encoding, Framing, Limits, Peeked, Records, Resume};
    use super::*;

    const IIS: &str = "#Software: Microsoft Internet Information Services 10.0\r\n#Version: 1.0\r\n#Date: 2026-11-21 09:00:00\r\n\
        #Fields: date time cs-method cs-uri-stem c-ip sc-status time-taken cs(User-Agent)\r\n\
        2026-11-21 10:00:00 GET /a 192.0.2.1 200 15 curl/8\r\n\
        2026-11-21 10:00:01 GET \"/a b\" - 304 x -\r\n\
        #Fields: time c-ip sc-status\r\n\
        10:00:02.5 192.0.2.2 404 extra\r\n";

    fn read(text: &str, resume: Resume) -> Vec<(String, Resume)> {
        let source = Peeked::new(text.as_bytes()).unwrap();
        let limits = Limits::default();
        let mut records =
            Records::open(source, Encoding::Utf8 { mark: 0 }, resume, &limits, &Framing::Table).unwrap();
        let mut found = Vec::new();
        while let Some(record) = records.next().unwrap() {
            let text = String::from_utf8_lossy(record.bytes).into_owned();
            found.push((text, records.position()));
        }
        found
    }

    #[test]
    fn requests_are_named_by_the_fields_in_force() {
        let expected = [
            r#"{"cs-method":"GET","cs-uri-stem":"/a","c-ip":"192.0.2.1","sc-status":200,"time-taken":15,"cs(User-Agent)":"curl/8","@timestamp":"2026-11-21T10:00:00Z"}"#,
            r#"{"cs-method":"GET","cs-uri-stem":"/a b","sc-status":304,"time-taken":"x","@timestamp":"2026-11-21T10:00:01Z"}"#,
            r#"{"c-ip":"192.0.2.2","sc-status":404,"column4":"extra","@timestamp":"2026-11-21T10:00:02.5Z"}"#,
        ];
        let all = read(IIS, Resume::default());
        let texts: Vec<&str> = all.iter().map(|(text, _)| text.as_str()).collect();
        assert_eq!(texts, expected);
        for (place, (_, resume)) in all.iter().enumerate() {
            assert_eq!(read(IIS, *resume), all[place + 1..], "after record {place}");
        }
    }

    #[test]
    fn tabs_part_where_there_are_any() {
        let text =
            "#Version: 1.0\n#Fields: date\ttime\tx-edge-location\tc-ip\n2026-11-21\t10:00:00\t\t192.0.2.1\n";
        let expected = r#"{"c-ip":"192.0.2.1","@timestamp":"2026-11-21T10:00:00Z"}"#;
        assert_eq!(read(text, Resume::default())[0].0, expected);
        let text = "#Fields: a\tb\tc\n\t2\t3\n1\t\t3\n";
        let found: Vec<String> = read(text, Resume::default()).into_iter().map(|(text, _)| text).collect();
        assert_eq!(found, [r#"{"b":"2","c":"3"}"#, r#"{"a":"1","c":"3"}"#], "what is empty counts");
        assert!(!is_w3c(b"# a comment\nx\n#Fields: a\n"));
    }

    #[test]
    fn no_name_comes_twice_and_no_line_brings_many() {
        let check = |fields: &str, line: &str, expected: &str| {
            let text = format!("#Fields: {fields}\n{line}\n");
            assert_eq!(read(&text, Resume::default())[0].0, expected, "{fields}");
        };
        check("a a time time", "1 2 x y", r#"{"a":"1","a_2":"2","time_2":"y","time":"x"}"#);
        check("a column2 column3", "1 2 3 4", r#"{"a":"1","column2":"2","column3":"3","column4":"4"}"#);
        check("column2", "1 2", r#"{"column2":"1","column2_2":"2"}"#);
        check("@timestamp date time", "1 2 3", r#"{"@timestamp":"1","date":"2","time":"3"}"#);
        let long = format!("1 {}", vec!["x"; 1_000].join(" "));
        let text = format!("#Fields: a\n{long}\n");
        let object: serde_json::Value = serde_json::from_str(&read(&text, Resume::default())[0].0).unwrap();
        assert_eq!(object.as_object().unwrap().len(), 17);
        assert_eq!(object["column17"].as_str().unwrap().len(), 2 * 1_000 - 2 * 15 - 1);
    }
}
