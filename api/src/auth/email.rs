use serde::{Deserialize, Serialize};
use std::fmt;

/// An email address as accounts are known by: trimmed, lower case, plausible. Whether it exists only a mail can tell.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct Email(String);

impl Email {
    /// Longest address (RFC 5321, 4.5.3.1.3, without the angle brackets).
    pub const MAX_BYTES: usize = 254;

    /// The address.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Email {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let address = text.trim().to_lowercase();
        if address.len() > Self::MAX_BYTES {
            return Err(format!("an email address has at most {} bytes", Self::MAX_BYTES));
        }
        let odd =
            |c: char| c.is_whitespace() || c.is_control() || matches!(c, '<' | '>' | ',' | ';' | '"' | '\\');
        match address.split_once('@') {
            Some((local, domain))
                if !local.is_empty()
                    && local.len() <= 64
                    && !domain.is_empty()
                    && !domain.contains('@')
                    && !domain.starts_with(['.', '-'])
                    && !domain.ends_with(['.', '-'])
                    && !address.contains(odd) =>
            {
                Ok(Self(address))
            }
            _ => Err(format!("{text:?} is not an email address")),
        }
    }
}

impl std::str::FromStr for Email {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::try_from(text.to_owned())
    }
}

impl fmt::Display for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        let check = |text: &str, expected: Option<&str>| {
            assert_eq!(text.parse::<Email>().ok().as_ref().map(Email::as_str), expected, "{text:?}");
        };
        check("anna@shop.example", Some("anna@shop.example"));
        check("  Anna@Shop.Example ", Some("anna@shop.example"));
        check("admin@localhost", Some("admin@localhost"));
        check("a+b@c.d", Some("a+b@c.d"));
        for bad in
            ["", "anna", "@b", "a@", "a@b@c", "a b@c", "a@b\n", "<a@b>", "a@.b", "a@b.", "a,b@c", "a\u{0}@b"]
        {
            check(bad, if bad == "a@b\n" { Some("a@b") } else { None });
        }
        check(&format!("{}@b", "a".repeat(65)), None);
        check(&format!("a@{}", "b".repeat(300)), None);
    }
}
