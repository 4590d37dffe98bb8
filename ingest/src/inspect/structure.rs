//! Finds what the lines of an unknown log have in common: a time, a level, addresses, numbers, fields in quotes and
//! brackets, `key=value`, parted by the same signs. What is left is the message.
//!
//! As Elasticsearch's structure finder does it (`_text_structure/find_structure`), the answer is a grok pattern.

use super::kinds::{DEFINITIONS, KEY, KINDS, Kind, QUOTED, TOKEN};
use crate::time_forms::TimeForm;
use event::Object;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// Most lines that are looked at, and most bytes of each.
const LINES_MAX: usize = 200;
const LINE_MAX_BYTES: usize = 4096;
/// Most fields of a pattern.
const FIELDS_MAX: usize = 40;
/// A word is a field rather than the start of a message if it has few values: at most so many,
const WORDS_MAX: usize = 20;
/// and at most one in so many lines.
const WORDS_SHARE: usize = 3;

/// What lines have in common.
#[derive(Debug)]
pub(super) struct Structure {
    /// As a grok pattern.
    pub(super) pattern: String,
    /// The pattern up to the end of the time, by which records begin.
    pub(super) start: Option<String>,
    /// Patterns of its own that it names.
    pub(super) definitions: Object,
    /// Fields that it finds.
    pub(super) fields: usize,
    /// The form of the time, in `_tmp.time`.
    pub(super) time: Option<&'static TimeForm>,
    /// Whether it finds a level.
    pub(super) has_level: bool,
}

/// The structures of lines that most, nearly all, or all have: the caller tries them.
pub(super) fn candidates(lines: &[&str]) -> Vec<Structure> {
    let mut found: Vec<Structure> = Vec::new();
    for percent in [100, 90, 70] {
        if let Some(structure) = find(lines, percent)
            && found.iter().all(|other| other.pattern != structure.pattern)
        {
            found.push(structure);
        }
    }
    found
}

/// The structure that at least so many lines in a hundred have; `None` if they have nothing in common.
fn find(lines: &[&str], percent: usize) -> Option<Structure> {
    let firsts = lines.iter().filter_map(|record| record.lines().next());
    let rests: Vec<&str> = firsts
        .map(|line| line[..line.floor_char_boundary(LINE_MAX_BYTES)].trim_end())
        .take(LINES_MAX)
        .collect();
    if rests.is_empty() {
        return None;
    }
    let least = (rests.len() * percent).div_ceil(100).max(1);
    let mut finder = Finder { rests, least, pattern: "^".to_owned(), ..Finder::default() };
    while finder.fields < FIELDS_MAX && finder.step() {}
    finder.end()
}

#[derive(Default)]
struct Finder<'l> {
    /// What is left of the lines that agree so far.
    rests: Vec<&'l str>,
    /// How many lines must agree.
    least: usize,
    pattern: String,
    start: Option<String>,
    fields: usize,
    time: Option<&'static TimeForm>,
    has_level: bool,
    /// Names given so far, with how often.
    names: BTreeMap<String, usize>,
    /// Patterns of its own in use.
    used: BTreeSet<&'static str>,
    /// `key=` in front of the next field.
    key: Option<String>,
    /// The last sign in front of the next field.
    sign: Option<char>,
    has_message: bool,
}

impl<'l> Finder<'l> {
    /// Adds one more piece that the lines have in common, if there is one.
    fn step(&mut self) -> bool {
        if self.rests.iter().all(|rest| rest.is_empty()) {
            return false;
        }
        self.time() || self.level_or_kind() || self.quoted() || self.sign() || self.key() || self.word()
    }

