//! What is stored of a document: its id, its routing, its text.

use super::bytes::{Damaged, Input, put_bytes};
use bytes::Bytes;
use std::ops::Range;

const HAS_ROUTING: u8 = 1;
const HAS_SOURCE: u8 = 2;

/// What is stored of a document, for whoever asks for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::logs::embedded) struct StoredDocument {
    pub(in crate::logs::embedded) id: String,
    pub(in crate::logs::embedded) routing: Option<String>,
    /// The JSON text; `None`: the index keeps none.
    pub(in crate::logs::embedded) source: Option<Bytes>,
}

/// What is stored of a document.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(in crate::logs::embedded) struct Record<'a> {
    pub(in crate::logs::embedded) id: &'a [u8],
    pub(in crate::logs::embedded) routing: Option<&'a [u8]>,
    pub(in crate::logs::embedded) source: Option<&'a [u8]>,
}

impl<'a> Record<'a> {
    fn flags(&self) -> u8 {
        let routing = if self.routing.is_some() { HAS_ROUTING } else { 0 };
        let source = if self.source.is_some() { HAS_SOURCE } else { 0 };
        routing | source
    }

    /// Writes it behind others.
    pub(super) fn put(&self, rows: &mut Vec<u8>) {
        rows.push(self.flags());
        put_bytes(rows, self.id);
        if let Some(routing) = self.routing {
            put_bytes(rows, routing);
        }
        if let Some(source) = self.source {
            put_bytes(rows, source);
        }
    }

    /// Reads what `put` has written.
    pub(super) fn take(rows: &mut Input<'a>) -> Result<Self, Damaged> {
        let flags = rows.byte()?;
        if flags > HAS_ROUTING | HAS_SOURCE {
            return Err(Damaged);
        }
        let id = rows.bytes()?;
        let routing = if flags & HAS_ROUTING != 0 { Some(rows.bytes()?) } else { None };
        let source = if flags & HAS_SOURCE != 0 { Some(rows.bytes()?) } else { None };
        Ok(Self { id, routing, source })
    }

    /// The record that a text of [`Records`] is, of which it is known where its first parts end.
    pub(super) fn of_text(text: &'a [u8], [id_end, routing_end]: [usize; 2]) -> Result<Self, Damaged> {
        let flags = *text.first().ok_or(Damaged)?;
        let id = text.get(1..id_end).ok_or(Damaged)?;
        let has_routing = flags & HAS_ROUTING != 0;
        let routing = if has_routing { Some(text.get(id_end..routing_end).ok_or(Damaged)?) } else { None };
        let rest = text.get(if has_routing { routing_end } else { id_end }..).ok_or(Damaged)?;
        Ok(Self { id, routing, source: (flags & HAS_SOURCE != 0).then_some(rest) })
    }

    pub(super) fn to_document(self) -> Result<StoredDocument, Damaged> {
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).map_err(|_| Damaged);
        Ok(StoredDocument {
            id: text(self.id)?,
            routing: self.routing.map(text).transpose()?,
            source: self.source.map(Bytes::copy_from_slice),
        })
    }
}

/// Where the parts of a text are.
pub(super) struct Parts {
    pub(super) id: Range<usize>,
    pub(super) routing: Option<Range<usize>>,
    pub(super) source_start: usize,
}

/// Records one after the other, each as one text: flags, id, routing, source, without their lengths.
#[derive(Debug, Default)]
pub(super) struct Records {
    text: Vec<u8>,
    /// Of each: where its id, its routing and itself end.
    ends: Vec<[usize; 3]>,
}

impl Records {
    pub(super) fn push(&mut self, record: &Record<'_>) {
        self.text.push(record.flags());
        let mut end = |part: Option<&[u8]>| {
            self.text.extend_from_slice(part.unwrap_or_default());
            self.text.len()
        };
        let ends = [end(Some(record.id)), end(record.routing), end(record.source)];
        self.ends.push(ends);
    }

    pub(super) fn clear(&mut self) {
        self.text.clear();
        self.ends.clear();
    }

    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    pub(super) fn bytes(&self) -> usize {
        self.text.len()
    }

    fn starts(&self) -> impl Iterator<Item = (usize, [usize; 3])> + '_ {
        let starts = std::iter::once(0).chain(self.ends.iter().map(|[.., end]| *end));
        starts.zip(self.ends.iter().copied())
    }

    /// The texts, and where in each its parts are.
    pub(super) fn texts(&self) -> impl Iterator<Item = (&[u8], Parts)> + '_ {
        self.starts().map(|(start, [id, routing, end])| {
            let text = &self.text[start..end];
            let (id, routing) = (id - start, routing - start);
            let has_routing = text.first().is_some_and(|flags| flags & HAS_ROUTING != 0);
            let parts =
                Parts { id: 1..id, routing: has_routing.then_some(id..routing), source_start: routing };
            (text, parts)
        })
    }

    pub(super) fn records(&self) -> impl Iterator<Item = Result<Record<'_>, Damaged>> + '_ {
        self.starts().map(|(start, [id, routing, end])| {
            Record::of_text(&self.text[start..end], [id - start, routing - start])
        })
    }
}
