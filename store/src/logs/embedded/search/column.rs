//! Columns of a segment, whatever their type, as ordered 64-bit keys.

use super::super::{mapping::Family, schema::ResolvedField};
use super::breaker::Reserved;
use super::scalar::Scalar;
use crate::StoreError;
use std::{collections::HashMap, net::Ipv6Addr};
use tantivy::{
    DocId, SegmentReader,
    columnar::{
        Column, ColumnIndex, ColumnType, DynamicColumn, DynamicColumnHandle, MonotonicallyMappableToU64,
        StrColumn,
    },
};

/// A column of one segment.
///
/// `keys` order as the values do within the segment: numbers, dates and booleans by a monotonic mapping, strings by their
/// ordinal in the segment's dictionary, addresses by their compact code.
pub(super) struct SegmentColumn {
    pub(super) keys: Column<u64>,
    pub(super) kind: ColumnKind,
    /// Strings that were decoded ahead ([`SegmentColumn::decode_ahead`]), by key.
    decoded: HashMap<u64, String>,
    /// Of a column that was made for one search: what it takes of all searches' memory.
    _held: Option<Reserved>,
}

/// What the keys of a column stand for.
pub(super) enum ColumnKind {
    Integer,
    Unsigned,
    Float,
    Boolean,
    Date,
    Text(StrColumn),
    Ip(Column<Ipv6Addr>),
}

/// A failure inside tantivy.
pub(super) fn engine_error(error: impl Into<tantivy::TantivyError>) -> StoreError {
    StoreError::internal("the search failed inside the index", error.into())
}

/// The types of column that a field may have in a segment.
fn column_types(family: Family) -> &'static [ColumnType] {
    match family {
        Family::Keyword | Family::Text => &[ColumnType::Str],
        // Values of shared fields are stored as narrow as they are: a `double` may have a column of integers.
        Family::Integer | Family::Unsigned | Family::Float | Family::Geo => {
            &[ColumnType::I64, ColumnType::U64, ColumnType::F64]
        }
        Family::Boolean => &[ColumnType::Bool],
        Family::Date => &[ColumnType::DateTime],
        Family::Ip | Family::Range => &[ColumnType::IpAddr],
    }
}

impl SegmentColumn {
    /// Opens the column of a field; `None` if no document of the segment has a value (or the field has no column).
    pub(super) fn open(reader: &SegmentReader, field: &ResolvedField) -> tantivy::Result<Option<Self>> {
        let Some(name) = &field.column else { return Ok(None) };
        let fast = reader.fast_fields();
        let Some((keys, column_type)) =
            fast.u64_lenient_for_type(Some(column_types(field.family())), name)?
        else {
            return Ok(None);
        };
        let kind = match column_type {
            ColumnType::I64 => ColumnKind::Integer,
            ColumnType::U64 => ColumnKind::Unsigned,
            ColumnType::F64 => ColumnKind::Float,
            ColumnType::Bool => ColumnKind::Boolean,
            ColumnType::DateTime => ColumnKind::Date,
            ColumnType::Str => match fast.str(name)? {
                Some(column) => ColumnKind::Text(column),
                None => return Ok(None),
            },
            ColumnType::IpAddr => match fast.column_opt::<Ipv6Addr>(name)? {
                Some(column) => ColumnKind::Ip(column),
                None => return Ok(None),
            },
            ColumnType::Bytes => return Ok(None),
        };
        // A column may exist for a field without values in this segment.
        Ok((keys.values.num_vals() > 0).then(|| Self { keys, kind, decoded: HashMap::new(), _held: None }))
    }

    /// A column that is not the index's own.
    pub(super) fn of_handle(handle: &DynamicColumnHandle) -> tantivy::Result<Option<Self>> {
        let Some(keys) = handle.open_u64_lenient()? else { return Ok(None) };
        let kind = match handle.open()? {
            DynamicColumn::I64(_) => ColumnKind::Integer,
            DynamicColumn::U64(_) => ColumnKind::Unsigned,
            DynamicColumn::F64(_) => ColumnKind::Float,
            DynamicColumn::Bool(_) => ColumnKind::Boolean,
            DynamicColumn::DateTime(_) => ColumnKind::Date,
            DynamicColumn::Str(column) => ColumnKind::Text(column),
            DynamicColumn::IpAddr(column) => ColumnKind::Ip(column),
            DynamicColumn::Bytes(_) => return Ok(None),
        };
        Ok(Some(Self { keys, kind, decoded: HashMap::new(), _held: None }))
    }

    /// With the memory that it takes.
    pub(super) fn holding(self, reserved: Reserved) -> Self {
        Self { _held: Some(reserved), ..self }
    }

    /// Whether keys stand for values by their place in a dictionary, so that a document has each once.
    pub(super) fn is_ordinal(&self) -> bool {
        matches!(self.kind, ColumnKind::Text(_) | ColumnKind::Ip(_))
    }

    /// Whether each document has exactly one value.
    pub(super) fn is_full(&self) -> bool {
        matches!(self.keys.index, ColumnIndex::Full)
    }

