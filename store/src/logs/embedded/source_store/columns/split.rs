//! Texts as patterns and what varies in them: each pattern once, and the parts in columns of their own.

use super::{
    super::bytes::{Damaged, Input, put_number},
    buffers::{Content, Packed, Press, Unpacker},
    column::Column,
    cuts::{Cut, To},
    numbers::{self, Numbers},
};
use std::collections::HashMap;

/// Of so many texts it is known where their parts are in each column; from there on it is counted.
const STEP: usize = 64;
/// Of so many columns each would hold next to nothing.
pub(super) const COLUMNS_MAX: usize = 4_096;
/// What is cut out of documents is cut again with copies, and nothing else.
const COPIES_DEPTH: usize = 1;

/// Texts that are cut.
#[derive(Default)]
pub(super) struct Cutting<'a> {
    /// As they are written, by when they came.
    patterns: HashMap<Vec<u8>, u64>,
    order: Vec<Vec<u8>>,
    literals: Vec<Vec<u8>>,
    which: Vec<u64>,
    /// The columns' keys.
    keys: HashMap<u64, usize>,
    pub(super) columns: Vec<Vec<&'a [u8]>>,
    /// For each column the number of the text that each part is of.
    pub(super) owners: Vec<Vec<u32>>,
    pattern: Vec<u8>,
    literal: Vec<u8>,
}

impl<'a> Cutting<'a> {
    /// Adds a text; cuts are in order and apart.
    pub(super) fn add(&mut self, text: &'a [u8], cuts: &[Cut]) {
        self.pattern.clear();
        self.literal.clear();
        let owner = self.which.len() as u32;
        let mut end = 0;
        put_number(&mut self.pattern, cuts.len() as u64);
        for cut in cuts {
            put_number(&mut self.pattern, (cut.start - end) as u64);
            self.literal.extend_from_slice(&text[end..cut.start]);
            end = cut.end;
            let slot = match cut.to {
                To::Copy(column) => u64::from(column) << 1 | 1,
                To::Column(key) => {
                    let new = self.columns.len();
                    let column = *self.keys.entry(key).or_insert(new);
                    if column == new {
                        self.columns.push(Vec::new());
                        self.owners.push(Vec::new());
                    }
                    self.columns[column].push(&text[cut.start..cut.end]);
                    self.owners[column].push(owner);
                    (column as u64) << 1
                }
            };
            put_number(&mut self.pattern, slot);
        }
        put_number(&mut self.pattern, (text.len() - end) as u64);
        self.literal.extend_from_slice(&text[end..]);
        let described = self.pattern.len();
        self.pattern.extend_from_slice(&self.literal);
        let which = match self.patterns.get(&self.pattern) {
            Some(which) => *which,
            None => {
                let which = self.order.len() as u64;
                self.patterns.insert(self.pattern.clone(), which);
                self.order.push(self.pattern[..described].to_vec());
                self.literals.push(self.literal.clone());
                which
            }
        };
        self.which.push(which);
    }

    pub(super) fn patterns(&self) -> usize {
        self.order.len()
    }

    /// Packs what was cut, the columns as they were packed already.
    pub(super) fn pack(&self, columns: &[Packed], press: &mut Press) -> Packed {
        let mut packed = Packed::default();
        packed.number(self.order.len() as u64);
        packed.number(columns.len() as u64);
        packed.buffer(&self.order.concat(), Content::Text, press);
        packed.buffer(&self.literals.concat(), Content::Text, press);
        packed.append(&numbers::pack(&self.which, press));
        for (values, column) in self.columns.iter().zip(columns) {
            packed.number(values.len() as u64);
            packed.append(column);
        }
        packed
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Slot {
    Column(u32),
    Copy(u32),
}

/// A text with slots: before each of them, and at the end, there is a literal.
#[derive(Debug)]
struct Pattern {
    slots: Vec<(u32, Slot)>,
    /// Where its literals start and end.
    start: u32,
    end: u32,
}

impl Pattern {
    /// The columns that its parts are in.
    fn columns(&self) -> impl Iterator<Item = u32> + '_ {
        self.slots.iter().filter_map(|(_, slot)| match slot {
            Slot::Column(column) => Some(*column),
            Slot::Copy(_) => None,
        })
    }
}

/// Texts that were cut, as they are read.
#[derive(Debug)]
pub(super) struct Split {
    patterns: Vec<Pattern>,
    literals: Vec<u8>,
    which: Numbers,
    pub(super) columns: Vec<Column>,
    /// For every `STEP`th text the number of parts before it in each column; empty if each text has one in each.
    starts: Vec<u32>,
    /// No text of the block is longer.
    text_max: usize,
}

/// What a copy is taken from.
#[derive(Clone, Copy)]
pub(super) struct Document<'a> {
    pub(super) split: &'a Split,
    /// Its next part in each column.
    pub(super) places: &'a [u32],
    pub(super) pattern: usize,
}

