use super::dotted::at;
use event::{ECOMMERCE_LOGS, Event, Object, Operation};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// `event.dataset` of the events that get a verdict.
pub const TRANSACTION_DATASET: &str = "ecommerce.transaction";

/// Longer identifiers (user, card, device …) are treated as absent: no shop has them, an attacker might.
const IDENTIFIER_MAX_BYTES: usize = 256;

/// Amounts beyond this many minor units (10^15: ten trillion euro) are treated as absent.
const AMOUNT_MINOR_MAX: i64 = 1_000_000_000_000_000;

/// A place on earth in degrees, WGS 84.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Location {
    /// Latitude, −90 to 90.
    pub lat: f64,
    /// Longitude, −180 to 180.
    pub lon: f64,
}

/// The facts of a payment that rules and features use, as read from its event. What is missing, of the wrong type
/// or absurd (a negative amount, an identifier of more than 256 bytes, coordinates off the globe) is `None`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Payment {
    /// When it was made (event time, UTC).
    pub time: Timestamp,
    /// `user.id`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_id: Option<String>,
    /// `user.email`, lower case.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// `ecommerce.card.token`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub card: Option<String>,
    /// `device.id`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device_id: Option<String>,
    /// `source.ip`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// `source.geo.country_iso_code`, ISO 3166-1 alpha-2, upper case; so are the other countries.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address_country: Option<String>,
    /// `source.geo.location`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub location: Option<Location>,
    /// `ecommerce.card.country`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub card_country: Option<String>,
    /// `ecommerce.billing.country`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub billing_country: Option<String>,
    /// `ecommerce.shipping.country`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shipping_country: Option<String>,
    /// `ecommerce.transaction.amount_minor`: integer minor units of `currency` (cents), 0 or more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amount_minor: Option<i64>,
    /// `ecommerce.transaction.amount`: the same in major units, for messages.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amount: Option<f64>,
    /// `ecommerce.transaction.currency`: ISO 4217, upper case.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub currency: Option<String>,
    /// `ecommerce.transaction.status` of the first event, lower case.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
}

impl Payment {
    /// Reads the facts from the fields of a transaction event.
    pub fn read(fields: &Object, time: Timestamp) -> Self {
        let text = |path: &str| identifier(fields, path);
        let country = |path: &str| country(fields, path);
        let currency = text("ecommerce.transaction.currency")
            .map(|code| code.to_ascii_uppercase())
            .filter(|code| code.len() == 3 && code.bytes().all(|b| b.is_ascii_uppercase()));
        Self {
            time,
            user_id: text("user.id"),
            email: text("user.email").map(|email| email.to_lowercase()),
            card: text("ecommerce.card.token"),
            device_id: text("device.id"),
            address: text("source.ip"),
            address_country: country("source.geo.country_iso_code"),
            location: location(fields),
            card_country: country("ecommerce.card.country"),
            billing_country: country("ecommerce.billing.country"),
            shipping_country: country("ecommerce.shipping.country"),
            amount_minor: at(fields, "ecommerce.transaction.amount_minor")
                .and_then(Value::as_i64)
                .filter(|minor| (0..=AMOUNT_MINOR_MAX).contains(minor)),
            amount: at(fields, "ecommerce.transaction.amount")
                .and_then(Value::as_f64)
                .filter(|amount| amount.is_finite() && *amount >= 0.0 && *amount <= AMOUNT_MINOR_MAX as f64),
            currency,
            status: text("ecommerce.transaction.status").map(|status| status.to_ascii_lowercase()),
        }
    }

    /// Whether the payment was refused by the bank when it was first seen.
    pub fn is_declined(&self) -> bool {
        self.status.as_deref() == Some(DECLINED)
    }
}

/// Status of a payment that the bank refused.
pub(crate) const DECLINED: &str = "declined";
/// Status of a payment that the card's owner took back: a label.
pub(crate) const CHARGEBACK: &str = "chargeback";

/// Whether the event tells of a transaction.
pub(crate) fn is_transaction(event: &Event) -> bool {
    at(&event.fields, "event.dataset").and_then(Value::as_str) == Some(TRANSACTION_DATASET)
}

/// Whether the event is one that gets a verdict when it is written: a transaction, whole, that goes to an index of the
/// shops or does not know yet where it goes.
pub(crate) fn needs_verdict(event: &Event) -> bool {
    match event.metadata.index.as_deref() {
        Some(index) => is_judged(event, index),
        None => is_whole_transaction(event),
    }
}

