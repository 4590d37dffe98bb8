//! The forms in which logs write times: how one is recognised in a text, and which formats of the `date` processor read it.

use crate::pipeline::TimeFormat;
use event::Timestamp;
use jiff::tz::TimeZone;
use regex::Regex;
use std::sync::LazyLock;

/// A form, compiled.
#[derive(Debug)]
pub(crate) struct TimeForm {
    /// Regular expression of the text, not anchored.
    pub(crate) pattern: &'static str,
    /// Formats of the `date` processor, at least one of which reads what the pattern matches.
    pub(crate) formats: &'static [&'static str],
    whole: Regex,
    start: Regex,
    line: Regex,
    readers: Vec<TimeFormat>,
}

/// Pattern and formats. Where several match, the longest match counts, then the earlier form.
const FORMS: &[(&str, &[&str])] = &[
    (
        r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,9})?)?(?:Z|[+-][0-9]{2}:?[0-9]{2})?",
        &["ISO8601"],
    ),
    (
        r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}:[0-9]{2},[0-9]{3}",
        &["yyyy-MM-dd HH:mm:ss,SSS", "yyyy-MM-dd'T'HH:mm:ss,SSS"],
    ),
    (
        r"[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}(?:[.,][0-9]{3}|\.[0-9]{6})? (?:[+-][0-9]{4}|UTC|GMT|Z)",
        &["yyyy-MM-dd HH:mm:ss[.SSSSSS][.SSS][,SSS] Z", "yyyy-MM-dd HH:mm:ss[.SSSSSS][.SSS][,SSS] zzz"],
    ),
    (
        r"[0-9]{4}/[0-9]{2}/[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{3}|\.[0-9]{6})?",
        &["yyyy/MM/dd HH:mm:ss[.SSSSSS][.SSS]"],
    ),
    (r"[0-9]{2}/[A-Z][a-z]{2}/[0-9]{4}:[0-9]{2}:[0-9]{2}:[0-9]{2} [+-][0-9]{4}", &["dd/MMM/yyyy:HH:mm:ss Z"]),
    (
        r"[A-Z][a-z]{2} [A-Z][a-z]{2} [ 0-9]?[0-9] [0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{6})?(?: [A-Z]{3,4})? [0-9]{4}",
        &[
            "EEE MMM d HH:mm:ss[.SSSSSS] yyyy",
            "EEE MMM  d HH:mm:ss[.SSSSSS] yyyy",
            "EEE MMM d HH:mm:ss[.SSSSSS] zzz yyyy",
        ],
    ),
    (
        r"[A-Z][a-z]{2}, [0-9]{1,2} [A-Z][a-z]{2} [0-9]{4} [0-9]{2}:[0-9]{2}:[0-9]{2} (?:[+-][0-9]{4}|[A-Z]{3,4})",
        &["EEE, d MMM yyyy HH:mm:ss Z", "EEE, d MMM yyyy HH:mm:ss zzz"],
    ),
    (
        r"[A-Z][a-z]{2} [ 0-9]?[0-9] [0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{3}|\.[0-9]{6})?",
        &["MMM d HH:mm:ss[.SSSSSS][.SSS]", "MMM  d HH:mm:ss[.SSSSSS][.SSS]"],
    ),
    (
        r"[0-9]{1,2} [A-Z][a-z]{2} [0-9]{4} [0-9]{2}:[0-9]{2}:[0-9]{2}(?:[.,][0-9]{3})?",
        &["d MMM yyyy HH:mm:ss[.SSS][,SSS]"],
    ),
    (
        r"[0-9]{2}-[A-Z][a-z]{2}-[0-9]{4} [0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{3})?(?: (?:UTC|[A-Z][a-z]+/[A-Za-z_]+))?",
        &["dd-MMM-yyyy HH:mm:ss[.SSS]", "dd-MMM-yyyy HH:mm:ss[.SSS] VV"],
    ),
    (
        r"[0-9]{1,2}\.[0-9]{1,2}\.[0-9]{4}(?: [0-9]{1,2}:[0-9]{2}(?::[0-9]{2}(?:[.,][0-9]{3})?)?)?",
        &["d.M.yyyy H:mm:ss[.SSS][,SSS]", "d.M.yyyy H:mm", "d.M.yyyy"],
    ),
    (
        r"[0-9]{1,2}/[0-9]{1,2}/[0-9]{4}(?:,? [0-9]{1,2}:[0-9]{2}(?::[0-9]{2})?)?",
        &["d/M/yyyy H:mm:ss", "d/M/yyyy, H:mm:ss", "d/M/yyyy H:mm", "d/M/yyyy"],
    ),
    (
        r"[0-9]{1,2}/[0-9]{1,2}/[0-9]{4}(?:,? [0-9]{1,2}:[0-9]{2}(?::[0-9]{2})?(?: [AaPp][Mm])?)?",
        &[
            "M/d/yyyy h:mm:ss a",
            "M/d/yyyy, h:mm:ss a",
            "M/d/yyyy h:mm a",
            "M/d/yyyy H:mm:ss",
            "M/d/yyyy H:mm",
            "M/d/yyyy",
        ],
    ),
    (
        r"[0-9]{1,2}-[0-9]{1,2}-[0-9]{4}(?: [0-9]{2}:[0-9]{2}(?::[0-9]{2})?)?",
        &["d-M-yyyy HH:mm:ss", "d-M-yyyy HH:mm", "d-M-yyyy"],
    ),
    (r"[0-9]{4}-[0-9]{2}-[0-9]{2}", &["yyyy-MM-dd"]),
    (r"[0-9]{4}/[0-9]{2}/[0-9]{2}", &["yyyy/MM/dd"]),
    (r"[0-9]{8}[T ][0-9]{6}Z?", &["yyyyMMdd'T'HHmmss[X]", "yyyyMMdd HHmmss"]),
    (r"1[0-9]{12}", &["UNIX_MS"]),
    (r"1[0-9]{9}(?:\.[0-9]{1,9})?", &["UNIX"]),
];

