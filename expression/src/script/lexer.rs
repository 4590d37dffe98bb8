//! Source text into tokens, each with its position.

use super::error::CompileError;

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Token {
    Name(String),
    Text(String),
    Int(i32),
    Long(i64),
    Float(f32),
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
    ">>>=", "===", "!==", "==~", "<<=", ">>=", ">>>", "&&", "||", "==", "!=", "<=", ">=", "=~", "?.", "?:",
    "++", "--", "+=", "-=", "*=", "/=", "%=", "&=", "|=", "^=", "<<", ">>", "->", "::", "<", ">", "!", "(",
    ")", "[", "]", "{", "}", ".", ",", "?", ":", "+", "-", "*", "/", "%", "&", "|", "^", "~", "=", ";",
];

impl Token {
    /// How messages call it.
    pub(super) fn describe(&self) -> String {
        match self {
            Self::Name(name) => format!("\"{name}\""),
            Self::Text(text) => format!("string '{}'", text.chars().take(20).collect::<String>()),
            Self::Int(value) => format!("number {value}"),
            Self::Long(value) => format!("number {value}"),
            Self::Float(value) => format!("number {value:?}"),
            Self::Double(value) => format!("number {value:?}"),
            Self::Regex { .. } => "a regex".to_owned(),
            Self::Sign(sign) => format!("\"{sign}\""),
            Self::End => "the end".to_owned(),
        }
    }
}

pub(super) fn tokenize(source: &str) -> Result<Vec<Located>, CompileError> {
    let error = |at: usize, reason: String| CompileError::at(source, at, reason);
    let mut tokens: Vec<Located> = Vec::new();
    let mut at = 0;
    while let Some(c) = source[at..].chars().next() {
        let rest = &source[at..];
        if c.is_whitespace() {
            at += c.len_utf8();
            continue;
        }
        if let Some(length) = comment(rest) {
            at += length.ok_or_else(|| error(at, "comment without its end".to_owned()))?;
            continue;
        }
        let after_match = matches!(tokens.last(), Some(Located { token: Token::Sign("=~" | "==~"), .. }));
        let (token, length) = match c {
            'a'..='z' | 'A'..='Z' | '_' => name(rest),
            '0'..='9' => number(rest).map_err(|reason| error(at, reason))?,
            '\'' | '"' => text(rest, c).map_err(|(offset, reason)| error(at + offset, reason))?,
            '/' if after_match => regex(rest).map_err(|reason| error(at, reason))?,
            _ => match SIGNS.iter().find(|sign| rest.starts_with(**sign)) {
                Some(sign) => (Token::Sign(sign), sign.len()),
                None => return Err(error(at, format!("unexpected character {c:?}"))),
            },
        };
        tokens.push(Located { token, at });
        at += length;
    }
    tokens.push(Located { token: Token::End, at });
    Ok(tokens)
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
    let (token, length) = match rest.as_bytes() {
        [b'0', b'x' | b'X', ..] => radix(rest, 2, 16)?,
        [b'0', b'0'..=b'9', ..]
            if !rest.trim_start_matches(|c: char| c.is_ascii_digit()).starts_with('.') =>
        {
            radix(rest, 1, 8)?
        }
        _ => decimal(rest)?,
    };
    if rest[length..].starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_') {
        return Err(format!("cannot read number \"{}…\"", &rest[..length]));
    }
    Ok((token, length))
}

/// `0x1F` and `017`, with `L` for a long.
fn radix(rest: &str, prefix: usize, radix: u32) -> Result<(Token, usize), String> {
    let digits = rest[prefix..].bytes().take_while(|b| char::from(*b).is_digit(radix)).count();
    let text = &rest[prefix..prefix + digits];
    let bits = u64::from_str_radix(text, radix)
        .map_err(|_| format!("cannot read number \"{}\"", &rest[..prefix]))?;
    let end = prefix + digits;
    if rest[end..].starts_with(['l', 'L']) {
        return Ok((Token::Long(bits.cast_signed()), end + 1));
    }
    // As in Java, the bits of an int: 0xFFFFFFFF is -1.
    let token =
        u32::try_from(bits).map_or(Token::Long(bits.cast_signed()), |bits| Token::Int(bits.cast_signed()));
    Ok((token, end))
}

fn decimal(rest: &str) -> Result<(Token, usize), String> {
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
    let too_large = || format!("number \"{text}\" is too large");
    let token = match suffix {
        Some('f' | 'F') => {
            let value: f32 = text.parse().map_err(|_| format!("cannot read number \"{text}\""))?;
            Token::Float(Some(value).filter(|value| value.is_finite()).ok_or_else(too_large)?)
        }
        Some('l' | 'L') if !fractional => Token::Long(text.parse().map_err(|_| too_large())?),
        // Java refuses an int constant beyond 32 bits; here it is a long, which is what was meant.
        None if !fractional => {
            let value: i64 = text.parse().map_err(|_| too_large())?;
            i32::try_from(value).map_or(Token::Long(value), Token::Int)
        }
        Some('d' | 'D') | None => {
            let value: f64 = text.parse().map_err(|_| format!("cannot read number \"{text}\""))?;
            Token::Double(Some(value).filter(|value| value.is_finite()).ok_or_else(too_large)?)
        }
        Some(other) => return Err(format!("unknown number suffix \"{other}\"")),
    };
    Ok((token, whole))
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
                    let reason = "unknown escape in a string: only \\\\ \\' \\\" \\n \\r \\t are";
                    return Err((i, reason.to_owned()));
                }
            },
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
                let end = i + 1 + flags;
                let (source, flags) = (rest[1..i].to_owned(), rest[i + 1..end].to_owned());
                return Ok((Token::Regex { source, flags }, end));
            }
            c => escaped = c == '\\' && !escaped,
        }
    }
    Err("regex without its closing \"/\"".to_owned())
}
