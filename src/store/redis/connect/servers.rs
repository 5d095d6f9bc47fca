//! `Servers`: what opens connections to the servers that a user means.

#[cfg(feature = "redis-cluster")]
use redis::RedisError;
use redis::{Client, aio::PubSub};

#[cfg(feature = "redis-sentinel")]
use super::sentinel::{Primary, Sentinel};
use super::{
    access::Access,
    connection::Connection,
    dial,
    failure::Failure,
    redis_servers::{Kind, RedisServers},
    timeouts::{Timeouts, with_timeout},
    url::{self, ServersError},
    wire::Wire,
};
#[cfg(feature = "redis-cluster")]
use super::{cluster::Cluster, members::Member};

/// Servers whose settings have been checked.
pub(super) enum Servers {
    /// One to which connections are our own.
    Plain(Client),
    One(Client),
    #[cfg(feature = "redis-cluster")]
    Cluster(Box<Cluster>),
    #[cfg(feature = "redis-sentinel")]
    Sentinel(Sentinel),
}

impl Servers {
    pub(super) fn new(servers: RedisServers, access: &Access) -> Result<Self, ServersError> {
        Ok(match servers.0 {
            Kind::Url(url) => {
                let client = access.client(url::read("redis", &url)?)?;
                let is_plain = Wire::is_for(client.get_connection_info());
                if is_plain { Self::Plain(client) } else { Self::One(client) }
            }
            Kind::Client(client) => Self::One(*access.none(client)?),
            #[cfg(feature = "redis-cluster")]
            Kind::Cluster(urls) => {
                Self::Cluster(Cluster::new(url::read_all("Redis::cluster", &urls)?, access)?.into())
            }
            #[cfg(feature = "redis-cluster")]
            Kind::ClusterClient(client) => Self::Cluster(Box::new((*access.none(client)?).into())),
            #[cfg(feature = "redis-sentinel")]
            Kind::Sentinel { service, urls } => Self::Sentinel(Sentinel::new(
                service,
                url::read_all("Redis::sentinel", &urls)?,
                access,
            )?),
            #[cfg(feature = "redis-sentinel")]
            Kind::SentinelClient(client) => Self::Sentinel(access.none(client)?.into()),
        })
    }

    /// Where the servers are, without credentials.
    pub(super) fn address(&self) -> String {
        match self {
            Self::Plain(client) | Self::One(client) => {
                client.get_connection_info().addr().to_string()
            }
            #[cfg(feature = "redis-cluster")]
            Self::Cluster(cluster) => cluster.address(),
            #[cfg(feature = "redis-sentinel")]
            Self::Sentinel(sentinel) => sentinel.address(),
        }
    }

    /// The number of the database. A Cluster has one; what a client of sentinels was made with it
    /// does not tell, and is taken for the default.
    pub(super) fn database(&self) -> i64 {
        match self {
            Self::Plain(client) | Self::One(client) => {
                client.get_connection_info().redis_settings().db()
            }
            #[cfg(feature = "redis-cluster")]
            Self::Cluster(_) => 0,
            #[cfg(feature = "redis-sentinel")]
            Self::Sentinel(sentinel) => sentinel.database(),
        }
    }

    /// Whether keys are spread over several servers.
    pub(super) fn are_several(&self) -> bool {
        match self {
            #[cfg(feature = "redis-cluster")]
            Self::Cluster(_) => true,
            _ => false,
        }
    }

    /// A connection for commands, driven by the runtime that awaits this. The time to connect is that
    /// of each connection that it takes: several are made one after the other where servers are to
    /// be found first.
    pub(super) async fn connect(&self, timeouts: Timeouts) -> Result<Connection, Failure> {
        match self {
            Self::Plain(client) => {
                let connecting = Wire::connect(client.get_connection_info(), timeouts.response);
                let connected = with_timeout(timeouts.connect, connecting).await;
                dial::connecting(client, connected).map(Connection::Plain)
            }
            Self::One(client) => dial::to(client, timeouts.connect).await.map(Connection::One),
            #[cfg(feature = "redis-cluster")]
            Self::Cluster(cluster) => Ok(Connection::Cluster(cluster.connect(timeouts).await?)),
            #[cfg(feature = "redis-sentinel")]
            Self::Sentinel(sentinel) => {
                let (connection, primary) = sentinel.connect(timeouts).await?;
                Ok(Connection::Primary(connection, primary.into()))
            }
        }
    }

