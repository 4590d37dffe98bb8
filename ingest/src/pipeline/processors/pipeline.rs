//! `pipeline`: runs another pipeline, found by name when the event comes.

use super::super::compiled::find_called;
use super::{Compiler, DefinitionError, Document, Failure, Flow, Options, Processor};
use expression::{Escape, Template};

struct Call {
    name: Template,
    ignore_missing: bool,
}

pub(super) fn build(
    options: &mut Options,
    compiler: &mut Compiler,
) -> Result<Box<dyn Processor>, DefinitionError> {
    let name =
        options.template("name")?.ok_or_else(|| options.error("name", "required property is missing"))?;
    if !Template::is_template(&name.to_string()) {
        compiler.calls.push(name.to_string());
    }
    Ok(Box::new(Call { name, ignore_missing: options.boolean("ignore_missing_pipeline", false)? }))
}

impl Processor for Call {
    fn apply(&self, document: &mut Document<'_>) -> Result<Flow, Failure> {
        let name = self.name.render(document, Escape::None);
        match find_called(document.set.as_ref(), &name) {
            Some(pipeline) => pipeline.call(document),
            None if self.ignore_missing => Ok(Flow::Continue),
            None => Err(Failure {
                kind: "illegal_state_exception",
                reason: format!("Pipeline processor configured for non-existent pipeline [{name}]"),
                inner: None,
            }),
        }
    }
}
