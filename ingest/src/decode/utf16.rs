use super::{DecodeError, Source};

/// Reads UTF-16 as UTF-8. Surrogates without partner, and half a unit at the end, become U+FFFD.
pub(super) struct Utf16<S> {
    source: S,
    big_endian: bool,
    /// Bytes read and not decoded: less than a character.
    pending: Vec<u8>,
    /// Text decoded and not yet read.
    text: Vec<u8>,
    position: usize,
    ended: bool,
}

impl<S: Source> Utf16<S> {
    pub(super) fn new(source: S, big_endian: bool) -> Self {
        Self { source, big_endian, pending: Vec::new(), text: Vec::new(), position: 0, ended: false }
    }

    fn unit(&self, pair: &[u8]) -> u16 {
        let pair = [pair[0], pair[1]];
        if self.big_endian { u16::from_be_bytes(pair) } else { u16::from_le_bytes(pair) }
    }

    fn decode_more(&mut self) -> Result<(), DecodeError> {
        let mut chunk = [0; 16 * 1024];
        let count = self.source.read(&mut chunk)?;
        self.pending.extend_from_slice(&chunk[..count]);
        self.ended = count == 0;
        let mut units: Vec<u16> = self.pending.chunks_exact(2).map(|pair| self.unit(pair)).collect();
        let mut used = units.len() * 2;
        if !self.ended && units.last().is_some_and(|unit| (0xD800..0xDC00).contains(unit)) {
            // The partner of this surrogate is still to come.
            units.pop();
            used -= 2;
        }
        self.text.clear();
        self.position = 0;
        let mut utf8 = [0; 4];
        for character in char::decode_utf16(units) {
            let character = character.unwrap_or(char::REPLACEMENT_CHARACTER);
            self.text.extend_from_slice(character.encode_utf8(&mut utf8).as_bytes());
        }
        self.pending.drain(..used);
        if self.ended && !self.pending.is_empty() {
            self.pending.clear();
            self.text.extend_from_slice("\u{FFFD}".as_bytes());
        }
        Ok(())
    }
}

impl<S: Source> Source for Utf16<S> {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, DecodeError> {
        while self.position == self.text.len() && !self.ended {
            self.decode_more()?;
        }
        let mut rest = &self.text[self.position..];
        let count = rest.read(buffer)?;
        self.position += count;
        Ok(count)
    }
}