/// Whether the event gets a verdict when it is written to that index (its own name, no alias): a transaction, whole, and the
/// index one of the shops' or behind one of their data streams.
pub fn is_judged(event: &Event, index: &str) -> bool {
    is_judged_index(index) && is_whole_transaction(event)
}

/// Whether events may get verdicts when they are written to that index (its own name, no alias).
pub fn is_judged_index(index: &str) -> bool {
    let name = event::stream_of_index(index).unwrap_or(index);
    name.strip_prefix(ECOMMERCE_LOGS).is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
}

fn is_whole_transaction(event: &Event) -> bool {
    matches!(event.metadata.operation, Operation::Index | Operation::Create) && is_transaction(event)
}

/// The id of the transaction; `None` if it is missing or unusable.
pub(crate) fn transaction_id(fields: &Object) -> Option<String> {
    identifier(fields, "ecommerce.transaction.id")
}

/// A text, or a number as text, that is not blank, not too long and without control characters.
fn identifier(fields: &Object, path: &str) -> Option<String> {
    let text = match at(fields, path)? {
        Value::String(text) => text.trim().to_owned(),
        Value::Number(number) => number.to_string(),
        _ => return None,
    };
    let usable = (1..=IDENTIFIER_MAX_BYTES).contains(&text.len()) && !text.chars().any(char::is_control);
    usable.then_some(text)
}

fn country(fields: &Object, path: &str) -> Option<String> {
    let code = at(fields, path)?.as_str()?.trim().to_ascii_uppercase();
    (code.len() == 2 && code.bytes().all(|b| b.is_ascii_uppercase())).then_some(code)
}

/// `source.geo.location` as `{lat, lon}` or GeoJSON's `[lon, lat]`.
fn location(fields: &Object) -> Option<Location> {
    let (lat, lon) = match at(fields, "source.geo.location")? {
        Value::Object(point) => (point.get("lat")?.as_f64()?, point.get("lon")?.as_f64()?),
        Value::Array(point) if point.len() == 2 => (point[1].as_f64()?, point[0].as_f64()?),
        _ => return None,
    };
    ((-90.0..=90.0).contains(&lat) && (-180.0..=180.0).contains(&lon)).then_some(Location { lat, lon })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(fields: Value) -> Payment {
        Payment::read(fields.as_object().unwrap(), Timestamp::UNIX_EPOCH)
    }

    #[test]
    fn reads_what_is_usable() {
        let payment = read(json!({
            "user": {"id": 42, "email": " Ann@Example.ORG "},
            "source": {"ip": "192.0.2.1", "geo": {"country_iso_code": "de", "location": {"lat": 52.5, "lon": 13.4}}},
            "ecommerce": {
                "transaction": {"amount": 12.34, "amount_minor": 1234, "currency": "eur", "status": "Declined"},
                "card": {"token": "tok", "country": "FR"},
            },
        }));
        assert_eq!(payment.user_id.as_deref(), Some("42"));
        assert_eq!(payment.email.as_deref(), Some("ann@example.org"));
        assert_eq!(payment.address_country.as_deref(), Some("DE"));
        assert_eq!(payment.location, Some(Location { lat: 52.5, lon: 13.4 }));
        assert_eq!((payment.amount_minor, payment.amount), (Some(1234), Some(12.34)));
        assert_eq!(payment.currency.as_deref(), Some("EUR"));
        assert!(payment.is_declined());
    }

    #[test]
    fn odd_values_are_absent() {
        let check = |fields: Value| {
            let empty = read(json!({}));
            assert_eq!(read(fields.clone()), empty, "{fields}");
        };
        check(json!({"user": "ann", "source": [1], "ecommerce": null}));
        check(json!({"user": {"id": "  ", "email": {"a": 1}}, "device": {"id": "x".repeat(257)}}));
        check(
            json!({"ecommerce": {"transaction": {"amount": -1.0, "amount_minor": -100, "currency": "EURO"}}}),
        );
        check(
            json!({"ecommerce": {"transaction": {"amount": 1e300, "amount_minor": 1e300, "currency": "€€€"}}}),
        );
        check(json!({"source": {"geo": {"country_iso_code": "Germany", "location": {"lat": 91, "lon": 0}}}}));
        check(json!({"source": {"geo": {"location": [0, 1, 2]}}}));
    }
}
