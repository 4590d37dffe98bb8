//! Distances on the earth.

/// Mean radius of the earth in metres, as Lucene has it.
const EARTH_M: f64 = 6_371_008.771_4;

/// Metres along the surface between two points (latitude, longitude in degrees), by the haversine formula.
pub(super) fn distance_m((lat_a, lon_a): (f64, f64), (lat_b, lon_b): (f64, f64)) -> f64 {
    let (a, b) = (lat_a.to_radians(), lat_b.to_radians());
    let half = |angle: f64| (angle / 2.0).sin().powi(2);
    let h = half(b - a) + a.cos() * b.cos() * half((lon_b - lon_a).to_radians());
    2.0 * EARTH_M * h.sqrt().min(1.0).asin()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_distances() {
        let check = |a, b, km: f64| assert!((distance_m(a, b) / 1_000.0 - km).abs() < 1.0, "{a:?} {b:?}");
        check((48.8566, 2.3522), (51.5074, -0.1278), 343.6);
        check((0.0, 179.5), (0.0, -179.5), 111.2);
        check((90.0, 0.0), (-90.0, 0.0), 20_015.1);
        check((10.0, 10.0), (10.0, 10.0), 0.0);
    }
}
