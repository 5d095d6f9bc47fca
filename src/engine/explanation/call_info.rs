//! The handler calls that run now, as people see them.

use std::time::Duration;

use serde::Serialize;

use crate::{counting::serialized::seconds, key::CacheKey};

/// Handler calls for one response that run now, and the requests that wait for them: from
/// [`CacheHandle::flights`](crate::CacheHandle::flights).
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RunningCall {
    /// Host, path and query of the key.
    pub url: String,
    /// What tells the key from others of the same URL: the beginning of its digest.
    pub digest: String,
    /// How many handler calls run for it.
    pub leaders: u32,
    /// How many requests wait for them.
    pub followers: usize,
    /// Since when the first of them has been running.
    #[serde(serialize_with = "seconds")]
    pub running: Duration,
}

impl RunningCall {
    pub(crate) fn new(key: &CacheKey, leaders: u32, followers: usize, running: Duration) -> Self {
        Self { url: key.url(), digest: key.short_digest(), leaders, followers, running }
    }
}
