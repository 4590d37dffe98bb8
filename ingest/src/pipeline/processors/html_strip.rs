//! `html_strip`: the text between the tags.

use super::text_transform::TextTransform;
use super::{Compiler, DefinitionError, Options, Processor};

/// Tags that part lines: Lucene's `HTMLStripCharFilter` puts a line break in their place.
const BLOCKS: [&str; 34] = [
    "address",
    "article",
    "aside",
    "blockquote",
    "br",
    "dd",
    "div",
    "dl",
    "dt",
    "fieldset",
    "figcaption",
    "figure",
    "footer",
    "form",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "header",
    "hr",
    "li",
    "nav",
    "ol",
    "p",
    "pre",
    "section",
    "table",
    "td",
    "th",
    "tr",
    "ul",
    "title",
];
/// Longest name of an entity, and most of a tag that is looked at.
const ENTITY_MAX_BYTES: usize = 32;

pub(super) fn build(options: &mut Options, _: &mut Compiler) -> Result<Box<dyn Processor>, DefinitionError> {
    TextTransform::build(options, |text| Ok(strip(text).into()))
}

fn strip(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(['<', '&']) {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let (replacement, length) = if rest.starts_with('<') { tag(rest) } else { entity(rest) };
        match replacement {
            Some(replacement) => out.push_str(&replacement),
            None => out.push_str(&rest[..length]),
        }
        rest = &rest[length..];
    }
    out.push_str(rest);
    out
}

/// What stands for the markup at the start, and its length; `None`: it is no markup.
fn tag(rest: &str) -> (Option<String>, usize) {
    if let Some(body) = rest.strip_prefix("<!--") {
        return (Some(String::new()), body.find("-->").map_or(rest.len(), |end| end + 7));
    }
    let name_at = if rest.starts_with("</") { 2 } else { 1 };
    let name: String = rest[name_at..]
        .chars()
        .take(16)
        .take_while(char::is_ascii_alphanumeric)
        .collect::<String>()
        .to_lowercase();
    if name.is_empty() && !rest[1..].starts_with(['!', '?']) {
        return (None, 1);
    }
    let Some(end) = tag_end(rest) else { return (None, 1) };
    if name_at == 1 && (name == "script" || name == "style") {
        let close = format!("</{name}");
        // ASCII case folding keeps byte positions.
        let body = rest[end..].to_ascii_lowercase();
        let skipped = body.find(&close).map_or(rest.len(), |at| end + at);
        return (Some(String::new()), skipped);
    }
    let replacement = if BLOCKS.contains(&name.as_str()) { "\n" } else { "" };
    (Some(replacement.to_owned()), end)
}

/// Byte after the closing `>`, quotes minded.
fn tag_end(rest: &str) -> Option<usize> {
    let mut quote = None;
    for (i, byte) in rest.bytes().enumerate() {
        match (quote, byte) {
            (None, b'>') => return Some(i + 1),
            (None, b'"' | b'\'') => quote = Some(byte),
            (Some(open), byte) if open == byte => quote = None,
            _ => {}
        }
    }
    None
}

fn entity(rest: &str) -> (Option<String>, usize) {
    let Some(end) = rest.bytes().take(ENTITY_MAX_BYTES).position(|byte| byte == b';') else {
        return (None, 1);
    };
    let name = &rest[1..end];
    let character = match name {
        "amp" => Some('&'),
        "lt" => Some('<'),
        "gt" => Some('>'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        "nbsp" => Some(' '),
        "copy" => Some('©'),
        "reg" => Some('®'),
        "trade" => Some('™'),
        "euro" => Some('€'),
        "hellip" => Some('…'),
        "ndash" => Some('–'),
        "mdash" => Some('—'),
        "laquo" => Some('«'),
        "raquo" => Some('»'),
        _ => name.strip_prefix('#').and_then(|number| {
            let code = match number.strip_prefix(['x', 'X']) {
                Some(hex) => u32::from_str_radix(hex, 16).ok()?,
                None => number.parse().ok()?,
            };
            char::from_u32(code)
        }),
    };
    character.map_or((None, 1), |c| (Some(c.to_string()), end + 1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn keeps_the_text() {
        let check = |html: &str, text: &str| assert_eq!(strip(html), text, "{html}");
        check("<b>bold</b> & <i class='a>b'>it</i>", "bold & it");
        check("<p>one</p><p>two</p>", "\none\n\ntwo\n");
        check("a &lt; b &amp;&#38;&#x26; &unknown; &", "a < b &&& &unknown; &");
        check("x<!-- <b> -->y<script>if (a < b) {}</script>z", "xyz");
        check("1 < 2 and <unclosed", "1 < 2 and <unclosed");
    }

    proptest! {
        #[test]
        fn any_text_is_stripped(text in "[<>/&;#x!a-c\"'é -]{0,60}") {
            strip(&text);
        }
    }
}
