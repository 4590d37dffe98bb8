//! The checked tree of a script: names are resolved to variables, methods, functions and types.

use super::names::{Constant, Function, Method, TypeName};

/// Byte in the source. Two trees are equal wherever they were written.
#[derive(Debug, Clone, Copy)]
pub(super) struct At(pub(super) u32);

impl PartialEq for At {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

/// A variable that the surroundings give.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Global {
    Ctx,
    Params,
    Doc,
    Value,
    Values,
    Score,
}

impl Global {
    pub(super) const ALL: [(&'static str, Self); 6] = [
        ("ctx", Self::Ctx),
        ("params", Self::Params),
        ("doc", Self::Doc),
        ("_value", Self::Value),
        ("values", Self::Values),
        ("_score", Self::Score),
    ];

    pub(super) fn name(self) -> &'static str {
        Self::ALL.iter().find(|(_, global)| *global == self).map_or("", |(name, _)| name)
    }
}

/// One node.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Expr {
    Null,
    Bool(bool),
    Int(i32),
    Long(i64),
    Float(f32),
    Double(f64),
    Text(String),
    List(Vec<Expr>),
    Map(Vec<(Expr, Expr)>),
    /// The body of a function of the script in place of a call: its parameters are set first.
    Inline {
        sets: Vec<(usize, Expr)>,
        body: Block,
    },
    Global(Global),
    Local {
        slot: usize,
        name: String,
        class: TypeName,
    },
    /// A number of `params` by its bare name, in Lucene's expressions.
    Parameter {
        name: String,
        at: At,
    },
    Member(Box<Member>),
    Index {
        base: Box<Expr>,
        index: Box<Expr>,
        at: At,
    },
    Call(Box<Call>),
    Static {
        function: Function,
        arguments: Vec<Expr>,
        at: At,
    },
    Constant(Constant),
    New {
        class: TypeName,
        argument: Option<Box<Expr>>,
        at: At,
    },
    Unary {
        operator: Unary,
        value: Box<Expr>,
        at: At,
    },
    Binary {
        operator: Operator,
        left: Box<Expr>,
        right: Box<Expr>,
        at: At,
    },
    InstanceOf {
        value: Box<Expr>,
        class: TypeName,
    },
    /// `=~` (anywhere) and `==~` (the whole text).
    Matches(Box<Matches>),
    Cast {
        class: TypeName,
        value: Box<Expr>,
        at: At,
    },
    Conditional(Box<Conditional>),
    /// `a ?: b`: b where a is null.
    Elvis {
        value: Box<Expr>,
        otherwise: Box<Expr>,
    },
    Assign(Box<Assign>),
    /// `x++`, `--x`: the value before or after.
    Step {
        target: Box<Expr>,
        operator: Operator,
        prefix: bool,
        at: At,
    },
}

/// `base.name`.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Member {
    pub(super) base: Expr,
    pub(super) name: String,
    /// The method for which the name stands on everything but maps: `getName`, `isName`.
    pub(super) getter: Option<Method>,
    pub(super) null_safe: bool,
    pub(super) at: At,
}

/// `base.method(arguments)`.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Call {
    pub(super) base: Expr,
    pub(super) method: Method,
    pub(super) arguments: Vec<Argument>,
    pub(super) null_safe: bool,
    pub(super) at: At,
}

/// An argument of a method: a value, or what to do with each element.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Argument {
    Value(Expr),
    /// `name -> body`.
    Lambda {
        slot: usize,
        name: String,
        body: Expr,
    },
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Matches {
    pub(super) value: Expr,
    pub(super) pattern: Pattern,
    pub(super) whole: bool,
    pub(super) at: At,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Conditional {
    pub(super) condition: Expr,
    pub(super) then: Expr,
    pub(super) otherwise: Expr,
    pub(super) at: At,
}

/// `target = value`, or `target += value` with an operator.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Assign {
    pub(super) target: Expr,
    pub(super) operator: Option<Operator>,
    pub(super) value: Expr,
    pub(super) at: At,
}

