use super::ast::{Clause, Leaf, Node, Occur};
use super::{DEPTH_MAX, LEAVES_MAX};
use crate::logs::dsl::Operator;

/// Parses the syntax of `simple_query_string`: `+` and, `|` or, `-` not, `"…"` phrase with `~N`, `word*` prefix,
/// `word~N` fuzzy, `( )`. What makes no sense is passed over; nothing is an error. Beyond
/// [`LEAVES_MAX`] conditions and [`DEPTH_MAX`] levels the rest is ignored.
pub fn parse_simple(text: &str, default_operator: Operator) -> Node {
    let mut parser = Simple { rest: text, default_operator, leaves: 0 };
    let mut clauses = Vec::new();
    while !parser.rest.is_empty() {
        clauses.extend(parser.clauses(0));
        // A parenthesis that closes nothing is passed over.
        parser.rest = parser.rest.get(1..).unwrap_or_default();
    }
    Node::group(clauses)
}

struct Simple<'t> {
    rest: &'t str,
    default_operator: Operator,
    leaves: usize,
}

impl<'t> Simple<'t> {
    /// Everything up to the end or a closing parenthesis (left unread).
    fn clauses(&mut self, depth: usize) -> Vec<Clause> {
        let mut alternatives: Vec<Vec<Clause>> = vec![Vec::new()];
        let mut explicit_and = false;
        let mut prohibited = false;
        loop {
            self.rest = self.rest.trim_start();
            let Some(first) = self.rest.chars().next() else { break };
            match first {
                ')' => break,
                '+' => explicit_and = true,
                '-' => prohibited = !prohibited,
                '|' => {
                    alternatives.push(Vec::new());
                    explicit_and = false;
                }
                _ => {
                    let node = self.primary(first, depth);
                    let Some(node) = node else { continue };
                    let joined = explicit_and || self.default_operator == Operator::And;
                    let occur = match (prohibited, joined) {
                        (true, _) => Occur::MustNot,
                        (false, true) => Occur::Must,
                        (false, false) => Occur::Should,
                    };
                    if let Some(current) = alternatives.last_mut() {
                        if explicit_and
                            && let Some(last) = current.last_mut().filter(|c| c.occur == Occur::Should)
                        {
                            last.occur = Occur::Must;
                        }
                        current.push(Clause { occur, node });
                    }
                    (explicit_and, prohibited) = (false, false);
                    continue;
                }
            }
            self.rest = &self.rest[first.len_utf8()..];
        }
        alternatives.retain(|clauses| !clauses.is_empty());
        if alternatives.len() == 1 {
            return alternatives.pop().unwrap_or_default();
        }
        let alternative = |clauses| Clause { occur: Occur::Should, node: Node::group(clauses) };
        alternatives.into_iter().map(alternative).collect()
    }

    fn primary(&mut self, first: char, depth: usize) -> Option<Node> {
        if self.leaves >= LEAVES_MAX {
            self.rest = "";
            return None;
        }
        self.leaves += 1;
        match first {
            '(' if depth < DEPTH_MAX => {
                self.rest = &self.rest[1..];
                let clauses = self.clauses(depth + 1);
                self.rest = self.rest.strip_prefix(')').unwrap_or(self.rest);
                (!clauses.is_empty()).then(|| Node::group(clauses))
            }
            '(' => {
                self.rest = &self.rest[1..];
                None
            }
            '"' => {
                let (text, rest) = self.rest[1..].split_once('"').unwrap_or((&self.rest[1..], ""));
                self.rest = rest;
                let slop = self.suffix();
                Some(leaf(Leaf::Phrase { text: text.to_owned(), slop }))
            }
            _ => self.word(),
        }
    }

    /// `~N`, if it stands here.
    fn suffix(&mut self) -> Option<u32> {
        let number = self.rest.strip_prefix('~')?;
        let length = number.find(|c: char| !c.is_ascii_digit()).unwrap_or(number.len());
        self.rest = &number[length..];
        number[..length].parse().ok()
    }

    fn word(&mut self) -> Option<Node> {
        let mut text = String::new();
        let mut escaped = false;
        let mut length = self.rest.len();
        for (at, character) in self.rest.char_indices() {
            if escaped {
                text.push(character);
                escaped = false;
            } else if character == '\\' {
                escaped = true;
            } else if character.is_whitespace() || matches!(character, '(' | ')' | '|' | '"' | '~') {
                length = at;
                break;
            } else {
                text.push(character);
            }
        }
        self.rest = &self.rest[length..];
        if self.rest.starts_with('~') {
            let edits = self.suffix().map(|edits| edits.min(2) as u8);
            return (!text.is_empty()).then(|| leaf(Leaf::Fuzzy { text, edits }));
        }
        if text == "*" {
            return Some(Node::All);
        }
        if let Some(prefix) = text.strip_suffix('*') {
            let literal = prefix.replace('\\', "\\\\").replace('*', "\\*").replace('?', "\\?");
            return Some(leaf(Leaf::Wildcard(format!("{literal}*"))));
        }
        (!text.is_empty()).then(|| leaf(Leaf::Term(text)))
    }
}

fn leaf(leaf: Leaf) -> Node {
    Node::Leaf { field: None, leaf }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn simple_syntax() {
        let check = |text: &str, expected: &str| {
            assert_eq!(parse_simple(text, Operator::Or).to_string(), expected, "{text}");
        };
        check("", "");
        check("a b", "a b");
        check("a + b", "+a +b");
        check("a | b + c", "a (+b +c)");
        check("a -b", "a -b");
        check("\"x y\"~3 z*", "\"x y\"~3 z*");
        check("wrod~1", "wrod~1");
        check("(a | b) + c", "+(a b) +c");
        check("(a", "a");
        check("a) b", "a b");
        check("field:x", "field\\:x");
    }

    proptest! {
        #[test]
        fn never_panics(text in "\\PC{0,40}", syntax in "[a()|+\"*~ \\\\1-]{0,40}") {
            let _ = parse_simple(&text, Operator::Or).to_string();
            let _ = parse_simple(&syntax, Operator::And).to_string();
        }
    }
}
