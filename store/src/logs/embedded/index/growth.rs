//! The mapping grows: new dynamic fields, and a new generation where a new field needs a place in the schema.

use super::{IndexState, generation::Generation};
use crate::{
    StoreError,
    logs::embedded::{mapping::Mapping, router::Router, schema::IndexSchema},
};
use serde_json::Value;
use std::sync::Arc;

impl IndexState {
    /// Adds fields by their first values and answers the grown mapping; it is on disk at return. Fields that can't be
    /// added (too many, bad names) are left out.
    pub(in crate::logs::embedded) fn grow(
        &self,
        unmapped: &[(String, Value)],
    ) -> Result<Arc<Router>, StoreError> {
        self.change_mapping(|mapping| {
            let known = mapping.fields.len();
            for (path, value) in unmapped {
                mapping.add_dynamic(path, value);
            }
            Ok(mapping.fields.len() != known)
        })
    }

    /// Changes the mapping and answers it as it is then; it is on disk at return. `change` says whether it did anything.
    pub(in crate::logs::embedded) fn change_mapping(
        &self,
        change: impl FnOnce(&mut Mapping) -> Result<bool, StoreError>,
    ) -> Result<Arc<Router>, StoreError> {
        let mut identity = self.growth.lock();
        let current = self.router();
        let mut mapping = (*current.mapping).clone();
        if !change(&mut mapping)? {
            return Ok(current);
        }
        self.files.write_mapping(&mapping)?;
        let mut schema = current.schema.clone();
        let mut generation = current.generation;
        if !schema.covers(&mapping) {
            schema = Arc::new(IndexSchema::new(&mapping));
            generation += 1;
            self.files.create_generation(generation, &schema)?;
            let opened = Generation::open(&self.files, generation)?;
            let mut grown = identity.clone();
            grown.generations = generation + 1;
            self.files.write_identity(&grown)?;
            *identity = grown;
            self.building.lock().add_generation(opened);
        }
        let router = Arc::new(Router::new(Arc::new(mapping), schema, generation));
        self.router.store(router.clone());
        Ok(router)
    }
}
