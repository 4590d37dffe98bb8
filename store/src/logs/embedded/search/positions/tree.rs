//! Places in one text: found by parts that need each other, or stand in a relation to others.

use tantivy::{DocId, DocSet, TERMINATED, postings::Postings};

/// Words from one position up to another, which is not part of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    pub(super) start: u32,
    pub(super) end: u32,
    /// Words inside that no part stands for.
    pub(super) gaps: u32,
}

impl Place {
    fn contains(self, other: Self) -> bool {
        self.start <= other.start && other.end <= self.end
    }

    fn overlaps(self, other: Self) -> bool {
        self.start < other.end && other.start < self.end
    }
}

/// How a place stands to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Relation {
    After,
    Before,
    ContainedBy,
    Containing,
    Overlapping,
    /// They overlap, or only so many words stand between: before the place, behind it.
    Near(u32, u32),
}

impl Relation {
    fn holds(self, of: Place, other: Place) -> bool {
        match self {
            Self::After => of.start >= other.end,
            Self::Before => of.end <= other.start,
            Self::ContainedBy => other.contains(of),
            Self::Containing => of.contains(other),
            Self::Overlapping => of.overlaps(other),
            Self::Near(pre, post) => {
                let wide =
                    Place { start: of.start.saturating_sub(pre), end: of.end.saturating_add(post), gaps: 0 };
                wide.overlaps(other)
            }
        }
    }
}

/// Which places are meant.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Tree {
    /// Where one of the words of a leaf stands, by the leaf's number.
    Leaf(usize),
    Nothing,
    Any(Vec<Tree>),
    /// Where all stand with no more than so many words between them in all.
    Near {
        parts: Vec<Tree>,
        gaps: Option<u32>,
        ordered: bool,
        /// Whether places with a smaller one inside do not count.
        minimal: bool,
    },
    /// Those that stand in a relation to one of the others, or (not `holds`) to none.
    Related {
        of: Box<Tree>,
        others: Box<Tree>,
        relation: Relation,
        holds: bool,
    },
    /// Those that end within the first words.
    First(Box<Tree>, u32),
}

/// The words of each leaf, in one segment.
pub(super) struct Leaves<P> {
    pub(super) leaves: Vec<Vec<P>>,
    /// Whether these are whole values instead of words, which stand nowhere else.
    pub(super) whole: bool,
    positions: Vec<u32>,
}

impl<P: Postings> Leaves<P> {
    pub(super) fn new(leaves: Vec<Vec<P>>, whole: bool) -> Self {
        Self { leaves, whole, positions: Vec::new() }
    }

    /// The first document from `target` on that may have such a place.
    pub(super) fn candidate(&mut self, tree: &Tree, target: DocId) -> DocId {
        match tree {
            Tree::Nothing => TERMINATED,
            Tree::Leaf(leaf) => {
                let words = self.leaves.get_mut(*leaf).into_iter().flatten();
                words.map(|word| seek(word, target)).min().unwrap_or(TERMINATED)
            }
            Tree::Any(parts) => {
                parts.iter().map(|part| self.candidate(part, target)).min().unwrap_or(TERMINATED)
            }
            Tree::Near { parts, .. } => self.common(&parts.iter().collect::<Vec<_>>(), target),
            Tree::Related { of, others, holds: true, .. } => self.common(&[of, others], target),
            Tree::Related { of, .. } | Tree::First(of, _) => self.candidate(of, target),
        }
    }

    /// The first document that may have a place of each.
    fn common(&mut self, parts: &[&Tree], target: DocId) -> DocId {
        let mut doc = target;
        loop {
            let before = doc;
            for part in parts {
                doc = self.candidate(part, doc);
                if doc == TERMINATED {
                    return TERMINATED;
                }
            }
            if doc == before {
                return doc;
            }
        }
    }

    /// The places in a document, by their start and then their end.
    pub(super) fn places(&mut self, tree: &Tree, doc: DocId) -> Vec<Place> {
        match tree {
            Tree::Nothing => Vec::new(),
            Tree::Leaf(leaf) => self.words(*leaf, doc),
            Tree::Any(parts) => {
                let mut all: Vec<Place> = parts.iter().flat_map(|part| self.places(part, doc)).collect();
                all.sort_unstable();
                all.dedup();
                all
            }
            Tree::Near { parts, gaps, ordered, minimal } => {
                let mut lists = Vec::with_capacity(parts.len());
                for part in parts {
                    let list = self.places(part, doc);
                    if list.is_empty() {
                        return list;
                    }
                    lists.push(list);
                }
                let most = gaps.unwrap_or(u32::MAX);
                let mut found = if *ordered { in_order(&lists, most) } else { in_any_order(&lists, most) };
                found.sort_unstable();
                if *minimal {
                    keep_minimal(&mut found);
                }
                found
            }
            Tree::Related { of, others, relation, holds } => {
                let mut found = self.places(of, doc);
                if !found.is_empty() {
                    let others = self.places(others, doc);
                    found.retain(|place| others.iter().any(|other| relation.holds(*place, *other)) == *holds);
                }
                found
            }
            Tree::First(of, end) => {
                let mut found = self.places(of, doc);
                found.retain(|place| place.end <= *end);
                found
            }
        }
    }

    fn words(&mut self, leaf: usize, doc: DocId) -> Vec<Place> {
        let mut found = Vec::new();
        for word in self.leaves.get_mut(leaf).into_iter().flatten() {
            if seek(word, doc) != doc {
                continue;
            }
            if self.whole {
                found.push(Place { start: 0, end: 1, gaps: 0 });
                continue;
            }
            word.positions(&mut self.positions);
            let places = self.positions.iter();
            found.extend(places.map(|at| Place { start: *at, end: at.saturating_add(1), gaps: 0 }));
        }
        found.sort_unstable();
        found.dedup();
        found
    }
}

