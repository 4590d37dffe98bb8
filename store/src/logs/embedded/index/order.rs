//! The order of writes to one index: sequence numbers, versions, conflicts.

use super::{
    Committed, IndexState, Visible,
    apply::{Batch, Operation},
    ids::IdFilter,
    logged::{Span, TableWriter, put_routing},
    lookup::Current,
    merge_ranges,
    versions::{Fresh, Latest, Versions},
};
use crate::{
    ErrorKind, StoreError,
    logs::{
        WriteEffect, WriteResult,
        embedded::{
            convert::{Content, Converted},
            document::IndexValue,
            inflight::Reserved,
            router::Router,
            scripted::{Fate, Scripted, Subject},
            shards::Shards,
            target::short_uuid,
            wal::{Failure, PAYLOAD_MAX_BYTES, Wal},
            write::{Clock, convert_checked, refuse},
        },
    },
};
use bytes::Bytes;
use event::{Object, SequenceNumber, VersionType};
use serde_json::Value;
use std::{
    sync::{Arc, atomic::Ordering},
    time::Instant,
};
use tokio::sync::oneshot;

/// The only owner of an index is this process.
const PRIMARY_TERM: u64 = 1;

/// About how much larger a document is on its way into a segment than as JSON.
const CONVERTED_PER_JSON: usize = 4;

/// What is decided under the lock.
pub(super) struct Order {
    pub(super) next_seq_no: u64,
    /// Number of the last batch.
    pub(super) batch: u64,
    /// The last entry of the log that is for this index.
    pub(super) submitted_lsn: u64,
    pub(super) versions: Versions,
    /// All ids, made when a write first needs to know whether its id is new.
    ids: Option<IdFilter>,
}

impl Order {
    pub(super) fn new(committed: Committed) -> Self {
        Self {
            next_seq_no: committed.next_seq_no,
            batch: 0,
            submitted_lsn: committed.lsn,
            versions: Versions::default(),
            ids: None,
        }
    }
}

/// A write that is ready to get its place.
pub(in crate::logs::embedded) struct Prepared {
    pub(in crate::logs::embedded) id: String,
    /// The id in the data of the batch; the routing stands behind it, if there is one.
    pub(in crate::logs::embedded) id_span: Span,
    /// The number of an id that was made just now, so that no document has it.
    pub(in crate::logs::embedded) new_id: Option<u64>,
    pub(in crate::logs::embedded) expected: Option<SequenceNumber>,
    pub(in crate::logs::embedded) version: Option<(u64, VersionType)>,
    pub(in crate::logs::embedded) routing: Option<Arc<str>>,
    /// How the index spreads routings: a document of another shard is not there.
    pub(in crate::logs::embedded) shards: Shards,
    pub(in crate::logs::embedded) action: Action,
}

/// What a write does.
pub(in crate::logs::embedded) enum Action {
    /// Writes a document, converted by that router.
    Put {
        converted: Box<Converted>,
        router: Arc<Router>,
        source: Span,
        only_new: bool,
    },
    /// Merges into what is there.
    Update(Box<Update>),
    Delete,
}

/// Changes to a document.
pub(in crate::logs::embedded) struct Update {
    pub(in crate::logs::embedded) changes: Changes,
    /// What to write if there is no document.
    pub(in crate::logs::embedded) upsert: Option<Object>,
    /// Write also if nothing changes.
    pub(in crate::logs::embedded) always: bool,
}

/// How an update changes a document.
pub(in crate::logs::embedded) enum Changes {
    /// Fields that are merged into it.
    Merged(Object),
    /// A script that runs over it.
    Scripted(Scripted),
}

/// Where a document goes: its id and routing, and the version that it gets.
struct Place {
    id: String,
    id_span: Span,
    routing: Option<Arc<str>>,
    version: u64,
    is_there: bool,
    new_id: Option<u64>,
}

