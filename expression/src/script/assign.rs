//! Assignments, to variables, fields and elements.

use super::ast::{Assign, Expr, Operator};
use super::error::RunError;
use super::eval::{null_access, position};
use super::heap::{Node, read_only};
use super::machine::{Machine, Ran};
use super::names::TypeName;
use super::number::Num;
use super::value::{Text, Val};

/// Where a value goes; its parts are evaluated once, also for `+=`.
enum Place<'a> {
    Local(usize, TypeName),
    Part(Val<'a>, Val<'a>),
}

impl<'a> Machine<'a> {
    pub(super) fn assign(&mut self, assign: &'a Assign) -> Ran<Val<'a>> {
        let at = assign.at.0;
        let place = self.place(&assign.target)?;
        let value = match assign.operator {
            None => self.eval(&assign.value)?,
            Some(operator) => {
                let old = self.read(&place, at)?;
                let value = self.eval(&assign.value)?;
                let new = self.operate(operator, &old, &value, at)?;
                narrowed(new, &place, at)?
            }
        };
        self.write(place, value.clone(), at)?;
        Ok(value)
    }

    /// `x++` and `++x`.
    pub(super) fn step(
        &mut self,
        target: &'a Expr,
        operator: Operator,
        prefix: bool,
        at: u32,
    ) -> Ran<Val<'a>> {
        let place = self.place(target)?;
        let old = self.read(&place, at)?;
        if Num::of(&old).is_none() {
            return Err(self.cannot_cast(&old, "number", at));
        }
        let new = self.operate(operator, &old, &Val::Int(1), at)?;
        let new = narrowed(new, &place, at)?;
        self.write(place, new.clone(), at)?;
        Ok(if prefix { new } else { old })
    }

    fn place(&mut self, target: &'a Expr) -> Ran<Place<'a>> {
        Ok(match target {
            Expr::Local { slot, class, .. } => Place::Local(*slot, *class),
            Expr::Member(member) => {
                let base = self.eval(&member.base)?;
                Place::Part(base, Val::Text(Text::Borrowed(&member.name)))
            }
            Expr::Index { base, index, .. } => Place::Part(self.eval(base)?, self.eval(index)?),
            // The parser lets nothing else through.
            _ => Place::Part(Val::Null, Val::Null),
        })
    }

    fn read(&mut self, place: &Place<'a>, at: u32) -> Ran<Val<'a>> {
        match place {
            Place::Local(slot, _) => Ok(self.local(*slot)),
            Place::Part(base, key) => self.index(base, key, at),
        }
    }

    fn write(&mut self, place: Place<'a>, value: Val<'a>, at: u32) -> Ran<()> {
        let (base, key) = match place {
            Place::Local(slot, class) => {
                let value = self.assigned(value, class, at)?;
                self.set_local(slot, value);
                return Ok(());
            }
            Place::Part(base, key) => (base, key),
        };
        match (&base, key) {
            (Val::Null, Val::Text(name)) => Err(null_access(&name, at)),
            (Val::Null, _) => Err(null_access("[]", at)),
            (Val::Node(id), Val::Text(key)) if matches!(self.node(*id), Some(Node::Map(_))) => {
                self.store_key(*id, key, value, at).map(|_| ())
            }
            (Val::Node(id), key) => {
                let (Some(length), Some(Num::Int(index))) = (self.length(&base), Num::of(&key)) else {
                    let reason = format!("cannot set [{}] of a {}", self.kind(&key), self.kind(&base));
                    return Err(RunError::boxed("class_cast_exception", at, reason));
                };
                let index = position(i64::from(index), length, at)?;
                if let Some(slot) = self.items_mut(*id, at)?.get_mut(index) {
                    *slot = value;
                }
                Ok(())
            }
            (Val::Ctx | Val::Map(_) | Val::List(_) | Val::Doc | Val::Field(_) | Val::Numbers(_), _) => {
                Err(read_only(at))
            }
            (_, Val::Text(name)) => Err(self.no_member(&base, &name, at)),
            (_, key) => Err(self.cannot_cast(&key, "string", at)),
        }
    }
}

/// `x += 1.5` keeps the type of an `int x`.
fn narrowed<'a>(value: Val<'a>, place: &Place<'a>, at: u32) -> Ran<Val<'a>> {
    match place {
        Place::Local(_, class) if Num::of(&value).is_some() => super::convert::cast(value, *class, at),
        _ => Ok(value),
    }
}
