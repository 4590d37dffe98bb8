//! Laws of the feature state, checked against a recount by hand over a plain list.

use super::{entity::NEVER_MS, *};
use proptest::prelude::*;
use std::collections::BTreeSet;

const DAY_MS: i64 = 86_400_000;

/// Payments of few entities within twelve days, so that windows overlap; some exactly on a window's edge.
fn payments(max: usize) -> impl Strategy<Value = Vec<PastPayment>> {
    let time = prop_oneof![0..12 * DAY_MS, (0i64..200).prop_map(|hour| hour * 3_600_000)];
    let payment = (
        time,
        prop::array::uniform5(0u64..4),
        -1i64..100_000,
        prop::bool::ANY,
        0u8..3,
        prop::option::of(0..14 * DAY_MS),
        prop::option::of((0..14 * DAY_MS, prop::bool::ANY)),
    );
    prop::collection::vec(payment, 1..max).prop_map(|rows| {
        let rows = rows.into_iter().enumerate();
        rows.map(|(i, (time_ms, entities, amount_minor, euro, country, declined, label))| PastPayment {
            time_ms,
            id: i as u64 + 1,
            entities,
            amount_minor,
            currency: if euro { *b"EUR" } else { [0; 3] },
            country: [[0; 2], *b"DE", *b"FR"][usize::from(country)],
            lat: f32::NAN,
            lon: f32::NAN,
            declined_ms: declined.unwrap_or(NEVER_MS),
            label_ms: label.map_or(NEVER_MS, |(at, _)| at),
            label_fraud: label.is_some_and(|(_, fraud)| fraud),
        })
        .collect()
    })
}

fn state(payments: &[PastPayment], payments_max: usize) -> FeatureState {
    let mut state = FeatureState::new(PaymentIndex::new(payments_max));
    payments.iter().for_each(|payment| state.commit(*payment, &[]));
    state
}

fn all(index: &PaymentIndex) -> Vec<PastPayment> {
    index.after(None, usize::MAX)
}

/// As text, since NaN is not equal to itself.
fn text(payments: &[PastPayment]) -> String {
    format!("{payments:?}")
}

/// The windows of an entity counted the slow way.
fn recount(past: &[PastPayment], entity: Entity, digest: u64, payment: &PastPayment) -> EntityWindows {
    let mut windows = EntityWindows::default();
    let now = payment.time_ms;
    let same: Vec<&PastPayment> = past
        .iter()
        .filter(|other| other.entity(entity) == Some(digest) && other.time_ms <= now)
        .chain([payment])
        .collect();
    for (i, length_ms) in [60_000, 3_600_000, DAY_MS, 7 * DAY_MS].into_iter().enumerate() {
        let within: Vec<_> = same.iter().filter(|other| other.time_ms > now - length_ms).collect();
        let different =
            |of: Entity| within.iter().filter_map(|other| other.entity(of)).collect::<BTreeSet<_>>().len();
        windows.payments[i] = within.len() as u64;
        windows.declined[i] = within.iter().filter(|other| other.declined_ms <= now).count() as u64;
        windows.cards[i] = different(Entity::Card) as u64;
        windows.users[i] = different(Entity::User) as u64;
        windows.amount_minor[i] = within
            .iter()
            .filter(|other| payment.currency == *b"EUR" && other.currency == *b"EUR")
            .map(|other| other.amount_minor.max(0))
            .sum();
    }
    windows.known_fraud =
        same.iter().filter(|other| other.label_fraud && other.label_ms <= now).count() as u64;
    windows
}

