//! Settings as plain values: a clone of a cache replaces a group as a whole, and every switch takes
//! a value, so that what one clone sets another can undo.

pub(super) mod bounds;
pub(crate) mod coalescing;
pub(crate) mod compliance;
pub(crate) mod credentials;
pub(crate) mod handlers;
pub(super) mod header_names;
#[cfg(feature = "memory")]
pub(crate) mod memory;
#[cfg(feature = "precompress")]
pub(crate) mod precompress;
pub(crate) mod query;
#[cfg(feature = "redis")]
pub(crate) mod redis;
pub(crate) mod responses;
pub(crate) mod setting;
pub(crate) mod store;
#[cfg(all(feature = "memory", feature = "redis"))]
pub(crate) mod tiered;