/// The index must be opened again before the write is tried again.
#[derive(Debug)]
pub(in crate::logs::embedded) struct Dead;

/// A document's last write, if there is one: sequence number, version, whether it is there.
type Known = Option<(u64, u64, bool)>;

/// One batch on its way through the order.
struct Placing<'a> {
    state: &'a IndexState,
    order: &'a mut Order,
    number: u64,
    blob: &'a Bytes,
    table: TableWriter,
    /// Data behind the blob: the merged sources of updates.
    extra: Vec<Bytes>,
    extra_start: usize,
    operations: Vec<Operation>,
    fresh: Fresh,
    range: Option<(i64, i64)>,
    now: Clock,
}

/// Adds what only the order knows to a document.
pub(super) fn complete(
    converted: &mut Converted,
    router: &Router,
    source: &Bytes,
    seq_no: u64,
    version: u64,
    routing: Option<&str>,
) {
    let document = &mut converted.document;
    if let Some((field, routing)) = router.schema.routing.zip(routing) {
        document.add(field, IndexValue::Str(routing.to_owned()));
        // `exists` asks there.
        document.add(router.schema.field_names, IndexValue::Str("_routing".to_owned()));
    }
    document.text = source.clone();
    if router.mapping.source.is_whole() {
        document.add(router.schema.source, IndexValue::Source);
    } else if let Some(kept) = router.mapping.source.kept(source) {
        document.add(router.schema.source, IndexValue::Bytes(kept));
    }
    document.add(router.schema.seq_no, IndexValue::U64(seq_no));
    document.add(router.schema.version, IndexValue::U64(version));
}

impl IndexState {
    /// Gives each write its place, in order, and submits the batch to the log. Results are final when `acknowledge`
    /// says so; it is never told if the batch turns out to be empty (then `Ok(false)`).
    pub(in crate::logs::embedded) fn submit(
        self: &Arc<Self>,
        wal: &Wal,
        prepared: Vec<Result<Prepared, WriteResult>>,
        blob: Bytes,
        now: Clock,
        acknowledge: oneshot::Sender<Result<(), StoreError>>,
    ) -> Result<(Vec<WriteResult>, bool), Dead> {
        let mut order = self.order.lock();
        if self.is_dead() {
            return Err(Dead);
        }
        order.batch += 1;
        let number = order.batch;
        let count = prepared.len();
        let mut placing = Placing {
            state: self,
            order: &mut order,
            number,
            blob: &blob,
            table: TableWriter::new(self.uuid, count),
            extra: Vec::new(),
            extra_start: blob.len(),
            operations: Vec::with_capacity(count),
            fresh: Fresh::new(number, blob.clone()),
            range: None,
            now,
        };
        let results = prepared
            .into_iter()
            .map(|item| {
                item.and_then(|write| placing.place(write)).unwrap_or_else(|refused| placing.placed(refused))
            })
            .collect();
        let Placing { table, extra, operations, fresh, range, .. } = placing;
        if table.is_empty() {
            return Ok((results, false));
        }
        order.versions.add(fresh);
        let mut parts = vec![table.finish(), blob];
        parts.extend(extra);
        let bytes: usize = parts.iter().map(Bytes::len).sum();
        let _reserved = Some(Reserved::take(&self.shared.inflight, bytes * CONVERTED_PER_JSON));
        let next_seq_no = order.next_seq_no;
        let batch = Batch { number, lsn: 0, next_seq_no, range, bytes, operations, _reserved };
        match wal.submit(parts, self.clone().when_durable(batch, acknowledge)) {
            Ok(lsn) => order.submitted_lsn = lsn,
            Err(_) => {
                // The versions above count writes that never were.
                self.dead.store(true, Ordering::Release);
                return Err(Dead);
            }
        }
        Ok((results, true))
    }

