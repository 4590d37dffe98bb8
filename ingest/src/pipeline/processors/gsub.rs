//! `gsub`: replaces every match of a regex.

use super::all_matches::AllMatches;
use super::text_transform::TextTransform;
use super::{Compiler, DefinitionError, Failure, Options, Processor, compile_regex};

pub(super) fn build(options: &mut Options, _: &mut Compiler) -> Result<Box<dyn Processor>, DefinitionError> {
    let source = options.text("pattern")?;
    let pattern = AllMatches::new(compile_regex(options, "pattern", &source)?);
    let replacement = translate(&options.text("replacement")?);
    TextTransform::build(options, move |text| {
        Ok(pattern.replace(text, &replacement).map_err(Failure::argument)?.into())
    })
}

/// Java's replacement text (`$1`, `${name}`, `\$`) in the spelling of the regex engine here.
fn translate(java: &str) -> String {
    let mut out = String::with_capacity(java.len());
    let mut chars = java.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\\' => match chars.next() {
                Some('$') => out.push_str("$$"),
                Some(escaped) => out.push(escaped),
                None => out.push('\\'),
            },
            '$' if chars.peek().is_some_and(char::is_ascii_digit) => {
                let digit = chars.next().unwrap_or('0');
                out.push_str("${");
                out.push(digit);
                out.push('}');
            }
            '$' if chars.peek() != Some(&'{') => out.push_str("$$"),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::super::testing::{check, check_fails};
    use serde_json::json;

    #[test]
    fn replaces() {
        let options = |pattern: &str, replacement: &str| json!({"field": "a", "pattern": pattern, "replacement": replacement});
        check("gsub", options("\\.", "-"), json!({"a": "1.2.3"}), json!({"a": "1-2-3"}));
        check("gsub", options("(\\w)(\\d)", "$2a$1"), json!({"a": "x1 y2"}), json!({"a": "1ax 2ay"}));
        check("gsub", options("x", "\\$5 \\\\"), json!({"a": "x"}), json!({"a": "$5 \\"}));
        check("gsub", options("x*", "-"), json!({"a": "axb"}), json!({"a": "-a-b-"}));
        let long = "r".repeat(4_000);
        check_fails(
            "gsub",
            options("", &long),
            json!({"a": "x".repeat(5_000)}),
            "the text grows to more than",
        );
        check_fails(
            "gsub",
            options("(?=x)", ""),
            json!({}),
            "pipeline \"test\", processor 1 (gsub), key \"pattern\"",
        );
    }
}
