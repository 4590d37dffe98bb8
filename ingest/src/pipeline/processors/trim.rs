//! `trim`: white space off both ends.

use super::text_transform::TextTransform;
use super::{Compiler, DefinitionError, Options, Processor};

pub(super) fn build(options: &mut Options, _: &mut Compiler) -> Result<Box<dyn Processor>, DefinitionError> {
    TextTransform::build(options, |text| Ok(text.trim().into()))
}

#[cfg(test)]
mod tests {
    use super::super::testing::check;
    use serde_json::json;

    #[test]
    fn trims_both_ends() {
        check("trim", json!({"field": "a"}), json!({"a": " \t x y\n"}), json!({"a": "x y"}));
    }
}
