use super::{Answer, Cuts};
use proptest::prelude::*;
use regex::Regex;
use regex_automata::util::primitives::NonMaxUsize;

fn cut(pattern: &str) -> Option<Cuts> {
    Cuts::of(regex_syntax::parse(pattern).unwrap())
}

/// Compares the cut pattern with its regex; `false` if it cannot be cut.
fn same(pattern: &str, line: &str) -> bool {
    let Some(cuts) = cut(pattern) else { return false };
    let regex = Regex::new(pattern).unwrap();
    let mut slots = vec![None; 2 * regex.captures_len()];
    let answer = cuts.search(line, &mut slots);
    let place = |slot: usize| slots[slot].map(|place: NonMaxUsize| place.get());
    let found: Vec<_> =
        (1..regex.captures_len()).map(|group| Some((place(2 * group)?, place(2 * group + 1)?))).collect();
    let expected: Option<Vec<_>> = regex.captures(line).map(|groups| {
        groups.iter().skip(1).map(|group| group.map(|group| (group.start(), group.end()))).collect()
    });
    match answer {
        Answer::Match => assert_eq!(Some(found), expected, "{pattern:?} on {line:?}"),
        Answer::NoMatch => assert_eq!(None, expected, "{pattern:?} on {line:?}"),
        Answer::Unsure => {}
        Answer::NotHere => {
            let anchored = Regex::new(&format!("^(?:{pattern})")).unwrap();
            assert!(!anchored.is_match(line), "{pattern:?} matches {line:?} from its start");
        }
    }
    true
}

#[test]
fn agrees_with_the_regex() {
    let patterns = [
        r"^(\d+) (\w+)$",
        r"(?:(\d+\.\d+)|(\S+)) (?:-|(\w+)) \[([^\]]+)\] ",
        r#"^"((?:[^"\\]|\\.)*)" (?:-|(\d{1,3}))?;(.*)$"#,
        r"^(\b\w+\b): (x(?:y(z)?)?)=(.*?)!",
        r"^([^\s:]+)?:(f|e)+, ?(a{2,3}) (?i)(b):",
        r"^a ",
        r"^([0-9a-f:]+(?:%.+)?|x) (.*)$",
        r"((?:a(-.*)?|b)c?) (?:d( ,)?) e",
        r"(?:a|(b)|(c+))?,(?:(d)(e)?)??,$",
    ];
    let texts = [
        "12 ab",
        "12 ab ",
        "1.5 - [x] y",
        "1.5 cd [x] y",
        "q 1.5 - [x] ",
        r#""a\"b" 7;rest"#,
        r#""a\\" -;"#,
        r#""a\"#,
        "wort: xyz=…!!",
        "wort: x=!",
        "a:e, aa B:",
        ":e,aaa b:",
        "a\tb:e, aa b:",
        "a ",
        "b,de,",
        "ccc,,",
        ",d,",
        "",
        " ",
    ];
    for pattern in patterns {
        for text in texts {
            assert!(same(pattern, text), "{pattern:?} is not cut");
        }
    }
}

#[test]
fn cuts_only_where_it_must_end() {
    for pattern in [r"^(\S+)x$", r"(.*) (.*)", r"^(?:(a+)|(ab)) ?b$", r#"^(?:[^"]|\\.)*\\"$"#] {
        assert!(cut(pattern).is_none(), "{pattern:?} is cut");
    }
}

/// Something that a piece may be.
fn part() -> impl Strategy<Value = String> {
    let leaf = prop::sample::select(vec![
        "a",
        "b+",
        "[ab]*",
        "[^,; ]+",
        r"\S+?",
        ".",
        ".*",
        r"\d{1,2}",
        r"\w+",
        r"\b",
        "e?",
        r"(?:[^,\\]|\\.)*",
        "-",
        r"\\,",
        "",
    ]);
    leaf.prop_map(str::to_owned).prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 1..3).prop_map(|parts| parts.concat()),
            inner.clone().prop_map(|part| format!("({part})")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("(?:{a}|{b})")),
            (inner, prop::sample::select(vec!["?", "??", "*", "{1,2}"]))
                .prop_map(|(part, times)| format!("(?:{part}){times}")),
        ]
    })
}

proptest! {
    #[test]
    fn any_pattern_agrees_with_its_regex(
        start in prop::sample::select(vec!["^", ""]),
        pieces in prop::collection::vec((part(), prop::sample::select(vec![",", "; ", " ", ",-", ""])), 1..5),
        end in prop::sample::select(vec!["$", ""]),
        texts in prop::collection::vec(r"[ab1e, ;\\-]{0,12}", 8),
    ) {
        let body: String = pieces.iter().map(|(part, sign)| format!("{part}{sign}")).collect();
        let pattern = format!("{start}{body}{end}");
        prop_assume!(Regex::new(&pattern).is_ok());
        for text in &texts {
            same(&pattern, text);
        }
    }
}
