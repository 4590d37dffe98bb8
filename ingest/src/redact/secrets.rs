//! Names that name a secret, and the secrets behind them in a text.

use super::REDACTED;
use regex::Regex;
use std::sync::LazyLock;

/// Longest user name and password of an address that are looked for, in bytes.
const USERINFO_MAX_BYTES: usize = 512;

/// Keys whose values are secrets, in small letters and without `_`, `-`, `.` and spaces.
const SECRETS: &[&str] = &[
    "cvv",
    "cvv2",
    "cvc",
    "cvc2",
    "cvn",
    "cid2",
    "cardcvv",
    "cardcvc",
    "securitycode",
    "cardsecuritycode",
    "password",
    "passwd",
    "pwd",
    "passphrase",
    "userpassword",
    "newpassword",
    "oldpassword",
    "secret",
    "clientsecret",
    "secretkey",
    "authorization",
    "proxyauthorization",
    "accesstoken",
    "refreshtoken",
    "cvvcode",
    "cvccode",
    "cvvnumber",
    "passwordhash",
    "passwordrepeat",
    "passwordconfirm",
    "passwordconfirmation",
    "apikey",
    "privatekey",
];

/// The lengths of [`SECRETS`] as bits, by first letter.
const SECRET_LENGTHS: [u64; 256] = {
    let mut lengths = [0; 256];
    let mut at = 0;
    while at < SECRETS.len() {
        let name = SECRETS[at].as_bytes();
        lengths[name[0] as usize] |= 1 << name.len();
        at += 1;
    }
    lengths
};

/// Ends of names whose values are secrets, whatever stands before (`confirm_password`, `db.userPasswd`, `my_cvv`).
const SECRET_ENDS: [&str; 5] = ["password", "passwd", "passphrase", "cvv", "cvc"];

/// Longest name that is looked for.
const NAME_MAX_BYTES: usize = 32;

/// The last segment of a key in small letters, without the signs that spellings differ in.
pub(super) struct PlainName {
    bytes: [u8; NAME_MAX_BYTES],
    length: usize,
}

impl PlainName {
    /// `None`: longer than any name that is looked for.
    pub(super) fn of(key: &str) -> Option<Self> {
        let start = memchr::memrchr(b'.', key.as_bytes()).map_or(0, |dot| dot + 1);
        let mut plain = Self { bytes: [0; NAME_MAX_BYTES], length: 0 };
        for byte in key[start..].bytes().filter(|byte| !matches!(byte, b'_' | b'-' | b' ')) {
            *plain.bytes.get_mut(plain.length)? = byte.to_ascii_lowercase();
            plain.length += 1;
        }
        Some(plain)
    }

    pub(super) fn is_secret(&self) -> bool {
        let plain = &self.bytes[..self.length];
        // Nearly all names are ruled out by these: each key of each event comes here.
        let Some(last) = plain.last() else { return false };
        let may_end = SECRET_ENDS.iter().any(|end| end.as_bytes().last() == Some(last));
        let may_be = (SECRET_LENGTHS[usize::from(plain[0])] >> self.length) & 1 == 1;
        may_be && self.is_one_of(SECRETS)
            || may_end && SECRET_ENDS.iter().any(|end| plain.ends_with(end.as_bytes()))
    }

    pub(super) fn is_one_of(&self, names: &[&str]) -> bool {
        let plain = &self.bytes[..self.length];
        names.iter().any(|name| name.as_bytes() == plain)
    }
}

/// `password=…`, `"cvv": "…"`, `Authorization: …` inside a text: the value is replaced up to the next delimiter.
/// `None` when there is none.
pub(super) fn mask_secrets(text: &str) -> Option<String> {
    if !SECRET_HINTS.is_match(text) {
        return None;
    }
    let mut out: Option<String> = None;
    let mut copied = 0;
    for found in SECRETS_IN_TEXT.captures_iter(text) {
        let value = found.name("quoted").or_else(|| found.name("value"));
        let Some(value) = value.filter(|value| value.as_str() != REDACTED) else { continue };
        let out = out.get_or_insert_with(String::new);
        out.push_str(&text[copied..value.start()]);
        out.push_str(REDACTED);
        copied = value.end();
    }
    out.map(|mut out| {
        out.push_str(&text[copied..]);
        out
    })
}

/// `https://user:password@host` (RFC 3986, section 3.2.1): the password is replaced. `None` when there is none.
pub(super) fn mask_userinfo(text: &str) -> Option<String> {
    let bytes = text.as_bytes();
    let mut out: Option<String> = None;
    let mut copied = 0;
    for at in SCHEME_END.find_iter(bytes) {
        let start = at + 3;
        let window = &bytes[start..bytes.len().min(start + USERINFO_MAX_BYTES)];
        let ends =
            |byte: &u8| matches!(byte, b'/' | b'?' | b'#' | b'"' | b'<' | b'>') || byte.is_ascii_whitespace();
        let authority = &window[..window.iter().position(ends).unwrap_or(window.len())];
        let (Some(colon), Some(end)) = (memchr::memchr(b':', authority), memchr::memrchr(b'@', authority))
        else {
            continue;
        };
        let password = start + colon + 1..start + end.max(colon + 1);
        if end <= colon + 1 || start < copied || &text[password.clone()] == REDACTED {
            continue;
        }
        let out = out.get_or_insert_with(String::new);
        out.push_str(&text[copied..password.start]);
        out.push_str(REDACTED);
        copied = password.end;
    }
    out.map(|mut out| {
        out.push_str(&text[copied..]);
        out
    })
}

pub(super) static SCHEME_END: LazyLock<memchr::memmem::Finder<'static>> =
    LazyLock::new(|| memchr::memmem::Finder::new("://"));

/// Words without which [`SECRETS_IN_TEXT`] cannot match: literals, which are looked for many times faster.
pub(super) static SECRET_HINTS: LazyLock<Regex> = LazyLock::new(|| {
    let words =
        "(?i-u)cvv|cvc|passw|pwd|passphrase|secret|s_token|h_token|token=|token%3d|api_?key|authorization";
    Regex::new(words).expect("the pattern is fixed and tested")
});

static SECRETS_IN_TEXT: LazyLock<Regex> = LazyLock::new(|| {
    // A quote may be escaped (JSON inside JSON); a quoted value ends at its quote, any other at a delimiter.
    let text = concat!(
        r#"(?i)(?-u:\b|%[0-9a-f]{2})(?:(?:proxy-)?authorization\\*["']?\s*[:=]\s*\\*["']?(?:(?:basic|bearer|digest)\s+)?|"#,
        r#"(?:[a-z0-9]+[_-])?(?:cvv2?|cvc2?|password|passwd|pwd|passphrase|secret|access_token|refresh_token|"#,
        r#"client_secret|api_?key)(?-u:\b)\\*["']?\s*(?:[:=>]|%3D)\s*|token(?:=|%3D))"#,
        r#"(?:\\*"(?P<quoted>[^"\s\\][^"\\]*)|(?:\\*["'])?(?P<value>\[redacted\]|(?:[^\s"'&,;}\])<\\]|\\[^\s"'\\])+))"#,
    );
    Regex::new(text).expect("the pattern is fixed and tested")
});
