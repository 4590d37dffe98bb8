//! Steps in their order, constants side by side written as one.

use super::compiled::{Flow, PipelineError, Step};
use super::document::{Document, Field};
use super::field_tree::FieldTree;
use serde_json::Value;

/// What runs one after another: a pipeline's own processors, an `on_failure`.
#[derive(Default)]
pub(crate) struct Steps(Vec<Stage>);

enum Stage {
    One(Step),
    /// `set` processors that write constants without condition, and what they write together.
    Constants {
        steps: Vec<Step>,
        tree: FieldTree,
        values: Vec<Value>,
    },
}

impl Steps {
    pub(crate) fn new(steps: Vec<Step>) -> Self {
        let mut stages = Vec::new();
        let mut constants = Vec::new();
        for step in steps {
            if step.constant().is_some() {
                constants.push(step);
                continue;
            }
            join(&mut stages, std::mem::take(&mut constants));
            stages.push(Stage::One(step));
        }
        join(&mut stages, constants);
        Self(stages)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn run(&self, document: &mut Document<'_>) -> Result<Flow, PipelineError> {
        for stage in &self.0 {
            let flow = match stage {
                Stage::One(step) => step.run(document)?,
                Stage::Constants { tree, values, .. }
                    if document.trace.is_none() && write(tree, values, document) =>
                {
                    Flow::Continue
                }
                // One by one they say what they do, and which of them fails. What is written already is written again.
                Stage::Constants { steps, .. } => one_by_one(steps, document)?,
            };
            if flow != Flow::Continue {
                return Ok(flow);
            }
        }
        Ok(Flow::Continue)
    }
}

/// Writes constants; `false`: one of them cannot be written.
fn write(tree: &FieldTree, values: &[Value], document: &mut Document<'_>) -> bool {
    let mut values: Vec<_> = values.iter().cloned().map(Some).collect();
    tree.write(document, &mut values).is_ok()
}

fn one_by_one(steps: &[Step], document: &mut Document<'_>) -> Result<Flow, PipelineError> {
    for step in steps {
        let flow = step.run(document)?;
        if flow != Flow::Continue {
            return Ok(flow);
        }
    }
    Ok(Flow::Continue)
}

fn join(stages: &mut Vec<Stage>, mut steps: Vec<Step>) {
    if steps.len() < 2 {
        stages.extend(steps.pop().map(Stage::One));
        return;
    }
    let constants = steps.iter().filter_map(Step::constant);
    let (fields, values): (Vec<Field>, Vec<Value>) =
        constants.map(|(field, value)| (field.clone(), value.clone())).unzip();
    let tree = FieldTree::new(fields);
    stages.push(Stage::Constants { steps, tree, values });
}
