//! Memory before Redis.

mod local;
mod local_purges;
mod store;
pub(super) mod validity;

#[cfg(test)]
pub(super) use self::local::OFFLINE_TTL;
pub(crate) use self::store::TieredStore;
