//! Entries in the process's own memory.

mod counting;
mod departures;
mod hashed_cache;
mod index;
mod old_entries;
mod page;
mod reclaim;
pub(super) mod slot;
mod store;
pub(super) mod sweep;
pub(super) mod table;
mod tags;
pub(super) mod versions;

pub(crate) use self::store::MemoryStore;
