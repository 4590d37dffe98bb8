//! Lists and maps that a script makes or may change. They refer to each other by number, so a cycle is no leak, and
//! what a script may take is counted.

use super::error::RunError;
use super::machine::{Machine, Ran};
use super::value::{NodeId, Text, Val};
use indexmap::IndexMap;

/// One list or map. Parts of the document in it are copied one level at a time, when they are looked at.
pub(super) enum Node<'a> {
    List {
        items: Vec<Val<'a>>,
        /// Made by `keySet()` and the like: to change it would not change the map, so that is refused.
        fixed: bool,
    },
    Map(IndexMap<Text<'a>, Val<'a>>),
    /// An entry of a map, by its key.
    Entry {
        map: NodeId,
        key: Text<'a>,
    },
}

/// What an element of a list or an entry of a map takes beside its text, in bytes.
const ELEMENT_BYTES: usize = 48;

impl<'a> Machine<'a> {
    pub(super) fn node(&self, id: NodeId) -> Option<&Node<'a>> {
        self.heap.get(id.0)
    }

    fn push(&mut self, node: Node<'a>) -> Val<'a> {
        self.heap.push(node);
        Val::Node(NodeId(self.heap.len() - 1))
    }

    pub(super) fn new_list(&mut self, items: Vec<Val<'a>>, at: u32) -> Ran<Val<'a>> {
        self.charge((items.len() + 1) * ELEMENT_BYTES, at)?;
        Ok(self.push(Node::List { items, fixed: false }))
    }

    pub(super) fn new_fixed_list(&mut self, items: Vec<Val<'a>>, at: u32) -> Ran<Val<'a>> {
        self.charge((items.len() + 1) * ELEMENT_BYTES, at)?;
        Ok(self.push(Node::List { items, fixed: true }))
    }

    pub(super) fn new_map(&mut self, entries: IndexMap<Text<'a>, Val<'a>>, at: u32) -> Ran<Val<'a>> {
        self.charge((entries.len() + 1) * ELEMENT_BYTES, at)?;
        Ok(self.push(Node::Map(entries)))
    }

    pub(super) fn new_entry(&mut self, map: NodeId, key: Text<'a>, at: u32) -> Ran<Val<'a>> {
        self.charge(ELEMENT_BYTES, at)?;
        Ok(self.push(Node::Entry { map, key }))
    }

    /// A list or map of the document as one of the heap; anything else as it is.
    pub(super) fn adopt(&mut self, value: Val<'a>, at: u32) -> Ran<Val<'a>> {
        match value {
            Val::List(items) => self.new_list(items.iter().map(Val::from_json).collect(), at),
            Val::Map(object) => {
                let entries = object.iter().map(|(key, value)| (Text::Borrowed(key), Val::from_json(value)));
                let entries = entries.collect();
                self.new_map(entries, at)
            }
            other => Ok(other),
        }
    }

    /// An element of a list of the heap.
    pub(super) fn load_item(&mut self, id: NodeId, index: usize, at: u32) -> Ran<Option<Val<'a>>> {
        let Some(Node::List { items, .. }) = self.heap.get(id.0) else { return Ok(None) };
        let Some(value) = items.get(index).cloned() else { return Ok(None) };
        if !matches!(value, Val::List(_) | Val::Map(_)) {
            return Ok(Some(value));
        }
        let adopted = self.adopt(value, at)?;
        if let Some(Node::List { items, .. }) = self.heap.get_mut(id.0)
            && let Some(slot) = items.get_mut(index)
        {
            *slot = adopted.clone();
        }
        Ok(Some(adopted))
    }

    /// The value of a key in a map of the heap.
    pub(super) fn load_key(&mut self, id: NodeId, key: &str, at: u32) -> Ran<Option<Val<'a>>> {
        let Some(Node::Map(entries)) = self.heap.get(id.0) else { return Ok(None) };
        let Some(value) = entries.get(key).cloned() else { return Ok(None) };
        if !matches!(value, Val::List(_) | Val::Map(_)) {
            return Ok(Some(value));
        }
        let adopted = self.adopt(value, at)?;
        if let Some(Node::Map(entries)) = self.heap.get_mut(id.0)
            && let Some(slot) = entries.get_mut(key)
        {
            *slot = adopted.clone();
        }
        Ok(Some(adopted))
    }

    /// Puts a value into a map of the heap and answers with the former one.
    pub(super) fn store_key(&mut self, id: NodeId, key: Text<'a>, value: Val<'a>, at: u32) -> Ran<Val<'a>> {
        self.charge(ELEMENT_BYTES + key.len(), at)?;
        match self.heap.get_mut(id.0) {
            Some(Node::Map(entries)) => Ok(entries.insert(key, value).unwrap_or(Val::Null)),
            _ => Ok(Val::Null),
        }
    }

    /// The elements of a list of the heap, to be changed.
    pub(super) fn items_mut(&mut self, id: NodeId, at: u32) -> Ran<&mut Vec<Val<'a>>> {
        match self.heap.get_mut(id.0) {
            Some(Node::List { items, fixed: false }) => Ok(items),
            _ => Err(read_only(at)),
        }
    }

    pub(super) fn charge_element(&mut self, at: u32) -> Ran<()> {
        self.charge(ELEMENT_BYTES, at)
    }
}

pub(super) fn read_only(at: u32) -> Box<RunError> {
    RunError::boxed("unsupported_operation_exception", at, "this list or map can only be read")
}
