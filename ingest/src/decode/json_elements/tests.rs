use super::*;
use crate::decode::source::testing::Pieces;
use proptest::prelude::*;
use serde_json::Value;

fn small() -> Limits {
    Limits { record_max_bytes: 64, record_kept_bytes: 8, ..Limits::default() }
}

type Element = (u64, u64, String, u64);

fn read(source: impl Source, in_array: bool, limits: &Limits) -> (Vec<Element>, Option<String>) {
    let mut elements = JsonElements::new(source, in_array, (0, 0, false), limits);
    let mut all = Vec::new();
    loop {
        match elements.next() {
            Ok(Some(found)) => {
                let text = String::from_utf8_lossy(found.bytes).into_owned();
                all.push((found.offset, found.line, text, found.length));
            }
            Ok(None) => return (all, None),
            Err(error) => return (all, Some(error.to_string())),
        }
    }
}

#[test]
fn elements_are_cut_out() {
    let check = |text: &str, in_array: bool, expected: &[(u64, u64, &str)], error: Option<&str>| {
        let (found, failed) = read(text.as_bytes(), in_array, &Limits::default());
        let found: Vec<_> = found.iter().map(|(at, line, text, _)| (*at, *line, text.as_str())).collect();
        assert_eq!(found, expected, "{text:?}");
        match (failed, error) {
            (None, None) => {}
            (Some(failed), Some(part)) => assert!(failed.contains(part), "{failed:?} has no {part:?}"),
            (failed, _) => panic!("{text:?}: {failed:?} instead of {error:?}"),
        }
    };
    check("[]", true, &[], None);
    check(" [ ] \n", true, &[], None);
    check("[{\"a\":1},{\"b\":[2,{}]}]", true, &[(1, 1, "{\"a\":1}"), (9, 1, "{\"b\":[2,{}]}")], None);
    check("[\n {},\n {}\n]\n", true, &[(3, 2, "{}"), (8, 3, "{}")], None);
    check(
        "[1, \"a,]\\\"\", null,[2]]",
        true,
        &[(1, 1, "1"), (4, 1, "\"a,]\\\"\""), (13, 1, "null"), (18, 1, "[2]")],
        None,
    );
    check("[{\"a\":\"}]\\\\\"}]", true, &[(1, 1, "{\"a\":\"}]\\\\\"}")], None);
    check("[{}", true, &[(1, 1, "{}")], Some("no end"));
    check("[{},", true, &[(1, 1, "{}")], Some("no end"));
    check("[{},{\"a\":", true, &[(1, 1, "{}")], Some("no end"));
    check("[{} {}]", true, &[(1, 1, "{}")], Some("expected `,` or `]`, found '{'"));
    check("[{},]", true, &[(1, 1, "{}")], Some("expected a value"));
    check("[{}] x", true, &[(1, 1, "{}")], Some("expected nothing more"));
    check("{\n\"a\":1}\n{} 7", false, &[(0, 1, "{\n\"a\":1}"), (9, 3, "{}"), (12, 3, "7")], None);
}

#[test]
fn too_long_elements_are_cut_and_the_next_is_whole() {
    let text = format!("[{{\"a\":\"{}\"}},{{\"b\":1}}]", "x".repeat(500));
    let (found, failed) = read(text.as_bytes(), true, &small());
    assert_eq!(failed, None);
    assert_eq!(found[0], (1, 1, "{\"a\":\"xx".into(), 508));
    assert_eq!(found[1].2, "{\"b\":1}");
}

#[test]
fn reading_goes_on_behind_any_element() {
    let text = "[ {\"a\":1} ,\n{\"b\":2}\n, {\"c\":[3]} ]";
    let limits = Limits::default();
    let (whole, _) = read(text.as_bytes(), true, &limits);
    let mut first = JsonElements::new(text.as_bytes(), true, (0, 0, false), &limits);
    for taken in 1..=whole.len() {
        first.next().unwrap();
        let (offset, line) = first.position();
        let tail = &text.as_bytes()[offset as usize..];
        let mut rest = JsonElements::new(tail, true, (offset, line, true), &limits);
        for expected in &whole[taken..] {
            let found = rest.next().unwrap().unwrap();
            assert_eq!((found.offset, found.line), (expected.0, expected.1));
        }
        assert!(rest.next().unwrap().is_none());
    }
}

fn json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        "[a-z\"\\\\{}\\[\\],\n é]{0,8}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("[a-c\"]{1,2}", inner, 0..4)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn elements_of_an_array_are_read_back(
        values in prop::collection::vec(json(), 0..6),
        pretty: bool,
        sizes in prop::collection::vec(1..9_usize, 1..4),
    ) {
        let array = Value::from(values.clone());
        let text = if pretty { serde_json::to_string_pretty(&array) } else { serde_json::to_string(&array) }.unwrap();
        let (found, failed) = read(Pieces::new(text.as_bytes(), &sizes), true, &Limits::default());
        prop_assert_eq!(failed, None);
        let back: Vec<Value> = found.iter().map(|found| serde_json::from_str(&found.2).unwrap()).collect();
        prop_assert_eq!(back, values);
    }

    #[test]
    fn any_bytes_in_any_pieces_read_the_same(
        bytes in prop::collection::vec(prop::sample::select(b"[]{},:\"\\a1 \n\xff".to_vec()), 0..200),
        sizes in prop::collection::vec(1..40_usize, 1..4),
        in_array: bool,
    ) {
        let whole = read(bytes.as_slice(), in_array, &small());
        prop_assert_eq!(read(Pieces::new(&bytes, &sizes), in_array, &small()), whole);
    }
}
