//! Which lines of a log go on with the record before: stack traces, and whatever lacks the time with which records of the
//! same file begin.

use crate::time_forms::TimeForm;

/// Records of a file begin with a time if at least so many lines of its start do,
const STAMPED_MIN: usize = 2;
/// and at least one in so many.
const STAMPED_SHARE: usize = 50;
/// Longest start of a line that is looked at, in bytes.
const LOOK_MAX_BYTES: usize = 512;

/// How the lines of one file belong together.
#[derive(Clone, Copy)]
pub(super) enum TraceRule {
    /// A line that does not begin with a time of this form goes on with the record before.
    Stamped(&'static TimeForm),
    /// Only the lines of stack traces do.
    Plain,
}

/// What the lines of one record so far tell about the next.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct TraceState {
    /// Inside a stack trace.
    in_trace: bool,
    /// Of Go, whose frames are not indented.
    go: bool,
    /// Of Python, which names the error last.
    python: bool,
}

impl TraceRule {
    /// Looks at the start of a file.
    pub(super) fn sniff(sample: &[u8]) -> Self {
        let text = String::from_utf8_lossy(sample);
        let mut lines = text.lines().filter(|line| !line.trim().is_empty());
        let Some(form) = lines.clone().next().and_then(|first| TimeForm::of_line(clip(first))) else {
            return Self::Plain;
        };
        let count = lines.clone().count();
        let stamped = lines.by_ref().filter(|line| form.starts_line(clip(line))).count();
        if stamped >= STAMPED_MIN && stamped * STAMPED_SHARE >= count {
            Self::Stamped(form)
        } else {
            Self::Plain
        }
    }

    /// Whether a line goes on with the record; it then counts as part of it.
    pub(super) fn goes_on(self, state: &mut TraceState, line: &[u8]) -> bool {
        let start = String::from_utf8_lossy(&line[..line.len().min(LOOK_MAX_BYTES)]);
        match self {
            Self::Stamped(form) => !form.starts_line(&start),
            Self::Plain => state.goes_on(&start),
        }
    }
}

fn clip(line: &str) -> &str {
    &line[..line.floor_char_boundary(LOOK_MAX_BYTES)]
}

impl TraceState {
    /// The state after the first line of a record.
    pub(super) fn begin(line: &[u8]) -> Self {
        let start = String::from_utf8_lossy(&line[..line.len().min(LOOK_MAX_BYTES)]);
        let mut state = Self::default();
        state.open(start.trim_end());
        state
    }

    /// Takes note of a line that opens a trace; whether it does.
    fn open(&mut self, line: &str) -> bool {
        let opens = if line.starts_with("Traceback (most recent call last):") {
            self.python = true;
            true
        } else if line.starts_with("panic: ") || line.starts_with("fatal error: ") || is_goroutine(line) {
            self.go = true;
            true
        } else {
            matches!(line, "Stack trace:" | "[stacktrace]" | "Stacktrace:")
        };
        self.in_trace |= opens;
        opens
    }

    fn goes_on(&mut self, line: &str) -> bool {
        let text = line.trim_end();
        let inner = text.trim_start();
        if inner.len() < text.len() {
            // Indented: a frame, or within a trace whatever comes with one (source lines, suppressed errors).
            self.in_trace |= is_frame(inner);
            return self.in_trace;
        }
        let linked = ["Caused by: ", "Suppressed: ", "Wrapped by: ", "--- End of "];
        let chained = ["During handling of the above exception", "The above exception was the direct cause"];
        if linked.iter().chain(&chained).any(|start| text.starts_with(start)) {
            self.in_trace = true;
            return true;
        }
        let panics = text.starts_with("panic: ") || text.starts_with("fatal error: ");
        if !panics && self.open(text) {
            return true;
        }
        if !self.in_trace {
            return false;
        }
        if self.python && is_python_error(text) {
            return true;
        }
        let go = self.go
            && (is_goroutine(text)
                || text.starts_with("created by ")
                || text.starts_with("exit status ")
                || text.starts_with("[signal ")
                || (text.ends_with(')') && !text.contains(' ')));
        go || is_php_frame(text) || matches!(text, "}" | "]" | "})" | "};")
    }
}

/// A frame behind its indentation: Java, .NET and Node (`at`), Python (`File`), Ruby (`from`), PHP (`#0`).
fn is_frame(text: &str) -> bool {
    let more = text
        .strip_prefix("... ")
        .is_some_and(|rest| rest.ends_with(" more") || rest.contains("common frames"));
    more || ["at ", "File \"", "from ", "--- End of ", "---> ", "^", "Caused by: ", "Suppressed: "]
        .iter()
        .any(|start| text.starts_with(start))
        || is_php_frame(text)
}

fn is_php_frame(text: &str) -> bool {
    let digits = text.strip_prefix('#').map_or(0, |rest| rest.bytes().take_while(u8::is_ascii_digit).count());
    digits > 0 && text.as_bytes().get(1 + digits) == Some(&b' ')
}

fn is_goroutine(text: &str) -> bool {
    text.starts_with("goroutine ") && text.ends_with(':')
}

/// `shop.errors.OutOfStock: no more` as the last line of a trace of Python.
fn is_python_error(text: &str) -> bool {
    let name = text.split(':').next().unwrap_or_default();
    let word = |c: char| c.is_alphanumeric() || matches!(c, '.' | '_');
    !name.is_empty()
        && name.chars().all(word)
        && name
            .rsplit('.')
            .next()
            .is_some_and(|class| class.starts_with(char::is_uppercase) || name.contains('.'))
}
