//! The table behind both stores in memory: a `mini_moka` cache, kept to its bound with every put,
//! and without those entries that have come to their end.
//!
//! The cache knows an entry by a hash of its key: the key itself is in the entry, and is compared. Of two
//! keys with one hash the later one displaces the other.

mod expiry;

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use arc_swap::ArcSwap;
use mini_moka::sync::ConcurrentCacheExt;

use super::{
    hashed_cache::{HashedCache, new_cache},
    index::{Index, Leaving},
    old_entries::OldEntries,
    slot::Slot,
    sweep::{Fate, Sweep},
    tags::Tags,
    versions::Versions,
};
use crate::{
    clock::Clock,
    entry::{Entry, Timestamp},
    key::{CacheKey, KeyParts},
    purge::Target,
    store::{health::Evictions, interface::Size, local::LocalEntry},
};

/// How many entries one step of a sweep looks at: a request waits for no more than the removal of so
/// many.
const LOOKED_AT_PER_STEP: usize = 64;
/// From which part of the capacity on memory is short, in percent.
const SHORT_PERCENT: u64 = 90;

/// Entries by their keys.
pub(in crate::store) struct Table {
    capacity: u64,
    clock: Clock,
    hasher: ahash::RandomState,
    tags: Tags,
    /// Replaced when everything goes at once. Changed under the lock of the index only: racing writes
    /// to one key would leave entries that the cache counts for ever.
    cache: ArcSwap<HashedCache>,
    index: Mutex<Index>,
    versions: Versions,
}

impl Table {
    /// A table that takes at most about `capacity` bytes of memory.
    pub(in crate::store) fn new(capacity: u64, clock: Clock) -> Self {
        let tags = Tags::default();
        Self {
            capacity,
            clock,
            hasher: ahash::RandomState::new(),
            cache: ArcSwap::from_pointee(new_cache(capacity)),
            index: Mutex::new(Index::new(tags.clone())),
            tags,
            versions: Versions::new(),
        }
    }

    /// The time by which entries come to their end. Nothing is served by it.
    pub(in crate::store) fn now(&self) -> Timestamp {
        self.clock.quick_moment().date
    }

    /// What is kept under `key`. It counts as used.
    pub(in crate::store) fn get(&self, key: &KeyParts<'_>) -> Option<Arc<Slot>> {
        self.get_hashed(self.hasher.hash_one(key), key)
    }

    fn get_hashed(&self, hash: u64, key: &KeyParts<'_>) -> Option<Arc<Slot>> {
        let cache = self.cache.load();
        // a request that finds nothing looks more than once, and would count as more than one use
        let there = if cache.contains_key(&hash) { cache.get(&hash) } else { None };
        there.filter(|slot| KeyParts::of(&slot.entry.key) == *key)
    }

    /// The same, to be used again for as long as it [is there](Self::is_there).
    pub(in crate::store) fn locate(&self, key: &CacheKey) -> Option<LocalEntry> {
        let hash = self.hash(key);
        let version = self.versions.of(hash);
        self.get_hashed(hash, &KeyParts::of(key)).map(|slot| LocalEntry { slot, version })
    }

    /// Whether there can be no other entry in its place by now.
    pub(in crate::store) fn is_there(&self, local: &LocalEntry) -> bool {
        self.versions.is_current(local.version)
    }

    /// The entry as it is kept: where memory is short, without the body that a packed one gives.
    pub(in crate::store) fn fitted(&self, entry: Arc<Entry>) -> Arc<Entry> {
        let is_short = || {
            let bytes = self.cache.load().weighted_size() + entry.weight() as u64;
            bytes > self.capacity / 100 * SHORT_PERCENT
        };
        let is_packed = entry.response().is_some_and(|response| !response.packed.is_empty());
        let packed_only = (is_packed && is_short()).then(|| entry.packed_only()).flatten();
        packed_only.map_or(entry, Arc::new)
    }

    /// Keeps an entry in place of what is there under its key, unless the cache is full of entries
    /// that are used more. The dead leave first. An entry that is larger than the table, or has come
    /// to its end, is not kept.
    pub(in crate::store) fn insert(&self, slot: Slot, fate: impl Fn(&Slot) -> Fate) {
        self.insert_locked(&mut self.lock(), slot, fate);
    }

    /// [`insert`](Self::insert) in place of this very entry. Where that is gone, or the new one does not
    /// fit, nothing changes.
    #[cfg(feature = "precompress")]
    pub(in crate::store) fn replace(
        &self,
        old: &Arc<Entry>,
        slot: Slot,
        fate: impl Fn(&Slot) -> Fate,
    ) {
        let mut index = self.lock();
        let there = self.cache.load().get(&self.hash(&old.key));
        let is_there = there.is_some_and(|there| Arc::ptr_eq(&there.entry, old));
        if is_there && slot.weight() <= self.capacity && slot.end() > self.now() {
            self.insert_locked(&mut index, slot, fate);
        }
    }

