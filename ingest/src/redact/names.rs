//! Names that name a secret.

use super::settings::RedactionSettings;
use regex::bytes::{Regex, RegexBuilder};

/// Names whose values are secrets, in small letters and without `_`, `-` and spaces.
const SECRETS: &[&str] = &[
    // The code of a card, by its many names.
    "cvv",
    "cvv2",
    "cvc",
    "cvc2",
    "cvn",
    "cvn2",
    "cvd",
    "csc",
    "cid2",
    "cardcsc",
    "securitycode",
    "verificationvalue",
    "cardverificationvalue",
    "cardverificationcode",
    "cardverificationnumber",
    "cvvcode",
    "cvccode",
    "cvvnumber",
    "cvcnumber",
    "cardpin",
    "pinblock",
    // Passwords.
    "pwd",
    "passcode",
    "passwordhash",
    "passwordrepeat",
    "passwordconfirm",
    "passwordconfirmation",
    "passwordagain",
    // What bears access.
    "secret",
    "authorization",
    "proxyauthorization",
    "idtoken",
    "authtoken",
    "xauthtoken",
    "authenticitytoken",
    "sessiontoken",
    "securitytoken",
    "bearertoken",
    "apitoken",
    "csrftoken",
    "xcsrftoken",
    "xsrftoken",
    "xxsrftoken",
    "resettoken",
    "jwt",
    "cookie",
    "setcookie",
    "xapikey",
];

/// Ends of names whose values are secrets, whatever stands before (`confirm_password`, `db.userPasswd`, `my_cvv`).
const SECRET_ENDS: &[&str] = &[
    "password",
    "passwd",
    "passphrase",
    "cvv",
    "cvc",
    "secretkey",
    "clientsecret",
    "apisecret",
    "appsecret",
    "apikey",
    "privatekey",
    "secretaccesskey",
    "accesstoken",
    "refreshtoken",
    "securitycode",
];

/// Parameters of a query whose values are secrets. As names elsewhere they are too common: `card.token` is none.
const PARAMETERS: &[&str] = &[
    "token",
    "pass",
    "otp",
    "sig",
    "signature",
    "xamzsignature",
    "xamzsecuritytoken",
    "xgoogsignature",
    "phpsessid",
    "jsessionid",
];

/// Longest name that is looked for.
pub(super) const NAME_MAX_BYTES: usize = 32;

/// Each name holds one of these; in a text they are looked for first, as literals are found many times faster.
const HINTS: &str = "cvv|cvc|cvn|cvd|csc|cid2|security|verification|cardpin|card.pin|pin.?block|pass|pwd|secret|token|api.?key|\
                     private.?key|authorization|cookie|jwt|otp=|sig=|signature=|sessid=|sessionid=|bearer|(?-i:eyJ)";

/// The last segment of a key in small letters, without the signs that spellings differ in.
pub(super) struct PlainName {
    bytes: [u8; NAME_MAX_BYTES],
    length: usize,
}

impl PlainName {
    /// `None`: longer than any name that is looked for.
    pub(super) fn of(key: &[u8]) -> Option<Self> {
        let start = memchr::memrchr(b'.', key).map_or(0, |dot| dot + 1);
        let mut plain = Self { bytes: [0; NAME_MAX_BYTES], length: 0 };
        for byte in key.get(start..)?.iter().filter(|byte| !matches!(byte, b'_' | b'-' | b' ')) {
            *plain.bytes.get_mut(plain.length)? = byte.to_ascii_lowercase();
            plain.length += 1;
        }
        Some(plain)
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }

    pub(super) fn is_one_of(&self, names: &[&str]) -> bool {
        names.iter().any(|name| name.as_bytes() == self.as_bytes())
    }
}

/// A name as it is compared; `None`: it cannot be one.
pub(super) fn plain(name: &str) -> Option<String> {
    let plain = PlainName::of(name.as_bytes())?;
    let text = std::str::from_utf8(plain.as_bytes()).ok()?;
    let is_name = text.len() >= 2 && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
    is_name.then(|| text.to_owned())
}

/// All names of secrets.
#[derive(Clone)]
pub(super) struct Names {
    secrets: Vec<Box<[u8]>>,
    /// The lengths of `secrets` as bits, by first letter.
    lengths: Box<[u64; 256]>,
    ends: Vec<&'static str>,
    /// The last letters of `ends`, as bits.
    last_letters: u32,
    parameters: Vec<&'static str>,
    /// Without one of these in it a text holds none of the names.
    pub(super) hints: Regex,
}

