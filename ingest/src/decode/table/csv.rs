//! Separated values (RFC 4180): commas, tabs, semicolons or bars; fields in quotes may hold any of these and line ends.

use super::{
    super::{
        DecodeError, Limits, RawRecord, Source,
        joined::{JoinRule, Joined},
        lines::Lines,
    },
    ObjectWriter,
    columns::{self, Column, ColumnKind},
};
use crate::time_forms::TimeForm;
use memchr::memchr;
use std::borrow::Cow;

const DELIMITERS: [u8; 4] = [b',', b'\t', b';', b'|'];
const QUOTE: u8 = b'"';
/// Rows by which a table is recognised and its columns are known.
const SNIFF_ROWS: usize = 200;
/// A table has at least one in so many rows of another width than its first.
const ODD_ROWS_SHARE: usize = 10;

/// A table as its first rows show it.
#[derive(Clone)]
pub(crate) struct Csv {
    pub(crate) delimiter: u8,
    /// Whether the first row holds the names of the columns.
    pub(crate) has_header: bool,
    pub(crate) columns: Vec<Column>,
    /// Names for the cells of rows that are longer.
    more: Vec<String>,
    /// The column that holds the time of a row.
    pub(crate) time: Option<(usize, &'static TimeForm)>,
}

impl Csv {
    /// Recognises a table by the start of a text; `all` if that is all of it.
    pub(crate) fn sniff(sample: &[u8], all: bool, limits: &Limits) -> Option<Self> {
        let text = sample.trim_ascii_start();
        if matches!(text.first(), None | Some(b'{' | b'[' | b'<')) {
            return None;
        }
        let tables =
            DELIMITERS.iter().filter_map(|delimiter| Self::parted_by(*delimiter, sample, all, limits));
        // The first of those with most columns.
        tables.reduce(|best, other| if other.columns.len() > best.columns.len() { other } else { best })
    }

    fn parted_by(delimiter: u8, sample: &[u8], all: bool, limits: &Limits) -> Option<Self> {
        memchr(delimiter, sample)?;
        let mut rows = first_rows(delimiter, sample, all, limits);
        let width = rows.first()?.len();
        let odd = rows.iter().filter(|row| row.len() != width).count();
        if rows.len() < 2 || width < 2 || width > limits.columns_max || odd * ODD_ROWS_SHARE > rows.len() {
            return None;
        }
        let first = rows.remove(0);
        let kinds = kinds(&rows, width, delimiter);
        let has_header = columns::is_header(&first, &kinds, &rows, delimiter);
        let (names, kinds) = if has_header {
            (columns::names(&first), kinds)
        } else {
            rows.insert(0, first);
            let kinds = self::kinds(&rows, width, delimiter);
            if !is_plain_table(&rows, &kinds, odd) {
                return None;
            }
            (columns::names(&vec![String::new(); width]), kinds)
        };
        let (names, more) = names.with_more();
        let columns: Vec<Column> =
            names.into_iter().zip(kinds).map(|(name, kind)| Column { name, kind }).collect();
        let time = columns::time_column(&columns, &rows);
        Some(Self { delimiter, has_header, columns, more, time })
    }

    /// Writes a row as a JSON object. Empty cells are left out; a cell that is not what its column is stays text.
    fn object(&self, row: &[u8], out: &mut Vec<u8>) {
        let text = String::from_utf8_lossy(row);
        let mut object = ObjectWriter::begin(out);
        let mut cells = Cells { rest: Some(&text), delimiter: self.delimiter };
        for (place, column) in self.columns.iter().enumerate() {
            let Some(cell) = cells.next() else { break };
            let trimmed = cell.trim();
            if trimmed.is_empty() {
                continue;
            }
            if let Some((_, form)) = self.time.filter(|(time, _)| *time == place) {
                match form.read_with_year(trimmed) {
                    Some(time) => object.member("@timestamp", time.to_string()),
                    None => object.member("@timestamp", trimmed),
                }
                if columns::gives_way(&column.name) {
                    continue;
                }
            }
            write_cell(&mut object, column, &cell, trimmed);
        }
        for (place, name) in self.more.iter().enumerate() {
            let cell = if place + 1 < self.more.len() { cells.next() } else { cells.rest.map(Cow::Borrowed) };
            match cell {
                None => break,
                Some(cell) if cell.trim().is_empty() => {}
                Some(cell) => object.member(name, cell),
            }
        }
        object.end();
    }
}

fn write_cell(object: &mut ObjectWriter<'_>, column: &Column, cell: &str, trimmed: &str) {
    let name = column.name.as_str();
    match column.kind {
        ColumnKind::Whole | ColumnKind::Fraction if columns::is_whole(trimmed) => {
            if let Ok(number) = trimmed.parse::<i64>() {
                return object.member(name, number);
            }
        }
        ColumnKind::Fraction => {
            if let Some(number) = fraction(trimmed) {
                return object.member(name, number);
            }
        }
        ColumnKind::FractionComma => {
            if let Some(number) = fraction(&trimmed.replace(',', ".")) {
                return object.member(name, number);
            }
        }
        ColumnKind::Boolean => {
            if let Some(value) = columns::boolean(trimmed) {
                return object.member(name, value);
            }
        }
        ColumnKind::Address => return object.member(name, trimmed),
        ColumnKind::Whole | ColumnKind::Text => {}
    }
    object.member(name, cell);
}

/// A number with digits and a point only: what Rust reads beyond (`inf`, `1e9`) is text here.
fn fraction(text: &str) -> Option<f64> {
    let plain = text.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'-'));
    plain.then(|| text.parse().ok()).flatten()
}

