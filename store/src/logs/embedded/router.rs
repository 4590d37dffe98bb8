//! Where each field of a document goes: the mapping of an index joined with the schema of its newest generation.

use super::{
    mapping::{Dynamic, Family, FieldMapping, FieldType, Mapping},
    schema::{IndexSchema, Location},
    search::FastMap,
};
use std::sync::Arc;

/// Compiled once per change of the mapping, asked once per leaf of a document.
#[derive(Debug)]
pub(super) struct Router {
    pub(super) mapping: Arc<Mapping>,
    pub(super) schema: Arc<IndexSchema>,
    /// Number of the generation that the schema is of.
    pub(super) generation: usize,
    routes: FastMap<String, Arc<Route>>,
}

/// Where the values of one field go.
#[derive(Debug)]
pub(super) struct Route {
    pub(super) path: Arc<str>,
    pub(super) field: FieldMapping,
    pub(super) location: Location,
    /// Multi-fields and targets of `copy_to`, which get the same values.
    pub(super) copies: Vec<Arc<Route>>,
    /// Whether `exists` needs an entry in `_field_names`: there is no column to ask.
    pub(super) named: bool,
    /// The member of the document that is the event's time.
    pub(super) is_timestamp: bool,
}

impl Route {
    /// Whether it takes whole objects: `geo_point`, `flattened` and ranges.
    pub(super) fn takes_object(&self) -> bool {
        matches!(self.field.field_type, FieldType::GeoPoint | FieldType::Flattened)
            || self.field.field_type.family() == Family::Range
    }
}

impl Route {
    /// Whether a value of it is two in the index: the parts of a point, the ends of a range.
    pub(super) fn takes_pair(&self) -> bool {
        matches!(self.location, Location::Geo(..) | Location::Ends(..))
    }
}

/// What the router knows about a leaf.
pub(super) enum Found<'a> {
    /// It is mapped.
    Route(&'a Arc<Route>),
    /// It is not mapped; what the mapping says about such.
    Unmapped(Dynamic),
    /// It is kept in `_source` only.
    Skipped,
}

impl Router {
    pub(super) fn new(mapping: Arc<Mapping>, schema: Arc<IndexSchema>, generation: usize) -> Self {
        let routes = mapping
            .fields
            .iter()
            .filter(|(_, field)| !field.is_multi_field)
            .filter_map(|(path, field)| {
                let mut route = simple_route(&schema, path, field)?;
                route.copies = copies(&mapping, &schema, field);
                Some((path.clone(), Arc::new(route)))
            })
            .collect();
        Self { mapping, schema, generation, routes }
    }

    /// Looks up a leaf by its dotted path.
    pub(super) fn find(&self, path: &str) -> Found<'_> {
        if let Some(route) = self.routes.get(path) {
            return Found::Route(route);
        }
        if self.mapping.aliases.contains_key(path) {
            return Found::Skipped;
        }
        match self.mapping.dynamic_for(path) {
            Dynamic::False => Found::Skipped,
            dynamic => Found::Unmapped(dynamic),
        }
    }

    /// The field of that path.
    pub(super) fn route(&self, path: &str) -> Option<&Arc<Route>> {
        self.routes.get(path)
    }

    /// The field of that path, if it takes whole objects: `geo_point` and `flattened`.
    pub(super) fn takes_object(&self, path: &str) -> Option<&Arc<Route>> {
        self.routes.get(path).filter(|route| route.takes_object())
    }

    /// Whether nothing in the object of that path is indexed.
    pub(super) fn is_disabled(&self, path: &str) -> bool {
        self.mapping.objects.get(path).is_some_and(|object| object.disabled)
    }
}

fn simple_route(schema: &IndexSchema, path: &str, field: &FieldMapping) -> Option<Route> {
    let location = schema.location(path, field)?;
    let shared = matches!(location, Location::Json(..));
    let family = field.field_type.family();
    let has_column = if shared { family != Family::Text } else { field.has_column() };
    Some(Route {
        path: Arc::from(path),
        field: field.clone(),
        location,
        copies: Vec::new(),
        named: !has_column,
        is_timestamp: path == "@timestamp",
    })
}

fn copies(mapping: &Mapping, schema: &IndexSchema, field: &FieldMapping) -> Vec<Arc<Route>> {
    let paths = field.multi_fields.iter().chain(&field.copy_to);
    paths.filter_map(|path| simple_route(schema, path, mapping.fields.get(path)?)).map(Arc::new).collect()
}
