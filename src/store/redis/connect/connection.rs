//! A connection to a server or to a Cluster: commands go out, replies come back in order.

#[cfg(feature = "redis-sentinel")]
use std::sync::Arc;

use redis::{Cmd, Pipeline, RedisError, Value, aio::MultiplexedConnection};

use super::{
    entry_read::EntryRead,
    wire::{self, Reply, Wire},
};

#[cfg(feature = "redis-cluster")]
use super::routes::Routes;
#[cfg(feature = "redis-sentinel")]
use super::sentinel::Primary;
use super::{failure::Failure, node::Location};

/// A connection that several exchanges use at a time.
#[derive(Clone)]
pub(super) enum Connection {
    Plain(Wire),
    One(MultiplexedConnection),
    /// Of a server which is the primary until sentinels say otherwise.
    #[cfg(feature = "redis-sentinel")]
    Primary(MultiplexedConnection, Arc<Primary>),
    #[cfg(feature = "redis-cluster")]
    Cluster(Routes),
}

impl Connection {
    /// Sends commands and returns their replies, errors of servers among them, in order.
    pub(super) async fn send(self, commands: Vec<Cmd>) -> Result<Vec<Value>, Failure> {
        let mut connection = match self {
            Self::Plain(wire) => return wire.send(&commands).await,
            Self::One(connection) => connection,
            #[cfg(feature = "redis-sentinel")]
            Self::Primary(connection, _) => connection,
            #[cfg(feature = "redis-cluster")]
            Self::Cluster(routes) => return routes.send(commands).await,
        };
        let count = commands.len();
        let mut pipeline = Pipeline::with_capacity(count);
        for command in commands {
            pipeline.add_command(command);
        }
        let replies = connection.send_packed_commands(&pipeline, 0, count).await?;
        if replies.len() == count { Ok(replies) } else { Err(another_number().into()) }
    }

    /// Reads the begin of a value and the time.
    pub(super) async fn read_entry(self, read: EntryRead<'_>) -> Result<[Reply; 2], Failure> {
        if let Self::Plain(wire) = self {
            return wire::received(wire.begin_read(&read)?.await);
        }
        let replies = self.send(read.commands().into()).await?;
        let replies: [Value; 2] = replies.try_into().map_err(|_| another_number())?;
        Ok(replies.map(Reply::from))
    }

    /// Sends one command to one node.
    pub(super) async fn send_to(self, location: Location, command: Cmd) -> Result<Value, Failure> {
        match (self, location) {
            (Self::Plain(wire), _) => {
                let mut replies = wire.send(&[command]).await?;
                replies.pop().ok_or_else(|| another_number().into())
            }
            (Self::One(mut connection), _) => Ok(connection.send_packed_command(&command).await?),
            #[cfg(feature = "redis-sentinel")]
            (Self::Primary(mut connection, _), _) => {
                Ok(connection.send_packed_command(&command).await?)
            }
            #[cfg(feature = "redis-cluster")]
            (Self::Cluster(routes), Location::InCluster { host, port, .. }) => {
                Ok(routes.send_to(host, port, command).await?)
            }
            #[cfg(feature = "redis-cluster")]
            (Self::Cluster(_), Location::Only) => {
                let problem = "a node of another kind of servers";
                Err(RedisError::from((redis::ErrorKind::Client, problem)).into())
            }
        }
    }

    /// The server that is the primary until sentinels say otherwise.
    #[cfg(feature = "redis-sentinel")]
    pub(super) fn primary(self) -> Option<Arc<Primary>> {
        let Self::Primary(_, primary) = self else { return None };
        Some(primary)
    }

    /// The ways to the nodes of a Cluster.
    #[cfg(feature = "redis-cluster")]
    pub(super) fn routes(self) -> Option<Routes> {
        let Self::Cluster(routes) = self else { return None };
        Some(routes)
    }

    /// The servers that together hold all keys.
    #[cfg_attr(not(feature = "redis-cluster"), allow(clippy::unused_async))]
    pub(super) async fn locations(self) -> Result<Vec<Location>, RedisError> {
        match self {
            #[cfg(feature = "redis-cluster")]
            Self::Cluster(routes) => routes.locations().await,
            _ => Ok(vec![Location::Only]),
        }
    }
}

fn another_number() -> RedisError {
    (redis::ErrorKind::Parse, "another number of replies than commands").into()
}
