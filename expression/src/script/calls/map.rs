//! Maps and their entries.

use super::super::heap::{Node, read_only};
use super::super::machine::{Machine, Ran};
use super::super::names::Method;
use super::super::value::{NodeId, Text, Val};
use super::Arguments;

impl<'a> Machine<'a> {
    /// The value of a key; `None` when it is absent, which null is not.
    pub(in super::super) fn value_of(&mut self, map: &Val<'a>, key: &str, at: u32) -> Ran<Option<Val<'a>>> {
        Ok(match map {
            Val::Map(object) => object.get(key).map(Val::from_json),
            Val::Ctx => self.environment.ctx(key).map(|_| self.ctx_member(key)),
            Val::Doc => self.environment.doc(key).map(Val::Field),
            Val::Node(id) => self.load_key(*id, key, at)?,
            _ => None,
        })
    }

    /// All keys with their values.
    pub(in super::super) fn entries(&mut self, map: &Val<'a>, at: u32) -> Ran<Vec<(Text<'a>, Val<'a>)>> {
        let keys = self.keys(map).unwrap_or_default();
        self.spend(keys.len(), at)?;
        let mut entries = Vec::with_capacity(keys.len());
        for key in keys {
            let value = self.value_of(map, &key, at)?.unwrap_or(Val::Null);
            entries.push((key, value));
        }
        Ok(entries)
    }

    fn key(&self, value: &Val<'a>, at: u32) -> Ran<Text<'a>> {
        match value {
            Val::Text(key) => Ok(key.clone()),
            other => Err(self.cannot_cast(other, "string", at)),
        }
    }

    pub(super) fn call_map(
        &mut self,
        map: &Val<'a>,
        method: Method,
        arguments: Arguments<'a>,
        at: u32,
    ) -> Ran<Val<'a>> {
        match method {
            Method::Get => match arguments.first() {
                Val::Text(key) if matches!(map, Val::Doc) => self.doc_field(key, at),
                Val::Text(key) => Ok(self.value_of(map, key, at)?.unwrap_or(Val::Null)),
                _ => Ok(Val::Null),
            },
            Method::GetOrDefault => match arguments.first() {
                Val::Text(key) => {
                    let found = self.value_of(map, key, at)?;
                    Ok(found.unwrap_or_else(|| arguments.second().clone()))
                }
                _ => Ok(arguments.second().clone()),
            },
            Method::ContainsKey => match arguments.first() {
                Val::Text(key) => Ok(Val::Bool(self.value_of(map, key, at)?.is_some())),
                _ => Ok(Val::Bool(false)),
            },
            _ if self.keys(map).is_none() => Err(self.no_member(map, method.name(), at)),
            Method::Size => Ok(Val::count(self.keys(map).map_or(0, |keys| keys.len()))),
            Method::IsEmpty => Ok(Val::Bool(self.keys(map).is_none_or(|keys| keys.is_empty()))),
            Method::ContainsValue => {
                for (_, value) in self.entries(map, at)? {
                    if self.equal(&value, arguments.first(), at)? {
                        return Ok(Val::Bool(true));
                    }
                }
                Ok(Val::Bool(false))
            }
            Method::KeySet => {
                let keys = self.keys(map).unwrap_or_default().into_iter().map(Val::Text).collect();
                self.new_fixed_list(keys, at)
            }
            Method::Values => {
                let values = self.entries(map, at)?.into_iter().map(|(_, value)| value).collect();
                self.new_fixed_list(values, at)
            }
            Method::EntrySet => self.entry_set(map, at),
            _ => match map {
                Val::Node(id) => self.change_map(*id, method, arguments, at),
                _ if changes(method) => Err(read_only(at)),
                _ => Err(self.no_member(map, method.name(), at)),
            },
        }
    }

    fn entry_set(&mut self, map: &Val<'a>, at: u32) -> Ran<Val<'a>> {
        let keys = self.keys(map).unwrap_or_default();
        self.spend(keys.len(), at)?;
        let Val::Node(id) = self.adopt(map.clone(), at)? else { return self.new_fixed_list(Vec::new(), at) };
        let entries = keys.into_iter().map(|key| self.new_entry(id, key, at)).collect::<Ran<Vec<_>>>()?;
        self.new_fixed_list(entries, at)
    }

    fn change_map(&mut self, id: NodeId, method: Method, arguments: Arguments<'a>, at: u32) -> Ran<Val<'a>> {
        let [first, second, _] = arguments.values;
        match method {
            Method::Put => {
                let key = self.key(&first, at)?;
                self.store_key(id, key, second, at)
            }
            Method::PutIfAbsent => {
                let key = self.key(&first, at)?;
                match self.load_key(id, &key, at)? {
                    None | Some(Val::Null) => self.store_key(id, key, second, at),
                    Some(found) => Ok(found),
                }
            }
            Method::PutAll => {
                if self.keys(&first).is_none() {
                    return Err(self.cannot_cast(&first, "map", at));
                }
                for (key, value) in self.entries(&first, at)? {
                    self.store_key(id, key, value, at)?;
                }
                Ok(Val::Null)
            }
            Method::Replace => {
                let key = self.key(&first, at)?;
                match self.load_key(id, &key, at)? {
                    Some(_) => self.store_key(id, key, second, at),
                    None => Ok(Val::Null),
                }
            }
            Method::Remove => {
                let Val::Text(key) = first else { return Ok(Val::Null) };
                let removed = match self.heap.get_mut(id.0) {
                    Some(Node::Map(entries)) => {
                        let length = entries.len();
                        let removed = entries.shift_remove(&*key);
                        self.spend(length / 8, at)?;
                        removed
                    }
                    _ => None,
                };
                self.adopt(removed.unwrap_or(Val::Null), at)
            }
            Method::Clear => {
                if let Some(Node::Map(entries)) = self.heap.get_mut(id.0) {
                    entries.clear();
                }
                Ok(Val::Null)
            }
            _ => Err(self.no_member(&Val::Node(id), method.name(), at)),
        }
    }

    pub(super) fn call_entry(
        &mut self,
        map: NodeId,
        key: Text<'a>,
        method: Method,
        arguments: Arguments<'a>,
        at: u32,
    ) -> Ran<Val<'a>> {
        match method {
            Method::GetKey => Ok(Val::Text(key)),
            Method::GetValue => Ok(self.load_key(map, &key, at)?.unwrap_or(Val::Null)),
            Method::SetValue => {
                let [value, ..] = arguments.values;
                self.store_key(map, key, value, at)
            }
            _ => Err(self.no_member(&Val::Text(key), method.name(), at)),
        }
    }
}

fn changes(method: Method) -> bool {
    matches!(
        method,
        Method::Put | Method::PutIfAbsent | Method::PutAll | Method::Replace | Method::Remove | Method::Clear
    )
}
