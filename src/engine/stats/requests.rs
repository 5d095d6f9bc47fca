//! What is counted of requests, for each rule: by the thread that serves them, and summed.

use std::time::Duration;

use super::outcome::{OUTCOMES, Outcome};
use crate::{
    counting::{
        OwnCounter,
        histogram::{Histogram, OwnHistogram},
    },
    semantics::verdict::{Reason, Verdict},
};

const REASONS: usize = Reason::ALL.len();

/// The counters of one rule in one worker. Only the worker's thread adds to them.
#[derive(Debug)]
pub(super) struct RequestCounters {
    outcomes: [OwnCounter; OUTCOMES],
    not_stored: [OwnCounter; REASONS],
    collapsed: OwnCounter,
    store_bytes: OwnCounter,
    pub(super) handler_bytes: OwnCounter,
    saved_nanos: OwnCounter,
    pub(super) hit_times: OwnHistogram,
    pub(super) miss_times: OwnHistogram,
    pub(super) handler_times: OwnHistogram,
}

impl Default for RequestCounters {
    fn default() -> Self {
        Self {
            outcomes: std::array::from_fn(|_| OwnCounter::default()),
            not_stored: std::array::from_fn(|_| OwnCounter::default()),
            collapsed: OwnCounter::default(),
            store_bytes: OwnCounter::default(),
            handler_bytes: OwnCounter::default(),
            saved_nanos: OwnCounter::default(),
            hit_times: OwnHistogram::default(),
            miss_times: OwnHistogram::default(),
            handler_times: OwnHistogram::default(),
        }
    }
}

impl RequestCounters {
    pub(super) fn count(&self, verdict: &Verdict) {
        let Outcome(number) = Outcome::of(verdict);
        if let Some(outcome) = self.outcomes.get(number) {
            outcome.add(1);
        }
        if let Verdict::Forwarded { stored, collapsed, .. } = verdict
            && !verdict.is_bypass()
        {
            self.collapsed.add(u64::from(*collapsed));
            if let Some(count) = stored.err().and_then(|why| self.not_stored.get(why as usize)) {
                count.add(1);
            }
        }
    }

    pub(super) fn served(&self, bytes: u64, saved: Duration) {
        self.store_bytes.add(bytes);
        self.saved_nanos.add(u64::try_from(saved.as_nanos()).unwrap_or(u64::MAX));
    }

    /// How many fresh hits there were.
    pub(super) fn hits(&self) -> u64 {
        self.outcomes.get(Outcome::HIT.0).map_or(0, OwnCounter::get)
    }
}

/// The sums of such counters.
#[derive(Clone, Debug, Default)]
pub(crate) struct RequestTotals {
    /// By the numbers of outcomes.
    outcomes: Vec<u64>,
    /// By the numbers of reasons.
    not_stored: Vec<u64>,
    pub(super) collapsed: u64,
    pub(super) store_bytes: u64,
    pub(super) handler_bytes: u64,
    saved_nanos: u64,
    pub(super) hit_times: Histogram,
    pub(super) miss_times: Histogram,
    pub(super) handler_times: Histogram,
}

impl RequestTotals {
    pub(super) fn read(counters: &RequestCounters) -> Self {
        Self {
            outcomes: counters.outcomes.iter().map(OwnCounter::get).collect(),
            not_stored: counters.not_stored.iter().map(OwnCounter::get).collect(),
            collapsed: counters.collapsed.get(),
            store_bytes: counters.store_bytes.get(),
            handler_bytes: counters.handler_bytes.get(),
            saved_nanos: counters.saved_nanos.get(),
            hit_times: counters.hit_times.read(),
            miss_times: counters.miss_times.read(),
            handler_times: counters.handler_times.read(),
        }
    }

    pub(super) fn merge(&mut self, other: &Self) {
        merge(&mut self.outcomes, &other.outcomes);
        merge(&mut self.not_stored, &other.not_stored);
        self.collapsed += other.collapsed;
        self.store_bytes = self.store_bytes.wrapping_add(other.store_bytes);
        self.handler_bytes = self.handler_bytes.wrapping_add(other.handler_bytes);
        self.saved_nanos = self.saved_nanos.saturating_add(other.saved_nanos);
        self.hit_times.merge(&other.hit_times);
        self.miss_times.merge(&other.miss_times);
        self.handler_times.merge(&other.handler_times);
    }

    pub(super) fn saved(&self) -> Duration {
        Duration::from_nanos(self.saved_nanos)
    }

    /// Each outcome with how many requests had it, as far as any had.
    pub(super) fn outcomes(&self) -> impl Iterator<Item = (Outcome, u64)> {
        let counts = self.outcomes.iter().enumerate().filter(|(_, count)| **count > 0);
        counts.map(|(number, count)| (Outcome(number), *count))
    }

    /// How many requests had an outcome that `is` one of these.
    pub(super) fn sum(&self, is: impl Fn(Outcome) -> bool) -> u64 {
        self.outcomes().filter(|(outcome, _)| is(*outcome)).map(|(_, count)| count).sum()
    }

    /// The reasons why responses of handlers were not stored, as `Cache-Status` has said it.
    pub(super) fn not_stored(&self) -> Vec<(Reason, u64)> {
        by_reason(&self.not_stored)
    }
}

/// The counts of reasons that have any.
pub(super) fn by_reason(counts: &[u64]) -> Vec<(Reason, u64)> {
    let counts = Reason::ALL.iter().copied().zip(counts.iter().copied());
    counts.filter(|(_, count)| *count > 0).collect()
}

fn merge(sums: &mut Vec<u64>, counts: &[u64]) {
    sums.resize(sums.len().max(counts.len()), 0);
    for (sum, count) in sums.iter_mut().zip(counts) {
        *sum += count;
    }
}
