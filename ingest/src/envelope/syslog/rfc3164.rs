//! `TIMESTAMP SP HOSTNAME SP TAG[PID]: MSG` (RFC 3164, 4.1), each part of which real senders leave away.

use super::{Message, time};
use event::Timestamp;
use jiff::tz::TimeZone;
use std::borrow::Cow;

/// Longest name of a program or host; what is longer is text.
const NAME_MAX_BYTES: usize = 255;

/// Reads what follows the priority; `None` if it does not begin as a header does.
pub(super) fn parse<'a>(
    rest: &'a str,
    priority: Option<u8>,
    received_at: Timestamp,
    zone: &TimeZone,
) -> Option<Message<'a>> {
    let rest = rest.trim_start_matches(' ');
    let mut message = Message::of(priority, rest);
    let after_number = without_number(rest);
    let timed = time::read(rest, received_at, zone).or_else(|| time::read(after_number, received_at, zone));
    let Some((at, rest)) = timed else {
        // Without a time there is no host either: `<13>su: text`.
        let (name, pid, text) = tag(rest)?;
        message.name(name, pid);
        message.text = Cow::Borrowed(text);
        return Some(message);
    };
    message.time = Some(at);
    let rest = rest.strip_prefix(": ").unwrap_or(rest);
    message.text = Cow::Borrowed(rest.trim_start_matches(' '));
    if let Some((name, pid, text)) = tag(rest) {
        message.name(name, pid);
        message.text = Cow::Borrowed(text);
        return Some(message);
    }
    let (host, behind) = time::token(rest);
    if !is_name(host) || host.starts_with(['%', '{', '[']) {
        return Some(message);
    }
    // One word alone is a text, as likely as a host; but a relay that names itself always sends a text, too.
    if behind.is_empty() {
        return Some(message);
    }
    message.hostname = Some(host).filter(|host| *host != "-").map(Cow::Borrowed);
    let behind = behind.strip_prefix(": ").unwrap_or(behind).trim_start_matches(' ');
    message.text = Cow::Borrowed(behind);
    if let Some((name, pid, text)) = tag(behind) {
        message.name(name, pid);
        message.text = Cow::Borrowed(text);
    }
    Some(message)
}

impl<'a> Message<'a> {
    fn name(&mut self, name: &'a str, pid: Option<&'a str>) {
        self.appname = Some(name).filter(|name| *name != "-").map(Cow::Borrowed);
        self.procid = pid.filter(|pid| !pid.is_empty() && *pid != "-").map(Cow::Borrowed);
    }
}

/// The number that Cisco's devices put before the time: `123: `, or host and number `web1: 123: `.
fn without_number(text: &str) -> &str {
    let (number, rest) = time::token(text);
    let digits = number.strip_suffix(':').unwrap_or_default();
    if !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()) { rest } else { text }
}

/// Name and process of the program that wrote the text, and the text: `nginx: text`, `sshd[12]: text`, `app[12] text`.
fn tag(text: &str) -> Option<(&str, Option<&str>, &str)> {
    let (word, rest) = time::token(text);
    if let Some(open) = word.find('[') {
        let (name, inside) = (&word[..open], &word[open + 1..]);
        let close = inside.find(']')?;
        let (pid, behind) = (&inside[..close], &inside[close + 1..]);
        let colon = behind.starts_with(':');
        if !is_name(name) || !(colon || behind.is_empty()) {
            return None;
        }
        let start = open + close + 2 + usize::from(colon);
        return Some((name, Some(pid), text[start..].strip_prefix(' ').unwrap_or(&text[start..])));
    }
    let name = word.strip_suffix(':')?;
    (is_name(name) && !name.contains('=')).then_some((name, None, rest))
}

fn is_name(word: &str) -> bool {
    let plain = |c: char| !c.is_whitespace() && !c.is_control() && !matches!(c, '"' | '<' | '>' | '(' | '{');
    (1..=NAME_MAX_BYTES).contains(&word.len()) && word.chars().all(plain) && word != ":"
}
