//! A connection to all nodes of a Redis Cluster: each command goes to the primary of its key, all at once,
//! and follows its key when that moves.

use std::{sync::Arc, time::Duration};

use futures_util::future;
use redis::{
    Arg, Cmd, ErrorKind, Pipeline, RedisError, ServerErrorKind, Value,
    cluster_async::ClusterConnection,
    cluster_routing::{
        MultipleNodeRoutingInfo, Route, RoutingInfo, SingleNodeRoutingInfo, Slot, SlotAddr,
    },
};
use tokio::time::timeout;

use super::{
    failure::Failure,
    members::{self, Member, Topology},
    node::Location,
    primaries,
    slot_backoff::SlotBackoff,
};

/// One name in 16384 is in a certain slot: of this number of names, one very probably is.
const MAX_TRIES: u32 = 1 << 18;

/// A connection to all nodes, of which each command takes the way to its own.
#[derive(Clone)]
pub(super) struct Routes {
    pub(super) connection: ClusterConnection,
    pub(super) slot_backoff: Arc<SlotBackoff>,
    pub(super) within: Duration,
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
    pub(super) async fn members(&self, unknown_host: &str) -> Result<Vec<Member>, RedisError> {
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

    pub(super) async fn topology_of(
        &self,
        host: String,
        port: u16,
    ) -> Result<Topology, RedisError> {
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
