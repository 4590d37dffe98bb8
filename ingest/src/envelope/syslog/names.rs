//! Names of facilities and severities (RFC 5424, 6.2.1; the short names are those of syslog.conf).

const FACILITIES: [&str; 24] = [
    "kern",
    "user",
    "mail",
    "daemon",
    "auth",
    "syslog",
    "lpr",
    "news",
    "uucp",
    "cron",
    "authpriv",
    "ftp",
    "ntp",
    "security",
    "console",
    "solaris-cron",
    "local0",
    "local1",
    "local2",
    "local3",
    "local4",
    "local5",
    "local6",
    "local7",
];
const SEVERITIES: [&str; 8] =
    ["Emergency", "Alert", "Critical", "Error", "Warning", "Notice", "Informational", "Debug"];
/// As `log.level` of other events.
const LEVELS: [&str; 8] = ["emergency", "alert", "critical", "error", "warning", "notice", "info", "debug"];

/// Name of a facility.
pub(super) fn facility(code: u8) -> &'static str {
    FACILITIES.get(usize::from(code)).copied().unwrap_or("unknown")
}

/// Name of a severity.
pub(super) fn severity(code: u8) -> &'static str {
    SEVERITIES[usize::from(code & 7)]
}

/// The level that a severity stands for.
pub(super) fn level(severity: u8) -> &'static str {
    LEVELS[usize::from(severity & 7)]
}
