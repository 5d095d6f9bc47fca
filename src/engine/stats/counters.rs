//! The counters of one cache: those of its workers, and what is counted without one.

use std::sync::Arc;

use super::{
    purges::{CountedPurges, PurgeCount},
    reading::Stats,
    refreshes::{RefreshResult, Refreshes},
    requests::by_reason,
    rules::RuleTotals,
    top::TopKeys,
    worker::WorkerCounters,
};
use crate::{
    counting::SharedCounter,
    key::CacheKey,
    purge::{Purge, Purged},
    semantics::{date::Timestamp, verdict::Reason},
    store::Size,
};

const REASONS: usize = Reason::ALL.len();

/// The counters of one cache. What each of them counts is said at [`Stats`].
#[derive(Debug)]
pub(crate) struct Counters {
    since: Timestamp,
    requests: Arc<RuleTotals>,
    stores: SharedCounter,
    not_stored: [SharedCounter; REASONS],
    purges: CountedPurges,
    refreshes: Refreshes,
    overruns: [SharedCounter; Overrun::ALL.len()],
    errors: SharedCounter,
}

/// A deadline that was overrun.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Overrun {
    /// The handler was given up.
    HandlerTimeout,
    /// A request no longer waited for another one.
    Coalescing,
}

impl Overrun {
    const ALL: [Self; 2] = [Self::HandlerTimeout, Self::Coalescing];

    const fn as_str(self) -> &'static str {
        match self {
            Self::HandlerTimeout => "handler-timeout",
            Self::Coalescing => "coalescing",
        }
    }
}

/// What is under way at the moment of a reading.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Running {
    pub(crate) flights: u64,
    pub(crate) followers: u64,
    pub(crate) refreshes: u64,
    pub(crate) recorded: u64,
}

impl Counters {
    /// Counters that count since then.
    pub(crate) fn new(since: Timestamp) -> Self {
        Self {
            since,
            requests: Arc::default(),
            stores: SharedCounter::default(),
            not_stored: std::array::from_fn(|_| SharedCounter::default()),
            purges: CountedPurges::default(),
            refreshes: Refreshes::default(),
            overruns: Default::default(),
            errors: SharedCounter::default(),
        }
    }

    /// The counters of a worker that has rules of these patterns.
    pub(crate) fn worker_counters(&self, patterns: Vec<String>) -> WorkerCounters {
        WorkerCounters::new(&self.requests, patterns)
    }

    /// The keys that are asked for most.
    pub(crate) fn top_keys(&self) -> TopKeys {
        self.requests.top_keys()
    }

    /// The URLs that are asked for most, of those that only a URL keys.
    pub(crate) fn popular_keys(&self) -> Vec<CacheKey> {
        self.requests.popular_keys()
    }

    pub(crate) fn stored(&self) {
        self.stores.add(1);
    }

    pub(crate) fn not_stored(&self, why: Reason) {
        self.not_stored.get(why as usize).into_iter().for_each(|count| count.add(1));
    }

    pub(crate) fn purged(&self, purge: &Purge, purged: Purged) {
        self.purges.count(purge, purged);
    }

    pub(crate) fn refreshed(&self, result: RefreshResult) {
        self.refreshes.count(result);
    }

    pub(crate) fn overran(&self, deadline: Overrun) {
        self.overruns.get(deadline as usize).into_iter().for_each(|count| count.add(1));
    }

    pub(crate) fn error(&self) {
        self.errors.add(1);
    }

    /// The sums over all threads, at about one time.
    pub(crate) fn read(&self, size: Option<Size>, running: Running) -> Stats {
        let not_stored: Vec<_> = self.not_stored.iter().map(SharedCounter::get).collect();
        let overruns = Overrun::ALL.iter().zip(&self.overruns);
        let purges: Vec<PurgeCount> = self.purges.read();
        Stats {
            stores: self.stores.get(),
            not_stored: by_reason(&not_stored),
            purges: purges.iter().map(|purge| purge.count).sum(),
            purges_by_target: purges,
            purged: self.purges.entries(),
            refreshes_by_result: self.refreshes.read(),
            overruns: overruns.map(|(kind, count)| (kind.as_str(), count.get())).collect(),
            errors: self.errors.get(),
            entries: size.map(|size| size.entries),
            bytes: size.map(|size| size.bytes),
            flights: running.flights,
            followers: running.followers,
            refreshes: running.refreshes,
            recorded: running.recorded,
            ..Stats::from_requests(self.since, self.requests.read())
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::semantics::lifetime_source::LifetimeSource;
    use crate::semantics::verdict::{Forwarding, Verdict};

    #[test]
    fn each_verdict_is_counted_once() {
        let counters = Counters::new(Timestamp::from_secs(7));
        let worker = counters.worker_counters(vec!["/a".to_owned()]);
        let count = |rule, verdict| worker.count(rule, &verdict);
        count(None, Verdict::Hit { left: Duration::ZERO });
        count(None, Verdict::Stale { past: Duration::ZERO });
        count(Some(0), Verdict::missed(Forwarding::UriMiss, Ok(LifetimeSource::default())));
        count(None, Verdict::bypassed(Reason::Cookie));
        count(None, Verdict::bypassed(Reason::Method));
        count(None, Verdict::Refused(Reason::OnlyIfCached));
        let stats = counters.read(None, Running::default());
        assert_eq!((stats.hits, stats.stale, stats.misses, stats.bypassed()), (1, 1, 2, 2));
        assert_eq!(stats.bypasses, [(Reason::Method, 1), (Reason::Cookie, 1)]);
        assert_eq!(stats.requests(), 6);
        let by_rule: Vec<_> =
            stats.rules.iter().map(|rule| (rule.rule.as_deref(), rule.requests())).collect();
        assert_eq!(by_rule, [(None, 5), (Some("/a"), 1)]);
    }

    #[test]
    fn threads_are_summed() {
        let counters = Counters::new(Timestamp::from_secs(0));
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| (0..1000).for_each(|_| counters.stored()));
            }
        });
        assert_eq!(counters.read(None, Running::default()).stores, 4000);
    }
}