/// Whether rows without a header are a table all the same: all alike, and at least half of the columns not mere text.
fn is_plain_table(rows: &[Vec<String>], kinds: &[ColumnKind], odd: usize) -> bool {
    let typed = |(place, kind): (usize, &ColumnKind)| {
        *kind != ColumnKind::Text || {
            let cells: Vec<&str> =
                rows.iter().map(|row| row.get(place).map_or("", |cell| cell.trim())).collect();
            TimeForm::of_all(&cells).is_some()
        }
    };
    let typed = kinds.iter().enumerate().filter(|column| typed(*column)).count();
    kinds.len() >= 3 && rows.len() >= 3 && odd == 0 && typed * 2 >= kinds.len()
}

fn kinds(rows: &[Vec<String>], width: usize, delimiter: u8) -> Vec<ColumnKind> {
    let cells = |place: usize| rows.iter().filter_map(move |row| row.get(place)).map(String::as_str);
    (0..width).map(|place| ColumnKind::of(cells(place), delimiter)).collect()
}

/// The first rows of a sample; the last of a part is left out, for it is cut.
fn first_rows(delimiter: u8, sample: &[u8], all: bool, limits: &Limits) -> Vec<Vec<String>> {
    let mut joined = Joined::new(Lines::new(sample, 0, 0, limits), JoinRule::Quotes(delimiter), limits);
    let mut rows = Vec::new();
    while let Ok(Some(record)) = joined.next() {
        let text = String::from_utf8_lossy(record.bytes);
        let cells = Cells { rest: Some(&text), delimiter };
        rows.push(cells.take(limits.columns_max + 1).map(Cow::into_owned).collect());
        if rows.len() > SNIFF_ROWS {
            break;
        }
    }
    if !all && rows.len() <= SNIFF_ROWS {
        rows.pop();
    }
    rows
}

/// The fields of a row.
struct Cells<'r> {
    rest: Option<&'r str>,
    delimiter: u8,
}

impl<'r> Iterator for Cells<'r> {
    type Item = Cow<'r, str>;

    fn next(&mut self) -> Option<Cow<'r, str>> {
        let rest = self.rest.take()?;
        let bytes = rest.as_bytes();
        if bytes.first() != Some(&QUOTE) {
            let end = memchr(self.delimiter, bytes).unwrap_or(bytes.len());
            self.rest = rest.get(end + 1..);
            return Some(Cow::Borrowed(&rest[..end]));
        }
        let mut cell = String::new();
        let mut at = 1;
        loop {
            let Some(quote) = memchr(QUOTE, &bytes[at..]).map(|found| at + found) else {
                // Never closed: then it is a sign like any other.
                let end = memchr(self.delimiter, bytes).unwrap_or(bytes.len());
                self.rest = rest.get(end + 1..);
                return Some(Cow::Borrowed(&rest[..end]));
            };
            cell.push_str(&rest[at..quote]);
            at = quote + 1;
            if bytes.get(at) != Some(&QUOTE) {
                break;
            }
            cell.push('"');
            at += 1;
        }
        // What follows the closing quote belongs to the field, as spreadsheets read it.
        let end = memchr(self.delimiter, &bytes[at..]).map_or(bytes.len(), |found| at + found);
        cell.push_str(&rest[at..end]);
        self.rest = rest.get(end + 1..);
        Some(Cow::Owned(cell))
    }
}

/// Whether a quoted field is open at the end of a line; `open`: one is at its start.
pub(in crate::decode) fn open_quote(line: &[u8], delimiter: u8, open: bool) -> bool {
    if memchr(QUOTE, line).is_none() {
        return open;
    }
    let (mut open, mut at_start) = (open, !open);
    let mut bytes = line.iter().peekable();
    while let Some(byte) = bytes.next() {
        if open {
            if *byte == QUOTE && bytes.next_if(|next| **next == QUOTE).is_none() {
                open = false;
            }
        } else {
            open = at_start && *byte == QUOTE;
            at_start = *byte == delimiter;
        }
    }
    open
}

/// The rows of a table, each as a JSON object.
pub(in crate::decode) struct CsvRows<S> {
    rows: Joined<S>,
    table: Csv,
    object: Vec<u8>,
}

impl<S: Source> CsvRows<S> {
    /// Reads on from where the lines stand; `at_start`: at the start of the text, where the header is.
    pub(in crate::decode) fn open(
        table: Csv,
        lines: Lines<S>,
        at_start: bool,
        limits: &Limits,
    ) -> Result<Self, DecodeError> {
        let mut rows = Joined::new(lines, JoinRule::Quotes(table.delimiter), limits);
        if at_start && table.has_header {
            rows.next()?;
        }
        Ok(Self { rows, table, object: Vec::new() })
    }

    pub(in crate::decode) fn table(&self) -> &Csv {
        &self.table
    }

    pub(in crate::decode) fn next(&mut self) -> Result<Option<RawRecord<'_>>, DecodeError> {
        let Some(row) = self.rows.next()? else { return Ok(None) };
        if row.is_too_long() {
            return Ok(Some(row));
        }
        self.table.object(row.bytes, &mut self.object);
        let length = self.object.len() as u64;
        Ok(Some(RawRecord { bytes: &self.object, length, ..row }))
    }

    pub(in crate::decode) fn rest(&self) -> Option<RawRecord<'_>> {
        self.rows.rest()
    }

    pub(in crate::decode) fn position(&self) -> (u64, u64) {
        self.rows.position()
    }
}

#[cfg(test)]
mod tests;
