use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Thresholds of all rules, and the bounds of the feature state. The default is meant for a mid-sized shop; a file
/// in JSON with the same shape changes single values (what it leaves out keeps its default).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FraudConfig {
    /// Name of this set of thresholds; kept in every verdict.
    pub version: String,
    /// Scores from here on are reviewed.
    pub review_from_score: f64,
    /// Scores from here on are blocked.
    pub block_from_score: f64,
    /// Payments that the feature state remembers; those of the oldest event time leave first. Up to
    /// 750 bytes each, when every payment has new users, cards and devices; less when they return.
    pub payments_max: usize,
    /// Whether only this process writes the history: then a `transaction_id` that the complete feature state does
    /// not know is new, and the history need not be asked.
    pub sole_writer: bool,
    /// Rule `velocity_*`: payments per entity and window.
    pub velocity: VelocityConfig,
    /// Rules `cards_per_*` and `users_per_*`.
    pub sharing: SharingConfig,
    /// Rules `card_testing` and `declined_share`.
    pub declined: DeclinedConfig,
    /// Rule `geo_mismatch`.
    pub geo: GeoConfig,
    /// Rule `impossible_travel`.
    pub travel: TravelConfig,
    /// Rule `amount_unusual`.
    pub amount: AmountConfig,
    /// Rules `new_device_and_country` and `new_user_high_amount`.
    pub newcomer: NewcomerConfig,
    /// Rule `known_fraud`.
    pub known_fraud: KnownFraudConfig,
}

impl Default for FraudConfig {
    fn default() -> Self {
        Self {
            version: "default-2".into(),
            review_from_score: 50.0,
            block_from_score: 80.0,
            payments_max: 500_000,
            sole_writer: true,
            velocity: VelocityConfig::default(),
            sharing: SharingConfig::default(),
            declined: DeclinedConfig::default(),
            geo: GeoConfig::default(),
            travel: TravelConfig::default(),
            amount: AmountConfig::default(),
            newcomer: NewcomerConfig::default(),
            known_fraud: KnownFraudConfig::default(),
        }
    }
}

/// A configuration that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// Not JSON of the right shape.
    #[error("cannot read the fraud rules: {0}")]
    Shape(#[from] serde_json::Error),
    /// A value out of its range.
    #[error("fraud rules: \"{field}\" is {value}, but must be {expected}")]
    Range {
        /// Which value.
        field: &'static str,
        /// What it is.
        value: f64,
        /// What it may be.
        expected: &'static str,
    },
}

impl FraudConfig {
    /// Reads thresholds from JSON and checks them.
    pub fn from_json(json: &[u8]) -> Result<Self, ConfigError> {
        let config: Self = serde_json::from_slice(json)?;
        config.validate()?;
        Ok(config)
    }

    /// Checks that verdict thresholds lie in order between 0 and 100, points between 0 and 100, and bounds above 0.
    pub fn validate(&self) -> Result<(), ConfigError> {
        let range = |field, value: f64, low: f64, high: f64, expected| {
            if (low..=high).contains(&value) {
                Ok(())
            } else {
                Err(ConfigError::Range { field, value, expected })
            }
        };
        let points = |field, value: f64| range(field, value, 0.0, 100.0, "between 0 and 100");
        let positive = |field, value: f64| range(field, value, f64::MIN_POSITIVE, f64::MAX, "above 0");
        points("block_from_score", self.block_from_score)?;
        range(
            "review_from_score",
            self.review_from_score,
            0.0,
            self.block_from_score,
            "between 0 and block_from_score",
        )?;
        range(
            "payments_max",
            self.payments_max as f64,
            1_000.0,
            100_000_000.0,
            "between 1,000 and 100,000,000",
        )?;
        for (field, value) in [
            ("velocity.points", self.velocity.points),
            ("velocity.points_per_doubling", self.velocity.points_per_doubling),
            ("velocity.points_max", self.velocity.points_max),
            ("sharing.points", self.sharing.points),
            ("sharing.points_per_doubling", self.sharing.points_per_doubling),
            ("sharing.points_max", self.sharing.points_max),
            ("declined.card_testing_points", self.declined.card_testing_points),
            ("declined.share_points", self.declined.share_points),
            ("geo.card_points", self.geo.card_points),
            ("geo.billing_points", self.geo.billing_points),
            ("geo.shipping_points", self.geo.shipping_points),
            ("travel.points", self.travel.points),
            ("amount.points", self.amount.points),
            ("amount.points_per_deviation", self.amount.points_per_deviation),
            ("amount.points_max", self.amount.points_max),
            ("newcomer.device_and_country_points", self.newcomer.device_and_country_points),
            ("newcomer.user_points", self.newcomer.user_points),
            ("known_fraud.card_points", self.known_fraud.card_points),
            ("known_fraud.user_points", self.known_fraud.user_points),
            ("known_fraud.device_points", self.known_fraud.device_points),
            ("known_fraud.email_points", self.known_fraud.email_points),
            ("known_fraud.address_points", self.known_fraud.address_points),
            ("known_fraud.owner_points", self.known_fraud.owner_points),
        ] {
            points(field, value)?;
        }
        range("declined.share", self.declined.share, 0.0, 1.0, "between 0 and 1")?;
        positive("known_fraud.owner_known_hours", self.known_fraud.owner_known_hours)?;
        positive("travel.speed_max_km_per_hour", self.travel.speed_max_km_per_hour)?;
        positive("amount.deviation_floor", self.amount.deviation_floor)?;
        positive("newcomer.usual_amount_factor", self.newcomer.usual_amount_factor)
    }
}

