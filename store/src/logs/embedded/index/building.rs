//! What was given to an index since its last commit: new documents, and changes to those that are there.

use super::{Committed, apply::Batch, apply::Operation, generation::Generation, merge_ranges};
use crate::logs::embedded::document::IndexDocument;
use std::{
    collections::{BTreeMap, HashMap, btree_map::Entry},
    time::{Duration, Instant},
};
use tantivy::{
    Index,
    index::{Segment, SegmentMeta},
    indexer::{AddOperation, SegmentWriter},
};

/// Sets how large the table of terms of a new segment is at first; it grows with the terms.
const FIRST_TABLE_BUDGET_BYTES: usize = 1_000_000;
/// What a write costs besides its data: its versions and the places of its values.
const WRITE_OVERHEAD_BYTES: usize = 256;
/// From so much on documents go into a segment in the making. That takes memory by the megabyte before it holds anything,
/// more than ten for an access log: an index that gets a little now and then keeps its documents as they are until the
/// commit, so that thousands of them can be written to at a time.
const WAITING_MAX_BYTES: usize = 2 << 20;

/// A segment in the making.
pub(super) struct Draft {
    segment: Segment,
    writer: SegmentWriter,
}

impl Draft {
    fn new(index: &Index) -> tantivy::Result<Self> {
        let segment = index.new_segment();
        let writer = SegmentWriter::for_segment(FIRST_TABLE_BUDGET_BYTES, segment.clone())?;
        Ok(Self { segment, writer })
    }

    fn add(&mut self, document: IndexDocument) -> tantivy::Result<()> {
        // Deletions never meet a draft, so the order within it says nothing.
        self.writer.add_document(AddOperation { opstamp: 0, document })
    }

    /// Writes the segment to the disk.
    fn finish(self) -> tantivy::Result<SegmentMeta> {
        let documents = self.writer.max_doc();
        self.writer.finalize()?;
        let meta = self.segment.with_max_doc(documents).meta().clone();
        meta.untrack_temp_docstore();
        Ok(meta)
    }
}

/// The last change to a document that is, or may be, in a segment already.
pub(super) enum Change {
    /// Its new content, for that generation.
    Replaced(usize, IndexDocument),
    Deleted,
}

/// New documents, in segments in the making or waiting for one, by the number of their generation.
#[derive(Default)]
struct Additions {
    drafts: BTreeMap<usize, Draft>,
    waiting: Vec<(usize, IndexDocument)>,
    waiting_bytes: usize,
}

impl Additions {
    fn add(&mut self, generation: usize, document: IndexDocument, indices: &[Index]) -> tantivy::Result<()> {
        if let Some(draft) = self.drafts.get_mut(&generation) {
            return draft.add(document);
        }
        self.waiting_bytes += size_of::<(usize, IndexDocument)>() + document.values_bytes();
        self.waiting.push((generation, document));
        if self.waiting_bytes < WAITING_MAX_BYTES { Ok(()) } else { self.draft(indices) }
    }

    /// Puts what waits into segments.
    fn draft(&mut self, indices: &[Index]) -> tantivy::Result<()> {
        self.waiting_bytes = 0;
        for (generation, document) in std::mem::take(&mut self.waiting) {
            let draft = match self.drafts.entry(generation) {
                Entry::Occupied(entry) => entry.into_mut(),
                Entry::Vacant(entry) => {
                    let index = indices.get(generation).ok_or_else(|| unknown_generation(generation))?;
                    entry.insert(Draft::new(index)?)
                }
            };
            draft.add(document)?;
        }
        Ok(())
    }

    fn bytes(&self) -> usize {
        self.drafts.values().map(|draft| draft.writer.mem_usage()).sum::<usize>() + self.waiting_bytes
    }
}

/// What an index was given since its last commit.
pub(super) struct Building {
    indices: Vec<Index>,
    additions: Additions,
    changes: HashMap<String, Change>,
    /// What has been given to it, this included.
    pub(super) applied: Committed,
    pub(super) applied_batch: u64,
    /// Memory that writes hold besides the drafts.
    write_bytes: usize,
    /// When the first of it came.
    since: Option<Instant>,
    /// Generations that the committed ones do not know yet.
    pub(super) new_generations: Vec<Generation>,
    /// The index was opened anew elsewhere; this one must not touch its files.
    pub(super) abandoned: bool,
}

/// What one commit makes of it.
pub(super) struct Cut {
    additions: Additions,
    changes: HashMap<String, Change>,
    pub(super) applied: Committed,
    pub(super) applied_batch: u64,
    new_generations: Vec<Generation>,
}

