//! From servers to connections: one per runtime, since a multiplexed connection is driven by the
//! runtime that made it.

mod access;
#[cfg(feature = "redis-cluster")]
mod cluster;
mod connection;
mod connections;
mod dial;
mod entry_read;
mod failure;
#[cfg(feature = "redis-cluster")]
mod members;
mod node;
mod pool;
#[cfg(feature = "redis-cluster")]
mod primaries;
mod pubsub;
mod redis_servers;
mod replicas;
#[cfg(feature = "redis-cluster")]
mod routes;
#[cfg(feature = "redis-sentinel")]
mod sentinel;
mod servers;
#[cfg(feature = "redis-cluster")]
mod slot_backoff;
mod timeouts;
mod url;
mod wire;

#[cfg(any(fuzzing, test))]
pub(crate) use self::wire::fuzz as fuzz_replies;
pub(crate) use self::{access::Access, redis_servers::RedisServers, url::ServersError};
pub(super) use self::{
    connections::Connections,
    entry_read::EntryRead,
    failure::Failure,
    node::Node,
    pubsub::{PubSubConnection, SubscribedNode, TopologyChange},
    timeouts::Timeouts,
    wire::Reply,
};
