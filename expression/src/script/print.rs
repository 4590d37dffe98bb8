//! The canonical text of a script: parsing it gives the same script.

use super::ast::{
    Argument, Block, COMPARISON_STRENGTH, Declaration, Expr, Kind, MATCH_STRENGTH, POSTFIX_STRENGTH, Program,
    Statement, UNARY_STRENGTH,
};
use std::fmt::{Display, Formatter, Result};

impl Expr {
    fn strength(&self) -> u8 {
        match self {
            Self::Conditional(_) | Self::Elvis { .. } | Self::Assign(_) => 0,
            Self::Binary { operator, .. } => operator.strength(),
            Self::InstanceOf { .. } => COMPARISON_STRENGTH,
            Self::Matches(_) => MATCH_STRENGTH,
            Self::Unary { .. } | Self::Cast { .. } | Self::Step { .. } => UNARY_STRENGTH,
            _ => POSTFIX_STRENGTH,
        }
    }

    fn at(&self, least: u8) -> Parenthesised<'_> {
        Parenthesised { expression: self, needed: self.strength() < least }
    }
}

struct Parenthesised<'a> {
    expression: &'a Expr,
    needed: bool,
}

impl Display for Parenthesised<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        if self.needed { write!(f, "({})", self.expression) } else { self.expression.fmt(f) }
    }
}

impl Display for Program {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        if let Some(value) = self.only_expression() {
            return value.fmt(f);
        }
        for (i, statement) in self.body.iter().enumerate() {
            write!(f, "{}{statement}", if i == 0 { "" } else { " " })?;
        }
        Ok(())
    }
}

impl Display for Statement {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match &self.kind {
            Kind::Expression(value) => write!(f, "{value};"),
            Kind::Declare(declarations) => {
                write_declarations(f, declarations)?;
                f.write_str(";")
            }
            Kind::If { arms, otherwise } => {
                for (i, (condition, block)) in arms.iter().enumerate() {
                    write!(f, "{}if ({condition}) ", if i == 0 { "" } else { " else " })?;
                    write_block(f, block)?;
                }
                let Some(block) = otherwise else { return Ok(()) };
                f.write_str(" else ")?;
                write_block(f, block)
            }
            Kind::While { condition, body } => {
                write!(f, "while ({condition}) ")?;
                write_block(f, body)
            }
            Kind::DoWhile { body, condition } => {
                f.write_str("do ")?;
                write_block(f, body)?;
                write!(f, " while ({condition});")
            }
            Kind::For { start, condition, step, body } => {
                match start {
                    Some(start) => write!(f, "for ({start}")?,
                    None => f.write_str("for (;")?,
                }
                condition.iter().try_for_each(|condition| write!(f, " {condition}"))?;
                f.write_str(";")?;
                step.iter().try_for_each(|step| write!(f, " {step}"))?;
                f.write_str(") ")?;
                write_block(f, body)
            }
            Kind::Each { variable, items, body } => {
                write!(f, "for ({} {} : {items}) ", variable.class.text, variable.name)?;
                write_block(f, body)
            }
            Kind::Return(None) => f.write_str("return;"),
            Kind::Return(Some(value)) => write!(f, "return {value};"),
            Kind::Break => f.write_str("break;"),
            Kind::Continue => f.write_str("continue;"),
            Kind::Throw { class, reason } => {
                write!(f, "throw new {class}(")?;
                reason.iter().try_for_each(|reason| write!(f, "{reason}"))?;
                f.write_str(");")
            }
        }
    }
}

fn write_block(f: &mut Formatter<'_>, block: &Block) -> Result {
    f.write_str("{ ")?;
    block.iter().try_for_each(|statement| write!(f, "{statement} "))?;
    f.write_str("}")
}

fn write_declarations(f: &mut Formatter<'_>, declarations: &[Declaration]) -> Result {
    for (i, declaration) in declarations.iter().enumerate() {
        match i {
            0 => write!(f, "{} {}", declaration.class.text, declaration.name)?,
            _ => write!(f, ", {}", declaration.name)?,
        }
        declaration.value.iter().try_for_each(|value| write!(f, " = {value}"))?;
    }
    Ok(())
}

