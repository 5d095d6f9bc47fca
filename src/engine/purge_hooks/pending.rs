//! What one hook has yet to be told: a bounded queue, and what became of what was in it.

use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use super::{hook::AnyPurgeHook, notice::PurgeNotice};
use crate::{
    clock::Clock,
    engine::stats::{LastError, PurgeHookStats},
    purge::{Purge, queue::PurgeQueue},
};

/// How many purges are kept; more become one of everything.
const MAX_PURGES: usize = 512;
/// How many purges are told of together. Purges by tag of some CDNs take no more at a time.
const MAX_TARGETS: usize = 30;

/// One hook, with what it has yet to be told.
pub(super) struct PendingNotices {
    hook: AnyPurgeHook,
    name: String,
    clock: Clock,
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Default)]
struct State {
    queued: PurgeQueue,
    /// What the hook is being told of. Another purge of the same has to be told again.
    current: Vec<Purge>,
    /// Whether a thread tells it.
    is_running: bool,
    /// The cache is gone: nothing is tried again.
    is_closed: bool,
    /// Whether the last attempt failed, and the log has been told so.
    is_failing: bool,
    delivered: u64,
    failures: u64,
    last_error: Option<LastError>,
}

/// What is to be done after an attempt.
pub(super) enum Next {
    /// The next notice, if there is one, comes at once.
    GoOn,
    /// The same is tried again in a while.
    Pause,
    /// The cache is gone.
    End,
}

impl PendingNotices {
    pub(super) fn new(hook: AnyPurgeHook, name: String, clock: Clock) -> Self {
        Self { hook, name, clock, state: Mutex::default(), changed: Notify::new() }
    }

    pub(super) fn hook(&self) -> &AnyPurgeHook {
        &self.hook
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Adds purges to what the hook is to be told. `true` where a thread has to be begun for that.
    pub(super) fn add(&self, purges: &[Purge]) -> bool {
        let mut state = self.lock();
        for purge in purges {
            state.queued.add(purge.clone(), MAX_PURGES);
        }
        self.changed.notify_one();
        !std::mem::replace(&mut state.is_running, true)
    }

    /// There is no thread for it, for this reason; the next purge tries to begin one.
    pub(super) fn has_no_thread(&self, problem: &str) {
        self.failed(problem);
        self.lock().is_running = false;
    }

    /// The cache is gone: what waits is tried once more.
    pub(super) fn close(&self) {
        self.lock().is_closed = true;
        self.changed.notify_one();
    }

    /// The next notice, when there is one; `None` when there will be none.
    pub(super) async fn next(&self) -> Option<PurgeNotice> {
        loop {
            {
                let mut state = self.lock();
                if state.current.is_empty() {
                    state.current = state.queued.pop_alike(MAX_TARGETS);
                }
                if !state.current.is_empty() {
                    return Some(PurgeNotice::new(&state.current));
                }
                if state.is_closed {
                    return None;
                }
            }
            self.changed.notified().await;
        }
    }

    /// Waits until the cache is gone.
    pub(super) async fn closed(&self) {
        while !self.lock().is_closed {
            self.changed.notified().await;
        }
    }

    /// The hook has been told.
    pub(super) fn succeeded(&self) -> Next {
        let mut state = self.lock();
        state.current.clear();
        state.delivered += 1;
        if std::mem::take(&mut state.is_failing) {
            tracing::info!(
                hook = self.name,
                "a purge hook works again, and is told what it missed"
            );
        }
        Next::GoOn
    }

    /// The hook could not be told: what it was told of is first in the queue again, where purges of
    /// the same that came meanwhile are merged with it.
    pub(super) fn failed(&self, problem: &str) -> Next {
        let at = self.clock.now().into();
        let mut state = self.lock();
        let later = std::mem::take(&mut state.queued);
        let first = std::mem::take(&mut state.current);
        for purge in first.iter().chain(later.iter()) {
            state.queued.add(purge.clone(), MAX_PURGES);
        }
        state.failures += 1;
        let doing = "tell a purge hook";
        state.last_error = Some(LastError { at, doing, problem: problem.to_owned() });
        if std::mem::replace(&mut state.is_failing, true) {
            tracing::debug!(hook = self.name, problem, "a purge hook failed again");
        } else {
            tracing::warn!(
                hook = self.name,
                problem,
                "a purge hook failed: it is told of this purge and of those that follow when it works \
                 again"
            );
        }
        if state.is_closed { Next::End } else { Next::Pause }
    }

    pub(super) fn stats(&self) -> PurgeHookStats {
        let state = self.lock();
        PurgeHookStats {
            hook: self.name.clone(),
            pending: (state.queued.len() + state.current.len()) as u64,
            delivered: state.delivered,
            failures: state.failures,
            last_error: state.last_error.clone(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
