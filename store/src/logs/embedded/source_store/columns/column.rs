//! A column of texts in whichever form is the smallest.

use super::{
    super::bytes::{Damaged, put_bytes},
    buffers::{Packed, Press, Unpacker},
    cuts::{Cut, cut_numbers},
    dictionary::Dictionary,
    numbers::{self, Numbers},
    shaped::Shaped,
    split::{Cutting, Document, Split},
    strings::Strings,
    times::Shape,
};
use std::collections::HashSet;

pub(super) const CONSTANT: u8 = 0;
const STRINGS: u8 = 1;
const DICTIONARY: u8 = 2;
const DECIMALS: u8 = 3;
const TIMES: u8 = 4;
const SHAPED: u8 = 5;
pub(super) const SPLIT: u8 = 6;

/// Documents, their values, the words of these, the numbers in these.
const DEPTH_MAX: usize = 3;
/// So many texts are looked at more closely.
const COUNT_MIN: usize = 8;

#[derive(Debug)]
pub(super) enum Column {
    /// All say the same.
    Constant(Vec<u8>),
    Strings(Strings),
    Dictionary(Dictionary),
    Decimals(Numbers),
    Times(Shape, Numbers),
    Shaped(Shaped),
    Split(Box<Split>),
}

/// The texts that there are, if they are few.
pub(super) fn distinct<'a>(texts: &[&'a [u8]], max: usize) -> Option<Vec<&'a [u8]>> {
    let mut known = HashSet::new();
    for text in texts {
        known.insert(*text);
        if known.len() > max {
            return None;
        }
    }
    Some(known.into_iter().collect())
}

/// Puts before it what it is.
pub(super) fn tagged(tag: u8, packed: &Packed) -> Packed {
    let mut tagged = Packed { head: vec![tag], body: Vec::new() };
    tagged.append(packed);
    tagged
}

/// Packs a column. `cuts_numbers`: it may be cut into texts and numbers.
pub(super) fn pack(texts: &[&[u8]], cuts_numbers: bool, press: &mut Press) -> Packed {
    let Some(first) = texts.first() else {
        return tagged(CONSTANT, &Packed { head: vec![0], body: Vec::new() });
    };
    if texts.iter().all(|text| text == first) {
        let mut packed = Packed { head: vec![CONSTANT], body: Vec::new() };
        put_bytes(&mut packed.head, first);
        return packed;
    }
    if texts.len() < COUNT_MIN {
        return tagged(STRINGS, &Strings::pack(texts, press));
    }
    if let Some(packed) = pack_times(texts, press) {
        return packed;
    }
    let decimals: Option<Vec<u64>> = texts.iter().map(|text| numbers::parse(text)).collect();
    if let Some(decimals) = &decimals {
        let plain = tagged(DECIMALS, &numbers::pack(decimals, press));
        let dictionary = distinct(texts, texts.len() / 8);
        let dictionary =
            dictionary.map(|distinct| tagged(DICTIONARY, &Dictionary::pack(texts, distinct, press)));
        return smallest([Some(plain), dictionary]);
    }
    let distinct = distinct(texts, texts.len() / 2);
    let are_few = distinct.as_ref().is_some_and(|distinct| distinct.len() <= texts.len() / 64);
    let dictionary = distinct.map(|distinct| tagged(DICTIONARY, &Dictionary::pack(texts, distinct, press)));
    let (mut shaped, mut split, mut strings) = (None, None, None);
    if !are_few {
        shaped = Shaped::pack(texts, press).map(|packed| tagged(SHAPED, &packed));
        split = if cuts_numbers { pack_split(texts, press) } else { None };
        let bytes: usize = texts.iter().map(|text| text.len()).sum();
        let best = [&dictionary, &shaped, &split].into_iter().flatten().map(Packed::cost).min();
        if best.is_none_or(|best| best > bytes / 5) {
            strings = Some(tagged(STRINGS, &Strings::pack(texts, press)));
        }
    }
    smallest([dictionary, shaped, split, strings])
}

pub(super) fn smallest<const N: usize>(packed: [Option<Packed>; N]) -> Packed {
    packed.into_iter().flatten().min_by_key(Packed::cost).unwrap_or_default()
}

fn pack_times(texts: &[&[u8]], press: &mut Press) -> Option<Packed> {
    let shape = Shape::of(texts.first()?)?;
    let times = texts.iter().map(|text| shape.parse(text)).collect::<Option<Vec<u64>>>()?;
    let mut packed = Packed { head: vec![TIMES, shape.separator, shape.digits as u8], body: Vec::new() };
    put_bytes(&mut packed.head, &shape.suffix);
    packed.append(&numbers::pack(&times, press));
    Some(packed)
}

fn pack_split(texts: &[&[u8]], press: &mut Press) -> Option<Packed> {
    let mut cutting = Cutting::default();
    let mut cuts: Vec<Cut> = Vec::new();
    for text in texts {
        cuts.clear();
        cut_numbers(text, &mut cuts);
        cutting.add(text, &cuts);
        if cutting.patterns() > texts.len() / 4 + 1 {
            return None;
        }
    }
    let columns: Vec<Packed> = cutting.columns.iter().map(|column| pack(column, false, press)).collect();
    Some(tagged(SPLIT, &cutting.pack(&columns, press)))
}

impl Column {
    pub(super) fn unpack(count: usize, depth: usize, input: &mut Unpacker<'_>) -> Result<Self, Damaged> {
        if depth > DEPTH_MAX {
            return Err(Damaged);
        }
        Ok(match input.head.byte()? {
            CONSTANT => Self::Constant(input.head.bytes()?.to_vec()),
            STRINGS => Self::Strings(Strings::unpack(count, input)?),
            DICTIONARY => Self::Dictionary(Dictionary::unpack(count, input)?),
            DECIMALS => Self::Decimals(numbers::unpack(count, input)?),
            TIMES => {
                let (separator, digits) = (input.head.byte()?, usize::from(input.head.byte()?));
                if digits > 9 {
                    return Err(Damaged);
                }
                let suffix = input.head.bytes()?.to_vec();
                Self::Times(Shape { separator, digits, suffix }, numbers::unpack(count, input)?)
            }
            SHAPED => Self::Shaped(Shaped::unpack(count, input)?),
            SPLIT => Self::Split(Box::new(Split::unpack(count, depth, input)?)),
            _ => return Err(Damaged),
        })
    }

    pub(super) fn write(
        &self,
        at: usize,
        document: Option<Document<'_>>,
        out: &mut Vec<u8>,
    ) -> Result<(), Damaged> {
        match self {
            Self::Constant(text) => out.extend_from_slice(text),
            Self::Strings(strings) => out.extend_from_slice(strings.get(at)?),
            Self::Dictionary(dictionary) => out.extend_from_slice(dictionary.get(at)?),
            Self::Decimals(decimals) => numbers::print(decimals.get(at)?, out),
            Self::Times(shape, times) => shape.print(times.get(at)?, out).ok_or(Damaged)?,
            Self::Shaped(shaped) => shaped.write(at, out)?,
            Self::Split(split) => split.write(at, document, out, |_, _| {})?,
        }
        Ok(())
    }

    pub(super) fn memory_bytes(&self) -> usize {
        match self {
            Self::Constant(text) => text.len(),
            Self::Strings(strings) => strings.memory_bytes(),
            Self::Dictionary(dictionary) => dictionary.memory_bytes(),
            Self::Decimals(numbers) | Self::Times(_, numbers) => numbers.memory_bytes(),
            Self::Shaped(shaped) => shaped.memory_bytes(),
            Self::Split(split) => split.memory_bytes(),
        }
    }
}
