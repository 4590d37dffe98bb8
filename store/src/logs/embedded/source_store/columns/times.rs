//! Points in time as texts: `2026-11-20T10:00:00.123Z` and the like, all of a column in the same shape.

/// `YYYY-MM-DDThh:mm:ss`
const WHOLE_BYTES: usize = 19;
/// Earlier times are no times of a log, and later ones fit into a number as nanoseconds: up to 2184.
const YEAR_MIN: u64 = 1_600;
/// Digits of a second's fraction.
const DIGITS_MAX: usize = 9;

/// The shape of the texts of a column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Shape {
    /// Between date and time: `T` or a space.
    pub(super) separator: u8,
    /// Digits of the fraction; 0: there is none, nor a point.
    pub(super) digits: usize,
    /// What follows: `Z`, an offset, nothing.
    pub(super) suffix: Vec<u8>,
}

fn digits(text: &[u8]) -> Option<u64> {
    (!text.is_empty() && text.iter().all(u8::is_ascii_digit))
        .then(|| text.iter().fold(0, |number, digit| number * 10 + u64::from(digit - b'0')))
}

impl Shape {
    /// The shape of a text; `None`: it is no point in time.
    pub(super) fn of(text: &[u8]) -> Option<Self> {
        let (whole, rest) = text.split_at_checked(WHOLE_BYTES)?;
        let fraction = match rest {
            [b'.', rest @ ..] => rest.iter().take_while(|byte| byte.is_ascii_digit()).count(),
            _ => 0,
        };
        let suffix = if fraction > 0 { rest.get(1 + fraction..)? } else { rest };
        if fraction > DIGITS_MAX || suffix.len() > 6 {
            return None;
        }
        let shape = Self { separator: *whole.get(10)?, digits: fraction, suffix: suffix.to_vec() };
        shape.parse(text).map(|_| shape)
    }

    /// The point in time that a text of this shape says, in units of its last digit since `YEAR_MIN`; `None`: it is of
    /// another shape, or too far away for a number.
    pub(super) fn parse(&self, text: &[u8]) -> Option<u64> {
        let (whole, rest) = text.split_at_checked(WHOLE_BYTES)?;
        let [y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2, separator, h1, h2, b':', i1, i2, b':', s1, s2] =
            *whole
        else {
            return None;
        };
        let rest = rest.strip_suffix(self.suffix.as_slice())?;
        let fraction = match (self.digits, rest) {
            (0, []) => 0,
            (count, [b'.', rest @ ..]) if count == rest.len() && count > 0 => digits(rest)?,
            _ => return None,
        };
        let (year, month, day) = (digits(&[y1, y2, y3, y4])?, digits(&[m1, m2])?, digits(&[d1, d2])?);
        let (hour, minute, second) = (digits(&[h1, h2])?, digits(&[i1, i2])?, digits(&[s1, s2])?);
        let is_valid = year >= YEAR_MIN
            && separator == self.separator
            && (1..=12).contains(&month)
            && (1..=days_in(year, month)).contains(&day)
            && hour < 24
            && minute < 60
            && second < 60;
        if !is_valid {
            return None;
        }
        let days = days_before(year, month) - days_before(YEAR_MIN, 1) + day - 1;
        let seconds = (days * 24 + hour) * 3_600 + minute * 60 + second;
        seconds.checked_mul(self.unit())?.checked_add(fraction)
    }

    /// Units a second.
    fn unit(&self) -> u64 {
        10_u64.pow(self.digits as u32)
    }

    /// Writes what `parse` reads; `None`: no such time has been read.
    pub(super) fn print(&self, time: u64, out: &mut Vec<u8>) -> Option<()> {
        let (seconds, fraction) = (time / self.unit(), time % self.unit());
        let (days, second) = (seconds / 86_400 + days_before(YEAR_MIN, 1), seconds % 86_400);
        // A year has 365.2425 days; the estimate is a year off at most.
        let mut year = days * 400 / 146_097;
        if days_before(year, 1) > days {
            year = year.checked_sub(1)?;
        } else if days_before(year + 1, 1) <= days {
            year += 1;
        }
        if year > 9_999 {
            return None;
        }
        let month = (1..=12).rev().find(|month| days_before(year, *month) <= days)?;
        let day = days - days_before(year, month) + 1;
        padded(year, 4, out);
        for (mark, number) in [(b'-', month), (b'-', day), (self.separator, second / 3_600)] {
            out.push(mark);
            padded(number, 2, out);
        }
        for number in [second / 60 % 60, second % 60] {
            out.push(b':');
            padded(number, 2, out);
        }
        if self.digits > 0 {
            out.push(b'.');
            padded(fraction, self.digits, out);
        }
        out.extend_from_slice(&self.suffix);
        Some(())
    }
}

fn padded(number: u64, width: usize, out: &mut Vec<u8>) {
    let start = out.len();
    out.resize(start + width, b'0');
    let mut rest = number;
    for place in out[start..].iter_mut().rev() {
        *place = b'0' + (rest % 10) as u8;
        rest /= 10;
    }
}

fn is_leap(year: u64) -> bool {
    year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
}

fn days_in(year: u64, month: u64) -> u64 {
    match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days from year 0 to the first of a month, in the calendar of today.
fn days_before(year: u64, month: u64) -> u64 {
    const BEFORE: [u64; 12] = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334];
    let leap_years = if year == 0 { 0 } else { (year - 1) / 4 - (year - 1) / 100 + (year - 1) / 400 + 1 };
    let in_year = BEFORE.get((month as usize).wrapping_sub(1)).copied().unwrap_or_default();
    year * 365 + leap_years + in_year + u64::from(month > 2 && is_leap(year))
}
