//! What operators work on: literals, variables, field accesses, calls, casts.

use super::super::Language;
use super::super::ast::{Argument, At, Call, Expr, Member, Operator};
use super::super::lexer::Token;
use super::super::names::{Class, Constant, Function, Method, TypeName};
use super::{Parsed, Parser};
use std::ops::RangeInclusive;

impl Parser<'_> {
    pub(super) fn postfix(&mut self) -> Parsed<Expr> {
        let mut base = self.primary()?;
        loop {
            let at = self.here();
            base = if self.take(".") {
                self.member(base, false)?
            } else if self.is_sign(0, "?.") && self.language == Language::Painless {
                self.next += 1;
                self.member(base, true)?
            } else if self.take("[") {
                let index = Box::new(self.expression()?);
                self.expect("]")?;
                Expr::Index { base: Box::new(base), index, at }
            } else if self.is_sign(0, "++") || self.is_sign(0, "--") {
                self.check_target(&base, at)?;
                let operator = if self.is_sign(0, "++") { Operator::Add } else { Operator::Subtract };
                self.next += 1;
                return Ok(Expr::Step { target: Box::new(base), operator, prefix: false, at });
            } else {
                return Ok(base);
            };
            self.link()?;
        }
    }

    fn member(&mut self, base: Expr, null_safe: bool) -> Parsed<Expr> {
        let at = self.here();
        let name = match self.peek().clone() {
            Token::Name(name) => name,
            // `ctx.list.0`: Painless reads an element of a list so.
            Token::Int(index) => index.to_string(),
            other => {
                return Err(self.error(format!("expected a field or method, found {}", other.describe())));
            }
        };
        if !self.is_sign(1, "(") {
            self.next += 1;
            let getter = Method::getter(&name);
            return Ok(Expr::Member(Box::new(Member { base, name, getter, null_safe, at })));
        }
        let Some((method, arity)) = Method::find(&name) else {
            return Err(self.error(format!("unknown method \"{name}\"")));
        };
        self.next += 2;
        let arguments = self.arguments(method)?;
        self.check_arity("method", &name, &arity, arguments.len(), at)?;
        Ok(Expr::Call(Box::new(Call { base, method, arguments, null_safe, at })))
    }

    fn check_arity(
        &self,
        what: &str,
        name: &str,
        arity: &RangeInclusive<usize>,
        found: usize,
        at: At,
    ) -> Parsed<()> {
        if arity.contains(&found) {
            return Ok(());
        }
        let (least, most) = (arity.start(), arity.end());
        let needed = if least == most { least.to_string() } else { format!("{least} to {most}") };
        Err(self.error_at(at, format!("{what} \"{name}\" takes {needed} arguments, found {found}")))
    }

    fn arguments(&mut self, method: Method) -> Parsed<Vec<Argument>> {
        if method.takes_lambda() {
            let lambda = self.lambda()?;
            self.expect(")")?;
            return Ok(vec![lambda]);
        }
        Ok(self.list(")")?.into_iter().map(Argument::Value).collect())
    }

    /// `name -> expression` or `(name) -> expression`.
    fn lambda(&mut self) -> Parsed<Argument> {
        let bracketed = self.is_sign(0, "(") && self.is_sign(2, ")") && self.is_sign(3, "->");
        self.next += usize::from(bracketed);
        let at = self.here();
        let name = self.identifier("a lambda such as item -> item == 1")?;
        self.next += usize::from(bracketed);
        if !self.take("->") {
            return Err(self.error("expected a lambda such as item -> item == 1"));
        }
        if self.is_sign(0, "{") {
            return Err(self.error("a lambda is one expression here: blocks are not supported"));
        }
        let slot = self.declare(name.clone(), TypeName::DEF, at)?;
        let body = self.expression()?;
        self.locals.truncate(slot);
        Ok(Argument::Lambda { slot, name, body })
    }

    /// Expressions up to the closing sign.
    fn list(&mut self, close: &'static str) -> Parsed<Vec<Expr>> {
        let mut items = Vec::new();
        if self.take(close) {
            return Ok(items);
        }
        loop {
            items.push(self.expression()?);
            self.nodes = self.nodes.saturating_add(1);
            if self.take(close) {
                return Ok(items);
            }
            self.expect(",")?;
        }
    }

    fn primary(&mut self) -> Parsed<Expr> {
        let at = self.here();
        let lucene = self.language == Language::Expression;
        let literal = match self.peek().clone() {
            Token::Text(text) => Expr::Text(text),
            Token::Int(value) if lucene => Expr::Double(f64::from(value)),
            Token::Long(value) if lucene => Expr::Double(value as f64),
            Token::Float(value) if lucene => Expr::Double(f64::from(value)),
            Token::Int(value) => Expr::Int(value),
            Token::Long(value) => Expr::Long(value),
            Token::Float(value) => Expr::Float(value),
            Token::Double(value) => Expr::Double(value),
            Token::Name(name) => return if lucene { self.lucene_name(&name) } else { self.name(&name) },
            Token::Sign("(") if !lucene && self.is_cast() => return self.cast(at),
            Token::Sign("(") => {
                self.next += 1;
                let inner = self.expression()?;
                self.expect(")")?;
                return Ok(inner);
            }
            Token::Sign("[") if !lucene => return self.list_or_map(),
            other => return Err(self.error(format!("expected a value, found {}", other.describe()))),
        };
        self.next += 1;
        Ok(literal)
    }

    fn name(&mut self, name: &str) -> Parsed<Expr> {
        let literal = match name {
            "null" => Some(Expr::Null),
            "true" => Some(Expr::Bool(true)),
            "false" => Some(Expr::Bool(false)),
            _ => None,
        };
        if let Some(literal) = literal {
            self.next += 1;
            return Ok(literal);
        }
        if name == "new" {
            return self.construct();
        }
        let at = self.here();
        if let Some(supplier) = self.supplied(name) {
            return self.call_supplied(supplier, at);
        }
        if self.is_sign(1, "(")
            && let Some(function) = self.defined(name)
        {
            return self.call_defined(&function, at);
        }
        if self.is_sign(1, "->") || self.is_sign(1, "::") {
            return Err(
                self.error("lambdas are only supported in any, collect, every, find, findAll and removeIf")
            );
        }
        if let Some(slot) = self.local(name) {
            self.next += 1;
            let class = self.locals.get(slot).map_or(TypeName::DEF, |(_, class)| *class);
            return Ok(Expr::Local { slot, name: name.to_owned(), class });
        }
        if let Some(global) = self.global(name) {
            self.next += 1;
            return Ok(Expr::Global(global));
        }
        if self.is_sign(1, ".") && (Function::is_class(name) || Constant::is_class(name)) {
            return self.of_class(name);
        }
        if self.is_sign(1, "(") {
            return Err(self.error(format!("unknown function \"{name}\"")));
        }
        let globals: Vec<_> = self.purpose.globals().iter().map(|global| global.name()).collect();
        Err(self.error(format!("unknown variable \"{name}\": known are {}", globals.join(", "))))
    }

    /// `Class.function(…)` or `Class.CONSTANT`.
    fn of_class(&mut self, class: &str) -> Parsed<Expr> {
        let at = self.here();
        self.next += 2;
        let name = match self.peek() {
            Token::Name(name) => name.clone(),
            other => return Err(self.error(format!("expected a function, found {}", other.describe()))),
        };
        if !self.is_sign(1, "(") {
            let constant = Constant::find(class, &name)
                .ok_or_else(|| self.error(format!("unknown constant \"{name}\" of {class}")))?;
            self.next += 1;
            return Ok(Expr::Constant(constant));
        }
        let (function, arity) = Function::find(class, &name)
            .ok_or_else(|| self.error(format!("unknown function \"{name}\" of {class}")))?;
        self.next += 2;
        self.finish_call(function, &name, &arity, at)
    }

    pub(super) fn finish_call(
        &mut self,
        function: Function,
        name: &str,
        arity: &RangeInclusive<usize>,
        at: At,
    ) -> Parsed<Expr> {
        let arguments = self.list(")")?;
        self.check_arity("function", name, arity, arguments.len(), at)?;
        self.link()?;
        Ok(Expr::Static { function, arguments, at })
    }

    /// `new ArrayList()`, `new HashMap(other)`, `new String('x')`.
    fn construct(&mut self) -> Parsed<Expr> {
        let at = self.here();
        self.next += 1;
        let class = self.type_name()?;
        if !class.constructible {
            return Err(self.error_at(at, format!("cannot make a new {}", class.text)));
        }
        self.expect("(")?;
        let mut arguments = self.list(")")?;
        let least = usize::from(class.class == Class::Text);
        self.check_arity("constructor", class.text, &(least..=1), arguments.len(), at)?;
        Ok(Expr::New { class, argument: arguments.pop().map(Box::new), at })
    }

    /// A type in brackets: types are no values, so nothing else can be meant.
    fn is_cast(&self) -> bool {
        let Token::Name(name) = self.peek_at(1) else { return false };
        TypeName::find(name).is_some() && self.is_sign(2, ")")
    }

    fn cast(&mut self, at: At) -> Parsed<Expr> {
        self.next += 1;
        let class = self.type_name()?;
        self.expect(")")?;
        let value = Box::new(self.nested(Self::unary)?);
        Ok(Expr::Cast { class, value, at })
    }

    /// `[1, 2]`, `[]`, `['a': 1]`, `[:]`.
    fn list_or_map(&mut self) -> Parsed<Expr> {
        self.next += 1;
        if self.take(":") {
            self.expect("]")?;
            return Ok(Expr::Map(Vec::new()));
        }
        if self.take("]") {
            return Ok(Expr::List(Vec::new()));
        }
        let first = self.expression()?;
        if !self.take(":") {
            let mut items = vec![first];
            if !self.take("]") {
                self.expect(",")?;
                items.extend(self.list("]")?);
            }
            return Ok(Expr::List(items));
        }
        let mut entries = vec![(first, self.expression()?)];
        while self.take(",") {
            let key = self.expression()?;
            self.expect(":")?;
            entries.push((key, self.expression()?));
            self.nodes = self.nodes.saturating_add(2);
        }
        self.expect("]")?;
        Ok(Expr::Map(entries))
    }
}
