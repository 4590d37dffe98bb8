use super::{Findings, Input, evidence};
use crate::fraud::{
    features::Place,
    geo::{Area, area_of_country, distance_km},
};

const CODE: &str = "impossible_travel";

/// How far a geo database's point may be from the truth.
const POINT_RADIUS_KM: f64 = 50.0;

/// Payments closer in time count as this far apart: clocks differ.
const GAP_MIN_SECS: f64 = 60.0;

/// The user's previous payment with a place was so far away that nobody travels as fast: great-circle distance
/// less the uncertainty of both places, by the time between.
///
/// A place known by country only is that country's middle with the country's radius as uncertainty, so two payments in one
/// country or in neighbours never fire. Skipped without a user, without an earlier place, and for countries that are
/// not in the table.
pub(super) fn evaluate(input: &Input<'_>, findings: &mut Findings) {
    let config = &input.config.travel;
    let Some(user) = &input.features.user else {
        return findings.skip(CODE, "the payment names no user");
    };
    let Some(here) = Place::of(input.past) else {
        return findings.skip(CODE, "the place of the payment is unknown");
    };
    let Some(before) = user.last_place else {
        return findings.skip(CODE, "no earlier payment of the user with a place");
    };
    let (Some(here_area), Some(before_area)) = (area(&here), area(&before)) else {
        return findings.skip(CODE, "the country is not in the table of countries");
    };
    let gap_secs = (here.time_ms.saturating_sub(before.time_ms) as f64 / 1_000.0).max(0.0);
    let margin_km = here_area.radius_km + before_area.radius_km;
    let surely_km = distance_km(&here_area, &before_area) - margin_km;
    if gap_secs > f64::from(config.gap_max_secs) || surely_km < config.distance_min_km {
        return;
    }
    let speed = (surely_km / (gap_secs.max(GAP_MIN_SECS) / 3_600.0)).round();
    if speed > config.speed_max_km_per_hour {
        findings.fire(
            CODE,
            config.points,
            format!(
                "at least {surely_km:.0} km from the user's previous payment {} before: {speed:.0} km/h, \
                 nobody travels faster than {:.0}",
                words(gap_secs),
                config.speed_max_km_per_hour
            ),
            vec![
                evidence("speed_km_per_hour", speed, Some(config.speed_max_km_per_hour)),
                evidence("distance_at_least_km", surely_km.round(), None),
                evidence("gap_secs", gap_secs, None),
                evidence("place", place(&here), None),
                evidence("previous_place", place(&before), None),
            ],
        );
    }
}

fn area(place: &Place) -> Option<Area> {
    match place.point {
        Some((lat, lon)) => Some(Area { lat, lon, radius_km: POINT_RADIUS_KM }),
        None => area_of_country(place.country),
    }
}

fn place(place: &Place) -> String {
    let country = std::str::from_utf8(&place.country).ok().filter(|_| place.country != [0; 2]);
    match (place.point, country) {
        (Some((lat, lon)), Some(country)) => format!("{country} {lat:.3},{lon:.3}"),
        (Some((lat, lon)), None) => format!("{lat:.3},{lon:.3}"),
        (None, country) => country.unwrap_or_default().to_owned(),
    }
}

/// A duration as a person says it.
fn words(secs: f64) -> String {
    let (number, unit) = match secs {
        secs if secs < 120.0 => (secs, "seconds"),
        secs if secs < 7_200.0 => (secs / 60.0, "minutes"),
        secs => (secs / 3_600.0, "hours"),
    };
    format!("{number:.0} {unit}")
}
