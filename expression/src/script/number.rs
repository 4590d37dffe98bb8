//! Java's arithmetic: promotion of operands, wrapping integers, a division by zero that fails.

use super::ast::Operator;
use super::value::Val;
use std::cmp::Ordering;

/// An operand.
#[derive(Debug, Clone, Copy)]
pub(super) enum Num {
    Int(i32),
    Long(i64),
    Float(f32),
    Double(f64),
}

/// Both operands in the wider of their types.
enum Pair {
    Int(i32, i32),
    Long(i64, i64),
    Float(f32, f32),
    Double(f64, f64),
}

impl Num {
    /// The number in a value; a char counts as its code.
    pub(super) fn of(value: &Val<'_>) -> Option<Self> {
        match value {
            Val::Int(value) => Some(Self::Int(*value)),
            Val::Long(value) => Some(Self::Long(*value)),
            Val::Float(value) => Some(Self::Float(*value)),
            Val::Double(value) => Some(Self::Double(*value)),
            Val::Char(value) => Some(Self::Int(i32::from(*value))),
            _ => None,
        }
    }

    pub(super) fn double(self) -> f64 {
        match self {
            Self::Int(value) => f64::from(value),
            Self::Long(value) => value as f64,
            Self::Float(value) => f64::from(value),
            Self::Double(value) => value,
        }
    }

    pub(super) fn float(self) -> f32 {
        match self {
            Self::Int(value) => value as f32,
            Self::Long(value) => value as f32,
            Self::Float(value) => value,
            Self::Double(value) => value as f32,
        }
    }

    /// As Java's cast: fractions are cut off, what is too large becomes the largest.
    pub(super) fn long(self) -> i64 {
        match self {
            Self::Int(value) => i64::from(value),
            Self::Long(value) => value,
            Self::Float(value) => value as i64,
            Self::Double(value) => value as i64,
        }
    }

    /// As Java's cast: a long loses its upper half.
    pub(super) fn int(self) -> i32 {
        match self {
            Self::Int(value) => value,
            Self::Long(value) => value as i32,
            Self::Float(value) => value as i32,
            Self::Double(value) => value as i32,
        }
    }

    fn pair(self, other: Self) -> Pair {
        match (self, other) {
            (Self::Int(a), Self::Int(b)) => Pair::Int(a, b),
            (Self::Double(_), _) | (_, Self::Double(_)) => Pair::Double(self.double(), other.double()),
            (Self::Float(_), _) | (_, Self::Float(_)) => Pair::Float(self.float(), other.float()),
            _ => Pair::Long(self.long(), other.long()),
        }
    }

    /// `None` when one is not a number.
    pub(super) fn compare(self, other: Self) -> Option<Ordering> {
        match self.pair(other) {
            Pair::Int(a, b) => Some(a.cmp(&b)),
            Pair::Long(a, b) => Some(a.cmp(&b)),
            Pair::Float(a, b) => a.partial_cmp(&b),
            Pair::Double(a, b) => a.partial_cmp(&b),
        }
    }
}

/// Why there is no result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NoResult {
    /// Integer division by zero.
    ByZero,
    /// The operator takes no such numbers.
    Types,
}

/// An arithmetic, bit or shift operator on two numbers.
pub(super) fn arithmetic<'a>(operator: Operator, left: Num, right: Num) -> Result<Val<'a>, NoResult> {
    if matches!(operator, Operator::ShiftLeft | Operator::ShiftRight | Operator::ShiftRightUnsigned) {
        return shift(operator, left, right);
    }
    match left.pair(right) {
        Pair::Int(a, b) => int(operator, a, b).map(Val::Int),
        Pair::Long(a, b) => long(operator, a, b).map(Val::Long),
        Pair::Float(a, b) => float(operator, a, b).map(Val::Float),
        Pair::Double(a, b) => double(operator, a, b).map(Val::Double),
    }
}

/// The four integer types' operators are the same but for their width.
macro_rules! integer {
    ($name:ident, $type:ty) => {
        fn $name(operator: Operator, a: $type, b: $type) -> Result<$type, NoResult> {
            Ok(match operator {
                Operator::Add => a.wrapping_add(b),
                Operator::Subtract => a.wrapping_sub(b),
                Operator::Multiply => a.wrapping_mul(b),
                Operator::Divide | Operator::Remainder if b == 0 => return Err(NoResult::ByZero),
                Operator::Divide => a.wrapping_div(b),
                Operator::Remainder => a.wrapping_rem(b),
                Operator::BitAnd => a & b,
                Operator::BitOr => a | b,
                Operator::BitXor => a ^ b,
                _ => return Err(NoResult::Types),
            })
        }
    };
}

integer!(int, i32);
integer!(long, i64);

macro_rules! floating {
    ($name:ident, $type:ty) => {
        fn $name(operator: Operator, a: $type, b: $type) -> Result<$type, NoResult> {
            Ok(match operator {
                Operator::Add => a + b,
                Operator::Subtract => a - b,
                Operator::Multiply => a * b,
                Operator::Divide => a / b,
                Operator::Remainder => a % b,
                _ => return Err(NoResult::Types),
            })
        }
    };
}

floating!(float, f32);
floating!(double, f64);

/// The left operand gives the type; only the lower bits of the right one count.
fn shift<'a>(operator: Operator, left: Num, right: Num) -> Result<Val<'a>, NoResult> {
    let by = match right {
        Num::Int(by) => by as u32,
        Num::Long(by) => by as u32,
        _ => return Err(NoResult::Types),
    };
    Ok(match (left, operator) {
        (Num::Int(value), Operator::ShiftLeft) => Val::Int(value.wrapping_shl(by)),
        (Num::Int(value), Operator::ShiftRight) => Val::Int(value.wrapping_shr(by)),
        (Num::Int(value), _) => Val::Int(value.cast_unsigned().wrapping_shr(by).cast_signed()),
        (Num::Long(value), Operator::ShiftLeft) => Val::Long(value.wrapping_shl(by)),
        (Num::Long(value), Operator::ShiftRight) => Val::Long(value.wrapping_shr(by)),
        (Num::Long(value), _) => Val::Long(value.cast_unsigned().wrapping_shr(by).cast_signed()),
        _ => return Err(NoResult::Types),
    })
}
