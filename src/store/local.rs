//! `LocalEntry`: an entry in this process's memory that may be used again without being looked up, for
//! as long as its store says so.

use std::sync::Arc;

use crate::entry::Entry;

#[cfg(feature = "memory")]
use super::memory::{slot::Slot, versions::Version};

/// An entry that a store had in memory when it was looked up.
#[cfg(feature = "memory")]
#[derive(Clone, Debug)]
pub(crate) struct LocalEntry {
    pub(in crate::store) slot: Arc<Slot>,
    pub(in crate::store) version: Version,
}

/// Without the feature `memory` no store has entries in memory.
#[cfg(not(feature = "memory"))]
#[derive(Clone, Debug)]
pub(crate) enum LocalEntry {}

#[cfg(feature = "memory")]
impl LocalEntry {
    pub(crate) fn entry(&self) -> &Arc<Entry> {
        &self.slot.entry
    }
}

#[cfg(not(feature = "memory"))]
impl LocalEntry {
    pub(crate) fn entry(&self) -> &Arc<Entry> {
        match *self {}
    }
}
