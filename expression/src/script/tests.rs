//! Tables of what scripts give, after the pages of the Painless guide of Elasticsearch 7.10 and the scripts that clients
//! send; laws over sources that are made up.

use super::*;
use crate::Member;
use proptest::prelude::*;
use serde_json::json;
use std::collections::BTreeMap;

/// Doc values, `params` and the rest, made up for a test.
#[derive(Default)]
struct World {
    params: Object,
    fields: BTreeMap<&'static str, Field>,
    value: Option<f64>,
    values: Vec<f64>,
}

struct Field(Vec<Scalar<'static>>);

impl DocValues for Field {
    fn count(&self) -> usize {
        self.0.len()
    }
    fn get(&self, index: usize) -> Option<Scalar<'_>> {
        self.0.get(index).cloned()
    }
}

impl Environment for World {
    fn params(&self) -> Option<&Object> {
        Some(&self.params)
    }
    fn doc(&self, field: &str) -> Option<&dyn DocValues> {
        self.fields.get(field).map(|field| field as &dyn DocValues)
    }
    fn value(&self) -> Option<Scalar<'_>> {
        self.value.map(Scalar::Double)
    }
    fn values(&self) -> &[f64] {
        &self.values
    }
}

fn world() -> World {
    let date = |text: &str| Scalar::Date(text.parse().unwrap());
    let params = json!({"a": 3, "b": 2, "zero": 0, "f": 2.5, "s": "text", "list": [1, 2], "map": {"k": "v"}});
    World {
        params: params.as_object().unwrap().clone(),
        fields: BTreeMap::from([
            ("n", Field(vec![Scalar::Long(5), Scalar::Long(7)])),
            ("d", Field(vec![Scalar::Double(2.5)])),
            ("s", Field(vec![Scalar::Text("Hello World".into())])),
            ("b", Field(vec![Scalar::Bool(true)])),
            ("t", Field(vec![date("2026-11-21T09:16:16.807Z")])),
            ("p", Field(vec![Scalar::Point { latitude: 52.52, longitude: 13.405 }])),
            ("none", Field(Vec::new())),
        ]),
        value: Some(10.0),
        values: vec![1.0, 2.0, f64::NAN, 4.0],
    }
}

fn run(language: Language, purpose: Purpose, source: &str) -> Result<Value, ScriptError> {
    let script = Script::compile(language, source, purpose)?;
    Ok(script.value(&world(), Limits::default())?)
}

/// A scripted field gives that.
#[track_caller]
fn gives(source: &str, expected: Value) {
    assert_eq!(run(Language::Painless, Purpose::Field, source), Ok(expected), "{source}");
}

#[track_caller]
fn fails(source: &str, kind: &str, expected: &str) {
    let error = run(Language::Painless, Purpose::Field, source).expect_err(source);
    assert_eq!((error.kind(), error.to_string().as_str()), (kind, expected), "{source}");
}

#[track_caller]
fn refused(source: &str, expected: &str) {
    let error = Script::compile(Language::Painless, source, Purpose::Update).expect_err(source).to_string();
    assert!(error.starts_with(expected), "{source}: {error}");
}

/// An update over `ctx` gives that `ctx`.
fn updated(source: &str, ctx: Value, params: Value) -> Result<Value, ScriptError> {
    let script = Script::compile(Language::Painless, source, Purpose::Update)?;
    let members = ctx.as_object().unwrap().iter().map(|(name, value)| (name.as_str(), Member::Value(value)));
    let params = params.as_object().unwrap().clone();
    let ctx = script.update(members, &params, Limits::default())?;
    Ok(Value::Object(ctx))
}

#[track_caller]
fn updates(source: &str, ctx: Value, params: Value, expected: Value) {
    let ctx = json!({"_source": ctx, "op": "index"});
    let mut whole = json!({"_source": {}, "op": "index"});
    whole["_source"] = expected;
    assert_eq!(updated(source, ctx, params), Ok(whole), "{source}");
}

#[test]
fn reckons_as_java_does() {
    gives("7 / 2", json!(3));
    gives("-7 / 2", json!(-3));
    gives("-7 % 3", json!(-1));
    gives("7 / 2.0", json!(3.5));
    gives("7f / 2", json!(3.5));
    gives("2147483647 + 1", json!(-2_147_483_648_i64));
    gives("2147483647L + 1", json!(2_147_483_648_i64));
    gives("9223372036854775807L + 1", json!(i64::MIN));
    gives("1000000 * 1000000", json!(-727_379_968));
    gives("5000000000 + 1", json!(5_000_000_001_i64));
    gives("1.0 / 0", json!("Infinity"));
    gives("0.0 / 0", json!("NaN"));
    gives("5.5 % 2", json!(1.5));
    gives("1 + 2 * 3 - 4 / 2", json!(5));
    gives("(1 + 2) * 3", json!(9));
    gives("0x1F + 010", json!(39));
    gives("0xFFFFFFFF", json!(-1));
    gives("1 << 33", json!(2));
    gives("1L << 33", json!(8_589_934_592_i64));
    gives("-8 >> 1", json!(-4));
    gives("-8 >>> 28", json!(15));
    gives("6 & 3 | 8 ^ 1", json!(11));
    gives("~5", json!(-6));
    gives("true & false | true ^ true", json!(false));
    gives("- -5 + +3", json!(8));
    gives("1 == 1.0 && 1L == 1 && 1f == 1d", json!(true));
    gives("1 == '1' || null == 0", json!(false));
    gives("1e3 + 0.5d", json!(1000.5));
    gives("'1' + 2 + 3.0 + null + true", json!("123.0nulltrue"));
    gives("1 + 2 + 'x'", json!("3x"));
    gives("'' + 1e10 + ' ' + 0.0001 + ' ' + 100.0", json!("1.0E10 1.0E-4 100.0"));
    fails("1 / 0", "arithmetic_exception", "/ by zero");
    fails("1L % 0", "arithmetic_exception", "/ by zero");
    fails("null + 1", "null_pointer_exception", "cannot apply [+] to the types [null] and [int]");
    fails("1.5 & 1", "class_cast_exception", "cannot apply [&] to the types [double] and [int]");
}

