//! One type for every store: ours by enum, so that a hit in memory boxes nothing; a user's own
//! behind an erased twin of the trait.

use std::{fmt, sync::Arc, time::Duration};

#[cfg(feature = "memory")]
use super::memory::MemoryStore;
#[cfg(feature = "redis")]
use super::redis::RedisStore;
#[cfg(all(feature = "memory", feature = "redis"))]
use super::tiered::TieredStore;
use super::{
    erased::ErasedStore,
    error::StoreError,
    interface::{Put, Store},
    lease::Lease,
};
#[cfg(feature = "memory")]
use crate::key::KeyParts;
use crate::{
    entry::Entry,
    key::CacheKey,
    purge::{Purge, PurgeNumber, Purged},
};

/// Whichever store a cache was made with.
#[derive(Clone)]
pub(crate) enum AnyStore {
    #[cfg(feature = "memory")]
    Memory(MemoryStore),
    #[cfg(feature = "redis")]
    Redis(Arc<RedisStore>),
    #[cfg(all(feature = "memory", feature = "redis"))]
    Tiered(Arc<TieredStore>),
    Custom(Arc<dyn ErasedStore>),
}

impl AnyStore {
    pub(crate) fn custom(store: impl Store) -> Self {
        Self::Custom(Arc::new(store))
    }

    /// Whether every call is done when it is first polled.
    pub(crate) fn is_immediate(&self) -> bool {
        match self {
            #[cfg(feature = "memory")]
            Self::Memory(_) => true,
            _ => false,
        }
    }

    /// Whether any URL of the key's path has been purged since this logical time, where a purge of a
    /// URL does not concern [what answers other queries](CacheKey::answers_other_queries) by itself.
    pub(crate) fn is_any_url_purged_since(&self, key: &CacheKey, since: PurgeNumber) -> bool {
        match self {
            #[cfg(feature = "memory")]
            Self::Memory(store) => store.is_any_url_purged_since(key, since),
            _ => {
                let _ = (key, since);
                false
            }
        }
    }

    /// Whether only this process stores anything there.
    pub(crate) fn is_private(&self) -> bool {
        self.is_immediate()
    }

    pub(crate) async fn purge_number(&self) -> Result<PurgeNumber, StoreError> {
        match self {
            #[cfg(feature = "memory")]
            Self::Memory(store) => Ok(store.purge_number_now()),
            #[cfg(feature = "redis")]
            Self::Redis(store) => Box::pin(Store::purge_number(store.as_ref())).await,
            #[cfg(all(feature = "memory", feature = "redis"))]
            Self::Tiered(store) => Box::pin(Store::purge_number(store.as_ref())).await,
            Self::Custom(store) => store.purge_number().await,
        }
    }

    /// [`purge_number`](Self::purge_number) before a handler is asked whether `entry` still is good, and whether its
    /// answer may renew the entry: no purge has taken it since it was found.
    pub(crate) async fn purge_number_to_renew(
        &self,
        entry: &Entry,
    ) -> Result<(PurgeNumber, bool), StoreError> {
        match self {
            #[cfg(feature = "redis")]
            Self::Redis(store) => Box::pin(store.purge_number_to_renew(entry)).await,
            #[cfg(all(feature = "memory", feature = "redis"))]
            Self::Tiered(store) => Box::pin(store.purge_number_to_renew(entry)).await,
            #[allow(unreachable_patterns)] // with no store of ours, every store is a custom one
            _ => {
                // first the time: a purge after it refuses the renewed entry, one before it is seen now
                let number = self.purge_number().await?;
                let found = self.get(&entry.key).await?;
                Ok((number, found.is_some_and(|found| found.since == entry.since)))
            }
        }
    }

    /// Whether a purge is known here, without asking anybody, that came after this logical time and
    /// names `key` itself. Of groups a key knows nothing.
    pub(crate) fn is_purged_since(&self, key: &CacheKey, since: PurgeNumber) -> bool {
        match self {
            #[cfg(feature = "memory")]
            Self::Memory(store) => store.is_purged_since(key, since),
            #[cfg(feature = "redis")]
            Self::Redis(store) => store.is_purged_since(key, since),
            #[cfg(all(feature = "memory", feature = "redis"))]
            Self::Tiered(store) => store.redis().is_purged_since(key, since),
            Self::Custom(_) => {
                let _ = (key, since);
                false
            }
        }
    }

    pub(crate) async fn get(&self, key: &CacheKey) -> Result<Option<Arc<Entry>>, StoreError> {
        match self {
            #[cfg(feature = "memory")]
            Self::Memory(store) => Ok(store.get_now(&KeyParts::of(key))),
            #[cfg(feature = "redis")]
            Self::Redis(store) => Box::pin(Store::get(store.as_ref(), key)).await,
            #[cfg(all(feature = "memory", feature = "redis"))]
            Self::Tiered(store) => Box::pin(Store::get(store.as_ref(), key)).await,
            Self::Custom(store) => store.get(key).await,
        }
    }

    pub(crate) async fn put(&self, entry: Arc<Entry>, keep: Duration) -> Result<Put, StoreError> {
        match self {
            #[cfg(feature = "memory")]
            Self::Memory(store) => Ok(store.put_now(entry, keep)),
            #[cfg(feature = "redis")]
            Self::Redis(store) => Box::pin(Store::put(store.as_ref(), entry, keep)).await,
            #[cfg(all(feature = "memory", feature = "redis"))]
            Self::Tiered(store) => Box::pin(Store::put(store.as_ref(), entry, keep)).await,
            Self::Custom(store) => store.put(entry, keep).await,
        }
    }

