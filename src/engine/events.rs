//! Counts what happens, and logs it: at a bounded rate where it may happen with every request.

use std::{
    error::Error as _,
    sync::{MutexGuard, PoisonError, atomic::Ordering},
    time::Duration,
};

use super::{
    event::CacheEvent,
    state::Engine,
    stats::{LastError, RefreshResult},
};
use crate::{
    entry::Entry,
    key::CacheKey,
    semantics::emitted_groups::EmittedGroups,
    semantics::verdict::{Reason, StaleCause},
    store::{StoreError, StoreErrorKind},
};

impl Engine {
    /// A stale response is served instead of the handler's. Without the log line, the failure of the
    /// handler would go unnoticed.
    pub(crate) fn served_stale(&self, cause: StaleCause, past: Duration, path: &str) {
        match cause {
            StaleCause::Failed(status) => {
                if let Some(suppressed) = self.failed_handler_log.allow() {
                    tracing::warn!(
                        path,
                        status,
                        ?past,
                        suppressed,
                        "a handler failed; served stale"
                    );
                }
            }
            StaleCause::Slow => {
                if let Some(suppressed) = self.slow_handler_log.allow() {
                    tracing::warn!(path, ?past, suppressed, "a handler is slow; served stale");
                }
            }
            StaleCause::Overloaded => self.overloaded(path),
            StaleCause::BackingOff => {
                tracing::debug!(
                    path,
                    ?past,
                    "a handler failed a moment ago and is not called; served stale"
                );
            }
        }
    }

    /// A handler is not called, as too many run.
    pub(crate) fn overloaded(&self, path: &str) {
        if let Some(suppressed) = self.overloaded_log.allow() {
            let running = self.running_handlers.len();
            tracing::warn!(
                path,
                running,
                suppressed,
                "as many handlers run as may; none is called"
            );
        }
    }

    /// A refresh in the background has ended.
    pub(crate) fn refreshed(&self, result: RefreshResult, path: &str) {
        self.counters.refreshed(result);
        self.listeners.report(|| CacheEvent::refreshed(result, path));
        match result {
            RefreshResult::Failed => {
                if let Some(suppressed) = self.failed_refresh_log.allow() {
                    tracing::warn!(path, suppressed, "a refresh in the background failed");
                }
            }
            RefreshResult::Panicked => {
                self.counters.error();
                tracing::error!(path, "a refresh in the background panicked");
            }
            RefreshResult::Succeeded | RefreshResult::Skipped | RefreshResult::Overloaded => {}
        }
    }

    /// A handler has chosen a named policy that does not exist.
    pub(crate) fn chose_unknown_policy(&self, policy: &str) {
        if let Some(suppressed) = self.unknown_policy_log.allow() {
            tracing::warn!(
                policy,
                suppressed,
                "a handler chose a named policy that does not exist; its response is not stored"
            );
        }
    }

    /// A request bypasses the cache for its forwarding headers. Behind a proxy that always sets them
    /// every request does, and nothing is ever stored. The log says so once.
    pub(crate) fn bypassed_for_forwarded(&self) {
        if !self.has_warned_of_forwarded.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                "response cache: a request with `Forwarded` or `X-Forwarded-*` bypasses the cache. \
                 Behind a proxy that sets these headers, set `Compliance::forwarded(Forwarded::Trust)`; \
                 where no handler reads them, `Forwarded::Ignore`"
            );
        }
    }

    /// Groups of a response do not fit into the header that tells them: a purge of one of them misses
    /// the response in caches downstream.
    pub(crate) fn left_out_groups(&self, header: &EmittedGroups) {
        if !self.has_warned_of_groups.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                header = %header.name,
                at_most = header.max_bytes,
                "response cache: groups of a response do not fit into their header and are left out: \
                 caches downstream do not know them (`Responses::emit_groups_at_most`)"
            );
        }
    }

    /// Whether the store is expected to take a response. `Cache-Status` is sent before that is
    /// known, so it goes by what became of the last one.
    pub(crate) fn expects_to_store(&self) -> bool {
        !self.store_refuses.load(Ordering::Relaxed)
    }

    /// The store has taken an entry.
    pub(super) fn stored(&self, entry: &Entry) {
        self.counters.stored();
        if let Some(response) = entry.response() {
            self.listeners.report(|| CacheEvent::stored(entry, response));
        }
        if !self.expects_to_store() {
            self.store_refuses.store(false, Ordering::Relaxed);
        }
    }

    /// The response for this key is not stored.
    pub(super) fn left_out(&self, why: Reason, key: &CacheKey) {
        self.counters.not_stored(why);
        self.listeners.report(|| CacheEvent::not_stored(why, key));
    }

    /// The store has not taken an entry. One that refuses each entry would otherwise go unnoticed:
    /// every request is a miss, and none of them fails.
    pub(super) fn not_stored(&self, error: &StoreError) -> Reason {
        if error.kind() == StoreErrorKind::Refused {
            self.store_refuses.store(true, Ordering::Relaxed);
            if let Some(suppressed) = self.refused_entry_log.allow() {
                let (store, cause) = (self.store.name(), error.source());
                tracing::warn!(store, cause, suppressed, "the store refuses entries");
            }
        }
        self.store_failed("store", error)
    }

    /// A call to the store failed. It is counted and logged, and never fails a request.
    pub(super) fn store_failed(&self, doing: &'static str, error: &StoreError) -> Reason {
        self.counters.error();
        let cause = error.source();
        tracing::debug!(store = self.store.name(), %error, ?cause, "could not {doing}");
        let problem = cause.map_or_else(|| error.to_string(), |cause| format!("{error}: {cause}"));
        let at = self.clock.now().into();
        *self.lock_last_error() = Some(LastError { at, doing, problem });
        Reason::StoreFailed
    }

    /// The last failure of the store.
    pub(super) fn last_error(&self) -> Option<LastError> {
        self.lock_last_error().clone()
    }

    fn lock_last_error(&self) -> MutexGuard<'_, Option<LastError>> {
        self.last_error.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