#[test]
fn casts_as_java_does() {
    gives("(int) 3.99", json!(3));
    gives("(int) -3.99", json!(-3));
    gives("(int) 4294967297L", json!(1));
    gives("(int) 1e20", json!(i32::MAX));
    gives("(long) 1e20", json!(i64::MAX));
    gives("(double) 1 / 2", json!(0.5));
    gives("(float) 0.1", json!(0.1));
    gives("(int) (char) 'a'", json!(97));
    gives("(String) (char) 'a'", json!("a"));
    gives("'abc'.charAt(1) + 'x'", json!("bx"));
    gives("'abc'.charAt(1) + 1", json!(99));
    gives("def x = (def) 5; x instanceof Integer", json!(true));
    gives(
        "5L instanceof Long && 5.0 instanceof Double && 5f instanceof Float && [] instanceof List",
        json!(true),
    );
    gives("5 instanceof Number && !(5 instanceof Long) && !(null instanceof Object)", json!(true));
    fails("(int) 'x'", "class_cast_exception", "cannot cast string to int");
    fails("int x = 5.0; x", "class_cast_exception", "cannot cast double to int");
    fails("int x = null; x", "class_cast_exception", "cannot cast null to int");
    gives("long x = 5; x", json!(5));
    gives("double x = 5; x", json!(5.0));
    gives("Integer x = null; x == null", json!(true));
    gives("int x; boolean y; String z; '' + x + y + z", json!("0falsenull"));
    gives("int x = 5; x += 1.7; x", json!(6));
    gives("def x = 5; x += 1.5; x", json!(6.5));
    fails("List l = ['a': 1]; l", "class_cast_exception", "cannot cast map to List");
}

#[test]
fn runs_statements() {
    gives("int s = 0; for (int i = 0; i < 5; i++) { s += i; } return s;", json!(10));
    gives("int s = 0; for (int i = 0, j = 10; i < j; i += 2) s++; s", json!(5));
    gives("int i = 0; while (true) { if (++i > 5) break; else continue; } i", json!(6));
    gives("int i = 0; do { i++ } while (i < 3); i", json!(3));
    gives("def s = ''; for (x in ['a', 'b']) s += x; s", json!("ab"));
    gives("int s = 0; for (int x : params.list) { s += x } s", json!(3));
    gives(
        "if (params.a > 5) { return 'big' } else if (params.a > 2) { return 'mid' } else { return 'small' }",
        json!("mid"),
    );
    gives("if (false) return 1; 2", json!(2));
    gives("def x = 1, y = x + 1; if (y == 2) { y }", json!(2));
    gives("def x = 1; if (x == 2) { 5 } else if (x == 1) { 7 }", json!(7));
    gives("def x = 1; if (x == 2) { 5 }", json!(null));
    gives("int x = 5; int y = x++ + ++x; x + ' ' + y", json!("7 12"));
    gives("def a, b; a = b = 3; a + b", json!(6));
    gives("for (;;) { return 'once' }", json!("once"));
    gives("if (true) { int x = 1 } int x = 2; x", json!(2));
    gives("params.missing ?: 'none'", json!("none"));
    gives("params?.missing?.deep?.deeper == null", json!(true));
    gives("params.a > 2 ? 'y' : params.a > 1 ? 'z' : 'n'", json!("y"));
    gives("// a comment\n/* another */ 1", json!(1));
    fails("throw new IllegalArgumentException('no ' + 1)", "illegal_argument_exception", "no 1");
    fails("while (true) {}", "painless_error", "the script takes more than 2000000 steps");
    fails("for (;;);", "painless_error", "the script takes more than 2000000 steps");
    fails(
        "def l = [1]; for (x in l) l.add(x)",
        "concurrent_modification_exception",
        "the list has been changed while it was iterated over",
    );
    fails(
        "def s = 'ab'; while (true) s += s",
        "circuit_breaking_exception",
        "the script takes more than 16777216 bytes of memory",
    );
    fails(
        "def l = []; while (true) l.addAll([1, 2, 3, 4, 5, 6, 7, 8])",
        "circuit_breaking_exception",
        "the script takes more than 16777216 bytes of memory",
    );
    fails("for (x in 5) x", "illegal_argument_exception", "cannot iterate over [int]");
}

#[test]
fn knows_strings() {
    gives("'Hello'.substring(1, 3) + 'Hello'.substring(3)", json!("ello"));
    gives("'Hello'.indexOf('l') + 10 * 'Hello'.lastIndexOf('l') + 100 * 'Hello'.indexOf('l', 3)", json!(332));
    gives("'aXbX'.lastIndexOf('X', 2)", json!(1));
    gives("'a-b-c'.replace('-', '')", json!("abc"));
    gives("'a,b,c'.splitOnToken(',')", json!(["a", "b", "c"]));
    gives("'a,b,c'.splitOnToken(',', 2)", json!(["a", "b,c"]));
    gives("String.join('-', ['a', 1, null])", json!("a-1-null"));
    gives("' \\t x '.trim().toUpperCase().concat('y')", json!("Xy"));
    gives("'abc'.compareTo('abd') + 'ab'.compareTo('a')", json!(0));
    gives("'abc'.hashCode()", json!(96_354));
    gives("'é€𝄞x'.length() + ' ' + 'é€𝄞x'.indexOf('x') + 'é€𝄞x'.substring(4)", json!("5 4x"));
    gives("'ab'.contains('b') && 'ab'.startsWith('b', 1) && 'ab'.isEmpty() == false", json!(true));
    gives("'Foo' =~ /o+/ && !('Foo' ==~ /o+/) && 'Foo' ==~ /f.*/i", json!(true));
    gives("'x'.length", json!(1));
    fails("'abc'.substring(2, 1)", "string_index_out_of_bounds_exception", "begin 2, end 1, length 3");
    fails("'abc'.charAt(3)", "index_out_of_bounds_exception", "index [3] is out of bounds for length [3]");
    fails("'abc'.size()", "illegal_argument_exception", "string has no method or field [size]");
    fails("'abc'.foo", "illegal_argument_exception", "string has no method or field [foo]");
}

