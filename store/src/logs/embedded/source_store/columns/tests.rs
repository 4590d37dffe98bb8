//! Single columns: each form is taken where it fits, and says the same when it is read.

use super::{
    buffers::{Content, Packed, Press, Unpacker},
    column::{self, Column},
    cuts::{Cut, To, cut_words},
    numbers,
    times::Shape,
};
use proptest::prelude::*;

fn round_trip(texts: &[Vec<u8>]) -> (Column, usize) {
    let texts: Vec<&[u8]> = texts.iter().map(Vec::as_slice).collect();
    let packed = column::pack(&texts, true, &mut Press::new().unwrap());
    let bytes: usize = texts.iter().map(|text| text.len()).sum();
    let mut input = Unpacker::new(&packed.head, &packed.body, bytes).unwrap();
    let column = Column::unpack(texts.len(), 1, &mut input).unwrap();
    assert!(input.is_done());
    for (at, text) in texts.iter().enumerate() {
        let mut found = Vec::new();
        column.write(at, None, &mut found).unwrap();
        assert_eq!(found, *text, "text {at}");
    }
    assert!(
        column.write(texts.len(), None, &mut Vec::new()).is_err() || matches!(column, Column::Constant(_))
    );
    (column, packed.cost())
}

#[test]
fn each_form_is_taken_where_it_fits() {
    let random = |n: u64| n.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let check = |name: &str, text: &dyn Fn(u64) -> String, max_bytes: f64, expected: fn(&Column) -> bool| {
        let texts: Vec<Vec<u8>> = (0..2_000).map(|n| text(n).into_bytes()).collect();
        let (column, cost) = round_trip(&texts);
        let each = cost as f64 / texts.len() as f64;
        assert!(expected(&column), "{name}: {column:?}");
        assert!(each <= max_bytes, "{name}: {each} bytes each");
    };
    check("constant", &|_| "shop".to_owned(), 0.1, |column| matches!(column, Column::Constant(_)));
    check("sizes", &|n| (random(n) >> 48).to_string(), 2.2, |column| matches!(column, Column::Decimals(_)));
    check("times", &|n| format!("2026-11-20T10:{:02}:{:02}.000Z", n / 60, n % 60), 0.2, |column| {
        matches!(column, Column::Times(..))
    });
    check("digests", &|n| format!("{:016x}", random(n)), 8.1, |column| matches!(column, Column::Shaped(_)));
    check("ids", &|n| format!("Zk3q_a{n:06x}"), 0.1, |column| matches!(column, Column::Shaped(_)));
    check("methods", &|n| ["GET", "POST"][(random(n) >> 63) as usize].to_owned(), 0.2, |column| {
        matches!(column, Column::Dictionary(_))
    });
    check("addresses", &|n| format!("198.18.{}.{}", random(n) >> 62, random(n) >> 50 & 255), 1.5, |column| {
        matches!(column, Column::Split(_))
    });
}

#[test]
fn times_are_read_only_as_they_are_written() {
    let check = |text: &str, is_time: bool| {
        let shape = Shape::of(text.as_bytes());
        assert_eq!(shape.is_some(), is_time, "{text}");
        if let Some(shape) = shape {
            let mut printed = Vec::new();
            shape.print(shape.parse(text.as_bytes()).unwrap(), &mut printed).unwrap();
            assert_eq!(String::from_utf8(printed).unwrap(), text);
        }
    };
    for text in [
        "2026-11-20T10:00:00.123Z",
        "2026-11-20 10:00:00",
        "2024-02-29T23:59:59.999999999+01:00",
        "9999-12-31T23:59:59.9Z",
        "2000-02-29T00:00:00Z",
        "1900-03-01T00:00:00Z",
        "1600-01-01T00:00:00.000Z",
        "2026-11-20T10:00:00,5Z",
    ] {
        check(text, true);
    }
    for text in [
        "",
        "2026-11-20",
        "2026-02-29T00:00:00Z",
        "2026-00-01T00:00:00Z",
        "2026-01-00T00:00:00Z",
        "2026-01-01T24:00:00Z",
        "2026-01-01T00:60:00Z",
        "2026-01-01T00:00:60Z",
        "0000-01-01T00:00:00Z",
        "9999-01-01T00:00:00.000000001Z",
        "+026-01-01T00:00:00Z",
        "2026-01-01T00:00:00.1234567890Z",
        "2026-01-01T00:00:00.123Zone of nowhere",
    ] {
        check(text, false);
    }
    let shape = Shape::of(b"2026-11-20T10:00:00Z").unwrap();
    assert_eq!(shape.print(u64::MAX, &mut Vec::new()), None);
}

#[test]
fn words_are_cut_where_they_vary() {
    let text = b"GET /a/1 answered 200 in 5ms: user=\"ann 7\"";
    let mut cuts = Vec::new();
    cut_words(text, |word| (word == b"200").then_some(9), &mut cuts);
    let found: Vec<(&[u8], To)> =
        cuts.iter().map(|Cut { start, end, to }| (&text[*start..*end], *to)).collect();
    let column = To::Column;
    let expected: [(&[u8], To); 4] =
        [(b"/a/1", column(2)), (b"200", To::Copy(9)), (b"5ms", column(6)), (b"7", column(9))];
    assert_eq!(found, expected);
}

#[test]
fn lengths_that_cannot_be_are_refused() {
    let mut packed = Packed::default();
    packed.buffer(&vec![b'a'; 100_000], Content::Text, &mut Press::new().unwrap());
    assert!(Unpacker::new(&packed.head, &packed.body, 100_000).unwrap().buffer().is_ok());
    // A block whose documents take next to nothing has no such buffer.
    let mut numbers = Packed::default();
    numbers.number(1 << 40);
    assert!(Unpacker::new(&numbers.head, &[], 10).unwrap().buffer().is_err());
    let planes = numbers::pack(&(0..1_000).collect::<Vec<u64>>(), &mut Press::new().unwrap());
    let mut input = Unpacker::new(&planes.head, &planes.body, 1_000).unwrap();
    assert!(numbers::unpack(1_001, &mut input).is_err());
}

proptest! {
    #[test]
    fn numbers_come_back(numbers in prop::collection::vec(any::<u64>(), 0..300), low in 0_u32..64) {
        let numbers: Vec<u64> = numbers.iter().map(|number| number >> low).collect();
        let mut sorted = numbers.clone();
        sorted.sort_unstable();
        for numbers in [numbers, sorted] {
            let packed = numbers::pack(&numbers, &mut Press::new().unwrap());
            let mut input = Unpacker::new(&packed.head, &packed.body, 1 << 20).unwrap();
            let read = numbers::unpack(numbers.len(), &mut input).unwrap();
            for (at, number) in numbers.iter().enumerate() {
                prop_assert_eq!(read.get(at), Ok(*number));
            }
            prop_assert!(read.get(numbers.len()).is_err());
        }
    }

    #[test]
    fn columns_come_back(texts in prop::collection::vec("[0-9a-f/. -]{0,8}", 0..200)) {
        round_trip(&texts.into_iter().map(String::into_bytes).collect::<Vec<_>>());
    }
}
