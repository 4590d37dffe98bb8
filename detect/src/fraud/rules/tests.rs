//! Each rule on payments written as rows: what came before, the payment, and the reason expected.

use super::{super::features::FeatureState, *};
use crate::fraud::{
    features::{Change, PaymentIndex},
    payment::Location,
};

/// A payment `secs` after the start, with everything ordinary filled in.
fn payment(secs: i64) -> Payment {
    Payment {
        time: jiff::Timestamp::from_second(1_790_000_000 + secs).unwrap(),
        user_id: Some("u1".into()),
        email: Some("u1@example.org".into()),
        card: Some("c1".into()),
        device_id: Some("d1".into()),
        address: Some("192.0.2.1".into()),
        address_country: Some("DE".into()),
        location: None,
        card_country: Some("DE".into()),
        billing_country: Some("DE".into()),
        shipping_country: Some("DE".into()),
        amount_minor: Some(2_000),
        amount: Some(20.0),
        currency: Some("EUR".into()),
        status: Some("approved".into()),
    }
}

fn with(secs: i64, change: impl FnOnce(&mut Payment)) -> Payment {
    let mut payment = payment(secs);
    change(&mut payment);
    payment
}

fn text(value: impl ToString) -> Option<String> {
    Some(value.to_string())
}

fn find(before: &[Payment], labels: &[(usize, Change)], payment: &Payment) -> Findings {
    let mut features = FeatureState::new(PaymentIndex::new(10_000));
    for (i, earlier) in before.iter().enumerate() {
        let changes: Vec<Change> =
            labels.iter().filter(|(at, _)| *at == i).map(|(_, change)| *change).collect();
        features.commit(PastPayment::new(&format!("t{i}"), earlier), &changes);
    }
    let past = PastPayment::new("now", payment);
    let config = FraudConfig::default();
    evaluate(&Input { payment, past: &past, features: &features.features(&past), config: &config })
}

/// Checks that exactly this reason (code, points, message) is given; `None` for no reason at all.
fn check(before: &[Payment], payment: &Payment, expected: Option<(&str, f64, &str)>) {
    let findings = find(before, &[], payment);
    let reasons: Vec<_> =
        findings.reasons.iter().map(|r| (r.code.as_str(), r.contribution, r.message.as_str())).collect();
    assert_eq!(reasons, expected.into_iter().collect::<Vec<_>>());
}

fn skipped(payment: &Payment, code: &str) -> Option<String> {
    find(&[], &[], payment)
        .skipped
        .into_iter()
        .find(|skipped| skipped.code == code)
        .map(|skipped| skipped.why)
}

fn every(secs: i64, count: i64, change: impl Fn(i64, &mut Payment)) -> Vec<Payment> {
    (0..count).map(|i| with(i * secs, |payment| change(i, payment))).collect()
}

#[test]
fn ordinary_payments_give_no_reason() {
    check(&[], &payment(0), None);
    check(&every(86_400, 20, |_, _| ()), &payment(20 * 86_400), None);
}

#[test]
fn velocity() {
    check(&every(10, 1, |_, _| ()), &payment(59), None);
    check(
        &every(10, 5, |_, _| ()),
        &payment(55),
        Some(("velocity_card", 58.53, "6 payments with this card in 1 minute, usually at most 2")),
    );
    // The first payment left the window of one minute, which is open at its start.
    check(
        &every(10, 5, |_, _| ()),
        &payment(60),
        Some(("velocity_card", 53.79, "5 payments with this card in 1 minute, usually at most 2")),
    );
    let distinct_users = every(700, 50, |i, payment| {
        (payment.user_id, payment.card, payment.email) = (text(i), text(i), text(i));
        payment.device_id = text(i);
    });
    check(&distinct_users, &payment(42_000), None);
    let same_address = every(60, 60, |i, payment| {
        (payment.user_id, payment.card, payment.email) = (text(i), None, text(i));
        payment.device_id = text(i);
    });
    check(
        &same_address,
        &payment(3_599),
        Some(("velocity_address", 30.43, "61 payments from this IP address in 1 hour, usually at most 60")),
    );
    let anonymous = with(0, |payment| payment.user_id = None);
    assert_eq!(skipped(&anonymous, "velocity_user").as_deref(), Some("the payment names no user"));
}

#[test]
fn many_cards_and_users() {
    let cards = every(4_000, 3, |i, payment| payment.card = text(format!("card {i}")));
    check(
        &cards,
        &payment(12_000),
        Some(("cards_per_user", 45.38, "4 different cards by this user in 24 hours, usually at most 3")),
    );
    check(&cards, &with(12_000, |payment| payment.card = None), None);
    check(&cards, &payment(90_000), None);
    let users = every(50_000, 3, |i, payment| {
        (payment.user_id, payment.email, payment.device_id) = (text(i), text(i), text(i));
    });
    check(
        &users,
        &payment(150_000),
        Some(("users_per_card", 60.0, "4 different users with this card in 7 days, usually at most 2")),
    );
}

