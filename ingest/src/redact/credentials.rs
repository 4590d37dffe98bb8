//! Secrets in a text: `password=…`, `"cvv": "…"`, `Authorization: …`, `https://user:…@host`, tokens that tell by their form.

use super::names::{Names, PlainName};
use super::view::View;
use super::{Found, REDACTED, TOKEN_BYTES};
use memchr::memmem::Finder;
use std::{ops::Range, sync::LazyLock};

/// Longest word that is looked at as a name, in bytes to either side.
const WORD_MAX_BYTES: usize = 64;
/// Most brackets and the like between a name, its sign and its value, and most blanks: configurations are aligned.
const GAP_MAX_BYTES: usize = 16;
const BLANKS_MAX_BYTES: usize = 256;
/// Longest value in which further names are looked for.
const RESCANNED_MAX_BYTES: usize = 256;
/// Longest user name and password of an address that are looked for, in bytes.
const USERINFO_MAX_BYTES: usize = 512;
/// A word is taken for a token from this length on.
const TOKEN_MIN_BYTES: usize = 16;
/// Schemes of an `Authorization` (IANA's registry, and those of clouds) whose name may stay; `true`: parameters follow.
const SCHEMES: [(&str, bool); 12] = [
    ("basic", false),
    ("bearer", false),
    ("token", false),
    ("apikey", false),
    ("negotiate", false),
    ("dpop", false),
    ("sharedkey", false),
    ("digest", true),
    ("hawk", true),
    ("oauth", true),
    ("aws4-hmac-sha256", true),
    ("signature", true),
];

/// Behind it an address names its host.
pub(super) static SCHEME_END: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new("://"));

/// Finds the secrets of a text by what names them.
pub(super) fn find(view: &View<'_>, names: &Names, found: &mut Vec<Found>) {
    let mut done = 0;
    for hint in names.hints.find_iter(&view.bytes) {
        if hint.start() < done {
            continue;
        }
        let text = Text { view, names };
        let Some(secret) = text.secret_at(hint.range()) else { continue };
        // What was taken for a value may end in a name: `pwd= db_pwd = x`. Long ones are not looked through again.
        done = if secret.len() > RESCANNED_MAX_BYTES { secret.end } else { hint.end() };
        if !secret.is_empty() && view.bytes.get(secret.clone()) != Some(REDACTED.as_bytes()) {
            found.push(Found { part: secret, mark: REDACTED.to_owned() });
        }
    }
}

/// `https://user:password@host` (RFC 3986, section 3.2.1): finds the passwords.
pub(super) fn find_userinfo(view: &View<'_>, found: &mut Vec<Found>) {
    let bytes = &*view.bytes;
    for at in SCHEME_END.find_iter(bytes) {
        let (level, start) = (view.level(at), at + 3);
        let window = bytes.len().min(start + USERINFO_MAX_BYTES);
        let ends = |at: &usize| match bytes.get(*at) {
            Some(b'/' | b'?' | b'#') => view.level(*at) <= level,
            Some(b'"' | b'<' | b'>') | None => true,
            Some(byte) => byte.is_ascii_whitespace(),
        };
        let end = (start..window).find(ends).unwrap_or(window);
        let Some(authority) = bytes.get(start..end) else { continue };
        let (Some(colon), Some(at)) = (memchr::memchr(b':', authority), memchr::memrchr(b'@', authority))
        else {
            continue;
        };
        let password = start + colon + 1..start + at;
        let is_gone = bytes.get(password.clone()) == Some(REDACTED.as_bytes());
        let is_email = authority.get(..colon).is_some_and(|user| user.ends_with(b"email"))
            && is_token(bytes, password.start);
        if password.start < password.end && !is_gone && !is_email {
            found.push(Found { part: password, mark: REDACTED.to_owned() });
        }
    }
}

/// Whether a token of an email address stands there, which has been one of a parameter in an address.
fn is_token(bytes: &[u8], at: usize) -> bool {
    bytes.get(at..at + 2 * TOKEN_BYTES).is_some_and(|token| token.iter().all(u8::is_ascii_hexdigit))
}

struct Text<'a> {
    view: &'a View<'a>,
    names: &'a Names,
}

