//! Expressions: Painless' meaning of each node.

use super::ast::{At, Block, Expr, Global, Member, Operator, Unary};
use super::error::RunError;
use super::heap::Node;
use super::machine::{Flow, Machine, Ran};
use super::names::{Class, Constant, Method, TypeName};
use super::number::{NoResult, Num, arithmetic};
use super::value::{Text, Val};
use indexmap::IndexMap;
use std::cmp::Ordering;

pub(super) fn null_access(name: &str, at: u32) -> Box<RunError> {
    let reason = format!("cannot access method/field [{name}] from a null def reference");
    RunError::boxed("null_pointer_exception", at, reason)
}

impl<'a> Machine<'a> {
    pub(super) fn eval(&mut self, expression: &'a Expr) -> Ran<Val<'a>> {
        Ok(match expression {
            Expr::Null => Val::Null,
            Expr::Bool(value) => Val::Bool(*value),
            Expr::Int(value) => Val::Int(*value),
            Expr::Long(value) => Val::Long(*value),
            Expr::Float(value) => Val::Float(*value),
            Expr::Double(value) => Val::Double(*value),
            Expr::Text(text) => Val::Text(Text::Borrowed(text)),
            Expr::Global(global) => return self.global(*global),
            Expr::Inline { sets, body } => return self.inline(sets, body),
            Expr::Local { slot, .. } => self.local(*slot),
            Expr::Parameter { name, at } => return self.parameter(name, *at),
            Expr::Member(member) => return self.eval_member(member),
            Expr::Index { base, index, at } => {
                let base = self.eval(base)?;
                let index = self.eval(index)?;
                return self.index(&base, &index, at.0);
            }
            Expr::Call(call) => return self.eval_call(call),
            Expr::Unary { operator, value, at } => return self.unary(*operator, value, *at),
            Expr::Binary { operator, left, right, at } => return self.binary(*operator, left, right, *at),
            Expr::InstanceOf { value, class } => {
                let value = self.eval(value)?;
                Val::Bool(self.is_instance(&value, class.class))
            }
            Expr::Conditional(inner) => {
                let holds = self.truth(&inner.condition, inner.at.0)?;
                return self.eval(if holds { &inner.then } else { &inner.otherwise });
            }
            Expr::Elvis { value, otherwise } => match self.eval(value)? {
                Val::Null => return self.eval(otherwise),
                value => value,
            },
            _ => return self.eval_rare(expression),
        })
    }

    /// What conditions seldom hold: apart, so that the frame of [`Self::eval`] stays small.
    #[inline(never)]
    fn eval_rare(&mut self, expression: &'a Expr) -> Ran<Val<'a>> {
        match expression {
            Expr::List(items) => self.list(items),
            Expr::Map(entries) => self.map(entries),
            Expr::Static { function, arguments, at } => self.eval_static(*function, arguments, at.0),
            Expr::Constant(constant) => Ok(self.constant(*constant)),
            Expr::New { class, argument, at } => self.construct(*class, argument.as_deref(), at.0),
            Expr::Matches(matches) => match self.eval(&matches.value)? {
                Val::Text(text) => {
                    self.spend(text.len() / 16, matches.at.0)?;
                    Ok(Val::Bool(matches.pattern.regex.is_match(&text)))
                }
                Val::Null => Err(null_access("=~", matches.at.0)),
                other => Err(self.cannot_cast(&other, "string", matches.at.0)),
            },
            Expr::Cast { class, value, at } => {
                let value = self.eval(value)?;
                if matches!(value, Val::Node(_)) {
                    return self.assigned(value, *class, at.0);
                }
                super::convert::cast(value, *class, at.0)
            }
            Expr::Assign(assign) => self.assign(assign),
            Expr::Step { target, operator, prefix, at } => self.step(target, *operator, *prefix, at.0),
            // All others are handled where this is called.
            _ => Ok(Val::Null),
        }
    }

    fn list(&mut self, items: &'a [Expr]) -> Ran<Val<'a>> {
        let items = items.iter().map(|item| self.eval(item)).collect::<Ran<Vec<_>>>()?;
        self.new_list(items, 0)
    }

    fn map(&mut self, entries: &'a [(Expr, Expr)]) -> Ran<Val<'a>> {
        let mut map = IndexMap::with_capacity(entries.len());
        for (key, value) in entries {
            let key = match self.eval(key)? {
                Val::Text(key) => key,
                other => return Err(self.cannot_cast(&other, "string", 0)),
            };
            map.insert(key, self.eval(value)?);
        }
        self.new_map(map, 0)
    }

    /// The answer of a function of the script; null, if it has none.
    fn inline(&mut self, sets: &'a [(usize, Expr)], body: &'a Block) -> Ran<Val<'a>> {
        for (slot, value) in sets {
            let value = self.eval(value)?;
            self.set_local(*slot, value);
        }
        match self.block(body)? {
            Flow::Return(value) => Ok(value),
            _ => Ok(Val::Null),
        }
    }

    fn global(&mut self, global: Global) -> Ran<Val<'a>> {
        Ok(match global {
            Global::Ctx => self.ctx.map_or(Val::Ctx, Val::Node),
            Global::Params => return self.params(),
            Global::Doc => Val::Doc,
            Global::Value => self.environment.value().map_or(Val::Null, |value| self.scalar(value)),
            Global::Score => Val::Double(self.environment.score()),
            Global::Values => Val::Numbers(self.environment.values()),
        })
    }

    fn params(&mut self) -> Ran<Val<'a>> {
        if let Some(id) = self.params {
            return Ok(Val::Node(id));
        }
        let (params, numbers) = (self.environment.params(), self.environment.numbers());
        if numbers.is_empty() {
            return Ok(params.map_or(Val::Null, Val::Map));
        }
        let own = params.into_iter().flatten().map(|(key, value)| (key.as_str(), Val::from_json(value)));
        let numbers = numbers.iter().map(|(name, number)| (*name, Val::Double(*number)));
        let all = own.chain(numbers).map(|(name, value)| (Text::Borrowed(name), value)).collect();
        let map = self.new_map(all, 0)?;
        if let Val::Node(id) = map {
            self.params = Some(id);
        }
        Ok(map)
    }

    /// A number of `params`, in Lucene's expressions.
    fn parameter(&mut self, name: &str, at: At) -> Ran<Val<'a>> {
        let number = self.environment.numbers().iter().find(|(known, _)| *known == name);
        let param = || self.environment.params()?.get(name)?.as_f64();
        match number.map(|(_, number)| *number).or_else(param) {
            Some(number) => Ok(Val::Double(number)),
            None => {
                let reason = format!("Unknown variable [{name}]");
                Err(RunError::boxed("illegal_argument_exception", at.0, reason))
            }
        }
    }

