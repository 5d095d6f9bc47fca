//! The counters, as requests add to them. They are spread over threads, so that counting never waits.

use std::{
    cell::Cell,
    sync::atomic::{AtomicU64, AtomicUsize, Ordering},
    time::Duration,
};

use super::{
    histogram::{AtomicHistogram, Histogram},
    reading::Stats,
};
use crate::{
    clock::Stopwatch,
    purge::Purged,
    semantics::verdict::{Forwarding, Reason, StaleCause, Verdict},
    store::Size,
};

const SHARDS: usize = 16;
const REASONS: usize = Reason::ALL.len();

/// One hit in this number is timed.
const HITS_PER_SAMPLE: u64 = 16;

/// The counters of one cache. What each of them counts is said at [`Stats`].
#[derive(Debug, Default)]
pub(crate) struct Counters {
    shards: [Shard; SHARDS],
}

#[derive(Debug, Default)]
#[repr(align(128))] // two threads never write to one cache line
struct Shard {
    hits: AtomicU64,
    stale: AtomicU64,
    misses: AtomicU64,
    collapsed: AtomicU64,
    served_stale: AtomicU64,
    served_stale_slow: AtomicU64,
    served_stale_backing_off: AtomicU64,
    bypasses: ByReason,
    stores: AtomicU64,
    not_stored: ByReason,
    purges: AtomicU64,
    purged: AtomicU64,
    errors: AtomicU64,
    hit_times: AtomicHistogram,
    handler_times: AtomicHistogram,
}

/// A counter for each reason.
#[derive(Debug)]
struct ByReason([AtomicU64; REASONS]);

impl Default for ByReason {
    fn default() -> Self {
        Self(std::array::from_fn(|_| AtomicU64::new(0)))
    }
}

impl ByReason {
    fn add(&self, why: Reason) {
        self.0.get(why as usize).into_iter().for_each(add);
    }
}

/// What is under way at the moment of a reading.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Running {
    pub(crate) flights: u64,
    pub(crate) refreshes: u64,
    pub(crate) recorded: u64,
}

impl Counters {
    /// Counts what became of a request; every request is counted once.
    pub(crate) fn verdict(&self, verdict: &Verdict) {
        let shard = self.shard();
        match verdict {
            Verdict::Hit { .. } => add(&shard.hits),
            Verdict::Stale { .. } | Verdict::StaleFallback { .. } => add(&shard.stale),
            Verdict::Forwarded { why: Forwarding::Bypass(why), .. } => shard.bypasses.add(*why),
            Verdict::Forwarded { why: Forwarding::Method, .. } => {
                shard.bypasses.add(Reason::Method);
            }
            Verdict::Forwarded { collapsed, .. } => {
                add(&shard.misses);
                if *collapsed {
                    add(&shard.collapsed);
                }
            }
            Verdict::Refused(_) => add(&shard.misses),
        }
    }

    pub(crate) fn served_stale(&self, cause: StaleCause) {
        let shard = self.shard();
        add(&shard.served_stale);
        match cause {
            StaleCause::Failed(_) => {}
            StaleCause::Slow => add(&shard.served_stale_slow),
            StaleCause::BackingOff => add(&shard.served_stale_backing_off),
        }
    }

    pub(crate) fn stored(&self) {
        add(&self.shard().stores);
    }

    pub(crate) fn not_stored(&self, why: Reason) {
        self.shard().not_stored.add(why);
    }

    pub(crate) fn purged(&self, purged: Purged) {
        add(&self.shard().purges);
        self.shard().purged.fetch_add(purged.entries.unwrap_or(0), Ordering::Relaxed);
    }

    pub(crate) fn error(&self) {
        add(&self.shard().errors);
    }

    /// Starts the watch for one in [`HITS_PER_SAMPLE`] hits: reading the clock twice would be a good
    /// part of what a hit costs.
    pub(crate) fn sample_hit(&self) -> Option<Stopwatch> {
        let hits = self.shard().hits.load(Ordering::Relaxed);
        hits.is_multiple_of(HITS_PER_SAMPLE).then(Stopwatch::start)
    }