impl Display for Expr {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self {
            Self::Null => f.write_str("null"),
            Self::Bool(value) => value.fmt(f),
            Self::Int(value) => value.fmt(f),
            Self::Long(value) => write!(f, "{value}L"),
            Self::Float(value) => write!(f, "{value:?}f"),
            Self::Double(value) => write!(f, "{value:?}"),
            Self::Text(text) => write_text(f, text),
            Self::List(items) => {
                f.write_str("[")?;
                write_list(f, items)?;
                f.write_str("]")
            }
            Self::Map(entries) if entries.is_empty() => f.write_str("[:]"),
            Self::Map(entries) => {
                for (i, (key, value)) in entries.iter().enumerate() {
                    // A conditional's colon would be read as the entry's.
                    write!(f, "{}{}: {value}", if i == 0 { "[" } else { ", " }, key.at(1))?;
                }
                f.write_str("]")
            }
            Self::Global(global) => f.write_str(global.name()),
            // For messages only: a script with functions is shown as it was given.
            Self::Inline { body, .. } => write_block(f, body),
            Self::Local { name, .. } | Self::Parameter { name, .. } => f.write_str(name),
            Self::Member(member) => {
                let dot = if member.null_safe { "?." } else { "." };
                write!(f, "{}{dot}{}", member.base.at(POSTFIX_STRENGTH), member.name)
            }
            Self::Index { base, index, .. } => write!(f, "{}[{index}]", base.at(POSTFIX_STRENGTH)),
            Self::Call(call) => {
                let dot = if call.null_safe { "?." } else { "." };
                write!(f, "{}{dot}{}(", call.base.at(POSTFIX_STRENGTH), call.method.name())?;
                for (i, argument) in call.arguments.iter().enumerate() {
                    f.write_str(if i == 0 { "" } else { ", " })?;
                    match argument {
                        Argument::Value(value) => value.fmt(f)?,
                        Argument::Lambda { name, body, .. } => write!(f, "{name} -> {body}")?,
                    }
                }
                f.write_str(")")
            }
            Self::Static { function, arguments, .. } => {
                let (class, name) = function.name();
                write!(f, "{class}.{name}(")?;
                write_list(f, arguments)?;
                f.write_str(")")
            }
            Self::Constant(constant) => {
                let (class, name) = constant.text();
                write!(f, "{class}.{name}")
            }
            Self::New { class, argument, .. } => {
                write!(f, "new {}(", class.text)?;
                argument.iter().try_for_each(|argument| write!(f, "{argument}"))?;
                f.write_str(")")
            }
            _ => self.write_operator(f),
        }
    }
}

impl Expr {
    fn write_operator(&self, f: &mut Formatter<'_>) -> Result {
        match self {
            // `- -x` would run together to `--x`.
            Self::Unary { operator, value, .. } => match **value {
                Self::Unary { operator: inner, .. } if inner == *operator => {
                    write!(f, "{}({value})", operator.text())
                }
                Self::Step { prefix: true, .. } => write!(f, "{}({value})", operator.text()),
                _ => write!(f, "{}{}", operator.text(), value.at(UNARY_STRENGTH)),
            },
            Self::Binary { operator, left, right, .. } => {
                let strength = operator.strength();
                write!(f, "{} {} {}", left.at(strength), operator.text(), right.at(strength + 1))
            }
            Self::InstanceOf { value, class } => {
                write!(f, "{} instanceof {}", value.at(COMPARISON_STRENGTH), class.text)
            }
            Self::Matches(matches) => {
                let operator = if matches.whole { "==~" } else { "=~" };
                let pattern = &matches.pattern;
                write!(
                    f,
                    "{} {operator} /{}/{}",
                    matches.value.at(MATCH_STRENGTH),
                    pattern.source,
                    pattern.flags
                )
            }
            Self::Cast { class, value, .. } => write!(f, "({}) {}", class.text, value.at(UNARY_STRENGTH)),
            Self::Conditional(inner) => {
                write!(f, "{} ? {} : {}", inner.condition.at(1), inner.then, inner.otherwise)
            }
            Self::Elvis { value, otherwise } => write!(f, "{} ?: {otherwise}", value.at(1)),
            Self::Assign(assign) => {
                let operator = assign.operator.map_or("", super::ast::Operator::text);
                write!(f, "{} {operator}= {}", assign.target, assign.value)
            }
            Self::Step { target, operator, prefix, .. } => {
                let text = if *operator == super::ast::Operator::Add { "++" } else { "--" };
                if *prefix { write!(f, "{text}{target}") } else { write!(f, "{target}{text}") }
            }
            // All other forms are no operators.
            _ => Ok(()),
        }
    }
}

fn write_list(f: &mut Formatter<'_>, items: &[Expr]) -> Result {
    for (i, item) in items.iter().enumerate() {
        write!(f, "{}{item}", if i == 0 { "" } else { ", " })?;
    }
    Ok(())
}

fn write_text(f: &mut Formatter<'_>, text: &str) -> Result {
    f.write_str("'")?;
    for c in text.chars() {
        match c {
            '\'' => f.write_str("\\'")?,
            '\\' => f.write_str("\\\\")?,
            '\n' => f.write_str("\\n")?,
            '\r' => f.write_str("\\r")?,
            '\t' => f.write_str("\\t")?,
            c => write!(f, "{c}")?,
        }
    }
    f.write_str("'")
}
