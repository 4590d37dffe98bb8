//! Lists, of the document, of the script and of fields: length, elements, methods.

use super::super::ast::Expr;
use super::super::error::RunError;
use super::super::eval::{out_of_bounds, position};
use super::super::heap::{Node, read_only};
use super::super::machine::{Machine, Ran};
use super::super::names::Method;
use super::super::number::Num;
use super::super::value::{NodeId, Val};
use super::Arguments;
use std::cmp::Ordering;

impl<'a> Machine<'a> {
    /// Elements of a list; `None` for what is none.
    pub(in super::super) fn length(&self, value: &Val<'a>) -> Option<usize> {
        match value {
            Val::List(items) => Some(items.len()),
            Val::Numbers(numbers) => Some(numbers.len()),
            Val::Field(field) => Some(field.count()),
            Val::Node(id) => match self.node(*id) {
                Some(Node::List { items, .. }) => Some(items.len()),
                _ => None,
            },
            _ => None,
        }
    }

    /// An element within the list; null past its end.
    pub(in super::super) fn element(&mut self, list: &Val<'a>, index: usize, at: u32) -> Ran<Val<'a>> {
        Ok(match list {
            Val::List(items) => items.get(index).map_or(Val::Null, Val::from_json),
            Val::Numbers(numbers) => numbers.get(index).map_or(Val::Null, |number| Val::Double(*number)),
            Val::Field(field) => field.get(index).map_or(Val::Null, |value| self.scalar(value)),
            Val::Node(id) => self.load_item(*id, index, at)?.unwrap_or(Val::Null),
            _ => Val::Null,
        })
    }

    /// All elements.
    pub(in super::super) fn items(&mut self, list: &Val<'a>, at: u32) -> Ran<Vec<Val<'a>>> {
        let length = self.length(list).unwrap_or(0);
        self.spend(length, at)?;
        (0..length).map(|index| self.element(list, index, at)).collect()
    }

    pub(super) fn call_list(
        &mut self,
        list: &Val<'a>,
        method: Method,
        arguments: Arguments<'a>,
        at: u32,
    ) -> Ran<Val<'a>> {
        let length = self.length(list).unwrap_or(0);
        match method {
            Method::Size | Method::GetLength => Ok(Val::count(length)),
            Method::IsEmpty => Ok(Val::Bool(length == 0)),
            Method::Contains => {
                Ok(Val::Bool(self.find_in(list, 0..length, arguments.first(), at)?.is_some()))
            }
            Method::IndexOf => {
                let found = self.find_in(list, 0..length, arguments.first(), at)?;
                Ok(found.map_or(Val::Int(-1), Val::count))
            }
            Method::LastIndexOf => {
                let found = self.find_in(list, (0..length).rev(), arguments.first(), at)?;
                Ok(found.map_or(Val::Int(-1), Val::count))
            }
            Method::ContainsAll => {
                for wanted in self.list_argument(arguments.first(), at)? {
                    if self.find_in(list, 0..length, &wanted, at)?.is_none() {
                        return Ok(Val::Bool(false));
                    }
                }
                Ok(Val::Bool(true))
            }
            Method::Get => {
                let index = self.checked_index(arguments.first(), length, at)?;
                self.element(list, index, at)
            }
            Method::SubList => {
                let from = self.bound(arguments.first(), length, at)?;
                let to = self.bound(arguments.second(), length, at)?;
                if from > to {
                    return Err(out_of_bounds(from as i64, to, at));
                }
                self.spend(to - from, at)?;
                let part = (from..to).map(|index| self.element(list, index, at)).collect::<Ran<Vec<_>>>()?;
                self.new_fixed_list(part, at)
            }
            _ => match list {
                Val::Node(id) => self.change_list(*id, method, arguments, at),
                _ if changes(method) => Err(read_only(at)),
                _ => Err(self.no_member(list, method.name(), at)),
            },
        }
    }

    fn find_in(
        &mut self,
        list: &Val<'a>,
        places: impl Iterator<Item = usize>,
        wanted: &Val<'a>,
        at: u32,
    ) -> Ran<Option<usize>> {
        for index in places {
            self.spend(1, at)?;
            let item = self.element(list, index, at)?;
            if self.equal(&item, wanted, at)? {
                return Ok(Some(index));
            }
        }
        Ok(None)
    }

    fn list_argument(&mut self, value: &Val<'a>, at: u32) -> Ran<Vec<Val<'a>>> {
        if self.length(value).is_none() {
            return Err(self.cannot_cast(value, "list", at));
        }
        self.items(value, at)
    }

    fn checked_index(&self, value: &Val<'a>, length: usize, at: u32) -> Ran<usize> {
        match Num::of(value) {
            Some(Num::Int(index)) if index < 0 => Err(out_of_bounds(i64::from(index), length, at)),
            Some(Num::Int(index)) => position(i64::from(index), length, at),
            _ => Err(self.cannot_cast(value, "int", at)),
        }
    }

    /// An end of a range: at most the length.
    fn bound(&self, value: &Val<'a>, length: usize, at: u32) -> Ran<usize> {
        self.checked_index(value, length + 1, at)
    }

    fn change_list(&mut self, id: NodeId, method: Method, arguments: Arguments<'a>, at: u32) -> Ran<Val<'a>> {
        let length = self.items_mut(id, at)?.len();
        let [first, second, _] = arguments.values;
        match method {
            Method::Add if arguments.count == 1 => {
                self.charge_element(at)?;
                self.items_mut(id, at)?.push(first);
                Ok(Val::Bool(true))
            }
            Method::Add => {
                let index = self.bound(&first, length, at)?;
                self.charge_element(at)?;
                self.spend(length - index, at)?;
                self.items_mut(id, at)?.insert(index, second);
                Ok(Val::Null)
            }
            Method::AddAll => {
                let (index, added) = match arguments.count {
                    1 => (length, self.list_argument(&first, at)?),
                    _ => (self.bound(&first, length, at)?, self.list_argument(&second, at)?),
                };
                added.iter().try_for_each(|_| self.charge_element(at))?;
                let changed = !added.is_empty();
                self.items_mut(id, at)?.splice(index..index, added);
                Ok(Val::Bool(changed))
            }
            Method::Set => {
                let index = self.checked_index(&first, length, at)?;
                let items = self.items_mut(id, at)?;
                Ok(items.get_mut(index).map_or(Val::Null, |slot| std::mem::replace(slot, second)))
            }
            Method::Remove => {
                let index = self.checked_index(&first, length, at)?;
                self.spend(length - index, at)?;
                Ok(self.items_mut(id, at)?.remove(index))
            }
            Method::RemoveAll => {
                let unwanted = self.new_fixed_list(Vec::new(), at)?;
                let unwanted = if self.length(&first).is_some() { first } else { unwanted };
                self.keep(id, at, |machine, item| {
                    let places = 0..machine.length(&unwanted).unwrap_or(0);
                    Ok(machine.find_in(&unwanted, places, item, at)?.is_none())
                })
            }
            Method::Clear => {
                self.items_mut(id, at)?.clear();
                Ok(Val::Null)
            }
            Method::Sort if matches!(first, Val::Null) => self.sort(id, at),
            Method::Sort => Err(RunError::boxed(
                "illegal_argument_exception",
                at,
                "sort takes no comparator here, only null for the natural order",
            )),
            _ => Err(self.no_member(&Val::Node(id), method.name(), at)),
        }
    }

    /// Keeps the elements for which the test holds; answers whether any went.
    fn keep(&mut self, id: NodeId, at: u32, test: impl Fn(&mut Self, &Val<'a>) -> Ran<bool>) -> Ran<Val<'a>> {
        let items = self.items(&Val::Node(id), at)?;
        let before = items.len();
        let mut kept = Vec::with_capacity(before);
        for item in items {
            if test(self, &item)? {
                kept.push(item);
            }
        }
        let changed = kept.len() != before;
        *self.items_mut(id, at)? = kept;
        Ok(Val::Bool(changed))
    }

    fn sort(&mut self, id: NodeId, at: u32) -> Ran<Val<'a>> {
        let mut items = std::mem::take(self.items_mut(id, at)?);
        let length = items.len();
        let numbers = items.iter().all(|item| Num::of(item).is_some());
        let texts = items.iter().all(|item| matches!(item, Val::Text(_)));
        if numbers {
            items.sort_by(|a, b| match (Num::of(a), Num::of(b)) {
                (Some(a), Some(b)) => a.compare(b).unwrap_or_else(|| a.double().total_cmp(&b.double())),
                _ => Ordering::Equal,
            });
        } else if texts {
            items.sort_by(|a, b| match (a, b) {
                (Val::Text(a), Val::Text(b)) => a.cmp_units(b),
                _ => Ordering::Equal,
            });
        }
        *self.items_mut(id, at)? = items;
        self.spend(length * 4, at)?;
        if numbers || texts {
            return Ok(Val::Null);
        }
        Err(RunError::boxed("class_cast_exception", at, "only numbers or strings can be sorted"))
    }

    /// The methods that take a lambda.
    pub(super) fn call_lambda(
        &mut self,
        list: Val<'a>,
        method: Method,
        (slot, body): (usize, &'a Expr),
        at: u32,
    ) -> Ran<Val<'a>> {
        if self.length(&list).is_none() {
            return Err(self.no_member(&list, method.name(), at));
        }
        if method == Method::RemoveIf {
            let Val::Node(id) = list else { return Err(read_only(at)) };
            self.items_mut(id, at)?;
            return self.keep(id, at, |machine, item| {
                machine.set_local(slot, item.clone());
                Ok(!machine.truth(body, at)?)
            });
        }
        let mut out = Vec::new();
        for item in self.items(&list, at)? {
            self.set_local(slot, item.clone());
            if method == Method::Collect {
                out.push(self.eval(body)?);
                continue;
            }
            match (method, self.truth(body, at)?) {
                (Method::Any, true) => return Ok(Val::Bool(true)),
                (Method::Every, false) => return Ok(Val::Bool(false)),
                (Method::Find, true) => return Ok(item),
                (Method::FindAll, true) => out.push(item),
                _ => {}
            }
        }
        match method {
            Method::Any => Ok(Val::Bool(false)),
            Method::Every => Ok(Val::Bool(true)),
            Method::Find => Ok(Val::Null),
            _ => self.new_list(out, at),
        }
    }
}

fn changes(method: Method) -> bool {
    use Method::{Add, AddAll, Clear, Remove, RemoveAll, RemoveIf, Set, Sort};
    matches!(method, Add | AddAll | Clear | Remove | RemoveAll | RemoveIf | Set | Sort)
}