#[test]
fn knows_lists_and_maps() {
    gives("def l = [1, 2, 3]; l.add(4); l[0] = 9; l.remove(1); l", json!([9, 3, 4]));
    gives("def l = new ArrayList(params.list); l.addAll([3]); l.add(0, 0); l", json!([0, 1, 2, 3]));
    gives("def l = [3, 1, 2]; l.sort(null); l.subList(0, 2)", json!([1, 2]));
    gives("[1, 2, 3].contains(2.0) && [1, 2].indexOf(2) == 1 && [1, 1].lastIndexOf(1) == 1", json!(true));
    gives("[1, [2]] == [1.0, [2]] && ['a': [1]] == ['a': [1]] && [1] != [2]", json!(true));
    gives("def l = [1]; def m = l; m.add(2); l === m && l.size() == 2", json!(true));
    gives("[1, 2, 3][-1] + [5].0", json!(8));
    gives("[1, 2, 3].length + [].size()", json!(3));
    gives(
        "def m = ['a': 1, 'b': null]; m.c = 3; m['d'] = 4; m.put('a', 2); m",
        json!({"a": 2, "b": null, "c": 3, "d": 4}),
    );
    gives("def m = new HashMap(); m.put('x', 1); m.x += 1; m.x++; m", json!({"x": 3}));
    gives(
        "def m = [:]; m.getOrDefault('a', 5) + ' ' + m.isEmpty() + m.get('a') + m.containsKey('a')",
        json!("5 truenullfalse"),
    );
    gives("def m = ['a': 1, 'b': 2]; m.remove('a') + m.size()", json!(2));
    gives("def s = ''; for (e in ['a': 1, 'b': 2].entrySet()) s += e.getKey() + e.value; s", json!("a1b2"));
    gives("def s = 0; for (v in ['a': 1, 'b': 2].values()) s += v; s", json!(3));
    gives("def s = ''; for (k in params.map.keySet()) s += k; s", json!("k"));
    gives("def m = ['a': 1]; for (e in m.entrySet()) e.setValue(7); m", json!({"a": 7}));
    gives("'' + [1, 'x', null, [2.0]] + ['a': [:]]", json!("[1, x, null, [2.0]]{a={}}"));
    gives("def l = [1, 2, 3, 4]; l.removeIf(x -> x % 2 == 0); l", json!([1, 3]));
    gives(
        "[1, 2, 3].any(x -> x > 2) && [1, 2].every(x -> x > 0) && [1, 2].find(x -> x > 1) == 2",
        json!(true),
    );
    gives("[1, 2, 3].findAll(x -> x > 1).collect(x -> x * 10)", json!([20, 30]));
    fails("[1][1]", "index_out_of_bounds_exception", "index [1] is out of bounds for length [1]");
    fails("[1].get(-1)", "index_out_of_bounds_exception", "index [-1] is out of bounds for length [1]");
    fails("params.a = 1", "unsupported_operation_exception", "this list or map can only be read");
    fails("params.list.add(1)", "unsupported_operation_exception", "this list or map can only be read");
    fails(
        "def l = []; l.add(l); l",
        "illegal_argument_exception",
        "lists and maps are nested deeper than 64, or hold themselves",
    );
    fails(
        "def l = []; l.add(l); '' + l",
        "illegal_argument_exception",
        "lists and maps are nested deeper than 64, or hold themselves",
    );
    fails(
        "def l = []; l.add(l); def m = []; m.add(m); l == m",
        "illegal_argument_exception",
        "lists and maps are nested deeper than 64, or hold themselves",
    );
    fails(
        "def l = [1]; for (int i = 0; i < 60; i++) l = [l, l]; l",
        "circuit_breaking_exception",
        "the script takes more than 16777216 bytes of memory",
    );
    fails(
        "def l = [1]; for (int i = 0; i < 60; i++) l = [l, l]; '' + l",
        "circuit_breaking_exception",
        "the script takes more than 16777216 bytes of memory",
    );
    fails(
        "['a': 1].keySet().add('b')",
        "unsupported_operation_exception",
        "this list or map can only be read",
    );
}

#[test]
fn knows_classes() {
    gives("Math.max(1, 2) + Math.min(3L, 4)", json!(5));
    gives("Math.max(1, 2.5)", json!(2.5));
    gives("Math.round(2.5) + Math.round(-2.5)", json!(1));
    gives("Math.abs(-3) + Math.pow(2, 3)", json!(11.0));
    gives("Math.floor(2.7) + Math.ceil(2.1) + Math.sqrt(9)", json!(8.0));
    gives("Math.log10(1000) == 3 && Math.PI > 3.14 && Math.E < 2.72", json!(true));
    gives("Integer.parseInt('42') + Integer.parseInt('ff', 16) + Long.parseLong('-1')", json!(296));
    gives("Double.parseDouble(' 1.5e2 ') + Float.parseFloat('0.5')", json!(150.5));
    gives("Integer.MAX_VALUE + Long.MIN_VALUE", json!(i64::MIN + 2_147_483_647));
    gives("String.valueOf(1.0) + Integer.toString(3) + Boolean.parseBoolean('TRUE')", json!("1.03true"));
    gives("5.7.intValue() + 3.longValue()", json!(8));
    gives(
        "Objects.equals(null, null) && Double.isNaN(Double.NaN) && Integer.compare(1, 2) == -1",
        json!(true),
    );
    fails("Integer.parseInt('4 2')", "number_format_exception", "For input string: \"4 2\"");
    fails("Integer.parseInt('3000000000')", "number_format_exception", "For input string: \"3000000000\"");
}