    /// Whether connections are made by TLS.
    pub(super) fn are_tls(&self) -> bool {
        let info = match self {
            Self::Plain(client) | Self::One(client) => Some(client.get_connection_info()),
            #[cfg(feature = "redis-cluster")]
            Self::Cluster(cluster) => cluster.seed().ok(),
            #[cfg(feature = "redis-sentinel")]
            Self::Sentinel(sentinel) => sentinel.server(),
        };
        info.is_some_and(|info| matches!(info.addr(), redis::ConnectionAddr::TcpTls { .. }))
    }

    /// Whether sentinels say that another server than this is the primary.
    #[cfg(feature = "redis-sentinel")]
    #[allow(
        clippy::match_wildcard_for_single_variants,
        reason = "with other features there are more"
    )]
    pub(super) async fn is_replaced(&self, primary: &Primary, timeouts: Timeouts) -> bool {
        match self {
            Self::Sentinel(sentinel) => sentinel.is_replaced(primary, timeouts).await,
            _ => false,
        }
    }

    /// Whether sentinels watch the primary.
    #[cfg(feature = "redis-sentinel")]
    pub(super) const fn are_watched(&self) -> bool {
        matches!(self, Self::Sentinel(_))
    }

    /// Waits until they say so; for other servers forever.
    #[cfg(feature = "redis-sentinel")]
    #[allow(
        clippy::match_wildcard_for_single_variants,
        reason = "with other features there are more"
    )]
    pub(super) async fn replaced(&self, primary: &Primary) {
        match self {
            Self::Sentinel(sentinel) => sentinel.replaced(&primary.address()).await,
            _ => std::future::pending().await,
        }
    }

    /// A connection for subscriptions: to the server, or to the present primary.
    pub(super) async fn pubsub(&self, timeouts: Timeouts) -> Result<PubSub, Failure> {
        match self {
            Self::Plain(client) | Self::One(client) => {
                with_timeout(timeouts.connect, client.get_async_pubsub()).await
            }
            #[cfg(feature = "redis-cluster")]
            Self::Cluster(_) => Err(no_routes().into()),
            #[cfg(feature = "redis-sentinel")]
            Self::Sentinel(sentinel) => {
                let client = sentinel.primary(timeouts).await?;
                with_timeout(timeouts.connect, client.get_async_pubsub()).await
            }
        }
    }

    /// [`subscriber`](Self::subscriber), to a member of the Cluster that `connection` leads to.
    #[cfg(feature = "redis-cluster")]
    pub(super) async fn member(
        &self,
        connection: Connection,
        within: std::time::Duration,
    ) -> Result<(PubSub, Member), Failure> {
        match (self, connection.routes()) {
            (Self::Cluster(cluster), Some(routes)) => cluster.pubsub(&routes, within).await,
            _ => Err(no_routes().into()),
        }
    }

    /// Whether this still is a member of the Cluster that `connection` leads to.
    #[cfg(feature = "redis-cluster")]
    pub(super) async fn has_member(
        &self,
        connection: Connection,
        member: &Member,
    ) -> Result<bool, RedisError> {
        match (self, connection.routes()) {
            (Self::Cluster(cluster), Some(routes)) => cluster.has(&routes, member).await,
            _ => Err(no_routes()),
        }
    }
}

#[cfg(feature = "redis-cluster")]
fn no_routes() -> RedisError {
    (redis::ErrorKind::Client, "not a connection to a Cluster").into()
}
