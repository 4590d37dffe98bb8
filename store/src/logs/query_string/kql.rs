use super::SyntaxError;
use super::ast::{Clause, Leaf, Node, Occur};
use super::cursor::{Cursor, WordPlace};

/// Parses what users of Kibana's search bar type: `status >= 500 and not user.name: bot*`.
///
/// `and`, `or`, `not` in any case, with precedence; words side by side must all match. `field: value`,
/// `field: (a or b)`, `field: *`, `= != > >= < <=`, phrases, wildcards, and from Lucene also `+ - ! && ||`, ranges,
/// `~` and `^`. Nested fields (`field: { … }`) are refused.
///
/// # Errors
/// Where the text is no query, too long, too deep, or holds too many conditions.
pub fn parse_kql(text: &str) -> Result<Node, SyntaxError> {
    let mut parser = Parser { cursor: Cursor::new(text)? };
    parser.cursor.skip_whitespace();
    if parser.cursor.peek().is_none() {
        return Ok(Node::All);
    }
    let node = parser.disjunction(None, 0)?;
    parser.cursor.skip_whitespace();
    match parser.cursor.peek() {
        None => Ok(node),
        Some(_) => Err(parser.cursor.unexpected("the end or an operator")),
    }
}

struct Parser<'t> {
    cursor: Cursor<'t>,
}

const OPERATORS: [&str; 8] = [">=", "<=", "!=", "==", ":", ">", "<", "="];

