//! The subscription to announcements: it is made anew whenever it ends, loads what was announced
//! before it, takes in what is announced, and [checks](super::trust) that nothing is missed.

use std::{convert::Infallible, pin::pin, sync::Arc, time::Duration};

use futures_util::{
    FutureExt, StreamExt,
    future::{Either, OptionFuture, join, select},
};
use redis::{
    Msg,
    aio::{PubSubSink, PubSubStream},
};
use tokio::{
    sync::oneshot,
    task::unconstrained,
    time::{sleep, timeout},
};

use super::{
    heartbeat::{self, Heartbeats},
    logical_clock,
    state::{InvalidationState, Received},
    trust::{CHECK_INTERVAL, Check, CheckResult, Checks},
};
use crate::store::{
    breaker,
    redis::{
        client::{RedisClient, Subscription, reply::number},
        configuration::Configuration,
        connect::{SubscribedNode, TopologyChange},
        lease::Releases,
        names::Names,
        processes::Processes,
    },
};

/// How long an attempt to subscribe may take.
const SUBSCRIBE_TIMEOUT: Duration = Duration::from_secs(1);
/// How long loading all fences may take, each step of which has its own bound.
const LOAD_TIMEOUT: Duration = Duration::from_secs(10);
/// How long one check may take. A server that is silent for longer is away: purges of other processes
/// may have failed.
const CHECK_TIMEOUT: Duration = Duration::from_millis(500);
/// Between noticing that something was missed and loading it: more may have been.
const LOAD_PAUSE: Duration = Duration::from_millis(20);
/// With each fourth check, once a second, it is looked whether servers have changed.
const CHECKS_PER_TOPOLOGY_CHECK: u32 = 4;
/// After how many failures in a row, some ten seconds, a warning is logged: the user may not be
/// permitted to subscribe.
const WARN_AFTER_FAILURES: u32 = 15;

/// What the subscription works with.
pub(in crate::store::redis) struct SubscriptionTask {
    pub(in crate::store::redis) invalidation: Arc<InvalidationState>,
    pub(in crate::store::redis) client: Arc<RedisClient>,
    pub(in crate::store::redis) names: Names,
    pub(in crate::store::redis) configuration: Arc<Configuration>,
    pub(in crate::store::redis) processes: Arc<Processes>,
    pub(in crate::store::redis) releases: Arc<Releases>,
}

/// What one subscription has received.
#[derive(Default)]
struct Progress {
    heartbeats: Heartbeats,
    checks: Checks,
    /// A purge was missed, or the clock is gone: load.
    has_gap: bool,
    /// Whether the last heartbeat was received, and no message comes by another way than it.
    is_proven: bool,
}

impl Progress {
    fn over(own_channel: Option<String>) -> Self {
        Self { heartbeats: Heartbeats::over(own_channel), ..Self::default() }
    }

    /// Something was missed. A subscription over which heartbeats are received is sound all the same:
    /// a user who may not publish has purged, or the clock was evicted. Any other is made anew.
    fn gap(&mut self) -> Option<()> {
        self.has_gap = true;
        self.is_proven.then_some(())
    }
}

impl SubscriptionTask {
    /// Subscribes again and again, and tells others that this process is there, until that is stopped.
    pub(super) async fn run(&self, stopped: oneshot::Receiver<Infallible>) {
        let both = pin!(join(self.subscribe(), self.processes.run(&self.client)));
        select(both, stopped).await;
    }

    /// Tells others that this process has ended.
    pub(super) async fn leave(&self) {
        self.processes.leave(&self.client).await;
    }

    /// Subscribes again and again.
    async fn subscribe(&self) -> Infallible {
        let mut failures = 0;
        loop {
            let begun = self.invalidation.now();
            let (subscribed, replaced) = (pin!(self.subscribed()), pin!(self.client.replaced()));
            select(subscribed, replaced).await;
            self.invalidation.end_trust();
            // the user may not be permitted to subscribe; then the server answers all the same
            if self.client.send_untracked(vec![redis::cmd("PING")]).await.is_none() {
                self.client.lost();
            }
            // what has worked for a while is not failing
            let lasted = self.invalidation.now().saturating_sub(begun);
            failures = if lasted > breaker::MAX_WAIT { 0 } else { failures + 1 };
            if failures == WARN_AFTER_FAILURES {
                let address = self.client.address();
                tracing::warn!(
                    address,
                    "announcements in Redis are not heard: each hit asks twice"
                );
                self.invalidation.unheard_since(begun);
            }
            sleep(breaker::jittered(breaker::backoff(failures))).await;
        }
    }

    /// Subscribes, and takes in messages until the subscription ends or is of no use.
    async fn subscribed(&self) -> Option<Infallible> {
        let own = self.names.own_channel(&self.invalidation.origin());
        let subscribe = self.client.subscribe(&self.names, &own);
        let subscription = timeout(SUBSCRIBE_TIMEOUT, subscribe).await.ok()??;
        let Subscription { mut sink, mut stream, mut subscribed_node, has_own } = subscription;
        let mut progress = Progress::over(has_own.then_some(own));
        // a process that waits for a lease goes on, and the server may be another one than before
        self.releases.repeat(&self.client, &self.names, &self.invalidation).await;
        // what was purged before is asked for now, and what will be is announced
        self.load().await?;
        self.processes.subscribed();
        self.configuration.check(&self.client, &self.names).await;
        for turn in 0_u32.. {
            self.check(&mut progress, &mut sink, &mut stream).await?;
            if turn % CHECKS_PER_TOPOLOGY_CHECK == 0 {
                self.check_topology(&mut subscribed_node).await?;
            }
            self.receive_until_next_check(&mut progress, &mut stream).await?;
            if progress.has_gap {
                self.receive_during(pin!(sleep(LOAD_PAUSE)), &mut progress, &mut stream).await?;
                progress.has_gap = false;
                self.load().await?;
            }
        }
        None
    }

