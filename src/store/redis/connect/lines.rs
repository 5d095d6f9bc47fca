//! The connections that there are: one for each runtime.

use std::{
    collections::HashMap,
    sync::{
        Arc, PoisonError, RwLock, RwLockWriteGuard,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use futures_util::future::{BoxFuture, Shared};
use tokio::{runtime::Id, sync::oneshot};

use super::{Failure, connection::Connection};
use crate::clock::Stopwatch;

/// Runtimes come and go in tests only; past so many, connections are made anew.
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
    /// This runtime's line. A new one is made of an attempt; its number, and what tells that it is
    /// not used any more, are for whoever makes the attempt.
    pub(super) fn get(
        &self,
        runtime: Id,
        attempt: impl FnOnce(u64, oneshot::Receiver<()>) -> Attempt,
    ) -> Line {
        let lines = self.lines.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(line) = lines.get(&runtime) {
            return line.clone();
        }
        drop(lines);
        let mut lines = self.write();
        if lines.len() >= MOST_RUNTIMES {
            lines.clear();
        }
        let make = || {
            let number = self.made.fetch_add(1, Ordering::Relaxed);
            let (in_use, unused) = oneshot::channel();
            let attempt = attempt(number, unused);
            Line { runtime, number, since: Stopwatch::start(), attempt, _in_use: Arc::new(in_use) }
        };
        lines.entry(runtime).or_insert_with(make).clone()
    }

    /// Drops a line, unless another has taken its place.
    pub(super) fn forget(&self, gone: &Line) {
        self.forget_number(gone.runtime, gone.number);
    }

    /// [`forget`](Self::forget), for who does not hold the line.
    pub(super) fn forget_number(&self, runtime: Id, number: u64) {
        let mut lines = self.write();
        if lines.get(&runtime).is_some_and(|line| line.number == number) {
            lines.remove(&runtime);
        }
    }

    /// Drops whatever line the runtime has, if it is at least as old as this.
    pub(super) fn remove(&self, runtime: Id, from_age: Duration) {
        let mut lines = self.write();
        if lines.get(&runtime).is_some_and(|line| line.since.elapsed() >= from_age) {
            lines.remove(&runtime);
        }
    }

    fn write(&self) -> RwLockWriteGuard<'_, HashMap<Id, Line>> {
        self.lines.write().unwrap_or_else(PoisonError::into_inner)
    }
}