/// What may stand before the time of a line: a syslog priority, a level, an opening bracket.
const LINE_START: &str = r#"^(?:<[0-9]{1,3}>(?:[0-9] )?)?(?:\[?(?i:trace|debug|info|notice|warn|warning|error|critical|fatal|severe)\]?[ :|-]{1,5})?[\[("]?"#;

static COMPILED: LazyLock<Vec<TimeForm>> = LazyLock::new(|| {
    let compile = |(pattern, formats): &(&'static str, &'static [&'static str])| {
        let regex = |text: String| Regex::new(&text).expect("the forms are tested");
        let readers =
            formats.iter().flat_map(|format| TimeFormat::compile(format).expect("the forms are tested"));
        TimeForm {
            pattern,
            formats,
            whole: regex(format!("^(?:{pattern})$")),
            start: regex(format!("^(?:{pattern})")),
            line: regex(format!("{LINE_START}(?:{pattern})(?:$|[^0-9])")),
            readers: readers.collect(),
        }
    };
    FORMS.iter().map(compile).collect()
});

impl TimeForm {
    /// All forms.
    pub(crate) fn all() -> &'static [TimeForm] {
        &COMPILED
    }

    /// The form of a text's start and where the time ends. Numbers alone are not taken for times.
    pub(crate) fn at_start(text: &str) -> Option<(&'static TimeForm, usize)> {
        if !text.starts_with(|c: char| c.is_ascii_digit() || c.is_ascii_uppercase()) {
            return None;
        }
        let mut best: Option<(&'static TimeForm, usize)> = None;
        for form in COMPILED.iter().filter(|form| !form.is_number()) {
            let Some(found) = form.start.find(text) else { continue };
            let goes_on = text[found.end()..].starts_with(|c: char| c.is_ascii_digit());
            if !goes_on
                && best.is_none_or(|(_, end)| found.end() > end)
                && form.read(found.as_str()).is_some()
            {
                best = Some((form, found.end()));
            }
        }
        best
    }

    /// The form in which a line begins with a time, perhaps behind a bracket or a level.
    pub(crate) fn of_line(line: &str) -> Option<&'static TimeForm> {
        COMPILED.iter().find(|form| form.is_instant() && form.starts_line(line))
    }

    /// Whether a line begins with a time of this form.
    pub(crate) fn starts_line(&self, line: &str) -> bool {
        self.line.is_match(line)
    }

    /// The form of all these texts. Where day and month could be either, the one that varies more is the day.
    pub(crate) fn of_all<'t>(texts: &[&'t str]) -> Option<&'static TimeForm> {
        let fits = |form: &&TimeForm| {
            texts.iter().all(|text| form.whole.is_match(text) && form.read(text).is_some())
        };
        let mut fitting = COMPILED.iter().filter(fits);
        let first = fitting.next()?;
        if texts.is_empty() || !first.formats[0].starts_with("d/M/") {
            return (!texts.is_empty()).then_some(first);
        }
        let month_first = fitting.find(|form| form.formats[0].starts_with("M/d/"));
        let varied = |part: usize| {
            let parts = texts.iter().filter_map(|text| text.split('/').nth(part));
            parts.collect::<std::collections::BTreeSet<&'t str>>().len()
        };
        Some(month_first.filter(|_| varied(1) > varied(0)).unwrap_or(first))
    }

    /// Reads a time, in UTC where no zone stands; `None` also where the form has no year.
    pub(crate) fn read_with_year(&self, text: &str) -> Option<Timestamp> {
        self.has_year().then(|| self.read(text)).flatten()
    }

    /// Whether times of this form name their year.
    pub(crate) fn has_year(&self) -> bool {
        !self.formats[0].starts_with("MMM d")
    }

    /// Whether the form is a day without a time of day.
    fn is_date(&self) -> bool {
        !self.is_number() && self.formats.iter().all(|format| !format.contains('m') && *format != "ISO8601")
    }

    /// Whether the form has a day and a time of day.
    pub(crate) fn is_instant(&self) -> bool {
        !self.is_number() && !self.is_date()
    }

    fn is_number(&self) -> bool {
        self.formats[0].starts_with("UNIX")
    }

    fn read(&self, text: &str) -> Option<Timestamp> {
        // The instant matters only where the year is missing: whether it can be read does not hang on it.
        self.readers.iter().find_map(|reader| reader.read(text, &TimeZone::UTC, &|| Timestamp::UNIX_EPOCH))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_of_times_are_recognised() {
        let check = |texts: &[&str], format: Option<&str>, first: &str| {
            let form = TimeForm::of_all(texts);
            assert_eq!(form.map(|form| form.formats[0]), format, "{texts:?}");
            let read = form.and_then(|form| form.read_with_year(texts[0]));
            assert_eq!(read.map(|time| time.to_string()).unwrap_or_default(), first, "{texts:?}");
        };
        check(
            &["2026-11-21T10:00:00.5Z", "2026-11-21 10:00:00+0100"],
            Some("ISO8601"),
            "2026-11-21T10:00:00.5Z",
        );
        check(&["2026-11-21 10:00:00,250"], Some("yyyy-MM-dd HH:mm:ss,SSS"), "2026-11-21T10:00:00.25Z");
        let zoned = "yyyy-MM-dd HH:mm:ss[.SSSSSS][.SSS][,SSS] Z";
        check(&["2026-11-21 10:00:00 +0100"], Some(zoned), "2026-11-21T09:00:00Z");
        check(&["2026-11-21 10:00:00.123456 UTC"], Some(zoned), "2026-11-21T10:00:00.123456Z");
        check(&["21/11/2026", "03/11/2026"], Some("d/M/yyyy H:mm:ss"), "2026-11-21T00:00:00Z");
        check(&["11/21/2026 3:05 PM"], Some("M/d/yyyy h:mm:ss a"), "2026-11-21T15:05:00Z");
        check(&["11/02/2026", "11/03/2026"], Some("M/d/yyyy h:mm:ss a"), "2026-11-02T00:00:00Z");
        check(&["02/11/2026", "03/11/2026"], Some("d/M/yyyy H:mm:ss"), "2026-11-02T00:00:00Z");
        check(&["21.11.2026 10:00"], Some("d.M.yyyy H:mm:ss[.SSS][,SSS]"), "2026-11-21T10:00:00Z");
        check(
            &["21-Nov-2026 10:00:00 Europe/Paris"],
            Some("dd-MMM-yyyy HH:mm:ss[.SSS]"),
            "2026-11-21T09:00:00Z",
        );
        check(&["1763712000", "1763712001.5"], Some("UNIX"), "2025-11-21T08:00:00Z");
        check(&["1763712000123"], Some("UNIX_MS"), "2025-11-21T08:00:00.123Z");
        check(&["20261121T100000Z"], Some("yyyyMMdd'T'HHmmss[X]"), "2026-11-21T10:00:00Z");
        check(&["Nov  1 10:00:00", "Nov 21 10:00:00"], Some("MMM d HH:mm:ss[.SSSSSS][.SSS]"), "");
        check(&["2026-11-21", "soon"], None, "");
        check(&["99/99/2026"], None, "");
        check(&[], None, "");
    }

    #[test]
    fn lines_that_begin_with_a_time_are_recognised() {
        let check =
            |line: &str, expected: bool| assert_eq!(TimeForm::of_line(line).is_some(), expected, "{line}");
        check("2026-11-21 10:00:00,250 INFO x", true);
        check("[21-Nov-2026 10:00:00 UTC] PHP Notice", true);
        check("[Wed Oct 11 14:32:52 2017] [error] x", true);
        check("<134>Nov 21 10:00:00 web-1 app: x", true);
        check("[INFO] 2026-11-21T10:00:00Z x", true);
        check("ERROR: 2026/11/21 10:00:00 x", true);
        check("\tat shop.Cart.total(Cart.java:12)", false);
        check("Caused by: java.io.IOException", false);
        check("2026-11-21 is a day", false);
        check("1763712000 x", false);
    }

    #[test]
    fn the_longest_form_at_a_start_counts() {
        let check = |text: &str, expected: Option<&str>| {
            assert_eq!(TimeForm::at_start(text).map(|(_, end)| &text[..end]), expected, "{text}");
        };
        check("2026-11-21 10:00:00,250 INFO", Some("2026-11-21 10:00:00,250"));
        check("2026-11-21 10:00:00.250 +0100 x", Some("2026-11-21 10:00:00.250 +0100"));
        check("2026-11-21 x", Some("2026-11-21"));
        check("1763712000", None);
        check("hello", None);
    }
}
