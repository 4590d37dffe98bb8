//! Data streams, and moving on to a new index.
//!
//! Source: Elasticsearch reference, "Data streams" and "Rollover index".

use super::{
    catalog::DataStream,
    engine::Engine,
    index::IndexOptions,
    registry::Slot,
    select::{check_reach, no_such_index},
    target::{Plan, exists_already},
    templates::Composed,
};
use crate::{
    ErrorKind, StoreError,
    logs::{DataStreamInfo, Rollover, RolloverOutcome},
    scope::{Scope, wildcard_match},
};
use serde_json::{Value, json};
use std::{collections::BTreeMap, sync::Arc};

/// The field that every document of a data stream has.
const TIMESTAMP: &str = "@timestamp";

impl Engine {
    /// The index of a data stream that is written to.
    pub(super) fn stream_write_index(&self, name: &str) -> Result<Arc<Slot>, StoreError> {
        let names = self.catalog.names();
        let last = names.data_streams.get(name).and_then(|stream| stream.indices.last());
        last.and_then(|index| self.registry.get(index)).ok_or_else(|| no_such_index(name))
    }

    /// Makes a data stream with its first index; nothing if it is there.
    pub(super) fn create_stream(
        &self,
        name: &str,
        composed: Composed,
        now_ms: i64,
    ) -> Result<(), StoreError> {
        super::names::check_index_name(name)?;
        let Some(template) = composed.data_stream.clone() else {
            let message = format!("no matching index template found for data stream [{name}]");
            return Err(StoreError::invalid(message));
        };
        if self.catalog.names().data_streams.contains_key(name) {
            return Ok(());
        }
        let index = backing_index(name, 1);
        self.make_backing(&index, composed, now_ms)?;
        self.catalog.change(|names| {
            if names.aliases.contains_key(name) || self.registry.get(name).is_some() {
                let message = format!("data stream [{name}] conflicts with an index or alias");
                return Err(StoreError::invalid(message).with_code("illegal_state_exception"));
            }
            names.data_streams.entry(name.to_owned()).or_insert(DataStream {
                timestamp_field: TIMESTAMP.to_owned(),
                indices: vec![index],
                generation: 1,
                template: template.template,
                hidden: template.hidden,
            });
            Ok(())
        })
    }

    fn make_backing(&self, index: &str, mut composed: Composed, now_ms: i64) -> Result<(), StoreError> {
        composed.aliases.clear();
        composed.settings.set_default("index.hidden", "true");
        let properties = composed.mappings.entry("properties").or_insert_with(|| json!({}));
        if let Some(properties) = properties.as_object_mut() {
            properties.entry(TIMESTAMP).or_insert_with(|| json!({"type": "date"}));
        }
        self.make_index(Plan { composed, name: index.to_owned() }, now_ms).map(drop)
    }

    /// The data streams that reach an index within the scope.
    pub(super) fn streams_within(&self, scope: &Scope) -> BTreeMap<String, DataStreamInfo> {
        let names = self.catalog.names();
        let uuid = |index: &String| {
            let slot = self.registry.get(index).filter(|_| scope.reaches_index(index))?;
            Some((index.clone(), super::target::short_uuid(&slot.identity.uuid)))
        };
        let described = |(name, stream): (&String, &DataStream)| {
            let indices: Vec<_> = stream.indices.iter().filter_map(uuid).collect();
            let info = DataStreamInfo {
                timestamp_field: stream.timestamp_field.clone(),
                indices,
                generation: stream.generation,
                template: stream.template.clone(),
            };
            (!info.indices.is_empty()).then(|| (name.clone(), info))
        };
        names.data_streams.iter().filter_map(described).collect()
    }

    /// Removes the data streams whose names match, with their indices.
    pub(super) fn delete_streams(&self, scope: &Scope, patterns: &str) -> Result<usize, StoreError> {
        let names = self.catalog.names();
        let matches = |name: &str| patterns.split(',').any(|pattern| wildcard_match(pattern, name));
        let doomed: Vec<String> = names.data_streams.keys().filter(|name| matches(name)).cloned().collect();
        let mut removed = 0;
        for name in doomed {
            let indices =
                names.data_streams.get(&name).map(|stream| stream.indices.clone()).unwrap_or_default();
            if !indices.iter().all(|index| scope.reaches_index(index)) {
                continue;
            }
            self.catalog.change(|names| {
                names.data_streams.remove(&name);
                names.removing.extend(indices.iter().cloned());
                Ok(())
            })?;
            indices.iter().try_for_each(|index| self.remove_index(index).map(drop))?;
            removed += 1;
        }
        Ok(removed)
    }

