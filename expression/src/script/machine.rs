//! The interpreter: budgets, variables and statements.

use super::ast::{Block, Declaration, Expr, Kind, Program, Statement};
use super::environment::Environment;
use super::error::RunError;
use super::heap::Node;
use super::value::{NodeId, Text, Val};

/// What one run of a script may cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Steps: about one for each operator, access and call, and more for what goes through long texts and lists.
    pub steps: usize,
    /// Bytes of all texts, lists and maps that the script makes, together.
    pub memory_bytes: usize,
}

impl Default for Limits {
    /// 2,000,000 steps (tens of milliseconds) and 16 MiB.
    fn default() -> Self {
        Self { steps: 2_000_000, memory_bytes: 16 << 20 }
    }
}

pub(super) type Ran<T> = Result<T, Box<RunError>>;

/// What a statement does to those after it.
pub(super) enum Flow<'a> {
    Next,
    Break,
    Continue,
    Return(Val<'a>),
}

pub(super) struct Machine<'a> {
    pub(super) environment: &'a dyn Environment,
    pub(super) heap: Vec<Node<'a>>,
    locals: Vec<Val<'a>>,
    /// `ctx` where the script may change it.
    pub(super) ctx: Option<NodeId>,
    /// `params` of such a script.
    pub(super) params: Option<NodeId>,
    /// Lucene's expressions take a missing value of a field as 0.
    pub(super) lucene: bool,
    limits: Limits,
    steps: usize,
    memory_bytes: usize,
}

impl<'a> Machine<'a> {
    pub(super) fn new(environment: &'a dyn Environment, program: &Program, limits: Limits) -> Self {
        Self {
            environment,
            heap: Vec::new(),
            locals: vec![Val::Null; program.slots],
            ctx: None,
            params: None,
            lucene: false,
            limits,
            steps: limits.steps,
            memory_bytes: limits.memory_bytes,
        }
    }

    /// Runs a script: its answer, `None` when it ended without one.
    pub(super) fn run(&mut self, program: &'a Program) -> Ran<Option<Val<'a>>> {
        if let Some(value) = program.only_expression() {
            return self.eval(value).map(Some);
        }
        Ok(match self.block(&program.body)? {
            Flow::Return(value) => Some(value),
            _ => None,
        })
    }

    /// Counts steps.
    pub(super) fn spend(&mut self, steps: usize, at: u32) -> Ran<()> {
        match self.steps.checked_sub(steps) {
            Some(left) => self.steps = left,
            None => {
                let reason = format!("the script takes more than {} steps", self.limits.steps);
                return Err(RunError::boxed("painless_error", at, reason));
            }
        }
        Ok(())
    }

    /// Counts memory; what is dropped again counts too.
    pub(super) fn charge(&mut self, bytes: usize, at: u32) -> Ran<()> {
        match self.memory_bytes.checked_sub(bytes) {
            Some(left) => self.memory_bytes = left,
            None => {
                let reason =
                    format!("the script takes more than {} bytes of memory", self.limits.memory_bytes);
                return Err(RunError::boxed("circuit_breaking_exception", at, reason));
            }
        }
        Ok(())
    }

    /// A text that the script has made.
    pub(super) fn made_text(&mut self, text: String, at: u32) -> Ran<Val<'a>> {
        self.charge(text.len(), at)?;
        self.spend(text.len() / 64, at)?;
        Ok(Val::Text(Text::from(text)))
    }

