//! Settings of how responses are got from handlers: who waits for whom, for how long, and what
//! becomes of it when a handler is slow or fails.

use std::time::Duration;

use super::{cache::ResponseCache, error::ConfigError};
use crate::engine::flight::Coalescing;

/// Whether a panic can be caught in this program, or ends it.
pub(crate) const CAN_UNWIND: bool = cfg!(not(panic = "abort"));

/// How responses are got.
#[derive(Clone, Debug)]
pub(crate) struct Filling {
    /// How requests wait for one another.
    pub(crate) coalescing: Coalescing,
    /// Whether stale responses are refreshed behind answers.
    pub(crate) background_refresh: bool,
    /// How long a handler that has failed is left alone.
    pub(crate) failure_pause: Duration,
    /// How long a handler may take where a stale response can stand in.
    pub(crate) handler_timeout: Option<Duration>,
    /// When a stale response is given in place of a handler that is still at work.
    pub(crate) answer_stale_after: Option<Duration>,
    /// How long a fill may go on without its client.
    pub(crate) finish_fills: Option<Duration>,
    /// How early hits refresh; zero: never.
    pub(crate) refresh_early: f64,
    /// By up to which part lifetimes are shortened.
    pub(crate) ttl_jitter: f64,
}

impl Default for Filling {
    fn default() -> Self {
        Self {
            coalescing: Coalescing { timeout: Duration::from_secs(5), max_leaders: 4 },
            background_refresh: CAN_UNWIND,
            failure_pause: Duration::from_secs(1),
            handler_timeout: None,
            answer_stale_after: None,
            finish_fills: None,
            refresh_early: 0.0,
            ttl_jitter: 0.0,
        }
    }
}

impl Filling {
    /// What is probably not meant.
    pub(super) fn warning(&self) -> Option<&'static str> {
        match (CAN_UNWIND, self.background_refresh) {
            (false, false) => Some(
                "a panic ends this program (panic = \"abort\"): stale responses are validated before \
                 they are served, and without conditions; see background_refresh",
            ),
            (false, true) => Some(
                "a panic ends this program (panic = \"abort\"), and actix panics at a refresh behind an \
                 answer where a middleware outside of the cache still holds the request",
            ),
            (true, false) if self.refresh_early > 0.0 => {
                Some("refresh_early has no effect without background_refresh")
            }
            (true, _) => None,
        }
    }
}

/// Slow handlers, handlers that fail, and many requests at once.
impl ResponseCache {
    /// How long one handler call may keep the requests waiting that need the same response. Default:
    /// 5 s. Then one of them asks the handler too, and all wait for the call that ends first; at most
    /// [`max_leaders`](Self::max_leaders) calls run for one response, each at least this long after
    /// the last. Zero: requests never wait for one another.
    ///
    /// A response is shared with the requests that it answers, under the rules for storing it. Where
    /// it turns out that it may not be stored, all requests ask the handler, side by side. A stream
    /// that goes on for longer than this is not waited for, and not by later requests either.
    pub fn coalesce_timeout(self, timeout: Duration) -> Self {
        self.set(|config| config.filling.coalescing.timeout = timeout)
    }

    /// How many handler calls may run at a time for one response, in one process, while requests
    /// wait for it: see [`coalesce_timeout`](Self::coalesce_timeout). Default: 4. With 1, a handler
    /// call that never ends keeps its followers waiting until their clients give up.
    ///
    /// Zero is an error: the server does not start.
    pub fn max_leaders(self, leaders: u32) -> Self {
        let leaders = match leaders {
            0 => Err(ConfigError::new("max_leaders", "is zero: no request could ask the handler")),
            leaders => Ok(leaders),
        };
        self.set_with(leaders, |config, leaders| config.filling.coalescing.max_leaders = leaders)
    }

