//! What all workers of a cache share.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use tokio::sync::Semaphore;

use super::{
    budget::Budget,
    flight::Flights,
    marks::Marks,
    memo::VaryMemo,
    pending::Pending,
    query_rules::AllQueryRules,
    quiet::Quiet,
    refresh::Refreshes,
    search::SearchMemo,
    stats::{Counters, Running, Stats},
    stored_paths::StoredPaths,
};
use crate::{
    clock::Clock,
    key::Secret,
    store::{any::AnyStore, stamps::Stamps},
};

/// So many handlers go on at a time for which nobody waits: clients could else begin any number of
/// them and go away.
const MOST_UNATTENDED: usize = 1024;

/// A store with everything that turns it into a cache.
#[derive(Debug)]
pub(crate) struct Engine {
    pub(super) store: AnyStore,
    pub(super) clock: Clock,
    pub(super) secret: Secret,
    pub(super) counters: Counters,
    pub(super) vary: VaryMemo,
    pub(super) search: SearchMemo,
    pub(super) query_rules: AllQueryRules,
    pub(super) stored_paths: StoredPaths,
    pub(super) pending: Pending,
    pub(super) refreshes: Refreshes,
    pub(super) flights: Flights,
    /// Keys whose responses are not stored: requests do not wait for one another.
    pub(super) hit_for_miss: Marks,
    /// The purges of this process, where the store may be away.
    pub(super) purges_here: Stamps,
    /// Keys whose handler has failed.
    pub(super) failing: Arc<Marks>,
    pub(super) budget: Budget,
    pub(super) failures: Quiet,
    pub(super) slow_handlers: Quiet,
    /// Whether the store has refused the last entry that it was given.
    pub(super) refuses: AtomicBool,
    pub(super) refusals: Quiet,
    pub(super) unattended: Arc<Semaphore>,
    pub(super) off: AtomicBool,
    pub(super) has_told_of_forwarded: AtomicBool,
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
}
