//! `reroute`: sends the document to another index or data stream, and ends its pipeline.
//!
//! Data streams are named `<type>-<dataset>-<namespace>`. What names them is made to fit: lower case, at most 100
//! characters, `_` in place of signs that cannot be part of a name.

use super::super::document::Field;
use super::{Compiler, DefinitionError, Document, Failure, Flow, Options, Processor};
use serde_json::Value;

/// Longest dataset and namespace, in characters.
const PART_MAX_CHARS: usize = 100;
/// Signs that no index's name has.
const FORBIDDEN: &str = "\\/*?\"<>| ,#:";

enum Source {
    Fixed(String),
    Field(Field),
}

/// Which part of the name.
#[derive(Clone, Copy)]
enum Part {
    Dataset,
    Namespace,
}

enum Target {
    Index(String),
    DataStream { datasets: Vec<Source>, namespaces: Vec<Source> },
}

struct Reroute {
    target: Target,
    index: Field,
    /// `data_stream.type`, `.dataset`, `.namespace`.
    written: [Field; 3],
    event_dataset: Field,
}

pub(super) fn build(options: &mut Options, _: &mut Compiler) -> Result<Box<dyn Processor>, DefinitionError> {
    let destination = options.optional_text("destination")?;
    let datasets = sources(options, "dataset", "{{data_stream.dataset}}", Part::Dataset)?;
    let namespaces = sources(options, "namespace", "{{data_stream.namespace}}", Part::Namespace)?;
    let target = match (destination, datasets, namespaces) {
        (Some(index), (_, false), (_, false)) => Target::Index(index),
        (Some(_), ..) => {
            let reason = "can only be set if dataset and namespace are not set";
            return Err(options.error("destination", reason));
        }
        (None, (datasets, _), (namespaces, _)) => Target::DataStream { datasets, namespaces },
    };
    let field = |name: &str| Field::parse(name).map_err(|e| options.error("dataset", e));
    Ok(Box::new(Reroute {
        target,
        index: field("_index")?,
        written: [field("data_stream.type")?, field("data_stream.dataset")?, field("data_stream.namespace")?],
        event_dataset: field("event.dataset")?,
    }))
}

/// Where a part of the name may come from, and whether the definition says so itself.
fn sources(
    options: &mut Options,
    key: &str,
    default: &str,
    part: Part,
) -> Result<(Vec<Source>, bool), DefinitionError> {
    let given = options.optional_texts(key)?.filter(|texts| !texts.is_empty());
    let is_given = given.is_some();
    let texts = given.unwrap_or_else(|| vec![default.to_owned()]);
    let sources = texts.iter().map(|text| Source::parse(text, part).map_err(|e| options.error(key, e)));
    Ok((sources.collect::<Result<_, _>>()?, is_given))
}

impl Source {
    fn parse(text: &str, part: Part) -> Result<Self, String> {
        if !text.contains("{{") && !text.contains("}}") {
            if part.fit(text) != text {
                return Err(format!("'{text}' contains disallowed characters"));
            }
            return Ok(Self::Fixed(text.to_owned()));
        }
        let no_reference = || format!("'{text}' is not a valid field reference");
        let inner =
            text.strip_prefix("{{").and_then(|text| text.strip_suffix("}}")).ok_or_else(no_reference)?;
        let inner = inner.strip_prefix('{').and_then(|inner| inner.strip_suffix('}')).unwrap_or(inner);
        if inner.contains(['{', '}']) {
            return Err(no_reference());
        }
        Field::parse(inner.trim()).map(Self::Field)
    }

    /// `None`: the field is missing, or no text.
    fn resolve(&self, document: &Document<'_>, part: Part) -> Option<String> {
        match self {
            Self::Fixed(text) => Some(text.clone()),
            Self::Field(field) => document.get(field)?.as_str().map(|text| part.fit(text)),
        }
    }
}

impl Part {
    /// A text as part of a name. A dataset has no `-`: that parts the parts.
    fn fit(self, text: &str) -> String {
        let forbidden = |c: char| FORBIDDEN.contains(c) || (c == '-' && matches!(self, Self::Dataset));
        let lower = text.to_lowercase();
        lower.chars().take(PART_MAX_CHARS).map(|c| if forbidden(c) { '_' } else { c }).collect()
    }
}

