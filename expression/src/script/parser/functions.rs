//! Functions that a script defines for itself, and the lambdas that it hands to them.
//!
//! Kibana filters by scripted fields with such: `boolean gt(Supplier s, def v) {return s.get() > v} gt(() -> { … }, 5)`.
//! A call becomes the function's body with its parameters as variables of their own, and `s.get()` the body of the lambda:
//! there is nothing left to call when the script runs.

use super::super::ast::{At, Expr, Kind, Statement};
use super::super::lexer::Token;
use super::super::names::TypeName;
use super::super::tail::with_answer;
use super::{Parsed, Parser};

/// Functions of one script.
const FUNCTIONS_MAX: usize = 16;
/// Calls of one script, those in functions counted each time; a function that calls itself has no end.
const CALLS_MAX: usize = 64;
/// Types of parameters that take a lambda without arguments.
const SUPPLIERS: [&str; 5] = ["Supplier", "BooleanSupplier", "DoubleSupplier", "IntSupplier", "LongSupplier"];
/// What such a lambda is called by.
const GETTERS: [&str; 5] = ["get", "getAsBoolean", "getAsDouble", "getAsInt", "getAsLong"];

/// A function of the script.
#[derive(Clone)]
pub(super) struct Defined {
    name: String,
    /// Names and types; `None`: a lambda.
    parameters: Vec<(String, Option<TypeName>)>,
    /// The token behind the opening brace of its body.
    body: usize,
}

/// A lambda that a parameter stands for.
#[derive(Clone)]
pub(super) struct Supplier {
    name: String,
    /// The token behind its arrow.
    body: usize,
    /// What it sees: that of the call.
    frame: Frame,
    suppliers: Vec<Supplier>,
}

/// The variables in sight: those declared from `start` on, and those of these ranges before.
#[derive(Clone, Default)]
pub(super) struct Frame {
    seen: Vec<(usize, usize)>,
    start: usize,
}

impl Frame {
    pub(super) fn sees(&self, slot: usize) -> bool {
        slot >= self.start || self.seen.iter().any(|(from, to)| (*from..*to).contains(&slot))
    }

    /// What is in sight now, once more variables are declared.
    fn captured(&self, locals: usize) -> Self {
        let mut seen = self.seen.clone();
        seen.push((self.start, locals));
        Self { seen, start: locals }
    }
}