    fn insert_locked(
        &self,
        index: &mut MutexGuard<'_, Index>,
        slot: Slot,
        fate: impl Fn(&Slot) -> Fate,
    ) {
        let (hash, now) = (self.hash(&slot.entry.key), self.now());
        let cache = self.cache.load();
        // the one use of a request that found nothing: without it no newcomer would be kept
        if let Some(replaced) = cache.get(&hash) {
            index.leaves(&replaced, Leaving::Replaced);
        }
        self.pop_some_expired(&cache, index, now);
        for _ in 0..index.inspections() {
            if let Some(other) = index.next() {
                self.meet(&cache, index, &other, fate(&other));
            }
        }
        let weight = slot.weight();
        let fits = slot.end() > now && weight <= self.capacity;
        let is_full = fits && !self.make_room(&cache, index, weight, now);
        match Some(slot).filter(|_| fits).and_then(|slot| index.add(slot)) {
            Some(slot) => cache.insert(hash, slot),
            None => cache.invalidate(&hash),
        }
        self.versions.change(hash);
        // its own housekeeping waits for many writes, however large they are
        if index.count_unsynced(weight) || is_full {
            sync(&cache, index, self.now());
        }
    }

    /// Removes an entry, unless there is another one in its place by now.
    pub(in crate::store) fn remove(&self, slot: &Arc<Slot>) {
        let mut index = self.lock();
        let cache = self.cache.load();
        if self.drop_if_there(&cache, &mut index, slot, Leaving::Purged) {
            sync(&cache, &mut index, self.now());
        }
    }

    /// Drops what is kept under `key`, and ends what is remembered of it.
    pub(in crate::store) fn forget(&self, key: &CacheKey) {
        if let Some(slot) = self.get(&KeyParts::of(key)) {
            self.remove(&slot);
        }
        // a worker may remember an entry that has been evicted
        self.versions.change(self.hash(key));
    }

    /// Takes an entry out of the cache, unless there is another one in its place.
    fn drop_if_there(
        &self,
        cache: &HashedCache,
        index: &mut Index,
        slot: &Arc<Slot>,
        why: Leaving,
    ) -> bool {
        let hash = self.hash(&slot.entry.key);
        let is_there = cache.get(&hash).is_some_and(|there| Arc::ptr_eq(&there, slot));
        if is_there {
            index.leaves(slot, why);
            cache.invalidate(&hash);
            self.versions.change(hash);
        }
        is_there
    }

    /// What an entry that was looked at has come to.
    fn meet(&self, cache: &HashedCache, index: &mut Index, slot: &Arc<Slot>, fate: Fate) {
        match fate {
            Fate::Keep => {}
            Fate::EndEarly(end) => index.end_early(slot, end),
            Fate::Remove => drop(self.drop_if_there(cache, index, slot, Leaving::Purged)),
        }
    }

    /// A purge has come that does not look for all that it takes: puts will.
    pub(in crate::store) fn suspect(&self) {
        self.lock().suspect();
    }

    /// All entries that a purge of `target` may concern.
    pub(in crate::store) fn sweep_of(&self, target: &Target) -> Sweep {
        Sweep::of(self.tags.tag_of_target(target))
    }

    /// Looks at some more entries of a sweep. Whether these were the last ones.
    pub(in crate::store) fn step(
        &self,
        sweep: &mut Sweep,
        mut fate: impl FnMut(&Slot) -> Fate,
    ) -> bool {
        let mut index = self.lock();
        let cache = self.cache.load();
        let places = index.some_of(sweep, LOOKED_AT_PER_STEP);
        for place in &places {
            if let Some(slot) = index.slot(*place) {
                let fate = fate(&slot);
                self.meet(&cache, &mut index, &slot, fate);
            }
        }
        sync(&cache, &mut index, self.now());
        sweep.next = places.last().map_or(sweep.next, |last| last.saturating_add(1));
        places.len() < LOOKED_AT_PER_STEP
    }

    /// Does `record`, and takes out everything: no entry gets in between, whose fill began after what
    /// was recorded.
    pub(in crate::store) fn take_all<R>(&self, record: impl FnOnce() -> R) -> (R, OldEntries) {
        let mut index = self.lock();
        let recorded = record();
        index.close();
        let empty = index.emptied(self.tags.clone());
        let index = std::mem::replace(&mut *index, empty);
        let cache = self.cache.swap(Arc::new(new_cache(self.capacity)));
        self.versions.change_all();
        (recorded, OldEntries::new(cache, index))
    }

    /// Every entry.
    #[cfg(test)]
    pub(in crate::store) fn slots(&self) -> Vec<Arc<Slot>> {
        self.cache.load().iter().map(|there| Arc::clone(there.value())).collect()
    }

    pub(in crate::store) fn size(&self) -> Size {
        self.expire_many();
        let mut index = self.lock();
        let cache = self.cache.load();
        sync(&cache, &mut index, self.now());
        Size { entries: cache.entry_count(), bytes: cache.weighted_size() }
    }

    /// How entries have left.
    pub(in crate::store) fn evictions(&self) -> Evictions {
        let mut index = self.lock();
        sync(&self.cache.load(), &mut index, self.now());
        index.evictions()
    }

    /// How many bytes of memory it takes at most.
    pub(in crate::store) const fn capacity(&self) -> u64 {
        self.capacity
    }

    fn hash(&self, key: &CacheKey) -> u64 {
        self.hasher.hash_one(KeyParts::of(key))
    }

    fn lock(&self) -> MutexGuard<'_, Index> {
        self.index.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Does what the cache has put off, and takes out of the index what has left.
fn sync(cache: &HashedCache, index: &mut Index, now: Timestamp) {
    cache.sync();
    index.clear_departed(now);
    index.forget_unsynced();
}

impl fmt::Debug for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Table")
            .field("entries", &self.cache.load().entry_count())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
