//! The order of writes to one index: sequence numbers, versions, conflicts.

use super::{
    Committed, IndexState, Visible,
    apply::{Batch, Operation},
    ids::IdFilter,
    logged::{Span, TableWriter},
    merge_ranges,
    versions::{Latest, Versions},
};
use crate::{
    ErrorKind, StoreError,
    logs::{
        WriteEffect, WriteResult,
        embedded::{
            convert::Converted,
            document::IndexValue,
            inflight::Reserved,
            router::Router,
            wal::{Failure, PAYLOAD_MAX_BYTES, Wal},
            write::{Clock, convert_checked, refuse},
        },
    },
};
use bytes::Bytes;
use event::{Object, SequenceNumber};
use serde_json::Value;
use std::sync::{Arc, atomic::Ordering};
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
    /// The id in the data of the batch.
    pub(in crate::logs::embedded) id_span: Span,
    /// The id was made just now, so no document has it.
    pub(in crate::logs::embedded) id_is_new: bool,
    pub(in crate::logs::embedded) expected: Option<SequenceNumber>,
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
    Update(Object),
    Delete,
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
) {
    let document = &mut converted.document;
    document.add(router.schema.source, IndexValue::Bytes(source.clone()));
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
            range: None,
            now,
        };
        let results = prepared
            .into_iter()
            .map(|item| item.and_then(|write| placing.place(write)).unwrap_or_else(|refused| refused))
            .collect();
        let Placing { table, extra, operations, range, .. } = placing;
        if table.is_empty() {
            return Ok((results, false));
        }
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

fn refused(kind: ErrorKind, reason: impl Into<String>) -> WriteResult {
    refuse(StoreError::new(kind, reason))
}

