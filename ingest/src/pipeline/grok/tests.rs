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
        Some(found) => Value::Object(
            found.values.into_iter().map(|(field, value)| (field.name().into_owned(), value)).collect(),
        ),
    }
}

/// What one stock pattern matches whole, and what it does not.
fn check(name: &str, yes: &[&str], no: &[&str]) {
    let grok = compile(&format!("^%{{{name}}}$"), Flavour::Legacy);
    for text in yes {
        assert!(grok.is_match(text), "%{{{name}}} should match {text:?}");
    }
    for text in no {
        assert!(!grok.is_match(text), "%{{{name}}} should not match {text:?}");
    }
}

#[test]
fn stock_patterns_match() {
    check("USERNAME", &["joe.doe-1", "_x"], &["a b", ""]);
    check("EMAILADDRESS", &["a.b+c@example.com"], &["a@", "@b"]);
    check("INT", &["-12", "+7", "0"], &["1.5", "x"]);
    check("NUMBER", &["1.5", "-.5", "12"], &["1.", "1e5", "x"]);
    check("BASE16NUM", &["0xfF", "12ab", "-0x1"], &["0xg"]);
    check("POSINT", &["12"], &["0", "-1"]);
    check("NONNEGINT", &["0", "12"], &["-1"]);
    check("WORD", &["abc_1", "naïve"], &["a b", "a-b"]);
    check("NOTSPACE", &["a/b?c"], &["a b"]);
    check("QUOTEDSTRING", &[r#""a \" b""#, "'x'", "``", "\"\""], &["\"a", "a"]);
    check("UUID", &["123e4567-e89b-12d3-a456-426614174000"], &["123e4567"]);
    check("MAC", &["00:1B:44:11:3A:B7", "00-1B-44-11-3A-B7", "001B.4411.3AB7"], &["00:1B"]);
    check("IPV4", &["0.0.0.0", "255.255.255.255", "8.8.4.4"], &["256.1.1.1", "1.2.3", "1.2.3.4.5"]);
    let six = [
        "::",
        "::1",
        "2001:db8::8a2e:370:7334",
        "1:2:3:4:5:6:7:8",
        "::ffff:1.2.3.4",
        "fe80::1%eth0",
        "1::",
        "1:2:3:4:5:6:7::",
    ];
    check("IPV6", &six, &["1:2", ":::", "1:2:3:4:5:6:7:8:9", "12345::", "1::2::3"]);
    check("IP", &["1.2.3.4", "::1"], &["a"]);
    check("HOSTNAME", &["localhost", "a-b.example.com", "example.com."], &["-a", "a..b", "a_b"]);
    check("IPORHOST", &["::1", "1.2.3.4", "host.example"], &["a b"]);
    check("HOSTPORT", &["h:80", "1.2.3.4:9200"], &["h", "h:0"]);
    check("PATH", &["/var/log/a-b.log", "/", r"C:\Temp\x.txt"], &["a/b"]);
    check("URI", &["http://u:p@example.com:80/a/b?c=d&e", "ftp://h"], &["example.com"]);
    check("URIPATHPARAM", &["/a/b?c=1", "/"], &["a"]);
    check("MONTH", &["Jan", "January", "december", "März"], &["Foo"]);
    check("MONTHDAY", &["1", "01", "31"], &["32", "0"]);
    check("YEAR", &["2026", "26"], &["2", "202"]);
    check("TIME", &["23:59:60", "1:02:03.123"], &["24:00:00", "12:00"]);
    let iso = [
        "2026-11-21T12:00:00Z",
        "2026-11-21 12:00:00,123+01:00",
        "2026-11-21T12:00",
        "2026-1-2T03:04:05.6-0330",
    ];
    check("TIMESTAMP_ISO8601", &iso, &["2026-13-01T00:00:00Z", "2026-11-21"]);
    check("HTTPDATE", &["17/May/2015:10:05:03 +0000"], &["17/05/2015:10:05:03 +0000"]);
    check("SYSLOGTIMESTAMP", &["Nov  1 01:02:03", "Nov 21 01:02:03"], &["Nov 1"]);
    check("DATESTAMP_RFC2822", &["Sat, 21 Nov 2026 12:00:00 +0100"], &["Sat 21 Nov 2026"]);
    check("LOGLEVEL", &["WARN", "error", "Information", "Crit"], &["loud"]);
    check("JAVACLASS", &["java.lang.String", "Foo$Bar"], &["1a"]);
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
    assert_eq!(
        found.values.iter().map(|(_, value)| value.clone()).collect::<Vec<_>>(),
        [json!("cat"), json!("dog")]
    );
    let check = |pattern: &str, expected: &str| {
        let error = Grok::compile(&[pattern.to_owned()], definitions, Flavour::Legacy).err().expect(pattern);
        assert!(error.contains(expected), "{pattern}: {error}");
    };
    check("%{LOOP}", "circular reference in pattern [LOOP]");
    check("%{NOPE}", "Unable to find pattern [NOPE]");
    check("%{WORD:a:blob}", "unknown type \"blob\"");
    check("(?!x)", "negative look-ahead \"(?!\" is not supported");
    check("(?>x)", "an atomic group");
    check("(", "cannot compile pattern");
    check("%{WORD", "without its brace");
}

#[test]
fn every_stock_pattern_compiles() {
    let names = include_str!("patterns.rs")
        .lines()
        .filter_map(|line| line.trim().strip_prefix("(\"")?.split_once('"'));
    let mut count = 0;
    for (name, _) in names {
        compile(&format!("%{{{name}}}"), Flavour::Legacy);
        compile(&format!("%{{{name}}}"), Flavour::Ecs);
        count += 1;
    }
    assert!(count > 75, "found only {count}");
}

proptest! {
    #[test]
    fn any_pattern_is_read_or_refused(pattern in "(%\\{(WORD|INT|IP)(:[a-c.]{0,3})?(:int)?\\}|[a-c(?<>=!)\\\\%{}|]){0,12}", text in "[a-c0-9 ]{0,20}") {
        if let Ok(grok) = Grok::compile(&[pattern], &Object::new(), Flavour::Legacy) {
            let _ = grok.matches(&text);
        }
    }
}
