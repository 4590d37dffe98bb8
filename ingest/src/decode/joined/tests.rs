use super::super::{Encoding, Framing, Peeked, Records, Resume, source::testing::Pieces};
use super::*;
use proptest::prelude::*;
use std::sync::Arc;

type Found = (String, u64, u64);

fn read(text: &[u8], framing: &Framing, resume: Resume, sizes: &[usize]) -> (Vec<Found>, Vec<Resume>) {
    let limits = Limits { record_max_bytes: 1_000, record_kept_bytes: 20, ..Limits::default() };
    let source = Peeked::new(Pieces::new(text, sizes)).unwrap();
    let mut records = Records::open(source, Encoding::Utf8 { mark: 0 }, resume, &limits, framing).unwrap();
    let (mut found, mut positions) = (Vec::new(), Vec::new());
    while let Some(record) = records.next().unwrap() {
        found.push((String::from_utf8_lossy(record.bytes).into_owned(), record.offset, record.line));
        positions.push(records.position());
    }
    (found, positions)
}

fn check(text: &str, framing: &Framing, expected: &[&str]) {
    let (found, _) = read(text.as_bytes(), framing, Resume::default(), &[7]);
    let texts: Vec<&str> = found.iter().map(|(text, ..)| text.as_str()).collect();
    assert_eq!(texts, expected);
    for (record, offset, line) in &found {
        let first = record.lines().next().unwrap();
        let text_at = &text[usize::try_from(*offset).unwrap()..];
        assert!(text_at.starts_with(first), "{record:?} at byte {offset}");
        let line_at = text.lines().nth(usize::try_from(*line).unwrap() - 1);
        assert!(line_at.is_some_and(|line| line.starts_with(first)), "{record:?} in line {line}");
    }
}

#[test]
fn traces_follow_the_line_with_the_time() {
    let java = "2026-11-21 10:00:00,123 ERROR [main] Cart - failed\njava.lang.IllegalStateException: no stock\n\
                \tat shop.Cart.add(Cart.java:12)\n\t... 7 more\nCaused by: java.io.IOException: x\n\n\
                2026-11-21 10:00:01,000 INFO next\r\n";
    let first = "2026-11-21 10:00:00,123 ERROR [main] Cart - failed\njava.lang.IllegalStateException: no stock\n\
                 \tat shop.Cart.add(Cart.java:12)\n\t... 7 more\nCaused by: java.io.IOException: x";
    check(java, &Framing::Traces, &[first, "2026-11-21 10:00:01,000 INFO next"]);
    check("a\nb\n c\n", &Framing::Traces, &["a", "b", " c"]);
}

#[test]
fn traces_without_times_are_joined_by_what_they_look_like() {
    let whole =
        |text: &str| check(&format!("before\n{text}\nafter\n"), &Framing::Traces, &["before", text, "after"]);
    whole(
        "java.lang.IllegalStateException: no\n\tat a.B.c(B.java:1)\n\t... 3 more\nCaused by: x.Y: z\n\tat q.r(S.java:2)",
    );
    whole("Error: no\n    at cart (/srv/cart.js:3:9)\n    at node:internal/main {\n  code: 'E'\n}");
    whole(
        "System.Exception: no ---> System.IO.IOException: x\n   at A.B()\n   --- End of inner exception stack trace ---\n   at C.D() in C:\\a.cs:line 3",
    );
    whole("app.rb:3:in `total': no stock (RuntimeError)\n\tfrom app.rb:7:in `<main>'");
    whole(
        "PHP Fatal error:  Uncaught Exception: x in /srv/a.php:3\nStack trace:\n#0 /srv/b.php(2): f()\n#1 {main}\n  thrown in /srv/a.php on line 3",
    );
    whole(
        "panic: no stock\n\ngoroutine 1 [running]:\nmain.total(0x1)\n\t/srv/main.go:8 +0x1d\nmain.main()\n\t/srv/main.go:4 +0x1\nexit status 2",
    );
    let python = "failed\nTraceback (most recent call last):\n  File \"a.py\", line 3, in f\n    total()\nValueError: no\n\n\
                  During handling of the above exception, another exception occurred:\n\nTraceback (most recent call last):\n  File \"a.py\", line 9, in g\n    f()\nshop.errors.OutOfStock: no";
    whole(python);
    check(
        "one\n  indented list\n  of things\ntwo\n",
        &Framing::Traces,
        &["one", "  indented list", "  of things", "two"],
    );
    check(
        "panic: a\n\ngoroutine 1 [running]:\npanic: b\n",
        &Framing::Traces,
        &["panic: a\n\ngoroutine 1 [running]:", "panic: b"],
    );
}

