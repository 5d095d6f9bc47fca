//! A Redis Cluster: each command goes to the primary of its key, all at once, and follows its key
//! when that moves.

use std::{sync::Arc, time::Duration};

use futures_util::future;
use redis::{
    Arg, Client, Cmd, ConnectionAddr, ConnectionInfo, ErrorKind, Pipeline, RedisError,
    ServerErrorKind, Value,
    aio::PubSub,
    cluster::{ClusterClient, ClusterClientBuilder, ClusterConfig},
    cluster_async::ClusterConnection,
    cluster_routing::{
        MultipleNodeRoutingInfo, Route, RoutingInfo, SingleNodeRoutingInfo, Slot, SlotAddr,
    },
};
use tokio::time::timeout;

use super::{
    access::Access,
    failure::Failure,
    members::{self, Member, Topology},
    node::Location,
    primaries,
    slot_backoff::SlotBackoff,
    timeouts::{Timeouts, with_timeout},
    url::{self, ServersError},
};

/// How many times a command follows its key: a slot that has moved and is moving on asks for two.
const RETRIES: u32 = 2;
/// How long to wait before a command is repeated which found its slot between two nodes.
const RETRY_MS: u64 = 5;

/// One name in 16384 is in a certain slot: of this number of names, one very probably is.
const MAX_TRIES: u32 = 1 << 18;

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
            .set_response_timeout(timeouts.connect.max(timeouts.operate));
        let connection = client.get_async_connection_with_config(config).await?;
        let routes = Routes {
            connection,
            slot_backoff: Arc::clone(&self.slot_backoff),
            within: timeouts.operate,
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

/// A connection to all nodes, of which each command takes the way to its own.
#[derive(Clone)]
pub(super) struct Routes {
    connection: ClusterConnection,
    slot_backoff: Arc<SlotBackoff>,
    within: Duration,
}

impl Routes {
    /// Sends each command to the primary of its key. Replies come in order.
    pub(super) async fn send(self, commands: Vec<Cmd>) -> Result<Vec<Value>, Failure> {
        future::try_join_all(commands.into_iter().map(|command| self.send_one(command))).await
    }

    async fn send_one(&self, command: Cmd) -> Result<Value, Failure> {
        let Some(key) = key(&command) else {
            let any = RoutingInfo::SingleNode(SingleNodeRoutingInfo::RandomPrimary);
            return Ok(self.route(command, any).await?);
        };
        let slot = Slot::for_key(key);
        if self.slot_backoff.is_backing_off(slot) {
            return Err(Failure::BackingOff);
        }
        let reply = timeout(self.within, self.route_by_key(command, slot)).await;
        let reply = reply.map_err(|_| Failure::TimedOut).and_then(|reply| Ok(reply?));
        // where all that is known of a slot's node is its address, the node is not there
        let is_away = |reply: &Value| match reply {
            Value::ServerError(error) => error.kind() == Some(ServerErrorKind::Moved),
            _ => false,
        };
        if reply.as_ref().map_or(true, is_away) {
            self.slot_backoff.add(slot);
        }
        reply
    }

    async fn route_by_key(&self, command: Cmd, slot: Slot) -> Result<Value, RedisError> {
        let reply = self.route(command.clone(), primary_of(slot)).await?;
        let Some((host, port)) = asked_to(&reply) else { return Ok(reply) };
        // the connection asks in two steps, and other commands come in between: this is one
        let mut asking = Pipeline::with_capacity(2);
        asking.cmd("ASKING").add_command(command);
        let to = SingleNodeRoutingInfo::ByAddress { host, port };
        let replies = self.connection.clone().route_pipeline(asking, 0, 2, to).await?;
        Ok(replies.into_iter().nth(1).unwrap_or_default())
    }

    /// Sends a command to the primary at this address.
    pub(super) async fn send_to(
        self,
        host: String,
        port: u16,
        command: Cmd,
    ) -> Result<Value, RedisError> {
        let to = RoutingInfo::SingleNode(SingleNodeRoutingInfo::ByAddress { host, port });
        self.route(command, to).await
    }

    /// The members, as one of the primaries knows them. There is one at least, or it is an error.
    async fn members(&self, unknown_host: &str) -> Result<Vec<Member>, RedisError> {
        let mut ask = redis::cmd("CLUSTER");
        ask.arg("SLOTS");
        let any = RoutingInfo::SingleNode(SingleNodeRoutingInfo::RandomPrimary);
        let members = members::read(&self.route(ask, any).await?, unknown_host);
        if members.is_empty() {
            return Err((ErrorKind::Io, "a node that knows of no slots").into());
        }
        Ok(members)
    }

    /// How the node that holds this key sees the Cluster.
    pub(super) async fn topology(&self, key: &str) -> Result<Topology, RedisError> {
        topology(&self.route(info(), primary_of(Slot::for_key(key))).await?)
    }

    async fn topology_of(&self, host: String, port: u16) -> Result<Topology, RedisError> {
        topology(&self.clone().send_to(host, port, info()).await?)
    }

    /// Asks every primary that is known what it holds.
    pub(super) async fn locations(&self) -> Result<Vec<Location>, RedisError> {
        let mut ask = redis::cmd("CLUSTER");
        ask.arg("NODES");
        let all = RoutingInfo::MultiNode((MultipleNodeRoutingInfo::AllMasters, None));
        primaries::read(self.route(ask, all).await?)
    }

    /// Sends to every primary what `commands` makes of the name of a key that is there. Where the
    /// name as it is has a hash tag, only one node has keys of its kind.
    pub(super) async fn send_everywhere(
        &self,
        name: &str,
        commands: impl Fn(&str) -> Pipeline,
    ) -> Result<Vec<Vec<Value>>, RedisError> {
        let names = if name.contains('{') {
            vec![name.to_owned()]
        } else {
            let slots =
                self.locations().await?.into_iter().filter_map(|location| location.first_slot());
            slots.filter_map(|slot| name_in(slot, name)).collect()
        };
        let replies = names.iter().map(async |name| {
            let (pipeline, mut connection) = (commands(name), self.connection.clone());
            let (count, to) = (pipeline.len(), Route::with_key(name, SlotAddr::Master));
            let to = SingleNodeRoutingInfo::SpecificNode(to);
            connection.route_pipeline(pipeline, 0, count, to).await
        });
        future::try_join_all(replies).await
    }

    async fn route(&self, command: Cmd, to: RoutingInfo) -> Result<Value, RedisError> {
        self.connection.clone().route_command(command, to).await.or_else(|error| {
            // what a server refused is a reply, as it is on one server
            error.try_into().map(Value::ServerError)
        })
    }
}

fn info() -> Cmd {
    let mut info = redis::cmd("CLUSTER");
    info.arg("INFO");
    info
}

fn topology(info: &Value) -> Result<Topology, RedisError> {
    let problem = "a node that tells nothing of its Cluster";
    Topology::read(info).ok_or_else(|| (ErrorKind::Parse, problem).into())
}

/// The address that a reply sends the command to while its key is on the way.
fn asked_to(reply: &Value) -> Option<(String, u16)> {
    let Value::ServerError(error) = reply else { return None };
    if error.kind() != Some(ServerErrorKind::Ask) {
        return None;
    }
    let (host, port) = error.details()?.split(' ').nth(1)?.rsplit_once(':')?;
    Some((host.to_owned(), port.parse().ok()?))
}

/// Never to a replica, whatever a client's settings: there, purges come later.
fn primary_of(slot: Slot) -> RoutingInfo {
    let route = Route::with_slot(slot, SlotAddr::Master);
    RoutingInfo::SingleNode(SingleNodeRoutingInfo::SpecificNode(route))
}

/// A name that begins like this one and is in this slot.
fn name_in(slot: u16, name: &str) -> Option<String> {
    let slot = Slot::new(slot)?;
    let mut names = (0..MAX_TRIES).map(|tag| format!("{name}:{{{tag}}}"));
    names.find(|name| Slot::for_key(name) == slot)
}

/// The key of a command; our scripts have all their keys in one slot.
fn key(command: &Cmd) -> Option<&[u8]> {
    let at = if command.args_iter().next() == Some(Arg::Simple(b"EVAL")) { 3 } else { 1 };
    match command.args_iter().nth(at)? {
        Arg::Simple(key) => Some(key),
        _ => None,
    }
}