    pub(super) fn local(&self, slot: usize) -> Val<'a> {
        self.locals.get(slot).cloned().unwrap_or(Val::Null)
    }

    pub(super) fn set_local(&mut self, slot: usize, value: Val<'a>) {
        if let Some(local) = self.locals.get_mut(slot) {
            *local = value;
        }
    }

    pub(super) fn block(&mut self, block: &'a Block) -> Ran<Flow<'a>> {
        for statement in block {
            match self.statement(statement)? {
                Flow::Next => {}
                other => return Ok(other),
            }
        }
        Ok(Flow::Next)
    }

    fn statement(&mut self, statement: &'a Statement) -> Ran<Flow<'a>> {
        let cost = statement.cost as usize;
        self.spend(cost, statement.at.0)?;
        match &statement.kind {
            Kind::Expression(value) => self.eval(value).map(|_| Flow::Next),
            Kind::Declare(declarations) => {
                declarations.iter().try_for_each(|declaration| self.declare(declaration))?;
                Ok(Flow::Next)
            }
            Kind::If { arms, otherwise } => self.branches(arms, otherwise.as_ref(), statement.at.0),
            Kind::While { condition, body } => self.repeat(Some(condition), None, body, statement),
            Kind::DoWhile { body, condition } => match self.block(body)? {
                Flow::Return(value) => Ok(Flow::Return(value)),
                Flow::Break => Ok(Flow::Next),
                _ => self.repeat(Some(condition), None, body, statement),
            },
            Kind::For { start, condition, step, body } => {
                if let Some(start) = start {
                    self.statement(start)?;
                }
                self.repeat(condition.as_ref(), step.as_ref(), body, statement)
            }
            Kind::Each { variable, items, body } => self.each(variable, items, body, statement),
            Kind::Return(value) => Ok(Flow::Return(match value {
                Some(value) => self.eval(value)?,
                None => Val::Null,
            })),
            Kind::Break => Ok(Flow::Break),
            Kind::Continue => Ok(Flow::Continue),
            Kind::Throw { class, reason } => self.throw(class, reason.as_ref(), statement.at.0),
        }
    }

    fn declare(&mut self, declaration: &'a Declaration) -> Ran<()> {
        let value = match &declaration.value {
            Some(value) => {
                let value = self.eval(value)?;
                self.assigned(value, declaration.class, declaration.at.0)?
            }
            None => super::convert::initial(declaration.class),
        };
        self.set_local(declaration.slot, value);
        Ok(())
    }

    fn branches(
        &mut self,
        arms: &'a [(Expr, Block)],
        otherwise: Option<&'a Block>,
        at: u32,
    ) -> Ran<Flow<'a>> {
        for (condition, block) in arms {
            if self.truth(condition, at)? {
                return self.block(block);
            }
        }
        otherwise.map_or(Ok(Flow::Next), |block| self.block(block))
    }

    /// Every round costs what the loop itself costs, so that an empty one ends too.
    fn repeat(
        &mut self,
        condition: Option<&'a Expr>,
        step: Option<&'a Expr>,
        body: &'a Block,
        statement: &Statement,
    ) -> Ran<Flow<'a>> {
        let at = statement.at.0;
        loop {
            self.spend(statement.cost as usize, at)?;
            if let Some(condition) = condition
                && !self.truth(condition, at)?
            {
                return Ok(Flow::Next);
            }
            match self.block(body)? {
                Flow::Break => return Ok(Flow::Next),
                Flow::Return(value) => return Ok(Flow::Return(value)),
                Flow::Next | Flow::Continue => {}
            }
            if let Some(step) = step {
                self.eval(step)?;
            }
        }
    }

    fn each(
        &mut self,
        variable: &'a Declaration,
        items: &'a Expr,
        body: &'a Block,
        statement: &Statement,
    ) -> Ran<Flow<'a>> {
        let at = statement.at.0;
        let list = self.eval(items)?;
        let Some(length) = self.length(&list) else {
            let reason = format!("cannot iterate over [{}]", self.kind(&list));
            return Err(RunError::boxed("illegal_argument_exception", at, reason));
        };
        for index in 0..length {
            self.spend(statement.cost as usize, at)?;
            let item = self.element(&list, index, at)?;
            let item = self.assigned(item, variable.class, variable.at.0)?;
            self.set_local(variable.slot, item);
            match self.block(body)? {
                Flow::Break => return Ok(Flow::Next),
                Flow::Return(value) => return Ok(Flow::Return(value)),
                Flow::Next | Flow::Continue => {}
            }
            if self.length(&list) != Some(length) {
                let reason = "the list has been changed while it was iterated over";
                return Err(RunError::boxed("concurrent_modification_exception", at, reason));
            }
        }
        Ok(Flow::Next)
    }

    fn throw(&mut self, class: &str, reason: Option<&'a Expr>, at: u32) -> Ran<Flow<'a>> {
        let reason = match reason {
            Some(reason) => {
                let value = self.eval(reason)?;
                self.text_of(&value, at)?
            }
            None => String::new(),
        };
        let kind = match class {
            "IllegalStateException" => "illegal_state_exception",
            "UnsupportedOperationException" => "unsupported_operation_exception",
            "NullPointerException" => "null_pointer_exception",
            "ClassCastException" => "class_cast_exception",
            "ArithmeticException" => "arithmetic_exception",
            "IllegalArgumentException" => "illegal_argument_exception",
            "RuntimeException" => "runtime_exception",
            _ => "exception",
        };
        Err(RunError::boxed(kind, at, reason))
    }
}
