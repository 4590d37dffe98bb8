//! What the columns of a table are called and hold, by its first rows.

use crate::time_forms::TimeForm;
use std::{collections::HashMap, net::IpAddr};

/// Longest name of a column, in bytes.
const NAME_MAX_BYTES: usize = 256;
/// Longest cell that is taken for a name in a header, in bytes.
const HEADER_CELL_MAX_BYTES: usize = 64;
/// Most cells of a row beyond the columns of its table that are fields of their own. What follows them stays one text with
/// the last: rows must not bring as many new fields as they like.
const MORE_CELLS_MAX: usize = 16;
/// Most digits of a whole number: beyond, a number in JSON is not exact everywhere.
const DIGITS_MAX: usize = 15;
/// Names of columns that hold the time of a row, without their case and signs; the earlier ones first.
const TIME_NAMES: [&str; 24] = [
    "timestamp",
    "time",
    "datetime",
    "ts",
    "eventtime",
    "logtime",
    "occurredat",
    "createdat",
    "created",
    "createddate",
    "creationdate",
    "orderdate",
    "orderedat",
    "purchasedate",
    "transactiondate",
    "transactiontime",
    "paymentdate",
    "loggedat",
    "recordedat",
    "receivedat",
    "date",
    "day",
    "updatedat",
    "startedat",
];
/// Columns that give way to `@timestamp`: pipelines look for the time there.
const TIME_FIELDS: [&str; 5] = ["@timestamp", "timestamp", "time", "ts", "date"];

/// What the cells of a column are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ColumnKind {
    Text,
    Whole,
    Fraction,
    /// With a comma before the decimals.
    FractionComma,
    Boolean,
    /// Addresses; written as text.
    Address,
}

/// A column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Column {
    pub(crate) name: String,
    pub(crate) kind: ColumnKind,
}

impl ColumnKind {
    /// Its name, as in a mapping.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Whole => "long",
            Self::Fraction | Self::FractionComma => "double",
            Self::Boolean => "boolean",
            Self::Address => "ip",
        }
    }

    /// The kind that all these cells are of; empty ones say nothing.
    pub(super) fn of<'c>(cells: impl Iterator<Item = &'c str> + Clone, delimiter: u8) -> Self {
        let mut cells = cells.map(str::trim).filter(|cell| !cell.is_empty()).peekable();
        if cells.peek().is_none() {
            return Self::Text;
        }
        let all = |test: &dyn Fn(&str) -> bool| cells.clone().all(test);
        if all(&is_whole) {
            Self::Whole
        } else if all(&|cell| is_whole(cell) || is_fraction(cell, '.')) {
            Self::Fraction
        } else if delimiter != b',' && all(&|cell| is_whole(cell) || is_fraction(cell, ',')) {
            Self::FractionComma
        } else if all(&|cell| boolean(cell).is_some()) {
            Self::Boolean
        } else if all(&|cell| cell.parse::<IpAddr>().is_ok()) {
            Self::Address
        } else {
            Self::Text
        }
    }
}

/// A number as JSON has them, or nearly: no leading zero (that is a code), no sign but minus.
pub(super) fn is_whole(cell: &str) -> bool {
    let digits = cell.strip_prefix('-').unwrap_or(cell);
    let leading = digits.len() > 1 && digits.starts_with('0');
    !digits.is_empty() && digits.len() <= DIGITS_MAX && !leading && digits.bytes().all(|b| b.is_ascii_digit())
}

fn is_fraction(cell: &str, point: char) -> bool {
    let Some((whole, decimals)) = cell.split_once(point) else { return false };
    let decimal =
        !decimals.is_empty() && decimals.len() <= DIGITS_MAX && decimals.bytes().all(|b| b.is_ascii_digit());
    decimal && (is_whole(whole) || whole == "-0")
}

pub(super) fn boolean(cell: &str) -> Option<bool> {
    match cell {
        "true" | "True" | "TRUE" => Some(true),
        "false" | "False" | "FALSE" => Some(false),
        _ => None,
    }
}

/// Whether a row is a header over the others: names, where the others have something else.
pub(super) fn is_header(
    first: &[String],
    kinds: &[ColumnKind],
    others: &[Vec<String>],
    delimiter: u8,
) -> bool {
    let empty = first.iter().filter(|cell| cell.trim().is_empty()).count();
    let named = first.iter().all(|cell| cell.trim().is_empty() || is_name(cell.trim()));
    if !named || empty * 4 > first.len() {
        return false;
    }
    let column = |place: usize| others.iter().filter_map(move |row| row.get(place)).map(|cell| cell.trim());
    let differs = kinds.iter().enumerate().any(|(place, kind)| {
        *kind != ColumnKind::Text || {
            let cells: Vec<&str> = column(place).filter(|cell| !cell.is_empty()).collect();
            TimeForm::of_all(&cells).is_some()
        }
    });
    if differs {
        return true;
    }
    // Nothing but text: the names must look like names.
    let words = first.iter().filter(|cell| !cell.contains(' ')).count();
    let repeated =
        first.iter().enumerate().any(|(place, name)| column(place).any(|cell| cell == name.trim()));
    (first.len() >= 3 || delimiter == b'\t') && words * 2 >= first.len() && !repeated
}

