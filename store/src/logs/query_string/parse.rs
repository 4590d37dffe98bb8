use super::SyntaxError;
use super::ast::{Clause, Leaf, Node, Occur};
use super::cursor::{Cursor, WordPlace};
use crate::logs::dsl::Operator;

/// How a text is to be read.
#[derive(Debug, Clone, Copy)]
pub struct ParseOptions {
    /// What stands between two words with nothing between them.
    pub default_operator: Operator,
    /// Whether a word may begin with `*` or `?`.
    pub allow_leading_wildcard: bool,
}

impl Default for ParseOptions {
    fn default() -> Self {
        Self { default_operator: Operator::Or, allow_leading_wildcard: true }
    }
}

/// Parses the syntax of `query_string`, with the meaning that Lucene's classic parser gives to `AND` and `OR`
/// (they mark their neighbours as required or not; there is no precedence).
///
/// # Errors
/// Where the text is no query, too long, too deep, or holds too many conditions.
pub fn parse(text: &str, options: &ParseOptions) -> Result<Node, SyntaxError> {
    let mut parser = Parser { cursor: Cursor::new(text)?, options: *options };
    let clauses = parser.clauses(None, 0)?;
    match parser.cursor.peek() {
        None => Ok(Node::group(clauses)),
        Some(_) => Err(parser.cursor.error("this parenthesis closes nothing")),
    }
}

