//! A reading of the counters, for users.

use serde::{Serialize, Serializer};

use super::histogram::Histogram;
use crate::semantics::verdict::Reason;

/// What a cache has done since it was built: a reading of its counters.
///
/// Every request that passes the cache is counted in one of `hits`, `stale`, `misses` and
/// `bypasses`. Counts are of this process, over all workers and clones of the cache; they only grow,
/// but for the fields that say "now".
///
/// It serializes to a map of its fields, which is stable but for fields that are added. Reasons are
/// maps from their [names](Reason::as_str) to counts, and the three fields `served_stale`,
/// `served_stale_slow` and `served_stale_backing_off` are called `stood_in`, `stood_in_slow` and
/// `stood_in_left_alone` there.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Stats {
    /// Requests that were served a fresh stored response, or a 304 or 206 made of one.
    pub hits: u64,
    /// Requests that were served a stale stored response: while it was revalidated in the
    /// background, because the request accepted that (`max-stale`), or in place of the handler's
    /// response (`served_stale`).
    pub stale: u64,
    /// Of `stale`: requests that were served the stale response in place of the handler's, which
    /// failed, was slow, or had failed a short while before and was not called.
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
    /// request said `only-if-cached`.
    pub misses: u64,
    /// Of `misses`: requests that waited for another request, and were served its response.
    pub collapsed: u64,
    /// Requests that bypassed the cache, by reason. Reasons with no request are left out.
    #[serde(serialize_with = "by_reason")]
    pub bypasses: Vec<(Reason, u64)>,
    /// Responses stored. Each variant of a URL counts, and so does each renewal by a 304.
    pub stores: u64,
    /// Responses to requests that did not bypass the cache which were not stored, by reason. Reasons
    /// with no response are left out; responses to HEAD requests do not count.
    #[serde(serialize_with = "by_reason")]
    pub not_stored: Vec<(Reason, u64)>,
    /// Purges carried out: by handles, by the admin scope, and by unsafe requests, of which each
    /// target counts. Pending ones count too, failed ones do not.
    pub purges: u64,
    /// Responses that purges removed, as far as they were [counted](crate::Purge::counted).
    pub purged: u64,
    /// Failures behind the cache that failed no request: calls to the store that failed, purges that
    /// were left pending, and handlers that panicked without a client.
    pub errors: u64,
    /// Entries in the store now; `None` where the store would have to ask a server.
    pub entries: Option<u64>,
    /// Bytes in the store now; `None` where the store would have to ask a server. In memory they are
    /// the memory that the entries take, with the overhead of tables and allocator.
    pub bytes: Option<u64>,
    /// Handler calls for which other requests may be waiting now.
    pub flights: u64,
    /// Refreshes in the background that run now.
    pub refreshes: u64,
    /// Bytes that are allocated for recordings of streamed responses now.
    pub recorded: u64,
    /// How long it took until a stored response was ready to be sent: a sample of one in 16 hits of
    /// each thread.
    pub hit_times: Histogram,
    /// How long handlers took until the head of their response, or their error. Requests that bypass
    /// the cache are not timed.
    pub handler_times: Histogram,
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
}

fn by_reason<S: Serializer>(counts: &[(Reason, u64)], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(counts.iter().map(|(why, count)| (why.as_str(), count)))
}
