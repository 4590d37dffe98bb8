use super::DecodeError;

/// How much of the start of a file is looked at to recognise what it is.
pub(crate) const SAMPLE_BYTES: usize = 64 * 1024;

/// A stream of bytes whose failures say whose fault they are.
pub(crate) trait Source {
    /// Reads into `buffer` and answers how much; 0 only at the end (or for an empty buffer).
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, DecodeError>;
}

impl Source for &[u8] {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, DecodeError> {
        let count = self.len().min(buffer.len());
        let (head, tail) = self.split_at(count);
        buffer[..count].copy_from_slice(head);
        *self = tail;
        Ok(count)
    }
}

impl<S: Source + ?Sized> Source for &mut S {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, DecodeError> {
        (**self).read(buffer)
    }
}

impl Source for Box<dyn Source + '_> {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, DecodeError> {
        (**self).read(buffer)
    }
}

/// A source whose first bytes were looked at; reading starts at the first byte all the same.
pub(crate) struct Peeked<S> {
    sample: Vec<u8>,
    position: usize,
    inner: S,
    /// The error that ended the sample, to be reported once the sample is read.
    failed: Option<DecodeError>,
}

impl<S: Source> Peeked<S> {
    /// Reads up to [`SAMPLE_BYTES`]. A fault of the file is kept for later; a failure of the storage is returned.
    pub(crate) fn new(mut inner: S) -> Result<Self, DecodeError> {
        let mut sample = vec![0; SAMPLE_BYTES];
        let mut filled = 0;
        let mut failed = None;
        while filled < SAMPLE_BYTES {
            match inner.read(&mut sample[filled..]) {
                Ok(0) => break,
                Ok(count) => filled += count,
                Err(error) if error.keeps_what_was_read() => {
                    failed = Some(error);
                    break;
                }
                Err(error) => return Err(error),
            }
        }
        sample.truncate(filled);
        Ok(Self { sample, position: 0, inner, failed })
    }

    /// The first bytes, whether or not they were read already.
    pub(crate) fn sample(&self) -> &[u8] {
        &self.sample
    }

    /// Whether the sample is all there is.
    pub(crate) fn sample_is_all(&self) -> bool {
        self.sample.len() < SAMPLE_BYTES
    }
}

impl<S: Source> Source for Peeked<S> {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, DecodeError> {
        if self.position < self.sample.len() {
            let mut rest = &self.sample[self.position..];
            let count = rest.read(buffer)?;
            self.position += count;
            return Ok(count);
        }
        match self.failed.take() {
            Some(error) => Err(error),
            None => self.inner.read(buffer),
        }
    }
}

/// Reads and forgets `count` bytes; fewer only if the source ends before.
pub(crate) fn skip(source: &mut impl Source, count: u64) -> Result<(), DecodeError> {
    let mut buffer = vec![0; SAMPLE_BYTES];
    let mut left = count;
    while left > 0 {
        let want = buffer.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        match source.read(&mut buffer[..want])? {
            0 => break,
            read => left -= read as u64,
        }
    }
    Ok(())
}

#[cfg(test)]
pub(super) mod testing {
    use super::{DecodeError, Source};

    /// Bytes that come in pieces of the given sizes, over and over.
    pub(in crate::decode) struct Pieces<'a> {
        pub(in crate::decode) bytes: &'a [u8],
        pub(in crate::decode) sizes: &'a [usize],
        pub(in crate::decode) turn: usize,
    }

    impl<'a> Pieces<'a> {
        pub(in crate::decode) fn new(bytes: &'a [u8], sizes: &'a [usize]) -> Self {
            Self { bytes, sizes, turn: 0 }
        }
    }

    impl Source for Pieces<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> Result<usize, DecodeError> {
            let size = self.sizes[self.turn % self.sizes.len()].max(1).min(buffer.len());
            self.turn += 1;
            self.bytes.read(&mut buffer[..size])
        }
    }
}
