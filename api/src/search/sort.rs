//! The order of hits. Ties break on `event.id`, and where clients wrote documents without one on the order of writing, so that
//! the order is total and pages neither repeat nor skip.

use crate::ApiError;
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

/// What breaks ties: a copy of the document's id that can be sorted by.
const TIE_BREAK: &str = "event.id";
/// What breaks the ties that are left: of documents that have no such copy.
const LAST_TIE_BREAK: &str = "_doc";
const KEYS_MAX: usize = 8;

/// An order as clients write it.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(untagged)]
pub(crate) enum SortInput {
    /// `field:desc,other:asc`
    Text(String),
    /// `[{"field":"desc"}, "other"]`
    #[schema(value_type = Vec<Object>)]
    List(Vec<Value>),
}

/// One level of an order.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Key {
    field: String,
    descending: bool,
}

/// The `sort` of the search body. Newest first if nothing is asked for.
pub(super) fn to_dsl(input: Option<&SortInput>) -> Result<Value, ApiError> {
    let mut keys = match input {
        None => vec![Key { field: "@timestamp".into(), descending: true }],
        Some(SortInput::Text(text)) => text.split(',').map(parse_text).collect::<Result<_, _>>()?,
        Some(SortInput::List(list)) => list.iter().map(parse_item).collect::<Result<Vec<_>, _>>()?,
    };
    if keys.is_empty() || keys.len() > KEYS_MAX {
        return Err(ApiError::field("sort", format!("names {} fields: use 1 to {KEYS_MAX}", keys.len())));
    }
    let descending = keys.last().is_some_and(|key| key.descending);
    for tie_break in [TIE_BREAK, LAST_TIE_BREAK] {
        if keys.iter().all(|key| key.field != tie_break) {
            keys.push(Key { field: tie_break.into(), descending });
        }
    }
    Ok(keys.iter().map(Key::to_dsl).collect())
}

impl Key {
    fn to_dsl(&self) -> Value {
        let order = if self.descending { "desc" } else { "asc" };
        // An index that has never seen the field has no type for it.
        match self.field.as_str() {
            "_score" | "_doc" => json!({&self.field: {"order": order}}),
            "@timestamp" => json!({&self.field: {"order": order, "unmapped_type": "date"}}),
            _ => json!({&self.field: {"order": order, "unmapped_type": "keyword"}}),
        }
    }
}

fn parse_text(text: &str) -> Result<Key, ApiError> {
    let text = text.trim();
    match text.rsplit_once(':') {
        Some((field, order)) => key(field, order),
        None => key(text, "asc"),
    }
}

fn parse_item(item: &Value) -> Result<Key, ApiError> {
    let bad = || ApiError::field("sort", format!("{item} is not an order: write {{\"field\":\"desc\"}}"));
    match item {
        Value::String(text) => parse_text(text),
        Value::Object(object) if object.len() == 1 => {
            let (field, order) = object.iter().next().ok_or_else(bad)?;
            let order = order.get("order").unwrap_or(order);
            key(field, order.as_str().ok_or_else(bad)?)
        }
        _ => Err(bad()),
    }
}

fn key(field: &str, order: &str) -> Result<Key, ApiError> {
    if field.is_empty() || field.len() > 512 {
        return Err(ApiError::field("sort", format!("{field:?} is not a field")));
    }
    let descending = match order {
        "asc" => false,
        "desc" => true,
        other => return Err(ApiError::field("sort", format!("cannot sort {other:?}: use asc or desc"))),
    };
    Ok(Key { field: field.to_owned(), descending })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dsl(input: Option<Value>) -> Result<String, String> {
        let input: Option<SortInput> = input.map(|input| serde_json::from_value(input).unwrap());
        to_dsl(input.as_ref()).map(|dsl| dsl.to_string()).map_err(|error| error.to_string())
    }

    #[test]
    fn orders() {
        let date = r#"{"@timestamp":{"order":"desc","unmapped_type":"date"}}"#;
        let user = r#"{"user.id":{"order":"asc","unmapped_type":"keyword"}}"#;
        let id = |order| {
            format!(
                r#"{{"event.id":{{"order":"{order}","unmapped_type":"keyword"}}}},{{"_doc":{{"order":"{order}"}}}}"#
            )
        };
        let check = |input: Option<Value>, expected: String| assert_eq!(dsl(input).unwrap(), expected);
        check(None, format!("[{date},{}]", id("desc")));
        check(Some(json!("@timestamp:desc,user.id")), format!("[{date},{user},{}]", id("asc")));
        check(Some(json!([{"@timestamp": "desc"}, "user.id:asc"])), format!("[{date},{user},{}]", id("asc")));
        check(Some(json!([{"@timestamp": {"order": "desc"}}])), format!("[{date},{}]", id("desc")));
        check(Some(json!("event.id:desc")), format!("[{}]", id("desc")));
        check(Some(json!("_score:desc")), format!(r#"[{{"_score":{{"order":"desc"}}}},{}]"#, id("desc")));
    }

    #[test]
    fn what_is_no_order() {
        for bad in [
            json!([]),
            json!([{"a": "up"}]),
            json!([{"a": "asc", "b": "asc"}]),
            json!([1]),
            json!(""),
            json!("a:"),
        ] {
            assert!(dsl(Some(bad.clone())).is_err(), "{bad}");
        }
    }
}
