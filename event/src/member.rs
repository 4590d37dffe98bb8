//! Members of objects by their names.

use crate::Object;
use serde_json::Value;

/// Objects up to this size are searched from their first member on: to compare so many names takes less time than the keyed hash
/// of one.
const SEARCHED_MAX: usize = 16;

/// The member of that name: as [`Object::get`], several times as fast in the small objects that events are made of.
pub fn member<'o>(object: &'o Object, name: &str) -> Option<&'o Value> {
    if object.len() > SEARCHED_MAX {
        return object.get(name);
    }
    object.iter().find(|(key, _)| *key == name).map(|(_, value)| value)
}

/// As [`member`], to be changed in place.
pub fn member_mut<'o>(object: &'o mut Object, name: &str) -> Option<&'o mut Value> {
    if object.len() > SEARCHED_MAX {
        return object.get_mut(name);
    }
    object.iter_mut().find(|(key, _)| *key == name).map(|(_, value)| value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_and_large_objects_have_their_members() {
        for size in [0, 1, SEARCHED_MAX, SEARCHED_MAX + 1, 100] {
            let mut object: Object = (0..size).map(|n| (n.to_string(), Value::from(n))).collect();
            for n in 0..size {
                assert_eq!(member(&object, &n.to_string()), Some(&Value::from(n)));
                assert_eq!(member_mut(&mut object, &n.to_string()), Some(&mut Value::from(n)));
            }
            assert_eq!(member(&object, "x"), None);
            assert_eq!(member_mut(&mut object, ""), None);
        }
    }
}
