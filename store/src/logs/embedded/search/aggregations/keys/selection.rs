use super::super::super::{
    column::SegmentColumn, compile::read_network, dates::DateReader, term_pattern::TermPattern,
};
use super::super::{Key, float_key};
use crate::{
    StoreError,
    logs::{
        dsl::aggregations::TermSelection,
        embedded::{mapping::Family, schema::ResolvedField},
    },
};
use jiff::{Timestamp, tz::TimeZone};
use serde_json::Value;
use std::collections::HashSet;

/// `include` or `exclude`, in the terms of the field.
pub(super) enum Selection {
    Pattern(TermPattern),
    Keys(HashSet<Key>),
    Partition { partition: u32, count: u32 },
}

impl Selection {
    pub(super) fn new(
        request: &TermSelection,
        field: Option<&ResolvedField>,
        now: Timestamp,
    ) -> Result<Self, StoreError> {
        let family = field.map(ResolvedField::family);
        Ok(match request {
            TermSelection::Partition { partition, count } => {
                Self::Partition { partition: *partition, count: *count }
            }
            TermSelection::Pattern(_) if !matches!(family, None | Some(Family::Keyword | Family::Text)) => {
                let message = "Aggregation cannot support regular expression style include/exclude settings as they can only \
                               be applied to string fields. Use an array of values for include/exclude clauses";
                return Err(StoreError::invalid(message).with_code("aggregation_execution_exception"));
            }
            TermSelection::Pattern(pattern) => {
                Self::Pattern(TermPattern::lucene_regex(pattern, false).map_err(StoreError::invalid)?)
            }
            TermSelection::Values(values) => {
                Self::Keys(values.iter().map(|value| key_of(value, field, now)).collect::<Result<_, _>>()?)
            }
        })
    }

    pub(super) fn holds(&self, key: &Key) -> bool {
        match self {
            Self::Pattern(pattern) => matches!(key, Key::Text(text) if pattern.matches_text(text)),
            Self::Keys(keys) => keys.contains(key),
            Self::Partition { partition, count } => {
                partition_hash(key).rem_euclid(i64::from(*count)) == i64::from(*partition)
            }
        }
    }
}

/// A value of a request as a key of the field.
fn key_of(value: &Value, field: Option<&ResolvedField>, now: Timestamp) -> Result<Key, StoreError> {
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let refuse = || StoreError::invalid(format!("{value} is no value of the field"));
    let Some(field) = field else { return Ok(Key::Text(text)) };
    let number = || value.as_f64().or_else(|| text.parse().ok()).ok_or_else(refuse);
    Ok(match field.family() {
        Family::Date => {
            let reader = DateReader { formats: field.mapping.date_formats(), zone: TimeZone::UTC, now };
            Key::Date(reader.read(value, false)?.div_euclid(1_000_000))
        }
        Family::Ip => Key::Ip(read_network(&text).ok_or_else(refuse)?.0),
        Family::Boolean => Key::Boolean(matches!(text.as_str(), "true" | "1" | "1.0")),
        Family::Integer | Family::Unsigned => match text.parse::<i64>() {
            Ok(whole) => Key::Integer(whole),
            Err(_) => text
                .parse::<u64>()
                .map_or_else(|_| number().map(float_key), |large| Ok(Key::Unsigned(large)))?,
        },
        Family::Float => float_key(number()?),
        Family::Keyword | Family::Text | Family::Geo | Family::Range => Key::Text(text),
    })
}

/// The hash that parts terms, Elasticsearch's: a client that asks for part after part may come from there.
fn partition_hash(key: &Key) -> i64 {
    let mix = |value: i64| {
        // `BitMixer.mix64` of HPPC: variant 9 of Stafford's mixers (2011).
        let mut z = value as u64;
        z = (z ^ (z >> 32)).wrapping_mul(0x4cd6_944c_5cc2_0b6d);
        z = (z ^ (z >> 29)).wrapping_mul(0xfc12_c5b1_9d32_59e9);
        (z ^ (z >> 32)) as i64
    };
    match key {
        Key::Text(text) => i64::from(murmur3(text.as_bytes(), 31)),
        Key::Integer(value) | Key::Date(value) => mix(*value),
        Key::Boolean(truth) => mix(i64::from(*truth)),
        // The bits of a float in the order of the numbers, as a signed number.
        Key::Float(bits) => mix((*bits ^ (1 << 63)) as i64),
        Key::Unsigned(value) | Key::Cell(value) => mix(*value as i64),
        Key::Ip(address) => i64::from(murmur3(&address.octets(), 31)),
        Key::Null | Key::Position(_) | Key::Composite(_) => 0,
    }
}

/// MurmurHash3, x86, 32 bits (Appleby 2011).
fn murmur3(bytes: &[u8], seed: u32) -> i32 {
    let scramble = |block: u32| block.wrapping_mul(0xcc9e_2d51).rotate_left(15).wrapping_mul(0x1b87_3593);
    let mut hash = seed;
    let mut blocks = bytes.chunks_exact(4);
    for block in &mut blocks {
        let block = block.iter().rev().fold(0, |word, byte| word << 8 | u32::from(*byte));
        hash = (hash ^ scramble(block)).rotate_left(13).wrapping_mul(5).wrapping_add(0xe654_6b64);
    }
    let rest = blocks.remainder().iter().rev().fold(0, |word, byte| word << 8 | u32::from(*byte));
    if !blocks.remainder().is_empty() {
        hash ^= scramble(rest);
    }
    hash ^= bytes.len() as u32;
    hash = (hash ^ (hash >> 16)).wrapping_mul(0x85eb_ca6b);
    hash = (hash ^ (hash >> 13)).wrapping_mul(0xc2b2_ae35);
    (hash ^ (hash >> 16)) as i32
}

/// Which keys of a segment's dictionary are selected; none if the column holds no strings.
pub(super) fn selected_terms(
    column: &SegmentColumn,
    is_selected: impl Fn(&Key) -> bool,
) -> tantivy::Result<Vec<(u64, bool)>> {
    let mut found = Vec::new();
    column.texts(|key, text| found.push((key, is_selected(&Key::Text(text.to_owned())))))?;
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_those_of_elasticsearch() {
        // Published test vectors of MurmurHash3.
        assert_eq!(murmur3(b"", 0), 0);
        assert_eq!(murmur3(b"", 1) as u32, 0x514e_28b7);
        assert_eq!(murmur3(b"test", 0x9747_b28c) as u32, 0x704b_81dc);
        assert_eq!(murmur3(b"Hello, world!", 0x9747_b28c) as u32, 0x2488_4cba);
    }
}