/// Largest usual number of payments of one entity in one window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WindowLimits {
    /// In 1 minute.
    pub minute: u32,
    /// In 1 hour.
    pub hour: u32,
    /// In 24 hours.
    pub day: u32,
    /// In 7 days.
    pub week: u32,
}

impl WindowLimits {
    const fn new(minute: u32, hour: u32, day: u32, week: u32) -> Self {
        Self { minute, hour, day, week }
    }

    /// In the order of [`super::features::WINDOWS`].
    pub(crate) fn as_array(&self) -> [u32; 4] {
        [self.minute, self.hour, self.day, self.week]
    }
}

/// Rules `velocity_user`, `velocity_card`, `velocity_device`, `velocity_address`, `velocity_email`: more payments in
/// a window than usual. Points: `points + points_per_doubling · log2(payments ÷ limit)`, at most `points_max`;
/// the worst window of an entity counts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct VelocityConfig {
    /// Per user account.
    pub user: WindowLimits,
    /// Per card.
    pub card: WindowLimits,
    /// Per device.
    pub device: WindowLimits,
    /// Per address (IP); wide, as offices and mobile networks share addresses.
    pub address: WindowLimits,
    /// Per e-mail address.
    pub email: WindowLimits,
    /// Points just above the limit.
    pub points: f64,
    /// More points for each doubling.
    pub points_per_doubling: f64,
    /// Never more.
    pub points_max: f64,
}

impl Default for VelocityConfig {
    fn default() -> Self {
        Self {
            user: WindowLimits::new(3, 10, 30, 100),
            card: WindowLimits::new(2, 6, 15, 50),
            device: WindowLimits::new(3, 12, 40, 120),
            address: WindowLimits::new(10, 60, 300, 1_500),
            email: WindowLimits::new(3, 10, 30, 100),
            points: 30.0,
            points_per_doubling: 18.0,
            points_max: 75.0,
        }
    }
}

/// Rules `cards_per_user`, `cards_per_device`, `cards_per_address` (24 hours), `users_per_card`, `users_per_device` (7
/// days): more different ones than usual. Points as in [`VelocityConfig`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SharingConfig {
    /// Cards of one user in 24 hours.
    pub cards_per_user: u32,
    /// Cards on one device in 24 hours.
    pub cards_per_device: u32,
    /// Cards from one address in 24 hours; wide, as offices and mobile networks share addresses.
    pub cards_per_address: u32,
    /// Users of one card in 7 days.
    pub users_per_card: u32,
    /// Users of one device in 7 days.
    pub users_per_device: u32,
    /// Points just above the limit.
    pub points: f64,
    /// More points for each doubling.
    pub points_per_doubling: f64,
    /// Never more.
    pub points_max: f64,
}

impl Default for SharingConfig {
    fn default() -> Self {
        Self {
            cards_per_user: 3,
            cards_per_device: 3,
            cards_per_address: 60,
            users_per_card: 2,
            users_per_device: 4,
            points: 35.0,
            points_per_doubling: 25.0,
            points_max: 80.0,
        }
    }
}

/// Rules about refused payments on the same card, device or address in the last hour.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DeclinedConfig {
    /// `card_testing`: an approved payment after at least so many declined ones …
    pub before_approved_min: u32,
    /// … is worth so many points.
    pub card_testing_points: f64,
    /// `declined_share`: at least so many declined payments, this one included, that are …
    pub share_declined_min: u32,
    /// … at least this share of all are …
    pub share: f64,
    /// … worth so many points.
    pub share_points: f64,
}

impl Default for DeclinedConfig {
    fn default() -> Self {
        Self {
            before_approved_min: 3,
            card_testing_points: 60.0,
            share_declined_min: 4,
            share: 0.6,
            share_points: 50.0,
        }
    }
}

/// Rule `geo_mismatch`: the country of the address differs from another; the points add up.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GeoConfig {
    /// Differs from the card's country.
    pub card_points: f64,
    /// Differs from the billing country.
    pub billing_points: f64,
    /// Differs from the shipping country.
    pub shipping_points: f64,
}

