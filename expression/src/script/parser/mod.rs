//! Tokens into the checked tree. Names are resolved while parsing: what is unknown is refused at its place.

mod expressions;
mod functions;
mod lucene;
mod operands;
mod statements;

use super::ast::{At, Block, Global, Program};
use super::error::CompileError;
use super::lexer::{Located, Token, tokenize};
use super::names::TypeName;
use super::{Language, Purpose};
use functions::{Defined, Frame, Supplier};

/// Deepest nesting of brackets, blocks and operators.
const DEPTH_MAX: usize = 64;
/// Most operators and field accesses of one statement: evaluation and drop recurse into a long chain.
const LINKS_MAX: usize = 512;
/// Most local variables that are alive at once.
const LOCALS_MAX: usize = 256;

pub(super) type Parsed<T> = Result<T, CompileError>;

pub(super) fn parse(source: &str, language: Language, purpose: Purpose) -> Parsed<Program> {
    let tokens = tokenize(source)?;
    let mut parser = Parser {
        source,
        tokens,
        next: 0,
        depth: 0,
        links: 0,
        nodes: 0,
        loops: 0,
        language,
        purpose,
        locals: Vec::new(),
        slots: 0,
        functions: Vec::new(),
        suppliers: Vec::new(),
        frame: Frame::default(),
        calls: 0,
    };
    let body = match language {
        Language::Painless => parser.program()?,
        Language::Expression => parser.expression_program()?,
    };
    Ok(Program { body, slots: parser.slots, has_functions: !parser.functions.is_empty() })
}

struct Parser<'s> {
    source: &'s str,
    tokens: Vec<Located>,
    next: usize,
    depth: usize,
    links: usize,
    /// Nodes made so far: what a statement costs.
    nodes: u32,
    /// Loops around the current place.
    loops: usize,
    language: Language,
    purpose: Purpose,
    /// The local variables in sight, innermost last; the place is the slot.
    locals: Vec<(String, TypeName)>,
    slots: usize,
    /// What the script defines before its statements.
    functions: Vec<Defined>,
    /// The lambdas in sight, by the parameters that stand for them.
    suppliers: Vec<Supplier>,
    /// Which of the local variables are in sight.
    frame: Frame,
    calls: usize,
}

impl Parser<'_> {
    fn program(&mut self) -> Parsed<Block> {
        self.definitions()?;
        let body = self.statements(|token| matches!(token, Token::End))?;
        match self.peek() {
            Token::End if body.is_empty() => Err(self.error("expected a value, found the end")),
            Token::End => Ok(super::tail::with_answer(body)),
            other => Err(self.error(format!("expected a statement, found {}", other.describe()))),
        }
    }

    fn peek(&self) -> &Token {
        self.peek_at(0)
    }

    fn peek_at(&self, ahead: usize) -> &Token {
        self.tokens.get(self.next + ahead).map_or(&Token::End, |located| &located.token)
    }

    fn is_sign(&self, ahead: usize, sign: &str) -> bool {
        matches!(self.peek_at(ahead), Token::Sign(found) if *found == sign)
    }

    fn is_name(&self, ahead: usize, name: &str) -> bool {
        matches!(self.peek_at(ahead), Token::Name(found) if found == name)
    }

    /// Where the next token stands.
    fn here(&self) -> At {
        At(u32::try_from(self.offset_of(self.next)).unwrap_or(u32::MAX))
    }

    fn offset_of(&self, token: usize) -> usize {
        self.tokens.get(token).or(self.tokens.last()).map_or(0, |located| located.at)
    }

    fn error(&self, reason: impl Into<String>) -> CompileError {
        CompileError::at(self.source, self.offset_of(self.next), reason)
    }

    fn error_at(&self, at: At, reason: impl Into<String>) -> CompileError {
        CompileError::at(self.source, at.0 as usize, reason)
    }

    fn take(&mut self, sign: &str) -> bool {
        let found = self.is_sign(0, sign);
        self.next += usize::from(found);
        found
    }

    fn take_name(&mut self, name: &str) -> bool {
        let found = self.is_name(0, name);
        self.next += usize::from(found);
        found
    }

    fn expect(&mut self, sign: &str) -> Parsed<()> {
        if self.take(sign) {
            return Ok(());
        }
        Err(self.error(format!("expected \"{sign}\", found {}", self.peek().describe())))
    }

    /// A name that is no keyword.
    fn identifier(&mut self, what: &str) -> Parsed<String> {
        match self.peek().clone() {
            Token::Name(name) => {
                self.next += 1;
                Ok(name)
            }
            other => Err(self.error(format!("expected {what}, found {}", other.describe()))),
        }
    }

    /// Runs one rung; all recursion passes here, so the tree can never be deeper than the limit allows.
    fn nested<T>(&mut self, parse: impl FnOnce(&mut Self) -> Parsed<T>) -> Parsed<T> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(self.error(format!("script is nested deeper than {DEPTH_MAX}")));
        }
        let result = parse(self);
        self.depth -= 1;
        result
    }

    /// Counts what makes the tree deeper without a bracket.
    fn link(&mut self) -> Parsed<()> {
        self.links += 1;
        self.nodes = self.nodes.saturating_add(1);
        if self.links > LINKS_MAX {
            return Err(
                self.error(format!("more than {LINKS_MAX} operators and field accesses in one statement"))
            );
        }
        Ok(())
    }

    fn declare(&mut self, name: String, class: TypeName, at: At) -> Parsed<usize> {
        const KEYWORDS: [&str; 20] = [
            "if",
            "else",
            "while",
            "do",
            "for",
            "in",
            "continue",
            "break",
            "return",
            "new",
            "try",
            "catch",
            "throw",
            "this",
            "null",
            "true",
            "false",
            "def",
            "instanceof",
            "void",
        ];
        if KEYWORDS.contains(&name.as_str()) || TypeName::find(&name).is_some() {
            return Err(self.error_at(at, format!("\"{name}\" cannot be the name of a variable")));
        }
        if self.local(&name).is_some() || self.global(&name).is_some() {
            return Err(self.error_at(at, format!("variable \"{name}\" is already defined")));
        }
        if self.locals.len() >= LOCALS_MAX {
            return Err(self.error_at(at, format!("more than {LOCALS_MAX} variables")));
        }
        self.locals.push((name, class));
        self.slots = self.slots.max(self.locals.len());
        Ok(self.locals.len() - 1)
    }

    /// The slot of a local variable in sight.
    fn local(&self, name: &str) -> Option<usize> {
        let slots = self.locals.iter().enumerate().rev();
        slots
            .filter(|(slot, _)| self.frame.sees(*slot))
            .find(|(_, (known, _))| known == name)
            .map(|(slot, _)| slot)
    }

    /// A variable that the surroundings give to such a script.
    fn global(&self, name: &str) -> Option<Global> {
        let (_, global) = Global::ALL.iter().find(|(text, _)| *text == name)?;
        self.purpose.globals().contains(global).then_some(*global)
    }
}
