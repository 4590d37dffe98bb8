mod golden;

use super::*;
use proptest::prelude::*;
use serde_json::json;

fn compile(pattern: &str, flavour: Flavour) -> Grok {
    Grok::compile(&[pattern.to_owned()], &Object::new(), flavour).unwrap_or_else(|e| panic!("{pattern}: {e}"))
}

fn fields(pattern: &str, flavour: Flavour, text: &str) -> Value {
    let grok = compile(pattern, flavour);
    match grok.matches(text).unwrap() {
        None => Value::Null,
        Some(found) => found.fields(),
    }
}

const COMBINED: &str = r#"83.149.9.216 - frank [17/May/2015:10:05:03 +0000] "GET /a/b.png?x=1 HTTP/1.1" 200 203023 "http://ref.example/" "Mozilla/5.0 (X11)""#;

#[test]
fn access_lines_give_their_fields() {
    let legacy = json!({"clientip": "83.149.9.216", "ident": "-", "auth": "frank",
        "timestamp": "17/May/2015:10:05:03 +0000", "verb": "GET", "request": "/a/b.png?x=1", "httpversion": "1.1",
        "response": "200", "bytes": "203023", "referrer": "\"http://ref.example/\"", "agent": "\"Mozilla/5.0 (X11)\""});
    assert_eq!(fields("%{COMBINEDAPACHELOG}", Flavour::Legacy, COMBINED), legacy);
    let ecs = json!({"source.address": "83.149.9.216", "user.name": "frank",
        "timestamp": "17/May/2015:10:05:03 +0000", "http.request.method": "GET", "url.original": "/a/b.png?x=1",
        "http.version": "1.1", "http.response.status_code": 200, "http.response.body.bytes": 203_023,
        "http.request.referrer": "http://ref.example/", "user_agent.original": "Mozilla/5.0 (X11)"});
    assert_eq!(fields("%{COMBINEDAPACHELOG}", Flavour::Ecs, COMBINED), ecs);
    let broken = r#"::1 - - [17/May/2015:10:05:03 +0000] "\x16\x03" 400 - "-" "-""#;
    let ecs = json!({"source.address": "::1", "timestamp": "17/May/2015:10:05:03 +0000", "http.response.status_code": 400});
    assert_eq!(fields("%{HTTPD_COMBINEDLOG}", Flavour::Ecs, broken), ecs);
}

#[test]
fn other_lines_give_their_fields() {
    let line = "Nov  1 01:02:03 host sshd[42]: accepted";
    let expected = json!({"timestamp": "Nov  1 01:02:03", "host.hostname": "host", "process.name": "sshd", "process.pid": 42});
    assert_eq!(fields("%{SYSLOGBASE}", Flavour::Ecs, line), expected);
    let line = "[Sat Nov 21 12:00:00 2026] [error] [client 1.2.3.4] File does not exist";
    let expected = json!({"timestamp": "Sat Nov 21 12:00:00 2026", "log.level": "error", "source.address": "1.2.3.4", "message": "File does not exist"});
    assert_eq!(fields("%{HTTPD_ERRORLOG}", Flavour::Ecs, line), expected);
    let expected = json!({"n": 5, "f": 1.5, "b": true, "w": "x"});
    assert_eq!(
        fields("%{INT:n:long} %{NUMBER:f:double} %{WORD:b:boolean} (?<w>x)", Flavour::Legacy, "5 1.5 TRUE x"),
        expected
    );
    assert_eq!(fields("(?:%{INT:v:int}|-%{WORD:v})", Flavour::Legacy, "-x"), json!({"v": "x"}));
    assert_eq!(fields("^(?<first>.*)$", Flavour::Legacy, "one\ntwo"), json!({"first": "one"}));
    assert_eq!(fields("%{WORD:[a][b]}", Flavour::Legacy, "x"), json!({"a.b": "x"}));
}