impl Document<'_> {
    /// Writes what the document says in that column first.
    fn write(&self, column: u32, out: &mut Vec<u8>) -> Result<(), Damaged> {
        let pattern = self.split.patterns.get(self.pattern).ok_or(Damaged)?;
        if !pattern.columns().any(|own| own == column) {
            return Err(Damaged);
        }
        let place = self.places.get(column as usize).ok_or(Damaged)?;
        self.split.columns.get(column as usize).ok_or(Damaged)?.write(*place as usize, None, out)
    }
}

impl Split {
    pub(super) fn unpack(count: usize, depth: usize, input: &mut Unpacker<'_>) -> Result<Self, Damaged> {
        let patterns = input.head.length(count)?;
        let columns = input.head.length(COLUMNS_MAX)?;
        let described = input.buffer()?;
        let literals = input.buffer()?;
        let patterns = read_patterns(patterns, columns, &described, literals.len())?;
        let mut slots = patterns.iter().flat_map(|pattern| &pattern.slots);
        // Else copies of copies might go on for ever.
        if depth != COPIES_DEPTH && slots.any(|(_, slot)| matches!(slot, Slot::Copy(_))) {
            return Err(Damaged);
        }
        let which = numbers::unpack(count, input)?;
        let mut split = Self {
            patterns,
            literals,
            which,
            columns: Vec::new(),
            starts: Vec::new(),
            text_max: input.text_max,
        };
        let parts = split.count_parts(count, columns, input)?;
        for parts in parts {
            if input.head.length(u32::MAX as usize)? != parts as usize {
                return Err(Damaged);
            }
            split.columns.push(Column::unpack(parts as usize, depth + 1, input)?);
        }
        Ok(split)
    }

    /// Fills `starts`; the parts in each column.
    fn count_parts(
        &mut self,
        count: usize,
        columns: usize,
        input: &mut Unpacker<'_>,
    ) -> Result<Vec<u32>, Damaged> {
        let is_regular = self.patterns.iter().all(|pattern| pattern.columns().eq(0..columns as u32));
        let patterns = self.patterns.len();
        if is_regular {
            for at in 0..count {
                if self.which.get(at)? as usize >= patterns {
                    return Err(Damaged);
                }
            }
            return Ok(vec![u32::try_from(count).map_err(|_| Damaged)?; columns]);
        }
        let steps = count.div_ceil(STEP);
        input.claim(steps.checked_mul(columns).and_then(|entries| entries.checked_mul(4)).ok_or(Damaged)?)?;
        let mut parts = vec![0_u32; columns];
        for at in 0..count {
            if at % STEP == 0 {
                self.starts.extend_from_slice(&parts);
            }
            self.pass(at, &mut parts)?;
        }
        Ok(parts)
    }

    /// Counts the parts of a text.
    fn pass(&self, at: usize, places: &mut [u32]) -> Result<(), Damaged> {
        for column in self.pattern(at)?.1.columns() {
            let place = places.get_mut(column as usize).ok_or(Damaged)?;
            *place = place.checked_add(1).ok_or(Damaged)?;
        }
        Ok(())
    }

    fn pattern(&self, at: usize) -> Result<(usize, &Pattern), Damaged> {
        let which = self.which.get(at)? as usize;
        Ok((which, self.patterns.get(which).ok_or(Damaged)?))
    }

    pub(super) fn len(&self) -> usize {
        self.which.len()
    }

