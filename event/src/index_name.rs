use crate::Timestamp;
use jiff::{civil::Date, tz::TimeZone};

/// Prefix of the daily indices of the shop's events.
pub const ECOMMERCE_LOGS: &str = "ecommerce-logs";
/// Prefix of the daily indices of the devices' events.
pub const DEVICE_LOGS: &str = "device-logs";

/// Name of the index that holds the events of one day (UTC): `ecommerce-logs-2026.11.21`.
pub fn daily_index(prefix: &str, at: Timestamp) -> String {
    let date = at.to_zoned(TimeZone::UTC).date();
    format!("{prefix}-{:04}.{:02}.{:02}", date.year(), date.month(), date.day())
}

/// The day (UTC) in the name of a daily index; `None` if the name does not end in one.
pub fn day_of_index(name: &str) -> Option<Date> {
    let day = name.get(name.len().checked_sub(11)?..)?.strip_prefix('-')?;
    let mut parts = day.split('.');
    let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
    if year.len() != 4 || month.len() != 2 || day.len() != 2 {
        return None;
    }
    Date::new(year.parse().ok()?, month.parse().ok()?, day.parse().ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn daily_names_round_trip() {
        let check = |time: &str, name: &str| {
            let at: Timestamp = time.parse().unwrap();
            assert_eq!(daily_index(ECOMMERCE_LOGS, at), name);
            assert_eq!(day_of_index(name), Some(at.to_zoned(TimeZone::UTC).date()));
        };
        check("2026-11-21T00:00:00Z", "ecommerce-logs-2026.11.21");
        check("2026-11-20T23:59:59.999Z", "ecommerce-logs-2026.11.20");
        check("2026-11-21T00:30:00+01:00", "ecommerce-logs-2026.11.20");
        check("2024-02-29T12:00:00Z", "ecommerce-logs-2024.02.29");
    }

    #[test]
    fn other_names_have_no_day() {
        for name in
            ["", "ecommerce-logs", "x-2026.13.01", "x-2026.02.30", "x-26.02.03", "x2026.02.03", "é.01.01.01x"]
        {
            assert_eq!(day_of_index(name), None, "{name}");
        }
    }
}
