//! The subscription to announcements: one for each store, on a thread of its own, as the runtimes of
//! workers come and go. It begins with the store's first use and ends with the store.

use std::{
    convert::Infallible,
    pin::pin,
    sync::{Arc, OnceLock},
    time::Duration,
};

use futures_util::{
    FutureExt, StreamExt,
    future::{Either, OptionFuture, join, select},
};
use redis::{
    Msg,
    aio::{PubSubSink, PubSubStream},
};
use tokio::{
    runtime::{Builder, Handle},
    sync::oneshot,
    task::unconstrained,
    time::{sleep, timeout},
};

use super::{
    heartbeat::{self, Beats},
    logical_clock,
    state::{Heard, Known},
    trust::{CHECKED_EVERY, Check, Checks},
};
use crate::store::{
    breaker,
    redis::{
        client::{RedisClient, Subscription, reply::number},
        configuration::Configuration,
        connect::{Seat, Surroundings},
        lease::Releases,
        names::Names,
    },
};

/// How long an attempt to listen may take.
const LONGEST_STEP: Duration = Duration::from_secs(1);
/// How long loading all fences may take, each step of which has its own bound.
const LONGEST_LOAD: Duration = Duration::from_secs(10);
/// How long one check may take. A server that is silent for longer is away: purges of other processes
/// may have failed.
const CHECK_TIMEOUT: Duration = Duration::from_millis(500);

/// Between hearing that something was missed and loading it: more may have been.
const LOAD_PAUSE: Duration = Duration::from_millis(20);
/// With each fourth check, once a second, it is looked whether servers have changed.
const LOOKED_AROUND_EVERY: u32 = 4;
/// After so many failures in a row, some ten seconds, somebody should look at it: the user may not be
/// permitted to subscribe.
const FAILURES_TO_WARN: u32 = 15;

/// Keeps [`Known`] up to date while it lives.
#[derive(Default)]
pub(in crate::store::redis) struct Feed {
    running: OnceLock<Option<Running>>,
    releases: Arc<Releases>,
}

struct Running {
    runtime: Handle,
    /// Dropped with the feed, which ends the thread.
    _stop: oneshot::Sender<Infallible>,
}

impl Feed {
    /// Begins to listen, unless it has begun.
    pub(in crate::store::redis) fn start(
        &self,
        known: &Arc<Known>,
        client: &Arc<RedisClient>,
        names: &Names,
        configuration: &Arc<Configuration>,
    ) {
        self.running.get_or_init(|| {
            let (known, client) = (Arc::clone(known), Arc::clone(client));
            let (names, configuration) = (names.clone(), Arc::clone(configuration));
            let releases = Arc::clone(&self.releases);
            let running = Listen { known, client, names, configuration, releases }.on_a_thread();
            let running = running.inspect_err(|error| {
                tracing::warn!(%error, "announcements of purges cannot be listened to");
            });
            running.ok()
        });
    }

    /// The leads that were given up lately.
    pub(in crate::store::redis) const fn releases(&self) -> &Arc<Releases> {
        &self.releases
    }

    /// The runtime that the feed runs on, for what has to be done without anybody waiting.
    pub(in crate::store::redis) fn runtime(&self) -> Option<Handle> {
        self.running.get()?.as_ref().map(|running| running.runtime.clone())
    }
}

struct Listen {
    known: Arc<Known>,
    client: Arc<RedisClient>,
    names: Names,
    configuration: Arc<Configuration>,
    releases: Arc<Releases>,
}

impl Listen {
    fn on_a_thread(self) -> std::io::Result<Running> {
        let (stop, stopped) = oneshot::channel();
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let handle = runtime.handle().clone();
        let run = move || {
            let listening = pin!(self.listen_always());
            runtime.block_on(select(listening, stopped));
        };
        std::thread::Builder::new().name("response-cache".to_owned()).spawn(run)?;
        Ok(Running { runtime: handle, _stop: stop })
    }

    async fn listen_always(&self) -> Infallible {
        let mut failures = 0;
        loop {
            let begun = self.known.now();
            let (listening, replaced) = (pin!(self.listen()), pin!(self.client.replaced()));
            select(listening, replaced).await;
            self.known.lose();
            // the user may not be permitted to listen; then the server answers all the same
            if self.client.ask_aside(vec![redis::cmd("PING")]).await.is_none() {
                self.client.lost();
            }
            // what has worked for a while is not failing
            let lasted = self.known.now().saturating_sub(begun);
            failures = if lasted > breaker::LONGEST_WAIT { 0 } else { failures + 1 };
            if failures == FAILURES_TO_WARN {
                let address = self.client.address();
                tracing::warn!(
                    address,
                    "announcements in Redis are not heard: each hit asks twice"
                );
            }
            sleep(breaker::jittered(breaker::backoff(failures))).await;
        }
    }

    /// Subscribes, and listens until the subscription ends or is of no use.
    async fn listen(&self) -> Option<Infallible> {
        let own = self.names.own_channel(&self.known.origin());
        let subscribe = self.client.subscribe(&self.names, &own);
        let subscription = timeout(LONGEST_STEP, subscribe).await.ok()??;
        let Subscription { mut sink, mut stream, mut seat, has_own } = subscription;
        let mut hearing = Hearing::over(has_own.then_some(own));
        // a waiter that hears of it waits no longer, and the server may be another one than before
        self.releases.repeat(&self.client, &self.names, &self.known).await;
        // what was purged before is asked for now, and what will be is heard of
        self.load().await?;
        self.configuration.check(&self.client, &self.names).await;
        for turn in 0_u32.. {
            self.check(&mut hearing, &mut sink, &mut stream).await?;
            if turn % LOOKED_AROUND_EVERY == 0 {
                self.look_around(&mut seat).await?;
            }
            self.rest(&mut hearing, &mut stream).await?;
            if hearing.has_missed {
                self.hear_during(pin!(sleep(LOAD_PAUSE)), &mut hearing, &mut stream).await?;
                hearing.has_missed = false;
                self.load().await?;
            }
        }
        None
    }

