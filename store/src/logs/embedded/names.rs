//! Which index names are allowed.

use crate::StoreError;

/// Longest index name, in bytes.
const NAME_MAX_BYTES: usize = 255;
/// Longest document id, in bytes, as in Elasticsearch.
pub(super) const ID_MAX_BYTES: usize = 512;

/// First segments of paths that mean something else: an index of the name could not be reached.
pub(super) const RESERVED: [&str; 2] = ["es", "os"];

/// Refuses the names that Elasticsearch refuses for an index, and those that cannot be reached. Names are never used as
/// paths.
///
/// Source: Elasticsearch reference, "Create index API", path parameters.
pub(super) fn check_index_name(name: &str) -> Result<(), StoreError> {
    let problem = if name.is_empty() {
        "must not be empty"
    } else if name.len() > NAME_MAX_BYTES {
        "must not be longer than 255 bytes"
    } else if name == "." || name == ".." {
        "must not be '.' or '..'"
    } else if name.starts_with(['-', '_', '+']) {
        "must not start with '_', '-', or '+'"
    } else if name.chars().any(char::is_uppercase) {
        "must be lowercase"
    } else if name.contains(['\\', '/', '*', '?', '"', '<', '>', '|', ' ', ',', '#', ':']) {
        "must not contain the following characters [ , \", *, \\, <, |, ,, >, /, ?, #, :]"
    } else if name.chars().any(char::is_control) {
        "must not contain control characters"
    } else if RESERVED.contains(&name) {
        "must not be 'es' or 'os': paths that begin so say as which product the answer is meant"
    } else {
        return Ok(());
    };
    let message = format!("Invalid index name [{}], {problem}", name.escape_debug());
    Err(StoreError::invalid(message).with_code("invalid_index_name_exception"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_checked() {
        let check = |name: &str, allowed| assert_eq!(check_index_name(name).is_ok(), allowed, "{name}");
        check("ecommerce-logs-2026.11.21", true);
        check(".kibana_1", true);
        check("été", true);
        check("a..b", true);
        check("es-logs", true);
        check(&"a".repeat(255), true);
        check(&"a".repeat(256), false);
        for name in [
            "", ".", "..", "A", "a/b", "../a", "a*", "-a", "_a", "+a", "a b", "a:b", "a\0", "a,b", "É", "es",
            "os",
        ] {
            check(name, false);
        }
    }
}
