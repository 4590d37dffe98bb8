//! Times of syslog headers, in all the forms that daemons and routers write.

use crate::pipeline::month_named;
use event::Timestamp;
use jiff::{civil::DateTime, tz::TimeZone};

/// An RFC 3339 time with its zone.
pub(super) fn read_rfc3339(text: &str) -> Option<Timestamp> {
    let date_first = text.len() >= 20 && text.as_bytes().get(4) == Some(&b'-');
    text.parse().ok().filter(|_| date_first && !text.contains('['))
}

/// The time at the start of an RFC 3164 header, and what follows it behind a space or colon.
///
/// `Nov 21 12:00:00`, with a fraction, with a year before or behind the time, with a zone, with the `*` or `.` that Cisco's
/// devices put before a time that is not synchronised; or RFC 3339 as rsyslog's forwarding writes it, also without zone.
pub(super) fn read<'a>(
    text: &'a str,
    received_at: Timestamp,
    zone: &TimeZone,
) -> Option<(Timestamp, &'a str)> {
    if text.starts_with(|c: char| c.is_ascii_digit()) {
        let (stamp, rest) = token(text);
        let stamp = stamp.trim_end_matches(':');
        let at = match read_rfc3339(stamp) {
            Some(at) => at,
            None => local(stamp.parse().ok().filter(|_: &DateTime| stamp.contains('T'))?, zone)?,
        };
        return Some((at, rest));
    }
    let text = text.strip_prefix(['*', '.']).unwrap_or(text);
    let (month, rest) = token(text);
    let month = month_named(month)?;
    let (day, rest) = token(rest.trim_start_matches(' '));
    let day = day.parse::<i8>().ok()?;
    let (mut clock, mut rest) = token(rest);
    let mut year = None;
    if clock.len() == 4 && clock.bytes().all(|byte| byte.is_ascii_digit()) {
        year = clock.parse::<i16>().ok();
        (clock, rest) = token(rest);
    }
    let ended = clock.ends_with(':');
    let time = read_clock(clock.trim_end_matches(':'))?;
    let mut zone = zone.clone();
    if !ended {
        let (next, behind) = token(rest);
        let word = next.trim_end_matches(':');
        if year.is_none() && is_year(word) {
            (year, rest) = (word.parse().ok(), behind);
        } else if matches!(word, "UTC" | "GMT" | "Z") {
            (zone, rest) = (TimeZone::UTC, behind);
        }
    }
    let with_year = |year: i16| {
        let date = jiff::civil::Date::new(year, month, day).ok()?;
        local(date.to_datetime(time), &zone)
    };
    let at = match year {
        Some(year) => with_year(year)?,
        None => {
            let now = received_at.to_zoned(zone.clone()).year();
            let near = (now - 1..=now + 1).filter_map(with_year);
            near.min_by_key(|at| at.duration_since(received_at).abs())?
        }
    };
    Some((at, rest))
}

fn local(at: DateTime, zone: &TimeZone) -> Option<Timestamp> {
    Some(at.to_zoned(zone.clone()).ok()?.timestamp())
}

/// `hh:mm:ss`, perhaps with a fraction.
fn read_clock(text: &str) -> Option<jiff::civil::Time> {
    let bytes = text.as_bytes();
    let shaped =
        bytes.len() >= 7 && bytes.iter().all(|b| b.is_ascii_digit() || matches!(b, b':' | b'.' | b','));
    let (hour, rest) = text.split_once(':').filter(|_| shaped)?;
    let (minute, second) = rest.split_once(':')?;
    let (second, fraction) = second.split_once(['.', ',']).unwrap_or((second, ""));
    let nanos = match fraction.len() {
        0 => 0,
        1..=9 => format!("{fraction:0<9}").parse().ok()?,
        _ => return None,
    };
    // A leap second is the last of its minute.
    let second = second.parse::<i8>().ok()?.min(if second == "60" { 59 } else { i8::MAX });
    jiff::civil::Time::new(hour.parse().ok()?, minute.parse().ok()?, second, nanos).ok()
}

fn is_year(word: &str) -> bool {
    word.len() == 4 && word.starts_with(['1', '2']) && word.bytes().all(|byte| byte.is_ascii_digit())
}

/// Up to the next space, and what follows that one space.
pub(super) fn token(text: &str) -> (&str, &str) {
    text.split_once(' ').unwrap_or((text, ""))
}
