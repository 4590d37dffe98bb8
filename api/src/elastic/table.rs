//! The tables of `_cat`: which columns, in which order, as text or JSON.

use super::{error::ElasticError, request::Asked};
use axum::{
    Json,
    http::header,
    response::{IntoResponse, Response},
};
use event::Object;
use serde_json::Value;
use std::{cmp::Ordering, fmt::Write as _};
use store::scope::wildcard_match;

/// One column of a table whose rows are about `R`.
pub(super) struct Column<R> {
    pub(super) name: &'static str,
    /// Other names, with commas.
    pub(super) alias: &'static str,
    pub(super) help: &'static str,
    /// Whether it is shown without being asked for.
    pub(super) default: bool,
    /// Whether it is aligned to the right in text.
    pub(super) right: bool,
    /// What it says about one of them; sizes and times by [`bytes`] and [`time`].
    pub(super) cell: fn(&R) -> Value,
}

impl<R> Column<R> {
    fn is_called(&self, name: &str) -> bool {
        self.name == name || self.alias.split(',').any(|alias| !alias.is_empty() && alias == name)
    }
}

/// A table on its way to the client.
pub(super) struct Table<R: 'static> {
    columns: &'static [Column<R>],
    rows: Vec<Vec<Value>>,
    /// Number of the column, and the name that it was asked for by.
    shown: Vec<(usize, String)>,
    /// Number of the column, and whether it falls.
    order: Vec<(usize, bool)>,
    headers: bool,
    help: bool,
    json: bool,
    /// The unit of sizes; `None`: a readable one.
    unit: Option<u64>,
    /// The unit of times in nanoseconds; `None`: a readable one.
    time: Option<u64>,
}

/// Marks a size in bytes among the cells, to be written in the unit that is asked for.
const BYTES: &str = "\u{1}bytes";
/// The same for a time in nanoseconds.
const TIME: &str = "\u{1}time";
/// Units of times: their names and how many nanoseconds they have, largest first.
const TIMES: [(&str, u64); 7] = [
    ("d", 86_400_000_000_000),
    ("h", 3_600_000_000_000),
    ("m", 60_000_000_000),
    ("s", 1_000_000_000),
    ("ms", 1_000_000),
    ("micros", 1_000),
    ("nanos", 1),
];

/// A size in bytes, as a cell.
pub(super) fn bytes(size: u64) -> Value {
    Value::Array(vec![BYTES.into(), size.into()])
}

/// A time in nanoseconds, as a cell.
pub(super) fn time(nanos: u64) -> Value {
    Value::Array(vec![TIME.into(), nanos.into()])
}

impl<R> Table<R> {
    /// Takes `h`, `s`, `v`, `help`, `format`, `bytes`, `time` from the request.
    pub(super) fn new(asked: &mut Asked, columns: &'static [Column<R>]) -> Result<Self, ElasticError> {
        let find = |name: &str| columns.iter().position(|column| column.is_called(name));
        let shown = match asked.take("h") {
            None => {
                let default = columns.iter().enumerate().filter(|(_, column)| column.default);
                default.map(|(at, column)| (at, column.name.to_owned())).collect()
            }
            Some(wanted) => wanted
                .split(',')
                .map(str::trim)
                .flat_map(|name| match name.contains('*') {
                    true => columns
                        .iter()
                        .enumerate()
                        .filter(|(_, column)| wildcard_match(name, column.name))
                        .map(|(at, column)| (at, column.name.to_owned()))
                        .collect(),
                    false => find(name).map(|at| (at, name.to_owned())).into_iter().collect::<Vec<_>>(),
                })
                .collect(),
        };
        let order = asked.take("s").unwrap_or_default();
        let order = order
            .split(',')
            .filter(|key| !key.is_empty())
            .map(|key| {
                let (name, direction) = key.split_once(':').unwrap_or((key, "asc"));
                find(name).map(|at| (at, direction == "desc")).ok_or_else(|| {
                    ElasticError::illegal(format!("Unable to sort by unknown sort key `{name}`"))
                })
            })
            .collect::<Result<_, _>>()?;
        let format = asked.take("format").unwrap_or_default();
        let json =
            asked.wants_json() || format.eq_ignore_ascii_case("json") || format.eq_ignore_ascii_case("yaml");
        if !json && !matches!(format.to_ascii_lowercase().as_str(), "" | "text" | "txt") {
            return Err(ElasticError::illegal(format!(
                "format [{format}] is not served, only text, json and yaml are"
            )));
        }
        let unit = match asked.take("bytes").as_deref() {
            None => None,
            Some("b") => Some(1),
            Some("k" | "kb") => Some(1 << 10),
            Some("m" | "mb") => Some(1 << 20),
            Some("g" | "gb") => Some(1 << 30),
            Some("t" | "tb") => Some(1 << 40),
            Some(other) => return Err(ElasticError::illegal(format!("unknown unit of bytes [{other}]"))),
        };
        let time = match asked.take("time") {
            None => None,
            Some(unit) => match TIMES.iter().find(|(name, _)| *name == unit) {
                Some((_, nanos)) => Some(*nanos),
                None => return Err(ElasticError::illegal(format!("unknown unit of time [{unit}]"))),
            },
        };
        let (headers, help) = (asked.flag("v", false)?, asked.flag("help", false)?);
        Ok(Self { columns, rows: Vec::new(), shown, order, headers, help, json, unit, time })
    }

