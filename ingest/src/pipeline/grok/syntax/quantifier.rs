//! How often something may come.

use super::{Reader, Translator};

impl Translator<'_> {
    /// The quantifiers after what begins at `start` of the text.
    pub(super) fn quantifiers(&mut self, reader: &mut Reader<'_>, start: usize) -> Result<(), String> {
        let mut first = true;
        loop {
            let at = reader.at;
            let (quantifier, exact) = match reader.peek() {
                Some(c @ ('*' | '+' | '?')) => {
                    reader.next();
                    (c.to_string(), false)
                }
                Some('{') => match interval(reader) {
                    Some(interval) => interval,
                    None => return Ok(()),
                },
                _ => return Ok(()),
            };
            if !first {
                self.out.text.insert_str(start, "(?:");
                self.push(")")?;
            }
            first = false;
            let simple = !quantifier.starts_with('{');
            if reader.eat("?") {
                // In Ruby `x{2}?` is an optional `x{2}`.
                if exact {
                    self.out.text.insert_str(start, "(?:");
                    self.push(&format!("{quantifier})?"))?;
                } else {
                    self.push(&format!("{quantifier}?"))?;
                }
            } else if simple && reader.eat("+") {
                let what = format!("the possessive \"{quantifier}+\" {}", self.place(reader, at));
                let open = self.atomic(&what);
                self.out.text.insert_str(start, &open);
                self.push(&format!("{quantifier})"))?;
            } else {
                self.push(&quantifier)?;
            }
        }
    }
}

/// `{2}`, `{2,}`, `{,3}`, `{2,3}` and whether it is exact; anything else is plain text.
fn interval(reader: &mut Reader<'_>) -> Option<(String, bool)> {
    let (inner, _) = reader.rest().strip_prefix('{')?.split_once('}')?;
    let (least, most) = inner.split_once(',').map_or((inner, None), |(least, most)| (least, Some(most)));
    let digits = |text: &str| text.len() <= 6 && text.bytes().all(|c| c.is_ascii_digit());
    if !digits(least) || !most.is_none_or(digits) || (least.is_empty() && most.is_none_or(str::is_empty)) {
        return None;
    }
    reader.at += inner.len() + 2;
    let least = if least.is_empty() { "0" } else { least };
    Some(match most {
        None => (format!("{{{least}}}"), true),
        Some(most) => (format!("{{{least},{most}}}"), false),
    })
}
