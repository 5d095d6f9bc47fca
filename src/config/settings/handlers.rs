//! `HandlerPolicy`: what the cache does when handlers are slow, fail or are no longer waited for.

use std::time::Duration;

use super::bounds::not_negative;
use crate::config::error::ConfigError;

/// Whether a panic can be caught in this program, or ends it.
pub(crate) const CAN_UNWIND: bool = cfg!(not(panic = "abort"));

/// How handlers are called: for how long they are waited for, and what happens after a failure.
///
/// | setting | default |
/// | --- | --- |
/// | [`soft_timeout`](Self::soft_timeout) | none |
/// | [`hard_timeout`](Self::hard_timeout) | none |
/// | [`finish_on_disconnect`](Self::finish_on_disconnect) | no: what is not sent to its end is not stored |
/// | [`failure_backoff`](Self::failure_backoff) | 1 s; zero under [`Compliance::strict`](crate::Compliance::strict) |
/// | [`background_refresh`](Self::background_refresh) | `true`; `false` in a program built with `panic = "abort"` |
/// | [`early_refresh`](Self::early_refresh) | 0: never |
/// | [`max_handlers`](Self::max_handlers) | no limit |
///
/// ```
/// use std::time::Duration;
/// use actix_response_cache::{HandlerPolicy, ResponseCache};
///
/// let cache = ResponseCache::memory().stale_if_error(Duration::from_secs(3600)).handlers(
///     HandlerPolicy::new()
///         .soft_timeout(Duration::from_millis(500))
///         .hard_timeout(Duration::from_secs(10))
///         .finish_on_disconnect(Duration::from_secs(30)),
/// );
/// ```
#[must_use = "a setting does nothing until a cache gets it"]
#[derive(Clone, Debug)]
pub struct HandlerPolicy {
    pub(crate) soft_timeout: Option<Duration>,
    pub(crate) hard_timeout: Option<Duration>,
    pub(crate) finish_on_disconnect: Option<Duration>,
    pub(crate) background_refresh: bool,
    pub(crate) early_refresh: f64,
    pub(crate) max_handlers: Option<usize>,
    failure_backoff: Option<Duration>,
}

impl HandlerPolicy {
    /// The defaults of the table above.
    pub fn new() -> Self {
        Self {
            soft_timeout: None,
            hard_timeout: None,
            finish_on_disconnect: None,
            background_refresh: CAN_UNWIND,
            early_refresh: 0.0,
            max_handlers: None,
            failure_backoff: None,
        }
    }

    /// After which time a stale response is served in place of a handler that is still at work, where
    /// [`stale_if_error`](crate::ResponseCache::stale_if_error) would allow it if the handler failed.
    /// The handler goes on, and its response is stored. Default: never.
    ///
    /// actix has one handle to a request, and the handler has it: so middleware outside the cache
    /// sees the stale response as an error that carries a response, as those of extractors do. A
    /// request with `Origin` waits for its handler, as CORS middleware adds nothing to errors.
    pub fn soft_timeout(mut self, timeout: impl Into<Option<Duration>>) -> Self {
        self.soft_timeout = timeout.into();
        self
    }

    /// How long a handler may take for the head of its response where a stale response may be served
    /// under [`stale_if_error`](crate::ResponseCache::stale_if_error): then it counts as failed and
    /// is dropped. Default: no limit. A request that no stored response can answer waits for its
    /// handler.
    pub fn hard_timeout(mut self, timeout: impl Into<Option<Duration>>) -> Self {
        self.hard_timeout = timeout.into();
        self
    }

    /// Lets the handler finish, and stores its response, when the client goes away: `within` this
    /// time from then on, and its body in as long again; at most 1,024 handlers at a time. Default:
    /// what is not sent to its end is not stored.
    pub fn finish_on_disconnect(mut self, within: impl Into<Option<Duration>>) -> Self {
        self.finish_on_disconnect = within.into();
        self
    }

    /// How long a handler that has failed is not called while a stale response may be served in its
    /// place: under [`stale_if_error`](crate::ResponseCache::stale_if_error), and before another
    /// refresh in the background. Default: 1 s. Zero: every request calls it.
    pub fn failure_backoff(mut self, backoff: Duration) -> Self {
        self.failure_backoff = Some(backoff);
        self
    }