    /// Adds a row.
    pub(super) fn row(&mut self, about: &R) {
        // Of columns that are not shown, too: rows may be sorted by them.
        self.rows.push(self.columns.iter().map(|column| (column.cell)(about)).collect());
    }

    /// The answer.
    pub(super) fn answer(mut self) -> Result<Response, ElasticError> {
        if self.help {
            return Ok(plain(self.help_text()));
        }
        let order = std::mem::take(&mut self.order);
        self.rows.sort_by(|a, b| {
            order.iter().fold(Ordering::Equal, |so_far, (at, falls)| {
                let ordering = compare(a.get(*at), b.get(*at));
                so_far.then(if *falls { ordering.reverse() } else { ordering })
            })
        });
        if self.json {
            return Ok(Json(self.objects()).into_response());
        }
        Ok(plain(self.text()))
    }

    fn cell(&self, value: Option<&Value>) -> Option<String> {
        match value? {
            Value::Null => None,
            Value::String(text) => Some(text.clone()),
            Value::Array(parts) if parts.first().is_some_and(|mark| mark == BYTES) => {
                let size = parts.get(1).and_then(Value::as_u64).unwrap_or(0);
                Some(self.unit.map_or_else(|| readable(size), |unit| (size / unit).to_string()))
            }
            Value::Array(parts) if parts.first().is_some_and(|mark| mark == TIME) => {
                let nanos = parts.get(1).and_then(Value::as_u64).unwrap_or(0);
                Some(self.time.map_or_else(|| readable_time(nanos), |unit| (nanos / unit).to_string()))
            }
            other => Some(other.to_string()),
        }
    }

    fn objects(&self) -> Value {
        let object = |row: &Vec<Value>| -> Value {
            let members = self
                .shown
                .iter()
                .map(|(at, name)| (name.clone(), self.cell(row.get(*at)).map_or(Value::Null, Value::String)));
            Value::Object(members.collect::<Object>())
        };
        self.rows.iter().map(object).collect()
    }

    fn text(&self) -> String {
        let mut lines: Vec<Vec<String>> = Vec::with_capacity(self.rows.len() + 1);
        if self.headers {
            lines.push(self.shown.iter().map(|(_, name)| name.clone()).collect());
        }
        for row in &self.rows {
            lines
                .push(self.shown.iter().map(|(at, _)| self.cell(row.get(*at)).unwrap_or_default()).collect());
        }
        let width = |column: usize| lines.iter().map(|line| line[column].chars().count()).max().unwrap_or(0);
        let widths: Vec<usize> = (0..self.shown.len()).map(width).collect();
        let mut out = String::new();
        for line in &lines {
            for (at, cell) in line.iter().enumerate() {
                let is_last = at + 1 == line.len();
                let right = self.columns.get(self.shown[at].0).is_some_and(|column| column.right);
                // Writing to a text cannot fail.
                let _ = match (right, is_last) {
                    (true, _) => write!(out, "{cell:>width$}", width = widths[at]),
                    (false, true) => write!(out, "{cell}"),
                    (false, false) => write!(out, "{cell:<width$}", width = widths[at]),
                };
                if !is_last {
                    out.push(' ');
                }
            }
            out.push('\n');
        }
        out
    }

