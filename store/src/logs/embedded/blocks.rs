//! Blocks of an index: what its settings and its being closed forbid.
//!
//! Source: Elasticsearch reference, "Index blocks".

use super::registry::Slot;
use crate::{ErrorKind, StoreError};

/// What somebody is about to do with an index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Access {
    /// Search it, or read a document.
    Read,
    /// Write documents.
    Write,
    /// Change its mapping, its aliases or its settings.
    Change,
    /// Remove it.
    Remove,
}

/// A setting, the block that it puts, and what that forbids.
const BLOCKS: [(&str, &str, &[Access]); 5] = [
    (
        "index.blocks.read_only",
        "FORBIDDEN/5/index read-only (api)",
        &[Access::Write, Access::Change, Access::Remove],
    ),
    ("index.blocks.read", "FORBIDDEN/7/index read (api)", &[Access::Read]),
    ("index.blocks.write", "FORBIDDEN/8/index write (api)", &[Access::Write]),
    ("index.blocks.metadata", "FORBIDDEN/9/index metadata (api)", &[Access::Change, Access::Remove]),
    (
        "index.blocks.read_only_allow_delete",
        "FORBIDDEN/12/index read-only / allow delete (api)",
        &[Access::Write, Access::Change],
    ),
];

/// Refuses what a block of the index forbids.
pub(super) fn check_blocks(slot: &Slot, access: Access) -> Result<(), StoreError> {
    let settings = slot.settings();
    let stands = |(setting, _, forbids): &&(&str, &str, &[Access])| {
        forbids.contains(&access) && settings.settings.is_on(setting)
    };
    let Some((_, block, _)) = BLOCKS.iter().find(stands) else { return Ok(()) };
    let message = format!("index [{}] blocked by: [{block}];", slot.identity.name);
    Err(StoreError::new(ErrorKind::Forbidden, message).with_code("cluster_block_exception"))
}
