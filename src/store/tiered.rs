//! Memory before Redis. What is near is answered without asking anybody, and is no older than what
//! announcements allow; what is not near is asked for in Redis and kept near.

use std::{fmt, sync::Arc, time::Duration};

use super::{
    error::StoreError,
    interface::{Put, Size, Store},
    lease::Lead,
    near::Near,
    redis::RedisStore,
};
use crate::{
    clock::Clock,
    entry::Entry,
    key::CacheKey,
    purge::{Purge, PurgeNumber, Purged},
};

/// A [`Store`] of two tiers.
pub(crate) struct TieredStore {
    near: Near,
    far: RedisStore,
}

impl TieredStore {
    /// At most about `capacity` bytes of memory before this store.
    pub(crate) fn new(capacity: u64, clock: Clock, far: RedisStore) -> Self {
        Self { near: Near::new(capacity, far.knows(), clock), far }
    }

    /// What is near, at once.
    pub(crate) fn get_near(&self, key: &CacheKey) -> Option<Arc<Entry>> {
        self.near.get(key)
    }

    /// [`Store::purge_number`], and whether an entry that was found before may be renewed.
    pub(crate) async fn purge_number_to_renew(
        &self,
        entry: &Entry,
    ) -> Result<(PurgeNumber, bool), StoreError> {
        if let Ok(answer) = self.far.purge_number_to_renew(entry).await {
            return Ok(answer);
        }
        let mark = self.near.purge_number();
        let found = self.near.get(&entry.key);
        Ok((mark, found.is_some_and(|found| found.since == entry.since)))
    }

    /// Carries out several purges together; see [`RedisStore::purge_together`].
    pub(crate) async fn purge_together(
        &self,
        purges: &[Purge],
        counts: bool,
    ) -> Result<Purged, StoreError> {
        for purge in purges {
            self.near.purge(purge);
        }
        self.far.purge_together(purges, counts).await
    }

    /// Drops what is kept under `key` in both tiers.
    pub(crate) async fn forget(&self, key: &CacheKey) -> Result<(), StoreError> {
        self.near.forget(key);
        self.far.forget(key).await
    }

    /// The tier behind.
    pub(crate) const fn far(&self) -> &RedisStore {
        &self.far
    }
}

impl Store for TieredStore {
    /// A handler is asked while Redis is away too, and what it answers is kept near for a moment.
    async fn purge_number(&self) -> Result<PurgeNumber, StoreError> {
        Ok(self.far.purge_number().await.unwrap_or_else(|_| self.near.purge_number()))
    }

    async fn get(&self, key: &CacheKey) -> Result<Option<Arc<Entry>>, StoreError> {
        if let Some(entry) = self.near.get(key) {
            return Ok(Some(entry));
        }
        let begun = self.near.begin(key);
        let found = self.far.get_as_of(key).await?;
        // what is of one process alone is never in Redis: a number that says so is not true
        let found = found.filter(|(entry, _)| Near::is_alone(entry.since).is_none());
        Ok(found.map(|(entry, as_of)| {
            // a slice of Redis's reply would keep all of it
            let entry = Arc::new(entry.with_own_memory());
            self.near.keep(&entry, begun, PurgeNumber::new(as_of));
            entry
        }))
    }

    async fn put(&self, entry: Arc<Entry>, keep_for: Duration) -> Result<Put, StoreError> {
        if let Some(began) = Near::is_alone(entry.since) {
            return Ok(self.near.keep_alone(entry, began));
        }
        let begun = self.near.begin(&entry.key);
        let put = self.far.put(Arc::clone(&entry), keep_for).await;
        // what Redis could not take is of use here, as long as all purges are known
        let is_kept = matches!(put, Ok(Put::Kept)) || (put.is_err() && begun.is_trusted());
        if is_kept {
            self.near.keep(&entry, begun, entry.since);
        }
        put
    }

    async fn purge(&self, purge: &Purge) -> Result<Purged, StoreError> {
        self.purge_together(std::slice::from_ref(purge), true).await
    }

    async fn lead(&self, key: &CacheKey, at_most: Duration) -> Result<Lead, StoreError> {
        self.far.lead(key, at_most).await
    }

    fn size(&self) -> Option<Size> {
        Some(self.near.size())
    }
}

impl fmt::Debug for TieredStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TieredStore").field("far", &self.far).finish_non_exhaustive()
    }
}
