//! Statements.

use super::super::ast::{At, Block, Declaration, Expr, Kind, Statement};
use super::super::lexer::Token;
use super::super::names::TypeName;
use super::{Parsed, Parser};

impl Parser<'_> {
    /// Statements up to a token that ends them, which is left.
    pub(super) fn statements(&mut self, end: impl Fn(&Token) -> bool) -> Parsed<Block> {
        let in_sight = self.locals.len();
        let mut block = Block::new();
        while !end(self.peek()) {
            if matches!(self.peek(), Token::End) {
                return Err(self.error("expected \"}\", found the end"));
            }
            block.push(self.statement()?);
        }
        self.locals.truncate(in_sight);
        Ok(block)
    }

    /// What a loop or a branch does: a block in braces or one statement.
    fn block(&mut self) -> Parsed<Block> {
        self.nested(|parser| {
            if parser.take("{") {
                let block = parser.statements(|token| matches!(token, Token::Sign("}")))?;
                parser.expect("}")?;
                return Ok(block);
            }
            if parser.take(";") {
                return Ok(Block::new());
            }
            let in_sight = parser.locals.len();
            let statement = parser.statement()?;
            parser.locals.truncate(in_sight);
            Ok(vec![statement])
        })
    }

    fn looped(&mut self) -> Parsed<Block> {
        self.loops += 1;
        let block = self.block();
        self.loops -= 1;
        block
    }

    fn statement(&mut self) -> Parsed<Statement> {
        let (at, before) = (self.here(), self.nodes);
        self.links = 0;
        let keyword = match self.peek() {
            Token::Name(name) => name.clone(),
            _ => String::new(),
        };
        let kind = match keyword.as_str() {
            "if" => self.branches()?,
            "while" => self.while_loop()?,
            "do" => self.do_loop()?,
            "for" => return self.for_loop(at),
            _ => {
                let kind = self.simple(&keyword, at)?;
                self.end_of_statement()?;
                kind
            }
        };
        Ok(Statement { kind, cost: self.nodes.saturating_sub(before).saturating_add(1), at })
    }

    /// The semicolon; the last statement of a block may go without.
    fn end_of_statement(&mut self) -> Parsed<()> {
        if self.take(";") || matches!(self.peek(), Token::End | Token::Sign("}")) {
            return Ok(());
        }
        Err(self.error(format!("expected an operator or the end, found {}", self.peek().describe())))
    }

    fn simple(&mut self, keyword: &str, at: At) -> Parsed<Kind> {
        match keyword {
            "return" => {
                self.next += 1;
                if matches!(self.peek(), Token::End | Token::Sign(";" | "}")) {
                    return Ok(Kind::Return(None));
                }
                Ok(Kind::Return(Some(self.expression()?)))
            }
            "break" | "continue" => {
                if self.loops == 0 {
                    return Err(self.error(format!("\"{keyword}\" outside a loop")));
                }
                self.next += 1;
                Ok(if keyword == "break" { Kind::Break } else { Kind::Continue })
            }
            "throw" => self.throw(),
            "try" | "catch" | "switch" | "void" => Err(self.error(format!("\"{keyword}\" is not supported"))),
            _ if self.is_declaration() => {
                if matches!(self.peek_at(2), Token::Sign("(")) {
                    return Err(self.error("functions must stand before the first statement"));
                }
                Ok(Kind::Declare(self.declarations()?))
            }
            _ => {
                if let (Token::Name(class), Token::Name(_)) = (self.peek(), self.peek_at(1))
                    && class != "new"
                    && !self.is_name(1, "instanceof")
                    && self.global(class).is_none()
                {
                    return Err(self
                        .error_at(at, format!("unknown type \"{class}\": known are {}", TypeName::known())));
                }
                Ok(Kind::Expression(self.expression()?))
            }
        }
    }

    /// A type and a name, which is not the operator `instanceof`.
    fn is_declaration(&self) -> bool {
        let Token::Name(class) = self.peek() else { return false };
        TypeName::find(class).is_some()
            && matches!(self.peek_at(1), Token::Name(_))
            && !self.is_name(1, "instanceof")
    }

    pub(super) fn type_name(&mut self) -> Parsed<TypeName> {
        let Token::Name(name) = self.peek() else {
            let found = self.peek().describe();
            return Err(self.error(format!("expected a type ({}), found {found}", TypeName::known())));
        };
        let Some(class) = TypeName::find(name) else {
            return Err(self.error(format!("unknown type \"{name}\": known are {}", TypeName::known())));
        };
        self.next += 1;
        Ok(class)
    }

    fn declarations(&mut self) -> Parsed<Vec<Declaration>> {
        let class = self.type_name()?;
        let mut declarations = Vec::new();
        loop {
            let at = self.here();
            let name = self.identifier("the name of a variable")?;
            // The value is read first: it cannot see the variable.
            let value = if self.take("=") { Some(self.expression()?) } else { None };
            let slot = self.declare(name.clone(), class, at)?;
            declarations.push(Declaration { slot, name, class, value, at });
            if !self.take(",") {
                return Ok(declarations);
            }
        }
    }

    fn branches(&mut self) -> Parsed<Kind> {
        let mut arms = Vec::new();
        loop {
            self.next += 1;
            self.expect("(")?;
            let condition = self.expression()?;
            self.expect(")")?;
            arms.push((condition, self.block()?));
            if !self.take_name("else") {
                return Ok(Kind::If { arms, otherwise: None });
            }
            if !self.is_name(0, "if") {
                return Ok(Kind::If { arms, otherwise: Some(self.block()?) });
            }
        }
    }

    fn while_loop(&mut self) -> Parsed<Kind> {
        self.next += 1;
        self.expect("(")?;
        let condition = self.expression()?;
        self.expect(")")?;
        Ok(Kind::While { condition, body: self.looped()? })
    }

    fn do_loop(&mut self) -> Parsed<Kind> {
        self.next += 1;
        let body = self.looped()?;
        if !self.take_name("while") {
            return Err(self.error(format!("expected \"while\", found {}", self.peek().describe())));
        }
        self.expect("(")?;
        let condition = self.expression()?;
        self.expect(")")?;
        self.end_of_statement()?;
        Ok(Kind::DoWhile { body, condition })
    }

    /// `for (start; condition; step)`, `for (Type name : items)` and `for (name in items)`.
    fn for_loop(&mut self, at: At) -> Parsed<Statement> {
        let (in_sight, before) = (self.locals.len(), self.nodes);
        self.next += 1;
        self.expect("(")?;
        let kind = if self.is_name(1, "in") || self.is_sign(2, ":") { self.each()? } else { self.counted()? };
        self.locals.truncate(in_sight);
        Ok(Statement { kind, cost: self.nodes.saturating_sub(before).saturating_add(1), at })
    }

    fn each(&mut self) -> Parsed<Kind> {
        let class = if self.is_name(1, "in") { TypeName::DEF } else { self.type_name()? };
        let at = self.here();
        let name = self.identifier("the name of a variable")?;
        self.next += 1;
        let items = self.expression()?;
        self.expect(")")?;
        let slot = self.declare(name.clone(), class, at)?;
        let variable = Declaration { slot, name, class, value: None, at };
        Ok(Kind::Each { variable, items, body: self.looped()? })
    }

    fn counted(&mut self) -> Parsed<Kind> {
        let at = self.here();
        let start = if self.is_sign(0, ";") {
            None
        } else {
            let kind = if self.is_declaration() {
                Kind::Declare(self.declarations()?)
            } else {
                Kind::Expression(self.expression()?)
            };
            Some(Box::new(Statement { kind, cost: 1, at }))
        };
        self.expect(";")?;
        let condition = self.unless(";")?;
        self.expect(";")?;
        let step = self.unless(")")?;
        self.expect(")")?;
        Ok(Kind::For { start, condition, step, body: self.looped()? })
    }

    /// An expression, unless the sign that ends it comes first.
    fn unless(&mut self, sign: &str) -> Parsed<Option<Expr>> {
        if self.is_sign(0, sign) { Ok(None) } else { self.expression().map(Some) }
    }

    /// `throw new IllegalArgumentException('why')`.
    fn throw(&mut self) -> Parsed<Kind> {
        self.next += 1;
        if !self.take_name("new") {
            return Err(self.error(format!("expected \"new\", found {}", self.peek().describe())));
        }
        let class = match self.peek() {
            Token::Name(name) if name.ends_with("Exception") => name.clone(),
            other => return Err(self.error(format!("expected an exception, found {}", other.describe()))),
        };
        self.next += 1;
        self.expect("(")?;
        let reason = self.unless(")")?;
        self.expect(")")?;
        Ok(Kind::Throw { class, reason })
    }
}
