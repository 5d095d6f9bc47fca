//! What all workers of a cache share: the store, and what turns it into a cache.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicBool, AtomicU8, Ordering},
};

use tokio::sync::Semaphore;

#[cfg(feature = "metrics")]
use super::metrics::Publisher;
#[cfg(feature = "precompress")]
use super::packing::Packers;
use super::{
    background_refresh::BackgroundRefreshes,
    background_tasks::BackgroundTasks,
    expiring_keys::ExpiringKeys,
    explanation::Explainers,
    flight::Flights,
    listeners::Listeners,
    log_throttle::LogThrottle,
    no_vary_search::NoVarySearchIndex,
    purge_hooks::PurgeHooks,
    query_rules::AllQueryRules,
    recording_budget::RecordingBudget,
    refresher::Refresher,
    running_handlers::RunningHandlers,
    stats::{Counters, Examples, LastError, Running, Stats, Timeline, TimelineStep},
    stored_paths::StoredPaths,
    vary_index::VaryIndex,
};
use crate::{
    clock::Clock,
    purge_log::SharedPurgeLog,
    semantics::verdict::Reason,
    store::{any::AnyStore, process::Process},
};

/// How many handlers go on without a client at a time. Without a bound, clients could begin any
/// number of them and go away.
const MAX_DETACHED_HANDLERS: usize = 1024;

/// Requests go their usual way.
const USUAL: u8 = 0;
/// Every request goes to its handler.
const DISABLED: u8 = 1;
/// Requests are kept when they have ended.
const KEEPS_TEMPLATES: u8 = 2;

/// A store with everything that turns it into a cache.
#[derive(Debug)]
pub(crate) struct Engine {
    pub(super) store: AnyStore,
    /// This process, as others see it.
    pub(super) process: Process,
    pub(super) clock: Clock,
    pub(super) counters: Counters,
    pub(super) timeline: Timeline,
    pub(super) examples: Examples,
    #[cfg(feature = "metrics")]
    pub(super) publisher: Publisher,
    pub(super) vary: VaryIndex,
    pub(super) no_vary_search: NoVarySearchIndex,
    pub(super) query_rules: AllQueryRules,
    pub(super) stored_paths: StoredPaths,
    pub(super) explainers: Explainers,
    /// Whether the last request that went to a handler came over TLS.
    is_secure: AtomicBool,
    pub(super) background_tasks: BackgroundTasks,
    pub(super) background_refreshes: BackgroundRefreshes,
    pub(super) flights: Flights,
    pub(super) hit_for_miss: ExpiringKeys,
    /// The purges of this process, for responses that are shared while the store is away.
    pub(super) local_purges: SharedPurgeLog,
    pub(super) purge_hooks: PurgeHooks,
    /// Keys whose handler failed a short while ago.
    pub(super) failing_handlers: Arc<ExpiringKeys>,
    pub(super) recording_budget: RecordingBudget,
    pub(super) running_handlers: RunningHandlers,
    /// The jobs that pack bodies for clients.
    #[cfg(feature = "precompress")]
    pub(super) packers: Packers,
    /// Permits for handlers that go on without a client.
    pub(super) detached_handlers: Arc<Semaphore>,
    pub(super) listeners: Listeners,
    pub(super) failed_handler_log: LogThrottle,
    pub(super) slow_handler_log: LogThrottle,
    pub(super) refused_entry_log: LogThrottle,
    pub(super) failed_refresh_log: LogThrottle,
    pub(super) unknown_policy_log: LogThrottle,
    pub(super) overloaded_log: LogThrottle,
    /// Whether the store refused the last entry that it was given.
    pub(super) store_refuses: AtomicBool,
    pub(super) has_warned_of_forwarded: AtomicBool,
    pub(super) has_warned_of_groups: AtomicBool,
    pub(super) last_error: Mutex<Option<LastError>>,
    /// Whether requests go their usual way: see [`DISABLED`] and [`KEEPS_TEMPLATES`].
    mode: AtomicU8,
    pub(super) refresher: Refresher,
}

impl Engine {
    pub(crate) fn new(store: AnyStore, process: Process, clock: Clock) -> Arc<Self> {
        let failing_handlers = Arc::new(ExpiringKeys::new(clock.clone()));
        Arc::new(Self {
            store,
            process,
            counters: Counters::new(clock.now()),
            timeline: Timeline::default(),
            examples: Examples::default(),
            #[cfg(feature = "metrics")]
            publisher: Publisher::default(),
            vary: VaryIndex::default(),
            no_vary_search: NoVarySearchIndex::default(),
            query_rules: AllQueryRules::default(),
            stored_paths: StoredPaths::default(),
            explainers: Explainers::default(),
            is_secure: AtomicBool::new(false),
            background_tasks: BackgroundTasks::default(),
            background_refreshes: BackgroundRefreshes::new(
                clock.clone(),
                Arc::clone(&failing_handlers),
            ),
            flights: Flights::new(),
            hit_for_miss: ExpiringKeys::new(clock.clone()),
            local_purges: SharedPurgeLog::default(),
            purge_hooks: PurgeHooks::new(clock.clone()),
            failing_handlers,
            recording_budget: RecordingBudget::default(),
            running_handlers: RunningHandlers::default(),
            #[cfg(feature = "precompress")]
            packers: Packers::default(),
            detached_handlers: Arc::new(Semaphore::new(MAX_DETACHED_HANDLERS)),
            listeners: Listeners::default(),
            failed_handler_log: LogThrottle::new(clock.clone()),
            slow_handler_log: LogThrottle::new(clock.clone()),
            refused_entry_log: LogThrottle::new(clock.clone()),
            failed_refresh_log: LogThrottle::new(clock.clone()),
            unknown_policy_log: LogThrottle::new(clock.clone()),
            overloaded_log: LogThrottle::new(clock.clone()),
            clock,
            store_refuses: AtomicBool::new(false),
            has_warned_of_forwarded: AtomicBool::new(false),
            has_warned_of_groups: AtomicBool::new(false),
            last_error: Mutex::default(),
            mode: AtomicU8::new(USUAL),
            refresher: Refresher::default(),
        })
    }