    fn when_durable(
        self: Arc<Self>,
        mut batch: Batch,
        acknowledge: oneshot::Sender<Result<(), StoreError>>,
    ) -> Box<dyn FnOnce(Result<u64, Failure>) + Send> {
        Box::new(move |durable| {
            let outcome = durable.map_err(Failure::into_store_error).map(|lsn| {
                batch.lsn = lsn;
                self.apply(batch);
            });
            if outcome.is_err() {
                self.kill();
            }
            // The caller may have gone away; the write counts all the same.
            let _ = acknowledge.send(outcome);
        })
    }
}

fn conflict(id: &str, why: impl std::fmt::Display) -> WriteResult {
    let error = StoreError::new(ErrorKind::Conflict, format!("[{id}]: version conflict, {why}"));
    refuse(error.with_code("version_conflict_engine_exception"))
}

fn missing(id: &str) -> WriteResult {
    let error = StoreError::new(ErrorKind::NotFound, format!("[_doc][{id}]: document missing"));
    refuse(error.with_code("document_missing_exception"))
}

/// An update reads the document, and the index keeps none.
fn source_missing(id: &str) -> WriteResult {
    let error = StoreError::invalid(format!("[_doc][{id}]: document source missing"));
    refuse(error.with_code("document_source_missing_exception"))
}

