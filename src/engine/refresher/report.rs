//! What became of refreshes that were asked for.

use serde::Serialize;

use crate::semantics::verdict::Reason;

/// What became of the URLs of a [`CacheHandle::refresh`](crate::CacheHandle::refresh), in their order.
#[non_exhaustive]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct RefreshReport {
    /// Each URL with its outcome.
    pub urls: Vec<RefreshedUrl>,
}

/// What became of one URL.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RefreshedUrl {
    /// The URL as it was given.
    pub url: String,
    /// What became of it.
    #[serde(flatten)]
    pub outcome: RefreshOutcome,
}

/// What became of the refresh of one URL.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "outcome", content = "why", rename_all = "kebab-case")]
pub enum RefreshOutcome {
    /// The response is stored.
    Stored,
    /// The response is not stored, for this reason; or the request is none for the cache.
    NotStored(Reason),
    /// The handler has failed, with this status or error.
    Failed(String),
    /// The URL or a header cannot be used: this is wrong.
    BadRequest(String),
    /// No worker could run it in time: none has had a request that it can be run with. See
    /// [`CacheHandle::refresh`](crate::CacheHandle::refresh).
    NotReady,
}

impl RefreshReport {
    /// How many responses were stored.
    pub fn stored(&self) -> usize {
        self.urls.iter().filter(|url| url.outcome == RefreshOutcome::Stored).count()
    }
}
