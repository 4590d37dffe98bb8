//! Decoders: from the bytes of a file to its records, without ever holding more than one record in memory.
//!
//! The way of the bytes: [`Archive`] (gzip, zstd, zip or plain, with limits) → [`Text`] (byte order marks, UTF-16, binary
//! refused) → [`Records`] (lines, several of them joined, rows of a table, or elements of a JSON array). Each step reads from a [`Source`].
//!
//! *Invariant*: any bytes are taken without panic; memory is bounded by [`Limits`]; what a decoder yields does not
//! depend on how the bytes were cut into reads.

mod archive;
mod error;
mod format;
mod framing;
mod input;
mod joined;
mod json_elements;
mod limits;
mod lines;
mod magic;
mod records;
mod source;
mod table;
mod text;
mod traces;
mod utf16;
mod window;
mod zip_stream;

pub(crate) use archive::{Archive, MemberHeader};
pub(crate) use error::DecodeError;
pub use framing::{Framing, LineStart};
pub use limits::Limits;
pub(crate) use magic::container;
pub(crate) use records::{RawRecord, Records, Resume, Shape, sample_records};
pub(crate) use source::{Peeked, SAMPLE_BYTES, Source, skip};
pub(crate) use table::Column;
pub(crate) use text::{Encoding, sniff_text};