impl Placing<'_> {
    /// Says in which index a document is not as it should be.
    fn placed(&self, mut refused: WriteResult) -> WriteResult {
        const OF_A_PLACE: [&str; 2] = ["version_conflict_engine_exception", "document_missing_exception"];
        if let WriteResult::Refused { code: Some(code), details, .. } = &mut refused
            && OF_A_PLACE.contains(code)
        {
            let details = details.get_or_insert_default();
            details.insert("index_uuid".to_owned(), short_uuid(&self.state.uuid).into());
            details.insert("shard".to_owned(), "0".into());
            details.insert("index".to_owned(), self.state.name.as_ref().into());
        }
        refused
    }

    fn place(&mut self, write: Prepared) -> Result<WriteResult, WriteResult> {
        let known = self.known(&write)?;
        if self.is_elsewhere(&write, known)? {
            return self.not_there(write);
        }
        let is_there = known.is_some_and(|(_, _, is_there)| is_there);
        if let Action::Update(update) = &write.action
            && update.upsert.is_none()
            && !is_there
        {
            return Err(missing(&write.id));
        }
        if let Some(expected) = write.expected {
            check_expected(&write.id, expected, known)?;
        }
        let Prepared { id, id_span, new_id, action, routing, .. } = write;
        if let (Action::Put { only_new: true, .. }, Some((_, version, true))) = (&action, known) {
            return Err(conflict(&id, format_args!("document already exists (current version [{version}])")));
        }
        let version = next_version(&id, write.version, known)?;
        let place = Place { id, id_span, routing, version, is_there, new_id };
        match action {
            Action::Put { converted, router, source, .. } => {
                let bytes = source.slice(self.blob);
                Ok(self.put(place, (source, bytes), *converted, &router, known))
            }
            Action::Update(update) => self.update(place, *update, known),
            Action::Delete => Ok(self.delete(place)),
        }
    }

    /// Whether an update or delete looks for the document in another shard than it was written to.
    fn is_elsewhere(&self, write: &Prepared, known: Known) -> Result<bool, WriteResult> {
        let looks = matches!(write.action, Action::Update(_) | Action::Delete);
        if !looks || !write.shards.are_many() || !known.is_some_and(|(.., is_there)| is_there) {
            return Ok(false);
        }
        let current = self.current(&write.id)?;
        Ok(current.is_some_and(|current| {
            !write.shards.same(&write.id, write.routing.as_deref(), current.routing.as_deref())
        }))
    }

    /// What becomes of an update or delete that has looked for its document in the wrong shard. Nothing is written: another
    /// document has the id.
    fn not_there(&self, write: Prepared) -> Result<WriteResult, WriteResult> {
        match write.action {
            Action::Delete => {
                let seq_no = self.order.next_seq_no.saturating_sub(1);
                Ok(self.written(write.id, 1, seq_no, WriteEffect::NotFound, Vec::new()))
            }
            _ => Err(missing(&write.id)),
        }
    }

    fn known(&mut self, write: &Prepared) -> Result<Known, WriteResult> {
        if write.new_id.is_some() {
            return Ok(None);
        }
        if let known @ Some(_) = self.order.versions.known(&write.id) {
            return Ok(known);
        }
        let visible = self.state.visible();
        if !self.ids(&visible).map_err(refuse)?.may_contain(write.id.as_bytes()) {
            return Ok(None);
        }
        let stored = visible.find(&write.id).map_err(refuse)?;
        Ok(stored.map(|stored| (stored.seq_no, stored.version, true)))
    }

    /// The ids of the index: of what is visible and of what was written since.
    fn ids(&mut self, visible: &Visible) -> Result<&mut IdFilter, StoreError> {
        let filter = match self.order.ids.take() {
            Some(filter) => filter,
            None => {
                let written = &self.order.versions;
                let room = usize::try_from(visible.documents()).unwrap_or(usize::MAX) + written.len();
                let mut filter = IdFilter::with_room_for(room);
                written.for_each_id(|id| filter.insert(id.as_bytes()));
                visible.for_each_id(|id| filter.insert(id))?;
                filter
            }
        };
        Ok(self.order.ids.insert(filter))
    }

    fn put(
        &mut self,
        place: Place,
        (span, source): (Span, Bytes),
        mut converted: Converted,
        router: &Router,
        known: Known,
    ) -> WriteResult {
        let Place { id, id_span, routing, version, is_there, new_id } = place;
        let seq_no = self.next_seq_no();
        complete(&mut converted, router, &source, seq_no, version, routing.as_deref());
        self.table.add(seq_no, version, id_span, routing.is_some(), Some(span));
        self.range = merge_ranges(self.range, converted.timestamp_ms.map(|at| (at, at)));
        let is_fresh = version == 1 && routing.is_none();
        let number = new_id.filter(|_| is_fresh);
        if !number.is_some_and(|number| self.fresh.add(number, seq_no, span, self.operations.capacity())) {
            let (source, batch) = (Some(source), self.number);
            let latest = Latest { seq_no, version, routing, source, batch, deleted_at: None };
            self.order.versions.set(&id, latest);
        }
        if let Some(ids) = self.order.ids.as_mut().filter(|_| !is_there) {
            ids.insert(id.as_bytes());
        }
        self.operations.push(Operation::Put {
            generation: router.generation,
            document: converted.document,
            // Also after a deletion, which may not have been done yet.
            replaces: known.is_some().then(|| id.clone()),
        });
        let effect = if is_there { WriteEffect::Updated } else { WriteEffect::Created };
        self.written(id, version, seq_no, effect, converted.ignored)
    }

    fn update(&mut self, mut place: Place, update: Update, known: Known) -> Result<WriteResult, WriteResult> {
        let is_scripted =
            matches!(update.changes, Changes::Scripted(_)) && !event::keeps_as_written(&self.state.name);
        let (fate, kept_routing) = self.fate(&place, update, known)?;
        if matches!(fate, Fate::Noop) {
            let (seq_no, version) = known.map_or((0, 0), |(seq_no, version, _)| (seq_no, version));
            return Ok(self.written(place.id, version, seq_no, WriteEffect::Noop, Vec::new()));
        }
        if place.routing.is_none() && kept_routing.is_some() {
            // Its routing is not in the data of the batch yet.
            place.id_span = self.append_id(&place.id, kept_routing.as_deref())?;
            place.routing = kept_routing;
        }
        let Fate::Write(mut document) = fate else { return Ok(self.delete(place)) };
        if let Some(redact) = self.state.shared.redact.as_ref().filter(|_| is_scripted) {
            redact(&mut document);
        }
        let (converted, router) = convert_checked(self.state, &place.id, Content::Tree(&document), self.now)?;
        let source = serde_json::to_vec(&document)
            .map_err(|error| refuse(StoreError::internal("cannot serialise the document", error)))?;
        let source = Bytes::from(source);
        let span = self.append(source.clone())?;
        Ok(self.put(place, (span, source), converted, &router, known))
    }

    /// What an update makes of the document, and the routing that the document has.
    fn fate(
        &self,
        place: &Place,
        update: Update,
        known: Known,
    ) -> Result<(Fate, Option<Arc<str>>), WriteResult> {
        let subject = |version, routing| Subject {
            index: &self.state.name,
            id: &place.id,
            routing,
            version,
            now_ms: self.now.now_ms,
        };
        let Some((_, version, true)) = known else {
            let upsert = update.upsert.ok_or_else(|| missing(&place.id))?;
            let fate = match &update.changes {
                Changes::Scripted(script) if script.on_upsert => {
                    script.run(&subject(None, place.routing.as_deref()), upsert).map_err(refuse)?
                }
                _ => Fate::Write(upsert),
            };
            return Ok((fate, None));
        };
        let current = self.current(&place.id)?.ok_or_else(|| missing(&place.id))?;
        let bytes = current.source.ok_or_else(|| source_missing(&place.id))?;
        let mut source: Object = serde_json::from_slice(&bytes).map_err(|_| {
            let message = format!("document \"{}\" does not read back", place.id);
            refuse(StoreError::new(ErrorKind::Corrupt, message))
        })?;
        let fate = match &update.changes {
            Changes::Scripted(script) => {
                script.run(&subject(Some(version), current.routing.as_deref()), source).map_err(refuse)?
            }
            Changes::Merged(changes) if merge(&mut source, changes) || update.always => Fate::Write(source),
            Changes::Merged(_) => Fate::Noop,
        };
        Ok((fate, current.routing))
    }

    /// Puts data behind that of the batch.
    fn append(&mut self, data: Bytes) -> Result<Span, WriteResult> {
        if self.extra_start + data.len() > PAYLOAD_MAX_BYTES / 2 {
            return Err(refuse(StoreError::invalid("the batch is too large, send smaller ones")));
        }
        let span = Span { start: self.extra_start as u32, length: data.len() as u32 };
        self.extra_start += data.len();
        self.extra.push(data);
        Ok(span)
    }

    fn append_id(&mut self, id: &str, routing: Option<&str>) -> Result<Span, WriteResult> {
        let mut data = id.as_bytes().to_vec();
        if let Some(routing) = routing {
            put_routing(&mut data, routing);
        }
        let span = self.append(data.into())?;
        Ok(Span { length: id.len() as u32, ..span })
    }

    fn current(&self, id: &str) -> Result<Option<Current>, WriteResult> {
        if let Some(latest) = self.order.versions.get(id) {
            let Latest { seq_no, version, routing, source, .. } = latest;
            let rule = &self.state.router().mapping.source;
            let current = |source| Current { seq_no, version, routing, source: rule.kept(&source) };
            return Ok(source.map(current));
        }
        self.state.visible().get(id).map_err(refuse)
    }

    fn delete(&mut self, place: Place) -> WriteResult {
        let Place { id, id_span, routing, version, is_there, .. } = place;
        let seq_no = self.next_seq_no();
        self.table.add(seq_no, version, id_span, routing.is_some(), None);
        let deleted_at = Some(Instant::now());
        self.order
            .versions
            .set(&id, Latest { seq_no, version, routing, source: None, batch: self.number, deleted_at });
        self.operations.push(Operation::Delete { id: id.clone() });
        let effect = if is_there { WriteEffect::Deleted } else { WriteEffect::NotFound };
        self.written(id, version, seq_no, effect, Vec::new())
    }

    fn next_seq_no(&mut self) -> u64 {
        let seq_no = self.order.next_seq_no;
        self.order.next_seq_no += 1;
        seq_no
    }

    fn written(
        &self,
        id: String,
        version: u64,
        seq_no: u64,
        effect: WriteEffect,
        ignored: Vec<String>,
    ) -> WriteResult {
        let seq_no = SequenceNumber { seq_no, primary_term: PRIMARY_TERM };
        WriteResult::Written { index: self.state.name.clone(), id, version, seq_no, effect, ignored }
    }
}