struct Parser<'t> {
    cursor: Cursor<'t>,
    options: ParseOptions,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Conjunction {
    None,
    And,
    Or,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Modifier {
    None,
    Required,
    Prohibited,
}

impl Parser<'_> {
    /// Everything up to the end or a closing parenthesis.
    fn clauses(&mut self, field: Option<&str>, depth: usize) -> Result<Vec<Clause>, SyntaxError> {
        let mut clauses: Vec<Clause> = Vec::new();
        loop {
            self.cursor.skip_whitespace();
            if matches!(self.cursor.peek(), None | Some(')')) {
                return Ok(clauses);
            }
            let start = self.cursor.at;
            let conjunction = self.conjunction()?;
            if conjunction != Conjunction::None && clauses.is_empty() {
                return Err(self.cursor.error_at(start, "an operator needs something before it"));
            }
            let modifier = self.modifier()?;
            let node = self.primary(field, depth)?;
            let occur = self.occur(conjunction, modifier, clauses.last_mut());
            clauses.push(Clause { occur, node });
        }
    }

    /// Lucene's `QueryParserBase.addClause`.
    fn occur(&self, conjunction: Conjunction, modifier: Modifier, last: Option<&mut Clause>) -> Occur {
        let default_and = self.options.default_operator == Operator::And;
        if let Some(last) = last.filter(|last| last.occur != Occur::MustNot) {
            match conjunction {
                Conjunction::And => last.occur = Occur::Must,
                Conjunction::Or if default_and => last.occur = Occur::Should,
                _ => {}
            }
        }
        let required = match default_and {
            true => conjunction != Conjunction::Or || modifier == Modifier::Required,
            false => conjunction == Conjunction::And || modifier == Modifier::Required,
        };
        match (modifier, required) {
            (Modifier::Prohibited, _) => Occur::MustNot,
            (_, true) => Occur::Must,
            (_, false) => Occur::Should,
        }
    }

    /// Reads the word if it stands here by itself.
    fn keyword(&mut self, name: &str) -> Result<bool, SyntaxError> {
        if !self.cursor.rest().starts_with(name) {
            return Ok(false);
        }
        let start = self.cursor.at;
        if self.cursor.word(WordPlace::Field)?.is_operator(name) {
            return Ok(true);
        }
        self.cursor.at = start;
        Ok(false)
    }

    fn conjunction(&mut self) -> Result<Conjunction, SyntaxError> {
        let found = if self.cursor.take("&&") || self.keyword("AND")? {
            Conjunction::And
        } else if self.cursor.take("||") || self.keyword("OR")? {
            Conjunction::Or
        } else {
            Conjunction::None
        };
        self.cursor.skip_whitespace();
        Ok(found)
    }

    fn modifier(&mut self) -> Result<Modifier, SyntaxError> {
        let found = if self.cursor.take("+") {
            Modifier::Required
        } else if self.cursor.take("-") || self.cursor.take("!") || self.keyword("NOT")? {
            Modifier::Prohibited
        } else {
            Modifier::None
        };
        self.cursor.skip_whitespace();
        Ok(found)
    }

    /// One condition, with or without its own field, or a group.
    fn primary(&mut self, field: Option<&str>, depth: usize) -> Result<Node, SyntaxError> {
        if let Some(node) = self.delimited(field, depth)? {
            return Ok(node);
        }
        let start = self.cursor.at;
        let word = self.cursor.word(WordPlace::Field)?;
        if word.text.is_empty() {
            return Err(self.cursor.unexpected("a word, a phrase or a field"));
        }
        let behind_word = self.cursor.at;
        self.cursor.skip_whitespace();
        if self.cursor.take(":") {
            self.cursor.skip_whitespace();
            return self.value(&word.text, depth);
        }
        self.cursor.at = behind_word;
        if ["AND", "OR", "NOT"].iter().any(|name| word.is_operator(name)) {
            let message =
                format!("\"{}\" needs something on both sides; write \\{0} for the word", word.text);
            return Err(self.cursor.error_at(start, message));
        }
        self.check_wildcard(&word.pattern, word.is_pattern, start)?;
        if word.is_pattern && word.pattern == "*" {
            let all = match field {
                None => Node::All,
                Some(field) => self.cursor.leaf(Some(field), Leaf::Exists)?,
            };
            return Ok(all.boosted(self.cursor.boost()?));
        }
        let leaf = self.cursor.word_leaf(word)?;
        let node = self.cursor.leaf(field, leaf)?;
        Ok(node.boosted(self.cursor.boost()?))
    }

    /// What stands behind `field:`.
    fn value(&mut self, field: &str, depth: usize) -> Result<Node, SyntaxError> {
        if field == "_exists_" {
            let name = if self.cursor.take("\"") {
                self.cursor.quoted()?
            } else {
                self.cursor.word(WordPlace::Value)?.text
            };
            if name.is_empty() {
                return Err(self.cursor.unexpected("the name of a field after \"_exists_:\""));
            }
            let node = self.cursor.leaf(Some(&name), Leaf::Exists)?;
            return Ok(node.boosted(self.cursor.boost()?));
        }
        if let Some(operator) = [">=", "<=", ">", "<"].into_iter().find(|operator| self.cursor.take(operator))
        {
            let leaf = self.cursor.one_sided(operator)?;
            let node = self.cursor.leaf(Some(field), leaf)?;
            return Ok(node.boosted(self.cursor.boost()?));
        }
        if let Some(node) = self.delimited(Some(field), depth)? {
            return Ok(node);
        }
        let start = self.cursor.at;
        // A second colon has no meaning here: in a value it is escaped, or the value stands in quotes.
        let word = self.cursor.word(WordPlace::Field)?;
        if word.text.is_empty() {
            return Err(self.cursor.unexpected(&format!("a value after \"{field}:\"")));
        }
        self.check_wildcard(&word.pattern, word.is_pattern, start)?;
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

    fn check_wildcard(&self, pattern: &str, is_pattern: bool, start: usize) -> Result<(), SyntaxError> {
        let leading = is_pattern && pattern.starts_with(['*', '?']) && pattern != "*";
        if leading && !self.options.allow_leading_wildcard {
            return Err(self.cursor.error_at(start, "a word may not begin with \"*\" or \"?\" here"));
        }
        Ok(())
    }

    /// A group, phrase, range or regular expression, if one begins here.
    fn delimited(&mut self, field: Option<&str>, depth: usize) -> Result<Option<Node>, SyntaxError> {
        let start = self.cursor.at;
        let node = match self.cursor.peek() {
            Some('(') => {
                let depth = self.cursor.deeper(depth)?;
                self.cursor.advance();
                let clauses = self.clauses(field, depth)?;
                if !self.cursor.take(")") {
                    return Err(self.cursor.error_at(start, "the parenthesis is never closed"));
                }
                if clauses.is_empty() {
                    return Err(self.cursor.error_at(start, "there is nothing between the parentheses"));
                }
                Node::group(clauses)
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
    use proptest::prelude::*;

    /// Parses and prints: the canonical form shows what was understood.
    fn check(text: &str, expected: &str) {
        match parse(text, &ParseOptions::default()) {
            Ok(node) => assert_eq!(node.to_string(), expected, "{text}"),
            Err(error) => panic!("{text}: {error}"),
        }
    }

    #[test]
    fn lucene_syntax() {
        check("", "");
        check("  ", "");
        check("*", "*");
        check("*:*", "*");
        check("error", "error");
        check("error timeout", "error timeout");
        check("error AND timeout", "+error +timeout");
        check("error && timeout || slow", "+error +timeout slow");
        check("a OR b AND c", "a +b +c");
        check("NOT a", "-a");
        check("a -b !c +d", "a -b -c +d");
        check("(a OR b) AND c", "+(a b) +c");
        check("status:(200 OR 404)", "status:200 status:404");
        check("a.b:\"x y\"~2^3", "a.b:\"x y\"~2^3");
        check("title:(quick \"brown fox\")^2", "(title:quick title:\"brown fox\")^2");
        check("n:[1 TO 5}", "n:[\"1\" TO \"5\"}");
        check("n:{* TO 5]", "n:{* TO \"5\"]".replace('{', "[").as_str());
        check("n:>=10", "n:[\"10\" TO *]");
        check("n:< 10", "n:[* TO \"10\"}");
        check("date:[2024-01-01 TO now-1d/d]", "date:[\"2024-01-01\" TO \"now-1d/d\"]");
        check("qu?ck bro*", "qu?ck bro*");
        check(r"a\*b*", r"a\*b*");
        check(r"\(1\+1\)", r"\(1\+1\)");
        check("name:/jo(hn|e)/", "name:/jo(hn|e)/");
        check("url.path:/cart/items", r"url.path:\/cart\/items");
        check(r#"source.ip:"2001:db8::1""#, r#"source.ip:"2001:db8::1""#);
        check(r"source.ip:2001\:db8\:\:1", r"source.ip:2001\:db8\:\:1");
        check("quikc~ foo~1 fooo~0.5", "quikc~ foo~1 fooo~2");
        check("_exists_:user.id", "_exists_:user.id");
        check("user.id:*", "_exists_:user.id");
        check(r"user.\*:x", r"user.\*:x");
        check(r"\AND", r"\AND");
        check("a:b^2.5", "a:b^2.5");
        check("a^1", "a");
        check("\u{fc}ber stra\u{df}e", "\u{fc}ber stra\u{df}e");
    }

    #[test]
    fn the_default_operator_may_be_and() {
        let options = ParseOptions { default_operator: Operator::And, allow_leading_wildcard: true };
        let check = |text: &str, expected: &str| {
            assert_eq!(parse(text, &options).unwrap().to_string(), expected, "{text}");
        };
        check("a b", "+a +b");
        check("a OR b", "a b");
        check("a -b", "+a -b");
        check("f:(a b)", "+f:a +f:b");
    }

    #[test]
    fn errors_say_where() {
        let check = |text: &str, position: usize, part: &str| {
            let error = parse(text, &ParseOptions::default()).unwrap_err();
            assert_eq!(error.position, position, "{text}: {error}");
            assert!(error.message.contains(part), "{text}: {error}");
        };
        check("a AND", 6, "unexpected end");
        check("AND a", 1, "needs something before it");
        check("(a", 1, "never closed");
        check("a)", 2, "closes nothing");
        check("\u{fc} \"b", 4, "never closed");
        check("foo:bar:baz", 8, "unexpected \":\"");
        check("a:", 3, "a value after \"a:\"");
        check(":a", 1, "unexpected \":\"");
        check("a:[1 5]", 7, "low TO high");
        check("a^x", 3, "a number after");
        check("a~7", 3, "0, 1 or 2");
        check("a\\", 3, "escapes nothing");
        check("()", 1, "nothing between");
        check(&"(".repeat(30), 21, "nested deeper");
        check(&"a ".repeat(1025), 2050, "more than 1024");
        check(&"a".repeat(TOO_LONG), 1, "bytes long");
    }

    const TOO_LONG: usize = super::super::TEXT_MAX_BYTES + 1;

    fn leaf() -> impl Strategy<Value = Leaf> {
        let end = || proptest::option::of(("\\PC{0,6}", any::<bool>()));
        prop_oneof![
            "\\PC{1,8}".prop_map(Leaf::Term),
            "AND|OR|NOT|TO|\\*|u0041".prop_map(Leaf::Term),
            ("\\PC{0,12}", proptest::option::of(0..9_u32))
                .prop_map(|(text, slop)| Leaf::Phrase { text, slop }),
            "(\\PC{0,3}(\\*|\\?)\\PC{1,3})"
                .prop_map(|p| p.replace('\\', ""))
                .prop_filter("a lone star means more", |p| p != "*")
                .prop_map(Leaf::Wildcard),
            "[a-z(|)./]{1,8}".prop_map(Leaf::Regex),
            ("\\PC{1,8}", proptest::option::of(0..3_u8))
                .prop_map(|(text, edits)| Leaf::Fuzzy { text, edits }),
            (end(), end()).prop_map(|(lower, upper)| Leaf::Range { lower, upper }),
        ]
    }

    fn node() -> impl Strategy<Value = Node> {
        let field = || "[a-z@_]{1,4}(\\.[a-z*]{1,4})?";
        let leaf = prop_oneof![
            Just(Node::All),
            (proptest::option::of(field()), leaf()).prop_map(|(field, leaf)| Node::Leaf { field, leaf }),
            field().prop_map(|field| Node::Leaf { field: Some(field), leaf: Leaf::Exists }),
        ];
        leaf.prop_recursive(4, 24, 4, |inner| {
            let occur = prop_oneof![Just(Occur::Must), Just(Occur::Should), Just(Occur::MustNot)];
            prop_oneof![
                proptest::collection::vec((occur, inner.clone()), 1..4).prop_map(|clauses| {
                    Node::group(clauses.into_iter().map(|(occur, node)| Clause { occur, node }).collect())
                }),
                (inner, 0.0..9.0_f32).prop_map(|(node, boost)| node.boosted(Some(boost))),
            ]
        })
    }

    proptest! {
        #[test]
        fn never_panics(text in "\\PC{0,60}") {
            let _ = parse(&text, &ParseOptions::default());
        }

        #[test]
        fn never_panics_on_syntax(text in "[a:() \"\\[\\]{}*?~^/\\\\+&|!<>=ORNTD0-9-]{0,40}") {
            let _ = parse(&text, &ParseOptions::default());
        }

        #[test]
        fn a_printed_tree_parses_back(node in node()) {
            let printed = node.to_string();
            prop_assert_eq!(parse(&printed, &ParseOptions::default()), Ok(node), "{}", printed);
        }

        #[test]
        fn what_parses_prints_to_itself(text in "[ab:() \"*?~^/\\\\+!<>ORNTD0-9-]{0,24}") {
            if let Ok(node) = parse(&text, &ParseOptions::default()) {
                let printed = node.to_string();
                prop_assert_eq!(parse(&printed, &ParseOptions::default()), Ok(node), "{}", printed);
            }
        }
    }
}
