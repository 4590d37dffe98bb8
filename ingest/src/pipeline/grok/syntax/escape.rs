//! What a backslash makes of the character after it.

use super::{Assertion, Reader, Translator};

/// The ASCII classes of Oniguruma's Ruby syntax, as items of a bracket expression, and whether they are the rest.
pub(super) fn class_items(c: char) -> Option<(&'static str, bool)> {
    Some(match c {
        'w' | 'W' => ("0-9A-Za-z_", c == 'W'),
        'd' | 'D' => ("0-9", c == 'D'),
        's' | 'S' => (r"\t\n\x0B\f\r\x20", c == 'S'),
        'h' | 'H' => ("0-9A-Fa-f", c == 'H'),
        _ => return None,
    })
}

impl Translator<'_> {
    /// An escape outside of brackets, its backslash taken already.
    pub(super) fn escape(&mut self, reader: &mut Reader<'_>, at: usize) -> Result<(), String> {
        let Some(c) = reader.peek() else {
            return Err(format!("end pattern at escape {}", self.place(reader, at)));
        };
        if let Some((items, rest)) = class_items(c) {
            reader.next();
            return self.push(&format!("[{}{items}]", if rest { "^" } else { "" }));
        }
        let refused = match c {
            '1'..='9' | 'k' => "a back-reference",
            'g' => "a call of a group",
            'K' => "\"keep\"",
            'G' => "the end of the match before",
            'X' => "a grapheme cluster",
            _ => "",
        };
        if !refused.is_empty() {
            return Err(format!(
                "{refused} \"\\{c}\" {} is not supported: patterns run in linear time",
                self.place(reader, at)
            ));
        }
        match c {
            'b' => self.take(reader, r"\b"),
            'B' => self.take(reader, r"\B"),
            'A' => self.take(reader, r"\A"),
            'z' => self.take(reader, r"\z"),
            'R' => self.take(reader, r"(?:\r\n|[\n\x0B\f\r\x{85}\x{2028}\x{2029}])"),
            'Z' => {
                reader.next();
                let place = format!("\"\\Z\" {}", self.place(reader, at));
                let body = r"(?:\n?\z)".to_owned();
                self.push_assertion(Assertion { ahead: true, negative: false, body, place })
            }
            'p' | 'P' => {
                let property = self.property(reader, at)?;
                self.push(&property)
            }
            _ => {
                let c = self.character(reader, at)?;
                self.literal(c)
            }
        }
    }

    fn take(&mut self, reader: &mut Reader<'_>, text: &str) -> Result<(), String> {
        reader.next();
        self.push(text)
    }

    /// `\p{Name}`, `\p{^Name}`, `\P{Name}`, from the `p` on.
    pub(super) fn property(&mut self, reader: &mut Reader<'_>, at: usize) -> Result<String, String> {
        let negative = reader.next() == Some('P');
        let name = if reader.eat("{") { reader.until('}') } else { None };
        let Some(name) = name else {
            return Err(format!("invalid character property name {}", self.place(reader, at)));
        };
        let (name, inverse) = name.strip_prefix('^').map_or((name, false), |name| (name, true));
        if let Some(items) = super::class::posix(&name.to_ascii_lowercase()) {
            return Ok(format!("[{}{items}]", if negative != inverse { "^" } else { "" }));
        }
        if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric() || "_ -=".contains(c)) {
            return Err(format!("invalid character property name {{{name}}} {}", self.place(reader, at)));
        }
        Ok(format!("\\{}{{{name}}}", if negative != inverse { 'P' } else { 'p' }))
    }

    /// An escape that stands for one character, its backslash taken already.
    pub(super) fn character(&mut self, reader: &mut Reader<'_>, at: usize) -> Result<char, String> {
        let Some(c) = reader.next() else {
            return Err(format!("end pattern at escape {}", self.place(reader, at)));
        };
        let code = match c {
            'n' => return Ok('\n'),
            't' => return Ok('\t'),
            'r' => return Ok('\r'),
            'f' => return Ok('\u{c}'),
            'v' => return Ok('\u{b}'),
            'a' => return Ok('\u{7}'),
            'e' => return Ok('\u{1b}'),
            'x' if reader.eat("{") => number(reader.until('}').unwrap_or(""), 16),
            'x' => digits(reader, 16, 2),
            'u' => digits(reader, 16, 4),
            '0' => Some(digits(reader, 8, 2).unwrap_or(0)),
            'c' | 'C' | 'M' => None,
            c => return Ok(c),
        };
        code.and_then(char::from_u32)
            .ok_or_else(|| format!("invalid escape \"\\{c}\" {}", self.place(reader, at)))
    }
}

fn number(text: &str, radix: u32) -> Option<u32> {
    u32::from_str_radix(text, radix).ok()
}

/// Up to so many digits.
fn digits(reader: &mut Reader<'_>, radix: u32, most: usize) -> Option<u32> {
    let length = reader.rest().chars().take(most).take_while(|c| c.is_digit(radix)).count();
    let text = reader.rest().get(..length)?;
    reader.at += length;
    number(text, radix)
}
