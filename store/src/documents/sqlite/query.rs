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
    segments: Vec<Filter>,
    order: String,
    limit: usize,
}

impl Plan {
    pub(super) fn new(find: &Find, now_ms: i64) -> Result<Self, StoreError> {
        let filter = Filter::new(&find.conditions, now_ms)?;
        let key = find.sort.as_deref().map(|field| limits::check_field(field).map(|()| sort_key(field)));
        let key = key.transpose()?;
        let direction = if find.descending { "DESC" } else { "ASC" };
        let order = match &key {
            Some(key) => format!("{key} {direction}, id {direction}"),
            None => format!("id {direction}"),
        };
        let segments = match &find.after {
            Some(cursor) => segments_after(cursor, key.as_deref(), find.descending)?,
            None => vec![Filter { sql: "1".into(), values: Vec::new() }],
        };
        Ok(Self { filter, segments, order, limit: find.limit.min(limits::FIND_MAX) })
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
        segment: &Filter,
        room: usize,
        found: &mut Vec<StoredDocument>,
    ) -> Result<(), StoreError> {
        let failed = |error| sqlite_error("cannot read documents", error);
        let sql = format!(
            "SELECT id, version, body FROM {} WHERE {} AND {} ORDER BY {} LIMIT ?",
            table.name, self.filter.sql, segment.sql, self.order
        );
        let values = self.filter.values.iter().chain(&segment.values).cloned();
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
fn segments_after(
    cursor: &FindCursor,
    key: Option<&str>,
    descending: bool,
) -> Result<Vec<Filter>, StoreError> {
    let id = || SqlValue::Text(cursor.id.clone());
    let (at_or_after, after) = if descending { ("<=", "<") } else { (">=", ">") };
    let Some(key) = key else {
        return Ok(vec![Filter { sql: format!("id {after} ?"), values: vec![id()] }]);
    };
    if cursor.value.is_null() {
        let mut segments =
            vec![Filter { sql: format!("{key} IS NULL AND id {after} ?"), values: vec![id()] }];
        if !descending {
            segments.push(Filter { sql: format!("{key} IS NOT NULL"), values: Vec::new() });
        }
        return Ok(segments);
    }
    let Scalar { placeholder, value, .. } = Scalar::new("after", &cursor.value)?;
    // The first comparison is the range that SQLite seeks in the index, the rest skips equals already seen; `+`
    // keeps the planner from splitting the OR into two index lookups.
    let mut segments = vec![Filter {
        sql: format!(
            "{key} {at_or_after} {placeholder} AND (+({key}) {after} {placeholder} OR +id {after} ?)"
        ),
        values: vec![value.clone(), value, id()],
    }];
    if descending {
        segments.push(Filter { sql: format!("{key} IS NULL"), values: Vec::new() });
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