impl Placing<'_> {
    fn place(&mut self, write: Prepared) -> Result<WriteResult, WriteResult> {
        let known = self.known(&write)?;
        let is_there = known.is_some_and(|(_, _, is_there)| is_there);
        if let Some(expected) = write.expected {
            check_expected(&write.id, expected, known)?;
        }
        let version = known.map_or(1, |(_, version, _)| version + 1);
        let Prepared { id, id_span, action, .. } = write;
        match action {
            Action::Put { only_new: true, .. } if is_there => {
                let version = version - 1;
                let reason = format!("document \"{id}\" exists already (version {version})");
                Err(refused(ErrorKind::Conflict, reason))
            }
            Action::Put { converted, router, source, .. } => {
                let bytes = source.slice(self.blob);
                Ok(self.put(id, id_span, (source, bytes), *converted, &router, version, known))
            }
            Action::Update(changes) => self.update(id, id_span, &changes, known),
            Action::Delete => Ok(self.delete(id, id_span, version, is_there)),
        }
    }

    fn known(&mut self, write: &Prepared) -> Result<Known, WriteResult> {
        if write.id_is_new {
            return Ok(None);
        }
        if let Some(latest) = self.order.versions.get(&write.id) {
            return Ok(Some((latest.seq_no, latest.version, latest.source.is_some())));
        }
        let visible = self.state.visible();
        let failed = |error: StoreError| refuse(error);
        if !self.ids(&visible).map_err(failed)?.may_contain(write.id.as_bytes()) {
            return Ok(None);
        }
        let stored = visible.find(&write.id).map_err(failed)?;
        Ok(stored.map(|stored| (stored.seq_no, stored.version, true)))
    }

    /// The ids of the index: of what is visible and of what was written since.
    fn ids(&mut self, visible: &Visible) -> Result<&mut IdFilter, StoreError> {
        let filter = match self.order.ids.take() {
            Some(filter) => filter,
            None => {
                let written = self.order.versions.ids();
                let room = usize::try_from(visible.documents()).unwrap_or(usize::MAX) + written.len();
                let mut filter = IdFilter::with_room_for(room);
                written.for_each(|id| filter.insert(id.as_bytes()));
                visible.for_each_id(|id| filter.insert(id))?;
                filter
            }
        };
        Ok(self.order.ids.insert(filter))
    }

    #[allow(
        clippy::too_many_arguments,
        reason = "the parts of one document, each named at the only two calls"
    )]
    fn put(
        &mut self,
        id: String,
        id_span: Span,
        (span, source): (Span, Bytes),
        mut converted: Converted,
        router: &Router,
        version: u64,
        known: Known,
    ) -> WriteResult {
        let is_there = known.is_some_and(|(_, _, is_there)| is_there);
        let seq_no = self.next_seq_no();
        complete(&mut converted, router, &source, seq_no, version);
        self.table.add(seq_no, version, id_span, Some(span));
        self.range = merge_ranges(self.range, converted.timestamp_ms.map(|at| (at, at)));
        self.order.versions.set(&id, Latest { seq_no, version, source: Some(source), batch: self.number });
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

    fn update(
        &mut self,
        id: String,
        id_span: Span,
        changes: &Object,
        known: Known,
    ) -> Result<WriteResult, WriteResult> {
        let missing = || refused(ErrorKind::NotFound, format!("document \"{id}\" does not exist"));
        let Some((seq_no, version, true)) = known else { return Err(missing()) };
        let current = self.source_of(&id)?.ok_or_else(missing)?;
        let mut merged: Object = serde_json::from_slice(&current)
            .map_err(|_| refused(ErrorKind::Corrupt, format!("document \"{id}\" does not read back")))?;
        if !merge(&mut merged, changes) {
            return Ok(self.written(id, version, seq_no, WriteEffect::Noop, Vec::new()));
        }
        let (converted, router) = convert_checked(self.state, &id, &merged, self.now)?;
        let source = serde_json::to_vec(&merged).map_err(|error| {
            refused(ErrorKind::Internal, format!("cannot serialise the document: {error}"))
        })?;
        if self.extra_start + source.len() > PAYLOAD_MAX_BYTES / 2 {
            return Err(refused(ErrorKind::InvalidRequest, "the batch is too large, send smaller ones"));
        }
        let source = Bytes::from(source);
        let span = Span { start: self.extra_start as u32, length: source.len() as u32 };
        self.extra_start += source.len();
        self.extra.push(source.clone());
        Ok(self.put(id, id_span, (span, source), converted, &router, version + 1, known))
    }

    fn source_of(&self, id: &str) -> Result<Option<Bytes>, WriteResult> {
        if let Some(latest) = self.order.versions.get(id) {
            return Ok(latest.source.clone());
        }
        let visible = self.state.visible();
        let found =
            visible.find(id).and_then(|stored| stored.map(|stored| visible.source(stored)).transpose());
        found.map_err(refuse)
    }

    fn delete(&mut self, id: String, id_span: Span, version: u64, is_there: bool) -> WriteResult {
        let seq_no = self.next_seq_no();
        if !is_there {
            return self.written(id, version, seq_no, WriteEffect::NotFound, Vec::new());
        }
        self.table.add(seq_no, version, id_span, None);
        self.order.versions.set(&id, Latest { seq_no, version, source: None, batch: self.number });
        self.operations.push(Operation::Delete { id: id.clone() });
        self.written(id, version, seq_no, WriteEffect::Deleted, Vec::new())
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
        WriteResult::Written { index: self.state.name.to_string(), id, version, seq_no, effect, ignored }
    }
}

fn check_expected(id: &str, expected: SequenceNumber, known: Known) -> Result<(), WriteResult> {
    let found = known.filter(|(.., is_there)| *is_there).map(|(seq_no, ..)| seq_no);
    if found == Some(expected.seq_no) && expected.primary_term == PRIMARY_TERM {
        return Ok(());
    }
    let now = found.map_or("does not exist".to_owned(), |seq_no| format!("has sequence number {seq_no}"));
    let reason = format!("document \"{id}\" {now}, required sequence number is {}", expected.seq_no);
    Err(refused(ErrorKind::Conflict, reason))
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
