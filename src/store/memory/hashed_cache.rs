//! The cache behind a table: a `mini_moka` cache whose keys are hashes already.

use std::{
    hash::{BuildHasherDefault, Hasher},
    sync::Arc,
};

use mini_moka::sync::Cache;

use super::slot::Slot;

/// Entries by the hashes of their keys.
pub(super) type HashedCache = Cache<u64, Arc<Slot>, BuildHasherDefault<Hashed>>;

/// The hash of a hash: itself.
#[derive(Default)]
pub(super) struct Hashed(u64);

impl Hasher for Hashed {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, _: &[u8]) {}

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }
}

/// A cache that takes at most about `capacity` bytes of memory.
pub(super) fn new_cache(capacity: u64) -> HashedCache {
    let weigher = |_: &u64, slot: &Arc<Slot>| u32::try_from(slot.weight()).unwrap_or(u32::MAX);
    let cache = Cache::builder().max_capacity(capacity).weigher(weigher);
    cache.build_with_hasher(BuildHasherDefault::default())
}
