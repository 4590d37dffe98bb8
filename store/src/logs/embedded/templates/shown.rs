//! Templates as Elasticsearch shows them.

use super::super::{catalog::Alias, mapping::Mapping, settings::Settings};
use crate::logs::TemplateKind;
use event::Object;
use serde_json::{Value, json};

/// A template as Elasticsearch shows it: settings nested, under `index`.
pub(super) fn shown(kind: TemplateKind, body: &Value) -> Value {
    let normal = |part: &mut Object, complete: bool| {
        if let Some(settings) = part.get_mut("settings")
            && let Ok(read) = Settings::parse(settings)
        {
            *settings = Value::Object(read.nested());
        }
        if let Some(mappings) = part.get_mut("mappings")
            && let Ok(read) = Mapping::parse(mappings)
        {
            *mappings = Value::Object(read.to_json());
        }
        for alias in
            part.get_mut("aliases").and_then(Value::as_object_mut).into_iter().flat_map(|a| a.values_mut())
        {
            if let Ok(read) = Alias::parse(alias) {
                *alias = read.to_json();
            }
        }
        for key in ["settings", "mappings", "aliases"].into_iter().filter(|_| complete) {
            part.entry(key).or_insert_with(|| json!({}));
        }
    };
    let mut body = body.as_object().cloned().unwrap_or_default();
    if let Some(patterns) = body.get_mut("index_patterns").filter(|patterns| patterns.is_string()) {
        *patterns = json!([patterns.take()]);
    }
    match kind {
        TemplateKind::Lifecycle => {}
        TemplateKind::Legacy => {
            body.entry("order").or_insert_with(|| json!(0));
            normal(&mut body, true);
        }
        TemplateKind::Index => {
            body.entry("composed_of").or_insert_with(|| json!([]));
            if let Some(part) = body.get_mut("template").and_then(Value::as_object_mut) {
                normal(part, false);
            }
            if let Some(stream) = body.get_mut("data_stream").and_then(Value::as_object_mut) {
                stream.entry("hidden").or_insert_with(|| json!(false));
            }
        }
        TemplateKind::Component => {
            if let Some(part) = body.get_mut("template").and_then(Value::as_object_mut) {
                normal(part, false);
            }
        }
    }
    Value::Object(body)
}
