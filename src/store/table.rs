//! The table behind both stores in memory: bounded by bytes at every moment, read without a lock
//! that all readers share, and without those that have come to their end.

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
};

use hashbrown::{HashTable, hash_table::Entry as Bucket};

use super::{Size, eviction::Eviction, front::Generation, slot::Slot};
use crate::{clock::Clock, entry::Timestamp, key::CacheKey};

const SHARDS: usize = 64;
/// How many entries that have come to their end leave with one put or miss.
const ENDED_PER_STEP: usize = 32;
/// With one look at the statistics.
const ENDED_PER_READING: usize = 4096;
/// A shard whose buckets are used to less than one part in so many is made smaller.
const SPARSE: usize = 8;

/// Entries by their keys.
pub(super) struct Table {
    capacity: u64,
    clock: Clock,
    hasher: ahash::RandomState,
    shards: [Shard; SHARDS],
    /// Locked before a shard is, where both are.
    eviction: Mutex<Eviction>,
    generation: Generation,
}

#[derive(Default)]
#[repr(align(64))] // readers of one do not disturb those of the next
struct Shard(RwLock<HashTable<Arc<Slot>>>);

impl Table {
    /// A table that takes at most about `capacity` bytes of memory.
    pub(super) fn new(capacity: u64, clock: Clock) -> Self {
        Self {
            capacity,
            clock,
            hasher: ahash::RandomState::new(),
            shards: std::array::from_fn(|_| Shard::default()),
            eviction: Mutex::default(),
            generation: Generation::new(),
        }
    }

    /// The time by which entries come to their end.
    pub(super) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// What is kept under `key`. It counts as used.
    pub(super) fn get(&self, key: &CacheKey) -> Option<Arc<Slot>> {
        let hash = self.hasher.hash_one(key);
        let slot = self.generation.get(key, hash, || self.shard(hash).find(key, hash))?;
        slot.mark_used();
        Some(slot)
    }

    /// What is kept under `key`, without counting it as used.
    pub(super) fn peek(&self, key: &CacheKey) -> Option<Arc<Slot>> {
        let hash = self.hasher.hash_one(key);
        self.shard(hash).find(key, hash)
    }

    /// Keeps an entry in place of what is there under its key, and makes room for it: first the dead
    /// go. An entry that is larger than the table, or has come to its end, is not kept.
    pub(super) fn insert(&self, slot: Slot, is_dead: impl Fn(&Slot) -> bool) {
        let (slot, now) = (Arc::new(slot), self.now());
        let hash = self.hasher.hash_one(&slot.entry.key);
        // freed after the lock is: dropped in the reverse order
        let mut freed = Vec::new();
        let mut eviction = self.lock();
        let old = self.shard(hash).find(&slot.entry.key, hash);
        let place = old.as_ref().filter(|old| eviction.remove(old)).map(|old| old.place());
        if slot.end() > now && slot.weight() <= self.capacity {
            self.make_room(&mut eviction, slot.weight(), now, is_dead, &mut freed);
            if place.is_some() {
                slot.mark_used();
            }
            eviction.add(&slot, place);
            let mut shard = self.shard(hash).write();
            let is_same = |there: &Arc<Slot>| there.entry.key == slot.entry.key;
            match shard.entry(hash, is_same, |slot| self.hash(slot)) {
                Bucket::Occupied(mut there) => *there.get_mut() = slot,
                Bucket::Vacant(free) => drop(free.insert(slot)),
            }
        } else if let Some(old) = &old {
            self.unlink(old);
        }
        self.generation.end();
        drop(eviction);
        drop(old);
    }

    /// Removes an entry, unless there is another one in its place by now.
    pub(super) fn remove(&self, slot: &Arc<Slot>) {
        let mut eviction = self.lock();
        if eviction.remove(slot) {
            self.unlink(slot);
        }
    }

    /// A purge has come that does not look for what it takes: puts will.
    pub(super) fn suspect(&self) {
        self.lock().suspect();
    }

    /// Removes some of those that have come to their end.
    pub(super) fn expire(&self) {
        self.expire_some(ENDED_PER_STEP);
    }

    /// Every entry; those that come or go meanwhile may be left out.
    pub(super) fn for_each(&self, mut f: impl FnMut(&Arc<Slot>)) {
        for shard in &self.shards {
            let slots: Vec<_> = shard.read().iter().cloned().collect();
            slots.iter().for_each(&mut f);
        }
    }

    pub(super) fn len(&self) -> usize {
        self.lock().len()
    }

    pub(super) fn size(&self) -> Size {
        self.expire_some(ENDED_PER_READING);
        let eviction = self.lock();
        Size { entries: eviction.len() as u64, bytes: eviction.weight() }
    }

    fn expire_some(&self, at_most: usize) {
        let now = self.now();
        let mut freed = Vec::new();
        let mut eviction = self.lock();
        self.take_ended(&mut eviction, at_most, now, &mut freed);
        drop(eviction);
    }

    fn take_ended(
        &self,
        eviction: &mut Eviction,
        at_most: usize,
        now: Timestamp,
        freed: &mut Vec<Arc<Slot>>,
    ) {
        let ended = std::iter::from_fn(|| eviction.take_ended(now)).take(at_most);
        freed.extend(ended.inspect(|slot| self.unlink(slot)));
    }

    /// Removes entries until there is room for one of this weight, which is not above the capacity.
    fn make_room(
        &self,
        eviction: &mut Eviction,
        weight: u64,
        now: Timestamp,
        is_dead: impl Fn(&Slot) -> bool,
        freed: &mut Vec<Arc<Slot>>,
    ) {
        self.take_ended(eviction, ENDED_PER_STEP, now, freed);
        let dead = eviction.take_dead(&is_dead);
        freed.extend(dead.into_iter().inspect(|slot| self.unlink(slot)));
        while eviction.weight().saturating_add(weight) > self.capacity {
            let next = eviction.take_ended(now).or_else(|| eviction.take_next(&is_dead));
            let Some(next) = next else { return };
            self.unlink(&next);
            freed.push(next);
        }
    }

    /// Removes an entry from its shard, where it is no longer part of the order of eviction.
    fn unlink(&self, slot: &Arc<Slot>) {
        let hash = self.hash(slot);
        let mut shard = self.shard(hash).write();
        if let Ok(there) = shard.find_entry(hash, |there| Arc::ptr_eq(there, slot)) {
            drop(there.remove());
        }
        if shard.num_buckets() > SPARSE && shard.len() < shard.num_buckets() / SPARSE {
            shard.shrink_to(0, |slot| self.hash(slot));
        }
    }

    fn hash(&self, slot: &Slot) -> u64 {
        self.hasher.hash_one(&slot.entry.key)
    }

    /// By other bits of the hash than a shard tells its buckets apart by.
    fn shard(&self, hash: u64) -> &Shard {
        let [first, ..] = &self.shards;
        let [_, _, _, _, byte, ..] = hash.to_le_bytes();
        self.shards.get(usize::from(byte) % SHARDS).unwrap_or(first)
    }

    fn lock(&self) -> MutexGuard<'_, Eviction> {
        self.eviction.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shard {
    fn find(&self, key: &CacheKey, hash: u64) -> Option<Arc<Slot>> {
        self.read().find(hash, |slot| slot.entry.key == *key).map(Arc::clone)
    }

    fn read(&self) -> RwLockReadGuard<'_, HashTable<Arc<Slot>>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, HashTable<Arc<Slot>>> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Table").field("entries", &self.len()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
