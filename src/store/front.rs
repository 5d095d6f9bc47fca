//! The last entries that a thread has read, before the table that all threads share: a hit on one of
//! them takes no lock and no part in that table's housekeeping.
//!
//! What is kept here holds only as long as nothing has been put into the store since, and it counts
//! as purged when the store's stamps say so. It is small, so that what the store has evicted
//! meanwhile takes little memory.

use std::{
    cell::RefCell,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use super::memory::Slot;
use crate::key::CacheKey;

/// How many entries a thread keeps.
const PLACES: usize = 32;
/// A larger entry is not kept, in bytes.
const LARGEST_ENTRY: usize = 16 * 1024;
/// One in so many reads goes to the table all the same, which learns from it what is in use.
const READS_PER_VISIT: u32 = 8;

thread_local! {
    static PLACES_OF_THREAD: RefCell<[Place; PLACES]> =
        const { RefCell::new([const { Place::EMPTY }; PLACES]) };
}

struct Place {
    /// The store and its generation when the entry was read.
    generation: (u64, u64),
    reads: u32,
    slot: Option<Arc<Slot>>,
}

impl Place {
    const EMPTY: Self = Self { generation: (0, 0), reads: 0, slot: None };
}

/// What tells one store's entries from another's, and older ones from newer.
#[derive(Debug)]
pub(super) struct Generation {
    store: u64,
    puts: AtomicU64,
}

impl Generation {
    pub(super) fn new() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        Self { store: NEXT.fetch_add(1, Ordering::Relaxed), puts: AtomicU64::new(0) }
    }

    /// Something has been put into the store.
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
        let generation = (self.store, self.puts.load(Ordering::Acquire));
        PLACES_OF_THREAD.with_borrow_mut(|places| {
            let place = usize::try_from(hash % PLACES as u64).unwrap_or_default();
            let place = places.get_mut(place)?;
            if let Some(slot) = &place.slot
                && place.generation == generation
                && place.reads < READS_PER_VISIT
                && slot.entry.key == *key
            {
                place.reads += 1;
                return Some(Arc::clone(slot));
            }
            let slot = read()?;
            let fits = slot.entry.weight() <= LARGEST_ENTRY;
            *place = Place { generation, reads: 0, slot: fits.then(|| Arc::clone(&slot)) };
            Some(slot)
        })
    }
}
