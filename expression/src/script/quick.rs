//! Conditions as most pipelines have them, a field beside a constant, answered without a machine.

use super::Environment;
use super::ast::{Expr, Global, Operator};
use crate::Member;
use event::member;
use serde_json::Value;
use std::cmp::Ordering;

/// `ctx.a?.b != null && ctx.c < 400`. It says what the machine would say, or nothing.
#[derive(Debug, Clone)]
pub(super) enum Quick {
    And(Box<[Quick; 2]>),
    Or(Box<[Quick; 2]>),
    Compare { path: Box<[Step]>, operator: Operator, constant: Constant },
}

/// One name of the way to a field.
#[derive(Debug, Clone)]
pub(super) struct Step {
    name: Box<str>,
    null_safe: bool,
}

#[derive(Debug, Clone)]
pub(super) enum Constant {
    Null,
    Bool(bool),
    Int(i64),
    Text(Box<str>),
}

impl Quick {
    /// `None`: the expression is of another form.
    pub(super) fn of(expression: &Expr) -> Option<Self> {
        let Expr::Binary { operator, left, right, .. } = expression else { return None };
        match operator {
            Operator::And => Some(Self::And(Box::new([Self::of(left)?, Self::of(right)?]))),
            Operator::Or => Some(Self::Or(Box::new([Self::of(left)?, Self::of(right)?]))),
            _ => {
                let constant = constant(right)?;
                let ordered = matches!(constant, Constant::Int(_));
                let known = matches!(operator, Operator::Equal | Operator::NotEqual)
                    || ordered && operator.decides() && operator.strength() == Operator::Less.strength();
                let path = path(left)?.into();
                known.then_some(Self::Compare { path, operator: *operator, constant })
            }
        }
    }

    /// `None`: only the machine can tell, because a value is of an unusual type or the way to it breaks off.
    pub(super) fn holds(&self, environment: &dyn Environment) -> Option<bool> {
        match self {
            Self::And(parts) => Some(parts[0].holds(environment)? && parts[1].holds(environment)?),
            Self::Or(parts) => Some(parts[0].holds(environment)? || parts[1].holds(environment)?),
            Self::Compare { path, operator, constant } => {
                compare(find(path, environment)?, *operator, constant)
            }
        }
    }
}

fn constant(expression: &Expr) -> Option<Constant> {
    Some(match expression {
        Expr::Null => Constant::Null,
        Expr::Bool(value) => Constant::Bool(*value),
        Expr::Int(value) => Constant::Int((*value).into()),
        Expr::Long(value) => Constant::Int(*value),
        Expr::Text(value) => Constant::Text(value.as_str().into()),
        _ => return None,
    })
}

fn path(expression: &Expr) -> Option<Vec<Step>> {
    let Expr::Member(member) = expression else { return None };
    let mut steps = match &member.base {
        Expr::Global(Global::Ctx) => Vec::new(),
        base => path(base)?,
    };
    steps.push(Step { name: member.name.as_str().into(), null_safe: member.null_safe });
    Some(steps)
}

/// What stands there: `Some(None)` is null, or nothing.
fn find<'e>(path: &[Step], environment: &'e dyn Environment) -> Option<Option<Member<'e>>> {
    let (first, rest) = path.split_first()?;
    let mut found = environment.ctx(&first.name);
    for step in rest {
        found = match found {
            Some(Member::Value(Value::Object(object))) => member(object, &step.name).map(Member::Value),
            None | Some(Member::Value(Value::Null)) if step.null_safe => None,
            _ => return None,
        };
    }
    Some(found.filter(|found| !matches!(found, Member::Value(Value::Null))))
}

fn compare(found: Option<Member<'_>>, operator: Operator, constant: &Constant) -> Option<bool> {
    let ordering = match (found, constant) {
        (None, Constant::Null) => Ordering::Equal,
        // Null is like nothing else, and cannot be compared in size.
        (None, _) | (Some(_), Constant::Null) => return differs(operator),
        (Some(Member::Text(text)), Constant::Text(constant)) => equality(text == &**constant),
        (Some(Member::Value(Value::String(text))), Constant::Text(constant)) => {
            equality(**text == **constant)
        }
        (Some(Member::Value(Value::Bool(value))), Constant::Bool(constant)) => equality(value == constant),
        (Some(Member::Value(Value::Number(number))), Constant::Int(constant)) => {
            number.as_i64()?.cmp(constant)
        }
        _ => return None,
    };
    Some(match operator {
        Operator::Equal => ordering.is_eq(),
        Operator::NotEqual => ordering.is_ne(),
        Operator::Less => ordering.is_lt(),
        Operator::LessOrEqual => ordering.is_le(),
        Operator::Greater => ordering.is_gt(),
        Operator::GreaterOrEqual => ordering.is_ge(),
        _ => return None,
    })
}

fn differs(operator: Operator) -> Option<bool> {
    match operator {
        Operator::Equal => Some(false),
        Operator::NotEqual => Some(true),
        _ => None,
    }
}

/// For types that are equal or not: then nothing asks which is greater.
fn equality(equal: bool) -> Ordering {
    if equal { Ordering::Equal } else { Ordering::Less }
}
