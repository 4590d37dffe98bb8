use super::{Entity, PastPayment, PaymentIndex};

/// Starts every snapshot; the last byte is the version of the format.
const MAGIC: [u8; 8] = *b"vgfraud\x01";
const DIGEST_BYTES: usize = 32;
const HEADER_BYTES: usize = 8 + 8 + 1 + 8;
const EVICTED_AT: usize = 8 + 8;
const PAYMENT_BYTES: usize = 8 + 8 + 8 * Entity::COUNT + 8 + 3 + 2 + 4 + 4 + 8 + 8 + 1;

/// A snapshot that cannot be read; the features are then computed from the history.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub(crate) enum SnapshotError {
    #[error("the snapshot of the fraud features is of another version")]
    Version,
    #[error("the snapshot of the fraud features is damaged")]
    Damaged,
}

/// Writes a snapshot: the durable feature state and the position of the history that it contains.
///
/// Form: magic and version, position, whether payments had left, number of payments, the payments by event time in
/// fixed-width little-endian fields, BLAKE3 of all before.
pub(crate) struct SnapshotWriter {
    bytes: Vec<u8>,
    count: u64,
}

impl SnapshotWriter {
    pub(crate) fn new(position: u64) -> Self {
        let mut bytes = Vec::with_capacity(HEADER_BYTES);
        bytes.extend(MAGIC);
        bytes.extend(position.to_le_bytes());
        bytes.extend([0; 9]);
        Self { bytes, count: 0 }
    }

    /// Adds payments.
    pub(crate) fn add(&mut self, payments: &[PastPayment], evicted: bool) {
        self.bytes[EVICTED_AT] |= u8::from(evicted);
        self.bytes.reserve(payments.len() * PAYMENT_BYTES);
        payments.iter().for_each(|payment| encode_payment(payment, &mut self.bytes));
        self.count += payments.len() as u64;
    }

    pub(crate) fn finish(mut self) -> Vec<u8> {
        self.bytes[EVICTED_AT + 1..HEADER_BYTES].copy_from_slice(&self.count.to_le_bytes());
        let digest = blake3::hash(&self.bytes);
        self.bytes.extend(digest.as_bytes());
        self.bytes
    }
}

/// Reads a snapshot: the state with at most `payments_max` payments, and its position.
pub(crate) fn decode_snapshot(
    bytes: &[u8],
    payments_max: usize,
) -> Result<(PaymentIndex, u64), SnapshotError> {
    let body_bytes = bytes.len().checked_sub(DIGEST_BYTES).ok_or(SnapshotError::Damaged)?;
    let (body, digest) = bytes.split_at(body_bytes);
    let mut reader = Reader(body);
    let magic: [u8; 8] = reader.take()?;
    if magic[..7] == MAGIC[..7] && magic[7] != MAGIC[7] {
        return Err(SnapshotError::Version);
    }
    if magic != MAGIC || blake3::hash(body).as_bytes() != digest {
        return Err(SnapshotError::Damaged);
    }
    let position = u64::from_le_bytes(reader.take()?);
    let [evicted] = reader.take()?;
    let count = u64::from_le_bytes(reader.take()?);
    let mut index = PaymentIndex::new(payments_max);
    index.set_evicted(evicted != 0);
    for _ in 0..count {
        index.insert(decode_payment(&mut reader)?);
    }
    if reader.0.is_empty() { Ok((index, position)) } else { Err(SnapshotError::Damaged) }
}

fn encode_payment(payment: &PastPayment, bytes: &mut Vec<u8>) {
    bytes.extend(payment.time_ms.to_le_bytes());
    bytes.extend(payment.id.to_le_bytes());
    for entity in payment.entities {
        bytes.extend(entity.to_le_bytes());
    }
    bytes.extend(payment.amount_minor.to_le_bytes());
    bytes.extend(payment.currency);
    bytes.extend(payment.country);
    bytes.extend(payment.lat.to_le_bytes());
    bytes.extend(payment.lon.to_le_bytes());
    bytes.extend(payment.declined_ms.to_le_bytes());
    bytes.extend(payment.label_ms.to_le_bytes());
    bytes.push(u8::from(payment.label_fraud));
}

fn decode_payment(reader: &mut Reader<'_>) -> Result<PastPayment, SnapshotError> {
    let time_ms = i64::from_le_bytes(reader.take()?);
    let id = u64::from_le_bytes(reader.take()?);
    let mut entities = [0; Entity::COUNT];
    for entity in &mut entities {
        *entity = u64::from_le_bytes(reader.take()?);
    }
    Ok(PastPayment {
        time_ms,
        id,
        entities,
        amount_minor: i64::from_le_bytes(reader.take()?),
        currency: reader.take()?,
        country: reader.take()?,
        lat: f32::from_le_bytes(reader.take()?),
        lon: f32::from_le_bytes(reader.take()?),
        declined_ms: i64::from_le_bytes(reader.take()?),
        label_ms: i64::from_le_bytes(reader.take()?),
        label_fraud: reader.take::<1>()? != [0],
    })
}

struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn take<const N: usize>(&mut self) -> Result<[u8; N], SnapshotError> {
        let (head, rest) = self.0.split_first_chunk::<N>().ok_or(SnapshotError::Damaged)?;
        self.0 = rest;
        Ok(*head)
    }
}