#[test]
fn knows_doc_values() {
    gives("doc['n'].value + doc['n'].size() + doc['n'][1] + doc.n.length", json!(16));
    gives("doc['none'].size() == 0 ? -1 : doc['none'].value", json!(-1));
    gives(
        "doc['none'].empty && !doc['n'].isEmpty() && doc.containsKey('n') && !doc.containsKey('x')",
        json!(true),
    );
    gives("doc['s'].value.toLowerCase() + doc['b'].value + doc['d'].value", json!("hello worldtrue2.5"));
    gives("long s = 0; for (long n : doc['n']) s += n; s", json!(12));
    gives("doc['n'].contains(7L)", json!(true));
    gives("doc['n']", json!([5, 7]));
    gives("doc['p'].lat + doc['p'].value.lon", json!(65.925));
    gives("Math.round(doc['p'].arcDistance(48.137, 11.575) / 1000)", json!(504));
    fails("doc['x'].value", "illegal_argument_exception", "No field found for [x] in mapping");
    fails(
        "doc['none'].value",
        "illegal_state_exception",
        "A document doesn't have a value for a field! Use doc[<field>].size()==0 to check if a document is missing a field!",
    );
}

#[test]
fn knows_dates() {
    // A Saturday.
    gives("doc['t'].value.getHour() + doc['t'].value.hourOfDay + doc.t.value.minute", json!(34));
    gives("doc['t'].value.dayOfWeek + ' ' + doc['t'].value.dayOfWeekEnum", json!("6 SATURDAY"));
    gives("doc['t'].value.dayOfWeekEnum.getDisplayName(TextStyle.SHORT, Locale.ROOT)", json!("Sat"));
    gives("doc['t'].value.getMonth().getDisplayName(TextStyle.FULL, Locale.ENGLISH)", json!("November"));
    gives("doc['t'].value.getDayOfWeekEnum().value == DayOfWeek.SATURDAY.getValue()", json!(true));
    gives("doc['t'].value.year + doc['t'].value.monthValue + doc['t'].value.dayOfYear", json!(2362));
    gives("doc['t'].value.millis == doc['t'].value.toInstant().toEpochMilli()", json!(true));
    gives("doc['t'].value.toInstant().toEpochMilli()", json!(1_795_252_576_807_i64));
    gives("doc['t'].value.weekOfWeekyear + doc['t'].value.secondOfDay", json!(33_423));
    gives("doc['t'].value", json!("2026-11-21T09:16:16.807Z"));
    gives("doc['t'].value.plusDays(1).minusHours(2).toString()", json!("2026-11-22T07:16:16.807Z"));
    gives("doc['t'].value.withZoneSameInstant(ZoneId.of('+02:30'))", json!("2026-11-21T11:46:16.807+02:30"));
    gives("doc['t'].value.truncatedTo(ChronoUnit.HOURS)", json!("2026-11-21T09:00:00.000Z"));
    gives("doc['t'].value.isAfter(ZonedDateTime.parse('2026-11-21T00:00:00Z'))", json!(true));
    gives("ChronoUnit.DAYS.between(Instant.ofEpochMilli(0), doc['t'].value.toInstant())", json!(20_778));
    gives("ZonedDateTime.parse('2026-01-01T10:00:00+01:00').toInstant()", json!("2026-01-01T09:00:00Z"));
    gives("ZonedDateTime.ofInstant(Instant.ofEpochSecond(0), ZoneId.of('Z')).year", json!(1970));
    fails(
        "ZonedDateTime.parse('yesterday')",
        "date_time_parse_exception",
        "Text 'yesterday' could not be parsed",
    );
    fails("ZoneId.of('Nowhere/Town')", "zone_rules_exception", "Unknown time-zone ID: Nowhere/Town");
    fails("doc['t'].value.plusYears(100000)", "date_time_exception", "the date is out of range");
    fails("doc['t'].value.plusDays(9223372036854775807L)", "date_time_exception", "the date is out of range");
}

#[test]
fn updates_documents() {
    updates(
        "ctx._source.counter += params.count",
        json!({"counter": 1}),
        json!({"count": 4}),
        json!({"counter": 5}),
    );
    updates(
        "ctx._source.tags.add(params.tag)",
        json!({"tags": ["red"]}),
        json!({"tag": "blue"}),
        json!({"tags": ["red", "blue"]}),
    );
    updates(
        "if (ctx._source.tags.contains(params.tag)) { ctx._source.tags.remove(ctx._source.tags.indexOf(params.tag)) }",
        json!({"tags": ["red", "blue"]}),
        json!({"tag": "red"}),
        json!({"tags": ["blue"]}),
    );
    updates(
        "ctx._source.new_field = 'value_of_new_field'",
        json!({"a": 1}),
        json!({}),
        json!({"a": 1, "new_field": "value_of_new_field"}),
    );
    updates(
        "ctx._source.remove('new_field')",
        json!({"a": {"b": [1]}, "new_field": 1}),
        json!({}),
        json!({"a": {"b": [1]}}),
    );
    updates(
        "ctx._source['my-object'].remove('sub')",
        json!({"my-object": {"sub": 1}}),
        json!({}),
        json!({"my-object": {}}),
    );
    updates(
        "def a = ctx._source.a; a.b.c = 2",
        json!({"a": {"b": {}}}),
        json!({}),
        json!({"a": {"b": {"c": 2}}}),
    );
    updates(
        "ctx._source.a.putAll(params.more)",
        json!({"a": {}}),
        json!({"more": {"x": [1]}}),
        json!({"a": {"x": [1]}}),
    );
    updates(
        "ctx._source.items.removeIf(item -> item.id == params.id)",
        json!({"items": [{"id": 1}, {"id": 2}]}),
        json!({"id": 1}),
        json!({"items": [{"id": 2}]}),
    );
    updates(
        "for (item in ctx._source.items) { item.done = true }",
        json!({"items": [{}, {}]}),
        json!({}),
        json!({"items": [{"done": true}, {"done": true}]}),
    );
    // What is put in from the parameters is a copy: the parameters stay as they are for the next document.
    updates(
        "ctx._source.l = params.l; ctx._source.l.add(2)",
        json!({}),
        json!({"l": [1]}),
        json!({"l": [1, 2]}),
    );
    let none = updated(
        "if (ctx._source.n == 1) { ctx.op = 'none' } else { ctx.op = 'delete' }",
        json!({"_source": {"n": 1}, "op": "index"}),
        json!({}),
    );
    assert_eq!(none, Ok(json!({"_source": {"n": 1}, "op": "none"})));
    let error = updated("ctx._source.missing.x = 1", json!({"_source": {}}), json!({})).unwrap_err();
    assert_eq!(error.kind(), "null_pointer_exception");
    let error = updated("ctx._source.counter += 1", json!({"_source": {}}), json!({})).unwrap_err();
    assert_eq!(error.kind(), "null_pointer_exception");
}

