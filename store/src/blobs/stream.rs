//! Encryption of a blob as it flows: what is written is readable only whole, in order, under its own id.
//!
//! Form of a blob: a header (magic, version, random nonce), then chunks of 64 KiB, each sealed on its own with
//! XChaCha20-Poly1305. The nonce of a chunk carries its number and whether it is the last (the STREAM
//! construction of Hoang, Reyhanitabar, Rogaway, Vizár: "Online Authenticated-Encryption and its Nonce-Reuse
//! Misuse-Resistance", CRYPTO 2015), so a chunk that was changed, moved, dropped or cut off is found. The header
//! and the id are bound to every chunk as associated data, so a blob that was renamed is found too.

use aead_stream::{DecryptorBE32, EncryptorBE32, Key, Nonce, StreamBE32};
use chacha20poly1305::XChaCha20Poly1305;
use std::io::{self, Read, Write};

type Cipher = XChaCha20Poly1305;

/// Marks a blob of ours, and the version of its form.
const MAGIC: [u8; 8] = *b"vigieb\x00\x01";
/// XChaCha20's 24 bytes less the 5 that STREAM fills in.
const NONCE_BYTES: usize = 19;
/// Plain bytes per chunk; only the last has fewer.
pub(super) const CHUNK_BYTES: usize = 64 << 10;
/// Bytes of Poly1305's tag, which each sealed chunk has more.
const TAG_BYTES: usize = 16;
/// Bytes before the first chunk.
const HEADER_BYTES: usize = MAGIC.len() + NONCE_BYTES;

/// A key of 256 bits.
pub(super) type BlobKey = [u8; 32];

/// Seals what is written to it.
pub(super) struct Sealer<W> {
    out: W,
    encryptor: EncryptorBE32<Cipher>,
    associated: Vec<u8>,
    /// Plain bytes of the chunk under way. A full chunk waits here until more bytes come or the blob ends.
    chunk: Vec<u8>,
}

impl<W: Write> Sealer<W> {
    /// Begins a blob: writes its header.
    pub(super) fn new(mut out: W, key: &BlobKey, id: &str) -> io::Result<Self> {
        let mut nonce = [0; NONCE_BYTES];
        rand::TryRng::try_fill_bytes(&mut rand::rngs::SysRng, &mut nonce).map_err(io::Error::other)?;
        out.write_all(&MAGIC)?;
        out.write_all(&nonce)?;
        let encryptor = EncryptorBE32::new(&cipher_key(key), &stream_nonce(nonce));
        let chunk = Vec::with_capacity(CHUNK_BYTES + TAG_BYTES);
        Ok(Self { out, encryptor, associated: associated(&nonce, id), chunk })
    }

    /// Adds bytes.
    pub(super) fn write(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            if self.chunk.len() == CHUNK_BYTES {
                self.encryptor
                    .encrypt_next_in_place(&self.associated, &mut self.chunk)
                    .map_err(|_| io::Error::new(io::ErrorKind::FileTooLarge, "a blob ends at 256 TiB"))?;
                self.out.write_all(&self.chunk)?;
                self.chunk.clear();
            }
            let (now, later) = bytes.split_at(bytes.len().min(CHUNK_BYTES - self.chunk.len()));
            self.chunk.extend_from_slice(now);
            bytes = later;
        }
        Ok(())
    }

    /// What is written to.
    pub(super) fn get_ref(&self) -> &W {
        &self.out
    }

    /// Seals the last chunk, which may be empty, and gives back what was written to.
    pub(super) fn finish(self) -> io::Result<W> {
        let Self { mut out, encryptor, associated, mut chunk } = self;
        encryptor
            .encrypt_last_in_place(&associated, &mut chunk)
            .map_err(|_| io::Error::other("cannot seal the last chunk of a blob"))?;
        out.write_all(&chunk)?;
        Ok(out)
    }
}

/// Reads a sealed blob. Bytes are given out only after their chunk was found genuine; the end only after the last
/// chunk was. After an error, every read is an error.
pub(super) struct Unsealer<R> {
    input: R,
    /// Gone after the last chunk and after an error.
    decryptor: Option<DecryptorBE32<Cipher>>,
    associated: Vec<u8>,
    /// The chunk under way and how much of it was given out.
    chunk: Vec<u8>,
    given: usize,
    /// First byte of the next chunk: read to know whether there is one.
    peeked: Option<u8>,
    damaged: bool,
}

