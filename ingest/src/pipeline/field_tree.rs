//! Fields that a processor writes together.

use super::compiled::Failure;
use super::document::{Document, Field, TIMESTAMP, weight};
use event::Object;
use serde_json::Value;

/// The fields of one processor as the tree that they make, so that an event gets each object on the way built once and whole
/// instead of being searched from its root for every field.
///
/// Writing it is the same as setting the fields one after another.
#[derive(Default)]
pub(crate) struct FieldTree {
    roots: Vec<Node>,
    /// Fields that are no part of the tree: metadata, and all if the ways of some cross.
    apart: Vec<(Field, usize)>,
}

struct Node {
    key: String,
    what: What,
}

enum What {
    /// A field, with the number of its value.
    Value(Field, usize),
    Object(Vec<Node>),
}

impl FieldTree {
    /// `fields` in the order in which they are written, by which their values are numbered, too.
    pub(crate) fn new<'f>(fields: impl Iterator<Item = &'f Field>) -> Self {
        let mut tree = Self::default();
        let fields: Vec<_> = fields.cloned().zip(0..).collect();
        for (field, number) in &fields {
            match field {
                Field::Source(path) if plant(&mut tree.roots, path.as_str(), field, *number) => {}
                // The order of writing decides what is left of fields whose ways cross.
                Field::Source(_) => return Self { roots: Vec::new(), apart: fields },
                _ => tree.apart.push((field.clone(), *number)),
            }
        }
        tree
    }

    /// Writes what has a value.
    ///
    /// # Errors
    /// A way leads through something that is no object; what was written before stays.
    pub(crate) fn write(
        &self,
        document: &mut Document<'_>,
        values: &mut [Option<Value>],
    ) -> Result<(), Failure> {
        document.count_written(values.iter().flatten().map(weight).sum())?;
        let mut blocked = Vec::new();
        for root in &self.roots {
            if root.key == TIMESTAMP && root.has_value(values) {
                document.event.metadata.timestamp = None;
            }
            root.merge(&mut document.event.fields, values, &mut blocked);
        }
        for node in blocked {
            node.write_each(document, values)?;
        }
        for (field, number) in &self.apart {
            write_one(document, field, *number, values)?;
        }
        Ok(())
    }
}

/// Puts a field into a tree; `false`: another stands in its way, or it in the way of others.
fn plant(nodes: &mut Vec<Node>, path: &str, field: &Field, number: usize) -> bool {
    let (key, rest) = path.split_once('.').map_or((path, None), |(key, rest)| (key, Some(rest)));
    match (nodes.iter_mut().find(|node| node.key == key), rest) {
        (Some(Node { what: What::Object(nodes), .. }), Some(rest)) => plant(nodes, rest, field, number),
        (Some(_), _) => false,
        (None, None) => {
            nodes.push(Node { key: key.to_owned(), what: What::Value(field.clone(), number) });
            true
        }
        (None, Some(rest)) => {
            let mut inner = Vec::new();
            let planted = plant(&mut inner, rest, field, number);
            nodes.push(Node { key: key.to_owned(), what: What::Object(inner) });
            planted
        }
    }
}

fn write_one(
    document: &mut Document<'_>,
    field: &Field,
    number: usize,
    values: &mut [Option<Value>],
) -> Result<(), Failure> {
    match values.get_mut(number).and_then(Option::take) {
        Some(value) => document.set(field, value),
        None => Ok(()),
    }
}

impl Node {
    /// Puts its fields into an object. What cannot go in, because something else stands in the way, is told.
    fn merge<'n>(&'n self, object: &mut Object, values: &mut [Option<Value>], blocked: &mut Vec<&'n Self>) {
        match (object.get_mut(&self.key), &self.what) {
            (None, _) => {
                if let Some(value) = self.build(values) {
                    object.insert(self.key.clone(), value);
                }
            }
            (Some(old), What::Value(_, number)) => {
                if let Some(value) = values.get_mut(*number).and_then(Option::take) {
                    *old = value;
                }
            }
            (Some(Value::Object(inner)), What::Object(nodes)) => {
                nodes.iter().for_each(|node| node.merge(inner, values, blocked));
            }
            (Some(_), What::Object(_)) => blocked.push(self),
        }
    }

    fn has_value(&self, values: &[Option<Value>]) -> bool {
        match &self.what {
            What::Value(_, number) => values.get(*number).is_some_and(Option::is_some),
            What::Object(nodes) => nodes.iter().any(|node| node.has_value(values)),
        }
    }

    /// `None`: none of its fields has a value.
    fn build(&self, values: &mut [Option<Value>]) -> Option<Value> {
        match &self.what {
            What::Value(_, number) => values.get_mut(*number)?.take(),
            What::Object(nodes) => {
                let mut object = Object::new();
                for node in nodes {
                    if let Some(value) = node.build(values) {
                        object.insert(node.key.clone(), value);
                    }
                }
                (!object.is_empty()).then_some(Value::Object(object))
            }
        }
    }

    fn write_each(&self, document: &mut Document<'_>, values: &mut [Option<Value>]) -> Result<(), Failure> {
        match &self.what {
            What::Value(field, number) => write_one(document, field, *number, values),
            What::Object(nodes) => nodes.iter().try_for_each(|node| node.write_each(document, values)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use event::{Event, Origin};
    use proptest::prelude::*;
    use serde_json::json;

    fn event(fields: Value) -> Event {
        Event::new(fields.as_object().unwrap().clone(), Origin::Request)
    }

    /// Writes fields together and one by one, and compares.
    fn check(paths: &[&str], given: &[bool], before: &Value) {
        let fields: Vec<Field> = paths.iter().map(|path| Field::parse(path).unwrap()).collect();
        let tree = FieldTree::new(fields.iter());
        let value = |number: usize| given[number].then(|| json!(format!("v{number}")));
        let (mut together, mut single) = (event(before.clone()), event(before.clone()));
        let mut values: Vec<_> = (0..fields.len()).map(value).collect();
        let result = tree.write(&mut Document::new(&mut together, None), &mut values);
        let mut document = Document::new(&mut single, None);
        let expected = fields
            .iter()
            .enumerate()
            .try_for_each(|(number, field)| value(number).map_or(Ok(()), |value| document.set(field, value)));
        assert_eq!(result.is_ok(), expected.is_ok(), "{paths:?} {given:?} {before}");
        if result.is_ok() {
            assert_eq!(together.fields, single.fields, "{paths:?} {given:?} {before}");
            assert_eq!(together.metadata.index, single.metadata.index);
        }
    }

    #[test]
    fn writes_as_one_by_one() {
        let paths = ["a.b.c", "a.b.d", "e", "_index", "a.f", "g.0"];
        check(&paths, &[true; 6], &json!({}));
        check(&paths, &[false, true, false, true, false, true], &json!({}));
        check(&paths, &[true; 6], &json!({"a": {"b": {"x": 1}}, "g": [0]}));
        check(&paths, &[true; 6], &json!({"a": "text"}));
    }

    proptest! {
        #[test]
        fn any_fields_are_written_as_one_by_one(
            paths in prop::collection::vec("[ab](\\.[ab]){0,2}", 1..6),
            given in prop::collection::vec(any::<bool>(), 6),
            before in prop::sample::select(vec![json!({}), json!({"a": {"b": 1}}), json!({"b": "x", "a": {"a": {}}})]),
        ) {
            let mut paths: Vec<&str> = paths.iter().map(String::as_str).collect();
            paths.dedup();
            check(&paths, &given, &before);
        }
    }
}