/// Kibana's counters of telemetry: the source as it is sent.
const COUNTER: &str = "
              if (ctx._source[params.type][params.counterFieldName] == null) {
                ctx._source[params.type][params.counterFieldName] = params.count;
              }
              else {
                ctx._source[params.type][params.counterFieldName] += params.count;
              }
              ctx._source.updated_at = params.time;
            ";

#[test]
fn counts_for_kibana() {
    let params = json!({"count": 1, "time": "2026-11-21T09:16:16.807Z", "type": "ui-metric", "counterFieldName": "count"});
    let expect = |before: Value, count: i64| {
        let after = json!({"ui-metric": {"count": count}, "type": "ui-metric", "updated_at": "2026-11-21T09:16:16.807Z"});
        let mut before = before;
        before["type"] = json!("ui-metric");
        before["updated_at"] = json!("old");
        updates(COUNTER, before, params.clone(), after);
    };
    expect(json!({"ui-metric": {"count": 1}}), 2);
    expect(json!({"ui-metric": {}}), 1);
    expect(json!({"ui-metric": {"count": null}}), 1);
}

#[test]
fn reckons_over_buckets_and_windows() {
    let bucket = |source: &str| {
        let script = Script::compile(Language::Painless, source, Purpose::Bucket).unwrap();
        script.number(&world(), Limits::default()).unwrap()
    };
    assert_eq!(bucket("params.a / params.b"), Some(1.0));
    assert_eq!(bucket("params.f / params.a * 100"), Some(2.5 / 3.0 * 100.0));
    assert_eq!(bucket("params.a > 1 ? params.a : null"), Some(3.0));
    assert_eq!(bucket("params.zero == 0 ? null : 1"), None);
    // What the paths give are doubles, and win over parameters of the same name.
    struct Paths(Object);
    impl Environment for Paths {
        fn params(&self) -> Option<&Object> {
            Some(&self.0)
        }
        fn numbers(&self) -> &[(&str, f64)] {
            &[("x", 7.0), ("_value", 2.0), ("nan", f64::NAN)]
        }
    }
    let over = |language: Language, source: &str| {
        let params = json!({"x": 1, "y": 3});
        let script = Script::compile(language, source, Purpose::Bucket).unwrap();
        script.number(&Paths(params.as_object().unwrap().clone()), Limits::default()).unwrap()
    };
    assert_eq!(over(Language::Painless, "params.x / params._value + params.y"), Some(6.5));
    assert_eq!(over(Language::Painless, "params.nan > 1 ? 1 : 0"), Some(0.0));
    assert_eq!(over(Language::Expression, "x / _value + y"), Some(6.5));
    let selector = Script::compile(Language::Painless, "params.a > params.b", Purpose::Bucket).unwrap();
    assert_eq!(selector.holds(&world(), Limits::default()), Ok(true));
    let window = |source: &str, values: &[f64]| {
        let script = Script::compile(Language::Painless, source, Purpose::Moving).unwrap();
        let world = World { values: values.to_vec(), ..world() };
        script.number(&world, Limits::default()).unwrap().unwrap()
    };
    let close = |source: &str, values: &[f64], expected: f64| {
        let found = window(source, values);
        let same = found.is_nan() && expected.is_nan() || (found - expected).abs() < 1e-9;
        assert!(same, "{source}: {found}, expected {expected}");
    };
    let some = [1.0, 2.0, f64::NAN, 4.0];
    close("MovingFunctions.unweightedAvg(values)", &some, 7.0 / 3.0);
    close("MovingFunctions.sum(values)", &some, 7.0);
    close("MovingFunctions.sum(values)", &[], 0.0);
    close("MovingFunctions.max(values)", &[1.0, 3.0], 3.0);
    close("MovingFunctions.min(values)", &[], f64::NAN);
    close("MovingFunctions.unweightedAvg(values)", &[], f64::NAN);
    close("MovingFunctions.stdDev(values, MovingFunctions.unweightedAvg(values))", &[1.0, 3.0], 1.0);
    close("MovingFunctions.linearWeightedAvg(values)", &[1.0, 2.0, 3.0], 14.0 / 7.0);
    close("MovingFunctions.ewma(values, 0.5)", &[1.0, 2.0, 4.0], 2.75);
    close("MovingFunctions.holt(values, 0.5, 0.5)", &[1.0, 2.0, 4.0], 2.875);
    close("if (values.length < 2) { return 0.0 } return values[1] - values[0]", &[1.0, 4.0], 3.0);
    let season =
        "if (values.length > 3) { MovingFunctions.holtWinters(values, 0.3, 0.1, 0.1, 2, false) } else { 0 }";
    assert_eq!(
        window(
            &season.replace("MovingFunctions", "return MovingFunctions").replace("{ 0 }", "{ return 0 }"),
            &[1.0]
        ),
        0.0
    );
    // What Elasticsearch 7.10.2 answers.
    let week =
        [5500.895652173913, 5969.966101694915, 5688.065217391304, 5476.569565217392, 5913.157205240174];
    close("MovingFunctions.holtWinters(values, 0.3, 0.1, 0.3, 2, true)", &week, 5843.186706330262);
    close("MovingFunctions.holtWinters(values, 0.3, 0.1, 0.3, 2, false)", &week, 5651.169963852361);
    let script = Script::compile(
        Language::Painless,
        "MovingFunctions.holtWinters(values, 0.3, 0.1, 0.1, 5, false)",
        Purpose::Moving,
    )
    .unwrap();
    assert_eq!(script.number(&world(), Limits::default()).unwrap_err().kind, "illegal_argument_exception");
}

