//! Tokens into the tree: one function per rung of Painless' ladder of operators.

use super::ast::{Class, Expr, Method, Operator, Pattern};
use super::lexer::{Located, Token, error_at, tokenize};
use super::{ConditionError, DEPTH_MAX};

/// Most operators and field accesses of one condition.
const LINKS_MAX: usize = 512;
/// Longest regex, and the most memory that its automaton may take.
const REGEX_MAX_BYTES: usize = 1024;
const REGEX_MAX_AUTOMATON_BYTES: usize = 1024 * 1024;

type Parsed = Result<Expr, ConditionError>;

struct Parser<'s> {
    source: &'s str,
    tokens: Vec<Located>,
    next: usize,
    depth: usize,
    links: usize,
}

pub(super) fn parse(source: &str) -> Parsed {
    let mut parser = Parser { source, tokens: tokenize(source)?, next: 0, depth: 0, links: 0 };
    if matches!(parser.peek(), Token::Name(name) if name == "return") {
        parser.next += 1;
    }
    let expression = parser.conditional()?;
    parser.take(";");
    match parser.peek() {
        Token::End => Ok(expression),
        other => Err(parser.error(format!("expected an operator or the end, found {}", other.describe()))),
    }
}

impl Parser<'_> {
    fn peek(&self) -> &Token {
        &self.tokens[self.next.min(self.tokens.len() - 1)].token
    }

    fn error(&self, reason: impl Into<String>) -> ConditionError {
        let at = self.tokens[self.next.min(self.tokens.len() - 1)].at;
        error_at(self.source, at, reason)
    }

    fn take(&mut self, sign: &str) -> bool {
        let found = matches!(self.peek(), Token::Sign(found) if *found == sign);
        self.next += usize::from(found);
        found
    }

    fn take_any<T: Copy>(&mut self, signs: &[(&str, T)]) -> Option<T> {
        signs.iter().find(|(sign, _)| self.take(sign)).map(|(_, meaning)| *meaning)
    }

    fn expect(&mut self, sign: &str) -> Result<(), ConditionError> {
        if self.take(sign) {
            return Ok(());
        }
        Err(self.error(format!("expected \"{sign}\", found {}", self.peek().describe())))
    }

    /// Runs one rung; all recursion passes here, so the tree can never be deeper than the limit allows.
    fn nested(&mut self, parse: impl FnOnce(&mut Self) -> Parsed) -> Parsed {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(self.error(format!("condition is nested deeper than {DEPTH_MAX}")));
        }
        let result = parse(self);
        self.depth -= 1;
        result
    }

    fn conditional(&mut self) -> Parsed {
        self.nested(|parser| {
            let value = parser.binary(0)?;
            if parser.take("?") {
                let then = Box::new(parser.conditional()?);
                parser.expect(":")?;
                let otherwise = Box::new(parser.conditional()?);
                return Ok(Expr::Conditional { condition: Box::new(value), then, otherwise });
            }
            if parser.take("?:") {
                let otherwise = Box::new(parser.conditional()?);
                return Ok(Expr::Elvis { value: Box::new(value), otherwise });
            }
            Ok(value)
        })
    }

    /// `||`, then `&&`, then equality, then comparison: the left-associative rungs.
    fn binary(&mut self, rung: usize) -> Parsed {
        const RUNGS: [&[(&str, Operator)]; 4] = [
            &[("||", Operator::Or)],
            &[("&&", Operator::And)],
            &[
                ("===", Operator::Equal),
                ("!==", Operator::NotEqual),
                ("==", Operator::Equal),
                ("!=", Operator::NotEqual),
            ],
            &[
                ("<=", Operator::LessOrEqual),
                (">=", Operator::GreaterOrEqual),
                ("<", Operator::Less),
                (">", Operator::Greater),
            ],
        ];
        let Some(operators) = RUNGS.get(rung) else { return self.matches() };
        let mut left = self.binary(rung + 1)?;
        loop {
            if let Some(operator) = self.take_any(operators) {
                let right = Box::new(self.binary(rung + 1)?);
                left = Expr::Binary { operator, left: Box::new(left), right };
            } else if rung == 3 && matches!(self.peek(), Token::Name(name) if name == "instanceof") {
                self.next += 1;
                left = Expr::InstanceOf { value: Box::new(left), class: self.class()? };
            } else {
                return Ok(left);
            }
            self.link()?;
        }
    }

    /// Counts what makes the tree deeper without a bracket: evaluation and drop recurse into a long chain.
    fn link(&mut self) -> Result<(), ConditionError> {
        self.links += 1;
        if self.links > LINKS_MAX {
            return Err(self.error(format!("more than {LINKS_MAX} operators and field accesses")));
        }
        Ok(())
    }

    fn class(&mut self) -> Result<Class, ConditionError> {
        let known = || Class::NAMES.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ");
        let Token::Name(name) = self.peek() else {
            return Err(self.error(format!(
                "expected a type ({}), found {}",
                known(),
                self.peek().describe()
            )));
        };
        match Class::NAMES.iter().find(|(text, _)| text == name) {
            Some((_, class)) => {
                self.next += 1;
                Ok(*class)
            }
            None => Err(self.error(format!("unknown type \"{name}\": known are {}", known()))),
        }
    }

    fn matches(&mut self) -> Parsed {
        let value = self.unary()?;
        let Some(whole) = self.take_any(&[("=~", false), ("==~", true)]) else { return Ok(value) };
        let Token::Regex { source, flags } = self.peek().clone() else {
            return Err(
                self.error(format!("expected a regex such as /a+/, found {}", self.peek().describe()))
            );
        };
        let pattern = compile(source, flags, whole).map_err(|reason| self.error(reason))?;
        self.next += 1;
        Ok(Expr::Matches { value: Box::new(value), pattern, whole })
    }

    fn unary(&mut self) -> Parsed {
        if self.take("!") {
            return self.nested(|parser| Ok(Expr::Not(Box::new(parser.unary()?))));
        }
        if self.take("-") {
            return self.nested(|parser| Ok(Expr::Negate(Box::new(parser.postfix()?))));
        }
        self.postfix()
    }

    fn postfix(&mut self) -> Parsed {
        let mut base = self.primary()?;
        loop {
            base = if self.take(".") {
                self.member(base, false)?
            } else if self.take("?.") {
                self.member(base, true)?
            } else if self.take("[") {
                let index = Box::new(self.conditional()?);
                self.expect("]")?;
                Expr::Index { base: Box::new(base), index }
            } else if matches!(base, Expr::Ctx) {
                return Err(self.error("expected a field of ctx, such as ctx.field"));
            } else {
                return Ok(base);
            };
            self.link()?;
        }
    }

    fn member(&mut self, base: Expr, null_safe: bool) -> Parsed {
        let Token::Name(name) = self.peek().clone() else {
            return Err(self.error(format!("expected a field or method, found {}", self.peek().describe())));
        };
        self.next += 1;
        if !matches!(self.peek(), Token::Sign("(")) {
            return Ok(Expr::Member { base: Box::new(base), name, null_safe });
        }
        let Some((_, method, arity)) = Method::NAMES.iter().find(|(text, ..)| *text == name) else {
            self.next -= 1;
            let known = Method::NAMES.iter().map(|(name, ..)| *name).collect::<Vec<_>>().join(", ");
            return Err(self.error(format!("unknown method \"{name}\": known are {known}")));
        };
        let at = self.tokens[self.next - 1].at;
        self.next += 1;
        let arguments = self.list(")")?;
        if arguments.len() != *arity {
            let reason = format!("method \"{name}\" takes {arity} arguments, found {}", arguments.len());
            return Err(error_at(self.source, at, reason));
        }
        Ok(Expr::Call { base: Box::new(base), method: *method, arguments, null_safe })
    }

    /// Expressions up to the closing sign.
    fn list(&mut self, close: &'static str) -> Result<Vec<Expr>, ConditionError> {
        let mut items = Vec::new();
        if self.take(close) {
            return Ok(items);
        }
        loop {
            items.push(self.conditional()?);
            if self.take(close) {
                return Ok(items);
            }
            self.expect(",")?;
        }
    }

    fn primary(&mut self) -> Parsed {
        let token = self.peek().clone();
        let expression = match token {
            Token::Text(text) => Expr::Text(text),
            Token::Int(value) => Expr::Int(value),
            Token::Double(value) => Expr::Double(value),
            Token::Name(name) => match name.as_str() {
                "null" => Expr::Null,
                "true" => Expr::Bool(true),
                "false" => Expr::Bool(false),
                "ctx" => Expr::Ctx,
                "def" | "for" | "if" | "while" | "new" | "return" | "try" => {
                    return Err(
                        self.error(format!("\"{name}\" is not supported: a condition is one expression"))
                    );
                }
                _ => return Err(self.error(format!("unknown variable \"{name}\": fields are ctx.{name}"))),
            },
            Token::Sign("(") => {
                self.next += 1;
                let inner = self.conditional()?;
                self.expect(")")?;
                return Ok(inner);
            }
            Token::Sign("[") => {
                self.next += 1;
                return Ok(Expr::List(self.list("]")?));
            }
            other => return Err(self.error(format!("expected a value, found {}", other.describe()))),
        };
        self.next += 1;
        Ok(expression)
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
