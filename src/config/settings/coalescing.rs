//! `Coalescing`: which requests wait for the handler call of another.

use std::time::Duration;

use crate::{config::error::ConfigError, engine::flight::CoalescingLimits};

const DEFAULT_LEADERS: u32 = 4;

/// How requests that need the same response wait for one handler call.
///
/// | setting | default |
/// | --- | --- |
/// | [`timeout`](Self::timeout) | 5 s |
/// | [`max_leaders`](Self::max_leaders) | 4 |
///
/// A response is shared with the requests that it answers, under the rules for storing it. Where it
/// turns out that it may not be stored, all requests call the handler, side by side. A stream that
/// goes on for longer than the timeout is not waited for, and not by later requests either.
///
/// ```
/// use std::time::Duration;
/// use actix_response_cache::{Coalescing, ResponseCache};
///
/// let cache = ResponseCache::memory()
///     .coalescing(Coalescing::new().timeout(Duration::from_secs(2)).max_leaders(2));
/// ```
#[must_use = "a setting does nothing until a cache gets it"]
#[derive(Clone, Debug)]
pub struct Coalescing {
    limits: CoalescingLimits,
}

impl Coalescing {
    /// The defaults of the table above.
    pub fn new() -> Self {
        Self {
            limits: CoalescingLimits {
                timeout: Duration::from_secs(5),
                max_leaders: DEFAULT_LEADERS,
            },
        }
    }

    /// How long one handler call may keep the requests waiting that need the same response. Default:
    /// 5 s. Then one of them calls the handler too, and all wait for the call that ends first; at most
    /// [`max_leaders`](Self::max_leaders) calls run for one response, each begun at least this long
    /// after the last. Zero: requests never wait for one another.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.limits.timeout = timeout;
        self
    }

    /// How many handler calls may run at a time for one response, in one process, while requests
    /// wait for it. Default: 4. With 1, a handler call that never ends keeps its followers waiting
    /// until their clients give up.
    ///
    /// # Errors
    ///
    /// Zero keeps the server from starting.
    pub fn max_leaders(mut self, leaders: u32) -> Self {
        self.limits.max_leaders = leaders;
        self
    }

    pub(crate) const fn limits(&self) -> CoalescingLimits {
        self.limits
    }

    /// What is probably not meant.
    pub(crate) fn warning(&self) -> Option<&'static str> {
        let CoalescingLimits { timeout, max_leaders } = self.limits;
        (timeout.is_zero() && max_leaders != DEFAULT_LEADERS).then_some(
            "Coalescing::max_leaders has no effect: with a timeout of zero requests do not wait",
        )
    }

    /// What cannot be used.
    pub(crate) fn error(&self) -> Option<ConfigError> {
        let problem = "is zero: no request could call the handler";
        (self.limits.max_leaders == 0).then(|| ConfigError::new("Coalescing::max_leaders", problem))
    }
}

impl Default for Coalescing {
    fn default() -> Self {
        Self::new()
    }
}
