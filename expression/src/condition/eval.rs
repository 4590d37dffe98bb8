//! Evaluation: Painless' meaning of each node over values borrowed from the document.

use super::EvalError;
use super::ast::{Class, Expr, Method, Operator};
use crate::{Context, Member, display_text};
use event::Object;
use serde_json::Value;
use std::{borrow::Cow, cmp::Ordering};

/// What a node gives. Numbers are Java's long or double; everything else borrows where it can.
#[derive(Debug, Clone)]
enum Val<'a> {
    Null,
    Bool(bool),
    Int(i64),
    Double(f64),
    Text(Cow<'a, str>),
    List(&'a [Value]),
    Literal(Vec<Val<'a>>),
    Map(&'a Object),
    Document,
}

type Evaluated<'a> = Result<Val<'a>, EvalError>;

pub(super) fn evaluate(expression: &Expr, context: &impl Context) -> Result<bool, EvalError> {
    truth(&eval(expression, context)?)
}

fn truth(value: &Val<'_>) -> Result<bool, EvalError> {
    match value {
        Val::Bool(value) => Ok(*value),
        other => Err(EvalError::Cast { found: kind(other), expected: "boolean" }),
    }
}

fn eval<'a>(expression: &'a Expr, context: &'a impl Context) -> Evaluated<'a> {
    Ok(match expression {
        Expr::Null => Val::Null,
        Expr::Bool(value) => Val::Bool(*value),
        Expr::Int(value) => Val::Int(*value),
        Expr::Double(value) => Val::Double(*value),
        Expr::Text(text) => Val::Text(Cow::Borrowed(text)),
        Expr::List(items) => {
            Val::Literal(items.iter().map(|item| eval(item, context)).collect::<Result<_, _>>()?)
        }
        Expr::Ctx => Val::Document,
        Expr::Member { base, name, null_safe } => member(&eval(base, context)?, name, *null_safe, context)?,
        Expr::Index { base, index } => {
            let base = eval(base, context)?;
            element(&base, &eval(index, context)?, context)?
        }
        Expr::Call { base, method, arguments, null_safe } => {
            let base = eval(base, context)?;
            if *null_safe && matches!(base, Val::Null) {
                return Ok(Val::Null);
            }
            let argument = arguments.first().map(|argument| eval(argument, context)).transpose()?;
            call(base, *method, argument.unwrap_or(Val::Null), context)?
        }
        Expr::Not(value) => Val::Bool(!truth(&eval(value, context)?)?),
        Expr::Negate(value) => match eval(value, context)? {
            Val::Int(value) => Val::Int(value.wrapping_neg()),
            Val::Double(value) => Val::Double(-value),
            other => return Err(EvalError::Cast { found: kind(&other), expected: "number" }),
        },
        Expr::Binary { operator, left, right } => Val::Bool(binary(*operator, left, right, context)?),
        Expr::InstanceOf { value, class } => Val::Bool(is_instance(&eval(value, context)?, *class)),
        Expr::Matches { value, pattern, .. } => match eval(value, context)? {
            Val::Text(text) => Val::Bool(pattern.regex.is_match(&text)),
            Val::Null => return Err(EvalError::Null("=~".to_owned())),
            other => return Err(EvalError::Cast { found: kind(&other), expected: "string" }),
        },
        Expr::Conditional { condition, then, otherwise } => {
            let chosen = if truth(&eval(condition, context)?)? { then } else { otherwise };
            eval(chosen, context)?
        }
        Expr::Elvis { value, otherwise } => match eval(value, context)? {
            Val::Null => eval(otherwise, context)?,
            value => value,
        },
    })
}

fn from_json(value: &Value) -> Val<'_> {
    match value {
        Value::Null => Val::Null,
        Value::Bool(value) => Val::Bool(*value),
        Value::Number(number) => match number.as_i64() {
            Some(value) => Val::Int(value),
            None => Val::Double(number.as_f64().unwrap_or(f64::NAN)),
        },
        Value::String(text) => Val::Text(Cow::Borrowed(text)),
        Value::Array(items) => Val::List(items),
        Value::Object(object) => Val::Map(object),
    }
}

fn document_member<'a>(context: &'a impl Context, name: &str) -> Val<'a> {
    match context.member(name) {
        Some(Member::Value(value)) => from_json(value),
        Some(Member::Text(text)) => Val::Text(Cow::Borrowed(text)),
        None => Val::Null,
    }
}

/// `base.name`: an absent member of a map is null.
fn member<'a>(base: &Val<'a>, name: &str, null_safe: bool, context: &'a impl Context) -> Evaluated<'a> {
    match base {
        Val::Document => Ok(document_member(context, name)),
        Val::Map(object) => Ok(object.get(name).map_or(Val::Null, from_json)),
        Val::Null if null_safe => Ok(Val::Null),
        Val::Null => Err(EvalError::Null(name.to_owned())),
        other => Err(EvalError::NoMember { kind: kind(other), name: name.to_owned() }),
    }
}

