//! Where entries are kept. A store knows keys, entries and purges; it knows no request.
//!
//! All that the author of a store needs is here: the trait [`Store`] with its contract, what goes in
//! and comes out of it, and with the feature `testing` an examination (`store::acceptance`) that checks
//! a store against the contract.

#[cfg(any(test, feature = "testing"))]
pub mod acceptance;
pub(crate) mod any;
#[cfg(feature = "redis")]
pub(crate) mod breaker;
pub(crate) mod budget;
#[cfg(feature = "redis")]
pub mod codec;
#[cfg(feature = "compression")]
mod compress;
mod erased;
mod error;
mod health;
mod inspect;
mod interface;
mod lease;
pub(crate) mod listing;
pub(crate) mod local;
mod local_lookup;
#[cfg(feature = "memory")]
pub(crate) mod memory;
pub(crate) mod process;
#[cfg(feature = "redis")]
pub(crate) mod redis;
#[cfg(all(feature = "memory", feature = "redis"))]
pub(crate) mod tiered;

pub use crate::{
    entry::{Entry, Kind, Monotonic, Selecting, StoredHeaders, StoredResponse, Terms, Timestamp},
    key::CacheKey,
    purge::{Purge, PurgeNumber, Purged, Target},
};

pub use self::{
    error::{StoreError, StoreErrorKind},
    health::{Evictions, RedisHealth, StoreHealth},
    interface::{Put, Size, Store},
    lease::{Lease, LeaseGuard, LeaseWait},
};
