//! The engine as [`IndexAdmin`].

use super::{
    EmbeddedLogs,
    blocks::{Access, check_blocks},
    engine::Engine,
    registry::Slot,
    select::{check_reach, check_right, no_such_index},
    settings::Settings,
    target::short_uuid,
    templates::patterns_of,
};
use crate::{
    ErrorKind, StoreError,
    logs::{
        Destination, Detail, IndexAdmin, IndexDescription, IndicesOptions, Maintenance, Names, Rollover,
        RolloverOutcome, Simulation, TemplateKind,
    },
    scope::{IndexRight, Scope},
};
use async_trait::async_trait;
use event::Object;
use serde_json::{Value, json};
use std::sync::Arc;

#[async_trait]
impl IndexAdmin for EmbeddedLogs {
    async fn create_index(&self, scope: &Scope, index: &str, body: Value) -> Result<(), StoreError> {
        let scope = &*check_right(scope, IndexRight::Manage)?;
        // Who reads or writes by an alias must not be led elsewhere by those who do not manage its name.
        let aliases = body.get("aliases").and_then(Value::as_object);
        aliases.into_iter().flat_map(Object::keys).try_for_each(|alias| check_reach(scope, alias))?;
        let (scope, index) = (scope.clone(), index.to_owned());
        self.blocking(move |engine| engine.create_index(&scope, &index, &body)).await
    }

    async fn describe(
        &self,
        scope: &Scope,
        names: &[String],
        options: IndicesOptions,
        detail: Detail,
    ) -> Result<Vec<IndexDescription>, StoreError> {
        let scope = &*check_right(scope, IndexRight::Any)?;
        let (scope, names) = (scope.clone(), names.to_vec());
        self.blocking(move |engine| {
            let slots = engine.slots(&scope, &names, options)?;
            slots.iter().map(|slot| engine.description(&scope, slot, detail)).collect()
        })
        .await
    }

    async fn delete_indices(
        &self,
        scope: &Scope,
        names: &[String],
        options: IndicesOptions,
    ) -> Result<(), StoreError> {
        let scope = &*check_right(scope, IndexRight::Manage)?;
        let (scope, names) = (scope.clone(), names.to_vec());
        self.blocking(move |engine| {
            let doomed = engine.deletable(&scope, &names, options)?;
            doomed.iter().try_for_each(|slot| check_blocks(slot, Access::Remove))?;
            for slot in doomed {
                engine.remove_index(&slot.identity.name)?;
            }
            Ok(())
        })
        .await
    }

    async fn put_mapping(
        &self,
        scope: &Scope,
        names: &[String],
        options: IndicesOptions,
        body: Value,
    ) -> Result<(), StoreError> {
        let scope = &*check_right(scope, IndexRight::Manage)?;
        let (scope, names) = (scope.clone(), names.to_vec());
        self.blocking(move |engine| {
            let slots = engine.slots(&scope, &names, options)?;
            // All or none: what the second refuses must not be in the first.
            for slot in &slots {
                check_blocks(slot, Access::Change)?;
                (*slot.mapping()?).clone().merge(&body)?;
            }
            for slot in &slots {
                engine.state(slot)?.change_mapping(|mapping| mapping.merge(&body).map(|()| true))?;
            }
            Ok(())
        })
        .await
    }

    async fn destination(&self, scope: &Scope, name: &str) -> Result<Destination, StoreError> {
        // Whether the index behind the name may be written, the write finds out.
        let _any = check_right(scope, IndexRight::Write)?;
        self.engine.check_open()?;
        self.engine.destination(name)
    }

