//! Where card numbers are in a text.

use super::{DIGITS_MAX, DIGITS_MIN};

/// So much of a word is looked at to tell whether it is hexadecimal.
const HEXADECIMAL_MAX_BYTES: usize = 64;

/// Signs that people put between the groups of a card number.
fn is_separator(byte: u8) -> bool {
    matches!(byte, b' ' | b'-' | b'.' | b'+' | b'_') || parts_lists(byte)
}

/// Signs that mostly stand between numbers of their own: only groups as printed on cards count between them.
fn parts_lists(byte: u8) -> bool {
    matches!(byte, b',' | b'/' | b'\t' | b'|' | b';')
}

/// End of a run of digits with single separators inside (Unicode's spaces and hyphens count as one), after
/// its last digit.
pub(super) fn run_end(bytes: &[u8], start: usize) -> usize {
    let mut end = start;
    loop {
        while bytes.get(end).is_some_and(u8::is_ascii_digit) {
            end += 1;
        }
        let gap = separator_length(&bytes[end..]);
        if gap == 0 || !bytes.get(end + gap).is_some_and(u8::is_ascii_digit) {
            return end;
        }
        end += gap;
    }
}

fn separator_length(bytes: &[u8]) -> usize {
    match bytes {
        // No-break space; the spaces and hyphens of U+2000 to U+2015, narrow no-break space, word joiner.
        [0xC2, 0xA0, ..] => 2,
        [0xE2, 0x80, 0x80..=0x95 | 0xAF, ..] | [0xE2, 0x81, 0xA0, ..] => 3,
        [byte, ..] if is_separator(*byte) => 1,
        _ => 0,
    }
}

/// A card number in a run: its first group, the first group after it, and its digits alone.
pub(super) struct Found {
    pub(super) first: usize,
    pub(super) next: usize,
    pub(super) digits: String,
}

/// The first card number in a run from group `start` on: it starts and ends at the end of a group of digits.
pub(super) fn find_card(bytes: &[u8], groups: &[(usize, usize)], start: usize) -> Option<Found> {
    for (first, group) in groups.iter().enumerate().skip(start) {
        if first == 0 && follows_hexadecimal(bytes, *group) {
            continue;
        }
        let mut digits = [0_u8; DIGITS_MAX];
        let mut count = 0;
        for (group, (group_from, group_to)) in groups[first..].iter().enumerate() {
            if count + (group_to - group_from) > DIGITS_MAX {
                break;
            }
            for byte in &bytes[*group_from..*group_to] {
                digits[count] = byte - b'0';
                count += 1;
            }
            let is_last = first + group + 1 == groups.len();
            let ends_word = !(is_last && precedes_hexadecimal(bytes, (*group_from, *group_to)));
            let plausible = if group == 0 {
                !is_fraction(bytes, groups, first)
            } else {
                grouped_like_a_card(bytes, &groups[first..=first + group])
            };
            if ends_word && plausible && is_card(&digits[..count]) {
                let digits = digits[..count].iter().map(|digit| char::from(digit + b'0')).collect();
                return Some(Found { first, next: first + group + 1, digits });
            }
        }
    }
    None
}

/// Start and end of each group of digits.
pub(super) fn groups(bytes: &[u8], start: usize, end: usize) -> Vec<(usize, usize)> {
    let mut groups = Vec::with_capacity(4);
    let mut at = start;
    while at < end {
        let from = at;
        while at < end && bytes[at].is_ascii_digit() {
            at += 1;
        }
        groups.push((from, at));
        at += separator_length(&bytes[at..]).max(usize::from(at < end));
    }
    groups
}

/// Whether these digits continue a word that may be hexadecimal as a whole: an identifier or a digest.
fn follows_hexadecimal(bytes: &[u8], (from, to): (usize, usize)) -> bool {
    let (before, after) = (letters(bytes[..from].iter().rev()), letters(bytes[to..].iter()));
    before == Letters::Hexadecimal && after != Letters::Other
}

/// Whether a word that may be hexadecimal as a whole goes on behind these digits.
fn precedes_hexadecimal(bytes: &[u8], (from, to): (usize, usize)) -> bool {
    let (before, after) = (letters(bytes[..from].iter().rev()), letters(bytes[to..].iter()));
    after == Letters::Hexadecimal && before != Letters::Other
}

/// The letters of a part of a word.
#[derive(PartialEq, Eq)]
enum Letters {
    None,
    /// All of them up to `f`.
    Hexadecimal,
    Other,
}

