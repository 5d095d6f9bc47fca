//! Entries in Redis, shared by all processes that use one prefix.
//!
//! An entry is one value, so that a hit is one exchange. Two kinds of index lead to it, by path and by
//! group. It is stored under a temporary name, indexed, checked against the purges that
//! came meanwhile ([`fence`](invalidation::fence)) and then renamed to where it is found: at whatever point a fill ends,
//! nothing can be read that a purge would miss. Needs Redis 5 or later and the commands of scripts.

mod age;
mod client;
mod configuration;
mod connect;
mod index;
pub(super) mod invalidation;
mod large;
mod lease;
mod listing;
mod names;
mod options;
mod pending_purges;
mod preview;
mod processes;
mod publish;
mod purge;
mod raise;
mod reach;
mod read;
mod removal;
mod scan;
mod settling;
mod store;
#[cfg(test)]
mod tests;

pub(crate) use self::connect::RedisServers;
#[cfg(any(fuzzing, test))]
pub(crate) use self::connect::fuzz_replies;
pub(crate) use self::{
    options::{RedisOptions, Replicas},
    store::RedisStore,
};
