//! Exchanges that no request waits for.

use redis::{Cmd, Value};

use super::{
    RedisClient,
    error::{self, Kind, Source},
};
use crate::store::{
    error::{StoreError, StoreErrorKind},
    redis::connect::Node,
};

impl RedisClient {
    /// [`ask`](Self::ask), for what no request waits for: not while the server is being left alone,
    /// and what becomes of it does not speak for leaving the server alone.
    pub(in crate::store::redis) async fn ask_behind(
        &self,
        commands: Vec<Cmd>,
    ) -> Result<Vec<Value>, StoreError> {
        if commands.is_empty() {
            return Ok(vec![]);
        }
        self.left_in_peace()?;
        let replies = self.connections.exchange(commands).await.map_err(error::failed);
        self.answered(replies.and_then(|replies| self.without_errors(replies)))
    }

    /// The servers that together hold all keys, as they are now; asked [behind](Self::ask_behind).
    pub(in crate::store::redis) async fn nodes(&self) -> Result<Vec<Node>, StoreError> {
        self.left_in_peace()?;
        self.answered(self.connections.nodes().await.map_err(error::failed))
    }

    /// The reply to a command that is for one node, asked [behind](Self::ask_behind): over the
    /// connection over which the node was found, or not at all.
    pub(in crate::store::redis) async fn ask_node(
        &self,
        node: &Node,
        command: Cmd,
    ) -> Result<Value, StoreError> {
        self.left_in_peace()?;
        let reply = self.connections.exchange_with(node, command).await.map_err(error::failed);
        let reply = reply.and_then(|reply| self.without_errors(vec![reply]));
        Ok(self.answered(reply)?.pop().unwrap_or_default())
    }

    fn left_in_peace(&self) -> Result<(), StoreError> {
        (!self.is_open()).then_some(()).ok_or(StoreError::new(StoreErrorKind::Unavailable))
    }

    /// What an exchange means of which the breaker is not told.
    fn answered<T>(&self, result: Result<T, (Kind, Source)>) -> Result<T, StoreError> {
        match result {
            Ok(replies) => {
                self.settling.answered(self.up.elapsed());
                Ok(replies)
            }
            Err((kind, source)) => Err(StoreError::with_source(kind.of_error(), source)),
        }
    }
}
