//! `lowercase` and `uppercase`.

use super::text_transform::TextTransform;
use super::{Compiler, DefinitionError, Options, Processor};

pub(super) fn build_lower(
    options: &mut Options,
    _: &mut Compiler,
) -> Result<Box<dyn Processor>, DefinitionError> {
    TextTransform::build(options, |text| Ok(text.to_lowercase().into()))
}

pub(super) fn build_upper(
    options: &mut Options,
    _: &mut Compiler,
) -> Result<Box<dyn Processor>, DefinitionError> {
    TextTransform::build(options, |text| Ok(text.to_uppercase().into()))
}

#[cfg(test)]
mod tests {
    use super::super::testing::{check, check_fails};
    use serde_json::json;

    #[test]
    fn changes_case() {
        check("lowercase", json!({"field": "a"}), json!({"a": "ÀB"}), json!({"a": "àb"}));
        check("uppercase", json!({"field": "a.b"}), json!({"a": {"b": "xé"}}), json!({"a": {"b": "XÉ"}}));
        check("uppercase", json!({"field": "a"}), json!({"a": ["x", "y"]}), json!({"a": ["X", "Y"]}));
        check(
            "lowercase",
            json!({"field": "a", "target_field": "b"}),
            json!({"a": "X"}),
            json!({"a": "X", "b": "x"}),
        );
        check("lowercase", json!({"field": "a", "ignore_missing": true}), json!({"b": 1}), json!({"b": 1}));
        check_fails(
            "lowercase",
            json!({"field": "a"}),
            json!({}),
            "field [a] not present as part of path [a]",
        );
        check_fails(
            "lowercase",
            json!({"field": "a"}),
            json!({"a": null}),
            "field [a] is null, cannot process it.",
        );
        let reason = "field [a] of type [java.lang.Integer] cannot be cast to [java.lang.String]";
        check_fails("lowercase", json!({"field": "a"}), json!({"a": 1}), reason);
        let reason =
            "value [1] of type [java.lang.Integer] in list field [a] cannot be cast to [java.lang.String]";
        check_fails("lowercase", json!({"field": "a"}), json!({"a": ["x", 1]}), reason);
        let reason = "pipeline \"test\", processor 1 (lowercase), key \"filed\": unknown key";
        check_fails("lowercase", json!({"field": "a", "filed": "b"}), json!({}), reason);
        let reason =
            "pipeline \"test\", processor 1 (lowercase), key \"field\": required property is missing";
        check_fails("lowercase", json!({}), json!({}), reason);
    }
}
