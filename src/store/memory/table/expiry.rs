//! Entries that have come to their end leave: some with every put, and more where room is wanted.

use super::{
    super::{
        hashed_cache::HashedCache,
        index::{Index, Leaving},
    },
    Table, sync,
};
use crate::entry::Timestamp;

/// How many entries that have come to their end leave with one put or miss.
pub(super) const MAX_EXPIRED_PER_STEP: usize = 32;
/// How many of them leave with one look at the statistics.
const MAX_EXPIRED_PER_READING: usize = 4096;

impl Table {
    /// Removes some of those that have come to their end.
    pub(in crate::store) fn expire(&self) {
        self.expire_up_to(MAX_EXPIRED_PER_STEP);
    }

    /// Removes most of those that have come to their end, before the entries are counted.
    pub(super) fn expire_many(&self) {
        self.expire_up_to(MAX_EXPIRED_PER_READING);
    }

    /// Makes room for `weight` more bytes by removing what has come to its end. Whether there is as
    /// much; else the cache decides what leaves.
    pub(super) fn make_room(
        &self,
        cache: &HashedCache,
        index: &mut Index,
        weight: u64,
        now: Timestamp,
    ) -> bool {
        let has_room = |index: &Index| {
            let size = cache.weighted_size().saturating_add(index.unsynced_bytes());
            size.saturating_add(weight) <= self.capacity
        };
        while !has_room(index) {
            let any = self.pop_some_expired(cache, index, now);
            sync(cache, index, now);
            if !any {
                return has_room(index);
            }
        }
        true
    }

    fn expire_up_to(&self, at_most: usize) {
        let now = self.now();
        let mut index = self.lock();
        let cache = self.cache.load();
        if self.pop_expired(&cache, &mut index, at_most, now) {
            sync(&cache, &mut index, self.now());
        }
    }

    /// Removes some. Whether there were any: the cache is to be synced after.
    pub(super) fn pop_some_expired(
        &self,
        cache: &HashedCache,
        index: &mut Index,
        now: Timestamp,
    ) -> bool {
        self.pop_expired(cache, index, MAX_EXPIRED_PER_STEP, now)
    }

    /// Whether there were any.
    fn pop_expired(
        &self,
        cache: &HashedCache,
        index: &mut Index,
        at_most: usize,
        now: Timestamp,
    ) -> bool {
        let mut any = false;
        for _ in 0..at_most {
            let Some(slot) = index.pop_expired(now) else { break };
            self.drop_if_there(cache, index, &slot, Leaving::Expired);
            any = true;
        }
        any
    }
}