    /// Keeps the lines of which `cut` knows where a piece ends, if they are enough; answers with the pieces.
    fn keep(&mut self, cut: impl Fn(&'l str) -> Option<(&'l str, &'l str)>) -> Option<Vec<&'l str>> {
        let cut: Vec<(&str, &str)> = self.rests.iter().filter_map(|rest| cut(rest)).collect();
        if cut.len() < self.least {
            return None;
        }
        let (pieces, rests) = cut.into_iter().unzip();
        self.rests = rests;
        Some(pieces)
    }

    fn time(&mut self) -> bool {
        let mut forms: BTreeMap<usize, usize> = BTreeMap::new();
        let place = |form: &TimeForm| TimeForm::all().iter().position(|other| std::ptr::eq(other, form));
        for rest in &self.rests {
            if let Some(place) = TimeForm::at_start(rest).and_then(|(form, _)| place(form)) {
                *forms.entry(place).or_default() += 1;
            }
        }
        let Some((form, _)) = forms.into_iter().max_by_key(|(_, count)| *count) else { return false };
        let form = &TimeForm::all()[form];
        let cut = |rest: &'l str| {
            let (found, end) = TimeForm::at_start(rest)?;
            std::ptr::eq(found, form).then(|| rest.split_at(end))
        };
        if self.keep(cut).is_none() {
            return false;
        }
        if self.time.is_none() {
            self.time = Some(form);
            self.pattern.push_str("%{STAMP:_tmp.time}");
            self.start = Some(self.pattern.clone());
        } else {
            let name = self.name("time");
            self.pattern.push_str(&format!("(?<{}>{})", group(&name), form.pattern));
        }
        self.fields += 1;
        true
    }

    fn level_or_kind(&mut self) -> bool {
        for kind in KINDS.iter() {
            let cut = |rest: &'l str| {
                // A dash stands for what is not there.
                let dash = || (rest == "-" || rest.starts_with("- ") || rest.starts_with("-\"")).then_some(1);
                Some(rest.split_at(kind.end(rest).or_else(dash)?))
            };
            let pieces: Vec<(&str, &str)> = self.rests.iter().filter_map(|rest| cut(rest)).collect();
            if pieces.len() < self.least {
                continue;
            }
            let dashes = pieces.iter().filter(|(piece, _)| *piece == "-").count();
            if dashes == pieces.len() || !pieces.iter().all(|(piece, _)| *piece == "-" || kind.takes(piece)) {
                continue;
            }
            self.rests = pieces.iter().map(|(_, rest)| *rest).collect();
            let values: Vec<&str> =
                pieces.iter().map(|(piece, _)| *piece).filter(|piece| *piece != "-").collect();
            self.add(kind, &values, dashes > 0);
            return true;
        }
        false
    }

    fn add(&mut self, kind: &Kind, values: &[&str], optional: bool) {
        let (name, kept) = match kind.grok {
            "NUMBER" => {
                let kept = if values.iter().any(|value| value.contains('.')) { ":double" } else { ":long" };
                (self.number_name(values), kept)
            }
            _ => (kind.name, ""),
        };
        if kind.grok == "LEVEL" && self.key.is_none() {
            self.has_level |= !self.names.contains_key("log.level");
        }
        let name = self.name(name);
        self.used.insert(kind.grok);
        let field = format!("%{{{}:{name}{kept}}}", kind.grok);
        self.pattern.push_str(&if optional { format!("(?:-|{field})") } else { field });
        self.fields += 1;
    }