impl Names {
    pub(super) fn new(settings: &RedactionSettings) -> Result<Self, regex::Error> {
        let kept: Vec<String> = settings.kept_names.iter().filter_map(|name| plain(name)).collect();
        let without_kept = |names: &[&'static str]| -> Vec<&'static str> {
            names.iter().filter(|name| !kept.iter().any(|kept| kept == **name)).copied().collect()
        };
        let further: Vec<String> = settings.secret_names.iter().filter_map(|name| plain(name)).collect();
        let built_in = without_kept(SECRETS);
        let secrets: Vec<Box<[u8]>> = built_in
            .into_iter()
            .chain(further.iter().map(String::as_str))
            .map(|name| name.as_bytes().into())
            .collect();
        let mut lengths = Box::new([0; 256]);
        for name in &secrets {
            if let Some(bits) = name.first().and_then(|first| lengths.get_mut(usize::from(*first))) {
                *bits |= 1 << name.len();
            }
        }
        let ends = without_kept(SECRET_ENDS);
        let last_letters =
            ends.iter().filter_map(|end| end.bytes().last()).fold(0, |bits, last| bits | letter(last));
        let parameters = without_kept(PARAMETERS);
        let mut hints = HINTS.to_owned();
        for name in &further {
            let spelt: Vec<String> = name.chars().map(String::from).collect();
            hints.push('|');
            hints.push_str(&spelt.join("[_ -]?"));
        }
        let hints = RegexBuilder::new(&hints).case_insensitive(true).unicode(false).build()?;
        Ok(Self { secrets, lengths, ends, last_letters, parameters, hints })
    }

    /// Whether the value of that name is a secret, wherever it stands.
    pub(super) fn is_secret(&self, name: &PlainName) -> bool {
        let name = name.as_bytes();
        // Nearly all names are ruled out by these: each key of each event comes here.
        let (Some(first), Some(last)) = (name.first(), name.last()) else { return false };
        let may_be = self.lengths.get(usize::from(*first)).is_some_and(|bits| (bits >> name.len()) & 1 == 1);
        let may_end = self.last_letters & letter(*last) != 0;
        may_be && self.secrets.iter().any(|secret| **secret == *name)
            || may_end && self.ends.iter().any(|end| name.ends_with(end.as_bytes()))
    }

    /// Whether the value of a parameter of that name is a secret.
    pub(super) fn is_secret_parameter(&self, name: &PlainName) -> bool {
        name.is_one_of(&self.parameters)
    }
}

/// A small letter as a bit.
fn letter(byte: u8) -> u32 {
    if byte.is_ascii_lowercase() { 1 << (byte - b'a') } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_name_holds_a_hint() {
        let names =
            Names::new(&RedactionSettings { secret_names: vec!["IBAN no".into()], ..Default::default() })
                .unwrap();
        for name in SECRETS.iter().chain(SECRET_ENDS) {
            assert!(names.hints.is_match(name.as_bytes()), "{name}");
            assert!(names.is_secret(&PlainName::of(name.as_bytes()).unwrap()), "{name}");
        }
        for name in PARAMETERS {
            assert!(names.hints.is_match(format!("{name}=").as_bytes()), "{name}");
        }
        for spelling in ["api-key", "api_key", "private key", "Pin_Block", "card_pin", "iban-no", "IbanNo"] {
            assert!(names.hints.is_match(spelling.as_bytes()), "{spelling}");
            assert!(names.is_secret(&PlainName::of(spelling.as_bytes()).unwrap()), "{spelling}");
        }
    }

    #[test]
    fn names_are_kept_as_told() {
        let kept_names = vec!["Cookie".into(), "token".into(), "password".into()];
        let names = Names::new(&RedactionSettings { kept_names, ..Default::default() }).unwrap();
        let is_secret = |name: &str| names.is_secret(&PlainName::of(name.as_bytes()).unwrap());
        assert!(!is_secret("cookie") && is_secret("set-cookie") && !is_secret("user_password"));
        assert!(!names.is_secret_parameter(&PlainName::of(b"token").unwrap()));
    }
}
