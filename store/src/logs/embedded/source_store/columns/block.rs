//! A block of columns that is read.

use super::{
    super::{
        bytes::{Damaged, Input},
        record::Record,
    },
    buffers::Unpacker,
    split::Split,
};

/// Documents of a block that there can be.
const DOCUMENTS_MAX: usize = 1 << 24;
/// What the documents of a block can take.
const TEXT_MAX_BYTES: usize = 1 << 30;

/// Documents, ready to be put together again.
#[derive(Debug)]
pub(in super::super) struct Block {
    documents: Split,
}

impl Block {
    /// Reads what `Packer::pack` has written.
    pub(in super::super) fn unpack(block: &[u8]) -> Result<Self, Damaged> {
        let mut input = Input(block);
        let count = input.length(DOCUMENTS_MAX)?;
        let text_max = input.length(TEXT_MAX_BYTES)?;
        // Every pattern and column takes some of it, and there are no more of these than bytes of text.
        let head_bytes = input.length(text_max.saturating_mul(4).saturating_add(1 << 16))?;
        let packed = input.length(input.0.len())?;
        let head = match packed {
            0 => input.take(head_bytes)?.to_vec(),
            _ => zstd::bulk::decompress(input.take(packed)?, head_bytes).map_err(|_| Damaged)?,
        };
        let mut unpacker = Unpacker::new(&head, input.0, text_max)?;
        let documents = Split::unpack(count, 0, &mut unpacker)?;
        let is_sound = unpacker.is_done() && head.len() == head_bytes && documents.has_sound_copies();
        if is_sound { Ok(Self { documents }) } else { Err(Damaged) }
    }

    /// Documents in it.
    pub(in super::super) fn len(&self) -> usize {
        self.documents.len()
    }

    /// A document, put together in `text`.
    pub(in super::super) fn record<'t>(
        &self,
        at: usize,
        text: &'t mut Vec<u8>,
    ) -> Result<Record<'t>, Damaged> {
        text.clear();
        let mut ends = [0; 2];
        self.documents.write(at, None, text, |part, end| {
            if let Some(place) = ends.get_mut(part) {
                *place = end;
            }
        })?;
        Record::of_text(text, ends)
    }

    /// Memory that it takes.
    pub(in super::super) fn memory_bytes(&self) -> usize {
        self.documents.memory_bytes()
    }
}
