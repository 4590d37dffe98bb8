//! Files of documents, as a whole: every byte comes back, and damage is noticed.

use super::{
    bytes::{Damaged, Input},
    cache::Block,
    columns::{self, Packer},
    record::{Record, Records},
    rows::{self, Rows},
    writer::{ColumnsWriter, RowsWriter},
};
use proptest::prelude::*;
use std::{fmt::Write as _, fs, path::PathBuf};

fn record<'a>(id: &'a [u8], source: &'a [u8]) -> Record<'a> {
    Record { id, routing: None, source: Some(source) }
}

fn numbered(texts: &[Vec<u8>]) -> Vec<(Vec<u8>, Vec<u8>)> {
    texts.iter().enumerate().map(|(at, text)| (format!("id-{at:07}").into_bytes(), text.clone())).collect()
}

/// The blocks of a file, without the checks of its reader.
fn blocks(file: &[u8]) -> Vec<(u8, &[u8])> {
    let footer = &file[file.len() - 12..];
    let count = u32::from_le_bytes(footer[..4].try_into().unwrap()) as usize;
    let index = &file[file.len() - 12 - count * 12..file.len() - 12];
    let mut starts: Vec<usize> =
        index.chunks(12).map(|entry| u64::from_le_bytes(entry[4..].try_into().unwrap()) as usize).collect();
    starts.push(file.len() - 12 - count * 12);
    starts.windows(2).map(|ends| (file[ends[0] + 4], &file[ends[0] + 5..ends[1]])).collect()
}

fn unpack(form: u8, block: &[u8]) -> Result<Block, Damaged> {
    Ok(if form == 0 {
        Block::Rows(Rows::unpack(block)?)
    } else {
        Block::Columns(columns::Block::unpack(block)?)
    })
}

/// Everything that can be read of a block.
fn read(form: u8, block: &[u8]) -> Result<Vec<Vec<u8>>, Damaged> {
    let block = unpack(form, block)?;
    let mut text = Vec::new();
    let row = |at| {
        let mut row = Vec::new();
        block.record(at, &mut text)?.put(&mut row);
        Ok(row)
    };
    (0..block.len()).map(row).collect()
}

/// Writes the documents in both forms and reads them back; answers the sizes of rows and columns, and the columns' file.
fn check(texts: &[Vec<u8>]) -> (usize, usize, Vec<u8>) {
    let documents = numbered(texts);
    let mut rows = RowsWriter::new(Vec::new()).unwrap();
    let mut columns = ColumnsWriter::new(Vec::new()).unwrap();
    for (id, text) in &documents {
        rows.push(&record(id, text)).unwrap();
        columns.push(&record(id, text)).unwrap();
    }
    let (rows, columns) = (rows.finish().unwrap(), columns.finish().unwrap());
    for file in [&rows, &columns] {
        let found: Vec<Vec<u8>> =
            blocks(file).into_iter().flat_map(|(form, block)| read(form, block).unwrap()).collect();
        assert_eq!(found.len(), documents.len());
        for ((id, text), found) in documents.iter().zip(&found) {
            assert_eq!(Record::take(&mut Input(found)), Ok(record(id, text)));
        }
    }
    (rows.len(), columns.len(), columns)
}

fn fixture(name: &str) -> Vec<Vec<u8>> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../fixtures").join(name);
    let text = fs::read_to_string(path).unwrap();
    text.lines().map(|line| line.as_bytes().to_vec()).collect()
}

#[test]
fn columns_are_much_smaller_than_rows() {
    let check = |name: &str, texts: Vec<Vec<u8>>, percent: usize| {
        let (rows, columns, _) = check(&texts);
        assert!(columns * 100 < rows * percent, "{name}: {columns} bytes in columns, {rows} in rows");
    };
    let access = fixture("access.log").into_iter().map(|line| {
        serde_json::to_vec(&serde_json::json!({"message": String::from_utf8(line).unwrap()})).unwrap()
    });
    check("access", access.collect(), 60);
    check("behaviour", fixture("behaviour.ndjson"), 50);
    check("devices", fixture("devices.ndjson"), 50);
    check("performance", fixture("performance.ndjson"), 70);
}

