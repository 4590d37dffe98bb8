//! Methods of numbers, booleans and chars.

use super::super::machine::{Machine, Ran};
use super::super::names::Method;
use super::super::number::Num;
use super::super::value::Val;
use super::Arguments;

impl<'a> Machine<'a> {
    pub(super) fn call_number(
        &mut self,
        base: &Val<'a>,
        method: Method,
        arguments: &Arguments<'a>,
        at: u32,
    ) -> Ran<Val<'a>> {
        let other = Num::of(arguments.first());
        Ok(match (base, method, Num::of(base)) {
            (Val::Bool(value), Method::BooleanValue, _) => Val::Bool(*value),
            (Val::Bool(value), Method::CompareTo, _) => match arguments.first() {
                Val::Bool(other) => Val::Int(value.cmp(other) as i32),
                found => return Err(self.cannot_cast(found, "boolean", at)),
            },
            (_, Method::CompareTo, Some(number)) => match other {
                Some(other) => Val::Int(compare(number, other)),
                None => return Err(self.cannot_cast(arguments.first(), "number", at)),
            },
            (Val::Char(_), ..) => return Err(self.no_member(base, method.name(), at)),
            (_, Method::IntValue, Some(number)) => Val::Int(number.int()),
            (_, Method::LongValue, Some(number)) => Val::Long(number.long()),
            (_, Method::FloatValue, Some(number)) => Val::Float(number.float()),
            (_, Method::DoubleValue, Some(number)) => Val::Double(number.double()),
            (_, Method::IsNan, Some(number)) => Val::Bool(number.double().is_nan()),
            (_, Method::IsInfinite, Some(number)) => Val::Bool(number.double().is_infinite()),
            // Lucene's `_value.…` and the like end here too.
            _ => return Err(self.no_member(base, method.name(), at)),
        })
    }
}

/// Java's `compare`: a total order, in which NaN is the largest.
pub(super) fn compare(left: Num, right: Num) -> i32 {
    left.compare(right).map_or_else(|| left.double().total_cmp(&right.double()) as i32, |order| order as i32)
}