#[test]
fn definitions_come_first_and_may_nest() {
    let definitions = json!({"PET": "cat|dog", "TWO": "%{PET:first} %{PET:second}", "LOOP": "%{LOOP}"});
    let definitions = definitions.as_object().unwrap();
    let grok = Grok::compile(&["^%{TWO}$".to_owned()], definitions, Flavour::Legacy).unwrap();
    let found = grok.matches("cat dog").unwrap().unwrap();
    assert_eq!(found.values, [Some(json!("cat")), Some(json!("dog"))]);
    let check = |pattern: &str, expected: &str| {
        let error = Grok::compile(&[pattern.to_owned()], definitions, Flavour::Legacy).err().expect(pattern);
        assert!(error.contains(expected), "{pattern}: {error}");
    };
    check("%{LOOP}", "circular reference in pattern [LOOP]");
    check("%{NOPE}", "Unable to find pattern [NOPE]");
    check("(", "end pattern with unmatched parenthesis at 1");
    check("a)", "unmatched close parenthesis at 2");
    check("%{WORD:a b}", "\"%{WORD:a b}\" at 1 is no reference");
    check("%{WORD", "without its brace");
}

proptest! {
    #[test]
    fn any_pattern_is_read_or_refused(pattern in "(%\\{(WORD|INT|IP)(:[a-c.]{0,3})?(:int)?\\}|[a-c(?<>=!)\\\\%{}|]){0,12}", text in "[a-c0-9 ]{0,20}") {
        if let Ok(grok) = Grok::compile(&[pattern], &Object::new(), Flavour::Legacy) {
            let _ = grok.matches(&text);
        }
    }
}

/// What a pattern of one text gives, as JSON text: `null` for no match.
fn answer(pattern: &str, text: &str) -> String {
    fields(pattern, Flavour::Legacy, text).to_string()
}

