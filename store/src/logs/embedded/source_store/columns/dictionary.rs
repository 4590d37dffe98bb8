//! Columns of few texts: each distinct one once.

use super::{
    super::bytes::Damaged,
    buffers::{Packed, Press, Unpacker},
    numbers::{self, Numbers},
    strings::Strings,
};
use std::collections::HashMap;

/// Each distinct text once, and which it is.
#[derive(Debug)]
pub(super) struct Dictionary {
    texts: Strings,
    which: Numbers,
}

impl Dictionary {
    /// `distinct` are the texts that there are.
    pub(super) fn pack(texts: &[&[u8]], mut distinct: Vec<&[u8]>, press: &mut Press) -> Packed {
        // Neighbours that begin alike compress well.
        distinct.sort_unstable();
        let places: HashMap<&[u8], u64> = distinct.iter().copied().zip(0..).collect();
        let which: Vec<u64> =
            texts.iter().map(|text| places.get(text).copied().unwrap_or_default()).collect();
        let mut packed = Packed::default();
        packed.number(distinct.len() as u64);
        packed.append(&Strings::pack(&distinct, press));
        packed.append(&numbers::pack(&which, press));
        packed
    }

    pub(super) fn unpack(count: usize, input: &mut Unpacker<'_>) -> Result<Self, Damaged> {
        let distinct = input.head.length(count)?;
        Ok(Self { texts: Strings::unpack(distinct, input)?, which: numbers::unpack(count, input)? })
    }

    pub(super) fn get(&self, at: usize) -> Result<&[u8], Damaged> {
        self.texts.get(usize::try_from(self.which.get(at)?).map_err(|_| Damaged)?)
    }

    pub(super) fn memory_bytes(&self) -> usize {
        self.texts.memory_bytes() + self.which.memory_bytes()
    }
}
