//! Log patterns: what kinds of messages there are. Each message gets the id of its pattern, such as
//! `Payment <*> refused by <*>: timeout after <*> ms`, so that search can group two hundred thousand lines into twelve kinds.
//!
//! Two steps. The **skeleton** of a message is its first line with wildcards for words that look like values: numbers, ids,
//! times, addresses, paths. It depends on nothing but the message. The **clusterer** of a dataset then finds values that look
//! like words: messages that are alike but for few words are of one pattern, and so are five that differ in the same word.
//!
//! # Ids
//! A pattern's id is a hash of its dataset and the skeleton that it was made for. So messages whose values are all told by
//! their looks get the same id always and everywhere. For others it depends on which message came first; the patterns are
//! kept before the events that use them ([`PatternKeeper::keep`]), so that this is remembered through a crash. What is not
//! guaranteed: patterns forgotten for new ones come back under another id if another of their messages comes first, and so it
//! is with services that learn apart from each other; when patterns turn out to be one, older events keep the ids of the
//! others, which the pattern then lists as aliases. Events are never changed afterwards.
//!
//! # Bounds
//! Of a message 4 KiB are looked at, of which a pattern keeps 64 words and 512 bytes; it is compared with at most 128
//! patterns. There are at most [`PatternSettings::per_dataset_max`] patterns in each of
//! [`PatternSettings::datasets_max`] datasets: less than 3 KiB each in the worst case. The one that was not used for longest
//! makes room.

mod candidates;
mod catalogue;
mod cluster;
mod clusterer;
mod id;
mod keeper;
mod mask;
mod skeleton;
#[cfg(test)]
mod tests;
mod words;

pub use catalogue::{PatternSettings, Patterns, skeleton};
pub use cluster::Pattern;
pub use clusterer::Changes;
pub use id::{NotAPatternId, PatternId};
pub use keeper::PatternKeeper;
pub use skeleton::WILDCARD;