impl Default for GeoConfig {
    fn default() -> Self {
        Self { card_points: 20.0, billing_points: 12.0, shipping_points: 8.0 }
    }
}

/// Rule `impossible_travel`: two payments of a user further apart than anybody travels.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TravelConfig {
    /// Faster is impossible; an airliner flies at 900 km/h.
    pub speed_max_km_per_hour: f64,
    /// Shorter distances, after the uncertainty is taken off, are not looked at: geo databases err by so much.
    pub distance_min_km: f64,
    /// Payments further apart in time are not compared.
    pub gap_max_secs: u32,
    /// Points.
    pub points: f64,
}

impl Default for TravelConfig {
    fn default() -> Self {
        Self { speed_max_km_per_hour: 900.0, distance_min_km: 200.0, gap_max_secs: 86_400, points: 55.0 }
    }
}

/// Rule `amount_unusual`: standard score of the amount's logarithm against the user's own payments in the same
/// currency. Points: `points + points_per_deviation · (z − deviations_max)`, at most `points_max`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AmountConfig {
    /// Earlier payments needed.
    pub payments_min: u32,
    /// Larger standard scores are unusual.
    pub deviations_max: f64,
    /// The standard deviation of the natural logarithm counts as at least this: a user who always pays the same
    /// may pay a little more.
    pub deviation_floor: f64,
    /// Points just above the limit.
    pub points: f64,
    /// More points for each further standard deviation.
    pub points_per_deviation: f64,
    /// Never more.
    pub points_max: f64,
}

impl Default for AmountConfig {
    fn default() -> Self {
        Self {
            payments_min: 5,
            deviations_max: 3.0,
            deviation_floor: 0.35,
            points: 30.0,
            points_per_deviation: 10.0,
            points_max: 65.0,
        }
    }
}

/// Rules about users, devices and countries seen for the first time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NewcomerConfig {
    /// `new_device_and_country`: earlier payments of the user needed.
    pub payments_min: u32,
    /// `new_device_and_country`: the amount is high from so many times the user's usual (geometric mean) amount.
    pub usual_amount_factor: f64,
    /// `new_device_and_country`: points.
    pub device_and_country_points: f64,
    /// `new_user_high_amount`: high amounts, in minor units, by currency. Other currencies skip the rule.
    pub high_amount_minor: BTreeMap<String, i64>,
    /// `new_user_high_amount`: points.
    pub user_points: f64,
}

impl Default for NewcomerConfig {
    fn default() -> Self {
        let high = [
            ("AUD", 90_000),
            ("BRL", 300_000),
            ("CAD", 80_000),
            ("CHF", 50_000),
            ("CNY", 400_000),
            ("CZK", 1_250_000),
            ("DKK", 370_000),
            ("EUR", 50_000),
            ("GBP", 43_000),
            ("INR", 4_500_000),
            ("JPY", 80_000),
            ("MXN", 1_000_000),
            ("NOK", 580_000),
            ("PLN", 215_000),
            ("SEK", 560_000),
            ("TRY", 2_000_000),
            ("USD", 55_000),
        ];
        Self {
            payments_min: 3,
            usual_amount_factor: 2.0,
            device_and_country_points: 50.0,
            high_amount_minor: high.into_iter().map(|(code, minor)| (code.to_owned(), minor)).collect(),
            user_points: 30.0,
        }
    }
}

/// Rule `known_fraud`: an earlier payment with the same entity was labelled fraud before this payment. The entity
/// with most points counts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct KnownFraudConfig {
    /// Same card.
    pub card_points: f64,
    /// Same user.
    pub user_points: f64,
    /// Same device.
    pub device_points: f64,
    /// Same e-mail address.
    pub email_points: f64,
    /// Same address (IP).
    pub address_points: f64,
    /// At most so many points for the owner of a stolen card or account, who goes on shopping, and for a customer who
    /// disputed a single payment. Below the threshold of review, so that it only adds to other reasons.
    pub owner_points: f64,
    /// The owner is who has paid as this user from this device or IP address, undisputed, for at least so many hours;
    /// what lies within 24 hours of a fraud from there does not count.
    pub owner_known_hours: f64,
    /// After more frauds than these from the device itself, an owner gets full points too: somebody who disputes
    /// payments as a habit.
    pub owner_disputes_max: u32,
}

impl Default for KnownFraudConfig {
    fn default() -> Self {
        Self {
            card_points: 85.0,
            user_points: 60.0,
            device_points: 75.0,
            email_points: 70.0,
            address_points: 25.0,
            owner_points: 20.0,
            owner_known_hours: 72.0,
            owner_disputes_max: 2,
        }
    }
}
