//! From documents to a block of columns.

use super::{
    super::{bytes::put_number, record::Records},
    buffers::{Content, Packed, Press},
    column::{self, SPLIT, distinct},
    cuts::{Cut, JsonCutter, To, VALUES_MAX, cut_words},
    split::{COLUMNS_MAX, Cutting},
};
use std::{collections::HashMap, io};

/// With more columns it is not looked for values that two of them share.
const COPIED_COLUMNS_MAX: usize = 64;
/// So many values of a column tell what it is like.
const SAMPLE: usize = 32;
/// Keys of the columns that hold what is not cut out of a document's JSON.
const ID: u64 = 2;
const ROUTING: u64 = 3;
const WHOLE: u64 = 4;

/// Packs blocks, one after the other.
pub(in super::super) struct Packer {
    press: Press,
    cutter: JsonCutter,
}

impl Packer {
    pub(in super::super) fn new() -> io::Result<Self> {
        Ok(Self { press: Press::new()?, cutter: JsonCutter::new() })
    }

    /// Compresses text that is not in columns; `None`: it does not get smaller.
    pub(in super::super) fn compress(&mut self, text: &[u8]) -> Option<Vec<u8>> {
        self.press.compress(text, Content::Text)
    }

    /// A block of these documents; `None`: they have too little in common.
    pub(in super::super) fn pack(&mut self, records: &Records) -> Option<Vec<u8>> {
        let documents = self.cut(records)?;
        let columns = Columns::of(&documents, records.len()).pack(&mut self.press);
        let packed = documents.pack(&columns, &mut self.press);
        let head = self.press.compress(&packed.head, Content::Text);
        let mut block = Vec::new();
        put_number(&mut block, records.len() as u64);
        put_number(&mut block, records.bytes() as u64);
        put_number(&mut block, packed.head.len() as u64);
        put_number(&mut block, head.as_ref().map_or(0, |head| head.len() as u64));
        block.extend_from_slice(head.as_deref().unwrap_or(&packed.head));
        block.extend_from_slice(&packed.body);
        Some(block)
    }

    fn cut<'a>(&mut self, records: &'a Records) -> Option<Cutting<'a>> {
        let mut documents = Cutting::default();
        let (mut cuts, mut values) = (Vec::new(), Vec::new());
        for (text, parts) in records.texts() {
            cuts.clear();
            values.clear();
            cuts.push(Cut { start: parts.id.start, end: parts.id.end, to: To::Column(ID) });
            if let Some(routing) = parts.routing {
                cuts.push(Cut { start: routing.start, end: routing.end, to: To::Column(ROUTING) });
            }
            let start = parts.source_start;
            self.cutter.cut(&text[start..], &mut values);
            if values.len() > VALUES_MAX {
                cuts.push(Cut { start, end: text.len(), to: To::Column(WHOLE) });
            } else {
                cuts.extend(values.iter().map(|cut| Cut {
                    start: cut.start + start,
                    end: cut.end + start,
                    to: cut.to,
                }));
            }
            documents.add(text, &cuts);
            if documents.patterns() > records.len() / 2 + 1 || documents.columns.len() > COLUMNS_MAX {
                return None;
            }
        }
        Some(documents)
    }
}

/// The columns of documents, while it is found out which say the same.
struct Columns<'c, 'a> {
    documents: &'c Cutting<'a>,
    /// For each column the first value of each document that has one.
    firsts: Vec<Vec<Option<&'a [u8]>>>,
    /// Columns that others may copy.
    sources: Vec<usize>,
}

impl<'c, 'a> Columns<'c, 'a> {
    fn of(documents: &'c Cutting<'a>, count: usize) -> Self {
        let mut firsts = Vec::new();
        if documents.columns.len() <= COPIED_COLUMNS_MAX {
            for (values, owners) in documents.columns.iter().zip(&documents.owners) {
                let mut first = vec![None; count];
                for (value, owner) in values.iter().zip(owners).rev() {
                    first[*owner as usize] = Some(*value);
                }
                firsts.push(first);
            }
        }
        Self { documents, firsts, sources: Vec::new() }
    }

