//! Columns of texts, one after the other.

use super::{
    super::bytes::Damaged,
    buffers::{Content, Packed, Press, Unpacker},
    numbers,
};

/// Texts one after the other.
#[derive(Debug)]
pub(super) struct Strings {
    /// Where each ends.
    ends: Vec<u32>,
    text: Vec<u8>,
}

impl Strings {
    pub(super) fn pack(texts: &[&[u8]], press: &mut Press) -> Packed {
        let lengths: Vec<u64> = texts.iter().map(|text| text.len() as u64).collect();
        let mut packed = numbers::pack(&lengths, press);
        packed.buffer(&texts.concat(), Content::Text, press);
        packed
    }

    pub(super) fn unpack(count: usize, input: &mut Unpacker<'_>) -> Result<Self, Damaged> {
        let lengths = numbers::unpack(count, input)?;
        input.claim(count.checked_mul(4).ok_or(Damaged)?)?;
        let text = input.buffer()?;
        let mut end = 0_u32;
        let mut add = |at| {
            let length = u32::try_from(lengths.get(at)?).map_err(|_| Damaged)?;
            end = end.checked_add(length).ok_or(Damaged)?;
            Ok(end)
        };
        let ends: Vec<u32> = (0..count).map(&mut add).collect::<Result<_, Damaged>>()?;
        if end as usize == text.len() { Ok(Self { ends, text }) } else { Err(Damaged) }
    }

    pub(super) fn get(&self, at: usize) -> Result<&[u8], Damaged> {
        let start = at.checked_sub(1).map_or(Some(&0), |before| self.ends.get(before)).ok_or(Damaged)?;
        let end = self.ends.get(at).ok_or(Damaged)?;
        self.text.get(*start as usize..*end as usize).ok_or(Damaged)
    }

    pub(super) fn memory_bytes(&self) -> usize {
        self.ends.len() * 4 + self.text.len()
    }
}