#[test]
fn reckons_lucene_expressions() {
    let check = |source: &str, expected: f64| {
        let script = Script::compile(Language::Expression, source, Purpose::Value)
            .unwrap_or_else(|e| panic!("{source}: {e}"));
        let found = script.number(&world(), Limits::default()).unwrap_or_else(|e| panic!("{source}: {e}"));
        assert_eq!(found, Some(expected), "{source}");
    };
    check("_value", 10.0);
    check("a * 1", 3.0);
    check("a / b", 1.5);
    check("a / zero", f64::INFINITY);
    check("doc['n'].value * 2 + doc['none'].value", 10.0);
    check(
        "doc['n'].sum() + doc['n'].avg() + doc['n'].min() + doc['n'].max() + doc['n'].median() + doc['n'].count()",
        38.0,
    );
    check("doc['t'].date.hourOfDay + doc['t'].getHourOfDay()", 18.0);
    check("doc['t'].value", 1_795_252_576_807.0);
    check("doc['none'].empty", 1.0);
    check("a > b", 1.0);
    check("a > b && !zero ? 5 : 6", 5.0);
    check("(a > b) + 1", 2.0);
    check("7 & 3 | 8", 11.0);
    check("1 << 3", 8.0);
    check("~5", -6.0);
    check("7 % 4", 3.0);
    check("max(a, b) + min(a, b) + abs(-1) + sqrt(9) + pow(2, 3) + floor(1.9)", 18.0);
    check("ln(exp(2)) + log10(100) + logn(2, 8)", 7.0);
    let refused = |source: &str, expected: &str| {
        let error = Script::compile(Language::Expression, source, Purpose::Value).unwrap_err().to_string();
        assert!(error.starts_with(expected), "{source}: {error}");
    };
    refused("foo(1)", "1:1: unknown function \"foo\"");
    refused("a = 1", "1:3: assignment is not supported");
    refused("_score", "1:1: unknown variable \"_score\"");
    refused("a; b", "1:2: expected an operator or the end");
    refused("[1]", "1:1: expected a value");
    let missing = Script::compile(Language::Expression, "nope + 1", Purpose::Bucket).unwrap();
    assert_eq!(
        missing.number(&world(), Limits::default()).unwrap_err().to_string(),
        "Unknown variable [nope]"
    );
}

#[test]
fn refuses_what_it_does_not_know_with_its_place() {
    refused("ctx.a.foo()", "1:7: unknown method \"foo\"");
    refused("System.exit(1)", "1:1: unknown variable \"System\": known are ctx, params");
    refused("Math.foo(1)", "1:6: unknown function \"foo\" of Math");
    refused("Math.TAU", "1:6: unknown constant \"TAU\" of Math");
    refused("doc['x'].value", "1:1: unknown variable \"doc\": known are ctx, params");
    refused("x + 1", "1:1: unknown variable \"x\"");
    refused("foo(1)", "1:1: unknown function \"foo\"");
    refused("Foo x = 1", "1:1: unknown type \"Foo\"");
    refused("new Foo()", "1:5: unknown type \"Foo\"");
    refused("new Integer(1)", "1:1: cannot make a new Integer");
    refused(
        "int a = 1; int f(int x) { return x } f(a)",
        "1:12: functions must stand before the first statement",
    );
    refused("int f(int x) { return f(x) } f(1)", "1:23: script is nested deeper than 64");
    let many = format!("int f(int x) {{ return x }} {}", "f(1);".repeat(65));
    refused(&many, "1:347: more than 64 calls of functions of the script");
    refused("int f(int x) { return y } int y = 1; f(y)", "1:23: unknown variable \"y\"");
    refused("int f(Supplier s) { return s.get(", "1:34: expected \"}\", found the end");
    refused("int f(Supplier s) { return s.get() } f(1)", "1:40: expected");
    refused("byte x = 1", "1:1: unknown type \"byte\"");
    refused("int[] x = new int[1]", "1:1: unknown variable \"int\"");
    refused("def x = 1; def x = 2", "1:16: variable \"x\" is already defined");
    refused("def ctx = 1", "1:5: variable \"ctx\" is already defined");
    refused("def if = 1", "1:5: \"if\" cannot be the name of a variable");
    refused("if (true) { def x = 1 } x", "1:25: unknown variable \"x\"");
    refused("1 = 2", "1:3: only variables, fields and elements can be assigned to");
    refused("ctx = [:]", "1:5: only variables, fields and elements can be assigned to");
    refused("ctx?.a = 1", "1:8: cannot assign through \"?.\"");
    refused("break", "1:1: \"break\" outside a loop");
    refused("ctx.a.b(1", "1:7: unknown method \"b\"");
    refused("'x'.substring()", "1:5: method \"substring\" takes 1 to 2 arguments, found 0");
    refused("ctx.l.removeIf(x -> { return true })", "1:21: a lambda is one expression here");
    refused("ctx.l.removeIf(5)", "1:16: expected a lambda");
    refused("ctx.l.sort((a, b) -> 1)", "1:13: unknown variable \"a\"");
    refused("ctx.a\nctx.b", "2:1: expected an operator or the end, found \"ctx\"");
    refused("if (true) {", "1:12: expected \"}\", found the end");
    refused("ctx.a # 1", "1:7: unexpected character '#'");
    refused("'abc", "1:1: string without its closing quote");
    refused("/* x", "1:1: comment without its end");
    refused(&format!("{}1", "if (true) ".repeat(70)), "1:645: script is nested deeper than 64");
    refused(&format!("{}1{}", "[".repeat(70), "]".repeat(70)), "1:65: script is nested deeper than 64");
    refused("{ ctx.a }", "1:1: expected a value, found \"{\"");
    refused(&format!("1{}", " + 1".repeat(600)), "1:2055: more than 512 operators");
    let many: String = (0..300).map(|n| format!("def v{n};")).collect();
    refused(&many, "1:2199: more than 256 variables");
}