    fn help_text(&self) -> String {
        let alias = |column: &Column<R>| if column.alias.is_empty() { "-" } else { column.alias };
        let names = self.columns.iter().map(|column| column.name.len()).max().unwrap_or(0);
        let aliases = self.columns.iter().map(|column| alias(column).len()).max().unwrap_or(0);
        let mut out = String::new();
        for column in self.columns {
            let (name, alias, help) = (column.name, alias(column), column.help);
            let _ = writeln!(out, "{name:<names$} | {alias:<aliases$} | {help} ");
        }
        out
    }
}

fn plain(text: String) -> Response {
    ([(header::CONTENT_TYPE, "text/plain; charset=UTF-8")], text).into_response()
}

fn compare(a: Option<&Value>, b: Option<&Value>) -> Ordering {
    let number = |value: Option<&Value>| match value? {
        Value::Array(parts) => parts.get(1)?.as_f64(),
        other => other.as_f64(),
    };
    match (number(a), number(b)) {
        (Some(a), Some(b)) => a.total_cmp(&b),
        _ => {
            let text = |value: Option<&Value>| value.and_then(Value::as_str).map(str::to_owned);
            text(a).cmp(&text(b))
        }
    }
}

/// A size with a unit, one decimal cut off, as Elasticsearch writes it: `1.2kb`.
pub(super) fn readable(size: u64) -> String {
    const UNITS: [&str; 6] = ["b", "kb", "mb", "gb", "tb", "pb"];
    let mut tenths = u128::from(size) * 10;
    let mut unit = 0;
    while tenths >= 10_240 && unit + 1 < UNITS.len() {
        tenths /= 1_024;
        unit += 1;
    }
    let (whole, tenth) = (tenths / 10, tenths % 10);
    if tenth == 0 { format!("{whole}{}", UNITS[unit]) } else { format!("{whole}.{tenth}{}", UNITS[unit]) }
}

/// A time in the largest unit that it fills, one decimal cut off: `1.5s`.
fn readable_time(nanos: u64) -> String {
    let Some((name, unit)) = TIMES.iter().find(|(_, unit)| nanos >= *unit) else { return "0s".to_owned() };
    let tenths = u128::from(nanos) * 10 / u128::from(*unit);
    let (whole, tenth) = (tenths / 10, tenths % 10);
    if tenth == 0 { format!("{whole}{name}") } else { format!("{whole}.{tenth}{name}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times() {
        let check = |nanos, expected: &str| assert_eq!(readable_time(nanos), expected);
        check(0, "0s");
        check(999, "999nanos");
        check(1_500_000_000, "1.5s");
        check(7_200_000_000_000, "2h");
    }

    #[test]
    fn sizes() {
        let check = |size, expected: &str| assert_eq!(readable(size), expected);
        check(0, "0b");
        check(1_023, "1023b");
        check(1_024, "1kb");
        check(1_290, "1.2kb");
        check(5 << 30, "5gb");
    }

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        const COLUMNS: &[Column<(&str, u64)>] = &[
            Column {
                name: "index",
                alias: "i",
                help: "name",
                default: true,
                right: false,
                cell: |(name, _)| (*name).into(),
            },
            Column {
                name: "docs",
                alias: "",
                help: "count",
                default: true,
                right: true,
                cell: |(_, count)| (*count).into(),
            },
        ];
        let mut table = Table {
            columns: COLUMNS,
            rows: Vec::new(),
            shown: vec![(0, "i".to_owned()), (1, "docs".to_owned())],
            order: Vec::new(),
            headers: true,
            help: false,
            json: false,
            unit: None,
            time: None,
        };
        for row in [("a", 5), ("longer", 1234)] {
            table.row(&row);
        }
        assert_eq!(table.text(), "i      docs\na         5\nlonger 1234\n");
        assert_eq!(table.help_text(), "index | i | name \ndocs  | - | count \n");
    }
}
