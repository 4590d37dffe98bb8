use super::*;
use proptest::prelude::*;
use serde_json::json;

fn evaluate(source: &str) -> Result<bool, RunError> {
    let document = json!({
        "s": "Hello World", "n": 5, "big": 5_000_000_000_i64, "f": 2.5, "t": true, "null": null,
        "list": ["a", 1, null], "map": {"k": {"deep": "v"}, "a b": 1}, "empty": "", "é": "è",
    });
    let condition = Condition::parse(source).unwrap_or_else(|e| panic!("{source}: {e}"));
    condition.evaluate(document.as_object().unwrap())
}

#[test]
fn holds_as_painless_does() {
    let check = |source: &str, expected: bool| assert_eq!(evaluate(source), Ok(expected), "{source}");
    check("ctx.n == 5", true);
    check("return ctx.n == 5.0;", true);
    check("ctx.n != '5'", true);
    check("ctx.f < ctx.n && ctx.n <= 5L && ctx.n >= 5d && 6 > ctx.n", true);
    check("ctx.n == -5 || -ctx.n == -5", true);
    check("ctx.missing == null", true);
    check("ctx.missing?.deep?.deeper == null", true);
    check("ctx.map?.k?.deep == 'v'", true);
    check("ctx['map']['k'].deep == \"v\"", true);
    check("ctx.map['a b'] == 1", true);
    check("ctx.list[0] == 'a' && ctx.list[-1] == null", true);
    check("ctx.list.contains(1) && !ctx.list.contains('1')", true);
    check("['x', 'Hello World', 3].contains(ctx.s)", true);
    check("[1, 2].size() == 2 && ctx.map.size() == 2 && ![].isEmpty() == false", true);
    check("ctx.s.startsWith('Hello') && ctx.s.endsWith('World') && ctx.s.contains('o W')", true);
    check("ctx.s.toLowerCase() == 'hello world' && ctx.s.equalsIgnoreCase('HELLO WORLD')", true);
    check("ctx.s.length() == 11 && ctx.s.indexOf('W') == 6 && ctx.s.indexOf('q') == -1", true);
    check("ctx.empty.isEmpty() && ctx.map.containsKey('k') && !ctx.containsKey('nope')", true);
    check("ctx.containsKey('null')", true);
    check("ctx.s =~ /o\\sW/ && !(ctx.s ==~ /o\\sW/) && ctx.s ==~ /hello.*/i", true);
    check("'a/b' ==~ /a\\/b/", true);
    check("ctx.n instanceof Integer && !(ctx.n instanceof Long) && ctx.big instanceof Long", true);
    check("ctx.f instanceof Double && ctx.f instanceof Number && ctx.t instanceof Boolean", true);
    check("ctx.list instanceof List && ctx.map instanceof Map && !(ctx.s instanceof List)", true);
    check("ctx.t ? ctx.n == 5 : false", true);
    check("ctx.missing?.contains('x') ?: false", false);
    check("ctx.n == 1 || ctx.n == 5 && ctx.f == 2.5", true);
    check("ctx.n.toString() == '5' // trailing\n && /* inside */ true", true);
    check("ctx.t", true);
}

/// Conditions of a field and a constant have a quick way; here it says what the machine says of every pair.
#[test]
fn the_quick_way_agrees_with_the_machine() {
    let fields = [
        "n",
        "big",
        "f",
        "t",
        "s",
        "null",
        "missing",
        "list",
        "map",
        "map.k",
        "map.k.deep",
        "map.nope",
        "s?.x",
        "missing?.x",
        "missing.x",
        "null?.x?.y",
        "map?.k?.deep",
        "n.x",
    ];
    let constants = ["null", "5", "5L", "-5", "2.5", "true", "false", "'Hello World'", "'v'", "''"];
    for field in fields {
        for constant in constants {
            for operator in ["==", "!=", "<", "<=", ">", ">=", "===", "!=="] {
                let quick = format!("ctx.{field} {operator} {constant}");
                // In brackets of a list, which the quick way does not know.
                let machine = format!("[ctx.{field} {operator} {constant}][0]");
                let (quick_answer, answer) = (evaluate(&quick), evaluate(&machine));
                assert_eq!(quick_answer.clone().ok(), answer.ok(), "{quick}: {quick_answer:?}");
                let both = format!("{quick} || ctx.n == 5");
                assert_eq!(evaluate(&both).is_ok(), quick_answer.is_ok(), "{both}");
            }
        }
    }
}

