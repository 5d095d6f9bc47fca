//! Entries in the process's own memory.

mod expiry;
pub(super) mod slot;
mod store;
pub(super) mod table;
mod thread_cache;

pub(crate) use self::store::MemoryStore;
