//! Looking into a store, for operators: what is stored, how the store is doing, and who shares it.

#[cfg(any(feature = "memory", feature = "redis"))]
use super::interface::Store;
use super::{
    any::AnyStore,
    error::StoreError,
    health::StoreHealth,
    interface::Size,
    listing::{Count, Listing},
    process::SeenProcess,
};
use crate::{entry::Entry, purge::Purge};

#[cfg_attr(not(feature = "redis"), allow(clippy::unused_async, reason = "only Redis is asked"))]
impl AnyStore {
    /// Entries for which `takes` holds, from where an earlier listing has ended; `None` where the store does
    /// not say what it has.
    pub(crate) async fn list(
        &self,
        from: Option<&str>,
        limit: usize,
        takes: impl Fn(&Entry) -> bool,
    ) -> Result<Option<Listing>, StoreError> {
        match self {
            #[cfg(feature = "memory")]
            Self::Memory(store) => store.list(from, limit, takes).map(Some),
            #[cfg(feature = "redis")]
            Self::Redis(store) => store.list(from, limit, takes).await.map(Some),
            // what is in memory is in Redis too, but for the moments of an outage
            #[cfg(all(feature = "memory", feature = "redis"))]
            Self::Tiered(store) => store.redis().list(from, limit, takes).await.map(Some),
            Self::Custom(_) => {
                let _ = (from, limit, takes);
                Ok(None)
            }
        }
    }

    /// How many responses any of these purges of one target would take; `None` where the store does not say
    /// what it has.
    pub(crate) async fn count(&self, purges: Vec<Purge>) -> Result<Option<Count>, StoreError> {
        match self {
            #[cfg(feature = "memory")]
            Self::Memory(store) => {
                let responses = store.count(purges).await;
                Ok(Some(Count { responses, at_least: false }))
            }
            #[cfg(feature = "redis")]
            Self::Redis(store) => store.count(&purges).await.map(Some),
            #[cfg(all(feature = "memory", feature = "redis"))]
            Self::Tiered(store) => store.redis().count(&purges).await.map(Some),
            Self::Custom(_) => {
                let _ = purges;
                Ok(None)
            }
        }
    }

    /// The processes that share what is stored, as far as they were seen lately.
    pub(crate) async fn processes(&self) -> Result<Vec<SeenProcess>, StoreError> {
        match self {
            #[cfg(feature = "redis")]
            Self::Redis(store) => store.processes().await,
            #[cfg(all(feature = "memory", feature = "redis"))]
            Self::Tiered(store) => store.redis().processes().await,
            #[allow(unreachable_patterns)] // with no other store
            _ => Ok(vec![]),
        }
    }

    pub(crate) fn size(&self) -> Option<Size> {
        match self {
            #[cfg(feature = "memory")]
            Self::Memory(store) => Store::size(store),
            #[cfg(feature = "redis")]
            Self::Redis(store) => Store::size(store.as_ref()),
            #[cfg(all(feature = "memory", feature = "redis"))]
            Self::Tiered(store) => Store::size(store.as_ref()),
            Self::Custom(store) => store.size(),
        }
    }

    /// How the store is doing.
    pub(crate) fn health(&self) -> StoreHealth {
        let health = StoreHealth { store: self.name(), ..StoreHealth::default() };
        match self {
            #[cfg(feature = "memory")]
            Self::Memory(store) => StoreHealth {
                capacity: Some(store.capacity()),
                evictions: Some(store.evictions()),
                ..health
            },
            #[cfg(feature = "redis")]
            Self::Redis(store) => StoreHealth { redis: Some(store.health()), ..health },
            #[cfg(all(feature = "memory", feature = "redis"))]
            Self::Tiered(store) => StoreHealth {
                capacity: Some(store.capacity()),
                evictions: Some(store.evictions()),
                redis: Some(store.redis().health()),
                ..health
            },
            Self::Custom(_) => health,
        }
    }
}