    /// How many different strings there are in the segment; `None` if these are no strings.
    pub(super) fn term_count(&self) -> Option<u64> {
        match &self.kind {
            ColumnKind::Text(column) => Some(column.num_terms() as u64),
            _ => None,
        }
    }

    /// The strings behind keys in ascending order, in one walk through the dictionary.
    pub(super) fn each_term(&self, keys: &[u64], mut each: impl FnMut(u64, &str)) -> tantivy::Result<()> {
        let ColumnKind::Text(column) = &self.kind else { return Ok(()) };
        let mut ahead = keys.iter();
        column.dictionary().sorted_ords_to_term_cb(keys, |term| {
            if let Some(key) = ahead.next() {
                each(*key, &String::from_utf8_lossy(term));
            }
        })?;
        Ok(())
    }

    /// The value behind a key of this document.
    pub(super) fn value(&self, doc: DocId, key: u64) -> tantivy::Result<Scalar> {
        Ok(match &self.kind {
            ColumnKind::Ip(addresses) => {
                let same =
                    self.keys.values_for_doc(doc).zip(addresses.values_for_doc(doc)).find(|(k, _)| *k == key);
                Scalar::Ip(same.map_or(Ipv6Addr::UNSPECIFIED, |(_, address)| address))
            }
            _ => self.decode(key)?,
        })
    }

    /// The value behind a key; addresses need a document that has it ([`Self::value`]).
    fn decode(&self, key: u64) -> tantivy::Result<Scalar> {
        Ok(match &self.kind {
            ColumnKind::Integer => Scalar::Integer(i64::from_u64(key)),
            ColumnKind::Unsigned => Scalar::Unsigned(key),
            ColumnKind::Float => Scalar::Float(f64::from_u64(key)),
            ColumnKind::Boolean => Scalar::Bool(key == 1),
            ColumnKind::Date => Scalar::Date(i64::from_u64(key)),
            ColumnKind::Text(column) => match self.decoded.get(&key) {
                Some(text) => Scalar::Text(text.clone()),
                None => {
                    let mut text = String::new();
                    column.ord_to_str(key, &mut text)?;
                    Scalar::Text(text)
                }
            },
            ColumnKind::Ip(_) => Scalar::Ip(Ipv6Addr::UNSPECIFIED),
        })
    }

    /// Decodes the strings behind many keys in one walk through the dictionary. One by one, each costs the decompression
    /// of a block.
    pub(super) fn decode_ahead(&mut self, mut keys: Vec<u64>) -> tantivy::Result<()> {
        keys.sort_unstable();
        keys.dedup();
        let mut decoded = std::mem::take(&mut self.decoded);
        let done = self.each_term(&keys, |key, term| drop(decoded.insert(key, term.to_owned())));
        self.decoded = decoded;
        done
    }

    /// All keys of the segment's dictionary with their strings; none if these are no strings.
    pub(super) fn texts(&self, mut each: impl FnMut(u64, &str)) -> tantivy::Result<()> {
        let ColumnKind::Text(column) = &self.kind else { return Ok(()) };
        let mut stream = column.dictionary().stream()?;
        let mut key = 0;
        while stream.advance() {
            each(key, &String::from_utf8_lossy(stream.key()));
            key += 1;
        }
        Ok(())
    }

    /// The number behind a key: dates in milliseconds, booleans as 0 and 1; `None` for what is no number.
    pub(super) fn number(&self, key: u64) -> Option<f64> {
        match &self.kind {
            ColumnKind::Integer => Some(i64::from_u64(key) as f64),
            ColumnKind::Unsigned => Some(key as f64),
            ColumnKind::Float => Some(f64::from_u64(key)),
            ColumnKind::Boolean => Some(key as f64),
            ColumnKind::Date => Some(i64::from_u64(key).div_euclid(1_000_000) as f64),
            ColumnKind::Text(_) | ColumnKind::Ip(_) => None,
        }
    }
}

/// The points of a field in one segment.
pub(super) struct Points {
    lat: Column<f64>,
    lon: Column<f64>,
}

impl Points {
    /// Opens the columns of a field of points; `None` if no document of the segment has one.
    pub(super) fn open(reader: &SegmentReader, field: &ResolvedField) -> tantivy::Result<Option<Self>> {
        let Some(name) = &field.column else { return Ok(None) };
        let Some(path) = name.strip_suffix("#lat") else { return Ok(None) };
        let fast = reader.fast_fields();
        let lat = fast.column_opt::<f64>(name)?;
        let lon = fast.column_opt::<f64>(&format!("{path}#lon"))?;
        Ok(lat.zip(lon).map(|(lat, lon)| Self { lat, lon }))
    }

    /// Latitude and longitude of each point of a document.
    pub(super) fn of(&self, doc: DocId) -> impl Iterator<Item = (f64, f64)> + '_ {
        self.lat.values_for_doc(doc).zip(self.lon.values_for_doc(doc))
    }
}