impl Building {
    pub(super) fn new(generations: &[Generation], committed: Committed) -> Self {
        Self {
            indices: generations.iter().map(|generation| generation.index.clone()).collect(),
            additions: Additions::default(),
            changes: HashMap::new(),
            applied: committed,
            applied_batch: 0,
            write_bytes: 0,
            since: None,
            new_generations: Vec::new(),
            abandoned: false,
        }
    }

    pub(super) fn add_generation(&mut self, generation: Generation) {
        self.indices.push(generation.index.clone());
        self.new_generations.push(generation);
    }

    /// Whether it holds something that no commit contains.
    pub(super) fn is_dirty(&self) -> bool {
        self.since.is_some()
    }

    /// How long the oldest of it has waited for a commit.
    pub(super) fn waiting(&self) -> Duration {
        self.since.map_or(Duration::ZERO, |since| since.elapsed())
    }

    /// Memory that it holds.
    pub(super) fn bytes(&self) -> usize {
        self.additions.bytes() + self.write_bytes
    }

    pub(super) fn apply(&mut self, batch: Batch) -> tantivy::Result<()> {
        self.write_bytes += batch.bytes + batch.operations.len() * WRITE_OVERHEAD_BYTES;
        for operation in batch.operations {
            match operation {
                Operation::Put { generation, document, replaces: Some(id) } => {
                    self.changes.insert(id, Change::Replaced(generation, document));
                }
                Operation::Put { generation, document, replaces: None } => {
                    self.additions.add(generation, document, &self.indices)?;
                }
                Operation::Delete { id } => {
                    self.changes.insert(id, Change::Deleted);
                }
            }
        }
        self.applied.lsn = batch.lsn;
        self.applied.next_seq_no = self.applied.next_seq_no.max(batch.next_seq_no);
        self.applied.range = merge_ranges(self.applied.range, batch.range);
        self.applied_batch = batch.number;
        self.since.get_or_insert_with(Instant::now);
        Ok(())
    }

    /// Takes out all that a commit has to do; what comes from now on is for the next.
    pub(super) fn cut(&mut self) -> Cut {
        self.since = None;
        self.write_bytes = 0;
        Cut {
            additions: std::mem::take(&mut self.additions),
            changes: std::mem::take(&mut self.changes),
            applied: self.applied,
            applied_batch: self.applied_batch,
            new_generations: std::mem::take(&mut self.new_generations),
        }
    }

    /// Drops all of it: it is in the log.
    pub(super) fn abandon(&mut self) {
        self.abandoned = true;
        self.cut();
    }
}

impl Cut {
    /// Turns it into committed segments. Generations that do not change are left alone, but for the newest, whose
    /// commit comes last and vouches for all.
    pub(super) fn commit(self, generations: &mut Vec<Generation>) -> tantivy::Result<()> {
        for mut generation in self.new_generations {
            // It vouches for the older ones from now on: first for no more than they have committed.
            if let Some(before) = generations.last().map(|newest| newest.committed).filter(|c| c.lsn > 0) {
                generation.commit(before)?;
            }
            generations.push(generation);
        }
        let mut changed: Vec<bool> = generations.iter().map(|_| false).collect();
        add_segments(self.additions, generations, &mut changed)?;
        for (id, change) in self.changes {
            for (generation, changed) in generations.iter_mut().zip(&mut changed) {
                // Where there is no segment nobody takes the deletion from tantivy's queue, and it would meet what is
                // added later.
                if *changed || generation.has_segments() {
                    generation.delete(&id)?;
                    *changed = true;
                }
            }
            if let Change::Replaced(number, document) = change {
                let generation = generations.get_mut(number).ok_or_else(|| unknown_generation(number))?;
                // By tantivy's own worker, which knows what was deleted before.
                generation.writer()?.add_document(document)?;
                changed[number] = true;
            }
        }
        if let Some(newest) = changed.last_mut() {
            *newest = true;
        }
        for (generation, _) in generations.iter_mut().zip(changed).filter(|(_, changed)| *changed) {
            generation.commit(self.applied)?;
        }
        Ok(())
    }
}

fn add_segments(
    mut additions: Additions,
    generations: &mut [Generation],
    changed: &mut [bool],
) -> tantivy::Result<()> {
    let indices: Vec<_> = generations.iter().map(|generation| generation.index.clone()).collect();
    additions.draft(&indices)?;
    for (number, draft) in additions.drafts {
        let segment = draft.finish()?;
        let generation = generations.get_mut(number).ok_or_else(|| unknown_generation(number))?;
        generation.writer()?.add_segment(segment)?;
        changed[number] = true;
    }
    Ok(())
}

fn unknown_generation(number: usize) -> tantivy::TantivyError {
    tantivy::TantivyError::InternalError(format!("there is no generation {number}"))
}
