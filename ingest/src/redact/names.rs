//! Names that name a secret.

use super::settings::RedactionSettings;
use regex::bytes::{Regex, RegexBuilder};

/// Names whose values are secrets, in small letters and without `_`, `-` and spaces.
const SECRETS: &[&str] = &[
    // The code of a card, by its many names.
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
    "passcode",
    "passwordhash",
    "passwordrepeat",
    "passwordconfirm",
    "passwordconfirmation",
    "passwordagain",
    // What bears access.
    "authorization",
    "proxyauthorization",
    "idtoken",
    "authenticitytoken",
    "bearertoken",
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
    "pwd",
    "cvv",
    "cvv2",
    "cvc",
    "cvc2",
    "secret",
    "secretkey",
    "authtoken",
    "sessiontoken",
    "securitytoken",
    "apitoken",
    "apikey",
    "privatekey",
    "secretaccesskey",
    "accesstoken",
    "refreshtoken",
    "securitycode",
];

/// Names whose values are secrets with a `=` close to them: as keys they are too common, `card.token` is no secret.
const WITH_EQUALS: &[&str] = &["token"];

/// Parameters of a query or form whose values are secrets. Elsewhere they are too common: `pass=3 fail=0`.
const PARAMETERS: &[&str] = &[
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
    /// From `start` on.
    bytes: [u8; NAME_MAX_BYTES],
    start: usize,
    /// There is more before it, which nobody looks for.
    is_cut: bool,
}

impl PlainName {
    pub(super) fn of(key: &[u8]) -> Self {
        let segment = key.iter().rev().take_while(|byte| **byte != b'.');
        let mut plain = Self { bytes: [0; NAME_MAX_BYTES], start: NAME_MAX_BYTES, is_cut: false };
        for byte in segment.filter(|byte| !matches!(byte, b'_' | b'-' | b' ')) {
            let Some(start) = plain.start.checked_sub(1) else {
                plain.is_cut = true;
                break;
            };
            plain.start = start;
            if let Some(place) = plain.bytes.get_mut(start) {
                *place = byte.to_ascii_lowercase();
            }
        }
        plain
    }

    /// Its end, if it is longer than any name that is looked for.
    fn end(&self) -> &[u8] {
        self.bytes.get(self.start..).unwrap_or_default()
    }

    /// Nothing, if it is longer than any name that is looked for.
    pub(super) fn as_bytes(&self) -> &[u8] {
        if self.is_cut { &[] } else { self.end() }
    }

    pub(super) fn is_one_of(&self, names: &[&str]) -> bool {
        !self.is_cut && names.iter().any(|name| name.as_bytes() == self.end())
    }
}

/// A name as it is compared; `None`: it cannot be one.
pub(super) fn plain(name: &str) -> Option<String> {
    let plain = PlainName::of(name.as_bytes());
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
    /// [`SECRET_ENDS`] by their last byte.
    ends: Box<[Vec<&'static str>; 256]>,
    with_equals: Vec<&'static str>,
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
        let mut ends = Box::new([const { Vec::new() }; 256]);
        for end in without_kept(SECRET_ENDS) {
            if let Some(alike) = end.bytes().last().and_then(|last| ends.get_mut(usize::from(last))) {
                alike.push(end);
            }
        }
        let (with_equals, parameters) = (without_kept(WITH_EQUALS), without_kept(PARAMETERS));
        let mut hints = HINTS.to_owned();
        for name in &further {
            let spelt: Vec<String> = name.chars().map(String::from).collect();
            hints.push('|');
            hints.push_str(&spelt.join("[_ -]?"));
        }
        let hints = RegexBuilder::new(&hints).case_insensitive(true).unicode(false).build()?;
        Ok(Self { secrets, lengths, ends, with_equals, parameters, hints })
    }

    /// Whether the value of that name is a secret, wherever it stands.
    pub(super) fn is_secret(&self, name: &PlainName) -> bool {
        let (is_cut, name) = (name.is_cut, name.end());
        // Nearly all names are ruled out by these: each key of each event comes here.
        let (Some(first), Some(last)) = (name.first(), name.last()) else { return false };
        let may_be = !is_cut
            && self.lengths.get(usize::from(*first)).is_some_and(|bits| (bits >> name.len()) & 1 == 1);
        may_be && self.secrets.iter().any(|secret| **secret == *name)
            || self
                .ends
                .get(usize::from(*last))
                .is_some_and(|ends| ends.iter().any(|end| name.ends_with(end.as_bytes())))
    }

    /// Whether the value of that name is a secret with a `=` close to it; of some names only in a query or form.
    pub(super) fn is_secret_parameter(&self, name: &PlainName, is_parameter: bool) -> bool {
        name.is_one_of(&self.with_equals) || is_parameter && name.is_one_of(&self.parameters)
    }
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
            assert!(names.is_secret(&PlainName::of(name.as_bytes())), "{name}");
        }
        for name in PARAMETERS.iter().chain(WITH_EQUALS) {
            assert!(names.hints.is_match(format!("{name}=").as_bytes()), "{name}");
        }
        for spelling in [
            "the password of the account of a customer of ours: password",
            "api-key",
            "api_key",
            "private key",
            "Pin_Block",
            "card_pin",
            "iban-no",
            "IbanNo",
        ] {
            assert!(names.hints.is_match(spelling.as_bytes()), "{spelling}");
            assert!(names.is_secret(&PlainName::of(spelling.as_bytes())), "{spelling}");
        }
    }

    #[test]
    fn names_are_kept_as_told() {
        let kept_names = vec!["Cookie".into(), "token".into(), "password".into()];
        let names = Names::new(&RedactionSettings { kept_names, ..Default::default() }).unwrap();
        let is_secret = |name: &str| names.is_secret(&PlainName::of(name.as_bytes()));
        assert!(!is_secret("cookie") && is_secret("set-cookie") && !is_secret("user_password"));
        assert!(!names.is_secret_parameter(&PlainName::of(b"token"), true));
    }
}
