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
const PLACES: usize = 32;

thread_local! {
    static PLACES_OF_THREAD: RefCell<[Place; PLACES]> =
        const { RefCell::new([const { Place::EMPTY }; PLACES]) };
}

struct Place {
    /// The table and its generation when the entry was read.
    generation: (u64, u64),
    slot: Weak<Slot>,
}

impl Place {
    const EMPTY: Self = Self { generation: (0, 0), slot: Weak::new() };
}

/// What tells one table's entries from another's, and older ones from newer.
#[derive(Debug)]
pub(super) struct Generation {
    table: u64,
    puts: AtomicU64,
}

impl Generation {
    pub(super) fn new() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        Self { table: NEXT.fetch_add(1, Ordering::Relaxed), puts: AtomicU64::new(0) }
    }

    /// Something has been put into the table.
    pub(super) fn end(&self) {
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
        let generation = (self.table, self.puts.load(Ordering::Acquire));
        PLACES_OF_THREAD.with_borrow_mut(|places| {
            let place = usize::try_from(hash % PLACES as u64).unwrap_or_default();
            let place = places.get_mut(place)?;
            if place.generation == generation
                && let Some(slot) = place.slot.upgrade()
                && slot.entry.key == *key
            {
                return Some(slot);
            }
            let slot = read()?;
            *place = Place { generation, slot: Arc::downgrade(&slot) };
            Some(slot)
        })
    }
}