/// As pipelines of shippers and of other people have them.
#[test]
fn takes_the_conditions_that_pipelines_have() {
    let refused = |source: &&str| Condition::parse(source).err().map(|error| format!("{source}: {error}"));
    let sources = [
        "ctx.event?.original == null",
        "ctx.message != null && ctx.message.startsWith('{')",
        "ctx?.json?.payload instanceof Map",
        "ctx.tags != null && ctx.tags.contains('preserve_original_event')",
        "!(ctx.tags?.contains('forwarded') ?: false)",
        "ctx.tags == null || !(ctx.tags.contains('preserve_original_event'))",
        "ctx.source?.geo == null && ctx.source?.ip != null",
        "ctx?._temp?.level?.toLowerCase() == 'error'",
        "['error', 'critical'].contains(ctx.log?.level)",
        "ctx.event?.kind != 'pipeline_error' && ctx.error?.message instanceof List",
        "ctx.url?.original?.length() > 0",
        "ctx.http?.response?.status_code >= 400 && ctx.http.response.status_code < 500",
        "ctx.containsKey('error') && !ctx.error.isEmpty()",
        "ctx['@timestamp'] == null || ctx['a.b'] != null",
        "ctx.json?.a == \"\" || ctx.json?.a == \"-\"",
        "ctx.json.values.size() > 1",
        "ctx.list.length > 0",
        "def l = ctx.log?.level; return l == 'a' || l == 'b'",
        "if (ctx.a == null) { return false; } return ctx.a.contains('x');",
        "for (def t : ctx.tags) { if (t == 'x') { return true; } } return false",
        "ctx.a =~ /^[0-9]+$/ || ctx.a ==~ /(?i)x.*/",
        "ctx.a?.trim() != '' && ctx.a.splitOnToken(',').length == 2",
        "Integer.parseInt(ctx.code) >= 100",
        "ctx.network?.type == 'ipv4' ? true : ctx.x == 1",
        "ctx.a != null && (ctx.a instanceof String || ctx.a instanceof Number)",
        "ctx.get('event') != null && ctx.getOrDefault('n', 0) > 3",
        "ctx.message?.indexOf(':') > 0 && ctx.message.substring(0, 1) == 'a'",
        "ctx.winlog?.event_data?.isEmpty() == false",
        "ctx.event.category.contains(\"network\")",
        "ctx._index.startsWith('logs-') && ctx._id != null",
        "ctx._conf?.tz_offset != null && ctx._conf.tz_offset != 'local'",
        "ctx.a.charAt(0) == (char)'x'",
        "(ctx.flags & 1) == 1 || (ctx.n % 2) == 0",
        "!['a', 'b'].contains(ctx.x) && ctx.y !== null",
        "ctx.a.replace('x', 'y').equals('y') && ctx.a.hashCode() != 0",
    ];
    assert_eq!(sources.iter().filter_map(refused).collect::<Vec<_>>(), Vec::<String>::new());
}

#[test]
fn has_no_answer_for_null_and_wrong_types() {
    let check = |source: &str, expected: &str| {
        assert_eq!(evaluate(source).unwrap_err().to_string(), expected, "{source}");
    };
    check("ctx.missing.deep == 1", "cannot access method/field [deep] from a null def reference");
    check("ctx.missing.contains('x')", "cannot access method/field [contains] from a null def reference");
    check("ctx.s.deep == 1", "string has no method or field [deep]");
    check("ctx.s < 1", "cannot apply [<] to the types [string] and [int]");
    check("ctx.missing", "cannot cast null to boolean");
    check("!ctx.s", "cannot cast string to boolean");
    check("ctx.list[3] == 1", "index [3] is out of bounds for length [3]");
    check("ctx.n.length() == 1", "int has no method or field [length]");
    check("ctx.n =~ /5/", "cannot cast int to string");
}