    /// Whether a stale response within its
    /// [`stale_while_revalidate`](Self::stale_while_revalidate) window is served at once and
    /// refreshed behind the answer. Default: `true`. With `false` the handler is asked first, and
    /// the stale response is served where it fails.
    ///
    /// In a program built with `panic = "abort"` the default is `false`: actix panics where a
    /// middleware outside of the cache keeps a handle to a request that was answered, and that would
    /// end the process. Say `true` where none does.
    pub fn background_refresh(self, refreshes: bool) -> Self {
        self.set(|config| config.filling.background_refresh = refreshes)
    }

    /// How long a handler that has failed is left alone while a stale response may be given in its
    /// place: under [`stale_if_error`](Self::stale_if_error), and before another refresh behind an
    /// answer. Default: 1 s. Zero: it is asked by every request.
    pub fn pause_after_failure(self, pause: Duration) -> Self {
        self.set(|config| config.filling.failure_pause = pause)
    }

    /// How long a handler may take for the head of its answer where a stale response may be given
    /// under [`stale_if_error`](Self::stale_if_error): then it counts as failed and is dropped.
    /// Default: no limit. A request that no stored response can answer waits for its handler.
    pub fn handler_timeout(self, timeout: Duration) -> Self {
        self.set(|config| config.filling.handler_timeout = Some(timeout))
    }

    /// After which time a stale response is given in place of a handler that is still at work, where
    /// [`stale_if_error`](Self::stale_if_error) would allow it if the handler failed. The handler
    /// goes on, and its answer is stored. Default: never.
    ///
    /// actix has one handle to a request, and the handler has it: so middleware outside the cache
    /// sees the stale response as an error that carries a response, as those of extractors do. A
    /// request with `Origin` waits for its handler, as CORS middleware adds nothing to errors.
    pub fn answer_stale_after(self, time: Duration) -> Self {
        self.set(|config| config.filling.answer_stale_after = Some(time))
    }

    /// Lets the handler finish, and stores its answer, when the client goes away: `within` this time
    /// from then on, and its body in as long again; at most 1,024 handlers at a time. Default: what is
    /// not sent to its end is not stored.
    pub fn finish_fills(self, within: Duration) -> Self {
        self.set(|config| config.filling.finish_fills = Some(within))
    }

    /// Refreshes behind a hit shortly before the response expires, so that one which is asked for
    /// often never does. How shortly is chosen at random, in proportion to how long the handler
    /// took and to `factor`: 1 is a good choice, more is earlier. Default: 0, never.
    ///
    /// The method is that of "Optimal Probabilistic Cache Stampede Prevention" (Vattani, Chierichetti
    /// and Lowenstein, 2015), known as `XFetch`.
    pub fn refresh_early(self, factor: f64) -> Self {
        let factor = bounded("refresh_early", factor, f64::MAX);
        self.set_with(factor, |config, factor| config.filling.refresh_early = factor)
    }

    /// Shortens each stored response's lifetime at random by up to this part of it, from 0 to 1, so
    /// that what was stored together does not expire together. Default: 0.
    pub fn ttl_jitter(self, part: f64) -> Self {
        let part = bounded("ttl_jitter", part, 1.0);
        self.set_with(part, |config, part| config.filling.ttl_jitter = part)
    }

    /// How many bytes may be allocated for recordings of streams at a time, over all requests.
    /// Default: 64 MiB. A recording takes up to twice what has come of its body; a stream that finds no
    /// room passes without being stored.
    ///
    /// A setting of the store, which all clones share: a clone that sets another value than the one
    /// used first keeps the server from starting.
    pub fn recording_budget(self, bytes: usize) -> Self {
        self.set(|config| config.storage.recording_budget = bytes)
    }
}

fn bounded(setting: &'static str, value: f64, most: f64) -> Result<f64, ConfigError> {
    if (0.0..=most).contains(&value) {
        return Ok(value);
    }
    let problem = if most < f64::MAX {
        format!("{value} is not between 0 and {most}")
    } else {
        format!("{value} is not a number from 0 up")
    };
    Err(ConfigError::new(setting, problem))
}
