//! Expressions: assignment, the conditional forms and the ladder of operators.

use super::super::Language;
use super::super::ast::{
    Assign, At, COMPARISON_STRENGTH, Conditional, Expr, Global, MATCH_STRENGTH, Matches, Operator, Pattern,
    Unary,
};
use super::super::lexer::Token;
use super::{Parsed, Parser};

/// Longest regex, and the most memory that its automaton may take.
const REGEX_MAX_BYTES: usize = 1024;
const REGEX_MAX_AUTOMATON_BYTES: usize = 1024 * 1024;

const ASSIGNMENTS: [(&str, Option<Operator>); 12] = [
    ("=", None),
    ("+=", Some(Operator::Add)),
    ("-=", Some(Operator::Subtract)),
    ("*=", Some(Operator::Multiply)),
    ("/=", Some(Operator::Divide)),
    ("%=", Some(Operator::Remainder)),
    ("&=", Some(Operator::BitAnd)),
    ("|=", Some(Operator::BitOr)),
    ("^=", Some(Operator::BitXor)),
    ("<<=", Some(Operator::ShiftLeft)),
    (">>=", Some(Operator::ShiftRight)),
    (">>>=", Some(Operator::ShiftRightUnsigned)),
];

impl Parser<'_> {
    pub(super) fn expression(&mut self) -> Parsed<Expr> {
        self.nested(|parser| {
            let value = parser.binary(1)?;
            let at = parser.here();
            if parser.take("?") {
                let then = parser.expression()?;
                parser.expect(":")?;
                let otherwise = parser.expression()?;
                let condition = parser.condition(value, at);
                return Ok(Expr::Conditional(Box::new(Conditional { condition, then, otherwise, at })));
            }
            if parser.is_sign(0, "?:") && parser.language == Language::Painless {
                parser.next += 1;
                let otherwise = Box::new(parser.expression()?);
                return Ok(Expr::Elvis { value: Box::new(value), otherwise });
            }
            let Some((_, operator)) = ASSIGNMENTS.iter().find(|(sign, _)| parser.is_sign(0, sign)) else {
                return Ok(value);
            };
            parser.check_target(&value, at)?;
            parser.next += 1;
            parser.link()?;
            let new = parser.expression()?;
            Ok(Expr::Assign(Box::new(Assign { target: value, operator: *operator, value: new, at })))
        })
    }

    /// Refuses what cannot be assigned to.
    pub(super) fn check_target(&self, target: &Expr, at: At) -> Parsed<()> {
        if self.language == Language::Expression {
            return Err(self.error_at(at, "assignment is not supported in Lucene expressions"));
        }
        let mut root = target;
        loop {
            root = match root {
                Expr::Member(member) => &member.base,
                Expr::Index { base, .. } => base,
                Expr::Call(call) => &call.base,
                _ => break,
            };
        }
        match (target, root) {
            (Expr::Local { .. }, _) => Ok(()),
            (Expr::Member(_) | Expr::Index { .. }, Expr::Global(Global::Ctx))
                if !self.purpose.writes_ctx() =>
            {
                Err(self.error_at(at, "assignment to ctx is not supported here: it can only be read"))
            }
            (Expr::Member(_) | Expr::Index { .. }, Expr::Global(Global::Doc)) => {
                Err(self.error_at(at, "doc can only be read"))
            }
            (Expr::Member(member), _) if member.null_safe => {
                Err(self.error_at(at, "cannot assign through \"?.\""))
            }
            (Expr::Member(_) | Expr::Index { .. }, _) => Ok(()),
            _ => Err(self.error_at(at, "only variables, fields and elements can be assigned to")),
        }
    }

    /// Operators that bind at least so strongly, by climbing.
    fn binary(&mut self, least: u8) -> Parsed<Expr> {
        let mut left = self.unary()?;
        loop {
            let at = self.here();
            if least <= COMPARISON_STRENGTH && self.is_name(0, "instanceof") {
                self.only_painless("instanceof")?;
                self.next += 1;
                left = Expr::InstanceOf { value: Box::new(left), class: self.type_name()? };
            } else if least <= MATCH_STRENGTH && (self.is_sign(0, "=~") || self.is_sign(0, "==~")) {
                self.only_painless("=~")?;
                left = self.matches(left)?;
            } else if let Some(operator) = self.operator(least) {
                self.next += 1;
                let right = self.binary(operator.strength() + 1)?;
                left = self.combine(operator, left, right, at);
            } else {
                return Ok(left);
            }
            self.link()?;
        }
    }

    fn operator(&self, least: u8) -> Option<Operator> {
        let Token::Sign(sign) = self.peek() else { return None };
        Operator::ALL
            .iter()
            .find(|operator| operator.text() == *sign && operator.strength() >= least)
            .copied()
    }

    pub(super) fn only_painless(&self, what: &str) -> Parsed<()> {
        match self.language {
            Language::Painless => Ok(()),
            Language::Expression => {
                Err(self.error(format!("\"{what}\" is not supported in Lucene expressions")))
            }
        }
    }

    fn matches(&mut self, value: Expr) -> Parsed<Expr> {
        let at = self.here();
        let whole = self.is_sign(0, "==~");
        self.next += 1;
        let Token::Regex { source, flags } = self.peek().clone() else {
            return Err(
                self.error(format!("expected a regex such as /a+/, found {}", self.peek().describe()))
            );
        };
        let pattern = compile(source, flags, whole).map_err(|reason| self.error(reason))?;
        self.next += 1;
        Ok(Expr::Matches(Box::new(Matches { value, pattern, whole, at })))
    }

    pub(super) fn unary(&mut self) -> Parsed<Expr> {
        let at = self.here();
        let operator = match self.peek() {
            Token::Sign("!") => Unary::Not,
            Token::Sign("-") => Unary::Negate,
            Token::Sign("+") => Unary::Plus,
            Token::Sign("~") => Unary::BitNot,
            Token::Sign(sign @ ("++" | "--")) => {
                let operator = if *sign == "++" { Operator::Add } else { Operator::Subtract };
                self.next += 1;
                let target = self.nested(Self::unary)?;
                self.check_target(&target, at)?;
                return Ok(Expr::Step { target: Box::new(target), operator, prefix: true, at });
            }
            _ => return self.postfix(),
        };
        self.next += 1;
        self.nodes = self.nodes.saturating_add(1);
        let value = self.nested(Self::unary)?;
        Ok(self.apply(operator, value, at))
    }

    /// A binary node, with Lucene's conversions where those rule.
    fn combine(&self, operator: Operator, left: Expr, right: Expr, at: At) -> Expr {
        let (left, right) = match self.language {
            Language::Painless => (left, right),
            Language::Expression => super::lucene::operands(operator, left, right, at),
        };
        Expr::Binary { operator, left: Box::new(left), right: Box::new(right), at }
    }

    fn apply(&self, operator: Unary, value: Expr, at: At) -> Expr {
        let value = match self.language {
            Language::Painless => value,
            Language::Expression => super::lucene::operand(operator, value, at),
        };
        Expr::Unary { operator, value: Box::new(value), at }
    }

    fn condition(&self, value: Expr, at: At) -> Expr {
        match self.language {
            Language::Painless => value,
            Language::Expression => super::lucene::truth(value, at),
        }
    }
}

fn compile(source: String, flags: String, whole: bool) -> Result<Pattern, String> {
    if source.len() > REGEX_MAX_BYTES {
        return Err(format!("regex is longer than {REGEX_MAX_BYTES} bytes"));
    }
    // `\/` is a plain slash here; the regex engine knows no such escape.
    let text = source.replace("\\/", "/");
    let text = if whole { format!("^(?:{text})$") } else { text };
    let mut builder = regex::RegexBuilder::new(&text);
    builder.size_limit(REGEX_MAX_AUTOMATON_BYTES);
    for flag in flags.chars() {
        match flag {
            'i' => builder.case_insensitive(true),
            'm' => builder.multi_line(true),
            's' => builder.dot_matches_new_line(true),
            'x' => builder.ignore_whitespace(true),
            'u' | 'U' => builder.unicode(true),
            other => return Err(format!("unknown regex flag \"{other}\"")),
        };
    }
    let regex =
        builder.build().map_err(|e| format!("cannot compile regex: {}", last_line(&e.to_string())))?;
    Ok(Pattern { source, flags, regex })
}

/// The regex crate draws a picture and ends with the reason.
fn last_line(text: &str) -> &str {
    text.trim_end().rsplit('\n').next().unwrap_or(text)
}
