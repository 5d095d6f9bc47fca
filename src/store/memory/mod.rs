//! Entries in the process's own memory.

mod expiry;
pub(super) mod slot;
mod store;
pub(super) mod table;
pub(super) mod versions;

pub(crate) use self::store::MemoryStore;
