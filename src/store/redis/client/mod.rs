//! Commands to the server, each exchange behind the breaker and within its time, and what replies
//! and failures mean to a store.

mod background;
mod breaker_effects;
mod error;
mod exchanges;
mod read;
pub(super) mod reply;
mod script;
mod subscription;

use std::{pin::pin, time::Duration};

use redis::{Cmd, Value};
use tokio::time::timeout;

use self::exchanges::Exchanges;
pub(super) use self::{script::script, subscription::Subscription};
use super::{
    connect::{Access, Connections, RedisServers, ServersError, Timeouts},
    options::Replicas,
    settling::{Phase, Settling},
};
use crate::{
    clock::Stopwatch,
    store::{
        breaker::Breaker,
        budget,
        error::{StoreError, StoreErrorKind},
        health::RedisHealth,
    },
};

/// The way to the server.
pub(super) struct RedisClient {
    connections: Connections,
    timeouts: Timeouts,
    breaker: Breaker,
    settling: Settling,
    exchanges: Exchanges,
    up: Stopwatch,
}

impl RedisClient {
    pub(super) fn new(
        servers: RedisServers,
        access: &Access,
        timeouts: Timeouts,
    ) -> Result<Self, ServersError> {
        Ok(Self {
            connections: Connections::new(servers, access, timeouts)?,
            timeouts,
            breaker: Breaker::default(),
            settling: Settling::new(timeouts),
            exchanges: Exchanges::default(),
            up: Stopwatch::start(),
        })
    }

    /// The number of the database.
    pub(super) fn database(&self) -> i64 {
        self.connections.database()
    }

    /// Whether keys are spread over several servers.
    pub(super) fn is_to_several(&self) -> bool {
        self.connections.is_to_several()
    }

    /// How many connections there are.
    #[cfg(test)]
    pub(super) fn connections(&self) -> usize {
        self.connections.count()
    }

    /// How long an exchange may take whose answer is of use.
    pub(super) fn bound(&self) -> Duration {
        self.connections.bound()
    }

    /// Whether what Redis says can be relied on, since it was last away. If not, an error; while it is
    /// away it may still be asked, so that it is found again.
    pub(super) fn check_settled(&self) -> Result<(), StoreError> {
        match self.settling.phase(|| self.up.elapsed()) {
            Phase::Settled | Phase::Away => Ok(()),
            Phase::Settling => Err(unsettled()),
        }
    }

    /// Whether what Redis has just said can be relied on.
    pub(super) fn check_answer(&self) -> Result<(), StoreError> {
        match self.settling.phase(|| self.up.elapsed()) {
            Phase::Settled => Ok(()),
            Phase::Away | Phase::Settling => Err(unsettled()),
        }
    }

    /// Redis has not answered for long.
    pub(super) fn lost(&self) {
        self.settling.lost();
    }

    /// Whether the server answers now, whatever the breaker says; it closes if so.
    pub(super) async fn probe(&self) -> bool {
        self.send_unchecked(vec![redis::cmd("PING")]).await.is_ok()
    }

    pub(super) fn address(&self) -> String {
        self.connections.address()
    }

    /// Waits until this number of replicas of every server have what was written. An error if they do not
    /// within this time: what was written may not survive a failover.
    pub(super) async fn wait_for_replicas(
        &self,
        name: &str,
        Replicas { count, within }: Replicas,
    ) -> Result<(), StoreError> {
        let have = self.connections.replicas(name, count, within).await;
        let have = have.map_err(|failure| {
            StoreError::with_source(StoreErrorKind::Unavailable, failure.into_cause())
        })?;
        if have >= u64::from(count) {
            return Ok(());
        }
        let problem = format!("purged, but {have} of {count} replicas know: it may be undone");
        Err(StoreError::with_source(StoreErrorKind::Unavailable, problem))
    }

    /// The number of this runtime's connection, where there is one.
    pub(super) fn connection_number(&self) -> Option<u64> {
        self.connections.number()
    }

    /// Whether a write may have reached a server that is no longer the primary, where the connection had the
    /// number `before` it.
    pub(super) async fn was_replaced(&self, before: Option<u64>) -> bool {
        self.connections.was_replaced(before).await
    }