proptest! {
    #[test]
    fn windows_equal_a_recount(mut payments in payments(60)) {
        let payment = payments.pop().unwrap();
        let features = state(&payments, 1_000).features(&payment);
        for entity in Entity::ALL {
            let expected = payment.entity(entity).map(|digest| recount(&payments, entity, digest, &payment));
            prop_assert_eq!(features.of(entity), expected.as_ref(), "{:?}", entity);
        }
    }

    #[test]
    fn order_of_arrival_does_not_matter(
        (payments, shuffled) in payments(60).prop_flat_map(|payments| {
            (Just(payments.clone()), Just(payments).prop_shuffle())
        }),
        payments_max in 1usize..80,
    ) {
        let (ordered, shuffled) = (state(&payments, payments_max), state(&shuffled, payments_max));
        prop_assert_eq!(text(&all(ordered.committed())), text(&all(shuffled.committed())));
        let payment = PastPayment { id: u64::MAX, ..payments[0] };
        prop_assert_eq!(ordered.features(&payment), shuffled.features(&payment));
    }

    #[test]
    fn what_comes_later_in_time_is_not_seen(payments in payments(60), at in 0..12 * DAY_MS) {
        let payment = PastPayment { id: u64::MAX, time_ms: at, ..payments[0] };
        let past: Vec<_> = payments.iter().filter(|other| other.time_ms <= at).copied().collect();
        prop_assert_eq!(state(&payments, 1_000).features(&payment), state(&past, 1_000).features(&payment));
    }

    #[test]
    fn pending_counts_like_durable_and_is_undone(payments in payments(60), split in 0usize..60) {
        let (durable, pending) = payments.split_at(split.min(payments.len() - 1));
        let payment = PastPayment { id: u64::MAX, ..payments[0] };
        let mut mixed = state(durable, 1_000);
        pending.iter().for_each(|payment| mixed.add_pending(*payment));
        prop_assert_eq!(mixed.features(&payment), state(&payments, 1_000).features(&payment));
        pending.iter().for_each(|payment| mixed.undo(payment.id));
        prop_assert_eq!(mixed.features(&payment), state(durable, 1_000).features(&payment));
    }

    #[test]
    fn bounded_and_the_oldest_leave(payments in payments(60), payments_max in 1usize..40) {
        let index = state(&payments, payments_max);
        let mut expected = payments.clone();
        expected.sort_by_key(PastPayment::key);
        let kept = expected.split_off(payments.len().saturating_sub(payments_max));
        prop_assert_eq!(text(&all(index.committed())), text(&kept));
        prop_assert_eq!(index.committed().has_evicted(), payments.len() > payments_max);
        let entities: BTreeSet<_> = kept
            .iter()
            .flat_map(|payment| Entity::ALL.map(|entity| payment.entity(entity).map(|digest| (entity, digest))))
            .flatten()
            .collect();
        prop_assert_eq!(index.committed().entities(), entities.len());
    }

    #[test]
    fn snapshots_round_trip(payments in payments(60), position in any::<u64>(), chunk in 1usize..70) {
        let index = state(&payments, 50);
        let mut writer = SnapshotWriter::new(position);
        let stored = all(index.committed());
        stored.chunks(chunk).for_each(|chunk| writer.add(chunk, index.committed().has_evicted()));
        let bytes = writer.finish();
        let (restored, at) = decode_snapshot(&bytes, 50).unwrap();
        prop_assert_eq!(at, position);
        prop_assert_eq!(text(&all(&restored)), text(&stored));
        prop_assert_eq!(restored.has_evicted(), index.committed().has_evicted());
    }

    #[test]
    fn damaged_snapshots_are_refused(payments in payments(8), at in any::<prop::sample::Index>(), cut in any::<prop::sample::Index>()) {
        let mut writer = SnapshotWriter::new(7);
        writer.add(&payments, false);
        let bytes = writer.finish();
        prop_assert!(decode_snapshot(&bytes[..cut.index(bytes.len())], 50).is_err());
        let mut flipped = bytes;
        let at = at.index(flipped.len());
        flipped[at] ^= 0x10;
        prop_assert!(decode_snapshot(&flipped, 50).is_err());
    }
}

#[test]
fn later_labels_hold_and_pending_changes_are_seen() {
    let payment = PastPayment {
        time_ms: 1_000,
        id: 1,
        entities: [1, 2, 0, 0, 0],
        amount_minor: 100,
        currency: *b"EUR",
        country: [0; 2],
        lat: f32::NAN,
        lon: f32::NAN,
        declined_ms: NEVER_MS,
        label_ms: NEVER_MS,
        label_fraud: false,
    };
    let fraud_at = |state: &FeatureState, time_ms| {
        let mut later: PastPayment = payment;
        (later.id, later.time_ms) = (2, time_ms);
        state.features(&later).of(Entity::Card).map_or(0, |card| card.known_fraud)
    };
    let mut state = state(&[payment], 10);
    state.add_pending_change(1, Change::Label { fraud: true, at_ms: 5_000 });
    assert_eq!((fraud_at(&state, 4_999), fraud_at(&state, 5_000)), (0, 1));
    state.undo(1);
    assert_eq!(fraud_at(&state, 9_000), 0);
    state.commit(payment, &[Change::Label { fraud: true, at_ms: 5_000 }]);
    assert_eq!(fraud_at(&state, 9_000), 1);
    // An older word changes nothing, a newer one does.
    state.commit(payment, &[Change::Label { fraud: false, at_ms: 4_000 }]);
    assert_eq!(fraud_at(&state, 9_000), 1);
    state.commit(payment, &[Change::Label { fraud: false, at_ms: 6_000 }]);
    assert_eq!(fraud_at(&state, 9_000), 0);
}
