//! Types of captures: `%{NUMBER:bytes:int}`.

use serde_json::{Number, Value};

/// What a captured text is read as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Type {
    Text,
    /// `int` and `long`: 64 bits for both, since body sizes outgrow 32.
    Whole,
    /// `float`: 32 bits, so digits beyond its precision go.
    Float,
    Double,
    Boolean,
}

impl Type {
    /// By its name in a pattern; without one, and with a name that Elasticsearch doesn't know, it is text.
    pub(super) fn parse(name: Option<&str>) -> Self {
        match name {
            Some("int" | "long") => Self::Whole,
            Some("float") => Self::Float,
            Some("double") => Self::Double,
            Some("boolean") => Self::Boolean,
            _ => Self::Text,
        }
    }

    /// # Errors
    /// The text is no number of that type: Java's sentence.
    pub(super) fn read(self, text: &str) -> Result<Value, String> {
        let fail = || format!("For input string: \"{text}\"");
        Ok(match self {
            Self::Text => Value::String(text.to_owned()),
            Self::Whole => text.parse::<i64>().map_err(|_| fail())?.into(),
            Self::Float => {
                let number: f32 = java_number(text).parse().map_err(|_| fail())?;
                // By its own digits: 1.1 stays 1.1 and does not become 1.100000023841858.
                let wide = if number.fract() == 0.0 {
                    f64::from(number)
                } else {
                    number.to_string().parse().map_err(|_| fail())?
                };
                Value::Number(Number::from_f64(wide).ok_or_else(fail)?)
            }
            Self::Double => {
                let number = java_number(text).parse().ok().and_then(Number::from_f64);
                Value::Number(number.ok_or_else(fail)?)
            }
            Self::Boolean => Value::Bool(text.eq_ignore_ascii_case("true")),
        })
    }
}

/// Java takes white space around a number and the letter of a type after it: ` 1.5f `.
fn java_number(text: &str) -> &str {
    let text = text.trim();
    let plain = text.strip_suffix(['d', 'D', 'f', 'F']).unwrap_or(text);
    if plain.ends_with(|c: char| c.is_ascii_digit() || c == '.') { plain } else { text }
}