    /// Where the parts of a text are in each column.
    fn places(&self, at: usize) -> Result<Vec<u32>, Damaged> {
        let columns = self.columns.len();
        if self.starts.is_empty() {
            return Ok(vec![at as u32; columns]);
        }
        let step = at / STEP;
        let mut places = self.starts.get(step * columns..(step + 1) * columns).ok_or(Damaged)?.to_vec();
        for passed in step * STEP..at {
            self.pass(passed, &mut places)?;
        }
        Ok(places)
    }

    /// Writes a text; `after` is told when each part is written. Copies come from `document`; `None`: from itself.
    pub(super) fn write(
        &self,
        at: usize,
        document: Option<Document<'_>>,
        out: &mut Vec<u8>,
        mut after: impl FnMut(usize, usize),
    ) -> Result<(), Damaged> {
        let (which, pattern) = self.pattern(at)?;
        let mut places = self.places(at)?;
        let firsts = if document.is_none() { places.clone() } else { Vec::new() };
        let document = document.unwrap_or(Document { split: self, places: &firsts, pattern: which });
        let mut literal = pattern.start as usize;
        for (number, (length, slot)) in pattern.slots.iter().enumerate() {
            let end = literal + *length as usize;
            out.extend_from_slice(self.literals.get(literal..end).ok_or(Damaged)?);
            literal = end;
            match slot {
                Slot::Copy(column) => document.write(*column, out)?,
                Slot::Column(column) => {
                    let place = places.get_mut(*column as usize).ok_or(Damaged)?;
                    self.columns.get(*column as usize).ok_or(Damaged)?.write(
                        *place as usize,
                        Some(document),
                        out,
                    )?;
                    *place += 1;
                }
            }
            if out.len() > self.text_max {
                return Err(Damaged);
            }
            after(number, out.len());
        }
        out.extend_from_slice(self.literals.get(literal..pattern.end as usize).ok_or(Damaged)?);
        Ok(())
    }

    /// Whether all that is copied is there, and is no copy itself.
    pub(super) fn has_sound_copies(&self) -> bool {
        let is_plain = |column: u32| match self.columns.get(column as usize) {
            Some(Column::Split(split)) => split.copied().next().is_none(),
            found => found.is_some(),
        };
        let splits = self.columns.iter().filter_map(|column| match column {
            Column::Split(split) => Some(split),
            _ => None,
        });
        splits.flat_map(|split| split.copied()).all(is_plain)
    }

    /// The columns that texts are copied from.
    fn copied(&self) -> impl Iterator<Item = u32> + '_ {
        let slots = self.patterns.iter().flat_map(|pattern| &pattern.slots);
        slots.filter_map(|(_, slot)| if let Slot::Copy(column) = slot { Some(*column) } else { None })
    }

    pub(super) fn memory_bytes(&self) -> usize {
        let columns: usize = self.columns.iter().map(Column::memory_bytes).sum();
        let slots: usize = self.patterns.iter().map(|pattern| 32 + pattern.slots.len() * 12).sum();
        columns + slots + self.literals.len() + self.which.memory_bytes() + self.starts.len() * 4
    }
}

fn read_patterns(
    count: usize,
    columns: usize,
    described: &[u8],
    literals: usize,
) -> Result<Vec<Pattern>, Damaged> {
    let mut input = Input(described);
    let mut patterns = Vec::new();
    let mut end = 0;
    for _ in 0..count {
        let start = end;
        let slots = input.length(input.0.len())?;
        let mut pattern = Pattern { slots: Vec::with_capacity(slots), start: start as u32, end: 0 };
        for _ in 0..slots {
            let length = input.length(literals - end)?;
            end += length;
            let slot = input.length(u32::MAX as usize)?;
            let column = (slot >> 1) as u32;
            let slot = if slot & 1 == 1 { Slot::Copy(column) } else { Slot::Column(column) };
            if matches!(slot, Slot::Column(column) if column as usize >= columns) {
                return Err(Damaged);
            }
            pattern.slots.push((length as u32, slot));
        }
        end += input.length(literals - end)?;
        pattern.end = end as u32;
        patterns.push(pattern);
    }
    if input.0.is_empty() && end == literals { Ok(patterns) } else { Err(Damaged) }
}