    async fn put_settings(
        &self,
        scope: &Scope,
        names: &[String],
        options: IndicesOptions,
        settings: Value,
        preserve: bool,
    ) -> Result<(), StoreError> {
        let scope = &*check_right(scope, IndexRight::Manage)?;
        let (scope, names) = (scope.clone(), names.to_vec());
        self.blocking(move |engine| {
            let body = settings.get("settings").filter(|inner| inner.is_object()).unwrap_or(&settings);
            let changes = Settings::parse(body)?;
            let slots = engine.slots(&scope, &names, options)?;
            for slot in &slots {
                // A block can always be taken away again.
                if !changes.is_all_below("index.blocks.") {
                    check_blocks(slot, Access::Change)?;
                }
                let uuid = short_uuid(&slot.identity.uuid);
                changes.check_update(&slot.identity.name, &uuid, !slot.settings().closed)?;
            }
            slots.iter().try_for_each(|slot| {
                slot.change_settings(|current| {
                    if preserve {
                        current.settings.merge_new(&changes);
                    } else {
                        current.settings.merge(&changes);
                    }
                    Ok(())
                })
            })
        })
        .await
    }

    async fn update_aliases(&self, scope: &Scope, body: Value) -> Result<(), StoreError> {
        let scope = &*check_right(scope, IndexRight::Manage)?;
        let scope = scope.clone();
        self.blocking(move |engine| engine.update_aliases(&scope, &body)).await
    }

    async fn names(&self, scope: &Scope) -> Result<Names, StoreError> {
        let scope = &*check_right(scope, IndexRight::Any)?;
        self.engine.check_open()?;
        Ok(Names {
            aliases: self.engine.aliases_within(scope),
            data_streams: self.engine.streams_within(scope),
        })
    }

    async fn maintain(
        &self,
        scope: &Scope,
        names: &[String],
        options: IndicesOptions,
        task: Maintenance,
    ) -> Result<Vec<String>, StoreError> {
        let right = match task {
            Maintenance::Open | Maintenance::Close => IndexRight::Manage,
            Maintenance::Flush | Maintenance::SyncedFlush | Maintenance::ForceMerge => IndexRight::Write,
            Maintenance::Refresh => IndexRight::Any,
        };
        let scope = &*check_right(scope, right)?;
        let (scope, names) = (scope.clone(), names.to_vec());
        self.blocking(move |engine| {
            let slots = engine.slots(&scope, &names, options)?;
            engine.run_task(&slots, task)?;
            Ok(slots.iter().map(|slot| slot.identity.name.clone()).collect())
        })
        .await
    }

    async fn put_template(
        &self,
        scope: &Scope,
        kind: TemplateKind,
        name: &str,
        body: Value,
        create: bool,
    ) -> Result<(), StoreError> {
        let scope = check_right(scope, IndexRight::Manage)?.into_owned();
        check_template(&scope, kind, name, &body)?;
        let name = name.to_owned();
        self.blocking(move |engine| {
            // What is replaced may be for other indices.
            for (_, replaced) in
                engine.templates.matching(kind, &name).iter().filter(|(known, _)| *known == name)
            {
                check_template(&scope, kind, &name, replaced)?;
            }
            engine.templates.put(kind, &name, body, create)
        })
        .await
    }

    async fn templates(
        &self,
        scope: &Scope,
        kind: TemplateKind,
        names: &str,
    ) -> Result<Vec<(String, Value)>, StoreError> {
        let _any = check_right(scope, IndexRight::Any)?;
        self.engine.check_open()?;
        Ok(self.engine.templates.matching(kind, names))
    }

    async fn delete_templates(
        &self,
        scope: &Scope,
        kind: TemplateKind,
        names: &str,
    ) -> Result<usize, StoreError> {
        let scope = check_right(scope, IndexRight::Manage)?.into_owned();
        let names = names.to_owned();
        self.blocking(move |engine| {
            for (name, body) in engine.templates.matching(kind, &names) {
                check_template(&scope, kind, &name, &body)?;
            }
            engine.templates.delete(kind, &names)
        })
        .await
    }

    async fn simulate(&self, scope: &Scope, simulation: Simulation) -> Result<Value, StoreError> {
        let _any = check_right(scope, IndexRight::Manage)?;
        self.blocking(move |engine| match simulation {
            Simulation::Index(index, body) => engine.templates.simulate_index(&index, body),
            Simulation::Template(name, body) => engine.templates.simulate(&name, body),
        })
        .await
    }

