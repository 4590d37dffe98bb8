//! The tree of a condition, and its canonical text.

use std::fmt;

/// One node.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Expr {
    Null,
    Bool(bool),
    Int(i64),
    Double(f64),
    Text(String),
    List(Vec<Expr>),
    /// `ctx`, the document.
    Ctx,
    Member {
        base: Box<Expr>,
        name: String,
        null_safe: bool,
    },
    Index {
        base: Box<Expr>,
        index: Box<Expr>,
    },
    Call {
        base: Box<Expr>,
        method: Method,
        arguments: Vec<Expr>,
        null_safe: bool,
    },
    Not(Box<Expr>),
    Negate(Box<Expr>),
    Binary {
        operator: Operator,
        left: Box<Expr>,
        right: Box<Expr>,
    },
    InstanceOf {
        value: Box<Expr>,
        class: Class,
    },
    /// `=~` (anywhere) and `==~` (the whole text).
    Matches {
        value: Box<Expr>,
        pattern: Pattern,
        whole: bool,
    },
    Conditional {
        condition: Box<Expr>,
        then: Box<Expr>,
        otherwise: Box<Expr>,
    },
    /// `a ?: b`: b where a is null.
    Elvis {
        value: Box<Expr>,
        otherwise: Box<Expr>,
    },
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
pub(super) enum Operator {
    Or,
    And,
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Operator {
    pub(super) fn text(self) -> &'static str {
        match self {
            Self::Or => "||",
            Self::And => "&&",
            Self::Equal => "==",
            Self::NotEqual => "!=",
            Self::Less => "<",
            Self::LessOrEqual => "<=",
            Self::Greater => ">",
            Self::GreaterOrEqual => ">=",
        }
    }
}

/// Method names with the number of arguments that they take.
macro_rules! methods {
    ($($variant:ident $name:literal $arity:literal),* $(,)?) => {
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(super) enum Method { $($variant),* }
        impl Method {
            pub(super) const NAMES: &[(&str, Method, usize)] = &[$(($name, Method::$variant, $arity)),*];
            pub(super) fn name(self) -> &'static str { match self { $(Self::$variant => $name),* } }
        }
    };
}

methods! {
    Contains "contains" 1, StartsWith "startsWith" 1, EndsWith "endsWith" 1, ToLowerCase "toLowerCase" 0,
    ToUpperCase "toUpperCase" 0, Trim "trim" 0, Length "length" 0, IsEmpty "isEmpty" 0,
    ContainsKey "containsKey" 1, Size "size" 0, Equals "equals" 1, EqualsIgnoreCase "equalsIgnoreCase" 1,
    IndexOf "indexOf" 1, Get "get" 1, ToText "toString" 0,
}

/// Types that `instanceof` knows.
macro_rules! classes {
    ($($variant:ident $name:literal),* $(,)?) => {
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(super) enum Class { $($variant),* }
        impl Class {
            pub(super) const NAMES: &[(&str, Class)] = &[$(($name, Class::$variant)),*];
            pub(super) fn name(self) -> &'static str { match self { $(Self::$variant => $name),* } }
        }
    };
}

classes! {
    Text "String", Integer "Integer", Long "Long", Double "Double", Float "Float", Number "Number",
    Boolean "Boolean", List "List", Map "Map",
}

/// Binding strengths, loosest first; the parser climbs the same ladder.
impl Expr {
    fn strength(&self) -> u8 {
        match self {
            Self::Conditional { .. } | Self::Elvis { .. } => 0,
            Self::Binary { operator: Operator::Or, .. } => 1,
            Self::Binary { operator: Operator::And, .. } => 2,
            Self::Binary { operator: Operator::Equal | Operator::NotEqual, .. } => 3,
            Self::Binary { .. } | Self::InstanceOf { .. } => 4,
            Self::Matches { .. } => 5,
            Self::Not(_) | Self::Negate(_) => 6,
            _ => 7,
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

impl fmt::Display for Parenthesised<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.needed { write!(f, "({})", self.expression) } else { self.expression.fmt(f) }
    }
}

impl fmt::Display for Expr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("null"),
            Self::Bool(value) => value.fmt(f),
            Self::Int(value) => value.fmt(f),
            Self::Double(value) => write!(f, "{value:?}"),
            Self::Text(text) => write_text(f, text),
            Self::List(items) => {
                f.write_str("[")?;
                write_list(f, items)?;
                f.write_str("]")
            }
            Self::Ctx => f.write_str("ctx"),
            Self::Member { base, name, null_safe } => {
                write!(f, "{}{}{name}", base.at(7), if *null_safe { "?." } else { "." })
            }
            Self::Index { base, index } => write!(f, "{}[{index}]", base.at(7)),
            Self::Call { base, method, arguments, null_safe } => {
                write!(f, "{}{}{}(", base.at(7), if *null_safe { "?." } else { "." }, method.name())?;
                write_list(f, arguments)?;
                f.write_str(")")
            }
            Self::Not(value) => write!(f, "!{}", value.at(6)),
            Self::Negate(value) => write!(f, "-{}", value.at(7)),
            Self::Binary { operator, left, right } => {
                let strength = self.strength();
                write!(f, "{} {} {}", left.at(strength), operator.text(), right.at(strength + 1))
            }
            Self::InstanceOf { value, class } => write!(f, "{} instanceof {}", value.at(4), class.name()),
            Self::Matches { value, pattern, whole } => {
                let operator = if *whole { "==~" } else { "=~" };
                write!(f, "{} {operator} /{}/{}", value.at(6), pattern.source, pattern.flags)
            }
            Self::Conditional { condition, then, otherwise } => {
                write!(f, "{} ? {then} : {otherwise}", condition.at(1))
            }
            Self::Elvis { value, otherwise } => write!(f, "{} ?: {otherwise}", value.at(1)),
        }
    }
}

fn write_list(f: &mut fmt::Formatter<'_>, items: &[Expr]) -> fmt::Result {
    for (i, item) in items.iter().enumerate() {
        write!(f, "{}{item}", if i == 0 { "" } else { ", " })?;
    }
    Ok(())
}

fn write_text(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
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