    fn pack(mut self, press: &mut Press) -> Vec<Packed> {
        let count = self.documents.columns.len();
        let (texts, others): (Vec<usize>, Vec<usize>) =
            (0..count).partition(|number| is_message(&self.documents.columns[*number]));
        let mut packed = HashMap::new();
        for number in others {
            let column = self.pack_copy(number, press);
            packed.insert(number, column.unwrap_or_else(|| self.pack_source(number, press)));
        }
        for number in texts {
            packed.insert(number, self.pack_message(number, press));
        }
        (0..count).map(|number| packed.remove(&number).unwrap_or_default()).collect()
    }

    fn first(&self, column: usize, document: u32) -> Option<&'a [u8]> {
        *self.firsts.get(column)?.get(document as usize)?
    }

    fn values(&self, column: usize) -> impl Iterator<Item = (&'a [u8], u32)> + Clone + use<'c, 'a> {
        let (values, owners) = (&self.documents.columns[column], &self.documents.owners[column]);
        values.iter().copied().zip(owners.iter().copied())
    }

    /// A column that says nothing of its own where another says the same.
    fn pack_copy(&self, number: usize, press: &mut Press) -> Option<Packed> {
        let values = self.values(number);
        let step = (self.documents.columns[number].len() / SAMPLE).max(1);
        let source = self.sources.iter().copied().find(|source| {
            let mut sample = values.clone().step_by(step);
            sample.all(|(value, owner)| self.first(*source, owner) == Some(value))
        })?;
        let mut copied = Cutting::default();
        for (value, owner) in values {
            let is_same = self.first(source, owner) == Some(value);
            let to = if is_same { To::Copy(source as u32) } else { To::Column(0) };
            copied.add(value, &[Cut { start: 0, end: value.len(), to }]);
        }
        Some(pack_cut(&copied, press))
    }

    fn pack_source(&mut self, number: usize, press: &mut Press) -> Packed {
        let column = column::pack(&self.documents.columns[number], true, press);
        if column.head.first() != Some(&column::CONSTANT) && number < self.firsts.len() {
            self.sources.push(number);
        }
        column
    }

    /// A column of messages, cut into words if that pays.
    fn pack_message(&self, number: usize, press: &mut Press) -> Packed {
        let values = &self.documents.columns[number];
        let cut = self.cut_message(number).map(|words| pack_cut(&words, press));
        let bytes: usize = values.iter().map(|value| value.len()).sum();
        let plain = match &cut {
            Some(cut) if cut.cost() <= bytes / 4 => None,
            _ => Some(column::pack(values, false, press)),
        };
        column::smallest([cut, plain])
    }

    fn cut_message(&self, number: usize) -> Option<Cutting<'a>> {
        let mut words = Cutting::default();
        let mut cuts = Vec::new();
        let patterns_max = self.documents.columns[number].len() / 8 + 16;
        for (value, owner) in self.values(number) {
            cuts.clear();
            let says = |word: &[u8]| {
                let source = self.sources.iter().find(|source| self.first(**source, owner) == Some(word));
                source.map(|source| *source as u32)
            };
            cut_words(value, says, &mut cuts);
            words.add(value, &cuts);
            if words.patterns() > patterns_max {
                return None;
            }
        }
        Some(words)
    }
}

fn pack_cut(cutting: &Cutting<'_>, press: &mut Press) -> Packed {
    let columns: Vec<Packed> =
        cutting.columns.iter().map(|column| column::pack(column, true, press)).collect();
    column::tagged(SPLIT, &cutting.pack(&columns, press))
}

/// Whether most values have several words, and many of them are different.
fn is_message(values: &[&[u8]]) -> bool {
    let step = (values.len() / SAMPLE).max(1);
    let sample = values.iter().step_by(step);
    let total = sample.clone().count();
    sample.filter(|value| value.contains(&b' ')).count() * 2 > total
        && distinct(values, values.len() / 8).is_none()
}