    async fn create_data_stream(&self, scope: &Scope, name: &str) -> Result<(), StoreError> {
        let scope = &*check_right(scope, IndexRight::Manage)?;
        check_reach(scope, name)?;
        let name = name.to_owned();
        self.blocking(move |engine| {
            if engine.catalog.names().data_streams.contains_key(&name) {
                let message = format!("data_stream [{name}] already exists");
                return Err(StoreError::invalid(message).with_code("resource_already_exists_exception"));
            }
            let composed = engine.templates.compose_for(&name)?;
            engine.create_stream(&name, composed, engine.now_ms())
        })
        .await
    }

    async fn delete_data_streams(&self, scope: &Scope, names: &str) -> Result<usize, StoreError> {
        let scope = &*check_right(scope, IndexRight::Manage)?;
        let (scope, names) = (scope.clone(), names.to_owned());
        self.blocking(move |engine| engine.delete_streams(&scope, &names)).await
    }

    async fn rollover(&self, scope: &Scope, request: Rollover) -> Result<RolloverOutcome, StoreError> {
        let scope = &*check_right(scope, IndexRight::Manage)?;
        let scope = scope.clone();
        self.blocking(move |engine| engine.rollover(&scope, request)).await
    }
}

/// Refuses a template for indices that the caller does not manage all of. A component or
/// policy can be part of any template.
fn check_template(scope: &Scope, kind: TemplateKind, name: &str, body: &Value) -> Result<(), StoreError> {
    let patterns = match kind {
        TemplateKind::Component | TemplateKind::Lifecycle => vec!["*".to_owned()],
        TemplateKind::Index | TemplateKind::Legacy => patterns_of(name, body)?,
    };
    let parts = [Some(body), body.get("template")];
    let aliases = parts.into_iter().flatten().filter_map(|part| part.get("aliases")?.as_object());
    aliases.flat_map(Object::keys).try_for_each(|alias| check_reach(scope, alias))?;
    match patterns.iter().find(|pattern| !scope.may(IndexRight::Manage, pattern)) {
        Some(pattern) => {
            let message =
                format!("\"{}\" may not manage templates of the indices [{pattern}]", scope.subject());
            Err(StoreError::new(ErrorKind::Forbidden, message))
        }
        None => Ok(()),
    }
}

impl Engine {
    fn run_task(&self, slots: &[Arc<Slot>], task: Maintenance) -> Result<(), StoreError> {
        match task {
            Maintenance::Refresh => self.refresh(slots),
            Maintenance::Flush | Maintenance::SyncedFlush => {
                self.refresh(slots)?;
                slots.iter().for_each(|slot| slot.note_flush(task == Maintenance::SyncedFlush));
                Ok(())
            }
            Maintenance::ForceMerge => slots.iter().try_for_each(|slot| {
                let open = self.state(slot)?;
                open.commit()?;
                open.merge(true)?;
                // What Elasticsearch does when it merges such an index.
                if slot.settings().settings.text("index.codec") == Some("best_compression") {
                    open.compact()?;
                }
                open.close_writer()
            }),
            Maintenance::Open => slots.iter().try_for_each(|slot| self.set_closed(slot, false)),
            Maintenance::Close => slots.iter().try_for_each(|slot| self.set_closed(slot, true)),
        }
    }