    /// Moves an alias or data stream on to a new index.
    pub(super) fn rollover(&self, scope: &Scope, request: Rollover) -> Result<RolloverOutcome, StoreError> {
        let target = request.target.as_str();
        let _rolling = self.rolling.lock();
        let names = self.catalog.names();
        let is_stream = names.data_streams.contains_key(target);
        let old = if is_stream {
            self.stream_write_index(target)?
        } else if names.aliases.contains_key(target) {
            self.alias_write_index(target)?
        } else {
            let message = format!("rollover target [{target}] does not exist");
            return Err(StoreError::invalid(message));
        };
        check_reach(scope, &old.identity.name)?;
        let old_name = old.identity.name.clone();
        let new_index = match (&request.new_index, is_stream) {
            (_, true) => {
                let generation = names.data_streams.get(target).map_or(1, |stream| stream.generation);
                backing_index(target, generation + 1)
            }
            (Some(name), false) => name.clone(),
            (None, false) => next_name(&old_name)?,
        };
        check_reach(scope, &new_index)?;
        let conditions = self.conditions(&old, &request.body)?;
        if let Some(slot) = self.registry.get(&new_index) {
            return Err(exists_already(&slot));
        }
        let due = conditions.is_empty() || conditions.values().any(|holds| *holds);
        let outcome = RolloverOutcome {
            old_index: old_name,
            new_index,
            conditions,
            rolled_over: due && !request.dry_run,
        };
        if outcome.rolled_over {
            // Before: one that does not come to be does no harm here, one that is not known to be ages too early.
            let now_ms = self.now_ms();
            old.change_settings(|options| {
                options.rolled_over_at_ms = Some(now_ms);
                Ok(())
            })?;
            self.roll(target, is_stream, &request.body, &outcome)?;
        }
        Ok(outcome)
    }

    fn roll(
        &self,
        target: &str,
        is_stream: bool,
        body: &Value,
        outcome: &RolloverOutcome,
    ) -> Result<(), StoreError> {
        let RolloverOutcome { old_index, new_index, .. } = outcome;
        let composed = self.templates.compose_for(if is_stream { target } else { new_index })?;
        if is_stream {
            self.make_backing(new_index, composed, self.now_ms())?;
            return self.catalog.change(|names| {
                if let Some(stream) = names.data_streams.get_mut(target) {
                    stream.indices.push(new_index.clone());
                    stream.generation += 1;
                }
                Ok(())
            });
        }
        let mut composed = composed;
        composed.lay(body)?;
        self.make_index(Plan { composed, name: new_index.clone() }, self.now_ms())?;
        self.catalog.change(|names| {
            let Some(indices) = names.aliases.get_mut(target) else { return Ok(()) };
            let explicit = indices.get(old_index).is_some_and(|alias| alias.is_write_index == Some(true));
            let mut alias = indices.get(old_index).cloned().unwrap_or_default();
            if explicit {
                alias.is_write_index = Some(true);
                if let Some(old) = indices.get_mut(old_index) {
                    old.is_write_index = Some(false);
                }
            } else {
                indices.remove(old_index);
            }
            indices.insert(new_index.clone(), alias);
            Ok(())
        })
    }

    fn alias_write_index(&self, alias: &str) -> Result<Arc<Slot>, StoreError> {
        let names = self.catalog.names();
        let indices = names.aliases.get(alias).ok_or_else(|| no_such_index(alias))?;
        let marked = indices.iter().find(|(_, alias)| alias.is_write_index == Some(true));
        let index = match (marked, indices.len()) {
            (Some((index, _)), _) => index,
            (None, 1) => indices.keys().next().ok_or_else(|| no_such_index(alias))?,
            _ => {
                let message = format!("rollover target [{alias}] does not point to a write index");
                return Err(StoreError::invalid(message));
            }
        };
        self.registry.get(index).ok_or_else(|| no_such_index(index))
    }