/// `base[index]`.
fn element<'a>(base: &Val<'a>, index: &Val<'_>, context: &'a impl Context) -> Evaluated<'a> {
    let at = |index: i64, length: usize| {
        // Painless counts negative indices from the end.
        let position = if index < 0 { index.saturating_add_unsigned(length as u64) } else { index };
        usize::try_from(position)
            .ok()
            .filter(|position| *position < length)
            .ok_or(EvalError::OutOfBounds { index, length })
    };
    match (base, index) {
        (Val::Document | Val::Map(_), Val::Text(name)) => member(base, name, false, context),
        (Val::List(items), Val::Int(index)) => Ok(from_json(&items[at(*index, items.len())?])),
        (Val::Literal(items), Val::Int(index)) => Ok(items[at(*index, items.len())?].clone()),
        (Val::Null, _) => Err(EvalError::Null("[]".to_owned())),
        (base, index) => Err(EvalError::Operands { operator: "[]", left: kind(base), right: kind(index) }),
    }
}

fn call<'a>(base: Val<'a>, method: Method, argument: Val<'a>, context: &'a impl Context) -> Evaluated<'a> {
    use Method::{Contains, ContainsKey, Equals, Get, IndexOf, IsEmpty, Size};
    match (base, method) {
        (Val::Null, _) => Err(EvalError::Null(method.name().to_owned())),
        (base, Equals) => Ok(Val::Bool(equal(&base, &argument))),
        (Val::Text(text), method) => text_call(text, method, &argument),
        (Val::List(items), Contains) => Ok(Val::Bool(items.iter().any(|v| equal(&from_json(v), &argument)))),
        (Val::Literal(items), Contains) => Ok(Val::Bool(items.iter().any(|v| equal(v, &argument)))),
        (Val::List(items), IndexOf) => {
            Ok(position(items.iter().position(|v| equal(&from_json(v), &argument))))
        }
        (Val::Literal(items), IndexOf) => Ok(position(items.iter().position(|v| equal(v, &argument)))),
        (Val::List(items), Size) => Ok(length(items.len())),
        (Val::Literal(items), Size) => Ok(length(items.len())),
        (Val::Map(object), Size) => Ok(length(object.len())),
        (Val::List(items), IsEmpty) => Ok(Val::Bool(items.is_empty())),
        (Val::Literal(items), IsEmpty) => Ok(Val::Bool(items.is_empty())),
        (Val::Map(object), IsEmpty) => Ok(Val::Bool(object.is_empty())),
        (base @ (Val::List(_) | Val::Literal(_) | Val::Map(_) | Val::Document), Get) => {
            element(&base, &argument, context)
        }
        (Val::Map(object), ContainsKey) => {
            Ok(Val::Bool(matches!(argument, Val::Text(name) if object.contains_key(&*name))))
        }
        (Val::Document, ContainsKey) => {
            Ok(Val::Bool(matches!(argument, Val::Text(name) if context.member(&name).is_some())))
        }
        (base, Method::ToText) => Ok(Val::Text(Cow::Owned(to_text(&base)))),
        (base, method) => Err(EvalError::NoMember { kind: kind(&base), name: method.name().to_owned() }),
    }
}

fn text_call<'a>(text: Cow<'a, str>, method: Method, argument: &Val<'_>) -> Evaluated<'a> {
    let needle = || match argument {
        Val::Text(text) => Ok(&**text),
        Val::Null => Err(EvalError::Null(method.name().to_owned())),
        other => Err(EvalError::Cast { found: kind(other), expected: "string" }),
    };
    Ok(match method {
        Method::Contains => Val::Bool(text.contains(needle()?)),
        Method::StartsWith => Val::Bool(text.starts_with(needle()?)),
        Method::EndsWith => Val::Bool(text.ends_with(needle()?)),
        Method::EqualsIgnoreCase => {
            Val::Bool(matches!(argument, Val::Text(other) if text.to_lowercase() == other.to_lowercase()))
        }
        Method::IndexOf => position(text.find(needle()?).map(|at| utf16_length(&text[..at]))),
        Method::ToLowerCase => Val::Text(Cow::Owned(text.to_lowercase())),
        Method::ToUpperCase => Val::Text(Cow::Owned(text.to_uppercase())),
        Method::Trim => Val::Text(Cow::Owned(text.trim().to_owned())),
        Method::Length => length(utf16_length(&text)),
        Method::IsEmpty => Val::Bool(text.is_empty()),
        Method::ToText => Val::Text(text),
        _ => return Err(EvalError::NoMember { kind: "string", name: method.name().to_owned() }),
    })
}