    /// The indices to be removed: named themselves, not through an alias, and not the last of a data stream.
    fn deletable(
        &self,
        scope: &Scope,
        names: &[String],
        options: IndicesOptions,
    ) -> Result<Vec<Arc<Slot>>, StoreError> {
        let known = self.catalog.names();
        for name in names.iter().flat_map(|name| name.split(',')) {
            if known.aliases.contains_key(name) && self.registry.get(name).is_none() {
                if options.ignore_unavailable {
                    continue;
                }
                return Err(StoreError::invalid(format!(
                    "The provided expression [{name}] matches an alias, specify the corresponding concrete indices \
                     instead."
                )));
            }
            if known.data_streams.contains_key(name) {
                return Err(no_such_index(name));
            }
        }
        // An alias is no way to an index here, nor is a wildcard that matches one.
        let direct = super::catalog::Names::default();
        let names = without_aliases(names, &known);
        if names.is_empty() {
            return Ok(Vec::new());
        }
        let slots = super::select::select(&self.registry, &direct, scope, &names, options)?;
        let slots: Vec<Arc<Slot>> = slots.into_iter().map(|target| target.slot).collect();
        for slot in &slots {
            let name = &slot.identity.name;
            let stream =
                known.stream_of(name).and_then(|stream| Some((stream, known.data_streams.get(stream)?)));
            if let Some((stream, _)) = stream.filter(|(_, stream)| stream.indices.last() == Some(name)) {
                return Err(StoreError::invalid(format!(
                    "index [{name}] is the write index for data stream [{stream}] and cannot be deleted"
                )));
            }
        }
        Ok(slots)
    }

    fn description(
        &self,
        scope: &Scope,
        slot: &Slot,
        detail: Detail,
    ) -> Result<IndexDescription, StoreError> {
        let identity = &slot.identity;
        let own = slot.settings();
        let names = self.catalog.names();
        let uuid = short_uuid(&identity.uuid);
        let mut settings = own.settings.clone();
        let shards = settings.number("index.number_of_shards").unwrap_or(1);
        let replicas = settings.number("index.number_of_replicas").unwrap_or(1);
        settings.set_default("index.number_of_shards", "1");
        settings.set_default("index.number_of_replicas", "1");
        settings.set_default("index.uuid", uuid.clone());
        settings.set_default("index.provided_name", identity.name.clone());
        settings.set_default("index.creation_date", identity.created_at_ms.to_string());
        settings.set_default("index.version.created", "7100299");
        let mapping = if detail.mappings { Some(slot.mapping()?) } else { None };
        let fields = mapping.iter().flat_map(|mapping| {
            let visible = mapping.aliases.iter().filter(|(_, target)| !scope.masks_field(target));
            let aliases = visible.map(|(path, target)| {
                let body = json!({"type": "alias", "path": target});
                (path.clone(), body.as_object().cloned().unwrap_or_default())
            });
            let leaves =
                mapping.fields.keys().filter_map(|path| Some((path.clone(), mapping.field_json(path)?)));
            leaves.chain(aliases).filter(|(path, _)| !scope.masks_field(path)).collect::<Vec<_>>()
        });
        Ok(IndexDescription {
            name: identity.name.clone(),
            created_at_ms: identity.created_at_ms,
            open: !own.closed,
            hidden: own.settings.is_on("index.hidden"),
            settings: settings.nested(),
            defaults: settings.defaults(),
            aliases: names
                .aliases_of(&identity.name)
                .map(|(name, alias)| (name.to_owned(), alias.to_json()))
                .collect(),
            fields: fields.collect(),
            mappings: mapping.as_ref().map(|mapping| mapping.to_json()),
            shards,
            replicas,
            documents: if detail.statistics { slot.documents() } else { 0 },
            size_bytes: if detail.statistics { slot.size_bytes() } else { 0 },
            data_stream: names.stream_of(&identity.name).map(str::to_owned),
            flushes: slot.flushes(),
            sync_id: slot.sync_id(),
            max_seq_no: slot.committed().next_seq_no.checked_sub(1),
            lifecycle: self.lifecycle_state(slot),
            uuid,
        })
    }
}

/// The names that are not those of aliases.
fn without_aliases(names: &[String], known: &super::catalog::Names) -> Vec<String> {
    let parts = names.iter().flat_map(|name| name.split(','));
    parts.filter(|name| !known.aliases.contains_key(*name)).map(str::to_owned).collect()
}
