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
    future::{Either, select},
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
    clock,
    configuration::Configuration,
    known::{Heard, Known},
    link::{Link, number},
    names::Names,
    trust::{CHECKED_EVERY, Check, Checks},
};
use crate::store::breaker;

/// How long an attempt to listen may take.
const LONGEST_STEP: Duration = Duration::from_secs(1);
/// How long loading all fences may take, each step of which has its own bound.
const LONGEST_LOAD: Duration = Duration::from_secs(10);
/// How long one check may take. A server that is silent for longer is away: purges of other processes
/// may have failed.
const CHECK_TIMEOUT: Duration = Duration::from_millis(500);

/// After so many failures in a row, some ten seconds, somebody should look at it: the user may not be
/// permitted to subscribe.
const FAILURES_TO_WARN: u32 = 15;

/// Keeps [`Known`] up to date while it lives.
#[derive(Default)]
pub(super) struct Feed(OnceLock<Option<Running>>);

struct Running {
    runtime: Handle,
    /// Dropped with the feed, which ends the thread.
    _stop: oneshot::Sender<Infallible>,
}

impl Feed {
    /// Begins to listen, unless it has begun.
    pub(super) fn start(
        &self,
        known: &Arc<Known>,
        link: &Arc<Link>,
        names: &Names,
        configuration: &Arc<Configuration>,
    ) {
        self.0.get_or_init(|| {
            let (known, link) = (Arc::clone(known), Arc::clone(link));
            let (names, configuration) = (names.clone(), Arc::clone(configuration));
            let running = Listen { known, link, names, configuration }.on_a_thread();
            let running = running.inspect_err(|error| {
                tracing::warn!(%error, "announcements of purges cannot be listened to");
            });
            running.ok()
        });
    }

    /// The runtime that the feed runs on, for what has to be done without anybody waiting.
    pub(super) fn runtime(&self) -> Option<Handle> {
        self.0.get()?.as_ref().map(|running| running.runtime.clone())
    }
}

struct Listen {
    known: Arc<Known>,
    link: Arc<Link>,
    names: Names,
    configuration: Arc<Configuration>,
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
            let (listening, replaced) = (pin!(self.listen()), pin!(self.link.replaced()));
            select(listening, replaced).await;
            self.known.lose();
            // the user may not be permitted to listen; then the server answers all the same
            if self.link.ask_aside(vec![redis::cmd("PING")]).await.is_none() {
                self.link.lost();
            }
            // what has worked for a while is not failing
            let lasted = self.known.now().saturating_sub(begun);
            failures = if lasted > breaker::LONGEST_WAIT { 0 } else { failures + 1 };
            if failures == FAILURES_TO_WARN {
                let address = self.link.address();
                tracing::warn!(
                    address,
                    "announcements in Redis are not heard: each hit asks twice"
                );
            }
            sleep(breaker::jittered(breaker::backoff(failures))).await;
        }
    }

    /// Subscribes, and listens until the subscription ends or has missed something.
    async fn listen(&self) -> Option<Infallible> {
        let subscribe = self.link.subscribe(self.names.news().to_owned());
        let (mut sink, mut stream) = timeout(LONGEST_STEP, subscribe).await.ok()??;
        // what was purged before is asked for now, and what will be is heard of
        self.load().await?;
        self.configuration.check(&self.link, &self.names).await;
        let mut checks = Checks::default();
        loop {
            self.check(&mut checks, &mut sink, &mut stream).await?;
            self.hear_during(pin!(sleep(CHECKED_EVERY)), &mut stream).await?;
        }
    }

    /// Takes over which purges the server knows.
    async fn load(&self) -> Option<()> {
        let load = async {
            if let Some(fences) = clock::load(&self.link, &self.names).await {
                return Some(fences);
            }
            // nobody has needed the clock for long, or it was lost: it begins anew
            self.link.ask_aside(vec![clock::begin(&self.names)]).await?;
            clock::load(&self.link, &self.names).await
        };
        let fences = timeout(LONGEST_LOAD, load).await.ok()??;
        self.known.load(fences);
        Some(())
    }

    /// Asks the clock whether a purge was missed; and the subscription whether it is alive, after
    /// which all has been received that was published before.
    async fn check(
        &self,
        checks: &mut Checks,
        sink: &mut PubSubSink,
        stream: &mut PubSubStream,
    ) -> Option<()> {
        let (begun, before) = (self.known.now(), self.known.last());
        let ask = pin!(timeout(CHECK_TIMEOUT, async {
            let replies = self.link.ask_aside(vec![clock::ask(&self.names)]).await;
            let _: redis::Value = sink.ping().await.ok()?;
            Some(replies)
        }));
        let answered = self.hear_during(ask, stream).await?;
        let replies = answered.inspect_err(|_| self.link.lost()).ok()??;
        // all of it, whatever has been done in this turn
        while let Some(message) = unconstrained(stream.next()).now_or_never() {
            self.hear(message)?;
        }
        // a server that is slow may be asked again
        let Some(replies) = replies else { return Some(()) };
        // what is not relied on is not trusted either: until then, what handlers answer is kept near
        if self.link.check_answer().is_err() {
            return Some(());
        }
        let now = replies.first().and_then(number)?;
        (self.known.checked(checks, begun, before, now) != Check::Lost).then_some(())
    }

    /// Takes in what arrives until `other` is done.
    async fn hear_during<T>(
        &self,
        mut other: impl Future<Output = T> + Unpin,
        stream: &mut PubSubStream,
    ) -> Option<T> {
        loop {
            match select(other, stream.next()).await {
                Either::Left((done, _)) => return Some(done),
                Either::Right((message, rest)) => {
                    self.hear(message)?;
                    other = rest;
                }
            }
        }
    }

    /// Takes in a message; nothing if there are no more, or some were missed before it.
    fn hear(&self, message: Option<Msg>) -> Option<()> {
        (self.known.hear(message?.get_payload_bytes()) == Heard::Fine).then_some(())
    }
}
