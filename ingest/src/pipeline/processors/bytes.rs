//! `bytes`: a size for people (`1.5kb`) as a number of bytes.

use super::text_transform::TextTransform;
use super::{Compiler, DefinitionError, Failure, Options, Processor};
use serde_json::Value;

/// Binary units, as Elasticsearch's byte sizes.
const UNITS: [(&str, u64); 12] = [
    ("kb", 1 << 10),
    ("mb", 1 << 20),
    ("gb", 1 << 30),
    ("tb", 1 << 40),
    ("pb", 1 << 50),
    ("k", 1 << 10),
    ("m", 1 << 20),
    ("g", 1 << 30),
    ("t", 1 << 40),
    ("p", 1 << 50),
    ("b", 1),
    ("", 1),
];

pub(super) fn build(options: &mut Options, _: &mut Compiler) -> Result<Box<dyn Processor>, DefinitionError> {
    TextTransform::build(options, |text| parse(text).map(Value::from))
}

fn parse(text: &str) -> Result<i64, Failure> {
    let lower = text.trim().to_lowercase();
    let fail = || Failure {
        kind: "parse_exception",
        reason: format!("failed to parse setting [Ingest Field] with value [{text}] as a size in bytes"),
        inner: None,
    };
    let (unit, scale) = UNITS.iter().find(|(unit, _)| lower.ends_with(unit)).ok_or_else(fail)?;
    let number = lower[..lower.len() - unit.len()].trim();
    if unit.is_empty() && number != "0" && number != "-1" {
        let reason = format!("{}: unit is missing or unrecognized", fail().reason);
        return Err(Failure { reason, ..fail() });
    }
    if let Ok(whole) = number.parse::<i64>() {
        let bytes = whole.checked_mul(i64::try_from(*scale).map_err(|_| fail())?);
        return bytes.filter(|bytes| *bytes >= -1).ok_or_else(fail);
    }
    let fraction: f64 = number.parse().map_err(|_| fail())?;
    let bytes = fraction * *scale as f64;
    if bytes >= 0.0 && bytes < i64::MAX as f64 { Ok(bytes as i64) } else { Err(fail()) }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{check, check_fails};
    use serde_json::json;

    #[test]
    fn reads_sizes() {
        let read = |text: &str, bytes: i64| {
            check("bytes", json!({"field": "a"}), json!({"a": text}), json!({"a": bytes}))
        };
        read("1kb", 1024);
        read("1.5KB", 1536);
        read("2 mb", 2_097_152);
        read("10b", 10);
        read("3g", 3_221_225_472);
        read("0", 0);
        let reason = "failed to parse setting [Ingest Field] with value [8912pb] as a size in bytes";
        for text in ["8912pb", "1x", "", "kb", "-5kb", "1"] {
            check_fails("bytes", json!({"field": "a"}), json!({"a": text}), &reason.replace("8912pb", text));
        }
    }
}