impl Parser<'_> {
    fn keyword(&mut self, word: &str, symbol: &str) -> Result<bool, SyntaxError> {
        self.cursor.skip_whitespace();
        if !symbol.is_empty() && self.cursor.take(symbol) {
            return Ok(true);
        }
        let start = self.cursor.at;
        let read = self.cursor.word(WordPlace::KqlField)?;
        if !read.escaped && read.text.eq_ignore_ascii_case(word) {
            let behind = self.cursor.at;
            self.cursor.skip_whitespace();
            // `not: x` asks a field of that name.
            let is_field = OPERATORS.iter().any(|operator| self.cursor.rest().starts_with(operator));
            self.cursor.at = behind;
            if !is_field {
                return Ok(true);
            }
        }
        self.cursor.at = start;
        Ok(false)
    }

    fn disjunction(&mut self, field: Option<&str>, depth: usize) -> Result<Node, SyntaxError> {
        let mut clauses = vec![Clause { occur: Occur::Should, node: self.conjunction(field, depth)? }];
        while self.keyword("or", "||")? {
            clauses.push(Clause { occur: Occur::Should, node: self.conjunction(field, depth)? });
        }
        Ok(Node::group(clauses))
    }

    fn conjunction(&mut self, field: Option<&str>, depth: usize) -> Result<Node, SyntaxError> {
        let mut clauses = vec![self.negation(field, depth)?];
        loop {
            let explicit = self.keyword("and", "&&")?;
            if !explicit {
                self.cursor.skip_whitespace();
                let start = self.cursor.at;
                let ends = matches!(self.cursor.peek(), None | Some(')')) || self.keyword("or", "||")?;
                self.cursor.at = start;
                if ends {
                    return Ok(Node::group(clauses));
                }
            }
            clauses.push(self.negation(field, depth)?);
        }
    }

    fn negation(&mut self, field: Option<&str>, depth: usize) -> Result<Clause, SyntaxError> {
        let mut occur = Occur::Must;
        loop {
            if self.keyword("not", "!")? || self.cursor.take("-") {
                occur = if occur == Occur::Must { Occur::MustNot } else { Occur::Must };
            } else if !self.cursor.take("+") {
                break;
            }
        }
        let node = self.primary(field, depth)?;
        Ok(match node {
            // `a != b` came back as a group that prohibits.
            Node::Group(mut inner)
                if inner.len() == 1 && inner[0].occur == Occur::MustNot && occur == Occur::Must =>
            {
                inner.remove(0)
            }
            node => Clause { occur, node },
        })
    }

    fn primary(&mut self, field: Option<&str>, depth: usize) -> Result<Node, SyntaxError> {
        self.cursor.skip_whitespace();
        if let Some(node) = self.delimited(field, depth)? {
            return Ok(node);
        }
        let start = self.cursor.at;
        let word = self.cursor.word(WordPlace::KqlField)?;
        if word.text.is_empty() {
            return Err(self.cursor.unexpected("a word, a phrase or a field"));
        }
        let behind = self.cursor.at;
        self.cursor.skip_whitespace();
        if let Some(operator) = OPERATORS.into_iter().find(|operator| self.cursor.take(operator)) {
            self.cursor.skip_whitespace();
            return self.comparison(&word.text, operator, depth);
        }
        self.cursor.at = behind;
        if !word.escaped && ["and", "or", "not"].iter().any(|name| word.text.eq_ignore_ascii_case(name)) {
            let message =
                format!("\"{}\" needs something on both sides; quote it if the word is meant", word.text);
            return Err(self.cursor.error_at(start, message));
        }
        let node = match (word.is_pattern && word.pattern == "*", field) {
            (true, None) => Node::All,
            (true, Some(field)) => self.cursor.leaf(Some(field), Leaf::Exists)?,
            _ => {
                let leaf = self.cursor.word_leaf(word)?;
                self.cursor.leaf(field, leaf)?
            }
        };
        Ok(node.boosted(self.cursor.boost()?))
    }

    fn comparison(&mut self, field: &str, operator: &str, depth: usize) -> Result<Node, SyntaxError> {
        if operator.starts_with(['<', '>']) {
            if field == "_exists_" {
                return Err(self.cursor.unexpected("the name of a field after \"_exists_:\""));
            }
            let leaf = self.cursor.one_sided(operator)?;
            return self.cursor.leaf(Some(field), leaf);
        }
        // Lucene's spelling `field:>=5` is as good as `field >= 5`.
        if operator == ":"
            && let Some(operator) = [">=", "<=", ">", "<"].into_iter().find(|o| self.cursor.take(o))
        {
            return self.comparison(field, operator, depth);
        }
        let node = self.value(field, depth)?;
        Ok(match operator {
            "!=" => Node::Group(vec![Clause { occur: Occur::MustNot, node }]),
            _ => node,
        })
    }

    fn value(&mut self, field: &str, depth: usize) -> Result<Node, SyntaxError> {
        if field == "_exists_" {
            let name = self.cursor.word(WordPlace::Value)?.text;
            if name.is_empty() {
                return Err(self.cursor.unexpected("the name of a field after \"_exists_:\""));
            }
            return self.cursor.leaf(Some(&name), Leaf::Exists);
        }
        if let Some(node) = self.delimited(Some(field), depth)? {
            return Ok(node);
        }
        let word = self.cursor.word(WordPlace::Value)?;
        if word.text.is_empty() {
            return Err(self.cursor.unexpected(&format!("a value for \"{field}\"")));
        }
        let node = match (word.is_pattern && word.pattern == "*", field) {
            (true, "*") => Node::All,
            (true, _) => self.cursor.leaf(Some(field), Leaf::Exists)?,
            _ => {
                let leaf = self.cursor.word_leaf(word)?;
                self.cursor.leaf(Some(field), leaf)?
            }
        };
        Ok(node.boosted(self.cursor.boost()?))
    }

    fn delimited(&mut self, field: Option<&str>, depth: usize) -> Result<Option<Node>, SyntaxError> {
        let start = self.cursor.at;
        let node = match self.cursor.peek() {
            Some('(') => {
                let depth = self.cursor.deeper(depth)?;
                self.cursor.advance();
                let node = self.disjunction(field, depth)?;
                self.cursor.skip_whitespace();
                if !self.cursor.take(")") {
                    return Err(self.cursor.error_at(start, "the parenthesis is never closed"));
                }
                node
            }
            Some('"') => {
                self.cursor.advance();
                let leaf = self.cursor.phrase()?;
                self.cursor.leaf(field, leaf)?
            }
            Some('[' | '{') => {
                let leaf = self.cursor.range()?;
                self.cursor.leaf(field, leaf)?
            }
            Some('/') => match self.cursor.regex() {
                Some(pattern) => self.cursor.leaf(field, Leaf::Regex(pattern))?,
                None => return Ok(None),
            },
            _ => return Ok(None),
        };
        Ok(Some(node.boosted(self.cursor.boost()?)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::logs::query_string::{ParseOptions, parse};
    use proptest::prelude::*;

    #[test]
    fn kql_as_users_type_it() {
        let check = |text: &str, expected: &str| match parse_kql(text) {
            Ok(node) => assert_eq!(node.to_string(), expected, "{text}"),
            Err(error) => panic!("{text}: {error}"),
        };
        check("", "*");
        check("*", "*");
        check("error", "error");
        check("error timeout", "+error +timeout");
        check("status >= 500", "status:[\"500\" TO *]");
        check("status>=500 and status < 600", "+status:[\"500\" TO *] +status:[* TO \"600\"}");
        check("a: 1 or b: 2 and c: 3", "a:1 (+b:2 +c:3)");
        check("not user.name: bot*", "-user.name:bot*");
        check("a:1 AND NOT b:2", "+a:1 -b:2");
        check("not not a", "a");
        check("a != 5", "-a:5");
        check("x and a != 5", "+x -a:5");
        check(
            "http.response.status_code: (404 or 500)",
            "http.response.status_code:404 http.response.status_code:500",
        );
        check("user.id: *", "_exists_:user.id");
        check("message: \"connection refused\"", "message:\"connection refused\"");
        check("url.path: /cart/items", r"url.path:\/cart\/items");
        check("@timestamp >= 2024-01-01T10:00:00Z", "@timestamp:[\"2024-01-01T10:00:00Z\" TO *]");
        check("a = b", "a:b");
        check("(a or b) and c", "+(a b) +c");
        check("a -b", "+a -b");
        check("notable oracle android", "+notable +oracle +android");
    }

    #[test]
    fn errors_say_where() {
        let check = |text: &str, position: usize| {
            let error = parse_kql(text).unwrap_err();
            assert_eq!(error.position, position, "{text}: {error}");
        };
        check("a and", 6);
        check("a >= ", 6);
        check("(a or b", 1);
        check("a)", 2);
        check("or a", 1);
        check("_exists_ >= 5", 13);
    }

    proptest! {
        #[test]
        fn never_panics_and_prints_as_lucene(text in "[ab:() \"*?~^/\\\\+!<>=andortNOT0-9-]{0,30}") {
            if let Ok(node) = parse_kql(&text) {
                let printed = node.to_string();
                prop_assert_eq!(parse(&printed, &ParseOptions::default()), Ok(node), "{}", printed);
            }
        }
    }
}
