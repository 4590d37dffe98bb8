//! Hides the masked fields of a document from its reader.

use crate::scope::Scope;
use event::Object;
use serde_json::Value;

/// Removes what the scope masks, wherever it is: nested, under dotted keys, in lists of objects.
pub(super) fn remove_masked(source: &mut Object, scope: &Scope) {
    if !scope.masked_fields().is_empty() {
        remove_below(source, "", scope);
    }
}

fn remove_below(object: &mut Object, parent: &str, scope: &Scope) {
    object.retain(|name, value| {
        let path = if parent.is_empty() { name.clone() } else { format!("{parent}.{name}") };
        if scope.masks_field(&path) {
            return false;
        }
        remove_in(value, &path, scope);
        true
    });
}

fn remove_in(value: &mut Value, path: &str, scope: &Scope) {
    match value {
        Value::Object(inner) => remove_below(inner, path, scope),
        Value::Array(items) => items.iter_mut().for_each(|item| remove_in(item, path, scope)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn masked_fields_are_removed_wherever_they_are() {
        let scope = Scope::none("viewer").with_masked_fields(["user.email", "message"]);
        let mut source = json!({
            "message": "x", "user": {"email": "a@b", "name": "n"}, "user.email": "c@d",
            "list": [{"message": "kept"}]
        });
        remove_masked(source.as_object_mut().unwrap(), &scope);
        assert_eq!(source, json!({"user": {"name": "n"}, "list": [{"message": "kept"}]}));
    }
}
