//! `urldecode`: percent signs and pluses of an URL as the characters that they stand for.

use super::text_transform::TextTransform;
use super::{Compiler, DefinitionError, Failure, Options, Processor};

pub(super) fn build(options: &mut Options, _: &mut Compiler) -> Result<Box<dyn Processor>, DefinitionError> {
    TextTransform::build(options, |text| decode(text).map(Into::into))
}

/// As Java's `URLDecoder` in UTF-8: a plus is a space, bytes that are no UTF-8 become U+FFFD.
fn decode(text: &str) -> Result<String, Failure> {
    let fail =
        |what: &str| Failure::argument(format!("URLDecoder: {what} in escape (%) pattern of \"{text}\""));
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        match byte {
            b'+' => out.push(b' '),
            b'%' => {
                let (Some(high), Some(low)) = (bytes.next(), bytes.next()) else {
                    return Err(fail("Incomplete trailing escape"));
                };
                let digit = |byte: u8| (byte as char).to_digit(16);
                let (Some(high), Some(low)) = (digit(high), digit(low)) else {
                    return Err(fail("Illegal hex characters"));
                };
                out.push((high * 16 + low) as u8);
            }
            byte => out.push(byte),
        }
    }
    Ok(match String::from_utf8(out) {
        Ok(text) => text,
        Err(error) => String::from_utf8_lossy(error.as_bytes()).into_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::super::testing::{check, check_fails};
    use serde_json::json;

    #[test]
    fn decodes() {
        let read = |text: &str, out: &str| {
            check("urldecode", json!({"field": "a"}), json!({"a": text}), json!({"a": out}))
        };
        read("a%20b+c%C3%A9", "a b cé");
        read("plain", "plain");
        read("%ff", "\u{FFFD}");
        check_fails("urldecode", json!({"field": "a"}), json!({"a": "x%4"}), "URLDecoder: Incomplete");
        check_fails("urldecode", json!({"field": "a"}), json!({"a": "x%zz"}), "URLDecoder: Illegal hex");
    }
}