    /// Which of the conditions hold for an index.
    fn conditions(&self, slot: &Slot, body: &Value) -> Result<BTreeMap<String, bool>, StoreError> {
        let mut out = BTreeMap::new();
        // Documents and their space count as searches see them.
        self.refresh(&self.registry.get(&slot.identity.name).into_iter().collect::<Vec<_>>())?;
        for (name, value) in body.get("conditions").and_then(Value::as_object).into_iter().flatten() {
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            let holds = match name.as_str() {
                "max_docs" => {
                    let most: u64 = text.parse().map_err(|_| unreadable(name, &text))?;
                    slot.documents() >= most
                }
                "max_age" => {
                    let most = duration_ms(&text).ok_or_else(|| unreadable(name, &text))?;
                    self.now_ms() - slot.identity.created_at_ms >= most
                }
                "max_size" => {
                    let most = size_bytes(&text).ok_or_else(|| unreadable(name, &text))?;
                    // An index takes space before it has documents; that is not what shall be rolled over.
                    let size = if slot.documents() == 0 { 0 } else { slot.size_bytes() };
                    size >= most
                }
                other => {
                    let message = format!("[conditions] unknown field [{other}]");
                    return Err(StoreError::invalid(message).with_code("x_content_parse_exception"));
                }
            };
            out.insert(format!("[{name}: {text}]"), holds);
        }
        Ok(out)
    }

    /// Makes an index from a request.
    pub(super) fn create_index(&self, scope: &Scope, name: &str, body: &Value) -> Result<(), StoreError> {
        super::names::check_index_name(name)?;
        check_reach(scope, name)?;
        if let Some(slot) = self.registry.get(name) {
            return Err(exists_already(&slot));
        }
        let known = ["settings", "mappings", "aliases"];
        if let Some(unknown) = body
            .as_object()
            .into_iter()
            .flat_map(|body| body.keys())
            .find(|key| !known.contains(&key.as_str()))
        {
            let message = format!("unknown key [{unknown}] for create index");
            return Err(StoreError::invalid(message).with_code("parse_exception"));
        }
        let mut composed = self.templates.compose_for(name)?;
        if composed.data_stream.is_some() {
            let message = format!(
                "cannot create index with name [{name}], because it matches with template that \
                creates data streams only, use create data stream api instead"
            );
            return Err(StoreError::invalid(message));
        }
        composed.lay(body)?;
        let (slot, made) = self.make_index(Plan { composed, name: name.to_owned() }, self.now_ms())?;
        if made { Ok(()) } else { Err(exists_already(&slot)) }
    }

    /// Closes or opens an index.
    pub(super) fn set_closed(&self, slot: &Slot, closed: bool) -> Result<(), StoreError> {
        if closed && let Some(open) = slot.open_state() {
            open.close_writer()?;
        }
        slot.change_settings(|settings: &mut IndexOptions| {
            settings.closed = closed;
            Ok(())
        })
    }
}

fn unreadable(condition: &str, text: &str) -> StoreError {
    StoreError::new(ErrorKind::InvalidRequest, format!("failed to parse [{condition}] from [{text}]"))
}

fn backing_index(stream: &str, generation: u64) -> String {
    format!(".ds-{stream}-{generation:06}")
}

/// The name with the number at its end counted up: `logs-000001` → `logs-000002`.
fn next_name(name: &str) -> Result<String, StoreError> {
    let bad = || StoreError::invalid(format!("index name [{name}] does not match pattern '^.*-\\d+$'"));
    let (stem, number) = name.rsplit_once('-').ok_or_else(bad)?;
    let number: u64 = number.parse().map_err(|_| bad())?;
    Ok(format!("{stem}-{:06}", number.saturating_add(1)))
}

/// Milliseconds of a time such as `7d`, `30s`, `5ms`.
pub(super) fn duration_ms(text: &str) -> Option<i64> {
    let at = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = text.split_at(at);
    let unit_ms = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return None,
    };
    number.parse::<i64>().ok()?.checked_mul(unit_ms)
}

/// Bytes of a size such as `50gb`, `10b`.
pub(super) fn size_bytes(text: &str) -> Option<u64> {
    let at = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = text.split_at(at);
    let shift = match unit.to_ascii_lowercase().as_str() {
        "b" => 0,
        "k" | "kb" => 10,
        "m" | "mb" => 20,
        "g" | "gb" => 30,
        "t" | "tb" => 40,
        "p" | "pb" => 50,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(1 << shift)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_count_up() {
        assert_eq!(next_name("logs-000009").unwrap(), "logs-000010");
        assert_eq!(next_name("logs-1").unwrap(), "logs-000002");
        assert!(next_name("logs").is_err());
        assert_eq!(backing_index("logs", 3), ".ds-logs-000003");
    }

    #[test]
    fn times_and_sizes() {
        assert_eq!(duration_ms("7d"), Some(7 * 86_400_000));
        assert_eq!(duration_ms("7"), None);
        assert_eq!(size_bytes("2kb"), Some(2_048));
        assert_eq!(size_bytes("99999999999999pb"), None);
    }
}