#[test]
fn deepest_trees_fit_the_stack() {
    let chain = format!("1{}", " + 1".repeat(500));
    gives(&chain, json!(501));
    let nested = format!("{}1{}", "(".repeat(60), ")".repeat(60));
    gives(&nested, json!(1));
    let blocks = format!("int x = 0; {}x++;{} return x", "if (true) { ".repeat(30), "}".repeat(30));
    gives(&blocks, json!(1));
    let arms = format!(
        "if (params.a == 0) return 0; {}else return 9;",
        "else if (params.a == 1) return 1; ".repeat(200)
    );
    gives(&arms, json!(9));
}

#[test]
fn explains_as_elasticsearch_does() {
    let source = "int x = 1;\nreturn ctx._source.list.foo()";
    let error = ScriptError::from(Script::compile(Language::Painless, source, Purpose::Update).unwrap_err());
    assert_eq!(
        error.script_exception(source, "painless"),
        json!({
            "type": "script_exception", "reason": "compile error",
            "script_stack": ["... \nreturn ctx._source.list.foo()", "                             ^---- HERE"],
            "script": source, "lang": "painless",
            "position": {"offset": 35, "start": 10, "end": 40},
            "caused_by": {"type": "illegal_argument_exception", "reason": "unknown method \"foo\""},
        })
    );
    let script = Script::compile(Language::Painless, "1 / params.zero", Purpose::Bucket).unwrap();
    let error = ScriptError::from(script.number(&world(), Limits::default()).unwrap_err());
    let exception = error.script_exception(script.source(), script.language().name());
    assert_eq!(exception["reason"], "runtime error");
    assert_eq!(exception["script_stack"], json!(["1 / params.zero", "  ^---- HERE"]));
    assert_eq!(exception["caused_by"], json!({"type": "arithmetic_exception", "reason": "/ by zero"}));
}

#[test]
fn limits_are_the_callers() {
    let script = Script::compile(
        Language::Painless,
        "int s = 0; for (int i = 0; i < 100; i++) s += i; s",
        Purpose::Field,
    )
    .unwrap();
    assert!(script.value(&world(), Limits { steps: 100, ..Limits::default() }).is_err());
    assert_eq!(script.value(&world(), Limits { steps: 5_000, ..Limits::default() }), Ok(json!(4950)));
    let script = Script::compile(Language::Painless, "'a' + params.s", Purpose::Field).unwrap();
    assert!(script.value(&world(), Limits { memory_bytes: 4, ..Limits::default() }).is_err());
}

/// Expressions of all kinds, most of which run.
fn expression() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        prop::sample::select(vec![
            "null",
            "true",
            "1",
            "2147483647",
            "5L",
            "2.5",
            "1e300",
            "3f",
            "''",
            "'ab'",
            "x",
            "l",
            "m"
        ])
        .prop_map(str::to_owned),
        prop::sample::select(vec![
            "params.list",
            "params.map",
            "params.s",
            "doc['n']",
            "doc['t'].value",
            "doc['p']"
        ])
        .prop_map(str::to_owned),
        any::<i32>().prop_map(|n| format!("{}", i64::from(n).abs())),
    ];
    let operators = vec![
        "+", "-", "*", "/", "%", "==", "!=", "===", "<", ">=", "&&", "||", "&", "|", "^", "<<", ">>", ">>>",
        "?:",
    ];
    let methods = vec![
        "size()",
        "length()",
        "toString()",
        "isEmpty()",
        "get(0)",
        "contains(x)",
        "indexOf(x)",
        "substring(x)",
        "add(x)",
        "add(1, l)",
        "addAll(l)",
        "remove(0)",
        "put('k', x)",
        "keySet()",
        "entrySet()",
        "values()",
        "sort(null)",
        "hashCode()",
        "charAt(x)",
        "splitOnToken('a')",
        "removeIf(i -> i == 1)",
        "collect(i -> [i])",
        "compareTo(x)",
        "hour",
        "value",
        "lat",
        "plusDays(x)",
        "lastIndexOf('a', x)",
        "subList(0, x)",
        "putAll(m)",
        "length",
        "intValue()",
        "replace('a', 'bb')",
    ];
    leaf.prop_recursive(4, 24, 3, move |inner| {
        prop_oneof![
            (inner.clone(), prop::sample::select(operators.clone()), inner.clone())
                .prop_map(|(a, operator, b)| format!("({a}) {operator} ({b})")),
            (inner.clone(), prop::sample::select(operators.clone()), inner.clone())
                .prop_map(|(a, operator, b)| format!("{a} {operator} {b}")),
            (inner.clone(), prop::sample::select(methods.clone()))
                .prop_map(|(a, method)| format!("({a}).{method}")),
            (
                prop::sample::select(vec![
                    "!", "-", "+", "~", "(int)", "(long)", "(String)", "(char)", "(List)"
                ]),
                inner.clone()
            )
                .prop_map(|(operator, a)| format!("{operator}{a}")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a})[{b}]")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("[{a}, {b}]")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("['k': {a}, 'j': {b}]")),
            inner.clone().prop_map(|a| format!("x = {a}")),
            inner.clone().prop_map(|a| format!("l[0] = {a}")),
            inner.clone().prop_map(|a| format!("m.k += {a}")),
            inner.clone().prop_map(|a| format!("Math.max({a}, x)")),
            (inner.clone(), inner.clone(), inner).prop_map(|(a, b, c)| format!("({a}) == null ? {b} : {c}")),
        ]
    })
}