/// What stands between a name and its value.
#[derive(Debug, Clone, Copy)]
struct Sign {
    /// Where it ends.
    end: usize,
    /// How often it was escaped.
    level: u8,
    /// The name is the parameter of a query or form: `?a=b&name=value`.
    is_parameter: bool,
    /// … and in no cookie or connection string (`Server=x;Password="y"`).
    is_in_query: bool,
    /// The quote that has opened before the name, and ends the value: `-H 'Cookie: a=b'`.
    quote: Option<u8>,
}

impl Text<'_> {
    fn byte(&self, at: usize) -> Option<u8> {
        self.view.bytes.get(at).copied()
    }

    fn from(&self, at: usize) -> &[u8] {
        self.view.bytes.get(at..).unwrap_or_default()
    }

    /// The secret that a hint leads to, or the mark that stands in its place.
    fn secret_at(&self, hint: Range<usize>) -> Option<Range<usize>> {
        if self.from(hint.start).starts_with(b"eyJ") {
            return self.web_token(hint.start);
        }
        let word = self.word(hint)?;
        let name = PlainName::of(self.view.bytes.get(word.clone())?);
        if self.names.is_secret(&name) {
            return self.value_of(&name, word);
        }
        if name.as_bytes() == b"bearer" {
            return self.bearer(word.end);
        }
        // `security code: 123`
        if let Some(second) = self.second_word(word.end) {
            let both = word.start..second;
            let name = PlainName::of(self.view.bytes.get(both.clone())?);
            if self.names.is_secret(&name) {
                return self.value_of(&name, both);
            }
        }
        let sign = self.sign(&word)?;
        if self.names.is_secret_parameter(&name, sign.is_parameter || word.start == 0) {
            let gap = self.view.bytes.get(word.end..sign.end)?;
            let value = if matches!(gap, b"=" | b"[]=" | b"]=") { self.value(sign)? } else { return None };
            // `token=Token{5f}` is an object that a program printed.
            let text = self.view.bytes.get(value.clone())?;
            if text != REDACTED.as_bytes() && text.iter().any(|byte| matches!(byte, b'{' | b'(' | b'[')) {
                return None;
            }
            // That of a path ends where the query begins.
            let path_end = (name.as_bytes() == b"jsessionid").then(|| memchr::memchr(b'?', text)).flatten();
            return Some(value.start..path_end.map_or(value.end, |length| value.start + length));
        }
        None
    }

    fn word(&self, hint: Range<usize>) -> Option<Range<usize>> {
        let before = self.view.bytes.get(..hint.start)?.iter().rev().take(WORD_MAX_BYTES);
        let start = hint.start - before.take_while(|byte| is_word(**byte)).count();
        // A hint may hold the sign.
        let last = self
            .view
            .bytes
            .get(hint.clone())?
            .iter()
            .take_while(|byte| is_word(**byte) || **byte == b' ')
            .count();
        let end = hint.start + last;
        let after = self.from(end).iter().take(WORD_MAX_BYTES).take_while(|byte| is_word(**byte)).count();
        Some(start..end + after)
    }

    /// Where the next word ends, if only a blank stands before it.
    fn second_word(&self, at: usize) -> Option<usize> {
        let rest = self.from(at).strip_prefix(b" ")?;
        let length = rest.iter().take(WORD_MAX_BYTES).take_while(|byte| is_word(**byte)).count();
        (length > 0).then_some(at + 1 + length)
    }

    /// The value behind a name.
    fn value_of(&self, name: &PlainName, word: Range<usize>) -> Option<Range<usize>> {
        let sign = self.sign(&word)?;
        match name.as_bytes() {
            b"authorization" | b"proxyauthorization" => self.authorization(sign),
            b"cookie" | b"setcookie" if !sign.is_parameter => self.cookies(sign),
            _ => self.value(sign),
        }
    }

    /// The sign behind a name: `=`, `:`, `=>`, `>`, also behind a quote and brackets that end the name.
    fn sign(&self, word: &Range<usize>) -> Option<Sign> {
        let limit = word.end + GAP_MAX_BYTES;
        let mut at = self.skip(word.end, limit, |byte| byte == b'\\');
        let is_quoted = matches!(self.byte(at), Some(b'"' | b'\'' | b'`'));
        at += usize::from(is_quoted);
        at = self.skip(at, limit, |byte| matches!(byte, b']' | b'[' | b')'));
        if is_quoted && let Some(end) = self.value_apart(at, limit) {
            return Some(Sign {
                end,
                level: self.view.level(end),
                is_parameter: false,
                is_in_query: false,
                quote: None,
            });
        }
        // `<password type="plain">…</password>`
        if word.start > 0 && self.byte(word.start - 1) == Some(b'<') && self.byte(at) == Some(b' ') {
            let attributes = self.from(at).iter().take(USERINFO_MAX_BYTES);
            at += attributes.take_while(|byte| !matches!(byte, b'<' | b'>')).count();
        }
        at = self.skip(at, at + BLANKS_MAX_BYTES, |byte| byte.is_ascii_whitespace() || byte == b'+');
        let (first, level) = (self.byte(at)?, self.view.level(at));
        if !matches!(first, b'=' | b':' | b'>') {
            return None;
        }
        let end = self.skip(at, at + 2, |byte| matches!(byte, b'=' | b'>' | b':'));
        let before = word.start.checked_sub(1).and_then(|before| self.byte(before));
        let is_parameter = first == b'=' && matches!(before, Some(b'?' | b'&' | b'[' | b';'));
        let quote = before.filter(|before| !is_quoted && matches!(before, b'"' | b'\''));
        let is_in_query = is_parameter && matches!(before, Some(b'?' | b'&'));
        Some(Sign { end, level, is_parameter, is_in_query, quote })
    }

    /// Where a value begins that stands apart from its quoted name: `name="password"` and an empty line, as forms are sent
    /// (RFC 7578), `name="password" value="…"`, `{"name":"password","value":"…"}`.
    fn value_apart(&self, at: usize, limit: usize) -> Option<usize> {
        let rest = self.from(at);
        for gap in [&b"\r\n\r\n"[..], b"\n\n"] {
            if rest.starts_with(gap) {
                return Some(at + gap.len());
            }
        }
        let is_gap = |byte| matches!(byte, b',' | b' ' | b'\\' | b'"' | b'\'');
        let at = self.skip(at, limit, is_gap);
        let name = self.from(at).get(..5).filter(|name| name.eq_ignore_ascii_case(b"value"))?;
        let at = at + name.len();
        let sign = self.skip(at, at + GAP_MAX_BYTES, is_gap);
        matches!(self.byte(sign), Some(b'=' | b':')).then_some(sign + 1)
    }

    /// The value behind a sign.
    fn value(&self, sign: Sign) -> Option<Range<usize>> {
        let (start, end) = match self.opened(sign)? {
            Opened::Quoted(range) => (range.start, range.end),
            Opened::Plain(start) => (start, self.plain_end(start, sign)),
        };
        (start < end).then_some(start..end)
    }

    /// Goes behind blanks, brackets and the quote before a value.
    fn opened(&self, sign: Sign) -> Option<Opened> {
        // In forms a blank is a plus.
        let is_blank = |byte: u8| byte.is_ascii_whitespace() || byte == b'+' && sign.level > 0;
        let begin = self.skip(sign.end, sign.end + BLANKS_MAX_BYTES, is_blank);
        // `pwd= user=ana`: nothing is there.
        if begin > sign.end && self.byte(sign.end - 1) == Some(b'=') && self.is_pair(begin) {
            return None;
        }
        let is_mark = |at: usize| self.from(at).starts_with(REDACTED.as_bytes());
        let mut first = begin;
        while !is_mark(first)
            && first < begin + GAP_MAX_BYTES
            && self.byte(first).is_some_and(|byte| byte == b'[' || is_blank(byte))
        {
            first += 1;
        }
        if is_mark(first) {
            return Some(Opened::Plain(first));
        }
        let at = self.skip(first, first + GAP_MAX_BYTES, |byte| byte == b'\\');
        match self.byte(at)? {
            // `"GET /?password="`: within an address a quote opens nothing.
            quote @ (b'"' | b'\'') if !sign.is_in_query => {
                let end = self.quote_end(at + 1, quote, at - first);
                // A list goes to its end: `["a","b"]`.
                let is_list = self.view.bytes.get(begin..first).is_some_and(|gap| gap.contains(&b'['));
                let list_end = memchr::memchr(b']', self.from(end))
                    .filter(|_| is_list)
                    .map_or(end, |length| end + length);
                // Its last quote stays.
                let quotes = self.view.bytes.get(end..list_end).unwrap_or_default().iter().rev();
                let kept = quotes.take_while(|byte| matches!(byte, b'\\' | b'"' | b'\'')).count();
                Some(Opened::Quoted(at + 1..list_end - kept))
            }
            _ => Some(Opened::Plain(first)),
        }
    }

    /// Where a quoted value ends: at a quote with no more backslashes before it than the opening one; at the end of the text if
    /// there is none, as a line may be cut.
    fn quote_end(&self, start: usize, quote: u8, backslashes: usize) -> usize {
        let mut before = 0;
        for (at, byte) in self.from(start).iter().enumerate() {
            if *byte == quote && before <= backslashes {
                return start + at - before;
            }
            before = if *byte == b'\\' { before + 1 } else { 0 };
        }
        self.view.bytes.len()
    }

    /// Where a value ends that is not quoted.
    fn plain_end(&self, start: usize, sign: Sign) -> usize {
        // Only what ends right behind the mark is nothing but the mark.
        let mark = if self.from(start).starts_with(REDACTED.as_bytes()) { REDACTED.len() } else { 0 };
        let start = start + mark;
        let rest = self.from(start);
        let mut bytes = rest.iter().enumerate();
        // What is escaped deeper than the sign is the value's own: `password=a%26b`.
        let end = bytes.find(|(at, byte)| {
            let ends = match byte {
                b'"' | b'\'' | b'<' | b'&' => true,
                b'#' => sign.is_parameter,
                b')' | b']' | b'}' => !sign.is_parameter && self.ends_group(start + at + 1),
                b',' | b';' => self.ends_item(start + at + 1),
                b'\\' => matches!(rest.get(at + 1), Some(b'"' | b'\'' | b'n' | b'r' | b't')),
                byte => byte.is_ascii_whitespace(),
            };
            ends && self.view.level(start + at) <= sign.level
        });
        end.map_or(self.view.bytes.len(), |(at, _)| start + at)
    }

    /// Whether a closing bracket before there is none of the value's own.
    fn ends_group(&self, at: usize) -> bool {
        self.byte(at).is_none_or(|byte| !byte.is_ascii_alphanumeric())
    }

    /// Whether a comma or semicolon before there parts a value from what follows, and is none of its own: `pwd=a,b`.
    fn ends_item(&self, at: usize) -> bool {
        let rest = self.from(at);
        match rest.first() {
            None | Some(b'"' | b'\'' | b'{' | b'[' | b'\\' | b'}') => true,
            Some(byte) if byte.is_ascii_whitespace() => true,
            Some(_) => {
                let name = rest.iter().take(WORD_MAX_BYTES).take_while(|byte| is_word(**byte)).count();
                name > 0 && matches!(rest.get(name), Some(b'=' | b':' | b'[' | b'"'))
            }
        }
    }

    /// `Authorization: Bearer …`: the scheme may stay.
    fn authorization(&self, sign: Sign) -> Option<Range<usize>> {
        let (start, quoted) = match self.opened(sign)? {
            Opened::Quoted(range) => (range.start, Some(range.end)),
            Opened::Plain(start) => (start, None),
        };
        let scheme = self.from(start).iter().take(WORD_MAX_BYTES).take_while(|byte| is_word(**byte)).count();
        let word = self.from(start).get(..scheme)?;
        let known = SCHEMES.iter().find(|(name, _)| name.as_bytes().eq_ignore_ascii_case(word));
        let gap = self
            .skip(start + scheme, start + scheme + GAP_MAX_BYTES, |byte| matches!(byte, b' ' | b'+' | b':'));
        let is_followed = gap > start + scheme;
        let begin = if known.is_some() && is_followed { gap } else { start };
        let end = match (quoted, known) {
            (Some(end), _) => end,
            (None, Some((_, true))) if self.is_pair(begin) => self.parameters_end(begin, sign),
            (None, Some((_, false))) => self.plain_end(begin, sign),
            // A scheme that is not known, and what follows it.
            (None, _) if is_followed && !self.is_pair(gap) => self.plain_end(gap, sign),
            (None, _) => self.plain_end(begin, sign),
        };
        (begin < end).then_some(begin..end)
    }

    /// Whether `name=value` stands there; `YTpi==` is no pair.
    fn is_pair(&self, at: usize) -> bool {
        let word = self.from(at).iter().take(WORD_MAX_BYTES).take_while(|byte| is_word(**byte)).count();
        let rest = self.from(at + word);
        rest.first() == Some(&b'=')
            && rest.get(1).is_some_and(|byte| *byte != b'=' && !byte.is_ascii_whitespace())
    }

    /// `Cookie: a=b; c=d` (RFC 6265, section 4).
    fn cookies(&self, sign: Sign) -> Option<Range<usize>> {
        let start = match self.opened(sign)? {
            Opened::Quoted(range) => return Some(range),
            Opened::Plain(start) => start,
        };
        let end = self.parameters_end(start, sign);
        (start < end).then_some(start..end)
    }

    /// Where `a=b; c="d e", f=g` ends: before a blank that follows no sign, or at a quote that opens no value.
    fn parameters_end(&self, start: usize, sign: Sign) -> usize {
        let mut at = start;
        let mut before = b';';
        while let Some(byte) = self.byte(at) {
            match byte {
                quote if Some(quote) == sign.quote => break,
                b'"' if before == b'=' => at = self.quote_end(at + 1, b'"', 0),
                b'"' | b'<' | b'\n' | b'\r' => break,
                b' ' | b'\t' if !matches!(before, b';' | b',' | b' ') => break,
                _ => {}
            }
            before = if byte == b'\t' { b' ' } else { byte };
            at += 1;
        }
        at.min(self.view.bytes.len())
    }

    /// `bearer` and a token, without a name before.
    fn bearer(&self, at: usize) -> Option<Range<usize>> {
        let start = self
            .skip(at, at + GAP_MAX_BYTES, |byte| matches!(byte, b' ' | b'+' | b':' | b'=' | b'"' | b'\''));
        let is_token = |byte: &&u8| {
            byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~' | b'+' | b'/' | b'=')
        };
        let token: &[u8] = self.from(start);
        let length = token.iter().take_while(is_token).count();
        let token = token.get(..length)?;
        let is_one = start > at && length >= TOKEN_MIN_BYTES && token.iter().any(u8::is_ascii_digit);
        is_one.then_some(start..start + length)
    }

    /// A JSON Web Token (RFC 7519): three parts in base64, of which the first two are JSON.
    fn web_token(&self, start: usize) -> Option<Range<usize>> {
        let is_base64 = |byte: &&u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        if start > 0 && self.byte(start - 1).is_some_and(|byte| is_base64(&&byte)) {
            return None;
        }
        let part = |at: usize| self.from(at).iter().take_while(is_base64).count();
        let header = start + part(start);
        if header - start < TOKEN_MIN_BYTES || self.byte(header) != Some(b'.') {
            return None;
        }
        let claims = header + 1 + part(header + 1);
        if claims == header + 1 {
            return None;
        }
        let end = if self.byte(claims) == Some(b'.') { claims + 1 + part(claims + 1) } else { claims };
        // An encrypted one has no claims to be seen, but is long; `eyJvYmplY3Q.min.js` is neither.
        let has_claims = self.from(header + 1).starts_with(b"eyJ");
        (has_claims || end > claims + 1 && claims - header > TOKEN_MIN_BYTES).then_some(start..end)
    }

    /// Goes on while a byte is of a kind, up to a limit.
    fn skip(&self, start: usize, limit: usize, is_one: impl Fn(u8) -> bool) -> usize {
        let rest = self.from(start).iter().take(limit.saturating_sub(start));
        start + rest.take_while(|byte| is_one(**byte)).count()
    }
}

/// How a value begins.
enum Opened {
    /// In quotes, and this is what is in them.
    Quoted(Range<usize>),
    /// There.
    Plain(usize),
}

/// Whether a name may hold it.
fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.')
}