impl<R: Read> Unsealer<R> {
    /// Reads the header.
    ///
    /// # Errors
    /// `InvalidData` if it is no blob of a form that this program knows.
    pub(super) fn new(mut input: R, key: &BlobKey, id: &str) -> io::Result<Self> {
        let mut header = [0; HEADER_BYTES];
        input.read_exact(&mut header).map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => damaged("it has no whole header"),
            _ => error,
        })?;
        let (magic, rest) = header.split_at(MAGIC.len());
        if magic != MAGIC {
            return Err(damaged("its header is of no version that this program knows"));
        }
        let mut nonce = [0; NONCE_BYTES];
        nonce.copy_from_slice(rest);
        let decryptor = DecryptorBE32::new(&cipher_key(key), &stream_nonce(nonce));
        Ok(Self {
            input,
            decryptor: Some(decryptor),
            associated: associated(&nonce, id),
            chunk: Vec::with_capacity(CHUNK_BYTES + TAG_BYTES),
            given: 0,
            peeked: None,
            damaged: false,
        })
    }

    /// Reads and opens the next chunk.
    fn advance(&mut self) -> io::Result<()> {
        let Some(mut decryptor) = self.decryptor.take() else { return Ok(()) };
        self.given = 0;
        self.chunk.clear();
        self.chunk.extend(self.peeked.take());
        let missing = (CHUNK_BYTES + TAG_BYTES - self.chunk.len()) as u64;
        self.input.by_ref().take(missing).read_to_end(&mut self.chunk)?;
        let mut next = Vec::new();
        self.input.by_ref().take(1).read_to_end(&mut next)?;
        self.peeked = next.first().copied();
        let opened = if self.peeked.is_some() {
            let opened = decryptor.decrypt_next_in_place(&self.associated, &mut self.chunk);
            self.decryptor = Some(decryptor);
            opened
        } else {
            decryptor.decrypt_last_in_place(&self.associated, &mut self.chunk)
        };
        opened.map_err(|_| damaged("it was changed or cut off, or is sealed with another key or id"))
    }
}

impl<R: Read> Read for Unsealer<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.damaged {
            return Err(damaged("it could not be read before"));
        }
        if self.given == self.chunk.len()
            && let Err(error) = self.advance()
        {
            self.damaged = true;
            self.decryptor = None;
            self.chunk.clear();
            return Err(error);
        }
        let ready = &self.chunk[self.given..];
        let given = ready.len().min(buffer.len());
        buffer[..given].copy_from_slice(&ready[..given]);
        self.given += given;
        Ok(given)
    }
}

fn associated(nonce: &[u8; NONCE_BYTES], id: &str) -> Vec<u8> {
    [MAGIC.as_slice(), nonce, id.as_bytes()].concat()
}

fn cipher_key(key: &BlobKey) -> Key<Cipher> {
    Key::<Cipher>::from(*key)
}

fn stream_nonce(nonce: [u8; NONCE_BYTES]) -> Nonce<Cipher, StreamBE32<Cipher>> {
    nonce.into()
}

