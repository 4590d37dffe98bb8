//! One entry of the write-ahead log: the operations that one batch does to one index.

use bytes::{BufMut, Bytes, BytesMut};
use uuid::Uuid;

/// Version of the layout.
const LAYOUT: u8 = 1;
/// Layout, index, number of operations.
const HEAD_BYTES: usize = 1 + 16 + 4;
/// Kind, sequence number, version, id (offset, length), source (offset, length).
const OPERATION_BYTES: usize = 1 + 8 + 8 + 4 + 2 + 4 + 4;

/// Bit of the kind: a document is put.
const PUT: u8 = 1;
/// Bit of the kind: it has a routing.
const ROUTED: u8 = 2;

/// Writes a routing behind its document's id: length, text. A routing has at most 512 bytes.
pub(in crate::logs::embedded) fn put_routing(data: &mut Vec<u8>, routing: &str) {
    data.extend_from_slice(&(routing.len() as u16).to_le_bytes());
    data.extend_from_slice(routing.as_bytes());
}

/// A part of the data that follows the table.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(in crate::logs::embedded) struct Span {
    pub(in crate::logs::embedded) start: u32,
    pub(in crate::logs::embedded) length: u32,
}

impl Span {
    fn of<'a>(&self, data: &'a Bytes) -> Option<&'a [u8]> {
        data.get(self.start as usize..(self.start as usize).checked_add(self.length as usize)?)
    }

    /// That part of the data, shared.
    pub(in crate::logs::embedded) fn slice(&self, data: &Bytes) -> Bytes {
        data.slice(self.start as usize..self.start as usize + self.length as usize)
    }
}

/// Writes the table of an entry; the data that the spans refer to follows it.
pub(in crate::logs::embedded) struct TableWriter {
    buffer: BytesMut,
    count: u32,
}

impl TableWriter {
    pub(in crate::logs::embedded) fn new(index: Uuid, operations: usize) -> Self {
        let mut buffer = BytesMut::with_capacity(HEAD_BYTES + operations * OPERATION_BYTES);
        buffer.put_u8(LAYOUT);
        buffer.put_slice(index.as_bytes());
        buffer.put_u32_le(0);
        Self { buffer, count: 0 }
    }

    /// `source`: of a put; `None` is a delete. `routed`: the routing stands behind the id, as [`put_routing`] writes it.
    pub(in crate::logs::embedded) fn add(
        &mut self,
        seq_no: u64,
        version: u64,
        id: Span,
        routed: bool,
        source: Option<Span>,
    ) {
        let put = if source.is_some() { PUT } else { 0 };
        self.buffer.put_u8(put | if routed { ROUTED } else { 0 });
        self.buffer.put_u64_le(seq_no);
        self.buffer.put_u64_le(version);
        self.buffer.put_u32_le(id.start);
        // Ids are at most 512 bytes long.
        self.buffer.put_u16_le(id.length as u16);
        let source = source.unwrap_or_default();
        self.buffer.put_u32_le(source.start);
        self.buffer.put_u32_le(source.length);
        self.count += 1;
    }

    pub(in crate::logs::embedded) fn is_empty(&self) -> bool {
        self.count == 0
    }

    pub(in crate::logs::embedded) fn finish(mut self) -> Bytes {
        self.buffer[HEAD_BYTES - 4..HEAD_BYTES].copy_from_slice(&self.count.to_le_bytes());
        self.buffer.freeze()
    }
}

/// An operation read back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::logs::embedded) struct LoggedOperation {
    pub(in crate::logs::embedded) seq_no: u64,
    pub(in crate::logs::embedded) version: u64,
    pub(in crate::logs::embedded) id: String,
    pub(in crate::logs::embedded) routing: Option<String>,
    /// `None`: a delete.
    pub(in crate::logs::embedded) source: Option<Bytes>,
}

