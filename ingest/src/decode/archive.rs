use super::{
    DecodeError, Limits, Source,
    input::Input,
    magic::{self, Magic},
    zip_stream::ZipStream,
};
use flate2::bufread::MultiGzDecoder;
use std::{io::Read, sync::Arc, sync::atomic::AtomicU64, sync::atomic::Ordering};

/// Largest window that a zstd frame may ask for: 2^27 bytes, as the `zstd` tool's default.
const ZSTD_WINDOW_LOG_MAX: u32 = 27;

/// One file of an upload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct MemberHeader {
    /// Its position among the archive's entries, from 0.
    pub(crate) position: u32,
    /// Its name in a zip; empty otherwise.
    pub(crate) name: String,
}

/// An uploaded file, decompressed on the fly: one member unless it is a zip. Read it member by member; reading gives
/// the bytes of the member that [`Archive::next_member`] came to.
pub(crate) struct Archive {
    body: Body,
    limits: Limits,
    /// Members begun so far.
    begun: u32,
    /// Decompressed bytes so far.
    expanded: u64,
    /// Compressed bytes read so far, for whoever shows progress.
    progress: Arc<AtomicU64>,
}

enum Body {
    Plain(Input),
    Gzip(Box<MultiGzDecoder<Input>>),
    Zstd(zstd::stream::read::Decoder<'static, Input>),
    Zip(ZipStream),
}

impl Archive {
    /// Recognises the compression by its magic bytes. Archives of other kinds are refused by name.
    pub(crate) fn open(
        reader: Box<dyn Read + Send>,
        limits: Limits,
        progress: Arc<AtomicU64>,
    ) -> Result<Self, DecodeError> {
        let mut input = Input::new(reader);
        let head = input.peek(512).map_err(|error| DecodeError::from_decompressor("file", error))?;
        let body = match magic::recognise(head) {
            None => Body::Plain(input),
            Some(Magic::Gzip) => Body::Gzip(Box::new(MultiGzDecoder::new(input))),
            Some(Magic::Zstd) => Body::Zstd(open_zstd(input)?),
            Some(Magic::Zip) => Body::Zip(ZipStream::new(input)),
            Some(Magic::EmptyZip) => return Err(DecodeError::Unsupported("the zip has no files".into())),
            Some(Magic::Other(name)) => {
                return Err(DecodeError::Unsupported(format!(
                    "the file is in {name} format; upload plain text, gzip, zstd or zip"
                )));
            }
        };
        Ok(Self { body, limits, begun: 0, expanded: 0, progress })
    }

    /// Comes to the next member; what was not read of the one before is skipped (and counts against the limits).
    pub(crate) fn next_member(&mut self) -> Result<Option<MemberHeader>, DecodeError> {
        if !matches!(self.body, Body::Zip(_)) {
            let first = self.begun == 0;
            self.begun = 1;
            return Ok(first.then(|| MemberHeader { position: 0, name: String::new() }));
        }
        super::skip(self, if self.begun == 0 { 0 } else { u64::MAX })?;
        loop {
            let Body::Zip(zip) = &mut self.body else { return Ok(None) };
            let Some(entry) = zip.next_entry()? else { return Ok(None) };
            let position = self.begun;
            self.begun += 1;
            if self.begun > self.limits.members_max {
                return Err(DecodeError::TooLarge(format!(
                    "the zip has more than {} files, the most that one upload may have",
                    self.limits.members_max
                )));
            }
            if entry.is_file {
                return Ok(Some(MemberHeader { position, name: entry.name }));
            }
            super::skip(self, u64::MAX)?;
        }
    }

    /// Compressed bytes taken so far.
    fn consumed(&self) -> u64 {
        match &self.body {
            Body::Plain(input) => input.consumed(),
            Body::Gzip(decoder) => decoder.get_ref().consumed(),
            Body::Zstd(decoder) => decoder.get_ref().consumed(),
            Body::Zip(zip) => zip.consumed(),
        }
    }

    fn read_body(&mut self, buffer: &mut [u8]) -> Result<usize, DecodeError> {
        let (what, result) = match &mut self.body {
            Body::Plain(input) => ("file", input.read(buffer)),
            Body::Gzip(decoder) => ("gzip", decoder.read(buffer)),
            Body::Zstd(decoder) => ("zstd", decoder.read(buffer)),
            Body::Zip(zip) => return zip.read(buffer),
        };
        result.map_err(|error| DecodeError::from_decompressor(what, error))
    }

    fn check_limits(&self, consumed: u64) -> Result<(), DecodeError> {
        let Limits { expanded_max_bytes, expansion_max_ratio, expansion_grace_bytes, .. } = self.limits;
        if self.expanded > expanded_max_bytes {
            return Err(DecodeError::TooLarge(format!(
                "the file expands to more than {expanded_max_bytes} bytes, the most that one upload may"
            )));
        }
        if self.expanded > expansion_grace_bytes
            && self.expanded > consumed.saturating_mul(expansion_max_ratio)
        {
            return Err(DecodeError::TooLarge(format!(
                "the file expands more than {expansion_max_ratio} times: it looks like a decompression bomb"
            )));
        }
        Ok(())
    }
}

impl Source for Archive {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, DecodeError> {
        let count = self.read_body(buffer)?;
        self.expanded += count as u64;
        let consumed = self.consumed();
        self.progress.store(consumed, Ordering::Relaxed);
        self.check_limits(consumed)?;
        Ok(count)
    }
}

fn open_zstd(input: Input) -> Result<zstd::stream::read::Decoder<'static, Input>, DecodeError> {
    let mut decoder = zstd::stream::read::Decoder::with_buffer(input)
        .map_err(|error| DecodeError::from_decompressor("zstd", error))?;
    decoder
        .window_log_max(ZSTD_WINDOW_LOG_MAX)
        .map_err(|error| DecodeError::from_decompressor("zstd", error))?;
    Ok(decoder)
}

#[cfg(test)]
mod tests;