    pub(crate) fn store(&self) -> &AnyStore {
        &self.store
    }

    pub(crate) fn background_tasks(&self) -> &BackgroundTasks {
        &self.background_tasks
    }

    /// The query rules of all clones of the cache.
    pub(crate) fn query_rules(&self) -> &AllQueryRules {
        &self.query_rules
    }

    /// The paths under which clones of the cache store responses.
    pub(crate) fn stored_paths(&self) -> &StoredPaths {
        &self.stored_paths
    }

    /// The purge hooks: each purge is passed to them.
    pub(crate) fn purge_hooks(&self) -> &PurgeHooks {
        &self.purge_hooks
    }

    pub(crate) fn background_refreshes(&self) -> &BackgroundRefreshes {
        &self.background_refreshes
    }

    pub(crate) fn flights(&self) -> &Flights {
        &self.flights
    }

    pub(crate) fn recording_budget(&self) -> &RecordingBudget {
        &self.recording_budget
    }

    /// The functions that learn of events.
    pub(crate) fn listeners(&self) -> &Listeners {
        &self.listeners
    }

    /// The handlers that run, where settings bound their number.
    pub(crate) fn running_handlers(&self) -> &RunningHandlers {
        &self.running_handlers
    }

    /// Permits for handlers that go on without a client.
    pub(crate) fn detached_handlers(&self) -> &Arc<Semaphore> {
        &self.detached_handlers
    }

    /// Keys whose handler failed a short while ago.
    pub(crate) fn failing_handlers(&self) -> &ExpiringKeys {
        &self.failing_handlers
    }

    pub(crate) fn counters(&self) -> &Counters {
        &self.counters
    }

    pub(crate) fn stats(&self) -> Stats {
        let running = Running {
            flights: self.flights.len() as u64,
            followers: self.flights.followers() as u64,
            refreshes: self.background_refreshes.len() as u64,
            recorded: self.recording_budget.reserved() as u64,
        };
        Stats {
            store: self.store.health(),
            last_error: self.last_error(),
            purge_hooks: self.purge_hooks.stats(),
            ..self.counters.read(self.store.size(), running)
        }
    }

    /// Recent requests, one for each reason.
    pub(crate) fn examples(&self) -> &Examples {
        &self.examples
    }

    /// Keeps a request as the example for a reason.
    pub(crate) fn keep_example(&self, reason: Reason, method: &str, url: &str) {
        self.examples.keep(reason, method, url, self.clock.now().into());
    }

    /// The last hour in steps.
    pub(crate) fn timeline(&self) -> Vec<TimelineStep> {
        let now = self.clock.moment();
        // where the ticker has not ended a step yet that is due
        self.timeline.tick(now, || self.stats());
        self.timeline.read(now, &self.stats())
    }

    /// Disabled, every request goes to its handler; purges still work.
    pub(crate) fn set_enabled(&self, enabled: bool) {
        self.set_mode(DISABLED, !enabled);
    }

    pub(crate) fn is_enabled(&self) -> bool {
        self.mode.load(Ordering::Relaxed) & DISABLED == 0
    }

    /// Whether the cache is enabled and wants nothing else of requests: one reading for each hit.
    pub(crate) fn is_usual(&self) -> bool {
        self.mode.load(Ordering::Relaxed) == USUAL
    }

    /// Whether workers keep requests that have ended, to run refreshes with them.
    pub(super) fn keep_templates(&self, on: bool) {
        self.set_mode(KEEPS_TEMPLATES, on);
    }

    fn set_mode(&self, flag: u8, on: bool) {
        if on {
            self.mode.fetch_or(flag, Ordering::Relaxed);
        } else {
            self.mode.fetch_and(!flag, Ordering::Relaxed);
        }
    }

    /// The refreshes that are asked for.
    pub(crate) fn refresher(&self) -> &Refresher {
        &self.refresher
    }

    /// A request has come to a server that is secure or not.
    pub(crate) fn came_to(&self, secure: bool) {
        // mostly it is as before, and nothing is written that other workers read
        if self.is_secure() != secure {
            self.is_secure.store(secure, Ordering::Relaxed);
        }
    }

    /// Whether the last request that went to a handler came over TLS.
    pub(crate) fn is_secure(&self) -> bool {
        self.is_secure.load(Ordering::Relaxed)
    }

    /// Waits until no response is on its way into the store and no refresh runs.
    pub(crate) async fn settle(&self) {
        self.background_tasks.settle().await;
    }
}
