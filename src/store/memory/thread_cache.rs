//! The last entries that a thread has read, before the table that all threads share: a hit on one of
//! them takes no lock.
//!
//! What is remembered here holds only as long as nothing has been put into the table since, and
//! keeps nothing alive: what the table has removed is freed.

use std::{
    cell::RefCell,
    sync::{
        Arc, Weak,
        atomic::{AtomicU64, Ordering},
    },
};

use super::slot::Slot;
use crate::key::CacheKey;

/// How many entries a thread remembers.
const MAX_REMEMBERED: usize = 32;

thread_local! {
    static REMEMBERED: RefCell<[Remembered; MAX_REMEMBERED]> =
        const { RefCell::new([const { Remembered::EMPTY }; MAX_REMEMBERED]) };
}

struct Remembered {
    /// The table and its version when the entry was read.
    version: (u64, u64),
    slot: Weak<Slot>,
}

impl Remembered {
    const EMPTY: Self = Self { version: (0, 0), slot: Weak::new() };
}

/// What tells one table's entries from another's, and older ones from newer.
#[derive(Debug)]
pub(super) struct ThreadCache {
    table: u64,
    puts: AtomicU64,
}

impl ThreadCache {
    pub(super) fn new() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        Self { table: NEXT.fetch_add(1, Ordering::Relaxed), puts: AtomicU64::new(0) }
    }

    /// Something has been put into the table.
    pub(super) fn invalidate(&self) {
        self.puts.fetch_add(1, Ordering::Release);
    }

    /// The slot under `key`, which `hash` is the hash of: from the thread's own places, or from the
    /// table by `read`.
    pub(super) fn get(
        &self,
        key: &CacheKey,
        hash: u64,
        read: impl FnOnce() -> Option<Arc<Slot>>,
    ) -> Option<Arc<Slot>> {
        // read before the table is, so that a put in between is noticed
        let version = (self.table, self.puts.load(Ordering::Acquire));
        REMEMBERED.with_borrow_mut(|places| {
            let place = usize::try_from(hash % MAX_REMEMBERED as u64).unwrap_or_default();
            let place = places.get_mut(place)?;
            if place.version == version
                && let Some(slot) = place.slot.upgrade()
                && slot.entry.key == *key
            {
                return Some(slot);
            }
            let slot = read()?;
            *place = Remembered { version, slot: Arc::downgrade(&slot) };
            Some(slot)
        })
    }
}
