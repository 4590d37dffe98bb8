//! `terminate`: ends the pipeline; one that has called it goes on.

use super::{Compiler, DefinitionError, Document, Failure, Flow, Options, Processor};

struct Terminate;

pub(super) fn build(_: &mut Options, _: &mut Compiler) -> Result<Box<dyn Processor>, DefinitionError> {
    Ok(Box::new(Terminate))
}

impl Processor for Terminate {
    fn apply(&self, _: &mut Document<'_>) -> Result<Flow, Failure> {
        Ok(Flow::Terminate)
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::run_all;
    use serde_json::json;

    #[test]
    fn ends_the_pipeline() {
        let processors = json!([
            {"set": {"field": "a", "value": 1}},
            {"terminate": {"if": "ctx.stop == true"}},
            {"set": {"field": "b", "value": 2}},
        ]);
        assert_eq!(run_all(processors.clone(), json!({"stop": true})), Ok(json!({"stop": true, "a": 1})));
        assert_eq!(run_all(processors, json!({})), Ok(json!({"a": 1, "b": 2})));
    }

    #[test]
    fn ends_it_from_a_handler_too() {
        let processors = json!([
            {"fail": {"message": "no", "on_failure": [{"terminate": {}}, {"set": {"field": "a", "value": 1}}]}},
            {"set": {"field": "b", "value": 2}},
        ]);
        assert_eq!(run_all(processors, json!({})), Ok(json!({})));
    }
}
