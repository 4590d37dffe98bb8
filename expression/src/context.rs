use crate::FieldPath;
use event::Object;
use serde_json::Value;

/// What an expression or a template can see: the members of one document (`ctx` in a condition).
pub trait Context {
    /// The top-level member of this name; `None` when it is absent.
    fn member(&self, name: &str) -> Option<Member<'_>>;
}

/// A top-level member: part of the document, or text that is kept beside it (`_index`, `_id`).
#[derive(Debug, Clone, Copy)]
pub enum Member<'a> {
    /// A JSON value.
    Value(&'a Value),
    /// Text.
    Text(&'a str),
}

impl Context for Object {
    fn member(&self, name: &str) -> Option<Member<'_>> {
        self.get(name).map(Member::Value)
    }
}

/// What stands at a path in a context; `None` when any part of it is absent.
pub fn lookup<'a>(context: &'a impl Context, path: &FieldPath) -> Option<Member<'a>> {
    match (context.member(path.first())?, path.is_single()) {
        (member, true) => Some(member),
        (Member::Value(value), false) => path.descend(value).map(Member::Value),
        (Member::Text(_), false) => None,
    }
}