impl Processor for Reroute {
    fn apply(&self, document: &mut Document<'_>) -> Result<Flow, Failure> {
        let (datasets, namespaces) = match &self.target {
            Target::Index(index) => {
                document.set(&self.index, Value::from(index.as_str()))?;
                return Ok(Flow::Reroute);
            }
            Target::DataStream { datasets, namespaces } => (datasets, namespaces),
        };
        let name = document.text(&self.index, false)?.map(|name| name.into_owned()).unwrap_or_default();
        let mut parts = name.splitn(3, '-');
        let (Some(kind), Some(dataset), Some(namespace)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(Failure::argument(format!(
                "invalid data stream name: [{name}]; must follow naming scheme <type>-<dataset>-<namespace>"
            )));
        };
        let first = |sources: &[Source], part: Part, now: &str| {
            sources.iter().find_map(|source| source.resolve(document, part)).unwrap_or_else(|| now.to_owned())
        };
        let dataset = first(datasets, Part::Dataset, dataset);
        let namespace = first(namespaces, Part::Namespace, namespace);
        document.set(&self.index, Value::String(format!("{kind}-{dataset}-{namespace}")))?;
        // ECS: `event.dataset` says the same as `data_stream.dataset`, where it is there at all.
        if document.get(&self.event_dataset).is_some() {
            document.set(&self.event_dataset, Value::from(dataset.as_str()))?;
        }
        for (field, value) in self.written.iter().zip([kind, &dataset, &namespace]) {
            document.set(field, Value::from(value))?;
        }
        Ok(Flow::Reroute)
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{check_fails, run_all};
    use serde_json::{Value, json};

    /// Index and fields after a reroute of a document of an index.
    fn reroute(index: &str, options: Value, document: Value) -> Result<Value, String> {
        run_all(
            json!([
                {"set": {"field": "_index", "value": index}},
                {"pipeline": {"name": "nope", "ignore_missing_pipeline": true}},
                {"reroute": options},
                {"set": {"field": "after", "value": true}},
            ]),
            document,
        )
    }

    #[test]
    fn names_the_data_stream() {
        let check = |options: Value, document: Value, expected: [&str; 3]| {
            let found = reroute("logs-generic-default", options.clone(), document).unwrap();
            let [kind, dataset, namespace] = expected;
            let expected = json!({"type": kind, "dataset": dataset, "namespace": namespace});
            assert_eq!(found["data_stream"], expected, "{options}");
            assert_eq!(found.get("after"), None, "the pipeline ends");
        };
        check(json!({}), json!({}), ["logs", "generic", "default"]);
        check(json!({"dataset": "nginx"}), json!({}), ["logs", "nginx", "default"]);
        check(
            json!({"dataset": ["{{service.name}}", "fallback"], "namespace": "{{{env}}}"}),
            json!({"service": {"name": "My Shop-1"}, "env": "pre-PROD:1"}),
            ["logs", "my_shop_1", "pre-prod_1"],
        );
        check(
            json!({"dataset": ["{{service.name}}", "fallback"]}),
            json!({}),
            ["logs", "fallback", "default"],
        );
        check(json!({"dataset": ["{{n}}"]}), json!({"n": 5}), ["logs", "generic", "default"]);
        check(json!({}), json!({"data_stream": {"dataset": "a"}}), ["logs", "a", "default"]);
    }

    #[test]
    fn keeps_the_dataset_of_the_event_the_same() {
        let found =
            reroute("logs-generic-default", json!({"dataset": "a"}), json!({"event": {"dataset": "b"}}));
        assert_eq!(found.unwrap()["event"]["dataset"], "a");
    }

    #[test]
    fn sends_to_an_index() {
        let found = reroute("x", json!({"destination": "elsewhere"}), json!({})).unwrap();
        assert_eq!(found, json!({}));
    }

    #[test]
    fn says_what_is_wrong() {
        let error = reroute("shop", json!({}), json!({})).unwrap_err();
        assert!(error.starts_with("invalid data stream name: [shop]; must follow naming scheme"), "{error}");
        let place = |key: &str| format!("pipeline \"test\", processor 1 (reroute), key \"{key}\"");
        check_fails("reroute", json!({"dataset": "a-b"}), json!({}), &place("dataset"));
        check_fails("reroute", json!({"namespace": "{{a}}-{{b}}"}), json!({}), &place("namespace"));
        check_fails("reroute", json!({"destination": "x", "dataset": "y"}), json!({}), &place("destination"));
    }
}
