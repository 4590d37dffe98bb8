//! `drop`: the event is not stored; that is no error.

use super::{Compiler, DefinitionError, Document, Failure, Flow, Options, Processor};

struct Drop;

pub(super) fn build(_: &mut Options, _: &mut Compiler) -> Result<Box<dyn Processor>, DefinitionError> {
    Ok(Box::new(Drop))
}

impl Processor for Drop {
    fn apply(&self, _: &mut Document<'_>) -> Result<Flow, Failure> {
        Ok(Flow::Drop)
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::check;
    use serde_json::{Value, json};

    #[test]
    fn drops_what_meets_the_condition() {
        let options = json!({"if": "ctx.level == 'debug'"});
        check("drop", options.clone(), json!({"level": "debug"}), Value::Null);
        check("drop", options, json!({"level": "info"}), json!({"level": "info"}));
    }
}