#[test]
fn refuses_the_rest_of_painless_with_its_place() {
    let check = |source: &str, expected: &str| {
        let error = Condition::parse(source).unwrap_err().to_string();
        assert!(error.starts_with(expected), "{source}: {error}");
    };
    check("", "1:1: expected a value, found the end");
    check("ctx.a = 1", "1:7: assignment to ctx is not supported");
    check("ctx.a.b[0] += 1", "1:12: assignment to ctx is not supported");
    check("ctx.a++", "1:6: assignment to ctx is not supported");
    check("ctx.a ==\n  params.x", "2:3: unknown variable \"params\"");
    check("ctx.a.foo()", "1:7: unknown method \"foo\"");
    check("ctx.a.contains()", "1:7: method \"contains\" takes 1 arguments, found 0");
    check("ctx.a instanceof Foo", "1:18: unknown type \"Foo\"");
    check("(ctx.a == 1", "1:12: expected \")\"");
    check("ctx.a == 'x", "1:10: string without its closing quote");
    check("ctx.a =~ 'x'", "1:10: expected a regex");
    check("ctx.a =~ /(?=x)/", "1:10: cannot compile regex");
    check("try { true } catch (Exception e) { false }", "1:1: \"try\" is not supported");
    check("ctx.a == 1 ctx.b", "1:12: expected an operator or the end, found \"ctx\"");
    check("99999999999999999999 == 1", "1:1: number \"99999999999999999999\" is too large");
    check(&format!("{}true{}", "(".repeat(100), ")".repeat(100)), "1:65: script is nested deeper");
    check(&format!("{}true", "!".repeat(100)), "1:65: script is nested deeper");
    check(&"1<".repeat(1000), "1:1028: more than 512 operators");
    check(&" ".repeat(70_000), "1:1: script is longer than");
}

fn source() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("null".to_owned()),
        Just("true".to_owned()),
        any::<i32>().prop_map(|n| format!("{}", i64::from(n).abs())),
        (0u32..9999).prop_map(|n| format!("{n}.25")),
        "[a-z\\\\']{0,6}".prop_map(|s| format!("'{}'", s.replace('\\', "\\\\").replace('\'', "\\'"))),
        "[a-z]{1,3}".prop_map(|name| format!("ctx.{name}")),
        "[a-z]{1,3}".prop_map(|name| format!("ctx['{name}']?.k")),
    ];
    leaf.prop_recursive(4, 24, 3, |inner| {
        prop_oneof![
            (inner.clone(), prop::sample::select(vec!["==", "!=", "<", ">=", "&&", "||"]), inner.clone())
                .prop_map(|(a, operator, b)| format!("({a}) {operator} ({b})")),
            (inner.clone(), prop::sample::select(vec!["&&", "||", "=="]), inner.clone())
                .prop_map(|(a, operator, b)| format!("{a} {operator} {b}")),
            inner.clone().prop_map(|a| format!("!({a})")),
            inner.clone().prop_map(|a| format!("-({a})")),
            inner.clone().prop_map(|a| format!("({a}) instanceof String")),
            inner.clone().prop_map(|a| format!("({a}) ==~ /a+[b-c]/i")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("[{a}, {b}].contains({a})")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a})?.indexOf({b})")),
            (inner.clone(), inner.clone(), inner).prop_map(|(a, b, c)| format!("({a} ? {b} : {c}) ?: ({b})")),
        ]
    })
}

proptest! {
    #[test]
    fn print_then_parse_is_identity(source in source()) {
        if let Ok(condition) = Condition::parse(&source) {
            let printed = condition.to_string();
            prop_assert_eq!(Condition::parse(&printed).expect(&printed), condition, "{}", printed);
        }
    }

    #[test]
    fn evaluation_never_panics(source in source(), n in any::<i64>()) {
        if let Ok(condition) = Condition::parse(&source) {
            let document = json!({"a": n, "b": "x", "c": [1, 2]});
            let _ = condition.evaluate(document.as_object().unwrap());
        }
    }

    #[test]
    fn any_text_is_read_or_refused(source in "(ctx|[a-z. ()\\[\\]!?:=<>&|'\"/~0-9é,-]){0,60}") {
        if let Ok(condition) = Condition::parse(&source) {
            prop_assert_eq!(Condition::parse(&condition.to_string()).unwrap(), condition);
        }
    }
}