/// Java counts UTF-16 units.
fn utf16_length(text: &str) -> usize {
    if text.is_ascii() { text.len() } else { text.encode_utf16().count() }
}

fn length<'a>(count: usize) -> Val<'a> {
    Val::Int(i64::try_from(count).unwrap_or(i64::MAX))
}

fn position<'a>(found: Option<usize>) -> Val<'a> {
    found.map_or(Val::Int(-1), length)
}

fn to_text(value: &Val<'_>) -> String {
    match value {
        Val::Null => "null".to_owned(),
        Val::Bool(value) => value.to_string(),
        Val::Int(value) => value.to_string(),
        Val::Double(value) => format!("{value:?}"),
        Val::Text(text) => text.to_string(),
        Val::List(items) => display_text(&Value::Array(items.to_vec())),
        Val::Map(object) => display_text(&Value::Object((*object).clone())),
        Val::Literal(items) => format!("[{}]", items.iter().map(to_text).collect::<Vec<_>>().join(", ")),
        Val::Document => "ctx".to_owned(),
    }
}

fn binary(operator: Operator, left: &Expr, right: &Expr, context: &impl Context) -> Result<bool, EvalError> {
    match operator {
        Operator::And => return Ok(truth(&eval(left, context)?)? && truth(&eval(right, context)?)?),
        Operator::Or => return Ok(truth(&eval(left, context)?)? || truth(&eval(right, context)?)?),
        _ => {}
    }
    let (left, right) = (eval(left, context)?, eval(right, context)?);
    match operator {
        Operator::Equal => return Ok(equal(&left, &right)),
        Operator::NotEqual => return Ok(!equal(&left, &right)),
        _ => {}
    }
    let order = match (&left, &right) {
        (Val::Int(a), Val::Int(b)) => Some(a.cmp(b)),
        (a, b) => match (number(a), number(b)) {
            (Some(a), Some(b)) => a.partial_cmp(&b),
            _ => {
                let (left, right) = (kind(a), kind(b));
                return Err(EvalError::Operands { operator: operator.text(), left, right });
            }
        },
    };
    Ok(match operator {
        Operator::Less => order == Some(Ordering::Less),
        Operator::LessOrEqual => matches!(order, Some(Ordering::Less | Ordering::Equal)),
        Operator::Greater => order == Some(Ordering::Greater),
        _ => matches!(order, Some(Ordering::Greater | Ordering::Equal)),
    })
}

fn number(value: &Val<'_>) -> Option<f64> {
    match value {
        Val::Int(value) => Some(*value as f64),
        Val::Double(value) => Some(*value),
        _ => None,
    }
}

fn equal(left: &Val<'_>, right: &Val<'_>) -> bool {
    match (left, right) {
        (Val::Null, Val::Null) | (Val::Document, Val::Document) => true,
        (Val::Bool(a), Val::Bool(b)) => a == b,
        (Val::Int(a), Val::Int(b)) => a == b,
        (Val::Text(a), Val::Text(b)) => a == b,
        (Val::List(a), Val::List(b)) => a == b,
        (Val::Map(a), Val::Map(b)) => a == b,
        (Val::Literal(a), Val::Literal(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| equal(a, b)),
        (Val::List(a), Val::Literal(b)) | (Val::Literal(b), Val::List(a)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| equal(&from_json(a), b))
        }
        (a, b) => matches!((number(a), number(b)), (Some(a), Some(b)) if a == b),
    }
}

/// A JSON integer is Java's Integer where it fits, else Long, as Elasticsearch's JSON parser gives them.
fn is_instance(value: &Val<'_>, class: Class) -> bool {
    match (value, class) {
        (Val::Text(_), Class::Text) | (Val::Bool(_), Class::Boolean) => true,
        (Val::Int(value), Class::Integer) => i32::try_from(*value).is_ok(),
        (Val::Int(value), Class::Long) => i32::try_from(*value).is_err(),
        (Val::Double(_), Class::Double) | (Val::Int(_) | Val::Double(_), Class::Number) => true,
        (Val::List(_) | Val::Literal(_), Class::List) => true,
        (Val::Map(_) | Val::Document, Class::Map) => true,
        _ => false,
    }
}

fn kind(value: &Val<'_>) -> &'static str {
    match value {
        Val::Null => "null",
        Val::Bool(_) => "boolean",
        Val::Int(_) => "long",
        Val::Double(_) => "double",
        Val::Text(_) => "string",
        Val::List(_) | Val::Literal(_) => "list",
        Val::Map(_) | Val::Document => "map",
    }
}