    /// Whether a stale response within its
    /// [`stale_while_revalidate`](crate::ResponseCache::stale_while_revalidate) window is served at
    /// once and refreshed in the background. Default: `true`. With `false` the handler is called
    /// first, and the stale response is served where it fails.
    ///
    /// In a program built with `panic = "abort"` the default is `false`: actix panics where a
    /// middleware outside of the cache keeps a handle to a request that was answered, and that would
    /// end the process. Set `true` where none does.
    pub fn background_refresh(mut self, on: bool) -> Self {
        self.background_refresh = on;
        self
    }

    /// Refreshes in the background of a hit shortly before the response expires, so that one which
    /// is often asked for never does. How shortly is chosen at random, in proportion to how long the
    /// handler took and to `factor`: 1 is a good choice, more is earlier. Default: 0, never.
    ///
    /// The method is that of "Optimal Probabilistic Cache Stampede Prevention" (Vattani, Chierichetti
    /// and Lowenstein, 2015), known as `XFetch`.
    ///
    /// # Errors
    ///
    /// A negative factor, or one that is no number, keeps the server from starting.
    pub fn early_refresh(mut self, factor: f64) -> Self {
        self.early_refresh = factor;
        self
    }

    /// How many handlers run at a time for this cache, over all workers of the process and all clones that
    /// set a limit. Past that, a request which needs its handler is served the stale response where
    /// [`stale_if_error`](crate::ResponseCache::stale_if_error) would allow it if the handler failed, or
    /// else **503 with `Retry-After: 1`**; its reason is
    /// [`Reason::Overloaded`](crate::Reason::Overloaded). No request waits for a place. Default: no limit.
    ///
    /// A handler counts from its call until the head of its response, until it fails, panics or is dropped;
    /// not while its body streams. Refreshes in the background count too, and handlers that
    /// [finish without their client](Self::finish_on_disconnect). Hits, requests that wait for the handler
    /// call of another one, and requests that bypass the cache do not: those call their handlers whatever
    /// the number.
    ///
    /// # Errors
    ///
    /// Zero keeps the server from starting: nothing would ever be stored.
    pub fn max_handlers(mut self, max: impl Into<Option<usize>>) -> Self {
        self.max_handlers = max.into();
        self
    }

    /// The backoff where nothing is set, or what is set.
    pub(crate) fn backoff_or(&self, default: Duration) -> Duration {
        self.failure_backoff.unwrap_or(default)
    }

    /// What cannot be used.
    pub(crate) fn error(&self) -> Option<ConfigError> {
        let no_handlers = self.max_handlers == Some(0);
        let no_handlers = no_handlers.then(|| {
            ConfigError::new("HandlerPolicy::max_handlers", "is zero: no handler could be called")
        });
        no_handlers.or(not_negative("HandlerPolicy::early_refresh", self.early_refresh))
    }

    /// What is probably not meant.
    pub(crate) fn warnings(&self) -> Vec<&'static str> {
        let mut warnings = Vec::new();
        match (CAN_UNWIND, self.background_refresh) {
            (false, false) => warnings.push(
                "a panic ends this program (panic = \"abort\"): stale responses are validated before \
                 they are served, and without conditions; see HandlerPolicy::background_refresh",
            ),
            (false, true) => warnings.push(
                "a panic ends this program (panic = \"abort\"), and actix panics at a refresh in the \
                 background where a middleware outside of the cache still holds the request",
            ),
            (true, false) if self.early_refresh > 0.0 => warnings.push(
                "HandlerPolicy::early_refresh has no effect without background_refresh",
            ),
            (true, _) => {}
        }
        if let (Some(soft), Some(hard)) = (self.soft_timeout, self.hard_timeout)
            && hard <= soft
        {
            warnings.push(
                "HandlerPolicy::soft_timeout has no effect: the hard timeout is no longer than it",
            );
        }
        warnings
    }
}

impl Default for HandlerPolicy {
    fn default() -> Self {
        Self::new()
    }
}
