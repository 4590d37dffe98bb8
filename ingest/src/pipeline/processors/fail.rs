//! `fail`: fails with a message of the definition's own.

use super::{Compiler, DefinitionError, Document, Failure, Flow, Options, Processor};
use expression::{Escape, Template};

struct Fail(Template);

pub(super) fn build(options: &mut Options, _: &mut Compiler) -> Result<Box<dyn Processor>, DefinitionError> {
    let message = options.template("message")?;
    Ok(Box::new(Fail(message.ok_or_else(|| options.error("message", "required property is missing"))?)))
}

impl Processor for Fail {
    fn apply(&self, document: &mut Document<'_>) -> Result<Flow, Failure> {
        let reason = self.0.render(document, Escape::None);
        Err(Failure { kind: "fail_processor_exception", reason, inner: None })
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{check_fails, run_all};
    use serde_json::json;

    #[test]
    fn fails_with_its_message() {
        check_fails("fail", json!({"message": "bad {{a}}"}), json!({"a": "x\"y"}), "bad x\"y");
    }

    #[test]
    fn handlers_see_the_failure() {
        let processors = json!([
            {"fail": {"message": "no", "tag": "t", "on_failure": [
                {"set": {"field": "error", "value":
                    "{{_ingest.on_failure_message}} {{_ingest.on_failure_processor_type}} {{_ingest.on_failure_processor_tag}}"}},
            ]}},
            {"set": {"field": "after", "value": "{{_ingest.on_failure_message}}"}},
        ]);
        assert_eq!(run_all(processors, json!({})), Ok(json!({"error": "no fail t", "after": ""})));
    }
}
