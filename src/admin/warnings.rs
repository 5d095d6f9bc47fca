//! `Warnings`: what `ResponseCache::check` warns of, asked anew from time to time.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use crate::{clock::Clock, config::cache::ResponseCache, semantics::date::Monotonic};

/// How long what was found is shown: Redis is asked for its settings, too.
const CHECK_EVERY: Duration = Duration::from_secs(60);
/// For how long a response waits for the check.
const MAX_WAIT: Duration = Duration::from_millis(200);
/// How many warnings are shown.
const MAX_WARNINGS: usize = 32;

pub(super) struct Warnings {
    cache: ResponseCache,
    found: Mutex<Found>,
}

#[derive(Default)]
struct Found {
    /// When the last check began, on the monotonic clock.
    begun: Option<Monotonic>,
    warnings: Vec<String>,
}

impl Warnings {
    pub(super) fn new(cache: ResponseCache) -> Self {
        Self { cache, found: Mutex::default() }
    }

    /// The warnings of the last check. Where that was long ago, another one is made first. One that takes
    /// too long is left alone until the next is due.
    pub(super) async fn current(&self, clock: &Clock) -> Vec<String> {
        if self.is_due(clock.monotonic()) {
            let check = tokio::time::timeout(MAX_WAIT, self.cache.check()).await;
            if let Ok(Ok(report)) = check {
                let mut warnings = report.warnings;
                warnings.truncate(MAX_WARNINGS);
                self.found().warnings = warnings;
            }
        }
        self.found().warnings.clone()
    }

    /// Whether a check is to be made now. Of several requests at once, the first one makes it.
    fn is_due(&self, now: Monotonic) -> bool {
        let mut found = self.found();
        let is_due = found.begun.is_none_or(|begun| now.since(begun) >= CHECK_EVERY);
        if is_due {
            found.begun = Some(now);
        }
        is_due
    }

    fn found(&self) -> std::sync::MutexGuard<'_, Found> {
        self.found.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
