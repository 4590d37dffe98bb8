//! Rows of comma-separated values (RFC 4180) that a spreadsheet can open without running anything.

use event::Object;
use serde_json::Value;

/// Adds a row.
pub(super) fn write_row<T: AsRef<str>>(out: &mut Vec<u8>, cells: impl IntoIterator<Item = T>) {
    for (number, cell) in cells.into_iter().enumerate() {
        if number > 0 {
            out.push(b',');
        }
        write_cell(out, cell.as_ref());
    }
    out.extend_from_slice(b"\r\n");
}

fn write_cell(out: &mut Vec<u8>, cell: &str) {
    if cell.contains([',', '"', '\n', '\r']) {
        out.push(b'"');
        out.extend_from_slice(cell.replace('"', "\"\"").as_bytes());
        out.push(b'"');
    } else {
        out.extend_from_slice(cell.as_bytes());
    }
}

/// The value of a field as a cell. Texts that a spreadsheet would take for a formula get a leading apostrophe (OWASP,
/// "CSV Injection"); numbers stay numbers.
pub(super) fn cell(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => guard(text),
        Some(Value::Array(items)) if items.iter().all(|item| !item.is_object() && !item.is_array()) => {
            let items: Vec<String> = items
                .iter()
                .map(|item| item.as_str().map_or_else(|| item.to_string(), str::to_owned))
                .collect();
            guard(&items.join("; "))
        }
        Some(other) => other.to_string(),
    }
}

/// The name of a column: guarded like a cell, as clients name fields; but for the one that every event has.
pub(super) fn header(name: &str) -> String {
    if name == "@timestamp" { name.to_owned() } else { guard(name) }
}

fn guard(text: &str) -> String {
    if text.starts_with(['=', '+', '-', '@', '\t', '\r']) { format!("'{text}") } else { text.to_owned() }
}

/// The value at a dotted path, whether its members are nested or written with dots.
pub(super) fn lookup<'o>(object: &'o Object, path: &str) -> Option<&'o Value> {
    if let Some(value) = object.get(path) {
        return Some(value);
    }
    path.match_indices('.').find_map(|(at, _)| {
        let inner = object.get(&path[..at])?.as_object()?;
        lookup(inner, &path[at + 1..])
    })
}

/// The dotted paths of all values of an object that are not objects themselves.
pub(super) fn paths(object: &Object, prefix: &str, out: &mut Vec<String>) {
    for (key, value) in object {
        let path = if prefix.is_empty() { key.clone() } else { format!("{prefix}.{key}") };
        match value {
            Value::Object(inner) if !inner.is_empty() => paths(inner, &path, out),
            _ => out.push(path),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn cells() {
        let check = |value: Value, expected: &str| assert_eq!(cell(Some(&value)), expected, "{value}");
        check(json!(null), "");
        check(json!("plain"), "plain");
        check(json!(-5), "-5");
        check(json!(true), "true");
        check(json!("=1+1"), "'=1+1");
        check(json!("-5"), "'-5");
        check(json!("@SUM(A1)"), "'@SUM(A1)");
        check(json!("\tx"), "'\tx");
        check(json!(["a", 1]), "a; 1");
        check(json!(["=a"]), "'=a");
        check(json!([{"a": 1}]), r#"[{"a":1}]"#);
    }

    #[test]
    fn paths_and_lookups_agree() {
        let Value::Object(object) = json!({"a": {"b": {"c": 1}, "d.e": 2}, "f": {}, "g.h": 3}) else {
            unreachable!()
        };
        let mut found = Vec::new();
        paths(&object, "", &mut found);
        assert_eq!(found, ["a.b.c", "a.d.e", "f", "g.h"]);
        assert!(found.iter().all(|path| lookup(&object, path).is_some()));
        assert_eq!(lookup(&object, "a.b.x"), None);
    }

    proptest! {
        #[test]
        fn rows_read_back(cells in proptest::collection::vec("[a-z,\"\n\r ]{0,8}", 1..5)) {
            let mut out = Vec::new();
            write_row(&mut out, &cells);
            prop_assert_eq!(read_row(&String::from_utf8(out).unwrap()), cells);
        }
    }

    /// A reader of one row, written independently.
    fn read_row(text: &str) -> Vec<String> {
        let mut rest = text.strip_suffix("\r\n").unwrap();
        let mut cells = Vec::new();
        loop {
            let mut cell = String::new();
            if let Some(quoted) = rest.strip_prefix('"') {
                let mut at = 0;
                while let Some(quote) = quoted[at..].find('"') {
                    cell.push_str(&quoted[at..at + quote]);
                    at += quote + 1;
                    if !quoted[at..].starts_with('"') {
                        break;
                    }
                    cell.push('"');
                    at += 1;
                }
                rest = &quoted[at..];
            } else {
                let end = rest.find(',').unwrap_or(rest.len());
                cell.push_str(&rest[..end]);
                rest = &rest[end..];
            }
            cells.push(cell);
            match rest.strip_prefix(',') {
                Some(next) => rest = next,
                None => return cells,
            }
        }
    }
}
