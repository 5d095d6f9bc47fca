//! The table behind both stores in memory: a `mini_moka` cache, kept to its bound with every put,
//! and without those entries that have come to their end.

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use mini_moka::sync::{Cache, ConcurrentCacheExt};

use super::{expiry::ExpiryIndex, slot::Slot, versions::Versions};
use crate::{
    clock::Clock,
    entry::Timestamp,
    key::CacheKey,
    store::{interface::Size, local::LocalEntry},
};

/// How many entries that have come to their end leave with one put or miss.
const MAX_EXPIRED_PER_STEP: usize = 32;
/// With one look at the statistics.
const MAX_EXPIRED_PER_READING: usize = 4096;

/// Entries by their keys.
pub(in crate::store) struct Table {
    capacity: u64,
    clock: Clock,
    hasher: ahash::RandomState,
    cache: Cache<CacheKey, Arc<Slot>, ahash::RandomState>,
    /// Locked by all that changes the cache: racing writes to one key would leave entries that the
    /// cache counts for ever.
    expiry: Mutex<ExpiryIndex>,
    versions: Versions,
}

impl Table {
    /// A table that takes at most about `capacity` bytes of memory.
    pub(in crate::store) fn new(capacity: u64, clock: Clock) -> Self {
        let hasher = ahash::RandomState::new();
        let weigher =
            |_: &CacheKey, slot: &Arc<Slot>| u32::try_from(slot.weight()).unwrap_or(u32::MAX);
        let cache = Cache::builder().max_capacity(capacity).weigher(weigher);
        Self {
            capacity,
            clock,
            cache: cache.build_with_hasher(hasher.clone()),
            hasher,
            expiry: Mutex::default(),
            versions: Versions::new(),
        }
    }

    /// The time by which entries come to their end.
    pub(in crate::store) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// What is kept under `key`. It counts as used.
    pub(in crate::store) fn get(&self, key: &CacheKey) -> Option<Arc<Slot>> {
        self.cache.get(key)
    }

    /// The same, to be used again for as long as it [is there](Self::is_there).
    pub(in crate::store) fn locate(&self, key: &CacheKey) -> Option<LocalEntry> {
        let version = self.versions.of(self.hasher.hash_one(key));
        self.get(key).map(|slot| LocalEntry { slot, version })
    }

    /// Whether there can be no other entry in its place by now.
    pub(in crate::store) fn is_there(&self, local: &LocalEntry) -> bool {
        self.versions.is_current(local.version)
    }

    /// What is kept under `key`, which does not count as used.
    pub(in crate::store) fn peek(&self, key: &CacheKey) -> Option<Arc<Slot>> {
        self.cache.get(key)
    }

    /// Keeps an entry in place of what is there under its key, unless the cache is full of entries
    /// that are used more. The dead leave first. An entry that is larger than the table, or has come
    /// to its end, is not kept.
    pub(in crate::store) fn insert(&self, slot: Slot, is_dead: impl Fn(&Slot) -> bool) {
        let (slot, now) = (Arc::new(slot), self.now());
        let key = &slot.entry.key;
        let mut expiry = self.lock();
        if let Some(old) = self.cache.get(key) {
            expiry.remove(&old);
        }
        self.pop_expired(&mut expiry, MAX_EXPIRED_PER_STEP, now);
        for dead in expiry.take_dead(&is_dead) {
            self.drop_if_there(&dead);
        }
        self.cache.sync();
        if slot.end() > now && slot.weight() <= self.capacity {
            while self.cache.weighted_size().saturating_add(slot.weight()) > self.capacity
                && self.pop_expired(&mut expiry, MAX_EXPIRED_PER_STEP, now)
            {
                self.cache.sync();
            }
            expiry.add(&slot);
            self.cache.insert(key.clone(), Arc::clone(&slot));
        } else {
            self.cache.invalidate(key);
        }
        // its own housekeeping waits for many writes, however large they are
        self.cache.sync();
        self.versions.change(self.hasher.hash_one(key));
        expiry.forget_evicted(self.cache.entry_count());
    }

    /// Removes an entry, unless there is another one in its place by now.
    pub(in crate::store) fn remove(&self, slot: &Arc<Slot>) {
        let mut expiry = self.lock();
        if self.drop_if_there(slot) {
            expiry.remove(slot);
            self.cache.sync();
        }
    }

    /// Drops what is kept under `key`, and ends what is remembered of it.
    pub(in crate::store) fn forget(&self, key: &CacheKey) {
        if let Some(slot) = self.peek(key) {
            self.remove(&slot);
        }
        // a worker may remember an entry that has been evicted
        self.versions.change(self.hasher.hash_one(key));
    }

    /// Takes an entry out of the cache, unless there is another one in its place.
    fn drop_if_there(&self, slot: &Arc<Slot>) -> bool {
        let there = self.cache.get(&slot.entry.key);
        let is_there = there.is_some_and(|there| Arc::ptr_eq(&there, slot));
        if is_there {
            self.cache.invalidate(&slot.entry.key);
            self.versions.change(self.hasher.hash_one(&slot.entry.key));
        }
        is_there
    }

    /// A purge has come that does not look for what it takes: puts will.
    pub(in crate::store) fn suspect(&self) {
        self.lock().suspect();
    }

    /// Removes some of those that have come to their end.
    pub(in crate::store) fn expire(&self) {
        self.expire_some(MAX_EXPIRED_PER_STEP);
    }

    /// Every entry; those that come or go meanwhile may be left out.
    pub(in crate::store) fn for_each(&self, f: impl FnMut(&Arc<Slot>)) {
        // `f` may remove entries, which waits for the iterator
        let slots: Vec<_> = self.cache.iter().map(|there| Arc::clone(there.value())).collect();
        slots.iter().for_each(f);
    }

    pub(in crate::store) fn len(&self) -> usize {
        usize::try_from(self.cache.entry_count()).unwrap_or(usize::MAX)
    }

    pub(in crate::store) fn size(&self) -> Size {
        self.expire_some(MAX_EXPIRED_PER_READING);
        Size { entries: self.cache.entry_count(), bytes: self.cache.weighted_size() }
    }

    fn expire_some(&self, at_most: usize) {
        let now = self.now();
        let mut expiry = self.lock();
        if self.pop_expired(&mut expiry, at_most, now) {
            self.cache.sync();
        }
    }

    /// Whether there were any. The cache is to be synced after.
    fn pop_expired(&self, expiry: &mut ExpiryIndex, at_most: usize, now: Timestamp) -> bool {
        let mut any = false;
        for slot in std::iter::from_fn(|| expiry.pop_expired(now)).take(at_most) {
            self.drop_if_there(&slot);
            any = true;
        }
        any
    }

    fn lock(&self) -> MutexGuard<'_, ExpiryIndex> {
        self.expiry.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Table").field("entries", &self.len()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