#[test]
fn declined_payments() {
    let declined = |count: i64| {
        every(900, count, |i, payment| {
            payment.status = text("declined");
            (payment.user_id, payment.card, payment.email) = (text(i % 3), text(i % 3), text(i % 3));
        })
    };
    check(&declined(2), &payment(1_800), None);
    check(
        &declined(3),
        &with(2_700, |payment| payment.card = text(2)),
        Some(("card_testing", 60.0, "approved after 3 declined payments from this device in 1 hour")),
    );
    check(
        &declined(3),
        &with(2_700, |payment| (payment.status, payment.card) = (text("declined"), text(2))),
        Some(("declined_share", 50.0, "4 of 4 payments from this device in 1 hour were declined")),
    );
    check(&declined(3), &with(2_700, |payment| (payment.status, payment.card) = (None, text(2))), None);
    let refunded = with(0, |payment| payment.status = text("refunded"));
    assert_eq!(
        skipped(&refunded, "card_testing").as_deref(),
        Some("the status is neither approved nor declined: \"refunded\"")
    );
}

#[test]
fn countries_that_do_not_match() {
    let mismatch = |message| Some(("geo_mismatch", 20.0, message));
    check(
        &[],
        &with(0, |payment| payment.card_country = text("FR")),
        mismatch("the IP address is in DE, but the card in FR"),
    );
    check(
        &[],
        &with(0, |payment| {
            (payment.card_country, payment.billing_country) = (None, text("FR"));
            payment.shipping_country = text("US");
        }),
        mismatch("the IP address is in DE, but the billing address in FR, the shipping address in US"),
    );
    assert_eq!(
        skipped(&with(0, |payment| payment.address_country = None), "geo_mismatch").as_deref(),
        Some("the country of the IP address is unknown")
    );
}

#[test]
fn impossible_travel() {
    let place = |lat, lon| Some(Location { lat, lon });
    let berlin = with(0, |payment| payment.location = place(52.52, 13.405));
    let new_york = |secs| with(secs, |payment| payment.location = place(40.7128, -74.006));
    check(
        std::slice::from_ref(&berlin),
        &new_york(7_200),
        Some((
            "impossible_travel",
            55.0,
            "at least 6285 km from the user's previous payment 2 hours before: 3143 km/h, nobody travels faster than 900",
        )),
    );
    check(std::slice::from_ref(&berlin), &new_york(8 * 3_600), None);
    // Potsdam in the same second, and a neighbour known by country only.
    check(std::slice::from_ref(&berlin), &with(0, |payment| payment.location = place(52.39, 13.06)), None);
    let home = payment(0);
    let in_country = |code: &str| {
        with(3_600, |payment| {
            payment.address_country = text(code);
            (payment.card_country, payment.billing_country) = (text(code), text(code));
            payment.shipping_country = text(code);
        })
    };
    check(std::slice::from_ref(&home), &in_country("FR"), None);
    check(
        std::slice::from_ref(&home),
        &in_country("BR"),
        Some((
            "impossible_travel",
            55.0,
            "at least 6301 km from the user's previous payment 60 minutes before: 6301 km/h, nobody travels faster than 900",
        )),
    );
    check(&[home], &in_country("ZZ"), None);
    assert!(skipped(&payment(0), "impossible_travel").unwrap().starts_with("no earlier payment"));
}

#[test]
fn unusual_amounts() {
    let usual = every(86_400, 6, |i, payment| payment.amount_minor = Some(1_900 + i * 40));
    let pay = |minor: i64| {
        with(6 * 86_400, |payment| {
            (payment.amount_minor, payment.amount) = (Some(minor), Some(minor as f64 / 100.0));
        })
    };
    check(&usual, &pay(5_000), None);
    check(
        &usual,
        &pay(20_000),
        Some((
            "amount_unusual",
            65.0,
            "200.00 EUR is 10.0 times what this user usually pays (19.99 EUR), far more than 6 earlier payments vary",
        )),
    );
    check(&usual, &pay(1), None);
    check(&usual[..4], &pay(20_000), None);
    check(&usual, &with(6 * 86_400, |payment| payment.amount_minor = None), None);
    let dollars = with(6 * 86_400, |payment| {
        (payment.currency, payment.amount_minor) = (text("USD"), Some(20_000));
    });
    check(&usual, &dollars, None);
}