/// The index that an entry is for.
pub(in crate::logs::embedded) fn index_of(entry: &Bytes) -> Option<Uuid> {
    (*entry.first()? == LAYOUT).then_some(())?;
    Uuid::from_slice(entry.get(1..17)?).ok()
}

/// Reads an entry; `None` if it is not laid out as it must be (which a checksum has already excluded).
pub(in crate::logs::embedded) fn decode(entry: &Bytes) -> Option<Vec<LoggedOperation>> {
    index_of(entry)?;
    let count = u32::from_le_bytes(entry.get(17..HEAD_BYTES)?.try_into().ok()?) as usize;
    let table_end = HEAD_BYTES.checked_add(count.checked_mul(OPERATION_BYTES)?)?;
    let table = entry.get(HEAD_BYTES..table_end)?;
    let data = entry.slice(table_end..);
    table.chunks_exact(OPERATION_BYTES).map(|row| decode_row(row, &data)).collect()
}

fn decode_row(row: &[u8], data: &Bytes) -> Option<LoggedOperation> {
    let u64_at = |at: usize| row.get(at..at + 8)?.try_into().ok().map(u64::from_le_bytes);
    let u32_at = |at: usize| row.get(at..at + 4)?.try_into().ok().map(u32::from_le_bytes);
    let id_length = u16::from_le_bytes(row.get(21..23)?.try_into().ok()?);
    let id = Span { start: u32_at(17)?, length: u32::from(id_length) };
    let source = Span { start: u32_at(23)?, length: u32_at(27)? };
    source.of(data)?;
    let kind = *row.first()?;
    let routing = if kind & ROUTED == 0 {
        None
    } else {
        let start = (id.start as usize).checked_add(id.length as usize)?;
        let length = u16::from_le_bytes(data.get(start..start.checked_add(2)?)?.try_into().ok()?);
        let text = data.get(start + 2..(start + 2).checked_add(usize::from(length))?)?;
        Some(std::str::from_utf8(text).ok()?.to_owned())
    };
    Some(LoggedOperation {
        seq_no: u64_at(1)?,
        version: u64_at(9)?,
        id: std::str::from_utf8(id.of(data)?).ok()?.to_owned(),
        routing,
        source: (kind & PUT != 0).then(|| source.slice(data)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn encode(operations: &[LoggedOperation]) -> Bytes {
        let mut table = TableWriter::new(Uuid::from_u128(7), operations.len());
        let mut data = BytesMut::new();
        let mut put = |bytes: &[u8]| {
            let span = Span { start: data.len() as u32, length: bytes.len() as u32 };
            data.put_slice(bytes);
            span
        };
        for operation in operations {
            let id = put(operation.id.as_bytes());
            if let Some(routing) = &operation.routing {
                let mut behind = Vec::new();
                put_routing(&mut behind, routing);
                put(&behind);
            }
            let source = operation.source.as_ref().map(|source| put(source));
            table.add(operation.seq_no, operation.version, id, operation.routing.is_some(), source);
        }
        [table.finish(), data.freeze()].concat().into()
    }

    proptest! {
        #[test]
        fn decode_after_encode_is_identity(
            operations in prop::collection::vec(
                (any::<u64>(), any::<u64>(), "\\PC{0,20}", prop::option::of("\\PC{0,20}"), prop::option::of(prop::collection::vec(any::<u8>(), 0..50))),
                0..10,
            ),
        ) {
            let operations: Vec<_> = operations
                .into_iter()
                .map(|(seq_no, version, id, routing, source)| LoggedOperation {
                    seq_no,
                    version,
                    id,
                    routing,
                    source: source.map(Bytes::from),
                })
                .collect();
            let entry = encode(&operations);
            prop_assert_eq!(index_of(&entry), Some(Uuid::from_u128(7)));
            prop_assert_eq!(decode(&entry), Some(operations));
        }

        #[test]
        fn garbage_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let mut bytes = bytes;
            if let Some(first) = bytes.first_mut() {
                *first = LAYOUT;
            }
            let _ = decode(&Bytes::from(bytes));
        }
    }
}
