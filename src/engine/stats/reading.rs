//! A reading of the counters, for users.

use std::time::{Duration, SystemTime};

use serde::Serialize;

use super::{
    hooks::PurgeHookStats,
    last_error::LastError,
    outcome::Outcome,
    purges::PurgeCount,
    requests::RequestTotals,
    rule_stats::{RuleStats, ratio},
    rules::ByRule,
};
use crate::{
    counting::{
        histogram::Histogram,
        serialized::{by_word, seconds, unix_seconds},
    },
    semantics::{
        date::Timestamp,
        verdict::{Reason, VerdictKind},
    },
    store::StoreHealth,
};

/// What a cache has done since it was built: a reading of its counters.
///
/// Every request that passes the cache is counted in one of `hits`, `stale`, `misses` and
/// `bypasses`. Counts are of this process, over all workers and clones of the cache; they only grow,
/// but for the fields that say "now". They begin at [`since`](Self::since), and are lost when
/// the process ends.
///
/// It serializes to a map of its fields, which is stable but for fields that are added. Reasons are
/// maps from their [names](Reason::as_str) to counts, times are in seconds, and the three fields
/// `served_stale`, `served_stale_slow` and `served_stale_backing_off` are called `stood_in`,
/// `stood_in_slow` and `stood_in_left_alone` there.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Stats {
    /// Since when it counts; serialized as seconds since the Unix epoch.
    #[serde(serialize_with = "unix_seconds")]
    pub since: SystemTime,
    /// Requests that were served a fresh stored response, or a 304 or 206 made of one.
    pub hits: u64,
    /// Requests that were served a stale stored response: while it was revalidated in the
    /// background, because the request accepted that (`max-stale`), or in place of the handler's
    /// response (`served_stale`).
    pub stale: u64,
    /// Of `stale`: requests that were served the stale response in place of the handler's, which
    /// failed, was slow, or was not called: it had failed a short while before, or too many ran.
    #[serde(rename = "stood_in")]
    pub served_stale: u64,
    /// Of `served_stale`: requests whose handler was slow.
    #[serde(rename = "stood_in_slow")]
    pub served_stale_slow: u64,
    /// Of `served_stale`: requests whose handler was not called, as it had failed a short while
    /// before.
    #[serde(rename = "stood_in_left_alone")]
    pub served_stale_backing_off: u64,
    /// Requests for which no usable response was stored. Their response came from the handler, from
    /// the handler call of another request (`collapsed`), or from the cache itself: 504 where the
    /// request said `only-if-cached`, 503 where too many handlers ran.
    pub misses: u64,
    /// Of `misses`: requests that waited for another request, and were served its response.
    pub collapsed: u64,
    /// Requests that bypassed the cache, by reason. Reasons with no request are left out.
    #[serde(serialize_with = "by_word")]
    pub bypasses: Vec<(Reason, u64)>,
    /// Responses stored. Each variant of a URL counts, and so does each renewal by a 304.
    pub stores: u64,
    /// Responses to requests that did not bypass the cache which were not stored, by reason. Reasons
    /// with no response are left out; responses to HEAD requests do not count.
    #[serde(serialize_with = "by_word")]
    pub not_stored: Vec<(Reason, u64)>,
    /// Purges carried out: by handles, by the admin scope, and by unsafe requests, of which each
    /// target counts. Pending ones count too, failed ones do not.
    pub purges: u64,
    /// The same purges by what they name. Kinds with no purge are left out.
    pub purges_by_target: Vec<PurgeCount>,
    /// Responses that purges removed, as far as they were [counted](crate::Purge::counted).
    pub purged: u64,
    /// Failures behind the cache that failed no request: calls to the store that failed, purges that
    /// were left pending, and handlers that panicked without a client.
    pub errors: u64,
    /// Bytes of bodies that were served from the store, before any coding outside of the cache. A 304
    /// and the response to a HEAD have none, a collapsed request has those of the shared response.
    pub bytes_from_store: u64,
    /// Bytes of bodies that handlers made for requests, as far as they were read; those of requests
    /// that bypass the cache too.
    pub bytes_from_handlers: u64,
    /// How long handlers took for the responses that were served from the store: what they would
    /// have taken once more for each request.
    #[serde(serialize_with = "seconds")]
    pub handler_time_saved: Duration,
    /// Entries in the store now; `None` where the store would have to ask a server.
    pub entries: Option<u64>,
    /// Bytes in the store now; `None` where the store would have to ask a server. In memory they are
    /// the memory that the entries take, with the overhead of tables and allocator.
    pub bytes: Option<u64>,
    /// Handler calls for which other requests may be waiting now.
    pub flights: u64,
    /// Requests that wait for the handler call of another one now.
    pub followers: u64,
    /// Refreshes in the background that run now.
    pub refreshes: u64,
    /// Refreshes in the background that have ended: `succeeded`, `failed`, `panicked`, `skipped`, as
    /// the request could not be sent again, or `overloaded`, as too many handlers ran.
    #[serde(serialize_with = "by_word")]
    pub refreshes_by_result: Vec<(&'static str, u64)>,
    /// Deadlines that were overrun: the handler was given up (`handler-timeout`), or a request no
    /// longer waited for another one (`coalescing`). How often a handler was slow is `served_stale_slow`.
    #[serde(serialize_with = "by_word")]
    pub overruns: Vec<(&'static str, u64)>,
    /// Bytes that are allocated for recordings of streamed responses now.
    pub recorded: u64,
    /// How long it took until a stored response was ready to be sent: a sample of one in 16 hits of
    /// each worker and rule.
    pub hit_times: Histogram,
    /// How long it took until the response to a request was ready for which nothing usable was stored,
    /// with the time of the handler.
    pub miss_times: Histogram,
    /// How long handlers took until the head of their response, or their error. Requests that bypass
    /// the cache are not timed.
    pub handler_times: Histogram,
    /// The same requests by the rules of their paths; first those without a rule.
    pub rules: Vec<RuleStats>,
    /// How the store is doing.
    pub store: StoreHealth,
    /// The last failure of the store; `None` where there was none.
    pub last_error: Option<LastError>,
    /// How the [purge hooks](crate::PurgeHook) are doing.
    pub purge_hooks: Vec<PurgeHookStats>,
}

impl Stats {
    /// All requests that bypassed the cache.
    pub fn bypassed(&self) -> u64 {
        self.bypasses.iter().map(|(_, count)| count).sum()
    }

    /// All requests that passed the cache.
    pub fn requests(&self) -> u64 {
        self.hits + self.stale + self.misses + self.bypassed()
    }

    /// The part of requests that were served from the store, of those that did not bypass the cache:
    /// from 0 to 1; `None` where there were none.
    ///
    /// A fresh stored response is a hit, also where the client is sent a 304 or a 206 made of it; a
    /// stale one is a hit too, for whatever reason it was served. A collapsed request counts as a
    /// miss.
    pub fn hit_ratio(&self) -> Option<f64> {
        ratio(self.hits + self.stale, self.misses)
    }

    /// The fields that come from the counts of requests; the others are empty.
    pub(super) fn from_requests(since: Timestamp, rules: ByRule) -> Self {
        let mut all = RequestTotals::default();
        for rule in rules.values() {
            all.merge(rule);
        }
        let bypasses = all
            .outcomes()
            .filter_map(|(outcome, count)| outcome.bypass_reason().map(|why| (why, count)));
        let of = |kind: VerdictKind| all.sum(|outcome| outcome.words().0 == kind);
        Self {
            since: since.into(),
            hits: of(VerdictKind::Hit),
            stale: of(VerdictKind::Stale),
            served_stale: all.sum(Outcome::is_fallback),
            served_stale_slow: all.sum(Outcome::is_slow),
            served_stale_backing_off: all.sum(Outcome::is_backing_off),
            misses: of(VerdictKind::Miss),
            collapsed: all.collapsed,
            bypasses: bypasses.collect(),
            bytes_from_store: all.store_bytes,
            bytes_from_handlers: all.handler_bytes,
            handler_time_saved: all.saved(),
            hit_times: all.hit_times,
            miss_times: all.miss_times,
            handler_times: all.handler_times,
            rules: rules
                .into_iter()
                .map(|(rule, sums)| RuleStats::from_totals(rule, sums))
                .collect(),
            stores: 0,
            not_stored: Vec::new(),
            purges: 0,
            purges_by_target: Vec::new(),
            purged: 0,
            errors: 0,
            entries: None,
            bytes: None,
            flights: 0,
            followers: 0,
            refreshes: 0,
            refreshes_by_result: Vec::new(),
            overruns: Vec::new(),
            recorded: 0,
            store: StoreHealth::default(),
            last_error: None,
            purge_hooks: Vec::new(),
        }
    }
}
