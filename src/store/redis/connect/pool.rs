//! The connections that there are: one for each runtime.

use std::{
    collections::HashMap,
    sync::{
        Arc, PoisonError, RwLock, RwLockWriteGuard, Weak,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use futures_util::future::{BoxFuture, Shared};
use tokio::{runtime::Id, sync::oneshot};

use super::{connection::Connection, failure::Failure};
use crate::clock::Stopwatch;

/// A process has a runtime for each worker; past so many, connections are made anew.
const MOST_RUNTIMES: usize = 256;

pub(super) type Attempt = Shared<BoxFuture<'static, Result<Connection, Failure>>>;

/// An attempt to connect and, once it is done, the connection.
#[derive(Clone)]
pub(super) struct Line {
    runtime: Id,
    pub(super) number: u64,
    since: Stopwatch,
    pub(super) attempt: Attempt,
    /// Closes when nobody uses the line any more.
    _in_use: Arc<oneshot::Sender<()>>,
}

/// Lines by their runtimes.
#[derive(Default)]
pub(super) struct Lines {
    lines: RwLock<HashMap<Id, Line>>,
    made: AtomicU64,
}

impl Lines {
    /// This runtime's line. Of a new one, made of an attempt, it is told when it is not used any
    /// more; that is for its keeper.
    pub(super) fn get(
        &self,
        runtime: Id,
        attempt: impl FnOnce() -> Attempt,
    ) -> (Line, Option<oneshot::Receiver<()>>) {
        let lines = self.lines.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(line) = lines.get(&runtime) {
            return (line.clone(), None);
        }
        drop(lines);
        let mut lines = self.write();
        if let Some(line) = lines.get(&runtime) {
            return (line.clone(), None);
        }
        if lines.len() >= MOST_RUNTIMES {
            lines.clear();
        }
        let number = self.made.fetch_add(1, Ordering::Relaxed);
        let (in_use, unused) = oneshot::channel();
        let (since, in_use) = (Stopwatch::start(), Arc::new(in_use));
        let line = Line { runtime, number, since, attempt: attempt(), _in_use: in_use };
        lines.insert(runtime, line.clone());
        (line, Some(unused))
    }

    /// Drops a line, unless another has taken its place.
    pub(super) fn forget(&self, gone: &Line) {
        self.forget_number(gone.runtime, gone.number);
    }

    /// [`forget`](Self::forget), for who does not hold the line.
    fn forget_number(&self, runtime: Id, number: u64) {
        self.take(runtime, |line| line.number == number);
    }

    /// Drops whatever line the runtime has, if it is at least as old as this. One that is still being
    /// connected stays: another would take as long.
    pub(super) fn remove(&self, runtime: Id, from_age: Duration) {
        let is_old = |line: &Line| line.since.elapsed() >= from_age;
        self.take(runtime, |line| line.attempt.peek().is_some() && is_old(line));
    }

    fn take(&self, runtime: Id, is_meant: impl FnOnce(&Line) -> bool) {
        let mut lines = self.write();
        let taken =
            if lines.get(&runtime).is_some_and(is_meant) { lines.remove(&runtime) } else { None };
        // what a connection does when it is dropped needs no lock of ours
        drop(lines);
        drop(taken);
    }

    #[cfg(test)]
    pub(super) fn count(&self) -> usize {
        self.lines.read().unwrap_or_else(PoisonError::into_inner).len()
    }

    fn write(&self) -> RwLockWriteGuard<'_, HashMap<Id, Line>> {
        self.lines.write().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Forgets a line when it is dropped. Held by a task of the line's runtime, it is dropped when that
/// ends at the latest.
pub(super) struct Guard {
    lines: Weak<Lines>,
    runtime: Id,
    number: u64,
}

impl Guard {
    pub(super) fn new(lines: &Arc<Lines>, line: &Line) -> Self {
        Self { lines: Arc::downgrade(lines), runtime: line.runtime, number: line.number }
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        if let Some(lines) = self.lines.upgrade() {
            lines.forget_number(self.runtime, self.number);
        }
    }
}
