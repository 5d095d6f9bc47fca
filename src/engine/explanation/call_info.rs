//! The handler calls that run now, as people see them.

use std::{fmt::Write as _, time::Duration};

use serde::Serialize;

use super::seconds;
use crate::key::CacheKey;

/// How many bytes of a key's digest are shown.
const SHOWN: usize = 6;

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
    #[serde(serialize_with = "seconds::plain")]
    pub running: Duration,
}

impl RunningCall {
    pub(crate) fn new(key: &CacheKey, leaders: u32, followers: usize, running: Duration) -> Self {
        Self { url: key.url(), digest: short(key), leaders, followers, running }
    }
}

/// The beginning of the key's digest, in hexadecimal digits.
pub(crate) fn short(key: &CacheKey) -> String {
    let mut digits = String::with_capacity(2 * SHOWN);
    for byte in key.digest().iter().take(SHOWN) {
        // writing to a string cannot fail
        let _ = write!(digits, "{byte:02x}");
    }
    digits
}
