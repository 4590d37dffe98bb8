//! Grok patterns (Oniguruma's syntax, as Ruby and Elasticsearch have it) into the syntax of the regex engine here.
//!
//! Names are put in, named groups get numbers, and what a linear-time engine has no means for is taken out of the text
//! and listed beside it: look-around as [`Assertion`]s, atomic groups as places that must prove harmless. What neither
//! can be is refused with its place. Source: Oniguruma's `doc/RE` with the Ruby syntax; `\w`, `\d`, `\s` and
//! `\h` are ASCII there, `\b`, POSIX brackets and `\p{…}` Unicode.

mod class;
mod escape;
mod group;
mod quantifier;

use super::value::Type;
use super::{Flavour, stock};
use crate::pipeline::document::Field;
use event::Object;
use serde_json::Value;

/// Longest pattern of a definition, and the longest text that it may grow to.
const PATTERN_MAX_BYTES: usize = 16 * 1024;
const EXPANDED_MAX_BYTES: usize = 256 * 1024;
/// All that is written while a pattern grows, look-around included.
const GROWN_MAX_BYTES: usize = 4 * EXPANDED_MAX_BYTES;
/// Deepest nesting of names and groups.
const DEPTH_MAX: usize = 64;

/// A field and the groups that may give it.
#[derive(Debug, Clone)]
pub(super) struct Capture {
    /// The group's name as written: groups of one name give one list.
    key: String,
    pub(super) field: Field,
    pub(super) kind: Type,
    /// Numbers of its groups: number 7 is the group `c7` of the text.
    pub(super) groups: Vec<usize>,
}

/// A look-around, the group `a<its index>` of the text.
#[derive(Debug, Clone)]
pub(super) struct Assertion {
    /// Looks at what follows; else at what comes before.
    pub(super) ahead: bool,
    /// Holds where the body does not match.
    pub(super) negative: bool,
    pub(super) body: String,
    pub(super) place: String,
}

/// What a pattern becomes.
#[derive(Debug, Default)]
pub(super) struct Translation {
    pub(super) text: String,
    pub(super) captures: Vec<Capture>,
    /// How many groups `c<number>` there are, from 1.
    pub(super) groups: usize,
    /// Groups that reach from their place to the end of its line: `(?=%{GREEDYDATA:field})`.
    pub(super) to_line_end: Vec<usize>,
    pub(super) assertions: Vec<Assertion>,
    /// Places of the atomic groups and possessive quantifiers; the n-th is the group `k<n>` of the text.
    pub(super) atomics: Vec<String>,
}

/// Translates a pattern, with definitions that come before the stock ones.
///
/// # Errors
/// Unknown names, cycles, syntax that has no equal here; with the place.
pub(super) fn translate(
    pattern: &str,
    definitions: &Object,
    flavour: Flavour,
) -> Result<Translation, String> {
    let mut translator = Translator {
        definitions,
        flavour,
        out: Translation::default(),
        names: Vec::new(),
        depth: 0,
        grown: 0,
    };
    translator.definition(pattern, Flags::default())?;
    Ok(translator.out)
}

/// Options in force at a place.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Flags {
    ignore_case: bool,
    /// Ruby's `m`: the dot takes line ends too.
    dot_all: bool,
    /// Ruby's `x`: white space and comments are left out.
    extended: bool,
}

impl Flags {
    /// Opens a group in which they hold.
    fn open(self) -> &'static str {
        match (self.ignore_case, self.dot_all) {
            (false, false) => "(?-is:",
            (true, false) => "(?i-s:",
            (false, true) => "(?s-i:",
            (true, true) => "(?is:",
        }
    }
}

/// A text under reading.
struct Reader<'t> {
    text: &'t str,
    at: usize,
}

impl<'t> Reader<'t> {
    fn rest(&self) -> &'t str {
        self.text.get(self.at..).unwrap_or("")
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn next(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.at += c.len_utf8();
        Some(c)
    }

    /// Takes `what` if it comes next.
    fn eat(&mut self, what: &str) -> bool {
        let eaten = self.rest().starts_with(what);
        if eaten {
            self.at += what.len();
        }
        eaten
    }

    /// Takes what comes before `end`, and `end`.
    fn until(&mut self, end: char) -> Option<&'t str> {
        let (before, _) = self.rest().split_once(end)?;
        self.at += before.len() + end.len_utf8();
        Some(before)
    }
}

struct Translator<'d> {
    definitions: &'d Object,
    flavour: Flavour,
    out: Translation,
    /// Names under way, outermost first.
    names: Vec<String>,
    depth: usize,
    /// Bytes written so far.
    grown: usize,
}

