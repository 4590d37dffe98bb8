//! Method calls: the arguments, and which table answers for which type.

pub(super) mod date;
mod field;
mod functions;
mod list;
mod map;
mod moving;
mod number;
mod text;
mod time_parts;

use super::ast::{Argument, Call, Expr};
use super::eval::null_access;
use super::heap::Node;
use super::machine::{Machine, Ran};
use super::names::{Function, Method};
use super::value::Val;

/// What a method is called with: three at most.
pub(super) struct Arguments<'a> {
    values: [Val<'a>; 3],
    count: usize,
}

impl<'a> Arguments<'a> {
    pub(super) fn none() -> Self {
        Self { values: [Val::Null, Val::Null, Val::Null], count: 0 }
    }

    /// The first argument; null when there is none.
    fn first(&self) -> &Val<'a> {
        &self.values[0]
    }

    fn second(&self) -> &Val<'a> {
        &self.values[1]
    }

    fn third(&self) -> &Val<'a> {
        &self.values[2]
    }
}

/// Constants need no list to be searched in.
fn is_literal(expression: &Expr) -> bool {
    matches!(
        expression,
        Expr::Null
            | Expr::Bool(_)
            | Expr::Int(_)
            | Expr::Long(_)
            | Expr::Float(_)
            | Expr::Double(_)
            | Expr::Text(_)
    )
}

/// The questions about texts that conditions ask most.
fn text_test(text: &str, method: Method, part: &str) -> Option<bool> {
    match method {
        Method::Contains => Some(text.contains(part)),
        Method::StartsWith => Some(text.starts_with(part)),
        Method::EndsWith => Some(text.ends_with(part)),
        _ => None,
    }
}

impl<'a> Machine<'a> {
    pub(super) fn eval_call(&mut self, call: &'a Call) -> Ran<Val<'a>> {
        let at = call.at.0;
        if let (Method::Contains, Expr::List(items), [Argument::Value(wanted)]) =
            (call.method, &call.base, call.arguments.as_slice())
            && items.iter().all(is_literal)
        {
            return self.literal_contains(items, wanted, at);
        }
        let base = self.eval(&call.base)?;
        if matches!(base, Val::Null) {
            return if call.null_safe { Ok(Val::Null) } else { Err(null_access(call.method.name(), at)) };
        }
        let mut arguments = Arguments::none();
        if let [Argument::Value(argument)] = call.arguments.as_slice() {
            let argument = self.eval(argument)?;
            match (&base, call.method, &argument) {
                (Val::Text(text), method, Val::Text(part))
                    if let Some(holds) = text_test(text, method, part) =>
                {
                    self.spend(1 + text.len() / 64, at)?;
                    return Ok(Val::Bool(holds));
                }
                (Val::List(items), Method::Contains, Val::Text(wanted)) => {
                    self.spend(1 + items.len(), at)?;
                    return Ok(Val::Bool(items.iter().any(|item| item.as_str() == Some(&**wanted))));
                }
                _ => {}
            }
            let [place, ..] = &mut arguments.values;
            *place = argument;
            arguments.count = 1;
            return self.call(base, call.method, arguments, at);
        }
        for argument in &call.arguments {
            let value = match argument {
                Argument::Lambda { slot, body, .. } => {
                    return self.call_lambda(base, call.method, (*slot, body), at);
                }
                Argument::Value(value) => self.eval(value)?,
            };
            if let Some(place) = arguments.values.get_mut(arguments.count) {
                *place = value;
            }
            arguments.count += 1;
        }
        self.call(base, call.method, arguments, at)
    }

    /// `['a', 'b'].contains(x)`, without making the list.
    fn literal_contains(&mut self, items: &'a [Expr], wanted: &'a Expr, at: u32) -> Ran<Val<'a>> {
        let wanted = self.eval(wanted)?;
        for item in items {
            let item = self.eval(item)?;
            if self.equal(&item, &wanted, at)? {
                return Ok(Val::Bool(true));
            }
        }
        Ok(Val::Bool(false))
    }

    pub(super) fn call(
        &mut self,
        base: Val<'a>,
        method: Method,
        arguments: Arguments<'a>,
        at: u32,
    ) -> Ran<Val<'a>> {
        self.spend(1, at)?;
        match (method, &base) {
            (Method::Equals, _) => return self.equal(&base, arguments.first(), at).map(Val::Bool),
            (Method::ToText, Val::Text(_)) => return Ok(base),
            (Method::ToText, _) => {
                let text = self.text_of(&base, at)?;
                return Ok(Val::text(text));
            }
            _ => {}
        }
        match &base {
            Val::Text(text) => self.call_text(text, method, &arguments, at),
            Val::Map(_) | Val::Ctx | Val::Doc => self.call_map(&base, method, arguments, at),
            Val::Node(id) => match self.node(*id) {
                Some(Node::Map(_)) => self.call_map(&base, method, arguments, at),
                Some(Node::Entry { map, key }) => {
                    let (map, key) = (*map, key.clone());
                    self.call_entry(map, key, method, arguments, at)
                }
                _ => self.call_list(&base, method, arguments, at),
            },
            Val::List(_) | Val::Numbers(_) => self.call_list(&base, method, arguments, at),
            Val::Field(field) => self.call_field(*field, method, &arguments, at),
            Val::Point { .. } => self.call_point(&base, method, at),
            Val::Date(_) | Val::Instant(_) | Val::Zone(_) | Val::Constant(_) => {
                self.call_date(&base, method, &arguments, at)
            }
            _ => self.call_number(&base, method, &arguments, at),
        }
    }

    pub(super) fn eval_static(&mut self, function: Function, arguments: &'a [Expr], at: u32) -> Ran<Val<'a>> {
        let arguments = arguments.iter().map(|argument| self.eval(argument)).collect::<Ran<Vec<_>>>()?;
        self.spend(1, at)?;
        self.function(function, &arguments, at)
    }
}
