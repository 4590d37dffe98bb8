//! Questions as SQL. Field paths are checked and become part of the text; values are always parameters.

use super::{
    super::{Condition, Find, FindCursor, Operator, StoredDocument, limits},
    schema::{Table, sort_key},
};
use crate::{ErrorKind, StoreError, sqlite::sqlite_error};
use rusqlite::{Connection, OptionalExtension, Row, params_from_iter, types::Value as SqlValue};
use serde_json::Value;
use std::fmt::Write as _;

/// Part of a WHERE clause and its parameters.
#[derive(Debug, Clone, Default)]
pub(super) struct Filter {
    pub(super) sql: String,
    pub(super) values: Vec<SqlValue>,
}

impl Filter {
    /// Documents that have not expired and meet all conditions.
    pub(super) fn new(conditions: &[Condition], now_ms: i64) -> Result<Self, StoreError> {
        if conditions.len() > limits::CONDITIONS_MAX {
            return Err(StoreError::invalid(format!(
                "{} conditions in one question, {} are allowed",
                conditions.len(),
                limits::CONDITIONS_MAX
            )));
        }
        let mut filter = Self { sql: LIVE.into(), values: vec![SqlValue::Integer(now_ms)] };
        for condition in conditions {
            filter.condition(condition)?;
        }
        Ok(filter)
    }

    fn condition(&mut self, condition: &Condition) -> Result<(), StoreError> {
        limits::check_field(&condition.field)?;
        let value = Scalar::new(&condition.field, &condition.value)?;
        let key = sort_key(&condition.field);
        let (comparison, bound) = match condition.operator {
            Operator::Equal => ("=", None),
            Operator::NotEqual => ("IS NOT", None),
            Operator::Less => ("<", value.least_of_class().map(|least| (">=", least))),
            Operator::LessOrEqual => ("<=", value.least_of_class().map(|least| (">=", least))),
            Operator::Greater => (">", value.least_of_next_class().map(|least| ("<", least))),
            Operator::GreaterOrEqual => (">=", value.least_of_next_class().map(|least| ("<", least))),
        };
        let _ = write!(self.sql, " AND {key} {comparison} {}", value.placeholder);
        // A range ends with the class of its value: texts are neither larger nor smaller than numbers.
        if let Some((comparison, least)) = bound {
            let _ = write!(self.sql, " AND {key} {comparison} {least}");
        }
        self.values.push(value.value);
        Ok(())
    }
}

/// Rows that have not expired. The `+` keeps the planner from using the index on the time, which would lose the order.
const LIVE: &str = "(+expires_ms IS NULL OR +expires_ms > ?)";

/// A value to compare with: how it is written in SQL and what is bound to it.
struct Scalar {
    class: Class,
    placeholder: &'static str,
    value: SqlValue,
}

/// Values compare within their class only. In SQLite's order, which [`sort_key`] maps them to.
enum Class {
    Number,
    Text,
    Boolean,
}

impl Scalar {
    fn new(field: &str, value: &Value) -> Result<Self, StoreError> {
        let scalar = |class, placeholder, value| Ok(Self { class, placeholder, value });
        let refused = match value {
            Value::Bool(truth) => return scalar(Class::Boolean, "?", SqlValue::Blob(vec![u8::from(*truth)])),
            Value::String(text) => return scalar(Class::Text, "?", SqlValue::Text(text.clone())),
            Value::Number(number) => match number.as_i64() {
                Some(integer) => return scalar(Class::Number, "?", SqlValue::Integer(integer)),
                // Read by the same code that reads the documents, so that equal digits are equal numbers.
                None => {
                    let digits = SqlValue::Text(number.to_string());
                    return scalar(Class::Number, "json_extract(?, '$')", digits);
                }
            },
            Value::Null => "null",
            Value::Array(_) => "an array",
            Value::Object(_) => "an object",
        };
        Err(StoreError::invalid(format!(
            "cannot compare the field {field:?} with {refused}: give a string, a number or a boolean"
        )))
    }

    /// Where the class of the value begins; numbers begin where null ends, and null compares with nothing.
    fn least_of_class(&self) -> Option<&'static str> {
        match self.class {
            Class::Number => None,
            Class::Text => Some("''"),
            Class::Boolean => Some("x''"),
        }
    }

    /// Where the class of the value ends.
    fn least_of_next_class(&self) -> Option<&'static str> {
        match self.class {
            Class::Number => Some("''"),
            Class::Text => Some("x''"),
            Class::Boolean => None,
        }
    }
}

