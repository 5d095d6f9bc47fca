//! `Redis`: a store in Redis, shared by all processes that use it with one prefix.

use std::time::Duration;

use crate::store::redis::{RedisOptions, RedisServers, Replicas};

/// A store in Redis (or Valkey), shared by all processes that use it with one
/// [prefix](Self::key_prefix). While Redis is down or slow, requests are answered by their handlers.
///
/// | setting | default |
/// | --- | --- |
/// | [`key_prefix`](Self::key_prefix) | `arc:` |
/// | [`connect_timeout`](Self::connect_timeout) | 100 ms |
/// | [`response_timeout`](Self::response_timeout) | 50 ms |
/// | [`max_body`](Self::max_body) | no limit beside [`Responses::max_body`](crate::Responses::max_body) |
#[cfg_attr(feature = "compression", doc = "| [`compress_above`](Self::compress_above) | none |")]
/// | [`wait_for_replicas`](Self::wait_for_replicas) | 0 |
/// | [`credentials`](Self::credentials) | those of the URL |
#[cfg_attr(feature = "redis-tls", doc = "| [`ca`](Self::ca) | what the system trusts |")]
#[cfg_attr(
    feature = "redis-tls",
    doc = "| [`client_certificate`](Self::client_certificate) | none |"
)]
///
/// ```
/// use std::time::Duration;
/// use actix_response_cache::{Redis, ResponseCache};
///
/// let redis = Redis::new("redis://cache.example:6379/0")
///     .credentials("user", "password")
///     .key_prefix("shop:")
///     .response_timeout(Duration::from_millis(20));
/// let cache = ResponseCache::new(redis);
/// ```
///
/// # Errors
///
/// A mistake in a URL or a certificate is kept, and keeps the server from starting. A Redis that does
/// not answer is no mistake.
#[must_use = "a store does nothing until a cache gets it"]
#[derive(Clone, Debug)]
pub struct Redis {
    pub(crate) servers: RedisServers,
    pub(crate) options: RedisOptions,
}

impl Redis {
    /// The server at this URL: `redis://user:password@host:6379/0`, `rediss://host:6390` (TLS, with
    /// the feature `redis-tls`), `redis+unix:///path`; each also with `valkey` in the place of
    /// `redis`.
    pub fn new(url: impl Into<String>) -> Self {
        Self::at(url.into().into())
    }

    /// A Redis Cluster, found by any of these nodes. All URLs have the same user and password.
    #[cfg(feature = "redis-cluster")]
    pub fn cluster(urls: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self::at(RedisServers::cluster(urls))
    }

    /// The primary of `service`, as any of these sentinels knows it.
    ///
    /// The database of the first URL is that of the servers. Its user and password are those of
    /// the sentinels and, unless [`credentials`](Self::credentials) are set, of the servers too.
    /// With `rediss://` both are reached by TLS.
    ///
    /// A failover is followed as soon as a sentinel announces it. What the new primary did not get
    /// from the old one is lost, purges too: see [`wait_for_replicas`](Self::wait_for_replicas).
    #[cfg(feature = "redis-sentinel")]
    pub fn sentinel(
        service: impl Into<String>,
        urls: impl IntoIterator<Item = impl Into<String>>,
    ) -> Self {
        Self::at(RedisServers::sentinel(service, urls))
    }

    fn at(servers: RedisServers) -> Self {
        Self { servers, options: RedisOptions::default() }
    }

    /// What the names of all keys in Redis begin with. Default: `arc:`.
    ///
    /// In a Redis Cluster `{name}` in the prefix keeps all keys in one slot, and so on one node. A
    /// first `{` that is not closed or has nothing in it is an error there: it would spread over
    /// several nodes what has to be on one.
    pub fn key_prefix(mut self, prefix: impl Into<String>) -> Self {
        self.options.prefix = prefix.into();
        self
    }