    /// Takes over which purges the server knows.
    async fn load(&self) -> Option<()> {
        let load = async {
            if let Some(purges) = logical_clock::load(&self.client, &self.names).await {
                return Some(purges);
            }
            // the clock has not been needed for long, or it was lost: it begins anew
            self.client.send_untracked(vec![logical_clock::begin(&self.names)]).await?;
            logical_clock::load(&self.client, &self.names).await
        };
        let purges = timeout(LOAD_TIMEOUT, load).await.ok()??;
        self.invalidation.load(purges);
        Some(())
    }

    /// Asks the clock whether a purge was missed; and the subscription whether it is alive, after
    /// which all has been received that was published before.
    async fn check(
        &self,
        progress: &mut Progress,
        sink: &mut PubSubSink,
        stream: &mut PubSubStream,
    ) -> Option<()> {
        let begun = self.invalidation.now();
        let known_before = self.invalidation.complete_up_to();
        let heartbeat = progress.heartbeats.next();
        let heartbeat = heartbeat.map(|heartbeat| self.client.send_untracked(vec![heartbeat]));
        let ask = pin!(timeout(CHECK_TIMEOUT, async {
            let asked = self.client.send_untracked(vec![logical_clock::read_now(&self.names)]);
            let (replies, heartbeat) = join(asked, OptionFuture::from(heartbeat)).await;
            let _: redis::Value = sink.ping().await.ok()?;
            Some((replies, heartbeat::is_published(heartbeat.flatten().as_deref())))
        }));
        let answered = self.receive_during(ask, progress, stream).await?;
        let (replies, is_published) = answered.inspect_err(|_| self.client.lost()).ok()??;
        // all of it, whatever has been done in this turn
        while let Some(message) = unconstrained(stream.next()).now_or_never() {
            self.receive(message, progress)?;
        }
        // a server that is slow may be asked again
        let Some(replies) = replies else { return Some(()) };
        let newest = replies.first()?;
        if let redis::Value::ServerError(error) = newest
            && error.code() != "WRONGTYPE"
        {
            return None;
        }
        if is_published {
            let received = self.receive_heartbeat(progress, stream);
            timeout(CHECK_TIMEOUT, received).await.ok()??;
            self.invalidation.heartbeat_received(begun);
        }
        // in a Cluster a heartbeat proves one way between nodes, and messages come by all of them
        progress.is_proven = is_published && !self.client.is_to_several();
        let newest = number(newest);
        self.conclude(newest.map(|newest| Check { begun, known_before, newest }), progress)
    }

    /// What follows from a check; without one the clock is gone.
    fn conclude(&self, check: Option<Check>, progress: &mut Progress) -> Option<()> {
        // what is not relied on is not trusted either: until then, responses are kept locally
        if self.client.check_answer().is_err() {
            return Some(());
        }
        match check.map(|check| self.invalidation.checked(&mut progress.checks, check)) {
            Some(CheckResult::Complete) => {
                self.heard_again();
                Some(())
            }
            Some(CheckResult::Behind) => Some(()),
            Some(CheckResult::WentBack) => None,
            Some(CheckResult::Missed) | None => progress.gap(),
        }
    }

    /// Says that announcements are heard again, where the log says that they are not.
    fn heard_again(&self) {
        if let Some(outage) = self.invalidation.heard_again() {
            let address = self.client.address();
            tracing::info!(address, ?outage, "announcements in Redis are heard again");
        }
    }

    /// Looks whether keys or nodes have moved: what was told their former places may be forgotten.
    async fn check_topology(&self, subscribed_node: &mut SubscribedNode) -> Option<()> {
        match self.client.check_topology(subscribed_node, &self.names).await {
            TopologyChange::None => {}
            TopologyChange::Changed => {
                self.releases.repeat(&self.client, &self.names, &self.invalidation).await;
            }
            TopologyChange::NodeLeft => return None,
        }
        Some(())
    }

    /// Takes in what arrives until it is time for the next check, or something was missed.
    async fn receive_until_next_check(
        &self,
        progress: &mut Progress,
        stream: &mut PubSubStream,
    ) -> Option<()> {
        let mut pause = pin!(sleep(CHECK_INTERVAL));
        while !progress.has_gap {
            match select(pause.as_mut(), stream.next()).await {
                Either::Left(_) => break,
                Either::Right((message, _)) => self.receive(message, progress)?,
            }
        }
        Some(())
    }

    /// Takes in what arrives until the last heartbeat has been received.
    async fn receive_heartbeat(
        &self,
        progress: &mut Progress,
        stream: &mut PubSubStream,
    ) -> Option<()> {
        while !progress.heartbeats.is_received() {
            self.receive(stream.next().await, progress)?;
        }
        Some(())
    }

    /// Takes in what arrives until `other` is done.
    async fn receive_during<T>(
        &self,
        mut other: impl Future<Output = T> + Unpin,
        progress: &mut Progress,
        stream: &mut PubSubStream,
    ) -> Option<T> {
        loop {
            match select(other, stream.next()).await {
                Either::Left((done, _)) => return Some(done),
                Either::Right((message, rest)) => {
                    self.receive(message, progress)?;
                    other = rest;
                }
            }
        }
    }

    /// Takes in a message; `None` if there are no more, or the subscription is of no use.
    fn receive(&self, message: Option<Msg>, progress: &mut Progress) -> Option<()> {
        match self.invalidation.receive(message?.get_payload_bytes()) {
            Received::Done => {}
            Received::Heartbeat(number) => progress.heartbeats.receive(number),
            Received::Gap => progress.gap()?,
        }
        Some(())
    }
}