fn is_name(cell: &str) -> bool {
    let sign = |c: char| c.is_alphanumeric() || " _-.@#/()[]%$€&+:?\"'".contains(c);
    cell.len() <= HEADER_CELL_MAX_BYTES
        && cell.starts_with(|c: char| c.is_alphabetic() || "_@#".contains(c))
        && cell.chars().all(sign)
        && boolean(cell).is_none()
        && TimeForm::at_start(cell).is_none()
        && cell.parse::<IpAddr>().is_err()
}

/// The names of a header as fields can be called: none empty, none twice, none that stands for something else.
pub(super) fn names(header: &[String]) -> Names {
    let mut names = Names::default();
    for (place, cell) in header.iter().enumerate() {
        let mut name = cell.trim().trim_start_matches('_');
        name = &name[..name.floor_char_boundary(NAME_MAX_BYTES)];
        // Dots part the names of objects: there must be something between them.
        let dotted = name.split('.').any(str::is_empty);
        let name = if name.is_empty() {
            nameless(place)
        } else if dotted {
            name.replace('.', "_")
        } else {
            name.to_owned()
        };
        names.add(name);
    }
    names
}

/// Names of which none comes twice.
#[derive(Default)]
pub(super) struct Names {
    all: Vec<String>,
    /// The number that the next of that name gets.
    taken: HashMap<String, usize>,
}

impl Names {
    /// Adds a name; one that is there already gets a number.
    pub(super) fn add(&mut self, name: String) {
        let mut number = self.taken.get(&name).copied().unwrap_or(1);
        let mut unique = name.clone();
        while number > 1 && self.taken.contains_key(&unique) {
            unique = format!("{name}_{number}");
            number += 1;
        }
        self.taken.insert(name, number.max(2));
        self.taken.entry(unique.clone()).or_insert(2);
        self.all.push(unique);
    }

    /// The names, and those of the cells that rows may have beyond.
    pub(super) fn with_more(mut self) -> (Vec<String>, Vec<String>) {
        let known = self.all.len();
        (known..known + MORE_CELLS_MAX).for_each(|place| self.add(nameless(place)));
        let more = self.all.split_off(known);
        (self.all, more)
    }
}

/// What a column without a name is called.
fn nameless(place: usize) -> String {
    format!("column{}", place + 1)
}

/// Which column holds the time of a row, and in what form: by its name, else the first with a day and a time of day.
pub(super) fn time_column(columns: &[Column], rows: &[Vec<String>]) -> Option<(usize, &'static TimeForm)> {
    let form = |place: usize| {
        let cells = rows.iter().filter_map(|row| row.get(place)).map(|cell| cell.trim());
        let cells: Vec<&str> = cells.filter(|cell| !cell.is_empty()).collect();
        TimeForm::of_all(&cells).filter(|form| form.has_year())
    };
    if let Some(place) = columns.iter().position(|column| column.name == "@timestamp") {
        return Some((place, form(place)?));
    }
    let plain = |name: &str| {
        name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect::<String>()
    };
    let rank = |column: &Column| TIME_NAMES.iter().position(|name| *name == plain(&column.name));
    let mut named: Vec<(usize, usize)> =
        columns.iter().enumerate().filter_map(|(place, column)| Some((rank(column)?, place))).collect();
    named.sort_unstable();
    let by_name = named.into_iter().find_map(|(_, place)| Some((place, form(place)?)));
    by_name.or_else(|| {
        let timed = |(place, column): (usize, &Column)| {
            let form = (column.kind == ColumnKind::Text).then(|| form(place)).flatten()?;
            form.is_instant().then_some((place, form))
        };
        columns.iter().enumerate().find_map(timed)
    })
}

/// Whether a column of that name gives way to `@timestamp` when it is the time.
pub(super) fn gives_way(name: &str) -> bool {
    TIME_FIELDS.contains(&name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_what_all_cells_are() {
        let check = |cells: &[&str], delimiter: u8, expected: ColumnKind| {
            assert_eq!(ColumnKind::of(cells.iter().copied(), delimiter), expected, "{cells:?}");
        };
        check(&["1", "-20", ""], b',', ColumnKind::Whole);
        check(&["0", "0.50", "-0.5"], b',', ColumnKind::Fraction);
        check(&["1,5", "2"], b';', ColumnKind::FractionComma);
        check(&["1,5", "2"], b',', ColumnKind::Text);
        check(&["01234", "1"], b',', ColumnKind::Text);
        check(&["1e9"], b',', ColumnKind::Text);
        check(&["4111111111111111"], b',', ColumnKind::Text);
        check(&["true", "FALSE"], b',', ColumnKind::Boolean);
        check(&["192.0.2.1", "::1"], b',', ColumnKind::Address);
        check(&["a", "1"], b',', ColumnKind::Text);
        check(&["", ""], b',', ColumnKind::Text);
    }

    #[test]
    fn names_are_made_usable() {
        let check = |header: &[&str], expected: &[&str]| {
            let header: Vec<String> = header.iter().map(|&cell| cell.to_owned()).collect();
            assert_eq!(names(&header).with_more().0, expected);
        };
        check(&["a", "", " b ", "a", "a", "column2"], &["a", "column2", "b", "a_2", "a_3", "column2_2"]);
        check(&["a", "a_2", "a", "a"], &["a", "a_2", "a_3", "a_4"]);
        check(&["_id", "_", "user.name", "a..b", ".c"], &["id", "column2", "user.name", "a__b", "_c"]);
    }
}