    fn number_name(&self, values: &[&str]) -> &'static str {
        let within = |least: i64, most: i64| {
            values
                .iter()
                .all(|value| value.parse::<i64>().is_ok_and(|number| (least..=most).contains(&number)))
        };
        if self.sign == Some('[') {
            "process.pid"
        } else if within(100, 599) && self.names.contains_key("http.request.method") {
            "http.response.status_code"
        } else {
            "number"
        }
    }

    fn quoted(&mut self) -> bool {
        let cut = |rest: &'l str| {
            let found = QUOTED.captures(rest)?;
            Some((found.get(1)?.as_str(), &rest[found.get(0)?.end()..]))
        };
        if self.keep(cut).is_none() {
            return false;
        }
        let name = self.name("text");
        self.used.insert("QUOTED");
        self.pattern.push_str(&format!("\"%{{QUOTED:{name}}}\""));
        self.fields += 1;
        true
    }

    /// One sign, or a run of blanks.
    fn sign(&mut self) -> bool {
        let Some(sign) = self.rests.iter().find_map(|rest| rest.chars().next()) else { return false };
        if sign.is_alphanumeric() {
            return false;
        }
        if sign.is_whitespace() {
            let cut = |rest: &'l str| {
                let trimmed = rest.trim_start();
                (trimmed.len() < rest.len()).then_some(("", trimmed))
            };
            let agree = self.keep(cut).is_some();
            if agree {
                self.pattern.push_str(r"\s+");
                self.sign = Some(' ');
            }
            return agree;
        }
        let agree = self.keep(|rest| Some(("", rest.strip_prefix(sign)?))).is_some();
        if agree {
            self.pattern.push_str(&regex::escape(sign.encode_utf8(&mut [0; 4])));
            self.sign = Some(sign);
        }
        agree
    }

    /// The same `key=`.
    fn key(&mut self) -> bool {
        let Some(key) = self.rests.iter().find_map(|rest| Some(KEY.captures(rest)?.get(1)?.as_str())) else {
            return false;
        };
        let key = key.to_owned();
        let agree = self.keep(|rest| Some(("", rest.strip_prefix(key.as_str())?))).is_some();
        if agree {
            self.pattern.push_str(&regex::escape(&key));
            let name = key.trim_end_matches('=').trim_start_matches('_').replace("..", ".");
            self.key = Some(name.trim_matches('.').to_owned()).filter(|name| !name.is_empty());
        }
        agree
    }

    /// A word that is a field: with few values, or shut in by a sign, or behind a key.
    fn word(&mut self) -> bool {
        let words: Vec<&str> =
            self.rests.iter().filter_map(|rest| Some(TOKEN.captures(rest)?.get(1)?.as_str())).collect();
        if words.len() < self.least {
            return false;
        }
        let distinct = words.iter().collect::<BTreeSet<_>>().len();
        let closers: BTreeSet<Option<char>> = self
            .rests
            .iter()
            .filter_map(|rest| Some(rest[TOKEN.find(rest)?.end()..].chars().next()))
            .collect();
        let closed = closers.len() == 1
            && matches!(closers.first(), Some(Some(']' | ')' | '|' | '>' | ';' | ',' | '\t')));
        let titled =
            closers.len() == 1 && matches!(closers.first(), Some(Some(':' | '['))) && distinct <= WORDS_MAX;
        let few = distinct <= WORDS_MAX && distinct * WORDS_SHARE <= words.len() && self.time.is_some();
        // `shop.Cart`: a class or a host.
        let dotted = |word: &&str| {
            word.starts_with(char::is_alphabetic)
                && word.trim_end_matches('.').contains('.')
                && !word.ends_with('.')
        };
        let dotted = words.iter().all(dotted);
        if self.key.is_none() && !closed && !titled && !few && !dotted {
            return false;
        }
        let name = self.word_name(&words);
        if self.keep(|rest| Some(rest.split_at(TOKEN.find(rest)?.end()))).is_none() {
            return false;
        }
        let name = self.name(name);
        self.used.insert("TOKEN");
        self.pattern.push_str(&format!("%{{TOKEN:{name}}}"));
        self.fields += 1;
        true
    }

    fn word_name(&self, words: &[&str]) -> &'static str {
        let threads = ["thread", "exec", "pool", "worker", "main"];
        if words.iter().any(|word| threads.iter().any(|thread| word.contains(thread))) {
            "process.thread.name"
        } else if words.iter().all(|word| word.contains('.') && word.contains(|c: char| c.is_alphabetic())) {
            "log.logger"
        } else {
            "field"
        }
    }

    /// A name that was not given yet: the key in front of the field, else this one, with a number if need be.
    fn name(&mut self, fallback: &str) -> String {
        let name = self.key.take().unwrap_or_else(|| fallback.to_owned());
        let times = self.names.entry(name.clone()).or_default();
        *times += 1;
        match (*times, name.as_str()) {
            (1, _) => name,
            (2, "source.ip") => "destination.ip".to_owned(),
            (times, _) => format!("{name}_{times}"),
        }
    }

    fn end(mut self) -> Option<Structure> {
        if self.fields == 0 || self.rests.is_empty() {
            return None;
        }
        if self.rests.iter().any(|rest| !rest.is_empty()) {
            self.has_message = true;
        }
        // The rest of the line, and the lines joined to it.
        self.used.insert("REST");
        self.pattern.push_str(if self.has_message {
            r"%{REST:_tmp.message}\z"
        } else {
            r"(?:\s%{REST:_tmp.message})?\z"
        });
        let mut definitions: Object = DEFINITIONS
            .iter()
            .filter(|(name, _)| self.used.contains(name))
            .map(|(name, pattern)| ((*name).to_owned(), Value::from(*pattern)))
            .collect();
        if let Some(form) = self.time {
            definitions.insert("STAMP".to_owned(), form.pattern.into());
        }
        let Self { pattern, start, fields, time, has_level, .. } = self;
        Some(Structure { pattern, start, definitions, fields, time, has_level })
    }
}

/// A name as a group of a regular expression may be called.
fn group(name: &str) -> String {
    name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lines_share_is_found() {
        let check = |lines: &[&str], expected: &str| {
            let found = candidates(lines);
            assert_eq!(
                found.first().map(|structure| structure.pattern.as_str()),
                Some(expected),
                "{lines:?}"
            );
        };
        check(
            &[
                "2026-11-21 10:00:00,123 INFO  [main] shop.Cart - order 7 placed",
                "2026-11-21 10:00:01,004 ERROR [exec-2] shop.Pay - refused by bank",
            ],
            r"^%{STAMP:_tmp.time}\s+%{LEVEL:log.level}\s+\[%{TOKEN:process.thread.name}\]\s+%{TOKEN:log.logger}\s+\-\s+%{REST:_tmp.message}\z",
        );
        check(
            &["192.0.2.1 GET /a 200 0.5", "192.0.2.2 POST /b?c=d 404 12", "192.0.2.3 GET / 500 -"],
            r"^%{IP:source.ip}\s+%{METHOD:http.request.method}\s+%{TARGET:path}\s+%{NUMBER:http.response.status_code:long}\s+(?:-|%{NUMBER:number:double})(?:\s%{REST:_tmp.message})?\z",
        );
        check(
            &["<a|user=7|\"x y\">", "<a|user=8|\"z\">"],
            r#"^<%{TOKEN:field}\|user=%{NUMBER:user:long}\|"%{QUOTED:text}">(?:\s%{REST:_tmp.message})?\z"#,
        );
        assert!(candidates(&["hello world", "good bye"]).is_empty());
        assert!(candidates(&[]).is_empty());
    }
}
