//! What happens to a request, without a web framework: what all workers of a cache share.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use crate::{
    clock::Clock,
    key::Secret,
    semantics::verdict::WhyNot,
    store::{StoreError, any::AnyStore},
};

pub(crate) mod fill;
pub(crate) mod flight;
pub(crate) mod handle;
pub(crate) mod lookup;
mod marks;
mod memo;
pub(crate) mod pending;
mod purge;
pub(crate) mod refresh;
mod search;
pub(crate) mod stats;

use memo::VaryMemo;
use pending::Pending;
use refresh::Refreshes;
use search::SearchMemo;
use stats::{Counters, Stats};

/// A store with everything that turns it into a cache.
#[derive(Debug)]
pub(crate) struct Engine {
    store: AnyStore,
    clock: Clock,
    secret: Secret,
    counters: Counters,
    vary: VaryMemo,
    search: SearchMemo,
    pending: Pending,
    refreshes: Refreshes,
    off: AtomicBool,
}

impl Engine {
    pub(crate) fn new(store: AnyStore, clock: Clock, secret: Secret) -> Arc<Self> {
        Arc::new(Self {
            store,
            refreshes: Refreshes::new(clock.clone()),
            clock,
            secret,
            counters: Counters::default(),
            vary: VaryMemo::default(),
            search: SearchMemo::default(),
            pending: Pending::default(),
            off: AtomicBool::new(false),
        })
    }

    pub(crate) fn store(&self) -> &AnyStore {
        &self.store
    }

    pub(crate) fn pending(&self) -> &Pending {
        &self.pending
    }

    pub(crate) fn refreshes(&self) -> &Refreshes {
        &self.refreshes
    }

    pub(crate) fn counters(&self) -> &Counters {
        &self.counters
    }

    pub(crate) fn stats(&self) -> Stats {
        self.counters.read(self.store.size())
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

    /// A store's failure is counted and told to the log, never to the client.
    fn failed(&self, doing: &'static str, error: &StoreError) -> WhyNot {
        self.counters.error();
        let cause = std::error::Error::source(error);
        tracing::debug!(store = self.store.name(), %error, ?cause, "could not {doing}");
        WhyNot::StoreFailed
    }
}
