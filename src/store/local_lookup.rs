//! Looking into this process's memory, without waiting for anything: where there is none, nothing is found.

use std::sync::Arc;

use super::{any::AnyStore, local::LocalEntry};
use crate::{
    entry::Entry,
    key::{CacheKey, KeyParts},
};

impl AnyStore {
    /// Whether it has entries in this process's memory.
    pub(crate) fn is_local(&self) -> bool {
        match self {
            #[cfg(feature = "memory")]
            Self::Memory(_) => true,
            #[cfg(all(feature = "memory", feature = "redis"))]
            Self::Tiered(_) => true,
            _ => false,
        }
    }

    /// The entry under `key` where the store has it at hand, without waiting for anything.
    pub(crate) fn get_local(&self, key: &KeyParts<'_>) -> Option<Arc<Entry>> {
        match self {
            #[cfg(feature = "memory")]
            Self::Memory(store) => store.get_now(key),
            #[cfg(all(feature = "memory", feature = "redis"))]
            Self::Tiered(store) => store.get_local(key),
            _ => {
                let _ = key;
                None
            }
        }
    }

    /// The entry under `key` that [`get_local`](Self::get_local) finds, to be used again for as long as it
    /// [is current](Self::is_current).
    pub(crate) fn locate(&self, key: &CacheKey) -> Option<LocalEntry> {
        match self {
            #[cfg(feature = "memory")]
            Self::Memory(store) => store.locate(key),
            #[cfg(all(feature = "memory", feature = "redis"))]
            Self::Tiered(store) => store.locate(key),
            _ => {
                let _ = key;
                None
            }
        }
    }

    /// Whether the entry is what [`get_local`](Self::get_local) finds.
    pub(crate) fn is_current(&self, local: &LocalEntry) -> bool {
        match self {
            #[cfg(feature = "memory")]
            Self::Memory(store) => store.is_current(local),
            #[cfg(all(feature = "memory", feature = "redis"))]
            Self::Tiered(store) => store.is_current(local),
            _ => {
                let _ = local;
                false
            }
        }
    }

    /// An entry has been used that was located: it is not to be evicted before others.
    pub(crate) fn use_again(&self, local: &LocalEntry) {
        match self {
            #[cfg(feature = "memory")]
            Self::Memory(store) => store.use_again(local),
            #[cfg(all(feature = "memory", feature = "redis"))]
            Self::Tiered(store) => store.use_again(local),
            _ => {
                let _ = local;
            }
        }
    }
}
