//! `RedisServers`: which servers a user means.

use std::fmt;

use redis::Client;

/// The Redis servers that a cache uses: by URL, or by a client of the `redis` crate.
#[derive(Clone)]
pub(crate) struct RedisServers(pub(super) Kind);

/// How they are named.
#[derive(Clone)]
pub(super) enum Kind {
    Url(String),
    Client(Box<Client>),
    #[cfg(feature = "redis-cluster")]
    Cluster(Vec<String>),
    #[cfg(feature = "redis-cluster")]
    ClusterClient(Box<redis::cluster::ClusterClient>),
    #[cfg(feature = "redis-sentinel")]
    Sentinel {
        service: String,
        urls: Vec<String>,
    },
    #[cfg(feature = "redis-sentinel")]
    SentinelClient(super::sentinel::SharedClient),
}

impl RedisServers {
    /// A Redis Cluster, found by any of these nodes.
    #[cfg(feature = "redis-cluster")]
    pub(crate) fn cluster(urls: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self(Kind::Cluster(urls.into_iter().map(Into::into).collect()))
    }

    /// The primary of `service`, as any of these sentinels knows it.
    #[cfg(feature = "redis-sentinel")]
    pub(crate) fn sentinel(
        service: impl Into<String>,
        urls: impl IntoIterator<Item = impl Into<String>>,
    ) -> Self {
        let urls = urls.into_iter().map(Into::into).collect();
        Self(Kind::Sentinel { service: service.into(), urls })
    }

    /// Where entries are, for comparing two caches. May hold passwords: never to be shown.
    pub(crate) fn identity(&self) -> String {
        match &self.0 {
            Kind::Url(url) => url.clone(),
            Kind::Client(client) => {
                let info = client.get_connection_info();
                format!("{} {}", info.addr(), info.redis_settings().db())
            }
            #[cfg(feature = "redis-cluster")]
            Kind::Cluster(urls) => urls.join(" "),
            #[cfg(feature = "redis-cluster")]
            Kind::ClusterClient(client) => format!("{client:?}"),
            #[cfg(feature = "redis-sentinel")]
            Kind::Sentinel { service, urls } => format!("{service} {}", urls.join(" ")),
            #[cfg(feature = "redis-sentinel")]
            Kind::SentinelClient(client) => client.identity(),
        }
    }
}

/// Without addresses, as they may contain passwords.
impl fmt::Debug for RedisServers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("RedisServers").finish_non_exhaustive()
    }
}

impl From<&str> for RedisServers {
    fn from(url: &str) -> Self {
        Self(Kind::Url(url.to_owned()))
    }
}

impl From<&String> for RedisServers {
    fn from(url: &String) -> Self {
        Self(Kind::Url(url.clone()))
    }
}

impl From<String> for RedisServers {
    fn from(url: String) -> Self {
        Self(Kind::Url(url))
    }
}

impl From<Client> for RedisServers {
    fn from(client: Client) -> Self {
        Self(Kind::Client(client.into()))
    }
}

#[cfg(feature = "redis-cluster")]
impl From<redis::cluster::ClusterClient> for RedisServers {
    fn from(client: redis::cluster::ClusterClient) -> Self {
        Self(Kind::ClusterClient(client.into()))
    }
}

#[cfg(feature = "redis-sentinel")]
impl From<redis::sentinel::SentinelClient> for RedisServers {
    fn from(client: redis::sentinel::SentinelClient) -> Self {
        Self(Kind::SentinelClient(client.into()))
    }
}
