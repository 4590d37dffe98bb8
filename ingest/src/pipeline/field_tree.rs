//! Fields that a processor writes together.

use super::compiled::Failure;
use super::document::{Document, Field, TIMESTAMP, weight};
use event::{Object, member, member_mut};
use serde_json::Value;

/// The fields of one processor as the tree that they make, so that an event gets each object on the way built once and whole
/// instead of being searched from its root for every field.
///
/// Writing it is the same as setting the fields one after another.
#[derive(Default)]
pub(crate) struct FieldTree {
    /// In the order in which they are written; their values have the same numbers.
    fields: Vec<Field>,
    roots: Vec<Node>,
    /// Numbers of the fields that are no part of the tree: metadata.
    apart: Vec<usize>,
    /// The ways of some cross: the order of writing decides what is left of them.
    crossed: bool,
}

struct Node {
    key: String,
    what: What,
}

enum What {
    /// A field, by the number of its value.
    Value(usize),
    Object(Vec<Node>),
}

impl FieldTree {
    /// `fields` in the order in which they are written, by which their values are numbered, too.
    pub(crate) fn new(fields: Vec<Field>) -> Self {
        let mut tree = Self { fields, ..Self::default() };
        for (number, field) in tree.fields.iter().enumerate() {
            match field {
                Field::Source(path) => tree.crossed |= !plant(&mut tree.roots, path.as_str(), number),
                _ => tree.apart.push(number),
            }
        }
        tree
    }

    /// The fields in their order.
    #[cfg(test)]
    pub(crate) fn fields(&self) -> &[Field] {
        &self.fields
    }

    /// Writes what has a value.
    ///
    /// # Errors
    /// A way leads through something that is no object; what comes before that field is written, what comes after it is not.
    pub(crate) fn write(
        &self,
        document: &mut Document<'_>,
        values: &mut [Option<Value>],
    ) -> Result<(), Failure> {
        if self.crossed || self.roots.iter().any(|root| root.is_blocked(&document.event.fields, values)) {
            return (0..self.fields.len()).try_for_each(|number| self.write_one(document, number, values));
        }
        document.count_written(values.iter().flatten().map(weight).sum())?;
        for root in &self.roots {
            if root.key == TIMESTAMP && root.has_value(values) {
                document.event.metadata.timestamp = None;
            }
            root.merge(&mut document.event.fields, values);
        }
        self.apart.iter().try_for_each(|number| self.write_one(document, *number, values))
    }

    fn write_one(
        &self,
        document: &mut Document<'_>,
        number: usize,
        values: &mut [Option<Value>],
    ) -> Result<(), Failure> {
        match (self.fields.get(number), values.get_mut(number).and_then(Option::take)) {
            (Some(field), Some(value)) => document.set(field, value),
            _ => Ok(()),
        }
    }
}

/// Puts a field into a tree; `false`: another stands in its way, or it in the way of others.
fn plant(nodes: &mut Vec<Node>, path: &str, number: usize) -> bool {
    let (key, rest) = path.split_once('.').map_or((path, None), |(key, rest)| (key, Some(rest)));
    match (nodes.iter_mut().find(|node| node.key == key), rest) {
        (Some(Node { what: What::Object(nodes), .. }), Some(rest)) => plant(nodes, rest, number),
        (Some(_), _) => false,
        (None, None) => {
            nodes.push(Node { key: key.to_owned(), what: What::Value(number) });
            true
        }
        (None, Some(rest)) => {
            let mut inner = Vec::new();
            let planted = plant(&mut inner, rest, number);
            nodes.push(Node { key: key.to_owned(), what: What::Object(inner) });
            planted
        }
    }
}

impl Node {
    /// Whether something that is no object stands in the way of one of its fields that has a value.
    fn is_blocked(&self, object: &Object, values: &[Option<Value>]) -> bool {
        match (member(object, &self.key), &self.what) {
            (None, _) | (Some(_), What::Value(_)) => false,
            (Some(Value::Object(inner)), What::Object(nodes)) => {
                nodes.iter().any(|node| node.is_blocked(inner, values))
            }
            (Some(_), What::Object(_)) => self.has_value(values),
        }
    }

    /// Puts its fields into an object, in which nothing stands in their way.
    fn merge(&self, object: &mut Object, values: &mut [Option<Value>]) {
        match (member_mut(object, &self.key), &self.what) {
            (None, _) => {
                if let Some(value) = self.build(values) {
                    object.insert(self.key.clone(), value);
                }
            }
            (Some(old), What::Value(number)) => {
                if let Some(value) = values.get_mut(*number).and_then(Option::take) {
                    *old = value;
                }
            }
            (Some(Value::Object(inner)), What::Object(nodes)) => {
                nodes.iter().for_each(|node| node.merge(inner, values));
            }
            (Some(_), What::Object(_)) => {}
        }
    }

    fn has_value(&self, values: &[Option<Value>]) -> bool {
        match &self.what {
            What::Value(number) => values.get(*number).is_some_and(Option::is_some),
            What::Object(nodes) => nodes.iter().any(|node| node.has_value(values)),
        }
    }

    /// `None`: none of its fields has a value.
    fn build(&self, values: &mut [Option<Value>]) -> Option<Value> {
        match &self.what {
            What::Value(number) => values.get_mut(*number)?.take(),
            What::Object(nodes) => {
                let mut object = Object::with_capacity(nodes.len());
                for node in nodes {
                    if let Some(value) = node.build(values) {
                        object.insert(node.key.clone(), value);
                    }
                }
                (!object.is_empty()).then_some(Value::Object(object))
            }
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
        let tree = FieldTree::new(fields.clone());
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
        assert_eq!(together.fields, single.fields, "{paths:?} {given:?} {before}");
        if result.is_ok() {
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