#[test]
fn hostile_documents_come_back_byte_for_byte() {
    let nested = |depth: usize| [b"[".repeat(depth), b"]".repeat(depth)].concat();
    let many = |of: &str| format!("[{}]", vec![of; 5_000].join(",")).into_bytes();
    let templates = (0..10_000).map(|n| format!(r#"{{"field-{n}":{n},"x{}":"a"}}"#, n * 7));
    check(&templates.map(String::into_bytes).collect::<Vec<_>>());
    let noise: Vec<u8> = (0..1_u32 << 20).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    let huge = format!(r#"{{"text":"{}"}}"#, "one two 3 four ".repeat(70_000)).into_bytes();
    let odd: Vec<Vec<u8>> = [
        &b""[..],
        b"{",
        b"}",
        b"\"",
        b"\"\\",
        b"\\",
        b"{\"a\":\"\\\"",
        b"\xff\xfe\x00",
        b"{\"a\":1,\"a\":2}",
        b"null",
        b"{\"n\":123456789012345678901234567890,\"m\":-0.0,\"o\":1e999,\"p\":007,\"q\":00}",
        br#"{"a":"\u00e9\\\"","b":"\\","c":"x\"y","d":"2026-02-30T10:00:00Z","e":"2026-13-01 10:00:00"}"#,
        b" { \"a\" : [ 1 , \"two\" , { \"b\" : null } ] } ",
        b"0123456789",
        b"18446744073709551616",
        b"{\"a\":\"2026-11-20T10:00:00.123Z\"}",
        b"{\"a\":\"0000-01-01T00:00:00.000Z\"}",
    ]
    .iter()
    .map(|text| text.to_vec())
    .collect();
    let mut all = odd.clone();
    all.extend([noise, huge, nested(5_000), many("1"), many("\"x\""), many("{\"a\":1}")]);
    check(&all);
    for text in &odd {
        check(&vec![text.clone(); 100]);
    }
    check(&[]);
}

#[test]
fn messages_share_what_other_values_say() {
    let texts: Vec<Vec<u8>> = (0..5_000_u32)
        .map(|n| {
            let random = n.wrapping_mul(2_654_435_761);
            let (status, bytes) = ([200, 404, 500][n as usize % 3], random % 50_000);
            let mut text = String::new();
            write!(text, r#"{{"status":{status},"bytes":{bytes},"again":{bytes},"message":"#).unwrap();
            write!(text, r#""answered {status} with {bytes} bytes, session {random:08x}"}}"#).unwrap();
            text.into_bytes()
        })
        .collect();
    let (.., file) = check(&texts);
    // Two bytes of size, four of session, half a byte of status, next to nothing for ids.
    assert!(file.len() < texts.len() * 8, "{} bytes a document", file.len() as f64 / texts.len() as f64);
}

#[test]
fn routing_and_missing_text_are_kept() {
    let parts = |id: &'static [u8], routing: Option<&'static str>, source: Option<&'static str>| Record {
        id,
        routing: routing.map(str::as_bytes),
        source: source.map(str::as_bytes),
    };
    let parts = [
        parts(b"1", None, None),
        parts(b"", Some(""), Some("")),
        parts(b"2", Some("user"), None),
        parts(b"3", Some("user"), Some("{\"a\":1}")),
        parts(b"", None, Some("{\"a\":1}")),
        parts(b"\xff", Some("\0"), Some("\u{1}")),
    ];
    let records: Vec<Record<'_>> = (0..60).map(|n| parts[n % parts.len()]).collect();
    let mut columns = ColumnsWriter::new(Vec::new()).unwrap();
    records.iter().for_each(|record| columns.push(record).unwrap());
    let file = columns.finish().unwrap();
    let found: Vec<Vec<u8>> =
        blocks(&file).into_iter().flat_map(|(form, block)| read(form, block).unwrap()).collect();
    assert_eq!(found.iter().map(|row| Record::take(&mut Input(row)).unwrap()).collect::<Vec<_>>(), records);
    assert!(Record { id: b"\xff", ..Record::default() }.to_document().is_err());
}

fn json() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        any::<i64>().prop_map(|number| number.to_string()),
        any::<f64>().prop_map(|number| number.to_string()),
        "[a-z ]{0,12}".prop_map(|text| format!("\"{text}\"")),
        "[0-9a-f]{16}".prop_map(|text| format!("\"{text}\"")),
        "20[0-9]{2}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:[0-5][0-9](\\.[0-9]{1,9})?Z?"
            .prop_map(|text| format!("\"{text}\"")),
        "(GET|POST) /[a-z]{1,3}/[0-9]{1,4} [0-9]{3} id=[0-9]{1,3}[,;.] \\\\\"q\\\\\""
            .prop_map(|text| format!("\"{text}\"")),
        Just("null".to_owned()),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(|values| format!("[{}]", values.join(","))),
            prop::collection::vec(("[a-c]", inner), 0..4).prop_map(|members| {
                let members: Vec<String> =
                    members.iter().map(|(name, value)| format!("\"{name}\":{value}")).collect();
                format!("{{{}}}", members.join(", "))
            }),
        ]
    })
}

fn packed(texts: &[String]) -> Option<Vec<u8>> {
    let mut records = Records::default();
    for (at, text) in texts.iter().enumerate() {
        records.push(&record(at.to_string().as_bytes(), text.as_bytes()));
    }
    Packer::new().unwrap().pack(&records)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn any_bytes_come_back(texts in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 0..60)) {
        check(&texts);
    }

    #[test]
    fn any_json_comes_back(texts in prop::collection::vec(json(), 1..12), times in 1_usize..30) {
        let texts: Vec<Vec<u8>> = texts.iter().cycle().take(texts.len() * times).map(|text| text.clone().into_bytes()).collect();
        check(&texts);
    }

    #[test]
    fn damaged_blocks_are_errors(
        texts in prop::collection::vec(json(), 1..6),
        flips in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        cut in any::<Option<prop::sample::Index>>(),
    ) {
        let texts: Vec<String> = texts.iter().cycle().take(60).cloned().collect();
        let Some(mut block) = packed(&texts) else { return Ok(()) };
        for (at, byte) in flips {
            let at = at.index(block.len());
            block[at] = byte;
        }
        block.truncate(cut.map_or(block.len(), |cut| cut.index(block.len())));
        // Whatever it says now, it is read or refused. Checksums are not asked here.
        let _ = read(1, &block);
        let _ = read(0, &block);
    }

    #[test]
    fn noise_is_an_error(noise in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = read(1, &noise);
        let _ = read(0, &rows::pack(&noise, None));
        let _ = read(0, &noise);
    }
}