impl Translator<'_> {
    /// A whole text: the pattern itself, or what a name stands for.
    fn definition(&mut self, text: &str, flags: Flags) -> Result<(), String> {
        if text.len() > PATTERN_MAX_BYTES {
            return Err(format!("pattern is longer than {PATTERN_MAX_BYTES} bytes"));
        }
        let mut reader = Reader { text, at: 0 };
        self.sequence(&mut reader, flags)?;
        match reader.peek() {
            None => Ok(()),
            Some(_) => Err(format!("unmatched close parenthesis {}", self.place(&reader, reader.at))),
        }
    }

    /// Where something is, for messages: counted in characters from 1.
    fn place(&self, reader: &Reader<'_>, at: usize) -> String {
        let position = reader.text.get(..at).unwrap_or("").chars().count() + 1;
        match self.names.last() {
            None => format!("at {position}"),
            Some(name) => format!("at {position} of [{name}]"),
        }
    }

    fn push(&mut self, text: &str) -> Result<(), String> {
        self.out.text.push_str(text);
        self.grown += text.len();
        if self.out.text.len() > EXPANDED_MAX_BYTES || self.grown > GROWN_MAX_BYTES {
            return Err(format!("pattern grows beyond {EXPANDED_MAX_BYTES} bytes"));
        }
        Ok(())
    }

    /// Everything up to the end or the parenthesis that closes this group.
    fn sequence(&mut self, reader: &mut Reader<'_>, flags: Flags) -> Result<(), String> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(format!("pattern is nested deeper than {DEPTH_MAX}"));
        }
        let (mut flags, mut opened) = (flags, 0);
        while let Some(c) = reader.peek().filter(|c| *c != ')') {
            let (at, start) = (reader.at, self.out.text.len());
            reader.next();
            match c {
                '|' => {
                    self.push("|")?;
                    continue;
                }
                '(' => match self.group(reader, flags, at)? {
                    group::Opened::Atom => {}
                    group::Opened::Nothing => continue,
                    // `a(?i)b|c` is `a(?i:b|c)`: the option holds to the end of the group, alternatives included.
                    group::Opened::Options(changed) => {
                        flags = changed;
                        self.push(flags.open())?;
                        opened += 1;
                        continue;
                    }
                },
                '[' => self.class(reader, at)?,
                '\\' => self.escape(reader, at)?,
                '%' if reader.peek() == Some('{') => self.reference(reader, flags, at)?,
                '.' | '^' | '$' => self.push(c.encode_utf8(&mut [0; 4]))?,
                '*' | '+' | '?' => {
                    let place = self.place(reader, at);
                    return Err(format!("target of repeat operator is not specified for \"{c}\" {place}"));
                }
                c if flags.extended && c.is_ascii_whitespace() => continue,
                '#' if flags.extended => {
                    if reader.until('\n').is_none() {
                        reader.at = reader.text.len();
                    }
                    continue;
                }
                c => self.literal(c)?,
            }
            self.quantifiers(reader, start)?;
        }
        for _ in 0..opened {
            self.push(")")?;
        }
        self.depth -= 1;
        Ok(())
    }

    fn literal(&mut self, c: char) -> Result<(), String> {
        self.push(&regex_syntax::escape(c.encode_utf8(&mut [0; 4])))
    }

    /// `%{NAME}`, `%{NAME:field}`, `%{NAME:field:type}`.
    fn reference(&mut self, reader: &mut Reader<'_>, flags: Flags, at: usize) -> Result<(), String> {
        let place = self.place(reader, at);
        reader.next();
        let reference = reader.until('}').ok_or_else(|| format!("\"%{{\" without its brace {place}"))?;
        let (name, field) = reference.split_once(':').unwrap_or((reference, ""));
        let known = |c: char| c.is_alphanumeric() || "@[]_:.-".contains(c);
        if name.is_empty()
            || !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
            || !field.chars().all(known)
        {
            return Err(format!(
                "\"%{{{reference}}}\" {place} is no reference: %{{NAME}}, %{{NAME:field}} or %{{NAME:field:type}}, \
                 with letters, digits and @[]_.- in the field"
            ));
        }
        if self.names.iter().any(|outer| outer == name) {
            return Err(format!("circular reference in pattern [{name}]: {}", self.names.join(" => ")));
        }
        let definition = match self.definitions.get(name) {
            Some(Value::String(definition)) => definition.as_str(),
            Some(other) => return Err(format!("pattern definition \"{name}\" isn't a string, but {other}")),
            None => stock::find(name, self.flavour)
                .ok_or_else(|| format!("Unable to find pattern [{name}] in Grok's pattern dictionary"))?,
        };
        if field.is_empty() {
            self.push("(?:")?;
        } else {
            self.capture(reference)?;
        }
        self.names.push(name.to_owned());
        self.definition(definition, flags)?;
        self.names.pop();
        self.push(")")
    }

    /// Opens a group that gives a field: `name`, or `NAME:field:type` as references have it.
    fn capture(&mut self, key: &str) -> Result<(), String> {
        let mut parts = key.split(':').filter(|part| !part.is_empty());
        let first = parts.next().unwrap_or("");
        let (field, kind) = (parts.next().unwrap_or(first), parts.next());
        // Logstash writes nested fields as [a][b].
        let dotted = match field.strip_prefix('[').and_then(|inner| inner.strip_suffix(']')) {
            Some(inner) => inner.replace("][", "."),
            None => field.to_owned(),
        };
        let field = Field::parse(&dotted)?;
        self.out.groups += 1;
        let number = self.out.groups;
        match self.out.captures.iter_mut().find(|known| known.key == key) {
            Some(known) => known.groups.push(number),
            None => {
                let capture =
                    Capture { key: key.to_owned(), field, kind: Type::parse(kind), groups: vec![number] };
                self.out.captures.push(capture);
            }
        }
        self.push(&format!("(?P<c{number}>"))
    }
}
