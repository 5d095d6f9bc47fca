//! What happens to a request, without a web framework: what all workers of a cache share.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::sync::Semaphore;

use crate::{
    clock::Clock,
    key::Secret,
    semantics::verdict::{StaleCause, WhyNot},
    store::{StoreError, StoreErrorKind, any::AnyStore, stamps::Stamps},
};

pub(crate) mod budget;
pub(crate) mod chance;
pub(crate) mod fill;
pub(crate) mod flight;
pub(crate) mod handle;
pub(crate) mod lookup;
mod marks;
mod memo;
pub(crate) mod pending;
mod purge;
pub(crate) mod query_rules;
mod quiet;
pub(crate) mod recording;
pub(crate) mod refresh;
mod search;
pub(crate) mod stats;
pub(crate) mod stored_paths;

use budget::Budget;
use flight::Flights;
use marks::Marks;
use memo::VaryMemo;
use pending::Pending;
use query_rules::AllQueryRules;
use quiet::Quiet;
use refresh::Refreshes;
use search::SearchMemo;
use stats::{Counters, Running, Stats};
use stored_paths::StoredPaths;

/// So many handlers go on at a time for which nobody waits: clients could else begin any number of
/// them and go away.
const MOST_UNATTENDED: usize = 1024;

/// A store with everything that turns it into a cache.
#[derive(Debug)]
pub(crate) struct Engine {
    store: AnyStore,
    clock: Clock,
    secret: Secret,
    counters: Counters,
    vary: VaryMemo,
    search: SearchMemo,
    query_rules: AllQueryRules,
    stored_paths: StoredPaths,
    pending: Pending,
    refreshes: Refreshes,
    flights: Flights,
    /// Keys whose responses are not stored: requests do not wait for one another.
    hit_for_miss: Marks,
    /// The purges of this process, where the store may be away.
    purges_here: Stamps,
    /// Keys whose handler has failed.
    failing: Arc<Marks>,
    budget: Budget,
    failures: Quiet,
    slow_handlers: Quiet,
    /// Whether the store has refused the last entry that it was given.
    refuses: AtomicBool,
    refusals: Quiet,
    unattended: Arc<Semaphore>,
    off: AtomicBool,
    has_told_of_forwarded: AtomicBool,
}

impl Engine {
    pub(crate) fn new(store: AnyStore, clock: Clock, secret: Secret, budget: usize) -> Arc<Self> {
        let failing = Arc::new(Marks::new(clock.clone()));
        Arc::new(Self {
            store,
            refreshes: Refreshes::new(clock.clone(), Arc::clone(&failing)),
            flights: Flights::new(),
            hit_for_miss: Marks::new(clock.clone()),
            purges_here: Stamps::default(),
            failing,
            budget: Budget::new(budget),
            failures: Quiet::new(clock.clone()),
            slow_handlers: Quiet::new(clock.clone()),
            refuses: AtomicBool::new(false),
            refusals: Quiet::new(clock.clone()),
            unattended: Arc::new(Semaphore::new(MOST_UNATTENDED)),
            clock,
            secret,
            counters: Counters::default(),
            vary: VaryMemo::default(),
            search: SearchMemo::default(),
            query_rules: AllQueryRules::default(),
            stored_paths: StoredPaths::default(),
            pending: Pending::default(),
            off: AtomicBool::new(false),
            has_told_of_forwarded: AtomicBool::new(false),
        })
    }

    pub(crate) fn store(&self) -> &AnyStore {
        &self.store
    }

    pub(crate) fn pending(&self) -> &Pending {
        &self.pending
    }

    /// By which rules the clones of the cache make queries parts of keys.
    pub(crate) fn query_rules(&self) -> &AllQueryRules {
        &self.query_rules
    }

    /// Under which paths the clones of the cache store responses.
    pub(crate) fn stored_paths(&self) -> &StoredPaths {
        &self.stored_paths
    }

