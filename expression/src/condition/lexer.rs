//! Source text into tokens, each with its position.

use super::ConditionError;

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Token {
    Name(String),
    Text(String),
    Int(i64),
    Double(f64),
    Regex {
        source: String,
        flags: String,
    },
    /// An operator or a bracket.
    Sign(&'static str),
    End,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Located {
    pub(super) token: Token,
    /// Byte in the source.
    pub(super) at: usize,
}

/// Longest first, so that a prefix never wins.
const SIGNS: &[&str] = &[
    "===", "!==", "==~", "&&", "||", "==", "!=", "<=", ">=", "=~", "?.", "?:", "<", ">", "!", "(", ")", "[",
    "]", ".", ",", "?", ":", "-", ";",
];

impl Token {
    /// How messages call it.
    pub(super) fn describe(&self) -> String {
        match self {
            Self::Name(name) => format!("\"{name}\""),
            Self::Text(text) => format!("string '{}'", text.chars().take(20).collect::<String>()),
            Self::Int(value) => format!("number {value}"),
            Self::Double(value) => format!("number {value:?}"),
            Self::Regex { .. } => "a regex".to_owned(),
            Self::Sign(sign) => format!("\"{sign}\""),
            Self::End => "the end".to_owned(),
        }
    }
}

/// An error at a byte of the source.
pub(super) fn error_at(source: &str, at: usize, reason: impl Into<String>) -> ConditionError {
    let before = &source[..at.min(source.len())];
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or("").chars().count() + 1;
    ConditionError { line, column, reason: reason.into() }
}

pub(super) fn tokenize(source: &str) -> Result<Vec<Located>, ConditionError> {
    let mut tokens: Vec<Located> = Vec::new();
    let mut at = 0;
    while let Some(c) = source[at..].chars().next() {
        let rest = &source[at..];
        if c.is_whitespace() {
            at += c.len_utf8();
            continue;
        }
        if let Some(length) = comment(rest) {
            at += length.ok_or_else(|| error_at(source, at, "comment without its end"))?;
            continue;
        }
        let after_match = matches!(tokens.last(), Some(Located { token: Token::Sign("=~" | "==~"), .. }));
        let (token, length) = match c {
            'a'..='z' | 'A'..='Z' | '_' => name(rest),
            '0'..='9' => number(rest).map_err(|reason| error_at(source, at, reason))?,
            '\'' | '"' => text(rest, c).map_err(|(offset, reason)| error_at(source, at + offset, reason))?,
            '/' if after_match => regex(rest).map_err(|reason| error_at(source, at, reason))?,
            _ => match SIGNS.iter().find(|sign| rest.starts_with(**sign)) {
                Some(sign) => (Token::Sign(sign), sign.len()),
                None => return Err(error_at(source, at, unexpected(c))),
            },
        };
        tokens.push(Located { token, at });
        at += length;
    }
    tokens.push(Located { token: Token::End, at });
    Ok(tokens)
}

fn unexpected(c: char) -> String {
    match c {
        '+' | '*' | '/' | '%' | '&' | '|' | '^' | '~' => {
            format!("operator \"{c}\" is not supported in conditions")
        }
        '=' => "assignment is not supported in conditions; to compare, write \"==\"".to_owned(),
        '{' | '}' => "blocks are not supported: a condition is one expression".to_owned(),
        c => format!("unexpected character {c:?}"),
    }
}

/// Length of a comment at the start; the inner `None` when it does not end.
fn comment(rest: &str) -> Option<Option<usize>> {
    if rest.starts_with("//") {
        return Some(Some(rest.find('\n').unwrap_or(rest.len())));
    }
    let body = rest.strip_prefix("/*")?;
    Some(body.find("*/").map(|end| end + 4))
}

fn name(rest: &str) -> (Token, usize) {
    let length = rest.bytes().take_while(|b| b.is_ascii_alphanumeric() || *b == b'_').count();
    (Token::Name(rest[..length].to_owned()), length)
}

fn number(rest: &str) -> Result<(Token, usize), String> {
    let digits = |from: usize| rest[from..].bytes().take_while(u8::is_ascii_digit).count();
    let mut length = digits(0);
    let mut fractional = false;
    if rest[length..].starts_with('.') && digits(length + 1) > 0 {
        length += 1 + digits(length + 1);
        fractional = true;
    }
    if rest[length..].starts_with(['e', 'E']) {
        let sign = usize::from(rest[length + 1..].starts_with(['+', '-']));
        let exponent = digits(length + 1 + sign);
        if exponent > 0 {
            length += 1 + sign + exponent;
            fractional = true;
        }
    }
    let text = &rest[..length];
    let suffix = rest[length..].chars().next().filter(char::is_ascii_alphabetic);
    let whole = length + suffix.map_or(0, char::len_utf8);
    let token = match suffix {
        Some('d' | 'D' | 'f' | 'F') => double(text)?,
        Some('l' | 'L') | None if !fractional => {
            Token::Int(text.parse().map_err(|_| format!("number \"{text}\" is too large"))?)
        }
        None => double(text)?,
        Some(other) => return Err(format!("unknown number suffix \"{other}\"")),
    };
    if rest[whole..].starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_') {
        return Err(format!("cannot read number \"{text}…\""));
    }
    Ok((token, whole))
}

fn double(text: &str) -> Result<Token, String> {
    let value: f64 = text.parse().map_err(|_| format!("cannot read number \"{text}\""))?;
    if value.is_finite() { Ok(Token::Double(value)) } else { Err(format!("number \"{text}\" is too large")) }
}

fn text(rest: &str, quote: char) -> Result<(Token, usize), (usize, String)> {
    let mut out = String::new();
    let mut chars = rest.char_indices().skip(1);
    while let Some((i, c)) = chars.next() {
        match c {
            c if c == quote => return Ok((Token::Text(out), i + 1)),
            '\\' => match chars.next().map(|(_, escaped)| escaped) {
                Some('n') => out.push('\n'),
                Some('r') => out.push('\r'),
                Some('t') => out.push('\t'),
                Some(c @ ('\\' | '\'' | '"')) => out.push(c),
                _ => {
                    return Err((
                        i,
                        "unknown escape in a string: only \\\\ \\' \\\" \\n \\r \\t are".to_owned(),
                    ));
                }
            },
            '\n' => return Err((i, "string without its closing quote".to_owned())),
            c => out.push(c),
        }
    }
    Err((0, "string without its closing quote".to_owned()))
}

fn regex(rest: &str) -> Result<(Token, usize), String> {
    let mut escaped = false;
    for (i, c) in rest.char_indices().skip(1) {
        match c {
            '\n' => break,
            '/' if !escaped => {
                let flags = rest[i + 1..].bytes().take_while(u8::is_ascii_alphabetic).count();
                let flags_text = rest[i + 1..i + 1 + flags].to_owned();
                return Ok((
                    Token::Regex { source: rest[1..i].to_owned(), flags: flags_text },
                    i + 1 + flags,
                ));
            }
            c => escaped = c == '\\' && !escaped,
        }
    }
    Err("regex without its closing \"/\"".to_owned())
}
