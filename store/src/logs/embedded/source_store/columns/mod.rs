//! Documents in columns: what they have in common is written once, what varies is kept value by value.
//!
//! The values of JSON documents are cut out of their texts, byte for byte: what remains are few patterns (names, braces,
//! spaces), and a column for each path. A column takes the smallest of few forms: numbers as differences, points in time as
//! numbers, identifiers as bytes, few texts as a dictionary. Messages and paths are patterns again, with columns of
//! their own; a word of a message that another value of the document says too is not kept a second time. Each large
//! buffer is compressed alone, for statistics of its own.
//!
//! *Invariant*: reading gives back every byte, of whatever was put in; whatever is read, it ends in bounded memory, with
//! the documents or [`Damaged`](super::bytes::Damaged).
//!
//! Source: Rodrigues et al., "CLP: Efficient and Scalable Search on Compressed Text Logs", OSDI 2021 (patterns and
//! variables of messages); the columns are as those of VictoriaLogs, <https://docs.victoriametrics.com/victorialogs/>.

mod block;
mod buffers;
mod column;
mod cuts;
mod dictionary;
mod numbers;

mod packer;
mod shaped;
mod split;
mod strings;
mod times;

#[cfg(test)]
mod tests;

pub(super) use block::Block;
pub(super) use packer::Packer;