    pub(crate) fn refreshes(&self) -> &Refreshes {
        &self.refreshes
    }

    pub(crate) fn flights(&self) -> &Flights {
        &self.flights
    }

    pub(crate) fn budget(&self) -> &Budget {
        &self.budget
    }

    /// Room for handlers that go on without anybody who waits for them.
    pub(crate) fn unattended(&self) -> &Arc<Semaphore> {
        &self.unattended
    }

    /// Keys whose handler has failed a short while ago.
    pub(crate) fn failing(&self) -> &Marks {
        &self.failing
    }

    pub(crate) fn counters(&self) -> &Counters {
        &self.counters
    }

    pub(crate) fn stats(&self) -> Stats {
        let running = Running {
            flights: self.flights.len() as u64,
            refreshes: self.refreshes.len() as u64,
            recorded: self.budget.taken() as u64,
        };
        self.counters.read(self.store.size(), running)
    }

    /// Switches the cache off or on: while off, requests pass, and purges still work.
    pub(crate) fn switch(&self, on: bool) {
        self.off.store(!on, Ordering::Relaxed);
    }

    pub(crate) fn is_on(&self) -> bool {
        !self.off.load(Ordering::Relaxed)
    }

    /// Waits until nothing is on its way into the store any more.
    pub(crate) async fn settle(&self) {
        self.pending.settle().await;
    }

    /// A stale response is served instead of the handler's: counted and logged, so that failures
    /// are not hidden.
    pub(crate) fn serves_stale(&self, cause: StaleCause, past: Duration) {
        self.counters.stood_in(cause);
        match cause {
            StaleCause::Failed(status) => {
                if let Some(quiet) = self.failures.tells() {
                    tracing::warn!(?status, ?past, quiet, "a handler failed; served stale");
                }
            }
            StaleCause::Slow => {
                if let Some(quiet) = self.slow_handlers.tells() {
                    tracing::warn!(?past, quiet, "a handler is slow; served stale");
                }
            }
            StaleCause::LeftAlone => {
                tracing::debug!(?past, "a handler is left alone after a failure; served stale");
            }
        }
    }

    /// A request bypasses for its forwarding fields. Behind a proxy that always sets them every
    /// request does, and nothing is ever stored: so the log is told once.
    pub(crate) fn bypassed_for_forwarded(&self) {
        if !self.has_told_of_forwarded.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                "response cache: a request with `Forwarded` or `X-Forwarded-*` bypasses the cache. \
                 Behind a proxy that sets these headers, say `trust_forwarded`; where no handler \
                 reads them, `ignore_forwarded`"
            );
        }
    }

    /// Whether a response that begins to be stored now is expected to arrive in the store. It is
    /// answered before that is known; so what counts is what became of the last one.
    pub(crate) fn expects_to_store(&self) -> bool {
        !self.refuses.load(Ordering::Relaxed)
    }

    fn stored(&self) {
        self.counters.stored();
        if !self.expects_to_store() {
            self.refuses.store(false, Ordering::Relaxed);
        }
    }

    /// The store has not taken an entry. One that answers and refuses may do so for ever, and only
    /// the log says why.
    fn not_stored(&self, error: &StoreError) -> WhyNot {
        if error.kind() == StoreErrorKind::Refused {
            self.refuses.store(true, Ordering::Relaxed);
            if let Some(quiet) = self.refusals.tells() {
                let cause = std::error::Error::source(error);
                tracing::warn!(
                    store = self.store.name(),
                    cause,
                    quiet,
                    "the store refuses entries"
                );
            }
        }
        self.failed("store", error)
    }

    /// A store's failure is counted and told to the log, never to the client.
    fn failed(&self, doing: &'static str, error: &StoreError) -> WhyNot {
        self.counters.error();
        let cause = std::error::Error::source(error);
        tracing::debug!(store = self.store.name(), %error, ?cause, "could not {doing}");
        WhyNot::StoreFailed
    }
}