/// A [`Find`] as one or two statements, run in order until the page is full. Two, because absent members and
/// present ones after a cursor are two ranges of the index, and one statement over both would scan it all.
pub(super) struct Plan {
    filter: Filter,
    segments: Vec<Segment>,
    limit: usize,
}

/// A range of the index and the order in which to read it.
struct Segment {
    filter: Filter,
    order: String,
}

impl Segment {
    fn new(sql: impl Into<String>, values: Vec<SqlValue>, order: impl Into<String>) -> Self {
        Self { filter: Filter { sql: sql.into(), values }, order: order.into() }
    }
}

impl Plan {
    pub(super) fn new(find: &Find, now_ms: i64) -> Result<Self, StoreError> {
        let filter = Filter::new(&find.conditions, now_ms)?;
        let key = find.sort.as_deref().map(|field| limits::check_field(field).map(|()| sort_key(field)));
        let key = key.transpose()?;
        let segments = segments(key.as_deref(), find.descending, find.after.as_ref())?;
        Ok(Self { filter, segments, limit: find.limit.min(limits::FIND_MAX) })
    }

    pub(super) fn run(
        &self,
        connection: &Connection,
        table: &Table,
    ) -> Result<Vec<StoredDocument>, StoreError> {
        let mut found = Vec::new();
        for segment in &self.segments {
            let room = self.limit - found.len();
            if room == 0 {
                break;
            }
            self.run_segment(connection, table, segment, room, &mut found)?;
        }
        Ok(found)
    }

    fn run_segment(
        &self,
        connection: &Connection,
        table: &Table,
        Segment { filter, order }: &Segment,
        room: usize,
        found: &mut Vec<StoredDocument>,
    ) -> Result<(), StoreError> {
        let failed = |error| sqlite_error("cannot read documents", error);
        let sql = format!(
            "SELECT id, version, body FROM {} WHERE {} AND {} ORDER BY {order} LIMIT ?",
            table.name, self.filter.sql, filter.sql
        );
        let values = self.filter.values.iter().chain(&filter.values).cloned();
        let values = values.chain([SqlValue::Integer(i64::try_from(room).unwrap_or(i64::MAX))]);
        let mut statement = connection.prepare_cached(&sql).map_err(failed)?;
        let mut rows = statement.query(params_from_iter(values)).map_err(failed)?;
        while let Some(row) = rows.next().map_err(failed)? {
            found.push(document(row)?);
        }
        Ok(())
    }
}

/// What comes after the cursor, as ranges of the index in the order of the answer. Null sorts first.
fn segments(
    key: Option<&str>,
    descending: bool,
    cursor: Option<&FindCursor>,
) -> Result<Vec<Segment>, StoreError> {
    let (direction, after, at_or_after) = if descending { ("DESC", "<", "<=") } else { ("ASC", ">", ">=") };
    let by_id = format!("id {direction}");
    let all = || "1".to_owned();
    let after_id = |cursor: &FindCursor| (format!("id {after} ?"), SqlValue::Text(cursor.id.clone()));
    let Some(key) = key else {
        let (range, values) = cursor.map(after_id).map_or((all(), vec![]), |(sql, id)| (sql, vec![id]));
        return Ok(vec![Segment::new(range, values, by_id)]);
    };
    let by_key = format!("{key} {direction}, id {direction}");
    let Some(cursor) = cursor else { return Ok(vec![Segment::new(all(), vec![], by_key)]) };
    let (after_id, id) = after_id(cursor);
    if cursor.value.is_null() {
        let mut segments = vec![Segment::new(format!("{key} IS NULL AND {after_id}"), vec![id], by_id)];
        if !descending {
            segments.push(Segment::new(format!("{key} IS NOT NULL"), vec![], by_key));
        }
        return Ok(segments);
    }
    let Scalar { placeholder, value, .. } = Scalar::new("after", &cursor.value)?;
    // The first comparison is the range that SQLite seeks in the index, the rest skips equals already seen; `+`
    // keeps the planner from splitting the OR into two index lookups.
    let range =
        format!("{key} {at_or_after} {placeholder} AND (+({key}) {after} {placeholder} OR +{after_id})");
    let mut segments = vec![Segment::new(range, vec![value.clone(), value, id], by_key)];
    if descending {
        segments.push(Segment::new(format!("{key} IS NULL"), vec![], by_id));
    }
    Ok(segments)
}

pub(super) fn get(
    connection: &Connection,
    table: &Table,
    id: &str,
    now_ms: i64,
) -> Result<Option<StoredDocument>, StoreError> {
    let failed = |error| sqlite_error("cannot read a document", error);
    let sql = format!("SELECT id, version, body FROM {} WHERE id = ? AND {LIVE}", table.name);
    let mut statement = connection.prepare_cached(&sql).map_err(failed)?;
    let found = statement.query_row((id, now_ms), |row| Ok(document(row))).optional();
    found.map_err(failed)?.transpose()
}

