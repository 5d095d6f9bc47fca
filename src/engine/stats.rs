//! What the cache counts. Counters are spread over threads, so that counting never waits.

use std::{
    cell::Cell,
    sync::atomic::{AtomicU64, AtomicUsize, Ordering},
    time::Duration,
};

use crate::{
    clock::Stopwatch,
    purge::Purged,
    semantics::verdict::{Forwarding, Reason, StaleCause, Verdict},
    store::Size,
};

const SHARDS: usize = 16;
const REASONS: usize = Reason::ALL.len();
/// The last bucket counts everything from 2^39 ns, some nine minutes, up.
const BUCKETS: usize = 41;

/// One in so many hits is timed.
const HITS_PER_SAMPLE: u64 = 16;

/// Counters as they are being counted.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    shards: [Shard; SHARDS],
}

#[derive(Debug)]
#[repr(align(128))] // two threads never write to one cache line
struct Shard {
    hits: AtomicU64,
    stale: AtomicU64,
    misses: AtomicU64,
    collapsed: AtomicU64,
    served_stale: AtomicU64,
    served_stale_slow: AtomicU64,
    served_stale_backing_off: AtomicU64,
    bypasses: [AtomicU64; REASONS],
    stores: AtomicU64,
    refusals: [AtomicU64; REASONS],
    purges: AtomicU64,
    purged: AtomicU64,
    errors: AtomicU64,
    hit_times: [AtomicU64; BUCKETS],
    handler_times: [AtomicU64; BUCKETS],
}

impl Default for Shard {
    fn default() -> Self {
        let zero = || AtomicU64::new(0);
        Self {
            hits: zero(),
            stale: zero(),
            misses: zero(),
            collapsed: zero(),
            served_stale: zero(),
            served_stale_slow: zero(),
            served_stale_backing_off: zero(),
            bypasses: std::array::from_fn(|_| zero()),
            stores: zero(),
            refusals: std::array::from_fn(|_| zero()),
            purges: zero(),
            purged: zero(),
            errors: zero(),
            hit_times: std::array::from_fn(|_| zero()),
            handler_times: std::array::from_fn(|_| zero()),
        }
    }
}

