use super::*;
use crate::decode::source::testing::Pieces;
use proptest::prelude::*;

fn limits(max: usize, kept: usize) -> Limits {
    Limits { record_max_bytes: max, record_kept_bytes: kept, ..Limits::default() }
}

/// All lines as (offset, line, shown bytes, whole length).
fn read(source: impl Source, limits: &Limits) -> Vec<(u64, u64, Vec<u8>, u64)> {
    let mut lines = Lines::new(source, 0, 0, limits);
    let mut all = Vec::new();
    while let Some(line) = lines.next().unwrap() {
        all.push((line.offset, line.line, line.bytes.to_vec(), line.length));
    }
    all
}

#[test]
fn lines_end_at_any_line_end() {
    let check = |text: &str, expected: &[(u64, u64, &str)]| {
        let found = read(text.as_bytes(), &Limits::default());
        let found: Vec<_> = found
            .iter()
            .map(|(at, line, bytes, _)| (*at, *line, std::str::from_utf8(bytes).unwrap()))
            .collect();
        assert_eq!(found, expected, "{text:?}");
    };
    check("", &[]);
    check("\n\r\n  \n", &[]);
    check("a", &[(0, 1, "a")]);
    check("a\nb\n", &[(0, 1, "a"), (2, 2, "b")]);
    check("a\r\nb\r\n", &[(0, 1, "a"), (3, 2, "b")]);
    check("a\rb\rc", &[(0, 1, "a"), (2, 2, "b"), (4, 3, "c")]);
    check("a\n\r\nb", &[(0, 1, "a"), (4, 3, "b")]);
    check("a\n\n \nb\r", &[(0, 1, "a"), (5, 4, "b")]);
}

#[test]
fn too_long_lines_are_cut_and_the_next_is_whole() {
    let text = [b"short\n".as_slice(), &[b'x'; 1000], b"\r\nnext"].concat();
    let found = read(text.as_slice(), &limits(10, 4));
    assert_eq!(
        found,
        [(0, 1, b"short".to_vec(), 5), (6, 2, b"xxxx".to_vec(), 1000), (1008, 3, b"next".to_vec(), 4)]
    );
}

#[test]
fn a_gigabyte_line_takes_little_memory() {
    struct Endless(u64);
    impl Source for Endless {
        fn read(&mut self, buffer: &mut [u8]) -> Result<usize, DecodeError> {
            let count = (self.0 as usize).min(buffer.len());
            buffer[..count].fill(b'a');
            self.0 -= count as u64;
            Ok(count)
        }
    }
    let mut lines = Lines::new(Endless(1 << 30), 0, 0, &Limits::default());
    let line = lines.next().unwrap().unwrap();
    assert_eq!((line.length, line.bytes.len()), (1 << 30, 8 << 10));
    assert!(line.is_too_long());
    assert!(lines.window.capacity() <= 4 << 20, "{} bytes", lines.window.capacity());
    assert_eq!(lines.next().unwrap(), None);
}

#[test]
fn reading_goes_on_at_any_position() {
    let text = b"one\r\n\ntwo\rthree\nfour";
    let limits = Limits::default();
    let whole = read(text.as_slice(), &limits);
    let mut first = Lines::new(text.as_slice(), 0, 0, &limits);
    for taken in 1..=whole.len() {
        first.next().unwrap();
        let (offset, line) = first.position();
        let mut rest = Lines::new(&text[offset as usize..], offset, line, &limits);
        for expected in &whole[taken..] {
            let found = rest.next().unwrap().unwrap();
            assert_eq!(
                (found.offset, found.line, found.bytes),
                (expected.0, expected.1, expected.2.as_slice())
            );
        }
        assert_eq!(rest.next().unwrap(), None);
    }
}

proptest! {
    #[test]
    fn joined_lines_are_read_back(
        lines in prop::collection::vec("[^\r\n]{0,20}", 0..20),
        ends in prop::collection::vec(prop::sample::select(vec!["\n", "\r\n", "\r"]), 20),
        sizes in prop::collection::vec(1..9_usize, 1..4),
    ) {
        let mut text = String::new();
        let mut expected = Vec::new();
        let mut previous_end = "";
        for (index, (line, end)) in lines.iter().zip(&ends).enumerate() {
            // An empty line after a CR whose own end is LF would be one CR LF: give it the same end.
            let end = if previous_end == "\r" && line.is_empty() { "\r" } else { end };
            if !line.as_bytes().iter().all(u8::is_ascii_whitespace) {
                expected.push((text.len() as u64, index as u64 + 1, line.as_bytes().to_vec(), line.len() as u64));
            }
            text.push_str(line);
            text.push_str(end);
            previous_end = end;
        }
        prop_assert_eq!(read(Pieces::new(text.as_bytes(), &sizes), &Limits::default()), expected);
    }

    #[test]
    fn any_bytes_in_any_pieces_read_the_same(
        bytes in prop::collection::vec(prop::sample::select(b"ab \n\r\xff\0".to_vec()), 0..300),
        sizes in prop::collection::vec(1..40_usize, 1..4),
    ) {
        let limits = limits(12, 5);
        let whole = read(bytes.as_slice(), &limits);
        prop_assert_eq!(&read(Pieces::new(&bytes, &sizes), &limits), &whole);
        for (offset, _, shown, length) in whole {
            let start = offset as usize;
            prop_assert_eq!(&bytes[start..start + shown.len()], shown.as_slice());
            prop_assert!(!bytes[start..start + length as usize].contains(&b'\n'));
        }
    }
}