/// Scripts of some statements with loops.
fn script() -> impl Strategy<Value = String> {
    let statement = prop_oneof![
        expression().prop_map(|e| format!("{e};")),
        expression()
            .prop_map(|e| format!("if (({e}) == x) {{ x = 1; }} else if (true) {{ x++; }} else l.add(2);")),
        expression().prop_map(|e| format!("for (i in [1, {e}]) {{ x += i; if (x == 3) continue; }}")),
        expression().prop_map(|e| format!("for (int i = 0; i < 10; i++) {{ m.put('k' + i, {e}); }}")),
        expression().prop_map(|e| format!("while (({e}) != null) {{ x = {e}; }}")),
        expression().prop_map(|e| format!("do {{ l.add({e}); }} while (l.size() < 20);")),
        expression().prop_map(|e| format!("def y = {e}, z = 2;")),
        expression().prop_map(|e| format!("return {e};")),
    ];
    prop::collection::vec(statement, 1..4).prop_map(|statements| {
        format!("def x = 1; def l = [1, 'a']; def m = ['k': 1]; {}", statements.join(" "))
    })
}

/// What Kibana makes of filters by scripted fields.
#[test]
fn functions_of_the_script() {
    let compare = "boolean compare(Supplier s, def v) {return s.get() == v;}";
    gives(&format!("{compare}compare(() -> {{ doc['n'].value * 2 }}, params.a)"), json!(false));
    gives(&format!("{compare}compare(() -> {{ doc['n'].value - 2 }}, params.a)"), json!(true));
    gives(
        &format!(
            "{compare}compare(() -> {{ def x = 1; if (x > 5) {{ return 0; }} return x + params.b }}, 3)"
        ),
        json!(true),
    );
    let range = "boolean gte(Supplier s, def v) {return s.get() >= v} boolean lt(Supplier s, def v) {return s.get() < v}";
    let script = |low: i64, high: i64| {
        format!("{range}gte(() -> {{ doc['n'].value }}, {low}) && lt(() -> {{ doc['n'].value }}, {high})")
    };
    gives(&script(5, 6), json!(true));
    gives(&script(6, 7), json!(false));
    let date = "boolean gte(Supplier s, def v) {return !s.get().toInstant().isBefore(Instant.parse(v))}";
    gives(&format!("{date}gte(() -> {{ doc['t'].value }}, '2026-11-21T00:00:00Z')"), json!(true));
    gives(&format!("{date}gte(() -> {{ doc['t'].value }}, '2026-11-22T00:00:00Z')"), json!(false));
    gives("int twice(int x) { int y = x; return y * 2 } int z = 3; twice(z) + twice(twice(1))", json!(10));
    gives("void nothing(def x) { def y = x } def a = nothing(1); a == null", json!(true));
    gives("def f(Supplier s) { return s.get() + 1 } int n = 4; f(() -> n * 10)", json!(41));
    gives(
        "int f(int x) { for (int i = 0; i < 9; ++i) { if (i == x) { return i } } return -1 } int s = 0; for (int i = 0; i < 3; ++i) { s += f(i) } s",
        json!(3),
    );
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, ..ProptestConfig::default() })]

    #[test]
    fn running_ends_and_never_panics(source in script()) {
        if let Ok(script) = Script::compile(Language::Painless, &source, Purpose::Field) {
            let limits = Limits { steps: 20_000, memory_bytes: 1 << 20 };
            let _ = script.value(&world(), limits);
        }
    }

    #[test]
    fn print_then_parse_is_identity(source in script()) {
        if let Ok(script) = Script::compile(Language::Painless, &source, Purpose::Field) {
            let printed = script.to_string();
            let again = Script::compile(Language::Painless, &printed, Purpose::Field);
            prop_assert_eq!(again.as_ref(), Ok(&script), "{}", printed);
            prop_assert_eq!(again.unwrap().to_string(), printed);
        }
    }

    #[test]
    fn most_made_up_scripts_compile(expression in expression()) {
        let source = format!("def x = 1; def l = [1, 'a']; def m = ['k': 1]; {expression}");
        if let Err(error) = Script::compile(Language::Painless, &source, Purpose::Field) {
            let known = ["only variables", "expected an operator", "unknown", "doc can only be read"];
            prop_assert!(known.iter().any(|reason| error.reason.starts_with(reason)), "{source}: {error}");
        }
    }

    #[test]
    fn any_text_is_read_or_refused(
        source in "(ctx|params|def|for|if|return|int|new|[a-z. ()\\[\\]{}!?:;=<>&|'\"/~0-9é,+*%^-]){0,60}"
    ) {
        for language in [Language::Painless, Language::Expression] {
            if let Ok(script) = Script::compile(language, &source, Purpose::Update) {
                let ctx = json!({"a": 1});
                let members = ctx.as_object().unwrap().iter().map(|(name, value)| (name.as_str(), Member::Value(value)));
                let _ = script.update(members, &Object::new(), Limits { steps: 10_000, memory_bytes: 1 << 20 });
            }
        }
    }

    #[test]
    fn any_bytes_are_read_or_refused(source in "\\PC{0,80}") {
        for language in [Language::Painless, Language::Expression] {
            let _ = Script::compile(language, &source, Purpose::Update);
        }
    }

    #[test]
    fn sums_are_javas(a in any::<i32>(), b in any::<i32>()) {
        let params = json!({"a": a, "b": b});
        let world = World { params: params.as_object().unwrap().clone(), ..World::default() };
        let value = |source: &str| {
            Script::compile(Language::Painless, source, Purpose::Bucket).unwrap().value(&world, Limits::default())
        };
        prop_assert_eq!(value("params.a + params.b"), Ok(json!(a.wrapping_add(b))));
        prop_assert_eq!(value("params.a * params.b"), Ok(json!(a.wrapping_mul(b))));
        prop_assert_eq!(value("(long) params.a * params.b"), Ok(json!(i64::from(a) * i64::from(b))));
        if b != 0 {
            prop_assert_eq!(value("params.a / params.b"), Ok(json!(a.wrapping_div(b))));
            prop_assert_eq!(value("params.a % params.b"), Ok(json!(a.wrapping_rem(b))));
        }
    }
}
