//! The counts of all workers, by the patterns of rules.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use super::{
    requests::{RequestCounters, RequestTotals},
    top::{CostlyKey, Sketch, TopKey, TopKeys},
};
use crate::key::CacheKey;

/// The sums for each pattern; `None` for requests without a rule.
pub(super) type ByRule = BTreeMap<Option<String>, RequestTotals>;

/// The counters of the workers that run, and what those have counted that have ended.
#[derive(Debug, Default)]
pub(super) struct RuleTotals(Mutex<Workers>);

/// The counters of one worker, as other threads read them.
#[derive(Debug)]
pub(super) struct RuleCounters {
    /// Of requests without a rule.
    pub(super) without_rule: RequestCounters,
    /// Of each rule, with its pattern.
    pub(super) rules: Vec<(String, RequestCounters)>,
    /// The keys with the most hits.
    pub(super) top_hits: Sketch,
    /// The keys with the longest handler time in all, in microseconds.
    pub(super) top_costs: Sketch,
}

#[derive(Debug, Default)]
struct Workers {
    running: Vec<Arc<RuleCounters>>,
    ended: ByRule,
}

impl RuleTotals {
    pub(super) fn add_worker(&self, counters: &Arc<RuleCounters>) {
        self.lock().running.push(Arc::clone(counters));
    }

    /// The worker has ended: under one lock, so that no reading counts its requests twice or not at all.
    pub(super) fn end_worker(&self, counters: &Arc<RuleCounters>) {
        let mut workers = self.lock();
        workers.running.retain(|running| !Arc::ptr_eq(running, counters));
        add(&mut workers.ended, counters);
    }

    /// The sums over all workers, at about one time.
    pub(super) fn read(&self) -> ByRule {
        let workers = self.lock();
        let mut sums = workers.ended.clone();
        workers.running.iter().for_each(|worker| add(&mut sums, worker));
        sums
    }

    /// The keys that the workers which run are asked for most.
    pub(super) fn top_keys(&self) -> TopKeys {
        let workers = self.lock();
        let running = || workers.running.iter();
        let hits = Sketch::merged(running().map(|worker| &worker.top_hits));
        let costs = Sketch::merged(running().map(|worker| &worker.top_costs));
        let costly = |(key, micros)| CostlyKey { key, handler_time: Duration::from_micros(micros) };
        TopKeys {
            by_hits: hits.into_iter().map(|(key, hits)| TopKey { key, hits }).collect(),
            by_handler_time: costs.into_iter().map(costly).collect(),
        }
    }

    /// The URLs that the workers which run are asked for most.
    pub(super) fn popular_keys(&self) -> Vec<CacheKey> {
        let workers = self.lock();
        Sketch::urls(workers.running.iter().map(|worker| &worker.top_hits))
    }

    fn lock(&self) -> MutexGuard<'_, Workers> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn add(sums: &mut ByRule, worker: &RuleCounters) {
    let rules = worker.rules.iter().map(|(pattern, counters)| (Some(pattern.clone()), counters));
    for (pattern, counters) in std::iter::once((None, &worker.without_rule)).chain(rules) {
        sums.entry(pattern).or_default().merge(&RequestTotals::read(counters));
    }
}