#[test]
fn newcomers() {
    let known = every(86_400, 4, |_, _| ());
    let abroad = |minor: i64| {
        with(4 * 86_400, |payment| {
            payment.device_id = text("new");
            payment.address_country = text("FR");
            (payment.card_country, payment.billing_country, payment.shipping_country) = (None, None, None);
            (payment.amount_minor, payment.amount) = (Some(minor), Some(minor as f64 / 100.0));
        })
    };
    check(&known, &abroad(3_900), None);
    check(
        &known,
        &abroad(5_000),
        Some((
            "new_device_and_country",
            50.0,
            "first payment of this user from this device and from FR, and 50.00 EUR is high: usually 20.00 EUR",
        )),
    );
    let high = |currency: &str| {
        with(0, |payment| {
            (payment.amount_minor, payment.amount) = (Some(90_000), Some(900.0));
            payment.currency = text(currency);
        })
    };
    check(
        &[],
        &high("EUR"),
        Some((
            "new_user_high_amount",
            30.0,
            "first payment of this user, and 900.00 EUR is high (from 500.00 EUR)",
        )),
    );
    check(&[], &high("XXX"), None);
    assert_eq!(
        skipped(&high("XXX"), "new_user_high_amount").as_deref(),
        Some("no high amount is configured for \"XXX\"")
    );
}

#[test]
fn known_fraud() {
    let before = every(86_400, 1, |i, payment| (payment.user_id, payment.email) = (text(i), text(i)));
    let fraud = |at_secs: i64| [(0, Change::Label { fraud: true, at_ms: (1_790_000_000 + at_secs) * 1_000 })];
    let reasons = |labels: &[(usize, Change)]| find(&before, labels, &payment(200_000)).reasons;
    assert_eq!(reasons(&fraud(200_001)), []);
    let found = reasons(&fraud(150_000));
    assert_eq!(found.len(), 1);
    assert_eq!((found[0].code.as_str(), found[0].contribution), ("known_fraud", 85.0));
    assert_eq!(found[0].message, "1 earlier payment with this card turned out to be fraud");
    assert_eq!(found[0].evidence, [evidence("card_known_fraud", 1, Some(0.0))]);
}

#[test]
fn the_victim_of_a_theft_is_not_its_thief() {
    const DAY: i64 = 86_400;
    let owner = payment(0);
    let theft = |secs| {
        with(secs, |payment| {
            (payment.user_id, payment.email, payment.device_id) = (text("thief"), text("t@x"), text("d9"));
            payment.address = text("198.51.100.9");
        })
    };
    let label = |at: usize| (at, Change::Label { fraud: true, at_ms: (1_790_000_000 + 9 * DAY) * 1_000 });
    let judged = |before: &[Payment], frauds: &[usize], payment: &Payment| {
        let labels: Vec<_> = frauds.iter().map(|at| label(*at)).collect();
        let found = find(before, &labels, payment).reasons;
        found.iter().find(|reason| reason.code == "known_fraud").map(|reason| reason.contribution)
    };
    let before = [owner, theft(2 * DAY)];
    let later = payment(10 * DAY);
    assert_eq!(judged(&before, &[1], &later), Some(20.0));
    let reasons = find(&before, &[label(1)], &later).reasons;
    assert_eq!(
        reasons[0].message,
        "1 earlier payment with this card turned out to be fraud, \
         but this user has paid from this device or IP address for 10 days"
    );
    assert_eq!(reasons[0].evidence[1], evidence("user_familiar_hours", 240.0, Some(72.0)));
    // The thief again, also from the owner's account; an owner not known for long; a habit of disputes.
    assert_eq!(judged(&before, &[1], &theft(10 * DAY)), Some(85.0));
    let taken_over = with(10 * DAY, |payment| {
        (payment.device_id, payment.address) = (text("d8"), text("198.51.100.8"));
    });
    assert_eq!(judged(&before, &[1], &taken_over), Some(85.0));
    let lately = [theft(2 * DAY), payment(8 * DAY)];
    assert_eq!(judged(&lately, &[0], &later), Some(85.0));
    // A thief's undisputed payment of the same hour makes the thief no owner.
    assert_eq!(judged(&[theft(2 * DAY), theft(2 * DAY + 60)], &[0], &theft(10 * DAY)), Some(85.0));
    let disputes: Vec<Payment> = (0..4).map(|i| payment(2 * i * DAY)).collect();
    assert_eq!(judged(&disputes, &[1], &later), Some(20.0));
    assert_eq!(judged(&disputes, &[1, 2, 3], &later), Some(85.0));
}

#[test]
fn an_empty_payment_is_judged_without_a_reason() {
    let empty = Payment::read(&event::Object::new(), jiff::Timestamp::MAX);
    let findings = find(&[payment(0)], &[], &empty);
    assert_eq!(findings.reasons, []);
    assert!(findings.skipped.len() >= 10);
}

#[test]
fn money_has_the_decimals_of_its_currency() {
    let check = |minor, major, amount: f64, expected: &str| {
        let payment = with(0, |payment| (payment.amount_minor, payment.amount) = (minor, major));
        assert_eq!(money(amount, &payment), expected);
    };
    check(Some(1_234), Some(12.34), 500.0, "5.00 EUR");
    check(Some(1_234), Some(1_234.0), 500.0, "500 EUR");
    check(Some(1_234), Some(1.234), 500.0, "0.500 EUR");
    check(Some(1_234), None, 500.0, "500 minor units of EUR");
    check(Some(1_234), Some(77.0), 500.0, "500 minor units of EUR");
}
