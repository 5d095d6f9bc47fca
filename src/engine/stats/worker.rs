//! The counters of one worker: only its thread adds to them, so that counting takes no locked
//! instruction. When the worker ends, its counts are kept.

use std::{cell::Cell, sync::Arc, time::Duration};

use super::{
    requests::RequestCounters,
    rules::{RuleCounters, RuleTotals},
    top::Sketch,
};
use crate::{clock::Stopwatch, key::CacheKey, semantics::verdict::Verdict};

/// One hit in this number is timed, and one handler call looked at for the keys that cost most.
const PER_SAMPLE: u64 = 16;
/// One timed hit in this number is looked at for the keys that are asked for most: a key that is new among
/// them takes thousands of instructions.
const TIMED_PER_KEY: u64 = 4;

/// The counters of one worker, for each rule.
#[derive(Debug)]
pub(crate) struct WorkerCounters {
    totals: Arc<RuleTotals>,
    counters: Arc<RuleCounters>,
    /// How many handler calls there were.
    calls: Cell<u64>,
}

impl WorkerCounters {
    /// Counters for these rules, in their order.
    pub(super) fn new(totals: &Arc<RuleTotals>, patterns: Vec<String>) -> Self {
        let rules = patterns.into_iter().map(|pattern| (pattern, RequestCounters::default()));
        let without_rule = RequestCounters::default();
        let counters = Arc::new(RuleCounters {
            without_rule,
            rules: rules.collect(),
            top_hits: Sketch::default(),
            top_costs: Sketch::default(),
        });
        totals.add_worker(&counters);
        Self { totals: Arc::clone(totals), counters, calls: Cell::new(0) }
    }

    /// Counts what became of a request under the rule of this number; every request is counted once.
    pub(crate) fn count(&self, rule: Option<usize>, verdict: &Verdict) {
        self.of(rule).count(verdict);
    }

    /// Counts a response from the store: the bytes of its body, and how long its handler took for it.
    pub(crate) fn served(&self, rule: Option<usize>, bytes: u64, saved: Duration) {
        self.of(rule).served(bytes, saved);
    }

    /// Bytes of a body that a handler has made.
    pub(crate) fn handler_made(&self, rule: Option<usize>, bytes: u64) {
        self.of(rule).handler_bytes.add(bytes);
    }

    /// Starts the watch for one in [`PER_SAMPLE`] hits: reading the clock twice would be a good
    /// part of what a hit costs.
    pub(crate) fn sample_hit(&self, rule: Option<usize>) -> Option<Stopwatch> {
        self.of(rule).hits().is_multiple_of(PER_SAMPLE).then(Stopwatch::start)
    }

    /// A hit of the sample was ready after this time.
    pub(crate) fn hit_took(&self, rule: Option<usize>, key: &CacheKey, time: Duration) {
        let counters = self.of(rule);
        counters.hit_times.add(time);
        if (counters.hits() / PER_SAMPLE).is_multiple_of(TIMED_PER_KEY) {
            self.counters.top_hits.add(key, PER_SAMPLE * TIMED_PER_KEY);
        }
    }

    pub(crate) fn miss_took(&self, rule: Option<usize>, time: Duration) {
        self.of(rule).miss_times.add(time);
    }

    /// A handler took this time, for a request that was looked up by this key.
    pub(crate) fn handler_took(&self, rule: Option<usize>, key: Option<&CacheKey>, time: Duration) {
        self.of(rule).handler_times.add(time);
        let calls = self.calls.get();
        self.calls.set(calls.wrapping_add(1));
        if let Some(key) = key.filter(|_| calls.is_multiple_of(PER_SAMPLE)) {
            let micros = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
            self.counters.top_costs.add(key, micros.saturating_mul(PER_SAMPLE));
        }
    }

    fn of(&self, rule: Option<usize>) -> &RequestCounters {
        let RuleCounters { without_rule, rules, .. } = &*self.counters;
        let found = rule.and_then(|rule| rules.get(rule));
        found.map_or(without_rule, |(_, counters)| counters)
    }
}

impl Drop for WorkerCounters {
    fn drop(&mut self) {
        self.totals.end_worker(&self.counters);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn worker_that_ends_loses_no_count() {
        let totals = Arc::new(RuleTotals::default());
        let hit = |worker: &WorkerCounters, rule| {
            worker.count(rule, &Verdict::Hit { left: Duration::ZERO });
            worker.served(rule, 100, Duration::from_millis(5));
        };
        let workers: Vec<_> = [vec!["/a".to_owned()], vec!["/b".to_owned(), "/a".to_owned()]]
            .into_iter()
            .map(|patterns| WorkerCounters::new(&totals, patterns))
            .collect();
        hit(&workers[0], None);
        hit(&workers[0], Some(0));
        hit(&workers[1], Some(1));
        let bytes = || -> Vec<_> {
            let sums = totals.read();
            sums.into_iter().map(|(rule, sums)| (rule, sums.store_bytes)).collect()
        };
        let expected = [(None, 100), (Some("/a".to_owned()), 200), (Some("/b".to_owned()), 0)];
        assert_eq!(bytes(), expected);
        drop(workers);
        assert_eq!(bytes(), expected);
        assert_eq!(totals.read()[&None].saved(), Duration::from_millis(5));
    }
}