fn damaged(how: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("the blob is damaged: {how}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const KEY: BlobKey = [7; 32];
    const SEALED: usize = CHUNK_BYTES + TAG_BYTES;

    fn sealed(plain: &[u8]) -> Vec<u8> {
        let mut sealer = Sealer::new(Vec::new(), &KEY, "id").unwrap();
        sealer.write(plain).unwrap();
        sealer.finish().unwrap()
    }

    fn unsealed(blob: &[u8], key: &BlobKey, id: &str) -> io::Result<Vec<u8>> {
        let mut plain = Vec::new();
        Unsealer::new(blob, key, id)?.read_to_end(&mut plain)?;
        Ok(plain)
    }

    fn plain(length: usize) -> Vec<u8> {
        (0..length).map(|n| (n / 251 + n) as u8).collect()
    }

    #[test]
    fn sizes() {
        let check = |length: usize, chunks: usize| {
            let blob = sealed(&plain(length));
            assert_eq!(blob.len(), HEADER_BYTES + length + chunks * TAG_BYTES, "{length}");
            assert!(unsealed(&blob, &KEY, "id").unwrap() == plain(length), "{length}");
        };
        check(0, 1);
        check(1, 1);
        check(CHUNK_BYTES - 1, 1);
        check(CHUNK_BYTES, 1);
        check(CHUNK_BYTES + 1, 2);
        check(2 * CHUNK_BYTES, 2);
        check(3 * CHUNK_BYTES + 5, 4);
    }

    #[test]
    fn damage_is_found() {
        let blob = sealed(&plain(3 * CHUNK_BYTES));
        let check = |what: &str, damage: &dyn Fn(&mut Vec<u8>)| {
            let mut damaged = blob.clone();
            damage(&mut damaged);
            let error = unsealed(&damaged, &KEY, "id").expect_err(what);
            assert_eq!(error.kind(), io::ErrorKind::InvalidData, "{what}");
        };
        let chunk = |n: usize| HEADER_BYTES + n * SEALED;
        check("magic", &|blob| blob[0] ^= 1);
        check("version", &|blob| blob[7] += 1);
        check("nonce", &|blob| blob[8] ^= 1);
        check("first chunk", &|blob| blob[chunk(0)] ^= 1);
        check("last tag", &|blob| *blob.last_mut().unwrap() ^= 1);
        check("cut in the header", &|blob| blob.truncate(HEADER_BYTES - 1));
        check("nothing but the header", &|blob| blob.truncate(HEADER_BYTES));
        check("cut at a chunk", &|blob| blob.truncate(chunk(2)));
        check("cut in a chunk", &|blob| blob.truncate(chunk(2) + 100));
        check("cut in a tag", &|blob| blob.truncate(blob.len() - 1));
        check("appended", &|blob| blob.push(0));
        check("chunk dropped", &|blob| drop(blob.drain(chunk(1)..chunk(2))));
        check("chunk repeated", &|blob| {
            let copy = blob[chunk(1)..chunk(2)].to_vec();
            blob.splice(chunk(1)..chunk(1), copy);
        });
        check("chunks swapped", &|blob| {
            let first = blob[chunk(0)..chunk(1)].to_vec();
            blob.copy_within(chunk(1)..chunk(2), chunk(0));
            blob[chunk(1)..chunk(2)].copy_from_slice(&first);
        });
        assert!(unsealed(&blob, &[8; 32], "id").is_err(), "another key");
        assert!(unsealed(&blob, &KEY, "other").is_err(), "another id");
    }

    #[test]
    fn a_damaged_blob_stays_an_error() {
        let mut blob = sealed(&plain(2 * CHUNK_BYTES));
        blob[HEADER_BYTES + SEALED] ^= 1;
        let mut reader = Unsealer::new(blob.as_slice(), &KEY, "id").unwrap();
        let mut first = vec![0; CHUNK_BYTES];
        reader.read_exact(&mut first).unwrap();
        assert!(reader.read(&mut [0; 1]).is_err());
        assert!(reader.read(&mut [0; 1]).is_err());
    }

    #[test]
    fn equal_blobs_are_sealed_differently() {
        assert_ne!(sealed(b"same"), sealed(b"same"));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]

        /// However the bytes are cut on their way in and out, they are the same.
        #[test]
        fn unsealing_undoes_sealing(
            parts in proptest::collection::vec(0..100_000_usize, 0..4), reads in 1..200_000_usize,
        ) {
            let mut sealer = Sealer::new(Vec::new(), &KEY, "id").unwrap();
            let mut expected = Vec::new();
            for length in parts {
                sealer.write(&plain(length)).unwrap();
                expected.extend(plain(length));
            }
            let blob = sealer.finish().unwrap();
            let mut reader = Unsealer::new(blob.as_slice(), &KEY, "id").unwrap();
            let mut buffer = vec![0; reads];
            let mut read = Vec::new();
            loop {
                match reader.read(&mut buffer).unwrap() {
                    0 => break,
                    n => read.extend_from_slice(&buffer[..n]),
                }
            }
            prop_assert!(read == expected);
        }
    }
}
