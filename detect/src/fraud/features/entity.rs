use crate::fraud::payment::Payment;

/// What payments are counted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Entity {
    User,
    Card,
    Device,
    Address,
    Email,
}

impl Entity {
    pub(crate) const COUNT: usize = 5;
    pub(crate) const ALL: [Self; Self::COUNT] =
        [Self::User, Self::Card, Self::Device, Self::Address, Self::Email];

    /// Its name in codes and features.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Card => "card",
            Self::Device => "device",
            Self::Address => "address",
            Self::Email => "email",
        }
    }

    /// How a sentence points at it.
    pub(crate) fn phrase(self) -> &'static str {
        match self {
            Self::User => "by this user",
            Self::Card => "with this card",
            Self::Device => "from this device",
            Self::Address => "from this IP address",
            Self::Email => "with this e-mail address",
        }
    }
}

/// What is remembered of a payment: times in milliseconds since 1970, identifiers as [`digest`], 0 for absent.
/// No name, address or card token is in it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct PastPayment {
    /// Event time.
    pub(crate) time_ms: i64,
    /// Of the transaction id.
    pub(crate) id: u64,
    /// By [`Entity`].
    pub(crate) entities: [u64; Entity::COUNT],
    /// Minor units; −1 for unknown.
    pub(crate) amount_minor: i64,
    /// ISO 4217; zeros for unknown.
    pub(crate) currency: [u8; 3],
    /// Country of the address; zeros for unknown.
    pub(crate) country: [u8; 2],
    /// Degrees; NaN for unknown.
    pub(crate) lat: f32,
    /// Degrees; NaN for unknown.
    pub(crate) lon: f32,
    /// Since when it counts as declined; `i64::MAX` for never.
    pub(crate) declined_ms: i64,
    /// Since when the latest label is known; `i64::MAX` for never.
    pub(crate) label_ms: i64,
    /// What the latest label says.
    pub(crate) label_fraud: bool,
}

/// "Never", as a time.
pub(crate) const NEVER_MS: i64 = i64::MAX;

impl PastPayment {
    /// What to remember of a payment. A chargeback or a later status is a [`super::Change`].
    pub(crate) fn new(transaction_id: &str, payment: &Payment) -> Self {
        let of = |text: &Option<String>| text.as_deref().map_or(0, digest);
        Self {
            time_ms: payment.time.as_millisecond(),
            id: digest(transaction_id),
            entities: [
                of(&payment.user_id),
                of(&payment.card),
                of(&payment.device_id),
                of(&payment.address),
                of(&payment.email),
            ],
            amount_minor: payment.amount_minor.unwrap_or(-1),
            currency: code(payment.currency.as_deref()),
            country: code(payment.address_country.as_deref()),
            lat: payment.location.map_or(f32::NAN, |place| place.lat as f32),
            lon: payment.location.map_or(f32::NAN, |place| place.lon as f32),
            declined_ms: if payment.is_declined() { payment.time.as_millisecond() } else { NEVER_MS },
            label_ms: NEVER_MS,
            label_fraud: false,
        }
    }

    /// Sorts payments by event time; ties by id.
    pub(crate) fn key(&self) -> (i64, u64) {
        (self.time_ms, self.id)
    }

    /// The digest of that entity; `None` if the payment names none.
    pub(crate) fn entity(&self, entity: Entity) -> Option<u64> {
        Some(self.entities[entity as usize]).filter(|&digest| digest != 0)
    }

    /// Whether it was known at that time to be fraud.
    pub(crate) fn is_fraud_at(&self, time_ms: i64) -> bool {
        self.label_fraud && self.label_ms <= time_ms
    }

    /// Whether it was known at that time to be declined.
    pub(crate) fn is_declined_at(&self, time_ms: i64) -> bool {
        self.declined_ms <= time_ms
    }
}

/// A stable 64-bit digest of an identifier, never 0. Two of a million identifiers collide with a chance of 3·10⁻⁸.
pub(crate) fn digest(identifier: &str) -> u64 {
    let hash = blake3::hash(identifier.as_bytes());
    let (first, _) = hash.as_bytes().split_first_chunk::<8>().expect("a BLAKE3 hash has 32 bytes");
    u64::from_le_bytes(*first).max(1)
}

fn code<const N: usize>(text: Option<&str>) -> [u8; N] {
    text.and_then(|text| text.as_bytes().try_into().ok()).unwrap_or([0; N])
}
