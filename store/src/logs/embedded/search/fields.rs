//! Field names in requests, found in one generation of an index as the caller may see it.

use super::super::{
    mapping::{Family, Mapping},
    schema::ResolvedField,
    snapshot::{GenerationSnapshot, IndexSnapshot},
};
use crate::scope::{Scope, wildcard_match};
use std::{collections::BTreeSet, ops::Bound};

/// What the caller must not see of an index: the masked fields, their multi-fields, and what they are copied to.
#[derive(Debug, Default, Clone)]
pub(super) struct Mask {
    paths: BTreeSet<String>,
}

impl Mask {
    /// The mask of a scope over an index.
    pub(super) fn new(scope: &Scope, mapping: &Mapping) -> Self {
        let mut paths: BTreeSet<String> = scope.masked_fields().iter().cloned().collect();
        if paths.is_empty() {
            return Self::default();
        }
        for (path, field) in &mapping.fields {
            if scope.masks_field(path) {
                paths.extend(field.copy_to.iter().cloned());
            }
        }
        for (alias, target) in &mapping.aliases {
            if scope.masks_field(target) {
                paths.insert(alias.clone());
            }
            // An alias that is masked masks what it stands for.
            if scope.masks_field(alias) {
                paths.insert(target.clone());
            }
        }
        Self { paths }
    }

    /// Whether nothing is masked.
    pub(super) fn is_empty(&self) -> bool {
        self.paths.is_empty()
    }

    /// Whether the field is masked, by itself or by an object above it.
    pub(super) fn hides(&self, path: &str) -> bool {
        if self.paths.is_empty() {
            return false;
        }
        let prefixes = path.match_indices('.').map(|(at, _)| &path[..at]);
        prefixes.chain(std::iter::once(path)).any(|prefix| self.paths.contains(prefix))
    }

    /// Whether the path is masked or something below it is.
    pub(super) fn touches(&self, path: &str) -> bool {
        self.hides(path)
            || self
                .paths
                .range::<str, _>((Bound::Included(path), Bound::Unbounded))
                .take_while(|masked| masked.starts_with(path))
                .any(|masked| masked[path.len()..].starts_with('.'))
    }
}

/// The fields of one generation of an index.
pub(super) struct Fields<'a> {
    pub(super) index: &'a IndexSnapshot,
    pub(super) generation: &'a GenerationSnapshot,
    pub(super) mask: &'a Mask,
    pub(super) within: Within<'a>,
}

/// Which documents are asked: the fields of nested objects are only those of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Within<'a> {
    /// Documents as they were written, without their nested objects.
    Document,
    /// The objects of a nested path.
    Nested(&'a str),
    /// Documents with all that is in them.
    Whole,
}

/// [`Fields`] that live as long as they are needed.
#[derive(Clone)]
pub(super) struct OwnedFields {
    index: IndexSnapshot,
    generation: GenerationSnapshot,
    mask: Mask,
    nested: Option<String>,
}

impl OwnedFields {
    pub(super) fn fields(&self) -> Fields<'_> {
        let within = self.nested.as_deref().map_or(Within::Document, Within::Nested);
        Fields { index: &self.index, generation: &self.generation, mask: &self.mask, within }
    }
}

impl<'a> Fields<'a> {
    /// The fields of an index whose documents are asked as they were written.
    pub(super) fn new(index: &'a IndexSnapshot, generation: &'a GenerationSnapshot, mask: &'a Mask) -> Self {
        Self { index, generation, mask, within: Within::Document }
    }

    /// The same fields, of other documents.
    pub(super) fn within<'b>(&self, within: Within<'b>) -> Fields<'b>
    where
        'a: 'b,
    {
        Fields { index: self.index, generation: self.generation, mask: self.mask, within }
    }

    pub(super) fn owned(&self) -> OwnedFields {
        let index = self.index;
        OwnedFields {
            index: IndexSnapshot {
                name: index.name.clone(),
                mapping: index.mapping.clone(),
                generations: Vec::new(),
                range: index.range,
                filter: None,
                limits: index.limits,
            },
            generation: self.generation.clone(),
            mask: self.mask.clone(),
            nested: if let Within::Nested(path) = self.within { Some(path.to_owned()) } else { None },
        }
    }

    /// A field, unless it is unknown here or masked: to the caller that is the same.
    pub(super) fn resolve(&self, path: &str) -> Option<ResolvedField> {
        if self.mask.hides(path) {
            return None;
        }
        let field = self.generation.resolve(&self.index.mapping, path)?;
        (!self.mask.hides(&field.path) && self.is_within(&field.path)).then_some(field)
    }

    fn is_within(&self, path: &str) -> bool {
        match (self.within, self.index.mapping.nested_above(path)) {
            (Within::Whole, _) | (Within::Document, None) => true,
            (Within::Nested(path), Some(above)) => path == above,
            // What every document has, its objects have, too.
            (Within::Nested(_), None) => path.starts_with('_'),
            (Within::Document, Some(_)) => false,
        }
    }

    /// The paths of all fields (and aliases of fields) that match a name with `*`, sorted.
    pub(super) fn expand(&self, pattern: &str) -> Vec<&'a str> {
        let mapping = &self.index.mapping;
        if !pattern.contains('*') {
            let field = mapping.fields.get_key_value(pattern).map(|(path, _)| path.as_str());
            let alias = || mapping.aliases.get_key_value(pattern).map(|(path, _)| path.as_str());
            return field.or_else(alias).into_iter().collect();
        }
        let mut paths = self.sorted(|path| wildcard_match(pattern, path));
        let aliases = mapping.aliases.keys().map(String::as_str).filter(|path| wildcard_match(pattern, path));
        let before = paths.len();
        paths.extend(aliases);
        if paths.len() > before {
            paths.sort_unstable();
        }
        paths
    }

    /// The leaf fields below an object.
    pub(super) fn below(&self, object: &str) -> Vec<&'a str> {
        self.sorted(|path| path.strip_prefix(object).is_some_and(|rest| rest.starts_with('.')))
    }

    /// The fields that a search without field looks into: every field but geographic points, dates and what repeats a
    /// text as keyword.
    pub(super) fn all_searchable(&self) -> Vec<&'a str> {
        let mapping = &self.index.mapping;
        self.sorted(|path| {
            mapping.fields.get(path).is_some_and(|field| {
                let repeats_text = field.is_multi_field
                    && field.field_type.family() == Family::Keyword
                    && path
                        .rsplit_once('.')
                        .and_then(|(parent, _)| mapping.fields.get(parent))
                        .is_some_and(|parent| parent.field_type.family() == Family::Text);
                field.index
                    && !repeats_text
                    && !matches!(
                        field.field_type.family(),
                        Family::Geo | Family::Range | Family::Date | Family::Boolean
                    )
            })
        })
    }

    fn sorted(&self, wanted: impl Fn(&str) -> bool) -> Vec<&'a str> {
        let mut paths: Vec<&str> =
            self.index.mapping.fields.keys().map(String::as_str).filter(|path| wanted(path)).collect();
        paths.sort_unstable();
        paths
    }
}
