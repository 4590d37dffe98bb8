//! Numbers in Java's decimal patterns (`0.00`, `#,##0.#`, `0%`).

/// A pattern, taken apart.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct NumberFormat {
    prefix: String,
    suffix: String,
    least_whole: usize,
    grouped: bool,
    least_fraction: usize,
    most_fraction: usize,
    percent: bool,
}

impl NumberFormat {
    /// Reads a pattern; `None` if it holds no digits or is of another kind.
    pub(super) fn new(pattern: &str) -> Option<Self> {
        // What stands behind `;` is for negative numbers.
        let pattern = pattern.split(';').next().unwrap_or(pattern);
        let is_digit = |c: char| matches!(c, '0' | '#' | ',' | '.');
        let start = pattern.find(is_digit)?;
        let length = pattern[start..].find(|c| !is_digit(c)).unwrap_or(pattern.len() - start);
        let (digits, suffix) = (&pattern[start..start + length], &pattern[start + length..]);
        if suffix.contains(is_digit) || suffix.starts_with('E') || !digits.contains(['0', '#']) {
            return None;
        }
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        Some(Self {
            prefix: pattern[..start].replace('\'', ""),
            suffix: suffix.replace('\'', ""),
            least_whole: whole.matches('0').count(),
            grouped: whole.contains(','),
            least_fraction: fraction.matches('0').count(),
            most_fraction: fraction.len(),
            percent: suffix.contains('%') || pattern[..start].contains('%'),
        })
    }

    /// Writes a number.
    pub(super) fn print(&self, value: f64) -> String {
        if !value.is_finite() {
            return value.to_string();
        }
        let value = if self.percent { value * 100.0 } else { value };
        let text = format!("{:.*}", self.most_fraction.min(30), value.abs());
        let (whole, fraction) = text.split_once('.').unwrap_or((text.as_str(), ""));
        let mut fraction = fraction.to_owned();
        while fraction.len() > self.least_fraction && fraction.ends_with('0') {
            fraction.pop();
        }
        let whole = if self.least_whole == 0 && whole == "0" && !fraction.is_empty() { "" } else { whole };
        let mut padded = "0".repeat(self.least_whole.saturating_sub(whole.len()));
        padded.push_str(whole);
        let is_zero = padded.bytes().chain(fraction.bytes()).all(|digit| digit == b'0');
        let sign = if value < 0.0 && !is_zero { "-" } else { "" };
        let whole = if self.grouped { grouped(&padded) } else { padded };
        let point = if fraction.is_empty() { "" } else { "." };
        format!("{sign}{}{whole}{point}{fraction}{}", self.prefix, self.suffix)
    }
}

fn grouped(digits: &str) -> String {
    let mut out = String::with_capacity(digits.len() * 4 / 3);
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns() {
        let check = |pattern: &str, value: f64, expected: &str| {
            assert_eq!(NumberFormat::new(pattern).unwrap().print(value), expected, "{pattern} {value}");
        };
        check("0.00", 1.005_1, "1.01");
        check("000", 7.0, "007");
        check("#,##0.##", 1_234_567.5, "1,234,567.5");
        check("#,##0", -1_234.0, "-1,234");
        check("0.0%", 0.1234, "12.3%");
        check("$0.00", 3.0, "$3.00");
        check("#.#", 0.5, ".5");
        check("0", -0.2, "0");
        assert_eq!(NumberFormat::new("yyyy-MM"), None);
    }
}
