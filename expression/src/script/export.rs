//! Values as JSON: what a script gives back.

use super::convert::{DEPTH_MAX, too_deep};
use super::heap::Node;
use super::machine::{Machine, Ran};
use super::value::{Val, double_text, float_text};
use event::Object;
use serde_json::{Number, Value};

impl<'a> Machine<'a> {
    /// A value as JSON. Dates become text; NaN and the infinities too, as Elasticsearch writes them.
    pub(super) fn export(&mut self, value: &Val<'a>, at: u32) -> Ran<Value> {
        self.export_at(value, 0, at)
    }

    fn export_at(&mut self, value: &Val<'a>, depth: usize, at: u32) -> Ran<Value> {
        if depth > DEPTH_MAX {
            return Err(too_deep(at));
        }
        Ok(match value {
            Val::Null => Value::Null,
            Val::Bool(value) => Value::Bool(*value),
            Val::Int(value) => Value::from(*value),
            Val::Long(value) => Value::from(*value),
            Val::Double(value) => {
                Number::from_f64(*value).map_or_else(|| Value::String(double_text(*value)), Value::Number)
            }
            // The shortest decimal that is this float, not the double that it widens to.
            Val::Float(value) => match value.to_string().parse().ok().and_then(Number::from_f64) {
                Some(number) if value.is_finite() => Value::Number(number),
                _ => Value::String(float_text(*value)),
            },
            Val::Text(text) => {
                self.charge(text.len(), at)?;
                Value::String(text.to_string())
            }
            // Untouched parts of the document were paid for when it was read.
            Val::List(items) => Value::Array(items.to_vec()),
            Val::Map(object) => Value::Object(Object::clone(object)),
            Val::Point { latitude, longitude } => serde_json::json!({"lat": latitude, "lon": longitude}),
            Val::Node(id) if matches!(self.node(*id), Some(Node::Map(_))) => {
                let entries = match self.node(*id) {
                    Some(Node::Map(entries)) => entries.iter().map(|(k, v)| (k.clone(), v.clone())).collect(),
                    _ => Vec::new(),
                };
                let mut object = Object::with_capacity(entries.len());
                for (key, value) in entries {
                    self.spend(1, at)?;
                    self.charge(key.len() + 16, at)?;
                    object.insert(key.to_string(), self.export_at(&value, depth + 1, at)?);
                }
                Value::Object(object)
            }
            list if let Some(length) = self.length(list) => {
                let mut items = Vec::with_capacity(length);
                for index in 0..length {
                    self.spend(1, at)?;
                    self.charge(16, at)?;
                    let item = self.raw_element(list, index, at)?;
                    items.push(self.export_at(&item, depth + 1, at)?);
                }
                Value::Array(items)
            }
            other => Value::String(self.text_of(other, at)?),
        })
    }

    /// An element as it stands: parts of the document stay borrowed.
    fn raw_element(&mut self, list: &Val<'a>, index: usize, at: u32) -> Ran<Val<'a>> {
        if let Val::Node(id) = list
            && let Some(Node::List { items, .. }) = self.node(*id)
        {
            return Ok(items.get(index).cloned().unwrap_or(Val::Null));
        }
        self.element(list, index, at)
    }
}