impl Counters {
    /// Counts what became of a request; every request is counted once.
    pub(crate) fn verdict(&self, verdict: &Verdict) {
        let shard = self.mine();
        match verdict {
            Verdict::Hit { .. } => add(&shard.hits),
            Verdict::Stale { .. } | Verdict::StaleFallback { .. } => add(&shard.stale),
            Verdict::Forwarded { why: Forwarding::Bypass(why), .. } => {
                add_reason(&shard.bypasses, *why);
            }
            Verdict::Forwarded { why: Forwarding::Method, .. } => {
                add_reason(&shard.bypasses, Reason::Method);
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
        let shard = self.mine();
        add(&shard.served_stale);
        match cause {
            StaleCause::Failed(_) => {}
            StaleCause::Slow => add(&shard.served_stale_slow),
            StaleCause::BackingOff => add(&shard.served_stale_backing_off),
        }
    }

    pub(crate) fn stored(&self) {
        add(&self.mine().stores);
    }

    pub(crate) fn not_stored(&self, why: Reason) {
        add_reason(&self.mine().refusals, why);
    }

    pub(crate) fn purged(&self, purged: Purged) {
        add(&self.mine().purges);
        self.mine().purged.fetch_add(purged.entries, Ordering::Relaxed);
    }

    pub(crate) fn error(&self) {
        add(&self.mine().errors);
    }

    /// Starts the watch for one in [`HITS_PER_SAMPLE`] hits: looking at the clock twice would be a
    /// good part of what a hit costs.
    pub(crate) fn sample_hit(&self) -> Option<Stopwatch> {
        let hits = self.mine().hits.load(Ordering::Relaxed);
        hits.is_multiple_of(HITS_PER_SAMPLE).then(Stopwatch::start)
    }

    pub(crate) fn hit_took(&self, time: Duration) {
        add_time(&self.mine().hit_times, time);
    }

    pub(crate) fn handler_took(&self, time: Duration) {
        add_time(&self.mine().handler_times, time);
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
            bypasses: self.sum_reasons(|shard| &shard.bypasses),
            stores: self.sum(|shard| &shard.stores),
            not_stored: self.sum_reasons(|shard| &shard.refusals),
            purges: self.sum(|shard| &shard.purges),
            purged: self.sum(|shard| &shard.purged),
            errors: self.sum(|shard| &shard.errors),
            entries: size.map(|size| size.entries),
            bytes: size.map(|size| size.bytes),
            flights: running.flights,
            refreshes: running.refreshes,
            recorded: running.recorded,
            hit_times: Histogram(self.sum_each(|shard| &shard.hit_times)),
            handler_times: Histogram(self.sum_each(|shard| &shard.handler_times)),
        }
    }

    fn mine(&self) -> &Shard {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        thread_local! {
            static MINE: Cell<usize> = Cell::new(NEXT.fetch_add(1, Ordering::Relaxed) % SHARDS);
        }
        let [first, ..] = &self.shards;
        self.shards.get(MINE.get()).unwrap_or(first)
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

    fn sum_reasons(
        &self,
        counters: impl Fn(&Shard) -> &[AtomicU64; REASONS],
    ) -> Vec<(Reason, u64)> {
        let sums = self.sum_each(counters);
        Reason::ALL.iter().copied().zip(sums).filter(|(_, count)| *count > 0).collect()
    }
}

fn add(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

fn add_reason(counters: &[AtomicU64; REASONS], why: Reason) {
    counters.get(why as usize).into_iter().for_each(add);
}

fn add_time(buckets: &[AtomicU64; BUCKETS], time: Duration) {
    let nanos = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
    let bucket = (u64::BITS - nanos.leading_zeros()) as usize;
    buckets.get(bucket.min(BUCKETS - 1)).into_iter().for_each(add);
}

/// What is under way at the moment of a reading.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Running {
    pub(crate) flights: u64,
    pub(crate) refreshes: u64,
    pub(crate) recorded: u64,
}

/// What a cache has done since it was made: a reading of its counters.
///
/// Every request that passed the cache is one of `hits`, `stale`, `misses` and `bypasses`.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stats {
    /// Requests answered from a fresh stored response.
    pub hits: u64,
    /// Requests answered from a stale stored response.
    pub stale: u64,
    /// Of these, requests whose stale response was served instead of the handler's: it failed, was
    /// slow, or was left alone after a failure.
    pub served_stale: u64,
    /// Of these, requests whose handler was slow.
    pub served_stale_slow: u64,
    /// Of `served_stale`, requests whose handler was left alone after a failure.
    pub served_stale_backing_off: u64,
    /// Requests that looked for a stored response and were answered by the handler.
    pub misses: u64,
    /// Of these, requests that were given what the handler answered to another one.
    pub collapsed: u64,
    /// Requests that did not concern the cache, by reason.
    pub bypasses: Vec<(Reason, u64)>,
    /// Responses stored.
    pub stores: u64,
    /// Responses not stored, by reason.
    pub not_stored: Vec<(Reason, u64)>,
    /// Purges carried out.
    pub purges: u64,
    /// Responses that counted purges took.
    pub purged: u64,
    /// Calls to the store that failed. None of them failed a request.
    pub errors: u64,
    /// Entries in the store, where it knows without asking anybody.
    pub entries: Option<u64>,
    /// Bytes in the store, where it knows without asking anybody. In memory they are what the
    /// entries take of it, with what tables and allocator add.
    pub bytes: Option<u64>,
    /// Runs of handlers, now, that other requests may be waiting for.
    pub flights: u64,
    /// Background refreshes that run now.
    pub refreshes: u64,
    /// Bytes allocated for streams that are recorded, now.
    pub recorded: u64,
    /// How long answers from stored responses took, up to the answer's first byte: a sample of one
    /// in 16 hits of each thread.
    pub hit_times: Histogram,
    /// How long handlers took, up to their answer's first byte.
    pub handler_times: Histogram,
}

impl Stats {
    /// All bypasses together.
    pub fn bypassed(&self) -> u64 {
        self.bypasses.iter().map(|(_, count)| count).sum()
    }

    /// All requests that passed the cache.
    pub fn requests(&self) -> u64 {
        self.hits + self.stale + self.misses + self.bypassed()
    }
}

/// A distribution of times, in buckets that double.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Histogram([u64; BUCKETS]);

impl Histogram {
    /// How many times were measured.
    pub fn count(&self) -> u64 {
        self.0.iter().sum()
    }

    /// Each bucket that is not empty: the time below which its measurements lie, and their number.
    pub fn buckets(&self) -> impl Iterator<Item = (Duration, u64)> {
        let below = |bucket: usize| Duration::from_nanos(1 << bucket);
        self.0.iter().enumerate().filter(|(_, n)| **n > 0).map(move |(i, n)| (below(i), *n))
    }

    /// A time that at least the part `q` (from 0 to 1) of the measurements lies below; to a factor
    /// of two. Zero where nothing was measured.
    pub fn quantile(&self, q: f64) -> Duration {
        #[allow(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss
        )]
        let wanted = (self.count() as f64 * q.clamp(0.0, 1.0)).ceil() as u64;
        let mut seen = 0;
        let found = self.buckets().find(|(_, count)| {
            seen += count;
            seen >= wanted
        });
        found.map_or(Duration::ZERO, |(below, _)| below)
    }
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

    #[test]
    fn quantiles_are_right_to_a_factor_of_two() {
        let counters = Counters::default();
        for _ in 0..99 {
            counters.handler_took(Duration::from_micros(100));
        }
        counters.handler_took(Duration::from_secs(1));
        let times = counters.read(None, Running::default()).handler_times;
        assert_eq!(times.count(), 100);
        let within = |q, time: Duration| (time..=time * 2).contains(&times.quantile(q));
        assert!(within(0.5, Duration::from_micros(100)));
        assert!(within(1.0, Duration::from_secs(1)));
        counters.hit_took(Duration::MAX);
        counters.hit_took(Duration::ZERO);
        assert_eq!(counters.read(None, Running::default()).hit_times.count(), 2);
    }
}