    /// Takes over which purges the server knows.
    async fn load(&self) -> Option<()> {
        let load = async {
            if let Some(fences) = logical_clock::load(&self.client, &self.names).await {
                return Some(fences);
            }
            // nobody has needed the clock for long, or it was lost: it begins anew
            self.client.ask_aside(vec![logical_clock::begin(&self.names)]).await?;
            logical_clock::load(&self.client, &self.names).await
        };
        let fences = timeout(LONGEST_LOAD, load).await.ok()??;
        self.known.load(fences);
        Some(())
    }

    /// Asks the clock whether a purge was missed; and the subscription whether it is alive, after
    /// which all has been received that was published before.
    async fn check(
        &self,
        hearing: &mut Hearing,
        sink: &mut PubSubSink,
        stream: &mut PubSubStream,
    ) -> Option<()> {
        let (begun, before) = (self.known.now(), self.known.last());
        let beat = hearing.beats.next().map(|beat| self.client.ask_aside(vec![beat]));
        let ask = pin!(timeout(CHECK_TIMEOUT, async {
            let asked = self.client.ask_aside(vec![logical_clock::ask(&self.names)]);
            let (replies, beat) = join(asked, OptionFuture::from(beat)).await;
            let _: redis::Value = sink.ping().await.ok()?;
            Some((replies, heartbeat::is_published(beat.flatten().as_deref())))
        }));
        let answered = self.hear_during(ask, hearing, stream).await?;
        let (replies, is_published) = answered.inspect_err(|_| self.client.lost()).ok()??;
        // all of it, whatever has been done in this turn
        while let Some(message) = unconstrained(stream.next()).now_or_never() {
            self.hear(message, hearing)?;
        }
        // a server that is slow may be asked again
        let Some(replies) = replies else { return Some(()) };
        let now = replies.first()?;
        if let redis::Value::ServerError(error) = now
            && error.code() != "WRONGTYPE"
        {
            return None;
        }
        if is_published {
            timeout(CHECK_TIMEOUT, self.hear_beat(hearing, stream)).await.ok()??;
        }
        // in a Cluster a beat proves one way between nodes, and messages come by all of them
        hearing.is_proven = is_published && !self.client.is_to_several();
        // what is not relied on is not trusted either: until then, what handlers answer is kept near
        if self.client.check_answer().is_err() {
            return Some(());
        }
        let check =
            number(now).map(|now| self.known.checked(&mut hearing.checks, begun, before, now));
        match check {
            Some(Check::Complete | Check::Behind) => Some(()),
            Some(Check::Back) => None,
            Some(Check::Missed) | None => hearing.miss(),
        }
    }

    /// Looks whether keys or nodes have moved: what was told their former places may be forgotten.
    async fn look_around(&self, seat: &mut Seat) -> Option<()> {
        match self.client.look_around(seat, &self.names).await {
            Surroundings::Same => {}
            Surroundings::Changed => {
                self.releases.repeat(&self.client, &self.names, &self.known).await;
            }
            Surroundings::Left => return None,
        }
        Some(())
    }

    /// Takes in what arrives until it is time for the next check, or something was missed.
    async fn rest(&self, hearing: &mut Hearing, stream: &mut PubSubStream) -> Option<()> {
        let mut pause = pin!(sleep(CHECKED_EVERY));
        while !hearing.has_missed {
            match select(pause.as_mut(), stream.next()).await {
                Either::Left(_) => break,
                Either::Right((message, _)) => self.hear(message, hearing)?,
            }
        }
        Some(())
    }

    /// Takes in what arrives until the last beat has been heard.
    async fn hear_beat(&self, hearing: &mut Hearing, stream: &mut PubSubStream) -> Option<()> {
        while !hearing.beats.is_heard() {
            self.hear(stream.next().await, hearing)?;
        }
        Some(())
    }

    /// Takes in what arrives until `other` is done.
    async fn hear_during<T>(
        &self,
        mut other: impl Future<Output = T> + Unpin,
        hearing: &mut Hearing,
        stream: &mut PubSubStream,
    ) -> Option<T> {
        loop {
            match select(other, stream.next()).await {
                Either::Left((done, _)) => return Some(done),
                Either::Right((message, rest)) => {
                    self.hear(message, hearing)?;
                    other = rest;
                }
            }
        }
    }

    /// Takes in a message; nothing if there are no more, or the subscription is of no use.
    fn hear(&self, message: Option<Msg>, hearing: &mut Hearing) -> Option<()> {
        match self.known.hear(message?.get_payload_bytes()) {
            Heard::Fine => {}
            Heard::Beat(number) => hearing.beats.hear(number),
            Heard::Gap => hearing.miss()?,
        }
        Some(())
    }
}

/// What one subscription has heard.
#[derive(Default)]
struct Hearing {
    beats: Beats,
    checks: Checks,
    /// A purge was missed, or the clock is gone: load.
    has_missed: bool,
    /// Whether the last beat was heard, and no message comes by another way than it.
    is_proven: bool,
}

impl Hearing {
    fn over(own_channel: Option<String>) -> Self {
        Self { beats: Beats::over(own_channel), ..Self::default() }
    }

    /// Something was missed. A subscription over which beats are heard is sound all the same: a user
    /// who may not publish has purged, or the clock was evicted. Another one is made anew.
    fn miss(&mut self) -> Option<()> {
        self.has_missed = true;
        self.is_proven.then_some(())
    }
}
