//! Exchanges that no request waits for.

use redis::{Cmd, Value};

use super::{
    RedisClient,
    error::{self, BreakerEffect, Cause},
};
use crate::store::{
    error::{StoreError, StoreErrorKind},
    redis::connect::Node,
};

impl RedisClient {
    /// [`send`](Self::send), for what no request waits for: not while the breaker is open,
    /// and what becomes of it does not speak for leaving the server alone.
    pub(in crate::store::redis) async fn send_in_background(
        &self,
        commands: Vec<Cmd>,
    ) -> Result<Vec<Value>, StoreError> {
        if commands.is_empty() {
            return Ok(vec![]);
        }
        self.check_breaker()?;
        let replies = self.connections.exchange(commands).await.map_err(error::classify);
        self.without_breaker(replies.and_then(|replies| self.without_errors(replies)))
    }

    /// The servers that together hold all keys, as they are now; asked [behind](Self::send_in_background).
    pub(in crate::store::redis) async fn nodes(&self) -> Result<Vec<Node>, StoreError> {
        self.check_breaker()?;
        self.without_breaker(self.connections.nodes().await.map_err(error::classify))
    }

    /// The reply to a command that is for one node, asked [behind](Self::send_in_background): over the
    /// connection over which the node was found, or not at all.
    pub(in crate::store::redis) async fn send_to_node(
        &self,
        node: &Node,
        command: Cmd,
    ) -> Result<Value, StoreError> {
        self.check_breaker()?;
        let reply = self.connections.exchange_with(node, command).await.map_err(error::classify);
        let reply = reply.and_then(|reply| self.without_errors(vec![reply]));
        Ok(self.without_breaker(reply)?.pop().unwrap_or_default())
    }

    fn check_breaker(&self) -> Result<(), StoreError> {
        (!self.is_open()).then_some(()).ok_or(StoreError::new(StoreErrorKind::Unavailable))
    }

    /// What an exchange means of which the breaker is not told.
    fn without_breaker<T>(
        &self,
        result: Result<T, (BreakerEffect, Cause)>,
    ) -> Result<T, StoreError> {
        match result {
            Ok(replies) => {
                self.settling.answered(|| self.up.elapsed());
                Ok(replies)
            }
            Err((kind, source)) => Err(StoreError::with_source(kind.error_kind(), source)),
        }
    }
}
