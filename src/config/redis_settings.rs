//! The constructors and setters of a cache in Redis.

use std::time::Duration;

use super::{cache::ResponseCache, shared::Backend};
use crate::store::redis::{RedisServers, Replicas};

impl ResponseCache {
    /// A cache in Redis, shared by all processes that use it with one prefix:
    /// `redis://user:password@host:6379/0`, `rediss://host` for TLS, `redis+unix:///path`, or
    /// whatever else [`RedisServers`] can be made from.
    ///
    /// While Redis is down or slow, requests are answered by their handlers.
    #[track_caller]
    pub fn redis(servers: impl Into<RedisServers>) -> Self {
        Self::new(Backend::Redis(servers.into()))
    }

    /// A cache in memory before one in Redis. **Make it once, outside of the closure that makes the
    /// app, and clone it in**, or each worker has a memory of its own. What the process has answered or read lately is
    /// answered without asking Redis, and [`capacity`](Self::capacity) bounds it.
    ///
    /// What is stored or purged by one process is announced to all others, which takes about a
    /// millisecond. A process that does not hear of Redis for a second uses nothing that it had
    /// from before, and holds what it gets for at most a second, so that even while Redis is away a
    /// response is asked for once a second and not for each request.
    #[cfg(feature = "memory")]
    #[track_caller]
    pub fn tiered(servers: impl Into<RedisServers>) -> Self {
        Self::new(Backend::Tiered(servers.into()))
    }

    /// A cache in a Redis Cluster: [`redis`](Self::redis) with [`RedisServers::cluster`].
    #[cfg(feature = "redis-cluster")]
    #[track_caller]
    pub fn redis_cluster(urls: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self::redis(RedisServers::cluster(urls))
    }

    /// A cache in the Redis that sentinels know as `service`: [`redis`](Self::redis) with
    /// [`RedisServers::sentinel`].
    #[cfg(feature = "redis-sentinel")]
    #[track_caller]
    pub fn redis_sentinel(
        service: impl Into<String>,
        urls: impl IntoIterator<Item = impl Into<String>>,
    ) -> Self {
        Self::redis(RedisServers::sentinel(service, urls))
    }

    /// What the names of all keys in Redis begin with. Default: `arc:`.
    ///
    /// In a Redis Cluster `{name}` in the prefix keeps all keys in one slot, and so on one node. A
    /// first `{` that is not closed or has nothing in it is an error there: it would spread over
    /// several nodes what has to be on one.
    ///
    /// A setting of the store, which all clones share: a clone that sets another value than the one
    /// used first keeps the server from starting.
    pub fn prefix(self, prefix: impl Into<String>) -> Self {
        self.set(|config| config.storage.redis.prefix = prefix.into())
    }

    /// How long to wait for a connection to Redis. Default: 100 ms.
    ///
    /// A setting of the store, which all clones share: a clone that sets another value than the one
    /// used first keeps the server from starting.
    pub fn connect_timeout(self, timeout: Duration) -> Self {
        self.set(|config| config.storage.redis.connect_timeout = timeout)
    }

    /// How long to wait for an answer of Redis. Default: 50 ms.
    ///
    /// A setting of the store, which all clones share: a clone that sets another value than the one
    /// used first keeps the server from starting.
    pub fn operate_timeout(self, timeout: Duration) -> Self {
        self.set(|config| config.storage.redis.operate_timeout = timeout)
    }

    /// The longest body that is stored in Redis, in bytes. Default: whatever
    /// [`max_body`](Self::max_body) lets through. A longer one counts as too large; a
    /// [`tiered`](Self::tiered) cache keeps it in the memory of the process that got it.
    ///
    /// A setting of the store, which all clones share: a clone that sets another value than the one
    /// used first keeps the server from starting.
    pub fn redis_max_body(self, bytes: usize) -> Self {
        self.set(|config| config.storage.redis.max_body = bytes)
    }

    /// Compresses bodies of `above` bytes or more in Redis, by LZ4, where that makes them smaller and
    /// they carry no `Content-Encoding`. Clients get what the handler gave. Default: nothing is
    /// compressed.
    ///
    /// All processes of a fleet need the feature `compression` to read what one compresses.
    ///
    /// A setting of the store, which all clones share: a clone that sets another value than the one
    /// used first keeps the server from starting.
    #[cfg(feature = "compression")]
    pub fn compress_stored(self, above: usize) -> Self {
        self.set(|config| config.storage.redis.compress_above = Some(above))
    }

    /// Purges return only once `count` replicas of each Redis server know of them. If they do not
    /// `within` this time, whoever purges gets an error: the purge is done, and may be undone.
    /// Default: purges wait for no replica.
    ///
    /// Redis replicates behind its answers. A server that takes the place of another in a
    /// failover may therefore not know of the last purges, usually those of the last milliseconds:
    /// what they removed is served again, until its lifetime ends.
    ///
    /// A setting of the store, which all clones share: a clone that sets another value than the one
    /// used first keeps the server from starting.
    pub fn purges_wait_for_replicas(self, count: u32, within: Duration) -> Self {
        self.set(|config| config.storage.redis.replicas = Some(Replicas { count, within }))
    }

    /// User and password of the Redis servers, in place of those in the URL. With Sentinel those
    /// in the URLs are then the sentinels' alone. An empty user is the default one.
    ///
    /// A setting of the store, which all clones share: a clone that sets another value than the one
    /// used first keeps the server from starting.
    pub fn redis_login(self, user: impl Into<String>, password: impl Into<String>) -> Self {
        self.set(|config| config.storage.redis.access.login = Some((user.into(), password.into())))
    }

    /// Certificates in PEM of the authorities that are trusted to name Redis servers
    /// (`rediss://`). Default: those that the system trusts.
    ///
    /// A setting of the store, which all clones share: a clone that sets another value than the one
    /// used first keeps the server from starting.
    #[cfg(feature = "redis-tls")]
    pub fn redis_ca(self, pem: impl AsRef<[u8]>) -> Self {
        self.set(|config| config.storage.redis.access.ca = Some(pem.as_ref().to_vec()))
    }

    /// The certificate chain and the private key, in PEM, by which Redis knows the cache
    /// (`rediss://`). Default: none.
    ///
    /// A setting of the store, which all clones share: a clone that sets another value than the one
    /// used first keeps the server from starting.
    #[cfg(feature = "redis-tls")]
    pub fn redis_client_certificate(
        self,
        certificate: impl AsRef<[u8]>,
        key: impl AsRef<[u8]>,
    ) -> Self {
        let pair = (certificate.as_ref().to_vec(), key.as_ref().to_vec());
        self.set(|config| config.storage.redis.access.certificate = Some(pair))
    }
}
