//! A reading of the counters of one rule, for users.

use std::{iter::Sum, time::Duration};

use serde::Serialize;

use super::requests::RequestTotals;
use crate::{
    counting::{
        histogram::Histogram,
        serialized::{by_word, seconds},
    },
    semantics::verdict::{Reason, VerdictKind},
};

/// The requests whose path has one rule.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RuleStats {
    /// The pattern of the rule; `None` for requests without a rule.
    pub rule: Option<String>,
    /// How many requests there were, by verdict and reason. Outcomes with no request are left out.
    pub outcomes: Vec<RequestCount>,
    /// See [`Stats::collapsed`](crate::Stats::collapsed).
    pub collapsed: u64,
    /// Why the responses to misses are not stored, by reason, as it was known when they were sent.
    #[serde(serialize_with = "by_word")]
    pub not_stored: Vec<(Reason, u64)>,
    /// See [`Stats::bytes_from_store`](crate::Stats::bytes_from_store).
    pub bytes_from_store: u64,
    /// See [`Stats::bytes_from_handlers`](crate::Stats::bytes_from_handlers).
    pub bytes_from_handlers: u64,
    /// See [`Stats::handler_time_saved`](crate::Stats::handler_time_saved).
    #[serde(serialize_with = "seconds")]
    pub handler_time_saved: Duration,
    /// See [`Stats::hit_times`](crate::Stats::hit_times).
    pub hit_times: Histogram,
    /// See [`Stats::miss_times`](crate::Stats::miss_times).
    pub miss_times: Histogram,
    /// See [`Stats::handler_times`](crate::Stats::handler_times).
    pub handler_times: Histogram,
}

/// How many requests had one outcome.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RequestCount {
    /// Where the response came from.
    pub verdict: VerdictKind,
    /// Why, in one word: the name of a [`Reason`], `uri-miss` or `vary-miss` where nothing was
    /// stored, `revalidated` or that of a [`StaleCause`](crate::StaleCause) for stale responses.
    /// Empty for fresh ones.
    pub reason: &'static str,
    /// How many requests there were.
    pub count: u64,
}

impl RuleStats {
    /// All requests.
    pub fn requests(&self) -> u64 {
        self.sum(|_| true)
    }

    /// The requests with this kind of verdict.
    pub fn count(&self, kind: VerdictKind) -> u64 {
        self.sum(|outcome| outcome.verdict == kind)
    }

    /// See [`Stats::hit_ratio`](crate::Stats::hit_ratio).
    pub fn hit_ratio(&self) -> Option<f64> {
        let served = self.count(VerdictKind::Hit) + self.count(VerdictKind::Stale);
        ratio(served, self.count(VerdictKind::Miss))
    }

    fn sum<T: Sum<u64>>(&self, is: impl Fn(&RequestCount) -> bool) -> T {
        self.outcomes.iter().filter(|outcome| is(outcome)).map(|outcome| outcome.count).sum()
    }

    pub(super) fn from_totals(rule: Option<String>, sums: RequestTotals) -> Self {
        let outcomes = sums.outcomes().map(|(outcome, count)| {
            let (verdict, reason) = outcome.words();
            RequestCount { verdict, reason, count }
        });
        Self {
            rule,
            outcomes: outcomes.collect(),
            collapsed: sums.collapsed,
            not_stored: sums.not_stored(),
            bytes_from_store: sums.store_bytes,
            bytes_from_handlers: sums.handler_bytes,
            handler_time_saved: sums.saved(),
            hit_times: sums.hit_times,
            miss_times: sums.miss_times,
            handler_times: sums.handler_times,
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "a ratio")]
pub(super) fn ratio(part: u64, rest: u64) -> Option<f64> {
    let all = part + rest;
    (all > 0).then(|| part as f64 / all as f64)
}
