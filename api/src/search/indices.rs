use crate::ApiError;
use event::{DEVICE_LOGS, ECOMMERCE_LOGS};

const PATTERNS_MAX: usize = 50;
const NAME_MAX_BYTES: usize = 255;

/// The index patterns that a request names, separated by commas; without any, the events of shops and devices. What of
/// them the caller may reach is decided by the scope, in the store.
pub(crate) fn patterns(text: Option<&str>) -> Result<Vec<String>, ApiError> {
    let Some(text) = text.filter(|text| !text.trim().is_empty()) else {
        return Ok([ECOMMERCE_LOGS, DEVICE_LOGS].map(|prefix| format!("{prefix}-*")).to_vec());
    };
    let patterns: Vec<String> = text.split(',').map(|pattern| pattern.trim().to_owned()).collect();
    if patterns.len() > PATTERNS_MAX {
        return Err(ApiError::field("index", format!("names more than {PATTERNS_MAX} patterns")));
    }
    match patterns.iter().find(|pattern| !is_pattern(pattern)) {
        Some(bad) => Err(ApiError::field("index", format!("{bad:?} is not an index or pattern"))),
        None => Ok(patterns),
    }
}

/// Elasticsearch's rules for names of indices, and `*`. Exclusions (`-name`) and date mathematics (`<name>`) are not
/// part of it.
fn is_pattern(pattern: &str) -> bool {
    let odd = |c: char| {
        matches!(c, '\\' | '/' | '?' | '"' | '<' | '>' | '|' | ' ' | ',' | '#' | ':' | '%') || c.is_control()
    };
    !pattern.is_empty()
        && pattern.len() <= NAME_MAX_BYTES
        && !pattern.starts_with(['-', '_', '+'])
        && pattern != "."
        && pattern != ".."
        && !pattern.contains(odd)
        && !pattern.chars().any(char::is_uppercase)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_patterns() {
        let check = |text: Option<&str>, expected: Option<&[&str]>| {
            let found = patterns(text).ok();
            assert_eq!(
                found.as_deref(),
                expected
                    .map(|names| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>())
                    .as_deref(),
                "{text:?}"
            );
        };
        check(None, Some(&["ecommerce-logs-*", "device-logs-*"]));
        check(Some(" "), Some(&["ecommerce-logs-*", "device-logs-*"]));
        check(Some("a-*, b"), Some(&["a-*", "b"]));
        check(Some("*"), Some(&["*"]));
        for bad in ["-a", "a,-b", "../etc", "a/b", "a%2fb", "<a-{now/d}>", "_all", "A", "a,,b", "cluster:a"] {
            check(Some(bad), None);
        }
    }
}