/// What letters a word has that begins there.
fn letters<'b>(bytes: impl Iterator<Item = &'b u8>) -> Letters {
    let word = bytes.take(HEXADECIMAL_MAX_BYTES).take_while(|byte| byte.is_ascii_alphanumeric());
    word.filter(|byte| byte.is_ascii_alphabetic()).fold(Letters::None, |found, letter| match found {
        Letters::None | Letters::Hexadecimal if letter.is_ascii_hexdigit() => Letters::Hexadecimal,
        _ => Letters::Other,
    })
}

/// Separated digits are a card number only with one kind of separator, in groups as printed and typed: all alike but for the last,
/// or as on the cards of 14 and 15 digits. A date, a time and a list of numbers side by side are none.
fn grouped_like_a_card(bytes: &[u8], groups: &[(usize, usize)]) -> bool {
    let lengths = || groups.iter().map(|(from, to)| to - from);
    let (Some(length), Some(last)) = (lengths().next(), lengths().next_back()) else { return false };
    if lengths().sum::<usize>() < DIGITS_MIN || !separators_are_alike(bytes, groups) {
        return false;
    }
    let parts_lists = groups.get(1).is_some_and(|(from, _)| parts_lists(bytes[from - 1]));
    let alike = lengths().take(groups.len() - 1).all(|other| other == length) && last <= length;
    let usual = if parts_lists { length == 4 } else { (1..=7).contains(&length) };
    usual && alike || lengths().eq([4, 6, 5]) || lengths().eq([4, 6, 4])
}

/// Whether the same sign stands between all groups; those beyond ASCII count as one.
fn separators_are_alike(bytes: &[u8], groups: &[(usize, usize)]) -> bool {
    let mut kinds = groups.iter().skip(1).map(|(from, _)| {
        let last = bytes[from - 1];
        if last.is_ascii() { last } else { u8::MAX }
    });
    let first = kinds.next();
    kinds.all(|kind| Some(kind) == first)
}

/// Whether a group is the digits behind a decimal point: those of a coordinate or a share are as many as those of a card.
fn is_fraction(bytes: &[u8], groups: &[(usize, usize)], group: usize) -> bool {
    let Some((from, to)) = group.checked_sub(1).and_then(|before| groups.get(before)) else { return false };
    let is_dot = |at: usize| bytes.get(at) == Some(&b'.');
    let follows_dot = from.checked_sub(1).is_some_and(is_dot);
    to - from <= 3 && is_dot(*to) && !follows_dot
}

/// Prefix and length of the networks, and the check digit.
fn is_card(digits: &[u8]) -> bool {
    let long_enough = digits.len() >= DIGITS_MIN && digits.iter().any(|digit| *digit != digits[0]);
    long_enough && is_issued(digits) && luhn(digits)
}

/// Prefix and length of the networks (public issuer ranges), of at least [`DIGITS_MIN`] digits.
pub(super) fn is_issued(digits: &[u8]) -> bool {
    let prefix = |length: usize| digits[..length].iter().fold(0_u32, |n, digit| n * 10 + u32::from(*digit));
    let (two, three, four) = (prefix(2), prefix(3), prefix(4));
    let length = digits.len();
    match digits[0] {
        4 => matches!(length, 13 | 16 | 18 | 19),
        5 | 6 if matches!(two, 51..=55) => length == 16,
        2 if matches!(four, 2221..=2720) => length == 16,
        2 if matches!(four, 2200..=2204) => (16..=19).contains(&length),
        3 if matches!(two, 34 | 37) => length == 15,
        3 if matches!(three, 300..=305) || matches!(two, 36 | 38 | 39) => (14..=19).contains(&length),
        3 if matches!(four, 3528..=3589) => (16..=19).contains(&length),
        5 if matches!(two, 50 | 56..=58) => (13..=19).contains(&length),
        6 => (13..=19).contains(&length) && (length >= 16 || matches!(two, 60 | 62 | 63 | 64 | 65 | 67)),
        9 if four == 9792 => length == 16,
        _ => false,
    }
}

/// ISO/IEC 7812-1, annex B.
pub(super) fn luhn(digits: &[u8]) -> bool {
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(i, digit)| match (i % 2, u32::from(*digit) * 2) {
            (0, _) => u32::from(*digit),
            (_, doubled) => doubled / 10 + doubled % 10,
        })
        .sum();
    sum.is_multiple_of(10)
}