/// The version that a write gives the document: one more, or the one given, if it is high enough.
fn next_version(id: &str, given: Option<(u64, VersionType)>, known: Known) -> Result<u64, WriteResult> {
    let current = known.map(|(_, version, _)| version);
    let Some((given, version_type)) = given else { return Ok(current.map_or(1, |version| version + 1)) };
    let (too_low, relation) = match version_type {
        VersionType::Internal if current == Some(given) => return Ok(given + 1),
        VersionType::Internal => {
            let current = current.map_or(-1, |version| i64::try_from(version).unwrap_or(i64::MAX));
            let why = format!("current version [{current}] is different than the one provided [{given}]");
            return Err(conflict(id, why));
        }
        VersionType::External => (current.is_some_and(|current| current >= given), "higher or equal to"),
        VersionType::ExternalGte => (current.is_some_and(|current| current > given), "higher than"),
    };
    match current.filter(|_| too_low) {
        None => Ok(given),
        Some(current) => {
            let why = format!("current version [{current}] is {relation} the one provided [{given}]");
            Err(conflict(id, why))
        }
    }
}

fn check_expected(id: &str, expected: SequenceNumber, known: Known) -> Result<(), WriteResult> {
    let found = known.filter(|(.., is_there)| *is_there).map(|(seq_no, ..)| seq_no);
    if found == Some(expected.seq_no) && expected.primary_term == PRIMARY_TERM {
        return Ok(());
    }
    let SequenceNumber { seq_no, primary_term } = expected;
    let now = match found {
        Some(now) => format!("current document has seqNo [{now}] and primary term [{PRIMARY_TERM}]"),
        None => "but no document was found".to_owned(),
    };
    Err(conflict(id, format!("required seqNo [{seq_no}], primary term [{primary_term}]. {now}")))
}