/// Goes on to a document, unless it is reached already.
fn seek(words: &mut impl DocSet, target: DocId) -> DocId {
    if words.doc() < target { words.seek(target) } else { words.doc() }
}

/// For each place of the first part, the next ones of the others, each behind the one before.
fn in_order(lists: &[Vec<Place>], most: u32) -> Vec<Place> {
    let Some((first, rest)) = lists.split_first() else { return Vec::new() };
    let mut found = Vec::new();
    for start in first {
        let mut whole = *start;
        let complete = rest.iter().all(|list| {
            let next = list.get(list.partition_point(|place| place.start < whole.end));
            next.is_some_and(|next| {
                let between = next.start - whole.end;
                let gaps = whole.gaps.saturating_add(between).saturating_add(next.gaps);
                whole = Place { start: whole.start, end: next.end, gaps };
                true
            })
        });
        if complete && whole.gaps <= most {
            found.push(whole);
        }
    }
    found
}

/// Windows with a place of each part: the part that begins first moves on.
fn in_any_order(lists: &[Vec<Place>], most: u32) -> Vec<Place> {
    let mut at = vec![0_usize; lists.len()];
    let mut found = Vec::new();
    loop {
        let mut window: Vec<Place> = Vec::with_capacity(lists.len());
        for (list, at) in lists.iter().zip(&at) {
            let Some(place) = list.get(*at) else { return found };
            window.push(*place);
        }
        let Some((first, start)) = window.iter().enumerate().min_by_key(|(_, place)| **place) else {
            return found;
        };
        let end = window.iter().map(|place| place.end).max().unwrap_or(start.end);
        let covered: u32 = window.iter().map(|place| place.end - place.start - place.gaps).sum();
        let gaps = (end - start.start).saturating_sub(covered);
        if gaps <= most {
            found.push(Place { start: start.start, end, gaps });
        }
        at[first] += 1;
    }
}

/// Leaves out what has another inside; the list is sorted.
fn keep_minimal(places: &mut Vec<Place>) {
    let mut smallest_end = u32::MAX;
    let mut kept: Vec<Place> = Vec::with_capacity(places.len());
    for place in places.iter().rev() {
        if place.end < smallest_end {
            // One that begins at the same word and ends later stands before it in this direction.
            if kept.last().is_some_and(|last| last.start == place.start) {
                kept.pop();
            }
            smallest_end = place.end;
            kept.push(*place);
        }
    }
    kept.reverse();
    *places = kept;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(words: &[u32]) -> Vec<Place> {
        words.iter().map(|at| Place { start: *at, end: at + 1, gaps: 0 }).collect()
    }

    fn shown(places: &[Place]) -> Vec<(u32, u32)> {
        places.iter().map(|place| (place.start, place.end)).collect()
    }

    #[test]
    fn parts_near_each_other() {
        // a b x a x x b
        let (a, b) = (list(&[0, 3]), list(&[1, 6]));
        let lists = [a.clone(), b.clone()];
        assert_eq!(shown(&in_order(&lists, 0)), [(0, 2)]);
        assert_eq!(shown(&in_order(&lists, 2)), [(0, 2), (3, 7)]);
        let turned = [b, a];
        assert_eq!(shown(&in_order(&turned, 1)), [(1, 4)]);
        assert_eq!(shown(&in_any_order(&turned, 1)), [(0, 2), (1, 4)]);
        assert_eq!(shown(&in_any_order(&turned, 0)), [(0, 2)]);
        assert!(in_order(&[list(&[5]), list(&[1])], u32::MAX).is_empty());
    }

    #[test]
    fn places_with_others_inside_are_left_out() {
        let check = |places: &[(u32, u32)], expected: &[(u32, u32)]| {
            let mut places: Vec<Place> =
                places.iter().map(|(start, end)| Place { start: *start, end: *end, gaps: 0 }).collect();
            places.sort_unstable();
            keep_minimal(&mut places);
            assert_eq!(shown(&places), expected);
        };
        check(&[(0, 5), (2, 5)], &[(2, 5)]);
        check(&[(0, 2), (0, 4)], &[(0, 2)]);
        check(&[(0, 2), (1, 3)], &[(0, 2), (1, 3)]);
        check(&[(0, 9), (1, 3), (2, 8)], &[(1, 3), (2, 8)]);
    }

    #[test]
    fn relations() {
        let place = |start, end| Place { start, end, gaps: 0 };
        let check = |relation: Relation, of: (u32, u32), other: (u32, u32), expected: bool| {
            assert_eq!(relation.holds(place(of.0, of.1), place(other.0, other.1)), expected, "{relation:?}");
        };
        check(Relation::After, (3, 4), (0, 3), true);
        check(Relation::After, (2, 4), (0, 3), false);
        check(Relation::Before, (0, 3), (3, 4), true);
        check(Relation::ContainedBy, (1, 2), (0, 3), true);
        check(Relation::Containing, (0, 3), (1, 2), true);
        check(Relation::Overlapping, (0, 3), (2, 5), true);
        check(Relation::Overlapping, (0, 3), (3, 5), false);
        check(Relation::Near(0, 1), (0, 3), (3, 5), true);
        check(Relation::Near(1, 0), (0, 3), (3, 5), false);
    }
}
