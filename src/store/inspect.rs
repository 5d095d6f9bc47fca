//! Looking into whichever store there is: what this process has in memory. Nothing is asked of Redis.

use super::{any::AnyStore, error::StoreError, listing::Listing, process::SeenProcess};
use crate::{entry::Entry, purge::Purge};

impl AnyStore {
    /// Entries in this process's memory for which `takes` holds, from this place on; `None` where it has
    /// none by design.
    pub(crate) fn list(
        &self,
        from: u32,
        limit: usize,
        takes: impl Fn(&Entry) -> bool,
    ) -> Option<Listing> {
        match self {
            #[cfg(feature = "memory")]
            Self::Memory(store) => Some(store.list(from, limit, takes)),
            #[cfg(all(feature = "memory", feature = "redis"))]
            Self::Tiered(store) => Some(store.list(from, limit, takes)),
            #[allow(unreachable_patterns)] // with no other store
            _ => {
                let _ = (from, limit, takes);
                None
            }
        }
    }

    /// How many responses any of these purges of one target would take, where this process has all that
    /// is stored.
    #[cfg_attr(not(feature = "memory"), allow(clippy::unused_async, reason = "no memory to count"))]
    pub(crate) async fn count(&self, purges: Vec<Purge>) -> Option<u64> {
        match self {
            #[cfg(feature = "memory")]
            Self::Memory(store) => Some(store.count(purges).await),
            #[allow(unreachable_patterns)] // with no other store
            _ => {
                let _ = purges;
                None
            }
        }
    }

    /// The processes that share what is stored, as far as they were seen lately.
    #[cfg_attr(not(feature = "redis"), allow(clippy::unused_async, reason = "only Redis is asked"))]
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
}
