use super::super::super::{Framing, Limits, Peeked, Records, Resume};
use super::*;
use proptest::prelude::*;

fn sniff(text: &str) -> Option<Csv> {
    Csv::sniff(text.as_bytes(), true, &Limits::default())
}

fn read(text: &str) -> Vec<String> {
    let source = Peeked::new(text.as_bytes()).unwrap();
    let encoding = crate::decode::sniff_text(source.sample()).unwrap();
    let mut records =
        Records::open(source, encoding, Resume::default(), &Limits::default(), &Framing::Table).unwrap();
    let mut found = Vec::new();
    while let Some(record) = records.next().unwrap() {
        found.push(String::from_utf8_lossy(record.bytes).into_owned());
    }
    found
}

#[test]
fn tables_are_told_from_text() {
    let check = |text: &str, expected: Option<(u8, bool, usize)>| {
        let found = sniff(text).map(|table| (table.delimiter, table.has_header, table.columns.len()));
        assert_eq!(found, expected, "{text}");
    };
    check("id,total\n1,9.5\n2,3\n", Some((b',', true, 2)));
    check("id\ttotal\n1\t9.5\n2\t3\n", Some((b'\t', true, 2)));
    check("id;name;total\n1;a, b;9,5\n2;c, d;3\n", Some((b';', true, 3)));
    check("id|name\n1|a\n", Some((b'|', true, 2)));
    check("name,city,note\na,b,c\nd,e,f\n", Some((b',', true, 3)));
    check("1,2026-11-21,9.5,x\n2,2026-11-22,3,y\n3,2026-11-23,4,z\n", Some((b',', false, 4)));
    // Logs that happen to have commas.
    check(
        "2026-11-21 10:00:00,123 INFO a\n2026-11-21 10:00:01,456 INFO b\n2026-11-21 10:00:02,000 WARN c\n",
        None,
    );
    check(
        "2026-11-21 10:00:00,123 INFO took 5 ms, user 7\n2026-11-21 10:00:01,456 INFO took 6 ms, user 8\n2026-11-21 10:00:02,000 WARN took 7 ms, user 9\n",
        None,
    );
    check("Starting, please wait\nStarted, good\nHello, world\n", None);
    check("{\"a\": 1, \"b\": 2}\n{\"a\": 1, \"b\": 2}\n", None);
    check("one line, only\n", None);
    check("", None);
}

#[test]
fn rows_become_objects() {
    let text = "\u{feff}id,Name,\"the \"\"note\"\"\",ok,zip,created_at\r\n\
                1,\"Smith, J\",\"two\r\nlines\",true,01234,2026-11-21 10:00:00\r\n\
                2,,x,no,99999,2026-11-22 10:00:00,more\r\n\
                x,y\r\n";
    let expected = [
        r#"{"id":"1","Name":"Smith, J","the \"note\"":"two\nlines","ok":"true","zip":"01234","@timestamp":"2026-11-21T10:00:00Z","created_at":"2026-11-21 10:00:00"}"#,
        r#"{"id":"2","the \"note\"":"x","ok":"no","zip":"99999","@timestamp":"2026-11-22T10:00:00Z","created_at":"2026-11-22 10:00:00","column7":"more"}"#,
        r#"{"id":"x","Name":"y"}"#,
    ];
    let mut text = text.to_owned();
    // One odd row in ten is borne.
    for number in 3..23 {
        text.push_str(&format!("{number},a,b,true,12345,2026-11-21 10:00:00\r\n"));
    }
    assert_eq!(read(&text)[..3], expected);
}

#[test]
fn cells_are_what_their_columns_are() {
    let rows = read(
        "id;ip;price;paid;time\n1;192.0.2.1;9,50;true;21.11.2026 10:00\n2;192.0.2.2;3;FALSE;22.11.2026 10:00\n",
    );
    assert_eq!(
        rows[0],
        r#"{"id":1,"ip":"192.0.2.1","price":9.5,"paid":true,"@timestamp":"2026-11-21T10:00:00Z"}"#
    );
    assert_eq!(
        rows[1],
        r#"{"id":2,"ip":"192.0.2.2","price":3.0,"paid":false,"@timestamp":"2026-11-22T10:00:00Z"}"#
    );
    // Beyond what was sniffed, a cell may be anything.
    let mut text = String::from("id,total\n");
    for number in 0..300 {
        text.push_str(&format!("{number},1.5\n"));
    }
    text.push_str("odd,none\n");
    assert_eq!(read(&text).last().unwrap(), r#"{"id":"odd","total":"none"}"#);
    let headless = read("1,2026-11-21,9.5,x\n2,2026-11-22,3,y\n3,2026-11-23,4,z\n");
    assert_eq!(headless[0], r#"{"column1":1,"column2":"2026-11-21","column3":9.5,"column4":"x"}"#);
}

#[test]
fn a_quote_that_is_never_closed_costs_its_row_only() {
    let mut text = String::from("id,note\n1,\"open\n");
    for number in 2..20 {
        text.push_str(&format!("{number},x\n"));
    }
    let rows = read(&text);
    assert_eq!(rows.len(), 19);
    assert_eq!(rows[0], r#"{"id":1,"note":"\"open"}"#);
    assert_eq!(rows[18], r#"{"id":19,"note":"x"}"#);
}

proptest! {
    #[test]
    fn what_is_written_is_read(rows in prop::collection::vec(prop::collection::vec("[a-z\",; \n]{1,6}", 3), 1..12)) {
        let quoted = |cell: &String| format!("\"{}\"", cell.replace('"', "\"\""));
        let mut text = String::from("first,second,third,number\n");
        for row in &rows {
            text.push_str(&row.iter().map(quoted).collect::<Vec<_>>().join(","));
            text.push_str(",1\n");
        }
        let found = read(&text);
        prop_assert_eq!(found.len(), rows.len());
        for (object, row) in found.iter().zip(&rows) {
            let object: serde_json::Value = serde_json::from_str(object).unwrap();
            for (name, cell) in ["first", "second", "third"].iter().zip(row) {
                let expected = if cell.trim().is_empty() { None } else { Some(cell.as_str()) };
                prop_assert_eq!(object.get(*name).and_then(|value| value.as_str()), expected);
            }
        }
    }

    #[test]
    fn any_text_is_read(text in "[a-z0-9\",;|\t\n]{0,200}") {
        for object in read(&text) {
            if object.starts_with('{') {
                serde_json::from_str::<serde_json::Value>(&object).unwrap();
            }
        }
    }
}

#[test]
fn cells_beyond_the_columns_are_few_fields_with_names_of_their_own() {
    let mut text = String::from("id,column3\n1,a,b\n");
    for number in 2..30 {
        text.push_str(&format!("{number},x\n"));
    }
    assert_eq!(read(&text)[0], r#"{"id":1,"column3":"a","column3_2":"b"}"#);
    text.push_str(&format!("30,{}\n", vec!["y"; 500].join(",")));
    let object: serde_json::Value = serde_json::from_str(read(&text).last().unwrap()).unwrap();
    assert_eq!(object.as_object().unwrap().len(), 18);
    assert_eq!(object["column18"].as_str().unwrap().len(), 2 * 500 - 2 * 16 - 1);
}
