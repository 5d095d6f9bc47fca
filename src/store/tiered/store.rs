//! The store of two tiers. An entry of the local tier is used without asking Redis, and reflects every
//! purge that announcements tell in time. Any other entry is read from Redis and kept locally.

use std::{fmt, sync::Arc, time::Duration};

use super::local::LocalTier;
use crate::{
    clock::Clock,
    entry::Entry,
    key::{CacheKey, KeyParts},
    purge::{Purge, PurgeNumber, Purged},
    store::{
        error::StoreError,
        health::Evictions,
        interface::{Put, Size, Store},
        lease::Lease,
        local::LocalEntry,
        redis::RedisStore,
    },
};

/// A [`Store`] of two tiers.
pub(crate) struct TieredStore {
    local: LocalTier,
    redis: RedisStore,
}

impl TieredStore {
    /// At most about `capacity` bytes of memory before this store.
    pub(crate) fn new(capacity: u64, clock: Clock, redis: RedisStore) -> Self {
        Self { local: LocalTier::new(capacity, &redis, clock), redis }
    }

    /// What the local tier has, at once.
    pub(crate) fn get_local(&self, key: &KeyParts<'_>) -> Option<Arc<Entry>> {
        self.local.get(key)
    }

    /// What the local tier has, to be used again for as long as it [is current](Self::is_current).
    pub(crate) fn locate(&self, key: &CacheKey) -> Option<LocalEntry> {
        self.local.locate(key)
    }

    /// Whether the entry is what [`get_local`](Self::get_local) finds.
    pub(crate) fn is_current(&self, local: &LocalEntry) -> bool {
        self.local.is_current(local)
    }

    /// An entry has been used that was located.
    pub(crate) fn use_again(&self, local: &LocalEntry) {
        self.local.use_again(local);
    }

    /// [`Store::purge_number`], and whether an entry that was found before may be renewed.
    pub(crate) async fn purge_number_to_renew(
        &self,
        entry: &Entry,
    ) -> Result<(PurgeNumber, bool), StoreError> {
        if let Ok(answer) = self.redis.purge_number_to_renew(entry).await {
            return Ok(answer);
        }
        let number = self.local.local_purge_number();
        let found = self.local.get(&KeyParts::of(&entry.key));
        Ok((number, found.is_some_and(|found| found.since == entry.since)))
    }

    /// Carries out several purges together; see [`RedisStore::purge_together`].
    pub(crate) async fn purge_together(&self, purges: &[Purge]) -> Result<Purged, StoreError> {
        for purge in purges {
            self.local.purge(purge);
        }
        self.redis.purge_together(purges).await
    }

    /// Drops what is kept under `key` in both tiers.
    pub(crate) async fn forget(&self, key: &CacheKey) -> Result<(), StoreError> {
        self.local.forget(key);
        self.redis.forget(key).await
    }

    /// How many bytes of memory the local tier takes at most.
    pub(crate) fn capacity(&self) -> u64 {
        self.local.capacity()
    }

    /// How entries have left the local tier.
    pub(crate) fn evictions(&self) -> Evictions {
        self.local.evictions()
    }

    /// The tier behind.
    pub(crate) const fn redis(&self) -> &RedisStore {
        &self.redis
    }
}

impl Store for TieredStore {
    /// A handler is asked while Redis is away too, and what it answers is kept locally for a moment.
    async fn purge_number(&self) -> Result<PurgeNumber, StoreError> {
        Ok(self.redis.purge_number().await.unwrap_or_else(|_| self.local.local_purge_number()))
    }

    async fn get(&self, key: &CacheKey) -> Result<Option<Arc<Entry>>, StoreError> {
        if let Some(entry) = self.local.get(&KeyParts::of(key)) {
            return Ok(Some(entry));
        }
        let snapshot = self.local.snapshot(key);
        let found = self.redis.get_as_of(key).await?;
        // what is of one process alone is never in Redis: a number that says so is not true
        let found = found.filter(|(entry, _)| LocalTier::local_begin(entry.since).is_none());
        Ok(found.map(|(entry, as_of)| {
            // a slice of Redis's reply would keep all of it
            let entry = Arc::new(entry.with_own_body());
            self.local.keep_remote(&entry, snapshot, PurgeNumber::new(as_of));
            entry
        }))
    }

    async fn put(&self, entry: Arc<Entry>, ttl: Duration) -> Result<Put, StoreError> {
        if let Some(began) = LocalTier::local_begin(entry.since) {
            return Ok(self.local.keep_local(entry, began));
        }
        let snapshot = self.local.snapshot(&entry.key);
        let put = self.redis.put(Arc::clone(&entry), ttl).await;
        // what Redis could not take is of use here, as long as all purges are known
        let is_kept = matches!(put, Ok(Put::Stored)) || (put.is_err() && snapshot.is_trusted());
        if is_kept {
            self.local.keep_remote(&entry, snapshot, entry.since);
        }
        put
    }

    async fn purge(&self, purge: &Purge) -> Result<Purged, StoreError> {
        self.purge_together(std::slice::from_ref(purge)).await
    }

    async fn lease(&self, key: &CacheKey, at_most: Duration) -> Result<Lease, StoreError> {
        self.redis.lease(key, at_most).await
    }

    fn size(&self) -> Option<Size> {
        Some(self.local.size())
    }
}

impl fmt::Debug for TieredStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TieredStore").field("redis", &self.redis).finish_non_exhaustive()
    }
}
