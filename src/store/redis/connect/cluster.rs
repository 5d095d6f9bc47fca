//! A Redis Cluster: how its nodes are found, and which of them is subscribed to.

use std::{sync::Arc, time::Duration};

use futures_util::future;
use redis::{
    Client, ConnectionAddr, ConnectionInfo, ErrorKind, RedisError,
    aio::PubSub,
    cluster::{ClusterClient, ClusterClientBuilder, ClusterConfig},
};

use super::{
    access::Access,
    failure::Failure,
    members::Member,
    routes::Routes,
    slot_backoff::SlotBackoff,
    timeouts::{Timeouts, with_timeout},
    url::{self, ServersError},
};

/// How many times a command follows its key: a slot that has moved and is moving on asks for two.
const RETRIES: u32 = 2;
/// How long to wait before a command is repeated which found its slot between two nodes.
const RETRY_MS: u64 = 5;

/// How many members are tried at once for a subscription: one that is gone may take all the time.
const MAX_CANDIDATES: usize = 3;

/// How to find the nodes.
pub(super) struct Cluster {
    client: ClusterClient,
    /// By each seed alone.
    single: Vec<ClusterClient>,
    /// The nodes that were named; none for a client of the `redis` crate.
    seeds: Vec<Client>,
    slot_backoff: Arc<SlotBackoff>,
}

impl From<ClusterClient> for Cluster {
    fn from(client: ClusterClient) -> Self {
        Self { client, single: Vec::new(), seeds: Vec::new(), slot_backoff: Arc::default() }
    }
}

impl Cluster {
    pub(super) fn new(infos: Vec<ConnectionInfo>, access: &Access) -> Result<Self, ServersError> {
        let infos: Vec<_> = infos.into_iter().map(|info| access.logged_in(info)).collect();
        let client = client(infos.clone(), access)?;
        let single = infos.iter().map(|info| self::client(vec![info.clone()], access));
        let single = single.collect::<Result<_, _>>()?;
        let seeds = infos.into_iter().map(|info| access.client(info)).collect::<Result<_, _>>()?;
        Ok(Self { client, single, seeds, slot_backoff: Arc::default() })
    }

    pub(super) fn address(&self) -> String {
        let addresses = self.seeds.iter().map(|seed| seed.get_connection_info().addr());
        match addresses.map(ToString::to_string).collect::<Vec<_>>().join(", ") {
            none if none.is_empty() => "a ClusterClient's".to_owned(),
            addresses => format!("the Cluster of {addresses}"),
        }
    }

    /// A connection to all nodes. What it does by itself, such as to learn where slots are, is
    /// bounded by the time to connect, for each node.
    ///
    /// A seed that is no member any more may be asked first, and know of no slots: then each seed is
    /// asked by itself.
    pub(super) async fn connect(&self, timeouts: Timeouts) -> Result<Routes, RedisError> {
        let all = self.routes(&self.client, timeouts).await;
        if all.is_ok() || self.single.len() < 2 {
            return all;
        }
        let single = self.single.iter().map(|client| Box::pin(self.routes(client, timeouts)));
        future::select_ok(single).await.map(|(routes, _)| routes)
    }

    async fn routes(
        &self,
        client: &ClusterClient,
        timeouts: Timeouts,
    ) -> Result<Routes, RedisError> {
        let config = ClusterConfig::new()
            .set_connection_timeout(timeouts.connect)
            .set_response_timeout(timeouts.connect.max(timeouts.response));
        let connection = client.get_async_connection_with_config(config).await?;
        let routes = Routes {
            connection,
            slot_backoff: Arc::clone(&self.slot_backoff),
            within: timeouts.response,
        };
        routes.members("").await.map(|_| routes)
    }

    /// A connection for subscriptions to one of the members that `routes` lead to, as these hear of
    /// what is published at any; and which it is.
    pub(super) async fn pubsub(
        &self,
        routes: &Routes,
        within: Duration,
    ) -> Result<(PubSub, Member), Failure> {
        let seed = self.seed()?;
        let mut members = routes.members(&host_of(seed)).await?;
        fastrand::shuffle(&mut members);
        members.truncate(MAX_CANDIDATES);
        let opened = members.into_iter().map(|member| Box::pin(open(routes, seed, member, within)));
        future::select_ok(opened).await.map(|(opened, _)| opened)
    }

    /// Whether this still is one of the members.
    pub(super) async fn has(&self, routes: &Routes, member: &Member) -> Result<bool, RedisError> {
        Ok(routes.members(&host_of(self.seed()?)).await?.contains(member))
    }

    /// What servers of this Cluster have in common.
    pub(super) fn seed(&self) -> Result<&ConnectionInfo, RedisError> {
        let problem = "a ClusterClient opens no connection for subscriptions";
        let seed = self.seeds.first().map(Client::get_connection_info);
        seed.ok_or_else(|| (ErrorKind::InvalidClientConfig, problem).into())
    }
}

fn client(infos: Vec<ConnectionInfo>, access: &Access) -> Result<ClusterClient, ServersError> {
    #[cfg(feature = "redis-tls")]
    let certificates = infos.first().map(|info| access.certificates(info)).transpose()?.flatten();
    let builder = ClusterClientBuilder::new(infos)
        .retries(RETRIES)
        .min_retry_wait(RETRY_MS)
        .max_retry_wait(2 * RETRY_MS);
    #[cfg(feature = "redis-tls")]
    let builder = match certificates {
        Some(certificates) => builder.certs(certificates),
        None => builder,
    };
    #[cfg(not(feature = "redis-tls"))]
    let _ = access;
    // the crate's messages are constant, and report settings which differ between the nodes
    builder.build().map_err(|error| ServersError::new("Redis::cluster", error.to_string()))
}

fn host_of(info: &ConnectionInfo) -> String {
    match info.addr() {
        ConnectionAddr::Tcp(host, _) | ConnectionAddr::TcpTls { host, .. } => host.clone(),
        _ => String::new(),
    }
}

/// A connection for subscriptions to this member, if it is in touch with the others.
async fn open(
    routes: &Routes,
    seed: &ConnectionInfo,
    member: Member,
    within: Duration,
) -> Result<(PubSub, Member), Failure> {
    let (host, port) = (member.host.clone(), member.port);
    if !routes.topology_of(host.clone(), port).await?.is_ok() {
        let problem = "the node is not in touch with its Cluster";
        return Err(RedisError::from((ErrorKind::Io, problem)).into());
    }
    let client = Client::open(url::moved(seed, host, port))?;
    let subscriber = with_timeout(within, client.get_async_pubsub()).await?;
    Ok((subscriber, member))
}
