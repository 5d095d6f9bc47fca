//! Settings of how responses are got from handlers: who waits for whom, for how long, and what
//! becomes of it when a handler is slow or fails.

use std::time::Duration;

use super::{cache::ResponseCache, error::ConfigError};

/// How responses are got.
#[derive(Clone, Debug)]
pub(crate) struct Filling {
    /// How long a request waits for another one's answer; zero: not at all.
    pub(crate) coalesce_timeout: Duration,
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
            coalesce_timeout: Duration::from_secs(5),
            failure_pause: Duration::from_secs(1),
            handler_timeout: None,
            answer_stale_after: None,
            finish_fills: None,
            refresh_early: 0.0,
            ttl_jitter: 0.0,
        }
    }
}

/// Slow handlers, handlers that fail, and many requests at once.
impl ResponseCache {
    /// How long a request waits for the answer that another request of the same process has asked
    /// the handler for. Default: 5 s; then it asks the handler itself. Zero: it never waits.
    ///
    /// Only what is stored is shared, and only with requests which the stored response answers.
    pub fn coalesce_timeout(self, timeout: Duration) -> Self {
        self.set(|config| config.filling.coalesce_timeout = timeout)
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
