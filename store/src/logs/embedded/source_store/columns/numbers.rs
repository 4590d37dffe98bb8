//! Columns of numbers: the difference to the smallest, or to the one before, byte by byte: all lowest bytes, then all
//! second ones.

use super::{
    super::bytes::Damaged,
    buffers::{Content, Packed, Press, Unpacker},
};

/// As the difference to the smallest.
const PLAIN: u8 = 0;
/// As the difference to the one before.
const STEPS: u8 = 1;

/// A column of numbers that is read.
#[derive(Debug)]
pub(super) enum Numbers {
    /// The smallest, and the differences to it in planes of this many bytes.
    Planes {
        base: u64,
        count: usize,
        planes: Vec<u8>,
    },
    List(Vec<u64>),
}

impl Numbers {
    pub(super) fn get(&self, at: usize) -> Result<u64, Damaged> {
        match self {
            Self::Planes { count, .. } if at >= *count => Err(Damaged),
            Self::Planes { base, count, planes } => {
                let bytes = planes.iter().skip(at).step_by(*count);
                let above = bytes
                    .zip((0..64).step_by(8))
                    .fold(0, |sum, (byte, shift)| sum | u64::from(*byte) << shift);
                Ok(base.wrapping_add(above))
            }
            Self::List(numbers) => numbers.get(at).copied().ok_or(Damaged),
        }
    }

    pub(super) fn len(&self) -> usize {
        match self {
            Self::Planes { count, .. } => *count,
            Self::List(numbers) => numbers.len(),
        }
    }

    pub(super) fn memory_bytes(&self) -> usize {
        match self {
            Self::Planes { planes, .. } => planes.len(),
            Self::List(numbers) => numbers.len() * 8,
        }
    }
}

/// Packs numbers in whichever way is the smallest.
pub(super) fn pack(numbers: &[u64], press: &mut Press) -> Packed {
    let min = numbers.iter().copied().min().unwrap_or_default();
    let above: Vec<u64> = numbers.iter().map(|number| number - min).collect();
    let plain = pack_planes(PLAIN, min, &above, press);
    let steps = steps(numbers);
    // Steps are worth it in what grows steadily only.
    if width(&steps) > width(&above) || plain.cost() < 16 {
        return plain;
    }
    let stepped = pack_planes(STEPS, numbers.first().copied().unwrap_or_default(), &steps, press);
    if stepped.cost() < plain.cost() { stepped } else { plain }
}

/// The difference of each number to the one before, those below zero turned into odd ones.
fn steps(numbers: &[u64]) -> Vec<u64> {
    let mut before = numbers.first().copied().unwrap_or_default();
    let step = |number: &u64| {
        let step = number.wrapping_sub(before) as i64;
        before = *number;
        ((step << 1) ^ (step >> 63)) as u64
    };
    numbers.iter().map(step).collect()
}

fn width(numbers: &[u64]) -> usize {
    let all = numbers.iter().fold(0, |all, number| all | number);
    (64 - all.leading_zeros() as usize).div_ceil(8)
}

fn pack_planes(how: u8, base: u64, numbers: &[u64], press: &mut Press) -> Packed {
    let mut packed = Packed::default();
    let width = width(numbers);
    packed.byte(how | (width as u8) << 1);
    packed.number(base);
    for plane in 0..width {
        let bytes: Vec<u8> = numbers.iter().map(|number| (number >> (plane * 8)) as u8).collect();
        packed.buffer(&bytes, Content::Numbers, press);
    }
    packed
}

/// Reads so many numbers.
pub(super) fn unpack(count: usize, input: &mut Unpacker<'_>) -> Result<Numbers, Damaged> {
    let (first, base) = (input.head.byte()?, input.head.number()?);
    let width = usize::from(first >> 1);
    if width > 8 {
        return Err(Damaged);
    }
    let mut planes = Vec::new();
    for _ in 0..width {
        let plane = input.buffer()?;
        if plane.len() != count {
            return Err(Damaged);
        }
        planes.extend_from_slice(&plane);
    }
    let numbers = Numbers::Planes { base, count, planes };
    if first & 1 == PLAIN {
        return Ok(numbers);
    }
    input.claim(count.checked_mul(8).ok_or(Damaged)?)?;
    let Numbers::Planes { planes, .. } = numbers else { return Err(Damaged) };
    let steps = Numbers::Planes { base: 0, count, planes };
    let mut last = base;
    let mut add = |at| {
        let step = steps.get(at)?;
        last = last.wrapping_add((step >> 1) ^ (step & 1).wrapping_neg());
        Ok(last)
    };
    Ok(Numbers::List((0..count).map(&mut add).collect::<Result<_, Damaged>>()?))
}

/// The number that a text says, if that number, written again, is the text.
pub(super) fn parse(text: &[u8]) -> Option<u64> {
    let is_number = match text {
        [] => false,
        [b'0', rest @ ..] => rest.is_empty(),
        _ => text.len() <= 18 && text.iter().all(u8::is_ascii_digit),
    };
    is_number.then(|| text.iter().fold(0, |number, digit| number * 10 + u64::from(digit - b'0')))
}

/// Writes a number as `parse` reads it.
pub(super) fn print(mut number: u64, out: &mut Vec<u8>) {
    let mut digits = [0; 20];
    let mut start = digits.len();
    loop {
        start -= 1;
        digits[start] = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[start..]);
}
