use super::ast::{Clause, Leaf, Node, Occur};
use super::cursor::is_special;
use std::fmt::{Display, Formatter, Result, Write as _};

impl Display for Node {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self {
            Self::All => f.write_str("*"),
            Self::Leaf { field, leaf } => print_leaf(field.as_deref(), leaf, f),
            Self::Group(clauses) => print_clauses(clauses, f),
            Self::Boosted(node, boost) => {
                print_operand(node, f)?;
                write!(f, "^{boost}")
            }
        }
    }
}

fn print_clauses(clauses: &[Clause], f: &mut Formatter<'_>) -> Result {
    for (position, clause) in clauses.iter().enumerate() {
        if position > 0 {
            f.write_char(' ')?;
        }
        match clause.occur {
            Occur::Must => f.write_char('+')?,
            Occur::MustNot => f.write_char('-')?,
            Occur::Should => {}
        }
        match &clause.node {
            Node::Group(_) => print_operand(&clause.node, f)?,
            other => other.fmt(f)?,
        }
    }
    Ok(())
}

/// In parentheses where it is more than one thing.
fn print_operand(node: &Node, f: &mut Formatter<'_>) -> Result {
    match node {
        Node::Group(_) | Node::Boosted(..) => write!(f, "({node})"),
        _ => node.fmt(f),
    }
}

fn print_leaf(field: Option<&str>, leaf: &Leaf, f: &mut Formatter<'_>) -> Result {
    if *leaf == Leaf::Exists {
        f.write_str("_exists_:")?;
        return print_word(field.unwrap_or("*"), f);
    }
    if let Some(field) = field {
        print_word(field, f)?;
        f.write_char(':')?;
    }
    match leaf {
        Leaf::Term(text) => print_word(text, f),
        Leaf::Phrase { text, slop } => {
            print_quoted(text, f)?;
            slop.map_or(Ok(()), |slop| write!(f, "~{slop}"))
        }
        Leaf::Wildcard(pattern) => print_pattern(pattern, f),
        Leaf::Regex(pattern) => write!(f, "/{}/", pattern.replace('/', "\\/")),
        Leaf::Fuzzy { text, edits } => {
            print_word(text, f)?;
            f.write_char('~')?;
            edits.map_or(Ok(()), |edits| write!(f, "{edits}"))
        }
        Leaf::Range { lower, upper } => {
            f.write_char(if matches!(lower, Some((_, false))) { '{' } else { '[' })?;
            print_end(lower.as_ref(), f)?;
            f.write_str(" TO ")?;
            print_end(upper.as_ref(), f)?;
            f.write_char(if matches!(upper, Some((_, false))) { '}' } else { ']' })
        }
        Leaf::Exists => Ok(()),
    }
}

fn print_end(end: Option<&(String, bool)>, f: &mut Formatter<'_>) -> Result {
    match end {
        Some((text, _)) => print_quoted(text, f),
        None => f.write_char('*'),
    }
}

fn print_quoted(text: &str, f: &mut Formatter<'_>) -> Result {
    f.write_char('"')?;
    for character in text.chars() {
        if matches!(character, '"' | '\\') {
            f.write_char('\\')?;
        }
        f.write_char(character)?;
    }
    f.write_char('"')
}

fn print_word(text: &str, f: &mut Formatter<'_>) -> Result {
    if matches!(text, "AND" | "OR" | "NOT") {
        f.write_char('\\')?;
    }
    for character in text.chars() {
        if is_special(character) {
            f.write_char('\\')?;
        }
        f.write_char(character)?;
    }
    Ok(())
}

fn print_pattern(pattern: &str, f: &mut Formatter<'_>) -> Result {
    let mut characters = pattern.chars();
    while let Some(character) = characters.next() {
        match character {
            '*' | '?' => f.write_char(character)?,
            '\\' => {
                f.write_char('\\')?;
                f.write_char(characters.next().unwrap_or('\\'))?;
            }
            other => {
                if is_special(other) {
                    f.write_char('\\')?;
                }
                f.write_char(other)?;
            }
        }
    }
    Ok(())
}
