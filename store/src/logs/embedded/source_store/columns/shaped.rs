//! Columns of texts of one length that say the same in some places: identifiers, digests.

use super::{
    super::bytes::{Damaged, put_bytes},
    buffers::{Content, Packed, Press, Unpacker},
    numbers::{self, Numbers},
};

/// Longer texts are hardly of one shape.
const TEXT_MAX_BYTES: usize = 255;
/// The bytes of a place, all texts' of one place after those of the one before.
const PLANES: u8 = 0;

/// Digits that numbers are written with, and how many make a number.
struct Alphabet {
    form: u8,
    digits: &'static [u8],
    bits: u32,
    per_number: usize,
}

const ALPHABETS: [Alphabet; 2] = [
    Alphabet { form: 1, digits: b"0123456789abcdef", bits: 4, per_number: 16 },
    // RFC 4648, section 5: ids that Elasticsearch and this make.
    Alphabet {
        form: 2,
        digits: b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_",
        bits: 6,
        per_number: 10,
    },
];

impl Alphabet {
    fn value(&self, text: &[u8], places: &[u8]) -> Option<u64> {
        places.iter().try_fold(0, |number, place| {
            let digit = text.get(usize::from(*place))?;
            let value = self.digits.iter().position(|known| known == digit)?;
            Some(number << self.bits | value as u64)
        })
    }

    fn write(&self, mut number: u64, places: &[u8], text: &mut [u8]) -> Result<(), Damaged> {
        for place in places.iter().rev() {
            let digit = self.digits.get(number as usize % self.digits.len()).ok_or(Damaged)?;
            *text.get_mut(usize::from(*place)).ok_or(Damaged)? = *digit;
            number >>= self.bits;
        }
        Ok(())
    }
}

/// Texts of the same length that say the same in some places.
#[derive(Debug)]
pub(super) struct Shaped {
    /// A text; in the places that differ it says nothing.
    pattern: Vec<u8>,
    /// Where texts differ.
    places: Vec<u8>,
    differences: Differences,
}

#[derive(Debug)]
enum Differences {
    Planes {
        count: usize,
        planes: Vec<u8>,
    },
    /// Numbers, written with the digits of that alphabet.
    Numbers(usize, Vec<Numbers>),
}

impl Shaped {
    /// `None`: the texts are not of one length, or too long.
    pub(super) fn pack(texts: &[&[u8]], press: &mut Press) -> Option<Packed> {
        let first = texts.first().filter(|text| text.len() <= TEXT_MAX_BYTES)?;
        if !texts.iter().all(|text| text.len() == first.len()) {
            return None;
        }
        let mut differs = vec![false; first.len()];
        for text in texts {
            for (differs, (byte, known)) in differs.iter_mut().zip(text.iter().zip(*first)) {
                *differs |= byte != known;
            }
        }
        let places = (0..=u8::MAX).zip(&differs).filter(|(_, differs)| **differs);
        let places: Vec<u8> = places.map(|(at, _)| at).collect();
        let numbers = ALPHABETS.iter().find_map(|alphabet| pack_numbers(alphabet, texts, &places, press));
        // Digests have the fewest digits there are; of others letters may be rarer or more frequent.
        let planes = match &numbers {
            Some(numbers) if numbers.head.first() == Some(&1) => None,
            _ => Some(pack_planes(texts, &places, press)),
        };
        let best = [numbers, planes].into_iter().flatten().min_by_key(Packed::cost)?;
        let mut packed = Packed::default();
        put_bytes(&mut packed.head, first);
        put_bytes(&mut packed.head, &places);
        packed.append(&best);
        Some(packed)
    }

    pub(super) fn unpack(count: usize, input: &mut Unpacker<'_>) -> Result<Self, Damaged> {
        let (pattern, places) = (input.head.bytes()?.to_vec(), input.head.bytes()?.to_vec());
        if places.iter().any(|place| usize::from(*place) >= pattern.len()) {
            return Err(Damaged);
        }
        let form = input.head.byte()?;
        let differences = match ALPHABETS.iter().position(|alphabet| alphabet.form == form) {
            Some(alphabet) => {
                let parts = places.chunks(ALPHABETS[alphabet].per_number);
                let numbers = parts.map(|_| numbers::unpack(count, input)).collect::<Result<_, _>>()?;
                Differences::Numbers(alphabet, numbers)
            }
            None if form == PLANES => {
                let mut planes = Vec::new();
                for _ in &places {
                    planes.extend_from_slice(&input.buffer()?);
                }
                if Some(planes.len()) != count.checked_mul(places.len()) {
                    return Err(Damaged);
                }
                Differences::Planes { count, planes }
            }
            None => return Err(Damaged),
        };
        Ok(Self { pattern, places, differences })
    }

    pub(super) fn write(&self, at: usize, out: &mut Vec<u8>) -> Result<(), Damaged> {
        let start = out.len();
        out.extend_from_slice(&self.pattern);
        let text = out.get_mut(start..).ok_or(Damaged)?;
        match &self.differences {
            Differences::Numbers(alphabet, numbers) => {
                let alphabet = ALPHABETS.get(*alphabet).ok_or(Damaged)?;
                for (places, numbers) in self.places.chunks(alphabet.per_number).zip(numbers) {
                    alphabet.write(numbers.get(at)?, places, text)?;
                }
            }
            Differences::Planes { count, planes } => {
                if at >= *count {
                    return Err(Damaged);
                }
                for (place, byte) in self.places.iter().zip(planes.iter().skip(at).step_by(*count)) {
                    *text.get_mut(usize::from(*place)).ok_or(Damaged)? = *byte;
                }
            }
        }
        Ok(())
    }

    pub(super) fn memory_bytes(&self) -> usize {
        match &self.differences {
            Differences::Planes { planes, .. } => planes.len(),
            Differences::Numbers(_, numbers) => numbers.iter().map(Numbers::memory_bytes).sum(),
        }
    }
}

/// `None`: there are others than these digits.
fn pack_numbers(alphabet: &Alphabet, texts: &[&[u8]], places: &[u8], press: &mut Press) -> Option<Packed> {
    let mut packed = Packed::default();
    packed.byte(alphabet.form);
    for places in places.chunks(alphabet.per_number) {
        let values = texts.iter().map(|text| alphabet.value(text, places));
        packed.append(&numbers::pack(&values.collect::<Option<Vec<u64>>>()?, press));
    }
    Some(packed)
}

fn pack_planes(texts: &[&[u8]], places: &[u8], press: &mut Press) -> Packed {
    let mut packed = Packed::default();
    packed.byte(PLANES);
    for place in places {
        let plane = texts.iter().filter_map(|text| text.get(usize::from(*place)).copied());
        packed.buffer(&plane.collect::<Vec<u8>>(), Content::Numbers, press);
    }
    packed
}
