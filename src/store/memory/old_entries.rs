//! `OldEntries`: what a table held before everything went.

use std::sync::Arc;

use tokio::{runtime::Handle, task::spawn_blocking};

use super::{hashed_cache::HashedCache, index::Index, slot::Slot};

/// How many entries are dropped where everything goes at once; more are dropped on a thread of their own.
const DROPPED_IN_PLACE: usize = 1024;

/// What a table held before everything went.
#[derive(Debug)]
pub(in crate::store) struct OldEntries {
    _cache: Arc<HashedCache>,
    index: Index,
}

impl OldEntries {
    pub(super) fn new(cache: Arc<HashedCache>, index: Index) -> Self {
        Self { _cache: cache, index }
    }

    /// Drops them where no request waits for it.
    pub(in crate::store) fn drop_behind(self) {
        if self.len() <= DROPPED_IN_PLACE {
            return;
        }
        match Handle::try_current() {
            // by a task, as starting a thread takes longer than the purge
            Ok(runtime) => drop(runtime.spawn(async move {
                drop(spawn_blocking(move || drop(self)));
            })),
            // where there is no thread, they are dropped here
            Err(_) => drop(std::thread::Builder::new().spawn(move || drop(self))),
        }
    }

    /// How many there were, at most.
    pub(in crate::store) fn len(&self) -> usize {
        self.index.len()
    }

    pub(in crate::store) fn iter(&self) -> impl Iterator<Item = Arc<Slot>> {
        self.index.iter()
    }
}