    /// Puts an entry in place of `old`, if that is still there. It is as old as that one, for purges too.
    #[cfg(feature = "precompress")]
    pub(crate) async fn replace(
        &self,
        old: &Arc<Entry>,
        new: Arc<Entry>,
        keep: Duration,
    ) -> Result<(), StoreError> {
        let there = match self {
            #[cfg(feature = "memory")]
            Self::Memory(store) => {
                store.replace_now(old, new, keep);
                return Ok(());
            }
            // what is near may be older than what is stored
            #[cfg(all(feature = "memory", feature = "redis"))]
            Self::Tiered(store) => Box::pin(Store::get(store.redis(), &old.key)).await?,
            #[allow(unreachable_patterns)] // with no store of ours, every store is a custom one
            _ => self.get(&old.key).await?,
        };
        if there.is_some_and(|there| there.is_of_same_fill(old)) {
            self.put(new, keep).await?;
        }
        Ok(())
    }

    /// Carries out all of these purges, whatever becomes of one; an error where one failed.
    pub(crate) async fn purge_together(&self, purges: &[Purge]) -> Result<Purged, StoreError> {
        match self {
            #[cfg(feature = "redis")]
            Self::Redis(store) => Box::pin(store.purge_together(purges)).await,
            #[cfg(all(feature = "memory", feature = "redis"))]
            Self::Tiered(store) => Box::pin(store.purge_together(purges)).await,
            #[allow(unreachable_patterns)] // with no store of ours, every store is a custom one
            _ => self.purge_each(purges).await,
        }
    }

    async fn purge_each(&self, purges: &[Purge]) -> Result<Purged, StoreError> {
        let (mut all, mut failed) = (Purged::of(0), None);
        for purge in purges {
            let done = match self {
                #[cfg(feature = "memory")]
                Self::Memory(store) => Store::purge(store, purge).await,
                Self::Custom(store) => store.purge(purge).await,
                #[allow(unreachable_patterns)] // these take all of them together
                _ => Ok(Purged::uncounted()),
            };
            match done {
                Ok(each) => all = all.and(each),
                Err(error) => failed = failed.or(Some(error)),
            }
        }
        failed.map_or(Ok(all), Err)
    }

    /// Makes room: drops what is kept under `key`, which is no purge. Nothing is fenced or announced,
    /// and who has a copy may keep it, as it is as good as it was.
    pub(crate) async fn forget(&self, key: &CacheKey) -> Result<(), StoreError> {
        match self {
            #[cfg(feature = "memory")]
            Self::Memory(store) => {
                store.forget_now(key);
                Ok(())
            }
            #[cfg(feature = "redis")]
            Self::Redis(store) => Box::pin(store.forget(key)).await,
            #[cfg(all(feature = "memory", feature = "redis"))]
            Self::Tiered(store) => Box::pin(store.forget(key)).await,
            Self::Custom(store) => store.purge(&Purge::entry(key.clone())).await.map(drop),
        }
    }

    /// Asks for the lead in filling `key`.
    pub(crate) async fn lease(
        &self,
        key: &CacheKey,
        at_most: Duration,
    ) -> Result<Lease, StoreError> {
        match self {
            #[cfg(feature = "memory")]
            Self::Memory(_) => Ok(Lease::Granted(super::lease::LeaseGuard::free())),
            #[cfg(feature = "redis")]
            Self::Redis(store) => Box::pin(Store::lease(store.as_ref(), key, at_most)).await,
            #[cfg(all(feature = "memory", feature = "redis"))]
            Self::Tiered(store) => Box::pin(Store::lease(store.as_ref(), key, at_most)).await,
            Self::Custom(store) => store.lease(key, at_most).await,
        }
    }

    /// Whether the store answers.
    pub(crate) async fn ping(&self) -> Result<(), StoreError> {
        match self {
            #[cfg(feature = "redis")]
            Self::Redis(store) => Box::pin(store.ping()).await,
            #[cfg(all(feature = "memory", feature = "redis"))]
            Self::Tiered(store) => Box::pin(store.redis().ping()).await,
            #[allow(unreachable_patterns)] // as above
            _ => self.purge_number().await.map(drop),
        }
    }

    /// A warning, where another configuration than this process's uses the same place.
    #[cfg_attr(not(feature = "redis"), allow(clippy::unused_async, reason = "only Redis is asked"))]
    pub(crate) async fn foreign_configuration(&self) -> Option<String> {
        match self {
            #[cfg(feature = "redis")]
            Self::Redis(store) => store.foreign_configuration().await,
            #[cfg(all(feature = "memory", feature = "redis"))]
            Self::Tiered(store) => store.redis().foreign_configuration().await,
            #[allow(unreachable_patterns)] // as above
            _ => None,
        }
    }

    /// What to call the store in messages.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            #[cfg(feature = "memory")]
            Self::Memory(_) => "memory",
            #[cfg(feature = "redis")]
            Self::Redis(_) => "redis",
            #[cfg(all(feature = "memory", feature = "redis"))]
            Self::Tiered(_) => "tiered",
            Self::Custom(_) => "custom",
        }
    }
}

impl fmt::Debug for AnyStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
