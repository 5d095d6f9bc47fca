//! How processes that share one Redis learn of each other's purges, and how none of them uses or
//! publishes what a purge has taken.

pub(in crate::store) mod confirm;
pub(in crate::store) mod fence;
mod heartbeat;
pub(in crate::store) mod known_purges;
mod listeners;
pub(in crate::store) mod logical_clock;
pub(in crate::store) mod message;
#[cfg(feature = "memory")]
pub(in crate::store) mod remote_version;
pub(in crate::store) mod state;
pub(in crate::store) mod subscription;
pub(in crate::store) mod tags;
pub(in crate::store) mod trust;