    fn constant(&self, constant: Constant) -> Val<'a> {
        match constant {
            Constant::Int(_, value) => Val::Int(value),
            Constant::Long(_, value) => Val::Long(value),
            Constant::Double(_, value) => Val::Double(value),
            Constant::Utc => Val::Zone(std::rc::Rc::new(jiff::tz::TimeZone::UTC)),
            other => Val::Constant(other),
        }
    }

    fn construct(&mut self, class: TypeName, argument: Option<&'a Expr>, at: u32) -> Ran<Val<'a>> {
        let argument = argument.map(|argument| self.eval(argument)).transpose()?;
        match (class.class, argument) {
            (Class::List, None) => self.new_list(Vec::new(), at),
            // A number is the room to begin with.
            (Class::List, Some(Val::Int(_))) => self.new_list(Vec::new(), at),
            (Class::List, Some(list)) if self.length(&list).is_some() => {
                let items = self.items(&list, at)?;
                self.new_list(items, at)
            }
            (Class::Map, None | Some(Val::Int(_))) => self.new_map(IndexMap::new(), at),
            (Class::Map, Some(map)) if self.keys(&map).is_some() => {
                let entries = self.entries(&map, at)?;
                self.new_map(entries.into_iter().collect(), at)
            }
            (Class::Text, Some(text @ Val::Text(_))) => Ok(text),
            (_, argument) => Err(self.cannot_cast(&argument.unwrap_or(Val::Null), class.text, at)),
        }
    }

    /// What a condition decides. The usual forms come to a boolean without a value between.
    pub(super) fn truth(&mut self, condition: &'a Expr, at: u32) -> Ran<bool> {
        match condition {
            Expr::Binary { operator, left, right, at } if operator.decides() => {
                self.decide(*operator, left, right, at.0)
            }
            Expr::Unary { operator: Unary::Not, value, at } => Ok(!self.truth(value, at.0)?),
            Expr::InstanceOf { value, class } => {
                let value = self.eval(value)?;
                Ok(self.is_instance(&value, class.class))
            }
            _ => match self.eval(condition)? {
                Val::Bool(value) => Ok(value),
                other => Err(self.cannot_cast(&other, "boolean", at)),
            },
        }
    }

    /// The logical operators and the comparisons.
    fn decide(&mut self, operator: Operator, left: &'a Expr, right: &'a Expr, at: u32) -> Ran<bool> {
        match operator {
            Operator::And => return Ok(self.truth(left, at)? && self.truth(right, at)?),
            Operator::Or => return Ok(self.truth(left, at)? || self.truth(right, at)?),
            _ => {}
        }
        let left = self.eval(left)?;
        let right = self.eval(right)?;
        match operator {
            Operator::Equal => self.equal(&left, &right, at),
            Operator::NotEqual => Ok(!self.equal(&left, &right, at)?),
            Operator::Identical => self.identical(&left, &right, at),
            Operator::NotIdentical => Ok(!self.identical(&left, &right, at)?),
            _ => self.compare(operator, &left, &right, at),
        }
    }

    fn compare(&self, operator: Operator, left: &Val<'a>, right: &Val<'a>, at: u32) -> Ran<bool> {
        let (Some(a), Some(b)) = (Num::of(left), Num::of(right)) else {
            return Err(self.operands(operator, left, right, at));
        };
        let order = a.compare(b);
        Ok(match operator {
            Operator::Less => order == Some(Ordering::Less),
            Operator::LessOrEqual => matches!(order, Some(Ordering::Less | Ordering::Equal)),
            Operator::Greater => order == Some(Ordering::Greater),
            _ => matches!(order, Some(Ordering::Greater | Ordering::Equal)),
        })
    }

    #[cold]
    pub(super) fn cannot_cast(&self, found: &Val<'_>, expected: &str, at: u32) -> Box<RunError> {
        let kind = if matches!(found, Val::Null) { "null_pointer_exception" } else { "class_cast_exception" };
        RunError::boxed(kind, at, format!("cannot cast {} to {expected}", self.kind(found)))
    }

    fn unary(&mut self, operator: Unary, value: &'a Expr, at: At) -> Ran<Val<'a>> {
        if operator == Unary::Not {
            return self.truth(value, at.0).map(|holds| Val::Bool(!holds));
        }
        let value = self.eval(value)?;
        match (operator, Num::of(&value)) {
            (Unary::Plus, Some(Num::Int(number))) => Ok(Val::Int(number)),
            (Unary::Plus, Some(_)) => Ok(value),
            (Unary::Negate, Some(Num::Int(number))) => Ok(Val::Int(number.wrapping_neg())),
            (Unary::Negate, Some(Num::Long(number))) => Ok(Val::Long(number.wrapping_neg())),
            (Unary::Negate, Some(Num::Float(number))) => Ok(Val::Float(-number)),
            (Unary::Negate, Some(Num::Double(number))) => Ok(Val::Double(-number)),
            (Unary::BitNot, Some(Num::Int(number))) => Ok(Val::Int(!number)),
            (Unary::BitNot, Some(Num::Long(number))) => Ok(Val::Long(!number)),
            _ => Err(self.cannot_cast(&value, "number", at.0)),
        }
    }

    fn binary(&mut self, operator: Operator, left: &'a Expr, right: &'a Expr, at: At) -> Ran<Val<'a>> {
        if operator.decides() {
            return self.decide(operator, left, right, at.0).map(Val::Bool);
        }
        let left = self.eval(left)?;
        let right = self.eval(right)?;
        self.operate(operator, &left, &right, at.0)
    }

    /// An arithmetic, bit or shift operator, or `+` of strings, on its operands.
    pub(super) fn operate(
        &mut self,
        operator: Operator,
        left: &Val<'a>,
        right: &Val<'a>,
        at: u32,
    ) -> Ran<Val<'a>> {
        if operator == Operator::Add && (matches!(left, Val::Text(_)) || matches!(right, Val::Text(_))) {
            return self.concatenate(left, right, at);
        }
        let (Some(a), Some(b)) = (Num::of(left), Num::of(right)) else {
            return self.truths(operator, left, right, at);
        };
        arithmetic(operator, a, b).map_err(|reason| match reason {
            NoResult::ByZero => RunError::boxed("arithmetic_exception", at, "/ by zero"),
            NoResult::Types => self.operands(operator, left, right, at),
        })
    }

    /// `&`, `|` and `^` take booleans too.
    fn truths(&self, operator: Operator, left: &Val<'a>, right: &Val<'a>, at: u32) -> Ran<Val<'a>> {
        match (operator, left, right) {
            (Operator::BitAnd, Val::Bool(a), Val::Bool(b)) => Ok(Val::Bool(a & b)),
            (Operator::BitOr, Val::Bool(a), Val::Bool(b)) => Ok(Val::Bool(a | b)),
            (Operator::BitXor, Val::Bool(a), Val::Bool(b)) => Ok(Val::Bool(a ^ b)),
            _ => Err(self.operands(operator, left, right, at)),
        }
    }

    #[cold]
    fn operands(&self, operator: Operator, left: &Val<'_>, right: &Val<'_>, at: u32) -> Box<RunError> {
        let null = matches!(left, Val::Null) || matches!(right, Val::Null);
        let kind = if null { "null_pointer_exception" } else { "class_cast_exception" };
        let (operator, left, right) = (operator.text(), self.kind(left), self.kind(right));
        RunError::boxed(kind, at, format!("cannot apply [{operator}] to the types [{left}] and [{right}]"))
    }

    fn concatenate(&mut self, left: &Val<'a>, right: &Val<'a>, at: u32) -> Ran<Val<'a>> {
        let mut text = String::new();
        self.push_text(&mut text, left, 0, at)?;
        self.push_text(&mut text, right, 0, at)?;
        self.made_text(text, at)
    }

    /// The same list or map, not one that is equal; of anything else the same value.
    fn identical(&mut self, left: &Val<'a>, right: &Val<'a>, at: u32) -> Ran<bool> {
        match (left, right) {
            (Val::Node(a), Val::Node(b)) => Ok(a == b),
            (Val::List(a), Val::List(b)) => Ok(std::ptr::eq(*a, *b)),
            (Val::Map(a), Val::Map(b)) => Ok(std::ptr::eq(*a, *b)),
            _ => self.equal(left, right, at),
        }
    }

    fn eval_member(&mut self, member: &'a Member) -> Ran<Val<'a>> {
        if matches!(member.base, Expr::Global(Global::Ctx)) && self.ctx.is_none() {
            return Ok(self.ctx_member(&member.name));
        }
        let base = self.eval(&member.base)?;
        self.member(&base, &member.name, member.getter, member.null_safe, member.at.0)
    }

    /// `base.name`: an absent key of a map is null; on anything else the name stands for a method.
    fn member(
        &mut self,
        base: &Val<'a>,
        name: &'a str,
        getter: Option<Method>,
        null_safe: bool,
        at: u32,
    ) -> Ran<Val<'a>> {
        match base {
            Val::Ctx => Ok(self.ctx_member(name)),
            Val::Map(object) => Ok(object.get(name).map_or(Val::Null, Val::from_json)),
            Val::Null if null_safe => Ok(Val::Null),
            Val::Null => Err(null_access(name, at)),
            Val::Doc => self.doc_field(name, at),
            Val::Node(id) if matches!(self.node(*id), Some(Node::Map(_))) => {
                Ok(self.load_key(*id, name, at)?.unwrap_or(Val::Null))
            }
            _ => self.get_property(base, name, getter, at),
        }
    }

    fn get_property(
        &mut self,
        base: &Val<'a>,
        name: &'a str,
        getter: Option<Method>,
        at: u32,
    ) -> Ran<Val<'a>> {
        // `list.0`, as Painless allows.
        if let Some(length) = self.length(base)
            && let Ok(index) = name.parse::<usize>()
        {
            return if index < length {
                self.element(base, index, at)
            } else {
                Err(out_of_bounds(index as i64, length, at))
            };
        }
        match getter {
            Some(method) => self.call(base.clone(), method, super::calls::Arguments::none(), at),
            None => Err(self.no_member(base, name, at)),
        }
    }

    #[cold]
    pub(super) fn no_member(&self, base: &Val<'_>, name: &str, at: u32) -> Box<RunError> {
        let reason = format!("{} has no method or field [{name}]", self.kind(base));
        RunError::boxed("illegal_argument_exception", at, reason)
    }

    pub(super) fn ctx_member(&self, name: &str) -> Val<'a> {
        match self.environment.ctx(name) {
            Some(crate::Member::Value(value)) => Val::from_json(value),
            Some(crate::Member::Text(text)) => Val::Text(Text::Borrowed(text)),
            None => Val::Null,
        }
    }

    /// `doc['name']`.
    pub(super) fn doc_field(&self, name: &str, at: u32) -> Ran<Val<'a>> {
        self.environment.doc(name).map(Val::Field).ok_or_else(|| {
            let reason = format!("No field found for [{name}] in mapping");
            RunError::boxed("illegal_argument_exception", at, reason)
        })
    }

    /// `base[index]`.
    pub(super) fn index(&mut self, base: &Val<'a>, index: &Val<'a>, at: u32) -> Ran<Val<'a>> {
        match (base, index) {
            (Val::Ctx, Val::Text(name)) => Ok(self.ctx_member(name)),
            (Val::Doc, Val::Text(name)) => self.doc_field(name, at),
            (Val::Map(object), Val::Text(name)) => Ok(object.get(&**name).map_or(Val::Null, Val::from_json)),
            (Val::Node(id), Val::Text(name)) if matches!(self.node(*id), Some(Node::Map(_))) => {
                Ok(self.load_key(*id, name, at)?.unwrap_or(Val::Null))
            }
            (Val::Null, _) => Err(null_access("[]", at)),
            (base, index) => match (self.length(base), Num::of(index)) {
                (Some(length), Some(Num::Int(index))) => {
                    let place = position(i64::from(index), length, at)?;
                    self.element(base, place, at)
                }
                _ => {
                    let (left, right) = (self.kind(base), self.kind(index));
                    let reason = format!("cannot apply [[]] to the types [{left}] and [{right}]");
                    Err(RunError::boxed("class_cast_exception", at, reason))
                }
            },
        }
    }
}

/// Painless counts negative indices from the end.
pub(super) fn position(index: i64, length: usize, at: u32) -> Ran<usize> {
    let place = if index < 0 { index.saturating_add_unsigned(length as u64) } else { index };
    usize::try_from(place)
        .ok()
        .filter(|place| *place < length)
        .ok_or_else(|| out_of_bounds(index, length, at))
}

pub(super) fn out_of_bounds(index: i64, length: usize, at: u32) -> Box<RunError> {
    let reason = format!("index [{index}] is out of bounds for length [{length}]");
    RunError::boxed("index_out_of_bounds_exception", at, reason)
}
