//! A connection to a server or to a Cluster: commands go out, replies come back in order.

#[cfg(feature = "redis-sentinel")]
use std::sync::Arc;

use redis::{Cmd, Pipeline, RedisError, Value, aio::MultiplexedConnection};

#[cfg(feature = "redis-cluster")]
use super::routes::Routes;
#[cfg(feature = "redis-sentinel")]
use super::sentinel::Primary;
use super::{failure::Failure, node::Location};

/// A connection that several exchanges use at a time.
#[derive(Clone)]
pub(super) enum Connection {
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
        if replies.len() == count {
            return Ok(replies);
        }
        let problem = "another number of replies than commands";
        Err(RedisError::from((redis::ErrorKind::Parse, problem)).into())
    }

    /// Sends one command to one node.
    pub(super) async fn send_to(
        self,
        location: Location,
        command: Cmd,
    ) -> Result<Value, RedisError> {
        match (self, location) {
            (Self::One(mut connection), _) => connection.send_packed_command(&command).await,
            #[cfg(feature = "redis-sentinel")]
            (Self::Primary(mut connection, _), _) => connection.send_packed_command(&command).await,
            #[cfg(feature = "redis-cluster")]
            (Self::Cluster(routes), Location::InCluster { host, port, .. }) => {
                routes.send_to(host, port, command).await
            }
            #[cfg(feature = "redis-cluster")]
            (Self::Cluster(_), Location::Only) => {
                Err((redis::ErrorKind::Client, "a node of another kind of servers").into())
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