impl Parser<'_> {
    /// The functions that stand before the first statement.
    pub(super) fn definitions(&mut self) -> Parsed<()> {
        while let (Token::Name(class), Token::Name(_)) = (self.peek(), self.peek_at(1))
            && (class == "void" || TypeName::find(class).is_some())
            && self.is_sign(2, "(")
        {
            if self.functions.len() >= FUNCTIONS_MAX {
                return Err(self.error(format!("more than {FUNCTIONS_MAX} functions")));
            }
            let function = self.definition()?;
            self.functions.push(function);
        }
        Ok(())
    }

    fn definition(&mut self) -> Parsed<Defined> {
        self.next += 1;
        let name = self.identifier("the name of a function")?;
        self.expect("(")?;
        let mut parameters = Vec::new();
        while !self.take(")") {
            if !parameters.is_empty() {
                self.expect(",")?;
            }
            let supplier = matches!(self.peek(), Token::Name(class) if SUPPLIERS.contains(&class.as_str()));
            let class = match supplier {
                true => {
                    self.next += 1;
                    None
                }
                false => Some(self.type_name()?),
            };
            parameters.push((self.identifier("the name of a parameter")?, class));
        }
        self.expect("{")?;
        let body = self.next;
        self.skip_braces()?;
        Ok(Defined { name, parameters, body })
    }

    /// Goes behind the brace that closes the one just passed.
    fn skip_braces(&mut self) -> Parsed<()> {
        let mut depth = 1;
        while depth > 0 {
            match self.peek() {
                Token::Sign("{") => depth += 1,
                Token::Sign("}") => depth -= 1,
                Token::End => return Err(self.error("expected \"}\", found the end")),
                _ => {}
            }
            self.next += 1;
        }
        Ok(())
    }

    /// The function of that name, if the script has one.
    pub(super) fn defined(&self, name: &str) -> Option<Defined> {
        self.functions.iter().find(|function| function.name == name).cloned()
    }

    /// A call of a function, from its name on.
    pub(super) fn call_defined(&mut self, function: &Defined, at: At) -> Parsed<Expr> {
        self.calls += 1;
        if self.calls > CALLS_MAX {
            return Err(self.error_at(at, format!("more than {CALLS_MAX} calls of functions of the script")));
        }
        self.next += 1;
        self.expect("(")?;
        let (mut values, mut suppliers) = (Vec::new(), Vec::new());
        for (position, (name, class)) in function.parameters.iter().enumerate() {
            if position > 0 {
                self.expect(",")?;
            }
            match class {
                Some(_) => values.push(self.expression()?),
                None => suppliers.push(self.supplier(name)?),
            }
        }
        self.expect(")")?;
        let in_sight = self.locals.len();
        let frame = Frame { seen: Vec::new(), start: in_sight };
        let body = self.elsewhere(frame, suppliers, function.body, |parser| {
            let parameters = function.parameters.iter().filter_map(|(name, class)| Some((name, (*class)?)));
            let mut sets = Vec::new();
            for ((name, class), value) in parameters.zip(values) {
                sets.push((parser.declare(name.clone(), class, at)?, value));
            }
            let body = parser.statements(|token| matches!(token, Token::Sign("}")))?;
            Ok((sets, body))
        });
        self.locals.truncate(in_sight);
        let (sets, body) = body?;
        Ok(Expr::Inline { sets, body })
    }

    /// `() -> expression` or `() -> { … }`, which is read when it is called.
    fn supplier(&mut self, name: &str) -> Parsed<Supplier> {
        for sign in ["(", ")", "->"] {
            self.expect(sign)?;
        }
        let supplier = Supplier {
            name: name.to_owned(),
            body: self.next,
            frame: self.frame.captured(self.locals.len()),
            suppliers: self.suppliers.clone(),
        };
        if self.take("{") {
            self.skip_braces()?;
        } else {
            self.expression()?;
        }
        Ok(supplier)
    }

    /// The lambda that a name stands for, where it is called.
    pub(super) fn supplied(&self, name: &str) -> Option<Supplier> {
        let getter = matches!(self.peek_at(2), Token::Name(called) if GETTERS.contains(&called.as_str()));
        let called = self.is_sign(1, ".") && getter && self.is_sign(3, "(") && self.is_sign(4, ")");
        self.suppliers.iter().find(|supplier| called && supplier.name == name).cloned()
    }

    /// `s.get()`, from the name on.
    pub(super) fn call_supplied(&mut self, supplier: Supplier, at: At) -> Parsed<Expr> {
        self.next += 5;
        let in_sight = self.locals.len();
        let frame = Frame { start: in_sight, ..supplier.frame };
        let body = self.elsewhere(frame, supplier.suppliers, supplier.body, |parser| {
            if parser.take("{") {
                return parser.statements(|token| matches!(token, Token::Sign("}"))).map(with_answer);
            }
            let value = parser.expression()?;
            Ok(vec![Statement { kind: Kind::Return(Some(value)), cost: 1, at }])
        });
        self.locals.truncate(in_sight);
        Ok(Expr::Inline { sets: Vec::new(), body: body? })
    }

    /// Reads what stands in another place, as if it stood here, with other variables in sight.
    fn elsewhere<T>(
        &mut self,
        frame: Frame,
        suppliers: Vec<Supplier>,
        place: usize,
        read: impl FnOnce(&mut Self) -> Parsed<T>,
    ) -> Parsed<T> {
        let frame = std::mem::replace(&mut self.frame, frame);
        let suppliers = std::mem::replace(&mut self.suppliers, suppliers);
        let next = std::mem::replace(&mut self.next, place);
        let (loops, links) = (std::mem::take(&mut self.loops), std::mem::take(&mut self.links));
        let found = self.nested(read);
        (self.frame, self.suppliers, self.next) = (frame, suppliers, next);
        (self.loops, self.links) = (loops, links);
        found
    }
}