    pub(crate) fn hit_took(&self, time: Duration) {
        self.shard().hit_times.add(time);
    }

    pub(crate) fn handler_took(&self, time: Duration) {
        self.shard().handler_times.add(time);
    }

    /// The sums over all threads, at about one time.
    pub(crate) fn read(&self, size: Option<Size>, running: Running) -> Stats {
        Stats {
            hits: self.sum(|shard| &shard.hits),
            stale: self.sum(|shard| &shard.stale),
            served_stale: self.sum(|shard| &shard.served_stale),
            served_stale_slow: self.sum(|shard| &shard.served_stale_slow),
            served_stale_backing_off: self.sum(|shard| &shard.served_stale_backing_off),
            misses: self.sum(|shard| &shard.misses),
            collapsed: self.sum(|shard| &shard.collapsed),
            bypasses: self.sum_by_reason(|shard| &shard.bypasses),
            stores: self.sum(|shard| &shard.stores),
            not_stored: self.sum_by_reason(|shard| &shard.not_stored),
            purges: self.sum(|shard| &shard.purges),
            purged: self.sum(|shard| &shard.purged),
            errors: self.sum(|shard| &shard.errors),
            entries: size.map(|size| size.entries),
            bytes: size.map(|size| size.bytes),
            flights: running.flights,
            refreshes: running.refreshes,
            recorded: running.recorded,
            hit_times: Histogram(self.sum_each(|shard| &shard.hit_times.0)),
            handler_times: Histogram(self.sum_each(|shard| &shard.handler_times.0)),
        }
    }

    /// The shard of this thread.
    fn shard(&self) -> &Shard {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        thread_local! {
            static INDEX: Cell<usize> = Cell::new(NEXT.fetch_add(1, Ordering::Relaxed) % SHARDS);
        }
        let [first, ..] = &self.shards;
        self.shards.get(INDEX.get()).unwrap_or(first)
    }

    fn sum(&self, counter: impl Fn(&Shard) -> &AtomicU64) -> u64 {
        self.shards.iter().map(|shard| counter(shard).load(Ordering::Relaxed)).sum()
    }

    fn sum_each<const N: usize>(&self, counters: impl Fn(&Shard) -> &[AtomicU64; N]) -> [u64; N] {
        let mut sums = [0; N];
        for shard in &self.shards {
            for (sum, counter) in sums.iter_mut().zip(counters(shard)) {
                *sum += counter.load(Ordering::Relaxed);
            }
        }
        sums
    }

    fn sum_by_reason(&self, counters: impl Fn(&Shard) -> &ByReason) -> Vec<(Reason, u64)> {
        let sums = self.sum_each(|shard| &counters(shard).0);
        Reason::ALL.iter().copied().zip(sums).filter(|(_, count)| *count > 0).collect()
    }
}

fn add(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_verdict_is_counted_once() {
        let counters = Counters::default();
        counters.verdict(&Verdict::Hit { left: Duration::ZERO });
        counters.verdict(&Verdict::Stale { past: Duration::ZERO });
        counters.verdict(&Verdict::missed(Forwarding::UriMiss, Ok(())));
        counters.verdict(&Verdict::bypassed(Reason::Cookie));
        counters.verdict(&Verdict::bypassed(Reason::Method));
        counters.verdict(&Verdict::Refused(Reason::OnlyIfCached));
        let stats = counters.read(None, Running::default());
        assert_eq!((stats.hits, stats.stale, stats.misses, stats.bypassed()), (1, 1, 2, 2));
        assert_eq!(stats.bypasses, [(Reason::Method, 1), (Reason::Cookie, 1)]);
        assert_eq!(stats.requests(), 6);
    }

    #[test]
    fn threads_are_summed() {
        let counters = Counters::default();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| (0..1000).for_each(|_| counters.stored()));
            }
        });
        assert_eq!(counters.read(None, Running::default()).stores, 4000);
    }
}
