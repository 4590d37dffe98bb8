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

/// What the names of the indices behind data streams begin with.
const BACKING: &str = ".ds-";

/// The data stream that an index is named after (`.ds-logs-app-000001` → `logs-app`); `None` if it is named otherwise.
pub fn stream_of_index(name: &str) -> Option<&str> {
    let (stream, number) = name.strip_prefix(BACKING)?.rsplit_once('-')?;
    let counts = number.len() >= 6 && number.bytes().all(|byte| byte.is_ascii_digit());
    (counts && !stream.is_empty()).then_some(stream)
}

/// Whether what is written to this index (its own name, no alias) goes without redaction: dashboards keep their objects
/// where names begin with a dot. The indices behind data streams do too, but hold events.
pub fn keeps_as_written(index: &str) -> bool {
    index.starts_with('.') && !index.starts_with(BACKING)
}

/// Whether this index (its own name, no alias) is one of those, or behind one of the streams, that events of shops and devices go
/// to.
pub fn is_event_index(index: &str) -> bool {
    let name = stream_of_index(index).unwrap_or(index);
    [ECOMMERCE_LOGS, DEVICE_LOGS]
        .iter()
        .any(|prefix| name.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('-')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_of_shops_and_devices_have_indices_of_their_own() {
        let check = |name, expected| assert_eq!(is_event_index(name), expected, "{name}");
        for name in ["ecommerce-logs-2026.11.21", "device-logs", ".ds-device-logs-000001"] {
            check(name, true);
        }
        for name in ["ecommerce-logsx", "logs", ".kibana_1", "x-ecommerce-logs"] {
            check(name, false);
        }
    }

    #[test]
    fn indices_behind_streams_are_named_after_them() {
        let check = |name, expected| assert_eq!(stream_of_index(name), expected, "{name}");
        check(".ds-logs-app-000001", Some("logs-app"));
        check(".ds-logs-1000000", Some("logs"));
        check(".ds-.hidden-000002", Some(".hidden"));
        for name in
            ["logs-000001", ".ds-logs-app", ".ds-logs-00001", ".ds--000001", ".ds-logs-00000a", ".ds-"]
        {
            check(name, None);
        }
        assert!(keeps_as_written(".kibana_1"));
        assert!(!keeps_as_written(".ds-logs-app-000001") && !keeps_as_written("logs"));
    }

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
