//! What a cache can be made from: a store of this crate, or one of the application's own.

#[cfg(feature = "memory")]
use super::memory::Memory;
#[cfg(feature = "redis")]
use super::redis::Redis;
#[cfg(all(feature = "memory", feature = "redis"))]
use super::tiered::Tiered;
use crate::store::{Store, any::AnyStore};

/// What [`ResponseCache::new`](crate::ResponseCache::new) takes: `Memory`, `Redis`, `Tiered`, or any
/// [`Store`]. Only this crate can implement it.
pub trait IntoStore: sealed::IntoBackend {}

/// Where entries will be kept.
#[derive(Debug)]
pub(crate) enum Backend {
    #[cfg(feature = "memory")]
    Memory(Memory),
    #[cfg(feature = "redis")]
    Redis(Box<Redis>),
    #[cfg(all(feature = "memory", feature = "redis"))]
    Tiered(Box<Tiered>),
    Custom(AnyStore),
}

/// What users can neither name nor implement.
pub(crate) mod sealed {
    /// The backend of a cache, hidden from users.
    #[derive(Debug)]
    pub struct Hidden(pub(crate) super::Backend);

    /// Becomes the backend of a cache.
    pub trait IntoBackend {
        /// The backend.
        fn into_backend(self) -> Hidden;
    }
}

use sealed::{Hidden, IntoBackend};

impl<S: Store> IntoStore for S {}

impl<S: Store> IntoBackend for S {
    fn into_backend(self) -> Hidden {
        Hidden(Backend::Custom(AnyStore::custom(self)))
    }
}

#[cfg(feature = "memory")]
impl IntoStore for Memory {}

#[cfg(feature = "memory")]
impl IntoBackend for Memory {
    fn into_backend(self) -> Hidden {
        Hidden(Backend::Memory(self))
    }
}

#[cfg(feature = "redis")]
impl IntoStore for Redis {}

#[cfg(feature = "redis")]
impl IntoBackend for Redis {
    fn into_backend(self) -> Hidden {
        Hidden(Backend::Redis(Box::new(self)))
    }
}

#[cfg(all(feature = "memory", feature = "redis"))]
impl IntoStore for Tiered {}

#[cfg(all(feature = "memory", feature = "redis"))]
impl IntoBackend for Tiered {
    fn into_backend(self) -> Hidden {
        Hidden(Backend::Tiered(Box::new(self)))
    }
}

impl Backend {
    /// Whether entries are kept in the process's own memory, alone or before Redis.
    #[cfg_attr(not(feature = "memory"), allow(clippy::unused_self, reason = "none has memory"))]
    pub(crate) fn is_in_memory(&self) -> bool {
        #[cfg(feature = "memory")]
        let is_in_memory = self.memory().is_some();
        #[cfg(not(feature = "memory"))]
        let is_in_memory = false;
        is_in_memory
    }

    /// What is probably not meant.
    #[cfg_attr(not(feature = "memory"), allow(clippy::unused_self, reason = "none has memory"))]
    pub(crate) fn warning(&self) -> Option<&'static str> {
        #[cfg(feature = "memory")]
        if self.memory().is_some_and(|memory| memory.max_capacity == 0) {
            return Some("Memory::max_capacity is zero: nothing is kept");
        }
        None
    }

    /// The part of it that is in memory.
    #[cfg(feature = "memory")]
    fn memory(&self) -> Option<&Memory> {
        match self {
            Self::Memory(memory) => Some(memory),
            #[cfg(feature = "redis")]
            Self::Tiered(tiered) => Some(&tiered.memory),
            _ => None,
        }
    }

    /// The part of it that is in Redis.
    #[cfg(feature = "redis")]
    pub(crate) fn redis(&self) -> Option<&Redis> {
        match self {
            Self::Redis(redis) => Some(redis),
            #[cfg(feature = "memory")]
            Self::Tiered(tiered) => Some(&tiered.redis),
            _ => None,
        }
    }
}