    /// How long to wait for a connection to Redis, its TLS handshake and login included. Default:
    /// 100 ms. Where several are made one after the other, as to a sentinel and to the primary that it
    /// names, each has this time; a request waits for no longer than for one.
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.options.connect_timeout = timeout;
        self
    }

    /// How long to wait for a reply of Redis. Default: 50 ms.
    pub fn response_timeout(mut self, timeout: Duration) -> Self {
        self.options.response_timeout = timeout;
        self
    }

    /// The longest body that is stored in Redis, in bytes. Default: whatever
    /// [`Responses::max_body`](crate::Responses::max_body) lets through. A longer one counts as too
    /// large; a tiered store keeps it in the memory of the process that got it.
    pub fn max_body(mut self, bytes: usize) -> Self {
        self.options.max_body = bytes;
        self
    }

    /// Compresses bodies of `above` bytes or more, by LZ4, where that makes them smaller and they
    /// carry no `Content-Encoding`. Clients get what the handler gave. Default: `None`, nothing is
    /// compressed.
    ///
    /// All processes of a fleet need the feature `compression` to read what one compresses.
    #[cfg(feature = "compression")]
    pub fn compress_above(mut self, above: impl Into<Option<usize>>) -> Self {
        self.options.compress_above = above.into();
        self
    }

    /// Purges return only once `count` replicas of each Redis server know of them. If they do not
    /// `within` this time, the caller of the purge gets an error: the purge is done, and may be undone.
    /// Default: 0, purges wait for no replica.
    ///
    /// Redis replicates after it has replied. A server that takes the place of another in a failover
    /// may therefore not know of the last purges, usually those of the last milliseconds: what they
    /// removed is served again, until its lifetime ends.
    pub fn wait_for_replicas(mut self, count: u32, within: Duration) -> Self {
        self.options.replicas = (count > 0).then_some(Replicas { count, within });
        self
    }

    /// User and password of the Redis servers, in place of those in the URL. With Sentinel those
    /// in the URLs are then the sentinels' alone. An empty user is the default one.
    pub fn credentials(mut self, user: impl Into<String>, password: impl Into<String>) -> Self {
        self.options.access.login = Some((user.into(), password.into()));
        self
    }

    /// Certificates in PEM of the authorities that are trusted to name Redis servers
    /// (`rediss://`). Default: those that the system trusts.
    #[cfg(feature = "redis-tls")]
    pub fn ca(mut self, pem: impl AsRef<[u8]>) -> Self {
        self.options.access.ca = Some(pem.as_ref().to_vec());
        self
    }

    /// The certificate chain and the private key, in PEM, by which Redis knows the cache
    /// (`rediss://`). Default: none.
    #[cfg(feature = "redis-tls")]
    pub fn client_certificate(
        mut self,
        certificate: impl AsRef<[u8]>,
        key: impl AsRef<[u8]>,
    ) -> Self {
        let pair = (certificate.as_ref().to_vec(), key.as_ref().to_vec());
        self.options.access.certificate = Some(pair);
        self
    }
}

/// Constructors from the types of the [`redis`](https://docs.rs/redis/1) crate, version 1. These are the
/// only places of this crate's API that name another crate's version.
#[cfg(feature = "redis-1")]
impl Redis {
    /// The server of this client, reached as the client says.
    pub fn from_client(client: redis::Client) -> Self {
        Self::at(client.into())
    }

    /// The Cluster of this client. It must not read from replicas, as they answer with what has been
    /// purged; and it opens no connection for subscriptions, so that a hit is more than one round trip
    /// and no request waits for another process's handler call. [`cluster`](Self::cluster) does.
    #[cfg(feature = "redis-cluster")]
    pub fn from_cluster_client(client: redis::cluster::ClusterClient) -> Self {
        Self::at(client.into())
    }

    /// The primary that this client of sentinels finds.
    #[cfg(feature = "redis-sentinel")]
    pub fn from_sentinel_client(client: redis::sentinel::SentinelClient) -> Self {
        Self::at(client.into())
    }
}
