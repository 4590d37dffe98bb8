use super::{DecodeError, Source};

/// How much is read at once.
const READ_BYTES: usize = 64 * 1024;

/// The part of a stream that is being looked at: grows at its end, is consumed at its start, knows where it is.
pub(super) struct Window<S> {
    source: S,
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    /// Byte in the stream of the first byte of the window.
    offset: u64,
    ended: bool,
}

impl<S: Source> Window<S> {
    /// A window on a source that stands at byte `offset`.
    pub(super) fn new(source: S, offset: u64) -> Self {
        Self { source, buffer: vec![0; READ_BYTES], start: 0, end: 0, offset, ended: false }
    }

    pub(super) fn data(&self) -> &[u8] {
        &self.buffer[self.start..self.end]
    }

    pub(super) fn offset(&self) -> u64 {
        self.offset
    }

    /// Whether there is nothing beyond the window.
    pub(super) fn ended(&self) -> bool {
        self.ended
    }

    pub(super) fn consume(&mut self, count: usize) {
        self.start += count;
        self.offset += count as u64;
    }

    /// The `count` bytes that were consumed last. Valid until [`Window::more`].
    pub(super) fn consumed(&self, count: usize, length: usize) -> &[u8] {
        let start = self.start - count;
        &self.buffer[start..start + length]
    }

    /// Adds bytes at the end; `false` if there are none.
    pub(super) fn more(&mut self) -> Result<bool, DecodeError> {
        if self.ended {
            return Ok(false);
        }
        if self.start > 0 {
            self.buffer.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
        }
        if self.buffer.len() - self.end < READ_BYTES / 2 {
            self.buffer.resize(self.buffer.len() * 2, 0);
        }
        let count = self.source.read(&mut self.buffer[self.end..])?;
        self.end += count;
        self.ended = count == 0;
        Ok(!self.ended)
    }
}

#[cfg(test)]
impl<S> Window<S> {
    /// Bytes of memory that the window takes.
    pub(super) fn capacity(&self) -> usize {
        self.buffer.capacity()
    }
}