/// A regex literal, compiled.
#[derive(Debug, Clone)]
pub(super) struct Pattern {
    /// Between the slashes, as written.
    pub(super) source: String,
    /// Letters after the closing slash.
    pub(super) flags: String,
    /// For `==~` anchored on both ends.
    pub(super) regex: regex::Regex,
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.source == other.source && self.flags == other.flags
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unary {
    Not,
    Negate,
    Plus,
    BitNot,
}

impl Unary {
    pub(super) fn text(self) -> &'static str {
        match self {
            Self::Not => "!",
            Self::Negate => "-",
            Self::Plus => "+",
            Self::BitNot => "~",
        }
    }
}

/// Binary operators: their text and how strongly they bind (Painless' ladder, loosest first).
macro_rules! operators {
    ($($variant:ident $text:literal $strength:literal),* $(,)?) => {
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(super) enum Operator { $($variant),* }
        impl Operator {
            pub(super) const ALL: &[Operator] = &[$(Operator::$variant),*];
            pub(super) fn text(self) -> &'static str { match self { $(Self::$variant => $text),* } }
            pub(super) fn strength(self) -> u8 { match self { $(Self::$variant => $strength),* } }
        }
    };
}

operators! {
    Or "||" 1, And "&&" 2, BitOr "|" 3, BitXor "^" 4, BitAnd "&" 5,
    Equal "==" 6, NotEqual "!=" 6, Identical "===" 6, NotIdentical "!==" 6,
    Less "<" 7, LessOrEqual "<=" 7, Greater ">" 7, GreaterOrEqual ">=" 7,
    ShiftLeft "<<" 8, ShiftRight ">>" 8, ShiftRightUnsigned ">>>" 8,
    Add "+" 10, Subtract "-" 10, Multiply "*" 11, Divide "/" 11, Remainder "%" 11,
}

impl Operator {
    /// Whether it gives a boolean: the logical operators and the comparisons.
    pub(super) fn decides(self) -> bool {
        matches!(self.strength(), 1 | 2 | 6 | 7)
    }
}

/// How strongly the other forms bind; a matching operator stands between shifts and sums.
pub(super) const COMPARISON_STRENGTH: u8 = 7;
pub(super) const MATCH_STRENGTH: u8 = 9;
pub(super) const UNARY_STRENGTH: u8 = 12;
pub(super) const POSTFIX_STRENGTH: u8 = 13;

/// One statement with what running it once costs, in nodes of its own expressions.
#[derive(Debug, Clone)]
pub(super) struct Statement {
    pub(super) kind: Kind,
    pub(super) cost: u32,
    pub(super) at: At,
}

impl PartialEq for Statement {
    fn eq(&self, other: &Self) -> bool {
        self.kind == other.kind
    }
}

pub(super) type Block = Vec<Statement>;

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Kind {
    Expression(Expr),
    Declare(Vec<Declaration>),
    If {
        arms: Vec<(Expr, Block)>,
        otherwise: Option<Block>,
    },
    While {
        condition: Expr,
        body: Block,
    },
    DoWhile {
        body: Block,
        condition: Expr,
    },
    For {
        start: Option<Box<Statement>>,
        condition: Option<Expr>,
        step: Option<Expr>,
        body: Block,
    },
    Each {
        variable: Declaration,
        items: Expr,
        body: Block,
    },
    Return(Option<Expr>),
    Break,
    Continue,
    /// `throw new …Exception(reason)`, with Elasticsearch's name for the exception.
    Throw {
        class: String,
        reason: Option<Expr>,
    },
}

/// A local variable: its type and first value.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Declaration {
    pub(super) slot: usize,
    pub(super) name: String,
    pub(super) class: TypeName,
    pub(super) value: Option<Expr>,
    pub(super) at: At,
}

/// A whole script.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Program {
    pub(super) body: Block,
    /// Local variables that are alive at once, at most.
    pub(super) slots: usize,
    /// Whether it defines functions: what it says is not what it does.
    pub(super) has_functions: bool,
}

impl Program {
    /// The expression, when there is nothing else: conditions nearly always are that.
    pub(super) fn only_expression(&self) -> Option<&Expr> {
        match self.body.as_slice() {
            [Statement { kind: Kind::Return(Some(value)), .. }] => Some(value),
            _ => None,
        }
    }
}
