//! What Lucene's expressions (`lang: expression`) have of their own: numbers only, `params` by their bare names,
//! functions without a class, and a missing value of a field counts as 0.

use super::super::Purpose;
use super::super::ast::{At, Block, Expr, Global, Kind, Operator, Statement, Unary};
use super::super::lexer::Token;
use super::super::names::{Function, TypeName};
use super::{Parsed, Parser};

impl Parser<'_> {
    pub(super) fn expression_program(&mut self) -> Parsed<Block> {
        let at = self.here();
        let value = number(self.expression()?, at);
        match self.peek() {
            Token::End => {}
            other => {
                return Err(
                    self.error(format!("expected an operator or the end, found {}", other.describe()))
                );
            }
        }
        Ok(vec![Statement { kind: Kind::Return(Some(value)), cost: self.nodes.saturating_add(1), at }])
    }

    /// A function, a variable of the surroundings, or a parameter.
    pub(super) fn lucene_name(&mut self, name: &str) -> Parsed<Expr> {
        let at = self.here();
        if self.is_sign(1, "(") {
            let Some((function, arity)) = Function::find_bare(name) else {
                return Err(self.error(format!("unknown function \"{name}\"")));
            };
            self.next += 2;
            return self.finish_call(function, name, &arity, at);
        }
        self.next += 1;
        match self.global(name) {
            Some(global @ (Global::Doc | Global::Value | Global::Score)) => Ok(Expr::Global(global)),
            // One path without a name of its own is called `_value`.
            _ if name.starts_with('_') && self.purpose != Purpose::Bucket => {
                Err(self.error_at(at, format!("unknown variable \"{name}\"")))
            }
            _ => Ok(Expr::Parameter { name: name.to_owned(), at }),
        }
    }
}

/// Whether a node gives a boolean rather than a number.
fn is_truth(expression: &Expr) -> bool {
    match expression {
        Expr::Unary { operator: Unary::Not, .. } => true,
        Expr::Binary { operator, .. } => operator.decides(),
        _ => false,
    }
}

/// A truth counts as 1 or 0.
fn number(value: Expr, at: At) -> Expr {
    if !is_truth(&value) {
        return value;
    }
    let (then, otherwise) = (Expr::Double(1.0), Expr::Double(0.0));
    Expr::Conditional(Box::new(super::super::ast::Conditional { condition: value, then, otherwise, at }))
}

/// A number is true when it is not 0.
pub(super) fn truth(value: Expr, at: At) -> Expr {
    if is_truth(&value) {
        return value;
    }
    Expr::Binary {
        operator: Operator::NotEqual,
        left: Box::new(value),
        right: Box::new(Expr::Double(0.0)),
        at,
    }
}

/// Bits are those of a long.
fn bits(value: Expr, at: At) -> Expr {
    let class = TypeName::find("long").unwrap_or(TypeName::DEF);
    Expr::Cast { class, value: Box::new(number(value, at)), at }
}

pub(super) fn operands(operator: Operator, left: Expr, right: Expr, at: At) -> (Expr, Expr) {
    match operator {
        Operator::Or | Operator::And => (truth(left, at), truth(right, at)),
        Operator::BitOr | Operator::BitXor | Operator::BitAnd => (bits(left, at), bits(right, at)),
        Operator::ShiftLeft | Operator::ShiftRight | Operator::ShiftRightUnsigned => {
            (bits(left, at), bits(right, at))
        }
        _ => (number(left, at), number(right, at)),
    }
}

pub(super) fn operand(operator: Unary, value: Expr, at: At) -> Expr {
    match operator {
        Unary::Not => truth(value, at),
        Unary::Negate | Unary::Plus => number(value, at),
        Unary::BitNot => bits(value, at),
    }
}
