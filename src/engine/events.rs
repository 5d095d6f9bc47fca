//! What has happened, counted and told to the log: at a bounded rate where it may happen often.

use std::{sync::atomic::Ordering, time::Duration};

use super::state::Engine;
use crate::{
    semantics::verdict::{Reason, StaleCause},
    store::{StoreError, StoreErrorKind},
};

impl Engine {
    /// A stale response is served instead of the handler's: counted and logged, so that failures
    /// are not hidden.
    pub(crate) fn serves_stale(&self, cause: StaleCause, past: Duration) {
        self.counters.stood_in(cause);
        match cause {
            StaleCause::Failed(status) => {
                if let Some(quiet) = self.failures.tells() {
                    tracing::warn!(?status, ?past, quiet, "a handler failed; served stale");
                }
            }
            StaleCause::Slow => {
                if let Some(quiet) = self.slow_handlers.tells() {
                    tracing::warn!(?past, quiet, "a handler is slow; served stale");
                }
            }
            StaleCause::LeftAlone => {
                tracing::debug!(?past, "a handler is left alone after a failure; served stale");
            }
        }
    }

    /// A request bypasses for its forwarding fields. Behind a proxy that always sets them every
    /// request does, and nothing is ever stored: so the log is told once.
    pub(crate) fn bypassed_for_forwarded(&self) {
        if !self.has_told_of_forwarded.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                "response cache: a request with `Forwarded` or `X-Forwarded-*` bypasses the cache. \
                 Behind a proxy that sets these headers, say `trust_forwarded`; where no handler \
                 reads them, `ignore_forwarded`"
            );
        }
    }

    /// Whether a response that begins to be stored now is expected to arrive in the store. It is
    /// answered before that is known; so what counts is what became of the last one.
    pub(crate) fn expects_to_store(&self) -> bool {
        !self.refuses.load(Ordering::Relaxed)
    }

    pub(super) fn stored(&self) {
        self.counters.stored();
        if !self.expects_to_store() {
            self.refuses.store(false, Ordering::Relaxed);
        }
    }

    /// The store has not taken an entry. One that answers and refuses may do so for ever, and only
    /// the log says why.
    pub(super) fn not_stored(&self, error: &StoreError) -> Reason {
        if error.kind() == StoreErrorKind::Refused {
            self.refuses.store(true, Ordering::Relaxed);
            if let Some(quiet) = self.refusals.tells() {
                let cause = std::error::Error::source(error);
                tracing::warn!(
                    store = self.store.name(),
                    cause,
                    quiet,
                    "the store refuses entries"
                );
            }
        }
        self.failed("store", error)
    }

    /// A store's failure is counted and told to the log, never to the client.
    pub(super) fn failed(&self, doing: &'static str, error: &StoreError) -> Reason {
        self.counters.error();
        let cause = std::error::Error::source(error);
        tracing::debug!(store = self.store.name(), %error, ?cause, "could not {doing}");
        Reason::StoreFailed
    }
}
