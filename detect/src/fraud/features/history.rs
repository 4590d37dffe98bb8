use super::{Entity, FeatureState, PastPayment};

/// What a user did before a payment, over all that is remembered (at least 7 days; of very busy users the newest
/// 4,096 payments). Payments known to be fraud or declined do not make a device, a country or an amount usual.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct UserHistory {
    /// Earlier payments.
    pub(crate) payments: u64,
    /// Amounts of earlier payments in the currency of the payment in question.
    pub(crate) amounts: LogAmounts,
    /// Whether the payment's device was used before; `None` if the payment names none.
    pub(crate) device_known: Option<bool>,
    /// Whether the payment's country (of the address) was seen before; `None` if the payment has none.
    pub(crate) country_known: Option<bool>,
    /// For how long the user has paid from the payment's device or IP address, in hours. Neither declined payments nor
    /// known frauds count, nor what lies within 24 hours of a known fraud of this user from there: a thief's payments follow
    /// each other closely, and not all of them are disputed. `None` if never.
    pub(crate) familiar_hours: Option<f64>,
    /// The latest earlier payment with a place.
    pub(crate) last_place: Option<Place>,
}

/// Where and when a payment was made.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Place {
    pub(crate) time_ms: i64,
    /// Degrees; `None` if only the country is known.
    pub(crate) point: Option<(f64, f64)>,
    /// ISO 3166-1 alpha-2; zeros for unknown.
    pub(crate) country: [u8; 2],
}

impl Place {
    /// Where a payment was made; `None` if that is not known.
    pub(crate) fn of(payment: &PastPayment) -> Option<Self> {
        let point = (!payment.lat.is_nan() && !payment.lon.is_nan())
            .then(|| (f64::from(payment.lat), f64::from(payment.lon)));
        (point.is_some() || payment.country != [0; 2]).then_some(Self {
            time_ms: payment.time_ms,
            point,
            country: payment.country,
        })
    }
}

impl UserHistory {
    pub(super) fn of(state: &FeatureState, user: u64, payment: &PastPayment) -> Self {
        let now = payment.time_ms;
        let device = payment.entity(Entity::Device);
        let address = payment.entity(Entity::Address);
        let (mut here, mut frauds_here) = (Vec::new(), Vec::new());
        let (mut device_known, mut country_known) = (false, false);
        let mut last: Option<PastPayment> = None;
        let mut logs = Vec::new();
        state.visit(Entity::User, user, i64::MIN, now, |other| {
            if Place::of(other).is_some() && last.is_none_or(|last| other.key() > last.key()) {
                last = Some(*other);
            }
            let same_device = device.is_some() && other.entity(Entity::Device) == device;
            let same_address = address.is_some() && other.entity(Entity::Address) == address;
            if other.is_fraud_at(now) && (same_device || same_address) {
                frauds_here.push(other.time_ms);
            }
            if other.is_declined_at(now) || other.is_fraud_at(now) {
                return;
            }
            if same_device || same_address {
                here.push(other.time_ms);
            }
            device_known |= same_device;
            country_known |= other.country == payment.country;
            if payment.currency != [0; 3] && other.currency == payment.currency && other.amount_minor > 0 {
                logs.push((other.amount_minor as f64).ln());
            }
        });
        Self {
            payments: state.count(Entity::User, user, i64::MIN, now) as u64,
            amounts: LogAmounts::of(logs),
            device_known: device.map(|_| device_known),
            country_known: (payment.country != [0; 2]).then_some(country_known),
            familiar_hours: first_apart(here, frauds_here)
                .map(|first_ms| now.saturating_sub(first_ms) as f64 / HOUR_MS),
            last_place: last.as_ref().and_then(Place::of),
        }
    }

    pub(super) fn name(&self, add: &mut impl FnMut(String, f64)) {
        add("user_earlier_payments".into(), self.payments as f64);
        add("user_earlier_amounts".into(), self.amounts.count as f64);
        add("user_log_amount_mean".into(), self.amounts.mean);
        add("user_log_amount_deviation".into(), self.amounts.deviation());
        add("user_familiar_hours".into(), self.familiar_hours.unwrap_or(0.0));
        add("user_device_known".into(), f64::from(self.device_known.unwrap_or(false)));
        add("user_country_known".into(), f64::from(self.country_known.unwrap_or(false)));
    }
}

/// Milliseconds of an hour.
const HOUR_MS: f64 = 3_600_000.0;

/// A thief's payments lie within such a time of each other.
const APART_MS: i64 = 86_400_000;

/// The first of these times that has no fraud within [`APART_MS`] of it.
fn first_apart(mut times: Vec<i64>, mut frauds: Vec<i64>) -> Option<i64> {
    times.sort_unstable();
    frauds.sort_unstable();
    times.into_iter().find(|time| {
        let near = frauds.partition_point(|fraud| *fraud <= time.saturating_sub(APART_MS));
        frauds.get(near).is_none_or(|fraud| *fraud >= time.saturating_add(APART_MS))
    })
}

/// Mean and variance of the natural logarithms of amounts in minor units.
///
/// Source: Welford 1962, Technometrics 4, 419-420; checked against the two-pass formula in `welford_is_two_pass`.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(crate) struct LogAmounts {
    pub(crate) count: u64,
    /// 0 without amounts.
    pub(crate) mean: f64,
    squares: f64,
}

impl LogAmounts {
    /// Of these logarithms, in whatever order: they are sorted, so that rounding does not depend on it.
    fn of(mut logs: Vec<f64>) -> Self {
        logs.sort_unstable_by(f64::total_cmp);
        let mut all = Self::default();
        for log in logs {
            all.count += 1;
            let delta = log - all.mean;
            all.mean += delta / all.count as f64;
            all.squares += delta * (log - all.mean);
        }
        all
    }

    /// Sample standard deviation; 0 before the second amount.
    pub(crate) fn deviation(&self) -> f64 {
        if self.count < 2 { 0.0 } else { (self.squares / (self.count - 1) as f64).max(0.0).sqrt() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_lies_near_a_fraud_does_not_count() {
        const HOUR: i64 = 3_600_000;
        let check = |times: &[i64], frauds: &[i64], first: Option<i64>| {
            let ms = |hours: &[i64]| hours.iter().map(|hour| hour * HOUR).collect::<Vec<_>>();
            assert_eq!(first_apart(ms(times), ms(frauds)), first.map(|hour| hour * HOUR));
        };
        check(&[], &[], None);
        check(&[50, 20], &[], Some(20));
        check(&[20, 50, 90], &[30, 60], Some(90));
        check(&[10, 54], &[30], Some(54));
        check(&[6], &[30], Some(6));
        check(&[7, 53], &[30], None);
    }

    proptest! {
        #[test]
        fn welford_is_two_pass(logs in prop::collection::vec(0.0f64..30.0, 2..50)) {
            let n = logs.len() as f64;
            let mean = logs.iter().sum::<f64>() / n;
            let variance = logs.iter().map(|log| (log - mean).powi(2)).sum::<f64>() / (n - 1.0);
            let amounts = LogAmounts::of(logs);
            prop_assert!((amounts.mean - mean).abs() < 1e-9);
            prop_assert!((amounts.deviation() - variance.sqrt()).abs() < 1e-6);
        }
    }
}