pub(super) fn count(connection: &Connection, table: &Table, filter: &Filter) -> Result<u64, StoreError> {
    let failed = |error| sqlite_error("cannot count documents", error);
    let sql = format!("SELECT count(*) FROM {} WHERE {}", table.name, filter.sql);
    let mut statement = connection.prepare_cached(&sql).map_err(failed)?;
    let count = statement.query_row(params_from_iter(&filter.values), |row| row.get::<_, i64>(0));
    Ok(count.map_err(failed)?.unsigned_abs())
}

fn document(row: &Row<'_>) -> Result<StoredDocument, StoreError> {
    let failed = |error| sqlite_error("cannot read a document", error);
    let id: String = row.get(0).map_err(failed)?;
    let version: i64 = row.get(1).map_err(failed)?;
    let body = row.get_ref(2).map_err(failed)?;
    let unreadable = || format!("the stored document {id:?} does not read back as it was written");
    let body = body.as_str().map_err(|e| StoreError::new(ErrorKind::Corrupt, unreadable()).because(e))?;
    let body = serde_json::from_str(body)
        .map_err(|error| StoreError::new(ErrorKind::Corrupt, unreadable()).because(error))?;
    Ok(StoredDocument { id, version: version.unsigned_abs(), body })
}

#[cfg(test)]
mod tests {
    use super::{
        super::{
            super::{Collection, DocumentIndex},
            schema::Schema,
        },
        *,
    };
    use serde_json::json;

    const ORDERS: Collection = Collection {
        name: "orders",
        indices: &[
            DocumentIndex { fields: &["number"], unique: true },
            DocumentIndex { fields: &["user.id", "placed"], unique: false },
            DocumentIndex { fields: &["placed"], unique: false },
        ],
    };

    /// What SQLite will do for the first page, and for a page after a document.
    fn explained(find: &Find) -> Vec<String> {
        let connection = Connection::open_in_memory().unwrap();
        connection.execute_batch("CREATE TABLE collections (name TEXT PRIMARY KEY, created_ms)").unwrap();
        let schema = Schema::new(&[ORDERS]).unwrap();
        schema.apply(&connection, 0).unwrap();
        let table = schema.table(&ORDERS).unwrap();
        let plan = Plan::new(find, 0).unwrap();
        let mut steps = Vec::new();
        for segment in &plan.segments {
            let Segment { filter, order } = segment;
            let sql = format!(
                "EXPLAIN QUERY PLAN SELECT id, version, body FROM {} WHERE {} AND {} ORDER BY {order} LIMIT 9",
                table.name, plan.filter.sql, filter.sql
            );
            let values = plan.filter.values.iter().chain(&filter.values);
            let mut statement = connection.prepare(&sql).unwrap();
            let rows = statement.query_map(params_from_iter(values), |row| row.get(3)).unwrap();
            steps.extend(rows.map(Result::unwrap));
        }
        steps
    }

    #[test]
    fn questions_seek_in_an_index() {
        let check = |find: &Find, expected: &str| {
            for after in [None, Some(json!("2026")), Some(Value::Null)] {
                for descending in [false, true] {
                    let after = after.clone().map(|value| FindCursor { value, id: "1".into() });
                    let steps = explained(&Find { after, descending, ..find.clone() });
                    let sought = |step: &String| step.contains(" USING ") && step.contains("INDEX");
                    assert!(!steps.is_empty() && steps.iter().all(sought), "{find:?}: {steps:?}");
                    assert!(steps.iter().all(|step| step.contains(expected)), "{find:?}: {steps:?}");
                }
            }
        };
        let equal =
            |field: &str| Condition { field: field.into(), operator: Operator::Equal, value: json!("x") };
        let by_time = Find { sort: Some("placed".into()), ..Find::default() };
        check(&Find::default(), "orders");
        check(&by_time, "__by_");
        check(&Find { conditions: vec![equal("user.id")], ..by_time.clone() }, "(<expr>=?");
        check(&Find { conditions: vec![equal("number")], ..Find::default() }, "(<expr>=?");
    }

    #[test]
    fn a_cursor_seeks_and_does_not_scan() {
        let find = Find {
            sort: Some("placed".into()),
            after: Some(FindCursor { value: json!("2026"), id: "1".into() }),
            ..Find::default()
        };
        let steps = explained(&find);
        assert!(steps[0].starts_with("SEARCH") && steps[0].contains("(<expr>>?"), "{steps:?}");
    }
}