#[test]
fn syntax_is_that_of_the_original() {
    let check = |pattern: &str, text: &str, expected: &str| {
        assert_eq!(answer(pattern, text), expected, "{pattern} {text:?}");
    };
    // As the original answers.
    check(r"^(?<a>\d)$", "٣", "null");
    check(r"^(?<a>\w)$", "é", "null");
    check(r"(?<a>a\b)", "aé", "null");
    check(r"^(?<a>[[:alnum:]]+)$", "aé1", r#"{"a":"aé1"}"#);
    check("^(?<a>x{2}?)y", "y", r#"{"a":""}"#);
    check("^(?<a>x{,2})y", "xy", r#"{"a":"x"}"#);
    check("^(?<a>x{1,2}+)y", "xxxxxy", r#"{"a":"xxxxx"}"#);
    check("%{INT:a} %{WORD:a} %{INT:a}", "1 b 3", r#"{"a":["1","3","b"]}"#);
    check("%{INT:a:int} %{INT:a:int}", "1 2", r#"{"a":[1,2]}"#);
    check("%{WORD:a:blob}", "x", r#"{"a":"x"}"#);
    check("%{NUMBER:b:float}", "123456789.123", r#"{"b":123456792.0}"#);
    check("%{NUMBER:b:float}", "1.1", r#"{"b":1.1}"#);
    check("^%{DATA:b:double}$", " 1e5 ", r#"{"b":100000.0}"#);
    check("(?<a>b)$", "ab\n", r#"{"a":"b"}"#);
    check("a(?i)b|c", "C", "null");
    check("a(?i)b|c", "aC", "{}");
    check("(?<n:a:int>5)", "5", r#"{"a":5}"#);
    check("(?<a:int>5)", "5", r#"{"int":"5"}"#);
    check("{(?<a>x)}", "{x}", r#"{"a":"x"}"#);
    check(r"(?<a>\h+)", "xfg", r#"{"a":"f"}"#);
    check(r"(?<a>a\Z)", "a\n", r#"{"a":"a"}"#);
    check(r"\<(?<a>x)\>", "<x>", r#"{"a":"x"}"#);
    check("(?<a>[]a]+)", "]a", r#"{"a":"]a"}"#);
    check("(?<a>[a&&[^b]]+)", "ab", r#"{"a":"a"}"#);
    check(r"(?<a>\p{Alnum}+)", "é9", r#"{"a":"é9"}"#);
    check("(?<a>[[:punct:]]+)", "$+a", r#"{"a":"$+"}"#);
    check("(?=(?<a>.*))x", "xy", r#"{"a":"xy"}"#);
    check("(?x) (?<a> x ) # c", "x", r#"{"a":"x"}"#);
    check("(?m)(?<a>a.b)", "a\nb", r#"{"a":"a\nb"}"#);
    check("(?<a>a{x})", "a{x}", r#"{"a":"a{x}"}"#);
    check("%{WORD:a}", "é-x", r#"{"a":"x"}"#);
    check("(?<a>x)++y", "xxy", r#"{"a":"x"}"#);
    check("^(?<first>.*)$", "one\ntwo", r#"{"first":"one"}"#);
}

#[test]
fn look_around_is_exact() {
    let check = |pattern: &str, text: &str, expected: &str| {
        assert_eq!(answer(pattern, text), expected, "{pattern} {text:?}");
    };
    // The first that the regex finds is refused, another one is right.
    check(r"(?<a>(?<![0-9])[0-9]{2}(?![0-9]))", "123 45", r#"{"a":"45"}"#);
    check(r"(?<a>[a-z]+(?!;))", "abc;", r#"{"a":"ab"}"#);
    check(r"(?<a>(?:[a-z](?!x))+)", "abxc", r#"{"a":"a"}"#);
    check(r"(?<=user=)(?<a>\w+)", "x user=joe", r#"{"a":"joe"}"#);
    check(r"(?<a>\w+)(?= logged| left)", "joe left", r#"{"a":"joe"}"#);
    check(r"(?<a>\S+)(?!\S)", "a b", r#"{"a":"a"}"#);
    check(r"(?<!\\)(?<a>é.)", r"\éx éy", r#"{"a":"éy"}"#);
    check(r"(?<a>x(?=$))", "ax\nb", r#"{"a":"x"}"#);
    check(r"(?<a>[a-z]++[0-9])", "ab1", r#"{"a":"ab1"}"#);
    check("(?>[a-z]+:|/)(?<a>x)", "b:x", r#"{"a":"x"}"#);
    let refused = |pattern: &str, expected: &str| {
        let error =
            Grok::compile(&[pattern.to_owned()], &Object::new(), Flavour::Legacy).err().expect(pattern);
        assert!(error.starts_with(expected), "{pattern}: {error}");
    };
    refused("a(?=.*b)", "the look-ahead \"(?=\" at 2 may look at more than 256 bytes");
    refused("(?!(?<x>b))", "the look-ahead \"(?!\" at 1 holds fields");
    refused("(?>a|ab)c", "the atomic group \"(?>\" at 1 may keep from matching");
    refused("%{WORD}a++a", "the possessive \"++\" at 9 may keep from matching");
    refused("a*+b*+[ab]", "the possessive \"*+\" at 2 may keep from matching");
    refused(r"(?<a>x)\k<a>", "a back-reference \"\\k\" at 8 is not supported");
    refused("(?P<a>x)", "undefined group option at 1");
    refused("*x", "target of repeat operator is not specified");
}

#[test]
fn the_leftmost_of_several_patterns_counts() {
    let patterns = ["(?<b>b)".to_owned(), "(?<a>a)".to_owned(), "(?<![0-9])(?<c>[0-9])".to_owned()];
    let grok = Grok::compile(&patterns, &Object::new(), Flavour::Legacy).unwrap();
    let index = |text: &str| grok.matches(text).unwrap().map(|found| found.index);
    assert_eq!(index("ab"), Some(1));
    assert_eq!(index("ba"), Some(0));
    assert_eq!(index("x1a"), Some(2));
    assert_eq!(index("xyz"), None);
    assert!(!grok.is_match("xyz"));
}

#[test]
fn hostile_patterns_take_linear_time() {
    let grok = compile(r"^(?<a>(?:a+(?!c))+)+$", Flavour::Legacy);
    let text = format!("{}c", "a".repeat(20_000));
    assert!(grok.matches(&text).unwrap().is_none());
}

/// Patterns with look-around and atomic groups at any place.
fn pattern() -> impl Strategy<Value = String> {
    let leaves = [
        "a",
        "b",
        "0",
        " ",
        "é",
        "[ab]",
        "[^a]",
        ".",
        r"\w",
        r"\b",
        "^",
        "$",
        r"\Z",
        "(?![0-9])",
        "(?<![0-9])",
        "(?=a)",
        "(?<=b)",
        "(?!ab)",
        "(?<=a.)",
        "(?<!^a)",
        "%{INT}",
        "%{NUMBER}",
    ];
    prop::sample::select(leaves.to_vec()).prop_map(str::to_owned).prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("{a}{b}")),
            (inner.clone(), inner.clone(), inner.clone()).prop_map(|(a, b, c)| format!("{a}{b}{c}")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("(?:{a}|{b})")),
            (inner.clone(), "[mno]").prop_map(|(a, name)| format!("(?<{name}>{a})")),
            (inner.clone(), prop::sample::select(vec!["*", "+", "?", "*?", "+?", "{1,2}", "*+", "++"]))
                .prop_map(|(a, quantifier)| format!("(?:{a}){quantifier}")),
            inner.prop_map(|a| format!("(?>{a})")),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    /// Where the regex's match passes its checks, it is the one that the exact search finds.
    #[test]
    fn checks_after_the_match_are_exact(pattern in pattern(), text in "[ab0 é\n]{0,12}") {
        let Ok(expression) = Expression::compile(&pattern, &Object::new(), Flavour::Legacy) else {
            return Ok(());
        };
        let mut slots = vec![None; expression.slots()];
        let found = expression.search(&text, 0, Anchored::No, &mut slots).unwrap();
        let expressions = [expression];
        let mut expected = vec![None; slots.len()];
        let exact = Exact::compile(&expressions).unwrap();
        let matched = exact.search(&expressions, &text, 0, &mut expected, &mut Steps::of(&text)).unwrap();
        match found {
            Found::Match => prop_assert_eq!((Some(0), &slots), (matched, &expected)),
            Found::Nothing => prop_assert_eq!(None, matched),
            Found::Doubtful => {}
        }
    }

    #[test]
    fn any_text_is_a_pattern_or_refused(
        pattern in "([a-c0é|.^$ -]|\\\\[a-zA-Z0-9]|[(\\[{%?*+<>=!:#&)\\]}]|%\\{(INT|IP|URI)\\}|\\(\\?[<>=!imx:]){0,24}",
        text in "[a-c0é \n]{0,20}",
    ) {
        if let Ok(grok) = Grok::compile(&[pattern], &Object::new(), Flavour::Ecs) {
            let _ = grok.matches(&text);
            let _ = grok.is_match(&text);
        }
    }
}

/// Each match takes a search to the end of the text: the line of a stranger must not cost its length squared.
#[test]
fn all_matches_of_a_text_share_its_steps() {
    let pattern = "(?<![0-9])(?<TAG><[^>]*>|<)".to_owned();
    let around = || ("<".to_owned(), ">".to_owned());
    let redactor = Redactor::compile(&[pattern], &Object::new(), around()).unwrap();
    let error = redactor.redact(&"5<<".repeat(3_000)).unwrap_err();
    assert!(error.contains("too much work: grok pattern matching was given up after"), "{error}");
    assert_eq!(redactor.redact("5<< <b>").unwrap().unwrap(), "5<<TAG>");
}