    /// How it does with Redis, as far as exchanges tell.
    pub(super) fn health(&self) -> RedisHealth {
        RedisHealth {
            is_away: self.is_open() || self.settling.phase(|| self.up.elapsed()) == Phase::Away,
            outages: self.exchanges.outages(),
            exchanges: self.exchanges.times(),
            errors: self.exchanges.errors(),
            ..RedisHealth::default()
        }
    }

    /// Whether the breaker is open.
    pub(super) fn is_open(&self) -> bool {
        self.breaker.is_open()
    }

    /// Replies to commands, which are sent together and may be run in any order.
    ///
    /// A reply that is an error is the exchange's error, but for `WRONGTYPE`: that stands among
    /// the replies, as a reply that no reader of replies expects.
    ///
    /// Of a request, all exchanges together take no longer than one that has to connect first: where
    /// nothing is left, the server is not asked.
    pub(super) async fn send(&self, commands: Vec<Cmd>) -> Result<Vec<Value>, StoreError> {
        self.within_budget(self.send_unchecked(commands)).await
    }

    /// Takes the time that an exchange took from what the request that runs has.
    fn spend(&self, took: Duration, is_answered: bool) {
        self.exchanges.took(took);
        // a worker that was blocked has not waited for the server
        budget::spend(if is_answered { took.min(self.timeouts.response) } else { took });
    }

    /// Makes an exchange within what the request that runs has left.
    async fn within_budget<T>(
        &self,
        exchange: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        let whole = self.connections.bound();
        let left = budget::left_of(whole);
        if left.is_zero() {
            return Err(StoreError::new(StoreErrorKind::TimedOut));
        }
        self.admit()?;
        let mut exchange = pin!(exchange);
        let begun = Stopwatch::start();
        // the first exchange has its own bounds, so that the breaker learns how it ended
        let answer = if left == whole {
            Ok(exchange.as_mut().await)
        } else {
            timeout(left, exchange.as_mut()).await
        };
        self.spend(begun.elapsed(), matches!(answer, Ok(Ok(_))));
        answer.unwrap_or_else(|_| {
            self.exchanges.failed(StoreErrorKind::TimedOut);
            Err(StoreError::new(StoreErrorKind::TimedOut))
        })
    }

    /// Replies to stages of commands: those of one stage may be run in any order, and are all done
    /// before those of the next. One server runs commands in the order in which they come, so
    /// that all stages go at once; over several each stage is waited for.
    pub(super) async fn send_ordered<const N: usize>(
        &self,
        stages: [Vec<Cmd>; N],
    ) -> Result<Vec<Value>, StoreError> {
        if !self.connections.is_to_several() {
            return self.send(stages.into_iter().flatten().collect()).await;
        }
        let mut replies = Vec::with_capacity(stages.iter().map(Vec::len).sum());
        for stage in stages {
            replies.append(&mut self.send(stage).await?);
        }
        Ok(replies)
    }

    /// [`send`](Self::send), also while the breaker is open.
    pub(super) async fn send_unchecked(
        &self,
        commands: Vec<Cmd>,
    ) -> Result<Vec<Value>, StoreError> {
        let replies = self.connections.exchange(commands).await.map_err(error::classify);
        self.track(replies.and_then(|replies| self.without_errors(replies)))
    }

    fn admit(&self) -> Result<(), StoreError> {
        let is_admitted = !self.breaker.is_open() || self.breaker.admits(self.up.elapsed());
        is_admitted.then_some(()).ok_or(StoreError::new(StoreErrorKind::Unavailable))
    }

    /// Replies to commands that say nothing of whether others should ask: the breaker is neither
    /// asked nor told.
    pub(super) async fn send_untracked(&self, commands: Vec<Cmd>) -> Option<Vec<Value>> {
        let replies = self.connections.exchange(commands).await.ok()?;
        self.settling.answered(|| self.up.elapsed());
        for reply in &replies {
            if let Value::ServerError(error) = reply {
                self.reconnect_if_needed(error);
            }
        }
        Some(replies)
    }
}

/// Redis was away, and what it says is not to be relied on yet.
fn unsettled() -> StoreError {
    let problem = "Redis was away, and purges of other processes may be on their way";
    StoreError::with_source(StoreErrorKind::Unavailable, problem)
}