#[test]
fn records_begin_where_the_pipeline_says() {
    let framing = Framing::Starts(Arc::new(|line: &str| line.starts_with("BEGIN")));
    check("x\ny\nBEGIN 1\na\n\n b\nBEGIN 2\n", &framing, &["x\ny", "BEGIN 1\na\n\n b", "BEGIN 2"]);
}

#[test]
fn a_record_has_bounds() {
    let framing = Framing::Starts(Arc::new(|line: &str| line.starts_with("BEGIN")));
    let line = "x".repeat(400);
    let text = format!("BEGIN\n{line}\n{line}\n{line}\n");
    check(&text, &framing, &[&format!("BEGIN\n{line}\n{line}"), &line]);
    let long = "y".repeat(3_000);
    check(&format!("BEGIN\n{long}\nz\n"), &framing, &["BEGIN", &long[..20], "z"]);
    check(&format!("BEGIN\n{}z\n", "\n".repeat(40)), &framing, &["BEGIN", "z"]);
}

#[test]
fn what_came_before_a_cut_is_kept() {
    let limits = Limits::default();
    let framing = Framing::Traces;
    struct Cut<'a>(&'a [u8]);
    impl Source for Cut<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> Result<usize, DecodeError> {
            match self.0.read(buffer)? {
                0 => Err(DecodeError::Truncated("cut".into())),
                count => Ok(count),
            }
        }
    }
    let source = Peeked::new(Cut(b"a\n\tat x\nbroken")).unwrap();
    let mut records =
        Records::open(source, Encoding::Utf8 { mark: 0 }, Resume::default(), &limits, &framing).unwrap();
    assert_eq!(records.next().unwrap().unwrap().bytes, b"a\n\tat x");
    assert!(records.next().is_err());
    assert_eq!(records.rest().unwrap().bytes, b"broken");
}

#[test]
fn quotes_that_are_never_closed_do_not_make_lines_be_read_again_and_again() {
    // Wherever reading begins, the end of such a line is inside of quotes.
    let lines = 5_000;
    let text = "9,x\",\"open\n".repeat(lines);
    let limits = Limits::default();
    let mut joined = Joined::new(Lines::new(text.as_bytes(), 0, 0, &limits), JoinRule::Quotes(b','), &limits);
    let mut records = 0;
    while let Some(record) = joined.next().unwrap() {
        assert_eq!(record.bytes, b"9,x\",\"open");
        records += 1;
    }
    assert_eq!(records, lines);
    assert!(joined.looked_through <= lines, "{} for {lines} lines", joined.looked_through);
}

fn log_text() -> impl Strategy<Value = String> {
    let line = prop_oneof![
        Just("2026-11-21 10:00:00 INFO x"),
        Just("\tat a.B.c(B.java:1)"),
        Just("Caused by: x"),
        Just("Traceback (most recent call last):"),
        Just("  File \"a.py\", line 3"),
        Just("ValueError: no"),
        Just("plain, text"),
        Just("\"open"),
        Just("a,\"b"),
        Just("name,total,ok"),
        Just("x,1.5,true"),
        Just("#Fields: date time c-ip"),
        Just("2026-11-21 10:00:00 192.0.2.1"),
        Just(""),
    ];
    prop::collection::vec(line, 0..40).prop_map(|lines| lines.join("\n"))
}

proptest! {
    #[test]
    fn neither_reads_nor_resumes_change_the_records(text in log_text(), sizes in prop::collection::vec(1usize..50, 1..5), which in 0usize..4) {
        let framing = match which {
            0 => Framing::Lines,
            1 => Framing::Traces,
            2 => Framing::Starts(Arc::new(|line: &str| line.starts_with("2026"))),
            _ => Framing::Table,
        };
        let (all, positions) = read(text.as_bytes(), &framing, Resume::default(), &[1 << 20]);
        let (pieces, _) = read(text.as_bytes(), &framing, Resume::default(), &sizes);
        prop_assert_eq!(&all, &pieces);
        for (place, resume) in positions.into_iter().enumerate() {
            let (rest, _) = read(text.as_bytes(), &framing, resume, &sizes);
            prop_assert_eq!(&all[place + 1..], &rest[..], "from {:?}", resume);
        }
    }
}
