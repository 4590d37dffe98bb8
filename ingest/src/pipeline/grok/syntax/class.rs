//! Bracket expressions.

use super::escape::class_items;
use super::{DEPTH_MAX, Reader, Translator};

/// What a POSIX bracket or property of that name holds, as items of a bracket expression. Unicode, as Oniguruma has
/// them with UTF-8.
pub(super) fn posix(name: &str) -> Option<&'static str> {
    Some(match name {
        "alnum" => r"\p{L}\p{M}\p{Nd}",
        "alpha" => r"\p{L}\p{M}",
        "ascii" => r"\x00-\x7F",
        "blank" => r"\p{Zs}\t",
        "cntrl" => r"\p{Cc}",
        "digit" => r"\p{Nd}",
        "graph" => r"[^\s\p{Cc}\p{Cn}\p{Cs}]",
        "lower" => r"\p{Lowercase}",
        "print" => r"[[^\s\p{Cc}\p{Cn}\p{Cs}]\p{Zs}]",
        "punct" => r"\p{P}$+<=>^`|~",
        "space" => r"\s",
        "upper" => r"\p{Uppercase}",
        "xdigit" => "0-9A-Fa-f",
        "word" => r"\p{L}\p{M}\p{Nd}\p{Pc}",
        _ => return None,
    })
}

/// One item of a bracket expression.
enum Item {
    /// A character, which may begin or end a range.
    Char(char),
    /// Anything else, translated.
    Set(String),
}

impl Translator<'_> {
    /// A bracket expression, its bracket taken already.
    pub(super) fn class(&mut self, reader: &mut Reader<'_>, at: usize) -> Result<(), String> {
        let text = self.brackets(reader, at, 0)?;
        self.push(&text)
    }

    fn brackets(&mut self, reader: &mut Reader<'_>, at: usize, depth: usize) -> Result<String, String> {
        let unclosed = |this: &Self, reader: &Reader<'_>| {
            Err(format!("premature end of char-class {}", this.place(reader, at)))
        };
        if depth > DEPTH_MAX {
            return Err(format!("pattern is nested deeper than {DEPTH_MAX}"));
        }
        let mut out = String::from(if reader.eat("^") { "[^" } else { "[" });
        // A bracket that comes first is plain text.
        if reader.peek() == Some(']') && reader.rest().get(1..).is_some_and(|rest| rest.contains(']')) {
            reader.next();
            out.push_str(r"\]");
        }
        loop {
            if reader.eat("]") {
                // An empty side of `&&` has no spelling here.
                out.push(']');
                return Ok(out);
            }
            if reader.eat("&&") {
                out.push_str("&&");
                continue;
            }
            let first = match self.item(reader, at, depth)? {
                None => return unclosed(self, reader),
                Some(Item::Set(set)) => {
                    out.push_str(&set);
                    continue;
                }
                Some(Item::Char(c)) => c,
            };
            let ranged = reader.rest().strip_prefix('-').is_some_and(|rest| !rest.starts_with(']'));
            if !ranged {
                push(&mut out, first);
                continue;
            }
            reader.next();
            match self.item(reader, at, depth)? {
                None => return unclosed(self, reader),
                Some(Item::Char(last)) if last < first => {
                    let place = self.place(reader, at);
                    return Err(format!("empty range \"{first}-{last}\" in char-class {place}"));
                }
                Some(Item::Char(last)) => {
                    push(&mut out, first);
                    out.push('-');
                    push(&mut out, last);
                }
                // `[a-\d]`: the sign is plain text.
                Some(Item::Set(set)) => {
                    push(&mut out, first);
                    out.push_str(r"\-");
                    out.push_str(&set);
                }
            }
        }
    }

    fn item(&mut self, reader: &mut Reader<'_>, at: usize, depth: usize) -> Result<Option<Item>, String> {
        let Some(c) = reader.next() else { return Ok(None) };
        let set = match c {
            '[' => match posix_bracket(reader) {
                Some(set) => set,
                None => self.brackets(reader, at, depth + 1)?,
            },
            '\\' => match reader.peek() {
                Some('b') => {
                    reader.next();
                    return Ok(Some(Item::Char('\u{8}')));
                }
                Some('p' | 'P') => self.property(reader, at)?,
                Some(c) if class_items(c).is_some() => {
                    reader.next();
                    let (items, rest) = class_items(c).unwrap_or_default();
                    if rest { format!("[^{items}]") } else { items.to_owned() }
                }
                _ => return self.character(reader, at).map(|c| Some(Item::Char(c))),
            },
            c => return Ok(Some(Item::Char(c))),
        };
        Ok(Some(Item::Set(set)))
    }
}

/// `[:alnum:]` and `[:^alnum:]`, the first bracket taken already.
fn posix_bracket(reader: &mut Reader<'_>) -> Option<String> {
    let (name, _) = reader.rest().strip_prefix(':')?.split_once(":]")?;
    let (plain, inverse) = name.strip_prefix('^').map_or((name, false), |plain| (plain, true));
    let items = posix(plain)?;
    reader.at += name.len() + 3;
    Some(if inverse { format!("[^{items}]") } else { items.to_owned() })
}

/// A character that means itself inside brackets.
fn push(out: &mut String, c: char) {
    if regex_syntax::is_meta_character(c) {
        out.push('\\');
    }
    out.push(c);
}