/// Merges objects deeply, replaces all else; answers whether anything changed.
fn merge(target: &mut Object, changes: &Object) -> bool {
    let mut changed = false;
    for (key, change) in changes {
        match (target.get_mut(key), change) {
            (Some(Value::Object(inner)), Value::Object(change)) => changed |= merge(inner, change),
            (Some(value), change) if value == change => {}
            (Some(value), change) => {
                *value = change.clone();
                changed = true;
            }
            (None, change) => {
                target.insert(key.clone(), change.clone());
                changed = true;
            }
        }
    }
    changed
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn updates_merge_objects_and_replace_all_else() {
        let check = |target: Value, changes: Value, expected: Value, changed: bool| {
            let (Value::Object(mut target), Value::Object(changes)) = (target, changes) else {
                unreachable!()
            };
            assert_eq!(merge(&mut target, &changes), changed, "{changes:?}");
            assert_eq!(Value::Object(target), expected);
        };
        check(json!({"a": 1}), json!({"a": 1}), json!({"a": 1}), false);
        check(json!({"a": 1}), json!({"b": {"c": 2}}), json!({"a": 1, "b": {"c": 2}}), true);
        check(json!({"a": {"b": 1, "c": 2}}), json!({"a": {"b": 3}}), json!({"a": {"b": 3, "c": 2}}), true);
        check(json!({"a": [1, 2]}), json!({"a": [3]}), json!({"a": [3]}), true);
        check(json!({"a": {"b": 1}}), json!({"a": {"b": 1}}), json!({"a": {"b": 1}}), false);
        check(json!({"a": {"b": 1}}), json!({"a": null}), json!({"a": null}), true);
    }
}
